#include "console/console.h"

#include <utility>

#include "base/text.h"
#include "console/alerts_api.h"
#include "console/audit_api.h"
#include "console/cache_api.h"
#include "console/certificates_api.h"
#include "console/domain_json.h"
#include "console/domains_api.h"
#include "console/events.h"
#include "console/fetches_api.h"
#include "console/http_reply.h"
#include "console/kept_mails_api.h"
#include "console/mx_api.h"
#include "console/overrides_api.h"
#include "console/query_api.h"
#include "console/reporter_api.h"
#include "console/reports_api.h"
#include "console/router.h"
#include "console/session_api.h"
#include "console/session_guard.h"
#include "console/static_files.h"

namespace postseal::embedded {
EmbeddedFiles web();
}

namespace postseal::console {

struct Console::Impl : std::enable_shared_from_this<Impl> {
    Impl(const ConsoleParts& given_parts, ConsoleSettings given_settings)
        : parts(given_parts),
          settings(std::move(given_settings)),
          guard(parts.store, parts.clock),
          sessions(parts.store, parts.clock, settings, events),
          files(embedded::web()) {
        sessions.add_routes(router);
        add_event_routes(router, events);
        const DomainsParts domains{parts.hosting, parts.work,    parts.store,
                                   parts.clock,   settings.zone, [this] { return sessions.operators_organisation(); }};
        add_domains_routes(router, domains);
        add_mx_routes(router, domains);
        add_certificates_routes(router, domains);
        add_fetches_routes(router, parts.store, parts.clock);
        add_reports_routes(router, parts.store, parts.clock);
        add_kept_mail_routes(router, {parts.store, parts.clock, parts.mail_intake,
                                      [this] { return sessions.operators_organisation(); }});
        add_audit_routes(router, parts.store);
        add_alert_routes(router, {parts.store, parts.clock, [this] { return sessions.operators_organisation(); }});
        publish_alerts(parts.store.alerts, events);
        add_query_routes(router, parts.policy_daemon);
        add_cache_routes(router, parts.policy_daemon, parts.store, parts.clock);
        add_override_routes(router, parts.policy_daemon, parts.store, parts.clock);
        add_reporter_routes(router, {parts.reporter, parts.collector, parts.log_intakes, parts.store, parts.clock,
                                     settings.reporter_organization_name, settings.reporter_contact,
                                     settings.reporter_caps, settings.reporter_spread});
    }

    // On the connection's loop.
    void answer(net::HttpRequest request, Door door, const Reply& reply) {
        Router::Match match = router.find(request.method, request.path);
        if (!match.handler) {
            reply(no_route(match));
            return;
        }
        parts.work.submit(
            [self = shared_from_this(), match = std::move(match), request = std::move(request), door, reply]() mutable {
                SessionGuard::Admission admission = self->guard.admit(request, door, match.access);
                if (admission.refusal) {
                    reply(std::move(*admission.refusal));
                    return;
                }
                match.handler(Call{std::move(request), std::move(match.path_parameters), std::move(admission.actor)},
                              reply);
            });
    }

    // The panel's listener: files for what is neither REST nor a link to sign in with.
    void answer_panel(net::HttpRequest request, const Reply& reply) {
        const Reply secured = [reply](net::HttpResponse response) {
            add_security_headers(response);
            reply(std::move(response));
        };
        // HEAD does not use a link up: mail programs and chat servers look at links before people do.
        const bool link = request.path == "/sign-in" && request.method == "GET" && request.parameter("token");
        if (link || request.path.starts_with("/api/")) {
            answer(std::move(request), Door::panel, secured);
        } else {
            secured(files.reply(request));
        }
    }

    static net::HttpResponse no_route(const Router::Match& match) {
        if (match.allowed.empty()) {
            return problem_reply(Code::not_found);
        }
        net::HttpResponse response = problem_reply(Code::method_not_allowed);
        response.headers.emplace_back("Allow", join(match.allowed, ", "));
        return response;
    }

    ConsoleParts parts;
    ConsoleSettings settings;
    SessionGuard guard;
    const std::shared_ptr<Events> events = std::make_shared<Events>();
    SessionApi sessions;
    StaticFiles files;
    Router router;
    net::Timer keep_alive;  // of parts.loop
};

Console::Console(const ConsoleParts& parts, ConsoleSettings settings)
    : impl_(std::make_shared<Impl>(parts, std::move(settings))) {
    static constexpr std::chrono::seconds interval{15};
    if (impl_->parts.hosting != nullptr) {
        impl_->parts.hosting->observe([events = impl_->events](hosting::DomainEvent event, const store::Domain& domain,
                                                               std::optional<mtasts::Mode> mode) {
            const NamedEvent named = to_event(event, domain, mode);
            events->publish(domain.organisation, named.name, named.data);
        });
    }
    impl_->parts.loop.sync([impl = impl_.get()] {
        impl->keep_alive = impl->parts.loop.every(
            interval, [events = impl->events, clock = &impl->parts.clock] { events->keep_alive(clock->now()); });
    });
}

Console::~Console() {
    impl_->parts.loop.sync([this] { impl_->keep_alive.cancel(); });
    impl_->events->close_all();
}

void Console::publish(std::int64_t organisation, std::string_view name, const boost::json::object& data) {
    impl_->events->publish(organisation, name, data);
}

net::HttpServer::Handler Console::panel_handler() const {
    return
        [impl = impl_](net::HttpRequest request, const Reply& reply) { impl->answer_panel(std::move(request), reply); };
}

net::HttpServer::Handler Console::socket_handler() const {
    return [impl = impl_](net::HttpRequest request, const Reply& reply) {
        impl->answer(std::move(request), Door::socket, reply);
    };
}

}  // namespace postseal::console
