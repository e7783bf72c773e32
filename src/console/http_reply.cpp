#include "console/http_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

struct Meaning {
    int status;
    std::string_view word;
    std::string_view title;
};

Meaning meaning_of(Code code) {
    switch (code) {
        case Code::bad_request:
            return {400, "bad-request", "The request cannot be read"};
        case Code::not_signed_in:
            return {401, "not-signed-in", "Sign in first"};
        case Code::csrf:
            return {403, "csrf", "The request did not come from the panel"};
        case Code::forbidden:
            return {403, "forbidden", "Not allowed"};
        case Code::not_found:
            return {404, "not-found", "No such thing"};
        case Code::method_not_allowed:
            return {405, "method-not-allowed", "Not with this method"};
        case Code::link_invalid:
            return {403, "link-invalid", "The link was used already or has expired"};
        case Code::invalid_field:
            return {422, "invalid-field", "A field is wrong"};
        case Code::gate_refused:
            return {409, "gate-refused", "The domain is not ready for enforce"};
        case Code::wrong_state:
            return {409, "wrong-state", "Not possible in this state"};
        case Code::conflict:
            return {409, "conflict", "Something else is in the way"};
        case Code::too_large:
            return {413, "bad-request", "The request is too large"};
        case Code::too_many_requests:
            return {429, "too-many-requests", "Too often"};
        case Code::unavailable:
            return {503, "unavailable", "Not available now"};
        case Code::internal:
            return {500, "internal", "Something went wrong here"};
    }
    return {500, "internal", "Something went wrong here"};
}

// A JSON pointer's reference token (RFC 6901 §3).
std::string escaped(std::string_view member) {
    std::string out;
    for (const char c : member) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

bool is_json(std::string_view content_type) {
    return iequals(trim_wsp(content_type.substr(0, content_type.find(';'))), "application/json");
}

}  // namespace

net::HttpResponse json_reply(int status, const json::value& body) {
    net::HttpResponse response = net::HttpResponse::json(status, json::serialize(body));
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

namespace {

net::HttpResponse without_body(int status) {
    net::HttpResponse response;
    response.status = status;
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

}  // namespace

net::HttpResponse no_content() {
    return without_body(204);
}

net::HttpResponse accepted() {
    return without_body(202);
}

net::HttpResponse problem_reply(Code code, std::string_view detail, const std::vector<FieldError>& errors,
                                json::object more) {
    const Meaning meaning = meaning_of(code);
    json::object body = std::move(more);
    body["type"] = fmt::format("urn:postseal:problem:{}", meaning.word);
    body["title"] = meaning.title;
    body["status"] = meaning.status;
    if (!detail.empty()) {
        // Bytes of the client may be quoted in it: JSON is UTF-8 (RFC 8259 §8.1).
        body["detail"] = to_valid_utf8(detail);
    }
    if (!errors.empty()) {
        json::array list;
        for (const FieldError& error : errors) {
            list.push_back(json::object{{"pointer", to_valid_utf8(error.pointer)},
                                        {"code", error.code},
                                        {"message", to_valid_utf8(error.message)}});
        }
        body["errors"] = std::move(list);
    }
    net::HttpResponse response;
    response.status = meaning.status;
    response.headers = {{"Content-Type", "application/problem+json"}, {"Cache-Control", "no-store"}};
    response.body = json::serialize(body);
    return response;
}

net::HttpResponse problem_of(const Error& error) {
    switch (error.code) {
        case Errc::invalid_input:
        case Errc::limit_exceeded:
            return problem_reply(Code::bad_request, error.message());
        case Errc::not_found:
            return problem_reply(Code::not_found, error.message());
        case Errc::refused:
            return problem_reply(Code::wrong_state, error.message());
        case Errc::temporary:
            return problem_reply(Code::unavailable, "ask again in a moment");
        case Errc::unavailable:
            // Its own words may tell a tenant about the machine.
            return problem_reply(Code::unavailable, error.where == "disk"
                                                        ? "the disk of the database is full: nothing was changed"
                                                    : error.where == "database"
                                                        ? "the database does not take it now: ask again in a moment"
                                                        : "not possible now: ask again in a moment");
        case Errc::internal:
            break;
    }
    return problem_reply(Code::internal);
}

Body read_body(const net::HttpRequest& request, std::initializer_list<std::string_view> known) {
    const auto refuse = [](Code code, std::string_view why, std::vector<FieldError> errors = {}) {
        return Body{{}, problem_reply(code, why, errors)};
    };
    if (request.body.size() > body_bytes_max) {
        return refuse(Code::too_large, "a body may have 64 KiB");
    }
    if (!is_json(request.header("Content-Type"))) {
        return refuse(Code::bad_request, "Content-Type: application/json is asked for");
    }
    boost::system::error_code error;
    json::parse_options options;
    options.max_depth = 16;
    json::value value = json::parse(request.body, error, {}, options);
    if (error || !value.is_object()) {
        return refuse(Code::bad_request, "the body is not a JSON object");
    }
    json::object& object = value.get_object();
    for (const auto& member : object) {
        if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
            const std::string pointer = "#/" + escaped(member.key());
            return refuse(Code::invalid_field, pointer + ": unknown field",
                          {{pointer, "unknown-field", "there is no such field"}});
        }
    }
    return {std::move(object), std::nullopt};
}

std::optional<std::int64_t> number_parameter(const net::HttpRequest& request, std::string_view name,
                                             std::int64_t fallback, std::int64_t least, std::int64_t most) {
    const auto text = request.parameter(name);
    if (!text) {
        return fallback;
    }
    const auto number = parse_decimal(*text);
    if (!number || std::cmp_less(*number, least) || std::cmp_greater(*number, most)) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(*number);
}

net::HttpResponse number_refusal(std::string_view name, std::int64_t least, std::int64_t most) {
    const std::string why = fmt::format("not a number from {} to {}", least, most);
    return problem_reply(Code::bad_request, fmt::format("{}: {}", name, why),
                         {{std::string(name), "out-of-range", why}});
}

json::value or_null(const std::optional<TimePoint>& time) {
    return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

json::value or_null(const std::optional<std::string>& text) {
    return text ? json::value(*text) : json::value(nullptr);
}

json::value null_if_empty(std::string_view text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array array_of(const std::vector<std::string>& texts) {
    json::array out;
    for (const std::string& text : texts) {
        out.emplace_back(text);
    }
    return out;
}

}  // namespace postseal::console
