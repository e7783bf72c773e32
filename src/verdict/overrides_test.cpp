// An operator's exceptions (design rule 14).
#include "verdict/overrides.h"

#include <gtest/gtest.h>

#include "verdict/evidence_for_test.h"

namespace postseal::verdict {
namespace {

using test::test_now;

Level level_for(const Overrides& overrides, std::string_view key) {
    const auto decision = overrides.decide(parse_key(key), test_now);
    EXPECT_TRUE(decision) << key;
    return decision ? decision->level : Level::none;
}

TEST(Overrides, ExactBeforeSubtreeAndTheLongestSubtreeFirst) {
    const auto overrides = Overrides::make({{".example.org", "encrypt", {}},
                                            {"mail.example.org", "secure", {"mx.example.org"}},
                                            {".deep.example.org", "dane", {}},
                                            {"example.org", "may", {}},
                                            {"example.org", "dane-only", {}}})
                               .value();
    EXPECT_EQ(level_for(overrides, "example.org"), Level::may) << "of equals the first";
    EXPECT_EQ(level_for(overrides, "mail.example.org"), Level::secure) << "exact";
    EXPECT_EQ(level_for(overrides, "other.example.org"), Level::encrypt) << "the subtree";
    EXPECT_EQ(level_for(overrides, "x.deep.example.org"), Level::dane) << "the longer subtree";
    EXPECT_EQ(level_for(overrides, "deep.example.org"), Level::encrypt) << "a subtree does not hold its own top";
    EXPECT_EQ(level_for(overrides, "[MAIL.example.org]:587"), Level::secure) << "a smart host, by its name";
    for (const char* other : {"example.com", "badexample.org", "org", ".example.org", "[192.0.2.1]", "/path", ""}) {
        EXPECT_FALSE(overrides.decide(parse_key(other), test_now)) << other;
    }
}

TEST(Overrides, ThoseThatAreAppendedComeAfter) {
    auto overrides = Overrides::make({{"Example.ORG.", "may", {}}, {".example.org", "defer", {}}}).value();
    overrides.append(
        Overrides::make({{"example.org", "encrypt", {}}, {"mail.example.org", "secure", {"MX.example.org"}}}).value());
    EXPECT_EQ(level_for(overrides, "example.org"), Level::may) << "of equals the first";
    EXPECT_EQ(level_for(overrides, "mail.example.org"), Level::secure)
        << "exact comes before a subtree, wherever it is";
    const auto all = overrides.list();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].domain, "example.org") << "as it is compared";
    EXPECT_EQ(all[1].domain, ".example.org");
    EXPECT_EQ(all[1].level, "defer");
    EXPECT_EQ(all[3].match, std::vector<std::string>{"mx.example.org"});
    EXPECT_TRUE(Overrides::make(all)) << "what is listed can be given again";
}

// DANE-014: mandatory DANE for one destination is the override dane-only.
TEST(Overrides, EveryLevel) {
    const struct {
        const char* word;
        Level level;
    } cases[] = {{"none", Level::none},          {"may", Level::may},       {"encrypt", Level::encrypt},
                 {"dane", Level::dane},          {"secure", Level::secure}, {"defer", Level::temp},
                 {"dane-only", Level::dane_only}};
    for (const auto& c : cases) {
        const auto overrides = Overrides::make({{"example.org", c.word, {}}}).value();
        const auto decision = overrides.decide(parse_key("example.org"), test_now);
        ASSERT_TRUE(decision);
        EXPECT_EQ(decision->level, c.level);
        EXPECT_EQ(decision->source, Source::by_override);
        EXPECT_FALSE(decision->sts) << "an override carries no policy attributes";
        EXPECT_FALSE(decision->reasons.empty());
    }
}

TEST(Overrides, AreForNamesOnly) {
    const auto refused = Overrides::make({{"192.0.2.1", "may", {}}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(),
              "override 1: domain: is an IP address, for which no MTA asks: it must name a domain");
}

TEST(Overrides, AreCheckedWhenTheyAreMade) {
    const struct {
        Override given;
        const char* where = "";
        const char* reason = "";
    } bad[] = {
        {{"", "may", {}}, "override 1: domain", "no domain"},
        {{".", "may", {}}, "override 1: domain", "the subtree of the root"},
        {{"exa mple.org", "may", {}}, "override 1: domain", "a blank"},
        {{"*.example.org", "may", {}}, "override 1: domain", "a wildcard is written as a leading dot"},
        {{"example.org", "", {}}, "override 1: level", "no level"},
        {{"example.org", "Secure", {}}, "override 1: level", "case"},
        {{"example.org", "fingerprint", {}}, "override 1: level", "a level that we do not offer"},
        {{"example.org", "dane", {"mx.example.org"}}, "override 1: match", "match with a level that has none"},
        {{"example.org", "secure", {"mx.example.org tafile=/x"}}, "override 1: match", "an attribute in disguise"},
        {{"example.org", "secure", {"a:b"}}, "override 1: match", "a separator"},
        {{"example.org", "secure", {""}}, "override 1: match", "empty"},
        {{"example.org", "secure", {"*.example.org"}}, "override 1: match", "Postfix writes .example.org"},
        {{"example.org", "secure", {"192.0.2.1"}}, "override 1: match", "an address"},
    };
    for (const auto& c : bad) {
        const auto made = Overrides::make({c.given});
        ASSERT_FALSE(made) << c.reason;
        EXPECT_EQ(made.error().where, c.where) << c.reason;
    }
    const auto good = Overrides::make(
        {{"Пример.РФ", "secure", {"MX.Example.org.", ".example.net", "nexthop", "dot-nexthop", "hostname"}}});
    ASSERT_TRUE(good);
    const auto decision = good->decide(parse_key("xn--e1afmkfd.xn--p1ai"), test_now);
    ASSERT_TRUE(decision);
    EXPECT_EQ(decision->match,
              (std::vector<std::string>{"mx.example.org", ".example.net", "nexthop", "dot-nexthop", "hostname"}));
}

}  // namespace
}  // namespace postseal::verdict
