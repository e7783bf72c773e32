// EC_KEY is deprecated since OpenSSL 3.0, where everything goes through providers: a key that comes from
// d2i_PrivateKey() costs 150 us, d2i_X509() another 150, nearly all of it to find a decoder for the public key. Of a
// hundred thousand names few are asked for twice in a row, so this is paid in most handshakes, of which the rest costs
// 300.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "net/served_certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>

namespace postseal::net {

namespace {

struct FreeEcKey {
    void operator()(EC_KEY* key) const { EC_KEY_free(key); }
};

// A library context without algorithms: in it a certificate is parsed and its public key left alone.
OSSL_LIB_CTX* without_decoders() {
    static OSSL_LIB_CTX* const context = [] {
        OSSL_LIB_CTX* made = OSSL_LIB_CTX_new();
        if (made != nullptr && OSSL_PROVIDER_load(made, "null") == nullptr) {
            OSSL_LIB_CTX_free(made);
            made = nullptr;
        }
        return made;
    }();
    return context;
}

// PKCS #8 of a P-256 key (RFC 5958): what comes before its ECPrivateKey (RFC 5915), which names no curve itself.
constexpr std::array<std::uint8_t, 29> p256_pkcs8 = {0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07,
                                                     0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
                                                     0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d};

// RFC 5915: SEQUENCE, INTEGER 1, OCTET STRING. PKCS #8 and PKCS #1 begin SEQUENCE, INTEGER 0.
bool is_ec_private_key(ByteView der) {
    return der.size() > 5 && der[0] == 0x30 && der[1] < 0x80 && der[2] == 0x02 && der[3] == 1 && der[4] == 1 &&
           der[5] == 0x04;
}

// Null for any other kind of key.
KeyPtr ec_key(ByteView der) {
    std::unique_ptr<EC_KEY, FreeEcKey> parsed;
    if (der.size() > p256_pkcs8.size() && std::equal(p256_pkcs8.begin(), p256_pkcs8.end(), der.begin())) {
        parsed.reset(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
        der = der.subspan(p256_pkcs8.size());
    } else if (!is_ec_private_key(der)) {
        return nullptr;
    }
    EC_KEY* into = parsed.release();
    const unsigned char* at = der.data();
    // One that was there is filled; on failure it is freed only where d2i had made it.
    EC_KEY* made = d2i_ECPrivateKey(into != nullptr ? &into : nullptr, &at, static_cast<long>(der.size()));
    parsed.reset(made != nullptr ? made : into);
    KeyPtr key(made != nullptr ? EVP_PKEY_new() : nullptr);
    if (!key || EVP_PKEY_set1_EC_KEY(key.get(), parsed.get()) != 1) {
        return nullptr;
    }
    return key;
}

ServedCertificate quick(ByteView leaf_der, ByteView key_der) {
    OSSL_LIB_CTX* context = without_decoders();
    if (context == nullptr) {
        return {};
    }
    ServedCertificate out;
    out.key = ec_key(key_der);
    X509* leaf = out.key ? X509_new_ex(context, nullptr) : nullptr;
    const unsigned char* at = leaf_der.data();
    // On failure d2i frees it and says null.
    if (leaf == nullptr || d2i_X509(&leaf, &at, static_cast<long>(leaf_der.size())) == nullptr) {
        return {};
    }
    out.leaf.reset(leaf);
    // The public key of the pair: the same bytes, since the pair was checked; what goes out is the encoding that came
    // in.
    if (X509_set_pubkey(leaf, out.key.get()) != 1) {
        return {};
    }
    return out;
}

}  // namespace

ServedCertificate serve_certificate(ByteView leaf_der, ByteView key_der) {
    ServedCertificate out = quick(leaf_der, key_der);
    if (!out.leaf || !out.key) {
        const unsigned char* at = leaf_der.data();
        out.leaf.reset(d2i_X509(nullptr, &at, static_cast<long>(leaf_der.size())));
        at = key_der.data();
        out.key.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(key_der.size())));
    }
    ERR_clear_error();
    return out;
}

}  // namespace postseal::net
