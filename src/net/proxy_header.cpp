#include "net/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace postseal::net {

namespace {

using Parsed = Result<std::optional<ProxyHeader>>;

constexpr std::string_view v1_begin = "PROXY ";
constexpr std::size_t v1_bytes_max = 107;  // with CR LF, for two IPv6 addresses written in full
constexpr std::string_view v2_signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v2_fixed_bytes = 16;

Error wrong(std::string_view what) {
    return invalid_input("PROXY header", std::string(what));
}

bool is_port(std::string_view text) {
    constexpr std::uint64_t most = 65'535;
    const auto number = parse_decimal(text);
    return number && *number <= most;
}

Parsed parse_v1(std::string_view bytes) {
    const std::size_t end = bytes.substr(0, v1_bytes_max).find("\r\n");
    if (end == std::string_view::npos) {
        if (bytes.size() >= v1_bytes_max) {
            return wrong("a line longer than 107 bytes");
        }
        return std::optional<ProxyHeader>();
    }
    ProxyHeader header{end + 2, std::nullopt};
    const auto words = split(bytes.substr(v1_begin.size(), end - v1_begin.size()), ' ');
    if (words[0] == "UNKNOWN") {
        return std::optional(header);  // whatever follows is to be ignored
    }
    const bool v4 = words[0] == "TCP4";
    constexpr std::size_t words_wanted = 5;
    if ((!v4 && words[0] != "TCP6") || words.size() != words_wanted) {
        return wrong("TCP4, TCP6 or UNKNOWN with two addresses and two ports is expected");
    }
    const auto client = dns::IpAddress::parse(words[1]);
    const auto server = dns::IpAddress::parse(words[2]);
    if (!client || !server || client->is_v4() != v4 || server->is_v4() != v4 || !is_port(words[3]) ||
        !is_port(words[4])) {
        return wrong("its addresses or ports are none");
    }
    header.client = *client;
    return std::optional(header);
}

std::uint8_t octet(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint8_t>(bytes[at]);
}

Parsed parse_v2(std::string_view bytes) {
    if (bytes.size() < v2_fixed_bytes) {
        return std::optional<ProxyHeader>();
    }
    constexpr std::uint8_t local = 0x20;
    constexpr std::uint8_t proxy = 0x21;
    constexpr std::uint8_t tcp4 = 0x11;
    constexpr std::uint8_t tcp6 = 0x21;
    const std::uint8_t version_and_command = octet(bytes, 12);
    if (version_and_command != local && version_and_command != proxy) {
        return wrong("an unknown version or command");
    }
    const std::size_t length = static_cast<std::size_t>(octet(bytes, 14)) << 8U | octet(bytes, 15);
    ProxyHeader header{v2_fixed_bytes + length, std::nullopt};
    if (header.size > proxy_header_bytes_max) {
        return wrong("longer than 2048 bytes");
    }
    const std::uint8_t family = octet(bytes, 13);
    constexpr std::size_t v4_bytes = 12;  // two addresses, two ports
    constexpr std::size_t v6_bytes = 36;
    const bool with_address = version_and_command == proxy && (family == tcp4 || family == tcp6);
    if (with_address && length < (family == tcp4 ? v4_bytes : v6_bytes)) {
        return wrong("too short for its addresses");
    }
    if (bytes.size() < header.size) {
        return std::optional<ProxyHeader>();
    }
    const std::string_view addresses = bytes.substr(v2_fixed_bytes);
    if (with_address && family == tcp4) {
        std::array<std::uint8_t, 4> octets{};
        std::memcpy(octets.data(), addresses.data(), octets.size());
        header.client = dns::IpAddress::v4(octets);
    } else if (with_address) {
        std::array<std::uint8_t, 16> octets{};
        std::memcpy(octets.data(), addresses.data(), octets.size());
        header.client = dns::IpAddress::v6(octets);
    }
    return std::optional(header);
}

// The bytes that are there are as the header begins.
bool begins_as(std::string_view bytes, std::string_view beginning) {
    const std::size_t count = std::min(bytes.size(), beginning.size());
    return bytes.substr(0, count) == beginning.substr(0, count);
}

}  // namespace

Parsed parse_proxy_header(std::string_view bytes) {
    if (begins_as(bytes, v2_signature)) {
        return parse_v2(bytes);
    }
    if (begins_as(bytes, v1_begin)) {
        return bytes.size() < v1_begin.size() ? Parsed(std::optional<ProxyHeader>()) : parse_v1(bytes);
    }
    return wrong("there is none");
}

}  // namespace postseal::net
