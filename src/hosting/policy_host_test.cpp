#include "hosting/policy_host.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

net::HttpRequest request(std::string method, std::string target, std::string host, std::string sni) {
    net::HttpRequest made;
    made.method = std::move(method);
    made.target = std::move(target);
    made.path = made.target;
    made.headers = {{"Host", std::move(host)}};
    made.secure = !sni.empty();
    made.sni = std::move(sni);
    return made;
}

// HTTPS-019 and rule 8
TEST(PolicyHost, serves_exactly_one_resource) {
    PolicyBodies bodies;
    bodies.set("mta-sts.a.example", {"version: STSv1\r\n", 1, 1});
    bodies.set("mta-sts.b.example", {"another\r\n", 2, 1});
    const std::string host = "mta-sts.a.example";
    struct Case {
        net::HttpRequest request;
        int status;
        const char* why;
    };
    const std::string path = "/.well-known/mta-sts.txt";
    const std::vector<Case> cases = {
        {request("GET", path, host, host), 200, "the policy"},
        {request("HEAD", path, host, host), 200, "its headers"},
        {request("GET", path, "MTA-STS.a.example:443", host), 200, "names compare without case, a port is allowed"},
        {request("POST", path, host, host), 404, "not a reading method"},
        {request("OPTIONS", path, host, host), 404, "nor this"},
        {request("GET", path + "?a=b", host, host), 404, "a query is another resource"},
        {request("GET", path + "/", host, host), 404, "another path"},
        {request("GET", "/.well-known/MTA-STS.txt", host, host), 404, "paths compare with case"},
        {request("GET", "/.well-known/mta-sts%2etxt", host, host), 404, "another spelling"},
        {request("GET", "/", host, host), 404, "no index"},
        {request("GET", path, "mta-sts.c.example", "mta-sts.c.example"), 404, "not ours"},
        {request("GET", path, "mta-sts.b.example", host), 404, "the Host of another customer in this one's connection"},
    };
    for (const Case& one : cases) {
        const auto response = answer_policy(bodies, one.request);
        EXPECT_EQ(response.status, one.status) << one.why;
        EXPECT_EQ(net::find_header(response.headers, "Location"), "") << "no redirects";
        EXPECT_EQ(net::find_header(response.headers, "Set-Cookie"), "") << "no cookies";
        if (one.status == 200) {
            EXPECT_EQ(net::find_header(response.headers, "Content-Type"), "text/plain");
            EXPECT_EQ(net::find_header(response.headers, "Cache-Control"), "max-age=60");
            EXPECT_EQ(response.body, "version: STSv1\r\n");
        }
    }
    bodies.remove(host);
    EXPECT_EQ(answer_policy(bodies, request("GET", path, host, host)).status, 404);
}

class ZeroClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return TimePoint(); }
};
class SilentLog final : public Log {
public:
    void write(LogLevel /*level*/, std::string_view /*component*/, std::string_view /*message*/) override {}
};

TEST(PolicyHost, notes_what_was_fetched_and_nothing_else) {
    PolicyBodies bodies;
    bodies.set("mta-sts.a.example", {"version: STSv1\r\n", 7, 3});
    std::vector<store::FetchCount> noted;
    const FetchLog::Target target{[&](const std::vector<store::FetchCount>& counts, const store::FetchSpan&,
                                      const std::vector<store::FetchGap>&) -> Result<void> {
                                      noted.insert(noted.end(), counts.begin(), counts.end());
                                      return {};
                                  },
                                  [](Day, Day) -> Result<void> { return {}; }};
    const ZeroClock clock;
    SilentLog silent;
    FetchLog log({}, target, clock, silent);
    const std::string host = "mta-sts.a.example";
    const std::string path = "/.well-known/mta-sts.txt";
    auto fetch = request("GET", path, host, host);
    fetch.headers.emplace_back("User-Agent", "mox/1");
    answer_policy(bodies, fetch, &log);
    answer_policy(bodies, fetch, &log);
    answer_policy(bodies, request("HEAD", path, host, host), &log);
    answer_policy(bodies, request("GET", "/", host, host), &log);
    answer_policy(bodies, request("GET", path, "mta-sts.b.example", host), &log);
    log.stop();
    std::int64_t fetches = 0;
    for (const store::FetchCount& one : noted) {
        EXPECT_EQ(one.domain, 7);
        EXPECT_EQ(one.version, 3);
        EXPECT_EQ(one.agent, "mox");
        fetches += one.fetches;
    }
    EXPECT_EQ(fetches, 2);
}

TEST(PolicyHost, port_80_knows_challenges_only) {
    ChallengeBoard board;
    board.put("tok", "tok.thumb");
    EXPECT_EQ(answer_challenge(board, request("GET", "/.well-known/acme-challenge/tok", "x", "")).body, "tok.thumb");
    for (const std::string target : {"/.well-known/acme-challenge/", "/.well-known/acme-challenge/other", "/tok",
                                     "/.well-known/mta-sts.txt", "/.well-known/acme-challenge/../acme-challenge/tok"}) {
        EXPECT_EQ(answer_challenge(board, request("GET", target, "x", "")).status, 404) << target;
    }
    EXPECT_EQ(answer_challenge(board, request("POST", "/.well-known/acme-challenge/tok", "x", "")).status, 404);
    board.remove("tok");
    EXPECT_EQ(answer_challenge(board, request("GET", "/.well-known/acme-challenge/tok", "x", "")).status, 404);
}

}  // namespace
}  // namespace postseal::hosting
