// A request that comes again by its key is counted once; keys are forgotten in time, and by their number.
#include "sender/done_requests.h"

#include <gtest/gtest.h>

#include "sender/testing.h"

namespace postseal::sender {
namespace {

using Known = DoneRequests::Known;
using testing::some_noon;

const Sha256 body = sha256(as_bytes("body"));
const Sha256 other = sha256(as_bytes("other"));

TEST(DoneRequestsTest, OnceByKeyAndBody) {
    DoneRequests done({});
    EXPECT_EQ(done.begin("a", body, some_noon).known, Known::no);
    EXPECT_EQ(done.begin("a", body, some_noon).known, Known::under_way);
    EXPECT_EQ(done.begin("b", body, some_noon).known, Known::no);
    done.finish("a", {200, "told"});
    const auto again = done.begin("a", body, some_noon);
    EXPECT_EQ(again.known, Known::done);
    EXPECT_EQ(again.answer.status, 200);
    EXPECT_EQ(again.answer.body, "told");
    EXPECT_EQ(done.begin("a", other, some_noon).known, Known::of_another_body);
    done.forget("b");
    EXPECT_EQ(done.begin("b", other, some_noon).known, Known::no) << "a key whose request failed may be used again";
}

TEST(DoneRequestsTest, KeysAreForgotten) {
    DoneRequests done({.keys_max = 2, .kept = Seconds(60)});
    EXPECT_EQ(done.begin("a", body, some_noon).known, Known::no);
    done.finish("a", {200, ""});
    EXPECT_EQ(done.begin("a", body, some_noon + Seconds(60)).known, Known::done);
    EXPECT_EQ(done.begin("a", body, some_noon + Seconds(61)).known, Known::no) << "after a while";
    done.finish("a", {200, ""});
    EXPECT_EQ(done.begin("b", body, some_noon + Seconds(62)).known, Known::no);
    EXPECT_EQ(done.begin("c", body, some_noon + Seconds(63)).known, Known::no);
    EXPECT_EQ(done.begin("a", body, some_noon + Seconds(64)).known, Known::no) << "the oldest of too many";
    // One that was forgotten and came again is as old as its return.
    DoneRequests again({.keys_max = 100, .kept = Seconds(60)});
    EXPECT_EQ(again.begin("a", body, some_noon).known, Known::no);
    again.forget("a");
    EXPECT_EQ(again.begin("a", body, some_noon + Seconds(50)).known, Known::no);
    again.finish("a", {200, ""});
    EXPECT_EQ(again.begin("a", body, some_noon + Seconds(100)).known, Known::done);
}

}  // namespace
}  // namespace postseal::sender
