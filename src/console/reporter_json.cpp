#include "console/reporter_json.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "console/http_reply.h"
#include "sender/report_caps.h"
#include "sender/report_day.h"
#include "tlsrpt/write.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

constexpr std::size_t domains_shown_max = 1000;

json::object to_json(Day day, const store::DaySummary& summary, Day today) {
    // Whether a domain has any rua is known only when its report is due, so a day without deliveries is not finished.
    const std::int64_t all = summary.pending + summary.sent + summary.retry + summary.failed;
    const bool finished = day < today && all > 0 && summary.retry == 0 && summary.pending == 0;
    return {{"day", to_iso_day(day)},   {"domains", summary.domains}, {"sent", summary.sent}, {"retry", summary.retry},
            {"failed", summary.failed}, {"capped", summary.capped},   {"finished", finished}};
}

json::object to_json(const store::Delivery& delivery) {
    return {{"domain", delivery.domain.text()},
            {"rua", delivery.rua},
            {"state", store::to_string(delivery.state)},
            {"attempts", delivery.attempts},
            {"first_attempt", or_null(delivery.first_attempt)},
            {"next_attempt", or_null(delivery.next_attempt)},
            {"error", null_if_empty(delivery.last_error)}};
}

// What a report to the domain tells, by policy type: never summed over them (design rule 19).
struct Told {
    dns::Name domain;
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> by_type;
    std::uint64_t failed = 0;
};
Told told(const dns::Name& domain, const sender::DomainDay& domain_day) {
    Told sum{domain, {}, 0};
    const auto add = [&sum](const std::vector<tlsrpt::PolicyResult>& policies) {
        for (const tlsrpt::PolicyResult& policy : policies) {
            auto& [ok, failed] = sum.by_type[policy.policy_type];
            ok += policy.successful;
            failed += policy.failed;
            sum.failed = std::max(sum.failed, failed);
        }
    };
    add(domain_day.policies);
    for (const sender::HostResults& results : domain_day.at_hosts) {
        add(results.policies);
    }
    return sum;
}

json::object to_json(const Told& told, TimePoint due) {
    json::array by_type;
    for (const auto& [type, counts] : told.by_type) {
        by_type.push_back(json::object{{"policy_type", type}, {"ok", counts.first}, {"failed", counts.second}});
    }
    return {{"domain", told.domain.text()}, {"by_policy_type", std::move(by_type)}, {"due", to_rfc3339(due)}};
}

}  // namespace

Result<json::object> reporter_status(const ReporterParts& parts) {
    constexpr std::size_t days_max = 31;
    const Day today = std::chrono::floor<std::chrono::days>(parts.clock.now());
    POSTSEAL_TRY(auto days, parts.store.session_counts.days());
    std::ranges::sort(days, std::greater<>());
    days.resize(std::min(days.size(), days_max));
    json::array list;
    for (const Day day : days) {
        POSTSEAL_TRY(const auto summary, parts.store.session_counts.summary_of(day, sender::cap_mark));
        list.push_back(to_json(day, summary, today));
    }
    const bool enabled = parts.reporter != nullptr;
    json::object status{
        {"enabled", enabled},
        {"organization_name", null_if_empty(parts.organization_name)},
        {"contact", null_if_empty(parts.contact)},
        {"next_run", enabled ? json::value(to_rfc3339(today + std::chrono::days(1))) : json::value(nullptr)},
        {"spread_s", parts.spread.count()},
        {"caps", json::object{{"rua_max", parts.caps.rua_max},
                              {"reports_per_address_max", parts.caps.per_address_max},
                              {"reports_per_host_max", parts.caps.per_host_max},
                              {"report_bytes_max", parts.caps.bytes_max}}},
        {"days", std::move(list)}};
    return status;
}

Result<json::object> reports_of_day(const ReporterParts& parts, Day day) {
    POSTSEAL_TRY(const auto deliveries, parts.store.session_counts.deliveries(day, store::ReportTexts::unfinished));
    POSTSEAL_TRY(const sender::ReportDay counts, sender::read_report_day(parts.store, day));
    POSTSEAL_TRY(const std::string secret, sender::report_moment_secret(parts.store.certificates));
    json::array reports;
    for (const store::Delivery& delivery : deliveries) {
        reports.push_back(to_json(delivery));
    }
    std::vector<Told> all;
    for (const auto& [domain, domain_day] : counts) {
        all.push_back(told(domain, domain_day));
    }
    // Where there are more than can be shown, those with the most failures are of the most interest.
    std::ranges::stable_sort(all, std::greater<>(), &Told::failed);
    json::array domains;
    for (std::size_t i = 0; i < std::min(all.size(), domains_shown_max); ++i) {
        domains.push_back(to_json(all[i], sender::report_moment(secret, day, all[i].domain, parts.spread)));
    }
    return json::object{{"day", to_iso_day(day)},
                        {"reports", std::move(reports)},
                        {"domains", std::move(domains)},
                        {"domains_total", all.size()}};
}

Result<json::object> report_of_domain(const ReporterParts& parts, Day day, const dns::Name& domain) {
    POSTSEAL_TRY(const auto deliveries, parts.store.session_counts.deliveries(day, domain));
    json::array list;
    std::string sent;
    for (const store::Delivery& delivery : deliveries) {
        list.push_back(to_json(delivery));
        // Of several destinations, the one that is told the most: another may know a part already (RPT-002).
        if (delivery.report_json.size() > sent.size()) {
            sent = delivery.report_json;
        }
    }
    std::string text = sent;
    if (sent.empty()) {
        POSTSEAL_TRY(const auto report,
                     sender::report_preview(parts.store, day, domain, {parts.organization_name, parts.contact}));
        if (!report) {
            return Error{Errc::not_found, to_iso_day(day), "no session with " + domain.text() + " was counted"};
        }
        text = tlsrpt::to_json(*report);
    }
    boost::system::error_code error;
    json::value report = json::parse(text, error);
    if (error) {
        return Error{Errc::internal, "report of " + domain.text(), "what is kept is not JSON"};
    }
    return json::object{{"day", to_iso_day(day)},
                        {"domain", domain.text()},
                        {"preview", sent.empty()},
                        {"report", std::move(report)},
                        {"deliveries", std::move(list)}};
}

}  // namespace postseal::console
