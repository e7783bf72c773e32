#include "hosting/mx_watch.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

const TimePoint now{Seconds(1'800'000'000)};
const auto day = std::chrono::days(1);

net::SmtpProbeResult probe(net::SmtpFailure failure, bool offered, std::optional<net::CertificateError> certificate,
                           TimePoint not_after) {
    net::SmtpProbeResult result;
    result.failure = failure;
    result.offered = offered;
    if (certificate) {
        result.tls.emplace();
        result.tls->version = "TLSv1.3";
        result.tls->certificate_error = *certificate;
        result.tls->certificate =
            net::CertificateSummary{{"mx.example.com"}, "CN=mx", "CN=ca", now - 10 * day, not_after};
    }
    return result;
}

MxHost host(std::string_view name) {
    MxHost made;
    made.host = *dns::Name::parse(name);
    made.probed = now;
    made.starttls = true;
    return made;
}

TEST(MxWatch, a_probe_in_words) {
    using net::CertificateError;
    using net::SmtpFailure;
    struct Case {
        net::SmtpProbeResult probe;
        const char* code;
        std::optional<bool> starttls;
    };
    const TimePoint far = now + 60 * day;
    const std::vector<Case> cases = {
        {probe(SmtpFailure::none, true, CertificateError::none, far), "", true},
        {probe(SmtpFailure::none, true, CertificateError::none, now + 20 * day), "certificate-expiring", true},
        {probe(SmtpFailure::certificate, true, CertificateError::expired, now - day), "certificate-expired", true},
        {probe(SmtpFailure::certificate, true, CertificateError::host_mismatch, far), "certificate-name", true},
        {probe(SmtpFailure::certificate, true, CertificateError::untrusted, far), "certificate-untrusted", true},
        {probe(SmtpFailure::starttls_not_offered, false, {}, far), "starttls-missing", false},
        {probe(SmtpFailure::handshake, true, {}, far), "tls-failed", true},
        {probe(SmtpFailure::connect, false, {}, far), "unreachable", std::nullopt},
        {probe(SmtpFailure::timeout, false, {}, far), "timeout", std::nullopt},
        {probe(SmtpFailure::greeting, false, {}, far), "unreachable", std::nullopt},
    };
    for (const Case& one : cases) {
        MxHost judged = host("mx.example.com");
        judge_probe(judged, one.probe, now);
        EXPECT_EQ(judged.problem_code, one.code);
        EXPECT_EQ(judged.starttls, one.starttls) << one.code;
        EXPECT_EQ(judged.problem.empty(), judged.problem_code.empty());
        MxWatch watch;
        watch.hosts = {judged};
        watch.looked = now;
        EXPECT_EQ(mx_watch_from_json(mx_watch_to_json(watch)), watch) << one.code;
    }
    EXPECT_TRUE(mx_watch_from_json("{").hosts.empty());
    EXPECT_TRUE(mx_watch_from_json(R"({"hosts":[{"host":"a b"},7]})").hosts.empty());
}

// What is wrong with TLS at one address is wrong with the host; a way that only the prober lacks is not.
TEST(MxWatch, several_addresses_of_one_host) {
    using net::CertificateError;
    using net::SmtpFailure;
    const auto v4 = dns::IpAddress::parse("192.0.2.1").value();
    const auto v6 = dns::IpAddress::parse("2001:db8::1").value();
    const TimePoint far = now + 60 * day;
    const auto good = probe(SmtpFailure::none, true, CertificateError::none, far);
    const auto gone = probe(SmtpFailure::connect, false, {}, far);
    const auto stripped = probe(SmtpFailure::starttls_not_offered, false, {}, far);
    struct {
        std::vector<AddressProbe> probes;
        const char* code;
        const char* why;
    } const cases[] = {
        {{{v4, good, now}, {v6, good, now}}, "", "both fine"},
        {{{v4, good, now}, {v6, gone, now}}, "", "no IPv6 here"},
        {{{v4, gone, now}, {v6, good, now}}, "", "only IPv6 there"},
        {{{v4, gone, now}, {v6, gone, now}}, "unreachable", "neither"},
        {{{v4, good, now}, {v6, stripped, now}}, "starttls-missing", "senders by IPv6 would be refused"},
        {{{v4, gone, now}, {v6, stripped, now}}, "starttls-missing", "the only one that answers"},
        {{}, "no-address", "none at all"},
    };
    for (const auto& one : cases) {
        MxHost judged = host("mx.example.com");
        judge_probes(judged, one.probes, now);
        EXPECT_EQ(judged.problem_code, one.code) << one.why;
        EXPECT_EQ(judged.addresses.size(), one.probes.size());
        EXPECT_EQ(judged.probed, now);
        MxWatch watch;
        watch.hosts = {judged};
        watch.unneeded = {{"*.old.example", now}};
        EXPECT_EQ(mx_watch_from_json(mx_watch_to_json(watch)), watch) << one.why;
    }
    MxHost judged = host("mx.example.com");
    judge_probes(judged, {{v4, good, now - Seconds(3000)}, {v6, good, now}}, now);
    EXPECT_EQ(judged.probed, now - Seconds(3000)) << "as old as the oldest look";
}

}  // namespace
}  // namespace postseal::hosting
