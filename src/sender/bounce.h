// What a delivery status notification about a mailed report means for the reports to come.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "sender/report_message_id.h"
#include "tlsrpt/delivery_status.h"

namespace postseal::sender {

constexpr std::chrono::days bounce_suppresses{7};  // then the mailbox gets one more try
constexpr std::chrono::days bounce_accepted_for{
    14};  // after the report was sent: RFC 5321 §4.5.4.1 gives up after days

struct BounceVerdict {
    std::optional<std::string> mailbox;  // to be suppressed, canonical (suppression.h)
    std::string reason;                  // for people: what failed, or why nothing is to be done
};

// Only a permanent failure of the very mailbox that one of our reports went to counts: the notification names the
// report by a Message-ID that we made for that mailbox.
BounceVerdict judge_bounce(const tlsrpt::DeliveryStatus& status, const ReportMessageIds& ids, TimePoint now);

}  // namespace postseal::sender
