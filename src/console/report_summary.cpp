#include "console/report_summary.h"

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "console/http_reply.h"
#include "tlsrpt/reason.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

struct Sessions {
    std::int64_t ok = 0;
    std::int64_t failed = 0;
    void add(const store::Rollup& row) {
        ok += row.successful;
        failed += row.failed;
    }
};
using ByType = std::map<std::string, Sessions>;

json::array to_json(const ByType& by_type) {
    json::array out;
    for (const auto& [type, sessions] : by_type) {
        out.push_back(json::object{{"policy_type", type}, {"ok", sessions.ok}, {"failed", sessions.failed}});
    }
    return out;
}

// Days with any report; the others are unknown, which is not zero.
std::set<Day> days_with_reports(const SummaryFacts& facts) {
    std::set<Day> days;
    for (const store::Rollup& row : facts.rollups) {
        days.insert(row.day);
    }
    for (const store::StoredReport& report : facts.reports) {
        days.insert(day_of(report));
    }
    return days;
}

json::array policy_types_to_json(const SummaryFacts& facts, const std::set<Day>& known) {
    std::map<std::string, std::map<Day, Sessions>> types;
    for (const store::Rollup& row : facts.rollups) {
        types[row.policy_type][row.day].add(row);
    }
    json::array out;
    for (auto& [type, by_day] : types) {
        Sessions total;
        json::array days;
        for (Day day = facts.from; day <= facts.to; day += std::chrono::days(1)) {
            if (!known.contains(day)) {
                days.push_back(json::object{{"day", to_iso_day(day)}, {"ok", nullptr}, {"failed", nullptr}});
                continue;
            }
            const Sessions& of_day = by_day[day];
            total.ok += of_day.ok;
            total.failed += of_day.failed;
            days.push_back(json::object{{"day", to_iso_day(day)}, {"ok", of_day.ok}, {"failed", of_day.failed}});
        }
        out.push_back(
            json::object{{"policy_type", type}, {"ok", total.ok}, {"failed", total.failed}, {"days", std::move(days)}});
    }
    return out;
}

// Most sessions first, then by name.
json::array ranked(const std::map<std::string, std::int64_t>& counts, std::string_view member) {
    std::vector<std::pair<std::string, std::int64_t>> sorted(counts.begin(), counts.end());
    std::ranges::stable_sort(sorted, std::greater<>(), [](const auto& pair) { return pair.second; });
    json::array out;
    for (const auto& [name, sessions] : sorted) {
        // Only a host may be unknown: the report then names none.
        out.push_back(
            json::object{{member, member == "host" ? null_if_empty(name) : json::value(name)}, {"sessions", sessions}});
    }
    return out;
}

struct Failure {
    std::int64_t sessions = 0;
    std::int64_t reports = 0;
    std::map<std::string, std::int64_t> hosts;
    std::map<std::string, std::int64_t> submitters;
    std::set<std::string> reason_codes;
    Day first;
    Day last;
};
using FailureKey = std::pair<std::string, std::string>;  // policy type, result type

std::map<FailureKey, Failure> failures_of(const SummaryFacts& facts) {
    constexpr std::size_t reason_codes_max = 20;
    std::map<FailureKey, Failure> failures;
    for (const store::FailureRollup& row : facts.failures) {
        const auto [found, is_new] = failures.try_emplace({row.policy_type, row.result_type});
        Failure& failure = found->second;
        failure.sessions += row.sessions;
        failure.hosts[row.mx_host] += row.sessions;
        failure.submitters[row.submitter] += row.sessions;
        failure.first = is_new ? row.day : std::min(failure.first, row.day);
        failure.last = is_new ? row.day : std::max(failure.last, row.day);
    }
    for (const store::StoredReport& report : facts.reports) {
        std::set<FailureKey> in_report;
        for (const tlsrpt::PolicyResult& policy : report.report.policies) {
            for (const tlsrpt::FailureDetail& detail : policy.failures) {
                const auto found = failures.find({policy.policy_type, detail.result_type});
                if (found == failures.end()) {
                    continue;
                }
                in_report.insert(found->first);
                if (detail.reason_code && found->second.reason_codes.size() < reason_codes_max) {
                    found->second.reason_codes.insert(*detail.reason_code);
                }
            }
        }
        for (const FailureKey& key : in_report) {
            ++failures[key].reports;
        }
    }
    return failures;
}

