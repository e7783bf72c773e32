// The gate to enforce (design §4 rule 4): each condition with its proof, and what enforcing would have refused. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "hosting/drift.h"
#include "store/reports.h"

namespace postseal::hosting {

// "What would have been refused had I enforced?", by what trusted senders reported. Of a policy that was enforced it is
// what was refused.
struct Refusals {
    struct OfDay {
        Day day;
        std::int64_t sessions = 0;
        std::int64_t refused = 0;
        friend bool operator==(const OfDay&, const OfDay&) = default;
    };
    struct OfSender {
        std::string sender;
        std::int64_t sessions = 0;
        std::int64_t refused = 0;
        friend bool operator==(const OfSender&, const OfSender&) = default;
    };
    struct OfCause {
        std::string result_type;  // RFC 8460 §4.3
        std::string mx_host;      // "" where the reports do not say
        std::int64_t sessions = 0;
        friend bool operator==(const OfCause&, const OfCause&) = default;
    };
    std::optional<TimePoint> since;
    std::int64_t sessions = 0;
    std::int64_t refused = 0;
    std::vector<OfDay> days;        // oldest first, those with sessions
    std::vector<OfSender> senders;  // most refused first, then most sessions
    std::vector<OfCause> causes;    // most first
    bool complete = true;           // false: there were more reports than are read
    friend bool operator==(const Refusals&, const Refusals&) = default;
};
// Of the reports, those that are trusted (rule 18) and end after `since`. Only policies of type sts: DANE's own
// failures are refused by DANE, whatever the policy says (rule 19).
Refusals refusals_in(const std::vector<store::StoredReport>& reports, TimePoint since);
// The result types that mean: in enforce this session would not have delivered.
bool would_refuse(const std::string& result_type);

struct Condition {
    std::string id;      // testing-days, reports-clean, mx-probes, mx-in-policy, no-drift
    std::string status;  // ok, unknown, failed
    std::string proof;   // an English sentence with the evidence
    // Figures behind the proof, where the condition has them.
    std::optional<std::int64_t> days, required_days, senders, sessions, refused_sessions, hosts_total;
    std::vector<std::string> hosts;  // that are the reason
};
struct Readiness {
    bool ready = false;
    std::vector<Condition> conditions;
    Refusals refusals;
};
struct ReadinessFacts {
    std::optional<TimePoint> testing_since;
    std::vector<mtasts::MxPattern> policy_mx;
    MxWatch watch;
    Drift drift;
    Refusals refusals;
};
Readiness judge_readiness(const ReadinessFacts& facts, int testing_days, TimePoint now);

// From when on reports count: the time in testing, at most the last 30 days (or the days in testing that are asked for,
// if those are more), so that a fault of half a year ago does not keep the gate shut for ever.
TimePoint reports_count_from(std::optional<TimePoint> testing_since, int testing_days, TimePoint now);

// Entering enforce without a click, which the owner has asked for: ready for so many days, with an mx list that nobody
// has changed for as long.
struct PromotionFacts {
    mtasts::Mode mode = mtasts::Mode::none;
    bool ready = false;
    std::optional<std::int64_t> after_days;  // the owner's; nothing: never
    std::optional<TimePoint> ready_since;
    std::optional<TimePoint> mx_unchanged_since;
};
bool promotion_due(const PromotionFacts& facts, TimePoint now);

}  // namespace postseal::hosting
