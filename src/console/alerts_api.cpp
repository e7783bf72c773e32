#include "console/alerts_api.h"

#include "base/text.h"
#include "console/http_reply.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

constexpr std::size_t note_bytes_max = 500;
constexpr std::int64_t id_max = std::int64_t{1} << 53;
constexpr std::int64_t limit_max = 200;

json::object to_json(const store::Alert& alert) {
    boost::system::error_code bad;
    json::value arguments = json::parse(alert.what.arguments, bad);
    if (bad || !arguments.is_object()) {
        arguments = json::object();
    }
    const auto name = dns::Name::parse(alert.scope.domain);
    const bool of_domain = !alert.scope.domain.empty();
    return {{"id", std::to_string(alert.id)},
            {"kind", alert.what.kind},
            {"severity", store::to_string(alert.what.severity)},
            {"domain", null_if_empty(alert.scope.domain)},
            {"domain_unicode", of_domain && name ? json::value(name->unicode()) : null_if_empty(alert.scope.domain)},
            {"subject", null_if_empty(alert.what.subject)},
            {"arguments", std::move(arguments)},
            {"opened", to_rfc3339(alert.opened)},
            {"last_seen", to_rfc3339(alert.last_seen)},
            {"resolved", or_null(alert.resolved)},
            {"acknowledged", alert.acknowledged ? json::value(json::object{{"at", to_rfc3339(*alert.acknowledged)},
                                                                           {"by", alert.acknowledged_by},
                                                                           {"note", null_if_empty(alert.note)}})
                                                : json::value(nullptr)}};
}

json::object to_json(const store::OpenAlerts& open) {
    json::object out{{"unacknowledged", open.unacknowledged}};
    for (std::size_t i = 0; i < open.by_severity.size(); ++i) {
        out[store::to_string(static_cast<store::AlertSeverity>(i))] = open.by_severity[i];
    }
    return out;
}

class AlertsApi {
public:
    explicit AlertsApi(AlertParts parts) : parts_(std::move(parts)) {}

    void list(const Call& call, const Reply& reply) {
        store::Alerts::Filter filter;
        const std::string state = call.request.parameter("state").value_or("open");
        if (state != "open" && state != "resolved" && state != "all") {
            reply(wrong("state", "must be open, resolved or all"));
            return;
        }
        filter.which = state == "open"       ? store::Alerts::Which::open
                       : state == "resolved" ? store::Alerts::Which::resolved
                                             : store::Alerts::Which::all;
        if (const auto least = call.request.parameter("severity")) {
            filter.severity_min = store::alert_severity_from_string(*least);
            if (!filter.severity_min) {
                reply(wrong("severity", "must be info, warning, error or critical"));
                return;
            }
        }
        filter.kind = call.request.parameter("kind").value_or("");
        if (const auto domain = call.request.parameter("domain"); domain && !domain->empty()) {
            const auto name = dns::Name::parse(*domain);
            if (!name) {
                reply(wrong("domain", name.error().what));
                return;
            }
            filter.domain = name->text();
        }
        const auto limit = number_parameter(call.request, "limit", 100, 1, limit_max);
        if (!limit) {
            reply(number_refusal("limit", 1, limit_max));
            return;
        }
        const auto before = number_parameter(call.request, "cursor", 0, 0, id_max);
        if (!before) {
            reply(number_refusal("cursor", 0, id_max));
            return;
        }
        filter.limit = *limit + 1;
        filter.before_id = *before;
        const auto page = [&]() -> Result<json::object> {
            POSTSEAL_TRY(const auto organisations, visible_to(call.actor));
            POSTSEAL_TRY(auto alerts, parts_.store.alerts.list(organisations, filter));
            POSTSEAL_TRY(const auto open, parts_.store.alerts.count_open(organisations));
            const bool more = alerts.size() > static_cast<std::size_t>(*limit);
            if (more) {
                alerts.pop_back();
            }
            json::array entries;
            for (const store::Alert& alert : alerts) {
                entries.push_back(to_json(alert));
            }
            return json::object{
                {"alerts", std::move(entries)},
                {"open", to_json(open)},
                {"next_cursor", more ? json::value(std::to_string(alerts.back().id)) : json::value(nullptr)}};
        }();
        reply(page ? json_reply(200, *page) : problem_of(page.error()));
    }

