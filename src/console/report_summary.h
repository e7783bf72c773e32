// The sums of a domain's reports as a page shows them. Policy types are never added up: a session may stand under sts
// and under tlsa (design rule 19). Pure.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "base/time.h"
#include "store/domains.h"
#include "store/reports.h"

namespace postseal::console {

struct SummaryFacts {
    dns::Name domain;
    Day from;
    Day to;  // included
    std::vector<store::Rollup> rollups;
    std::vector<store::FailureRollup> failures;
    std::vector<store::StoredReport> reports;  // of the period, newest first
    std::vector<store::PolicyVersion> versions;
};
boost::json::object summary_to_json(const SummaryFacts& facts);

// The UTC day to which a report's sessions belong: that in which its range begins.
Day day_of(const store::StoredReport& report);

}  // namespace postseal::console
