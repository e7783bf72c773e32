#include "tlsrpt/mail_log.h"

#include <algorithm>

#include "base/text.h"

namespace postseal::tlsrpt {

// "1790000000.abcdefghijklmnop.abcdefghijklmnopabcdefghijklmnop@example.com"
bool looks_like_report_id(std::string_view id) {
    constexpr std::size_t id_octets_max = 330;
    constexpr std::size_t time_digits_max = 12;
    constexpr std::size_t nonce_characters = 16;
    constexpr std::size_t mac_characters = 32;
    const std::size_t at = id.find('@');
    if (at == std::string_view::npos || at + 1 == id.size() || id.size() > id_octets_max) {
        return false;
    }
    const std::vector<std::string_view> parts = split(id.substr(0, at), '.');
    return parts.size() == 3 && !parts[0].empty() && parts[0].size() <= time_digits_max &&
           std::all_of(parts[0].begin(), parts[0].end(), is_digit) && parts[1].size() == nonce_characters &&
           std::all_of(parts[1].begin(), parts[1].end(), is_alnum) && parts[2].size() == mac_characters &&
           std::all_of(parts[2].begin(), parts[2].end(), is_alnum);
}

bool MailLog::is_text(std::string_view line) {
    return line.size() <= line_bytes_max && line.find('\0') == std::string_view::npos && is_valid_utf8(line);
}

}  // namespace postseal::tlsrpt
