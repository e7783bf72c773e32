#include "hosting/fetch_log.h"
#include "hosting/retirement.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace postseal::hosting {
namespace {

using namespace std::chrono_literals;
using store::FetchCount;
using store::FetchGap;
using store::FetchSpan;

const TimePoint start{Seconds(1'790'000'000)};

class FixedClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return start; }
};
class SilentLog final : public Log {
public:
    void write(LogLevel /*level*/, std::string_view /*component*/, std::string_view /*message*/) override {}
};

dns::IpAddress ip(const char* text) {
    return dns::IpAddress::parse(text).value();
}

TEST(KnownSenders, AreKnownByWhatTheySayOrWhereTheyAre) {
    struct Case {
        const char* agent;
        const char* peer;
        const char* id;
        const char* why;
    };
    const std::vector<Case> cases = {
        {"postfix-tlspol/1.8.0", "192.0.2.1", "postfix-tlspol", "a program"},
        {"postfix-mta-sts-resolver", "192.0.2.1", "postfix-mta-sts-resolver", "another"},
        {"mox/v0.0.15", "192.0.2.1", "mox", "another"},
        {"Stalwart/1.0.0", "192.0.2.1", "stalwart", "whatever the case"},
        {"Postseal/0.1.0", "192.0.2.1", "postseal", "ourselves, at somebody else's"},
        {"", "209.85.220.41", "google", "says nothing, comes from there"},
        {"Google-SMTP-STS", "192.0.2.1", "google", "says so"},
        {"Microsoft Exchange", "192.0.2.1", "microsoft", "says so"},
        {"", "2a02:6b8::25", "yandex", "IPv6"},
        {"Mail.Ru", "192.0.2.1", "mail.ru", "says so"},
        {"curl/7.88.1", "209.85.220.41", "curl", "what it says comes first"},
        {"Mozilla/5.0 (X11; Linux x86_64)", "192.0.2.1", "mozilla", "a browser, or a pretence"},
        {"Foo-Bar_1.2 (x)", "192.0.2.1", "foo-bar_1.2", "unknown: its first product"},
        {"", "192.0.2.1", "unknown", "says nothing"},
        {"<script>", "192.0.2.1", "unknown", "no product"},
        {"\xd0\xb0", "192.0.2.1", "unknown", "no product"},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(sender_id(one.agent, ip(one.peer)), one.id) << one.why;
    }
    EXPECT_EQ(sender_id(std::string(1000, 'a'), std::nullopt).size(), 40U);
    EXPECT_EQ(known_sender("google").kind, SenderKind::provider);
    EXPECT_EQ(known_sender("google").name, "Google");
    EXPECT_EQ(known_sender("mox").kind, SenderKind::software);
    EXPECT_EQ(known_sender("curl").kind, SenderKind::checker);
    EXPECT_EQ(known_sender("foo").kind, SenderKind::unknown);
}

// What the writer was given.
struct Recorder {
    std::mutex mutex;
    std::condition_variable changed;
    bool block = false;
    bool fail = false;
    int calls = 0;
    std::vector<FetchCount> counts;
    std::vector<FetchGap> gaps;
    FetchSpan span;

