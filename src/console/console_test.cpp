// The console's doors with a real store, without sockets: a request goes in, a response comes out.
#include "console/console.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "console/session_guard.h"
#include "sender/bounce.h"
#include "store/testing.h"

namespace postseal::console {
namespace {

namespace json = boost::json;

class TestClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return time; }
    TimePoint time{Seconds(1'790'000'000)};  // 2026-09-21
};

class NoLog final : public Log {
public:
    void write(LogLevel /*level*/, std::string_view /*component*/, std::string_view /*message*/) override {}
};

class ConsoleTest : public ::testing::Test {
protected:
    void TearDown() override { work_.stop(); }

    net::HttpResponse ask(Door door, const std::string& method, const std::string& target, const std::string& body = {},
                          net::HttpHeaders headers = {}) {
        net::HttpRequest request;
        request.method = method;
        request.path = target.substr(0, target.find('?'));
        request.query = target.find('?') == std::string::npos ? "" : target.substr(target.find('?') + 1);
        request.headers = std::move(headers);
        if (!body.empty()) {
            request.headers.emplace_back("Content-Type", "application/json");
        }
        request.body = body;
        const auto promise = std::make_shared<std::promise<net::HttpResponse>>();
        const auto handler = door == Door::panel ? console_.panel_handler() : console_.socket_handler();
        handler(std::move(request), [promise](net::HttpResponse response) { promise->set_value(std::move(response)); });
        auto answered = promise->get_future();
        if (answered.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
            ADD_FAILURE() << method << " " << target << ": no answer";
            return {};
        }
        return answered.get();
    }
    net::HttpResponse local(const std::string& method, const std::string& target, const std::string& body = {}) {
        return ask(Door::socket, method, target, body);
    }
    // Signs in as the operator does: a link from the socket, followed in the browser.
    std::string cookie() {
        const std::string link(json::parse(local("POST", "/api/v1/sign-in-links").body).at("url").as_string());
        const auto response = ask(Door::panel, "GET", link.substr(link.find("/sign-in")));
        EXPECT_EQ(response.status, 303);
        const std::string set(net::find_header(response.headers, "Set-Cookie"));
        return set.substr(0, set.find(';'));
    }
    static std::string problem_of(const net::HttpResponse& response) {
        EXPECT_EQ(net::find_header(response.headers, "Content-Type"), "application/problem+json") << response.body;
        return std::string(json::parse(response.body).at("type").as_string());
    }

    TestClock clock_;
    NoLog log_;
    net::WorkPool work_{"work", 2};
    net::Loop loop_;
    std::unique_ptr<store::Store> store_ = store::testing::new_store();
    static ConsoleSettings settings() {
        ConsoleSettings out;
        out.public_url = "https://panel.example.net/";
        out.roles = {"dns"};
        return out;
    }
    Console console_{{work_, loop_, *store_, clock_, log_}, settings()};
};

TEST_F(ConsoleTest, SaysInJsonWhatIsWrong) {
    EXPECT_EQ(problem_of(local("GET", "/api/v1/nothing")), "urn:postseal:problem:not-found");
    const auto method = local("PATCH", "/api/v1/cache/example.com");
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(net::find_header(method.headers, "Allow"), "GET, DELETE");
    EXPECT_EQ(problem_of(ask(Door::panel, "GET", "/api/v1/session")), "urn:postseal:problem:not-signed-in");
    EXPECT_EQ(problem_of(ask(Door::panel, "POST", "/api/v1/reporter/run", R"({"day":"2026-09-20"})")),
              "urn:postseal:problem:not-signed-in");
}

TEST_F(ConsoleTest, SaysWhichRoleIsOff) {
    EXPECT_EQ(local("GET", "/api/v1/query/example.com").status, 503);
    EXPECT_EQ(local("GET", "/api/v1/cache").status, 503);
    EXPECT_EQ(local("DELETE", "/api/v1/cache/example.com").status, 503);
    EXPECT_EQ(local("POST", "/api/v1/cache/example.com/refresh").status, 503);
    EXPECT_EQ(local("GET", "/api/v1/cache-export").status, 503);
    EXPECT_EQ(local("PUT", "/api/v1/overrides/example.com", R"({"level":"may"})").status, 503);
    EXPECT_EQ(problem_of(local("POST", "/api/v1/reporter/run", R"({"day":"2026-09-20"})")),
              "urn:postseal:problem:wrong-state");
    const auto status = local("GET", "/api/v1/reporter/status");
    EXPECT_EQ(status.status, 200);
    EXPECT_EQ(json::parse(status.body).at("enabled"), json::value(false));
}

// A day's destinations are those that had sessions and those that were sent what their testing mode would refuse.
TEST_F(ConsoleTest, CountsADestinationThatOnlyHadAReport) {
    const Day day = std::chrono::floor<std::chrono::days>(clock_.time) - std::chrono::days(1);
    const auto name = [](const char* text) { return dns::Name::parse(text).value(); };
    tlsrpt::Count count{day, name("busy.example"), "v=TLSRPTv1; rua=mailto:a@busy.example", {}};
    count.policy.policy_type = "sts";
    count.policy.successful = 3;
    ASSERT_TRUE(store_->session_counts.add({count}));
    for (const char* domain : {"busy.example", "quiet.example"}) {
        store::Delivery delivery{
            day, name(domain), std::string("mailto:a@") + domain, store::DeliveryState::sent, 1, {}, {}, "", "{}"};
        ASSERT_TRUE(store_->session_counts.put_delivery(delivery));
    }
    const auto days = json::parse(local("GET", "/api/v1/reporter/status").body).at("days").as_array();
    ASSERT_EQ(days.size(), 1U);
    EXPECT_EQ(days[0].at("domains"), json::value(2));
    EXPECT_EQ(days[0].at("sent"), json::value(2));
}

// What tomorrow's report says so far, and whom it will be sent to when.
TEST_F(ConsoleTest, ShowsTheReportOfADayThatIsNotOver) {
    const Day today = std::chrono::floor<std::chrono::days>(clock_.time);
    const auto name = [](const char* text) { return dns::Name::parse(text).value(); };
    tlsrpt::Count count{today, name("busy.example"), "v=TLSRPTv1; rua=mailto:a@busy.example", {}};
    count.policy.policy_type = "tlsa";
    count.policy.policy_domain = "mx.host.example";
    count.policy.successful = 3;
    count.policy.failed = 1;
    ASSERT_TRUE(store_->session_counts.add({count}));
    const json::value all = json::parse(local("GET", "/api/v1/reporter/reports/today").body);
    EXPECT_EQ(all.at("day"), json::value(to_iso_day(today)));
    EXPECT_TRUE(all.at("reports").as_array().empty());
    EXPECT_EQ(all.at("domains_total"), json::value(2)) << "the TLSA base domain's owner may ask for one, too (RPT-002)";
    for (const json::value& domain : all.at("domains").as_array()) {
        EXPECT_EQ(domain.at("by_policy_type").at(0).at("ok"), json::value(3));
        EXPECT_EQ(domain.at("by_policy_type").at(0).at("failed"), json::value(1));
        EXPECT_TRUE(domain.at("due").is_string());
    }
    for (const char* domain : {"busy.example", "mx.host.example"}) {
        const json::value one = json::parse(local("GET", std::string("/api/v1/reporter/reports/today/") + domain).body);
        EXPECT_TRUE(one.at("preview").as_bool()) << domain;
        EXPECT_EQ(one.at("report").at("policies").at(0).at("policy").at("policy-domain"),
                  json::value("mx.host.example"));
    }
    EXPECT_EQ(local("GET", "/api/v1/reporter/reports/yesterday/busy.example").status, 404);
    EXPECT_EQ(local("GET", "/api/v1/reporter/reports/tomorrow").status, 404);
}

TEST_F(ConsoleTest, TellsWhatCapsHaveKeptBack) {
    const Day day = std::chrono::floor<std::chrono::days>(clock_.time) - std::chrono::days(1);
    const dns::Name domain = dns::Name::parse("busy.example").value();
    tlsrpt::Count count{day, domain, "v=TLSRPTv1; rua=mailto:a@busy.example", {}};
    count.policy.policy_type = "sts";
    count.policy.successful = 1;
    ASSERT_TRUE(store_->session_counts.add({count}));
    for (const auto& [rua, error] : {std::pair("mailto:a@a", "cap: 1 reports"), std::pair("mailto:b@a", "550 no")}) {
        ASSERT_TRUE(store_->session_counts.put_delivery(
            {day, domain, rua, store::DeliveryState::failed, 1, {}, {}, error, "{}"}));
    }
    const json::value status = json::parse(local("GET", "/api/v1/reporter/status").body);
    EXPECT_EQ(status.at("days").at(0).at("failed"), json::value(2));
    EXPECT_EQ(status.at("days").at(0).at("capped"), json::value(1));
    EXPECT_TRUE(status.at("days").at(0).at("finished").as_bool());
    EXPECT_EQ(status.at("caps").at("rua_max"), json::value(10));
}

TEST_F(ConsoleTest, RefusesBodiesThatItDoesNotKnow) {
    struct {
        std::string body;
        int status;
        std::string_view why;
    } const cases[] = {
        {"nonsense", 400, "no JSON"},
        {"[]", 400, "no object"},
        {std::string(20, '['), 400, "too deep"},
        {R"({"day":"2026-09-20","days":1})", 422, "an unknown member"},
        {R"({"day":7})", 422, "no text"},
        {R"({"day":"2026-02-30"})", 422, "no day"},
        {"{}", 422, "no day at all"},
        {R"({"day":")" + std::string(70'000, 'a') + R"("})", 413, "over 64 KiB"},
    };
    for (const auto& [body, status, why] : cases) {
        EXPECT_EQ(local("POST", "/api/v1/reporter/run", body).status, status) << why;
    }
    EXPECT_EQ(ask(Door::socket, "POST", "/api/v1/reporter/run", {}, {{"Content-Type", "text/plain"}}).status, 400)
        << "a form of a foreign page cannot send application/json";
}

TEST_F(ConsoleTest, SuppressesReportsForAWhile) {
    const auto put = [&](const std::string& body) { return local("POST", "/api/v1/reporter/suppressions", body); };
    struct {
        std::string body;
        std::string_view why;
    } const cases[] = {
        {R"({"days":3})", "no target"},
        {R"({"target":"a..b"})", "no name"},
        {R"({"target":"@a.example"})", "no mailbox"},
        {R"({"target":"a.example","days":0})", "no time at all"},
        {R"({"target":"a.example","days":4000})", "longer than ten years"},
        {R"({"target":"a.example","days":"7"})", "no number"},
        {R"({"target":"a.example","weeks":1})", "an unknown member"},
    };
    for (const auto& [body, why] : cases) {
        EXPECT_EQ(put(body).status, 422) << why;
    }
    const auto made = put(R"({"target":"TLS@A.example","days":2,"reason":"full"})");
    ASSERT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(json::parse(made.body).at("target"), json::value("tls@a.example"));
    EXPECT_EQ(put(R"({"target":"b.example"})").status, 200);
    const auto listed = local("GET", "/api/v1/reporter/suppressions");
    const json::value list = json::parse(listed.body).at("suppressions");
    ASSERT_EQ(list.as_array().size(), 2U) << listed.body;
    EXPECT_TRUE(list.at(0).at("until").is_null());
    EXPECT_TRUE(list.at(0).at("in_force").as_bool());
    EXPECT_EQ(list.at(1).at("reason"), json::value("full"));
    const std::string lift = R"({"target":"mailto:tls@a.example"})";
    EXPECT_EQ(local("POST", "/api/v1/reporter/suppressions/lift", lift).status, 204);
    EXPECT_EQ(local("POST", "/api/v1/reporter/suppressions/lift", lift).status, 404);
}

TEST_F(ConsoleTest, ABounceOfOurReportSuppressesItsMailbox) {
    const auto post = [&](const std::string& id, const char* recipient, const char* status) {
        return local(
            "POST", "/api/v1/reporter/bounces",
            json::serialize(json::object{{"message_id", id},
                                         {"recipients", json::array{json::object{{"final_recipient", recipient},
                                                                                 {"action", "failed"},
                                                                                 {"status", status},
                                                                                 {"diagnostic", "smtp; 550 gone"}}}}}));
    };
    const auto suppressed = [](const net::HttpResponse& answer) { return json::parse(answer.body).at("suppressed"); };
    const auto ids = sender::ReportMessageIds::open(store_->certificates);
    ASSERT_TRUE(ids);
    const dns::Name submitter = *dns::Name::parse("sender.example");
    const std::string id = ids->make("tls@a.example", submitter, clock_.time);
    EXPECT_TRUE(suppressed(post("1.x.y@sender.example", "tls@a.example", "5.1.1")).is_null()) << "forged";
    EXPECT_TRUE(suppressed(post(id, "tls@b.example", "5.1.1")).is_null()) << "another's";
    EXPECT_TRUE(suppressed(post(id, "tls@a.example", "4.2.2")).is_null()) << "not for good";
    EXPECT_TRUE(store_->session_counts.suppressions()->empty());

    const json::value made = suppressed(post(id, "TLS@a.example", "5.1.1"));
    ASSERT_TRUE(made.is_object());
    EXPECT_EQ(made.at("target"), json::value("tls@a.example"));
    EXPECT_EQ(made.at("actor"), json::value("bounce"));
    const auto kept = store_->session_counts.suppressions().value();
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].until, clock_.time + sender::bounce_suppresses);
    EXPECT_EQ(kept[0].reason, "bounce: 5.1.1: smtp; 550 gone");

