// The hot paths' event loop: epoll and nothing else. Answers to DNS queries, socketmap requests and datagrams are
// counted in single microseconds, of which Asio's loop would take one or two (a speculative read per request, an
// allocation per operation); everything less frequent runs on a Loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace postseal::net {

class Poller {
public:
    // Bits of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP.
    class Watcher {
    public:
        Watcher() = default;
        Watcher(const Watcher&) = delete;
        Watcher& operator=(const Watcher&) = delete;
        virtual ~Watcher() = default;
        virtual void on_events(std::uint32_t events) = 0;
    };

    Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;
    ~Poller();

    void run();   // until stop()
    void stop();  // any thread
    // Any thread.
    void post(std::function<void()> task);
    // Any thread: as Loop::sync().
    void sync(std::function<void()> task);
    [[nodiscard]] bool on_this_thread() const;

    // The rest on the poller's thread, or before run(). Level-triggered.
    void add(int fd, std::uint32_t events, Watcher& watcher);
    void modify(int fd, std::uint32_t events, Watcher& watcher);
    // No event of this round that is still undelivered reaches the watcher afterwards.
    void remove(int fd, Watcher& watcher);
    // Called about once a second with the time of the round, until the poller is destroyed.
    void every_second(std::function<void(std::chrono::steady_clock::time_point)> task);
    // When the present round of events began; costs nothing.
    [[nodiscard]] std::chrono::steady_clock::time_point round_time() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Some pollers, each on a thread of its own.
class PollerPool {
public:
    static std::size_t one_per_cores(std::size_t cores);  // at least one
    explicit PollerPool(std::string name, std::size_t count = one_per_cores(1));
    PollerPool(const PollerPool&) = delete;
    PollerPool& operator=(const PollerPool&) = delete;
    ~PollerPool();
    void stop();
    [[nodiscard]] std::size_t size() const { return pollers_.size(); }
    [[nodiscard]] Poller& operator[](std::size_t index) { return *pollers_[index]; }

private:
    std::vector<std::unique_ptr<Poller>> pollers_;
    std::vector<std::thread> threads_;
};

}  // namespace postseal::net
