#include "console/reporter_api.h"

#include <algorithm>
#include <set>

#include "console/http_reply.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

Result<json::object> day_to_json(store::Store& store, Day day, Day today) {
    POSTSEAL_TRY(const auto counts, store.session_counts.of_day(day));
    POSTSEAL_TRY(const auto deliveries, store.session_counts.deliveries(day));
    std::set<dns::Name> domains;
    for (const tlsrpt::Count& count : counts) {
        domains.insert(count.domain);
    }
    // Of a testing-mode domain there may be no session to count, and a report all the same: what was seen at its hosts.
    for (const store::Delivery& delivery : deliveries) {
        domains.insert(delivery.domain);
    }
    const auto number_in = [&](store::DeliveryState state) {
        return std::ranges::count(deliveries, state, &store::Delivery::state);
    };
    const auto retry = number_in(store::DeliveryState::retry);
    // Whether a domain has any rua is known only when its report is due, so a day without deliveries is not finished.
    const bool finished =
        day < today && !deliveries.empty() && retry == 0 && number_in(store::DeliveryState::pending) == 0;
    return json::object{{"day", to_iso_day(day)},
                        {"domains", domains.size()},
                        {"sent", number_in(store::DeliveryState::sent)},
                        {"retry", retry},
                        {"failed", number_in(store::DeliveryState::failed)},
                        {"finished", finished}};
}

Result<json::object> status_to_json(const ReporterParts& parts) {
    constexpr std::size_t days_max = 31;
    const Day today = std::chrono::floor<std::chrono::days>(parts.clock.now());
    POSTSEAL_TRY(auto days, parts.store.session_counts.days());
    std::ranges::sort(days, std::greater<>());
    days.resize(std::min(days.size(), days_max));
    json::array list;
    for (const Day day : days) {
        POSTSEAL_TRY(auto one, day_to_json(parts.store, day, today));
        list.push_back(std::move(one));
    }
    const bool enabled = parts.reporter != nullptr;
    return json::object{
        {"enabled", enabled},
        {"organization_name", null_if_empty(parts.organization_name)},
        {"contact", null_if_empty(parts.contact)},
        {"next_run", enabled ? json::value(to_rfc3339(today + std::chrono::days(1))) : json::value(nullptr)},
        {"days", std::move(list)}};
}

void run(const ReporterParts& parts, const Call& call, const Reply& reply) {
    Body body = read_body(call.request, {"day"});
    if (body.refusal) {
        reply(std::move(*body.refusal));
        return;
    }
    const json::value* text = body.object.if_contains("day");
    const Result<Day> day = text != nullptr && text->is_string() ? parse_iso_day(std::string_view(text->get_string()))
                                                                 : Result<Day>(invalid_input("day", "not a text"));
    if (!day) {
        const std::string why = "a day is asked for: YYYY-MM-DD";
        reply(problem_reply(Code::invalid_field, "day: " + why, {{"#/day", "invalid-day", why}}));
        return;
    }
    if (parts.reporter == nullptr) {
        reply(problem_reply(Code::wrong_state, "the reporter is off: [reporter] organization_name is empty"));
        return;
    }
    // What has been received belongs to the report, also what is still in the collector's memory.
    if (parts.collector != nullptr) {
        if (const auto flushed = parts.collector->flush(); !flushed) {
            reply(problem_of(flushed.error()));
            return;
        }
    }
    const auto noted = parts.store.audit.add({.at = parts.clock.now(),
                                              .organisation = call.actor.organisation(),
                                              .actor = call.actor.text(),
                                              .action = "reporter.run",
                                              .subject = {},
                                              .before = {},
                                              .after = to_iso_day(*day),
                                              .reason = {}});
    if (!noted) {
        reply(problem_of(noted.error()));
        return;
    }
    const auto scope = sender::Reporter::Scope::whole_day;
    parts.reporter->run(*day, scope, [reply, day = *day](const Result<std::vector<sender::DeliveryOutcome>>& outcomes) {
        if (!outcomes) {
            reply(problem_of(outcomes.error()));
            return;
        }
        json::array reports;
        for (const sender::DeliveryOutcome& outcome : *outcomes) {
            reports.push_back(
                json::object{{"domain", outcome.domain.text()}, {"rua", outcome.rua}, {"result", outcome.result}});
        }
        reply(json_reply(200, json::object{{"day", to_iso_day(day)}, {"reports", std::move(reports)}}));
    });
}

}  // namespace

void add_reporter_routes(Router& router, const ReporterParts& parts) {
    router.add("GET", "/api/v1/reporter/status", Access::signed_in, [parts](const Call&, const Reply& reply) {
        auto status = status_to_json(parts);
        reply(status ? json_reply(200, *status) : problem_of(status.error()));
    });
    router.add("POST", "/api/v1/reporter/run", Access::signed_in,
               [parts](const Call& call, const Reply& reply) { run(parts, call, reply); });
}

}  // namespace postseal::console
