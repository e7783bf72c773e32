// Chains against TLSA records (RFC 7672 §3, RFC 7671 §5, §9). Every chain is made here, with known dates and names.
#include <gtest/gtest.h>

#include "dane/certificates_for_test.h"
#include "dane/tlsa.h"

namespace postseal::dane {
namespace {

using test::Certificate;
using test::CertificateSpec;
using test::test_now;

dns::Name name(std::string_view text) {
    return dns::Name::parse(text).value();
}

// root → intermediate → leaf for mx.example.com; another leaf that has nothing to do with them.
class ChainTest : public testing::Test {
protected:
    const Certificate root_{{.common_name = "Root", .ca = true}};
    const Certificate intermediate_{{.common_name = "Intermediate", .ca = true}, &root_};
    const Certificate leaf_{{.common_name = "leaf", .dns_names = {"mx.example.com"}}, &intermediate_};
    const Certificate other_{{.common_name = "other", .dns_names = {"mx.example.com"}}};
    const Certificate self_signed_{{.common_name = "self", .dns_names = {"mx.example.com"}}};
    const ReferenceNames names_{name("mx.example.com"), {}};

    [[nodiscard]] Match match(const std::vector<dns::TlsaData>& rrset, const std::vector<Bytes>& chain) const {
        return match_chain(rrset, chain, names_, test_now);
    }
    [[nodiscard]] std::vector<Bytes> full_chain() const { return {leaf_.der(), intermediate_.der(), root_.der()}; }
};

// RFC 7672 §3.1.1; DANE-027, DANE-049
TEST_F(ChainTest, EndEntityMatchesEverySelectorAndMatchingType) {
    for (const int selector : {0, 1}) {
        for (const int matching_type : {0, 1, 2}) {
            const dns::TlsaData record = leaf_.tlsa(3, selector, matching_type);
            const Match got = match({record}, full_chain());
            EXPECT_EQ(got.result, MatchResult::matched) << selector << matching_type << got.detail;
            EXPECT_EQ(got.record, record.text());
            EXPECT_EQ(match({record}, {leaf_.der()}).result, MatchResult::matched) << "the leaf alone will do";
            EXPECT_EQ(match({other_.tlsa(3, selector, matching_type)}, full_chain()).result, MatchResult::no_match);
        }
    }
}

// DANE-027, DANE-043
TEST_F(ChainTest, EndEntityIgnoresNamesDatesAndIssuer) {
    const Certificate wrong_name({.dns_names = {"www.example.net"}});
    const Certificate expired({.dns_names = {"mx.example.com"},
                               .not_before = test_now - Seconds{200 * 86'400},
                               .not_after = test_now - Seconds{100 * 86'400}});
    const Certificate future({.not_before = test_now + Seconds{86'400}});
    const Certificate nameless(CertificateSpec{});
    for (const Certificate* certificate : {&wrong_name, &expired, &future, &nameless, &self_signed_}) {
        EXPECT_EQ(match({certificate->tlsa(3, 1, 1)}, {certificate->der()}).result, MatchResult::matched);
    }
}

TEST_F(ChainTest, EndEntityIsTheLeafOnly) {
    EXPECT_EQ(match({intermediate_.tlsa(3, 0, 1)}, full_chain()).result, MatchResult::no_match)
        << "3 0 1 of an intermediate";
    EXPECT_EQ(match({root_.tlsa(3, 1, 1)}, full_chain()).result, MatchResult::no_match);
}

// DANE-032
TEST_F(ChainTest, OneMatchIsEnough) {
    EXPECT_EQ(match({other_.tlsa(3, 1, 1), leaf_.tlsa(3, 1, 1)}, full_chain()).result, MatchResult::matched)
        << "a rollover: old and new key published";
    EXPECT_EQ(match({other_.tlsa(3, 1, 1), self_signed_.tlsa(3, 1, 1)}, full_chain()).result, MatchResult::no_match);
    EXPECT_EQ(match({other_.tlsa(2, 0, 1), leaf_.tlsa(3, 1, 1)}, full_chain()).result, MatchResult::matched)
        << "usages side by side";
}

// RFC 7672 §3.1.2; DANE-028
TEST_F(ChainTest, TrustAnchorInTheChain) {
    for (const Certificate* anchor : {&intermediate_, &root_}) {
        for (const int selector : {0, 1}) {
            for (const int matching_type : {0, 1, 2}) {
                const dns::TlsaData record = anchor->tlsa(2, selector, matching_type);
                const Match got = match({record}, full_chain());
                EXPECT_EQ(got.result, MatchResult::matched) << record.text().substr(0, 5) << " " << got.detail;
                EXPECT_EQ(got.record, record.text());
            }
        }
    }
    EXPECT_EQ(match({root_.tlsa(2, 0, 1)}, {leaf_.der(), intermediate_.der()}).result, MatchResult::no_match)
        << "a digest of a certificate that the server does not send";
    EXPECT_EQ(match({other_.tlsa(2, 0, 1)}, full_chain()).result, MatchResult::no_match) << "another anchor";
}

// RFC 7671 §5.2.2; DANE-041
TEST_F(ChainTest, FullTrustAnchorNeedNotBeSent) {
    EXPECT_EQ(match({intermediate_.tlsa(2, 0, 0)}, {leaf_.der()}).result, MatchResult::matched);
    EXPECT_EQ(match({root_.tlsa(2, 0, 0)}, {leaf_.der(), intermediate_.der()}).result, MatchResult::matched);
    EXPECT_EQ(match({root_.tlsa(2, 0, 0)}, {leaf_.der()}).result, MatchResult::no_match)
        << "the link between is missing";
}

// RFC 7671 §5.2.3; DANE-042
TEST_F(ChainTest, BareTrustAnchorKey) {
    EXPECT_EQ(match({intermediate_.tlsa(2, 1, 0)}, {leaf_.der()}).result, MatchResult::matched)
        << "the topmost certificate is signed by the bare key";
    EXPECT_EQ(match({other_.tlsa(2, 1, 0)}, {leaf_.der()}).result, MatchResult::no_match);
}

// DANE-033
TEST_F(ChainTest, TrustAnchorChecksNames) {
    const struct {
        std::vector<std::string> san;
        std::string common_name;
        ReferenceNames names;
        MatchResult expected;
        const char* reason;
    } cases[] = {
        {{"mx10.example.com"}, "x", {name("mx10.example.com"), {}}, MatchResult::matched, "the TLSA base domain"},
        {{"example.com"},
         "x",
         {name("mx10.example.com"), {name("example.com")}},
         MatchResult::matched,
         "RFC 7672 §3.2.2: the next-hop domain, MX secure"},
        {{"exchange.example.org"},
         "x",
         {name("mx10.example.com"), {name("example.com"), name("exchange.example.org")}},
         MatchResult::matched,
         "its CNAME expansion"},
        {{"other.example"},
         "x",
         {name("mx10.example.com"), {name("example.com")}},
         MatchResult::host_mismatch,
         "no name of ours"},
        {{"example.com"},
         "x",
         {name("mx10.example.com"), {}},
         MatchResult::host_mismatch,
         "DANE-034: MX insecure, the base domain is the only name (erratum 6283)"},
        {{"mx10.example.com"},
         "x",
         {name("base.example.net"), {}},
         MatchResult::host_mismatch,
         "DANE-034: the base domain, not the MX host name"},
        {{"MX10.Example.COM"}, "x", {name("mx10.example.com"), {}}, MatchResult::matched, "case"},
        {{"*.example.com"}, "x", {name("mx1.example.com"), {}}, MatchResult::matched, "DANE-035: a wildcard label"},
        {{"*.example.com"}, "x", {name("a.mx1.example.com"), {}}, MatchResult::host_mismatch, "one label deep only"},
        {{"*.example.com"}, "x", {name("example.com"), {}}, MatchResult::host_mismatch, "not the name itself"},
        {{"smtp*.example.com"},
         "x",
         {name("smtp1.example.com"), {}},
         MatchResult::host_mismatch,
         "DANE-035: the wildcard is the whole first label"},
        {{},
         "mx1.example.com",
         {name("mx1.example.com"), {}},
         MatchResult::matched,
         "DANE-035: without any DNS-ID the CN counts"},
        {{"other.example"},
         "mx1.example.com",
         {name("mx1.example.com"), {}},
         MatchResult::host_mismatch,
         "DANE-035: with a DNS-ID it does not"},
    };
    for (const auto& c : cases) {
        const Certificate named({.common_name = c.common_name, .dns_names = c.san}, &root_);
        const std::vector<dns::TlsaData> rrset{root_.tlsa(2, 0, 1)};
        const std::vector<Bytes> chain{named.der(), root_.der()};
        EXPECT_EQ(match_chain(rrset, chain, c.names, test_now).result, c.expected) << c.reason;
    }
}

// A ReferenceNames that names nothing must not switch the name check off.
TEST_F(ChainTest, NamelessReferenceNeverMatches) {
    const std::vector<dns::TlsaData> rrset{root_.tlsa(2, 0, 1)};
    EXPECT_EQ(match_chain(rrset, full_chain(), ReferenceNames{}, test_now).result, MatchResult::no_match);
    EXPECT_EQ(match_chain(rrset, full_chain(), {name("mx.example.com"), {dns::Name()}}, test_now).result,
              MatchResult::no_match);
}

// DANE-029
TEST_F(ChainTest, TrustAnchorChecksDatesAndConstraints) {
    const Certificate expired({.dns_names = {"mx.example.com"},
                               .not_before = test_now - Seconds{200 * 86'400},
                               .not_after = test_now - Seconds{1}},
                              &root_);
    const Match late = match({root_.tlsa(2, 0, 1)}, {expired.der(), root_.der()});
    EXPECT_EQ(late.result, MatchResult::expired) << late.detail;
    EXPECT_EQ(late.record, root_.tlsa(2, 0, 1).text()) << "the record that matched is still named";

    const Certificate future({.dns_names = {"mx.example.com"}, .not_before = test_now + Seconds{3600}}, &root_);
    EXPECT_EQ(match({root_.tlsa(2, 0, 1)}, {future.der(), root_.der()}).result, MatchResult::expired);

    const Certificate narrow({.common_name = "Narrow", .ca = true, .path_length = 0});
    const Certificate sub({.common_name = "Sub", .ca = true}, &narrow);
    const Certificate below({.dns_names = {"mx.example.com"}}, &sub);
    EXPECT_EQ(match({narrow.tlsa(2, 0, 1)}, {below.der(), sub.der(), narrow.der()}).result, MatchResult::no_match)
        << "path length 0 and a CA below it";

    const Certificate not_a_ca({.common_name = "NotCA", .ca = false});
    const Certificate forged({.dns_names = {"mx.example.com"}}, &not_a_ca);
    EXPECT_EQ(match({not_a_ca.tlsa(2, 0, 1)}, {forged.der(), not_a_ca.der()}).result, MatchResult::no_match)
        << "the anchor may not issue";
}

// RFC 7671 §9; DANE-045
TEST_F(ChainTest, DigestAgility) {
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1), other_.tlsa(3, 1, 2)}, full_chain()).result, MatchResult::no_match)
        << "the strongest digest of the group counts, SHA2-256 is passed over";
    EXPECT_EQ(match({other_.tlsa(3, 1, 1), leaf_.tlsa(3, 1, 2)}, full_chain()).result, MatchResult::matched);
    dns::TlsaData unknown = other_.tlsa(3, 1, 2);
    unknown.matching_type = 7;
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1), unknown}, full_chain()).result, MatchResult::matched)
        << "an unknown algorithm is no competitor";
    dns::TlsaData truncated = other_.tlsa(3, 1, 2);
    truncated.association.pop_back();
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1), truncated}, full_chain()).result, MatchResult::matched)
        << "nor is an unusable record";
    EXPECT_EQ(match({leaf_.tlsa(3, 0, 1), other_.tlsa(3, 1, 2)}, full_chain()).result, MatchResult::matched)
        << "groups are per usage and selector";
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 0), other_.tlsa(3, 1, 2)}, full_chain()).result, MatchResult::matched)
        << "Full(0) is always looked at";
}

