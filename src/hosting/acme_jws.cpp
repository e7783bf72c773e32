#include "hosting/acme_jws.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/json.hpp>

#include "net/openssl.h"

namespace postseal::hosting {

namespace {

constexpr std::size_t coordinate_bytes = 32;

using net::BioPtr;
using net::X509Ptr;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, net::Freed<EVP_MD_CTX_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, net::Freed<ECDSA_SIG_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, net::Freed<X509_REQ_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, net::Freed<X509_EXTENSION_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, net::Freed<BN_free>>;

Error failed(std::string_view what) {
    return {Errc::internal, std::string(what), net::openssl_error("OpenSSL failed")};
}

bool is_p256(EVP_PKEY* key) {
    std::array<char, 64> group{};
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
           std::string_view(group.data()) == "prime256v1";
}

std::string coordinate(EVP_PKEY* key, const char* which) {
    BIGNUM* raw = nullptr;
    EVP_PKEY_get_bn_param(key, which, &raw);
    const NumberPtr number(raw);
    Bytes bytes(coordinate_bytes);
    if (number) {
        BN_bn2binpad(number.get(), bytes.data(), static_cast<int>(bytes.size()));
    }
    return to_base64url(bytes);
}

ExtensionPtr subject_alt_name(const dns::Name& host) {
    // A Name holds letters, digits, '-', '_' and dots only, so it cannot break out of the extension's syntax.
    return ExtensionPtr(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("critical,DNS:" + host.text()).c_str()));
}

}  // namespace

AcmeKey::AcmeKey(evp_pkey_st* key) : key_(key, EVP_PKEY_free) {}

Result<AcmeKey> AcmeKey::generate() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    if (key == nullptr) {
        return failed("making a key");
    }
    return AcmeKey(key);
}

Result<AcmeKey> AcmeKey::from_pem(std::string_view pem) {
    const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    AcmeKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    if (!key.key_) {
        ERR_clear_error();
        return invalid_input("key", "not a private key in PEM");
    }
    if (!is_p256(key.native())) {
        return invalid_input("key", "not a P-256 key");
    }
    return key;
}

std::string AcmeKey::to_pem() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(bio.get(), native(), nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

Bytes AcmeKey::to_der() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    i2d_PKCS8PrivateKey_bio(bio.get(), native(), nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    const ByteView bytes = as_bytes(std::string_view(data, static_cast<std::size_t>(size)));
    return {bytes.begin(), bytes.end()};
}

std::string AcmeKey::jwk() const {
    return fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})",
                       coordinate(native(), OSSL_PKEY_PARAM_EC_PUB_X), coordinate(native(), OSSL_PKEY_PARAM_EC_PUB_Y));
}

std::string AcmeKey::thumbprint() const {
    return jwk_thumbprint(jwk());
}

Result<Bytes> AcmeKey::sign(std::string_view text) const {
    const ContextPtr context(EVP_MD_CTX_new());
    std::size_t size = 0;
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, native()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) != 1) {
        return failed("signing");
    }
    Bytes der(size);
    if (EVP_DigestSign(context.get(), der.data(), &size, data, text.size()) != 1) {
        return failed("signing");
    }
    const unsigned char* at = der.data();
    const SignaturePtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
    Bytes out(2 * coordinate_bytes);
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), coordinate_bytes) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + coordinate_bytes, coordinate_bytes) < 0) {
        return failed("signing");
    }
    return out;
}

bool AcmeKey::verify(std::string_view text, ByteView signature) const {
    if (signature.size() != 2 * coordinate_bytes) {
        return false;
    }
    const SignaturePtr parsed(ECDSA_SIG_new());
    ECDSA_SIG_set0(parsed.get(), BN_bin2bn(signature.data(), coordinate_bytes, nullptr),
                   BN_bin2bn(signature.data() + coordinate_bytes, coordinate_bytes, nullptr));
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(parsed.get(), &der);
    const ContextPtr context(EVP_MD_CTX_new());
    const bool good = size > 0 && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, native()) == 1 &&
                      EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size),
                                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    OPENSSL_free(der);
    ERR_clear_error();
    return good;
}

std::string jwk_thumbprint(std::string_view canonical_jwk) {
    return to_base64url(sha256(as_bytes(canonical_jwk)));
}

namespace {

// Flattened JSON (RFC 7515 §7.2.2) of a header that is complete; `sign` signs "header.payload".
template <class Sign>
Result<std::string> flattened(const boost::json::object& header, std::string_view payload, Sign sign) {
    const std::string protected_text = to_base64url(as_bytes(boost::json::serialize(header)));
    const std::string payload_text = to_base64url(as_bytes(payload));
    POSTSEAL_TRY(const Bytes signature, sign(protected_text + "." + payload_text));
    return boost::json::serialize(boost::json::object{
        {"protected", protected_text}, {"payload", payload_text}, {"signature", to_base64url(signature)}});
}

}  // namespace

