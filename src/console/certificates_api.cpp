#include "console/certificates_api.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "console/http_reply.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

using hosting::CertificateStatus;
using hosting::Hosting;

json::object to_json(const Hosting::CertificateList::One& one) {
    const CertificateStatus& status = one.status;
    json::value window;
    if (status.window) {
        window = json::object{{"start", to_rfc3339(status.window->start)},
                              {"end", to_rfc3339(status.window->end)},
                              {"explanation_url", null_if_empty(status.window->explanation_url)}};
    }
    return {{"host", status.host.text()},
            {"domain", one.domain ? json::value(one.domain->text()) : json::value(nullptr)},
            {"state", hosting::to_string(status.state)},
            {"overdue", status.overdue},
            {"ca", null_if_empty(status.ca)},
            {"not_before", or_null(status.not_before)},
            {"not_after", or_null(status.not_after)},
            {"renew_at", or_null(status.renew_at)},
            {"suggested_window", std::move(window)},
            {"next_try", or_null(status.next_try)},
            {"failures", status.failures},
            {"failing_since", or_null(status.failing_since)},
            {"last_error", null_if_empty(status.last_error)},
            {"waits_for", null_if_empty(status.waits_for)},
            {"queue_position", status.queue_position == 0 ? json::value(nullptr) : json::value(status.queue_position)}};
}

json::value limit_or_null(std::int64_t limit) {
    return limit == 0 ? json::value(nullptr) : json::value(limit);
}

json::object to_json(const hosting::CaStatus& ca) {
    return {{"directory", ca.directory},
            {"caa_issuer", ca.caa_issuer},
            {"profile", null_if_empty(ca.profile)},
            {"account", ca.account},
            {"problem", null_if_empty(ca.problem)},
            {"passed_over_until", or_null(ca.down_until)},
            {"certificates", ca.certificates},
            {"orders", json::object{{"used", ca.orders.used},
                                    {"limit", limit_or_null(ca.orders.limit)},
                                    {"window_s", ca.limits.orders_window.count()},
                                    {"frees_at", or_null(ca.orders.frees_at)}}},
            {"limits", json::object{{"certificates_per_domain_and_week", limit_or_null(ca.limits.domain_week)},
                                    {"certificates_per_name_and_week", limit_or_null(ca.limits.name_week)},
                                    {"failures_per_name_and_hour", limit_or_null(ca.limits.failures_hour)},
                                    {"renewals_exempt", ca.limits.renewals_exempt}}}};
}

// Those that need somebody first, then by the moment of their renewal.
bool comes_before(const Hosting::CertificateList::One& a, const Hosting::CertificateList::One& b) {
    const auto rank = [](const CertificateStatus& status) {
        using State = CertificateStatus::State;
        return status.overdue                    ? 0
               : status.state == State::failing  ? 1
               : status.state == State::ordering ? 2
               : status.state == State::waiting  ? 3
               : status.state == State::none     ? 4
                                                 : 5;
    };
    if (rank(a.status) != rank(b.status)) {
        return rank(a.status) < rank(b.status);
    }
    if (a.status.queue_position != b.status.queue_position) {
        return a.status.queue_position < b.status.queue_position;
    }
    const TimePoint at = a.status.renew_at.value_or(TimePoint{});
    const TimePoint bt = b.status.renew_at.value_or(TimePoint{});
    return at != bt ? at < bt : a.status.host < b.status.host;
}

Result<std::int64_t> organisation_of(const DomainsParts& parts, const Call& call) {
    if (call.actor.session) {
        return call.actor.organisation();
    }
    const auto wanted = call.request.parameter("organization");
    if (!wanted) {
        POSTSEAL_TRY(const store::Organisation ours, parts.default_organisation());
        return ours.id;
    }
    POSTSEAL_TRY(const auto all, parts.store.accounts.organisations());
    const auto known = std::ranges::find(all, *wanted, &store::Organisation::name);
    if (known == all.end()) {
        return Error{Errc::not_found, "organization", "there is none of this name"};
    }
    return known->id;
}

void list(const DomainsParts& parts, const Call& call, const Reply& reply) {
    constexpr std::int64_t limit_max = 10'000;
    const auto limit = number_parameter(call.request, "limit", 1000, 1, limit_max);
    if (!limit) {
        reply(number_refusal("limit", 1, limit_max));
        return;
    }
    const auto organisation = organisation_of(parts, call);
    if (!organisation) {
        reply(problem_of(organisation.error()));
        return;
    }
    parts.hosting->certificates(
        {*organisation, call.actor.text()},
        [&work = parts.work, reply, limit = static_cast<std::size_t>(*limit)](Result<Hosting::CertificateList> found) {
            if (!found) {
                reply(problem_of(found.error()));
                return;
            }
            auto shared = std::make_shared<Hosting::CertificateList>(std::move(*found));
            work.submit([shared, reply, limit] {
                auto& all = shared->certificates;
                std::ranges::sort(all, comes_before);
                json::array certificates;
                for (std::size_t i = 0; i < std::min(limit, all.size()); ++i) {
                    certificates.push_back(to_json(all[i]));
                }
                reply(json_reply(200, json::object{{"certificates", std::move(certificates)}, {"total", all.size()}}));
            });
        });
}

void budget(const DomainsParts& parts, const Reply& reply) {
    parts.hosting->certificate_budget([reply](const Hosting::CertificateBudget& found) {
        json::array cas;
        for (const hosting::CaStatus& ca : found.cas) {
            cas.push_back(to_json(ca));
        }
        reply(json_reply(200, json::object{{"cas", std::move(cas)},
                                           {"queue", json::object{{"waiting", found.queue.waiting},
                                                                  {"ordering", found.queue.running},
                                                                  {"next", or_null(found.queue.next)}}}}));
    });
}

}  // namespace

void add_certificates_routes(Router& router, const DomainsParts& parts) {
    const auto shared = std::make_shared<const DomainsParts>(parts);
    const auto add = [&](std::string_view path, auto act) {
        router.add("GET", path, Access::signed_in, [shared, act](const Call& call, const Reply& reply) {
            if (shared->hosting == nullptr) {
                reply(problem_reply(Code::unavailable, "hosting is off here"));
                return;
            }
            act(*shared, call, reply);
        });
    };
    add("/api/v1/certificates/budget",
        [](const DomainsParts& its, const Call&, const Reply& reply) { budget(its, reply); });
    add("/api/v1/certificates",
        [](const DomainsParts& its, const Call& call, const Reply& reply) { list(its, call, reply); });
}

}  // namespace postseal::console
