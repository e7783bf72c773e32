// TLS for servers: certificates by name from memory (RFC 6066 §3 SNI), ACME's tls-alpn-01 (RFC 8737).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"

struct ssl_ctx_st;

namespace postseal::net {

struct CertificateAndKey {
    std::vector<Bytes> chain_der;  // leaf first
    Bytes key_der;                 // PKCS #8 or the traditional form
};
// PEM blocks in any order of kinds; certificates in the order given. Errors say which block.
Result<CertificateAndKey> certificate_from_pem(std::string_view chain_pem, std::string_view key_pem);

// All certificates that this process can show. Any thread; a handshake holds a shard's lock for one look into a map.
class CertificateStore {
public:
    CertificateStore();
    CertificateStore(const CertificateStore&) = delete;
    CertificateStore& operator=(const CertificateStore&) = delete;
    ~CertificateStore();

    // Visible to the next handshake. Errors: not a certificate, not its key, name not covered by the certificate.
    // Replaces.
    Result<void> set(const dns::Name& name, CertificateAndKey certificate);
    // At start, for what set() once accepted: not parsed, so that a hundred thousand take a second. If it is damaged
    // after all, its handshakes fail.
    void load(const dns::Name& name, CertificateAndKey certificate, TimePoint not_after);
    // The same with a key as the store keeps it: memory holds it sealed, and `open_key` is asked when a handshake needs
    // it. `issuers` from intern(): one chain for all names that share it.
    class Issuers;
    [[nodiscard]] std::shared_ptr<const Issuers> intern(const std::vector<Bytes>& issuers_der);
    using OpenKey = std::function<Result<Bytes>(const std::string& name, ByteView sealed)>;  // DER; any thread
    void set_open_key(OpenKey open_key);                                                     // once, before load()
    void load(const dns::Name& name, Bytes leaf_der, std::shared_ptr<const Issuers> issuers, Bytes sealed_key,
              TimePoint not_after);
    void remove(const dns::Name& name);
    [[nodiscard]] bool contains(const dns::Name& name) const;
    [[nodiscard]] std::optional<TimePoint> not_after(const dns::Name& name) const;
    [[nodiscard]] std::size_t size() const;

    // RFC 8737: shown only to clients whose one ALPN protocol is acme-tls/1.
    Result<void> set_acme_challenge(const dns::Name& name, CertificateAndKey certificate);
    void remove_acme_challenge(const dns::Name& name);

    struct Impl;
    [[nodiscard]] Impl& impl() const { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

struct TlsSettings {
    enum class UnknownName {
        refuse,    // fatal alert unrecognized_name, also without SNI (rule 7, HTTPS-017)
        fallback,  // `fallback`'s certificate (SMTP: STS-061)
    };
    UnknownName unknown_name = UnknownName::refuse;
    dns::Name fallback;
    bool alpn_http = true;       // http/1.1; off for SMTP
    bool acme_tls_alpn = false;  // answer tls-alpn-01 challenges
};

// TLS 1.2 and 1.3, no tickets, no resumption, certificates from `store` (which it keeps alive).
class TlsContext {
public:
    static Result<std::shared_ptr<TlsContext>> make(std::shared_ptr<CertificateStore> store, TlsSettings settings);
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext();
    [[nodiscard]] ssl_ctx_st* native() const { return context_; }

private:
    TlsContext(std::shared_ptr<CertificateStore> store, TlsSettings settings, ssl_ctx_st* context);
    struct Callbacks;
    std::shared_ptr<CertificateStore> store_;
    TlsSettings settings_;
    ssl_ctx_st* context_;
};

}  // namespace postseal::net
