// The leaves of a mail that may carry a report (RFC 8460 §5.3), whatever gateways and forwarders did to it. Nothing is
// decided here about their contents.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tlsrpt/deviations.h"
#include "tlsrpt/read.h"

namespace postseal::tlsrpt {

// True when a line near the beginning is a well-known header field, or the first one is mbox's "From ".
bool looks_like_mail(std::string_view bytes);

struct MailPart {
    std::string media_type;  // in lower case; empty when the part does not say
    std::string file_name;
    bool is_attachment = false;
    bool in_tls_report = false;        // directly in a multipart/report; report-type=tlsrpt
    bool in_attached_message = false;  // of a message/rfc822 in the mail
    Bytes content;                     // decoded
    std::size_t base64_strays = 0;
    std::shared_ptr<const MailHeaders> headers;  // of the innermost message around
};

struct Mail {
    MailHeaders headers;  // of the outermost message
    std::vector<MailPart> parts;
    Deviations deviations;
    bool cut_short = false;  // parts beyond the limits were left out
};
// One mail, or several when the bytes are an mbox. Errors: limit_exceeded, invalid_input (no mail after all).
Result<std::vector<Mail>> read_mails(std::string_view bytes, const ReadLimits& limits);

// The same without what stands before the first well-known header field; empty when there is nothing to leave out.
std::string_view without_banner(std::string_view bytes);

}  // namespace postseal::tlsrpt
