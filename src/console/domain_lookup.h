// Which domain a request means, among those that its actor may see.
#pragma once

#include <optional>

#include "console/router.h"
#include "store/store.h"

namespace postseal::console {

// The path's {domain} in the session's organisation; on the socket in any, or in ?organization=. Errors: not_found.
Result<store::Domain> find_domain(store::Store& store, const Call& call);

}  // namespace postseal::console
