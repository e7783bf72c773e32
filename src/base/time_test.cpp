#include "base/time.h"

#include <gtest/gtest.h>

namespace postseal {
namespace {

TimePoint at(std::int64_t seconds) {
    return TimePoint(Seconds(seconds));
}

TEST(Time, WritesRfc3339) {
    EXPECT_EQ(to_rfc3339(at(0)), "1970-01-01T00:00:00Z");
    EXPECT_EQ(to_rfc3339(at(1'709'164'799)), "2024-02-28T23:59:59Z");
    EXPECT_EQ(to_rfc3339(at(1'709'251'199)), "2024-02-29T23:59:59Z") << "leap day";
    EXPECT_EQ(to_rfc3339(at(-1)), "1969-12-31T23:59:59Z") << "before 1970 rounds down";
    EXPECT_EQ(to_iso_day(Day(std::chrono::days(0))), "1970-01-01");
}

TEST(Time, ParsesRfc3339) {
    struct Case {
        const char* in;
        const char* out;
        const char* why;
    };
    const Case cases[] = {
        {"1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50Z", "RFC 3339 §5.8: fraction"},
        {"1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z", "RFC 3339 §5.8: offset"},
        {"1990-12-31T23:59:60Z", "1990-12-31T23:59:59Z", "RFC 3339 §5.8: leap second"},
        {"1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27Z", "RFC 3339 §5.8: odd offset"},
        {"2016-04-01t00:00:00z", "2016-04-01T00:00:00Z", "RFC 3339 §5.6: lower case"},
        {"2016-04-01 00:00:00Z", "2016-04-01T00:00:00Z", "RFC 3339 §5.6: a blank"},
        {"2016-04-01T00:00:00+00:00", "2016-04-01T00:00:00Z", "zero offset"},
        {"2016-04-01T00:00:00-00:00", "2016-04-01T00:00:00Z", "RFC 3339 §4.3: unknown local offset"},
        {"2016-04-01T00:00:00,5Z", "2016-04-01T00:00:00Z", "ISO 8601 comma"},
        {"2016-02-29T00:00:00.123456789123Z", "2016-02-29T00:00:00Z", "any number of digits"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.in) + ": " + c.why);
        const auto time = parse_rfc3339(c.in);
        ASSERT_TRUE(time) << time.error().message();
        EXPECT_EQ(to_rfc3339(*time), c.out);
    }
}

TEST(Time, RejectsOtherDateTimes) {
    struct Case {
        const char* in;
        const char* why;
    };
    const Case cases[] = {
        {"", "nothing"},
        {"2016-04-01", "a day"},
        {"2016-04-01T00:00:00", "no zone"},
        {"2016-04-01T00:00Z", "no seconds"},
        {"16-04-01T00:00:00Z", "two-digit year"},
        {"2016-4-1T00:00:00Z", "one-digit month"},
        {"2016-13-01T00:00:00Z", "month 13"},
        {"2016-00-01T00:00:00Z", "month 0"},
        {"2016-02-30T00:00:00Z", "30 February"},
        {"2015-02-29T00:00:00Z", "no leap year"},
        {"1900-02-29T00:00:00Z", "no leap year"},
        {"2016-04-01T24:00:00Z", "hour 24"},
        {"2016-04-01T00:60:00Z", "minute 60"},
        {"2016-04-01T00:00:61Z", "second 61"},
        {"2016-04-01T00:00:00.Z", "fraction without digits"},
        {"2016-04-01T00:00:00+0000", "offset without a colon"},
        {"2016-04-01T00:00:00+24:00", "offset hour 24"},
        {"2016-04-01T00:00:00+00:60", "offset minute 60"},
        {"2016-04-01T00:00:00+00:0", "offset cut off"},
        {"2016-04-01T00:00:00UTC", "zone by name"},
        {"2016-04-01T00:00:00ZZ", "more behind the zone"},
        {"2016-04-01T00:00:00Z ", "blank behind"},
        {" 2016-04-01T00:00:00Z", "blank in front"},
        {"2016-04-01X00:00:00Z", "another separator"},
        {"2016-04-0aT00:00:00Z", "a letter"},
        {"-016-04-01T00:00:00Z", "a sign"},
        {"2016/04/01T00:00:00Z", "slashes"},
        {"1459468800", "a number"},
    };
    for (const auto& c : cases) {
        EXPECT_FALSE(parse_rfc3339(c.in)) << c.in << ": " << c.why;
    }
}

TEST(Time, ZoneMayBeOptional) {  // RFC 8460 §4.4 asks for it; reports of Microsoft lack it
    EXPECT_EQ(to_rfc3339(*parse_rfc3339("2016-04-01T01:02:03", Zone::optional)), "2016-04-01T01:02:03Z");
    EXPECT_EQ(to_rfc3339(*parse_rfc3339("2016-04-01T01:02:03.7", Zone::optional)), "2016-04-01T01:02:03Z");
    EXPECT_EQ(to_rfc3339(*parse_rfc3339("2016-04-01T01:02:03+01:00", Zone::optional)), "2016-04-01T00:02:03Z");
    EXPECT_FALSE(parse_rfc3339("2016-04-01T01:02:03 ", Zone::optional));
}

TEST(Time, Days) {
    EXPECT_EQ(to_iso_day(*parse_iso_day("2024-02-29")), "2024-02-29");
    for (const char* bad :
         {"", "2023-02-29", "2024-02-29Z", "2024-2-29", "20240229", "2024-02-29T00:00:00Z", " 2024-02-29"}) {
        EXPECT_FALSE(parse_iso_day(bad)) << bad;
    }
}

}  // namespace
}  // namespace postseal
