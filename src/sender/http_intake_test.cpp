// What the HTTP intake says to whom, and that nothing is counted by halves or twice.
#include "sender/http_intake.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "sender/collector.h"
#include "sender/testing.h"

namespace postseal::sender {
namespace {

namespace json = boost::json;
using testing::some_noon;

std::string session(const std::string& domain = "example.com") {
    return R"({"dpv":"1","d":")" + domain + R"(","pr":"v=TLSRPTv1;rua=mailto:tls@example.com",)" +
           R"("policies":[{"policy-type":9,"f":0}]})";
}

class HttpIntakeTest : public ::testing::Test {
protected:
    net::HttpResponse post(const std::string& body, const std::string& type = "application/json",
                           const std::string& key = "") {
        net::HttpRequest request;
        request.method = "POST";
        request.path = "/v1/sessions";
        request.headers = {{"Content-Type", type}};
        if (!key.empty()) {
            request.headers.emplace_back("Idempotency-Key", key);
        }
        request.body = body;
        return intake_.answer(request);
    }
    static std::string told(const net::HttpResponse& response) {
        return std::to_string(response.status) + " " + response.body;
    }

    testing::TestClock clock_;
    net::WorkPool work_{"test", 1};
    std::vector<std::string> counted_;  // domains
    bool has_room_ = true;
    bool has_store_ = true;
    HttpIntake intake_{{[this](const std::vector<tlsrpt::Session>& sessions) {
                            for (const tlsrpt::Session& one : sessions) {
                                if (has_room_) {
                                    counted_.push_back(one.domain.text());
                                }
                            }
                            return has_room_;
                        },
                        [this] {
                            return has_store_ ? Result<void>() : Error{Errc::unavailable, "", "no store"};
                        }},
                       work_,
                       clock_};
};

TEST_F(HttpIntakeTest, OneOrMany) {
    EXPECT_EQ(told(post(session())), "200 {\"counted\":1,\"stored\":true}\n");
    EXPECT_EQ(told(post("[" + session("a.example") + "," + session("b.example") + "]")),
              "200 {\"counted\":2,\"stored\":true}\n");
    EXPECT_EQ(told(post(session("c.example") + "\n" + session("d.example"), "Application/X-NDJSON; charset=utf-8")),
              "200 {\"counted\":2,\"stored\":true}\n");
    EXPECT_EQ(counted_, (std::vector<std::string>{"example.com", "a.example", "b.example", "c.example", "d.example"}));
    EXPECT_EQ(intake_.counters().counted, 3U);
    EXPECT_EQ(intake_.counters().sessions, 5U);
}

TEST_F(HttpIntakeTest, AllOrNone) {
    const auto response = post("[" + session() + "," + session("a..b") + "]");
    EXPECT_EQ(response.status, 400);
    const json::value body = json::parse(response.body);
    EXPECT_EQ(body.at("counted"), 0);
    EXPECT_EQ(body.at("refused").as_array().size(), 1U);
    EXPECT_EQ(body.at("refused").at(0).at("index"), 1);
    EXPECT_EQ(body.at("refused").at(0).at("field"), "d");
    EXPECT_TRUE(counted_.empty());
    EXPECT_EQ(intake_.counters().refused, 1U);
}

TEST_F(HttpIntakeTest, WhatIsRefused) {
    net::HttpRequest good;
    good.method = "POST";
    good.path = "/v1/sessions";
    good.headers = {{"Content-Type", "application/json"}};
    good.body = session();
    const auto status_of = [&](auto change) {
        net::HttpRequest request = good;
        change(request);
        return intake_.answer(request).status;
    };
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.path = "/"; }), 404);
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.method = "GET"; }), 405);
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.method = "OPTIONS"; }), 405) << "no browser is let through";
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.headers.emplace_back("Origin", "https://a.example"); }), 403);
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.headers = {{"Content-Type", "text/plain"}}; }), 415);
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.headers.clear(); }), 415);
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.body = "{"; }), 400);
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.headers.emplace_back("Idempotency-Key", std::string(256, 'a')); }),
              400);
    EXPECT_EQ(status_of([](net::HttpRequest& r) { r.body = std::string((std::size_t{8} << 20) + 1, ' '); }), 413);
    EXPECT_TRUE(counted_.empty());
    EXPECT_EQ(status_of([](net::HttpRequest&) {}), 200);
}

TEST_F(HttpIntakeTest, ByItsKeyARequestCountsOnce) {
    EXPECT_EQ(post(session(), "application/json", "one").status, 200);
    EXPECT_EQ(told(post(session(), "application/json", "one")), "200 {\"counted\":1,\"stored\":true}\n");
    EXPECT_EQ(post(session("a.example"), "application/json", "one").status, 422);
    EXPECT_EQ(counted_.size(), 1U);
    EXPECT_EQ(intake_.counters().repeated, 1U);
    EXPECT_EQ(post("{", "application/json", "two").status, 400);
    EXPECT_EQ(post(session(), "application/json", "two").status, 200) << "what was refused may be sent mended";
    clock_.pass(Seconds(2 * 24 * 3600));
    EXPECT_EQ(post(session("a.example"), "application/json", "one").status, 200) << "kept for a day";
}

TEST_F(HttpIntakeTest, WhenTheCollectorOrTheStoreHasNoRoom) {
    has_room_ = false;
    EXPECT_EQ(post(session(), "application/json", "one").status, 503);
    has_room_ = true;
    has_store_ = false;
    EXPECT_EQ(told(post(session(), "application/json", "one")), "202 {\"counted\":1,\"stored\":false}\n")
        << "counted, and not to be sent again";
    EXPECT_EQ(post(session(), "application/json", "one").status, 202);
    EXPECT_EQ(counted_.size(), 1U);
    EXPECT_EQ(intake_.counters().failed, 1U);
}

TEST_F(HttpIntakeTest, IntoTheCollectorAndItsStore) {
    const auto store = testing::open_store();
    testing::TestLog log;
    auto collector = Collector::start({}, *store, clock_, log);
    ASSERT_TRUE(collector) << collector.error().message();
    HttpIntake intake({[&](std::vector<tlsrpt::Session> sessions) { return (*collector)->add(std::move(sessions)); },
                       [&] { return (*collector)->flush(); }},
                      work_, clock_);
    net::HttpRequest request;
    request.method = "POST";
    request.path = "/v1/sessions";
    request.headers = {{"Content-Type", "application/x-ndjson"}};
    request.body = session() + "\n" + session() + "\n";
    EXPECT_EQ(intake.answer(request).status, 200);
    const auto counts = store->session_counts.of_day(std::chrono::floor<std::chrono::days>(some_noon));
    ASSERT_TRUE(counts);
    ASSERT_EQ(counts->size(), 1U);
    EXPECT_EQ(counts->at(0).policy.successful, 2U);
}

}  // namespace
}  // namespace postseal::sender
