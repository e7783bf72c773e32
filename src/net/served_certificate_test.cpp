#include "net/served_certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "net/pem.h"
#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::TestCa;

Bytes pkcs8_of(const EVP_PKEY* key) {
    PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
    unsigned char* der = nullptr;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    return out;
}

Bytes signature_of(EVP_PKEY* key) {
    const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    std::size_t size = 1024;
    Bytes out(size);
    const Bytes message(32, 7);
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1) {
        return {};
    }
    out.resize(size);
    return out;
}

bool verifies(X509* certificate, const Bytes& signature) {
    const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    const Bytes message(32, 7);
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, X509_get0_pubkey(certificate)) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

TEST(ServedCertificate, IsWhatWentInAndSignsForIt) {
    const TestCa ca;
    const CertificateAndKey pair = ca.issue("mta-sts.a.example");
    const unsigned char* at = pair.key_der.data();
    const KeyPtr key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pair.key_der.size())));
    const X509Ptr parsed = parse_x509(pair.chain_der.front());
    for (const Bytes& form : {pair.key_der, pkcs8_of(key.get())}) {
        const ServedCertificate served = serve_certificate(pair.chain_der.front(), form);
        ASSERT_TRUE(served.leaf && served.key);
        EXPECT_EQ(to_der(served.leaf.get()), pair.chain_der.front()) << "byte by byte";
        EXPECT_TRUE(verifies(parsed.get(), signature_of(served.key.get()))) << "as whoever has the certificate judges";
    }
}

TEST(ServedCertificate, AnyOtherKeyWorks) {
    const KeyPtr rsa(EVP_RSA_gen(2048));
    const X509Ptr certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 1000);
    X509_set_pubkey(certificate.get(), rsa.get());
    X509_sign(certificate.get(), rsa.get(), EVP_sha256());
    const Bytes der = to_der(certificate.get());
    const ServedCertificate served = serve_certificate(der, pkcs8_of(rsa.get()));
    ASSERT_TRUE(served.leaf && served.key);
    EXPECT_EQ(to_der(served.leaf.get()), der);
    EXPECT_TRUE(verifies(certificate.get(), signature_of(served.key.get())));
}

TEST(ServedCertificate, DamageIsNull) {
    const TestCa ca;
    const CertificateAndKey pair = ca.issue("mta-sts.a.example");
    Bytes cut = pair.chain_der.front();
    cut.resize(cut.size() / 2);
    EXPECT_FALSE(serve_certificate(cut, pair.key_der).leaf);
    EXPECT_FALSE(serve_certificate({}, pair.key_der).leaf);
    for (std::size_t size = 0; size < pair.key_der.size(); size += 7) {
        EXPECT_FALSE(serve_certificate(pair.chain_der.front(), ByteView(pair.key_der).first(size)).key) << size;
    }
}

TEST(Pem, GivesBlockAfterBlock) {
    const TestCa ca;
    const std::string text = "before\n" + ca.pem() + "between\n" + TestCa().pem() + "after\n";
    std::string_view rest = text;
    for (int i = 0; i < 2; ++i) {
        const auto block = take_pem_block(rest);
        ASSERT_TRUE(block);
        EXPECT_TRUE(parse_x509(*block));
    }
    EXPECT_EQ(rest, "\nafter\n");
    EXPECT_FALSE(take_pem_block(rest));
    for (const char* wrong :
         {"", "-----BEGIN X-----", "-----BEGIN X-----\nAAAA\n", "-----BEGIN X-----\nAAA\n-----END X-----",
          "-----BEGIN X-----\nA A=\n-----END X-----", "-----BEGIN X-----\n-----END X-----",
          "-----BEGIN X-----\nAA=A\n-----END X-----", "-----BEGIN X-----\n====\n-----END X-----"}) {
        std::string_view input = wrong;
        EXPECT_FALSE(take_pem_block(input)) << wrong;
    }
}

}  // namespace
}  // namespace postseal::net
