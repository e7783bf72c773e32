// The zones from which DNSSEC validation starts here.
#pragma once

#include <vector>

#include "dns/name.h"
#include "net/resolver.h"

namespace postseal::net {

// The zones that trust_anchor_file has DS or DNSKEY records for, the root first. Empty: nothing is validated.
std::vector<dns::Name> anchored_zones(const ResolverSettings& settings);

}  // namespace postseal::net
