#include "console/session_guard.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/text.h"
#include "console/http_reply.h"

namespace postseal::console {

namespace {

// A token has 43 characters; what is far longer is not worth hashing.
constexpr std::size_t token_bytes_max = 200;

SessionGuard::Admission refuse(Code code, std::string_view detail) {
    return {Actor{}, problem_reply(code, detail)};
}

std::string cookie_with(std::string_view value, Seconds life, Scheme scheme) {
    return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", session_cookie_name, value,
                       life.count(), scheme == Scheme::https ? "; Secure" : "");
}

}  // namespace

std::string_view cookie_of(const net::HttpRequest& request, std::string_view name) {
    for (const std::string_view pair : split(request.header("Cookie"), ';')) {
        const std::string_view trimmed = trim_wsp(pair);
        const std::size_t equals = trimmed.find('=');
        if (equals != std::string_view::npos && trimmed.substr(0, equals) == name) {
            return trimmed.substr(equals + 1);
        }
    }
    return {};
}

std::string session_cookie(std::string_view token, Seconds life, Scheme scheme) {
    return cookie_with(token, life, scheme);
}

std::string ended_session_cookie(Scheme scheme) {
    return cookie_with("", Seconds(0), scheme);
}

bool changes_something(std::string_view method) {
    return method != "GET" && method != "HEAD";
}

bool csrf_token_fits(const net::HttpRequest& request, const store::Session& session) {
    const std::string_view given = request.header("X-CSRF-Token");
    // An empty token would fit an empty header: a session without one is a broken row, never a free pass.
    return !session.csrf_token.empty() && equal_constant_time(as_bytes(given), as_bytes(session.csrf_token));
}

SessionGuard::Admission SessionGuard::admit(const net::HttpRequest& request, Door door, Access access) const {
    if (door == Door::socket) {
        return {Actor{Actor::Kind::local, std::nullopt}, std::nullopt};
    }
    if (access == Access::open) {
        return {};
    }
    if (access == Access::local_only) {
        return refuse(Code::forbidden, "only on the local socket");
    }
    const std::string_view token = cookie_of(request, session_cookie_name);
    if (token.empty() || token.size() > token_bytes_max) {
        return refuse(Code::not_signed_in, {});
    }
    auto session = store_->accounts.session(std::string(token), clock_->now());
    if (!session) {
        return session.error().code == Errc::not_found ? refuse(Code::not_signed_in, {})
                                                       : Admission{Actor{}, problem_of(session.error())};
    }
    if (changes_something(request.method) && !csrf_token_fits(request, *session)) {
        return refuse(Code::csrf, "X-CSRF-Token is missing or not this session's");
    }
    return {Actor{Actor::Kind::user, std::move(*session)}, std::nullopt};
}

}  // namespace postseal::console
