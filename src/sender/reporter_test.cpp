// The report sender against real peers on loopback: DNS, an HTTPS intake, a submission server (RFC 8460 §3, §5).
#include "sender/reporter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <thread>

#include "base/text.h"
#include "net/testing.h"
#include "sender/report_day.h"
#include "sender/testing.h"
#include "tlsrpt/mail_log.h"
#include "tlsrpt/read.h"

namespace postseal::sender {
namespace {

using net::testing::address;
using net::testing::name;
using net::testing::Peer;
using net::testing::ScriptedServer;
using net::testing::TinyDns;
using net::testing::txt;
using testing::open_store;
using testing::some_noon;
using Scope = Reporter::Scope;
using Outcomes = Result<std::vector<DeliveryOutcome>>;

const Day day = std::chrono::floor<std::chrono::days>(some_noon) - std::chrono::days(1);

// An HTTPS intake: keeps what is posted and answers with the next status of the list, the last one for ever.
class TestIntake {
public:
    explicit TestIntake(net::CertificateAndKey certificate, std::vector<std::string> answers = {"201 Created"},
                        std::string_view host = "127.0.0.1")
        : certificate_(std::move(certificate)),
          answers_(std::move(answers)),
          server_([this](Peer& peer) { serve(peer); }, host) {}

    [[nodiscard]] std::string rua(const std::string& path = "/v1/tlsrpt/label") const {
        return "https://intake.test:" + std::to_string(server_.port()) + path;
    }
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    // The requests so far: head and body.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

private:
    void serve(Peer& peer) {
        if (!peer.start_tls(certificate_)) {
            return;
        }
        const std::string head = peer.read_head();
        std::string body;
        if (const std::size_t at = to_lower(head).find("content-length: "); at != std::string::npos) {
            const auto size = parse_decimal(head.substr(at + 16, head.find('\r', at) - at - 16)).value_or(0);
            body = peer.read_bytes(size);
        }
        std::string answer;
        {
            const std::lock_guard lock(mutex_);
            answer = answers_.at(std::min(requests_.size(), answers_.size() - 1));
            requests_.emplace_back(head, body);
        }
        peer.send("HTTP/1.1 " + answer + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        peer.close_tls();
    }

    std::mutex mutex_;
    net::CertificateAndKey certificate_;
    std::vector<std::string> answers_;
    std::vector<std::pair<std::string, std::string>> requests_;
    ScriptedServer server_;  // last: it calls serve()
};

class ReporterTest : public ::testing::Test {
protected:
    ReporterTest() {
        dns_.add("intake.test", dns::Type::a, address("127.0.0.1"));
        settings_.submitter = {"Example Mail", "tls@sender.test"};
        settings_.trust = ca_.trust();
        settings_.mail.contact = settings_.submitter.contact_info;
        settings_.mail.trust = ca_.trust();
        settings_.mail.guard = net::AddressGuard(net::NonGlobal::allow);
        settings_.dkim = DkimIdentity{name("sender.test"), "postseal"};
        settings_.domains_at_once = 1;  // what arrives first does not depend on who is quicker
    }

    // Sessions of `domain` on the day: three that worked, two that failed.
    void count(const std::string& domain, const std::string& record = "v=TLSRPTv1;rua=mailto:seen@then.test") {
        tlsrpt::PolicyResult policy;
        policy.policy_type = "sts";
        policy.policy_domain = domain;
        policy.policy_strings = {"version: STSv1", "mode: enforce", "mx: mx." + domain, "max_age: 86400"};
        policy.mx_hosts = {"mx." + domain};
        policy.successful = 3;
        policy.failed = 2;
        tlsrpt::FailureDetail failure;
        failure.result_type = "certificate-expired";
        failure.sending_mta_ip = "192.0.2.7";
        failure.receiving_mx_hostname = "mx." + domain;
        failure.receiving_ip = "198.51.100.2";
        failure.sessions = 2;
        policy.failures = {failure};
        ASSERT_TRUE(store_->session_counts.add({{day, name(domain), record, policy}}));
    }
    void publish(const std::string& domain, const std::string& rua) {
        dns_.remove(name("_smtp._tls." + domain));
        dns_.add("_smtp._tls." + domain, dns::Type::txt, txt("v=TLSRPTv1; rua=" + rua));
    }

    // Several runs at once, in this order.
    std::vector<Outcomes> run(const std::vector<Scope>& scopes, Day of = day) {
        const auto resolver =
            *net::make_unbound_resolver(loop_, dns_.resolver_settings());  // afresh: no TTL to wait for
        net::HttpsClient::Settings client;
        client.guard = net::AddressGuard(non_global_);
        net::HttpsClient https(loop_, std::move(client));
        net::WorkPool work("test", 2);
        Reporter reporter({loop_, work, *resolver, https, *store_, clock_, log_}, settings_);
        std::vector<Outcomes> outcomes;
        const auto note = [&](Outcomes got) {
            outcomes.push_back(std::move(got));
            if (outcomes.size() == scopes.size()) {
                loop_.stop();
            }
        };
        for (const Scope scope : scopes) {
            if (resend_) {
                reporter.resend(of, *resend_, note);
            } else {
                reporter.run(of, scope, note);
            }
        }
        net::testing::run_for(loop_);
        work.stop();
        return outcomes;
    }
    // "domain rua result" lines of one run.
    std::vector<std::string> run(Scope scope = Scope::whole_day) {
        const Outcomes outcomes = run(std::vector{scope}).at(0);
        if (!outcomes) {
            return {outcomes.error().message()};
        }
        std::vector<std::string> lines;
        for (const DeliveryOutcome& outcome : *outcomes) {
            lines.push_back(outcome.domain.text() + " " + outcome.rua + " " + outcome.result);
            details_.push_back(outcome.detail);
        }
        return lines;
    }

