#include "hosting/label.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

namespace postseal::hosting {
namespace {

TEST(Label, is_26_random_characters_of_base32) {
    std::set<std::string> minted;
    for (int i = 0; i < 200; ++i) {
        const std::string label = mint_label();
        EXPECT_TRUE(is_label(label)) << label;
        EXPECT_TRUE(minted.insert(label).second) << "never reissued";
    }
}

// Nobody guesses a label: every character of every place is as likely as the others. 26 places of 32 values over 4,000
// labels: 125 expected of each; 200 is 6.7 standard deviations away, once in 10^11 for one of the 832 counts.
TEST(Label, no_place_prefers_a_character) {
    constexpr int labels = 4000;
    std::map<std::pair<std::size_t, char>, int> counts;
    for (int i = 0; i < labels; ++i) {
        const std::string label = mint_label();
        for (std::size_t place = 0; place < label.size(); ++place) {
            ++counts[{place, label[place]}];
        }
    }
    std::set<char> last;
    for (const auto& [key, count] : counts) {
        if (key.first + 1 < label_length) {
            EXPECT_GT(count, 50) << key.first << key.second;
            EXPECT_LT(count, 200) << key.first << key.second;
        } else {
            last.insert(key.second);
        }
    }
    EXPECT_EQ(last.size(), 8U) << "128 bits are 25 characters and three bits more";
}

TEST(Label, a_watched_domain_has_none) {
    const std::string none = mint_no_label();
    EXPECT_FALSE(is_label(none));
    EXPECT_NE(none, mint_no_label()) << "rows are told apart by it";
}

TEST(Label, knows_what_is_none) {
    EXPECT_TRUE(is_label("abcdefghijklmnopqrstuvwx27"));
    EXPECT_FALSE(is_label("abcdefghijklmnopqrstuvwx2")) << "too short";
    EXPECT_FALSE(is_label("abcdefghijklmnopqrstuvwx277")) << "too long";
    EXPECT_FALSE(is_label("ABCDEFGHIJKLMNOPQRSTUVWX27")) << "upper case";
    EXPECT_FALSE(is_label("abcdefghijklmnopqrstuvwx18")) << "1 and 8 are not base32";
    EXPECT_FALSE(is_label("../../../../../../../../..")) << "a path";
}

// STS-066: hosting is delegated by CNAMEs (RFC 8461 §8.2).
TEST(Label, three_cnames_lead_to_the_names_behind_it) {
    const auto domain = *dns::Name::parse("пример.рф");
    const auto zone = *dns::Name::parse("sts.example.net");
    const std::string label = "abcdefghijklmnopqrstuvwx27";
    const auto records = records_for(domain, label, zone);
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 3U);
    EXPECT_EQ((*records)[0].name.text(), "_mta-sts.xn--e1afmkfd.xn--p1ai");
    EXPECT_EQ((*records)[0].target.text(), "_mta-sts." + label + ".sts.example.net");
    EXPECT_EQ((*records)[1].name.text(), "mta-sts.xn--e1afmkfd.xn--p1ai");
    EXPECT_EQ((*records)[1].target.text(), "mta-sts." + label + ".sts.example.net");
    EXPECT_EQ((*records)[2].name.text(), "_smtp._tls.xn--e1afmkfd.xn--p1ai");
    EXPECT_EQ((*records)[2].target.text(), "_smtp._tls." + label + ".sts.example.net");
}

TEST(Label, records_are_those_that_are_used) {
    const auto domain = *dns::Name::parse("a.test");
    const auto zone = *dns::Name::parse("z.test");
    const auto purposes = [&](store::Uses uses) {
        std::string all;
        for (const CnameRecord& record : *records_for(domain, "l", zone, uses)) {
            all += std::string(to_string(record.purpose)) + " ";
        }
        return all;
    };
    EXPECT_EQ(purposes(store::Uses::both), "policy-id policy-host reports ");
    EXPECT_EQ(purposes(store::Uses::mta_sts), "policy-id policy-host ");
    EXPECT_EQ(purposes(store::Uses::tls_rpt), "reports ");
    EXPECT_EQ(purposes(store::Uses::watch), "");
}

TEST(Label, a_domain_that_leaves_no_room_is_an_error) {
    std::string longest;
    for (int i = 0; i < 4; ++i) {
        longest += std::string(59, 'a') + ".";
    }
    const auto fits = dns::Name::parse(longest + "co");  // 242
    ASSERT_TRUE(fits);
    ASSERT_EQ(fits->text().size(), domain_length_max);
    const auto zone = *dns::Name::parse("z.example");
    EXPECT_TRUE(records_for(*fits, mint_label(), zone));
    EXPECT_FALSE(records_for(*dns::Name::parse(longest + "com"), mint_label(), zone));
}

}  // namespace
}  // namespace postseal::hosting
