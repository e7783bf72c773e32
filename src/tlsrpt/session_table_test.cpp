// Counting over a day: what is taken adds up to what was told, in whatever portions; and the caps.
#include "tlsrpt/session_table.h"

#include <gtest/gtest.h>

#include <map>

#include "base/text.h"

namespace postseal::tlsrpt {
namespace {

const Day day = Day(std::chrono::days(20'000));

FailureDetail failure(const std::string& reason) {
    FailureDetail detail;
    detail.result_type = "certificate-expired";
    detail.receiving_mx_hostname = "mx.example.com";
    detail.reason_code = reason;
    detail.sessions = 1;
    return detail;
}

Session session(const std::string& domain, bool failed = false, const std::string& line = "version: STSv1",
                const std::string& reason = "") {
    Session out;
    out.domain = dns::Name::parse_ascii(domain).value();
    out.record = "v=TLSRPTv1;rua=mailto:r@" + domain;
    SessionPolicy policy;
    policy.failed = failed;
    policy.policy.policy_type = "sts";
    policy.policy.policy_domain = domain;
    policy.policy.policy_strings = {line, "mode: enforce"};
    policy.policy.mx_hosts = {"*." + domain};
    if (failed) {
        policy.policy.failures.push_back(failure(reason));
    }
    out.policies.push_back(policy);
    return out;
}

std::uint64_t sessions_in(const std::vector<Count>& counts) {
    std::uint64_t sum = 0;
    for (const Count& count : counts) {
        sum += count.policy.successful + count.policy.failed;
    }
    return sum;
}

TEST(SessionTable, GivesBackWhatASessionSaid) {
    SessionTable table;
    Session one = session("example.com", true, "version: STSv1", "why");
    one.policies[0].policy.failures[0].sending_mta_ip = "192.0.2.1";
    one.policies[0].policy.failures[0].additional_information = std::string(400, 'x');  // a length of two octets
    table.add(day, one);
    table.add(day, session("example.com"), 2);
    EXPECT_FALSE(table.empty());
    const std::vector<Count> counts = table.take();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].day, day);
    EXPECT_EQ(counts[0].domain, one.domain);
    EXPECT_EQ(counts[0].record, one.record);
    const PolicyResult& policy = counts[0].policy;
    EXPECT_EQ(policy.policy_type, "sts");
    EXPECT_EQ(policy.policy_domain, "example.com");
    EXPECT_EQ(policy.policy_strings, one.policies[0].policy.policy_strings);
    EXPECT_EQ(policy.mx_hosts, one.policies[0].policy.mx_hosts);
    EXPECT_EQ(policy.successful, 2U);
    EXPECT_EQ(policy.failed, 1U);
    EXPECT_EQ(policy.failures, one.policies[0].policy.failures);
    EXPECT_TRUE(table.empty());
    EXPECT_TRUE(table.take().empty());
    table.add(day, session("example.com"));
    EXPECT_EQ(table.take().at(0).policy.successful, 1U) << "what was taken is not given again";
    EXPECT_EQ(table.rows(), 2U) << "one policy, one failure, seen before";
}

TEST(SessionTable, CountsASessionThatNamesAPolicyTwiceOnce) {  // rule 15, RPT-035
    SessionTable table;
    Session twice = session("example.com");
    twice.policies.push_back(session("example.com", true).policies[0]);
    table.add(day, twice, 3);
    const std::vector<Count> counts = table.take();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].policy.successful, 0U);
    EXPECT_EQ(counts[0].policy.failed, 3U);
    EXPECT_EQ(counts[0].policy.failures.at(0).sessions, 3U);
}

TEST(SessionTable, IsTakenInPortionsThatAddUp) {
    SessionTable table;
    constexpr int domains = 500;
    for (int i = 0; i < 5 * domains; ++i) {
        const std::string domain = "d" + std::to_string(i % domains) + ".example.com";
        table.add(day + std::chrono::days(i % 2), session(domain, i % 3 == 0, "line " + std::to_string(i % 7)));
    }
    std::uint64_t sum = 0;
    while (!table.empty()) {
        const std::vector<Count> counts = table.take(64);
        ASSERT_LE(counts.size(), 64U);
        sum += sessions_in(counts);
        if (sum % 3 == 0) {  // the store did not take these
            for (const Count& count : counts) {
                table.add(count);
            }
            sum -= sessions_in(counts);
            const std::vector<Count> again = table.take(64);
            sum += sessions_in(again);
        }
    }
    EXPECT_EQ(sum, 5U * domains);
}

TEST(SessionTable, KeepsTheNewestRecord) {
    SessionTable table;
    Session changed = session("example.com");
    table.add(day, changed);
    changed.record = "v=TLSRPTv1;rua=mailto:new@example.com";
    table.add(day, changed);
    EXPECT_EQ(table.take().at(0).record, changed.record);
    Count count{day, changed.domain, "", changed.policies[0].policy};
    table.add(count);
    EXPECT_EQ(table.take().at(0).record, changed.record) << "no record says nothing about the record";
}

