// TLSA records for SMTP (RFC 6698, 7671, 7672): which are usable, under which names to look, whether a chain matches.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/name.h"
#include "dns/record.h"

namespace postseal::dane {

// RFC 7672 §3.1: usages 2 and 3; selectors 0, 1; matching types 0, 1, 2 with data of the right length (RFC 6698 §2.1).
enum class Usability { usable, unusable };
Usability usability(const dns::TlsaData& record);

// What the RRset as a whole asks for (RFC 7672 §2.2).
enum class Demand {
    nothing,         // no records: opportunistic TLS
    encryption,      // records, none usable: TLS without authentication, never clear text
    authentication,  // at least one usable
};
Demand demand(std::span<const dns::TlsaData> rrset);

// RFC 7672 §2.2.2: the fully expanded host name first (only when the whole alias chain is secure), then the MX host
// name.
std::vector<dns::Name> base_domain_candidates(const dns::Name& mx_host, const dns::Name& expanded,
                                              bool chain_is_secure);

// RFC 7672 §2.2.3: _25._tcp.<base domain>.
Result<dns::Name> tlsa_name(const dns::Name& base_domain, std::uint16_t port = 25);

// Reference names for DANE-TA(2) (RFC 7672 §3.2.2, §3.2.3).
struct ReferenceNames {
    dns::Name base_domain;
    std::vector<dns::Name> next_hop;  // the next-hop domain and its CNAME expansion; only when the MX RRset was secure
};

enum class MatchResult {
    matched,
    no_match,       // tlsa-invalid (RFC 8460 §4.3.2.1)
    host_mismatch,  // DANE-TA matched, no name did
    expired,        // DANE-TA matched, a certificate of the chain is out of its dates
    unusable,       // nothing to match against
};
struct Match {
    MatchResult result = MatchResult::unusable;
    std::string record;  // the TLSA text that matched
    std::string detail;  // what OpenSSL said, when nothing did
};
// `chain_der`: what the server sent, leaf first. Digest agility (RFC 7671 §9) applies.
Match match_chain(std::span<const dns::TlsaData> rrset, std::span<const Bytes> chain_der, const ReferenceNames& names,
                  TimePoint now);

}  // namespace postseal::dane
