// Many sessions in one body: as an array, one a line, or one alone; judged one by one, with the place of what is wrong.
#include "tlsrpt/session_batch.h"

#include <gtest/gtest.h>

namespace postseal::tlsrpt {
namespace {

std::string session(const std::string& domain = "example.com", const std::string& final_result = "0") {
    return R"({"dpv":"1","d":")" + domain + R"(","pr":"v=TLSRPTv1;rua=mailto:tls@example.com",)" +
           R"("policies":[{"policy-type":9,"f":)" + final_result + "}]}";
}

std::vector<std::string> domains_of(const Result<Batch>& batch) {
    std::vector<std::string> out;
    EXPECT_TRUE(batch && batch->refused.empty());
    if (batch) {
        for (const Session& one : batch->sessions) {
            out.push_back(one.domain.text());
        }
    }
    return out;
}

TEST(SessionBatchTest, OneManyOrNone) {
    using Domains = std::vector<std::string>;
    EXPECT_EQ(domains_of(read_batch(session(), BatchFormat::json)), Domains{"example.com"});
    EXPECT_EQ(domains_of(read_batch(" [" + session() + ",\n" + session("example.net") + "] ", BatchFormat::json)),
              (Domains{"example.com", "example.net"}));
    EXPECT_EQ(domains_of(read_batch("[]", BatchFormat::json)), Domains{});
    EXPECT_EQ(domains_of(read_batch(session() + "\n" + session("example.net"), BatchFormat::ndjson)),
              (Domains{"example.com", "example.net"}));
    EXPECT_EQ(domains_of(read_batch("\r\n" + session() + "\r\n \t\n" + session("example.net") + "\r\n\r\n",
                                    BatchFormat::ndjson)),
              (Domains{"example.com", "example.net"}));
    EXPECT_EQ(domains_of(read_batch("", BatchFormat::ndjson)), Domains{});
    EXPECT_EQ(domains_of(read_batch("{\"d\":\"a.example\",\"x\":\"\xff\"," + session().substr(1), BatchFormat::json)),
              Domains{"a.example"})
        << "invalid UTF-8 is repaired, as in a datagram";
}

TEST(SessionBatchTest, WhatIsWrongIsNamedWithItsPlace) {
    struct Case {
        std::string body;
        BatchFormat format;
        std::vector<std::pair<std::size_t, std::string>> refused;  // index and field
    };
    const std::string two_policies = R"({"d":"example.com","pr":"v=TLSRPTv1;rua=mailto:tls@example.com",)"
                                     R"("policies":[{"policy-type":9,"f":0},{"policy-type":9}]})";
    for (const Case& test : std::vector<Case>{
             {"[" + session() + "," + session("a..b") + "," + session("example.com", "7") + "]",
              BatchFormat::json,
              {{1, "d"}, {2, "policies[0].f"}}},
             {"[" + two_policies + "]", BatchFormat::json, {{0, "policies[1].f"}}},
             {"[5,null,[]]", BatchFormat::json, {{0, ""}, {1, ""}, {2, ""}}},
             {"5", BatchFormat::json, {{0, ""}}},
             {"{}", BatchFormat::json, {{0, "d"}}},
             {R"({"d":"example.com"})", BatchFormat::json, {{0, "pr"}}},
             {R"({"d":"example.com","pr":"v=TLSRPTv2"})", BatchFormat::json, {{0, "pr"}}},
             {R"({"d":"example.com","pr":"v=TLSRPTv1;rua=mailto:a@b.example","policies":[]})",
              BatchFormat::json,
              {{0, "policies"}}},
             {R"({"d":"example.com","pr":"v=TLSRPTv1;rua=mailto:a@b.example","policies":[5]})",
              BatchFormat::json,
              {{0, "policies[0]"}}},
             {session() + "\n\n{\"d\":\n" + session() + "\n", BatchFormat::ndjson, {{1, ""}}},  // blank lines are none
             {session() + " " + session(), BatchFormat::ndjson, {{0, ""}}},                     // two in one line
         }) {
        const auto batch = read_batch(test.body, test.format);
        ASSERT_TRUE(batch) << test.body;
        std::vector<std::pair<std::size_t, std::string>> refused;
        for (const RefusedSession& one : batch->refused) {
            refused.emplace_back(one.index, one.field);
            EXPECT_FALSE(one.why.empty()) << test.body;
        }
        EXPECT_EQ(refused, test.refused) << test.body;
    }
}

TEST(SessionBatchTest, ABodyThatIsNone) {
    for (const std::string body : {"", "[", "[1,", "what", R"({"d":)", "[] []"}) {
        EXPECT_FALSE(read_batch(body, BatchFormat::json)) << body;
    }
    EXPECT_FALSE(read_batch(session() + "\n" + session(), BatchFormat::json)) << "lines, said to be one value";
    EXPECT_FALSE(read_batch(std::string(1000, '['), BatchFormat::json)) << "too deep";
}

TEST(SessionBatchTest, Limits) {
    const BatchLimits limits{.bytes_max = 1000, .sessions_max = 3, .refused_max = 2};
    const auto code = [&](const std::string& body, BatchFormat format) {
        const auto batch = read_batch(body, format, limits);
        return batch ? std::optional<Errc>() : batch.error().code;
    };
    EXPECT_EQ(code(std::string(1001, ' '), BatchFormat::ndjson), Errc::limit_exceeded);
    const auto many = [](int count, const std::string& between) {
        std::string text;
        for (int i = 0; i < count; ++i) {
            text += (i == 0 ? "" : between) + session();
        }
        return text;
    };
    EXPECT_FALSE(code("[" + many(3, ",") + "]", BatchFormat::json));
    EXPECT_EQ(code("[" + many(4, ",") + "]", BatchFormat::json), Errc::limit_exceeded);
    EXPECT_FALSE(code(many(3, "\n"), BatchFormat::ndjson));
    EXPECT_EQ(code(many(4, "\n"), BatchFormat::ndjson), Errc::limit_exceeded);
    EXPECT_EQ(read_batch("[1,2,3]", BatchFormat::json, limits)->refused.size(), 2U) << "no more are listed";
}

}  // namespace
}  // namespace postseal::tlsrpt
