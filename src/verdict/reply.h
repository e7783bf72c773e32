// A Decision in the words of an MTA: the payload of a socketmap reply (Postfix), or a line (Exim, scripts).
// Nothing from a remote policy gets here unvalidated: one bad attribute makes Postfix defer all mail (design rule 13).
#pragma once

#include <string>

#include "verdict/decision.h"

namespace postseal::verdict {

constexpr std::size_t reply_bytes_max = 100'000;  // Postfix: socketmap_max_reply_size

enum class ReplyForm {
    plain,        // map QUERY
    with_tlsrpt,  // map QUERYwithTLSRPT: Postfix ≥ 3.10 attributes
};
struct ReplySettings {
    bool servername = true;  // servername=hostname, so that Postfix sends SNI (RFC 8461 §7.1)
};

// "OK secure match=a:.b servername=hostname …", "OK dane-only", "NOTFOUND ", "TEMP reason". Without the netstring.
std::string socketmap_reply(const Decision& decision, ReplyForm form, const ReplySettings& settings = {});

// `level=secure match=a:.b mode=enforce source=sts expires=EPOCH`, `level=none`, `level=temp reason="…"`; no newline.
std::string line_reply(const Decision& decision);

}  // namespace postseal::verdict
