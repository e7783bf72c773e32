// The zones from which DNSSEC validation starts here.
#pragma once

#include <string>
#include <vector>

#include "dns/name.h"
#include "net/resolver.h"

namespace postseal::net {

// The zones that trust_anchor_file has DS or DNSKEY records for, the root first. Empty: nothing is validated.
std::vector<dns::Name> anchored_zones(const ResolverSettings& settings);

// The default path of a setting, and no such file: what is built in takes its place.
bool is_absent_default(const std::string& path, const std::string& default_path);

}  // namespace postseal::net