    net::testing::TestCa ca_;
    TinyDns dns_{{name("test")}};
    net::Loop loop_;
    testing::TestClock clock_;
    testing::TestLog log_;
    std::unique_ptr<store::Store> store_ = open_store();
    ReporterSettings settings_;
    net::NonGlobal non_global_ = net::NonGlobal::allow;
    std::vector<std::string> details_;
    std::optional<dns::Name> resend_;  // set: this domain's reports once more, instead of a run
};

using Lines = std::vector<std::string>;

TEST_F(ReporterTest, PostsTheDayOnce) {  // RFC 8460 §5.4; RPT-011, RPT-049
    TestIntake intake(ca_.issue("intake.test"));
    count("a.test");
    publish("a.test", intake.rua());
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " sent"});
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " already-sent"});

    const auto requests = intake.requests();
    ASSERT_EQ(requests.size(), 1U);
    const auto& [head, body] = requests[0];
    EXPECT_TRUE(head.starts_with("POST /v1/tlsrpt/label HTTP/1.1\r\n")) << head;
    EXPECT_NE(to_lower(head).find("content-type: application/tlsrpt+gzip\r\n"), std::string::npos) << head;
    EXPECT_EQ(to_lower(head).find("content-encoding"), std::string::npos) << "compressed once, by its media type";
    const auto json = tlsrpt::gunzip(as_bytes(body));
    ASSERT_TRUE(json) << json.error().message();
    const tlsrpt::ReadReport read = tlsrpt::read_report_json(*json);
    ASSERT_TRUE(read.report) << read.report.error().message();
    for (const tlsrpt::Deviation& deviation : read.deviations) {
        ADD_FAILURE() << "our own reports are as RFC 8460 §4.4 asks: " << deviation.message;
    }
    EXPECT_EQ(read.report->organization_name, "Example Mail");
    EXPECT_EQ(read.report->contact_info, "tls@sender.test");
    EXPECT_EQ(read.report->begin, TimePoint(day));
    EXPECT_EQ(read.report->end, TimePoint(day) + Seconds(86'399));
    ASSERT_EQ(read.report->policies.size(), 1U);
    EXPECT_EQ(read.report->policies[0].successful, 3U);
    EXPECT_EQ(read.report->policies[0].failed, 2U);
    EXPECT_EQ(read.report->policies[0].failures.at(0).result_type, "certificate-expired");
}

// RFC 8461 §5, §6: what only the policy daemon saw is part of the same report, or makes one of its own.
TEST_F(ReporterTest, TellsWhatThePolicyDaemonSaw) {
    TestIntake intake(ca_.issue("intake.test"));
    tlsrpt::PolicyResult sessions;
    sessions.policy_type = "no-policy-found";
    sessions.successful = 4;
    tlsrpt::PolicyResult failed_fetch;
    failed_fetch.policy_type = "sts";
    failed_fetch.policy_domain = "b.test";
    failed_fetch.failed = 1;
    failed_fetch.failures.emplace_back();
    failed_fetch.failures[0].result_type = "sts-policy-fetch-error";
    failed_fetch.failures[0].sessions = 1;
    ASSERT_TRUE(store_->session_counts.add(
        {{day, name("a.test"), "v=TLSRPTv1;rua=" + intake.rua(), sessions}, {day, name("b.test"), "", failed_fetch}}));
    tlsrpt::PolicyResult testing_policy;
    testing_policy.policy_type = "sts";
    testing_policy.policy_domain = "a.test";
    testing_policy.policy_strings = {"version: STSv1", "mode: testing", "mx: mx.a.test", "max_age: 86400"};
    tlsrpt::FailureDetail refused;
    refused.result_type = "certificate-expired";
    ASSERT_TRUE(store_->session_counts.put_testing_host(
        {day, name("a.test"), name("mx.a.test"), true, testing_policy, refused, TimePoint(day)}));
    publish("a.test", intake.rua());
    publish("b.test", intake.rua("/b"));
    EXPECT_EQ(run(), (Lines{"a.test " + intake.rua() + " sent", "b.test " + intake.rua("/b") + " sent"}));

    std::vector<std::string> told;
    for (const auto& [head, body] : intake.requests()) {
        const tlsrpt::ReadReport read = tlsrpt::read_report_json(*tlsrpt::gunzip(as_bytes(body)));
        ASSERT_TRUE(read.report && read.report->policies.size() == 1U);
        const tlsrpt::PolicyResult& policy = read.report->policies[0];
        told.push_back(policy.policy_type + " " + std::to_string(policy.successful) + " " +
                       std::to_string(policy.failed) + " " + policy.failures.at(0).result_type + " " +
                       std::to_string(policy.failures.at(0).sessions));
    }
    EXPECT_EQ(told, (Lines{"sts 0 4 certificate-expired 4", "sts 0 1 sts-policy-fetch-error 1"}));
}

tlsrpt::PolicyResult dane(const std::string& base, std::uint64_t successful) {
    tlsrpt::PolicyResult policy;
    policy.policy_type = "tlsa";
    policy.policy_domain = base;
    policy.policy_strings = {"3 1 1 " + std::string(64, 'a')};
    policy.successful = successful;
    return policy;
}

// RPT-002: to the recipient domain's destinations, and to those of the base domain that are not told already.
TEST_F(ReporterTest, DaneResultsGoToTheHostsOwnerToo) {
    TestIntake intake(ca_.issue("intake.test"));
    for (const auto& [domain, sessions] : {std::pair("a.test", 3U), std::pair("b.test", 4U)}) {
        ASSERT_TRUE(store_->session_counts.add({{day, name(domain), "r", dane("mx.host.test", sessions)}}));
    }
    const std::string shared = intake.rua("/shared");
    publish("a.test", shared);
    publish("b.test", intake.rua("/b"));
    publish("mx.host.test", shared + "," + intake.rua("/host"));
    EXPECT_EQ(run(), (Lines{"a.test " + shared + " sent", "b.test " + intake.rua("/b") + " sent",
                            "mx.host.test " + shared + " sent", "mx.host.test " + intake.rua("/host") + " sent"}));
    Lines told;
    for (const auto& [head, body] : intake.requests()) {
        const tlsrpt::ReadReport read = tlsrpt::read_report_json(*tlsrpt::gunzip(as_bytes(body)));
        ASSERT_TRUE(read.report && read.report->policies.size() == 1U);
        const tlsrpt::PolicyResult& policy = read.report->policies[0];
        told.push_back(head.substr(5, head.find(' ', 5) - 5) + " " + policy.policy_domain.value_or("") + " " +
                       std::to_string(policy.successful));
    }
    EXPECT_EQ(told,
              (Lines{"/shared mx.host.test 3", "/b mx.host.test 4", "/shared mx.host.test 4", "/host mx.host.test 7"}))
        << "nothing is told twice to one address";
    dns_.remove(name("_smtp._tls.mx.host.test"));
    ASSERT_TRUE(store_->session_counts.add({{day, name("c.test"), "r", dane("mx.host.test", 1)}}));
    publish("c.test", intake.rua("/c"));
    EXPECT_EQ(run().back(), "c.test " + intake.rua("/c") + " sent") << "the host's owner asks for none";
}

TEST_F(ReporterTest, EachDomainHasItsMoment) {  // RFC 8460 §4.1; RPT-034
    TestIntake intake(ca_.issue("intake.test"));
    for (const char* domain : {"a.test", "b.test", "c.test"}) {
        count(domain);
        publish(domain, intake.rua("/" + std::string(domain)));
    }
    count("mute.test");  // no record
    const std::string secret = report_moment_secret(store_->certificates).value();
    const TimePoint midnight(day + std::chrono::days(1));
    std::map<TimePoint, std::string> moments;
    for (const char* domain : {"a.test", "b.test", "c.test"}) {
        moments[report_moment(secret, day, name(domain), settings_.spread)] = domain;
    }
    ASSERT_EQ(moments.size(), 3U);
    const auto sent_now = [this] {  // each run is of a Reporter that has just started: what went before has been sent
        Lines lines = run(Scope::due);
        std::erase_if(lines, [](const std::string& line) { return line.ends_with(" already-sent"); });
        return lines;
    };
    clock_.set(midnight);
    EXPECT_EQ(sent_now(), Lines{});
    for (const auto& [moment, domain] : moments) {
        clock_.set(moment - Seconds(1));
        EXPECT_EQ(sent_now(), Lines{}) << "a second before that of " << domain;
        clock_.set(moment);
        EXPECT_EQ(sent_now(), Lines{domain + " " + intake.rua("/" + domain) + " sent"});
    }
    settings_.spread = Seconds(0);
    count("d.test");
    publish("d.test", intake.rua("/d.test"));
    clock_.set(midnight);
    EXPECT_EQ(sent_now(), Lines{"d.test " + intake.rua("/d.test") + " sent"});
    EXPECT_EQ(intake.requests().size(), 4U);
}

TEST_F(ReporterTest, WhatIsDueIsLookedAtOnceAndTriedAgainInTime) {
    TestIntake intake(ca_.issue("intake.test"), {"503 Busy", "201 Created"});
    settings_.spread = Seconds(0);
    count("a.test");
    publish("a.test", intake.rua());
    count("mute.test");
    const std::vector<Outcomes> outcomes = run({Scope::due, Scope::due});
    ASSERT_TRUE(outcomes.at(0) && outcomes.at(1));
    EXPECT_EQ(outcomes[0]->size(), 1U);
    EXPECT_EQ(outcomes[0]->at(0).result, "retry");
    EXPECT_TRUE(outcomes[1]->empty()) << "neither due again nor to be tried again yet";
    clock_.pass(settings_.retry_first);
    EXPECT_EQ(run(Scope::due), Lines{"a.test " + intake.rua() + " sent"});
}

TEST_F(ReporterTest, AServerThatHangsHoldsUpNoOthersReport) {
    std::atomic<bool> other_served = false;
    TestIntake intake(ca_.issue("intake.test"));
    const net::CertificateAndKey certificate = ca_.issue("intake.test");
    ScriptedServer hanging([&](Peer& peer) {
        for (int i = 0; i < 1500 && !other_served; ++i) {  // answers when the other report has arrived
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            other_served = !intake.requests().empty();
        }
        if (peer.start_tls(certificate)) {
            (void)peer.read_head();
            peer.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            peer.close_tls();
        }
    });
    settings_.domains_at_once = 2;
    count("a.test");
    publish("a.test", "https://intake.test:" + std::to_string(hanging.port()) + "/");
    count("b.test");
    publish("b.test", intake.rua());
    const Lines outcome = run();
    EXPECT_TRUE(other_served) << "while the first was waited for";
    ASSERT_EQ(outcome.size(), 2U);
    EXPECT_TRUE(outcome[0].starts_with("a.test ") && outcome[0].ends_with(" sent")) << outcome[0];
    EXPECT_EQ(outcome[1], "b.test " + intake.rua() + " sent");
}

TEST_F(ReporterTest, AHostThatGivesNoAnswerIsAskedOnceInARun) {
    count("a.test");
    count("b.test");
    publish("a.test", "https://intake.test:1/a");
    publish("b.test", "https://intake.test:1/b");
    EXPECT_EQ(run(), (Lines{"a.test https://intake.test:1/a retry", "b.test https://intake.test:1/b retry"}));
    EXPECT_EQ(details_.at(0).find("a moment ago"), std::string::npos) << details_.at(0);
    EXPECT_NE(details_.at(1).find("of another report, a moment ago"), std::string::npos) << details_.at(1);
}

TEST_F(ReporterTest, CapsKeepAStrangerFromHavingUsFloodAThird) {
    TestIntake intake(ca_.issue("intake.test"));
    settings_.caps.rua_max = 2;
    settings_.caps.per_address_max = 1;
    count("a.test");
    count("b.test");
    publish("a.test", intake.rua("/1") + "," + intake.rua("/2") + "," + intake.rua("/3") + "," + intake.rua("/4"));
    publish("b.test", intake.rua("/2"));
    const Lines expected{"a.test " + intake.rua("/1") + " sent", "a.test " + intake.rua("/2") + " sent",
                         "a.test " + intake.rua("/3") + " failed", "a.test " + intake.rua("/4") + " failed",
                         "b.test " + intake.rua("/2") + " failed"};
    EXPECT_EQ(run(), expected);
    EXPECT_EQ(details_.at(2), "cap: of 4 rua in the record 2 are served");
    EXPECT_EQ(details_.at(4), "cap: 1 reports of the day went to this address");
    EXPECT_EQ(intake.requests().size(), 2U);
    settings_.caps.rua_max = 0;
    EXPECT_EQ(run().at(2), "a.test " + intake.rua("/3") + " failed") << "final";
}

TEST_F(ReporterTest, AReportThatOnlyDeliveringReportsWouldTellOfIsNotSent) {  // RPT-014
    TestIntake intake(ca_.issue("intake.test"));
    tlsrpt::PolicyResult failed_fetch;
    failed_fetch.policy_type = "sts";
    failed_fetch.policy_domain = "a.test";
    failed_fetch.failed = 1;
    failed_fetch.failures.emplace_back();
    failed_fetch.failures[0].result_type = "sts-policy-fetch-error";
    failed_fetch.failures[0].sessions = 1;
    ASSERT_TRUE(store_->session_counts.add({{day, name("a.test"), "", failed_fetch}}));
    ASSERT_TRUE(store_->handed_reports.put("1", name("a.test"), TimePoint(day)));
    publish("a.test", intake.rua());
    EXPECT_EQ(run(), Lines{});
    EXPECT_TRUE(intake.requests().empty());
}

TEST_F(ReporterTest, AResentReportIsTheSameReport) {  // RPT-048: a receiver drops the duplicate by its report-id
    TestIntake intake(ca_.issue("intake.test"), {"201 Created", "400 No", "201 Created"});
    count("a.test");
    count("b.test");
    publish("a.test", intake.rua());
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " sent"});
    count("a.test");  // what came in late changes nothing
    resend_ = name("a.test");
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " failed"});
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " sent"}) << "whatever became of it before";
    resend_.reset();
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " already-sent"});
    const auto requests = intake.requests();
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_EQ(requests[0].second, requests[1].second);
    EXPECT_EQ(requests[0].second, requests[2].second);
    resend_ = name("c.test");
    EXPECT_EQ(run(), Lines{}) << "nothing was counted for it";
}

