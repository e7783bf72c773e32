#include "console/router.h"

#include <gtest/gtest.h>

namespace postseal::console {
namespace {

class RouterTest : public ::testing::Test {
protected:
    RouterTest() {
        add("GET", "/api/v1/domains");
        add("POST", "/api/v1/domains");
        add("GET", "/api/v1/domains/{domain}");
        add("PUT", "/api/v1/domains/{domain}/mode");
        add("GET", "/api/v1/domains/{domain}/reports/summary");
        add("GET", "/api/v1/domains/{domain}/reports/{id}");
    }
    void add(const std::string& method, const std::string& pattern) {
        router_.add(method, pattern, Access::signed_in,
                    [this, text = method + " " + pattern](const Call&, const Reply&) { called_ = text; });
    }
    std::string route_of(std::string_view method, std::string_view path) {
        const Router::Match match = router_.find(method, path);
        called_.clear();
        if (match.handler) {
            match.handler({}, [](net::HttpResponse) {});
        }
        return called_;
    }
    Router router_;
    std::string called_;
};

TEST_F(RouterTest, FindsTheRoute) {
    struct {
        std::string_view method, path, expected, why;
    } const cases[] = {
        {"GET", "/api/v1/domains", "GET /api/v1/domains", "exact"},
        {"HEAD", "/api/v1/domains", "GET /api/v1/domains", "HEAD is GET without its body"},
        {"POST", "/api/v1/domains", "POST /api/v1/domains", "by method"},
        {"GET", "/api/v1/domains/example.com", "GET /api/v1/domains/{domain}", "a parameter"},
        {"PUT", "/api/v1/domains/example.com/mode", "PUT /api/v1/domains/{domain}/mode", "a parameter inside"},
        {"GET", "/api/v1/domains/a.b/reports/summary", "GET /api/v1/domains/{domain}/reports/summary", "added first"},
        {"GET", "/api/v1/domains/a.b/reports/7", "GET /api/v1/domains/{domain}/reports/{id}", "two parameters"},
        {"GET", "/api/v1/domains/", "", "a parameter is never empty"},
        {"GET", "/api/v1/domains//reports/7", "", "nor inside"},
        {"GET", "/api/v1/domains/a/b", "", "a parameter is one part: a slash that was %2F ends it"},
        {"GET", "//api/v1/domains", "", "an empty part counts"},
        {"GET", "/API/v1/domains", "", "case counts"},
        {"get", "/api/v1/domains", "", "methods are case-sensitive (RFC 9110 §9.1)"},
        {"DELETE", "/api/v1/domains", "", "no such method here"},
        {"GET", "", "", "nothing"},
    };
    for (const auto& [method, path, expected, why] : cases) {
        EXPECT_EQ(route_of(method, path), expected) << method << " " << path << ": " << why;
    }
}

TEST_F(RouterTest, NamesWhatAPathAllows) {
    EXPECT_EQ(router_.find("DELETE", "/api/v1/domains").allowed, (std::vector<std::string>{"GET", "POST"}));
    EXPECT_EQ(router_.find("GET", "/api/v1/domains/a/mode").allowed, (std::vector<std::string>{"PUT"}));
    EXPECT_TRUE(router_.find("GET", "/api/v1/nothing").allowed.empty());
}

TEST_F(RouterTest, HandsOverPathParameters) {
    const Router::Match match = router_.find("GET", "/api/v1/domains/a.example/reports/7");
    const Call call{{}, match.path_parameters, {}};
    EXPECT_EQ(call.path("domain"), "a.example");
    EXPECT_EQ(call.path("id"), "7");
    EXPECT_EQ(call.path("other"), "");
}

}  // namespace
}  // namespace postseal::console
