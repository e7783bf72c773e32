// What the MX watch and the reports have to say to somebody, as alerts (design §4 rules 4 and 5; docs/alerts.md). Pure.
#pragma once

#include <string_view>
#include <vector>

#include "hosting/readiness.h"
#include "store/alerts.h"

namespace postseal::hosting {

struct MxAlertFacts {
    mtasts::Mode mode = mtasts::Mode::none;  // served
    MxWatch watch;
    Drift drift;
    Refusals lately;  // of the last two days
};
std::vector<store::NewAlert> mx_alerts(const MxAlertFacts& facts, TimePoint now);
// All kinds that mx_alerts() may give: for store::Alerts::settle().
const std::vector<std::string_view>& mx_alert_kinds();

// The step of the calendar that a certificate has reached: 30, 14, 7, 3 or 1 days before its end; nothing before, and
// nothing for one whose whole life is so short that the step would be no news.
std::optional<int> expiry_step(const MxHost::Certificate& certificate, TimePoint now);

}  // namespace postseal::hosting
