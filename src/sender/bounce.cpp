#include "sender/bounce.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sender/suppression.h"

namespace postseal::sender {

namespace {

struct Ours {
    std::string mailbox;
    TimePoint sent;
};

// The mailbox that the report went to, by either name. Where it stands for others and one of those is all that is
// named, another mailbox than ours failed.
std::optional<Ours> ours(const std::string& id, const tlsrpt::RecipientStatus& recipient, const ReportMessageIds& ids) {
    for (const std::string& address : {recipient.original_recipient, recipient.final_recipient}) {
        const Result<std::string> mailbox = suppression_target(address);
        if (!mailbox || mailbox->find('@') == std::string::npos) {
            continue;
        }
        if (const auto sent = ids.sent_at(id, *mailbox)) {
            return Ours{*mailbox, *sent};
        }
    }
    return std::nullopt;
}

}  // namespace

BounceVerdict judge_bounce(const tlsrpt::DeliveryStatus& status, const ReportMessageIds& ids, TimePoint now) {
    for (const tlsrpt::RecipientStatus& recipient : status.recipients) {
        const std::optional<Ours> report = ours(status.message_id, recipient, ids);
        if (!report) {
            continue;
        }
        if (report->sent > now + std::chrono::days(1) || report->sent + bounce_accepted_for < now) {
            return {{}, fmt::format("the report to {} was sent too long ago", report->mailbox)};
        }
        if (!recipient.permanent_failure()) {
            return {{},
                    fmt::format("{}: {} {}, which is not final", report->mailbox, recipient.action, recipient.status)};
        }
        return {report->mailbox, fmt::format("bounce: {}{}{}", recipient.status,
                                             recipient.diagnostic.empty() ? "" : ": ", recipient.diagnostic)};
    }
    return {{}, "it names no report that was sent from here to that mailbox"};
}

}  // namespace postseal::sender
