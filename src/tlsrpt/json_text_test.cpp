#include "tlsrpt/json_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "tlsrpt/json_scan.h"
#include "tlsrpt/read_json.h"
#include "tlsrpt/testing.h"

namespace postseal::tlsrpt {
namespace {

using namespace std::string_literals;

std::string utf16(std::string_view ascii, bool big_endian) {
    std::string out = big_endian ? "\xfe\xff" : "\xff\xfe";
    for (const char c : ascii) {
        out += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
    }
    return out;
}

struct Dressed {
    const char* reason;
    std::string bytes;
    std::string_view code;  // "" = no deviation
};

// 24, 26: what gateways and editors put round the JSON.
TEST(JsonText, finds_the_report_in_what_surrounds_it) {
    const std::string good(good_json);
    const Dressed cases[] = {
        {"blanks and a last line end", " \r\n\t" + good + "\r\n", ""},
        {"26: a byte-order mark", "\xef\xbb\xbf" + good, deviation::byte_order_mark},
        {"26: trailing words", good + "\nThis message was scanned.", deviation::trailing_data},
        {"26: a trailing brace", good + "}", deviation::trailing_data},
        {"26: a trailing object that is no report", good + R"({"a":1})", deviation::trailing_data},
        {"trailing NULs", good + std::string(512, '\0'), ""},
        {"24: a banner", "CAUTION: this message came from outside.\n\n" + good, deviation::leading_text},
        {"24: a banner with brackets", "[EXTERNAL] {careful} {\"\n" + good, deviation::leading_text},
        {"24: a banner that is an object", R"({"scanned":"yes"} )" + good, deviation::leading_text},
        {"a name before it, as JavaScript has it", "report = " + good + ";", deviation::leading_text},
        {"in a list", "[" + good + "]", deviation::top_level_array},
        {"UTF-16, little-endian", utf16(good, false), deviation::utf16},
        {"UTF-16, big-endian", utf16(good, true), deviation::utf16},
        {"UTF-16, little-endian, without its mark", utf16(good, false).substr(2), deviation::utf16},
        {"UTF-16, big-endian, without its mark", utf16(good, true).substr(2), deviation::utf16},
        {"a raw line end inside a string", replaced(good, "Example Mail", "Example\r\n Mail"),
         deviation::control_characters},
        {"a raw NUL inside a string", replaced(good, "Example Mail", "Example\0Mail"s), deviation::control_characters},
        {"Latin-1", replaced(good, "Example Mail", "Caf\xe9 Mail"), deviation::invalid_utf8},
    };
    for (const Dressed& c : cases) {
        SCOPED_TRACE(c.reason);
        const auto found = read_json_reports(c.bytes, {});
        ASSERT_EQ(found.size(), 1U);
        ASSERT_TRUE(found[0].report) << found[0].report.error().message();
        EXPECT_EQ(found[0].report->policies.at(0).successful, 7U);
        EXPECT_TRUE(is_valid_utf8(found[0].report->organization_name.value()));
        if (c.code.empty()) {
            EXPECT_TRUE(found[0].deviations.empty()) << codes(found[0].deviations.list());
        } else {
            EXPECT_TRUE(found[0].deviations.has(c.code)) << codes(found[0].deviations.list());
        }
    }
}

TEST(JsonText, finds_several_reports_in_one_text) {
    const std::string good(good_json);
    for (const std::string& bytes : {fmt::format("{0}\n{0}", good), fmt::format("[{0},1,{{}},{0}]", good)}) {
        const auto found = read_json_reports(bytes, {});
        ASSERT_EQ(found.size(), 2U);
        EXPECT_TRUE(found[0].report && found[1].report);
    }
    ReadLimits limits;
    limits.reports_max = 3;
    EXPECT_EQ(read_json_reports(good + good + good + good + good, limits).size(), 3U);
}

// RPT-054: openings that never close must not cost a pass over the whole text each.
TEST(JsonText, does_not_look_for_ever) {
    std::string bytes;
    for (int i = 0; i < 200'000; ++i) {
        bytes += "[{\"a\":";
    }
    const auto found = read_json_reports("x " + bytes, {});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_FALSE(found[0].report);
}

TEST(JsonScan, knows_where_a_text_ends) {
    EXPECT_EQ(scan_json(R"({"a":"}"} rest)").bytes, 9U);
    EXPECT_EQ(scan_json(R"({"a":"\"}"} rest)").bytes, 11U);
    EXPECT_TRUE(scan_json("[[]]").closed);
    EXPECT_FALSE(scan_json("[[]").closed);
    EXPECT_FALSE(scan_json(R"({"a)").closed);
    EXPECT_TRUE(scan_json("{\"a\n\":1}").raw_controls);
    EXPECT_FALSE(scan_json("{\n\"a\":1}").raw_controls);
    EXPECT_TRUE(scan_json("[1234567890123456789]").overlong_integers);
    EXPECT_FALSE(scan_json("[123456789012345678]").overlong_integers);
    EXPECT_FALSE(scan_json("[0.1234567890123456789]").overlong_integers);
    EXPECT_FALSE(scan_json("[\"1234567890123456789\"]").overlong_integers);
}

TEST(JsonScan, repairs_only_what_it_names) {
    EXPECT_EQ(repair_json("{\"a\nb\": -12.5e3, \"c\": [1234567890123456789, -1234567890123456789]}"),
              "{\"a\\u000ab\": -12.5e3, \"c\": [9007199254740992, -9007199254740992]}");
    EXPECT_EQ(repair_json("{\"a"), "{\"a");
    EXPECT_EQ(repair_json("[-"), "[-");
    EXPECT_EQ(repair_json("[1+2]"), "[1+2]");
}

}  // namespace
}  // namespace postseal::tlsrpt