TEST_F(ReporterTest, WhoIsSuppressedGetsNothingUntilItRunsOut) {
    TestIntake intake(ca_.issue("intake.test"));
    count("a.test");
    count("b.test");
    publish("a.test", intake.rua());
    publish("b.test", intake.rua("/b"));
    ASSERT_TRUE(store_->session_counts.put_suppression({"a.test", clock_.now() + Seconds(60), clock_.now(), "", ""}));
    EXPECT_EQ(run(), (Lines{"a.test " + intake.rua() + " suppressed", "b.test " + intake.rua("/b") + " sent"}));
    EXPECT_EQ(intake.requests().size(), 1U);
    clock_.pass(Seconds(60));
    EXPECT_EQ(run(), (Lines{"a.test " + intake.rua() + " sent", "b.test " + intake.rua("/b") + " already-sent"}));
    count("c.test");
    publish("c.test", intake.rua("/c"));
    ASSERT_TRUE(store_->session_counts.put_suppression({"intake.test", {}, clock_.now(), "", ""}));
    EXPECT_EQ(run(), (Lines{"a.test " + intake.rua() + " already-sent", "b.test " + intake.rua("/b") + " already-sent",
                            "c.test " + intake.rua("/c") + " suppressed"}));
    ASSERT_TRUE(store_->session_counts.erase_suppression("intake.test").value());
    EXPECT_FALSE(store_->session_counts.erase_suppression("intake.test").value()) << "once";
    EXPECT_EQ(run().at(2), "c.test " + intake.rua("/c") + " sent");
}

