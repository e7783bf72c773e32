#include "net/loop.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "net/asio.h"
#include "net/thread_gate.h"

namespace postseal::net {

namespace {

std::size_t one_per_core(std::size_t count) {
    return count > 0 ? count : std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

void name_this_thread(const std::string& name, std::size_t index) {
    const std::string text = name.substr(0, 11) + "-" + std::to_string(index);  // Linux keeps 15 bytes
    pthread_setname_np(pthread_self(), text.substr(0, 15).c_str());
}

// ---- Timer

struct Timer::State : std::enable_shared_from_this<State> {
    State(asio::io_context& context, std::function<void()> call, std::optional<Duration> repeat)
        : timer(context), task(std::move(call)), interval(repeat) {}

    void wait(asio::steady_timer::time_point when) {
        timer.expires_at(when);
        timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (!error && self->active) {  // an expiry already queued when cancel() came must not run
                self->fire();
            }
        });
    }
    void fire() {
        if (interval) {
            // From now, not from the last expiry: after a machine's sleep there is no burst to catch up.
            wait(std::chrono::steady_clock::now() + *interval);
            task();
        } else {
            active = false;
            const auto once = std::move(task);
            once();
        }
    }
    void cancel() {
        active = false;
        timer.cancel();
    }

    asio::steady_timer timer;
    std::function<void()> task;
    std::optional<Duration> interval;
    bool active = true;
};

Timer::Timer(std::shared_ptr<State> state) : state_(std::move(state)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
    if (this != &other) {
        cancel();
        state_ = std::move(other.state_);
    }
    return *this;
}

Timer::~Timer() {
    cancel();
}

void Timer::cancel() {
    if (state_) {
        state_->cancel();
        state_.reset();
    }
}

bool Timer::active() const {
    return state_ && state_->active;
}

// ---- Loop

struct Loop::Impl {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    ThreadGate gate;
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run() {
    impl_->gate.entered();
    impl_->context.run();
    impl_->context.restart();  // so that it may run again
    impl_->gate.left();
}

void Loop::stop() {
    impl_->context.stop();
}

void Loop::post(std::function<void()> task) {
    asio::post(impl_->context, std::move(task));
}

void Loop::dispatch(std::function<void()> task) {
    if (on_this_thread()) {
        task();
    } else {
        post(std::move(task));
    }
}

void Loop::sync(std::function<void()> task) {
    impl_->gate.sync([this] { post([impl = impl_.get()] { impl->gate.perform(); }); }, std::move(task));
}

bool Loop::on_this_thread() const {
    return impl_->gate.on_loop_thread();
}

Timer Loop::after(Duration delay, std::function<void()> task) {
    auto state = std::make_shared<Timer::State>(impl_->context, std::move(task), std::nullopt);
    state->wait(std::chrono::steady_clock::now() + delay);
    return Timer(std::move(state));
}

Timer Loop::every(Duration interval, std::function<void()> task) {
    auto state = std::make_shared<Timer::State>(impl_->context, std::move(task), interval);
    state->wait(std::chrono::steady_clock::now() + interval);
    return Timer(std::move(state));
}

asio::io_context& Loop::context() {
    return impl_->context;
}

// ---- LoopPool

LoopPool::LoopPool(std::string name, std::size_t count) {
    count = one_per_core(count);
    for (std::size_t i = 0; i < count; ++i) {
        loops_.push_back(std::make_unique<Loop>());
    }
    for (std::size_t i = 0; i < count; ++i) {
        threads_.emplace_back([loop = loops_[i].get(), name, i] {
            name_this_thread(name, i);
            loop->run();
        });
    }
}

LoopPool::~LoopPool() {
    stop();
}

void LoopPool::stop() {
    for (const auto& loop : loops_) {
        loop->stop();
    }
    for (std::thread& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

std::vector<Loop*> LoopPool::all() {
    std::vector<Loop*> loops;
    for (const auto& loop : loops_) {
        loops.push_back(loop.get());
    }
    return loops;
}

// ---- WorkPool

struct WorkPool::Impl {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> queue;
    bool stopping = false;
    std::vector<std::thread> threads;

    void work() {
        std::unique_lock lock(mutex);
        while (true) {
            wake.wait(lock, [this] { return stopping || !queue.empty(); });
            if (stopping) {
                return;
            }
            {
                const auto task = std::move(queue.front());
                queue.pop_front();
                lock.unlock();
                task();
            }  // what the task holds is let go of outside the lock
            lock.lock();
        }
    }
};

WorkPool::WorkPool(std::string name, std::size_t count) : impl_(std::make_unique<Impl>()) {
    count = one_per_core(count);
    for (std::size_t i = 0; i < count; ++i) {
        impl_->threads.emplace_back([impl = impl_.get(), name, i] {
            name_this_thread(name, i);
            impl->work();
        });
    }
}

WorkPool::~WorkPool() {
    stop();
}

void WorkPool::stop() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->wake.notify_all();
    for (std::thread& thread : impl_->threads) {
        if (thread.joinable()) {
            thread.join();
        }
    }
    std::deque<std::function<void()>> dropped;
    const std::lock_guard lock(impl_->mutex);
    dropped.swap(impl_->queue);
}

void WorkPool::submit(std::function<void()> work) {
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->stopping) {
            return;
        }
        impl_->queue.push_back(std::move(work));
    }
    impl_->wake.notify_one();
}

}  // namespace postseal::net
