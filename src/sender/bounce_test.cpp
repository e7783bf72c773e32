// Which notifications of failure keep reports back.
#include "sender/bounce.h"

#include <gtest/gtest.h>

#include "sender/testing.h"

namespace postseal::sender {
namespace {

const dns::Name submitter = *dns::Name::parse("sender.test");
const TimePoint sent = TimePoint(Seconds(1'790'000'000));

TEST(ReportMessageIds, OnlyTheKeyMakesThem) {
    const ReportMessageIds ids(Bytes(32, 1));
    const std::string id = ids.make("R@A.test", submitter, sent);
    EXPECT_TRUE(id.starts_with("1790000000.") && id.ends_with("@sender.test")) << id;
    EXPECT_NE(id, ids.make("r@a.test", submitter, sent)) << "unique (RFC 5322 §3.6.4)";
    EXPECT_EQ(ids.sent_at(id, "r@a.test"), sent);
    EXPECT_EQ(ids.sent_at(id, "r@b.test"), std::nullopt) << "another mailbox";
    EXPECT_EQ(ReportMessageIds(Bytes(32, 2)).sent_at(id, "r@a.test"), std::nullopt) << "another key";
    EXPECT_EQ(ids.sent_at("1790000001" + id.substr(10), "r@a.test"), std::nullopt) << "another time";
    for (const char* none : {"", "@", ".", "..", "1.2.3@sender.test", "99999999999999999999.a.b@sender.test"}) {
        EXPECT_EQ(ids.sent_at(none, "r@a.test"), std::nullopt) << none;
    }
}

TEST(ReportMessageIds, TheKeyIsKept) {
    const auto store = testing::open_store();
    const std::string id = ReportMessageIds::open(store->certificates)->make("r@a.test", submitter, sent);
    EXPECT_EQ(ReportMessageIds::open(store->certificates)->sent_at(id, "r@a.test"), sent);
}

TEST(Bounce, OnlyAFailureOfOurOwnReportCounts) {
    const ReportMessageIds ids(Bytes(32, 1));
    const std::string id = ids.make("r@a.test", submitter, sent);
    const TimePoint now = sent + Seconds(60);
    const auto judged = [&](const std::string& message_id, tlsrpt::RecipientStatus recipient, TimePoint at) {
        return judge_bounce({message_id, {std::move(recipient)}}, ids, at);
    };
    const tlsrpt::RecipientStatus gone{"", "r@a.test", "failed", "5.1.1", "smtp; 550 no such user"};
    const BounceVerdict verdict = judged(id, gone, now);
    EXPECT_EQ(verdict.mailbox, "r@a.test");
    EXPECT_EQ(verdict.reason, "bounce: 5.1.1: smtp; 550 no such user");
    EXPECT_EQ(judged(id, {"R@A.TEST", "r@elsewhere.test", "failed", "5.1.1", ""}, now).mailbox, "r@a.test")
        << "RFC 3464 §2.3.1: the address that it was sent to, whatever it stands for";

    struct Case {
        std::string id;
        tlsrpt::RecipientStatus recipient;
        TimePoint at;
        const char* reason;
    };
    const Case cases[] = {
        {"", gone, now, "nothing was returned"},
        {"2.x.y@sender.test", gone, now, "not our id: forged"},
        {ids.make("r@b.test", submitter, sent), gone, now, "another report's id"},
        {id, {"", "member@a.test", "failed", "5.1.1", ""}, now, "a member of the alias"},
        {id, {"", "r@a.test", "delayed", "4.4.1", ""}, now, "still tried"},
        {id, {"", "r@a.test", "failed", "4.4.7", ""}, now, "not permanent"},
        {id, {"", "r@a.test", "delivered", "2.0.0", ""}, now, "it arrived"},
        {id, gone, sent + std::chrono::days(15), "an old notification once more"},
        {id, gone, sent - std::chrono::days(2), "before it was sent"},
    };
    for (const Case& c : cases) {
        const BounceVerdict refused = judged(c.id, c.recipient, c.at);
        EXPECT_EQ(refused.mailbox, std::nullopt) << c.reason;
        EXPECT_FALSE(refused.reason.empty()) << c.reason;
    }
}

}  // namespace
}  // namespace postseal::sender