    ASSERT_EQ(local("POST", "/api/v1/reporter/suppressions", R"({"target":"tls@a.example","reason":"asked"})").status,
              200);
    EXPECT_TRUE(suppressed(post(id, "tls@a.example", "5.1.1")).at("until").is_null()) << "an operator's word stays";
    EXPECT_EQ(store_->session_counts.suppressions()->at(0).reason, "asked");
    for (const char* body : {R"({"message_id":"x"})", R"({"recipients":[]})", R"({"recipients":["x"]})"}) {
        EXPECT_EQ(local("POST", "/api/v1/reporter/bounces", body).status, 422) << body;
    }
}

TEST_F(ConsoleTest, TellsWhatBecameOfReports) {
    const Day day = *parse_iso_day("2026-09-20");
    const store::Delivery delivery{day,
                                   *dns::Name::parse("a.example"),
                                   "mailto:r@a.example",
                                   store::DeliveryState::retry,
                                   1,
                                   TimePoint(day),
                                   TimePoint(day),
                                   "451 later",
                                   R"({"report-id":"1"})"};
    ASSERT_TRUE(store_->session_counts.put_delivery(delivery));
    const json::value all = json::parse(local("GET", "/api/v1/reporter/reports/2026-09-20").body);
    ASSERT_EQ(all.at("reports").as_array().size(), 1U);
    EXPECT_EQ(all.at("reports").at(0).at("state"), json::value("retry"));
    EXPECT_EQ(all.at("reports").at(0).at("error"), json::value("451 later"));
    const json::value one = json::parse(local("GET", "/api/v1/reporter/reports/2026-09-20/a.example").body);
    EXPECT_EQ(one.at("report").at("report-id"), json::value("1"));
    EXPECT_FALSE(one.at("preview").as_bool());
    for (const char* path : {"2026-09-20/b.example", "2026-02-30", "2026-09-20/a..b"}) {
        EXPECT_EQ(local("GET", std::string("/api/v1/reporter/reports/") + path).status, 404) << path;
    }
    EXPECT_EQ(problem_of(local("POST", "/api/v1/reporter/resend", R"({"day":"2026-09-20","domain":"a.example"})")),
              "urn:postseal:problem:wrong-state");
    EXPECT_EQ(local("POST", "/api/v1/reporter/resend", R"({"day":"2026-09-20"})").status, 422);
}

