// A certificate and its key as OpenSSL wants them for one handshake, made from DER cheaply (includes OpenSSL; tls.cpp).
#pragma once

#include "base/bytes.h"
#include "net/openssl.h"

namespace postseal::net {

struct ServedCertificate {
    X509Ptr leaf;
    KeyPtr key;
};

// For what was checked before: that the key is the certificate's is not looked at again. Null members on damage.
// P-256 keys (RFC 5915, also in PKCS #8) are quick; any other key works.
ServedCertificate serve_certificate(ByteView leaf_der, ByteView key_der);

}  // namespace postseal::net
