// What one destination gets (RFC 8460 §7), and how large a report may be (§5.2).
#include "sender/report_caps.h"

#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "net/testing.h"
#include "tlsrpt/read.h"
#include "tlsrpt/write.h"

namespace postseal::sender {
namespace {

tlsrpt::ReportUri rua(const std::string& uri) {
    const std::string record = "v=TLSRPTv1; rua=" + uri;
    return tlsrpt::judge_tlsrpt_records({&record, 1}).record.value().rua.at(0);
}

TEST(DestinationCaps, CountTheReportsOfADayToAnAddressAndToAHost) {
    ReportCaps caps;
    caps.per_address_max = 2;
    caps.per_host_max = 3;
    DestinationCaps day(caps, {});
    struct Case {
        const char* uri;
        const char* refused;
    };
    const Case cases[] = {
        {"mailto:tls@box.test", ""},
        {"mailto:TLS@BOX.test?subject=x", ""},  // the same mailbox
        {"mailto:t%6Cs@box.test", "cap: 2 reports of the day went to this address"},
        {"mailto:other@box.test", ""},
        {"mailto:third@box.test", "cap: 3 reports of the day went to box.test"},
        {"https://box.test/a", "cap: 3 reports of the day went to box.test"},  // the same host
        {"https://[2001:db8::1]:8443/a", ""},
        {"https://[2001:db8::1]/b", ""},
        {"https://[2001:db8::1]/c", ""},
        {"https://[2001:db8::1]/d", "cap: 3 reports of the day went to [2001:db8::1]"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(day.refuse(rua(c.uri)).value_or(""), c.refused) << c.uri;
    }
}

TEST(DestinationCaps, WhatWasTriedBeforeCounts) {
    ReportCaps caps;
    caps.per_address_max = 1;
    const dns::Name domain = net::testing::name("a.test");
    store::Delivery tried{{}, domain, "mailto:tls@box.test", store::DeliveryState::retry, 1, {}, {}, "", ""};
    store::Delivery capped{{}, domain, "mailto:tls@other.test", store::DeliveryState::failed, 0, {}, {}, "cap: …", ""};
    DestinationCaps day(caps, {tried, capped});
    EXPECT_TRUE(day.refuse(rua("mailto:tls@box.test")));
    EXPECT_FALSE(day.refuse(rua("mailto:tls@other.test")));
    caps.per_address_max = 0;
    EXPECT_FALSE(DestinationCaps(caps, {tried}).refuse(rua("mailto:tls@box.test"))) << "0: no cap";
}

tlsrpt::Report large_report(std::size_t kinds) {
    tlsrpt::PolicyResult policy;
    policy.policy_type = "sts";
    policy.policy_domain = "a.test";
    policy.successful = 1;
    for (std::size_t i = 0; i < kinds; ++i) {
        tlsrpt::FailureDetail failure;
        failure.result_type = i % 2 == 0 ? "certificate-expired" : "validation-failure";
        failure.reason_code = to_hex(random_bytes(40));  // compresses badly
        failure.sessions = kinds - i;
        policy.failed += failure.sessions;
        policy.failures.push_back(failure);
    }
    tlsrpt::Report report;
    report.report_id = "1@sender.test";
    report.begin = TimePoint();
    report.end = TimePoint();
    report.policies = {policy};
    return report;
}

TEST(JsonWithin, PutsTheRarestFailuresTogetherWhereAReportIsTooLarge) {
    const tlsrpt::Report report = large_report(1000);
    EXPECT_EQ(json_within(report, 10'000'000), tlsrpt::to_json(report));
    constexpr std::size_t bytes_max = 20'000;
    const auto json = json_within(report, bytes_max);
    ASSERT_TRUE(json);
    EXPECT_LE(tlsrpt::gzip(as_bytes(*json)).size(), bytes_max);
    const tlsrpt::ReadReport read = tlsrpt::read_report_json(as_bytes(*json));
    ASSERT_TRUE(read.report);
    const tlsrpt::PolicyResult& policy = read.report->policies.at(0);
    EXPECT_EQ(policy.failed, report.policies[0].failed) << "sums stay";
    std::uint64_t sessions = 0;
    for (const tlsrpt::FailureDetail& failure : policy.failures) {
        sessions += failure.sessions;
    }
    EXPECT_EQ(sessions, report.policies[0].failed) << "of the details, too";
    EXPECT_GT(policy.failures.size(), 100U) << "no more is given up than must be";
    EXPECT_EQ(policy.failures.at(0), report.policies[0].failures.at(0)) << "what is most frequent stands as it was";
    EXPECT_TRUE(policy.failures.back().reason_code->ends_with("put together for the size of the report"));
}

TEST(JsonWithin, GivesUpWhereNothingIsLeftToPutTogether) {
    tlsrpt::Report report = large_report(1);
    report.policies[0].policy_strings = {to_hex(random_bytes(20'000))};
    EXPECT_FALSE(json_within(report, 10'000));
}

}  // namespace
}  // namespace postseal::sender
