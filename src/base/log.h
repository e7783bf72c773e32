// Where modules write what an operator should know; `app` binds it to spdlog. Log once, where the failure is handled.
// Bytes that came from the network go through printable() first; secrets never get here.
#pragma once

#include <string_view>

namespace postseal {

enum class LogLevel { debug, info, warning, error };

class Log {
public:
    Log() = default;
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    virtual ~Log() = default;
    // `component` is a module's name, e.g. "policyd".
    virtual void write(LogLevel level, std::string_view component, std::string_view message) = 0;

    void debug(std::string_view component, std::string_view message) { write(LogLevel::debug, component, message); }
    void info(std::string_view component, std::string_view message) { write(LogLevel::info, component, message); }
    void warning(std::string_view component, std::string_view message) { write(LogLevel::warning, component, message); }
    void error(std::string_view component, std::string_view message) { write(LogLevel::error, component, message); }
};

}  // namespace postseal
