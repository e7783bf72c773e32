// What the daemon saw becomes what a report says: real SMTP servers on loopback, evidence as gather() leaves it.
#include "sender/observer.h"

#include <gtest/gtest.h>

#include "net/testing.h"
#include "sender/testing.h"
#include "sender/testing_mode.h"
#include "verdict/evidence_for_test.h"

namespace postseal::sender {
namespace {

using net::testing::Peer;
using net::testing::ScriptedServer;
using test::HostIs;
using testing::open_store;

const Day today = std::chrono::floor<std::chrono::days>(test::test_now);

// An MX host with this certificate.
std::function<void(Peer&)> mx_with(const net::CertificateAndKey& certificate) {
    return [certificate](Peer& peer) {
        peer.send("220 mx.example.com ESMTP\r\n");
        (void)peer.read_line();
        peer.send("250-mx.example.com hello\r\n250 STARTTLS\r\n");
        (void)peer.read_line();
        peer.send("220 go ahead\r\n");
        if (peer.start_tls(certificate)) {
            (void)peer.read_line();
            peer.send("250 mx.example.com\r\n");
            (void)peer.read_line();
            peer.send("221 bye\r\n");
            peer.wait_for_end();
        }
    };
}

class ObserverTest : public ::testing::Test {
protected:
    ObserverTest() {
        clock_.set(test::test_now);
        settings_.trust = ca_.trust();
        settings_.guard = net::AddressGuard(net::NonGlobal::allow);
    }

    // A domain with this policy, whose hosts are all at 127.0.0.1.
    static verdict::Evidence with_policy(std::string_view mode, std::initializer_list<test::HostSpec> hosts,
                                         std::initializer_list<const char*> mx = {"mx.example.com"}) {
        verdict::Evidence evidence = test::domain(false, hosts);
        test::publish(evidence, test::policy_body(mode, mx));
        for (verdict::HostEvidence& host : evidence.hosts) {
            host.a.records = {net::testing::ip("127.0.0.1")};
        }
        return evidence;
    }

    // Shows it these lookups, one after another, each when the probes of the one before have ended.
    void look(const std::vector<verdict::Evidence>& lookups) {
        net::HttpsClient::Settings client;
        net::HttpsClient https(loop_, std::move(client));
        const auto resolver = *net::make_unbound_resolver(loop_, net::ResolverSettings{});
        net::WorkPool work("test", 1);
        Observer observer({loop_, work, *resolver, https, *store_, clock_, log_}, settings_);
        for (const verdict::Evidence& evidence : lookups) {
            observer.looked_up(evidence);
            const auto ended = [&] { return observer.counters().probes.load() >= probes_expected_; };
            const net::Timer poll = loop_.every(std::chrono::milliseconds(2), [&] {
                if (ended()) {
                    loop_.stop();
                }
            });
            net::testing::run_for(loop_);
            EXPECT_TRUE(ended());
        }
        probes_ = observer.counters().probes.load();
        refused_ = observer.counters().probes_refused.load();
        // Everything before this is written: the pool has one thread.
        std::atomic<bool> written = false;
        work.run([] { return 0; }, loop_, [&](int) { written = true, loop_.stop(); });
        net::testing::run_for(loop_);
        EXPECT_TRUE(written);
        work.stop();
    }

    // "host best|other result reason" lines of today.
    std::vector<std::string> hosts() {
        std::vector<std::string> lines;
        const auto found = store_->session_counts.testing_hosts(today);
        for (const store::TestingHost& host : found.value()) {
            lines.push_back(host.host.text() + (host.best ? " best " : " other ") +
                            (host.failure ? host.failure->result_type : "passes"));
        }
        return lines;
    }
    using Lines = std::vector<std::string>;

