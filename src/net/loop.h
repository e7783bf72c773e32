// Event loops, pools and timers. An object that does I/O belongs to one Loop: it is used and called back on that loop's
// thread only, unless its header says otherwise, and so needs no lock.
//
// Rule for every callback API of this module: destroying the object drops what is pending, without calling back. A
// callback is never called from inside the function that it was passed to.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace postseal::net {

using Duration = std::chrono::steady_clock::duration;

// Cancels when it is destroyed. Belongs to the loop that made it.
class Timer {
public:
    Timer() = default;
    Timer(Timer&& other) noexcept = default;
    Timer& operator=(Timer&& other) noexcept;
    ~Timer();
    void cancel();
    [[nodiscard]] bool active() const;

private:
    friend class Loop;
    struct State;
    explicit Timer(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

class Loop {
public:
    Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    // Works until stop(), also while there is nothing to do; may be called again. What a callback throws ends the
    // program.
    void run();
    // Any thread. What is still posted waits for another run().
    void stop();

    // Any thread.
    void post(std::function<void()> task);
    // Any thread: at once when called on the loop's own thread, else post().
    void dispatch(std::function<void()> task);
    // Any thread: runs task on the loop's thread and waits for it; on the caller's own thread when the loop is not
    // running. This is how an object that belongs to a running loop is taken down from outside.
    void sync(std::function<void()> task);
    // True on the thread inside run().
    [[nodiscard]] bool on_this_thread() const;

    // On the loop's thread, or before run().
    [[nodiscard]] Timer after(Duration delay, std::function<void()> task);
    [[nodiscard]] Timer every(Duration interval, std::function<void()> task);

    // For .cpp files that include net/asio.h.
    [[nodiscard]] boost::asio::io_context& context();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Some loops, each on a thread of its own.
class LoopPool {
public:
    // `count` 0 = one per core. Threads start here and are named `name`-N.
    explicit LoopPool(std::string name, std::size_t count = 0);
    LoopPool(const LoopPool&) = delete;
    LoopPool& operator=(const LoopPool&) = delete;
    ~LoopPool();  // stop()

    // Stops all loops and waits for their threads. Destroy what belongs to the loops afterwards, never while they run.
    void stop();

    [[nodiscard]] std::size_t size() const { return loops_.size(); }
    [[nodiscard]] Loop& operator[](std::size_t index) { return *loops_[index]; }
    [[nodiscard]] std::vector<Loop*> all();

private:
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<std::thread> threads_;
};

// A few threads for slow work: database, X.509, inflating, DKIM.
class WorkPool {
public:
    // `count` 0 = one per core.
    explicit WorkPool(std::string name, std::size_t count = 0);
    WorkPool(const WorkPool&) = delete;
    WorkPool& operator=(const WorkPool&) = delete;
    ~WorkPool();  // stop()

    // Finishes what has begun, drops what has not.
    void stop();

    // Any thread.
    void submit(std::function<void()> work);

    // Runs work() here and then done(its result) on `loop`. Both must be copyable. `loop` must outlive the pool or its
    // stop().
    template <class Work, class Done>
    void run(Work work, Loop& loop, Done done) {
        submit([work = std::move(work), &loop, done = std::move(done)]() mutable {
            if constexpr (std::is_void_v<decltype(work())>) {
                work();
                loop.post(std::move(done));
            } else {
                auto result = std::make_shared<decltype(work())>(work());
                loop.post([result, done = std::move(done)]() mutable { done(std::move(*result)); });
            }
        });
    }

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace postseal::net
