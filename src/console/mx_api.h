// The MX hosts of a domain beside its policy: what holds, what the owner decides beforehand, what the linter says; and
// when the certificates of all MX hosts end.
#pragma once

#include "console/domains_api.h"

namespace postseal::console {

void add_mx_routes(Router& router, const DomainsParts& parts);

}  // namespace postseal::console
