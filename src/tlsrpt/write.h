// Writing reports exactly as RFC 8460 asks: JSON (§4.4), gzip (§5.2), file name (§5.1), mail (§5.3).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/name.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

// I-JSON (RFC 7493): valid UTF-8, unique names, counts at most 2^53-1. Every string is repaired to valid UTF-8.
std::string to_json(const Report& report);
Bytes gzip(ByteView bytes);

struct Envelope {
    dns::Name submitter;      // the domain of contact-info
    dns::Name policy_domain;  // to whom the report speaks
    std::string from;         // addr-spec
    std::string to;           // addr-spec
    TimePoint date;
    std::string message_id;  // without <>
};
// "submitter!policy-domain!begin!end!unique.json.gz"
std::string file_name(const Report& report, const Envelope& envelope, std::string_view unique);
// multipart/report; report-type=tlsrpt, CRLF line ends, TLS-Required: No, Auto-Submitted; unsigned.
Result<std::string> to_mail(const Report& report, const Envelope& envelope);

}  // namespace postseal::tlsrpt