TEST_F(ConsoleTest, SignsInByALinkOnce) {
    const auto made = local("POST", "/api/v1/sign-in-links");
    ASSERT_EQ(made.status, 201);
    const std::string url(json::parse(made.body).at("url").as_string());
    ASSERT_TRUE(url.starts_with("https://panel.example.net/sign-in?token=")) << url;
    const std::string target = url.substr(url.find("/sign-in"));

    EXPECT_NE(ask(Door::panel, "HEAD", target).status, 303) << "looking at a link does not use it up";
    const auto first = ask(Door::panel, "GET", target);
    EXPECT_EQ(first.status, 303);
    EXPECT_EQ(net::find_header(first.headers, "Location"), "/");
    EXPECT_EQ(net::find_header(first.headers, "Cache-Control"), "no-store");
    const std::string_view set = net::find_header(first.headers, "Set-Cookie");
    EXPECT_TRUE(set.ends_with("; HttpOnly; SameSite=Strict; Secure")) << "public_url is https: " << set;

    const auto second = ask(Door::panel, "GET", target);
    EXPECT_EQ(second.status, 303);
    EXPECT_EQ(net::find_header(second.headers, "Location"), "/sign-in?problem=link-invalid");
    EXPECT_EQ(net::find_header(second.headers, "Set-Cookie"), "");
    EXPECT_EQ(problem_of(ask(Door::panel, "POST", "/api/v1/session", R"({"token":"guess"})")),
              "urn:postseal:problem:link-invalid");
}

