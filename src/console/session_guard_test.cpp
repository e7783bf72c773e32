#include "console/session_guard.h"
#include "store/testing.h"

#include <gtest/gtest.h>

namespace postseal::console {
namespace {

class TestClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return time; }
    TimePoint time{Seconds(1'790'000'000)};
};

net::HttpRequest request(std::string method, net::HttpHeaders headers) {
    net::HttpRequest out;
    out.method = std::move(method);
    out.headers = std::move(headers);
    return out;
}

TEST(Cookie, IsFoundByItsExactName) {
    struct {
        std::string_view header, expected, why;
    } const cases[] = {
        {"postseal_session=abc", "abc", "alone"},
        {"theme=dark; postseal_session=abc", "abc", "among others"},
        {"theme=dark;postseal_session=abc ", "abc", "with other blanks"},
        {"postseal_session=a=b", "a=b", "a value may hold an equals sign"},
        {"postseal_session=first; postseal_session=second", "first", "the first counts"},
        {"xpostseal_session=abc", "", "another name that ends like it"},
        {"Postseal_session=abc", "", "names of cookies are case-sensitive"},
        {"postseal_session", "", "no value"},
        {"postseal_session=", "", "an empty value"},
        {"theme=postseal_session=abc", "", "inside another's value"},
        {"", "", "no cookie"},
    };
    for (const auto& [header, expected, why] : cases) {
        EXPECT_EQ(cookie_of(request("GET", {{"Cookie", std::string(header)}}), session_cookie_name), expected) << why;
    }
}

TEST(Cookie, CarriesEveryProtection) {
    EXPECT_EQ(session_cookie("t0ken", Seconds(60), Scheme::https),
              "postseal_session=t0ken; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
    EXPECT_EQ(session_cookie("t0ken", Seconds(60), Scheme::http),
              "postseal_session=t0ken; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
    EXPECT_EQ(ended_session_cookie(Scheme::http), "postseal_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
}

class SessionGuardTest : public ::testing::Test {
protected:
    void SetUp() override {
        const auto organisation = store_->accounts.organisation("Example", clock_.time).value();
        const auto user = store_->accounts.user(organisation.id, "ann", clock_.time).value();
        const auto link = store_->accounts.make_sign_in_token(user.id, clock_.time + Seconds(60)).value();
        token_ = store_->accounts.sign_in(link, clock_.time, clock_.time + Seconds(3600)).value();
        csrf_ = store_->accounts.session(token_, clock_.time).value().csrf_token;
    }
    [[nodiscard]] int status(const std::string& method, const net::HttpHeaders& headers, Door door = Door::panel,
                             Access access = Access::signed_in) const {
        const auto admission = guard_.admit(request(method, headers), door, access);
        return admission.refusal ? admission.refusal->status : 200;
    }
    [[nodiscard]] std::string cookie() const { return "postseal_session=" + token_; }

    TestClock clock_;
    std::unique_ptr<store::Store> store_ = store::testing::new_store();
    SessionGuard guard_{*store_, clock_};
    std::string token_;
    std::string csrf_;
};

TEST_F(SessionGuardTest, LetsInWhoHasASession) {
    EXPECT_EQ(status("GET", {{"Cookie", cookie()}}), 200);
    EXPECT_EQ(status("HEAD", {{"Cookie", cookie()}}), 200);
    const auto admission = guard_.admit(request("GET", {{"Cookie", cookie()}}), Door::panel, Access::signed_in);
    EXPECT_EQ(admission.actor.text(), "user:ann");
    EXPECT_NE(admission.actor.organisation(), 0);
}

TEST_F(SessionGuardTest, RefusesEverybodyElse) {
    EXPECT_EQ(status("GET", {}), 401) << "no cookie";
    EXPECT_EQ(status("GET", {{"Cookie", "postseal_session="}}), 401) << "an empty one";
    EXPECT_EQ(status("GET", {{"Cookie", "postseal_session=guess"}}), 401) << "a guess";
    EXPECT_EQ(status("GET", {{"Cookie", cookie() + "x"}}), 401) << "nearly";
    EXPECT_EQ(status("GET", {{"Cookie", "postseal_session=" + std::string(5000, 'a')}}), 401) << "far too long";
    EXPECT_EQ(status("GET", {{"X-CSRF-Token", csrf_}}), 401) << "the CSRF token alone";
    clock_.time += Seconds(3600);
    EXPECT_EQ(status("GET", {{"Cookie", cookie()}}), 401) << "the session has expired";
}

TEST_F(SessionGuardTest, AsksForTheCsrfTokenWithEveryChange) {
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "get", "ANYTHING"}) {
        EXPECT_EQ(status(method, {{"Cookie", cookie()}}), 403) << method << " without it";
        EXPECT_EQ(status(method, {{"Cookie", cookie()}, {"X-CSRF-Token", ""}}), 403) << method << ", empty";
        EXPECT_EQ(status(method, {{"Cookie", cookie()}, {"X-CSRF-Token", csrf_ + "x"}}), 403) << method << ", longer";
        EXPECT_EQ(status(method, {{"Cookie", cookie()}, {"X-CSRF-Token", token_}}), 403) << method << ", another token";
        EXPECT_EQ(status(method, {{"Cookie", cookie()}, {"x-csrf-token", csrf_}}), 200) << method;
    }
    store::Session broken;
    EXPECT_FALSE(csrf_token_fits(request("POST", {}), broken)) << "an empty token is no token";
}

TEST_F(SessionGuardTest, TakesTheSocketForTheOperator) {
    EXPECT_EQ(status("POST", {}, Door::socket), 200);
    EXPECT_EQ(status("POST", {}, Door::socket, Access::local_only), 200);
    EXPECT_EQ(guard_.admit(request("GET", {}), Door::socket, Access::signed_in).actor.text(), "cli:local");
}

TEST_F(SessionGuardTest, KeepsLocalRoutesLocal) {
    EXPECT_EQ(status("POST", {{"Cookie", cookie()}, {"X-CSRF-Token", csrf_}}, Door::panel, Access::local_only), 403);
    EXPECT_EQ(status("POST", {}, Door::panel, Access::open), 200) << "an open route asks for nothing";
    EXPECT_EQ(guard_.admit(request("POST", {}), Door::panel, Access::open).actor.kind, Actor::Kind::nobody);
}

}  // namespace
}  // namespace postseal::console
