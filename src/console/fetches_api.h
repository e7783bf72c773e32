// Who has fetched a domain's policy, by version, and who may still hold which: the fetch log of the policy host.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "console/router.h"
#include "hosting/hosting.h"
#include "store/store.h"

namespace postseal::console {

void add_fetches_routes(Router& router, store::Store& store, const Clock& clock);

// How many senders may enforce what they fetched; nothing where the log does not know, or cannot be read now.
std::optional<std::int64_t> holders_of(store::Store& store, const hosting::DomainView& view, TimePoint now);

}  // namespace postseal::console
