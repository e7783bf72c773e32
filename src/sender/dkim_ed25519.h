// The DKIM signature with Ed25519 (RFC 8463) over one message. Written by hand for this one algorithm, since
// libopendkim (2.11.0~beta2, Debian 12 and 13) never frees an Ed25519 key that it has signed with.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "sender/dkim_key.h"

namespace postseal::sender {

// The field "DKIM-Signature: …" with its CRLF, relaxed/relaxed. `message` has CRLF lines and each of its header fields
// once; a name that `fields` holds once more than the message has it is thereby kept out (RFC 6376 §5.4.2).
Result<std::string> ed25519_signature(std::string_view message, const DkimKey& key,
                                      std::span<const std::string_view> fields, TimePoint signed_at);

// RFC 6376 §3.4.2 and §3.4.4.
std::string relaxed_header_field(std::string_view field);  // "name:value", without its CRLF
std::string relaxed_body(std::string_view body);

}  // namespace postseal::sender
