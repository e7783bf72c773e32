// OpenSSL's objects with owners, for the .cpp files of net.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "net/certificate.h"

namespace postseal::net {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
struct FreeX509Stack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using X509StackPtr = std::unique_ptr<STACK_OF(X509), FreeX509Stack>;

// The last error's reason, and an empty error queue; `otherwise` when there is none.
std::string openssl_error(std::string_view otherwise);

// Null unless all of `der` is one certificate.
X509Ptr parse_x509(ByteView der);
Bytes to_der(const X509* certificate);
// To parse a certificate once more costs a quarter of a millisecond (OpenSSL 3.0 decodes its key).
Result<CertificateSummary> summarize_certificate(const X509* certificate);

// PKIX for a TLS server: dates at `at` (default: now), roots, and unless `host` is empty a SAN that covers it, a name
// or an IP address. X509_V_OK or X509_V_ERR_….
int verify_certificate(X509* leaf, STACK_OF(X509) * untrusted, const TrustStore& trust, const std::string& host,
                       std::optional<TimePoint> at = std::nullopt);

}  // namespace postseal::net
