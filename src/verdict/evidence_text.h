// Evidence in a few lines for a terminal: what DNS and the policy host said about a destination.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "verdict/evidence.h"

namespace postseal::verdict {

struct EvidenceLine {
    std::string subject;  // "MX", a host's name, "TLSA", "_mta-sts", "policy"
    std::string text;     // printable
};
// In the order of a lookup: record, policy, MX, and each host with its addresses and TLSA records. What nobody asked
// for is left out.
std::vector<EvidenceLine> evidence_lines(const Evidence& evidence);

}  // namespace postseal::verdict