TEST_F(ReporterTest, APreviewIsTheReportOfTheDay) {
    const auto preview = [&](const char* domain) {
        return report_preview(*store_, day, name(domain), settings_.submitter);
    };
    EXPECT_FALSE(preview("a.test").value().has_value());
    count("a.test");
    const auto report = preview("a.test").value();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->policies.at(0).successful, 3U);
    EXPECT_EQ(report->contact_info, "tls@sender.test");
}

TEST_F(ReporterTest, RefusesADayThatIsNotOver) {
    const Day today = std::chrono::floor<std::chrono::days>(clock_.now());
    for (const Day early : {today, today + std::chrono::days(1)}) {
        const Outcomes outcomes = run({Scope::whole_day}, early).at(0);
        ASSERT_FALSE(outcomes);
        EXPECT_EQ(outcomes.error().code, Errc::refused);
    }
    clock_.set(TimePoint(today) + Seconds(86'400));
    EXPECT_TRUE(run({Scope::whole_day}, today).at(0)) << "over at the first second of the next";
}

TEST_F(ReporterTest, RunsTakeTurnsAndSendOnce) {
    TestIntake intake(ca_.issue("intake.test"));
    count("a.test");
    publish("a.test", intake.rua());
    const auto outcomes = run({Scope::whole_day, Scope::retries, Scope::whole_day});
    ASSERT_EQ(outcomes.size(), 3U);
    EXPECT_EQ(outcomes[0]->at(0).result, "sent");
    EXPECT_TRUE(outcomes[1]->empty()) << "nothing to be tried again";
    EXPECT_EQ(outcomes[2]->at(0).result, "already-sent");
    EXPECT_EQ(intake.requests().size(), 1U);
}

TEST_F(ReporterTest, EveryRuaOrTheFirstThatWorks) {  // RFC 8460 §3; RPT-009, RPT-010
    TestIntake broken(ca_.issue("intake.test"), {"503 Busy"});
    TestIntake first(ca_.issue("intake.test"));
    TestIntake second(ca_.issue("intake.test"));
    count("a.test");
    publish("a.test", broken.rua() + "," + first.rua() + "," + second.rua());
    settings_.rua_all = false;
    EXPECT_EQ(run(), (Lines{"a.test " + broken.rua() + " retry", "a.test " + first.rua() + " sent"}));
    EXPECT_TRUE(second.requests().empty());
    settings_.rua_all = true;
    EXPECT_EQ(run(), (Lines{"a.test " + broken.rua() + " retry", "a.test " + first.rua() + " already-sent",
                            "a.test " + second.rua() + " sent"}));
    EXPECT_EQ(broken.requests().size(), 1U) << "it is not due yet";
}

TEST_F(ReporterTest, RetriesForADayWithGrowingGaps) {  // RFC 8460 §5.5; RPT-052
    TestIntake intake(ca_.issue("intake.test"), {"503 Busy"});
    count("a.test");
    publish("a.test", intake.rua());
    const Lines retry{"a.test " + intake.rua() + " retry"};
    EXPECT_EQ(run(), retry);
    clock_.pass(settings_.retry_first - Seconds(1));
    EXPECT_EQ(run(Scope::retries), retry);
    EXPECT_EQ(intake.requests().size(), 1U) << "too early";
    clock_.pass(Seconds(1));
    count("a.test");  // what came in late changes no report that was tried
    EXPECT_EQ(run(Scope::retries), retry);
    auto requests = intake.requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].second, requests[1].second) << "the same bytes";
    clock_.pass(settings_.retry_first);
    EXPECT_EQ(run(Scope::retries), retry);
    EXPECT_EQ(intake.requests().size(), 2U) << "the second gap is longer than the first";

    clock_.pass(settings_.retry_for);
    EXPECT_EQ(run(Scope::retries), Lines{"a.test " + intake.rua() + " failed"});
    EXPECT_EQ(intake.requests().size(), 3U) << "a last time";
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " failed"});
    EXPECT_EQ(intake.requests().size(), 3U) << "never again";
    EXPECT_EQ(run(Scope::retries), Lines{});
}

TEST_F(ReporterTest, WhatTheServerSaysDecides) {
    struct Case {
        const char* answer;
        const char* result;
        const char* reason;
    };
    const Case cases[] = {
        {"200 OK", "sent", "RFC 8460 §5.4: success"},
        {"204 No Content", "sent", "any success"},
        {"301 Moved\r\nLocation: https://elsewhere.test/", "failed", "a redirect is never followed"},
        {"400 Bad Request", "failed", "the report will not change"},
        {"404 Not Found", "failed", "a rua that was given up"},
        {"413 Too Large", "failed", "it will not shrink"},
        {"408 Timeout", "retry", "too slow this time"},
        {"429 Too Many", "retry", "later"},
        {"500 Error", "retry", "their trouble"},
        {"503 Busy", "retry", "their trouble"},
    };
    for (const Case& c : cases) {
        TestIntake intake(ca_.issue("intake.test"), {c.answer});
        store_ = open_store();
        count("a.test");
        publish("a.test", intake.rua());
        EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " " + c.result}) << c.answer << ": " << c.reason;
        EXPECT_EQ(intake.requests().size(), 1U) << c.answer;
    }
}

