// The policy daemon against real peers on loopback: DNS, an HTTPS policy host, a database that outlives it.
#include "sender/policy_daemon.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <future>

#include "base/testing.h"
#include "mtasts/cache.h"
#include "net/testing.h"
#include "sender/socketmap.h"
#include "sender/testing.h"
#include "store/sqlite.h"

namespace postseal::sender {
namespace {

using net::testing::address;
using net::testing::mx;
using net::testing::name;
using net::testing::Peer;
using net::testing::ScriptedServer;
using net::testing::TinyDns;
using net::testing::txt;
using testing::open_store;
using verdict::Level;

constexpr Seconds past_recheck{61};  // just over id_recheck_min: what is known is stale
const std::string enforce = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 2592000\r\n";

// Some more domains, for what happens to many at once.
constexpr int many = 30;
std::string one_of_many(int i) {
    return "d" + std::to_string(i) + ".test";
}

// Waits for what another thread does; the bound is for a broken test.
template <class Condition>
bool eventually(const Condition& condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > limit) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

// One policy host for all domains; what it answers may be changed at any time.
class TestPolicyHost {
public:
    explicit TestPolicyHost(const net::testing::TestCa& ca)
        : certificate_(ca.issue({.names = names()})), server_([this](Peer& peer) { serve(peer); }) {}
    ~TestPolicyHost() { release(); }
    TestPolicyHost(const TestPolicyHost&) = delete;
    TestPolicyHost& operator=(const TestPolicyHost&) = delete;

    void answer(const std::string& status, const std::string& body) {
        const std::lock_guard lock(mutex_);
        status_ = status;
        body_ = body;
    }
    void show(net::CertificateAndKey certificate) {
        const std::lock_guard lock(mutex_);
        certificate_ = std::move(certificate);
    }
    // From hold() to release() it takes requests and does not answer.
    void hold() { held_ = true; }
    void release() { held_ = false; }
    [[nodiscard]] int connections() const { return server_.connections(); }
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }

private:
    static std::vector<std::string> names() {
        std::vector<std::string> names{"mta-sts.a.test", "mta-sts.b.test"};
        for (int i = 0; i < many; ++i) {
            names.push_back("mta-sts." + one_of_many(i));
        }
        return names;
    }
    void serve(Peer& peer) {
        net::CertificateAndKey certificate;
        {
            const std::lock_guard lock(mutex_);
            certificate = certificate_;
        }
        if (!peer.start_tls(certificate) || peer.read_head().empty()) {
            return;
        }
        while (held_) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        const std::lock_guard lock(mutex_);
        peer.send("HTTP/1.1 " + status_ + "\r\nContent-Type: text/plain\r\nContent-Length: " +
                  std::to_string(body_.size()) + "\r\nConnection: close\r\n\r\n" + body_);
        peer.close_tls();
    }

    std::mutex mutex_;
    net::CertificateAndKey certificate_;
    std::string status_ = "200 OK";
    std::string body_ = enforce;
    std::atomic<bool> held_ = false;
    ScriptedServer server_;  // last: it calls serve()
};

// A daemon with its threads, as one process has them.
class Process {
public:
    Process(const net::ResolverSettings& resolving, const net::testing::TestCa& ca, store::Store& store,
            const Clock& clock, Log& log, PolicyDaemonSettings settings)
        : resolver_(*net::make_unbound_resolver(loops_[0], resolving)), https_(loops_[0], client_settings(ca)) {
        auto made = PolicyDaemon::make({loops_[0], work_, *resolver_, https_, store, clock, log}, std::move(settings));
        EXPECT_TRUE(made);
        daemon = std::move(*made);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        work_.stop();
        loops_.stop();
    }
    net::Loop& loop() { return loops_[0]; }
    net::WorkPool& work() { return work_; }

private:
    static net::HttpsClient::Settings client_settings(const net::testing::TestCa& ca) {
        net::HttpsClient::Settings settings;
        settings.trust = ca.trust();
        settings.guard = net::AddressGuard(net::NonGlobal::allow);
        return settings;
    }
    net::LoopPool loops_{"daemon", 1};
    net::WorkPool work_{"daemon", 2};
    std::unique_ptr<net::Resolver> resolver_;
    net::HttpsClient https_;

public:
    std::unique_ptr<PolicyDaemon> daemon;
};

class PolicyDaemonTest : public ::testing::Test {
protected:
    PolicyDaemonTest() {
        for (const std::string domain : {"a.test", "b.test"}) {
            dns_.add(domain, dns::Type::mx, mx(10, "mx.a.test"), 0);
            dns_.add("mta-sts." + domain, dns::Type::a, address("127.0.0.1"));
        }
        dns_.add("mx.a.test", dns::Type::a, address("127.0.0.1"));
        publish_id("a.test", "1");
        settings_.refetch_jitter = Seconds(0);
        settings_.gather.https_port = host_.port();
        settings_.gather.guard = net::AddressGuard(net::NonGlobal::allow);
        settings_.gather.trust = ca_.trust();
        start();
    }

