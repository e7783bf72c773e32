// Gathering from real servers on loopback: what DNS, a policy host and MX hosts say becomes Evidence, each with its own
// error. What is concluded from it is tested in verdict.
#include "lookup/gather.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/testing.h"

namespace postseal::lookup {
namespace {

using net::testing::address;
using net::testing::CertificateOptions;
using net::testing::cname;
using net::testing::ip;
using net::testing::mx;
using net::testing::name;
using net::testing::Peer;
using net::testing::ScriptedServer;
using net::testing::TestCa;
using net::testing::TinyDns;
using net::testing::txt;
using verdict::Answer;
using verdict::CertificateError;
using verdict::Evidence;
using verdict::PolicyFetch;
using verdict::Probe;

const TimePoint now{Seconds(1'790'000'000)};
const std::string policy = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 86400\r\n";

class FixedClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return lookup::now; }
};

std::string response(const std::string& status, const std::string& body, const std::string& headers = "") {
    return "HTTP/1.1 " + status +
           "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n" + headers + "\r\n" + body;
}

class GatherTest : public ::testing::Test {
protected:
    GatherTest() {
        dns_.add("_mta-sts.a.test", dns::Type::txt, txt("v=STSv1; id=1;"), 300);
        dns_.add("mta-sts.a.test", dns::Type::a, address("127.0.0.1"));
        dns_.add("a.test", dns::Type::mx, mx(10, "mx.a.test"), 120);
        dns_.add("mx.a.test", dns::Type::a, address("127.0.0.1"));
        settings_.guard = net::AddressGuard(net::NonGlobal::allow);
        settings_.trust = ca_.trust();
    }

    Evidence run(GatherRequest request) {
        const auto resolver = *net::make_unbound_resolver(loop_, dns_.resolver_settings());
        net::HttpsClient::Settings client;
        client.trust = ca_.trust();
        client.guard = settings_.guard;
        net::HttpsClient https(loop_, std::move(client));
        Evidence evidence;
        const FixedClock clock;
        gathering_ = gather(loop_, *resolver, https, clock, settings_, std::move(request), [&](Evidence got) {
            evidence = std::move(got);
            loop_.stop();
        });
        net::testing::run_for(loop_);
        return evidence;
    }
    Evidence run(std::string_view key) {
        GatherRequest request;
        request.key = verdict::parse_key(key);
        return run(std::move(request));
    }
    // The fetch from a policy host with this certificate that answers `text`; "" hangs up.
    PolicyFetch fetch(const CertificateOptions& options, const std::string& text) {
        const net::CertificateAndKey certificate = ca_.issue(options);
        const ScriptedServer server([&](Peer& peer) {
            if (peer.start_tls(certificate)) {
                seen_head_ = peer.read_head();
                seen_sni_ = peer.sni;
                if (!text.empty()) {
                    peer.send(text);
                    peer.close_tls();
                }
            }
        });
        settings_.https_port = server.port();
        return run("a.test").fetch;
    }
    PolicyFetch fetch(const std::string& text) { return fetch({.names = {"mta-sts.a.test"}}, text); }

    // The only probe of the only host, where an SMTP server follows `script`.
    Probe probe(std::function<void(Peer&)> script) {
        const ScriptedServer server(std::move(script));
        settings_.smtp_port = server.port();
        settings_.https_port = 1;
        GatherRequest request;
        request.key = verdict::parse_key("a.test");
        request.probes = GatherRequest::Probes::every_mx;
        const Evidence evidence = run(std::move(request));
        EXPECT_EQ(evidence.hosts.size(), 1U);
        EXPECT_EQ(evidence.hosts.at(0).probes.size(), 1U);
        return evidence.hosts.at(0).probes.at(0);
    }
    static std::function<void(Peer&)> starttls(const net::CertificateAndKey& certificate) {
        return [&certificate](Peer& peer) {
            peer.send("220 mx.a.test ESMTP\r\n");
            (void)peer.read_line();
            peer.send("250-mx.a.test\r\n250 STARTTLS\r\n");
            if (peer.read_line() == "STARTTLS\r\n") {
                peer.send("220 go\r\n");
                if (peer.start_tls(certificate)) {
                    (void)peer.read_line();
                    peer.send("250 mx.a.test\r\n");
                    peer.wait_for_end();
                }
            }
        };
    }

