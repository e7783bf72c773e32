// Hosted domains: add, list, look, verify, switch the mode, retire. What may be done is hosting's to say; this file
// translates.
#pragma once

#include <functional>
#include <memory>

#include "base/time.h"
#include "console/domain_json.h"
#include "console/router.h"
#include "hosting/hosting.h"
#include "net/loop.h"
#include "store/store.h"

namespace postseal::console {

struct DomainsParts {
    hosting::Hosting* hosting = nullptr;  // null: hosting is off here
    net::WorkPool& work;
    store::Store& store;
    const Clock& clock;
    dns::Name zone;  // Z: why a name was refused is judged by it
    // The operator's organisation when none is named.
    std::function<Result<store::Organisation>()> default_organisation;
};

void add_domains_routes(Router& router, const DomainsParts& parts);

}  // namespace postseal::console