TEST_F(ConsoleTest, LinksExpire) {
    const std::string url(json::parse(local("POST", "/api/v1/sign-in-links").body).at("url").as_string());
    clock_.time += Seconds(15 * 60);
    const auto late = ask(Door::panel, "GET", url.substr(url.find("/sign-in")));
    EXPECT_EQ(net::find_header(late.headers, "Location"), "/sign-in?problem=link-invalid");
}

TEST_F(ConsoleTest, KnowsWhoSignedInUntilTheySignOut) {
    const net::HttpHeaders headers = {{"Cookie", cookie()}};
    const auto who = ask(Door::panel, "GET", "/api/v1/session", {}, headers);
    ASSERT_EQ(who.status, 200) << who.body;
    const json::value session = json::parse(who.body);
    EXPECT_EQ(session.at("user").at("name"), json::value("operator"));
    EXPECT_EQ(session.at("organization").at("name"), json::value("default"));
    EXPECT_EQ(session.at("language"), json::value(nullptr));
    EXPECT_EQ(session.at("installation").at("zone"), json::value(nullptr));

    EXPECT_EQ(problem_of(ask(Door::panel, "DELETE", "/api/v1/session", {}, headers)), "urn:postseal:problem:csrf");
    net::HttpHeaders with_csrf = headers;
    with_csrf.emplace_back("X-CSRF-Token", session.at("csrf_token").as_string());
    const auto out = ask(Door::panel, "DELETE", "/api/v1/session", {}, with_csrf);
    EXPECT_EQ(out.status, 204);
    EXPECT_TRUE(net::find_header(out.headers, "Set-Cookie").starts_with("postseal_session=; Path=/; Max-Age=0"));
    EXPECT_EQ(ask(Door::panel, "GET", "/api/v1/session", {}, headers).status, 401);

    const json::value audit = json::parse(local("GET", "/api/v1/audit?limit=2").body);
    ASSERT_EQ(audit.at("entries").as_array().size(), 2U);
    EXPECT_EQ(audit.at("entries").at(0).at("action"), json::value("session.sign-out"));
    EXPECT_EQ(audit.at("entries").at(0).at("actor").at("name"), json::value("operator"));
    EXPECT_EQ(audit.at("entries").at(1).at("action"), json::value("session.sign-in"));
    const std::string cursor(audit.at("next_cursor").as_string());
    const json::value rest = json::parse(local("GET", "/api/v1/audit?cursor=" + cursor).body);
    EXPECT_EQ(rest.at("entries").at(0).at("action"), json::value("session.link"));
    EXPECT_EQ(rest.at("next_cursor"), json::value(nullptr));
}

