// What the policy daemon answers and learns: design rules 9 to 12 and 14, RFC 8461 §3.3.
#include "sender/policy_daemon.h"

#include <gtest/gtest.h>

#include <future>

#include "mtasts/cache.h"
#include "sender/policy_daemon_testing.h"
#include "sender/socketmap.h"

namespace postseal::sender {
namespace {

using testing::address;
using testing::enforce;
using testing::eventually;
using testing::Level;
using testing::name;
using testing::past_recheck;
using testing::PolicyDaemonTest;
using testing::txt;

TEST_F(PolicyDaemonTest, FetchesSavesAndAnswers) {
    EXPECT_EQ(daemon().known("a.test"), nullptr) << "it has to be looked up";
    std::promise<bool> was_stored;
    daemon().ask("a.test", [&](const std::shared_ptr<const Answer>& answer) {
        EXPECT_EQ(answer->plain, "45:OK secure match=mx.a.test servername=hostname,");
        EXPECT_NE(answer->with_tlsrpt.find(" policy_type=sts policy_domain=a.test mx_host_pattern=mx.a.test "),
                  std::string::npos)
            << answer->with_tlsrpt;
        was_stored.set_value(stored("a.test").has_value());
    });
    EXPECT_TRUE(was_stored.get_future().get()) << "a power failure after the answer forgets no policy (rule 9)";
    const auto known = daemon().known("a.test");
    ASSERT_TRUE(known);
    ASSERT_TRUE(daemon().known("A.Test.")) << "Postfix does not fold the case of a key";
    EXPECT_EQ(daemon().known("A.Test.")->with_tlsrpt, known->with_tlsrpt);
    EXPECT_EQ(host_.connections(), 1);
    EXPECT_EQ(daemon().counters().hits.load(), 3U);
    EXPECT_EQ(daemon().counters().misses.load(), 1U);
}

TEST_F(PolicyDaemonTest, ManyRequestsShareOneLookup) {
    constexpr int requests = 50;
    std::atomic<int> answered = 0;
    host_.hold();
    for (int i = 0; i < requests; ++i) {
        daemon().ask("a.test", [&](const std::shared_ptr<const Answer>& answer) {
            answered += answer->decision.level == Level::secure ? 1 : 0;
        });
    }
    ASSERT_TRUE(eventually([&] { return daemon().counters().misses.load() == requests; }));
    host_.release();
    EXPECT_TRUE(eventually([&] { return answered == requests; }));
    EXPECT_EQ(host_.connections(), 1);
    EXPECT_EQ(dns_.queries(name("_mta-sts.a.test"), dns::Type::txt), 1U);
}

TEST_F(PolicyDaemonTest, KeysWithoutAPolicyAskNobody) {  // design rule 12
    const std::vector<std::string> keys = {".a.test", "[192.0.2.1]", "[2001:db8::1]:25",       "192.0.2.1", "/run/lmtp",
                                           "",        "a..test",     std::string(100'000, 'a')};
    for (const std::string& key : keys) {
        const auto answer = daemon().known(key);
        ASSERT_TRUE(answer) << key;
        EXPECT_EQ(answer->plain, "9:NOTFOUND ,") << key;
        EXPECT_EQ(ask(key)->plain, "9:NOTFOUND ,") << key;
    }
    EXPECT_EQ(dns_.queries(name("a.test"), dns::Type::mx), 0U);
}

TEST_F(PolicyDaemonTest, AnEnforcedPolicyHolds) {  // design rule 9; RFC 8461 §3.1, §3.3, §5.1
    EXPECT_EQ(level("a.test"), Level::secure);

    publish_id("a.test", "2");
    host_.answer("503 Busy", "");
    EXPECT_EQ(ask_stale("a.test")->decision.level, Level::secure) << "a new id whose fetch fails";
    EXPECT_EQ(host_.connections(), 2);
    EXPECT_EQ(log_.warnings("stays in force"), 1U);

    withdraw("a.test");
    EXPECT_EQ(ask_stale("a.test")->decision.level, Level::secure) << "the record has vanished";

    publish_id("a.test", "3");
    dns_.add("_mta-sts.a.test", dns::Type::txt, txt("v=STSv1; id=4;"), 0);
    EXPECT_EQ(ask_stale("a.test")->decision.level, Level::secure) << "two records are none (RFC 8461 §3.1)";

    publish_id("a.test", "5");
    host_.answer("200 OK", "version: STSv1\r\nmode: none\r\n");
    EXPECT_EQ(ask_stale("a.test")->decision.level, Level::secure) << "a body that does not parse: no max_age";
    EXPECT_EQ(host_.connections(), 3);

    publish_id("a.test", "6");
    host_.answer("200 OK", "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    host_.show(net::testing::TestCa().issue("mta-sts.a.test"));
    EXPECT_EQ(ask_stale("a.test")->decision.level, Level::secure) << "a certificate of nobody we trust";
    EXPECT_EQ(host_.connections(), 4);
    EXPECT_EQ(ask("a.test")->decision.level, Level::secure) << "and so it goes on";

    start();
    EXPECT_EQ(level("a.test"), Level::secure) << "after a restart";
    dns_.break_name("_mta-sts.a.test", dns::Rcode::servfail);
    dns_.break_name("a.test", dns::Rcode::servfail);
    start();
    EXPECT_EQ(level("a.test"), Level::secure) << "after a restart, with DNS that fails (rule 11)";

    clock_.pass(Seconds(2'592'000));
    EXPECT_EQ(daemon().known("a.test"), nullptr) << "its max_age has run out";
    EXPECT_NE(level("a.test"), Level::secure);
}

TEST_F(PolicyDaemonTest, TheOwnersWordReplacesIt) {
    EXPECT_EQ(level("a.test"), Level::secure);
    publish_id("a.test", "2");
    host_.answer("200 OK", "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    EXPECT_EQ(ask_stale("a.test")->decision.level, Level::secure) << "once more, while it is looked at again (rule 10)";
    EXPECT_EQ(level("a.test"), Level::none);
    EXPECT_EQ(log_.warnings("its owner has changed the policy from enforce to none"), 1U);
    EXPECT_EQ(stored("a.test")->policy->policy.mode, mtasts::Mode::none);
    EXPECT_EQ(stored("a.test")->policy->id, "2");
}

// RFC 8461 §3.3: with `policy_failure` Postfix 3.10 would fail every session although the old policy is met.
TEST_F(PolicyDaemonTest, AFailedFetchIsNotTheMtasToFail) {
    EXPECT_EQ(level("a.test"), Level::secure);
    const std::string before = daemon().known("a.test")->with_tlsrpt;
    publish_id("a.test", "2");
    host_.answer("200 OK", "version: STSv1\r\nmode: none\r\n");
    ask_stale("a.test");
    ASSERT_EQ(log_.warnings("sts-policy-invalid"), 1U);
    EXPECT_EQ(ask("a.test")->with_tlsrpt, before) << "not one attribute more";
}

TEST_F(PolicyDaemonTest, NobodyIsToldOfARecordThatGoesAfterModeNone) {  // RFC 8461 §3.3, §8.3; STS-071
    host_.answer("200 OK", "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    EXPECT_EQ(level("a.test"), Level::none);
    ASSERT_EQ(stored("a.test")->policy->policy.mode, mtasts::Mode::none);
    withdraw("a.test");
    clock_.pass(past_recheck);
    EXPECT_EQ(level("a.test"), Level::none);
    EXPECT_EQ(log_.warnings("its MTA-STS record has vanished"), 0U);
    EXPECT_EQ(daemon().counters().record_failures, 0U);
}

// RFC 8461 §3: a policy is the recipient domain's. Both have the same MX, and the policy of one is broken.
TEST_F(PolicyDaemonTest, DomainsThatShareAnMxShareNoPolicy) {
    publish_id("b.test", "1");
    EXPECT_EQ(level("a.test"), Level::secure);
    host_.answer("200 OK", "version: STSv1\r\nmode: enforce\r\nnmx: mx.a.test\r\nmax_age: 86400\r\n");
    EXPECT_EQ(level("b.test"), Level::none);
    EXPECT_EQ(level("a.test"), Level::secure);
    forget_answers();
    EXPECT_EQ(level("a.test"), Level::secure);
}

TEST_F(PolicyDaemonTest, ANegativeAnswerPastItsTimeIsAMiss) {  // design rule 10
    EXPECT_EQ(level("b.test"), Level::none);
    EXPECT_TRUE(daemon().known("b.test"));
    publish_id("b.test", "1");
    EXPECT_EQ(ask("b.test")->decision.level, Level::none) << "within its time";
    clock_.pass(past_recheck);
    EXPECT_EQ(daemon().known("b.test"), nullptr);
    EXPECT_EQ(level("b.test"), Level::secure);
}

TEST_F(PolicyDaemonTest, AMaxAgeOfZeroHoldsForOneDelivery) {  // STS-024: RFC 8461 §3.2
    host_.answer("200 OK", "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 0\r\n");
    EXPECT_EQ(level("a.test"), Level::secure) << "for the delivery that fetched it";
    EXPECT_EQ(daemon().known("a.test"), nullptr) << "and not for the next";
    EXPECT_EQ(level("a.test"), Level::secure);
    EXPECT_EQ(host_.connections(), 2);
}

TEST_F(PolicyDaemonTest, FailedFetchesBackOff) {  // RFC 8461 §3.3
    host_.answer("503 Busy", "");
    EXPECT_EQ(level("a.test"), Level::none);
    EXPECT_EQ(host_.connections(), 1);
    clock_.pass(past_recheck);
    EXPECT_EQ(level("a.test"), Level::none);
    EXPECT_EQ(host_.connections(), 1) << "not for five minutes";
    ASSERT_TRUE(eventually([&] { return stored("a.test").has_value(); }));
    start();
    EXPECT_EQ(level("a.test"), Level::none);
    EXPECT_EQ(host_.connections(), 1) << "nor after a restart";
    clock_.pass(Seconds(300));
    EXPECT_EQ(level("a.test"), Level::none);
    EXPECT_EQ(host_.connections(), 2);

    for (int id = 2; id < 20; ++id) {  // whoever forges TXT can make up ids: ten fetches an hour over all of them
        publish_id("a.test", std::to_string(id));
        clock_.pass(past_recheck);
        EXPECT_EQ(level("a.test"), Level::none);
    }
    EXPECT_EQ(host_.connections(), 10);
    clock_.pass(Seconds(3600));
    host_.answer("200 OK", enforce);
    EXPECT_EQ(level("a.test"), Level::secure) << "and then it is as if nothing had been";
    EXPECT_EQ(stored("a.test")->failures, mtasts::FetchFailures{});
}

TEST_F(PolicyDaemonTest, ASlowPolicyHostIsNotWaitedFor) {  // design rule 10
    settings_.first_lookup_timeout = std::chrono::milliseconds(300);
    start();
    host_.hold();
    EXPECT_EQ(level("a.test"), Level::none) << "delivered without a policy";
    EXPECT_EQ(daemon().counters().lookup_timeouts, 1U);
    host_.release();
    EXPECT_TRUE(eventually([&] { return daemon().known("a.test") != nullptr; })) << "the fetch went on";
    EXPECT_EQ(level("a.test"), Level::secure);
}

// RFC 8461 §3.2: the lifetime begins when the policy is there, however long its host took. STS-024
TEST_F(PolicyDaemonTest, AMaxAgeShorterThanItsFetchHoldsAllTheSame) {
    host_.answer("200 OK", "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 5\r\n");
    host_.hold();
    std::promise<Level> got;
    daemon().ask("a.test", [&](const std::shared_ptr<const Answer>& answer) { got.set_value(answer->decision.level); });
    ASSERT_TRUE(eventually([&] { return host_.connections() == 1; }));
    clock_.pass(Seconds(10));
    host_.release();
    EXPECT_EQ(got.get_future().get(), Level::secure);
}

TEST_F(PolicyDaemonTest, OrDefersTheMail) {
    settings_.first_lookup_timeout = std::chrono::milliseconds(300);
    settings_.decision.on_slow_policy = verdict::OnSlowPolicy::defer;
    start();
    host_.hold();
    const auto answer = ask("a.test");
    EXPECT_EQ(answer->decision.level, Level::temp);
    EXPECT_NE(answer->plain.find("TEMP "), std::string::npos);
    EXPECT_EQ(daemon().known("a.test"), nullptr) << "a TEMP is not remembered past its time";
}

TEST_F(PolicyDaemonTest, ADeadPolicyHostDelaysNobodyWhoHasAnEnforcedPolicy) {  // design rules 9, 10
    EXPECT_EQ(level("a.test"), Level::secure);
    settings_.first_lookup_timeout = std::chrono::seconds(1);
    publish_id("a.test", "2");
    host_.hold();
    start();
    forget_answers();
    EXPECT_EQ(level("a.test"), Level::secure) << "the first after a restart";
    EXPECT_EQ(level("a.test"), Level::secure) << "and one that comes while the fetch is under way";
    ASSERT_TRUE(eventually([&] { return host_.connections() == 2; }));
    EXPECT_EQ(stored("a.test")->policy->id, "1");
    EXPECT_EQ(daemon().counters().lookup_timeouts, 0U);
    clock_.pass(Seconds(2'592'000));
    EXPECT_EQ(level("a.test"), Level::none)
        << "its max_age has run out meanwhile, and only then is the host waited for";
    EXPECT_EQ(daemon().counters().lookup_timeouts, 1U);
    host_.answer("200 OK", "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 86400\r\n");
    host_.release();
    EXPECT_TRUE(eventually([&] { return level("a.test") == Level::none; })) << "what came of it holds from then on";
    EXPECT_EQ(stored("a.test")->policy->id, "2");
}

TEST_F(PolicyDaemonTest, TellsOnceWhatBecameOfTheRecord) {  // RFC 8461 §3.1, §6
    EXPECT_EQ(level("a.test"), Level::secure);
    withdraw("a.test");
    ask_stale("a.test");
    ask_stale("a.test");
    EXPECT_EQ(log_.warnings("a.test: its MTA-STS record has vanished; the policy fetched before stays in force"), 1U);
    EXPECT_EQ(daemon().counters().record_failures, 2U);
    publish_id("a.test", "3");
    dns_.add("_mta-sts.a.test", dns::Type::txt, txt("v=STSv1; id=4;"), 0);
    ask_stale("a.test");
    EXPECT_EQ(log_.warnings("a.test: its MTA-STS record is not valid any more"), 1U);
    dns_.break_name("_mta-sts.a.test", dns::Rcode::servfail);
    ask_stale("a.test");
    EXPECT_EQ(log_.warnings("a.test: its MTA-STS record could not be looked up"), 1U);
    EXPECT_EQ(daemon().counters().record_failures, 4U);
}

// Design rules 9, 11; DANE-006. Who swallows answers gains no more than who answers SERVFAIL: the attack lab, under
// load, saw a DANE domain lose its protection when its MX lookup took longer than the daemon waits.
TEST_F(PolicyDaemonTest, SilentDnsAboutMailServersDefersUnlessAPolicyHolds) {
    EXPECT_EQ(level("a.test"), Level::secure);
    for (const char* silent : {"a.test", "b.test", "_mta-sts.a.test", "_mta-sts.b.test"}) {
        dns_.break_name(silent, dns::Rcode::servfail, true);
    }
    settings_.first_lookup_timeout = std::chrono::milliseconds(200);
    start();
    forget_answers();
    EXPECT_EQ(level("a.test"), Level::secure) << "the cached policy asks for a certificate, whatever the MX are";
    EXPECT_EQ(level("b.test"), Level::temp);
}

TEST_F(PolicyDaemonTest, SilentDnsAboutThePolicyDefersNothingUnlessWanted) {  // design rules 10, 11
    dns_.break_name("_mta-sts.b.test", dns::Rcode::servfail, true);
    settings_.first_lookup_timeout = std::chrono::milliseconds(200);
    start();
    EXPECT_EQ(level("b.test"), Level::none);
    settings_.decision.on_slow_policy = verdict::OnSlowPolicy::defer;
    start();
    EXPECT_EQ(level("b.test"), Level::temp);
}

TEST_F(PolicyDaemonTest, OverridesComeBeforeAnyLookup) {  // design rule 14
    settings_.overrides = verdict::Overrides::make({{"a.test", "encrypt", {}}, {".b.test", "defer", {}}}).value();
    start();
    EXPECT_EQ(ask("a.test")->plain, "10:OK encrypt,");
    EXPECT_EQ(level("x.b.test"), Level::temp);
    EXPECT_EQ(dns_.queries(name("a.test"), dns::Type::mx), 0U);
    EXPECT_EQ(host_.connections(), 0);

    settings_.overrides = {};
    process_->loop().sync([&] { daemon().reconfigure(settings_); });
    EXPECT_EQ(level("a.test"), Level::secure) << "after a reload";
    settings_.overrides = verdict::Overrides::make({{"a.test", "none", {}}}).value();
    process_->loop().sync([&] { daemon().reconfigure(settings_); });
    EXPECT_EQ(level("a.test"), Level::none);
}

TEST_F(PolicyDaemonTest, AnOverrideAddedAtRunTimeHoldsAtOnceAndAfterARestart) {  // design rule 14
    EXPECT_EQ(level("a.test"), Level::secure);
    ASSERT_TRUE(store_->added_overrides.put({"a.test", "may", {}, clock_.now(), "test", ""}));
    std::promise<bool> applied;
    daemon().reread_added_overrides(name("a.test"),
                                    [&](const Result<void>& in_force) { applied.set_value(in_force.has_value()); });
    EXPECT_TRUE(applied.get_future().get());
    EXPECT_EQ(level("a.test"), Level::may) << "not the cached answer";
    EXPECT_EQ(refresh("a.test").explanation.answer->decision.level, Level::may) << "a fetch by hand does not lift it";
    EXPECT_EQ(level("a.test"), Level::may);
    EXPECT_EQ(daemon().counters().decisions[static_cast<std::size_t>(Level::may)]
                                           [static_cast<std::size_t>(verdict::Source::by_override)],
              3U);
    start();
    EXPECT_EQ(level("a.test"), Level::may);
    settings_.overrides = verdict::Overrides::make({{"a.test", "encrypt", {}}}).value();
    process_->loop().sync([&] { daemon().reconfigure(settings_); });
    EXPECT_EQ(level("a.test"), Level::encrypt) << "the configuration's comes first";
}

TEST_F(PolicyDaemonTest, ASmartHostHasItsOwnPolicy) {  // RFC 8461 §3.4
    EXPECT_EQ(ask("[a.test]")->decision.match, std::vector<std::string>{"mx.a.test"}) << "which a.test does not match";
    host_.answer("200 OK", "version: STSv1\r\nmode: enforce\r\nmx: b.test\r\nmax_age: 86400\r\n");
    dns_.add("b.test", dns::Type::a, address("127.0.0.1"));
    publish_id("b.test", "1");
    EXPECT_EQ(ask("[b.test]")->decision.match, std::vector<std::string>{"b.test"});
    EXPECT_EQ(dns_.queries(name("b.test"), dns::Type::mx), 0U) << "brackets: no MX lookup";
}

TEST_F(PolicyDaemonTest, RefetchesDailyWhatIsInUse) {  // RFC 8461 §10.2; design rule 10
    settings_.refetch_scan = std::chrono::milliseconds(10);
    start();
    EXPECT_EQ(level("a.test"), Level::secure);
    const TimePoint asked = clock_.now();
    clock_.pass(Seconds(86'400));
    ASSERT_TRUE(eventually([&] { return stored("a.test")->policy->fetched == clock_.now(); }))
        << "nobody asked, the id is the same, and yet it was fetched";
    EXPECT_EQ(host_.connections(), 2);
    const mtasts::CachedPolicy policy = *stored("a.test")->policy;
    EXPECT_EQ(policy.last_used, asked) << "our own refetch is no use of it";
    EXPECT_EQ(mtasts::next_refetch(policy, asked + settings_.gather.cache.keep_refetching_for + Seconds(1)),
              std::nullopt)
        << "nothing is polled for its own sake";

    host_.answer("503 Busy", "");
    clock_.pass(3 * Seconds(86'400));
    ASSERT_TRUE(eventually([&] { return daemon().counters().fetch_failures == 1U; }));
    ASSERT_TRUE(eventually([&] { return log_.warnings("could not be refreshed for long") == 1U; }));
    EXPECT_EQ(host_.connections(), 3);
    clock_.pass(settings_.gather.cache.fetch_backoff_min);
    ASSERT_TRUE(eventually([&] { return daemon().counters().fetch_failures == 2U; }));
    EXPECT_EQ(host_.connections(), 4) << "one attempt each time";
    withdraw("a.test");
    clock_.pass(settings_.gather.cache.fetch_backoff_min);
    ASSERT_TRUE(eventually([&] { return daemon().counters().fetch_failures == 3U; }));
    clock_.pass(settings_.gather.cache.fetch_backoff_min - Seconds(1));
    EXPECT_EQ(level("a.test"), Level::secure);
    EXPECT_EQ(host_.connections(), 5) << "not within five minutes, although there is no record whose id could be held";
    EXPECT_EQ(log_.warnings("could not be refreshed for long"), 1U) << "said once a day";
    host_.answer("200 OK", enforce);
    clock_.pass(Seconds(1));
    ASSERT_TRUE(eventually([&] { return stored("a.test")->policy->fetched == clock_.now(); }));
}

TEST_F(PolicyDaemonTest, AnsweredAtOnceAfterARestart) {  // design rules 9, 10
    EXPECT_EQ(level("a.test"), Level::secure);
    ASSERT_TRUE(eventually([&] { return stored("a.test")->answer_until > clock_.now(); }));
    for (const char* silent : {"a.test", "_mta-sts.a.test"}) {
        dns_.break_name(silent, dns::Rcode::servfail, true);
    }
    start();
    EXPECT_EQ(daemon().known("a.test"), nullptr);
    const auto answer = ask("a.test");
    EXPECT_EQ(answer->plain, "45:OK secure match=mx.a.test servername=hostname,");
    EXPECT_NE(answer->with_tlsrpt.find("mx_host_pattern=mx.a.test { policy_string = version: STSv1 }"),
              std::string::npos);
    EXPECT_EQ(daemon().counters().misses.load(), 0U) << "nobody waits for DNS because the daemon was restarted";
    EXPECT_TRUE(daemon().known("a.test"));

    settings_.first_lookup_timeout = std::chrono::milliseconds(200);
    process_->loop().sync([&] { daemon().reconfigure(settings_); });
    (void)ask("a.test");
    EXPECT_EQ(daemon().counters().misses.load(), 1U) << "other settings: decided afresh";
}

TEST_F(PolicyDaemonTest, WhatRanOutIsForgotten) {
    settings_.refetch_scan = std::chrono::milliseconds(10);
    start();
    EXPECT_EQ(level("a.test"), Level::secure);
    host_.answer("503 Busy", "");
    publish_id("b.test", "1");
    EXPECT_EQ(level("b.test"), Level::none);
    ASSERT_TRUE(eventually([&] { return stored("b.test").has_value(); })) << "its failed fetch holds others back";
    clock_.pass(Seconds(3600));
    ASSERT_TRUE(eventually([&] { return !stored("b.test"); })) << "and does so no longer";
    EXPECT_TRUE(stored("a.test"));
    clock_.pass(Seconds(2'592'000));
    EXPECT_TRUE(eventually([&] { return !stored("a.test"); })) << "max_age";
}

TEST_F(PolicyDaemonTest, APolicyThatEnforcesNothingGoesWhenUnusedForAMonth) {  // and an enforced one stays: rule 9
    settings_.refetch_scan = std::chrono::milliseconds(10);
    settings_.gather.cache.refetch_every = Seconds(1'000'000'000);  // not what is looked at here
    host_.answer("200 OK", "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 31557600\r\n");
    start();
    EXPECT_EQ(level("a.test"), Level::secure);
    host_.answer("200 OK", "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 31557600\r\n");
    publish_id("b.test", "1");
    EXPECT_EQ(level("b.test"), Level::none);
    EXPECT_TRUE(stored("b.test"));
    clock_.pass(settings_.gather.cache.keep_refetching_for + Seconds(1));
    ASSERT_TRUE(eventually([&] { return !stored("b.test"); }));
    EXPECT_TRUE(stored("a.test"));
    dns_.break_name("a.test", dns::Rcode::servfail);
    withdraw("a.test");
    EXPECT_EQ(level("a.test"), Level::secure);
}

// What Exim asks: the policy of a domain, then which of its MX hosts may be used (RFC 8461 §4.1), by preference (RFC
// 5321 §5.1).
TEST_F(PolicyDaemonTest, AnswersTheLineProtocol) {
    ask("a.test");
    const auto protocol = make_line_protocol(daemon());
    std::string out;
    const std::string_view input = "GET a.test\r\nMX a.test 20 evil.test 10 mx.a.test 30 x.mx.a.test\nMX A.test";
    const auto progress = protocol->receive(input, out, {});
    EXPECT_EQ(progress.next, net::StreamProtocol::Next::more);
    EXPECT_EQ(input.substr(progress.consumed), "MX A.test") << "waits for the rest of the line";
    EXPECT_TRUE(out.starts_with("level=secure match=mx.a.test mode=enforce source=sts expires=")) << out;
    EXPECT_TRUE(out.ends_with("\nlevel=secure hosts=mx.a.test refused=evil.test:x.mx.a.test source=sts\n")) << out;

    for (const std::string_view odd : {"MX a.test\n", "MX a.test 10\n", "mx A.test.   \n"}) {
        out.clear();
        protocol->receive(odd, out, {});
        EXPECT_EQ(out, "level=secure source=sts\n") << odd << ": no host may be used";
    }
    out.clear();
    EXPECT_EQ(protocol->receive("PUT a.test\n", out, {}).next, net::StreamProtocol::Next::close);
    EXPECT_EQ(out, "error=\"the request must be: GET DOMAIN, or MX DOMAIN [PREFERENCE] HOST ...\"\n");
}

}  // namespace
}  // namespace postseal::sender
