#include "verdict/key.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "dns/record.h"

namespace postseal::verdict {

namespace {

constexpr std::size_t key_bytes_max = 1000;  // a name has at most 253 octets; U-labels, a port and brackets come on top

Key nothing(Key::Kind kind, std::string why) {
    Key key;
    key.kind = kind;
    key.why = std::move(why);
    return key;
}

bool is_address(std::string_view text) {
    if (istarts_with(text, "ipv6:")) {  // as in SMTP and in Postfix's transport tables
        text.remove_prefix(5);
    }
    return bool(dns::IpAddress::parse(text));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, std::uint16_t>, 6> services{
        {{"smtp", 25}, {"submission", 587}, {"submissions", 465}, {"smtps", 465}, {"ssmtp", 465}, {"lmtp", 24}}};
    for (const auto& [name, port] : services) {
        if (text == name) {
            return port;
        }
    }
    const auto number = parse_decimal(text);
    if (!number || *number == 0 || *number > 65'535) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(*number);
}

// A name that mail can be routed to: not the root, and not something that only looks like an address.
Key named(Key::Kind kind, std::string_view text) {
    auto name = dns::Name::parse(text);
    if (!name) {
        return nothing(Key::Kind::invalid, name.error().message());
    }
    if (name->is_root()) {
        return nothing(Key::Kind::invalid, "the root is no mail domain");
    }
    if (std::ranges::all_of(name->labels().back(), is_digit)) {
        return nothing(Key::Kind::invalid, "a domain does not end in a number");
    }
    Key key;
    key.kind = kind;
    key.name = std::move(*name);
    return key;
}

Key with_port(Key key, std::string_view port_text) {
    if (!key.can_have_policy()) {
        return key;
    }
    key.port = parse_port(port_text);
    if (!key.port) {
        return nothing(Key::Kind::invalid, "not a port: " + printable(port_text, 40));
    }
    return key;
}

Key parse_bracketed(std::string_view text) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
        return nothing(Key::Kind::invalid, "'[' without ']'");
    }
    const std::string_view inside = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (is_address(inside)) {
        return nothing(Key::Kind::address_literal, "an address has no policy");  // RFC 8461 §3.4, RFC 7672 §2.2
    }
    Key key = named(Key::Kind::host, inside);
    if (rest.empty()) {
        return key;
    }
    return rest.front() == ':' ? with_port(std::move(key), rest.substr(1))
                               : nothing(Key::Kind::invalid, "something other than a port follows ']'");
}

}  // namespace

std::string Key::text() const {
    const std::string suffix = port ? ":" + std::to_string(*port) : "";
    switch (kind) {
        case Kind::domain: {
            // Bare, "inet:25" and "unix:25" would be read as the prefixes of LMTP destinations.
            const bool like_prefix = port && (name.text() == "inet" || name.text() == "unix");
            return (like_prefix ? "inet:" : "") + name.text() + suffix;
        }
        case Kind::host:
            return "[" + name.text() + "]" + suffix;
        case Kind::parent:
            return "." + name.text();
        default:
            return {};
    }
}

Key parse_key(std::string_view text) {
    if (text.empty() || text.size() > key_bytes_max) {
        return nothing(Key::Kind::invalid, text.empty() ? "empty" : "too long");
    }
    if (text.front() == '/' || text.starts_with("unix:")) {
        return nothing(Key::Kind::local, "a local socket has no policy");
    }
    if (text.starts_with("inet:")) {  // LMTP destinations
        text.remove_prefix(5);
    }
    if (text.starts_with('.')) {  // RFC 8461 §3.4: no climbing to a parent domain
        Key key = named(Key::Kind::parent, text.substr(1));
        key.kind = Key::Kind::parent;
        key.why = "policies are not inherited from a parent domain";
        return key;
    }
    if (text.starts_with('[')) {
        return parse_bracketed(text);
    }
    if (is_address(text)) {
        return nothing(Key::Kind::address_literal, "an address has no policy");
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return named(Key::Kind::domain, text);
    }
    const std::string_view host = text.substr(0, colon);
    if (is_address(host)) {
        return nothing(Key::Kind::address_literal, "an address has no policy");
    }
    return with_port(named(Key::Kind::domain, host), text.substr(colon + 1));
}

}  // namespace postseal::verdict
