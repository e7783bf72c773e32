#include "net/poller.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "net/thread_gate.h"

namespace postseal::net {

void name_this_thread(const std::string& name, std::size_t index);  // loop.cpp

struct Poller::Impl {
    int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    int wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    std::atomic<bool> stopping = false;
    ThreadGate gate;
    std::mutex mutex;
    std::vector<std::function<void()>> posted;  // under `mutex`

    std::vector<std::function<void(std::chrono::steady_clock::time_point)>> every_second;
    std::chrono::steady_clock::time_point round = std::chrono::steady_clock::now();
    std::array<epoll_event, 256> events{};
    int event_count = 0;

    Impl() {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = nullptr;  // the eventfd
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        ::close(wake);
        ::close(epoll);
    }

    void ring() const {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(wake, &one, sizeof one);  // a full counter rings as well
    }
    void run_posted() {
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(wake, &count, sizeof count);
        std::vector<std::function<void()>> tasks;
        {
            const std::lock_guard lock(mutex);
            tasks.swap(posted);
        }
        for (const auto& task : tasks) {
            task();
        }
    }
};

Poller::Poller() : impl_(std::make_unique<Impl>()) {}
Poller::~Poller() = default;

void Poller::run() {
    Impl& impl = *impl_;
    impl.gate.entered();
    auto next_second = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (!impl.stopping.load(std::memory_order_relaxed)) {
        impl.event_count = ::epoll_wait(impl.epoll, impl.events.data(), static_cast<int>(impl.events.size()), 1000);
        impl.round = std::chrono::steady_clock::now();
        for (int i = 0; i < impl.event_count; ++i) {
            const epoll_event event = impl.events[static_cast<std::size_t>(i)];
            if (event.events == 0) {
                continue;  // taken back by remove()
            }
            if (event.data.ptr == nullptr) {
                impl.run_posted();
            } else {
                static_cast<Watcher*>(event.data.ptr)->on_events(event.events);
            }
        }
        impl.event_count = 0;
        if (impl.round >= next_second) {
            next_second = impl.round + std::chrono::seconds(1);
            for (std::size_t i = 0; i < impl.every_second.size(); ++i) {
                impl.every_second[i](impl.round);
            }
        }
    }
    impl.gate.left();
}

void Poller::stop() {
    impl_->stopping = true;
    impl_->ring();
}

void Poller::post(std::function<void()> task) {
    bool first = false;
    {
        const std::lock_guard lock(impl_->mutex);
        first = impl_->posted.empty();
        impl_->posted.push_back(std::move(task));
    }
    if (first) {
        impl_->ring();
    }
}

void Poller::sync(std::function<void()> task) {
    impl_->gate.sync([this] { post([impl = impl_.get()] { impl->gate.perform(); }); }, std::move(task));
}

bool Poller::on_this_thread() const {
    return impl_->gate.on_loop_thread();
}

void Poller::add(int fd, std::uint32_t events, Watcher& watcher) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watcher;
    ::epoll_ctl(impl_->epoll, EPOLL_CTL_ADD, fd, &event);
}

void Poller::modify(int fd, std::uint32_t events, Watcher& watcher) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watcher;
    ::epoll_ctl(impl_->epoll, EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd, Watcher& watcher) {
    ::epoll_ctl(impl_->epoll, EPOLL_CTL_DEL, fd, nullptr);
    for (int i = 0; i < impl_->event_count; ++i) {
        epoll_event& event = impl_->events[static_cast<std::size_t>(i)];
        if (event.data.ptr == &watcher) {
            event.events = 0;
        }
    }
}

void Poller::every_second(std::function<void(std::chrono::steady_clock::time_point)> task) {
    impl_->every_second.push_back(std::move(task));
}

std::chrono::steady_clock::time_point Poller::round_time() const {
    return impl_->round;
}

std::size_t PollerPool::one_per_cores(std::size_t cores) {
    return std::max<std::size_t>(1, std::thread::hardware_concurrency() / cores);
}

PollerPool::PollerPool(std::string name, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        pollers_.push_back(std::make_unique<Poller>());
    }
    for (std::size_t i = 0; i < count; ++i) {
        threads_.emplace_back([poller = pollers_[i].get(), name, i] {
            name_this_thread(name, i);
            poller->run();
        });
    }
}

PollerPool::~PollerPool() {
    stop();
}

void PollerPool::stop() {
    for (const auto& poller : pollers_) {
        poller->stop();
    }
    for (std::thread& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

}  // namespace postseal::net
