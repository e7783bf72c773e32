#include "hosting/own_rua.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tlsrpt/report_uri.h"

namespace postseal::hosting {

Result<std::string> read_own_rua(std::string_view text) {
    constexpr std::size_t uri_bytes_max = 500;
    const std::string_view trimmed = trim_wsp(text);
    if (trimmed.empty() || trimmed.size() > uri_bytes_max) {
        return invalid_input("rua", fmt::format("1 to {} characters are asked for", uri_bytes_max));
    }
    std::string uri(trimmed);
    const bool bare = uri.find('@') != std::string::npos && uri.find(':') == std::string::npos;
    if (bare) {
        uri.insert(0, "mailto:");
    }
    // RFC 8460 §3: these three would end the address or the field.
    std::string published;
    for (const char c : uri) {
        published += c == ',' ? "%2C" : c == '!' ? "%21" : c == ';' ? "%3B" : std::string(1, c);
    }
    const auto parts = tlsrpt::split_uri(published);
    if (!parts) {
        return invalid_input("rua", printable(trimmed, 100) + ": " + parts.error().what);
    }
    const std::string scheme = to_lower(parts->scheme);
    if (scheme != "mailto" && scheme != "https") {
        return invalid_input("rua", printable(trimmed, 100) + ": a mailto: or https: address is asked for");
    }
    const auto target =
        scheme == "mailto" ? tlsrpt::mailto_target(published, *parts) : tlsrpt::https_target(published, *parts);
    if (!target) {
        return invalid_input("rua", printable(trimmed, 100) + ": " + target.error().what);
    }
    return published;
}

Result<std::vector<std::string>> read_own_ruas(const std::vector<std::string>& texts) {
    if (texts.size() > own_rua_max) {
        return Error{Errc::limit_exceeded, "rua", fmt::format("at most {} addresses", own_rua_max)};
    }
    std::vector<std::string> all;
    std::size_t bytes = 0;
    for (const std::string& text : texts) {
        POSTSEAL_TRY(std::string one, read_own_rua(text));
        if (std::ranges::find(all, one) == all.end()) {
            bytes += one.size() + 1;
            all.push_back(std::move(one));
        }
    }
    if (bytes > own_rua_bytes_max) {
        return Error{Errc::limit_exceeded, "rua",
                     fmt::format("together longer than {} characters: the record would not fit into one DNS answer",
                                 own_rua_bytes_max)};
    }
    return all;
}

}  // namespace postseal::hosting