// What the senders' words mean, each meaning once.
json::array explanations_of(const std::set<std::string>& reason_codes) {
    std::map<std::string, std::string> urgencies;
    for (const std::string& code : reason_codes) {
        if (const tlsrpt::ReasonText* found = tlsrpt::explain_reason(code)) {
            urgencies.emplace(found->explanation, found->urgency);
        }
    }
    json::array out;
    for (const auto& [explanation, urgency] : urgencies) {
        out.push_back(json::object{{"explanation", explanation}, {"urgency", urgency}});
    }
    return out;
}

json::array failures_to_json(const SummaryFacts& facts) {
    const auto failures = failures_of(facts);
    std::vector<const std::pair<const FailureKey, Failure>*> sorted;
    sorted.reserve(failures.size());
    for (const auto& failure : failures) {
        sorted.push_back(&failure);
    }
    std::ranges::stable_sort(sorted, std::greater<>(), [](const auto* failure) { return failure->second.sessions; });
    json::array out;
    for (const auto* entry : sorted) {
        const Failure& failure = entry->second;
        out.push_back(
            json::object{{"policy_type", entry->first.first},
                         {"type", entry->first.second},
                         {"sessions", failure.sessions},
                         {"reports", failure.reports},
                         {"hosts", ranked(failure.hosts, "host")},
                         {"submitters", ranked(failure.submitters, "submitter")},
                         {"reason_codes", json::array(failure.reason_codes.begin(), failure.reason_codes.end())},
                         {"explanations", explanations_of(failure.reason_codes)},
                         {"first_day", to_iso_day(failure.first)},
                         {"last_day", to_iso_day(failure.last)}});
    }
    return out;
}

json::array submitters_to_json(const SummaryFacts& facts) {
    struct Submitter {
        const store::StoredReport* newest = nullptr;
        std::int64_t reports = 0;
        ByType sessions;
    };
    std::map<std::string, Submitter> submitters;
    for (const store::StoredReport& report : facts.reports) {
        Submitter& submitter = submitters[report.submitter];
        ++submitter.reports;
        if (submitter.newest == nullptr) {
            submitter.newest = &report;
        }
    }
    for (const store::Rollup& row : facts.rollups) {
        if (const auto found = submitters.find(row.submitter); found != submitters.end()) {
            found->second.sessions[row.policy_type].add(row);
        }
    }
    std::vector<std::pair<std::string, Submitter>> sorted(submitters.begin(), submitters.end());
    std::ranges::stable_sort(sorted, std::greater<>(), [](const auto& pair) { return pair.second.reports; });
    json::array out;
    for (const auto& [name, submitter] : sorted) {
        out.push_back(json::object{{"submitter", name},
                                   {"organization_name", or_null(submitter.newest->report.organization_name)},
                                   {"trust", store::to_string(submitter.newest->trust)},
                                   {"reports", submitter.reports},
                                   {"last", to_rfc3339(submitter.newest->received)},
                                   {"by_policy_type", to_json(submitter.sessions)}});
    }
    return out;
}

// Marks for the chart: when the policy that senders see changed.
json::array events_to_json(const SummaryFacts& facts) {
    json::array out;
    const TimePoint begin = facts.from;
    const TimePoint end = facts.to + std::chrono::days(1);
    const auto add = [&](const std::optional<TimePoint>& at, std::string_view kind, std::string_view value) {
        if (at && *at >= begin && *at < end) {
            out.push_back(json::object{{"at", to_rfc3339(*at)}, {"kind", kind}, {"value", value}});
        }
    };
    std::optional<mtasts::Mode> mode;
    for (const store::PolicyVersion& version : facts.versions) {
        if (mode != version.mode) {
            add(version.body_live, "mode", mtasts::to_string(version.mode));
            mode = version.mode;
        }
        add(version.id_live, "policy", version.policy_id);
    }
    return out;
}

}  // namespace

Day day_of(const store::StoredReport& report) {
    return std::chrono::floor<std::chrono::days>(report.report.begin.value_or(report.received));
}

json::object summary_to_json(const SummaryFacts& facts) {
    const std::set<Day> known = days_with_reports(facts);
    json::array gaps;
    for (Day day = facts.from; day <= facts.to; day += std::chrono::days(1)) {
        if (!known.contains(day)) {
            gaps.emplace_back(to_iso_day(day));
        }
    }
    return {{"domain", facts.domain.text()},
            {"from", to_iso_day(facts.from)},
            {"to", to_iso_day(facts.to)},
            {"by_policy_type", policy_types_to_json(facts, known)},
            {"failures", failures_to_json(facts)},
            {"submitters", submitters_to_json(facts)},
            {"gaps", std::move(gaps)},
            {"not_counted", 0},  // the store keeps no report that is not part of the sums
            {"events", events_to_json(facts)}};
}

}  // namespace postseal::console
