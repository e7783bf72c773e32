#include "dns/dnssec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>

namespace postseal::dns {

namespace {

constexpr std::size_t scalar_bytes = 32;
constexpr std::uint16_t flags_zsk = 256;  // RFC 4034 §2.1.1: a zone key
constexpr std::uint16_t flags_ksk = 257;  // and a secure entry point (RFC 3757)
constexpr std::int64_t backdated_s = 3 * 3600;
constexpr std::uint8_t protocol = 3;  // RFC 4034 §2.1.2

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;

// Out of memory, or an OpenSSL without P-256: no caller could go on.
[[noreturn]] void give_up() {
    std::abort();
}

std::uint16_t key_tag(ByteView rdata) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < rdata.size(); ++i) {
        sum += (i & 1U) != 0 ? rdata[i] : static_cast<std::uint32_t>(rdata[i]) << 8U;
    }
    sum += (sum >> 16U) & 0xffffU;
    return static_cast<std::uint16_t>(sum & 0xffffU);
}

// Labels as RRSIG counts them (RFC 4034 §3.1.3); this zone has no wildcards.
std::uint8_t label_count(ByteView wire) {
    std::uint8_t labels = 0;
    for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at]) {
        ++labels;
    }
    return labels;
}

}  // namespace

std::string_view to_string(KeyRole role) {
    return role == KeyRole::ksk ? "ksk" : "zsk";
}

struct SigningKey::Pair {
    Key key;
};

SigningKey::SigningKey(KeyRole role, std::shared_ptr<const Pair> pair) : role_(role), pair_(std::move(pair)) {
    std::array<std::uint8_t, 1 + 2 * scalar_bytes> point{};
    std::size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(pair_->key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) !=
            1 ||
        size != point.size()) {
        give_up();
    }
    append_u16(dnskey_, role == KeyRole::ksk ? flags_ksk : flags_zsk);
    dnskey_.push_back(protocol);
    dnskey_.push_back(algorithm_ecdsa_p256);
    append(dnskey_, ByteView(point).subspan(1));  // RFC 6605 §4: without the octet that says "uncompressed"
    tag_ = key_tag(dnskey_);
}

SigningKey SigningKey::generate(KeyRole role) {
    auto pair = std::make_shared<Pair>();
    pair->key.reset(EVP_EC_gen("P-256"));
    if (!pair->key) {
        give_up();
    }
    return {role, std::move(pair)};
}

Result<SigningKey> SigningKey::from_private(KeyRole role, ByteView scalar) {
    const Error wrong = invalid_input("DNSSEC key", "not a P-256 private key");
    if (scalar.size() != scalar_bytes) {
        return wrong;
    }
    const std::unique_ptr<EC_GROUP, Freed<EC_GROUP_free>> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    const Number number(BN_secure_new());
    if (!group || !number || BN_bin2bn(scalar.data(), scalar_bytes, number.get()) == nullptr) {
        give_up();
    }
    if (BN_is_zero(number.get()) == 1 || BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0) {
        return wrong;
    }
    const std::unique_ptr<EC_POINT, Freed<EC_POINT_free>> point(EC_POINT_new(group.get()));
    std::array<std::uint8_t, 1 + 2 * scalar_bytes> public_key{};
    if (!point || EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1 ||
        EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, public_key.data(),
                           public_key.size(), nullptr) != public_key.size()) {
        return wrong;
    }
    const std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>> build(OSSL_PARAM_BLD_new());
    if (!build || OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
        OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size()) !=
            1) {
        give_up();
    }
    const std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>> params(OSSL_PARAM_BLD_to_param(build.get()));
    const std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* key = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
        return wrong;
    }
    auto pair = std::make_shared<Pair>();
    pair->key.reset(key);
    return SigningKey(role, std::move(pair));
}

Bytes SigningKey::private_scalar() const {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(pair_->key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &raw) != 1) {
        give_up();
    }
    const Number number(raw);
    Bytes out(scalar_bytes);
    BN_bn2binpad(number.get(), out.data(), scalar_bytes);
    return out;
}

Bytes SigningKey::ds(const Name& zone) const {  // RFC 4034 §5.1.4
    Bytes digested = zone.to_wire();
    append(digested, dnskey_);
    Bytes out;
    append_u16(out, tag_);
    out.push_back(algorithm_ecdsa_p256);
    out.push_back(digest_sha256);
    append(out, sha256(digested));
    return out;
}

