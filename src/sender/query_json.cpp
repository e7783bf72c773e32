#include "sender/query_json.h"

#include <boost/json.hpp>

#include "verdict/evidence_json.h"

namespace postseal::sender {

namespace json = boost::json;

namespace {

// The payload of a netstring "9:NOTFOUND ,".
std::string payload_of(const std::string& netstring) {
    const std::size_t begin = netstring.find(':') + 1;
    return netstring.substr(begin, netstring.size() - begin - 1);
}

json::value maybe_time(const std::optional<TimePoint>& time) {
    return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

}  // namespace

json::object query_json(const PolicyDaemon::Explanation& explanation) {
    const verdict::Decision& decision = explanation.answer->decision;
    json::array match;
    for (const std::string& pattern : decision.match) {
        match.emplace_back(pattern);
    }
    json::array reasons;
    for (const std::string& reason : decision.reasons) {
        reasons.emplace_back(reason);
    }
    if (!explanation.dnssec_problem.empty() && decision.source != verdict::Source::by_override) {
        reasons.emplace_back("DANE could not be decided here: " + explanation.dnssec_problem);
    }
    json::object cache{{"state", explanation.cache_state},
                       {"policy_id", nullptr},
                       {"fetched", nullptr},
                       {"expires", nullptr},
                       {"next_refresh", maybe_time(explanation.next_refresh)}};
    if (explanation.cached) {
        cache["policy_id"] = explanation.cached->id;
        cache["fetched"] = to_rfc3339(explanation.cached->fetched);
        cache["expires"] = to_rfc3339(explanation.cached->expires());
    }
    return {{"domain", explanation.key},
            {"decision", json::object{{"level", verdict::to_string(decision.level)},
                                      {"match", std::move(match)},
                                      {"source", verdict::to_string(decision.source)},
                                      {"mode", decision.mode ? json::value(mtasts::to_string(*decision.mode))
                                                             : json::value(nullptr)}}},
            {"reply", payload_of(explanation.answer->plain)},
            {"reply_tlsrpt", payload_of(explanation.answer->with_tlsrpt)},
            {"reasons", std::move(reasons)},
            {"cache", std::move(cache)},
            {"evidence", explanation.evidence ? json::value(verdict::evidence_to_json(*explanation.evidence))
                                              : json::value(nullptr)}};
}

}  // namespace postseal::sender
