#include "sender/testing_mode.h"

#include <gtest/gtest.h>

namespace postseal::sender {
namespace {

using store::TestingHost;
using tlsrpt::PolicyResult;

dns::Name name(const char* text) {
    return *dns::Name::parse(text);
}

PolicyResult policy(const char* type, std::uint64_t successful, std::uint64_t failed) {
    PolicyResult out;
    out.policy_type = type;
    out.policy_domain = "a.test";
    out.successful = successful;
    out.failed = failed;
    return out;
}

TestingHost host(const char* text, bool best, const char* failure = nullptr) {
    PolicyResult testing = policy("sts", 0, 0);
    testing.policy_strings = {"version: STSv1", "mode: testing", "mx: *.a.test", "max_age: 86400"};
    testing.mx_hosts = {"*.a.test"};
    TestingHost out{Day{}, name("a.test"), name(text), best, testing, std::nullopt, TimePoint{}};
    if (failure != nullptr) {
        out.failure.emplace();
        out.failure->result_type = failure;
        out.failure->receiving_mx_hostname = text;
        out.failure->reason_code = std::string(testing_reason) + "no";
    }
    return out;
}

// "type successful failed [result host sessions]…"
std::vector<std::string> told(std::vector<PolicyResult> policies, const std::vector<TestingHost>& hosts) {
    file_under_testing_policy(policies, hosts);
    std::vector<std::string> lines;
    for (const PolicyResult& result : policies) {
        std::string line =
            result.policy_type + " " + std::to_string(result.successful) + " " + std::to_string(result.failed);
        for (const tlsrpt::FailureDetail& detail : result.failures) {
            line += " " + detail.result_type + " " + detail.receiving_mx_hostname.value_or("-") + " " +
                    std::to_string(detail.sessions);
        }
        lines.push_back(line);
    }
    return lines;
}
using Lines = std::vector<std::string>;

TEST(TestingMode, without_probes_nothing_changes) {
    EXPECT_EQ(told({policy("no-policy-found", 3, 1)}, {}), (Lines{"no-policy-found 3 1"}));
}

TEST(TestingMode, sessions_to_hosts_that_pass_succeed_under_the_policy) {
    EXPECT_EQ(told({policy("tlsa", 2, 0), policy("no-policy-found", 3, 1)}, {host("mx.a.test", true)}),
              (Lines{"tlsa 2 0", "sts 3 1"}));
    std::vector<PolicyResult> filed{policy("no-policy-found", 3, 1)};
    file_under_testing_policy(filed, {host("mx.a.test", true)});
    EXPECT_EQ(filed.at(0).policy_strings.at(1), "mode: testing");
    EXPECT_EQ(filed.at(0).mx_hosts, (std::vector<std::string>{"*.a.test"}));
}

TEST(TestingMode, sessions_fail_where_every_host_that_mail_goes_to_first_would_be_refused) {
    EXPECT_EQ(told({policy("no-policy-found", 5, 1)},
                   {host("mx1.a.test", true, "certificate-expired"),
                    host("mx2.a.test", true, "certificate-host-mismatch"), host("mx3.a.test", false)}),
              (Lines{"sts 0 6 certificate-expired mx1.a.test 3 certificate-host-mismatch mx2.a.test 2"}));
}

TEST(TestingMode, otherwise_a_refused_host_adds_its_probe) {
    EXPECT_EQ(told({policy("no-policy-found", 5, 0)},
                   {host("mx1.a.test", true), host("mx2.a.test", true, "certificate-expired"),
                    host("mx3.a.test", false, "starttls-not-supported")}),
              (Lines{"sts 5 2 certificate-expired mx2.a.test 1 starttls-not-supported mx3.a.test 1"}));
}

TEST(TestingMode, a_refused_host_is_told_though_no_session_was_counted) {
    EXPECT_EQ(told({}, {host("mx.a.test", true, "certificate-not-trusted")}),
              (Lines{"sts 0 1 certificate-not-trusted mx.a.test 1"}));
    EXPECT_EQ(told({}, {host("mx.a.test", true)}), Lines{});
}

// Rule 15: moved, never copied.
TEST(TestingMode, counts_each_session_once) {
    for (std::uint64_t sessions = 1; sessions < 20; ++sessions) {
        std::vector<PolicyResult> policies{policy("no-policy-found", sessions, 2)};
        file_under_testing_policy(
            policies, {host("mx1.a.test", true, "certificate-expired"), host("mx2.a.test", true, "certificate-expired"),
                       host("mx3.a.test", true, "certificate-expired")});
        ASSERT_EQ(policies.size(), 1U);
        EXPECT_EQ(policies[0].successful + policies[0].failed, sessions + 2);
    }
}

}  // namespace
}  // namespace postseal::sender