    net::testing::TestCa ca_;
    net::Loop loop_;
    testing::TestClock clock_;
    testing::TestLog log_;
    std::unique_ptr<store::Store> store_ = open_store();
    ObserverSettings settings_;
    std::uint64_t probes_expected_ = 0;
    std::uint64_t probes_ = 0;
    std::uint64_t refused_ = 0;
};

// RFC 8461 §5, RFC 8460 §4.3.1; STS-059
TEST_F(ObserverTest, a_host_of_a_testing_policy_is_judged_as_enforce_would) {
    const struct {
        const char* why = nullptr;
        net::testing::CertificateOptions certificate;
        const char* line = nullptr;
    } cases[] = {
        {"good", {.names = {"mx.example.com"}}, "mx.example.com best passes"},
        {"other name", {.names = {"mx.attacker.test"}}, "mx.example.com best certificate-host-mismatch"},
        {"expired",
         {.names = {"mx.example.com"}, .not_before = -std::chrono::hours(48), .not_after = -std::chrono::hours(1)},
         "mx.example.com best certificate-expired"},
        {"unknown issuer",
         {.names = {"mx.example.com"}, .self_signed = true},
         "mx.example.com best certificate-not-trusted"},
    };
    for (const auto& c : cases) {
        store_ = open_store();
        const ScriptedServer mx(mx_with(ca_.issue(c.certificate)));
        settings_.smtp_port = mx.port();
        probes_expected_ = 1;
        look({with_policy("testing", {{"mx.example.com", 10, HostIs::insecure}})});
        EXPECT_EQ(hosts(), Lines{c.line}) << c.why;
        for (const store::TestingHost& host : store_->session_counts.testing_hosts(today).value()) {
            // RPT-037: a reason in words beside the type.
            EXPECT_TRUE(!host.failure || host.failure->reason_code.value_or("").size() > testing_reason.size());
        }
    }
}

TEST_F(ObserverTest, the_report_can_say_what_was_met) {
    const ScriptedServer mx([](Peer& peer) {
        peer.send("220 mx.example.com ESMTP\r\n");
        (void)peer.read_line();
        peer.send("250 mx.example.com hello\r\n");
        (void)peer.read_line();
    });
    settings_.smtp_port = mx.port();
    probes_expected_ = 1;
    look({with_policy("testing", {{"mx.example.com", 10, HostIs::insecure}})});
    const auto found = store_->session_counts.testing_hosts(today).value();
    ASSERT_EQ(found.size(), 1U);
    ASSERT_TRUE(found[0].failure);
    EXPECT_EQ(found[0].failure->result_type, "starttls-not-supported");
    EXPECT_EQ(found[0].failure->receiving_mx_hostname, "mx.example.com");
    EXPECT_EQ(found[0].failure->receiving_ip, "127.0.0.1");
    EXPECT_EQ(found[0].failure->sending_mta_ip, "127.0.0.1");
    EXPECT_TRUE(found[0].failure->reason_code.value_or("").starts_with(testing_reason));
    EXPECT_EQ(found[0].policy.policy_strings.at(1), "mode: testing");
    EXPECT_EQ(found[0].policy.policy_domain, "example.com");
    EXPECT_EQ(refused_, 1U);
}

TEST_F(ObserverTest, a_host_outside_the_policy_needs_no_probe) {
    look({with_policy("testing",
                      {{"mx.example.com", 20, HostIs::no_address}, {"mx.elsewhere.test", 10, HostIs::insecure}},
                      {"mx.example.com"})});
    EXPECT_EQ(hosts(), (Lines{"mx.elsewhere.test other validation-failure"}));
    EXPECT_EQ(probes_, 0U);
}

// Rule 16: at most hourly for each MX, whoever uses it.
TEST_F(ObserverTest, a_host_is_probed_once_an_hour) {
    const ScriptedServer mx(mx_with(ca_.issue({.names = {"mx.example.com"}})));
    settings_.smtp_port = mx.port();
    probes_expected_ = 1;
    verdict::Evidence other = with_policy("testing", {{"mx.example.com", 10, HostIs::insecure}});
    other.key = verdict::parse_key("other.example");
    look({with_policy("testing", {{"mx.example.com", 10, HostIs::insecure}}), other, other});
    EXPECT_EQ(probes_, 1U);
    EXPECT_EQ(mx.connections(), 1);
    EXPECT_EQ(hosts(), (Lines{"mx.example.com best passes", "mx.example.com best passes"}));  // of two domains
}

// RPT-040: no connection is neither success nor failure (RFC 8460 §4.3.4).
TEST_F(ObserverTest, a_host_that_nobody_answers_for_is_not_judged) {
    std::uint16_t closed = 0;
    {
        const ScriptedServer gone([](Peer&) {});
        closed = gone.port();
    }
    settings_.smtp_port = closed;
    probes_expected_ = 1;
    look({with_policy("testing", {{"mx.example.com", 10, HostIs::insecure}})});
    EXPECT_EQ(hosts(), Lines{});
}

// Design rule 20: an MX record is a stranger's word, and no way into the operator's own network.
TEST_F(ObserverTest, addresses_that_are_not_public_are_never_probed) {
    const ScriptedServer mx(mx_with(ca_.issue("mx.example.com")));
    settings_.smtp_port = mx.port();
    settings_.guard = net::AddressGuard(net::NonGlobal::refuse);
    probes_expected_ = 1;
    look({with_policy("testing", {{"mx.example.com", 10, HostIs::insecure}})});
    EXPECT_EQ(mx.connections(), 0);
    EXPECT_EQ(hosts(), Lines{});
}

TEST_F(ObserverTest, other_modes_and_a_switch_that_is_off_probe_nothing) {
    look({with_policy("enforce", {{"mx.example.com", 10, HostIs::insecure}}),
          with_policy("none", {{"mx.example.com", 10, HostIs::insecure}}), test::domain(false, {})});
    settings_.testing_probes = false;
    look({with_policy("testing", {{"mx.example.com", 10, HostIs::insecure}})});
    EXPECT_EQ(hosts(), Lines{});
    EXPECT_EQ(probes_, 0U);
}

// RFC 8461 §6, RFC 8460 §4.3.2.2: without a policy the session failed to have one; with a cached one the failure is
// only named.
TEST_F(ObserverTest, failed_fetches_are_counted_under_the_policy) {
    verdict::Evidence failed = with_policy("enforce", {{"mx.example.com", 10, HostIs::insecure}});
    failed.fetch.status = 404;
    look({failed, failed});
    auto counts = store_->session_counts.of_day(today).value();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].policy.policy_type, "sts");
    EXPECT_EQ(counts[0].policy.policy_domain, "example.com");
    EXPECT_EQ(counts[0].policy.failed, 2U);
    ASSERT_EQ(counts[0].policy.failures.size(), 1U);
    EXPECT_EQ(counts[0].policy.failures[0].result_type, "sts-policy-fetch-error");
    EXPECT_EQ(counts[0].policy.failures[0].sessions, 2U);
    EXPECT_NE(counts[0].policy.failures[0].reason_code.value_or("").find("404"), std::string::npos);

