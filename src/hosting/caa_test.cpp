#include "hosting/caa.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

TEST(Caa, issue_values) {
    // RFC 8659 §4.2
    struct Case {
        std::string_view value;
        std::optional<CaaIssueValue> wanted;
        const char* why;
    };
    const Case cases[] = {
        {"ca1.example.net", CaaIssueValue{"ca1.example.net", {}}, "the plain form"},
        {" CA.Example ", CaaIssueValue{"ca.example", {}}, "blanks and case"},
        {"", CaaIssueValue{"", {}}, "nobody"},
        {";", CaaIssueValue{"", {}}, "nobody, as it is usually written"},
        {"ca.example;", CaaIssueValue{"ca.example", {}}, "no parameter after the semicolon"},
        {"ca1.example.net; account=230123", CaaIssueValue{"ca1.example.net", {{"account", "230123"}}}, "of the RFC"},
        {"a.b;x=1;Y = 2 ", CaaIssueValue{"a.b", {{"x", "1"}, {"y", "2"}}}, "blanks round the sign"},
        {"a.b; x=", CaaIssueValue{"a.b", {{"x", ""}}}, "a value may be empty"},
        {"; x=1", CaaIssueValue{"", {{"x", "1"}}}, "parameters for nobody"},
        {"%%%%%", std::nullopt, "the RFC's own malformed example"},
        {"ca.example x=1", std::nullopt, "no semicolon between"},
        {"ca.example; x", std::nullopt, "a tag without a sign"},
        {"ca.example; x=1;", std::nullopt, "nothing after the last parameter"},
        {"ca.example; x=1;;y=2", std::nullopt, "an empty parameter"},
        {"ca.example; x-y=1", std::nullopt, "a hyphen in a tag"},
        {"ca.example; x=a b", std::nullopt, "a blank within a value"},
        {"ca..example", std::nullopt, "an empty label"},
        {"-ca.example", std::nullopt, "a hyphen at an end"},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(parse_caa_issue_value(one.value), one.wanted) << one.value << ": " << one.why;
    }
    EXPECT_FALSE(parse_caa_issue_value(std::string(100'000, 'a'))) << "a limit before anything else";
}

TEST(Caa, who_may_issue) {
    const CaaRequest ours{"ca.test", "https://ca.test/acct/1", "http-01"};
    struct Case {
        std::vector<dns::CaaData> set;
        bool allowed;
        const char* why;
    };
    const Case cases[] = {
        {{}, true, "RFC 8659 §3: no set, no restriction"},
        {{{0, "iodef", "mailto:a@b.test"}}, true, "RFC 8659 §4.2: no issue property, no restriction"},
        {{{0, "issuewild", ";"}}, true, "RFC 8659 §4.3: wildcards only"},
        {{{0, "issue", "ca.test"}}, true, "ours"},
        {{{0, "ISSUE", "CA.TEST"}}, true, "RFC 8659 §4.1: tags and names compare without case"},
        {{{0, "issue", "other.test"}, {0, "issue", "ca.test"}}, true, "any of them suffices"},
        {{{0, "issue", ";"}, {0, "issue", "ca.test"}}, true, "nobody, and ours: ours may"},
        {{{0, "issue", "ca.test; accounturi=https://ca.test/acct/1; validationmethods=tls-alpn-01,http-01"}},
         true,
         "RFC 8657 §3, §4: as we publish it"},
        {{{0, "issue", "ca.test; future=1"}}, true, "parameters of the CA's own are the CA's matter"},
        {{{0, "issue", ";"}}, false, "nobody"},
        {{{0, "issue", "other.test"}}, false, "somebody else"},
        {{{0, "issue", "%%%"}}, false, "RFC 8659 §4.2: malformed restricts"},
        {{{0, "issue", "ca.test; accounturi=https://ca.test/acct/2"}}, false, "RFC 8657 §3: another account"},
        {{{0, "issue", "ca.test; accounturi=https://ca.test/acct/1; accounturi=https://ca.test/acct/1"}},
         false,
         "RFC 8657 §3: two are unsatisfiable"},
        {{{0, "issue", "ca.test; validationmethods=dns-01"}}, false, "RFC 8657 §4: another method"},
        {{{0, "issue", "ca.test; validationmethods="}}, false, "RFC 8657 §4: no method at all"},
        {{{128, "issue", "ca.test"}}, true, "critical and understood"},
        {{{0, "issue", "ca.test"}, {128, "tbs", "unknown"}}, false, "RFC 8659 §4.5: critical and unknown"},
        {{{0, "issue", "ca.test"}, {0, "tbs", "unknown"}}, true, "unknown and not critical"},
    };
    for (const Case& one : cases) {
        const CaaJudgement judgement = judge_caa(one.set, ours);
        EXPECT_EQ(judgement.allowed, one.allowed) << one.why << ": " << judgement.reason;
        EXPECT_EQ(judgement.reason.empty(), one.allowed) << one.why;
    }
    EXPECT_FALSE(
        judge_caa({{0, "issue", "ca.test; accounturi=https://ca.test/acct/1"}}, {"ca.test", {}, "http-01"}).allowed)
        << "an account that does not exist yet cannot be the one named";
}

}  // namespace
}  // namespace postseal::hosting
