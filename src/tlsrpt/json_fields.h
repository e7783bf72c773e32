// Single members of a report's JSON, read as leniently as the world writes them; each deviation is listed with its
// path.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "tlsrpt/deviations.h"

namespace postseal::tlsrpt {

// Where in the report a value stands: "policies[3].failure-details[17].receiving-ip". Made into text only when needed.
struct JsonPath {
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    std::size_t policy = none;
    std::size_t detail = none;
    [[nodiscard]] std::string text(std::string_view member = {}) const;
};

// Counts up to 2^53-1 are exact in every JSON reader (RFC 7493 §2.2); larger ones become this, with a deviation.
inline constexpr std::uint64_t count_max = (std::uint64_t{1} << 53) - 1;

class JsonFields {
public:
    JsonFields(simdjson::dom::object object, JsonPath path, Deviations& deviations)
        : object_(object), path_(path), deviations_(deviations) {}

    // The member, or under its synonym (with a deviation). nullopt: absent or null.
    [[nodiscard]] std::optional<simdjson::dom::element> find(std::string_view name, std::string_view synonym = {});

    // A string without blanks at its ends; nullopt when absent, null or empty. Numbers, booleans and lists of one
    // become strings with a deviation.
    std::optional<std::string> text(std::string_view name, std::string_view synonym = {});
    // A list of strings; a single string is a list of one, without lines that are empty.
    std::vector<std::string> list(std::string_view name, std::string_view synonym = {});
    // RFC 8460 §4.4: an integer. 0 when absent or unreadable, with a deviation.
    std::uint64_t count(std::string_view name);
    // An RFC 3339 date-time, and what passes for one. `end` makes a date alone mean its last second.
    enum class Bound { begin, end };
    std::optional<TimePoint> time(std::string_view name, Bound bound);
    // A domain as A-labels in lower case; what is no domain stays verbatim, with a deviation.
    std::optional<std::string> domain(std::string_view name);
    // An IP address in its one form (RFC 8460 §4.4: RFC 5952); what is none stays verbatim, with a deviation.
    std::optional<std::string> ip(std::string_view name);

    void deviates(std::string_view code, std::string_view member, std::string_view what);

private:
    std::optional<std::string> text_of(simdjson::dom::element element, std::string_view name);
    std::uint64_t count_of(simdjson::dom::element element, std::string_view name);
    std::uint64_t clamped(std::string_view name);
    std::optional<TimePoint> time_of(std::string_view text, std::string_view name, Bound bound);

    simdjson::dom::object object_;
    JsonPath path_;
    Deviations& deviations_;
};

// Without blanks and controls at the ends; NUL, which databases refuse, becomes U+FFFD.
std::string clean_text(std::string_view text);

struct DomainText {
    std::string text;
    bool is_domain = false;
    bool had_u_labels = false;
};
// A domain, or an mx pattern when `wildcard`: A-labels, lower case, no final dot. Verbatim when it is neither.
enum class Wildcard { refused, allowed };
DomainText normalise_domain(std::string_view text, Wildcard wildcard);

// "192.0.2.1", "2001:db8::1"; an IPv4-mapped IPv6 address is the IPv4 address that it stands for. nullopt: not an
// address.
std::optional<std::string> normalise_ip(std::string_view text);

// "250-mx1.example.com\r\n250-STARTTLS…" (what Postfix hands to libtlsrpt) → "mx1.example.com".
std::string helo_name(std::string_view text);

}  // namespace postseal::tlsrpt
