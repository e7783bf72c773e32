// Which report tells what, and when (RFC 8460 §3, §4.1).
#include "sender/report_day.h"

#include <gtest/gtest.h>

#include <set>

#include "mtasts/policy.h"
#include "net/testing.h"
#include "sender/testing.h"
#include "tlsrpt/write.h"

namespace postseal::sender {
namespace {

using net::testing::name;
using testing::some_noon;

const Day day = std::chrono::floor<std::chrono::days>(some_noon) - std::chrono::days(1);
const tlsrpt::Submitter submitter{"Example Mail", "tls@sender.test"};

tlsrpt::PolicyResult result(const std::string& type, const std::string& domain, std::uint64_t successful,
                            std::uint64_t failed = 0) {
    tlsrpt::PolicyResult policy;
    policy.policy_type = type;
    policy.policy_domain = domain;
    policy.successful = successful;
    policy.failed = failed;
    if (type == "tlsa") {
        policy.policy_strings = {"3 1 1 00"};
    }
    return policy;
}
tlsrpt::PolicyResult of_a_lookup(const std::string& domain, const std::string& type) {
    tlsrpt::PolicyResult policy = result("sts", domain, 0, 1);
    tlsrpt::FailureDetail failure;
    failure.result_type = type;
    failure.sessions = 1;
    policy.failures = {failure};
    return policy;
}

class ReportDayTest : public ::testing::Test {
protected:
    void count(const std::string& domain, const tlsrpt::PolicyResult& policy, const std::string& record = "r") {
        ASSERT_TRUE(store_->session_counts.add({{day, name(domain), record, policy}}));
    }
    ReportDay read() { return read_report_day(*store_, day).value(); }
    // "TYPE POLICY-DOMAIN SUCCESSFUL FAILED" of each policy.
    static std::vector<std::string> told(const std::optional<tlsrpt::Report>& report) {
        std::vector<std::string> lines;
        for (const tlsrpt::PolicyResult& policy : report ? report->policies : std::vector<tlsrpt::PolicyResult>()) {
            lines.push_back(policy.policy_type + " " + policy.policy_domain.value_or("-") + " " +
                            std::to_string(policy.successful) + " " + std::to_string(policy.failed));
        }
        return lines;
    }
    std::vector<std::string> to(const std::string& domain, const std::set<dns::Name>& told_already = {}) {
        const ReportDay counts = read();
        const auto found = counts.find(name(domain));
        return found == counts.end() ? std::vector<std::string>()
                                     : told(report_to(day, found->first, found->second, told_already, submitter));
    }

