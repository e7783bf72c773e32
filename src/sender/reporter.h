// The report sender: the counts of a day become one report per policy domain, delivered to every rua of its TLSRPT
// record (RFC 8460 §3, §5; design rule 15), by HTTPS POST (§5.4, report_post.h) or signed mail (§5.3, report_mail.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "sender/dkim_key.h"
#include "sender/parts.h"
#include "sender/report_caps.h"
#include "sender/report_mail.h"
#include "tlsrpt/aggregate.h"

namespace postseal::sender {

struct ReporterSettings {
    tlsrpt::Submitter submitter;
    bool rua_all = true;               // every rua gets the report; else the first that works
    bool only_failures = false;        // a report without any is not sent; RFC 8460 §4.2 wants it, as a sign of life
    std::string copy_to;               // a mailbox that gets each report, too; "" = nobody
    bool verify_https_rua = false;     // RFC 8460 §3 lets a sender ignore certificate errors
    ReportMailSettings mail;           // its contact and trust are those of here
    std::optional<DkimIdentity> dkim;  // nothing: there is no contact, and mailto destinations cannot be served
    std::shared_ptr<const net::TrustStore> trust;
    std::uint16_t https_port = 443;  // of an https rua that names none ([lab] rua_port)
    Seconds retry_for{86'400};       // RFC 8460 §5.5: up to a day after the first attempt, then given up
    Seconds retry_first{300};        // doubled with each attempt
    Seconds spread{14'400};          // RFC 8460 §4.1: of the moments after midnight when reports are due
    ReportCaps caps;
    std::size_t domains_at_once = 16;  // a server that hangs holds up no other's report
};

// One element per (domain, rua).
struct DeliveryOutcome {
    dns::Name domain;
    std::string rua;     // as published
    std::string result;  // "sent", "retry", "failed", "already-sent", "suppressed"
    std::string detail;  // why, for people
};

class Reporter {
public:
    Reporter(const SenderParts& parts, ReporterSettings settings);
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;
    ~Reporter();

    // Any thread; `done` on the loop. Delivers the day's reports now; what was accepted or finally refused is never
    // sent again. Runs take turns: one waits until the one before has ended. Errors: refused, when the day is not over
    // or too many runs wait; unavailable, when the store does not answer.
    enum class Scope {
        whole_day,  // every domain of the day
        due,        // whose moment has come and who has not been looked at, and what has to be tried again by now
        retries,    // only what was tried and has to be tried again
    };
    void run(Day day, Scope scope, std::function<void(Result<std::vector<DeliveryOutcome>>)> done);

    // The reports of one domain once more, whatever became of them: the same report under the same report-id, so that a
    // receiver can tell (RFC 8460 §5.3). Else as run().
    void resend(Day day, const dns::Name& domain, std::function<void(Result<std::vector<DeliveryOutcome>>)> done);

    // On the loop: new settings, from the next report on (SIGHUP).
    void reconfigure(ReporterSettings settings);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// What a domain would be told about the day if it ended now; nothing when no session was counted. Blocks on the store.
Result<std::optional<tlsrpt::Report>> report_preview(store::Store& store, Day day, const dns::Name& domain,
                                                     const tlsrpt::Submitter& submitter);
// What report_moment() takes, so that all processes on one store agree. Blocks on the store.
Result<std::string> report_moment_secret(store::Certificates& certificates);

}  // namespace postseal::sender