TEST_F(ConsoleTest, ShowsAlertsToWhomTheyConcern) {
    const net::HttpHeaders headers = {{"Cookie", cookie()}};  // of the operator's organisation
    const auto ours = store_->accounts.organisations().value().at(0).id;
    const auto theirs = store_->accounts.organisation("other", clock_.time).value().id;
    const auto raise = [&](std::int64_t organisation, const char* domain, store::AlertSeverity severity) {
        ASSERT_TRUE(store_->alerts.raise(
            {organisation, domain},
            {"mx-new-host", severity, "mx9.example.com", store::alert_arguments({{"host", "mx9.example.com"}})},
            clock_.time));
    };
    raise(ours, "example.com", store::AlertSeverity::critical);
    raise(theirs, "foreign.example", store::AlertSeverity::critical);
    raise(0, "", store::AlertSeverity::warning);  // the installation's own

    const auto list = [&](const char* query) {
        return json::parse(ask(Door::panel, "GET", std::string("/api/v1/alerts") + query, {}, headers).body);
    };
    const json::value open = list("");
    ASSERT_EQ(open.at("alerts").as_array().size(), 2U);
    EXPECT_EQ(open.at("alerts").at(1).at("domain"), json::value("example.com"));
    EXPECT_EQ(open.at("alerts").at(1).at("arguments").at("host"), json::value("mx9.example.com"));
    EXPECT_EQ(open.at("alerts").at(0).at("domain"), json::value(nullptr));
    EXPECT_EQ(open.at("open").at("critical"), json::value(1));
    EXPECT_EQ(open.at("open").at("unacknowledged"), json::value(2));
    EXPECT_EQ(list("?severity=error").at("alerts").as_array().size(), 1U);
    EXPECT_EQ(list("?state=resolved").at("alerts").as_array().size(), 0U);
    const json::value page = list("?limit=1");
    EXPECT_EQ(page.at("alerts").as_array().size(), 1U);
    EXPECT_EQ(
        list(("?cursor=" + std::string(page.at("next_cursor").as_string())).c_str()).at("alerts").as_array().size(),
        1U);
    EXPECT_EQ(json::parse(local("GET", "/api/v1/alerts").body).at("alerts").as_array().size(), 3U);
    for (const char* bad : {"?state=old", "?severity=urgent", "?limit=0", "?cursor=x", "?domain=a..b"}) {
        EXPECT_EQ(ask(Door::panel, "GET", std::string("/api/v1/alerts") + bad, {}, headers).status, 400) << bad;
    }
}

