// EC_KEY is deprecated since OpenSSL 3.0, where everything goes through providers: a key that comes from
// d2i_PrivateKey() costs 150 us, d2i_X509() another 150, nearly all of it to find a decoder for the public key. Of a
// hundred thousand names few are asked for twice in a row, so this is paid in most handshakes, of which the rest costs
// 300. A version without EC_KEY would take the slow way at the end of this file, for every key.
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

// The two forms of a P-256 key with its public key, all that stands around the two: ECPrivateKey (RFC 5915), as PKCS #8
// (RFC 5958) holds it and by itself.
constexpr std::array<std::uint8_t, 36> pkcs8_head = {
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20};
constexpr std::array<std::uint8_t, 7> ec_head = {0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20};
constexpr std::array<std::uint8_t, 12> ec_curve = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                                   0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 5> public_head = {0xa1, 0x44, 0x03, 0x42, 0x00};
constexpr std::size_t private_bytes = 32;
constexpr std::size_t public_bytes = 65;  // SEC 1 §2.3.3, uncompressed

bool take(ByteView& der, ByteView expected) {
    if (der.size() < expected.size() || !std::equal(expected.begin(), expected.end(), der.begin())) {
        return false;
    }
    der = der.subspan(expected.size());
    return true;
}

// Made once: to make the group costs 15 us, to copy it one.
const EC_GROUP* p256() {
    static const EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    return group;
}

// OpenSSL's own method under another address. A key that has it is "foreign": OpenSSL signs with it as it is, where it
// would first hand a copy of every other key to a provider, twice 25 us in a handshake.
const EC_KEY_METHOD* as_it_is() {
    static const EC_KEY_METHOD* const method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    return method;
}

// Null for any other kind of key.
KeyPtr p256_key(ByteView der) {
    const bool pkcs8 = take(der, pkcs8_head);
    if (!pkcs8 && !take(der, ec_head)) {
        return nullptr;
    }
    if (der.size() < private_bytes) {
        return nullptr;
    }
    const ByteView secret = der.first(private_bytes);
    der = der.subspan(private_bytes);
    if ((!pkcs8 && !take(der, ec_curve)) || !take(der, public_head) || der.size() != public_bytes) {
        return nullptr;
    }
    const std::unique_ptr<EC_KEY, FreeEcKey> made(EC_KEY_new());
    KeyPtr key(EVP_PKEY_new());
    if (!made || !key || EC_KEY_set_method(made.get(), as_it_is()) != 1 || EC_KEY_set_group(made.get(), p256()) != 1 ||
        EC_KEY_oct2priv(made.get(), secret.data(), secret.size()) != 1 ||
        EC_KEY_oct2key(made.get(), der.data(), der.size(), nullptr) != 1 ||
        EVP_PKEY_set1_EC_KEY(key.get(), made.get()) != 1) {
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
    out.key = p256_key(key_der);
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
