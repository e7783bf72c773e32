// Coroutines over the callback APIs of this module, for .cpp files only (includes Asio).
//
//     DnsAnswer answer = co_await await_callback<DnsAnswer>([&](auto done) { resolver.resolve(name, type, done); });
//
// What is captured must be trivially destructible: references, pointers, numbers. g++ 12 destroys the temporaries of a
// co_await expression twice; references into the coroutine's frame are safe, since it is suspended until the callback.
// For the same reason no co_await stands in an operand of `?:`: what it yields is freed once more, with a wrong
// address.
//
// The coroutine goes on on its own executor, wherever the callback comes from. A callback that is dropped uncalled ends
// the coroutine: its frame is destroyed.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "net/asio.h"
#include "net/loop.h"

namespace postseal::net {

template <class T, class Start>
asio::awaitable<T> await_callback(Start start) {
    static_assert(std::is_trivially_destructible_v<Start>, "capture by reference: see above");
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(
        [](auto handler, Start begin) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            begin(std::function<void(T)>([shared](T value) {
                auto executor = asio::get_associated_executor(*shared);
                asio::post(executor, [shared, value = std::move(value)]() mutable { (*shared)(std::move(value)); });
            }));
        },
        asio::use_awaitable, std::move(start));
}

// Runs work() on `pool` and goes on with its result on the coroutine's own executor.
template <class T, class Work>
asio::awaitable<T> await_work(WorkPool& pool, Work work) {
    static_assert(std::is_trivially_destructible_v<Work>, "capture by reference: see above");
    co_return co_await await_callback<T>([&pool, &work](std::function<void(T)> done) {
        pool.submit([work = std::move(work), done = std::move(done)]() mutable { done(work()); });
    });
}

// Starts `body` (a function that returns awaitable<void>) on `loop`, never before spawn() has returned there. Any
// thread. What it throws ends the program.
template <class Body>
void spawn(Loop& loop, Body body) {
    asio::post(loop.context(), [&loop, body = std::move(body)]() mutable {
        asio::co_spawn(loop.context(), std::move(body), [](const std::exception_ptr& error) {
            if (error) {
                std::rethrow_exception(error);
            }
        });
    });
}

}  // namespace postseal::net
