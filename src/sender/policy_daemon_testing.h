// What the tests of the policy daemon share: a daemon with its threads against real peers on loopback, DNS, an HTTPS
// policy host, and a database that outlives it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/testing.h"
#include "sender/policy_daemon.h"
#include "sender/testing.h"

namespace postseal::sender::testing {

using net::testing::address;
using net::testing::mx;
using net::testing::name;
using net::testing::Peer;
using net::testing::ScriptedServer;
using net::testing::TinyDns;
using net::testing::txt;
using verdict::Level;

constexpr Seconds past_recheck{61};  // just over id_recheck_min: what is known is stale
inline const std::string enforce = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 2592000\r\n";

// Some more domains, for what happens to many at once.
constexpr int many = 30;
inline std::string one_of_many(int i) {
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
    TestClock clock_;
    TestLog log_;
    std::unique_ptr<store::Store> store_ = open_store();
    PolicyDaemonSettings settings_;
    std::unique_ptr<Process> process_;
};

}  // namespace postseal::sender::testing
