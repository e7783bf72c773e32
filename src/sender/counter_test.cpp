// Counts that several threads add to.
#include "sender/counter.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace postseal::sender {
namespace {

TEST(Counter, LosesNothing) {
    constexpr int threads = 4;
    constexpr int each = 10'000;
    Counter counter;
    std::vector<std::thread> running;
    running.reserve(threads);
    for (int i = 0; i < threads; ++i) {
        running.emplace_back([&] {
            for (int j = 0; j < each; ++j) {
                counter.add();
            }
        });
    }
    for (std::thread& one : running) {
        one.join();
    }
    counter.add(5);
    EXPECT_EQ(counter.load(), threads * each + 5U);
}

}  // namespace
}  // namespace postseal::sender
