// The log of an MTA, line by line, from which sessions are counted (sender/log_intake.h). Pure: lines in, sessions out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "tlsrpt/logged_session.h"

namespace postseal::tlsrpt {

// The form of the Message-IDs that our reports have (sender/report_message_id.h). Whether one is a report's, the store
// knows; this only keeps those of all other mail from being remembered and looked up.
bool looks_like_report_id(std::string_view id);

class MailLog {
public:
    static constexpr std::size_t line_bytes_max = 64 * 1024;  // Postfix cuts its own at 2 KiB, Exim at 8

    // What an old time stamp ("Nov 24 19:26:33": local time, no year) is read by.
    struct Now {
        TimePoint now;
        Seconds utc_offset{0};
    };

    MailLog() = default;
    MailLog(const MailLog&) = delete;
    MailLog& operator=(const MailLog&) = delete;
    virtual ~MailLog() = default;

    // One line without its newline. Appends the sessions that it completes. False: a line that no MTA writes (NUL,
    // invalid UTF-8, too long); it was skipped.
    virtual bool read(std::string_view text, const Now& now, std::vector<LoggedSession>& out) = 0;

    // What is known of sessions under way, to go on with after a restart. False on a text that save() did not write;
    // nothing is known then.
    [[nodiscard]] virtual std::string save() const = 0;
    virtual bool restore(std::string_view saved) = 0;

protected:
    // Long, NUL, no UTF-8.
    static bool is_text(std::string_view line);
};

}  // namespace postseal::tlsrpt
