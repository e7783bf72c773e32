#include "tlsrpt/aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tlsrpt/testing.h"

namespace postseal::tlsrpt {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Day day{std::chrono::sys_days{2026y / 1 / 31}};

dns::Name name(std::string_view text) {
    return dns::Name::parse(text).value();
}

SessionPolicy sts(std::string_view mode, bool failed = false) {
    SessionPolicy policy;
    policy.failed = failed;
    policy.policy.policy_type = "sts";
    policy.policy.policy_domain = "receiver.example";
    policy.policy.policy_strings = {"version: STSv1", "mode: " + std::string(mode)};
    policy.policy.mx_hosts = {"mx.receiver.example"};
    return policy;
}
SessionPolicy tlsa(bool failed = false) {
    SessionPolicy policy;
    policy.failed = failed;
    policy.policy.policy_type = "tlsa";
    policy.policy.policy_domain = "mx.receiver.example";
    policy.policy.policy_strings = {"3 1 1 AA"};
    return policy;
}
SessionPolicy with(SessionPolicy policy, std::string_view type, std::string_view reason) {
    FailureDetail failure;
    failure.result_type = type;
    failure.sessions = 1;
    failure.reason_code = std::string(reason);
    policy.policy.failures.push_back(std::move(failure));
    return policy;
}
Session session(std::vector<SessionPolicy> policies, std::string_view domain = "receiver.example") {
    Session result;
    result.domain = name(domain);
    result.record = "v=TLSRPTv1; rua=mailto:a@receiver.example";
    result.policies = std::move(policies);
    return result;
}

// RPT-035: successes are counted and reported also without a failure.
TEST(Aggregate, counts_sessions) {
    Aggregate aggregate;
    EXPECT_TRUE(aggregate.empty());
    for (int i = 0; i < 100; ++i) {
        aggregate.add(day, session({sts("enforce")}));
    }
    aggregate.add(day, session({with(sts("enforce", true), "certificate-expired", "x")}));
    aggregate.add(day, session({with(sts("enforce", true), "certificate-expired", "x")}));
    aggregate.add(day, session({with(sts("enforce", true), "certificate-expired", "y")}));
    const auto counts = aggregate.take();
    EXPECT_TRUE(aggregate.empty());
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].day, day);
    EXPECT_EQ(counts[0].domain.text(), "receiver.example");
    EXPECT_EQ(counts[0].record, "v=TLSRPTv1; rua=mailto:a@receiver.example");
    EXPECT_EQ(counts[0].policy.successful, 100U);
    EXPECT_EQ(counts[0].policy.failed, 3U);
    ASSERT_EQ(counts[0].policy.failures.size(), 2U);
    EXPECT_EQ(counts[0].policy.failures[0].sessions, 2U);
    EXPECT_EQ(counts[0].policy.failures[1].sessions, 1U);
}

// RPT-031: one session under two failures; the final result alone decides what it counts as.
TEST(Aggregate, counts_failures_apart_from_the_final_result) {
    Aggregate aggregate;
    aggregate.add(day,
                  session({with(with(sts("testing"), "certificate-expired", "a"), "certificate-host-mismatch", "b")}));
    aggregate.add(day, session({sts("testing", true)}));
    const auto counts = aggregate.take();
    EXPECT_EQ(counts.at(0).policy.successful, 1U);
    EXPECT_EQ(counts.at(0).policy.failed, 1U);
    EXPECT_EQ(counts.at(0).policy.failures.size(), 2U);
}

// Rule 19: STS and TLSA of one session are two entries, never a sum. Rule 15: one policy named twice is one session.
TEST(Aggregate, keeps_policies_of_a_session_apart) {
    Aggregate aggregate;
    aggregate.add(day, session({sts("enforce"), tlsa(true), tlsa(false), tlsa(true)}));
    aggregate.add(day, session({tlsa(false), tlsa(true)}));
    const auto counts = aggregate.take();
    ASSERT_EQ(counts.size(), 2U);
    EXPECT_EQ(counts[0].policy.policy_type, "sts");
    EXPECT_EQ(counts[0].policy.successful, 1U);
    EXPECT_EQ(counts[1].policy.policy_type, "tlsa");
    EXPECT_EQ(counts[1].policy.successful, 0U);
    EXPECT_EQ(counts[1].policy.failed, 2U);
}

// RPT-032: the policy changed at noon.
TEST(Aggregate, groups_by_the_policy_applied) {
    Aggregate aggregate;
    aggregate.add(day, session({sts("testing")}));
    aggregate.add(day, session({sts("enforce")}));
    aggregate.add(day, session({sts("enforce")}));
    const auto counts = aggregate.take();
    ASSERT_EQ(counts.size(), 2U);
    EXPECT_EQ(counts[0].policy.policy_strings.at(1), "mode: testing");
    EXPECT_EQ(counts[0].policy.successful, 1U);
    EXPECT_EQ(counts[1].policy.policy_strings.at(1), "mode: enforce");
    EXPECT_EQ(counts[1].policy.successful, 2U);
}

TEST(Aggregate, tells_lists_apart_that_read_the_same_joined) {
    Aggregate aggregate;
    SessionPolicy a = sts("none");
    a.policy.policy_strings = {"ab", "c"};
    SessionPolicy b = sts("none");
    b.policy.policy_strings = {"a", "bc"};
    SessionPolicy c = sts("none");
    c.policy.policy_strings = {"ab"};
    c.policy.mx_hosts = {"c"};
    aggregate.add(day, session({a}));
    aggregate.add(day, session({b}));
    aggregate.add(day, session({c}));
    EXPECT_EQ(aggregate.take().size(), 3U);
}

