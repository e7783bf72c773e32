// How report values are kept in text columns: a stable JSON of our own, independent of the wire format of RFC 8460.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "tlsrpt/report.h"

namespace postseal::store {

boost::json::object to_json(const tlsrpt::Report& report);
Result<tlsrpt::Report> report_from_json(std::string_view text);

// The identity of an applied policy alone: type, domain, strings, mx hosts, in a fixed order; counts are not part of
// it.
std::string policy_key(const tlsrpt::PolicyResult& policy);
Result<tlsrpt::PolicyResult> policy_from_key(std::string_view key);

// The identity of a failure detail without its number of sessions.
std::string detail_key(const tlsrpt::FailureDetail& detail);
Result<tlsrpt::FailureDetail> detail_from_key(std::string_view key);

std::string deviations_to_json(const std::vector<tlsrpt::Deviation>& deviations);
Result<std::vector<tlsrpt::Deviation>> deviations_from_json(std::string_view text);

}  // namespace postseal::store
