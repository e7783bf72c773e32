#include "hosting/renewal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <array>
#include <map>

#include "hosting/acme_jws.h"
#include "net/openssl.h"
#include "net/testing.h"

namespace postseal::hosting {
namespace {

using net::testing::name;

constexpr TimePoint begin{Seconds(1'800'000'000)};
constexpr Seconds day{86'400};

TEST(Renewal, the_id_of_the_rfc) {
    // RFC 9773 §4.1: the example's key identifier and serial number, whose leading zero counts
    EXPECT_EQ(renewal_id(*from_hex("69885b6b87464041e1b37b847ba0ae2cde01c8d4"), *from_hex("0087654321")),
              "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

Bytes certificate_with(const std::string& key_identifier_hex, std::uint64_t serial) {
    const AcmeKey key = *AcmeKey::generate();
    const net::X509Ptr certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial);
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 1'800'000'000);
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), 1'900'000'000);
    X509_set_pubkey(certificate.get(), key.native());
    if (!key_identifier_hex.empty()) {
        AUTHORITY_KEYID* id = AUTHORITY_KEYID_new();
        const Bytes octets = *from_hex(key_identifier_hex);
        id->keyid = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(id->keyid, octets.data(), static_cast<int>(octets.size()));
        X509_add1_ext_i2d(certificate.get(), NID_authority_key_identifier, id, 0, X509V3_ADD_DEFAULT);
        AUTHORITY_KEYID_free(id);
    }
    X509_sign(certificate.get(), key.native(), EVP_sha256());
    return net::to_der(certificate.get());
}

TEST(Renewal, the_id_is_read_from_a_certificate) {
    const auto high_bit = renewal_id_of(certificate_with("69885b6b87464041e1b37b847ba0ae2cde01c8d4", 0x87654321));
    ASSERT_TRUE(high_bit) << high_bit.error().message();
    EXPECT_EQ(*high_bit, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    EXPECT_EQ(*renewal_id_of(certificate_with("0102", 1)), "AQI.AQ");
    EXPECT_EQ(renewal_id_of(certificate_with("", 1)).error().code, Errc::not_found) << "it cannot be asked about";
    EXPECT_FALSE(renewal_id_of(Bytes{1, 2, 3}));
    EXPECT_FALSE(renewal_id_of_pem("no certificate"));
}

TEST(Renewal, info) {
    const auto good =
        parse_renewal_info(R"({"suggestedWindow":{"start":"2026-01-02T04:00:00Z","end":"2026-01-03T04:00:00Z"},)"
                           R"("explanationURL":"https://ca.test/why"})");
    ASSERT_TRUE(good) << good.error().message();
    EXPECT_EQ(to_rfc3339(good->start), "2026-01-02T04:00:00Z");
    EXPECT_EQ(to_rfc3339(good->end), "2026-01-03T04:00:00Z");
    EXPECT_EQ(good->explanation_url, "https://ca.test/why");
    struct Case {
        const char* text;
        const char* why;
    };
    const Case cases[] = {
        {"", "nothing"},
        {"[]", "no object"},
        {"{}", "no window"},
        {R"({"suggestedWindow":"soon"})", "a window that is none"},
        {R"({"suggestedWindow":{"start":"2026-01-02T04:00:00Z"}})", "no end"},
        {R"({"suggestedWindow":{"start":1,"end":2}})", "numbers"},
        {R"({"suggestedWindow":{"start":"yesterday","end":"2026-01-03T04:00:00Z"}})", "no time"},
        {R"({"suggestedWindow":{"start":"2026-01-03T04:00:00Z","end":"2026-01-02T04:00:00Z"}})",
         "RFC 9773 §4.2: ends before it starts"},
        {R"({"suggestedWindow":{"start":"2026-01-03T04:00:00Z","end":"2026-01-03T04:00:00Z"}})",
         "RFC 9773 §4.2: has no length"},
    };
    for (const Case& one : cases) {
        EXPECT_FALSE(parse_renewal_info(one.text)) << one.why;
    }
    const auto script =
        parse_renewal_info(R"({"suggestedWindow":{"start":"2026-01-02T04:00:00Z","end":"2026-01-03T04:00:00Z"},)"
                           R"("explanationURL":"javascript:alert"})");
    ASSERT_TRUE(script) << script.error().message();
    EXPECT_EQ(script->explanation_url, "") << "what a panel could not link to";
}

TEST(Renewal, is_asked_again_when_the_ca_says_and_twice_a_day) {
    // RFC 9773 §4.3.2, §4.3.3
    EXPECT_EQ(asked_again_after(Seconds(7200)), Seconds(7200));
    EXPECT_EQ(asked_again_after(Seconds(0)), Seconds(60));
    EXPECT_EQ(asked_again_after(Seconds(864'000)), Seconds(43'200));
    EXPECT_EQ(asked_again_after(std::nullopt), Seconds(21'600));
}

TEST(Renewal, without_a_window_at_two_thirds_or_half) {
    for (const int days : {90, 64, 47, 45}) {
        for (const char* host : {"mta-sts.a.test", "mta-sts.b.test", "mta-sts.c.test"}) {
            const TimePoint moment = renewal_moment(name(host), begin, begin + days * day, std::nullopt);
            EXPECT_LE(moment, begin + days * day * 2 / 3);
            EXPECT_GE(moment, begin + days * day * 2 / 3 - days * day / 20);
        }
    }
    const TimePoint shortlived = renewal_moment(name("a.test"), begin, begin + Seconds(160 * 3600), std::nullopt);
    EXPECT_LE(shortlived, begin + Seconds(80 * 3600));
    EXPECT_GE(shortlived, begin + Seconds(72 * 3600));
}

TEST(Renewal, a_window_of_the_ca_decides) {
    // RFC 9773 §4.2
    const RenewalWindow window{begin + 50 * day, begin + 52 * day, ""};
    const TimePoint moment = renewal_moment(name("a.test"), begin, begin + 90 * day, window);
    EXPECT_GE(moment, window.start);
    EXPECT_LT(moment, window.end);
    EXPECT_EQ(moment, renewal_moment(name("a.test"), begin, begin + 90 * day, window)) << "also after a restart";
    EXPECT_NE(moment, renewal_moment(name("b.test"), begin, begin + 90 * day, window));
    const RenewalWindow passed{begin, begin + Seconds(10), ""};
    EXPECT_LT(renewal_moment(name("a.test"), begin, begin + 90 * day, passed), begin + Seconds(10)) << "revoked: now";
    const RenewalWindow never{begin + 900 * day, begin + 901 * day, ""};
    EXPECT_EQ(renewal_moment(name("a.test"), begin, begin + 90 * day, never), begin + 75 * day)
        << "a window after the end does not cost the certificate";
}

TEST(Renewal, a_storm_is_spread) {
    // 10,000 names of one day: no hour has more than twice its even share.
    std::map<std::int64_t, int> by_hour;
    constexpr int names = 10'000;
    for (int i = 0; i < names; ++i) {
        const TimePoint moment =
            renewal_moment(name(fmt::format("mta-sts.d{}.test", i)), begin, begin + 90 * day, std::nullopt);
        ++by_hour[(moment - begin) / Seconds(3600)];
    }
    const int even = names / (90 * 24 / 20);
    int most = 0;
    for (const auto& [hour, count] : by_hour) {
        most = std::max(most, count);
    }
    EXPECT_LT(most, 2 * even);
    EXPECT_GE(by_hour.size(), 107U);
}

TEST(Renewal, a_failing_one_is_an_alert_long_before_the_end) {
    EXPECT_EQ(overdue_from(begin + 60 * day, begin + 90 * day), begin + 70 * day);
}

}  // namespace
}  // namespace postseal::hosting
