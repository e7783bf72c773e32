#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postseal {
namespace {

using ::testing::ElementsAre;

TEST(Text, CaseIsAscii) {
    EXPECT_EQ(to_lower("AbZ[@`\xc4"), "abz[@`\xc4") << "only A–Z change";
    EXPECT_TRUE(iequals("STSv1", "stsV1"));
    EXPECT_FALSE(iequals("STSv1", "STSv"));
    EXPECT_FALSE(iequals("@", "`")) << "32 apart, but no letters";
    EXPECT_FALSE(iequals("Ä", "ä"));
    EXPECT_TRUE(istarts_with("Mailto:a", "mailto:"));
    EXPECT_TRUE(istarts_with("a", ""));
    EXPECT_FALSE(istarts_with("mail", "mailto:"));
}

TEST(Text, TrimsOnlySpaceAndTab) {
    EXPECT_EQ(trim_wsp(" \t a b\t "), "a b");
    EXPECT_EQ(trim_wsp(" \t "), "");
    EXPECT_EQ(trim_wsp(""), "");
    EXPECT_EQ(trim_wsp("a\n"), "a\n") << "a line end is not WSP (RFC 5234)";
    EXPECT_EQ(trim_wsp("\r a"), "\r a");
}

TEST(Text, Splits) {
    EXPECT_THAT(split("a,b,,", ','), ElementsAre("a", "b", "", ""));
    EXPECT_THAT(split("", ','), ElementsAre(""));
    EXPECT_THAT(split(",", ','), ElementsAre("", ""));
    EXPECT_THAT(split("a;b", ','), ElementsAre("a;b"));
}

TEST(Text, Joins) {
    EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
    EXPECT_EQ(join({}, ","), "");
    EXPECT_EQ(join({"a", "a"}, ""), "aa");
}

TEST(Text, ParsesDecimal) {
    EXPECT_EQ(parse_decimal("0"), 0U);
    EXPECT_EQ(parse_decimal("007"), 7U);
    EXPECT_EQ(parse_decimal("18446744073709551615"), 18446744073709551615U);
    EXPECT_EQ(parse_decimal(std::string(100, '0') + "1"), 1U);
    for (const char* bad :
         {"", " 1", "1 ", "-1", "+1", "1.0", "1e3", "0x1", "18446744073709551616", "99999999999999999999", "１"}) {
        EXPECT_EQ(parse_decimal(bad), std::nullopt) << bad;
    }
}

TEST(Text, Utf8) {
    struct Case {
        std::string bytes;
        bool valid;
        std::string repaired;
        const char* why;
    };
    const std::string r = "\xef\xbf\xbd";
    const Case cases[] = {
        {"", true, "", "empty"},
        {"a\x7f", true, "a\x7f", "ASCII"},
        {"\xc2\x80", true, "\xc2\x80", "first of two octets"},
        {"\xe0\xa0\x80", true, "\xe0\xa0\x80", "first of three octets"},
        {"\xed\x9f\xbf", true, "\xed\x9f\xbf", "last before the surrogates"},
        {"\xf0\x90\x80\x80", true, "\xf0\x90\x80\x80", "first of four octets"},
        {"\xf4\x8f\xbf\xbf", true, "\xf4\x8f\xbf\xbf", "U+10FFFF"},
        {std::string("a\0b", 3), true, std::string("a\0b", 3), "NUL is a character"},
        {"\x80", false, r, "continuation alone"},
        {"\xc0\xaf", false, r + r, "overlong slash"},
        {"\xc1\xbf", false, r + r, "overlong in two"},
        {"\xe0\x9f\xbf", false, r + r + r, "overlong in three"},
        {"\xf0\x8f\xbf\xbf", false, r + r + r + r, "overlong in four"},
        {"\xed\xa0\x80", false, r + r + r, "surrogate"},
        {"\xf4\x90\x80\x80", false, r + r + r + r, "above U+10FFFF"},
        {"\xf5\x80\x80\x80", false, r + r + r + r, "no such first octet"},
        {"\xff", false, r, "never in UTF-8"},
        {"\xe2\x82", false, r + r, "cut off"},
        {"\xe2\x82z", false, r + r + "z", "cut off by a letter that stays"},
        {"\xc3(", false, r + "(", "no continuation"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        EXPECT_EQ(is_valid_utf8(c.bytes), c.valid);
        EXPECT_EQ(to_valid_utf8(c.bytes), c.repaired);
        EXPECT_TRUE(is_valid_utf8(to_valid_utf8(c.bytes)));
    }
}

TEST(Text, PrintableForgesNothing) {
    struct Case {
        std::string in;
        std::string out;
        const char* why;
    };
    const Case cases[] = {
        {"plain text", "plain text", "stays"},
        {"привет €😀", "привет €😀", "letters of any script stay"},
        {"a\nb\r", "a\\x0ab\\x0d", "no second log line"},
        {"\x1b[31m", "\\x1b[31m", "no terminal sequence"},
        {std::string("a\0b", 3), "a\\x00b", "NUL"},
        {"\x7f", "\\x7f", "DEL"},
        {"\xc2\x9b"
         "31m",
         "\\u009b31m", "C1: an 8-bit terminal sequence"},
        {"\xc2\xa0", "\xc2\xa0", "the first behind C1"},
        {"\xe2\x80\xa8", "\\u2028", "line separator"},
        {"\xe2\x80\xae"
         "gpj.exe",
         "\\u202egpj.exe", "right-to-left override"},
        {"\xe2\x81\xa6", "\\u2066", "isolate"},
        {"\xff\xfe", "\\xff\\xfe", "not UTF-8"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(printable(c.in), c.out) << c.why;
        EXPECT_EQ(printable(printable(c.in)), c.out) << "once is enough: " << c.why;
    }
}

TEST(Text, PrintableIsBounded) {
    EXPECT_EQ(printable("abc", 3), "abc");
    EXPECT_EQ(printable("abcd", 3), "abc…");
    EXPECT_EQ(printable("ab€", 3), "ab…") << "no half character";
    EXPECT_EQ(printable("ab\n", 3), "ab…") << "no half escape";
    EXPECT_EQ(printable("a", 0), "…");
    EXPECT_EQ(printable(std::string(5000, 'x')).size(), 1000 + std::string("…").size());
}

}  // namespace
}  // namespace postseal
