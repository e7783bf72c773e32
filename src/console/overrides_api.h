// The operator's overrides (design rule 14): those of the configuration are shown, others are added and removed here.
#pragma once

#include "base/time.h"
#include "console/router.h"
#include "sender/policy_daemon.h"
#include "store/store.h"

namespace postseal::console {

// `daemon` may be null: the role is off, and every request is answered so.
void add_override_routes(Router& router, sender::PolicyDaemon* daemon, store::Store& store, const Clock& clock);

}  // namespace postseal::console
