// What comes again is recognised by every one of its bytes, and what is remembered is bounded.
#include "sender/recent_datagrams.h"

#include <gtest/gtest.h>

#include <map>

#include "base/text.h"

namespace postseal::sender {
namespace {

tlsrpt::Session session(const std::string& record) {
    tlsrpt::Session out;
    out.record = record;
    return out;
}

TEST(RecentDatagrams, RemembersFromTheSecondSightOn) {
    RecentDatagrams recent;
    EXPECT_EQ(recent.count_again(as_bytes("a")), nullptr);
    recent.remember(as_bytes("a"), session("of a"));
    EXPECT_EQ(recent.count_again(as_bytes("a")), nullptr) << "what comes once is not kept";
    recent.remember(as_bytes("a"), session("of a"));
    const tlsrpt::Session* known = recent.count_again(as_bytes("a"));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(known->record, "of a");
    EXPECT_EQ(recent.count_again(as_bytes("b")), nullptr);
    EXPECT_EQ(recent.count_again(as_bytes("a ")), nullptr);
    EXPECT_EQ(recent.count_again(as_bytes("")), nullptr);
}

TEST(RecentDatagrams, GivesEachWithItsTimesOnce) {
    RecentDatagrams recent;
    for (const char* text : {"a", "b", "c"}) {
        recent.remember(as_bytes(text), session(text));
        recent.remember(as_bytes(text), session(text));
    }
    for (int i = 0; i < 5; ++i) {
        ASSERT_NE(recent.count_again(as_bytes("a")), nullptr);
    }
    ASSERT_NE(recent.count_again(as_bytes("c")), nullptr);
    std::map<std::string, std::uint64_t> taken;
    const auto take = [&](const tlsrpt::Session& one, std::uint64_t times) { taken[one.record] += times; };
    recent.take(take);
    EXPECT_EQ(taken, (std::map<std::string, std::uint64_t>{{"a", 5}, {"c", 1}}));
    recent.take(take);
    EXPECT_EQ(taken.at("a"), 5U) << "taken is taken";
    ASSERT_NE(recent.count_again(as_bytes("a")), nullptr) << "and still known";
    recent.take(take);
    EXPECT_EQ(taken.at("a"), 6U);
}

TEST(RecentDatagrams, IsBounded) {
    RecentDatagrams recent;
    const std::string large(5000, 'x');
    recent.remember(as_bytes(large), session("large"));
    recent.remember(as_bytes(large), session("large"));
    EXPECT_EQ(recent.count_again(as_bytes(large)), nullptr) << "large ones are read each time";
    const auto fill = [&] {
        std::size_t count = 0;
        for (; !recent.is_full() && count < 100'000; ++count) {
            const std::string text = std::to_string(count) + std::string(3000, 'x');
            recent.remember(as_bytes(text), session("one"));
            recent.remember(as_bytes(text), session("one"));
        }
        return count;
    };
    EXPECT_LT(fill(), 100'000U);
    recent.remember(as_bytes("more"), session("more"));
    recent.remember(as_bytes("more"), session("more"));
    EXPECT_EQ(recent.count_again(as_bytes("more")), nullptr) << "it is full";
    recent.clear();
    EXPECT_FALSE(recent.is_full());
    EXPECT_EQ(recent.count_again(as_bytes("0" + std::string(3000, 'x'))), nullptr);
    EXPECT_GT(fill(), 1000U) << "there is room again";
}

}  // namespace
}  // namespace postseal::sender
