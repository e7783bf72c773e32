// ASCII text: the only character set in which DNS, MTA-STS and SMTP compare. Never depends on a locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postseal {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_alnum(char c) {
    return is_digit(c) || is_alpha(c);
}
constexpr bool is_wsp(char c) {
    return c == ' ' || c == '\t';
}  // RFC 5234 WSP
constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string to_lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
bool istarts_with(std::string_view text, std::string_view prefix);

// Without the spaces and tabs at both ends.
std::string_view trim_wsp(std::string_view text);

// "a,b,," at ',' gives "a" "b" "" "": always one part more than there are separators.
std::vector<std::string_view> split(std::string_view text, char separator);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

// Decimal digits only (no sign, no blank), at least one; nothing on overflow.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

bool is_valid_utf8(std::string_view bytes);

// Every byte that is not part of valid UTF-8 becomes U+FFFD; what is valid stays as it is.
std::string to_valid_utf8(std::string_view bytes);

// For logs and terminals: control characters (C0, DEL, C1, line separators, bidirectional controls) and invalid UTF-8
// become visible escapes, so that bytes from the network can neither forge a log line nor drive a terminal. At most
// `bytes_max` bytes, then "…".
std::string printable(std::string_view bytes, std::size_t bytes_max = 1000);

}  // namespace postseal
