// What somebody has to look at, and who has seen it (store/alerts.h).
#pragma once

#include <memory>

#include "console/events.h"
#include "console/router.h"
#include "store/store.h"

namespace postseal::console {

// `operators_organisation` is the one whose users see what concerns the installation itself.
struct AlertParts {
    store::Store& store;
    const Clock& clock;
    std::function<Result<store::Organisation>()> operators_organisation;
};
void add_alert_routes(Router& router, const AlertParts& parts);

// Tells open panels of every change: "alerts-changed" with {domain}, null for none.
void publish_alerts(store::Alerts& alerts, const std::shared_ptr<Events>& events);

}  // namespace postseal::console
