#include "hosting/readiness.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"

namespace postseal::hosting {

namespace {

bool is_trusted(store::Trust trust) {
    return trust == store::Trust::known || trust == store::Trust::operator_;
}

Condition testing_days_condition(const ReadinessFacts& facts, int testing_days, TimePoint now) {
    Condition condition;
    condition.id = "testing-days";
    condition.required_days = testing_days;
    condition.days =
        facts.testing_since ? std::chrono::duration_cast<std::chrono::days>(now - *facts.testing_since).count() : 0;
    condition.status = facts.testing_since && *condition.days >= testing_days ? "ok" : "failed";
    condition.proof = fmt::format("{} of {} days in testing", *condition.days, testing_days);
    return condition;
}

Condition reports_condition(const Refusals& refusals) {
    Condition condition;
    condition.id = "reports-clean";
    condition.senders = static_cast<std::int64_t>(refusals.senders.size());
    condition.sessions = refusals.sessions;
    condition.refused_sessions = refusals.refused;
    std::set<std::string> hosts;
    std::vector<std::string> causes;
    for (const Refusals::OfCause& cause : refusals.causes) {
        if (!cause.mx_host.empty()) {
            hosts.insert(cause.mx_host);
        }
        causes.push_back(fmt::format("{} {}{}", cause.sessions, cause.result_type,
                                     cause.mx_host.empty() ? "" : " at " + cause.mx_host));
    }
    condition.hosts.assign(hosts.begin(), hosts.end());
    if (refusals.refused > 0) {
        condition.status = "failed";
        condition.proof = fmt::format("{} of {} sessions in trusted reports would have been refused in enforce: {}",
                                      refusals.refused, refusals.sessions, join(causes, ", "));
    } else if (refusals.senders.empty()) {
        condition.status = "unknown";
        condition.proof = "no trusted report has arrived yet: unknown, not failed";
    } else {
        condition.status = "ok";
        condition.proof = fmt::format("{} sessions reported by {} trusted senders, none would have been refused",
                                      refusals.sessions, refusals.senders.size());
    }
    return condition;
}

Condition probes_condition(const MxWatch& watch) {
    Condition condition;
    condition.id = "mx-probes";
    condition.hosts_total = static_cast<std::int64_t>(watch.hosts.size());
    std::vector<std::string> problems;
    for (const MxHost& host : watch.hosts) {
        if (!host.problem_code.empty() || !host.probed) {
            condition.hosts.push_back(host.host.text());
            problems.push_back(host.probed ? host.problem : host.host.text() + " has not been probed yet");
        }
    }
    condition.status = watch.hosts.empty() || !problems.empty() ? "failed" : "ok";
    condition.proof = watch.hosts.empty() ? (watch.problem.empty() ? "no MX host is known" : watch.problem)
                      : problems.empty()  ? fmt::format(
                                                "every one of {} MX hosts offers STARTTLS with a valid "
                                                 "certificate of at least {} days",
                                                watch.hosts.size(), certificate_days_min)
                                         : join(problems, "; ");
    return condition;
}

Condition in_policy_condition(const ReadinessFacts& facts) {
    Condition condition;
    condition.id = "mx-in-policy";
    condition.hosts_total = static_cast<std::int64_t>(facts.watch.hosts.size());
    for (const MxHost& host : facts.watch.hosts) {
        const bool listed = std::any_of(facts.policy_mx.begin(), facts.policy_mx.end(),
                                        [&](const auto& pattern) { return mtasts::mx_matches(pattern, host.host); });
        if (!listed) {
            condition.hosts.push_back(host.host.text());
        }
    }
    condition.status = facts.watch.hosts.empty() || !condition.hosts.empty() ? "failed" : "ok";
    condition.proof = facts.watch.hosts.empty() ? "no MX host is known"
                      : condition.hosts.empty()
                          ? "every MX host is in the policy"
                          : fmt::format("in DNS but not in the policy: {}", join(condition.hosts, ", "));
    return condition;
}

// What has come apart between DNS and policy and waits for somebody (rule 5).
Condition drift_condition(const ReadinessFacts& facts) {
    Condition condition;
    condition.id = "no-drift";
    std::vector<std::string> reasons;
    for (const NewMxHost& fresh : facts.drift.fresh) {
        if (!fresh.add) {
            condition.hosts.push_back(fresh.host.text());
            reasons.push_back(fresh.reason);
        }
    }
    if (facts.watch.looked && facts.drift.undecided) {
        condition.status = facts.watch.dnssec == "bogus" ? "failed" : "unknown";
        condition.proof = facts.watch.problem.empty() ? "the MX records cannot be looked up now" : facts.watch.problem;
    } else if (!reasons.empty()) {
        condition.status = "failed";
        condition.proof = join(reasons, "; ");
    } else if (!facts.watch.looked) {
        condition.status = "unknown";
        condition.proof = "the MX records have not been looked at yet";
    } else {
        condition.status = "ok";
        std::vector<std::string> unneeded;
        for (const UnneededPattern& one : facts.drift.unneeded) {
            unneeded.push_back(one.pattern.text());
        }
        condition.proof =
            unneeded.empty()
                ? "nothing waits for a decision"
                : fmt::format("nothing waits for a decision; in the policy without a host: {}", join(unneeded, ", "));
    }
    return condition;
}

}  // namespace

// RFC 8460 §4.3.1. Those about fetching the policy are not among them, since without a policy nothing is enforced.
bool would_refuse(const std::string& result_type) {
    constexpr std::array<std::string_view, 5> types{"starttls-not-supported", "certificate-host-mismatch",
                                                    "certificate-expired", "certificate-not-trusted",
                                                    "validation-failure"};
    return std::find(types.begin(), types.end(), result_type) != types.end();
}

Refusals refusals_in(const std::vector<store::StoredReport>& reports, TimePoint since) {
    Refusals out;
    out.since = since;
    std::map<Day, Refusals::OfDay> days;
    std::map<std::string, Refusals::OfSender> senders;
    std::map<std::pair<std::string, std::string>, std::int64_t> causes;
    for (const store::StoredReport& stored : reports) {
        const TimePoint end = stored.report.end.value_or(stored.received);
        if (!is_trusted(stored.trust) || end < since) {
            continue;
        }
        const Day day = std::chrono::floor<std::chrono::days>(stored.report.begin.value_or(end));
        for (const tlsrpt::PolicyResult& policy : stored.report.policies) {
            if (policy.policy_type != "sts") {
                continue;
            }
            const auto sessions = static_cast<std::int64_t>(policy.successful + policy.failed);
            std::int64_t refused = 0;
            for (const tlsrpt::FailureDetail& failure : policy.failures) {
                if (would_refuse(failure.result_type)) {
                    const auto count = static_cast<std::int64_t>(failure.sessions);
                    refused += count;
                    causes[{failure.result_type, failure.receiving_mx_hostname.value_or("")}] += count;
                }
            }
            auto& of_day = days[day];
            of_day.day = day;
            of_day.sessions += sessions;
            of_day.refused += refused;
            auto& of_sender = senders[stored.submitter];
            of_sender.sender = stored.submitter;
            of_sender.sessions += sessions;
            of_sender.refused += refused;
            out.sessions += sessions;
            out.refused += refused;
        }
    }
    for (const auto& [day, one] : days) {
        out.days.push_back(one);
    }
    for (const auto& [sender, one] : senders) {
        out.senders.push_back(one);
    }
    std::stable_sort(out.senders.begin(), out.senders.end(), [](const auto& a, const auto& b) {
        return std::pair(a.refused, a.sessions) > std::pair(b.refused, b.sessions);
    });
    for (const auto& [cause, sessions] : causes) {
        out.causes.push_back({cause.first, cause.second, sessions});
    }
    std::stable_sort(out.causes.begin(), out.causes.end(),
                     [](const auto& a, const auto& b) { return a.sessions > b.sessions; });
    return out;
}

TimePoint reports_count_from(std::optional<TimePoint> testing_since, int testing_days, TimePoint now) {
    constexpr int window_days = 30;
    const TimePoint window =
        std::chrono::floor<std::chrono::days>(now) - std::chrono::days(std::max(window_days, testing_days));
    return testing_since ? std::max(*testing_since, window) : window;
}

Readiness judge_readiness(const ReadinessFacts& facts, int testing_days, TimePoint now) {
    Readiness readiness;
    readiness.conditions.push_back(testing_days_condition(facts, testing_days, now));
    readiness.conditions.push_back(reports_condition(facts.refusals));
    readiness.conditions.push_back(probes_condition(facts.watch));
    readiness.conditions.push_back(in_policy_condition(facts));
    readiness.conditions.push_back(drift_condition(facts));
    readiness.refusals = facts.refusals;
    // Rule 4: no trusted report is unknown, and does not keep the gate shut.
    readiness.ready = std::none_of(readiness.conditions.begin(), readiness.conditions.end(),
                                   [](const Condition& condition) { return condition.status == "failed"; });
    return readiness;
}

bool promotion_due(const PromotionFacts& facts, TimePoint now) {
    if (facts.mode != mtasts::Mode::testing || !facts.ready || !facts.after_days || !facts.ready_since ||
        !facts.mx_unchanged_since) {
        return false;
    }
    // An mx list that was forged while testing followed DNS must not become an enforced one unseen: it has to last.
    const auto wait = std::chrono::days(*facts.after_days);
    return now - *facts.ready_since >= wait && now - *facts.mx_unchanged_since >= wait;
}

}  // namespace postseal::hosting
