// What the demo tells whoever started it: lines that stay, and on a terminal one line below them that changes.
#pragma once

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "base/text.h"

namespace postseal::app {

class DemoVoice {
public:
    explicit DemoVoice(bool to_stderr)
        : out_(to_stderr ? stderr : stdout), live_(!to_stderr && ::isatty(STDOUT_FILENO) == 1) {}
    void done(const std::string& what) { line("  ✓ " + what); }
    void line(const std::string& text) {
        if (status_shown_) {
            fmt::print(out_, "\r\x1b[K");
            status_shown_ = false;
        }
        fmt::print(out_, "{}\n", text);
        std::fflush(out_);
    }
    // One line at the bottom of a terminal; anywhere else a line a minute.
    void status(const std::string& text) {
        const auto now = std::chrono::steady_clock::now();
        if (live_) {
            fmt::print(out_, "\r\x1b[K{}", printable(text, columns() - 1));
            std::fflush(out_);
            status_shown_ = true;
        } else if (now >= next_status_) {
            next_status_ = now + std::chrono::minutes(1);
            line(text);
        }
    }

private:
    // A line that wraps could not be taken back.
    [[nodiscard]] static std::size_t columns() {
        constexpr std::size_t usual = 80;
        winsize size{};
        return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : usual;
    }

    std::FILE* out_;
    bool live_;
    bool status_shown_ = false;
    std::chrono::steady_clock::time_point next_status_;
};

}  // namespace postseal::app
