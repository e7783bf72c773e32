#include "console/reports_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "console/domain_lookup.h"
#include "console/http_reply.h"
#include "console/report_summary.h"
#include "tlsrpt/reason.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

// Older ones are still counted in the sums, and found by their number.
constexpr std::int64_t reports_read_max = 5000;

std::string_view via_word(const store::StoredReport& report) {
    return report.via == "smtp" ? std::string_view("mail") : std::string_view(report.via);
}

json::object list_item(const store::StoredReport& stored) {
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> by_type;
    std::set<std::string> failure_types;
    for (const tlsrpt::PolicyResult& policy : stored.report.policies) {
        by_type[policy.policy_type].first += policy.successful;
        by_type[policy.policy_type].second += policy.failed;
        for (const tlsrpt::FailureDetail& detail : policy.failures) {
            failure_types.insert(detail.result_type);
        }
    }
    json::array types;
    for (const auto& [type, sessions] : by_type) {
        types.push_back(json::object{{"policy_type", type}, {"ok", sessions.first}, {"failed", sessions.second}});
    }
    return {{"id", std::to_string(stored.id)},
            {"submitter", stored.submitter},
            {"organization_name", or_null(stored.report.organization_name)},
            {"report_id", or_null(stored.report.report_id)},
            {"begin", or_null(stored.report.begin)},
            {"end", or_null(stored.report.end)},
            {"received", to_rfc3339(stored.received)},
            {"via", via_word(stored)},
            {"trust", store::to_string(stored.trust)},
            {"counted", true},  // the store keeps no report that is not part of the sums
            {"deviations", stored.deviations.size()},
            {"by_policy_type", std::move(types)},
            {"failure_types", json::array(failure_types.begin(), failure_types.end())}};
}

json::value explanation_of(const tlsrpt::FailureDetail& detail) {
    const tlsrpt::ReasonText* found = detail.reason_code ? tlsrpt::explain_reason(*detail.reason_code) : nullptr;
    return found == nullptr ? json::value(nullptr) : json::value(found->explanation);
}

json::object normalised(const tlsrpt::Report& report) {
    json::array policies;
    for (const tlsrpt::PolicyResult& policy : report.policies) {
        json::array failures;
        for (const tlsrpt::FailureDetail& detail : policy.failures) {
            failures.push_back(json::object{{"type", detail.result_type},
                                            {"sending_mta_ip", or_null(detail.sending_mta_ip)},
                                            {"receiving_mx_hostname", or_null(detail.receiving_mx_hostname)},
                                            {"receiving_mx_helo", or_null(detail.receiving_mx_helo)},
                                            {"receiving_ip", or_null(detail.receiving_ip)},
                                            {"sessions", detail.sessions},
                                            {"additional_information", or_null(detail.additional_information)},
                                            {"reason_code", or_null(detail.reason_code)},
                                            {"explanation", explanation_of(detail)}});
        }
        policies.push_back(json::object{{"type", policy.policy_type},
                                        {"domain", or_null(policy.policy_domain)},
                                        {"strings", array_of(policy.policy_strings)},
                                        {"mx_hosts", array_of(policy.mx_hosts)},
                                        {"successful", policy.successful},
                                        {"failed", policy.failed},
                                        {"failures", std::move(failures)}});
    }
    return {{"organization_name", or_null(report.organization_name)},
            {"contact_info", or_null(report.contact_info)},
            {"report_id", or_null(report.report_id)},
            {"begin", or_null(report.begin)},
            {"end", or_null(report.end)},
            {"policies", std::move(policies)}};
}

json::object one_report(const store::StoredReport& stored, std::size_t raw_bytes) {
    json::array deviations;
    for (const tlsrpt::Deviation& deviation : stored.deviations) {
        deviations.push_back(json::object{{"code", deviation.code}, {"message", deviation.message}});
    }
    return {{"id", std::to_string(stored.id)},
            {"submitter", stored.submitter},
            {"received", to_rfc3339(stored.received)},
            {"via", via_word(stored)},
            {"trust", store::to_string(stored.trust)},
            {"signature", null_if_empty(stored.signature)},
            {"counted", true},
            {"raw_bytes", raw_bytes},
            {"file", stored.source},
            {"ok", true},
            {"error", nullptr},
            {"deviations", std::move(deviations)},
            {"report", normalised(stored.report)}};
}

