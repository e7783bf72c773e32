// The life of a cached policy under a fake clock: every function takes `now`.
#include "mtasts/cache.h"

#include <gtest/gtest.h>

#include <string>

namespace postseal::mtasts {
namespace {

using Kind = NextAction::Kind;

constexpr TimePoint t0{Seconds{1'800'000'000}};
constexpr Seconds day{86'400};

TimePoint at(std::int64_t seconds) {
    return t0 + Seconds(seconds);
}

CachedPolicy cached_policy(std::uint32_t max_age_s, Mode mode = Mode::enforce) {
    CachedPolicy cached;
    cached.policy.mode = mode;
    cached.policy.max_age_s = max_age_s;
    cached.id = "a1";
    cached.fetched = t0;
    cached.last_used = t0;
    cached.id_checked = t0;
    cached.id_ttl_s = 300;
    return cached;
}

TxtOutcome usable(const std::string& id) {
    return {TxtState::usable, id};
}
const TxtOutcome absent{TxtState::absent, ""};
const TxtOutcome invalid{TxtState::invalid, ""};  // broken, or two records
const TxtOutcome lookup_failed{TxtState::lookup_failed, ""};

// STS-036, STS-024: RFC 8461 §3.2, max_age counts from the last successful fetch.
TEST(InForce, CountsFromTheLastFetch) {
    std::optional<CachedPolicy> cached = cached_policy(100);
    EXPECT_TRUE(in_force(cached, at(0)));
    EXPECT_TRUE(in_force(cached, at(99)));
    EXPECT_FALSE(in_force(cached, at(100)));
    EXPECT_FALSE(in_force(cached, at(101)));
    cached->id_checked = at(90);  // an equal id in (unauthenticated) DNS does not prolong it
    cached->last_used = at(90);
    EXPECT_FALSE(in_force(cached, at(101)));
    cached->fetched = at(50);  // a refetch does
    EXPECT_TRUE(in_force(cached, at(149)));
    EXPECT_FALSE(in_force(cached, at(150)));
    EXPECT_FALSE(in_force(std::nullopt, at(0)));

    EXPECT_FALSE(in_force(cached_policy(0), at(0))) << "max_age 0 is over as soon as it is stored";
    EXPECT_TRUE(in_force(cached_policy(max_age_max_s), at(max_age_max_s - 1)));
    EXPECT_FALSE(in_force(cached_policy(max_age_max_s), at(max_age_max_s)));
    EXPECT_TRUE(in_force(cached_policy(100), at(-3600))) << "a clock set back ends nothing";
}

// STS-055, STS-056: RFC 8461 §5.1, the cache first; the id is read again in the background once its TTL is over.
TEST(OnRequest, AnswersFromTheCacheAndRechecksTheIdAfterItsTtl) {
    struct Case {
        std::int64_t now;
        std::uint32_t ttl_s;
        OnRequest expected;
        const char* why;
    };
    for (const Case& c : {
             Case{0, 300, OnRequest::answer, "just read"},
             Case{299, 300, OnRequest::answer, "within the TTL"},
             Case{300, 300, OnRequest::answer_and_recheck_id, "the TTL is over"},
             Case{30, 0, OnRequest::answer, "a TTL of 0 is raised to id_recheck_min"},
             Case{60, 0, OnRequest::answer_and_recheck_id, "id_recheck_min is over"},
             Case{86'399, 4'000'000'000, OnRequest::answer, "under id_recheck_max"},
             Case{86'400, 4'000'000'000, OnRequest::answer_and_recheck_id, "a forged TTL of years hides no update"},
             Case{-10, 300, OnRequest::answer_and_recheck_id, "a clock set back"},
             Case{999'999, 300, OnRequest::answer_and_recheck_id, "the last second of its life"},
             Case{1'000'000, 300, OnRequest::look_up, "expired"},
         }) {
        CachedPolicy cached = cached_policy(1'000'000);
        cached.id_ttl_s = c.ttl_s;
        EXPECT_EQ(on_request(cached, at(c.now)), c.expected) << c.why;
    }
    EXPECT_EQ(on_request(std::nullopt, t0), OnRequest::look_up);
    EXPECT_EQ(on_request(cached_policy(0), t0), OnRequest::look_up);
    CacheSettings patient;
    patient.id_recheck_min = Seconds(1000);
    EXPECT_EQ(on_request(cached_policy(1'000'000), at(999), patient), OnRequest::answer);
    EXPECT_EQ(on_request(cached_policy(1'000'000), at(1000), patient), OnRequest::answer_and_recheck_id);
}

TEST(NextAction, Table) {
    struct Case {
        std::optional<CachedPolicy> cached;
        TxtOutcome txt;
        std::int64_t now = 0;
        Kind expected = Kind::none;
        const char* why = "";
    };
    const auto week = cached_policy(7 * 86'400);
    const auto year = cached_policy(max_age_max_s);
    const auto week_none = cached_policy(7 * 86'400, Mode::none);
    const auto hour = cached_policy(3600);
    for (const Case& c : {
             // STS-055, HTTPS-014: nothing cached.
             Case{std::nullopt, usable("a1"), 0, Kind::fetch, "first sight"},
             Case{std::nullopt, absent, 0, Kind::none, "no record"},
             Case{std::nullopt, invalid, 0, Kind::none,
                  "STS-013: an invalid record is no policy, and no HTTPS request"},
             Case{std::nullopt, lookup_failed, 0, Kind::none,
                  "SERVFAIL with nothing cached is no policy, not a deferral"},
             // STS-017, STS-072: only equality of ids counts.
             Case{week, usable("a1"), 400, Kind::keep, "same id: no GET on the delivery path"},
             Case{week, usable("b2"), 400, Kind::fetch, "another id"},
             Case{week, usable("A1"), 400, Kind::fetch, "ids are case-sensitive"},
             Case{week, usable("a0"), 400, Kind::fetch, "no order among ids"},
             Case{year, usable("b2"), 400, Kind::fetch, "however long max_age is"},
             Case{week_none, usable("b2"), 400, Kind::fetch, "whatever the mode"},
             // STS-018, HTTPS-015: no state of TXT ends a policy early.
             Case{hour, absent, 1800, Kind::keep, "record vanished"},
             Case{hour, invalid, 1800, Kind::keep, "two records, or a broken one"},
             Case{hour, lookup_failed, 1800, Kind::keep, "SERVFAIL"},
             Case{week_none, absent, 400, Kind::keep, "none, record gone"},
             // Expired: as if nothing were cached.
             Case{hour, usable("a1"), 3600, Kind::fetch, "expired, same id"},
             Case{hour, absent, 3600, Kind::none, "expired, record gone"},
             Case{hour, lookup_failed, 3600, Kind::none, "expired, SERVFAIL"},
             Case{cached_policy(0), usable("a1"), 1, Kind::fetch, "STS-024: max_age 0 is fetched for each delivery"},
             // STS-070: a due refetch does not care for TXT.
             Case{week, usable("a1"), 86'399, Kind::keep, "not yet due"},
             Case{week, usable("a1"), 86'400, Kind::fetch, "daily, same id"},
             Case{week, absent, 86'400, Kind::fetch, "daily, record blocked"},
             Case{week, invalid, 86'400, Kind::fetch, "daily, record spoilt"},
             Case{week, lookup_failed, 86'400, Kind::fetch, "daily, SERVFAIL"},
             Case{week_none, usable("a1"), 86'400, Kind::fetch, "daily, mode none with its record"},
             Case{week_none, absent, 86'400, Kind::keep, "mode none whose record is gone may run out"},
             Case{week_none, lookup_failed, 86'400, Kind::fetch, "but not on a SERVFAIL"},
         }) {
        const NextAction action = next_action(c.cached, {}, c.txt, at(c.now));
        EXPECT_EQ(action.kind, c.expected) << c.why;
        EXPECT_FALSE(action.not_before.has_value()) << c.why;
    }
}

// HTTPS-009, HTTPS-010: RFC 8461 §3.3, five minutes per id.
TEST(BackOff, FiveMinutesPerId) {
    FetchFailures failures;
    record_failure(failures, "a", at(0));
    EXPECT_EQ(next_action(std::nullopt, failures, usable("a"), at(1)), (NextAction{Kind::none, at(300)}));
    EXPECT_EQ(next_action(std::nullopt, failures, usable("a"), at(299)), (NextAction{Kind::none, at(300)}));
    EXPECT_EQ(next_action(std::nullopt, failures, usable("a"), at(301)), (NextAction{Kind::fetch, std::nullopt}));
    EXPECT_EQ(next_action(std::nullopt, failures, usable("b"), at(10)), (NextAction{Kind::fetch, std::nullopt}))
        << "another id may be tried at once";

    // Ids that alternate do not get round it.
    record_failure(failures, "b", at(10));
    EXPECT_EQ(next_action(std::nullopt, failures, usable("a"), at(20)), (NextAction{Kind::none, at(300)}));
    EXPECT_EQ(next_action(std::nullopt, failures, usable("b"), at(20)), (NextAction{Kind::none, at(310)}));
    EXPECT_EQ(next_action(std::nullopt, failures, absent, at(20)), (NextAction{Kind::none, std::nullopt}));

    // HTTPS-015, STS-018: the old policy holds meanwhile.
    EXPECT_EQ(next_action(cached_policy(7 * 86'400), failures, usable("a"), at(20)), (NextAction{Kind::keep, at(300)}));

    // STS-070: a refetch of an unchanged id is held back alike, also when TXT says nothing.
    failures = {};
    record_failure(failures, "a1", at(86'400));
    const auto week = cached_policy(7 * 86'400);
    EXPECT_EQ(next_action(week, failures, usable("a1"), at(86'500)), (NextAction{Kind::keep, at(86'700)}));
    EXPECT_EQ(next_action(week, failures, absent, at(86'500)), (NextAction{Kind::keep, at(86'700)}));
    EXPECT_EQ(next_action(week, failures, absent, at(86'700)), (NextAction{Kind::fetch, std::nullopt}));

    CacheSettings patient;
    patient.fetch_backoff_min = Seconds(1000);
    failures = {};
    record_failure(failures, "a", at(0));
    EXPECT_EQ(next_action(std::nullopt, failures, usable("a"), at(999), patient), (NextAction{Kind::none, at(1000)}));
}

// HTTPS-010: whoever forges TXT answers can make up a new id each time; ten failed fetches an hour is the end of it.
TEST(BackOff, TenFailuresPerHourOverAllIds) {
    FetchFailures failures;
    int fetches = 0;
    for (int second = 0; second < 2 * 3600; ++second) {
        const std::string id = "x" + std::to_string(second);
        const NextAction action = next_action(std::nullopt, failures, usable(id), at(second));
        if (action.kind == Kind::fetch) {
            ++fetches;
            record_failure(failures, id, at(second));
        } else {
            ASSERT_TRUE(action.not_before.has_value());
            ASSERT_GT(*action.not_before, at(second));
        }
    }
    EXPECT_EQ(fetches, 20);
    EXPECT_LE(failures.recent.size(), 10U);
    const NextAction action = next_action(std::nullopt, failures, usable("new"), at(2 * 3600 - 1));
    EXPECT_EQ(action, (NextAction{Kind::none, at(2 * 3600)}));
    failures = {};  // a fetch that succeeds
    EXPECT_EQ(next_action(std::nullopt, failures, usable("new"), at(2 * 3600 - 1)).kind, Kind::fetch);
}

TEST(BackOff, AClockSetBackDoesNotHoldForEver) {
    FetchFailures failures;
    record_failure(failures, "a", at(1'000'000));
    const NextAction action = next_action(std::nullopt, failures, usable("a"), at(0));
    ASSERT_TRUE(action.not_before.has_value());
    EXPECT_LE(*action.not_before, at(300));
}

// A forged TXT with a new id and a blocked policy host: for the whole life of the policy it holds (design rule 9).
// STS-018, HTTPS-009, HTTPS-015
TEST(Scenario, ForgedIdAndBlockedHttpsDowngradeNobody) {
    std::optional<CachedPolicy> cached = cached_policy(7 * 86'400);
    FetchFailures failures;
    int attempts = 0;
    for (std::int64_t second = 0; second < 7 * 86'400; second += 60) {
        ASSERT_TRUE(in_force(cached, at(second)));
        ASSERT_NE(on_request(cached, at(second)), OnRequest::look_up);
        cached->last_used = at(second);
        const TxtOutcome txt = usable("evil" + std::to_string(second));
        const NextAction action = next_action(cached, failures, txt, at(second));
        ASSERT_NE(action.kind, Kind::none);
        if (action.kind == Kind::fetch) {
            ++attempts;
            record_failure(failures, id_for_fetch(cached, txt), at(second));
        }
    }
    EXPECT_LE(attempts, 7 * 24 * 10);
    EXPECT_FALSE(in_force(cached, at(7 * 86'400)));
}

// STS-072: RFC 8461 §10.3, a live policy with another id replaces a cached one at once.
TEST(Scenario, EnforceOfAYearBecomesNone) {
    std::optional<CachedPolicy> cached = cached_policy(max_age_max_s);
    ASSERT_EQ(on_request(cached, at(300)), OnRequest::answer_and_recheck_id);
    ASSERT_EQ(next_action(cached, {}, usable("b2"), at(300)).kind, Kind::fetch);
    cached = cached_policy(60, Mode::none);
    cached->id = "b2";
    cached->fetched = at(301);
    EXPECT_EQ(next_action(cached, {}, usable("b2"), at(302)).kind, Kind::keep);
    EXPECT_EQ(cached->policy.mode, Mode::none);
}

// STS-070: RFC 8461 §10.2.
TEST(NextRefetch, Table) {
    struct Case {
        std::uint32_t max_age_s = 0;
        std::int64_t last_used = 0;
        std::int64_t now = 0;
        std::optional<std::int64_t> expected;
        const char* why = "";
    };
    constexpr std::int64_t one_day = 86'400;
    for (const Case& c : {
             Case{7 * 86'400, 0, 10, one_day, "daily"},
             Case{7 * 86'400, 0, 2 * one_day, one_day, "overdue: the moment lies in the past"},
             Case{max_age_max_s, 0, 29 * one_day, one_day, "asked for within 30 days"},
             Case{max_age_max_s, 0, 30 * one_day, one_day, "exactly 30 days"},
             Case{max_age_max_s, 0, 30 * one_day + 1, std::nullopt, "nobody asked for 30 days"},
             Case{max_age_max_s, 40 * one_day, 40 * one_day, one_day, "and asked for again"},
             Case{7 * 86'400, 0, 7 * one_day, std::nullopt, "expired"},
             Case{86'400, 50, 60, one_day / 2, "a day: at half its life, before it runs out"},
             Case{86'400, 0, 60, std::nullopt, "a day, not asked for since the fetch"},
             Case{3600, 50, 60, 1800, "an hour, in use"},
             Case{600, 50, 60, 300, "never more often than the back-off"},
             Case{300, 50, 60, std::nullopt, "too short to be kept fresh"},
             Case{1, 0, 0, std::nullopt, "a second"},
             Case{0, 0, 0, std::nullopt, "max_age 0"},
         }) {
        CachedPolicy cached = cached_policy(c.max_age_s);
        cached.last_used = at(c.last_used);
        const auto due = next_refetch(cached, at(c.now));
        const auto expected = c.expected ? std::optional(at(*c.expected)) : std::nullopt;
        EXPECT_EQ(due, expected) << c.why;
    }
}

// Fetched while the clock ran ahead by years: without a refetch its daily look and its end would be as far away.
TEST(NextRefetch, IsDueAtOnceWhenTheClockHasBeenSetBack) {
    const CachedPolicy cached = cached_policy(7 * 86'400);
    EXPECT_EQ(next_refetch(cached, at(-1)), at(-1));
    EXPECT_EQ(next_refetch(cached, t0 - 400 * day), t0 - 400 * day);
    const NextAction next = next_action(cached, {}, lookup_failed, t0 - 400 * day);
    EXPECT_EQ(next.kind, Kind::fetch);
    EXPECT_TRUE(in_force(cached, t0 - 400 * day)) << "and it holds until then";
}

TEST(NextRefetch, AYearOfDailyFetchesKeepsThePolicyAliveWithoutTxt) {  // STS-070, STS-036
    std::optional<CachedPolicy> cached = cached_policy(7 * 86'400);
    for (int d = 1; d <= 365; ++d) {
        const TimePoint now = t0 + d * day;
        cached->last_used = now - Seconds(3600);
        ASSERT_EQ(next_refetch(*cached, now), std::optional(now));
        ASSERT_EQ(next_action(cached, {}, lookup_failed, now).kind, Kind::fetch);
        ASSERT_EQ(id_for_fetch(cached, lookup_failed), "a1");
        cached->fetched = now;
        ASSERT_TRUE(in_force(cached, now + 6 * day));
    }
}

TEST(IdForFetch, IsTheOneReadBefore) {
    EXPECT_EQ(id_for_fetch(std::nullopt, usable("n1")), "n1");
    EXPECT_EQ(id_for_fetch(cached_policy(60), usable("n1")), "n1");
    EXPECT_EQ(id_for_fetch(cached_policy(60), absent), "a1");
    EXPECT_EQ(id_for_fetch(std::nullopt, absent), "");
}

// STS-071: RFC 8461 §3.3, §10.2.
TEST(RefreshOverdue, Table) {
    struct Case {
        Mode mode;
        std::uint32_t max_age_s;
        std::int64_t failed_at;  // 0: no failure since the fetch
        std::int64_t now;
        bool expected;
        const char* why;
    };
    constexpr std::int64_t one_day = 86'400;
    for (const Case& c : {
             Case{Mode::enforce, 7 * 86'400, 3 * one_day, 3 * one_day, true, "three refetches missed"},
             Case{Mode::testing, 7 * 86'400, 3 * one_day, 3 * one_day, true, "testing too"},
             Case{Mode::enforce, 7 * 86'400, one_day, 2 * one_day, false, "one bad day"},
             Case{Mode::none, 7 * 86'400, 3 * one_day, 3 * one_day, false, "mode none protects nothing"},
             Case{Mode::enforce, 7 * 86'400, 0, 5 * one_day, false, "not refetched because nobody asked"},
             Case{Mode::enforce, 7 * 86'400, 3 * one_day, 7 * one_day, false, "expired: too late for a warning"},
             Case{Mode::enforce, 3600, 1800, 2700, true, "short-lived: the last quarter"},
             Case{Mode::enforce, 3600, 1800, 2699, false, "short-lived: earlier"},
         }) {
        FetchFailures failures;
        if (c.failed_at != 0) {
            record_failure(failures, "a1", at(c.failed_at));
        }
        EXPECT_EQ(refresh_overdue(cached_policy(c.max_age_s, c.mode), failures, at(c.now)), c.expected) << c.why;
    }
}

}  // namespace
}  // namespace postseal::mtasts