Result<std::string> signed_request(const AcmeKey& key, const JwsHeader& header, std::string_view payload) {
    boost::json::object protected_header{{"alg", "ES256"}, {"nonce", header.nonce}, {"url", header.url}};
    if (header.kid.empty()) {
        protected_header["jwk"] = boost::json::parse(key.jwk());
    } else {
        protected_header["kid"] = header.kid;
    }
    return flattened(protected_header, payload, [&](const std::string& text) { return key.sign(text); });
}

Result<std::string> external_account_binding(const AcmeKey& account, const std::string& kid, ByteView hmac_key,
                                             const std::string& new_account_url) {
    const boost::json::object header{{"alg", "HS256"}, {"kid", kid}, {"url", new_account_url}};
    return flattened(header, account.jwk(), [&](const std::string& text) -> Result<Bytes> {
        Bytes mac(EVP_MAX_MD_SIZE);
        unsigned int size = 0;
        if (HMAC(EVP_sha256(), hmac_key.data(), static_cast<int>(hmac_key.size()),
                 reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size) == nullptr) {
            return failed("signing the external account binding");
        }
        mac.resize(size);
        return mac;
    });
}

Result<std::string> key_change_request(const AcmeKey& old_key, const AcmeKey& new_key, const std::string& account_url,
                                       const std::string& key_change_url) {
    // Without a nonce: the outer request has it.
    const boost::json::object header{
        {"alg", "ES256"}, {"jwk", boost::json::parse(new_key.jwk())}, {"url", key_change_url}};
    const boost::json::object payload{{"account", account_url}, {"oldKey", boost::json::parse(old_key.jwk())}};
    return flattened(header, boost::json::serialize(payload),
                     [&](const std::string& text) { return new_key.sign(text); });
}

std::string key_authorization(std::string_view token, const AcmeKey& account_key) {
    return std::string(token) + "." + account_key.thumbprint();
}

Result<Bytes> make_csr(const AcmeKey& key, const dns::Name& host) {
    const RequestPtr request(X509_REQ_new());
    // An empty subject, so the SAN is critical (RFC 5280 §4.2.1.6); the CN field is too short for long names anyway.
    const ExtensionPtr names = subject_alt_name(host);
    STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
    if (names) {
        sk_X509_EXTENSION_push(extensions, names.get());
    }
    const bool made = names && X509_REQ_set_version(request.get(), 0) == 1 &&
                      X509_REQ_set_pubkey(request.get(), key.native()) == 1 &&
                      X509_REQ_add_extensions(request.get(), extensions) == 1 &&
                      X509_REQ_sign(request.get(), key.native(), EVP_sha256()) > 0;
    sk_X509_EXTENSION_free(extensions);
    unsigned char* der = nullptr;
    const int size = made ? i2d_X509_REQ(request.get(), &der) : 0;
    if (size <= 0) {
        return failed("making a certificate request");
    }
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Result<Bytes> tls_alpn_certificate(const AcmeKey& key, const dns::Name& host, std::string_view key_authorization,
                                   TimePoint now) {
    const X509Ptr certificate(X509_new());
    const auto seconds = static_cast<std::time_t>(now.time_since_epoch().count());
    const ExtensionPtr names = subject_alt_name(host);
    // id-pe-acmeIdentifier ::= OCTET STRING (SIZE (32)), RFC 8737 §3
    const std::string identifier = "critical,DER:0420" + to_hex(sha256(as_bytes(key_authorization)));
    ASN1_OBJECT* oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    const int nid = OBJ_obj2nid(oid) != NID_undef
                        ? OBJ_obj2nid(oid)
                        : OBJ_create("1.3.6.1.5.5.7.1.31", "acmeIdentifier", "ACME Identifier");
    ASN1_OBJECT_free(oid);
    const ExtensionPtr digest(X509V3_EXT_conf_nid(nullptr, nullptr, nid, identifier.c_str()));
    X509* raw = certificate.get();
    const bool made = names && digest && X509_set_version(raw, 2) == 1 &&
                      ASN1_INTEGER_set(X509_get_serialNumber(raw), 1) == 1 &&
                      ASN1_TIME_set(X509_getm_notBefore(raw), seconds - 3600) != nullptr &&
                      ASN1_TIME_set(X509_getm_notAfter(raw), seconds + 7 * 86'400) != nullptr &&
                      X509_set_pubkey(raw, key.native()) == 1 && X509_add_ext(raw, names.get(), -1) == 1 &&
                      X509_add_ext(raw, digest.get(), -1) == 1 && X509_sign(raw, key.native(), EVP_sha256()) > 0;
    if (!made) {
        return failed("making the tls-alpn-01 certificate");
    }
    return net::to_der(raw);
}

}  // namespace postseal::hosting