struct Filter {
    std::optional<Day> day;
    std::optional<std::string> failure_type;
    std::optional<std::string> submitter;
    bool failures_only = false;
    bool nothing = false;  // counted=false: the store keeps no such report
};

bool covers(const store::StoredReport& stored, Day day) {
    const TimePoint begin = stored.report.begin.value_or(stored.received);
    const TimePoint end = std::max(begin, stored.report.end.value_or(begin));
    return begin < day + std::chrono::days(1) && end >= day;
}

bool passes(const store::StoredReport& stored, const Filter& filter) {
    if (filter.nothing || (filter.day && !covers(stored, *filter.day)) ||
        (filter.submitter && stored.submitter != *filter.submitter)) {
        return false;
    }
    const auto& policies = stored.report.policies;
    if (filter.failures_only && std::ranges::none_of(policies, [](const auto& policy) {
            return policy.failed > 0 || !policy.failures.empty();
        })) {
        return false;
    }
    return !filter.failure_type || std::ranges::any_of(policies, [&](const auto& policy) {
        return std::ranges::find(policy.failures, *filter.failure_type, &tlsrpt::FailureDetail::result_type) !=
               policy.failures.end();
    });
}

std::optional<bool> boolean(const std::string& text) {
    return text == "true" ? std::optional(true) : text == "false" ? std::optional(false) : std::nullopt;
}

// Or the refusal.
boost::system::result<Filter, net::HttpResponse> filter_of(const net::HttpRequest& request) {
    const auto refuse = [](std::string_view name, std::string_view why) {
        return problem_reply(Code::bad_request, fmt::format("{}: {}", name, why),
                             {{std::string(name), "invalid", std::string(why)}});
    };
    Filter filter;
    if (const auto text = request.parameter("day")) {
        const auto day = parse_iso_day(*text);
        if (!day) {
            return refuse("day", "not a day, YYYY-MM-DD");
        }
        filter.day = *day;
    }
    filter.failure_type = request.parameter("failure_type");
    filter.submitter = request.parameter("submitter");
    const auto failures_only = boolean(request.parameter("failures_only").value_or("false"));
    if (!failures_only) {
        return refuse("failures_only", "neither true nor false");
    }
    filter.failures_only = *failures_only;
    const auto counted = boolean(request.parameter("counted").value_or("true"));
    if (!counted) {
        return refuse("counted", "neither true nor false");
    }
    filter.nothing = !*counted;
    return filter;
}

class ReportsApi {
public:
    ReportsApi(store::Store& store, const Clock& clock) : store_(&store), clock_(&clock) {}

    [[nodiscard]] net::HttpResponse summary(const Call& call, const store::Domain& domain) const {
        constexpr std::int64_t days_max = 400;
        const auto days = number_parameter(call.request, "days", 30, 1, days_max);
        if (!days) {
            return number_refusal("days", 1, days_max);
        }
        const auto found = summary_of(domain, std::chrono::days(*days));
        return found ? json_reply(200, *found) : problem_of(found.error());
    }

    [[nodiscard]] net::HttpResponse list(const Call& call, const store::Domain& domain) const {
        constexpr std::int64_t limit_max = 200;
        const auto limit = number_parameter(call.request, "limit", 50, 1, limit_max);
        const auto after = number_parameter(call.request, "cursor", 0, 0, INT64_MAX);
        if (!limit) {
            return number_refusal("limit", 1, limit_max);
        }
        if (!after) {
            return number_refusal("cursor", 0, INT64_MAX);
        }
        const auto filter = filter_of(call.request);
        if (!filter) {
            return filter.error();
        }
        const auto reports = store_->reports.list(domain.name, reports_read_max);
        if (!reports) {
            return problem_of(reports.error());
        }
        auto next = reports->begin();
        if (*after != 0) {
            next = std::ranges::find(*reports, *after, &store::StoredReport::id);
            next = next == reports->end() ? next : std::next(next);
        }
        json::array items;
        json::value cursor;
        const store::StoredReport* last = nullptr;
        for (; next != reports->end(); ++next) {
            if (!passes(*next, *filter)) {
                continue;
            }
            if (std::cmp_equal(items.size(), *limit)) {
                cursor = std::to_string(last->id);
                break;
            }
            items.push_back(list_item(*next));
            last = &*next;
        }
        return json_reply(200, json::object{{"reports", std::move(items)}, {"next_cursor", std::move(cursor)}});
    }

