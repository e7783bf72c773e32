// One datagram of the libtlsrpt protocol (from Postfix ≥ 3.10): one delivery attempt. Lenient where senders differ,
// strict where counting would be wrong.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/name.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

struct SessionPolicy {
    PolicyResult policy;  // counts are 0/1; failures have sessions = 1
    bool failed = false;  // `f`: the final result, independent of the number of failure details
};
struct Session {
    dns::Name domain;    // `d`, as A-labels
    std::string record;  // `pr`, the raw TLSRPT record
    std::vector<SessionPolicy> policies;
    bool protocol_version_known = true;  // dpv is "1", or absent as from libtlsrpt before 0.5
};
// Errors (→ counted as rejected): not JSON, an invalid `d`, `pr` or `policies`, an `f` other than 0 or 1.
// Invalid UTF-8 is repaired; unknown result code → validation-failure with the number in failure-reason-code; unknown
// policy-type → no-policy-found; the multi-line `h` is reduced to the name in its first line.
Result<Session> parse_datagram(ByteView datagram);

}  // namespace postseal::tlsrpt
