// DKIM signatures of mailed reports (RFC 6376; RFC 8460 §3: every mailed report carries one), by libopendkim but for
// Ed25519 (dkim_ed25519.h).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sender/dkim_key.h"

namespace postseal::sender {

// The message (CRLF lines) with one DKIM-Signature for each key on top, the first key's first. relaxed/relaxed,
// SHA-256, no l= tag (RFC 8460 §3 forbids it). Every signature is over the message as it was: none covers another.
// Takes a millisecond or so: for the work pool.
Result<std::string> dkim_signed(const std::string& message, const std::vector<DkimKey>& keys);

}  // namespace postseal::sender
