#include "hosting/readiness.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

const TimePoint now{std::chrono::sys_days(std::chrono::year(2027) / 1 / 15) + std::chrono::hours(12)};
const auto day = std::chrono::days(1);

MxHost host(std::string_view name) {
    MxHost made;
    made.host = *dns::Name::parse(name);
    made.probed = now;
    made.starttls = true;
    return made;
}

ReadinessFacts clean() {
    ReadinessFacts facts;
    facts.testing_since = now - 14 * day;
    facts.policy_mx = {*mtasts::MxPattern::parse("mx.example.com")};
    facts.watch.hosts = {host("mx.example.com")};
    facts.watch.dnssec = "insecure";
    facts.watch.looked = now;
    return facts;
}

store::StoredReport report(store::Trust trust, const std::string& result_type, TimePoint end = now,
                           const std::string& submitter = "sender.example") {
    store::StoredReport stored;
    stored.trust = trust;
    stored.received = end;
    stored.submitter = submitter;
    stored.report.begin = end - day + Seconds(1);
    stored.report.end = end;
    tlsrpt::PolicyResult policy;
    policy.policy_type = "sts";
    policy.successful = 5;
    if (!result_type.empty()) {
        policy.failed = 2;
        tlsrpt::FailureDetail failure;
        failure.result_type = result_type;
        failure.sessions = 2;
        failure.receiving_mx_hostname = "mx.example.com";
        policy.failures.push_back(failure);
    }
    stored.report.policies.push_back(policy);
    return stored;
}

std::string failed(const Readiness& readiness) {
    std::string ids;
    for (const Condition& condition : readiness.conditions) {
        EXPECT_FALSE(condition.proof.empty()) << condition.id;
        if (condition.status == "failed") {
            ids += condition.id + " ";
        }
    }
    EXPECT_EQ(readiness.ready, ids.empty());
    return ids;
}

std::string failed(ReadinessFacts facts, const std::vector<store::StoredReport>& reports = {}) {
    facts.refusals = refusals_in(reports, reports_count_from(facts.testing_since, 14, now));
    return failed(judge_readiness(facts, 14, now));
}

// Rule 4.
TEST(Readiness, opens_only_when_everything_is_clean) {
    EXPECT_EQ(failed(clean()), "") << "no trusted report is unknown, not failed";
    EXPECT_EQ(judge_readiness(clean(), 14, now).conditions[1].status, "unknown");
    {
        auto facts = clean();
        facts.testing_since = now - 14 * day + Seconds(1);
        EXPECT_EQ(failed(facts), "testing-days ");
        facts.testing_since.reset();
        EXPECT_EQ(failed(facts), "testing-days ") << "never tested";
    }
    {
        auto facts = clean();
        facts.watch.hosts.push_back(host("mx2.example.com"));
        EXPECT_EQ(failed(facts), "mx-in-policy ");
        facts.watch.hosts.back() = host("mx.example.com");
        facts.watch.hosts.back().problem_code = "starttls-missing";
        facts.watch.hosts.back().problem = "x";
        EXPECT_EQ(failed(facts), "mx-probes ");
        facts.watch.hosts.back() = host("mx.example.com");
        facts.watch.hosts.back().probed.reset();
        EXPECT_EQ(failed(facts), "mx-probes ") << "not probed is not clean";
        facts.watch.hosts.clear();
        EXPECT_EQ(failed(facts), "mx-probes mx-in-policy ") << "no host at all";
    }
    {
        auto facts = clean();
        facts.drift.fresh = {{*dns::Name::parse("mx9.example.net"), Vouched::by_nobody, true, false, "it waits"}};
        EXPECT_EQ(failed(facts), "no-drift ");
        facts.drift.fresh[0].add = true;
        EXPECT_EQ(failed(facts), "") << "what is added by itself waits for nobody";
    }
    {
        auto facts = clean();
        facts.drift.undecided = true;
        facts.watch.dnssec = "unknown";
        EXPECT_EQ(failed(facts), "") << "a resolver that is silent just now is unknown, not failed";
        facts.watch.dnssec = "bogus";
        EXPECT_EQ(failed(facts), "no-drift ") << "nobody can believe these MX records";
    }
}

