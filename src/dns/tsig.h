// Messages signed with a shared secret (TSIG, RFC 8945): what secondaries and their primary prove themselves with. Who
// may do what with which key is the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"

namespace postseal::dns {

enum class TsigAlgorithm { hmac_sha256, hmac_sha384, hmac_sha512 };  // RFC 8945 §6: those that should be used
Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text);   // "hmac-sha256"

struct TsigKey {
    Name name;
    TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
    Bytes secret;
};

enum class TsigFault : std::uint16_t { none = 0, formerr = 1, badsig = 16, badkey = 17, badtime = 18 };

// The TSIG of a message that came in.
struct TsigCheck {
    TsigFault fault = TsigFault::none;
    const TsigKey* key = nullptr;  // none with formerr and badkey
    Bytes mac;                     // of this message; the answer's signature covers it
    Bytes stripped;                // the message without the TSIG, with its original id
    Bytes key_name;                // as it came, for the error answer
    Bytes algorithm_name;
    std::uint64_t time_signed = 0;
};
// None: the message carries no TSIG. Anything of a hostile shape is formerr.
std::optional<TsigCheck> check_tsig(ByteView message, const std::vector<TsigKey>& keys, TimePoint now);
// The same of an answer to a message of ours, whose signature covers our `request_mac`.
std::optional<TsigCheck> check_tsig_answer(ByteView message, const std::vector<TsigKey>& keys, TimePoint now,
                                           ByteView request_mac);

// Appends a TSIG to a finished message and returns its MAC. `prior_mac`: of the request, or of the message before in
// a transfer; empty for a request. In a transfer all messages but the first cover only the timers (RFC 8945 §5.3.1).
enum class TsigCover { all, timers };
Bytes sign_tsig(Bytes& message, const TsigKey& key, ByteView prior_mac, TimePoint now, TsigCover cover = TsigCover::all,
                const TsigCheck* badtime_of = nullptr);

// RFC 8945 §5.2: the answer to a message whose TSIG is not good: NOTAUTH, with an unsigned TSIG that says why, or a
// signed one when only the clocks differ.
Bytes tsig_refusal(ByteView message, const TsigCheck& check, TimePoint now);

}  // namespace postseal::dns
