#include "store/fetch_log.h"

#include <gtest/gtest.h>

#include "store/testing.h"

namespace postseal::store {
namespace {

const TimePoint noon{Seconds(1'790'078'400)};
const Day today = std::chrono::floor<std::chrono::days>(noon);

FetchCount count_of(std::int64_t domain, std::string agent, std::string network, Day day, std::int64_t fetches) {
    return {domain, 1,       std::move(agent), std::move(network),
            day,    fetches, TimePoint(day),   TimePoint(day) + Seconds(fetches)};
}

TEST(FetchLogs, AddsUpWhatMeetsInOneRow) {
    const auto store = testing::new_store();
    FetchLogs& logs = store->fetch_logs;
    const FetchSpan span{"a", noon - Seconds(60), noon, false};
    ASSERT_TRUE(
        logs.add({count_of(1, "google", "", today, 2), count_of(1, "mox", "192.0.2.0/24", today, 1)}, span, {}));
    FetchCount more = count_of(1, "google", "", today, 5);
    more.first = TimePoint(today) + Seconds(100);
    ASSERT_TRUE(logs.add({more, count_of(2, "google", "", today, 1)}, span, {}));
    const auto mine = logs.of(1).value();
    ASSERT_EQ(mine.size(), 2U) << "another domain's stay apart";
    EXPECT_EQ(mine[0].agent, "google");
    EXPECT_EQ(mine[0].fetches, 7);
    EXPECT_EQ(mine[0].first, TimePoint(today)) << "the first of all";
    EXPECT_EQ(mine[0].last, TimePoint(today) + Seconds(5)) << "and the last";
    EXPECT_EQ(mine[1].network, "192.0.2.0/24");
}

TEST(FetchLogs, SpansMoveOnAndAreClosedAfterAKill) {
    const auto store = testing::new_store();
    FetchLogs& logs = store->fetch_logs;
    ASSERT_TRUE(logs.add({}, {"a", noon, noon + Seconds(10), false}, {}));
    ASSERT_TRUE(logs.add({}, {"a", noon, noon + Seconds(20), false}, {{"a", noon, noon + Seconds(3), 7}}));
    ASSERT_TRUE(logs.add({}, {"b", noon, noon + Seconds(30), false}, {}));
    EXPECT_EQ(logs.close_left_open("a", Seconds(120)).value(), 1);
    EXPECT_EQ(logs.close_left_open("a", Seconds(120)).value(), 0) << "once";
    const auto spans = logs.spans().value();
    ASSERT_EQ(spans.size(), 2U);
    EXPECT_EQ(spans[0].until, noon + Seconds(20));
    EXPECT_TRUE(spans[0].closed);
    EXPECT_FALSE(spans[1].closed) << "another node's";
    const auto gaps = logs.gaps().value();
    ASSERT_EQ(gaps.size(), 2U);
    EXPECT_EQ(gaps[0].lost, 7);
    EXPECT_EQ(gaps[1].since, noon + Seconds(20)) << "what it had not written when it was killed";
    EXPECT_EQ(gaps[1].until, noon + Seconds(140));
}

TEST(FetchLogs, ForgetsWhatItIsToldTo) {
    const auto store = testing::new_store();
    FetchLogs& logs = store->fetch_logs;
    const Day old = today - std::chrono::days(40);
    const Day older = today - std::chrono::days(500);
    ASSERT_TRUE(logs.add({count_of(1, "mox", "192.0.2.0/24", old, 2), count_of(1, "mox", "198.51.100.0/24", old, 3),
                          count_of(1, "mox", "", old, 1), count_of(1, "mox", "192.0.2.0/24", today, 1),
                          count_of(1, "mox", "192.0.2.0/24", older, 1)},
                         {"a", TimePoint(older), TimePoint(older) + Seconds(9), true},
                         {{"a", TimePoint(older), TimePoint(older), 1}}));
    ASSERT_TRUE(logs.erase_before(today - std::chrono::days(400)));
    ASSERT_TRUE(logs.forget_networks_before(today - std::chrono::days(30)));
    ASSERT_TRUE(logs.forget_networks_before(today - std::chrono::days(30))) << "again changes nothing";
    const auto left = logs.of(1).value();
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0].network, "");
    EXPECT_EQ(left[0].fetches, 6) << "added up";
    EXPECT_EQ(left[0].last, TimePoint(old) + Seconds(3));
    EXPECT_EQ(left[1].network, "192.0.2.0/24") << "of late";
    EXPECT_TRUE(logs.spans().value().empty());
    EXPECT_TRUE(logs.gaps().value().empty());
}

}  // namespace
}  // namespace postseal::store
