// What can be wrong with a server's certificate, and what people want to know about one (RFC 5280, 6125, 9525).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"

struct x509_store_st;  // OpenSSL's X509_STORE
struct ssl_ctx_st;
struct ssl_st;

namespace postseal::net {

enum class CertificateError {
    none,
    expired,
    not_yet_valid,
    host_mismatch,  // no SAN dNSName covers the host; the subject's CN is never looked at (STS-046, HTTPS-004)
    untrusted,      // no chain to a trusted root, self-signed, wrong purpose, missing
    other,          // the handshake failed before any certificate counted: alert, no shared version, garbage
};
std::string_view to_string(CertificateError error);
// X509_V_ERR_… → what it means for us.
CertificateError certificate_error(long openssl_verify_result);

struct CertificateSummary {
    std::vector<std::string> names;  // SAN dNSNames, as written; printable
    std::string subject;             // one line, printable
    std::string issuer;
    TimePoint not_before;
    TimePoint not_after;
    friend bool operator==(const CertificateSummary&, const CertificateSummary&) = default;
};
Result<CertificateSummary> summarize_certificate(ByteView der);

// The roots we trust, read once (a bundle takes milliseconds to parse). Shared by threads.
class TrustStore {
public:
    // PEM bundle. Errors: unreadable, no certificate in it.
    static Result<std::shared_ptr<const TrustStore>> load(const std::string& ca_file);
    static Result<std::shared_ptr<const TrustStore>> from_pem(std::string_view pem);
    TrustStore(const TrustStore&) = delete;
    TrustStore& operator=(const TrustStore&) = delete;
    ~TrustStore();

    [[nodiscard]] x509_store_st* native() const { return store_; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    TrustStore(x509_store_st* store, std::size_t size) : store_(store), size_(size) {}
    x509_store_st* store_;
    std::size_t size_;
};

// PKIX check of a chain that was received earlier (leaf first): dates at `now`, roots, and, unless the root name is
// given, that a SAN dNSName covers `host` (whole-label wildcards only, STS-047).
CertificateError verify_chain(std::span<const Bytes> chain_der, const TrustStore& trust, const dns::Name& host,
                              TimePoint now, std::string* detail = nullptr);

}  // namespace postseal::net
