// The cryptography of ACME (RFC 8555 §6.2, §7.4, §8.1; RFC 7515; RFC 7518 ES256; RFC 7638; RFC 8737): P-256 keys,
// signed requests, thumbprints, key authorizations, CSRs, tls-alpn-01 certificates. Pure, on OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"

struct evp_pkey_st;

namespace postseal::hosting {

// A P-256 key: of an ACME account or of a certificate.
class AcmeKey {
public:
    static Result<AcmeKey> generate();
    static Result<AcmeKey> from_pem(std::string_view pem);  // P-256 only
    [[nodiscard]] std::string to_pem() const;               // PKCS #8
    [[nodiscard]] Bytes to_der() const;                     // PKCS #8

    // The public key as a JWK whose members are in the order of RFC 7638 §3, without blanks.
    [[nodiscard]] std::string jwk() const;
    [[nodiscard]] std::string thumbprint() const;
    // ECDSA over SHA-256, as R || S (RFC 7518 §3.4).
    [[nodiscard]] Result<Bytes> sign(std::string_view text) const;
    [[nodiscard]] bool verify(std::string_view text, ByteView signature) const;

    [[nodiscard]] evp_pkey_st* native() const { return key_.get(); }

private:
    explicit AcmeKey(evp_pkey_st* key);
    std::shared_ptr<evp_pkey_st> key_;
};

// RFC 7638 §3: over a JWK that has exactly the required members in lexicographic order.
std::string jwk_thumbprint(std::string_view canonical_jwk);

// A request body (RFC 8555 §6.2): flattened JSON JWS. `kid` empty: the key itself goes along (newAccount). `payload`
// empty: POST-as-GET (§6.3).
struct JwsHeader {
    std::string url;
    std::string nonce;
    std::string kid;
};
Result<std::string> signed_request(const AcmeKey& key, const JwsHeader& header, std::string_view payload);

// RFC 8555 §7.3.4: the account's public key, signed (HS256) with the key that the CA gave out beforehand.
Result<std::string> external_account_binding(const AcmeKey& account, const std::string& kid, ByteView hmac_key,
                                             const std::string& new_account_url);
// RFC 8555 §7.3.5: the inner request, by which the new key asks for the account.
Result<std::string> key_change_request(const AcmeKey& old_key, const AcmeKey& new_key, const std::string& account_url,
                                       const std::string& key_change_url);

// RFC 8555 §8.1: token "." thumbprint.
std::string key_authorization(std::string_view token, const AcmeKey& account_key);

// A PKCS #10 request for exactly one dNSName, in DER (RFC 8555 §7.4).
Result<Bytes> make_csr(const AcmeKey& key, const dns::Name& host);

// RFC 8737 §3: self-signed, the host's name, and the digest of the key authorization in the critical acmeIdentifier.
Result<Bytes> tls_alpn_certificate(const AcmeKey& key, const dns::Name& host, std::string_view key_authorization,
                                   TimePoint now);

}  // namespace postseal::hosting
