// One element of a report's "policies" (RFC 8460 §4.4).
#pragma once

#include <simdjson.h>

#include <cstddef>

#include "base/result.h"
#include "tlsrpt/deviations.h"
#include "tlsrpt/read.h"
#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

// `failures_left` goes down by one a failure detail; limit_exceeded when there are more in the whole report.
Result<PolicyResult> read_policy(simdjson::dom::object item, std::size_t index, const ReadLimits& limits,
                                 std::size_t& failures_left, Deviations& deviations);

}  // namespace postseal::tlsrpt
