// RPT-014: the session that carries a report is left out of the counts; which one, where nothing says so (design rule
// 15).
#include "sender/report_sessions.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/testing.h"
#include "sender/testing.h"

namespace postseal::sender {
namespace {

using net::testing::name;
using store::ReportClaim;
using testing::some_noon;

const Day day = std::chrono::floor<std::chrono::days>(some_noon);

tlsrpt::Session session(const std::string& domain, const std::string& policy_type) {
    tlsrpt::Session made;
    made.domain = name(domain);
    tlsrpt::SessionPolicy policy;
    policy.policy.policy_type = policy_type;
    made.policies.push_back(policy);
    return made;
}

class ReportSessionsTest : public ::testing::Test {
protected:
    void hand_over(const std::string& id, const std::string& domain = "a.test") {
        ASSERT_TRUE(notes_.put(id, name(domain), clock_.now()));
        sessions_.refresh();
    }
    bool keeps_back(const std::string& policy_type, const std::string& domain = "a.test") {
        return sessions_.keeps_back(day, session(domain, policy_type));
    }
    ReportClaim claim_of(const std::string& id) { return notes_.claim_of(id).value().value(); }

    testing::TestClock clock_;
    testing::TestLog log_;
    std::unique_ptr<store::Store> store_ = testing::open_store();
    store::HandedReports& notes_ = store_->handed_reports;
    ReportSessions sessions_{notes_, clock_, log_};
};

TEST_F(ReportSessionsTest, OneSessionIsTakenOffForEachReport) {
    EXPECT_FALSE(sessions_.expects_any());
    EXPECT_FALSE(keeps_back("no-policy-found")) << "nothing was handed over";
    hand_over("1");
    hand_over("2");
    EXPECT_TRUE(sessions_.expects(name("a.test")));
    EXPECT_FALSE(keeps_back("no-policy-found", "b.test"));
    EXPECT_TRUE(keeps_back("no-policy-found"));
    EXPECT_TRUE(keeps_back("no-policy-found"));
    EXPECT_FALSE(keeps_back("no-policy-found")) << "never twice";
    EXPECT_EQ(sessions_.taken_off(), 2U);
    EXPECT_FALSE(sessions_.expects_any());
    sessions_.refresh();
    EXPECT_FALSE(sessions_.expects_any()) << "what is claimed is not read again";
}

TEST_F(ReportSessionsTest, OneUnderAPolicyIsItWhereNoneWithoutComes) {
    hand_over("1");
    EXPECT_TRUE(keeps_back("sts"));
    EXPECT_FALSE(keeps_back("sts")) << "one for each report";
    EXPECT_EQ(sessions_.kept_back(), 1U);
    EXPECT_EQ(claim_of("1"), ReportClaim::guessed);
    clock_.pass(report_session_within + Seconds(1));
    sessions_.refresh();
    EXPECT_EQ(sessions_.kept_back(), 0U);
    EXPECT_TRUE(sessions_.take_released().empty());
    EXPECT_EQ(sessions_.taken_off(), 1U);
}

// Postfix 3.10 looks up no policy for a message with TLS-Required: No (RFC 8689).
TEST_F(ReportSessionsTest, OneUnderNoPolicyIsTheBetterGuess) {
    hand_over("1");
    hand_over("2");
    EXPECT_TRUE(keeps_back("sts"));
    EXPECT_TRUE(keeps_back("tlsa"));
    EXPECT_TRUE(keeps_back("no-policy-found"));
    const auto released = sessions_.take_released();
    ASSERT_EQ(released.size(), 2U) << "this server takes no policy for reports: both were ordinary mail";
    EXPECT_EQ(released[0].first, day);
    EXPECT_FALSE(keeps_back("sts"));
    EXPECT_TRUE(keeps_back("no-policy-found"));
    EXPECT_EQ(sessions_.taken_off(), 2U);
}

TEST_F(ReportSessionsTest, CollectorsOnSeveralHostsShareTheNotes) {
    hand_over("1");
    ReportSessions elsewhere(notes_, clock_, log_);
    elsewhere.refresh();
    EXPECT_TRUE(keeps_back("sts"));
    EXPECT_FALSE(elsewhere.keeps_back(day, session("a.test", "sts"))) << "one guess for each report";
    EXPECT_TRUE(elsewhere.keeps_back(day, session("a.test", "no-policy-found")));
    EXPECT_EQ(claim_of("1"), ReportClaim::certain);
    EXPECT_FALSE(keeps_back("no-policy-found")) << "somebody else's";
    EXPECT_EQ(sessions_.take_released().size(), 1U);
}

TEST_F(ReportSessionsTest, ASessionKeptBackIsCountedWhenAnotherHostKnowsBetter) {
    hand_over("1");
    EXPECT_TRUE(keeps_back("sts"));
    ASSERT_TRUE(notes_.claim("1", ReportClaim::certain).value()) << "a mail log names the message";
    // It looks every two seconds.
    for (int i = 0; i < 500 && sessions_.kept_back() > 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        sessions_.refresh();
    }
    EXPECT_EQ(sessions_.take_released().size(), 1U);
    EXPECT_EQ(sessions_.taken_off(), 0U);
}

TEST_F(ReportSessionsTest, NotesExpireAndATrustedClockIsNotNeeded) {
    hand_over("old");
    clock_.pass(report_session_within + Seconds(1));
    sessions_.refresh();
    EXPECT_FALSE(keeps_back("no-policy-found")) << "its session never came";
    hand_over("future");
    clock_.pass(Seconds(-2 * 86'400));  // [lab] clock_offset_s
    sessions_.refresh();
    EXPECT_FALSE(keeps_back("no-policy-found"));
    hand_over("now");
    EXPECT_TRUE(keeps_back("no-policy-found"));
}

TEST_F(ReportSessionsTest, AReportThatWasNotTakenIsForgotten) {
    ASSERT_TRUE(notes_.put("1", name("a.test"), clock_.now()));
    ASSERT_TRUE(notes_.erase("1"));
    sessions_.refresh();
    EXPECT_FALSE(keeps_back("no-policy-found"));
}

TEST_F(ReportSessionsTest, WhereTheStoreIsSilentSessionsAreCounted) {
    hand_over("1");
    ASSERT_TRUE(notes_.erase("1"));  // between the look at the notes and the session
    EXPECT_FALSE(keeps_back("sts"));
    EXPECT_FALSE(keeps_back("no-policy-found"));
}

}  // namespace
}  // namespace postseal::sender