    TestCa ca_;
    TinyDns dns_{{name("test")}};
    net::Loop loop_;
    GatherSettings settings_;
    std::shared_ptr<const Gathering> gathering_;
    std::string seen_head_;
    std::string seen_sni_;
};

TEST_F(GatherTest, FetchesThePolicy) {  // RFC 8461 §3.3
    const PolicyFetch got = fetch(response("200 OK", policy));
    EXPECT_EQ(got.outcome, PolicyFetch::Outcome::response) << got.error;
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(as_text(got.body), policy);
    EXPECT_EQ(got.at, now);
    EXPECT_EQ(got.addresses, std::vector{ip("127.0.0.1")});
    EXPECT_EQ(got.certificate, CertificateError::none);
    EXPECT_EQ(seen_sni_, "mta-sts.a.test");
    EXPECT_TRUE(seen_head_.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n")) << seen_head_;
    EXPECT_NE(seen_head_.find("mta-sts.a.test:"), std::string::npos) << seen_head_;
}

// STS-015, HTTPS-016: RFC 8461 §8.2. Aliases lead to a provider; names asked for stay the domain's own.
TEST_F(GatherTest, RecordAndPolicyHostMayBeAliases) {
    dns_.remove(name("_mta-sts.a.test"));
    dns_.add("_mta-sts.a.test", dns::Type::cname, cname("hop.provider.test"));
    dns_.add("hop.provider.test", dns::Type::cname, cname("_mta-sts.provider.test"));
    dns_.add("_mta-sts.provider.test", dns::Type::txt, dns::TxtData{{"v=STSv1; i", "d=1;"}});  // STS-014
    dns_.remove(name("mta-sts.a.test"));
    dns_.add("mta-sts.a.test", dns::Type::cname, cname("mta-sts.provider.test"));
    dns_.add("mta-sts.provider.test", dns::Type::a, address("127.0.0.1"));
    const PolicyFetch got = fetch(response("200 OK", policy));
    EXPECT_EQ(got.outcome, PolicyFetch::Outcome::response) << got.error;
    EXPECT_EQ(as_text(got.body), policy);
    EXPECT_EQ(seen_sni_, "mta-sts.a.test");
    EXPECT_NE(seen_head_.find("\r\nHost: mta-sts.a.test:"), std::string::npos) << seen_head_;
    EXPECT_EQ(fetch({.names = {"mta-sts.provider.test"}}, response("200 OK", policy)).certificate,
              CertificateError::host_mismatch)
        << "the provider's own name proves nothing";
}

TEST_F(GatherTest, KeepsWhatWentWrongWithTheFetch) {
    using Outcome = PolicyFetch::Outcome;
    struct Case {
        CertificateOptions certificate;
        std::string answer;
        Outcome outcome = Outcome::response;
        CertificateError error = CertificateError::none;
        const char* reason = "";
    };
    const CertificateOptions good{.names = {"mta-sts.a.test"}};
    const Case cases[] = {
        {good, response("404 Not Found", "no"), Outcome::response, CertificateError::none,
         "status decides, in verdict"},
        {good, "", Outcome::protocol_error, CertificateError::none, "it hangs up"},
        {good, "220 mail.test ESMTP\r\n", Outcome::protocol_error, CertificateError::none, "not HTTP"},
        {good, response("200 OK", std::string(65'537, 'x')), Outcome::too_large, CertificateError::none,
         "RFC 8461 §3.3: suggested limit of 64 KiB"},
        {{.names = {"a.test"}},
         response("200 OK", policy),
         Outcome::certificate_error,
         CertificateError::host_mismatch,
         "RFC 8461 §3.3: DNS-ID of the policy host"},
        {{.common_name = "mta-sts.a.test"},
         response("200 OK", policy),
         Outcome::certificate_error,
         CertificateError::host_mismatch,
         "a common name does not count"},
        {{.names = {"mta-sts.a.test"}, .not_after = std::chrono::hours(-1)},
         response("200 OK", policy),
         Outcome::certificate_error,
         CertificateError::expired,
         "expired"},
        {{.names = {"mta-sts.a.test"}, .self_signed = true},
         response("200 OK", policy),
         Outcome::certificate_error,
         CertificateError::not_trusted,
         "self-signed"},
    };
    for (const Case& c : cases) {
        const PolicyFetch got = fetch(c.certificate, c.answer);
        EXPECT_EQ(got.outcome, c.outcome) << c.reason << ": " << got.error;
        EXPECT_EQ(got.certificate, c.error) << c.reason;
        EXPECT_EQ(got.error.empty(), c.outcome == Outcome::response) << c.reason;
    }
}

TEST_F(GatherTest, FollowsNoRedirect) {  // RFC 8461 §3.3
    const PolicyFetch got = fetch(response("302 Found", "", "Location: https://elsewhere.test/policy\r\n"));
    EXPECT_EQ(got.outcome, PolicyFetch::Outcome::response);
    EXPECT_EQ(got.status, 302);
    EXPECT_EQ(got.location, "https://elsewhere.test/policy");
    EXPECT_EQ(dns_.queries(name("elsewhere.test"), dns::Type::a), 0U);
}

TEST_F(GatherTest, APolicyHostThatIsNotThere) {
    settings_.https_port = 1;
    EXPECT_EQ(run("a.test").fetch.outcome, PolicyFetch::Outcome::connect_failed);
    settings_.guard = net::AddressGuard(net::NonGlobal::refuse);
    EXPECT_EQ(run("a.test").fetch.outcome, PolicyFetch::Outcome::refused_address) << "design rule 20";
    dns_.remove(name("mta-sts.a.test"));
    EXPECT_EQ(run("a.test").fetch.outcome, PolicyFetch::Outcome::no_address);
    dns_.break_name("mta-sts.a.test", dns::Rcode::servfail);
    const PolicyFetch got = run("a.test").fetch;
    EXPECT_EQ(got.outcome, PolicyFetch::Outcome::dns_failed) << "not the same as having no address";
    EXPECT_NE(got.error, "");
}

TEST_F(GatherTest, ASlowPolicyHostIsToldFromOneThatFails) {
    std::atomic<bool> over = false;
    const net::CertificateAndKey certificate = ca_.issue("mta-sts.a.test");
    const ScriptedServer server([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            peer.wait_for_end();
        }
    });
    settings_.https_port = server.port();
    settings_.fetch_timeout = std::chrono::milliseconds(700);
    bool everything_else = false;
    const net::Timer watch = loop_.every(std::chrono::milliseconds(5), [&] {
        if (!over && gathering_ && gathering_->all_but_fetch()) {
            everything_else = true;
            EXPECT_EQ(gathering_->so_far().fetch.outcome, PolicyFetch::Outcome::running);
            EXPECT_TRUE(gathering_->so_far().mx.found());
            over = true;
        }
    });
    GatherRequest request;
    request.key = verdict::parse_key("a.test");
    int told = 0;
    request.all_but_fetch = [&] {
        ++told;
        EXPECT_TRUE(gathering_->so_far().mx.found());
    };
    EXPECT_EQ(run(std::move(request)).fetch.outcome, PolicyFetch::Outcome::timed_out);
    EXPECT_TRUE(everything_else) << "a request need not wait for the fetch (design rule 10)";
    EXPECT_EQ(told, 1);
}

TEST_F(GatherTest, FetchesOnlyWhatTheCacheRulesWant) {
    GatherRequest request;
    request.key = verdict::parse_key("a.test");
    request.cached = mtasts::CachedPolicy{};
    request.cached->id = "1";
    request.cached->policy.max_age_s = 86'400;
    request.cached->policy.mode = mtasts::Mode::enforce;
    request.cached->fetched = request.cached->last_used = now;
    settings_.https_port = 1;
    EXPECT_EQ(run(request).fetch.outcome, PolicyFetch::Outcome::not_attempted) << "the same id";
    EXPECT_EQ(dns_.queries(name("mta-sts.a.test"), dns::Type::a), 0U);
    request.cached->id = "0";
    EXPECT_EQ(run(request).fetch.outcome, PolicyFetch::Outcome::connect_failed) << "a new one";
    mtasts::record_failure(request.fetch_failures, "1", now - Seconds(10));
    const PolicyFetch held = run(request).fetch;
    EXPECT_EQ(held.outcome, PolicyFetch::Outcome::held_back) << "RFC 8461 §3.3: five minutes";
    EXPECT_NE(held.error.find("2026-09-21T"), std::string::npos) << held.error;
    request.fetch = GatherRequest::Fetch::always;
    EXPECT_EQ(run(request).fetch.outcome, PolicyFetch::Outcome::connect_failed) << "a checker looks whatever was";
    dns_.remove(name("_mta-sts.a.test"));
    EXPECT_EQ(run(request).fetch.outcome, PolicyFetch::Outcome::not_attempted) << "but not without a record";
}

TEST_F(GatherTest, HostsByPreferenceWithTheirAddresses) {
    dns_.add("a.test", dns::Type::mx, mx(5, "better.a.test"), 60);
    dns_.add("a.test", dns::Type::mx, mx(20, "alias.a.test"));
    dns_.add("a.test", dns::Type::mx, mx(30, "absent.a.test"));
    dns_.add("a.test", dns::Type::mx, mx(40, "broken.a.test"));
    dns_.add("better.a.test", dns::Type::a, address("127.0.0.2"));
    dns_.add("better.a.test", dns::Type::aaaa, address("::1"));
    dns_.add("alias.a.test", dns::Type::cname, cname("mx.a.test"));
    dns_.break_name("broken.a.test", dns::Rcode::servfail);
    settings_.https_port = 1;
    const Evidence evidence = run("a.test");
    EXPECT_EQ(evidence.mx.answer, Answer::records);
    EXPECT_FALSE(evidence.mx.secure);
    EXPECT_EQ(evidence.mx.ttl_s, 60U) << "the least of the RRset";
    ASSERT_EQ(evidence.hosts.size(), 5U);
    EXPECT_EQ(evidence.hosts[0].name, name("better.a.test"));
    EXPECT_EQ(evidence.hosts[0].a.records, std::vector{ip("127.0.0.2")});
    EXPECT_EQ(evidence.hosts[0].aaaa.records, std::vector{ip("::1")});
    EXPECT_EQ(evidence.hosts[1].aaaa.answer, Answer::nodata);
    EXPECT_EQ(evidence.hosts[2].expanded(), name("mx.a.test"));
    EXPECT_EQ(evidence.hosts[2].alias.records, std::vector{name("mx.a.test")});
    EXPECT_EQ(evidence.hosts[3].a.answer, Answer::nxdomain);
    EXPECT_EQ(evidence.hosts[4].a.answer, Answer::failed);
    EXPECT_NE(evidence.hosts[4].a.error, "");
    for (const auto& host : evidence.hosts) {
        EXPECT_TRUE(host.tlsa.empty()) << host.name.text() << ": RFC 7672 §2.2.2, no TLSA in an unsigned zone";
        EXPECT_TRUE(host.probes.empty()) << "none were asked for";
    }
    EXPECT_EQ(evidence.tlsrpt_txt.answer, Answer::not_asked);
}

TEST_F(GatherTest, ManyHostsAreCut) {
    for (int i = 0; i < 30; ++i) {
        dns_.add("a.test", dns::Type::mx, mx(20, "mx" + std::to_string(i) + ".a.test"));
    }
    settings_.https_port = 1;
    settings_.hosts_max = 7;
    const Evidence evidence = run("a.test");
    EXPECT_EQ(evidence.mx.records.size(), 31U);
    ASSERT_EQ(evidence.hosts.size(), 7U);
    EXPECT_EQ(evidence.hosts[0].name, name("mx.a.test")) << "the best are kept";
}

TEST_F(GatherTest, AnMxThatIsAnAddressIsNotLookedUp) {  // DANE-015
    dns_.add("b.test", dns::Type::mx, mx(10, "192.0.2.1"));
    settings_.https_port = 1;
    const Evidence evidence = run("b.test");
    ASSERT_EQ(evidence.hosts.size(), 1U);
    EXPECT_FALSE(evidence.hosts[0].has_address());
    EXPECT_FALSE(evidence.hosts[0].address_broken());
    EXPECT_TRUE(evidence.hosts[0].tlsa.empty());
}

TEST_F(GatherTest, WhatAnMxLookupSays) {
    settings_.https_port = 1;
    dns_.add("none.test", dns::Type::a, address("127.0.0.1"));
    const Evidence implicit = run("none.test");  // RFC 5321 §5.1
    EXPECT_EQ(implicit.mx.answer, Answer::nodata);
    ASSERT_EQ(implicit.hosts.size(), 1U);
    EXPECT_EQ(implicit.hosts[0].name, name("none.test"));
    EXPECT_TRUE(implicit.hosts[0].has_address());
    EXPECT_EQ(implicit.fetch.outcome, PolicyFetch::Outcome::not_attempted) << "no record, no fetch";

    EXPECT_EQ(run("absent.test").mx.answer, Answer::nxdomain);
    dns_.add("null.test", dns::Type::mx, dns::MxData{0, dns::Name()});  // RFC 7505 §3
    const Evidence null_mx = run("null.test");
    EXPECT_TRUE(verdict::is_null_mx(null_mx));
    EXPECT_TRUE(null_mx.hosts.empty());
    dns_.break_name("broken.test", dns::Rcode::servfail);
    const Evidence broken = run("broken.test");
    EXPECT_EQ(broken.mx.answer, Answer::failed);
    EXPECT_NE(broken.mx.error, "");
    EXPECT_TRUE(broken.hosts.empty());
    dns_.add_raw("odd.test", dns::Type::mx, Bytes{1});
    EXPECT_EQ(run("odd.test").mx.answer, Answer::failed) << "malformed is not absent (RFC 7672 §2.1.2)";
}

TEST_F(GatherTest, BracketsMeanNoMxLookup) {
    settings_.https_port = 1;
    const Evidence evidence = run("[mx.a.test]:587");
    EXPECT_EQ(evidence.mx.answer, Answer::not_asked);
    EXPECT_EQ(evidence.smtp_port, 587U);
    ASSERT_EQ(evidence.hosts.size(), 1U);
    EXPECT_EQ(evidence.hosts[0].name, name("mx.a.test"));
    EXPECT_EQ(dns_.queries(name("mx.a.test"), dns::Type::mx), 0U);
    EXPECT_EQ(dns_.queries(name("_mta-sts.mx.a.test"), dns::Type::txt), 1U) << "RFC 8461 §3.4: its own policy";
}

TEST_F(GatherTest, ReadsTheTlsrptRecordOnlyWhenAsked) {
    dns_.add("_smtp._tls.a.test", dns::Type::txt, txt("v=TLSRPTv1; rua=mailto:r@a.test"));
    settings_.https_port = 1;
    GatherRequest request;
    request.key = verdict::parse_key("a.test");
    request.tlsrpt = GatherRequest::Tlsrpt::ask;
    request.hosts = GatherRequest::Hosts::skip;
    const Evidence evidence = run(request);
    EXPECT_EQ(evidence.tlsrpt_txt.records, std::vector<std::string>{"v=TLSRPTv1; rua=mailto:r@a.test"});
    EXPECT_EQ(evidence.sts_txt.records, std::vector<std::string>{"v=STSv1; id=1;"});
    EXPECT_EQ(evidence.sts_txt.ttl_s, 300U);
    EXPECT_EQ(evidence.mx.answer, Answer::not_asked);
    EXPECT_EQ(dns_.queries(name("a.test"), dns::Type::mx), 0U);
}

TEST_F(GatherTest, ProbesAnMxHost) {
    const net::CertificateAndKey good = ca_.issue("mx.a.test");
    const Probe got = probe(starttls(good));
    EXPECT_EQ(got.outcome, Probe::Outcome::tls) << got.error;
    EXPECT_EQ(got.address, ip("127.0.0.1"));
    EXPECT_EQ(got.sni, "mx.a.test");
    EXPECT_EQ(got.tls_version, "TLSv1.3");
    EXPECT_EQ(got.chain, good.chain_der);
    EXPECT_EQ(got.certificate, CertificateError::none);
    EXPECT_TRUE(got.name_matches);
    EXPECT_EQ(got.at, now);
}

TEST_F(GatherTest, TellsWhatIsWrongWithAnMxHostsCertificate) {
    struct Case {
        CertificateOptions options;
        CertificateError error = CertificateError::none;
        bool name_matches = false;
    };
    const Case cases[] = {
        {{.names = {"*.a.test"}}, CertificateError::none, true},
        {{.names = {"other.test"}}, CertificateError::host_mismatch, false},
        {{.names = {"a.test"}}, CertificateError::host_mismatch, false},
        {{.names = {"mx.a.test"}, .not_after = std::chrono::hours(-1)}, CertificateError::expired, true},
        {{.names = {"mx.a.test"}, .self_signed = true}, CertificateError::self_signed, true},
    };
    for (const Case& c : cases) {
        const net::CertificateAndKey certificate = ca_.issue(c.options);
        const Probe got = probe(starttls(certificate));
        EXPECT_EQ(got.outcome, Probe::Outcome::tls) << "whatever the certificate, the chain is seen";
        EXPECT_EQ(got.certificate, c.error) << c.options.names[0];
        EXPECT_EQ(got.name_matches, c.name_matches) << c.options.names[0];
    }
    const net::CertificateAndKey unknown = TestCa().issue("mx.a.test");
    EXPECT_EQ(probe(starttls(unknown)).certificate, CertificateError::not_trusted);
}

TEST_F(GatherTest, TellsHowFarASessionCame) {
    struct Case {
        std::vector<std::string> answers;  // greeting, to EHLO, to STARTTLS; then it hangs up
        Probe::Outcome outcome = Probe::Outcome::tls;
        const char* reason = "";
    };
    const Case cases[] = {
        {{"554 go away\r\n"}, Probe::Outcome::refused_greeting, "not 220"},
        {{"220 mx\r\n", "550 no\r\n"}, Probe::Outcome::refused_greeting, "EHLO refused"},
        {{"220 mx\r\n", "250 mx.a.test\r\n"}, Probe::Outcome::starttls_missing, "or stripped on the way"},
        {{"220 mx\r\n", "250-mx.a.test\r\n250 STARTTLS\r\n", "454 TLS not available\r\n"},
         Probe::Outcome::starttls_refused,
         "offered and refused"},
        {{"220 mx\r\n", "250-mx.a.test\r\n250 STARTTLS\r\n", "220 go\r\n"},
         Probe::Outcome::handshake_failed,
         "no handshake"},
        {{}, Probe::Outcome::refused_greeting, "it hangs up at once"},
    };
    for (const Case& c : cases) {
        const Probe got = probe([&](Peer& peer) {
            bool first = true;
            for (const std::string& answer : c.answers) {
                if (!first) {
                    (void)peer.read_line();
                }
                first = false;
                peer.send(answer);
            }
        });
        EXPECT_EQ(got.outcome, c.outcome) << c.reason << ": " << got.error;
        EXPECT_NE(got.error, "") << c.reason;
    }
}

TEST_F(GatherTest, ProbesUpToFourAddressesOfAHost) {
    for (int i = 2; i < 9; ++i) {
        dns_.add("mx.a.test", dns::Type::a, address("127.0.0." + std::to_string(i)));
    }
    settings_.smtp_port = settings_.https_port = 1;
    GatherRequest request;
    request.key = verdict::parse_key("a.test");
    request.probes = GatherRequest::Probes::every_mx;
    const Evidence evidence = run(std::move(request));
    ASSERT_EQ(evidence.hosts.at(0).probes.size(), 4U);
    for (const Probe& got : evidence.hosts[0].probes) {
        EXPECT_EQ(got.outcome, Probe::Outcome::connect_failed) << got.error;
        EXPECT_EQ(got.port, 1);
    }
}

TEST_F(GatherTest, ADomainTooLongForALabelInFrontHasNoPolicy) {
    const std::string label(60, 'x');
    const std::string longest = label + "." + label + "." + label + "." + std::string(57, 'y') + ".test";
    const Evidence evidence = run(longest);
    EXPECT_EQ(evidence.sts_txt.answer, Answer::nxdomain);
    EXPECT_EQ(evidence.fetch.outcome, PolicyFetch::Outcome::not_attempted);
}

}  // namespace
}  // namespace postseal::lookup
