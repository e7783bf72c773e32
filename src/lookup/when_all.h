// Runs coroutines side by side on one loop and goes on when the last has ended. For .cpp files only (includes Asio).
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "net/await.h"

namespace postseal::lookup {

inline net::asio::awaitable<void> when_all(std::vector<net::asio::awaitable<void>> tasks) {
    if (tasks.empty()) {
        co_return;
    }
    const auto executor = co_await net::asio::this_coro::executor;
    // The timer is the event: it never runs out, the last task cancels it.
    auto finished = std::make_shared<net::asio::steady_timer>(executor, net::asio::steady_timer::time_point::max());
    auto running = std::make_shared<std::size_t>(tasks.size());
    for (auto& task : tasks) {
        net::asio::co_spawn(executor, std::move(task), [finished, running](const std::exception_ptr& error) {
            if (error) {
                std::rethrow_exception(error);
            }
            if (--*running == 0) {
                finished->cancel();
            }
        });
    }
    if (*running > 0) {
        co_await finished->async_wait(net::asio::as_tuple(net::asio::use_awaitable));
    }
}

}  // namespace postseal::lookup
