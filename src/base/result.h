// Failure as an ordinary value: Result<T> holds a T or an Error; bad input never throws.
//
// The names of base live in namespace postseal itself, so that every module can write Result<T> without a prefix.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <utility>

namespace postseal {

// What kind of failure. `temporary` and `not_found` must never be confused: one defers mail, the other delivers it.
enum class Errc {
    invalid_input,   // the bytes or words given are wrong; asking again changes nothing
    not_found,       // what was asked for does not exist, and that is certain
    temporary,       // could not be found out now: asking again may help
    limit_exceeded,  // larger, deeper or more than we accept
    refused,         // understood, and not allowed
    unavailable,     // the machine lacks something: a file, a port, a key
    internal,        // ours: a broken invariant or a library that failed in a way it should not
};

struct Error {
    Errc code = Errc::internal;
    std::string where;  // "policy line 3", "FILE:LINE: KEY"; empty where `what` says it all
    std::string what;   // one line in English, without a final full stop

    // "where: what", or "what" alone.
    [[nodiscard]] std::string message() const { return where.empty() ? what : where + ": " + what; }
    friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = boost::system::result<T, Error>;

inline Error invalid_input(std::string where, std::string what) {
    return {Errc::invalid_input, std::move(where), std::move(what)};
}

// Called by Result::value() on an error: a programmer's mistake, since callers look before they take.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& location);

}  // namespace postseal

// POSTSEAL_TRY(auto x, f()): x is f()'s value, or the function returns f()'s error. Not for coroutines: g++ 12 fails
// there.
#define POSTSEAL_TRY_CONCAT_(a, b) a##b
#define POSTSEAL_TRY_CONCAT(a, b) POSTSEAL_TRY_CONCAT_(a, b)
#define POSTSEAL_TRY_IMPL(result, lhs, expr) \
    auto result = (expr);                    \
    if (!result) {                           \
        return std::move(result).error();    \
    }                                        \
    lhs = std::move(*result)
#define POSTSEAL_TRY(lhs, expr) POSTSEAL_TRY_IMPL(POSTSEAL_TRY_CONCAT(try_result_, __LINE__), lhs, expr)