    [[nodiscard]] net::HttpResponse show(const Call& call, const store::Domain& domain) const {
        const auto stored = find(call, domain);
        if (!stored) {
            return problem_of(stored.error());
        }
        const auto raw = store_->reports.raw(stored->id);
        return raw ? json_reply(200, one_report(*stored, raw->size())) : problem_of(raw.error());
    }

    [[nodiscard]] net::HttpResponse raw(const Call& call, const store::Domain& domain) const {
        const auto stored = find(call, domain);
        if (!stored) {
            return problem_of(stored.error());
        }
        const auto bytes = store_->reports.raw(stored->id);
        if (!bytes) {
            return problem_of(bytes.error());
        }
        // Strangers wrote it: it is only ever saved, never shown by the browser.
        net::HttpResponse response;
        response.headers = {
            {"Content-Type", "application/octet-stream"},
            {"Content-Disposition", fmt::format("attachment; filename=\"report-{}{}\"", stored->id, ending(*bytes))},
            {"Cache-Control", "no-store"}};
        response.body = as_text(*bytes);
        return response;
    }

private:
    static std::string_view ending(const Bytes& bytes) {
        const std::string_view text = as_text(bytes);
        if (text.starts_with("\x1f\x8b")) {
            return ".json.gz";
        }
        if (text.starts_with("PK")) {
            return ".zip";
        }
        return text.starts_with("{") ? ".json" : ".eml";
    }

    // Of this domain: a number that is another's is as good as none.
    [[nodiscard]] Result<store::StoredReport> find(const Call& call, const store::Domain& domain) const {
        const Error none{Errc::not_found, "", "there is no such report of " + domain.name.text()};
        const auto id = parse_decimal(call.path("id"));
        if (!id || std::cmp_greater(*id, INT64_MAX)) {
            return none;
        }
        POSTSEAL_TRY(auto found, store_->reports.find(static_cast<std::int64_t>(*id)));
        if (!found || found->domain != domain.name) {
            return none;
        }
        return std::move(*found);
    }

    [[nodiscard]] Result<json::object> summary_of(const store::Domain& domain, std::chrono::days days) const {
        const Day today = std::chrono::floor<std::chrono::days>(clock_->now());
        SummaryFacts facts;
        facts.domain = domain.name;
        POSTSEAL_TRY(const auto of_today, store_->reports.rollups(domain.name, today, today));
        facts.to = of_today.empty() ? today - std::chrono::days(1) : today;
        facts.from = facts.to - days + std::chrono::days(1);
        POSTSEAL_TRY(facts.rollups, store_->reports.rollups(domain.name, facts.from, facts.to));
        POSTSEAL_TRY(facts.failures, store_->reports.failure_rollups(domain.name, facts.from, facts.to));
        POSTSEAL_TRY(facts.reports, store_->reports.list(domain.name, reports_read_max));
        std::erase_if(facts.reports, [&](const store::StoredReport& report) {
            return day_of(report) < facts.from || day_of(report) > facts.to;
        });
        POSTSEAL_TRY(facts.versions, store_->domains.versions(domain.id));
        return summary_to_json(facts);
    }

    store::Store* store_;
    const Clock* clock_;
};

}  // namespace

void add_reports_routes(Router& router, store::Store& store, const Clock& clock) {
    using Answer = net::HttpResponse (ReportsApi::*)(const Call&, const store::Domain&) const;
    const auto add = [&](const std::string& below, Answer answer) {
        router.add("GET", "/api/v1/domains/{domain}/reports" + below, Access::signed_in,
                   [&store, api = ReportsApi(store, clock), answer](const Call& call, const Reply& reply) {
                       const auto domain = find_domain(store, call);
                       reply(domain ? (api.*answer)(call, *domain) : problem_of(domain.error()));
                   });
    };
    add("/summary", &ReportsApi::summary);
    add("", &ReportsApi::list);
    add("/{id}", &ReportsApi::show);
    add("/{id}/raw", &ReportsApi::raw);
}

}  // namespace postseal::console