TEST_F(ReporterTest, AWrongCertificateCountsOnlyWhereAsked) {  // RFC 8460 §3: "MAY ignore"; RPT-012
    TestIntake intake(ca_.issue({.names = {"other.test"}}));
    count("a.test");
    publish("a.test", intake.rua());
    settings_.verify_https_rua = true;
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " retry"});
    EXPECT_TRUE(intake.requests().empty());
    clock_.pass(settings_.retry_first);
    settings_.verify_https_rua = false;
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " sent"});
}

// RPT-055: a rua in another domain needs no consent there (RFC 8460 §7).
TEST_F(ReporterTest, DestinationsComeFromDnsAtSendingTime) {
    TestIntake intake(ca_.issue("intake.test"));
    count("moved.test", "v=TLSRPTv1;rua=mailto:old@moved.test");
    publish("moved.test", intake.rua("/moved"));
    count("gone.test", "v=TLSRPTv1;rua=" + intake.rua("/gone"));  // no record any more: nobody asks
    count("broken.test", "v=TLSRPTv1;rua=" + intake.rua("/seen"));
    dns_.break_name("_smtp._tls.broken.test", dns::Rcode::servfail);
    count("two.test", "v=TLSRPTv1;rua=" + intake.rua("/two"));
    publish("two.test", intake.rua("/one"));
    dns_.add("_smtp._tls.two.test", dns::Type::txt, txt("v=TLSRPTv1; rua=" + intake.rua("/two")));  // RFC 8460 §3
    EXPECT_EQ(run(),
              (Lines{"broken.test " + intake.rua("/seen") + " sent", "moved.test " + intake.rua("/moved") + " sent"}));
    EXPECT_EQ(intake.requests().size(), 2U);
}

TEST_F(ReporterTest, ALabsPortIsForUrisThatNameNone) {  // [lab] rua_port; RPT-011: the path and the query as published
    TestIntake intake(ca_.issue("intake.test"));
    TestIntake other(ca_.issue("intake.test"));
    settings_.https_port = intake.port();
    count("a.test");
    const std::string plain = "https://intake.test/v1?at=noon";
    publish("a.test", plain + "," + other.rua());
    EXPECT_EQ(run(), (Lines{"a.test " + plain + " sent", "a.test " + other.rua() + " sent"}));
    ASSERT_EQ(intake.requests().size(), 1U);
    EXPECT_TRUE(intake.requests().front().first.starts_with("POST /v1?at=noon HTTP/1.1\r\n"));
    EXPECT_EQ(other.requests().size(), 1U);
}

TEST_F(ReporterTest, ARuaMayNameAnAddressOrAnEncodedHost) {  // RFC 3986 §3.2.2
    TestIntake intake(ca_.issue("intake.test"));
    TestIntake six(ca_.issue("intake.test"), {"201 Created"}, "::1");
    count("a.test");
    const std::string port = ":" + std::to_string(intake.port()) + "/r";
    const std::string literal = "https://[::1]:" + std::to_string(six.port()) + "/r";
    publish("a.test", "https://127.0.0.1" + port + ", " + literal + ", https://int%61ke.test" + port);
    EXPECT_EQ(run(), (Lines{"a.test https://127.0.0.1" + port + " sent", "a.test " + literal + " sent",
                            "a.test https://int%61ke.test" + port + " sent"}))
        << details_.at(1);
    EXPECT_EQ(intake.requests().size(), 2U);
    ASSERT_EQ(six.requests().size(), 1U);
    EXPECT_TRUE(six.requests()[0].first.starts_with("POST /r HTTP/1.1\r\n"));
    settings_.https_port = six.port();
    count("b.test");
    publish("b.test", "https://[::1]/r,https://[::1]:/r?x");
    EXPECT_EQ(run().at(3), "b.test https://[::1]/r sent") << "[lab] rua_port behind the bracket";
    EXPECT_EQ(run().at(4), "b.test https://[::1]:/r?x already-sent") << "an empty port is none (RFC 3986 §3.2.3)";
}

TEST_F(ReporterTest, NeverPostsIntoTheOperatorsOwnNetwork) {  // design rule 20: a rua is a stranger's word
    TestIntake intake(ca_.issue("intake.test"));
    count("a.test");
    publish("a.test", intake.rua());
    non_global_ = net::NonGlobal::refuse;
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " failed"});
    EXPECT_TRUE(intake.requests().empty());
}

TEST_F(ReporterTest, AHostThatCannotBeFoundIsTriedAgain) {
    count("a.test");
    publish("a.test", "https://absent.test/r,https://broken.test/r");
    dns_.break_name("broken.test", dns::Rcode::servfail);
    EXPECT_EQ(run(), (Lines{"a.test https://absent.test/r retry", "a.test https://broken.test/r retry"}));
    EXPECT_EQ(details_.at(0), "absent.test has no address");
    EXPECT_EQ(details_.at(1), "broken.test could not be looked up");
}

// A mail server that answers the end of the message with `verdict` and keeps what it was sent. Its `greetings` are
// those of its connections in turn, the last for ever.
struct TestMailServer {
    explicit TestMailServer(std::string verdict, std::vector<std::string> greetings = {"220 mail.test ESMTP"},
                            std::optional<net::CertificateAndKey> certificate = std::nullopt)
        : verdict_(std::move(verdict)),
          greetings_(std::move(greetings)),
          certificate_(std::move(certificate)),
          server([this](Peer& peer) { serve(peer); }) {}
    [[nodiscard]] std::string url() const { return "smtp://127.0.0.1:" + std::to_string(server.port()); }

    void serve(Peer& peer) {
        bool tls = implicit_tls && peer.start_tls(*certificate_);
        if (implicit_tls && !tls) {
            return;
        }
        peer.send(greetings_.at(std::min(connections_++, greetings_.size() - 1)) + "\r\n");
        for (std::string line = peer.read_line(); !line.empty(); line = peer.read_line()) {
            if (line.starts_with("EHLO")) {
                const std::lock_guard lock(mutex);
                commands += line;
                peer.send("250-mail.test\r\n" + offers + (certificate_ && !tls ? "250 STARTTLS\r\n" : "250 HELP\r\n"));
            } else if (line.starts_with("AUTH")) {
                const std::lock_guard lock(mutex);
                logins.push_back(line);
                peer.send(line == login ? "235 welcome\r\n" : "535 5.7.8 no\r\n");
            } else if (line.starts_with("STARTTLS")) {
                peer.send("220 go\r\n");
                if (!certificate_->chain_der.empty()) {
                    tls = peer.start_tls(*certificate_);
                }
                if (!tls) {
                    return;
                }
            } else if (line.starts_with("DATA")) {
                peer.send("354 go\r\n");
                const std::string message = peer.read_until("\r\n.\r\n");
                const std::lock_guard lock(mutex);
                messages.push_back(message);
                over_tls.push_back(tls);
                peer.send(verdict_ + "\r\n");
            } else if (line.starts_with("QUIT")) {
                peer.send("221 bye\r\n");
                return;
            } else {
                const std::lock_guard lock(mutex);
                commands += line;
                peer.send(line.starts_with("MAIL") && !tls ? mail_in_clear + "\r\n" : "250 ok\r\n");
            }
        }
    }

