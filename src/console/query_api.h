// What the running policy daemon tells an MTA about a destination, and why: `postseal query --config`.
#pragma once

#include "console/router.h"
#include "sender/policy_daemon.h"

namespace postseal::console {

// `daemon` may be null: the role is off, and every request is answered so.
void add_query_routes(Router& router, sender::PolicyDaemon* daemon);

}  // namespace postseal::console