TEST_F(ConsoleTest, AcknowledgesOnlyWhatOneMaySee) {
    const std::string session_cookie = cookie();
    const auto session = json::parse(ask(Door::panel, "GET", "/api/v1/session", {}, {{"Cookie", session_cookie}}).body);
    const net::HttpHeaders headers = {{"Cookie", session_cookie},
                                      {"X-CSRF-Token", std::string(session.at("csrf_token").as_string())}};
    const auto ours = store_->accounts.organisations().value().at(0).id;
    const auto theirs = store_->accounts.organisation("other", clock_.time).value().id;
    for (const std::int64_t organisation : {ours, theirs}) {
        ASSERT_TRUE(store_->alerts.raise({organisation, "example.com"},
                                         {"cname-missing", store::AlertSeverity::error, "_mta-sts.example.com"},
                                         clock_.time));
    }
    const auto id_of = [&](std::int64_t organisation) {
        return std::to_string(store_->alerts.list({organisation}, {}).value().at(0).id);
    };
    const auto acknowledge = [&](const std::string& id, const char* body) {
        return ask(Door::panel, "POST", "/api/v1/alerts/" + id + "/acknowledge", body, headers);
    };
    EXPECT_EQ(acknowledge(id_of(theirs), "{}").status, 404) << "as if it were not there";
    EXPECT_EQ(acknowledge("x", "{}").status, 404);
    EXPECT_EQ(acknowledge("99999999999999999999", "{}").status, 404);
    EXPECT_EQ(acknowledge(id_of(ours), R"({"note":7})").status, 422);
    EXPECT_FALSE(store_->alerts.list({theirs}, {}).value().at(0).acknowledged);
    const auto done = acknowledge(id_of(ours), R"({"note":"mine"})");
    ASSERT_EQ(done.status, 200) << done.body;
    const json::value alert = json::parse(done.body);
    EXPECT_EQ(alert.at("acknowledged").at("by"), json::value("user:operator"));
    EXPECT_EQ(alert.at("acknowledged").at("note"), json::value("mine"));
    EXPECT_EQ(store_->audit.list(ours, "example.com", 1).value().at(0).action, "alert.acknowledge");
    const std::string id = id_of(ours);
    ASSERT_TRUE(store_->alerts.resolve_all({ours, "example.com"}, clock_.time));
    EXPECT_EQ(acknowledge(id, "{}").status, 409);
}