    std::mutex mutex;
    std::string commands;
    std::vector<std::string> messages;
    std::vector<bool> over_tls;
    std::vector<std::string> logins;       // what was said to log in
    std::string mail_in_clear = "250 ok";  // to MAIL FROM outside TLS
    std::string offers;                    // lines of the answer to EHLO
    std::string login;                     // the line that is let in
    bool implicit_tls = false;

private:
    std::string verdict_;
    std::vector<std::string> greetings_;
    std::optional<net::CertificateAndKey> certificate_;
    std::size_t connections_ = 0;

public:
    ScriptedServer server;  // last: it calls serve()
};

TEST_F(ReporterTest, MailsThroughTheSubmissionServer) {  // RFC 8460 §5.3
    TestMailServer mail("250 queued");
    settings_.mail.submission = mail.url();
    count("a.test");
    publish("a.test", "mailto:tls%2Dreports@a.test?subject=ignored");
    EXPECT_EQ(run(), Lines{"a.test mailto:tls%2Dreports@a.test?subject=ignored sent"});
    EXPECT_NE(mail.commands.find("MAIL FROM:<tls@sender.test>"), std::string::npos) << mail.commands;
    EXPECT_NE(mail.commands.find("RCPT TO:<tls-reports@a.test>"), std::string::npos) << mail.commands;
    ASSERT_EQ(mail.messages.size(), 1U);
    EXPECT_TRUE(mail.messages[0].starts_with("DKIM-Signature: ")) << "RFC 8460 §3; RPT-015";
    EXPECT_EQ(log_.warnings("postseal._domainkey.sender.test: no key is published there"), 1U) << "RPT-018";
    const tlsrpt::ReadInput read = tlsrpt::read_input(as_bytes(mail.messages[0]), "mail");
    ASSERT_EQ(read.reports.size(), 1U);
    ASSERT_TRUE(read.reports[0].report) << read.reports[0].report.error().message();
    EXPECT_EQ(read.reports[0].report->policies.at(0).failed, 2U);
    ASSERT_TRUE(read.mail);
    EXPECT_EQ(read.mail->report_domain, "a.test");
    EXPECT_EQ(read.mail->report_submitter, "sender.test");
}

// smtps:// (RFC 8314 §3.3) and submission:// want a certificate with the server's name before anything
// is said, least of all the password; what the server says of the password is no word about the report.
TEST_F(ReporterTest, SubmitsOverTlsWithAPassword) {
    const struct {
        const char* why;
        const char* scheme;
        const char* certificate;  // its name; "": no STARTTLS is offered
        const char* password;
        const char* result;
        const char* detail;
        std::size_t logins;
    } cases[] = {
        {"TLS from the first byte", "smtps", "localhost", "se cret", "sent", "", 1},
        {"STARTTLS", "submission", "localhost", "se cret", "sent", "", 1},
        {"a login over smtp:// is as strict", "smtp", "localhost", "se cret", "sent", "", 1},
        {"another password", "smtps", "localhost", "old", "retry", "AUTH: 535 5.7.8 no", 1},
        {"another password", "submission", "localhost", "old", "retry", "AUTH: 535 5.7.8 no", 1},
        {"another's certificate", "smtps", "other.test", "se cret", "retry", "", 0},
        {"another's certificate", "submission", "other.test", "se cret", "retry", "", 0},
        {"no TLS", "submission", "", "se cret", "retry", "the server does not offer STARTTLS", 0},
    };
    int number = 0;
    for (const auto& c : cases) {
        const std::string where = std::string(c.scheme) + ", " + c.why;
        const bool tls = *c.certificate != 0;
        TestMailServer mail("250 queued", {"220 mail.test"},
                            tls ? std::optional(ca_.issue({.names = {c.certificate}})) : std::nullopt);
        mail.implicit_tls = std::string_view(c.scheme) == "smtps";
        mail.login = "AUTH PLAIN AHJlcG9ydHMAc2UgY3JldA==\r\n";  // "reports", "se cret"
        settings_.mail.submission =
            std::string(c.scheme) + "://reports@localhost:" + std::to_string(mail.server.port());
        settings_.mail.password = c.password;
        const std::string domain = "d" + std::to_string(++number) + ".test";
        count(domain);
        publish(domain, "mailto:r@" + domain);
        EXPECT_THAT(run(), ::testing::Contains(fmt::format("{0} mailto:r@{0} {1}", domain, c.result))) << where;
        EXPECT_EQ(mail.logins.size(), c.logins) << where;
        EXPECT_EQ(mail.over_tls, std::vector<bool>(std::string_view(c.result) == "sent" ? 1 : 0, true)) << where;
        EXPECT_THAT(details_.back(), ::testing::HasSubstr(c.detail)) << where;
    }
}

// RFC 6531 §3.2, §3.4: an address beyond ASCII goes to a server that takes such, marked as one.
TEST_F(ReporterTest, MailsToAnAddressBeyondAscii) {
    TestMailServer mail("250 queued");
    mail.offers = "250-8BITMIME\r\n250-SMTPUTF8\r\n";
    settings_.mail.submission = mail.url();
    count("a.test");
    publish("a.test", "mailto:b%C3%BCcher@%C3%BCber.test");
    EXPECT_EQ(run(), Lines{"a.test mailto:b%C3%BCcher@%C3%BCber.test sent"}) << details_.back();
    EXPECT_THAT(mail.commands, ::testing::ContainsRegex("MAIL FROM:<tls@sender.test> BODY=8BITMIME SMTPUTF8\r\n"));
    EXPECT_THAT(mail.commands, ::testing::HasSubstr("RCPT TO:<b\u00fccher@xn--ber-goa.test>\r\n"));
    EXPECT_THAT(mail.messages.at(0), ::testing::HasSubstr("\r\nTo: b\u00fccher@xn--ber-goa.test\r\n"));
    count("b.test");
    publish("b.test", "mailto:b@b.test");
    EXPECT_EQ(run().at(1), "b.test mailto:b@b.test sent");
    EXPECT_EQ(mail.commands.find("SMTPUTF8"), mail.commands.rfind("SMTPUTF8")) << "no more than is needed";

    TestMailServer ascii_only("250 queued");
    settings_.mail.submission = ascii_only.url();
    count("c.test");
    publish("c.test", "mailto:b%C3%BCcher@c.test");
    EXPECT_EQ(run().at(2), "c.test mailto:b%C3%BCcher@c.test retry") << "the operator can mend that";
    EXPECT_EQ(details_.back(), "the server does not take addresses beyond ASCII (SMTPUTF8)");
    EXPECT_EQ(ascii_only.commands.find("MAIL"), std::string::npos);
}

