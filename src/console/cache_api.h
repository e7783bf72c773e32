// The policy daemon's cache of other people's policies: list, look, fetch, forget, export.
#pragma once

#include "base/time.h"
#include "console/router.h"
#include "sender/policy_daemon.h"
#include "store/store.h"

namespace postseal::console {

// `daemon` may be null: the role is off, and every request is answered so.
void add_cache_routes(Router& router, sender::PolicyDaemon* daemon, store::Store& store, const Clock& clock);

}  // namespace postseal::console
