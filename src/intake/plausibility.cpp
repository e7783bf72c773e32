#include "intake/plausibility.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "tlsrpt/deviations.h"

namespace postseal::intake {

namespace {

// The largest receivers of mail see some hundred million sessions a day from everybody together.
constexpr std::uint64_t sessions_max = 1'000'000'000;
// A submitter who reports weekly or monthly (RFC 8460 asks for days) is read; years in one report are not.
constexpr std::chrono::days range_max{62};
constexpr std::chrono::days clock_slack{1};
// Against the submitter's own history, when there is enough of it: mail grows, but not a hundredfold overnight, and
// small figures may jump as they like.
constexpr std::size_t history_days_min = 7;
constexpr std::uint64_t growth_max = 100;
constexpr std::uint64_t small = 10'000;

struct History {
    std::set<Day> days;
    std::uint64_t highest = 0;
    Day highest_day;
};

// Of one policy type: those of two types are the same sessions (rule 19).
History history_of(const std::vector<store::StoredReport>& reports, const std::string& policy_type) {
    History history;
    for (const store::StoredReport& stored : reports) {
        std::uint64_t sessions = 0;
        for (const tlsrpt::PolicyResult& policy : stored.report.policies) {
            sessions += policy.policy_type == policy_type ? policy.successful + policy.failed : 0;
        }
        if (sessions == 0) {
            continue;
        }
        const Day day = std::chrono::floor<std::chrono::days>(stored.report.begin.value_or(stored.received));
        history.days.insert(day);
        if (sessions > history.highest) {
            history.highest = sessions;
            history.highest_day = day;
        }
    }
    return history;
}

}  // namespace

std::optional<std::string> oddity_of(const tlsrpt::Report& report, const std::vector<tlsrpt::Deviation>& deviations,
                                     const std::vector<store::StoredReport>& history, TimePoint now) {
    for (const tlsrpt::Deviation& deviation : deviations) {
        if (deviation.code == tlsrpt::deviation::count_clamped || deviation.code == tlsrpt::deviation::count_negative) {
            return deviation.message;
        }
    }
    if (report.begin && *report.begin > now + clock_slack) {
        return fmt::format("it begins at {}, which has not come yet", to_rfc3339(*report.begin));
    }
    if (report.begin && report.end && *report.end - *report.begin > range_max) {
        return fmt::format("it is about {} days at once",
                           std::chrono::floor<std::chrono::days>(*report.end - *report.begin).count());
    }
    std::map<std::string, std::uint64_t> by_type;
    for (const tlsrpt::PolicyResult& policy : report.policies) {
        std::uint64_t& sessions = by_type[policy.policy_type];
        sessions += std::min(policy.successful, sessions_max + 1) + std::min(policy.failed, sessions_max + 1);
        std::uint64_t details = 0;
        for (const tlsrpt::FailureDetail& detail : policy.failures) {
            details += std::min(detail.sessions, sessions_max + 1);
        }
        if (sessions > sessions_max || details > sessions_max) {
            return fmt::format("{} sessions are more than the {} that anybody has in a day",
                               std::max(sessions, details), sessions_max);
        }
    }
    for (const auto& [type, sessions] : by_type) {
        const History before = history_of(history, type);
        if (before.days.size() >= history_days_min && sessions > small && sessions > growth_max * before.highest) {
            return fmt::format("{} sessions ({}); of its {} earlier days the highest is {}, with {}", sessions,
                               printable(type, 60), before.days.size(), to_iso_day(before.highest_day), before.highest);
        }
    }
    return std::nullopt;
}

}  // namespace postseal::intake