TEST_F(ConsoleTest, ProtectsEveryResponseOfThePanel) {
    for (const char* target : {"/", "/api/v1/session", "/api/v1/nothing", "/sign-in?token=x"}) {
        const auto response = ask(Door::panel, "GET", target);
        EXPECT_NE(net::find_header(response.headers, "Content-Security-Policy"), "") << target;
        EXPECT_EQ(net::find_header(response.headers, "X-Content-Type-Options"), "nosniff") << target;
    }
}

TEST_F(ConsoleTest, ShowsTheReportsOfADomainToItsOrganisation) {
    const net::HttpHeaders headers = {{"Cookie", cookie()}};
    store::Domain domain;
    domain.organisation = store_->accounts.organisations().value().front().id;
    domain.name = *dns::Name::parse("example.com");
    domain.label = std::string(26, 'a');
    domain.added = clock_.time;
    ASSERT_TRUE(store_->domains.add(domain));
    domain.organisation = store_->accounts.organisation("Other", clock_.time).value().id;
    domain.name = *dns::Name::parse("other.example");
    domain.label = std::string(26, 'b');
    ASSERT_TRUE(store_->domains.add(domain));
    const Day yesterday = std::chrono::floor<std::chrono::days>(clock_.time) - std::chrono::days(1);
    store::NewReport report;
    report.received = clock_.time;
    report.via = "https";
    report.domain = *dns::Name::parse("example.com");
    report.raw = {'{', '}'};
    report.submitter = "sender.example";
    report.report.report_id = "1";
    report.report.begin = yesterday;
    report.report.end = yesterday + std::chrono::days(1) - Seconds(1);
    report.report.policies = {{"sts", "example.com", {}, {}, 90, 10, {}}, {"tlsa", "example.com", {}, {}, 95, 5, {}}};
    report.report.policies[0].failures = {{"certificate-expired", {}, "mx.example.com", {}, {}, 10, {}, "X509"}};
    ASSERT_TRUE(store_->reports.add(report));

    const auto answer = ask(Door::panel, "GET", "/api/v1/domains/Example.COM/reports/summary?days=2", {}, headers);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json::value summary = json::parse(answer.body);
    EXPECT_EQ(summary.at("to"), json::value(to_iso_day(yesterday)));
    ASSERT_EQ(summary.at("by_policy_type").as_array().size(), 2U) << "never added up (design rule 19)";
    const json::value& sts = summary.at("by_policy_type").at(0);
    EXPECT_EQ(sts.at("policy_type"), json::value("sts"));
    EXPECT_EQ(sts.at("days").at(0).at("ok"), json::value(nullptr)) << "no report is not zero";
    EXPECT_EQ(sts.at("days").at(1).at("ok"), json::value(90));
    EXPECT_EQ(sts.at("days").at(1).at("failed"), json::value(10));
    EXPECT_EQ(summary.at("gaps").as_array().size(), 1U);
    const json::value& failure = summary.at("failures").at(0);
    EXPECT_EQ(failure.at("type"), json::value("certificate-expired"));
    EXPECT_EQ(failure.at("sessions"), json::value(10));
    EXPECT_EQ(failure.at("reports"), json::value(1));
    EXPECT_EQ(failure.at("reason_codes").at(0), json::value("X509"));
    EXPECT_EQ(summary.at("submitters").at(0).at("submitter"), json::value("sender.example"));

    const auto list = [&](const std::string& query) {
        const auto found = ask(Door::panel, "GET", "/api/v1/domains/example.com/reports" + query, {}, headers);
        EXPECT_EQ(found.status, 200) << query << found.body;
        return json::parse(found.body).at("reports").as_array().size();
    };
    EXPECT_EQ(list(""), 1U);
    EXPECT_EQ(list("?day=" + to_iso_day(yesterday)), 1U);
    EXPECT_EQ(list("?day=2020-01-01"), 0U);
    EXPECT_EQ(list("?failures_only=true&failure_type=certificate-expired&submitter=sender.example"), 1U);
    EXPECT_EQ(list("?failure_type=starttls-not-supported"), 0U);
    EXPECT_EQ(list("?counted=false"), 0U);
    EXPECT_EQ(ask(Door::panel, "GET", "/api/v1/domains/example.com/reports?limit=0", {}, headers).status, 400);
    EXPECT_EQ(ask(Door::panel, "GET", "/api/v1/domains/example.com/reports?day=soon", {}, headers).status, 400);

    const auto one = ask(Door::panel, "GET", "/api/v1/domains/example.com/reports/1", {}, headers);
    EXPECT_EQ(json::parse(one.body).at("report").at("policies").as_array().size(), 2U);
    const auto raw = ask(Door::panel, "GET", "/api/v1/domains/example.com/reports/1/raw", {}, headers);
    EXPECT_EQ(raw.body, "{}");
    EXPECT_EQ(net::find_header(raw.headers, "Content-Disposition"), "attachment; filename=\"report-1.json\"");

    EXPECT_EQ(ask(Door::panel, "GET", "/api/v1/domains/example.com/reports/2", {}, headers).status, 404);
    EXPECT_EQ(ask(Door::panel, "GET", "/api/v1/domains/example.com/reports/x", {}, headers).status, 404);
    EXPECT_EQ(ask(Door::panel, "GET", "/api/v1/domains/other.example/reports", {}, headers).status, 404)
        << "another organisation's domain";
    EXPECT_EQ(ask(Door::panel, "GET", "/api/v1/domains/other.example/reports/1/raw", {}, headers).status, 404);
    EXPECT_EQ(local("GET", "/api/v1/domains/other.example/reports").status, 200) << "the operator sees all";
}

