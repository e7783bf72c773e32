// The catalogue of findings: what each circumstance leads to.
#include "verdict/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

#include "verdict/catalogue.h"
#include "verdict/evidence_for_test.h"

namespace postseal::verdict {
namespace {

using test::Certificate;
using test::domain;
using test::HostIs;
using test::name;
using test::policy_body;
using test::publish;
using test::test_now;
using testing::Contains;
using testing::Not;
using Outcome = PolicyFetch::Outcome;

std::vector<std::string> ids(const Evidence& evidence) {
    std::vector<std::string> found;
    for (const Finding& finding : find(evidence, test_now)) {
        found.push_back(finding.id);
    }
    return found;
}
const Finding* finding_of(const std::vector<Finding>& findings, std::string_view id) {
    const auto found = std::ranges::find(findings, id, &Finding::id);
    return found == findings.end() ? nullptr : &*found;
}

Probe good_probe(const Certificate& leaf) {
    Probe probe;
    probe.outcome = Probe::Outcome::tls;
    probe.at = test_now;
    probe.address = dns::IpAddress::v4({192, 0, 2, 25});
    probe.sni = "mx.example.com";
    probe.tls_version = "TLSv1.3";
    probe.chain = {leaf.der()};
    probe.name_matches = true;
    probe.not_after = test_now + Seconds{60 * 86'400};
    return probe;
}

const Certificate& leaf() {
    static const Certificate certificate({.dns_names = {"mx.example.com"}});
    return certificate;
}

// A domain with nothing to complain about: MTA-STS in enforce, DANE, reports.
Evidence perfect() {
    Evidence evidence = domain(true, {{"mx.example.com", 10, HostIs::usable}});
    publish(evidence, policy_body("enforce", {"mx.example.com"}));
    evidence.hosts[0].tlsa[0].lookup.records = {leaf().tlsa(3, 1, 1)};
    evidence.hosts[0].probes = {good_probe(leaf())};
    evidence.tlsrpt_txt = test::answer<std::string>({"v=TLSRPTv1; rua=mailto:tls@example.com"}, true);
    return evidence;
}

TEST(Findings, APerfectDomain) {
    const auto findings = find(perfect(), test_now);
    EXPECT_FALSE(has_error(findings));
    for (const Finding& finding : findings) {
        EXPECT_EQ(finding.severity, FindingSeverity::ok) << finding.id << ": " << finding.message;
    }
    EXPECT_EQ(ids(perfect()), (std::vector<std::string>{"sts-record-ok", "policy-ok", "mx-covered", "starttls-ok",
                                                        "tlsa-ok", "tlsrpt-record-ok"}));
}

// Each case breaks one thing of the perfect domain.
TEST(Findings, OneThingWrong) {
    using Change = std::function<void(Evidence&)>;
    const struct {
        const char* id;
        FindingSeverity severity;
        Change change;
    } cases[] = {
        // The record
        {"sts-record-missing", FindingSeverity::error,
         [](Evidence& e) { e.sts_txt = test::no_answer<std::string>(Answer::nodata); }},
        {"sts-record-missing", FindingSeverity::error, [](Evidence& e) { e.sts_txt.records = {"v=spf1 -all"}; }},
        {"sts-record-lookup-failed", FindingSeverity::error,
         [](Evidence& e) { e.sts_txt = test::no_answer<std::string>(Answer::failed); }},
        {"dnssec-bogus", FindingSeverity::error,
         [](Evidence& e) { e.sts_txt = test::no_answer<std::string>(Answer::bogus); }},
        {"sts-record-multiple", FindingSeverity::error,
         [](Evidence& e) { e.sts_txt.records.emplace_back("v=STSv1; id=second;"); }},
        {"sts-record-invalid", FindingSeverity::error, [](Evidence& e) { e.sts_txt.records = {"v=STSv1; id=a-b;"}; }},
        {"sts-record-delegated", FindingSeverity::info,
         [](Evidence& e) { e.sts_txt.aliases = {name("_mta-sts.provider.example")}; }},
        // The policy
        {"policy-without-record", FindingSeverity::warning,
         [](Evidence& e) { e.sts_txt = test::no_answer<std::string>(Answer::nxdomain); }},
        {"policy-host-lookup-failed", FindingSeverity::error,
         [](Evidence& e) { e.fetch.outcome = Outcome::dns_failed; }},
        {"policy-host-missing", FindingSeverity::error, [](Evidence& e) { e.fetch.outcome = Outcome::no_address; }},
        {"policy-host-not-public", FindingSeverity::error,
         [](Evidence& e) { e.fetch.outcome = Outcome::refused_address; }},
        {"policy-unreachable", FindingSeverity::error, [](Evidence& e) { e.fetch.outcome = Outcome::connect_failed; }},
        {"policy-timeout", FindingSeverity::error, [](Evidence& e) { e.fetch.outcome = Outcome::timed_out; }},
        {"policy-not-fetched", FindingSeverity::warning, [](Evidence& e) { e.fetch.outcome = Outcome::local_error; }},
        {"policy-tls-failed", FindingSeverity::error, [](Evidence& e) { e.fetch.outcome = Outcome::tls_failed; }},
        {"policy-certificate-expired", FindingSeverity::error,
         [](Evidence& e) {
             e.fetch.outcome = Outcome::certificate_error;
             e.fetch.certificate = CertificateError::expired;
         }},
        {"policy-certificate-mismatch", FindingSeverity::error,
         [](Evidence& e) {
             e.fetch.outcome = Outcome::certificate_error;
             e.fetch.certificate = CertificateError::host_mismatch;
         }},
        {"policy-certificate-untrusted", FindingSeverity::error,
         [](Evidence& e) {
             e.fetch.outcome = Outcome::certificate_error;
             e.fetch.certificate = CertificateError::self_signed;
         }},
        {"policy-certificate-invalid", FindingSeverity::error,
         [](Evidence& e) {
             e.fetch.outcome = Outcome::certificate_error;
             e.fetch.certificate = CertificateError::other;
         }},
        {"policy-certificate-expiring", FindingSeverity::warning,
         [](Evidence& e) { e.fetch.certificate_not_after = test_now + Seconds{20 * 86'400}; }},
        {"policy-redirect", FindingSeverity::error, [](Evidence& e) { e.fetch.status = 301; }},
        {"policy-http-status", FindingSeverity::error, [](Evidence& e) { e.fetch.status = 404; }},
        {"policy-content-type", FindingSeverity::error, [](Evidence& e) { e.fetch.content_type = "text/html"; }},
        {"policy-too-large", FindingSeverity::error, [](Evidence& e) { e.fetch.outcome = Outcome::too_large; }},
        {"policy-protocol-error", FindingSeverity::error,
         [](Evidence& e) { e.fetch.outcome = Outcome::protocol_error; }},
        {"policy-invalid", FindingSeverity::error, [](Evidence& e) { publish(e, "version: STSv1\nmode: enforce\n"); }},
        {"policy-changed-without-id", FindingSeverity::warning,
         [](Evidence& e) {
             e.cached = test::cached(policy_body("testing", {"mx.example.com"}));
             e.cached->id = "20260921";
         }},
        {"policy-max-age-short", FindingSeverity::warning,  // STS-069
         [](Evidence& e) { publish(e, "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n"); }},
        {"policy-warning", FindingSeverity::warning,
         [](Evidence& e) { publish(e, policy_body("enforce", {"mx.example.com."})); }},
        {"policy-mode-testing", FindingSeverity::info,
         [](Evidence& e) { publish(e, policy_body("testing", {"mx.example.com"})); }},
        {"policy-mode-none", FindingSeverity::info, [](Evidence& e) { publish(e, policy_body("none", {})); }},
        // MX
        {"mx-lookup-failed", FindingSeverity::error,
         [](Evidence& e) {
             e.mx = test::no_answer<dns::MxData>(Answer::failed);
             e.hosts.clear();
         }},
        {"domain-missing", FindingSeverity::error,
         [](Evidence& e) {
             e.mx = test::no_answer<dns::MxData>(Answer::nxdomain);
             e.hosts.clear();
         }},
        {"mx-null", FindingSeverity::info,
         [](Evidence& e) {
             e.mx.records = {{0, dns::Name()}};
             e.hosts.clear();
         }},
        {"mx-null-with-others", FindingSeverity::error,
         [](Evidence& e) {
             e.mx.records.push_back({0, dns::Name()});
         }},
        {"mx-implicit", FindingSeverity::info,
         [](Evidence& e) { e.mx = test::no_answer<dns::MxData>(Answer::nodata, true); }},
        {"mx-not-hostname", FindingSeverity::error,
         [](Evidence& e) {
             e.mx.records.push_back({10, name("192.0.2.1")});
         }},
        {"mx-not-signed", FindingSeverity::info, [](Evidence& e) { e.mx.secure = false; }},
        {"mx-none-usable", FindingSeverity::error,
         [](Evidence& e) { e.hosts = {test::host("mx.example.com", 10, HostIs::no_address)}; }},
        {"mx-not-in-policy", FindingSeverity::error,
         [](Evidence& e) {
             e.mx.records.push_back({5, name("evil.example")});
         }},
        {"mx-not-in-policy", FindingSeverity::warning,
         [](Evidence& e) { publish(e, policy_body("testing", {"other.example.com"})); }},
        {"mx-pattern-unused", FindingSeverity::warning,
         [](Evidence& e) {
             publish(e, policy_body("enforce", {"mx.example.com", "old.example.com"}));
         }},
        {"mx-pattern-impossible", FindingSeverity::warning,
         [](Evidence& e) {
             publish(e, policy_body("enforce", {"mx.example.com", "192.0.2.1"}));
         }},
        {"policy-pattern-wide", FindingSeverity::warning,  // STS-073
         [](Evidence& e) { publish(e, policy_body("enforce", {"*.example.com"})); }},
        // Hosts
        {"host-lookup-failed", FindingSeverity::error,
         [](Evidence& e) { e.hosts = {test::host("mx.example.com", 10, HostIs::address_fails)}; }},
        {"host-no-address", FindingSeverity::error,
         [](Evidence& e) { e.hosts.push_back(test::host("mx.example.com", 10, HostIs::no_address)); }},
        {"host-alias", FindingSeverity::warning,
         [](Evidence& e) { e.hosts[0].a.aliases = {name("real.example.com")}; }},
        {"smtp-unreachable", FindingSeverity::warning,
         [](Evidence& e) { e.hosts[0].probes[0].outcome = Probe::Outcome::connect_failed; }},
        {"starttls-missing", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].outcome = Probe::Outcome::starttls_missing; }},
        {"tlsa-without-starttls", FindingSeverity::error,  // DANE-016
         [](Evidence& e) { e.hosts[0].probes[0].outcome = Probe::Outcome::starttls_missing; }},
        {"starttls-refused", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].outcome = Probe::Outcome::starttls_refused; }},
        {"tls-handshake-failed", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].outcome = Probe::Outcome::handshake_failed; }},
        {"sni-refused", FindingSeverity::error,  // STS-061
         [](Evidence& e) {
             Probe bare = e.hosts[0].probes[0];
             bare.sni.clear();
             bare.outcome = Probe::Outcome::handshake_failed;
             e.hosts[0].probes.push_back(bare);
         }},
        {"tls-version-old", FindingSeverity::error,  // STS-062
         [](Evidence& e) { e.hosts[0].probes[0].tls_version = "TLSv1.1"; }},
        {"certificate-expired", FindingSeverity::error,  // STS-045
         [](Evidence& e) { e.hosts[0].probes[0].certificate = CertificateError::expired; }},
        {"certificate-not-yet-valid", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].certificate = CertificateError::not_yet_valid; }},
        {"certificate-mismatch", FindingSeverity::error,  // STS-046, STS-047
         [](Evidence& e) { e.hosts[0].probes[0].certificate = CertificateError::host_mismatch; }},
        {"certificate-mismatch", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].name_matches = false; }},
        {"certificate-self-signed", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].certificate = CertificateError::self_signed; }},
        {"certificate-untrusted", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].certificate = CertificateError::not_trusted; }},
        {"certificate-invalid", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].probes[0].certificate = CertificateError::other; }},
        {"certificate-expiring", FindingSeverity::warning,
         [](Evidence& e) { e.hosts[0].probes[0].not_after = test_now + Seconds{20 * 86'400}; }},
        // DANE
        {"dane-none", FindingSeverity::info,
         [](Evidence& e) { e.hosts[0].tlsa[0].lookup = test::no_answer<dns::TlsaData>(Answer::nodata, true); }},
        {"tlsa-partial", FindingSeverity::warning,
         [](Evidence& e) { e.hosts.push_back(test::host("mx2.example.com", 20, HostIs::no_tlsa)); }},
        {"tlsa-mx-not-signed", FindingSeverity::warning, [](Evidence& e) { e.mx.secure = false; }},
        {"tlsa-not-signed", FindingSeverity::warning, [](Evidence& e) { e.hosts[0].tlsa[0].lookup.secure = false; }},
        {"tlsa-lookup-failed", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].tlsa[0].lookup = test::no_answer<dns::TlsaData>(Answer::failed); }},
        {"tlsa-usage-pkix", FindingSeverity::warning,  // DANE-030
         [](Evidence& e) { e.hosts[0].tlsa[0].lookup.records.push_back(leaf().tlsa(1, 1, 1)); }},
        {"tlsa-record-unusable", FindingSeverity::warning,
         [](Evidence& e) {
             e.hosts[0].tlsa[0].lookup.records.push_back({3, 1, 1, Bytes(31)});
         }},
        {"tlsa-none-usable", FindingSeverity::error,
         [](Evidence& e) {
             e.hosts[0].tlsa[0].lookup.records = {{3, 1, 1, Bytes(31)}};
         }},
        {"tlsa-full", FindingSeverity::warning,  // DANE-026
         [](Evidence& e) { e.hosts[0].tlsa[0].lookup.records.push_back(leaf().tlsa(3, 0, 0)); }},
        {"tlsa-ttl-long", FindingSeverity::warning,  // DANE-046
         [](Evidence& e) { e.hosts[0].tlsa[0].lookup.ttl_s = 86'401; }},
        {"tlsa-mismatch", FindingSeverity::error,
         [](Evidence& e) { e.hosts[0].tlsa[0].lookup.records = {test::usable_tlsa()}; }},
        {"tlsa-coverage", FindingSeverity::error,  // DANE-044
         [](Evidence& e) {
             e.hosts[0].tlsa[0].lookup.records.push_back({3, 0, 1, Bytes(32, 1)});
         }},
        {"tlsa-record-unmatched", FindingSeverity::info,  // DANE-036
         [](Evidence& e) { e.hosts[0].tlsa[0].lookup.records.push_back(test::usable_tlsa()); }},
        // Reports
        {"tlsrpt-record-missing", FindingSeverity::warning,
         [](Evidence& e) { e.tlsrpt_txt = test::no_answer<std::string>(Answer::nodata); }},
        {"tlsrpt-record-lookup-failed", FindingSeverity::error,
         [](Evidence& e) { e.tlsrpt_txt = test::no_answer<std::string>(Answer::failed); }},
        {"tlsrpt-record-multiple", FindingSeverity::error,
         [](Evidence& e) { e.tlsrpt_txt.records.push_back(e.tlsrpt_txt.records[0]); }},
        {"tlsrpt-record-invalid", FindingSeverity::error, [](Evidence& e) { e.tlsrpt_txt.records = {"v=TLSRPTv1;"}; }},
        // Not a domain
        {"not-a-domain", FindingSeverity::error, [](Evidence& e) { e.key = parse_key("[mx.example.com]"); }},
        {"not-a-domain", FindingSeverity::error, [](Evidence& e) { e.key = parse_key("192.0.2.1"); }},
    };
    for (const auto& c : cases) {
        Evidence evidence = perfect();
        c.change(evidence);
        const auto findings = find(evidence, test_now);
        const Finding* finding = finding_of(findings, c.id);
        ASSERT_NE(finding, nullptr) << c.id << ", only: " << testing::PrintToString(ids(evidence));
        EXPECT_EQ(to_string(finding->severity), to_string(c.severity)) << c.id;
        EXPECT_EQ(has_error(findings),
                  std::ranges::any_of(findings, [](const Finding& f) { return f.severity == FindingSeverity::error; }));
    }
}

// What must not be said when something else already explains it.
TEST(Findings, AreNotMisleading) {
    Evidence evidence = perfect();
    evidence.sts_txt = test::no_answer<std::string>(Answer::nodata);
    evidence.fetch.status = 404;
    EXPECT_THAT(ids(evidence), Not(Contains("policy-http-status"))) << "nothing announces a policy";

    evidence = perfect();
    evidence.hosts[0].probes[0].certificate = CertificateError::self_signed;
    EXPECT_THAT(ids(evidence), Not(Contains("starttls-ok")));
    EXPECT_THAT(ids(evidence), Contains("tlsa-ok")) << "DANE-EE does well with a self-signed certificate";
    evidence.sts_txt = test::no_answer<std::string>(Answer::nodata);
    evidence.fetch = {};
    const auto findings = find(evidence, test_now);
    EXPECT_EQ(finding_of(findings, "certificate-self-signed")->severity, FindingSeverity::warning)
        << "no policy demands more";

    evidence = perfect();
    evidence.mx.records = {{0, dns::Name()}};
    evidence.hosts.clear();
    evidence.sts_txt = test::no_answer<std::string>(Answer::nodata);
    EXPECT_FALSE(has_error(find(evidence, test_now))) << "a domain without mail needs no MTA-STS";

    evidence = perfect();
    evidence.mx = test::no_answer<dns::MxData>(Answer::failed);
    evidence.hosts.clear();
    EXPECT_THAT(ids(evidence), Not(Contains("mx-pattern-unused"))) << "the hosts are not known";
    EXPECT_THAT(ids(evidence), Not(Contains("mx-covered")));

    evidence = perfect();
    evidence.hosts[0].tlsa[0].lookup = test::no_answer<dns::TlsaData>(Answer::bogus);
    EXPECT_THAT(ids(evidence), Contains("dnssec-bogus"));
    EXPECT_THAT(ids(evidence), Not(Contains("dane-none"))) << "bogus is not absent";
}

// RFC 7672 §3.1.2, §3.2.2; DANE-028, DANE-029, DANE-033, DANE-034
TEST(Findings, TrustAnchors) {
    const Certificate root({.common_name = "Root", .ca = true});
    const Certificate below({.dns_names = {"mx.example.com"}}, &root);
    Evidence evidence = perfect();
    evidence.hosts[0].tlsa[0].lookup.records = {root.tlsa(2, 0, 1)};
    evidence.hosts[0].probes[0].chain = {below.der(), root.der()};
    EXPECT_THAT(ids(evidence), Contains("tlsa-ok"));
    evidence.hosts[0].probes[0].chain = {below.der()};
    EXPECT_THAT(ids(evidence), Contains("tlsa-anchor-not-sent"));

    const Certificate for_domain({.dns_names = {"example.com"}}, &root);
    evidence.hosts[0].probes[0].chain = {for_domain.der(), root.der()};
    EXPECT_THAT(ids(evidence), Contains("tlsa-ok")) << "the next-hop domain is a reference name";
    evidence.mx.secure = false;
    EXPECT_THAT(ids(evidence), Contains("tlsa-name-mismatch")) << "unless the MX records are unsigned";

    const Certificate expired({.dns_names = {"mx.example.com"}, .not_after = test_now - Seconds{1}}, &root);
    evidence.hosts[0].probes[0].chain = {expired.der(), root.der()};
    EXPECT_THAT(ids(evidence), Contains("tlsa-chain-expired"));
}

// DANE-038: the certificate that is sent without SNI must match, too.
TEST(Findings, TlsaWithoutSni) {
    const Certificate other({.dns_names = {"default.example.com"}});
    Evidence evidence = perfect();
    Probe bare = good_probe(other);
    bare.sni.clear();
    bare.name_matches = false;
    evidence.hosts[0].probes.push_back(bare);
    const auto findings = find(evidence, test_now);
    const Finding* finding = finding_of(findings, "tlsa-mismatch");
    ASSERT_NE(finding, nullptr);
    EXPECT_EQ(finding->subject, "mx.example.com [192.0.2.25] without SNI");
    EXPECT_EQ(finding_of(findings, "certificate-mismatch"), nullptr) << "MTA-STS senders always send SNI";
}

TEST(Findings, SayWhatToDo) {
    Evidence evidence = perfect();
    evidence.hosts[0].tlsa[0].lookup.records = {test::usable_tlsa()};
    const auto findings = find(evidence, test_now);
    const Finding* finding = finding_of(findings, "tlsa-mismatch");
    ASSERT_NE(finding, nullptr);
    EXPECT_EQ(finding->subject, "mx.example.com [192.0.2.25]");
    EXPECT_EQ(finding->rfc, "RFC 7672 §3.2");
    EXPECT_EQ(finding->message,
              "The certificate of mx.example.com [192.0.2.25] matches none of the TLSA records at "
              "_25._tcp.mx.example.com.");
    EXPECT_TRUE(finding->fix.starts_with("Publish a record for the current key: " + leaf().tlsa(3, 1, 1).text()))
        << finding->fix;
    EXPECT_THAT(finding->params, Contains(std::pair<std::string, std::string>("name", "_25._tcp.mx.example.com")));

    evidence.smtp_port = 2525;
    const auto other_port = find(evidence, test_now);
    EXPECT_NE(finding_of(other_port, "tlsa-mismatch")->message.find("_2525._tcp."), std::string::npos)
        << "DANE-024: the name follows the port";
}

TEST(Findings, TextFromTheNetworkIsMadeHarmless) {
    Evidence evidence = perfect();
    evidence.fetch.content_type = "text/html\x1b[2J\r\nX: {y}";
    const auto findings = find(evidence, test_now);
    const Finding* finding = finding_of(findings, "policy-content-type");
    ASSERT_NE(finding, nullptr);
    EXPECT_EQ(finding->message, "The policy comes as \"text/html\\x1b[2J\\x0d\\x0aX: {y}\" instead of text/plain.");
}

TEST(Catalogue, IsWellFormed) {
    std::set<std::string_view> seen;
    const std::regex id_form("[a-z]+(-[a-z]+)*");
    for (const CatalogueEntry& entry : catalogue()) {
        EXPECT_TRUE(seen.insert(entry.id).second) << entry.id << " twice";
        EXPECT_TRUE(std::regex_match(std::string(entry.id), id_form)) << entry.id;
        EXPECT_FALSE(entry.message.empty()) << entry.id;
        EXPECT_FALSE(entry.why.empty()) << entry.id;
        const bool wrong = entry.severity == FindingSeverity::error || entry.severity == FindingSeverity::warning;
        EXPECT_TRUE(!wrong || !entry.fix.empty()) << entry.id << ": what is wrong can be put right";
    }
}

// An id that find() uses and the catalogue lacks would be dropped in silence.
TEST(Catalogue, HoldsEveryIdInUseAndNoOther) {
    std::string source;
    for (const auto& file : std::filesystem::directory_iterator(POSTSEAL_SOURCE_DIR "/src/verdict")) {
        const std::string file_name = file.path().filename().string();
        if (file_name.starts_with("findings") && !file_name.ends_with("_test.cpp")) {
            std::ostringstream text;
            text << std::ifstream(file.path()).rdbuf();
            source += text.str();
        }
    }
    ASSERT_FALSE(source.empty());
    source = std::regex_replace(source, std::regex("code == \"[a-z-]+\""), "");  // codes of the linter
    for (const CatalogueEntry& entry : catalogue()) {
        EXPECT_NE(source.find("\"" + std::string(entry.id) + "\""), std::string::npos) << entry.id << " is never used";
    }
    const std::regex literal(
        R"re("((?:sts|policy|mx|host|smtp|starttls|tls|sni|certificate|dane|tlsa|tlsrpt|dnssec|domain|not)-[a-z-]+)")re");
    for (auto it = std::sregex_iterator(source.begin(), source.end(), literal); it != std::sregex_iterator(); ++it) {
        EXPECT_NE(catalogue_entry((*it)[1].str()), nullptr) << (*it)[1].str();
    }
}

}  // namespace
}  // namespace postseal::verdict