    std::unique_ptr<store::Store> store_ = testing::open_store();
};
using Lines = std::vector<std::string>;

TEST_F(ReportDayTest, DaneIsToldToTheRecipientDomainAndToTheBaseDomain) {  // RPT-002
    count("a.test", result("tlsa", "mx.provider.test", 5, 1));
    count("a.test", result("sts", "a.test", 2));
    count("b.test", result("tlsa", "mx.provider.test", 7));
    count("c.test", result("tlsa", "c.test", 3));  // its own host
    EXPECT_EQ(to("a.test"), (Lines{"sts a.test 2 0", "tlsa mx.provider.test 5 1"}));
    EXPECT_EQ(to("b.test"), Lines{"tlsa mx.provider.test 7 0"});
    EXPECT_EQ(to("mx.provider.test"), Lines{"tlsa mx.provider.test 12 1"}) << "of all its recipient domains";
    EXPECT_EQ(to("c.test"), Lines{"tlsa c.test 3 0"}) << "once";
    EXPECT_EQ(to("mx.provider.test", {name("a.test")}), Lines{"tlsa mx.provider.test 7 0"})
        << "a destination that is told of a.test anyway";
    EXPECT_EQ(to("mx.provider.test", {name("a.test"), name("b.test")}), Lines{}) << "nothing is left";
    EXPECT_EQ(store_->session_counts.domains_of(day).value(),
              (std::set<dns::Name>{name("a.test"), name("b.test"), name("c.test"), name("mx.provider.test")}));
}

TEST_F(ReportDayTest, AReportThatTellsLessHasAnIdOfItsOwn) {  // RFC 8460 §4.4
    count("a.test", result("tlsa", "mx.provider.test", 5));
    count("b.test", result("tlsa", "mx.provider.test", 7));
    const ReportDay counts = read();
    std::set<std::string> ids;
    for (const std::set<dns::Name>& told_already :
         {std::set<dns::Name>{}, std::set<dns::Name>{name("a.test")}, std::set<dns::Name>{name("b.test")}}) {
        const dns::Name host = name("mx.provider.test");
        ids.insert(*report_to(day, host, counts.at(host), told_already, submitter)->report_id);
    }
    EXPECT_EQ(ids.size(), 3U);
    EXPECT_TRUE(ids.contains(to_iso_day(day) + "T00.00.00Z+mx.provider.test@sender.test"));
}

TEST_F(ReportDayTest, AHostThatReceivesMailItselfGetsOneReport) {
    count("mx.provider.test", result("no-policy-found", "mx.provider.test", 1));
    count("a.test", result("tlsa", "mx.provider.test", 5));
    EXPECT_EQ(to("mx.provider.test"), (Lines{"tlsa mx.provider.test 5 0", "no-policy-found mx.provider.test 1 0"}));
}

// RPT-014: policyd is asked about a domain because a report goes there, cannot fetch its policy, and that would make
// the next report.
TEST_F(ReportDayTest, WhatDeliveringAReportMetIsNoReport) {
    const auto only_our_reports = [&](const char* domain) { return read().at(name(domain)).only_our_reports; };
    count("a.test", of_a_lookup("a.test", "sts-policy-fetch-error"), "");
    EXPECT_FALSE(only_our_reports("a.test")) << "mail of people went there";
    ASSERT_TRUE(store_->handed_reports.put("1", name("a.test"), TimePoint(day) + Seconds(60)));
    EXPECT_TRUE(only_our_reports("a.test"));
    EXPECT_EQ(to("a.test"), Lines{});
    count("a.test", result("sts", "a.test", 1), "");
    EXPECT_FALSE(only_our_reports("a.test")) << "sessions were counted, too";

    ASSERT_TRUE(store_->handed_reports.put("2", name("b.test"), TimePoint(day) - Seconds(1)));
    count("b.test", of_a_lookup("b.test", "sts-policy-invalid"), "");
    EXPECT_FALSE(only_our_reports("b.test")) << "the report went there the day before";
    ASSERT_TRUE(store_->handed_reports.put("3", name("c.test"), TimePoint(day)));
    count("c.test", of_a_lookup("c.test", "certificate-expired"), "");
    EXPECT_FALSE(only_our_reports("c.test")) << "that is of a session";
}

// RPT-024: the policy line by line, as it was fetched: what nobody knows kept, every mx an element of its own.
TEST_F(ReportDayTest, ThePolicyIsToldAsItWasFetched) {
    const auto judged = mtasts::judge_policy(
        "version: STSv1\r\nmode: enforce\r\nmx: mx1.a.test\r\nodd_key: \"as it is\"\r\nmx: *.b.test\r\nmax_age: "
        "86400\r\n");
    ASSERT_TRUE(judged.policy);
    tlsrpt::PolicyResult policy = result("sts", "a.test", 1);
    policy.policy_strings = judged.policy->lines;
    count("a.test", policy);
    const ReportDay counts = read();
    const auto report = report_to(day, name("a.test"), counts.at(name("a.test")), {}, submitter);
    ASSERT_TRUE(report);
    EXPECT_NE(tlsrpt::to_json(*report).find(
                  R"("policy-string":["version: STSv1","mode: enforce","mx: mx1.a.test","odd_key: \"as it is\"",)"
                  R"("mx: *.b.test","max_age: 86400"])"),
              std::string::npos)
        << tlsrpt::to_json(*report);
}

TEST(ReportMoment, IsRandomForEachDomainAndDayAndTheSameAgain) {  // RPT-034
    constexpr Seconds spread(14'400);
    std::set<std::int64_t> offsets;
    std::int64_t sum = 0;
    constexpr int days = 1000;
    for (int i = 0; i < days; ++i) {
        const Day of = day + std::chrono::days(i);
        const TimePoint moment = report_moment("secret", of, name("a.test"), spread);
        const Seconds offset = moment - TimePoint(of + std::chrono::days(1));
        EXPECT_GE(offset, Seconds(1)) << "not before the day ends";
        EXPECT_LE(offset, spread);
        EXPECT_EQ(moment, report_moment("secret", of, name("a.test"), spread)) << "also after a restart";
        offsets.insert(offset.count());
        sum += offset.count();
    }
    EXPECT_GT(offsets.size(), 900U);
    EXPECT_NEAR(static_cast<double>(sum) / days, 7200.0, 600.0) << "all over the time that there is";
    EXPECT_NE(report_moment("secret", day, name("a.test"), spread),
              report_moment("secret", day, name("b.test"), spread));
    EXPECT_NE(report_moment("secret", day, name("a.test"), spread),
              report_moment("other", day, name("a.test"), spread));
    EXPECT_EQ(report_moment("secret", day, name("a.test"), Seconds(0)), TimePoint(day + std::chrono::days(1)));
    EXPECT_EQ(report_moment("secret", day, name("a.test"), Seconds(1)),
              TimePoint(day + std::chrono::days(1)) + Seconds(1));
}

}  // namespace
}  // namespace postseal::sender
