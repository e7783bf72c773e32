#include "console/domain_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>
#include <string>

#include "console/http_reply.h"
#include "console/mx_json.h"
#include "hosting/cname_watch.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

json::value mode_or_null(const std::optional<mtasts::Mode>& mode) {
    return mode ? json::value(mtasts::to_string(*mode)) : json::value(nullptr);
}

json::array patterns_of(const store::PolicyVersion& version) {
    json::array out;
    for (const mtasts::MxPattern& pattern : hosting::mx_of(version)) {
        out.emplace_back(pattern.text());
    }
    return out;
}

using ByType = std::map<std::string, std::pair<std::int64_t, std::int64_t>>;

json::object reports_to_json(const DomainFacts& facts) {
    ByType by_type;
    for (const store::Rollup& row : facts.rollups) {
        by_type[row.policy_type].first += row.successful;
        by_type[row.policy_type].second += row.failed;
    }
    json::array types;
    std::int64_t ok = 0;
    std::int64_t failed = 0;
    for (const auto& [type, sessions] : by_type) {
        types.push_back(json::object{{"policy_type", type}, {"ok", sessions.first}, {"failed", sessions.second}});
        // These two exclude each other; a session under tlsa may stand under sts as well (design rule 19).
        if (type == "sts" || type == "no-policy-found") {
            ok += sessions.first;
            failed += sessions.second;
        }
    }
    return {{"received", facts.view.reports.received},
            {"sessions_ok", ok},
            {"sessions_failed", failed},
            {"last", or_null(facts.view.reports.last)},
            {"by_policy_type", std::move(types)}};
}

json::object week_to_json(const DomainFacts& facts, TimePoint now) {
    constexpr int days_shown = 7;
    const Day today = std::chrono::floor<std::chrono::days>(now);
    const Day first = today - std::chrono::days(days_shown);
    std::map<std::string, std::map<Day, std::pair<std::int64_t, std::int64_t>>> types;
    std::set<Day> known;
    for (const store::Rollup& row : facts.rollups) {
        if (row.day >= first && row.day < today) {
            auto& sessions = types[row.policy_type][row.day];
            sessions.first += row.successful;
            sessions.second += row.failed;
            known.insert(row.day);
        }
    }
    std::string shown;
    for (const char* type : {"no-policy-found", "tlsa", "sts"}) {
        if (types.contains(type)) {
            shown = type;
        }
    }
    json::array days;
    for (Day day = first; day < today; day += std::chrono::days(1)) {
        // A day without a report is unknown, which is not zero.
        json::object one{{"day", to_iso_day(day)}, {"ok", nullptr}, {"failed", nullptr}};
        if (known.contains(day) && !shown.empty()) {
            const auto& sessions = types[shown][day];
            one["ok"] = sessions.first;
            one["failed"] = sessions.second;
        }
        days.push_back(std::move(one));
    }
    return {{"policy_type", null_if_empty(shown)}, {"days", std::move(days)}};
}

// Nothing without a policy: then there is nothing to be inside of.
std::optional<bool> in_policy(const hosting::DomainView& view, const hosting::MxHost& host) {
    if (view.policy_mx.empty()) {
        return std::nullopt;
    }
    return std::ranges::any_of(view.policy_mx, [&](const auto& pattern) { return mx_matches(pattern, host.host); });
}

struct MxProblem {
    std::string code;
    std::string message;
};
MxProblem problem_of(const hosting::DomainView& view, const hosting::MxHost& host) {
    if (in_policy(view, host) == false) {
        return {"not-in-policy",
                host.host.text() + " is not in the policy: senders that enforce it do not deliver there"};
    }
    return {host.problem_code, host.problem};
}

json::object mx_to_json(const hosting::DomainView& view, const hosting::MxHost& host) {
    const auto inside = in_policy(view, host);
    const MxProblem problem = problem_of(view, host);
    json::value certificate;
    if (host.certificate) {
        certificate = json::object{{"not_after", to_rfc3339(host.certificate->not_after)},
                                   {"names", array_of(host.certificate->names)},
                                   {"issuer", null_if_empty(host.certificate->issuer)}};
    }
    return {{"host", host.host.text()},
            {"preference", host.preference},
            {"in_policy", inside ? json::value(*inside) : json::value(nullptr)},
            {"starttls", host.starttls ? json::value(*host.starttls) : json::value(nullptr)},
            {"tls_version", null_if_empty(host.tls_version)},
            {"certificate", std::move(certificate)},
            {"problem", null_if_empty(problem.message)},
            {"problem_code", null_if_empty(problem.code)},
            {"probed", or_null(host.probed)}};
}