// DANE-031
TEST_F(ChainTest, UsagesZeroAndOneNeverAuthenticate) {
    EXPECT_EQ(match({leaf_.tlsa(1, 1, 1)}, full_chain()).result, MatchResult::unusable);
    EXPECT_EQ(match({root_.tlsa(0, 0, 1)}, full_chain()).result, MatchResult::unusable);
    EXPECT_EQ(match({leaf_.tlsa(1, 1, 1), other_.tlsa(3, 1, 1)}, full_chain()).result, MatchResult::no_match)
        << "mixed sets rely on 2 and 3 alone";
}

TEST_F(ChainTest, BadInputIsAnAnswerNotAnAccident) {
    const Bytes garbage{0x30, 0x82, 0xff, 0xff, 0x00};
    EXPECT_EQ(match({}, full_chain()).result, MatchResult::unusable) << "no records";
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1)}, {}).result, MatchResult::no_match) << "no certificate";
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1)}, {garbage}).result, MatchResult::no_match);
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1)}, {garbage, leaf_.der()}).result, MatchResult::no_match)
        << "an unreadable leaf is not replaced by what follows";
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1)}, {leaf_.der(), garbage}).result, MatchResult::matched);
    EXPECT_EQ(match({root_.tlsa(2, 0, 1)}, {leaf_.der(), garbage, intermediate_.der(), root_.der()}).result,
              MatchResult::no_match);
    std::vector<Bytes> endless(1000, intermediate_.der());
    endless.insert(endless.begin(), leaf_.der());
    EXPECT_EQ(match({leaf_.tlsa(3, 1, 1)}, endless).result, MatchResult::matched) << "a chain without end";
}

}  // namespace
}  // namespace postseal::dane
