#include "hosting/mx_lint.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace postseal::hosting {
namespace {

MxPatterns patterns(std::string_view text) {
    MxPatterns out;
    for (const std::string_view one : split(text, ' ')) {
        if (!one.empty()) {
            out.push_back(mtasts::MxPattern::parse(one).value());
        }
    }
    return out;
}

std::vector<dns::Name> names(std::string_view text) {
    std::vector<dns::Name> out;
    for (const std::string_view one : split(text, ' ')) {
        if (!one.empty()) {
            out.push_back(dns::Name::parse(one).value());
        }
    }
    return out;
}

std::string text_of(const MxPatterns& list) {
    std::vector<std::string> texts;
    for (const auto& pattern : list) {
        texts.push_back(pattern.text());
    }
    return join(texts, " ");
}

// RFC 8461 §10.4: a policy is worth what its narrowest name is.
TEST(MxLint, says_what_is_too_wide_too_narrow_and_useless) {
    struct {
        const char* policy;
        const char* hosts;
        const char* approved;
        const char* codes;  // worst first
        const char* fix;    // of the first finding; "-": none
        const char* why;
    } const cases[] = {
        {"mx1.example.com mx2.example.com", "mx1.example.com mx2.example.com", "", "", "-", "as it should be"},
        {"mx1.example.com", "mx1.example.com mx2.example.com", "", "mx-not-covered", "mx1.example.com mx2.example.com",
         "the second would be cut off"},
        {"*.com", "mx1.example.com", "", "mx-not-covered mx-wildcard-public", "*.com mx1.example.com",
         "everybody's, and not even one's own"},
        {"*.co.uk", "mx.example.com", "", "mx-not-covered mx-wildcard-public", "*.co.uk mx.example.com", "both wrong"},
        {"*.github.io mx1.example.com", "mx1.example.com", "", "mx-wildcard-public", "mx1.example.com",
         "the private part of the list: anybody's pages"},
        {"*.hoster.example", "mx1.hoster.example mx2.hoster.example", "", "mx-wildcard-foreign",
         "mx1.hoster.example mx2.hoster.example", "other customers have names there"},
        {"*.hoster.example", "mx1.hoster.example mx2.hoster.example", "hoster.example", "", "-",
         "the owner vouched for it"},
        {"*.mail.protection.outlook.com", "contoso-com.mail.protection.outlook.com", "", "", "-",
         "Microsoft runs all of it, and recommends it"},
        {"*.outlook.com", "contoso.outlook.com", "", "mx-wildcard-foreign", "contoso.outlook.com",
         "wider than what the provider runs for mail"},
        {"*.example.com", "mx1.example.com mx2.example.com", "", "", "-", "one's own, and needed twice"},
        {"*.example.com", "mx1.example.com", "", "mx-wildcard-single", "mx1.example.com", "one's own, needed once"},
        {"mx1.example.com old.example.com", "mx1.example.com", "", "mx-pattern-unused", "mx1.example.com",
         "the policy of years ago"},
        {"old.example.com", "", "", "", "-", "the hosts are not known: nothing is said about use"},
        {"*.com", "", "", "mx-wildcard-public", "-", "what is wrong by itself is said all the same, without a fix"},
        {"*.example.com mx1.example.com", "mx1.example.com mx2.example.com", "", "mx-pattern-redundant",
         "*.example.com", "said twice"},
        {"*.example.com", "a.b.example.com", "", "mx-not-covered mx-pattern-unused", "*.example.com a.b.example.com",
         "a wildcard is one label"},
        {"old.example.com", "mx1.example.com", "", "mx-not-covered mx-pattern-unused",
         "old.example.com mx1.example.com", "a migration that nobody told the policy of"},
    };
    for (const auto& one : cases) {
        const auto found = lint_mx(
            {dns::Name::parse("example.com").value(), patterns(one.policy), names(one.hosts), names(one.approved)});
        std::vector<std::string> codes;
        for (const MxFinding& finding : found) {
            codes.push_back(finding.code);
            EXPECT_FALSE(finding.message.empty());
            EXPECT_NE(finding.pattern.empty(), finding.host.empty()) << "about one or the other";
            if (finding.fix) {
                EXPECT_FALSE(finding.fix->empty()) << one.policy << ": a fix never empties the policy";
            }
        }
        EXPECT_EQ(join(codes, " "), one.codes) << one.policy << " beside " << one.hosts << ": " << one.why;
        if (!found.empty()) {
            EXPECT_EQ(found[0].fix ? text_of(*found[0].fix) : "-", one.fix) << one.policy << ": " << one.why;
        }
    }
}

// Taking every fix ends in a policy that covers every host and in which nothing is wrong any more.
TEST(MxLint, the_fixes_lead_to_a_clean_policy) {
    const auto hosts = names("mx1.example.com mx2.hoster.example aspmx.l.google.com");
    MxPatterns policy = patterns("*.com *.hoster.example old.example.com *.example.com");
    for (int i = 0; i < 10; ++i) {
        const auto found = lint_mx({dns::Name::parse("example.com").value(), policy, hosts, {}});
        const auto fixable =
            std::find_if(found.begin(), found.end(), [](const MxFinding& one) { return one.fix.has_value(); });
        if (fixable == found.end()) {
            EXPECT_TRUE(found.empty());
            break;
        }
        policy = *fixable->fix;
    }
    for (const dns::Name& host : hosts) {
        EXPECT_TRUE(covers(policy, host)) << host.text();
    }
    EXPECT_EQ(policy.size(), 3U) << text_of(policy);
}

}  // namespace
}  // namespace postseal::hosting