TEST(Readiness, counts_only_what_trusted_reports_say_of_the_time_in_testing) {
    struct {
        store::StoredReport report;
        const char* failed = nullptr;
        const char* status = nullptr;
        const char* why = nullptr;
    } const cases[] = {
        {report(store::Trust::unverified, "certificate-expired"), "", "unknown", "anybody can post that"},
        {report(store::Trust::network, "certificate-expired"), "", "unknown", "rule 18: known and operator"},
        {report(store::Trust::aligned, "certificate-expired"), "", "unknown", "rule 18: known and operator"},
        {report(store::Trust::operator_, "certificate-expired"), "reports-clean ", "failed", "imported by hand"},
        {report(store::Trust::known, "starttls-not-supported"), "reports-clean ", "failed", ""},
        {report(store::Trust::known, "sts-policy-fetch-error"), "", "ok", "without a policy nothing is refused"},
        {report(store::Trust::known, ""), "", "ok", ""},
        {report(store::Trust::known, "certificate-expired", now - 15 * day), "", "unknown", "before testing began"},
        {report(store::Trust::known, "certificate-expired", now - 13 * day), "reports-clean ", "failed",
         "within the days that are asked for"},
    };
    for (const auto& one : cases) {
        EXPECT_EQ(failed(clean(), {one.report}), one.failed) << one.why;
        auto facts = clean();
        facts.refusals = refusals_in({one.report}, reports_count_from(facts.testing_since, 14, now));
        EXPECT_EQ(judge_readiness(facts, 14, now).conditions[1].status, one.status) << one.why;
    }
    auto long_tested = clean();
    long_tested.testing_since = now - 300 * day;
    EXPECT_EQ(failed(long_tested, {report(store::Trust::known, "certificate-expired", now - 200 * day)}), "")
        << "a fault of half a year ago does not keep the gate shut for ever";
    EXPECT_EQ(failed(long_tested, {report(store::Trust::known, "certificate-expired", now - 20 * day)}),
              "reports-clean ");
}

// "2 of 183,400 sessions".
TEST(Readiness, says_what_enforcing_would_have_refused) {
    auto tlsa = report(store::Trust::known, "validation-failure");
    tlsa.report.policies[0].policy_type = "tlsa";
    const Refusals found = refusals_in(
        {report(store::Trust::known, "certificate-expired", now), report(store::Trust::known, "", now - day),
         report(store::Trust::known, "certificate-expired", now - day, "other.example"),
         report(store::Trust::unverified, "certificate-expired", now), tlsa},
        now - 10 * day);
    EXPECT_EQ(found.sessions, 19);
    EXPECT_EQ(found.refused, 4);
    ASSERT_EQ(found.days.size(), 2U);
    EXPECT_LT(found.days[0].day, found.days[1].day);
    EXPECT_EQ(found.days[0].sessions, 12);
    EXPECT_EQ(found.days[0].refused, 2);
    ASSERT_EQ(found.senders.size(), 2U);
    EXPECT_EQ(found.senders[0], (Refusals::OfSender{"sender.example", 12, 2})) << "more sessions first";
    ASSERT_EQ(found.causes.size(), 1U);
    EXPECT_EQ(found.causes[0], (Refusals::OfCause{"certificate-expired", "mx.example.com", 4}));
}

TEST(Promotion, only_when_asked_for_and_green_for_long_enough) {
    PromotionFacts due;
    due.mode = mtasts::Mode::testing;
    due.ready = true;
    due.after_days = 7;
    due.ready_since = now - 7 * day;
    due.mx_unchanged_since = now - 30 * day;
    EXPECT_TRUE(promotion_due(due, now));
    struct {
        void (*change)(PromotionFacts&);
        const char* why;
    } const cases[] = {
        {[](PromotionFacts& facts) { facts.after_days.reset(); }, "nobody asked"},
        {[](PromotionFacts& facts) { facts.ready = false; }, "not ready now"},
        {[](PromotionFacts& facts) { facts.ready_since = now - 7 * day + Seconds(1); }, "a second too early"},
        {[](PromotionFacts& facts) { facts.ready_since.reset(); }, "not known since when"},
        {[](PromotionFacts& facts) { facts.mx_unchanged_since = now - 2 * day; }, "the mx list is younger: forged?"},
        {[](PromotionFacts& facts) { facts.mx_unchanged_since.reset(); }, "no policy"},
        {[](PromotionFacts& facts) { facts.mode = mtasts::Mode::none; }, "its owner has paused it"},
        {[](PromotionFacts& facts) { facts.mode = mtasts::Mode::enforce; }, "it is there"},
    };
    for (const auto& one : cases) {
        PromotionFacts facts = due;
        one.change(facts);
        EXPECT_FALSE(promotion_due(facts, now)) << one.why;
    }
}

}  // namespace
}  // namespace postseal::hosting
