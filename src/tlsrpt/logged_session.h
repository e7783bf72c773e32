// A TLS session as an MTA's log tells of it: enough for a TLS report (RFC 8460 §4.3), but for the policy itself, which
// no log holds.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "dns/name.h"
#include "tlsrpt/datagram.h"
#include "tlsrpt/result_type.h"

namespace postseal::tlsrpt {

// What the line gives away about the policy that the session was held to; which one it was is not logged.
enum class HeldTo {
    nothing,  // the MTA went on without asking who the server is: TLS was opportunistic
    dane,     // it compared the certificate with TLSA records
    webpki,   // it found fault with a certificate in a way that names no TLSA record
    unknown,  // it may have been held to a policy, or not
};

struct LoggedSession {
    TimePoint at;      // when it was known how it ended; it counts on that day
    dns::Name domain;  // of the recipient
    std::string host;  // the MX host; "" when the log does not name it
    std::string address;
    std::optional<ResultType> failure;  // RFC 8460 §4.3
    std::string reason;                 // failure-reason-code; may be empty
    HeldTo held_to = HeldTo::unknown;
    std::string own_address;  // of the sending MTA; "" when the log does not name it
    // Of the message, without <>, where it may be that of a report of ours (looks_like_report_id); else "".
    std::string message_id{};
    friend bool operator==(const LoggedSession&, const LoggedSession&) = default;
};

// As a datagram would have told it, under that policy; without a TLSRPT record, which the log does not hold.
Session as_session(const LoggedSession& logged, PolicyResult policy);

}  // namespace postseal::tlsrpt
