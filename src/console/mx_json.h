// MxStanding, WouldRefuse and MxCertificateList of api/openapi.json. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "base/time.h"
#include "hosting/hosting.h"

namespace postseal::console {

boost::json::object mx_standing_to_json(const hosting::DomainView& view);
boost::json::array findings_to_json(const std::vector<hosting::MxFinding>& findings);
boost::json::object would_refuse_to_json(const hosting::Refusals& refusals);

// The calendar: each MX host's certificate once, however many of the domains use it; the first to end first.
boost::json::array mx_certificates_to_json(const std::vector<store::Domain>& domains, TimePoint now);

}  // namespace postseal::console
