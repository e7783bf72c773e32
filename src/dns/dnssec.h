// Signing a zone ahead of time: ECDSA P-256 keys (RFC 6605), RRSIG (RFC 4034 §3), DS (RFC 4509), the hashed denial of
// existence with the settings of RFC 9276: no salt, no extra iterations, no opt-out (RFC 5155). Which records there
// are is dns/zone.h's matter; which key is in use when, and where keys are kept, is hosting's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "dns/record.h"

namespace postseal::dns {

enum class KeyRole { zsk, ksk };
std::string_view to_string(KeyRole role);

// One P-256 key pair of a zone. Thread-safe.
class SigningKey {
public:
    static SigningKey generate(KeyRole role);
    // The scalar, 32 octets, as private_scalar() gave it.
    static Result<SigningKey> from_private(KeyRole role, ByteView scalar);

    [[nodiscard]] KeyRole role() const { return role_; }
    [[nodiscard]] Bytes private_scalar() const;
    [[nodiscard]] const Bytes& dnskey() const { return dnskey_; }  // RDATA (RFC 4034 §2, RFC 6605 §4)
    [[nodiscard]] std::uint16_t tag() const { return tag_; }       // RFC 4034 appendix B
    [[nodiscard]] Bytes ds(const Name& zone) const;  // RDATA with SHA-256, as the parent has to publish it
    [[nodiscard]] Bytes sign(ByteView data) const;   // r | s, 64 octets (RFC 6605 §4)

private:
    struct Pair;
    SigningKey(KeyRole role, std::shared_ptr<const Pair> pair);

    KeyRole role_;
    std::shared_ptr<const Pair> pair_;
    Bytes dnskey_;
    std::uint16_t tag_ = 0;
};
using SigningKeyPtr = std::shared_ptr<const SigningKey>;

constexpr std::uint8_t algorithm_ecdsa_p256 = 13;
constexpr std::uint8_t digest_sha256 = 2;

// What a zone is signed with, and for how long.
struct Signing {
    std::vector<SigningKeyPtr> zone_keys;  // sign everything but what key_keys sign
    std::vector<SigningKeyPtr> key_keys;   // sign DNSKEY, CDS and CDNSKEY
    const Clock* clock = nullptr;
    // A signature made now holds from three hours ago (clocks differ) for `validity` less a random share of `jitter`,
    // so that not all fall due at once; one with less than `refresh` left is made anew.
    Seconds validity{14 * 86'400};
    Seconds jitter{2 * 86'400};
    Seconds refresh{5 * 86'400};

    [[nodiscard]] const std::vector<SigningKeyPtr>& keys_of(Type type) const;
};
using SigningPtr = std::shared_ptr<const Signing>;

// Of one RRset by one key.
struct Signature {
    Bytes rdata;  // of the RRSIG
    std::uint16_t tag = 0;
    std::uint32_t expires = 0;  // seconds since 1970; serial arithmetic is only for what is on the wire
};
// `owner`: wire form in lower case; `data`: each record's RDATA in canonical form (RFC 4034 §6.2), in any order.
std::vector<Signature> sign_rrset(const Signing& signing, ByteView owner, Type type, std::uint32_t ttl_s,
                                  std::vector<ByteView> data, ByteView zone);

// RFC 5155 §5 with no salt and no extra iterations.
using Nsec3Hash = std::array<std::uint8_t, 20>;
Nsec3Hash nsec3_hash(ByteView lower_case_wire);
// The label of a hash: base32 with the extended hex alphabet (RFC 4648 §7), 32 characters.
std::array<char, 32> nsec3_label(const Nsec3Hash& hash);
// RFC 4034 §4.1.2. Types in any order.
Bytes type_bitmap(std::vector<Type> types);
Bytes nsec3_rdata(const Nsec3Hash& next, ByteView bitmap);
Bytes nsec3param_rdata();

}  // namespace postseal::dns
