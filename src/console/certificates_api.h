// The certificates of an organisation's domains, and how much of the CAs' limits the installation has used.
#pragma once

#include "console/domains_api.h"
#include "console/router.h"

namespace postseal::console {

void add_certificates_routes(Router& router, const DomainsParts& parts);

}  // namespace postseal::console
