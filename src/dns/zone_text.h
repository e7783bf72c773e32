// Records in the text of zone files (RFC 1035 §5), as far as configuration needs it: root hints and trust anchors. No
// directives ($ORIGIN, $TTL, $INCLUDE), no relative names: every name counts as complete, with or without its final
// dot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/record.h"

namespace postseal::dns {

constexpr std::size_t zone_text_bytes_max = 1024 * 1024;
constexpr std::size_t zone_text_records_max = 10'000;

// `NAME [TTL] [CLASS] TYPE DATA` per line, TTL and class in either order, a missing TTL is 0; a line that begins with a
// blank has the name of the one before; `;` begins a comment; parentheses join lines; strings may be quoted and
// escaped. The first error ends it: "FILE:12: MX: preference: not a number from 0 to 65535" with `file` for FILE.
Result<std::vector<Record>> parse_zone_text(std::string_view text, std::string_view file);

// One record's data from its words (quotes and escapes already resolved). A, AAAA, NS, CNAME, PTR, MX, SOA, TXT, CAA,
// TLSA; DS and DNSKEY become OtherData; any type as `\# LENGTH HEX` (RFC 3597 §5).
Result<Data> data_from_text(Type type, const std::vector<std::string>& words);

// The addresses of the name servers of the root that a hints file names; at least one.
Result<std::vector<IpAddress>> parse_root_hints(std::string_view text, std::string_view file);

// DS and DNSKEY records of any zones; at least one, and nothing else.
Result<std::vector<Record>> parse_trust_anchors(std::string_view text, std::string_view file);

}  // namespace postseal::dns