// RPT-014: so that the session that carries it can be told from others.
TEST_F(ReporterTest, WhatIsHandedOverIsNoted) {
    TestMailServer mail("250 queued");
    settings_.mail.submission = mail.url();
    count("a.test");
    publish("a.test", "mailto:tls@Box.test");
    EXPECT_EQ(run(), Lines{"a.test mailto:tls@Box.test sent"});
    const auto noted = store_->handed_reports.open_after(0).value();
    ASSERT_EQ(noted.size(), 1U);
    EXPECT_EQ(noted[0].domain, name("box.test")) << "with whose hosts the session will be";
    EXPECT_EQ(noted[0].at, clock_.now());
    EXPECT_NE(mail.messages.at(0).find("Message-ID: <" + noted[0].message_id + ">\r\n"), std::string::npos);
    EXPECT_TRUE(tlsrpt::looks_like_report_id(noted[0].message_id)) << noted[0].message_id;
    for (const char* verdict : {"550 no", "451 later"}) {
        TestMailServer refusing(verdict);
        settings_.mail.submission = refusing.url();
        count("b.test");
        publish("b.test", std::string("mailto:tls@b.test?") + std::string(verdict).substr(0, 3));
        (void)run();
        EXPECT_EQ(refusing.messages.size(), 1U);
        EXPECT_EQ(store_->handed_reports.open_after(0).value().size(), 1U) << verdict << ": nobody carries it on";
    }
    settings_.mail.submission = "smtp://127.0.0.1:1";
    count("c.test");
    publish("c.test", "mailto:tls@c.test");
    (void)run();
    EXPECT_EQ(store_->handed_reports.open_after(0).value().size(), 1U);
}

TEST_F(ReporterTest, ACopyGoesToTheOperator) {
    TestIntake intake(ca_.issue("intake.test"));
    TestMailServer mail("250 queued");
    settings_.mail.submission = mail.url();
    settings_.copy_to = "archive@sender.test";
    settings_.rua_all = false;
    count("a.test");
    publish("a.test", intake.rua());
    const std::string copy = "a.test mailto:archive@sender.test ";
    EXPECT_EQ(run(), (Lines{"a.test " + intake.rua() + " sent", copy + "sent"}));
    EXPECT_NE(mail.commands.find("RCPT TO:<archive@sender.test>"), std::string::npos) << mail.commands;
    EXPECT_EQ(run().at(1), copy + "already-sent") << "once, like every other";
    count("b.test");
    EXPECT_EQ(run().size(), 2U) << "b.test asks for no report: there is none to copy";
    count("c.test");
    publish("c.test", "mailto:Archive@sender.test");
    EXPECT_EQ(run().at(2), "c.test mailto:Archive@sender.test sent");
    EXPECT_EQ(mail.messages.size(), 2U) << "never twice to one address";
}

TEST_F(ReporterTest, SuccessesAloneAreReportedUnlessToldOtherwise) {  // RFC 8460 §4.2; RPT-035
    TestIntake intake(ca_.issue("intake.test"));
    settings_.only_failures = true;
    tlsrpt::PolicyResult fine;
    fine.policy_type = "no-policy-found";
    fine.policy_domain = "good.test";
    fine.successful = 5;
    ASSERT_TRUE(store_->session_counts.add({{day, name("good.test"), "", fine}}));
    publish("good.test", intake.rua("/good"));
    count("a.test");
    publish("a.test", intake.rua());
    EXPECT_EQ(run(), Lines{"a.test " + intake.rua() + " sent"});
    settings_.only_failures = false;
    EXPECT_EQ(run().at(1), "good.test " + intake.rua("/good") + " sent");
}

TEST_F(ReporterTest, WarnsOfASenderThatTakesNoMail) {  // RFC 7505 §4.2; MX-007
    TestMailServer mail("250 queued");
    settings_.mail.submission = mail.url();
    dns_.add("sender.test", dns::Type::mx, dns::MxData{0, *dns::Name::parse(".")});
    count("a.test");
    publish("a.test", "mailto:r@a.test");
    EXPECT_EQ(run(), Lines{"a.test mailto:r@a.test sent"});
    EXPECT_EQ(log_.warnings("contact: sender.test accepts no mail (null MX)"), 1U);
}

TEST_F(ReporterTest, ARefusedMailIsFinalADeferredOneIsNot) {
    TestMailServer refusing("550 no such user");
    settings_.mail.submission = refusing.url();
    count("a.test");
    publish("a.test", "mailto:r@a.test");
    EXPECT_EQ(run(), Lines{"a.test mailto:r@a.test failed"});
    TestMailServer deferring("451 later");
    settings_.mail.submission = deferring.url();
    count("b.test");
    publish("b.test", "mailto:r@b.test");
    EXPECT_EQ(run(), (Lines{"a.test mailto:r@a.test failed", "b.test mailto:r@b.test retry"}));
    EXPECT_EQ(deferring.messages.size(), 1U);
}

TEST_F(ReporterTest, AServerThatIsNotThereIsTriedAgain) {
    settings_.mail.submission = "smtp://127.0.0.1:1";
    count("a.test");
    publish("a.test", "mailto:r@a.test");
    EXPECT_EQ(run(), Lines{"a.test mailto:r@a.test retry"});
}

// ---- [reporter] submission = "direct"

class DirectReporterTest : public ReporterTest {
protected:
    void goes_to(const TestMailServer& server) {
        settings_.mail.route = ReportMailSettings::Route::direct;
        settings_.mail.smtp_port = server.server.port();
        dns_.add("mx.test", dns::Type::a, address("127.0.0.1"));
        count("a.test");
        publish("a.test", "mailto:r@box.test");
    }
    const Lines sent_{"a.test mailto:r@box.test sent"};
    const Lines retry_{"a.test mailto:r@box.test retry"};
    const Lines failed_{"a.test mailto:r@box.test failed"};
};

