#include "hosting/bulk_add.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

const dns::Name zone = *dns::Name::parse("sts.example.net");

TEST(BulkAdd, one_domain_a_line) {
    const auto read = read_bulk(
        "\xEF\xBB\xBF"
        "domain,uses\r\n"
        "example.com\r\n"
        "\n"
        "# a comment\n"
        "Почта.рф.  ; tls-rpt   # the reports alone\n"
        "shop.example,MTA-STS\n",
        store::Uses::both, zone);
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_EQ(read->size(), 3U);
    EXPECT_EQ((*read)[0].name.text(), "example.com");
    EXPECT_EQ((*read)[0].line, 2U);
    EXPECT_EQ((*read)[0].uses, store::Uses::both);
    EXPECT_EQ((*read)[1].name.text(), "xn--80a1acny.xn--p1ai");
    EXPECT_EQ((*read)[1].text, "Почта.рф.");
    EXPECT_EQ((*read)[1].uses, store::Uses::tls_rpt);
    EXPECT_EQ((*read)[2].uses, store::Uses::mta_sts);
    EXPECT_EQ((*read)[2].line, 6U);
}

TEST(BulkAdd, a_wrong_line_says_why_and_stops_no_other) {
    const struct {
        const char* line;
        const char* code;
    } cases[] = {
        {"example..com", "invalid-name"},
        {"192.0.2.1", "invalid-name"},
        {"co.uk", "public-suffix"},
        {"a.sts.example.net", "in-zone"},
        {"example.com both more", "too-many-words"},
        {"example.com enforce", "unknown-word"},
        {"good.example", "duplicate"},
        {"\x1b[2J\xff", "invalid-name"},
    };
    for (const auto& one : cases) {
        const auto read =
            read_bulk(std::string("good.example\n") + one.line + "\nlast.example\n", store::Uses::both, zone);
        ASSERT_TRUE(read) << one.line;
        ASSERT_EQ(read->size(), 3U) << one.line;
        EXPECT_EQ((*read)[1].problem_code, one.code) << one.line;
        EXPECT_FALSE((*read)[1].problem.empty());
        EXPECT_EQ((*read)[1].text.find('\x1b'), std::string::npos) << "nothing drives a terminal";
        EXPECT_TRUE((*read)[1].name.is_root()) << "a name only where there is no problem";
        EXPECT_TRUE((*read)[0].problem_code.empty());
        EXPECT_TRUE((*read)[2].problem_code.empty()) << one.line;
    }
    std::string longest;
    for (int i = 0; i < 4; ++i) {
        longest += std::string(59, 'a') + ".";
    }
    EXPECT_TRUE(read_bulk(longest + "co", store::Uses::both, zone)->front().problem_code.empty()) << "242";
    EXPECT_EQ(read_bulk(longest + "com", store::Uses::both, zone)->front().problem_code, "too-long") << "243";
}

TEST(BulkAdd, is_bounded) {
    std::string many;
    for (std::size_t i = 0; i <= bulk_lines_max; ++i) {
        many += "d" + std::to_string(i) + ".example\n";
    }
    EXPECT_EQ(read_bulk(many, store::Uses::both, zone).error().code, Errc::limit_exceeded);
    EXPECT_EQ(read_bulk(std::string(bulk_line_bytes_max + 1, 'a'), store::Uses::both, zone).error().code,
              Errc::limit_exceeded);
    EXPECT_TRUE(read_bulk("", store::Uses::both, zone)->empty());
}

}  // namespace
}  // namespace postseal::hosting
