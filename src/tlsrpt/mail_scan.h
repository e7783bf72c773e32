// A look at mail from outside, before a MIME parser sees it: is it one, and will parsing cost more than it is worth?
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace postseal::tlsrpt {

// "Name:" at the beginning of a line, of at least one letter, digit or hyphen.
bool is_header_line(std::string_view line);
// One of the fields that every mail has some of.
bool is_known_header_line(std::string_view line);

// limit_exceeded for more header fields, longer header fields or more boundary-like lines than mail has: GMime takes a
// kilobyte for each, so that a few megabytes of "--x" lines would become gigabytes.
Result<void> check_mail_shape(std::string_view bytes);

// True, and changes `bytes`, where MIME fields are written without their hyphens ("ContentType:").
bool repair_field_names(std::string_view bytes, std::string& repaired);

// Where the first well-known header field begins; npos when there is none near the beginning.
std::size_t find_known_header(std::string_view bytes);

// The lines of a text, each without its end.
class Lines {
public:
    explicit Lines(std::string_view text) : rest_(text) {}
    bool next(std::string_view& line);
    // Where the line that next() gave begins.
    [[nodiscard]] std::size_t offset() const { return offset_; }

private:
    std::string_view rest_;
    std::size_t offset_ = 0;
    std::size_t next_offset_ = 0;
};

}  // namespace postseal::tlsrpt
