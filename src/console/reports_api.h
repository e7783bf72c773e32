// The TLS reports that a domain received: per day, per failure, per submitter; and each report with its bytes.
#pragma once

#include "base/time.h"
#include "console/router.h"
#include "store/store.h"

namespace postseal::console {

void add_reports_routes(Router& router, store::Store& store, const Clock& clock);

}  // namespace postseal::console
