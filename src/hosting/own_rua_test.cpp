#include "hosting/own_rua.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

// RPT-004 (RFC 8460 §3)
TEST(OwnRua, is_a_place_that_reports_can_go_to) {
    const struct {
        const char* text;
        const char* published;  // null: refused
        const char* why;
    } cases[] = {
        {"mailto:tls@example.com", "mailto:tls@example.com", "as in the RFC's example"},
        {" tls@example.com ", "mailto:tls@example.com", "a bare mailbox is what people paste"},
        {"https://reports.example.net/v1/tls", "https://reports.example.net/v1/tls", "by HTTPS"},
        {"mailto:a,b!c@x.example", "mailto:a%2Cb%21c@x.example", "what would end the address is encoded"},
        {"mailto:a;b@x.example", "mailto:a%3Bb@x.example", "what would end the field is encoded"},
        {"http://reports.example.net/", nullptr, "no other scheme is known to senders"},
        {"mailto:nobody", nullptr, "no domain"},
        {"https:///path", nullptr, "no host"},
        {"", nullptr, "nothing"},
        {"mailto:a@b.example\nv=TLSRPTv1", nullptr, "a second line cannot get into the record"},
        {"mailto:a@b.example\" \"", nullptr, "a quote is no part of a URI"},
    };
    for (const auto& one : cases) {
        const auto read = read_own_rua(one.text);
        EXPECT_EQ(read.has_value(), one.published != nullptr) << one.why;
        if (read && one.published != nullptr) {
            EXPECT_EQ(*read, one.published) << one.why;
        }
    }
    EXPECT_FALSE(read_own_rua("https://" + std::string(600, 'a') + ".example/")) << "too long";
}

TEST(OwnRua, all_of_them_fit_into_the_record) {
    EXPECT_EQ(read_own_ruas({"a@b.example", "mailto:a@b.example"})->size(), 1U) << "the same address once";
    EXPECT_FALSE(read_own_ruas(std::vector<std::string>(own_rua_max + 1, "a@b.example")));
    EXPECT_FALSE(read_own_ruas({"a@b.example", "nonsense"}));
    std::vector<std::string> long_ones;
    long_ones.reserve(4);
    for (int i = 0; i < 4; ++i) {
        long_ones.push_back("https://x" + std::to_string(i) + ".example/" + std::string(200, 'a'));
    }
    EXPECT_EQ(read_own_ruas(long_ones).error().code, Errc::limit_exceeded);
    EXPECT_TRUE(read_own_ruas({})->empty());
}

}  // namespace
}  // namespace postseal::hosting
