// Who did what, newest first.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "console/router.h"
#include "store/store.h"

namespace postseal::console {

// What became of one domain of one organisation: an AuditList.
struct HistoryQuestion {
    std::int64_t organisation = 0;
    std::string domain;  // A-labels
    std::int64_t limit = 50;
    std::int64_t before_id = 0;  // 0: the newest
};
Result<boost::json::object> history_of(store::Store& store, const HistoryQuestion& question);

void add_audit_routes(Router& router, store::Store& store);

}  // namespace postseal::console
