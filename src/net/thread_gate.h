// How another thread gets something done by an event loop and waits for it, without a deadlock when the loop has ended
// or has not begun: then the caller does it itself, since nobody else can be touching what belongs to the loop.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace postseal::net {

class ThreadGate {
public:
    // The loop's thread, around its work.
    void entered() {
        const std::lock_guard lock(mutex_);
        thread_ = std::this_thread::get_id();
    }
    void left() {
        std::unique_lock lock(mutex_);
        thread_ = std::thread::id();
        while (!waiting_.empty()) {
            perform_one(lock);
        }
    }
    [[nodiscard]] bool on_loop_thread() const { return thread_ == std::this_thread::get_id(); }

    // `post` makes the loop call perform().
    template <class Post>
    void sync(const Post& post, std::function<void()> task) {
        if (on_loop_thread()) {
            task();
            return;
        }
        std::unique_lock lock(mutex_);
        if (thread_.load() == std::thread::id()) {
            // With the lock held, so that the loop cannot begin meanwhile; and this thread is the loop for so long, so
            // that what the task destroys may call sync() again.
            thread_ = std::this_thread::get_id();
            task();
            thread_ = std::thread::id();
            return;
        }
        const auto entry = std::make_shared<Entry>(Entry{std::move(task)});
        waiting_.push_back(entry);
        post();
        done_.wait(lock, [&] { return entry->done; });
    }
    void perform() {
        std::unique_lock lock(mutex_);
        if (!waiting_.empty()) {
            perform_one(lock);
        }
    }

private:
    struct Entry {
        std::function<void()> task;
        bool done = false;
    };
    void perform_one(std::unique_lock<std::mutex>& lock) {
        const auto entry = waiting_.front();
        waiting_.pop_front();
        lock.unlock();
        entry->task();
        lock.lock();
        entry->done = true;
        done_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable done_;
    std::deque<std::shared_ptr<Entry>> waiting_;
    std::atomic<std::thread::id> thread_;
};

}  // namespace postseal::net
