#include "dane/tlsa.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <string>

namespace postseal::dane {

namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// RFC 7672 §3.1.3: PKIX-TA(0) and PKIX-EE(1) are for clients that share a list of trust anchors with the server; SMTP
// clients do not, so we count them as unusable, as Postfix does.
bool known_usage(std::uint8_t usage) {
    return usage == 2 || usage == 3;
}

// RFC 6698 §2.1.3: Full(0) carries the DER itself. What cannot be parsed, or holds no key, can never match.
bool parses_whole(std::uint8_t selector, const Bytes& der) {
    const unsigned char* at = der.data();
    const auto length = static_cast<long>(der.size());
    if (selector == 0) {
        const X509Ptr certificate(d2i_X509(nullptr, &at, length), X509_free);
        return certificate && at == der.data() + der.size() && X509_get0_pubkey(certificate.get()) != nullptr;
    }
    const KeyPtr key(d2i_PUBKEY(nullptr, &at, length), EVP_PKEY_free);
    return key && at == der.data() + der.size();
}

}  // namespace

// RFC 6698 §2.1: unknown parameters, a wrong digest length or empty data make a record unusable, not absent.
Usability usability(const dns::TlsaData& record) {
    if (!known_usage(record.usage) || record.selector > 1) {
        return Usability::unusable;
    }
    bool right_data = false;
    switch (record.matching_type) {
        case 0:
            right_data = parses_whole(record.selector, record.association);
            break;
        case 1:
            right_data = record.association.size() == 32;  // SHA2-256
            break;
        case 2:
            right_data = record.association.size() == 64;  // SHA2-512
            break;
        default:
            break;
    }
    return right_data ? Usability::usable : Usability::unusable;
}

Demand demand(std::span<const dns::TlsaData> rrset) {
    if (rrset.empty()) {
        return Demand::nothing;
    }
    const bool any_usable =
        std::ranges::any_of(rrset, [](const auto& record) { return usability(record) == Usability::usable; });
    return any_usable ? Demand::authentication : Demand::encryption;
}

// RFC 7672 §2.2.2: names in the middle of an alias chain are never base domains.
std::vector<dns::Name> base_domain_candidates(const dns::Name& mx_host, const dns::Name& expanded,
                                              bool chain_is_secure) {
    std::vector<dns::Name> candidates;
    if (chain_is_secure && expanded != mx_host) {
        candidates.push_back(expanded);
    }
    candidates.push_back(mx_host);
    return candidates;
}

Result<dns::Name> tlsa_name(const dns::Name& base_domain, std::uint16_t port) {
    return base_domain.prefixed("_" + std::to_string(port) + "._tcp");
}

}  // namespace postseal::dane
