// Reports whose figures nobody should believe without a look, whoever signed them (design rule 17). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/reports.h"
#include "tlsrpt/report.h"

namespace postseal::intake {

// What is odd, with the figures; nothing when the report may be counted. `history`: what the submitter has reported to
// that domain before.
std::optional<std::string> oddity_of(const tlsrpt::Report& report, const std::vector<tlsrpt::Deviation>& deviations,
                                     const std::vector<store::StoredReport>& history, TimePoint now);

}  // namespace postseal::intake
