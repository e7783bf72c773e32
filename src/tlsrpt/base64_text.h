// base64 as it arrives: with strays, without padding, padded in the middle (where base::from_base64 would rightly
// refuse).
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace postseal::tlsrpt {

struct LenientBase64 {
    Bytes bytes;
    std::size_t strays = 0;  // characters that are neither base64 nor line ends and blanks
};
// RFC 2045 §6.8: characters outside the alphabet are ignored.
LenientBase64 from_base64_leniently(std::string_view text);

// True when text begins as gzip, zip or JSON do in base64.
bool looks_like_base64_of_report(std::string_view text);

}  // namespace postseal::tlsrpt
