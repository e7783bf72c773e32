// A hosted domain as the command line and the panel see it: Domain and DomainDetail of api/openapi.json. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "hosting/hosting.h"
#include "store/reports.h"

namespace postseal::console {

struct DomainFacts {
    hosting::DomainView view;
    std::vector<store::Rollup> rollups;        // all that there are
    std::optional<std::int64_t> holders = {};  // senders that may enforce what they fetched; none: not known
};

enum class Detail { brief, full };
boost::json::object to_json(const DomainFacts& facts, Detail detail, TimePoint now);
boost::json::array records_to_json(const hosting::Verification& records);
boost::json::object to_json(const hosting::Condition& condition);

// The name and the `data` of the event that tells open panels.
struct NamedEvent {
    std::string_view name;
    boost::json::object data;
};
NamedEvent to_event(hosting::DomainEvent event, const store::Domain& domain, std::optional<mtasts::Mode> mode);

}  // namespace postseal::console
