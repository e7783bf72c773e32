// Certificates made on the spot for unit tests, by OpenSSL and in memory. Included by *_test.cpp only.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "dns/record.h"

namespace postseal::test {

inline void must(bool ok) {
    if (!ok) {
        std::abort();  // a test that cannot make its own certificate has nothing to say
    }
}

constexpr TimePoint test_now{Seconds{1'790'000'000}};  // 2026-09-21

struct CertificateSpec {
    std::string common_name = "test";
    std::vector<std::string> dns_names = {};  // SAN; none: no extension at all
    bool ca = false;
    std::optional<int> path_length = std::nullopt;
    TimePoint not_before = test_now - Seconds{86'400};
    TimePoint not_after = test_now + Seconds{90 * 86'400};
};

class Certificate {
public:
    // Signed by `issuer`, or by itself.
    explicit Certificate(const CertificateSpec& spec, const Certificate* issuer = nullptr)
        : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), x509_(X509_new(), X509_free) {
        static long serial = 1;
        X509* x = x509_.get();
        must(key_ && x != nullptr && X509_set_version(x, 2) == 1);
        must(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++) == 1);
        must(ASN1_TIME_set(X509_getm_notBefore(x), spec.not_before.time_since_epoch().count()) != nullptr);
        must(ASN1_TIME_set(X509_getm_notAfter(x), spec.not_after.time_since_epoch().count()) != nullptr);
        must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1, -1,
                                        0) == 1);
        X509* signer = issuer != nullptr ? issuer->x509_.get() : x;
        must(X509_set_issuer_name(x, X509_get_subject_name(signer)) == 1 && X509_set_pubkey(x, key_.get()) == 1);
        std::string constraints = spec.ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
        if (spec.path_length) {
            constraints += ",pathlen:" + std::to_string(*spec.path_length);
        }
        add_extension(signer, NID_basic_constraints, constraints);
        add_extension(signer, NID_subject_key_identifier, "hash");
        if (!spec.dns_names.empty()) {
            std::string names;
            for (const std::string& name : spec.dns_names) {
                names += (names.empty() ? "DNS:" : ",DNS:") + name;
            }
            add_extension(signer, NID_subject_alt_name, names);
        }
        EVP_PKEY* signing_key = issuer != nullptr ? issuer->key_.get() : key_.get();
        must(X509_sign(x, signing_key, EVP_sha256()) > 0);
    }

    [[nodiscard]] Bytes der() const {
        unsigned char* out = nullptr;
        const int length = i2d_X509(x509_.get(), &out);
        return take(out, length);
    }
    [[nodiscard]] Bytes public_key_der() const {
        unsigned char* out = nullptr;
        const int length = i2d_PUBKEY(key_.get(), &out);
        return take(out, length);
    }
    // The TLSA record of this certificate.
    [[nodiscard]] dns::TlsaData tlsa(int usage, int selector, int matching_type) const {
        dns::TlsaData record{static_cast<std::uint8_t>(usage), static_cast<std::uint8_t>(selector),
                             static_cast<std::uint8_t>(matching_type), selector == 0 ? der() : public_key_der()};
        if (matching_type == 1) {
            const Sha256 digest = sha256(record.association);
            record.association.assign(digest.begin(), digest.end());
        } else if (matching_type == 2) {
            record.association = sha512(record.association);
        }
        return record;
    }

private:
    void add_extension(X509* issuer, int nid, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, x509_.get(), nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
        must(extension != nullptr && X509_add_ext(x509_.get(), extension, -1) == 1);
        X509_EXTENSION_free(extension);
    }
    static Bytes take(unsigned char* data, int length) {
        must(data != nullptr && length > 0);
        Bytes bytes(data, data + length);
        OPENSSL_free(data);
        return bytes;
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> x509_;
};

}  // namespace postseal::test
