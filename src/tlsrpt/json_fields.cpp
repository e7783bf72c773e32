#include "tlsrpt/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "dns/name.h"
#include "dns/record.h"
#include "tlsrpt/dom.h"

namespace postseal::tlsrpt {

namespace {

std::string_view trim_controls(std::string_view text) {
    const auto is_edge = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
    while (!text.empty() && is_edge(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_edge(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

bool is_in_calendar(TimePoint time) {
    using std::chrono::sys_days;
    using namespace std::chrono_literals;
    return time >= sys_days{1970y / 1 / 1} && time < sys_days{9999y / 12 / 31};
}

}  // namespace

std::string JsonPath::text(std::string_view member) const {
    std::string path;
    if (policy != none) {
        path = fmt::format("policies[{}]", policy);
    }
    if (detail != none) {
        path += fmt::format(".failure-details[{}]", detail);
    }
    if (!member.empty()) {
        path += path.empty() ? "" : ".";
        path += member;
    }
    return path.empty() ? "report" : path;
}

void JsonFields::deviates(std::string_view code, std::string_view member, std::string_view what) {
    // A million bad addresses must not cost a million messages.
    if (deviations_.is_full(code)) {
        deviations_.add(code, {});
    } else {
        deviations_.add(code, fmt::format("{}: {}", path_.text(member), what));
    }
}

std::optional<dom::element> JsonFields::find(std::string_view name, std::string_view synonym) {
    dom::element element;
    if (!object_.at_key(name).get(element)) {
        return element.is_null() ? std::optional<dom::element>() : element;
    }
    if (!synonym.empty() && !object_.at_key(synonym).get(element) && !element.is_null()) {
        deviates(deviation::member_name, synonym, fmt::format("read as {}", name));
        return element;
    }
    return std::nullopt;
}

std::optional<std::string> JsonFields::text_of(dom::element element, std::string_view name) {
    std::string result;
    switch (element.type()) {
        case dom::element_type::STRING:
            result = clean_text(string_in(element));
            break;
        case dom::element_type::ARRAY: {
            deviates(deviation::not_a_string, name, "a list where a string belongs");
            for (const dom::element item : array_in(element)) {
                if (item.is_string()) {
                    result += result.empty() ? "" : ", ";
                    result += clean_text(string_in(item));
                }
            }
            break;
        }
        case dom::element_type::OBJECT:
            deviates(deviation::not_a_string, name, "an object where a string belongs");
            break;
        case dom::element_type::NULL_VALUE:
            break;
        default:
            deviates(deviation::not_a_string, name, "a number or truth value where a string belongs");
            result = simdjson::minify(element);
    }
    return result.empty() ? std::nullopt : std::optional(std::move(result));
}

std::optional<std::string> JsonFields::text(std::string_view name, std::string_view synonym) {
    const auto element = find(name, synonym);
    return element ? text_of(*element, name) : std::nullopt;
}

std::vector<std::string> JsonFields::list(std::string_view name, std::string_view synonym) {
    std::vector<std::string> result;
    const auto element = find(name, synonym);
    if (!element) {
        return result;
    }
    const auto take = [&](dom::element item) {
        if (auto text = text_of(item, name)) {
            result.push_back(std::move(*text));
        }
    };
    if (element->is_array()) {
        for (const dom::element item : array_in(*element)) {
            if (!item.is_array()) {
                take(item);
                continue;
            }
            deviates(deviation::policy_string_nested, name, "a list inside the list");
            for (const dom::element inner : array_in(item)) {
                take(inner);
            }
        }
    } else {
        deviates(deviation::not_a_list, name, "one string where a list belongs");
        if (const auto whole = text_of(*element, name)) {
            for (const std::string_view line : split(*whole, '\n')) {
                if (auto text = clean_text(line); !text.empty()) {
                    result.push_back(std::move(text));
                }
            }
        }
    }
    return result;
}

std::uint64_t JsonFields::clamped(std::string_view name) {
    deviates(deviation::count_clamped, name, fmt::format("too large to be a count, read as {}", count_max));
    return count_max;
}

std::uint64_t JsonFields::count_of(dom::element element, std::string_view name) {
    switch (element.type()) {
        case dom::element_type::UINT64:
        case dom::element_type::INT64: {
            std::uint64_t value = 0;
            if (element.get_uint64().get(value)) {
                deviates(deviation::count_negative, name, "negative, read as 0");
                return 0;
            }
            return value > count_max ? clamped(name) : value;
        }
        case dom::element_type::DOUBLE: {
            const double value = double_in(element);
            deviates(deviation::count_not_an_integer, name, fmt::format("{}, not an integer", value));
            if (value < 0) {
                deviates(deviation::count_negative, name, "negative, read as 0");
                return 0;
            }
            return value > static_cast<double>(count_max) ? clamped(name)
                                                          : static_cast<std::uint64_t>(std::floor(value));
        }
        case dom::element_type::STRING: {
            const std::string text = clean_text(string_in(element));
            deviates(deviation::count_is_a_string, name, fmt::format("the string {} instead of a number", shown(text)));
            const bool negative = text.starts_with('-');
            const std::string_view digits = std::string_view(text).substr(negative ? 1 : 0);
            const std::string_view integer = digits.substr(0, digits.find('.'));
            const bool all_digits = !integer.empty() && std::all_of(integer.begin(), integer.end(), is_digit);
            if (!all_digits) {
                deviates(deviation::count_unreadable, name, fmt::format("{} read as 0", shown(text)));
                return 0;
            }
            if (integer.size() != digits.size()) {
                deviates(deviation::count_not_an_integer, name, fmt::format("{}, not an integer", shown(text)));
            }
            const auto value = parse_decimal(integer);
            if (negative && value.value_or(1) != 0) {
                deviates(deviation::count_negative, name, "negative, read as 0");
                return 0;
            }
            return !value || *value > count_max ? clamped(name) : *value;
        }
        default:
            deviates(deviation::count_unreadable, name, "not a number, read as 0");
            return 0;
    }
}

std::uint64_t JsonFields::count(std::string_view name) {
    const auto element = find(name);
    if (!element) {
        deviates(deviation::missing(name), name, "missing, read as 0");
        return 0;
    }
    return count_of(*element, name);
}

std::optional<TimePoint> JsonFields::time(std::string_view name, Bound bound) {
    const auto element = find(name);
    std::optional<std::string> text;
    if (element && (element->is_uint64() || element->is_int64())) {
        text = simdjson::minify(*element);  // seconds since 1970, as file names have them
    } else if (element) {
        text = text_of(*element, name);
    }
    if (!text) {
        deviates(deviation::missing(name), name, "missing");
        return std::nullopt;
    }
    const auto time = time_of(*text, name, bound);
    if (!time || !is_in_calendar(*time)) {
        deviates(deviation::date_time_unreadable, name, fmt::format("{} is not a date-time", shown(*text)));
        return std::nullopt;
    }
    return time;
}

std::optional<TimePoint> JsonFields::time_of(std::string_view text, std::string_view name, Bound bound) {
    if (const auto time = parse_rfc3339(text)) {
        const bool utc =
            text.ends_with('Z') || text.ends_with('z') || text.ends_with("+00:00") || text.ends_with("-00:00");
        if (!utc) {
            deviates(deviation::date_time_with_offset, name, fmt::format("{} has an offset from UTC", shown(text)));
        }
        return *time;
    }
    // RPT-022: reports of Microsoft lacked the zone for years; they meant UTC.
    if (const auto time = parse_rfc3339(text, Zone::optional)) {
        deviates(deviation::date_time_without_zone, name, fmt::format("{} has no time zone, read as UTC", shown(text)));
        return *time;
    }
    const auto unusual = [&](TimePoint time) {
        deviates(deviation::date_time_unusual, name, fmt::format("{} is not in the form of RFC 3339", shown(text)));
        return time;
    };
    // UTC by its name.
    for (const std::string_view zone : {" UTC", " GMT"}) {
        if (text.ends_with(zone)) {
            if (const auto time = parse_rfc3339(std::string(text.substr(0, text.size() - zone.size())) + "Z")) {
                return unusual(*time);
            }
        }
    }
    // No seconds: "2026-01-31T00:00Z".
    if (text.size() >= 16 && (text.size() == 16 || std::string_view("Zz+-").find(text[16]) != std::string_view::npos)) {
        std::string with_seconds(text);
        with_seconds.insert(16, ":00");
        if (const auto time = parse_rfc3339(with_seconds, Zone::optional)) {
            return unusual(*time);
        }
    }
    // 24:00:00 is the next day's beginning in ISO 8601, and not in RFC 3339.
    if (const auto at = text.find("24:00:00"); at == 11) {
        std::string midnight(text);
        midnight.replace(at, 8, "00:00:00");
        if (const auto time = parse_rfc3339(midnight, Zone::optional)) {
            return unusual(*time + std::chrono::days(1));
        }
    }
    // "+0000" without its colon.
    if (text.size() > 20 && (text[text.size() - 5] == '+' || text[text.size() - 5] == '-')) {
        std::string with_colon(text);
        with_colon.insert(text.size() - 2, ":");
        if (const auto time = parse_rfc3339(with_colon)) {
            return unusual(*time);
        }
    }
    if (const auto day = parse_iso_day(text)) {
        return unusual(bound == Bound::begin ? TimePoint(*day) : TimePoint(*day) + std::chrono::days(1) - Seconds(1));
    }
    if (const auto seconds = parse_decimal(text); seconds && *seconds < 253'402'300'800) {
        return unusual(TimePoint(Seconds(*seconds)));
    }
    return std::nullopt;
}

std::optional<std::string> JsonFields::domain(std::string_view name) {
    auto text = this->text(name);
    if (!text) {
        return std::nullopt;
    }
    DomainText domain = normalise_domain(*text, Wildcard::refused);
    if (!domain.is_domain) {
        deviates(deviation::not_a_domain, name, fmt::format("{} is not a domain name", shown(*text)));
    } else if (domain.had_u_labels) {
        // RFC 8460 §4.4 (RPT-026)
        deviates(deviation::domain_not_a_label, name, fmt::format("{} is not written in A-labels", shown(*text)));
    } else if (domain.text != *text) {
        deviates(deviation::domain_form, name, fmt::format("{} read as {}", shown(*text), domain.text));
    }
    return std::move(domain.text);
}

std::optional<std::string> JsonFields::ip(std::string_view name) {
    auto text = this->text(name);
    if (!text) {
        return std::nullopt;
    }
    if (auto ip = normalise_ip(*text)) {
        return ip;
    }
    std::string_view inner = *text;
    if (inner.starts_with('[') && inner.ends_with(']')) {
        inner = inner.substr(1, inner.size() - 2);
    }
    if (istarts_with(inner, "ipv6:")) {
        inner.remove_prefix(5);
    }
    if (auto ip = normalise_ip(inner)) {
        deviates(deviation::ip_form, name, fmt::format("{} is an address in brackets", shown(*text)));
        return ip;
    }
    // RPT-030. Kept as it came, since it may be all that tells who sent: nothing in Postseal takes it for an address.
    deviates(deviation::ip_invalid, name, fmt::format("{} is not an IP address", shown(*text)));
    return text;
}

std::string clean_text(std::string_view text) {
    text = trim_controls(text);
    if (text.find('\0') == std::string_view::npos) {
        return std::string(text);
    }
    std::string out;
    for (const char c : text) {
        out += c == '\0' ? std::string_view("\xef\xbf\xbd") : std::string_view(&c, 1);
    }
    return out;
}

DomainText normalise_domain(std::string_view text, Wildcard wildcard) {
    DomainText result;
    std::string_view base = text;
    const bool pattern = wildcard == Wildcard::allowed && base.starts_with("*.");
    if (pattern) {
        base.remove_prefix(2);
    }
    const auto name = dns::Name::parse(base);
    if (!name || name->is_root()) {
        result.text = text;
        return result;
    }
    result.is_domain = true;
    result.had_u_labels = std::any_of(base.begin(), base.end(), [](char c) { return static_cast<signed char>(c) < 0; });
    result.text = (pattern ? "*." : "") + name->text();
    return result;
}

std::optional<std::string> normalise_ip(std::string_view text) {
    const auto address = dns::IpAddress::parse(text);
    if (!address) {
        return std::nullopt;
    }
    // RPT-030: ::ffff:192.0.2.1 is how a socket shows an IPv4 peer; the session went over IPv4.
    static constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const ByteView octets = address->octets();
    if (!address->is_v4() && std::equal(mapped.begin(), mapped.end(), octets.begin())) {
        return dns::IpAddress::v4({octets[12], octets[13], octets[14], octets[15]}).text();
    }
    return address->text();
}

std::string helo_name(std::string_view text) {
    // Line ends also come escaped once too often, as a backslash and a letter (tlsrpt-reporter).
    const auto line_end = std::min({text.find_first_of("\r\n"), text.find("\\r"), text.find("\\n")});
    const bool several_lines = line_end != std::string_view::npos;
    std::string_view line = text.substr(0, line_end);
    const bool reply = line.size() > 4 && is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]) &&
                       (line[3] == '-' || line[3] == ' ');
    if (!reply && !several_lines) {
        return std::string(text);
    }
    if (reply) {
        line.remove_prefix(4);
    }
    // RFC 5321 §4.1.1.1: the domain comes first, a greeting may follow.
    line = trim_wsp(line);
    return std::string(line.substr(0, line.find(' ')));
}

}  // namespace postseal::tlsrpt
