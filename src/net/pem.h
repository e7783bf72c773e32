// PEM (RFC 7468) without OpenSSL, for a hundred thousand certificates at a start. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace postseal::net {

// The content of the first block of `text`, which is shortened to what follows it. Nothing when there is none, or it is
// no base64. Labels are not looked at: whoever reads this has written it.
std::optional<Bytes> take_pem_block(std::string_view& text);

}  // namespace postseal::net
