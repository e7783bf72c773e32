// Who did what, newest first.
#pragma once

#include "console/router.h"
#include "store/store.h"

namespace postseal::console {

void add_audit_routes(Router& router, store::Store& store);

}  // namespace postseal::console