TEST_F(DirectReporterTest, TriesTheHostsInTheirOrderUntilOneTakesIt) {  // RFC 5321 §5.1
    TestMailServer mail("250 ok", {"554 not here", "421 busy", "220 mail.test"});
    goes_to(mail);
    dns_.add("dead.test", dns::Type::a, address("127.0.0.2"));  // nobody listens there
    dns_.add("box.test", dns::Type::mx, net::testing::mx(30, "mx.test"));
    dns_.add("box.test", dns::Type::mx, net::testing::mx(10, "dead.test"));
    dns_.add("box.test", dns::Type::mx, net::testing::mx(20, "first.test"));
    dns_.add("box.test", dns::Type::mx, net::testing::mx(25, "second.test"));
    dns_.add("box.test", dns::Type::mx, net::testing::mx(40, "never.test"));
    for (const char* host : {"first.test", "second.test", "never.test"}) {
        dns_.add(host, dns::Type::a, address("127.0.0.1"));
    }
    settings_.mail.ehlo_name = "out.sender.test";
    EXPECT_EQ(run(), sent_);
    EXPECT_EQ(mail.server.connections(), 3);
    EXPECT_NE(mail.commands.find("EHLO out.sender.test\r\n"), std::string::npos) << mail.commands;
    ASSERT_EQ(mail.messages.size(), 1U);
    EXPECT_NE(mail.messages[0].find("\r\nTLS-Required: No\r\n"), std::string::npos) << "RFC 8689 §3; TLSREQ-001";
    EXPECT_EQ(mail.messages[0].find("TLS-Required"), mail.messages[0].rfind("TLS-Required"));
    EXPECT_TRUE(store_->handed_reports.open_after(0).value().empty()) << "no mail server tells of our own session";
}

TEST_F(DirectReporterTest, ADomainWithoutMxIsItsOwnHost) {  // RFC 5321 §5.1
    TestMailServer mail("250 ok");
    goes_to(mail);
    dns_.add("box.test", dns::Type::a, address("127.0.0.1"));
    EXPECT_EQ(run(), sent_);
}

TEST_F(DirectReporterTest, ANullMxIsFinalAndOtherTargetsAreServed) {  // RFC 7505 §3; MX-008
    TestMailServer mail("250 ok");
    goes_to(mail);
    TestIntake intake(ca_.issue("intake.test"));
    publish("a.test", "mailto:r@box.test," + intake.rua());
    dns_.add("box.test", dns::Type::mx, dns::MxData{0, *dns::Name::parse(".")});
    dns_.add("box.test", dns::Type::a, address("127.0.0.1"));
    settings_.rua_all = false;
    EXPECT_EQ(run(), (Lines{"a.test mailto:r@box.test failed", "a.test " + intake.rua() + " sent"}));
    EXPECT_EQ(details_.at(0), "box.test accepts no mail (null MX)");
    EXPECT_EQ(mail.server.connections(), 0);
    clock_.pass(settings_.retry_first);
    EXPECT_EQ(run(Scope::retries), Lines{}) << "no retry";
}

// RFC 8460 §3: "even if there are TLS failures"; RPT-013.
TEST_F(DirectReporterTest, TlsTroubleKeepsNoReportBack) {
    {
        TestMailServer wrong_name("250 ok", {"220 mail.test"}, ca_.issue({.names = {"other.test"}}));
        goes_to(wrong_name);
        dns_.add("box.test", dns::Type::mx, net::testing::mx(10, "mx.test"));
        EXPECT_EQ(run(), sent_);
        EXPECT_EQ(wrong_name.over_tls, std::vector<bool>{true}) << "encrypted all the same";
    }
    TestMailServer no_handshake("250 ok", {"220 mail.test"}, net::CertificateAndKey{});
    settings_.mail.smtp_port = no_handshake.server.port();
    count("b.test");
    publish("b.test", "mailto:r@box.test");
    EXPECT_EQ(run().at(1), "b.test mailto:r@box.test sent");
    EXPECT_EQ(no_handshake.over_tls, std::vector<bool>{false}) << "in clear text, if need be";
    no_handshake.mail_in_clear = "530 5.7.0 Must issue a STARTTLS command first";
    count("c.test");
    publish("c.test", "mailto:r@box.test");
    EXPECT_EQ(run().at(2), "c.test mailto:r@box.test retry") << "RFC 3207 §4: its TLS may be mended";
}

TEST_F(DirectReporterTest, ARefusalIsFinalADelayIsNot) {  // RFC 5321 §4.2.1
    TestMailServer refusing("550 no such user");
    goes_to(refusing);
    dns_.add("box.test", dns::Type::mx, net::testing::mx(10, "mx.test"));
    dns_.add("box.test", dns::Type::mx, net::testing::mx(20, "box.test"));
    dns_.add("box.test", dns::Type::a, address("127.0.0.1"));
    EXPECT_EQ(run(), failed_);
    EXPECT_EQ(refusing.server.connections(), 1) << "the other host is the same mailbox's";

    store_ = open_store();
    TestMailServer deferring("451 later");
    settings_.mail.bounces_to = "bounces@sender.test";
    settings_.mail.smtp_port = deferring.server.port();
    count("a.test");
    EXPECT_EQ(run(), retry_);
    EXPECT_EQ(deferring.server.connections(), 2) << "every host is asked";
    clock_.pass(settings_.retry_first);
    EXPECT_EQ(run(Scope::retries), retry_);
    ASSERT_EQ(deferring.messages.size(), 4U);
    const auto subject = [](const std::string& mail) {  // with the Report-ID
        const std::size_t at = mail.find("\r\nSubject: ");
        return mail.substr(at, mail.find("\r\nMessage-ID", at) - at);
    };
    EXPECT_NE(deferring.commands.find("MAIL FROM:<bounces@sender.test>"), std::string::npos) << deferring.commands;
    EXPECT_EQ(subject(deferring.messages[0]), subject(deferring.messages[3])) << "RPT-048: a receiver can tell";
}

TEST_F(DirectReporterTest, WhatCannotBeLookedUpIsTriedAgain) {
    TestMailServer mail("250 ok");
    goes_to(mail);
    dns_.break_name("box.test", dns::Rcode::servfail);
    EXPECT_EQ(run(), retry_);
    EXPECT_EQ(details_.back(), "the MX records of box.test could not be looked up");
}

TEST_F(DirectReporterTest, NeverMailsIntoTheOperatorsOwnNetwork) {  // design rule 20
    TestMailServer mail("250 ok");
    goes_to(mail);
    dns_.add("box.test", dns::Type::mx, net::testing::mx(10, "mx.test"));
    settings_.mail.guard = net::AddressGuard(net::NonGlobal::refuse);
    EXPECT_EQ(run(), failed_);
    EXPECT_EQ(mail.server.connections(), 0);
}

}  // namespace
}  // namespace postseal::sender
