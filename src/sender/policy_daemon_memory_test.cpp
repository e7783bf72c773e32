// The policy daemon with no memory to speak of, and with many domains at once.
#include "sender/policy_daemon.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "mtasts/cache.h"
#include "sender/policy_daemon_testing.h"

namespace postseal::sender {
namespace {

using testing::address;
using testing::eventually;
using testing::Level;
using testing::many;
using testing::mx;
using testing::name;
using testing::one_of_many;
using testing::past_recheck;
using testing::PolicyDaemonTest;

// Rule 9: memory holds nothing at all here, and still every policy is in force, is learnt, shown and forgotten.
class NoMemory : public PolicyDaemonTest {
protected:
    NoMemory() {
        settings_.cache_bytes_max = 0;
        start();
        EXPECT_EQ(level("a.test"), Level::secure);
        EXPECT_TRUE(emptied());
    }
    // The answer too: each question is one to the store.
    bool emptied() {
        return eventually([&] {
            std::array<std::size_t, 3> policies{};
            process_->loop().sync([&] { policies = daemon().sizes().policies; });
            return policies == std::array<std::size_t, 3>{} && daemon().answer_count() == 0;
        });
    }
    void attack() {
        withdraw("a.test");
        for (const char* silent : {"a.test", "_mta-sts.a.test"}) {
            dns_.break_name(silent, dns::Rcode::servfail);
        }
        host_.answer("404 Gone", "");
    }
};

TEST_F(NoMemory, AnEnforcedPolicyHoldsAllTheSame) {
    attack();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(level("a.test"), Level::secure) << "what the store says";
        ASSERT_TRUE(emptied());
    }
    clock_.pass(past_recheck);
    EXPECT_EQ(level("a.test"), Level::secure) << "stale, and looked up in the background";
    forget_answers();
    EXPECT_EQ(level("a.test"), Level::secure) << "looked up, and DNS fails";
    ASSERT_TRUE(emptied());
    start();
    EXPECT_EQ(level("a.test"), Level::secure) << "a restart";
    clock_.pass(Seconds(2'592'000));
    EXPECT_EQ(level("a.test"), Level::temp) << "max_age has run out, and the MX are not known";
}

// Postfix waits 100 s for a reply (RFC 8461 §5.1 wants the cached policy first; until it is read no letter goes out).
TEST_F(NoMemory, AStoreThatHangsIsNotWaitedForForEver) {
    settings_.first_lookup_timeout = std::chrono::milliseconds(200);
    forget_answers();
    ASSERT_TRUE(emptied());
    std::promise<void> release;
    const std::shared_future<void> held(release.get_future());
    for (int thread = 0; thread < 2; ++thread) {  // all that the pool has
        process_->work().submit([held] { held.wait(); });
    }
    std::promise<Level> got;
    daemon().ask("a.test", [&](const std::shared_ptr<const Answer>& answer) { got.set_value(answer->decision.level); });
    auto answer = got.get_future();
    const bool in_time = answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    release.set_value();
    EXPECT_TRUE(in_time);
    EXPECT_EQ(answer.get(), in_time ? Level::temp : Level::secure);
    EXPECT_EQ(level("a.test"), Level::secure) << "the store answers again";
}

// RFC 8461 §10.2, design rule 10: also where memory has no room for the policy.
TEST_F(NoMemory, TheDailyRefetchIsMade) {
    host_.answer("200 OK", "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 86400\r\n");
    clock_.pass(Seconds(86'400) + Seconds(2 * 3600));  // and the jitter
    EXPECT_TRUE(eventually([&] {
        const auto entry = stored("a.test");
        return entry && entry->policy && entry->policy->policy.mode == mtasts::Mode::testing;
    }));
    EXPECT_EQ(daemon().counters().daily_refreshes, 1U);
}

TEST_F(NoMemory, AStaleAnswerIsLookedUpAgain) {
    host_.answer("200 OK", "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 86400\r\n");
    publish_id("a.test", "2");
    clock_.pass(past_recheck);
    EXPECT_EQ(level("a.test"), Level::secure);
    EXPECT_TRUE(eventually([&] { return stored("a.test")->policy->id == "2"; }));
    EXPECT_EQ(level("a.test"), Level::none);
}

TEST_F(NoMemory, IsShownExportedAndForgotten) {
    ASSERT_TRUE(explain("a.test").cached);
    EXPECT_TRUE(emptied());
    std::promise<Result<PolicyDaemon::CacheEntry>> shown;
    daemon().cache_entry(name("a.test"),
                         [&](Result<PolicyDaemon::CacheEntry> entry) { shown.set_value(std::move(entry)); });
    EXPECT_EQ(shown.get_future().get().value().policy->id, "1");
    EXPECT_EQ(listed({}).size(), 1U);
    EXPECT_EQ(exported().answers.size(), 1U);
    EXPECT_EQ(refresh("a.test").entry.policy->id, "1");
    EXPECT_TRUE(emptied());
    EXPECT_TRUE(purge("a.test"));
    EXPECT_TRUE(eventually([&] { return !stored("a.test"); }));
    withdraw("a.test");
    EXPECT_EQ(level("a.test"), Level::none);
}

TEST_F(NoMemory, WhatRanOutLeavesTheStore) {
    settings_.refetch_scan = std::chrono::milliseconds(10);
    start();
    clock_.pass(Seconds(2'592'000 - 1));
    EXPECT_TRUE(stored("a.test"));
    clock_.pass(Seconds(3601));
    EXPECT_TRUE(eventually([&] { return !stored("a.test"); }));
}

class ManyDomains : public PolicyDaemonTest {
protected:
    ManyDomains() {
        for (int i = 0; i < many; ++i) {
            dns_.add(one_of_many(i), dns::Type::mx, mx(10, "mx.a.test"), 0);
            dns_.add("mta-sts." + one_of_many(i), dns::Type::a, address("127.0.0.1"));
            publish_id(one_of_many(i), "1");
        }
    }
    void ask_all() {
        for (int i = 0; i < many; ++i) {
            EXPECT_EQ(level(one_of_many(i)), Level::secure);
        }
    }
    std::uint64_t fetches() { return daemon().counters().fetches.load(); }
};

TEST_F(ManyDomains, RefetchesAreSpreadOverTime) {  // the jitter
    settings_.refetch_scan = std::chrono::milliseconds(10);
    settings_.refetch_jitter = Seconds(40'000);
    start();
    ask_all();
    EXPECT_EQ(fetches(), many);
    clock_.pass(Seconds(86'400 + 20'000));
    ASSERT_TRUE(eventually([&] { return fetches() > many; }));
    // Until no more come. (That none, or all, of 30 have a jitter in the first half is one case in 2^29.)
    std::uint64_t before = 0;
    while (std::exchange(before, fetches()) != fetches()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
    EXPECT_LT(fetches(), 2U * many) << "not all of what was fetched together is refetched together";
    clock_.pass(Seconds(20'000));
    EXPECT_TRUE(eventually([&] { return fetches() == 2U * many; }));
}

TEST_F(ManyDomains, BackgroundLookupsAreAFewAtATime) {
    settings_.background_lookups_max = 3;
    start();
    ask_all();
    for (int i = 0; i < many; ++i) {
        publish_id(one_of_many(i), "2");
    }
    clock_.pass(past_recheck);
    host_.hold();
    const auto looked_up_again = [&] {
        int count = 0;
        for (int i = 0; i < many; ++i) {
            count += dns_.queries(name("_mta-sts." + one_of_many(i)), dns::Type::txt) > 1 ? 1 : 0;
        }
        return count;
    };
    for (int i = 0; i < many; ++i) {
        EXPECT_EQ(daemon().known(one_of_many(i))->decision.level, Level::secure) << "answered while looked at again";
    }
    ASSERT_TRUE(eventually([&] { return looked_up_again() == 3; }));
    EXPECT_EQ(level("b.test"), Level::none) << "an MTA's own question does not queue behind them";
    EXPECT_EQ(looked_up_again(), 3);
    host_.release();
    EXPECT_TRUE(eventually([&] { return fetches() == 2U * many; })) << "none is forgotten";
}

TEST_F(ManyDomains, ArePagedThrough) {
    start();
    ask_all();
    std::vector<std::string> expected;
    expected.reserve(many);
    for (int i = 0; i < many; ++i) {
        expected.push_back(one_of_many(i));
    }
    std::ranges::sort(expected);
    std::vector<std::string> seen;
    for (store::PolicyCache::Page page{"", "", 7};; page.after = seen.back()) {
        const auto entries = listed(page);
        for (const auto& entry : entries) {
            seen.push_back(entry.domain.text());
        }
        if (entries.size() < page.limit) {
            break;
        }
    }
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(listed({"", "d1", 100}).size(), 11U) << "d1 and d10 to d19";

    // Half of the answers are only in the store.
    start();
    for (int i = 0; i < many / 2; ++i) {
        EXPECT_EQ(level(one_of_many(i)), Level::secure);
    }
    EXPECT_EQ(level("b.test"), Level::none);
    seen.clear();
    std::string after;
    while (true) {
        const auto page = exported(after, 7);
        EXPECT_LE(page.answers.size(), 7U);
        for (const auto& [key, answer] : page.answers) {
            seen.push_back(key);
        }
        if (!page.next) {
            break;
        }
        EXPECT_GT(*page.next, after);
        after = *page.next;
    }
    EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace postseal::sender
