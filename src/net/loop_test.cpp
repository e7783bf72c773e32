#include "net/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>

#include "net/await.h"

namespace postseal::net {
namespace {

using namespace std::chrono_literals;

TEST(Loop, RunsWhatIsPostedInOrder) {
    Loop loop;
    std::vector<int> order;
    loop.post([&] { order.push_back(1); });
    loop.post([&] {
        order.push_back(2);
        loop.post([&] {
            order.push_back(4);
            loop.stop();
        });
        order.push_back(3);
    });
    loop.run();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(Loop, DispatchIsImmediateOnItsOwnThreadOnly) {
    Loop loop;
    bool inside = false;
    loop.dispatch([&] {
        loop.dispatch([&] { inside = loop.on_this_thread(); });
        EXPECT_TRUE(inside);
        loop.stop();
    });
    EXPECT_FALSE(inside);
    loop.run();
    EXPECT_TRUE(inside);
    EXPECT_FALSE(loop.on_this_thread());
}

TEST(Loop, TimersFireCancelAndRepeat) {
    Loop loop;
    int fired = 0;
    bool cancelled_fired = false;
    Timer cancelled = loop.after(1ms, [&] { cancelled_fired = true; });
    {
        const Timer dropped = loop.after(1ms, [&] { cancelled_fired = true; });
    }
    cancelled.cancel();
    Timer repeated;
    Timer end;
    repeated = loop.every(1ms, [&] {
        if (++fired == 3) {
            repeated.cancel();  // from inside its own call
            // Long enough for a tick that the cancelling had missed.
            end = loop.after(20ms, [&] { loop.stop(); });
            EXPECT_TRUE(end.active());
        }
    });
    const Timer bound = loop.after(60s, [&] { loop.stop(); });  // only if a tick never comes
    loop.run();
    EXPECT_EQ(fired, 3);
    EXPECT_FALSE(cancelled_fired);
    EXPECT_FALSE(end.active());
    EXPECT_FALSE(repeated.active());
}

TEST(Loop, SyncWorksBeforeWhileAndAfterItRuns) {
    Loop loop;
    bool done = false;
    // Not running: on this thread, which may ask again from inside.
    loop.sync([&] { loop.sync([&] { done = loop.on_this_thread(); }); });
    EXPECT_TRUE(done);
    {
        LoopPool pool("test", 2);
        std::atomic<int> count = 0;
        std::promise<void> running;
        pool[0].post([&] { running.set_value(); });
        running.get_future().wait();
        for (int i = 0; i < 100; ++i) {
            pool[0].sync([&] { count += pool[0].on_this_thread() ? 1 : 1000; });
        }
        EXPECT_EQ(count, 100);
        pool.stop();
        pool[0].sync([&] { ++count; });
        EXPECT_EQ(count, 101);
    }
}

TEST(WorkPool, RunsThereAndAnswersOnTheLoop) {
    Loop loop;
    WorkPool pool("work", 2);
    int result = 0;
    pool.run([&loop] { return loop.on_this_thread() ? 0 : 42; }, loop,
             [&](int value) {
                 result = loop.on_this_thread() ? value : -1;
                 pool.run([] {}, loop, [&] { loop.stop(); });
             });
    loop.run();
    EXPECT_EQ(result, 42);
}

TEST(WorkPool, DropsWhatHasNotBegunWhenItStops) {
    WorkPool pool("work", 1);
    std::promise<void> begun;
    std::promise<void> go_on;
    std::atomic<int> ran = 0;
    pool.submit([&] {
        begun.set_value();
        go_on.get_future().wait();
        ++ran;
    });
    begun.get_future().wait();
    const auto token = std::make_shared<int>(0);
    pool.submit([&ran, token] { ++ran; });
    std::thread stopper([&] { pool.stop(); });
    go_on.set_value();
    stopper.join();
    pool.submit([&ran, token] { ++ran; });
    EXPECT_LE(ran, 2);  // the second may have begun before stop() was called
    EXPECT_EQ(token.use_count(), 1);
}

TEST(Await, GoesOnOnTheCoroutinesLoop) {
    Loop loop;
    WorkPool pool("work", 1);
    std::vector<int> seen;
    spawn(loop, [&]() -> asio::awaitable<void> {
        seen.push_back(co_await await_callback<int>([](auto done) { done(1); }));  // at once
        seen.push_back(co_await await_callback<int>([&](auto done) { loop.post([done] { done(2); }); }));
        seen.push_back(co_await await_work<int>(pool, [] { return 3; }));
        EXPECT_TRUE(loop.on_this_thread());
        loop.stop();
    });
    loop.run();
    EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST(Await, ADroppedCallbackDestroysTheCoroutine) {
    const auto token = std::make_shared<int>(0);
    Loop loop;
    Timer look;
    spawn(loop, [token]() -> asio::awaitable<void> {
        const std::shared_ptr<const int> kept = token;  // in the coroutine's frame
        co_await await_callback<int>([](const auto& /*dropped*/) {});
    });
    EXPECT_GT(token.use_count(), 1);
    look = loop.every(std::chrono::milliseconds(1), [&] {  // Asio destroys the frame in a task of its own
        if (token.use_count() == 1) {
            loop.stop();
        }
    });
    loop.run();
    EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace postseal::net
