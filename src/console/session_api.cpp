#include "console/session_api.h"

#include <algorithm>

#include "base/text.h"
#include "console/http_reply.h"
#include "console/session_guard.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

constexpr std::size_t link_token_bytes_max = 200;

// Behind a proxy the request itself is plain; what the browser sees is in public_url.
Scheme scheme_of(const net::HttpRequest& request, const ConsoleSettings& settings) {
    return request.secure || istarts_with(settings.public_url, "https://") ? Scheme::https : Scheme::http;
}

net::HttpResponse redirect(std::string to) {
    net::HttpResponse response;
    response.status = 303;
    // The address held a token: it must stay neither in a cache nor in a Referer.
    response.headers = {{"Location", std::move(to)}, {"Cache-Control", "no-store"}, {"Referrer-Policy", "no-referrer"}};
    return response;
}

}  // namespace

void SessionApi::add_routes(Router& router) {
    router.add("GET", "/sign-in", Access::open,
               [this](const Call& call, const Reply& reply) { follow_link(call, reply); });
    router.add("GET", "/api/v1/session", Access::signed_in,
               [this](const Call& call, const Reply& reply) { who_am_i(call, reply); });
    router.add("POST", "/api/v1/session", Access::open,
               [this](const Call& call, const Reply& reply) { exchange(call, reply); });
    router.add("DELETE", "/api/v1/session", Access::signed_in,
               [this](const Call& call, const Reply& reply) { sign_out(call, reply); });
    router.add("POST", "/api/v1/sign-in-links", Access::signed_in,
               [this](const Call& call, const Reply& reply) { make_link(call, reply); });
}

Result<store::Organisation> SessionApi::operators_organisation() {
    POSTSEAL_TRY(auto organisations, store_->accounts.organisations());
    if (organisations.empty()) {
        return store_->accounts.organisation(settings_.organization, clock_->now());
    }
    return *std::ranges::min_element(organisations, {}, &store::Organisation::id);
}

Result<SessionApi::SignedIn> SessionApi::sign_in(const std::string& link_token) {
    const TimePoint now = clock_->now();
    if (link_token.size() > link_token_bytes_max) {
        return Error{Errc::refused, "sign-in link", "it is too long"};
    }
    POSTSEAL_TRY(auto token, store_->accounts.sign_in(link_token, now, now + settings_.session_life));
    POSTSEAL_TRY(auto session, store_->accounts.session(token, now));
    const std::int64_t organisation = session.user.organisation;
    SignedIn signed_in{std::move(session), std::move(token)};
    if (const auto noted = note({Actor::Kind::user, signed_in.session}, organisation, "session.sign-in"); !noted) {
        return noted.error();
    }
    return signed_in;
}

void SessionApi::follow_link(const Call& call, const Reply& reply) {
    const auto signed_in = sign_in(call.request.parameter("token").value_or(""));
    if (!signed_in) {
        reply(signed_in.error().code == Errc::refused ? redirect("/sign-in?problem=link-invalid")
                                                      : problem_of(signed_in.error()));
        return;
    }
    net::HttpResponse response = redirect("/");
    response.headers.emplace_back(
        "Set-Cookie", session_cookie(signed_in->token, settings_.session_life, scheme_of(call.request, settings_)));
    reply(std::move(response));
}

void SessionApi::exchange(const Call& call, const Reply& reply) {
    Body body = read_body(call.request, {"token"});
    if (body.refusal) {
        reply(std::move(*body.refusal));
        return;
    }
    const json::value* token = body.object.if_contains("token");
    if (token == nullptr || !token->is_string() || token->get_string().empty()) {
        const std::string why = "the token of a sign-in link is asked for";
        reply(problem_reply(Code::invalid_field, "token: " + why, {{"#/token", "missing", why}}));
        return;
    }
    const auto signed_in = sign_in(std::string(token->get_string()));
    if (!signed_in) {
        reply(signed_in.error().code == Errc::refused ? problem_reply(Code::link_invalid)
                                                      : problem_of(signed_in.error()));
        return;
    }
    const auto who = to_json(signed_in->session);
    if (!who) {
        reply(problem_of(who.error()));
        return;
    }
    net::HttpResponse response = json_reply(200, *who);
    response.headers.emplace_back(
        "Set-Cookie", session_cookie(signed_in->token, settings_.session_life, scheme_of(call.request, settings_)));
    reply(std::move(response));
}

