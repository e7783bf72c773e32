// A count that many threads add to. Each adds to a cache line of its own where it can, so that requests on two cores do
// not wait for each other's count.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace postseal::sender {

class Counter {
public:
    void add(std::uint64_t count = 1) { lanes_[lane()].count.fetch_add(count, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t load() const {
        std::uint64_t sum = 0;
        for (const Lane& one : lanes_) {
            sum += one.count.load(std::memory_order_relaxed);
        }
        return sum;
    }

private:
    struct alignas(64) Lane {
        std::atomic<std::uint64_t> count{0};
    };
    static constexpr std::size_t lanes = 16;
    // Threads have their stacks, and with them their thread-local bytes, megabytes apart.
    static std::size_t lane() {
        static thread_local const char here = 0;
        const auto address = reinterpret_cast<std::uintptr_t>(&here);
        return (address >> 12U ^ address >> 20U) % lanes;
    }
    std::array<Lane, lanes> lanes_{};
};

}  // namespace postseal::sender