json::object mx_summary(const hosting::DomainView& view) {
    std::size_t bad = 0;
    std::size_t unprobed = 0;
    for (const hosting::MxHost& host : view.mx.hosts) {
        bad += problem_of(view, host).code.empty() ? 0 : 1;
        unprobed += host.probed ? 0 : 1;
    }
    return {{"hosts", view.mx.hosts.size()}, {"bad", bad}, {"unprobed", unprobed}};
}

bool has_moved_in(store::DomainState state) {
    return state == store::DomainState::testing || state == store::DomainState::ready ||
           state == store::DomainState::enforce;
}

// Which step it is that last_error speaks of: the next one to be done (hosting::next_step).
std::string stuck_at(const hosting::DomainView& view) {
    if (view.domain.state == store::DomainState::retiring) {
        return "label-replaced";
    }
    if (!view.certificate) {
        return "issuance-failing";
    }
    if (view.versions.empty()) {
        return "no-mx";
    }
    return view.versions.back().body_live ? "renewal-failing" : "read-back-failing";
}

// The worst first; nothing when nobody is needed.
json::value attention_of(const hosting::DomainView& view) {
    const auto attention = [](std::string code, std::string_view severity, std::string_view host,
                              std::string_view message) {
        return json::object{
            {"code", std::move(code)}, {"severity", severity}, {"host", null_if_empty(host)}, {"message", message}};
    };
    const std::string_view severity = view.mode == mtasts::Mode::enforce ? "error" : "warning";
    // Without a policy, or with one that is being withdrawn, no sender minds what the hosts do.
    const bool policy_counts = view.domain.state != store::DomainState::retiring && view.mode != mtasts::Mode::none;
    for (const hosting::MxHost& host : view.mx.hosts) {
        const MxProblem problem = problem_of(view, host);
        if (problem.code.empty() || !policy_counts) {
            continue;
        }
        const bool unreachable =
            problem.code == "timeout" || problem.code == "no-address" || problem.code == "tls-failed";
        return attention("mx-" + (unreachable ? std::string("unreachable") : problem.code), severity, host.host.text(),
                         problem.message);
    }
    if (has_moved_in(view.domain.state)) {
        for (const hosting::SeenRecord& record : view.records) {
            if (hosting::is_missing(record)) {
                return attention(record.problem_code == "other-record" ? "cname-conflict" : "cname-missing", severity,
                                 {}, *record.problem);
            }
        }
    }
    if (view.domain.state == store::DomainState::retiring && view.domain.cnames_lost) {
        return attention("cname-removed-early", "error", {},
                         "a CNAME is gone before senders can have learnt of the end of the policy");
    }
    if (view.elsewhere && !view.elsewhere->problem.empty()) {
        return attention("monitored-problem", "warning", {}, view.elsewhere->problem);
    }
    if (!view.domain.last_error.empty() && view.domain.state != store::DomainState::pending) {
        return attention(stuck_at(view), "error", {}, view.domain.last_error);
    }
    return nullptr;
}

json::value readiness_to_json(const std::optional<hosting::Readiness>& readiness) {
    if (!readiness) {
        return nullptr;
    }
    json::array conditions;
    for (const hosting::Condition& condition : readiness->conditions) {
        conditions.push_back(to_json(condition));
    }
    return json::object{{"ready", readiness->ready}, {"conditions", std::move(conditions)}};
}

json::value policy_to_json(const hosting::Versions& versions) {
    const store::PolicyVersion* live = hosting::live_version(versions);
    if (live == nullptr || !live->body_live) {
        return nullptr;
    }
    return json::object{{"text", live->body},
                        {"id", live->id_live ? json::value(live->policy_id) : json::value(nullptr)},
                        {"version", live->version},
                        {"mode", mtasts::to_string(live->mode)},
                        {"max_age_s", live->max_age_s},
                        {"mx", patterns_of(*live)},
                        {"since", to_rfc3339(*live->body_live)}};
}