void SessionApi::who_am_i(const Call& call, const Reply& reply) {
    if (!call.actor.session) {
        reply(problem_reply(Code::not_signed_in, "the local socket has no session"));
        return;
    }
    const auto who = to_json(*call.actor.session);
    reply(who ? json_reply(200, *who) : problem_of(who.error()));
}

void SessionApi::sign_out(const Call& call, const Reply& reply) {
    if (!call.actor.session) {
        reply(problem_reply(Code::not_signed_in, "the local socket has no session"));
        return;
    }
    const auto done = store_->accounts.sign_out(std::string(cookie_of(call.request, session_cookie_name)));
    if (!done) {
        reply(problem_of(done.error()));
        return;
    }
    events_->close_session(call.actor.session->token_hash);
    // The session is gone already: failing now would only tell the panel that it is not.
    (void)note(call.actor, call.actor.organisation(), "session.sign-out");
    net::HttpResponse response = no_content();
    response.headers.emplace_back("Set-Cookie", ended_session_cookie(scheme_of(call.request, settings_)));
    reply(std::move(response));
}

void SessionApi::make_link(const Call& call, const Reply& reply) {
    const TimePoint now = clock_->now();
    const TimePoint expires = now + settings_.sign_in_link_life;
    const auto token = [&]() -> Result<std::string> {
        if (call.actor.session) {
            return store_->accounts.make_sign_in_token(call.actor.session->user.id, expires);
        }
        POSTSEAL_TRY(const auto organisation, operators_organisation());
        POSTSEAL_TRY(const auto user, store_->accounts.user(organisation.id, "operator", now));
        return store_->accounts.make_sign_in_token(user.id, expires);
    }();
    if (!token) {
        reply(problem_of(token.error()));
        return;
    }
    if (const auto noted = note(call.actor, call.actor.organisation(), "session.link"); !noted) {
        reply(problem_of(noted.error()));
        return;
    }
    std::string url = settings_.public_url;
    while (url.ends_with('/')) {
        url.pop_back();
    }
    reply(json_reply(201, json::object{{"url", url + "/sign-in?token=" + *token}, {"expires", to_rfc3339(expires)}}));
}

Result<json::object> SessionApi::to_json(const store::Session& session) {
    POSTSEAL_TRY(const auto organisations, store_->accounts.organisations());
    const auto organisation = std::ranges::find(organisations, session.user.organisation, &store::Organisation::id);
    return json::object{
        // Users have no roles of their own yet: each is an owner of the organisation.
        {"user", json::object{{"name", session.user.name}, {"role", "owner"}}},
        {"organization",
         json::object{{"name", organisation == organisations.end() ? std::string() : organisation->name}}},
        {"language", null_if_empty(session.user.language)},
        {"csrf_token", session.csrf_token},
        {"expires", to_rfc3339(session.expires)},
        {"installation", json::object{{"version", POSTSEAL_VERSION},
                                      {"zone", null_if_empty(settings_.zone.text())},
                                      {"intake_host", null_if_empty(settings_.intake_host)},
                                      {"roles", array_of(settings_.roles)}}}};
}

Result<void> SessionApi::note(const Actor& actor, std::int64_t organisation, std::string action) {
    return store_->audit.add({.at = clock_->now(),
                              .organisation = organisation,
                              .actor = actor.text(),
                              .action = std::move(action),
                              .subject = {},
                              .before = {},
                              .after = {},
                              .reason = {}});
}

}  // namespace postseal::console
