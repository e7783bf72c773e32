// How long answers take, as a Prometheus histogram: counts under bounds that do not change, so that counting costs one
// addition.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace postseal::sender {

// Any thread. A value between two bounds counts under the upper one; the last count is of all above.
template <std::size_t Bounds>
class LatencyHistogram {
public:
    explicit constexpr LatencyHistogram(const std::array<std::uint64_t, Bounds>& bounds_us) : bounds_us_(bounds_us) {}

    void observe(std::chrono::steady_clock::duration time) {
        const auto us = static_cast<std::uint64_t>(
            std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(time).count()));
        std::size_t bucket = 0;
        while (bucket < Bounds && us > bounds_us_[bucket]) {
            ++bucket;
        }
        counts_[bucket].fetch_add(1, std::memory_order_relaxed);
        sum_us_.fetch_add(us, std::memory_order_relaxed);
    }

    [[nodiscard]] const std::array<std::uint64_t, Bounds>& bounds_us() const { return bounds_us_; }
    [[nodiscard]] std::uint64_t count(std::size_t bucket) const {
        return counts_[bucket].load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }

private:
    std::array<std::uint64_t, Bounds> bounds_us_;
    std::array<std::atomic<std::uint64_t>, Bounds + 1> counts_{};
    std::atomic<std::uint64_t> sum_us_{0};
};

}  // namespace postseal::sender