    void publish_id(const std::string& domain, const std::string& id) {
        withdraw(domain);
        dns_.add("_mta-sts." + domain, dns::Type::txt, txt("v=STSv1; id=" + id + ";"), 0);
    }
    void withdraw(const std::string& domain) { dns_.remove(name("_mta-sts." + domain)); }

    // A process ends, the next one starts on the same database.
    void start() {
        process_.reset();
        net::ResolverSettings resolving = dns_.resolver_settings();
        resolving.negative_ttl_s_max = 0;
        process_ = std::make_unique<Process>(resolving, ca_, *store_, clock_, log_, settings_);
    }
    PolicyDaemon& daemon() { return *process_->daemon; }
    // Also those that a restart keeps; policies stay.
    void forget_answers() {
        process_->loop().sync([&] { daemon().reconfigure(settings_); });
    }

    std::shared_ptr<const Answer> ask(const std::string& key) {
        std::promise<std::shared_ptr<const Answer>> answer;
        daemon().ask(key, [&](std::shared_ptr<const Answer> got) { answer.set_value(std::move(got)); });
        return answer.get_future().get();
    }
    Level level(const std::string& key) { return ask(key)->decision.level; }
    std::vector<PolicyDaemon::CacheEntry> listed(const store::PolicyCache::Page& page) {
        std::promise<std::vector<PolicyDaemon::CacheEntry>> got;
        daemon().cache_entries(page, [&](const Result<std::vector<PolicyDaemon::CacheEntry>>& entries) {
            got.set_value(entries.value());
        });
        return got.get_future().get();
    }
    PolicyDaemon::Exported exported(const std::string& after = "", std::size_t limit = 1000) {
        std::promise<PolicyDaemon::Exported> got;
        daemon().export_answers(after, limit,
                                [&](const Result<PolicyDaemon::Exported>& page) { got.set_value(page.value()); });
        return got.get_future().get();
    }
    PolicyDaemon::Explanation explain(const std::string& key) {
        std::promise<PolicyDaemon::Explanation> answer;
        daemon().explain(key, [&](PolicyDaemon::Explanation got) { answer.set_value(std::move(got)); });
        return answer.get_future().get();
    }
    bool purge(const std::string& domain) {
        std::promise<bool> answer;
        daemon().purge(name(domain), [&](bool found) { answer.set_value(found); });
        return answer.get_future().get();
    }
    PolicyDaemon::Refreshed refresh(const std::string& domain) {
        std::promise<PolicyDaemon::Refreshed> answer;
        daemon().refresh(name(domain), [&](PolicyDaemon::Refreshed got) { answer.set_value(std::move(got)); });
        return answer.get_future().get();
    }
    std::optional<store::PolicyCache::Entry> stored(const std::string& domain) {
        const auto entries = store_->policy_cache.all();
        EXPECT_TRUE(entries);
        for (const auto& entry : *entries) {
            if (entry.domain == name(domain)) {
                return entry;
            }
        }
        return std::nullopt;
    }
    // What is known is stale: answers from memory and waits until it has been looked up afresh in the background.
    std::shared_ptr<const Answer> ask_stale(const std::string& key) {
        clock_.pass(past_recheck);
        auto answer = daemon().known(key);
        if (answer) {
            EXPECT_TRUE(eventually([&] { return explain(key).cache_state == "hit"; })) << key;
        }
        return answer;
    }

