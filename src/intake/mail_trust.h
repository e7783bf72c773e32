// Whether a mailed report counts, and for how much (design rule 18; RFC 8460 §3). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "intake/dkim_verify.h"
#include "intake/submitters.h"
#include "store/reports.h"
#include "tlsrpt/read.h"
#include "tlsrpt/report.h"

namespace postseal::intake {

struct MailTrust {
    enum class Outcome { counts, does_not_count, try_later };
    Outcome outcome = Outcome::does_not_count;
    store::Trust trust = store::Trust::unverified;  // counts: aligned or known
    std::string reason;                             // does_not_count: "unsigned", "bad-signature", "not-aligned"
    std::string why;                                // of both, for people
    DkimSignature signature;                        // counts: the one that was believed
    dns::Name submitter;                            // counts: whom it speaks for
};

// The submitter is the domain of contact-info (RFC 8460 §4.4, §5.3); where there is none, of TLS-Report-Submitter, then
// of From. d= of a good signature, the domain of From and every submitter that is named must lie in one registrable
// domain: whoever signs may speak for the domains that he has registered, and for nobody else.
MailTrust trust_of_mail(const tlsrpt::Report& report, const tlsrpt::MailHeaders& mail,
                        const std::vector<DkimSignature>& signatures, const Submitters& submitters);

// The message without those header fields that are read for what a report is about and that the signature does not
// cover: anybody who has a signed report could send it again with others. `covers` as in DkimSignature.
std::string without_uncovered_fields(std::string_view message, const std::vector<std::string>& covers);

// How many From fields the message has. RFC 5322 §3.6: one; of several, readers and verifiers take different ones.
std::size_t from_fields(std::string_view message);

std::optional<dns::Name> domain_of_mailbox(std::string_view mailbox);

}  // namespace postseal::intake