TEST(SessionTable, ForgetsADayThatIsOverAndTaken) {
    SessionTable table;
    table.add(day, session("example.com"));
    table.add(day + std::chrono::days(1), session("example.com"));
    table.forget_before(day + std::chrono::days(1));
    EXPECT_EQ(table.rows(), 2U) << "nothing that is not stored";
    EXPECT_EQ(table.take(1).size(), 1U);
    table.forget_before(day + std::chrono::days(1));
    EXPECT_EQ(table.rows(), 1U);
    EXPECT_EQ(table.take().size(), 1U);
}

TEST(SessionTable, PutsTheFailuresOfADomainBeyondTheCapUnderTheirResultType) {
    SessionTable::Limits limits;
    limits.rows_per_domain_max = 11;
    SessionTable table(limits);
    for (int i = 0; i < 30; ++i) {
        table.add(day, session("example.com", true, "version: STSv1", "reason " + std::to_string(i)));
    }
    table.add(day, session("example.com", true, "version: STSv1", "reason 0"));
    const std::vector<Count> counts = table.take();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].policy.failed, 31U);
    ASSERT_EQ(counts[0].policy.failures.size(), 11U) << "ten of their own, and one";
    std::map<std::string, std::uint64_t> by_reason;
    for (const FailureDetail& detail : counts[0].policy.failures) {
        by_reason[*detail.reason_code] += detail.sessions;
        EXPECT_EQ(detail.result_type, "certificate-expired");
    }
    EXPECT_EQ(by_reason.at("reason 0"), 2U) << "what is known is counted on";
    EXPECT_EQ(by_reason.at("beyond 11 different failures"), 20U);
    EXPECT_EQ(table.over_cap().failures, 20U);
    EXPECT_EQ(table.over_cap().domains, 0U);
}

TEST(SessionTable, PutsThePoliciesOfADomainBeyondTheCapUnderTheirType) {
    SessionTable::Limits limits;
    limits.policies_per_domain_max = 3;
    SessionTable table(limits);
    for (int i = 0; i < 10; ++i) {
        table.add(day, session("example.com", false, "line " + std::to_string(i)));
    }
    const std::vector<Count> counts = table.take();
    ASSERT_EQ(counts.size(), 4U);
    EXPECT_EQ(sessions_in(counts), 10U);
    EXPECT_TRUE(counts[3].policy.policy_strings.empty());
    EXPECT_EQ(counts[3].policy.policy_type, "sts");
    EXPECT_EQ(counts[3].policy.policy_domain, "example.com");
    EXPECT_EQ(counts[3].policy.successful, 7U);
    EXPECT_EQ(table.over_cap().policies, 7U);
}

TEST(SessionTable, CountsLongTextsAsSeveralRows) {  // a remote host writes them, and the store repeats them
    SessionTable::Limits limits;
    limits.rows_per_domain_max = 100;
    SessionTable table(limits);
    for (int i = 0; i < 50; ++i) {
        table.add(day, session("example.com", true, std::string(20'000, 'p'), "reason " + std::to_string(i)));
    }
    EXPECT_LE(table.rows(), 125U);
    EXPECT_EQ(table.take().at(0).policy.failed, 50U);
    EXPECT_GT(table.over_cap().failures, 40U);
}

TEST(SessionTable, AMillionRandomDomainsDoNotFillTheMemory) {
    SessionTable::Limits limits;
    limits.rows_max = 1000;
    SessionTable table(limits);
    for (int i = 0; i < 5000; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".example.com";
        table.add(day, session(domain, true, "version: STSv1", "reason " + std::to_string(i)));
        if (i % 100 == 0) {
            (void)table.take();
        }
    }
    EXPECT_EQ(table.rows(), 1000U);
    EXPECT_EQ(table.over_cap().domains, 4500U) << "half the rows are their policies, half their failures";
    table.add(day, session("d1.example.com", true, "version: STSv1", "reason 1"));
    (void)table.take();
    EXPECT_EQ(table.over_cap().domains, 4500U);

    // Texts count by their size, too.
    limits.text_bytes_max = 1 << 20;
    SessionTable long_texts(limits);
    for (int i = 0; i < 500; ++i) {
        Session one = session("d" + std::to_string(i) + ".example.com");
        one.record += std::string(50'000, 'r') + std::to_string(i);
        long_texts.add(day, one);
    }
    EXPECT_GT(long_texts.over_cap().domains, 400U);
    EXPECT_GT(sessions_in(long_texts.take()), 5U);
}

}  // namespace
}  // namespace postseal::tlsrpt