json::array versions_to_json(const hosting::Versions& versions) {
    json::array out;
    std::for_each(versions.rbegin(), versions.rend(), [&out](const store::PolicyVersion& version) {
        if (!version.body_live) {
            return;
        }
        std::optional<TimePoint> held_until;
        if (version.last_served) {
            held_until = *version.last_served + Seconds(version.max_age_s);
        }
        out.push_back(json::object{{"version", version.version},
                                   {"id", version.policy_id},
                                   {"mode", mtasts::to_string(version.mode)},
                                   {"max_age_s", version.max_age_s},
                                   {"mx", patterns_of(version)},
                                   {"body_since", to_rfc3339(*version.body_live)},
                                   {"id_since", or_null(version.id_live)},
                                   {"stopped", or_null(version.last_served)},
                                   {"held_until", or_null(held_until)}});
    });
    return out;
}

// Journey 1: how far a domain has come. The first step that is not done runs, or says why it failed.
json::array progress_of(const hosting::DomainView& view) {
    const std::optional<TimePoint> certificate =
        view.certificate ? std::optional(view.certificate->not_before) : std::nullopt;
    std::optional<TimePoint> body;
    std::optional<TimePoint> id;
    for (const store::PolicyVersion& version : view.versions) {
        body = body ? body : version.body_live;
        id = id ? id : version.id_live;
    }
    const std::pair<std::string_view, std::optional<TimePoint>> steps[] = {{"cname", view.domain.verified},
                                                                           {"preflight", certificate},
                                                                           {"order", certificate},
                                                                           {"challenge", certificate},
                                                                           {"certificate", certificate},
                                                                           {"body", body},
                                                                           {"self-probe", body},
                                                                           {"id", id}};
    json::array out;
    bool reached = true;
    for (const auto& [step, at] : steps) {
        json::object one{{"step", step},
                         {"status", at ? "done" : "waiting"},
                         {"at", or_null(at)},
                         {"message", nullptr},
                         {"next_try", nullptr}};
        if (!at && reached) {
            reached = false;
            // Waiting for CNAMEs that the owner has not made yet is no failure.
            const bool failed = step != "cname" && !view.domain.last_error.empty();
            one["status"] = failed ? "failed" : "running";
            one["message"] = null_if_empty(view.domain.last_error);
            if (failed && !view.certificate) {
                one["next_try"] = or_null(view.next_order);
            }
        }
        out.push_back(std::move(one));
    }
    return out;
}

json::value import_to_json(const std::optional<hosting::Import>& import) {
    if (!import) {
        return nullptr;
    }
    json::array mx;
    for (const mtasts::MxPattern& pattern : import->policy.mx) {
        mx.emplace_back(pattern.text());
    }
    json::array differences;
    for (const hosting::Import::Difference& one : import->differences) {
        differences.push_back(json::object{{"code", one.code}, {"message", one.message}});
    }
    return json::object{{"mode", mtasts::to_string(import->policy.mode)},
                        {"max_age_s", static_cast<std::int64_t>(import->policy.max_age_s)},
                        {"mx", std::move(mx)},
                        {"policy_id", import->policy_id},
                        {"rua", array_of(import->rua)},
                        {"fetched", or_null(import->fetched)},
                        {"differences", std::move(differences)}};
}

json::value monitored_to_json(const std::optional<hosting::Elsewhere>& seen) {
    if (!seen) {
        return nullptr;
    }
    json::array findings;
    for (const verdict::Finding& one : seen->findings) {
        findings.push_back(json::object{{"id", one.id},
                                        {"severity", verdict::to_string(one.severity)},
                                        {"subject", one.subject},
                                        {"message", one.message},
                                        {"why", null_if_empty(one.why)},
                                        {"fix", null_if_empty(one.fix)},
                                        {"rfc", null_if_empty(one.rfc)}});
    }
    return json::object{{"policy_text", null_if_empty(seen->policy_text)},
                        {"policy_id", null_if_empty(seen->policy_id)},
                        {"mode", mode_or_null(seen->mode)},
                        {"rua", array_of(seen->rua)},
                        {"problem", null_if_empty(seen->problem)},
                        {"checked", or_null(seen->checked)},
                        {"findings", std::move(findings)}};
}

