// OpenSSL's objects with owners, for the .cpp files of net.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "dns/name.h"

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

// The name that a certificate must cover by its SAN, in any verification.
void require_host(X509_VERIFY_PARAM* parameters, const dns::Name& host);

}  // namespace postseal::net