    void acknowledge(const Call& call, const Reply& reply) {
        const Body body = read_body(call.request, {"note"});
        if (body.refusal) {
            reply(*body.refusal);
            return;
        }
        std::string note;
        if (const json::value* given = body.object.if_contains("note"); given != nullptr && !given->is_null()) {
            if (!given->is_string() || given->get_string().size() > note_bytes_max) {
                reply(problem_reply(Code::invalid_field, "",
                                    {{"#/note", "invalid", "must be a text of at most 500 bytes"}}));
                return;
            }
            note = printable(std::string_view(given->get_string()), note_bytes_max);
        }
        // An id that is no number is the id of nothing.
        const auto id = parse_id(call.path("id"));
        const TimePoint now = parts_.clock.now();
        const auto seen = [&]() -> Result<std::optional<store::Alert>> {
            if (!id) {
                return std::optional<store::Alert>();
            }
            POSTSEAL_TRY(const auto organisations, visible_to(call.actor));
            POSTSEAL_TRY(auto alert, parts_.store.alerts.acknowledge(organisations, *id, call.actor.text(), note, now));
            if (alert) {
                auto noted =
                    parts_.store.audit.add({now, alert->scope.organisation, call.actor.text(), "alert.acknowledge",
                                            alert->scope.domain, "", "alert=" + alert->what.kind, note});
                if (!noted) {
                    return noted.error();
                }
            }
            return alert;
        }();
        if (!seen) {
            reply(problem_of(seen.error()));
        } else if (!*seen) {
            reply(problem_reply(Code::not_found));
        } else {
            reply(json_reply(200, to_json(**seen)));
        }
    }

private:
    static net::HttpResponse wrong(std::string_view parameter, std::string_view message) {
        return problem_reply(Code::bad_request, "", {{std::string(parameter), "invalid", std::string(message)}});
    }

    static std::optional<std::int64_t> parse_id(const std::string& text) {
        const auto number = parse_decimal(text);
        return number && *number < static_cast<std::uint64_t>(id_max)
                   ? std::optional(static_cast<std::int64_t>(*number))
                   : std::nullopt;
    }

    // The installation's own alerts (organisation 0) are for its operator: on the socket, or signed in to his
    // organisation.
    [[nodiscard]] Result<std::vector<std::int64_t>> visible_to(const Actor& actor) const {
        std::vector<std::int64_t> out;
        if (actor.kind == Actor::Kind::local) {
            POSTSEAL_TRY(const auto all, parts_.store.accounts.organisations());
            out.push_back(0);
            for (const store::Organisation& organisation : all) {
                out.push_back(organisation.id);
            }
            return out;
        }
        POSTSEAL_TRY(const auto operators, parts_.operators_organisation());
        out.push_back(actor.organisation());
        if (operators.id == actor.organisation()) {
            out.push_back(0);
        }
        return out;
    }

    AlertParts parts_;
};

}  // namespace

void add_alert_routes(Router& router, const AlertParts& parts) {
    const auto api = std::make_shared<AlertsApi>(parts);
    router.add("GET", "/api/v1/alerts", Access::signed_in,
               [api](const Call& call, const Reply& reply) { api->list(call, reply); });
    router.add("POST", "/api/v1/alerts/{id}/acknowledge", Access::signed_in,
               [api](const Call& call, const Reply& reply) { api->acknowledge(call, reply); });
}

void publish_alerts(store::Alerts& alerts, const std::shared_ptr<Events>& events) {
    alerts.observe([events = std::weak_ptr<Events>(events)](store::AlertEvent, const store::Alert& alert) {
        if (const auto open_panels = events.lock()) {
            open_panels->publish(alert.scope.organisation, "alerts-changed",
                                 {{"domain", null_if_empty(alert.scope.domain)}});
        }
    });
}

}  // namespace postseal::console
