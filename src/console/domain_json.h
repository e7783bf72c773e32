// A hosted domain as the command line and the panel see it: Domain and DomainDetail of api/openapi.json. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "base/time.h"
#include "hosting/hosting.h"
#include "store/reports.h"

namespace postseal::console {

struct DomainFacts {
    hosting::DomainView view;
    std::vector<store::Rollup> rollups;  // all that there are
};

enum class Detail { brief, full };
boost::json::object to_json(const DomainFacts& facts, Detail detail, TimePoint now);
boost::json::array records_to_json(const hosting::Verification& records);
boost::json::object to_json(const hosting::Condition& condition);

// `data` of the events domain-added and domain-changed.
boost::json::object event_of(const hosting::DomainView& view);

}  // namespace postseal::console
