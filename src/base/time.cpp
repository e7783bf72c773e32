#include "base/time.h"

#include <fmt/format.h>

#include "base/text.h"

namespace postseal {

namespace {

using std::chrono::day;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::month;
using std::chrono::year;
using std::chrono::year_month_day;

// Reads fixed-width numbers and single characters off the front of a text.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    std::optional<int> number(std::size_t width) {
        if (rest_.size() < width) {
            return std::nullopt;
        }
        const auto value = parse_decimal(rest_.substr(0, width));
        if (!value) {
            return std::nullopt;
        }
        rest_.remove_prefix(width);
        return static_cast<int>(*value);
    }
    bool one_of(std::string_view characters) {
        if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    void skip_digits() {
        while (!rest_.empty() && is_digit(rest_.front())) {
            rest_.remove_prefix(1);
        }
    }
    [[nodiscard]] char front() const { return rest_.empty() ? '\0' : rest_.front(); }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

std::optional<Day> scan_day(Scanner& scanner) {
    const auto y = scanner.number(4);
    if (!y || !scanner.one_of("-")) {
        return std::nullopt;
    }
    const auto m = scanner.number(2);
    if (!m || !scanner.one_of("-")) {
        return std::nullopt;
    }
    const auto d = scanner.number(2);
    if (!d) {
        return std::nullopt;
    }
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
    return date.ok() ? std::optional<Day>(date) : std::nullopt;
}

// hh:mm:ss with a fraction that is dropped; second 60 is a leap second (RFC 3339 §5.7) and becomes 59.
std::optional<Seconds> scan_time(Scanner& scanner) {
    const auto h = scanner.number(2);
    if (!h || *h > 23 || !scanner.one_of(":")) {
        return std::nullopt;
    }
    const auto m = scanner.number(2);
    if (!m || *m > 59 || !scanner.one_of(":")) {
        return std::nullopt;
    }
    const auto s = scanner.number(2);
    if (!s || *s > 60) {
        return std::nullopt;
    }
    if (scanner.one_of(".,")) {
        if (!is_digit(scanner.front())) {
            return std::nullopt;
        }
        scanner.skip_digits();
    }
    return hours(*h) + minutes(*m) + Seconds(std::min(*s, 59));
}

std::optional<Seconds> scan_offset(Scanner& scanner) {
    if (scanner.one_of("Zz")) {
        return Seconds(0);
    }
    const bool west = scanner.front() == '-';
    if (!scanner.one_of("+-")) {
        return std::nullopt;
    }
    const auto h = scanner.number(2);
    if (!h || *h > 23 || !scanner.one_of(":")) {
        return std::nullopt;
    }
    const auto m = scanner.number(2);
    if (!m || *m > 59) {
        return std::nullopt;
    }
    const Seconds offset = hours(*h) + minutes(*m);
    return west ? -offset : offset;
}

}  // namespace

std::string to_iso_day(Day day_point) {
    const year_month_day date{day_point};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

std::string to_rfc3339(TimePoint time) {
    const Day date = floor<std::chrono::days>(time);
    const std::chrono::hh_mm_ss clock{time - date};
    return fmt::format("{}T{:02}:{:02}:{:02}Z", to_iso_day(date), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
}

Result<TimePoint> parse_rfc3339(std::string_view text, Zone zone) {
    Scanner scanner(text);
    const auto date = scan_day(scanner);
    if (!date || !scanner.one_of("Tt ")) {
        return invalid_input("date-time", "not of the form 2026-01-31T23:59:59Z");
    }
    const auto time = scan_time(scanner);
    if (!time) {
        return invalid_input("date-time", "not of the form 2026-01-31T23:59:59Z");
    }
    Seconds offset{0};
    if (!scanner.empty() || zone == Zone::required) {
        const auto scanned = scan_offset(scanner);
        if (!scanned || !scanner.empty()) {
            return invalid_input("date-time", "the time zone is missing or malformed");
        }
        offset = *scanned;
    }
    return TimePoint(*date + *time - offset);
}

Result<Day> parse_iso_day(std::string_view text) {
    Scanner scanner(text);
    const auto date = scan_day(scanner);
    if (!date || !scanner.empty()) {
        return invalid_input("day", "not of the form 2026-01-31");
    }
    return *date;
}

}  // namespace postseal