    net::testing::TestCa ca_;
    TinyDns dns_{{name("test")}};
    TestPolicyHost host_{ca_};
    testing::TestClock clock_;
    testing::TestLog log_;
    std::unique_ptr<store::Store> store_ = open_store();
    PolicyDaemonSettings settings_;
    std::unique_ptr<Process> process_;
};

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

// Rule 9: memory holds nothing at all here, and still every policy is in force, is learnt, shown and forgotten.
class NoMemory : public PolicyDaemonTest {
protected:
    NoMemory() {
        settings_.cache_bytes_max = 0;
        start();
        EXPECT_EQ(level("a.test"), Level::secure);
        EXPECT_TRUE(emptied());
    }
    // The answer too: each question is one to the store.
    bool emptied() {
        return eventually([&] {
            std::array<std::size_t, 3> policies{};
            process_->loop().sync([&] { policies = daemon().sizes().policies; });
            return policies == std::array<std::size_t, 3>{} && daemon().answer_count() == 0;
        });
    }
    void attack() {
        withdraw("a.test");
        for (const char* silent : {"a.test", "_mta-sts.a.test"}) {
            dns_.break_name(silent, dns::Rcode::servfail);
        }
        host_.answer("404 Gone", "");
    }
};

TEST_F(NoMemory, AnEnforcedPolicyHoldsAllTheSame) {
    attack();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(level("a.test"), Level::secure) << "what the store says";
        ASSERT_TRUE(emptied());
    }
    clock_.pass(past_recheck);
    EXPECT_EQ(level("a.test"), Level::secure) << "stale, and looked up in the background";
    forget_answers();
    EXPECT_EQ(level("a.test"), Level::secure) << "looked up, and DNS fails";
    ASSERT_TRUE(emptied());
    start();
    EXPECT_EQ(level("a.test"), Level::secure) << "a restart";
    clock_.pass(Seconds(2'592'000));
    EXPECT_EQ(level("a.test"), Level::temp) << "max_age has run out, and the MX are not known";
}

// Postfix waits 100 s for a reply (RFC 8461 §5.1 wants the cached policy first; until it is read no letter goes out).
TEST_F(NoMemory, AStoreThatHangsIsNotWaitedForForEver) {
    settings_.first_lookup_timeout = std::chrono::milliseconds(200);
    forget_answers();
    ASSERT_TRUE(emptied());
    std::promise<void> release;
    const std::shared_future<void> held(release.get_future());
    for (int thread = 0; thread < 2; ++thread) {  // all that the pool has
        process_->work().submit([held] { held.wait(); });
    }
    std::promise<Level> got;
    daemon().ask("a.test", [&](const std::shared_ptr<const Answer>& answer) { got.set_value(answer->decision.level); });
    auto answer = got.get_future();
    const bool in_time = answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    release.set_value();
    EXPECT_TRUE(in_time);
    EXPECT_EQ(answer.get(), in_time ? Level::temp : Level::secure);
    EXPECT_EQ(level("a.test"), Level::secure) << "the store answers again";
}