void add_detail(json::object& out, const DomainFacts& facts) {
    const hosting::DomainView& view = facts.view;
    json::array mx;
    for (const hosting::MxHost& host : view.mx.hosts) {
        mx.push_back(mx_to_json(view, host));
    }
    out["mx"] = std::move(mx);
    out["mx_dnssec"] = view.mx.dnssec;
    out["policy"] = policy_to_json(view.versions);
    out["versions"] = versions_to_json(view.versions);
    out["holding"] = json::object{{"enforce_until", or_null(view.enforced_until)},
                                  {"senders", facts.holders ? json::value(*facts.holders) : json::value(nullptr)}};
    out["progress"] = progress_of(view);
    if (view.readiness) {
        json::object readiness = readiness_to_json(view.readiness).get_object();
        readiness["would_refuse"] = would_refuse_to_json(view.readiness->refusals);
        out["readiness"] = std::move(readiness);
    }
    out["own_rua"] = array_of(view.domain.own_rua);
    out["tlsrpt_record"] = null_if_empty(view.tlsrpt_record);
    out["import"] = import_to_json(view.import);
    out["monitored"] = monitored_to_json(view.elsewhere);
}

}  // namespace

json::object to_json(const hosting::Condition& condition) {
    json::object data;
    const auto add = [&](std::string_view name, const std::optional<std::int64_t>& number) {
        if (number) {
            data[name] = *number;
        }
    };
    add("days", condition.days);
    add("required_days", condition.required_days);
    add("senders", condition.senders);
    add("sessions", condition.sessions);
    add("refused_sessions", condition.refused_sessions);
    add("hosts_total", condition.hosts_total);
    if (!condition.hosts.empty()) {
        data["hosts"] = array_of(condition.hosts);
    }
    return {{"id", condition.id}, {"status", condition.status}, {"proof", condition.proof}, {"data", std::move(data)}};
}

json::array records_to_json(const hosting::Verification& records) {
    json::array out;
    for (const hosting::SeenRecord& record : records) {
        out.push_back(json::object{{"name", record.record.name.text()},
                                   {"type", "CNAME"},
                                   {"value", record.record.target.text()},
                                   {"purpose", hosting::to_string(record.record.purpose)},
                                   {"seen", record.seen},
                                   {"problem", or_null(record.problem)},
                                   {"problem_code", null_if_empty(record.problem_code)},
                                   {"observed", array_of(record.observed)},
                                   {"ttl_s", record.ttl_s ? json::value(*record.ttl_s) : json::value(nullptr)},
                                   {"checked", or_null(record.checked)}});
    }
    return out;
}

json::object to_json(const DomainFacts& facts, Detail detail, TimePoint now) {
    const hosting::DomainView& view = facts.view;
    json::value certificate;
    if (view.certificate) {
        const bool failing = !view.domain.last_error.empty() && stuck_at(view) == "renewal-failing";
        certificate = json::object{{"not_after", to_rfc3339(view.certificate->not_after)},
                                   {"issuer", nullptr},
                                   {"renewal_problem", failing ? json::value(view.domain.last_error) : nullptr}};
    }
    json::object out{
        {"domain", view.domain.name.text()},
        {"domain_unicode", view.domain.name.unicode()},
        {"organization", view.organisation},
        {"label", hosting::is_label(view.domain.label) ? json::value(view.domain.label) : json::value(nullptr)},
        {"uses", store::to_string(view.domain.uses)},
        {"state", store::to_string(view.domain.state)},
        {"mode", mode_or_null(view.mode)},
        {"pending_mode", mode_or_null(view.pending_mode)},
        {"records", records_to_json(view.records)},
        {"certificate", std::move(certificate)},
        {"policy_id", or_null(view.policy_id)},
        {"reports", reports_to_json(facts)},
        {"cnames_until", or_null(view.domain.cnames_until)},
        {"cnames_lost", or_null(view.domain.cnames_lost)},
        {"readiness", readiness_to_json(view.readiness)},
        {"week", week_to_json(facts, now)},
        {"mx_summary", mx_summary(view)},
        {"attention", attention_of(view)},
        {"created", to_rfc3339(view.domain.added)}};
    if (detail == Detail::full) {
        add_detail(out, facts);
    }
    return out;
}

NamedEvent to_event(hosting::DomainEvent event, const store::Domain& domain, std::optional<mtasts::Mode> mode) {
    return {event == hosting::DomainEvent::added  ? "domain-added"
            : event == hosting::DomainEvent::gone ? "domain-gone"
                                                  : "domain-changed",
            {{"domain", domain.name.text()}, {"state", store::to_string(domain.state)}, {"mode", mode_or_null(mode)}}};
}

}  // namespace postseal::console
