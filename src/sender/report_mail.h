// One report by mail (RFC 8460 §5.3), signed (§3), to one mailto rua: through the operator's submission server, or
// straight to the MX hosts of the mailbox's domain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns/name.h"
#include "net/address_guard.h"
#include "net/certificate.h"
#include "sender/dkim_key.h"
#include "sender/parts.h"
#include "tlsrpt/report.h"

namespace postseal::sender {

// What came of one try to deliver.
struct DeliveryAttempt {
    bool accepted = false;
    bool final_refusal = false;  // asking again changes nothing
    std::string detail;
    bool no_answer = false;  // nobody took the connection, or nothing came of it in time
};

struct ReportMailSettings {
    enum class Route { submission, direct };
    Route route = Route::submission;
    std::string submission;  // "smtp://127.0.0.1:25", see net::parse_submission_url
    std::string password;    // for its user; "" = the one in the URL, if any
    std::string contact;     // From; its domain is the submitter
    std::string bounces_to;  // MAIL FROM; "" = contact
    std::shared_ptr<const net::TrustStore> trust;
    // direct:
    std::string ehlo_name;  // "" = the submitter's
    std::uint16_t smtp_port = 25;
    net::AddressGuard guard;  // a rua is a stranger's word (design rule 20)
};

struct ReportMail {
    tlsrpt::Report report;
    dns::Name policy_domain;
    std::string to;          // addr-spec
    std::string message_id;  // see report_message_id.h
    std::vector<DkimKey>
        keys;  // not empty: a mail is never sent unsigned, since receivers must ignore it (RFC 8460 §3)
};
// On the loop, `done` too. `parts` refers to what outlives the call.
void mail_report(const SenderParts& parts, ReportMailSettings settings, ReportMail mail,
                 std::function<void(DeliveryAttempt)> done);

}  // namespace postseal::sender
