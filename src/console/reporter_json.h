// What is shown of the reports that we send: days, one day's deliveries and counts, one report. All of it blocks on the
// store.
#pragma once

#include <boost/json.hpp>

#include "base/result.h"
#include "base/time.h"
#include "console/reporter_api.h"
#include "dns/name.h"

namespace postseal::console {

Result<boost::json::object> reporter_status(const ReporterParts& parts);
Result<boost::json::object> reports_of_day(const ReporterParts& parts, Day day);
// As it was sent, or as it would be sent if the day ended now.
Result<boost::json::object> report_of_domain(const ReporterParts& parts, Day day, const dns::Name& domain);

}  // namespace postseal::console
