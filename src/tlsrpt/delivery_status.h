// Delivery status notifications (RFC 3464): which recipients of which message failed, and why. All of it is a
// stranger's word: anybody can write such a mail. Whoever acts on it has to know the message by its Message-ID.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postseal::tlsrpt {

// Per-recipient fields (RFC 3464 §2.3); texts are printable and short, "" where a field is absent.
struct RecipientStatus {
    std::string original_recipient;  // addr-spec, of type rfc822 or utf-8
    std::string final_recipient;
    std::string action;      // in lower case: failed, delayed, delivered, relayed, expanded
    std::string status;      // "5.1.1" (RFC 3463)
    std::string diagnostic;  // what the remote server said

    // RFC 3464 §2.3.3, RFC 3463 §2: it was given up, and trying again without a change will not help.
    [[nodiscard]] bool permanent_failure() const { return action == "failed" && status.starts_with("5."); }
};

struct DeliveryStatus {
    std::string message_id;  // of the message that is spoken of, without <>; "" where none of it was returned
    std::vector<RecipientStatus> recipients;  // at least one
};

struct DeliveryStatusLimits {
    std::size_t mail_bytes_max = std::size_t{16} << 20;
    std::size_t recipients_max = 10;  // a report has one
};

// Errors: limit_exceeded; invalid_input: no mail, or none that holds a delivery status.
Result<DeliveryStatus> read_delivery_status(std::string_view mail, const DeliveryStatusLimits& limits = {});

}  // namespace postseal::tlsrpt
