// Counting under bounds.
#include "sender/latency.h"

#include <gtest/gtest.h>

namespace postseal::sender {
namespace {

TEST(Latency, CountsUnderTheBoundThatIsNotPassed) {
    LatencyHistogram<3> histogram{{10, 100, 1'000}};
    using std::chrono::microseconds;
    for (const int us : {0, 10, 11, 100, 999, 1'000, 1'001, 50'000}) {
        histogram.observe(microseconds(us));
    }
    histogram.observe(microseconds(-5));  // a clock that is not steady would do this: counted as none at all
    EXPECT_EQ(histogram.count(0), 3U);
    EXPECT_EQ(histogram.count(1), 2U);
    EXPECT_EQ(histogram.count(2), 2U);
    EXPECT_EQ(histogram.count(3), 2U);
    EXPECT_EQ(histogram.sum_us(), 0U + 10 + 11 + 100 + 999 + 1'000 + 1'001 + 50'000);
}

}  // namespace
}  // namespace postseal::sender
