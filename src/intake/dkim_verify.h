// The DKIM signatures of a mailed report, verified (RFC 6376; RFC 8460 §3: without a valid one a report is not taken),
// by libopendkim, with keys that the caller looks up.
//
// What RFC 8460 asks beyond RFC 6376: no l= tag, since a report's body could otherwise be followed by another one; and
// keys of the service type "tlsrpt", which libopendkim would refuse as "not for e-mail".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/name.h"

namespace postseal::intake {

// What DNS has at SELECTOR._domainkey.DOMAIN.
struct DkimKeyAnswer {
    enum class Status { found, none, unknown };  // unknown: nobody answered, or the zone is bogus
    Status status = Status::none;
    std::vector<std::string> texts;  // the TXT records, each joined
    std::string why;                 // unknown: what happened
};
using DkimKeyLookup = std::function<DkimKeyAnswer(const dns::Name&)>;

struct DkimSignature {
    enum class State { good, bad, unknown };  // unknown: the key could not be asked for, try again later
    State state = State::bad;
    dns::Name domain;                      // d=
    std::string selector;                  // s=, printable
    std::string why;                       // not good: one English sentence
    std::vector<std::string> covers = {};  // h=: names of header fields in lower case
};

struct DkimRules {
    bool only_tlsrpt_keys = false;  // RFC 8460 §3: keys without s=tlsrpt MAY be refused
    std::size_t signatures_max = 5;
};

// Every signature of the message (CRLF lines), in order. Empty: there is none. May block in `look_up`, which is called
// once for each key at most. `now` is the moment for t= and x= (RFC 6376 §3.5): when the mail came.
std::vector<DkimSignature> verify_dkim(std::string message, TimePoint now, const DkimKeyLookup& look_up,
                                       const DkimRules& rules = {});

// A key record as libopendkim may see it, or why it does not count for reports (RFC 6376 §3.6.1, RFC 8460 §3).
struct DkimKeyRecord {
    std::string text;
    std::string why;  // empty when text counts
};
DkimKeyRecord key_record_for_reports(const std::vector<std::string>& texts, bool only_tlsrpt_keys);

}  // namespace postseal::intake
