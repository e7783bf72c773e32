// The policy daemon in its operator's hands: explaining, purging, refreshing, exporting, paging, reconfiguring.
#include "sender/policy_daemon.h"

#include <gtest/gtest.h>

#include <future>

#include "base/testing.h"
#include "sender/policy_daemon_testing.h"
#include "store/sqlite.h"

namespace postseal::sender {
namespace {

using testing::enforce;
using testing::eventually;
using testing::Level;
using testing::name;
using testing::open_store;
using testing::past_recheck;
using testing::PolicyDaemonTest;

TEST_F(PolicyDaemonTest, ExplainsWhereAnAnswerCameFrom) {
    auto explained = explain("A.test");
    EXPECT_EQ(explained.key, "a.test");
    EXPECT_EQ(explained.cache_state, "miss");
    ASSERT_TRUE(explained.cached);
    EXPECT_EQ(explained.cached->id, "1");
    EXPECT_EQ(explained.next_refresh, clock_.now() + Seconds(86'400));
    ASSERT_TRUE(explained.evidence);
    EXPECT_EQ(explained.evidence->mx.records.size(), 1U);
    EXPECT_EQ(explained.evidence->fetch.outcome, verdict::PolicyFetch::Outcome::response) << "its own lookup";
    explained = explain("a.test");
    EXPECT_EQ(explained.cache_state, "hit");
    ASSERT_TRUE(explained.evidence) << "looked up for the one who asks";
    EXPECT_EQ(explained.evidence->mx.records.size(), 1U);
    EXPECT_EQ(explained.evidence->sts_txt.records.size(), 1U);
    EXPECT_EQ(explained.evidence->fetch.outcome, verdict::PolicyFetch::Outcome::not_attempted);
    EXPECT_EQ(host_.connections(), 1);
    clock_.pass(past_recheck);
    EXPECT_EQ(explain("a.test").cache_state, "stale");
    explained = explain("[192.0.2.1]");
    EXPECT_EQ(explained.cache_state, "miss");
    EXPECT_EQ(explained.key, "[192.0.2.1]") << "as asked";
    EXPECT_FALSE(explained.answer->decision.reasons.empty()) << "an address has no policy";
    EXPECT_FALSE(explained.cached);
    EXPECT_FALSE(explained.evidence);
}

TEST_F(PolicyDaemonTest, ExplainsWhatIsKnownWhileThePolicyHostIsSilent) {
    settings_.first_lookup_timeout = std::chrono::milliseconds(200);
    start();
    host_.hold();
    const auto explained = explain("a.test");
    EXPECT_EQ(explained.answer->decision.level, Level::none);
    ASSERT_TRUE(explained.evidence);
    EXPECT_EQ(explained.evidence->fetch.outcome, verdict::PolicyFetch::Outcome::running);
    EXPECT_EQ(explained.evidence->mx.records.size(), 1U);
    host_.release();
    EXPECT_TRUE(eventually([&] { return level("a.test") == Level::secure; }));
}

TEST_F(PolicyDaemonTest, PurgeForgets) {
    EXPECT_FALSE(purge("a.test"));
    EXPECT_EQ(level("a.test"), Level::secure);
    const auto entries = listed({});
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].domain, name("a.test"));
    EXPECT_EQ(entries[0].next_refresh, clock_.now() + Seconds(86'400));

    EXPECT_TRUE(purge("a.test"));
    EXPECT_EQ(daemon().known("a.test"), nullptr);
    EXPECT_TRUE(eventually([&] { return !stored("a.test"); }));
    EXPECT_EQ(level("a.test"), Level::secure) << "fetched afresh";
    EXPECT_EQ(host_.connections(), 2);
    EXPECT_TRUE(stored("a.test")) << "the purge does not overtake the newer state";
}

// Mail to it is deferred: whether its policy enforces cannot be known.
TEST_F(PolicyDaemonTest, ABrokenRowOfTheStoreIsSaidAndCanBePurged) {
    const postseal::testing::TemporaryFolder folder;
    const std::string file = folder / "postseal.db";
    process_.reset();
    store_ = open_store("sqlite:" + file);
    start();
    EXPECT_EQ(level("a.test"), Level::secure);
    forget_answers();
    ASSERT_TRUE(eventually([&] { return stored("a.test").has_value(); }));
    process_.reset();
    ASSERT_TRUE(store::open_sqlite(file).value()->query("UPDATE policy_cache SET policy = 'version: STSv2'"));
    start();
    EXPECT_EQ(level("a.test"), Level::temp);
    EXPECT_GT(log_.warnings("a broken row for a.test; `postseal cache purge a.test` removes it"), 0U);
    EXPECT_TRUE(purge("a.test"));
    EXPECT_EQ(level("a.test"), Level::secure) << "fetched afresh";
    process_.reset();  // before its store goes
    store_ = open_store();
}

TEST_F(PolicyDaemonTest, PurgeForgetsEveryKeyOfADomainOrAll) {
    EXPECT_EQ(level("a.test"), Level::secure);
    EXPECT_EQ(level("[a.test]:587"), Level::secure);
    EXPECT_TRUE(purge("a.test"));
    EXPECT_EQ(daemon().known("[a.test]:587"), nullptr)
        << "a smart host's answer came from the policy that is forgotten";

    publish_id("b.test", "1");
    EXPECT_EQ(level("a.test"), Level::secure);
    EXPECT_EQ(level("b.test"), Level::secure);
    std::promise<std::size_t> purged;
    daemon().purge_all([&](const Result<std::size_t>& count) { purged.set_value(count.value()); });
    EXPECT_EQ(purged.get_future().get(), 2U);
    EXPECT_TRUE(listed({}).empty());
    EXPECT_EQ(daemon().answer_count(), 0U);
    EXPECT_TRUE(eventually([&] { return !stored("a.test") && !stored("b.test"); }));
}

TEST_F(PolicyDaemonTest, RefreshByHandFetchesWhateverTheIdAndTheBackOffSay) {  // RFC 8461 §3.3
    EXPECT_EQ(level("a.test"), Level::secure);
    host_.answer("200 OK", "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 604800\r\n");
    auto came = refresh("a.test");  // the id is the same
    EXPECT_EQ(came.fetch.outcome, verdict::PolicyFetch::Outcome::response);
    EXPECT_EQ(came.explanation.answer->decision.level, Level::none);
    ASSERT_TRUE(came.entry.policy);
    EXPECT_EQ(came.entry.policy->policy.mode, mtasts::Mode::testing);
    EXPECT_EQ(stored("a.test")->policy->policy.mode, mtasts::Mode::testing) << "in the store before it is told";

    withdraw("a.test");
    host_.answer("200 OK", enforce);
    came = refresh("a.test");  // without a record, since a policy is cached
    EXPECT_EQ(came.entry.policy->policy.mode, mtasts::Mode::enforce);
    EXPECT_EQ(came.explanation.answer->decision.level, Level::secure);

    host_.answer("500 Broken", "");
    const int before = host_.connections();
    for (int i = 1; i <= 10; ++i) {
        came = refresh("a.test");
        EXPECT_EQ(came.entry.failures.recent.size(), static_cast<std::size_t>(i))
            << "the five minutes are not waited for";
    }
    EXPECT_EQ(came.explanation.answer->decision.level, Level::secure) << "what was fetched before holds (rule 9)";
    came = refresh("a.test");
    EXPECT_NE(came.fetch.outcome, verdict::PolicyFetch::Outcome::response);
    EXPECT_EQ(host_.connections(), before + 10) << "not more than ten an hour";
}

TEST_F(PolicyDaemonTest, RefreshByHandTellsNoRecordFromNoAnswer) {
    using Outcome = verdict::PolicyFetch::Outcome;
    EXPECT_EQ(refresh("nothing.test").fetch.outcome, Outcome::not_attempted) << "no record, and that is certain";
    dns_.break_name("_mta-sts.broken.test", dns::Rcode::servfail);
    const auto broken = refresh("broken.test");
    EXPECT_EQ(broken.fetch.outcome, Outcome::held_back);
    EXPECT_EQ(broken.fetch.error, "the MTA-STS record could not be looked up: SERVFAIL");
}

TEST_F(PolicyDaemonTest, RefreshByHandWaitsForALookupThatHasBegun) {
    host_.hold();
    std::promise<void> answered;
    daemon().ask("a.test", [&](const std::shared_ptr<const Answer>&) { answered.set_value(); });
    ASSERT_TRUE(eventually([&] { return host_.connections() == 1; }));
    std::promise<PolicyDaemon::Refreshed> came;
    daemon().refresh(name("a.test"), [&](PolicyDaemon::Refreshed got) { came.set_value(std::move(got)); });
    host_.release();
    answered.get_future().get();
    EXPECT_EQ(came.get_future().get().fetch.outcome, verdict::PolicyFetch::Outcome::response);
    EXPECT_EQ(host_.connections(), 2);
}

TEST_F(PolicyDaemonTest, ExportsWhatIsInForceAfterARestartToo) {
    EXPECT_EQ(level("a.test"), Level::secure);
    EXPECT_EQ(level("b.test"), Level::none);
    auto out = exported().answers;
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out.at("a.test")->plain, "45:OK secure match=mx.a.test servername=hostname,");
    start();
    EXPECT_EQ(daemon().answer_count(), 0U);
    out = exported().answers;
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out.at("a.test")->plain, "45:OK secure match=mx.a.test servername=hostname,");
    EXPECT_EQ(dns_.queries(name("_mta-sts.a.test"), dns::Type::txt), 1U) << "an export asks nobody";
}

TEST_F(PolicyDaemonTest, ReconfiguringForgetsTheStoredAnswersToo) {
    EXPECT_EQ(level("a.test"), Level::secure);
    ASSERT_TRUE(eventually([&] { return stored("a.test")->answer_until > clock_.now(); }));
    forget_answers();
    EXPECT_TRUE(eventually([&] { return stored("a.test")->answer_until == TimePoint{}; }))
        << "a restart must not bring back what other settings decided";
}

}  // namespace
}  // namespace postseal::sender