// Keeps what it is sent.
class KeepingStream final : public net::HttpStream {
public:
    bool send(std::string_view bytes) override {
        text += bytes;
        return !is_closed;
    }
    void close() override { is_closed = true; }
    [[nodiscard]] bool closed() const override { return is_closed; }
    void on_close(std::function<void()> /*callback*/) override {}
    std::string text;
    bool is_closed = false;
};

TEST_F(ConsoleTest, TellsOpenPanelsWhatChangedInTheirOrganisation) {
    const net::HttpHeaders headers = {{"Cookie", cookie()}};
    const auto response = ask(Door::panel, "GET", "/api/v1/events", {}, headers);
    ASSERT_EQ(response.status, 200);
    EXPECT_EQ(net::find_header(response.headers, "Content-Type"), "text/event-stream");
    const auto stream = std::make_shared<KeepingStream>();
    response.stream(stream);
    const std::int64_t organisation = store_->accounts.organisations().value().front().id;
    console_.publish(organisation, "domain-changed", json::object{{"domain", "example.com"}});
    console_.publish(organisation + 1, "domain-changed", json::object{{"domain", "other.example"}});
    EXPECT_EQ(stream->text, "event: hello\ndata: {}\n\nevent: domain-changed\ndata: {\"domain\":\"example.com\"}\n\n");

    const json::value session = json::parse(ask(Door::panel, "GET", "/api/v1/session", {}, headers).body);
    net::HttpHeaders with_csrf = headers;
    with_csrf.emplace_back("X-CSRF-Token", session.at("csrf_token").as_string());
    ask(Door::panel, "DELETE", "/api/v1/session", {}, with_csrf);
    EXPECT_TRUE(stream->closed()) << "who has signed out is told nothing more";
}

}  // namespace
}  // namespace postseal::console
