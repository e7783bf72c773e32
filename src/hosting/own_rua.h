// The owner's own addresses for TLS reports (RFC 8460 §3), published in _smtp._tls after ours. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postseal::hosting {

constexpr std::size_t own_rua_max = 8;
// All of them together: the record stays well within one UDP answer (RFC 6891 §6.2.5).
constexpr std::size_t own_rua_bytes_max = 700;

// One address as a person gives it: a mailto: or https: URI, or a bare mailbox, which becomes a mailto:. The URI as it
// is published, ',' '!' and ';' %-encoded (RFC 8460 §3).
Result<std::string> read_own_rua(std::string_view text);
// Duplicates are dropped; an error names the one that is wrong.
Result<std::vector<std::string>> read_own_ruas(const std::vector<std::string>& texts);

}  // namespace postseal::hosting
