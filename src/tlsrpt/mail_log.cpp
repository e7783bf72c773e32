#include "tlsrpt/mail_log.h"

#include "base/text.h"

namespace postseal::tlsrpt {

bool MailLog::is_text(std::string_view line) {
    return line.size() <= line_bytes_max && line.find('\0') == std::string_view::npos && is_valid_utf8(line);
}

}  // namespace postseal::tlsrpt
