// The bodies of the REST interface: JSON in, JSON or a problem (RFC 9457) out, as api/openapi.json describes them.
#pragma once

#include <boost/json.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/http_server.h"

namespace postseal::console {

constexpr std::size_t body_bytes_max = std::size_t{64} << 10;

net::HttpResponse json_reply(int status, const boost::json::value& body);
net::HttpResponse no_content();
net::HttpResponse accepted();  // 202: it goes on, and an event tells when it is done

// The words of `urn:postseal:problem:…`; each has one status and one title.
enum class Code {
    bad_request,
    not_signed_in,
    csrf,
    forbidden,
    not_found,
    method_not_allowed,
    link_invalid,
    invalid_field,
    gate_refused,
    wrong_state,
    conflict,
    too_large,
    too_many_requests,
    unavailable,
    internal,
};

// One wrong field: a JSON pointer into the body ("#/domain") or the name of a query parameter.
struct FieldError {
    std::string pointer;
    std::string code;  // a stable word that the panel translates
    std::string message;
};

net::HttpResponse problem_reply(Code code, std::string_view detail = {}, const std::vector<FieldError>& errors = {},
                                boost::json::object more = {});
// What an Error of the modules below means to a client. What was going wrong inside is not told.
net::HttpResponse problem_of(const Error& error);

// A JSON object that has no members but `known`; otherwise the reply that says why not. Asking for application/json
// also keeps a foreign page's form from getting here: a browser asks first before it sends that (CORS preflight).
struct Body {
    boost::json::object object;
    std::optional<net::HttpResponse> refusal;
};
Body read_body(const net::HttpRequest& request, std::initializer_list<std::string_view> known);

// A whole number between the bounds, `fallback` when the parameter is absent; nothing when it is anything else.
std::optional<std::int64_t> number_parameter(const net::HttpRequest& request, std::string_view name,
                                             std::int64_t fallback, std::int64_t least, std::int64_t most);
net::HttpResponse number_refusal(std::string_view name, std::int64_t least, std::int64_t most);

boost::json::value or_null(const std::optional<TimePoint>& time);
boost::json::value or_null(const std::optional<std::string>& text);
boost::json::value null_if_empty(std::string_view text);
boost::json::array array_of(const std::vector<std::string>& texts);

}  // namespace postseal::console
