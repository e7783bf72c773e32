// Moments are UTC seconds since 1970; pure code is handed `now`, only I/O code owns a Clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postseal {

using TimePoint = std::chrono::sys_seconds;
using Seconds = std::chrono::seconds;
using Day = std::chrono::sys_days;  // a UTC day

class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimePoint now() const = 0;
};

// "2026-01-31T23:59:59Z"
std::string to_rfc3339(TimePoint time);

// RFC 3339 date-time with any offset, fractions dropped, `T` or `t` or a blank between date and time. Without a zone it
// is an error, unless `zone` allows it, when it is read as UTC (RFC 8460 reports of Microsoft).
enum class Zone { required, optional };
Result<TimePoint> parse_rfc3339(std::string_view text, Zone zone = Zone::required);

std::string to_iso_day(Day day);  // "2026-01-31"
Result<Day> parse_iso_day(std::string_view text);

}  // namespace postseal
