#include "hosting/acme_reply.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace postseal::hosting {
namespace {

constexpr TimePoint now{Seconds(784'111'777)};  // 1994-11-06 08:49:37 UTC

AcmeReply problem(int status, const std::string& text) {
    return read_acme_reply(status, {}, "application/problem+json", text);
}

TEST(AcmeReply, subproblems_are_shown_to_people) {
    // RFC 8555 §6.7.1, the example's shape
    const AcmeReply reply = problem(403, R"({"type":"urn:ietf:params:acme:error:malformed",
        "detail":"Some of the identifiers requested were rejected","subproblems":[
        {"type":"urn:ietf:params:acme:error:malformed","detail":"Invalid underscore",
         "identifier":{"type":"dns","value":"_example.org"}},
        {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"This CA will not issue",
         "identifier":{"type":"dns","value":"example.net"}},{"detail":"three"},{"detail":"four"}]})");
    EXPECT_EQ(reply.error, "malformed");
    EXPECT_EQ(acme_error(reply, "order").message(),
              "ACME order: Some of the identifiers requested were rejected; _example.org: Invalid underscore; "
              "example.net: This CA will not issue; three; and 1 more");
    EXPECT_EQ(problem_words(problem(400, "{}").value), "no reason given");
    EXPECT_EQ(problem_words(problem(400, R"({"detail":"a\nb"})").value).find('\n'), std::string::npos)
        << "no forged log line";
}

TEST(AcmeReply, whose_matter_a_refusal_is) {
    // RFC 8555 §6.6, §6.7
    struct Case {
        int status;
        const char* body;
        AcmeFailure wanted;
    };
    const Case cases[] = {
        {429, "{}", AcmeFailure::rate_limited},
        {400, R"({"type":"urn:ietf:params:acme:error:rateLimited"})", AcmeFailure::rate_limited},
        {503, "", AcmeFailure::unreachable},
        {500, R"({"type":"urn:ietf:params:acme:error:serverInternal"})", AcmeFailure::unreachable},
        {400, R"({"type":"urn:ietf:params:acme:error:badNonce"})", AcmeFailure::unreachable},
        {403, R"({"type":"urn:ietf:params:acme:error:rejectedIdentifier"})", AcmeFailure::refused},
        {404, "", AcmeFailure::refused},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(failure_of(problem(one.status, one.body)), one.wanted) << one.status << " " << one.body;
    }
    EXPECT_EQ(acme_error(problem(503, ""), "order").code, Errc::temporary);
    EXPECT_EQ(acme_error(problem(403, ""), "order").message(), "ACME order: HTTP status 403");
}

TEST(AcmeReply, retry_after) {
    // RFC 9110 §10.2.3, §5.6.7
    struct Case {
        const char* value = nullptr;
        std::optional<Seconds> wanted;
        const char* why = nullptr;
    };
    const Case cases[] = {
        {"120", Seconds(120), "seconds"},
        {" 0 ", Seconds(0), "at once"},
        {"99999999999", Seconds(86'400), "never more than a day"},
        {"Sun, 06 Nov 1994 08:50:37 GMT", Seconds(60), "a date"},
        {"Sun, 06 Nov 1994 08:00:00 GMT", Seconds(0), "a date that has passed"},
        {"Sun Nov  6 08:49:37 1994", std::nullopt, "asctime's form"},
        {"Sun, 06 Nix 1994 08:49:37 GMT", std::nullopt, "no month"},
        {"-1", std::nullopt, "a sign"},
        {"soon", std::nullopt, "a word"},
        {"", std::nullopt, "nothing"},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(retry_after({{"Retry-After", one.value}}, now), one.wanted) << one.why;
    }
    EXPECT_FALSE(retry_after({}, now));
}

TEST(AcmeReply, a_body_that_is_no_json_has_no_value) {
    EXPECT_TRUE(problem(500, "<html>").value.is_null());
    EXPECT_TRUE(read_acme_reply(200, {}, "text/html", "{}").value.is_null());
    EXPECT_EQ(text_at(problem(400, R"({"detail":1})").value, "detail"), "");
    EXPECT_EQ(array_at(problem(400, R"({"detail":1})").value, "detail"), nullptr);
}

}  // namespace
}  // namespace postseal::hosting
