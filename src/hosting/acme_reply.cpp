#include "hosting/acme_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.h"

namespace postseal::hosting {

namespace {

namespace json = boost::json;

constexpr std::string_view error_prefix = "urn:ietf:params:acme:error:";
constexpr std::size_t subproblems_max = 3;

std::string words_of(const json::value& problem, std::size_t bytes_max) {
    std::string words = printable(text_at(problem, "detail"), bytes_max);
    return words.empty() ? printable(text_at(problem, "type"), 100) : words;
}

// RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT"; the two obsolete forms have not been sent for decades.
std::optional<TimePoint> parse_http_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    constexpr std::size_t size = 29;
    if (text.size() != size || text.substr(3, 2) != ", " || text.substr(25) != " GMT") {
        return std::nullopt;
    }
    const auto* const month = std::ranges::find(months, text.substr(8, 3));
    if (month == months.end()) {
        return std::nullopt;
    }
    return [&]() -> std::optional<TimePoint> {
        const auto time = parse_rfc3339(fmt::format("{}-{:02}-{}T{}Z", text.substr(12, 4), (month - months.begin()) + 1,
                                                    text.substr(5, 2), text.substr(17, 8)));
        return time ? std::optional(*time) : std::nullopt;
    }();
}

}  // namespace

std::string text_at(const json::value& value, std::string_view member) {
    const json::object* object = value.if_object();
    const json::value* found = object == nullptr ? nullptr : object->if_contains(member);
    const json::string* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

const json::array* array_at(const json::value& value, std::string_view member) {
    const json::object* object = value.if_object();
    const json::value* found = object == nullptr ? nullptr : object->if_contains(member);
    return found == nullptr ? nullptr : found->if_array();
}

AcmeReply read_acme_reply(int status, net::HttpHeaders headers, std::string_view content_type, std::string body) {
    AcmeReply reply;
    reply.status = status;
    reply.headers = std::move(headers);
    reply.body = std::move(body);
    if (content_type.find("json") != std::string_view::npos) {
        boost::system::error_code bad;
        reply.value = json::parse(reply.body, bad);
        if (bad) {
            reply.value = nullptr;
        }
    }
    if (const std::string type = text_at(reply.value, "type"); type.starts_with(error_prefix)) {
        reply.error = type.substr(error_prefix.size());
    }
    return reply;
}

std::string problem_words(const json::value& problem) {
    std::string words = words_of(problem, 500);
    if (const json::array* more = array_at(problem, "subproblems")) {
        for (std::size_t i = 0; i < std::min(more->size(), subproblems_max); ++i) {
            const json::value& one = (*more)[i];
            const json::object* object = one.if_object();
            const json::value* identifier = object == nullptr ? nullptr : object->if_contains("identifier");
            const std::string name = identifier == nullptr ? std::string() : text_at(*identifier, "value");
            words += "; " + (name.empty() ? std::string() : printable(name, 260) + ": ") + words_of(one, 300);
        }
        if (more->size() > subproblems_max) {
            words += fmt::format("; and {} more", more->size() - subproblems_max);
        }
    }
    return words.empty() ? "no reason given" : words;
}

AcmeFailure failure_of(const AcmeReply& reply) {
    if (reply.status == 429 || reply.error == "rateLimited") {
        return AcmeFailure::rate_limited;
    }
    if (reply.status >= 500 || reply.error == "serverInternal" || reply.error == "badNonce") {
        return AcmeFailure::unreachable;
    }
    return AcmeFailure::refused;
}

Error acme_error(const AcmeReply& reply, std::string_view what) {
    return {failure_of(reply) == AcmeFailure::refused ? Errc::refused : Errc::temporary, fmt::format("ACME {}", what),
            reply.value.is_object() ? problem_words(reply.value) : fmt::format("HTTP status {}", reply.status)};
}

std::optional<Seconds> retry_after(const net::HttpHeaders& headers, TimePoint now) {
    constexpr Seconds most{86'400};
    const std::string_view text = trim_wsp(net::find_header(headers, "Retry-After"));
    if (const auto seconds = parse_decimal(text)) {
        return Seconds(
            static_cast<std::int64_t>(std::min<std::uint64_t>(*seconds, static_cast<std::uint64_t>(most.count()))));
    }
    const auto date = parse_http_date(text);
    return date ? std::optional(std::clamp(Seconds(*date - now), Seconds(0), most)) : std::nullopt;
}

}  // namespace postseal::hosting