    FetchLog::Target target() {
        return {[this](const auto& more, const FetchSpan& now, const auto& missing) -> Result<void> {
                    std::unique_lock lock(mutex);
                    ++calls;
                    changed.notify_all();
                    changed.wait(lock, [this] { return !block; });
                    if (fail) {
                        return Error{Errc::unavailable, "", "the disk is full"};
                    }
                    counts.insert(counts.end(), more.begin(), more.end());
                    gaps.insert(gaps.end(), missing.begin(), missing.end());
                    span = now;
                    changed.notify_all();
                    return {};
                },
                [](Day, Day) -> Result<void> { return {}; }};
    }
    template <class Condition>
    void wait(Condition condition) {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(changed.wait_for(lock, 20s, condition));
    }
    [[nodiscard]] std::int64_t fetches() const {
        std::int64_t sum = 0;
        for (const FetchCount& count : counts) {
            sum += count.fetches;
        }
        return sum;
    }
};

FetchLogSettings quick() {
    FetchLogSettings settings;
    settings.node = "node";
    settings.flush_every = 5ms;
    settings.heartbeat = 1s;
    return settings;
}

TEST(FetchLog, WritesCountsAndClosesItsSpan) {
    Recorder recorder;
    const FixedClock clock;
    SilentLog silent;
    FetchLog log(quick(), recorder.target(), clock, silent);
    for (int i = 0; i < 3; ++i) {
        log.note(1, 2, "mox/1", ip("192.0.2.77"));
    }
    log.note(1, 2, "mox/1", ip("198.51.100.1"));
    log.note(1, 2, read_back_agent, ip("192.0.2.1"));
    log.note(1, 2, "x", std::nullopt);
    log.stop();
    EXPECT_EQ(recorder.fetches(), 5) << "our own reading back is none";
    for (const FetchCount& count : recorder.counts) {
        EXPECT_EQ(count.domain, 1);
        EXPECT_EQ(count.version, 2);
        EXPECT_EQ(count.last, start);
        EXPECT_TRUE(count.network == "192.0.2.0/24" || count.network == "198.51.100.0/24" || count.network.empty());
    }
    EXPECT_TRUE(recorder.span.closed);
    EXPECT_TRUE(recorder.gaps.empty());
}

TEST(FetchLog, KeepsOfAnAddressWhatItMay) {
    for (const auto& [how, kept] : {std::pair(FetchLogSettings::Addresses::none, ""),
                                    {FetchLogSettings::Addresses::network, "2001:db8:1::/48"},
                                    {FetchLogSettings::Addresses::full, "2001:db8:1:2::3"}}) {
        Recorder recorder;
        const FixedClock clock;
        SilentLog silent;
        FetchLogSettings settings = quick();
        settings.addresses = how;
        FetchLog log(settings, recorder.target(), clock, silent);
        log.note(1, 1, "mox/1", ip("2001:db8:1:2::3"));
        log.stop();
        ASSERT_EQ(recorder.counts.size(), 1U);
        EXPECT_EQ(recorder.counts[0].network, kept);
    }
}

// A fetch never waits for the store, and what has no room is known to be missing.
TEST(FetchLog, AStoreThatHangsCostsNoFetchAndLeavesAGap) {
    Recorder recorder;
    recorder.block = true;
    const FixedClock clock;
    SilentLog silent;
    FetchLogSettings settings = quick();
    settings.waiting_max = 10;
    FetchLog log(settings, recorder.target(), clock, silent);
    recorder.wait([&] { return recorder.calls == 1; });  // the writer hangs
    for (int i = 0; i < 100; ++i) {
        log.note(i, 1, "mox/1", ip("192.0.2.1"));
        log.note(1, 1, "mox/1", ip("192.0.2.1"));  // a row that is there has room
    }
    EXPECT_EQ(log.counters().dropped.load(), 90U);
    EXPECT_EQ(log.counters().waiting.load(), 10U);
    {
        const std::lock_guard lock(recorder.mutex);
        recorder.block = false;
    }
    recorder.changed.notify_all();
    log.stop();
    EXPECT_EQ(recorder.fetches(), 110);
    ASSERT_EQ(recorder.gaps.size(), 1U);
    EXPECT_EQ(recorder.gaps[0].lost, 90);
}

TEST(FetchLog, WhatTheStoreRefusesIsTriedAgain) {
    Recorder recorder;
    recorder.fail = true;
    const FixedClock clock;
    SilentLog silent;
    FetchLog log(quick(), recorder.target(), clock, silent);
    log.note(1, 1, "mox/1", ip("192.0.2.1"));
    recorder.wait([&] { return recorder.calls >= 3; });
    log.note(1, 1, "mox/1", ip("192.0.2.1"));
    {
        const std::lock_guard lock(recorder.mutex);
        recorder.fail = false;
    }
    log.stop();
    EXPECT_EQ(recorder.fetches(), 2);
    EXPECT_TRUE(recorder.gaps.empty());
    EXPECT_GE(log.counters().flush_failures.load(), 2U);
}

TEST(FetchLog, ForgedNamesAreBounded) {
    Recorder recorder;
    const FixedClock clock;
    SilentLog silent;
    FetchLogSettings settings = quick();
    settings.senders_per_day_max = 5;
    FetchLog log(settings, recorder.target(), clock, silent);
    for (int i = 0; i < 100; ++i) {
        log.note(1, 1, "forged" + std::to_string(i), ip("192.0.2.1"));
    }
    log.note(1, 1, "forged0", ip("192.0.2.1"));
    log.note(2, 1, "mox/1", ip("192.0.2.1"));
    log.stop();
    std::map<std::string, std::int64_t> sums;
    for (const FetchCount& count : recorder.counts) {
        sums[count.agent] += count.fetches;
    }
    EXPECT_EQ(sums.size(), 7U);
    EXPECT_EQ(sums["other"], 95);
    EXPECT_EQ(sums["forged0"], 2) << "whoever was there first stays";
    EXPECT_EQ(sums["mox"], 1) << "another domain has room of its own";
}

// ---- What follows

TimePoint day(int number) {
    return start + std::chrono::days(number);
}

store::PolicyVersion version_of(std::int64_t number, mtasts::Mode mode, int max_age_days, int made,
                                std::optional<int> replaced) {
    store::PolicyVersion version;
    version.domain = 1;
    version.version = number;
    version.mode = mode;
    version.max_age_s = max_age_days * 86'400LL;
    version.made = day(made);
    version.last_served = replaced ? std::optional(day(*replaced)) : std::nullopt;
    return version;
}

FetchCount fetched(std::int64_t version, const char* agent, const char* network, int first, int last) {
    return {1, version, agent, network, std::chrono::floor<std::chrono::days>(day(last)), 1, day(first), day(last)};
}

FetchCoverage complete() {
    return coverage_of({{"a", day(-10), day(100), false}}, {});
}

TEST(FetchCoverage, IsWhatEveryNodeKnows) {
    struct Case {
        std::vector<FetchSpan> spans;
        std::vector<FetchGap> gaps;
        bool covered;  // day 0 to day 10
        const char* why;
    };
    const std::vector<Case> cases = {
        {{{"a", day(-1), day(11), false}}, {}, true, "one node all the time"},
        {{{"a", day(-1), day(3), true}, {"a", day(5), day(11), false}},
         {},
         true,
         "it served nothing while it was down"},
        {{{"a", day(-1), day(11), true}}, {}, true, "no node runs any more"},
        {{}, {}, false, "no log at all"},
        {{{"a", day(1), day(11), false}}, {}, false, "begun after the first day"},
        {{{"a", day(-1), day(9), false}}, {}, false, "not written up to the end"},
        {{{"a", day(-1), day(11), false}, {"b", day(2), day(11), false}}, {}, false, "a node that came later"},
        {{{"a", day(-1), day(11), false}, {"b", day(-2), day(8), false}}, {}, false, "a node behind the others"},
        {{{"a", day(-1), day(11), false}}, {{"a", day(4), day(4), 1}}, false, "something was dropped"},
        {{{"a", day(-1), day(11), false}}, {{"a", day(10), day(12), 0}}, false, "a gap that begins on the last day"},
        {{{"a", day(-1), day(11), false}}, {{"a", day(-1), day(-1), 1}}, true, "dropped before"},
        {{{"a", day(-1), day(20), false}}, {{"a", day(12), day(12), 1}}, true, "dropped after"},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(coverage_of(one.spans, one.gaps).covers(day(0), day(10)), one.covered) << one.why;
    }
}

// Rule 6, RFC 8461 §8.3
TEST(AsHeld, ShortensARetirementOnlyByProof) {
    Versions versions = {version_of(1, mtasts::Mode::testing, 1, 0, 10),
                         version_of(2, mtasts::Mode::enforce, 100, 10, 40),
                         version_of(3, mtasts::Mode::none, 1, 40, std::nullopt)};
    versions[1].body_live = day(10);
    versions[2].body_live = day(40);
    const auto bound = [&](const std::vector<FetchCount>& counts, const FetchCoverage& coverage) {
        return proven_bound(versions, {counts, coverage}, day(40));
    };
    const TimePoint unproven = retirement_bound(versions, day(40));
    const std::vector<FetchCount> early = {fetched(1, "google", "", 1, 9), fetched(2, "google", "", 11, 15)};

    EXPECT_EQ(bound(early, complete()), unproven - std::chrono::days(25)) << "fetched last on day 15, not on day 40";
    EXPECT_EQ(bound({fetched(2, "curl", "", 11, 15)}, complete()), unproven - std::chrono::days(25))
        << "whoever it says it is";
    EXPECT_EQ(bound({fetched(2, "a", "", 11, 12), fetched(2, "b", "", 11, 30)}, complete()),
              unproven - std::chrono::days(10))
        << "the last of all senders counts";
    EXPECT_LT(bound({}, complete()), day(43)) << "nobody ever fetched what was enforced";
    EXPECT_EQ(bound(early, coverage_of({}, {})), unproven) << "no log";
    EXPECT_EQ(bound(early, coverage_of({{"a", day(-1), day(100), false}, {"b", day(20), day(100), false}}, {})),
              unproven)
        << "one node's log begins too late";
    EXPECT_EQ(bound(early, coverage_of({{"a", day(-1), day(39), false}}, {})), unproven) << "not written to the end";
    EXPECT_EQ(bound(early, coverage_of({{"a", day(-1), day(100), false}}, {{"a", day(20), day(21), 0}})), unproven)
        << "a gap while it was served";
    EXPECT_EQ(bound(early, coverage_of({{"a", day(-1), day(100), false}}, {{"a", day(5), day(6), 0}})),
              unproven - std::chrono::days(25))
        << "a gap that concerns another version";
    // The old body may be served until every node was seen with the new one.
    versions[2].body_live = day(42);
    EXPECT_EQ(bound(early, complete()), unproven - std::chrono::days(25));
    EXPECT_EQ(bound(early, coverage_of({{"a", day(-1), day(41), false}}, {})), retirement_bound(versions, day(40)));
    versions[2].body_live.reset();
    EXPECT_EQ(bound(early, complete()), unproven) << "which no node was yet";
    versions[2].body_live = day(40);
    // Never later than without the log, and what is served now is not touched.
    EXPECT_EQ(as_held(versions, early, complete()).back().version, 3);
    EXPECT_LE(bound({fetched(2, "google", "", 11, 40)}, complete()), unproven);
}

TEST(FetchesByVersion, SaysWhoMayHoldWhat) {
    const Versions versions = {version_of(1, mtasts::Mode::enforce, 10, 0, 10),
                               version_of(2, mtasts::Mode::enforce, 10, 10, std::nullopt)};
    const std::vector<FetchCount> counts = {fetched(1, "google", "192.0.2.0/24", 1, 4),
                                            fetched(1, "google", "198.51.100.0/24", 2, 6),
                                            fetched(1, "mox", "192.0.2.0/24", 1, 2),
                                            fetched(1, "mox", "198.51.100.0/24", 1, 5), fetched(2, "curl", "", 11, 11)};
    const auto all = fetches_by_version(versions, counts, complete(), day(12));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].version->version, 2) << "newest first";
    EXPECT_EQ(all[0].held_until, day(22)) << "whoever asks now gets it";
    ASSERT_EQ(all[0].senders.size(), 1U);
    EXPECT_EQ(all[0].senders[0].kind, SenderKind::checker);

    EXPECT_TRUE(all[1].proven);
    EXPECT_EQ(all[1].held_until, day(16)) << "by the last fetch";
    ASSERT_EQ(all[1].senders.size(), 3U) << "a provider is one sender, a program one in each network";
    EXPECT_EQ(all[1].senders[0].name, "Google");
    EXPECT_EQ(all[1].senders[0].fetches, 2);
    EXPECT_EQ(all[1].senders[0].networks.size(), 2U);
    EXPECT_EQ(all[1].senders[0].first, day(1));
    EXPECT_EQ(all[1].senders[0].may_hold_until, day(16));
    EXPECT_EQ(all[1].senders[2].may_hold_until, day(12));

    const auto unproven = fetches_by_version(versions, counts, coverage_of({}, {}), day(12));
    EXPECT_FALSE(unproven[1].proven);
    EXPECT_EQ(unproven[1].held_until, day(20)) << "without proof, by when it was served last";

    EXPECT_EQ(senders_enforcing(versions, counts, complete(), day(12)), 2)
        << "google and the later mox; a checker sends no mail";
    EXPECT_EQ(senders_enforcing(versions, counts, coverage_of({}, {}), day(12)), std::nullopt);
    EXPECT_EQ(senders_enforcing(versions, counts, complete(), day(30)), 0);
}

TEST(FetchesByVersion, NoneBindsNobody) {
    const Versions versions = {version_of(1, mtasts::Mode::none, 10, 0, std::nullopt)};
    const std::vector<FetchCount> counts = {fetched(1, "google", "", 1, 4)};
    const auto all = fetches_by_version(versions, counts, complete(), day(12));
    EXPECT_EQ(all[0].held_until, std::nullopt);
    EXPECT_EQ(all[0].senders.at(0).may_hold_until, std::nullopt);
}

}  // namespace
}  // namespace postseal::hosting
