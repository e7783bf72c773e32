// The Message-ID of a mailed report, which proves itself: a notification that brings one back was caused by a report
// that we sent to that mailbox, since nobody else can make one. So no stranger can have a mailbox suppressed by writing
// notifications of failures that never were.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "dns/name.h"
#include "store/certificates.h"

namespace postseal::sender {

class ReportMessageIds {
public:
    explicit ReportMessageIds(Bytes key) : key_(std::move(key)) {}
    // With the key that the store keeps sealed, made at first use.
    static Result<ReportMessageIds> open(store::Certificates& certificates);

    // "TIME.NONCE.MAC@SUBMITTER", without <>. `mailbox` is an addr-spec.
    [[nodiscard]] std::string make(std::string_view mailbox, const dns::Name& submitter, TimePoint now) const;
    // When a report under this id was sent to the mailbox; nothing for an id that we have not made for it.
    [[nodiscard]] std::optional<TimePoint> sent_at(std::string_view id, std::string_view mailbox) const;

private:
    [[nodiscard]] std::string mac(std::string_view time_and_nonce, std::string_view mailbox) const;

    Bytes key_;
};

}  // namespace postseal::sender