// RFC 8461 §10.2, design rule 10: also where memory has no room for the policy.
TEST_F(NoMemory, TheDailyRefetchIsMade) {
    host_.answer("200 OK", "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 86400\r\n");
    clock_.pass(Seconds(86'400) + Seconds(2 * 3600));  // and the jitter
    EXPECT_TRUE(eventually([&] {
        const auto entry = stored("a.test");
        return entry && entry->policy && entry->policy->policy.mode == mtasts::Mode::testing;
    }));
    EXPECT_EQ(daemon().counters().daily_refreshes, 1U);
}

TEST_F(NoMemory, AStaleAnswerIsLookedUpAgain) {
    host_.answer("200 OK", "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 86400\r\n");
    publish_id("a.test", "2");
    clock_.pass(past_recheck);
    EXPECT_EQ(level("a.test"), Level::secure);
    EXPECT_TRUE(eventually([&] { return stored("a.test")->policy->id == "2"; }));
    EXPECT_EQ(level("a.test"), Level::none);
}

TEST_F(NoMemory, IsShownExportedAndForgotten) {
    ASSERT_TRUE(explain("a.test").cached);
    EXPECT_TRUE(emptied());
    std::promise<Result<PolicyDaemon::CacheEntry>> shown;
    daemon().cache_entry(name("a.test"),
                         [&](Result<PolicyDaemon::CacheEntry> entry) { shown.set_value(std::move(entry)); });
    EXPECT_EQ(shown.get_future().get().value().policy->id, "1");
    EXPECT_EQ(listed({}).size(), 1U);
    EXPECT_EQ(exported().answers.size(), 1U);
    EXPECT_EQ(refresh("a.test").entry.policy->id, "1");
    EXPECT_TRUE(emptied());
    EXPECT_TRUE(purge("a.test"));
    EXPECT_TRUE(eventually([&] { return !stored("a.test"); }));
    withdraw("a.test");
    EXPECT_EQ(level("a.test"), Level::none);
}

TEST_F(NoMemory, WhatRanOutLeavesTheStore) {
    settings_.refetch_scan = std::chrono::milliseconds(10);
    start();
    clock_.pass(Seconds(2'592'000 - 1));
    EXPECT_TRUE(stored("a.test"));
    clock_.pass(Seconds(3601));
    EXPECT_TRUE(eventually([&] { return !stored("a.test"); }));
}

class ManyDomains : public PolicyDaemonTest {
protected:
    ManyDomains() {
        for (int i = 0; i < many; ++i) {
            dns_.add(one_of_many(i), dns::Type::mx, mx(10, "mx.a.test"), 0);
            dns_.add("mta-sts." + one_of_many(i), dns::Type::a, address("127.0.0.1"));
            publish_id(one_of_many(i), "1");
        }
    }
    void ask_all() {
        for (int i = 0; i < many; ++i) {
            EXPECT_EQ(level(one_of_many(i)), Level::secure);
        }
    }
    std::uint64_t fetches() { return daemon().counters().fetches.load(); }
};

TEST_F(ManyDomains, RefetchesAreSpreadOverTime) {  // the jitter
    settings_.refetch_scan = std::chrono::milliseconds(10);
    settings_.refetch_jitter = Seconds(40'000);
    start();
    ask_all();
    EXPECT_EQ(fetches(), many);
    clock_.pass(Seconds(86'400 + 20'000));
    ASSERT_TRUE(eventually([&] { return fetches() > many; }));
    // Until no more come. (That none, or all, of 30 have a jitter in the first half is one case in 2^29.)
    std::uint64_t before = 0;
    while (std::exchange(before, fetches()) != fetches()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
    EXPECT_LT(fetches(), 2U * many) << "not all of what was fetched together is refetched together";
    clock_.pass(Seconds(20'000));
    EXPECT_TRUE(eventually([&] { return fetches() == 2U * many; }));
}

TEST_F(ManyDomains, BackgroundLookupsAreAFewAtATime) {
    settings_.background_lookups_max = 3;
    start();
    ask_all();
    for (int i = 0; i < many; ++i) {
        publish_id(one_of_many(i), "2");
    }
    clock_.pass(past_recheck);
    host_.hold();
    const auto looked_up_again = [&] {
        int count = 0;
        for (int i = 0; i < many; ++i) {
            count += dns_.queries(name("_mta-sts." + one_of_many(i)), dns::Type::txt) > 1 ? 1 : 0;
        }
        return count;
    };
    for (int i = 0; i < many; ++i) {
        EXPECT_EQ(daemon().known(one_of_many(i))->decision.level, Level::secure) << "answered while looked at again";
    }
    ASSERT_TRUE(eventually([&] { return looked_up_again() == 3; }));
    EXPECT_EQ(level("b.test"), Level::none) << "an MTA's own question does not queue behind them";
    EXPECT_EQ(looked_up_again(), 3);
    host_.release();
    EXPECT_TRUE(eventually([&] { return fetches() == 2U * many; })) << "none is forgotten";
}

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

TEST_F(ManyDomains, ArePagedThrough) {
    start();
    ask_all();
    std::vector<std::string> expected;
    expected.reserve(many);
    for (int i = 0; i < many; ++i) {
        expected.push_back(one_of_many(i));
    }
    std::ranges::sort(expected);
    std::vector<std::string> seen;
    for (store::PolicyCache::Page page{"", "", 7};; page.after = seen.back()) {
        const auto entries = listed(page);
        for (const auto& entry : entries) {
            seen.push_back(entry.domain.text());
        }
        if (entries.size() < page.limit) {
            break;
        }
    }
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(listed({"", "d1", 100}).size(), 11U) << "d1 and d10 to d19";

    // Half of the answers are only in the store.
    start();
    for (int i = 0; i < many / 2; ++i) {
        EXPECT_EQ(level(one_of_many(i)), Level::secure);
    }
    EXPECT_EQ(level("b.test"), Level::none);
    seen.clear();
    std::string after;
    while (true) {
        const auto page = exported(after, 7);
        EXPECT_LE(page.answers.size(), 7U);
        for (const auto& [key, answer] : page.answers) {
            seen.push_back(key);
        }
        if (!page.next) {
            break;
        }
        EXPECT_GT(*page.next, after);
        after = *page.next;
    }
    EXPECT_EQ(seen, expected);
}

TEST_F(PolicyDaemonTest, ReconfiguringForgetsTheStoredAnswersToo) {
    EXPECT_EQ(level("a.test"), Level::secure);
    ASSERT_TRUE(eventually([&] { return stored("a.test")->answer_until > clock_.now(); }));
    forget_answers();
    EXPECT_TRUE(eventually([&] { return stored("a.test")->answer_until == TimePoint{}; }))
        << "a restart must not bring back what other settings decided";
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
