#include "net/certificate.h"

#include <gtest/gtest.h>

#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::CertificateOptions;
using testing::name;
using testing::TestCa;
using namespace std::chrono_literals;

TimePoint now() {
    return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
}

// STS-045, STS-046, STS-047, HTTPS-003, HTTPS-004, HTTPS-005
TEST(Certificate, ValidityTrustAndName) {
    const TestCa ca;
    const TestCa other_ca;
    const struct {
        const char* why = nullptr;
        CertificateOptions options;
        CertificateError expected = CertificateError::none;
    } cases[] = {
        {"SAN names the host", {.names = {"mx1.example.com"}}, CertificateError::none},
        {"one of several", {.names = {"a.example", "MX1.Example.COM"}}, CertificateError::none},
        {"whole-label wildcard", {.names = {"*.example.com"}}, CertificateError::none},
        {"another host of the domain", {.names = {"mx2.example.com"}}, CertificateError::host_mismatch},
        {"the domain only", {.names = {"example.com"}}, CertificateError::host_mismatch},
        {"CN without SAN", {.common_name = "mx1.example.com"}, CertificateError::host_mismatch},
        {"CN beside another SAN",
         {.names = {"x.example"}, .common_name = "mx1.example.com"},
         CertificateError::host_mismatch},
        {"partial wildcard", {.names = {"mx*.example.com"}}, CertificateError::host_mismatch},
        {"wildcard too high", {.names = {"*.com"}}, CertificateError::host_mismatch},
        {"wildcard too deep", {.names = {"*.mx1.example.com"}}, CertificateError::host_mismatch},
        {"expired", {.names = {"mx1.example.com"}, .not_before = -48h, .not_after = -1h}, CertificateError::expired},
        {"not yet valid", {.names = {"mx1.example.com"}, .not_before = 1h}, CertificateError::not_yet_valid},
        {"self-signed", {.names = {"mx1.example.com"}, .self_signed = true}, CertificateError::untrusted},
    };
    for (const auto& c : cases) {
        std::string detail;
        const auto issued = ca.issue(c.options);
        EXPECT_EQ(verify_chain(issued.chain_der, *ca.trust(), name("mx1.example.com"), now(), &detail), c.expected)
            << c.why << ": " << detail;
        EXPECT_EQ(detail.empty(), c.expected == CertificateError::none) << c.why;
    }
    const auto issued = other_ca.issue("mx1.example.com");
    EXPECT_EQ(verify_chain(issued.chain_der, *ca.trust(), name("mx1.example.com"), now()), CertificateError::untrusted)
        << "unknown CA";
    EXPECT_EQ(verify_chain(ca.issue("x.example").chain_der, *ca.trust(), dns::Name(), now()), CertificateError::none)
        << "no name asked for";
    EXPECT_EQ(verify_chain({}, *ca.trust(), name("mx1.example.com"), now()), CertificateError::untrusted);
    EXPECT_EQ(verify_chain(std::vector<Bytes>{{1, 2, 3}}, *ca.trust(), name("a.example"), now()),
              CertificateError::untrusted);
    EXPECT_EQ(verify_chain(ca.issue("a.example").chain_der, *ca.trust(), name("a.example"), now() + 24h * 365),
              CertificateError::expired)
        << "at the moment given";
}

TEST(Certificate, SummaryForPeople) {
    const TestCa ca;
    const auto issued = ca.issue({.names = {"mx1.example.com", "*.example.org"}, .common_name = "evil\x1b[2J\n"});
    const auto summary = summarize_certificate(issued.chain_der.front());
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->names, (std::vector<std::string>{"mx1.example.com", "*.example.org"}));
    EXPECT_TRUE(summary->issuer.starts_with("CN = Test CA ")) << summary->issuer;
    EXPECT_EQ(summary->subject.find('\x1b'), std::string::npos);
    EXPECT_EQ(summary->not_after - summary->not_before, 24h * 91);
    EXPECT_FALSE(summarize_certificate(as_bytes("no certificate")));
    Bytes trailing = issued.chain_der.front();
    trailing.push_back(0);
    EXPECT_FALSE(summarize_certificate(trailing));
}

TEST(TrustStore, SaysWhatIsWrongWithABundle) {
    const TestCa ca;
    EXPECT_EQ((*TrustStore::from_pem(ca.pem() + "# comment\n" + TestCa().pem()))->size(), 2U);
    EXPECT_EQ(TrustStore::from_pem("").error().message(), "no certificate in PEM form");
    EXPECT_EQ(TrustStore::from_pem("hello").error().message(), "no certificate in PEM form");
    EXPECT_EQ(TrustStore::from_pem(ca.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                  .error()
                  .message(),
              "certificate 2: damaged PEM block");
    EXPECT_EQ(TrustStore::load("/nonexistent").error().message(), "ca_file: cannot read /nonexistent");
}

}  // namespace
}  // namespace postseal::net
