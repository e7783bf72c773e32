#include "hosting/acme_jws.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <boost/json.hpp>

#include "base/text.h"
#include "net/certificate.h"
#include "net/openssl.h"

namespace postseal::hosting {
namespace {

TEST(AcmeJws, thumbprint_of_the_example_in_the_rfc) {
    // RFC 7638 §3.1
    EXPECT_EQ(
        jwk_thumbprint(
            R"({"e":"AQAB","kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"})"),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(AcmeJws, a_request_is_signed_over_header_and_payload) {
    const AcmeKey key = *AcmeKey::generate();
    const auto request =
        signed_request(key, {"https://ca.example/new-order", "nonce1", "https://ca.example/acct/1"}, "{}");
    ASSERT_TRUE(request);
    const auto value = boost::json::parse(*request).as_object();
    const std::string head(value.at("protected").as_string());
    const std::string payload(value.at("payload").as_string());
    EXPECT_TRUE(key.verify(head + "." + payload, *from_base64url(std::string(value.at("signature").as_string()))));
    EXPECT_FALSE(key.verify(head + ".e30x", *from_base64url(std::string(value.at("signature").as_string()))));
    const auto header = boost::json::parse(as_text(*from_base64url(head))).as_object();
    EXPECT_EQ(header.at("alg").as_string(), "ES256");
    EXPECT_EQ(header.at("kid").as_string(), "https://ca.example/acct/1");
    EXPECT_FALSE(header.contains("jwk")) << "RFC 8555 §6.2: one of the two, never both";
    EXPECT_EQ(payload, "e30");
}

TEST(AcmeJws, a_new_account_is_signed_with_the_key_itself_and_post_as_get_has_no_payload) {
    const AcmeKey key = *AcmeKey::generate();
    const auto value = boost::json::parse(*signed_request(key, {"https://ca.example/a", "n", ""}, "")).as_object();
    EXPECT_EQ(value.at("payload").as_string(), "");
    const auto header =
        boost::json::parse(as_text(*from_base64url(std::string(value.at("protected").as_string())))).as_object();
    EXPECT_FALSE(header.contains("kid"));
    EXPECT_EQ(boost::json::serialize(header.at("jwk")), key.jwk());
}

TEST(AcmeJws, an_external_account_is_bound_by_the_cas_own_key) {
    // RFC 8555 §7.3.4: HS256, the CA's kid, the newAccount URL, no nonce, the account's JWK as the payload
    const AcmeKey key = *AcmeKey::generate();
    const Bytes mac_key(32, 7);
    const auto value =
        boost::json::parse(*external_account_binding(key, "kid-1", mac_key, "https://ca.example/new-account"))
            .as_object();
    const std::string head(value.at("protected").as_string());
    const auto header = boost::json::parse(as_text(*from_base64url(head))).as_object();
    EXPECT_EQ(header.at("alg").as_string(), "HS256");
    EXPECT_EQ(header.at("kid").as_string(), "kid-1");
    EXPECT_EQ(header.at("url").as_string(), "https://ca.example/new-account");
    EXPECT_FALSE(header.contains("nonce"));
    EXPECT_EQ(as_text(*from_base64url(std::string(value.at("payload").as_string()))), key.jwk());
    EXPECT_EQ(from_base64url(std::string(value.at("signature").as_string()))->size(), 32U);
    const auto other =
        boost::json::parse(*external_account_binding(key, "kid-1", Bytes(32, 8), "https://ca.example/new-account"));
    EXPECT_NE(other.at("signature"), value.at("signature")) << "another key, another signature";
}

TEST(AcmeJws, a_new_key_asks_for_the_account) {
    // RFC 8555 §7.3.5: the inner request is signed with the new key, names the old one, and has no nonce
    const AcmeKey old_key = *AcmeKey::generate();
    const AcmeKey new_key = *AcmeKey::generate();
    const auto value =
        boost::json::parse(*key_change_request(old_key, new_key, "https://ca.example/acct/1", "https://ca.example/kc"))
            .as_object();
    const std::string head(value.at("protected").as_string());
    const std::string payload(value.at("payload").as_string());
    EXPECT_TRUE(new_key.verify(head + "." + payload, *from_base64url(std::string(value.at("signature").as_string()))));
    const auto header = boost::json::parse(as_text(*from_base64url(head))).as_object();
    EXPECT_EQ(boost::json::serialize(header.at("jwk")), new_key.jwk());
    EXPECT_FALSE(header.contains("nonce"));
    const auto body = boost::json::parse(as_text(*from_base64url(payload))).as_object();
    EXPECT_EQ(body.at("account").as_string(), "https://ca.example/acct/1");
    EXPECT_EQ(boost::json::serialize(body.at("oldKey")), old_key.jwk());
}

TEST(AcmeJws, keys_survive_pem_and_others_are_refused) {
    const AcmeKey key = *AcmeKey::generate();
    const auto again = AcmeKey::from_pem(key.to_pem());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->thumbprint(), key.thumbprint());
    EXPECT_FALSE(AcmeKey::from_pem(""));
    EXPECT_FALSE(AcmeKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    EXPECT_EQ(key_authorization("tok", key), "tok." + key.thumbprint());
}

TEST(AcmeJws, a_csr_asks_for_exactly_one_name) {
    const AcmeKey key = *AcmeKey::generate();
    const auto der = make_csr(key, *dns::Name::parse("mta-sts.example.com"));
    ASSERT_TRUE(der) << der.error().message();
    const unsigned char* at = der->data();
    X509_REQ* request = d2i_X509_REQ(nullptr, &at, static_cast<long>(der->size()));
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(X509_REQ_verify(request, key.native()), 1);
    STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request);
    auto* names = static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
    ASSERT_NE(names, nullptr);
    ASSERT_EQ(sk_GENERAL_NAME_num(names), 1);
    const ASN1_STRING* text = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), ASN1_STRING_length(text)),
              "mta-sts.example.com");
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(request);
}

TEST(AcmeJws, the_alpn_certificate_carries_the_digest_as_a_critical_extension) {
    const AcmeKey key = *AcmeKey::generate();
    const auto der = tls_alpn_certificate(key, *dns::Name::parse("mta-sts.example.com"), "tok.thumb",
                                          TimePoint(Seconds(1'800'000'000)));
    ASSERT_TRUE(der) << der.error().message();
    EXPECT_EQ(net::summarize_certificate(*der)->names, std::vector<std::string>{"mta-sts.example.com"});
    // RFC 8737 §3: id-pe-acmeIdentifier 1.3.6.1.5.5.7.1.31, critical, OCTET STRING of 32 octets
    const std::string wanted = "06082b0601050507011f0101ff04220420" + to_hex(sha256(as_bytes("tok.thumb")));
    EXPECT_NE(to_hex(*der).find(wanted), std::string::npos);
    // The second one must work too: the object identifier is registered once per process.
    EXPECT_TRUE(tls_alpn_certificate(key, *dns::Name::parse("b.example"), "x.y", TimePoint(Seconds(1'800'000'000))));
}

}  // namespace
}  // namespace postseal::hosting