    store_ = open_store();
    failed.cached = test::cached(test::policy_body("enforce", {"mx.example.com"}));
    failed.fetch.outcome = verdict::PolicyFetch::Outcome::certificate_error;
    look({failed});
    counts = store_->session_counts.of_day(today).value();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].policy.policy_strings.at(1), "mode: enforce");
    EXPECT_EQ(counts[0].policy.failed, 0U);
    ASSERT_EQ(counts[0].policy.failures.size(), 1U);
    EXPECT_EQ(counts[0].policy.failures[0].result_type, "sts-webpki-invalid");
    // RFC 8461 §6: the third result type, and a record that vanished.
    for (const bool vanished : {false, true}) {
        store_ = open_store();
        verdict::Evidence held = with_policy("enforce", {{"mx.example.com", 10, HostIs::insecure}});
        held.cached = test::cached(test::policy_body("enforce", {"mx.example.com"}));
        held.fetch.body = {'x'};
        if (vanished) {
            held.sts_txt = test::no_answer<std::string>(verdict::Answer::nxdomain);
            held.fetch = {};
        }
        look({held});
        counts = store_->session_counts.of_day(today).value();
        ASSERT_EQ(counts.size(), 1U);
        EXPECT_EQ(counts[0].policy.failures.at(0).result_type,
                  vanished ? "sts-policy-fetch-error" : "sts-policy-invalid");
    }
}

}  // namespace
}  // namespace postseal::sender
