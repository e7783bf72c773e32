#include "tlsrpt/mail_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t boundary_lines_max = 20'000;
constexpr std::size_t header_fields_max = 50'000;
constexpr std::size_t header_field_bytes_max = std::size_t{256} * 1024;
constexpr std::size_t header_bytes_max = std::size_t{4} * 1024 * 1024;
constexpr std::size_t banner_bytes_max = std::size_t{64} * 1024;

constexpr std::array<std::string_view, 20> known_fields = {
    "from",       "to",           "subject",           "date",
    "received",   "return-path",  "mime-version",      "content-type",
    "message-id", "contenttype",  "tls-report-domain", "tls-report-submitter",
    "reply-to",   "delivered-to", "dkim-signature",    "content-transfer-encoding",
    "sender",     "arc-seal",     "received-spf",      "authentication-results",
};

std::string_view field_name(std::string_view line) {
    const auto end = std::find_if(line.begin(), line.end(), [](char c) { return !is_alnum(c) && c != '-'; });
    const auto length = static_cast<std::size_t>(end - line.begin());
    return length > 0 && end != line.end() && *end == ':' ? line.substr(0, length) : std::string_view();
}

// Trustwave and others; the value stays as it is.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> odd_fields = {{
    {"contenttype:", "Content-Type:"},
    {"contenttransferencoding:", "Content-Transfer-Encoding:"},
    {"contentdisposition:", "Content-Disposition:"},
    {"mimeversion:", "MIME-Version:"},
}};

}  // namespace

bool Lines::next(std::string_view& line) {
    if (rest_.empty()) {
        return false;
    }
    offset_ = next_offset_;
    const auto end = rest_.find('\n');
    line = rest_.substr(0, end);
    const std::size_t taken = end == std::string_view::npos ? rest_.size() : end + 1;
    rest_.remove_prefix(taken);
    next_offset_ += taken;
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return true;
}

bool is_header_line(std::string_view line) {
    return !field_name(line).empty();
}

bool is_known_header_line(std::string_view line) {
    const std::string_view name = field_name(line);
    return std::any_of(known_fields.begin(), known_fields.end(),
                       [&](std::string_view known) { return iequals(known, name); });
}

std::size_t find_known_header(std::string_view bytes) {
    Lines lines(bytes.substr(0, banner_bytes_max));
    for (std::string_view line; lines.next(line);) {
        if (is_known_header_line(line)) {
            return lines.offset();
        }
    }
    return std::string_view::npos;
}

Result<void> check_mail_shape(std::string_view bytes) {
    std::size_t boundaries = 0;
    std::size_t fields = 0;
    std::size_t field_bytes = 0;  // of the field that goes on; 0 outside
    std::size_t total_bytes = 0;
    Lines lines(bytes);
    for (std::string_view line; lines.next(line);) {
        if (line.starts_with("--")) {
            ++boundaries;
        }
        if (is_header_line(line)) {
            ++fields;
            field_bytes = 0;
        } else if (field_bytes == 0 || line.empty() || !is_wsp(line.front())) {
            field_bytes = 0;
            continue;
        }
        field_bytes += line.size() + 1;
        total_bytes += line.size() + 1;
        if (field_bytes > header_field_bytes_max || total_bytes > header_bytes_max || fields > header_fields_max) {
            return Error{Errc::limit_exceeded, "mail", "more or longer header fields than mail has"};
        }
    }
    if (boundaries > boundary_lines_max) {
        return Error{Errc::limit_exceeded, "mail", fmt::format("more than {} boundary lines", boundary_lines_max)};
    }
    return {};
}

bool repair_field_names(std::string_view bytes, std::string& repaired) {
    bool any = false;
    std::size_t copied = 0;
    Lines lines(bytes);
    for (std::string_view line; lines.next(line);) {
        if (line.empty() ||
            (line.front() != 'C' && line.front() != 'c' && line.front() != 'M' && line.front() != 'm')) {
            continue;
        }
        for (const auto& [odd, right] : odd_fields) {
            if (istarts_with(line, odd)) {
                repaired += bytes.substr(copied, lines.offset() - copied);
                repaired += right;
                copied = lines.offset() + odd.size();
                any = true;
            }
        }
    }
    if (any) {
        repaired += bytes.substr(copied);
    }
    return any;
}

}  // namespace postseal::tlsrpt