Bytes SigningKey::sign(ByteView data) const {
    const Sha256 digest = sha256(data);
    // The digest is at hand: EVP_DigestSign would look its algorithm up once more for each signature.
    const std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context(EVP_PKEY_CTX_new(pair_->key.get(), nullptr));
    std::array<std::uint8_t, 80> der{};
    std::size_t size = der.size();
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()) != 1) {
        give_up();
    }
    const unsigned char* at = der.data();
    const std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>> parsed(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
    Bytes out(2 * scalar_bytes);
    if (!parsed || BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out.data(), scalar_bytes) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out.data() + scalar_bytes, scalar_bytes) < 0) {
        give_up();
    }
    return out;
}

const std::vector<SigningKeyPtr>& Signing::keys_of(Type type) const {
    // RFC 7344 §4.1: CDS and CDNSKEY are signed by a key that the DS records name.
    return type == Type::dnskey || type == Type::cds || type == Type::cdnskey ? key_keys : zone_keys;
}

std::vector<Signature> sign_rrset(const Signing& signing, ByteView owner, Type type, std::uint32_t ttl_s,
                                  std::vector<ByteView> data, ByteView zone) {
    // RFC 4034 §6.3: octets from the left, a missing octet before any other.
    std::sort(data.begin(), data.end(),
              [](ByteView a, ByteView b) { return std::ranges::lexicographical_compare(a, b); });
    const auto now = signing.clock->now().time_since_epoch().count();
    std::uint32_t random = 0;
    for (const std::uint8_t octet : random_bytes(sizeof random)) {
        random = random << 8U | octet;
    }
    const std::int64_t jitter = signing.jitter.count() * static_cast<std::int64_t>(random) / (std::int64_t{1} << 32);
    const auto expires = static_cast<std::uint32_t>(now + signing.validity.count() - jitter);
    std::vector<Signature> out;
    for (const SigningKeyPtr& key : signing.keys_of(type)) {
        Signature made;
        made.tag = key->tag();
        made.expires = expires;
        append_u16(made.rdata, static_cast<std::uint16_t>(type));
        made.rdata.push_back(algorithm_ecdsa_p256);
        made.rdata.push_back(label_count(owner));
        append_u32(made.rdata, ttl_s);
        append_u32(made.rdata, expires);
        append_u32(made.rdata, static_cast<std::uint32_t>(now - backdated_s));
        append_u16(made.rdata, key->tag());
        append(made.rdata, zone);
        Bytes signed_data = made.rdata;  // RFC 4034 §3.1.8.1
        for (const ByteView rdata : data) {
            append(signed_data, owner);
            append_u16(signed_data, static_cast<std::uint16_t>(type));
            append_u16(signed_data, 1);  // IN
            append_u32(signed_data, ttl_s);
            append_u16(signed_data, static_cast<std::uint16_t>(rdata.size()));
            append(signed_data, rdata);
        }
        append(made.rdata, key->sign(signed_data));
        out.push_back(std::move(made));
    }
    return out;
}

Nsec3Hash nsec3_hash(ByteView lower_case_wire) {
    Nsec3Hash hash{};
    SHA1(lower_case_wire.data(), lower_case_wire.size(), hash.data());
    return hash;
}

std::array<char, 32> nsec3_label(const Nsec3Hash& hash) {
    constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuv";
    std::array<char, 32> out{};
    std::size_t at = 0;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const std::uint8_t octet : hash) {
        bits = bits << 8U | octet;
        held += 8;
        while (held >= 5) {
            held -= 5;
            out[at++] = alphabet[(bits >> held) & 0x1fU];
        }
    }
    return out;
}

Bytes type_bitmap(std::vector<Type> types) {
    std::sort(types.begin(), types.end());
    Bytes out;
    std::size_t window_at = 0;
    int window = -1;
    for (const Type type : types) {
        const auto code = static_cast<std::uint16_t>(type);
        if (window != code >> 8) {
            window = code >> 8;
            window_at = out.size();
            out.push_back(static_cast<std::uint8_t>(window));
            out.push_back(0);
        }
        const std::size_t octet = (code & 0xffU) / 8;
        out.resize(std::max(out.size(), window_at + 2 + octet + 1));
        out[window_at + 2 + octet] |= static_cast<std::uint8_t>(0x80U >> (code & 7U));
        out[window_at + 1] = static_cast<std::uint8_t>(out.size() - window_at - 2);
    }
    return out;
}

Bytes nsec3_rdata(const Nsec3Hash& next, ByteView bitmap) {  // RFC 5155 §3.2
    Bytes out{1, 0, 0, 0, 0, static_cast<std::uint8_t>(next.size())};
    append(out, next);
    append(out, bitmap);
    return out;
}

Bytes nsec3param_rdata() {  // RFC 5155 §4.2, RFC 9276 §3.1
    return {1, 0, 0, 0, 0};
}

}  // namespace postseal::dns
