#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "base/guarded.h"
#include "base/problem.h"

namespace postseal {
namespace {

Result<int> number(int value) {
    if (value < 0) {
        return invalid_input("number", "below zero");
    }
    return value;
}

Result<std::string> sum_text(int a, int b) {
    POSTSEAL_TRY(const int x, number(a));
    POSTSEAL_TRY(const int y, number(b));
    return std::to_string(x + y);
}

Result<std::unique_ptr<int>> boxed(int value) {
    POSTSEAL_TRY(const int x, number(value));
    return std::make_unique<int>(x);
}

Result<int> unboxed(int value) {
    POSTSEAL_TRY(const auto box, boxed(value));  // moves what cannot be copied
    return *box;
}

TEST(Result, TryTakesTheValueOrReturnsTheError) {
    EXPECT_EQ(*sum_text(1, 2), "3");
    EXPECT_EQ(sum_text(-1, 2).error(), invalid_input("number", "below zero"));
    EXPECT_EQ(sum_text(1, -2).error().code, Errc::invalid_input);
    EXPECT_EQ(*unboxed(7), 7);
    EXPECT_FALSE(unboxed(-7));
}

TEST(Result, ErrorsSayWhereAndWhat) {
    EXPECT_EQ(invalid_input("policy line 3", "max_age: not a number").message(),
              "policy line 3: max_age: not a number");
    EXPECT_EQ((Error{Errc::limit_exceeded, "", "too long"}).message(), "too long");
}

TEST(Result, ValueOfAnErrorIsAProgrammersMistake) {
    EXPECT_THROW((void)number(-1).value(), std::logic_error);
    EXPECT_EQ(number(1).value(), 1);
}

TEST(Problem, OnlyErrorsAreErrors) {
    EXPECT_FALSE(has_error({}));
    EXPECT_FALSE(has_error({{1, Severity::warning, "a", "", ""}}));
    EXPECT_TRUE(has_error({{1, Severity::warning, "a", "", ""}, {2, Severity::error, "b", "", ""}}));
}

TEST(Guarded, LendsTheValue) {
    Guarded<std::string> guarded("a");
    guarded.with([](std::string& value) { value += "b"; });
    const auto& view = guarded;
    EXPECT_EQ(view.with([](const std::string& value) { return value; }), "ab");
}

}  // namespace
}  // namespace postseal
