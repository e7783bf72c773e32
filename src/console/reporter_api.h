// The report sender: what went out per day, and `postseal reporter run`. What is shown is built in reporter_json.h.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "console/router.h"
#include "sender/collector.h"
#include "sender/log_intake.h"
#include "sender/reporter.h"
#include "store/store.h"

namespace postseal::console {

struct ReporterParts {
    sender::Reporter* reporter = nullptr;    // null: the role is off
    sender::Collector* collector = nullptr;  // flushed before a run
    std::vector<sender::LogIntake*> log_intakes;
    store::Store& store;
    const Clock& clock;
    std::string organization_name;
    std::string contact;
    sender::ReportCaps caps;
    Seconds spread{0};
};
void add_reporter_routes(Router& router, const ReporterParts& parts);

}  // namespace postseal::console
