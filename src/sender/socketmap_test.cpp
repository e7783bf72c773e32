// What the listeners promise to MTAs; the protocols on them are tested by scenes with real ones, the server by net.
#include "sender/socketmap.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace postseal::sender {
namespace {

TEST(PolicyServer, WaitsLongerThanPostfixLeavesAConnectionIdleAndAnswersBeforeItGivesUp) {
    const net::StreamServerSettings settings = policy_server_settings();
    // Postfix keeps the connection of a table for as long as its process lives idle (max_idle, 100 s); whoever closes
    // first makes the next lookup an error.
    EXPECT_GE(settings.idle_timeout, std::chrono::seconds(110));
    // A reply that takes longer than 100 s is never read.
    EXPECT_LT(settings.later_timeout, std::chrono::seconds(100));
    EXPECT_GT(settings.later_timeout, std::chrono::seconds(90)) << "first_lookup_timeout_s may be 90";
    EXPECT_EQ(settings.connections_max, std::numeric_limits<std::size_t>::max()) << "only the limit on files counts";
}

}  // namespace
}  // namespace postseal::sender
