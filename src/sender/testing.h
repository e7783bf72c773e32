// What the tests of this module share: a clock that stands still, a log that can be read.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "store/store.h"

namespace postseal::sender::testing {

constexpr TimePoint some_noon{Seconds(1'790'000'000 - 1'790'000'000 % 86'400 + 43'200)};

// Any thread.
class TestClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return TimePoint(Seconds(now_s_.load())); }
    void set(TimePoint now) { now_s_ = now.time_since_epoch().count(); }
    void pass(Seconds time) { now_s_ += time.count(); }

private:
    std::atomic<std::int64_t> now_s_{some_noon.time_since_epoch().count()};
};

// Any thread.
class TestLog final : public Log {
public:
    void write(LogLevel level, std::string_view component, std::string_view message) override {
        const std::lock_guard lock(mutex_);
        if (level == LogLevel::warning || level == LogLevel::error) {
            warnings_.push_back(std::string(component) + ": " + std::string(message));
        }
    }
    // Warnings and errors that contain `text`.
    [[nodiscard]] std::size_t warnings(std::string_view text) {
        const std::lock_guard lock(mutex_);
        std::size_t count = 0;
        for (const std::string& warning : warnings_) {
            count += warning.find(text) == std::string::npos ? 0 : 1;
        }
        return count;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> warnings_;
};

inline std::unique_ptr<store::Store> open_store(const std::string& url = "sqlite::memory:") {
    auto opened = store::Store::open(url, store::SecretBox::ephemeral());
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
}

}  // namespace postseal::sender::testing