TEST(Aggregate, keeps_days_and_domains_apart_and_in_order) {
    Aggregate aggregate;
    aggregate.add(day + std::chrono::days(1), session({sts("enforce")}));
    aggregate.add(day, session({sts("enforce")}, "z.example"));
    aggregate.add(day, session({sts("enforce")}, "a.example"));
    std::vector<std::string> order;
    for (const Count& count : aggregate.take()) {
        order.push_back(to_iso_day(count.day) + " " + count.domain.text());
    }
    EXPECT_THAT(order, ElementsAre("2026-01-31 a.example", "2026-01-31 z.example", "2026-02-01 receiver.example"));
}

TEST(Aggregate, keeps_the_newest_record) {
    Aggregate aggregate;
    aggregate.add(day, session({sts("enforce")}));
    Session later = session({tlsa()});
    later.record = "v=TLSRPTv1; rua=mailto:new@receiver.example";
    aggregate.add(day, later);
    for (const Count& count : aggregate.take()) {
        EXPECT_EQ(count.record, later.record);
    }
}

// Remote hosts write into EHLO, certificates and policies: no day may grow without bound.
TEST(Aggregate, folds_what_is_too_many) {
    Aggregate aggregate({.details_per_policy_max = 3, .policies_per_domain_max = 2});
    for (int i = 0; i < 10; ++i) {
        aggregate.add(day, session({with(sts("enforce", true), "certificate-expired", std::to_string(i))}));
    }
    aggregate.add(day, session({with(sts("enforce", true), "certificate-not-trusted", "z")}));
    for (int i = 0; i < 10; ++i) {
        aggregate.add(day, session({sts("other" + std::to_string(i))}));
    }
    const auto counts = aggregate.take();
    ASSERT_EQ(counts.size(), 3U);
    EXPECT_EQ(counts[0].policy.failed, 11U);
    ASSERT_EQ(counts[0].policy.failures.size(), 5U);
    EXPECT_EQ(counts[0].policy.failures[3].result_type, "certificate-expired");
    EXPECT_EQ(counts[0].policy.failures[3].reason_code, "beyond 3 different failures");
    EXPECT_EQ(counts[0].policy.failures[3].sessions, 7U);
    EXPECT_EQ(counts[0].policy.failures[4].result_type, "certificate-not-trusted");
    EXPECT_EQ(counts[1].policy.successful, 1U);
    EXPECT_THAT(counts[2].policy.policy_strings, IsEmpty());
    EXPECT_EQ(counts[2].policy.policy_type, "sts");
    EXPECT_EQ(counts[2].policy.successful, 9U);
}

TEST(Aggregate, merges_what_other_collectors_stored) {
    Aggregate one;
    Aggregate other;
    one.add(day, session({with(sts("enforce", true), "certificate-expired", "x")}));
    other.add(day, session({with(sts("enforce", true), "certificate-expired", "x")}));
    other.add(day, session({sts("enforce")}));
    Aggregate all;
    for (auto* from : {&one, &other}) {
        for (const Count& count : from->take()) {
            all.add(count);
        }
    }
    const auto counts = all.take();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].policy.successful, 1U);
    EXPECT_EQ(counts[0].policy.failed, 2U);
    EXPECT_EQ(counts[0].policy.failures.at(0).sessions, 2U);
}

// RFC 8460 §4.1; RPT-021, RPT-033
TEST(ReportOfDay, covers_the_whole_utc_day) {
    const Report report = report_of_day(day, name("receiver.example"), {tlsa().policy, sts("enforce").policy},
                                        {"Example Mail", "tls-reports@sender.example"});
    EXPECT_EQ(to_rfc3339(*report.begin), "2026-01-31T00:00:00Z");
    EXPECT_EQ(to_rfc3339(*report.end), "2026-01-31T23:59:59Z");
    EXPECT_EQ(report.organization_name, "Example Mail");
    EXPECT_EQ(report.contact_info, "tls-reports@sender.example");
    EXPECT_EQ(report.report_id, "2026-01-31T00.00.00Z+receiver.example@sender.example");
    ASSERT_EQ(report.policies.size(), 2U);
    EXPECT_EQ(report.policies[0].policy_type, "sts");
    EXPECT_EQ(report.policies[1].policy_type, "tlsa");
}

// RPT-021: a thousand reports, a thousand ids; the same report keeps its own (RPT-048).
TEST(ReportOfDay, has_an_id_of_its_own) {
    std::set<std::string> ids;
    for (int i = 0; i < 1000; ++i) {
        const auto domain = name("d" + std::to_string(i % 100) + ".example");
        ids.insert(*report_of_day(day + std::chrono::days(i / 100), domain, {}, {"", "a@sender.example"}).report_id);
    }
    EXPECT_EQ(ids.size(), 1000U);
    EXPECT_EQ(report_of_day(day, name("a.example"), {}, {"", "a@sender.example"}),
              report_of_day(day, name("a.example"), {}, {"", "a@sender.example"}));
}

TEST(ReportOfDay, merges_equal_policies_and_puts_the_frequent_failure_first) {
    PolicyResult a = with(sts("enforce", true), "certificate-expired", "x").policy;
    a.failed = 1;
    PolicyResult b = with(sts("enforce", true), "tlsa-invalid", "y").policy;
    b.failed = 5;
    b.failures[0].sessions = 5;
    const Report report = report_of_day(day, name("receiver.example"), {a, b}, {"", "a@sender.example"});
    ASSERT_EQ(report.policies.size(), 1U);
    EXPECT_EQ(report.policies[0].failed, 6U);
    ASSERT_EQ(report.policies[0].failures.size(), 2U);
    EXPECT_EQ(report.policies[0].failures[0].sessions, 5U);
}

}  // namespace
}  // namespace postseal::tlsrpt
