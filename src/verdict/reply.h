// A Decision in the words of an MTA: the payload of a socketmap reply (Postfix), or a line (Exim, scripts).
// Nothing from a remote policy gets here unvalidated: one bad attribute makes Postfix defer all mail (design rule 13).
#pragma once

#include <string>
#include <vector>

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

// Which of these MX hosts mail for `domain` may go to, for an MTA that cannot compare mx patterns itself (Exim):
// `level=secure hosts=a:b refused=c source=sts`, in the order given; no newline. At other levels the policy restricts
// no host. What is no host name is refused and not named.
std::string mx_line_reply(const Decision& decision, const dns::Name& domain, const std::vector<std::string>& hosts);

}  // namespace postseal::verdict
