// Which TLSA records are usable and where they are looked for (RFC 6698 §2.1, RFC 7672 §2.2, §3.1).
#include "dane/tlsa.h"

#include <gtest/gtest.h>

#include "dane/certificates_for_test.h"

namespace postseal::dane {
namespace {

using test::Certificate;

dns::TlsaData record(int usage, int selector, int matching_type, std::size_t bytes) {
    return {static_cast<std::uint8_t>(usage), static_cast<std::uint8_t>(selector),
            static_cast<std::uint8_t>(matching_type), Bytes(bytes, 0xab)};
}

dns::Name name(std::string_view text) {
    return dns::Name::parse(text).value();
}

// DANE-047, DANE-049, DANE-031
TEST(Usability, DependsOnParametersAndLength) {
    const struct {
        dns::TlsaData record;
        Usability expected = Usability::unusable;
        const char* reason = "";
    } cases[] = {
        {record(3, 1, 1, 32), Usability::usable, "RFC 7672 §3.1: what servers should publish"},
        {record(3, 0, 1, 32), Usability::usable, "selector 0, SHA2-256"},
        {record(3, 1, 2, 64), Usability::usable, "SHA2-512"},
        {record(2, 0, 1, 32), Usability::usable, "second best"},
        {record(2, 1, 2, 64), Usability::usable, "trust anchor by key"},
        {record(0, 0, 1, 32), Usability::unusable, "RFC 7672 §3.1.3: PKIX-TA"},
        {record(1, 1, 1, 32), Usability::unusable, "RFC 7672 §3.1.3: PKIX-EE"},
        {record(4, 1, 1, 32), Usability::unusable, "unassigned usage"},
        {record(255, 1, 1, 32), Usability::unusable, "private use"},
        {record(3, 2, 1, 32), Usability::unusable, "unassigned selector"},
        {record(3, 255, 1, 32), Usability::unusable, "private selector"},
        {record(3, 1, 3, 32), Usability::unusable, "unassigned matching type"},
        {record(3, 1, 255, 32), Usability::unusable, "private matching type"},
        {record(3, 1, 1, 31), Usability::unusable, "digest one byte short"},
        {record(3, 1, 1, 33), Usability::unusable, "digest one byte long"},
        {record(3, 1, 1, 64), Usability::unusable, "SHA2-512's length under SHA2-256"},
        {record(3, 1, 2, 32), Usability::unusable, "SHA2-256's length under SHA2-512"},
        {record(3, 1, 1, 0), Usability::unusable, "no data"},
        {record(3, 1, 0, 0), Usability::unusable, "Full(0) without data"},
        {record(3, 0, 0, 400), Usability::unusable, "Full(0) that is no certificate"},
        {record(2, 1, 0, 91), Usability::unusable, "Full(0) that is no public key"},
        {record(9, 9, 9, 1), Usability::unusable, "everything unknown"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(usability(c.record), c.expected) << c.reason;
    }
}

TEST(Usability, FullCertificateAndKey) {
    const Certificate certificate({.dns_names = {"mx.example.com"}});
    for (const int usage : {2, 3}) {
        for (const int selector : {0, 1}) {
            dns::TlsaData full = certificate.tlsa(usage, selector, 0);
            EXPECT_EQ(usability(full), Usability::usable) << usage << selector;
            full.association.push_back(0);
            EXPECT_EQ(usability(full), Usability::unusable) << "bytes behind the DER";
            full.association.resize(full.association.size() / 2);
            EXPECT_EQ(usability(full), Usability::unusable) << "DER cut off";
        }
    }
    // The data of one selector under the other.
    dns::TlsaData wrong = certificate.tlsa(3, 0, 0);
    wrong.selector = 1;
    EXPECT_EQ(usability(wrong), Usability::unusable);
}

// RFC 7672 §2.2; DANE-012, DANE-031
TEST(Demand, IsThatOfTheWholeRrset) {
    const struct {
        std::vector<dns::TlsaData> rrset;
        Demand expected = Demand::nothing;
        const char* reason = "";
    } cases[] = {
        {{}, Demand::nothing, "no records"},
        {{record(3, 1, 1, 32)}, Demand::authentication, "one usable"},
        {{record(9, 9, 9, 4), record(3, 1, 1, 32)}, Demand::authentication, "one usable among others"},
        {{record(9, 9, 9, 4)}, Demand::encryption, "RFC 7672 §2.2: none usable, still no clear text"},
        {{record(1, 1, 1, 32), record(0, 0, 1, 32)}, Demand::encryption, "only usages 0 and 1"},
        {{record(3, 1, 1, 31)}, Demand::encryption, "a truncated digest"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(demand(c.rrset), c.expected) << c.reason;
    }
}

// RFC 7672 §2.2.2; DANE-022, DANE-023
TEST(BaseDomain, ExpandedNameFirstOnlyWhenItsChainIsSecure) {
    const dns::Name mx15 = name("mx15.example.com");
    const dns::Name backup = name("mxbackup.example.com");
    using Names = std::vector<dns::Name>;
    EXPECT_EQ(base_domain_candidates(mx15, mx15, true), Names{mx15}) << "no alias";
    EXPECT_EQ(base_domain_candidates(mx15, backup, true), (Names{backup, mx15})) << "the RFC's own example";
    EXPECT_EQ(base_domain_candidates(mx15, backup, false), Names{mx15}) << "an insecure step: the original name only";
    EXPECT_EQ(base_domain_candidates(mx15, mx15, false), Names{mx15});
}

// RFC 7672 §2.2.3; DANE-024
TEST(TlsaName, HasPortAndTcp) {
    EXPECT_EQ(tlsa_name(name("mail.example.com"))->text(), "_25._tcp.mail.example.com");
    EXPECT_EQ(tlsa_name(name("relay.example.net"), 2525)->text(), "_2525._tcp.relay.example.net");
    const std::string label(60, 'a');
    const std::string longest = label + "." + label + "." + label + "." + label;  // 243 characters
    EXPECT_FALSE(tlsa_name(name(longest + ".example"))) << "longer than a name may be";
}

}  // namespace
}  // namespace postseal::dane
