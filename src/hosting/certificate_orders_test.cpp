// Orders, fail-over, limits, preflight and renewal information: real DNS, real ports, real ACME servers (Pebble).
// Pebble of Debian has no renewal information (RFC 9773), so a directory of our own before it adds that resource.
#include "hosting/certificate_orders.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <fstream>
#include <future>

#include "base/guarded.h"
#include "hosting/pebble_for_test.h"
#include "hosting/policy_host.h"
#include "net/http_server.h"
#include "store/testing.h"

namespace postseal::hosting {
namespace {

namespace json = boost::json;
using net::testing::name;

class TestClock : public Clock {
public:
    [[nodiscard]] TimePoint now() const override {
        return std::chrono::floor<Seconds>(std::chrono::system_clock::now()) + Seconds(offset_s.load());
    }
    std::atomic<std::int64_t> offset_s{0};
};

class TestLog : public Log {
public:
    void write(LogLevel, std::string_view, std::string_view message) override {
        lines.with([&](auto& all) { all.emplace_back(message); });
    }
    [[nodiscard]] bool has(std::string_view text) const {
        return lines.with([&](const auto& all) {
            return std::ranges::any_of(all,
                                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
        });
    }
    Guarded<std::vector<std::string>> lines;
};

net::HttpsResponse fetch(net::HttpsClient& https, net::HttpsRequest request) {
    std::promise<net::HttpsResponse> got;
    request.target = net::HttpsRequest::Target::configured;
    https.fetch(std::move(request), [&](net::HttpsResponse response) { got.set_value(std::move(response)); });
    return got.get_future().get();
}

// A directory that says what Pebble's says, and renewalInfo of its own.
class Front {
public:
    Front(net::Loop& loop, const testing::Pebble& pebble, std::string pebbles_directory)
        : directory_(json::parse(pebbles_directory).as_object()),
          tls_(std::make_shared<net::CertificateStore>()),
          server_({&loop}, {}, [this](const net::HttpRequest& request, const auto& reply) { reply(answer(request)); }) {
        EXPECT_TRUE(tls_->set(name("localhost"), pebble.ca().issue("localhost")));
        EXPECT_TRUE(server_.listen(net::ListenAddress::loopback(), *net::TlsContext::make(tls_, {})));
        directory_["renewalInfo"] = base() + "/renewal-info";
    }
    [[nodiscard]] std::string directory() const { return base() + "/dir"; }

    Guarded<std::string> window;     // JSON; "" = 404
    std::atomic<bool> down = false;  // 503, come again in two minutes
    std::atomic<int> asked = 0;
    Guarded<std::string> last_asked;  // the renewal id

private:
    [[nodiscard]] std::string base() const {
        return "https://localhost:" + std::to_string(server_.addresses().front().port);
    }
    net::HttpResponse answer(const net::HttpRequest& request) {
        net::HttpResponse response;
        if (down) {
            response = net::HttpResponse::text(503, "busy\n");
            response.headers.emplace_back("Retry-After", "120");
            return response;
        }
        response.headers.emplace_back("Content-Type", "application/json");
        if (request.path == "/dir") {
            response.body = json::serialize(directory_);
            return response;
        }
        ++asked;
        last_asked.with([&](std::string& id) { id = request.path.substr(request.path.rfind('/') + 1); });
        response.body = window.with([](const std::string& text) { return text; });
        response.status = response.body.empty() ? 404 : 200;
        response.headers.emplace_back("Retry-After", "3600");
        return response;
    }

    json::object directory_;
    std::shared_ptr<net::CertificateStore> tls_;
    net::HttpServer server_;
};

class Place {
public:
    struct Wishes {
        testing::PebbleOptions pebble = {};
        std::size_t cas = 1;
        std::function<void(std::vector<AcmeSettings>&)> adjust = [](auto&) {};
        bool port_80 = true;
    };

    Place() : Place(Wishes()) {}
    explicit Place(const Wishes& wishes)
        : dns_({name("test")}),
          loops_("test", 2),
          https_server_({&loops_[0]}, {},
                        [](const auto&, const auto& reply) { reply(net::HttpResponse::text(404, "no\n")); }),
          http_server_({&loops_[0]}, {}, [this](auto request, auto reply) { port80_(std::move(request), reply); }) {
        store_ = store::testing::new_store();
        ZoneSettings zone;
        zone.zone = name("sts.host.test");
        publication_ = *Publication::load(zone, tls_, *store_, clock, log);
        port80_ = challenge_handler(*publication_->challenges());
        net::TlsSettings tls;
        tls.acme_tls_alpn = true;
        EXPECT_TRUE(https_server_.listen(net::ListenAddress::loopback(), *net::TlsContext::make(tls_, tls)));
        EXPECT_TRUE(http_server_.listen(net::ListenAddress::loopback()));
        OrdersSettings settings;
        settings.preflight.https_port = https_server_.addresses().front().port;
        settings.preflight.http_port = wishes.port_80 ? http_server_.addresses().front().port : testing::free_port();
        settings.preflight.guard = net::AddressGuard(net::NonGlobal::allow);
        settings.preflight.resolver = dns_.resolver_settings();
        resolver_ = *net::make_unbound_resolver(loop(), settings.preflight.resolver);
        std::string roots;
        for (std::size_t i = 0; i < wishes.cas; ++i) {
            pebbles_.push_back(std::make_unique<testing::Pebble>(
                http_server_.addresses().front().port, settings.preflight.https_port, dns_.port(), wishes.pebble));
            roots += pebbles_.back()->ca().pem();
        }
        net::HttpsClient::Settings client;
        client.trust = *net::TrustStore::from_pem(roots);
        client.guard = settings.preflight.guard;
        https_ = std::make_unique<net::HttpsClient>(loop(), client);
        for (std::size_t i = 0; i < wishes.cas; ++i) {
            net::HttpsRequest request;
            request.url = pebbles_[i]->directory();
            fronts.push_back(std::make_unique<Front>(loops_[0], *pebbles_[i], fetch(*https_, request).body));
            AcmeSettings acme;
            acme.directory = fronts.back()->directory();
            acme.accept_terms = true;
            acme.caa_issuer = fmt::format("ca{}.test", i + 1);
            settings.acme.push_back(std::move(acme));
        }
        wishes.adjust(settings.acme);
        orders_ = std::make_unique<CertificateOrders>(
            JobsParts{loop(), *store_, *resolver_, *https_, *publication_, clock, log}, std::move(settings));
    }
    ~Place() {
        loop().sync([this] { orders_->cancel(); });
        loops_.stop();
        fronts.clear();
        resolver_.reset();
        https_.reset();
        orders_.reset();
    }

    net::Loop& loop() { return loops_[1]; }

    template <class T, class Body>
    T run(Body body) {
        std::promise<T> got;
        net::spawn(loop(), [&]() -> net::asio::awaitable<void> {
            T value = co_await body(*orders_);
            got.set_value(std::move(value));
        });
        return got.get_future().get();
    }
    bool prepare() {
        return run<bool>([](CertificateOrders& orders) { return orders.prepare_accounts(); });
    }
    Result<void> issue(const std::string& host) {
        const dns::Name its = name(host);
        return run<Result<void>>([its](CertificateOrders& orders) { return orders.issue(its); });
    }
    net::asio::awaitable<Result<void>> ask_for(dns::Name host) { return orders_->issue(std::move(host)); }
    Result<void> roll_key() {
        std::promise<Result<void>> got;
        loop().post([&] { orders_->roll_account_keys([&](Result<void> done) { got.set_value(std::move(done)); }); });
        return got.get_future().get();
    }
    void keep_up() {
        run<bool>([](CertificateOrders& orders) -> net::asio::awaitable<bool> {
            co_await orders.keep_up();
            co_return true;
        });
    }
    template <class Get>
    auto ask(Get get) {
        std::promise<decltype(get(*orders_))> got;
        loop().post([&] { got.set_value(get(*orders_)); });
        return got.get_future().get();
    }
    CertificateStatus status(const std::string& host) {
        const dns::Name its = name(host);
        return ask([its](CertificateOrders& orders) { return orders.status(its); });
    }
    std::vector<CaStatus> cas() {
        return ask([](CertificateOrders& orders) { return orders.cas(); });
    }
    bool wanted(const std::string& host) {
        const auto certificate = *store_->certificates.find(name(host));
        return ask([&](CertificateOrders& orders) { return orders.wanted(name(host), certificate); });
    }
    void resolves(const std::string& host) { dns_.add(host, dns::Type::a, net::testing::address("127.0.0.1")); }
    net::testing::TinyDns& dns() { return dns_; }
    store::Store& store() { return *store_; }
    net::CertificateStore& tls() { return *tls_; }

    TestClock clock;
    TestLog log;

private:
    net::testing::TinyDns dns_;
    std::shared_ptr<net::CertificateStore> tls_ = std::make_shared<net::CertificateStore>();
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<Publication> publication_;
    HttpHandler port80_;
    net::LoopPool loops_;
    net::HttpServer https_server_;
    net::HttpServer http_server_;

public:
    std::vector<std::unique_ptr<Front>> fronts;  // on the loops, which outlive them also when this constructor throws

private:
    std::vector<std::unique_ptr<testing::Pebble>> pebbles_;
    std::unique_ptr<net::HttpsClient> https_;
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<CertificateOrders> orders_;
};

class Orders : public ::testing::Test {
protected:
    void SetUp() override {
        if (!testing::Pebble::installed()) {
            GTEST_SKIP() << "pebble is not installed";
        }
    }
};

std::string window_of(TimePoint start, TimePoint end, const std::string& why = "") {
    json::object object{{"suggestedWindow", {{"start", to_rfc3339(start)}, {"end", to_rfc3339(end)}}}};
    if (!why.empty()) {
        object["explanationURL"] = why;
    }
    return json::serialize(object);
}

// RFC 9773 §4, §5
TEST_F(Orders, are_renewed_when_the_ca_suggests_and_do_not_count_then) {
    Place place;
    place.resolves("mta-sts.a.test");
    ASSERT_TRUE(place.prepare());
    const auto issued = place.issue("mta-sts.a.test");
    ASSERT_TRUE(issued) << issued.error().message();
    EXPECT_EQ(place.cas()[0].orders.used, 1);
    EXPECT_FALSE(place.wanted("mta-sts.a.test"));
    EXPECT_TRUE(place.tls().contains(name("mta-sts.a.test")));

    const TimePoint soon = place.clock.now() + Seconds(86'400);
    place.fronts[0]->window.with(
        [&](std::string& text) { text = window_of(soon, soon + Seconds(86'400), "https://ca1.test/incident"); });
    place.keep_up();
    const CertificateStatus told = place.status("mta-sts.a.test");
    ASSERT_TRUE(told.window);
    EXPECT_EQ(told.window->start, soon);
    EXPECT_GE(*told.renew_at, soon);
    EXPECT_LT(*told.renew_at, soon + Seconds(86'400));
    EXPECT_TRUE(place.log.has("https://ca1.test/incident")) << "RFC 9773 §4.2: it is for whoever runs this";
    EXPECT_EQ(place.fronts[0]->last_asked.with([](const auto& id) { return id; }),
              *renewal_id_of_pem((*place.store().certificates.find(name("mta-sts.a.test")))->chain_pem));
    const int asked = place.fronts[0]->asked;
    place.keep_up();
    EXPECT_EQ(place.fronts[0]->asked, asked) << "RFC 9773 §4.3: not before Retry-After is over";
    place.clock.offset_s = 3601;
    place.keep_up();
    EXPECT_EQ(place.fronts[0]->asked, asked + 1);

    place.clock.offset_s = 3 * 86'400;
    ASSERT_TRUE(place.wanted("mta-sts.a.test"));
    const auto renewed = place.issue("mta-sts.a.test");
    ASSERT_TRUE(renewed) << renewed.error().message();
    EXPECT_EQ(place.status("mta-sts.a.test").state, CertificateStatus::State::valid);
    EXPECT_EQ(place.store().acme_ledger.events_since(TimePoint{})->size(), 2U)
        << "one order, one certificate: what was renewed with ARI counts towards no limit";

    // A CA that has lost its renewal information: back to two thirds of the lifetime.
    place.fronts[0]->window.with([](std::string& text) { text.clear(); });
    place.keep_up();
    EXPECT_FALSE(place.status("mta-sts.a.test").window);
}

TEST_F(Orders, go_to_the_next_ca_while_the_first_is_down_and_return_to_it) {
    Place place({.cas = 2});
    place.resolves("mta-sts.a.test");
    place.resolves("mta-sts.b.test");
    ASSERT_TRUE(place.prepare());
    place.fronts[0]->down = true;
    place.clock.offset_s = 3700;  // its directory is read anew
    const auto issued = place.issue("mta-sts.a.test");
    ASSERT_TRUE(issued) << issued.error().message();
    EXPECT_EQ(place.status("mta-sts.a.test").ca, place.fronts[1]->directory());
    const auto cas = place.cas();
    ASSERT_TRUE(cas[0].down_until) << "passed over";
    EXPECT_LE(*cas[0].down_until - place.clock.now(), Seconds(120)) << "RFC 8555 §6.6: as long as it said";
    EXPECT_GE(*cas[0].down_until - place.clock.now(), Seconds(100));
    EXPECT_EQ(cas[1].orders.used, 1);

    place.fronts[0]->down = false;
    place.clock.offset_s = 3700 + 130;
    const auto returned = place.issue("mta-sts.b.test");
    ASSERT_TRUE(returned) << returned.error().message();
    EXPECT_EQ(place.status("mta-sts.b.test").ca, place.fronts[0]->directory());
    EXPECT_FALSE(place.cas()[0].down_until);
}

TEST_F(Orders, wait_for_the_only_ca_without_blaming_the_name) {
    Place place;
    place.resolves("mta-sts.a.test");
    ASSERT_TRUE(place.prepare());
    place.fronts[0]->down = true;
    place.clock.offset_s = 3700;
    EXPECT_FALSE(place.issue("mta-sts.a.test"));
    EXPECT_EQ(place.status("mta-sts.a.test").failures, 0) << "its pause does not grow";
    EXPECT_TRUE(place.status("mta-sts.a.test").next_try);
    place.fronts[0]->down = false;
    place.clock.offset_s = 3700 + 130;
    const auto issued = place.issue("mta-sts.a.test");
    EXPECT_TRUE(issued) << issued.error().message();
}

// RFC 8555 §7.3.4
TEST_F(Orders, an_account_can_be_bound_to_one_that_the_ca_knows) {
    const std::string mac_key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    {
        Place place({.pebble = {"kid-1", mac_key}});
        EXPECT_FALSE(place.prepare());
        EXPECT_NE(place.issue("mta-sts.a.test").error().message().find("eab_kid"), std::string::npos)
            << "it says what is missing";
    }
    {
        Place place({.pebble = {"kid-1", mac_key}, .adjust = [](auto& acme) {
                         acme[0].external_account = ExternalAccount{"kid-1", Bytes(32, 1)};
                     }});
        EXPECT_FALSE(place.prepare()) << "another key than the CA's";
    }
    postseal::testing::TemporaryFolder folder;
    std::ofstream(folder / "key") << mac_key << "\n";
    const auto key = read_eab_key(folder / "key");
    ASSERT_TRUE(key) << key.error().message();
    Place place({.pebble = {"kid-1", mac_key}, .adjust = [&](auto& acme) {
                     acme[0].external_account = ExternalAccount{"kid-1", *key};
                 }});
    ASSERT_TRUE(place.prepare());
    place.resolves("mta-sts.a.test");
    const auto issued = place.issue("mta-sts.a.test");
    EXPECT_TRUE(issued) << issued.error().message();
    EXPECT_FALSE(place.log.has(mac_key));
    EXPECT_FALSE(place.log.has("PRIVATE KEY"));

    std::ofstream(folder / "short") << "abc\n";
    EXPECT_FALSE(read_eab_key(folder / "short"));
    EXPECT_FALSE(read_eab_key(folder / "absent"));
    std::ofstream(folder / "padded") << "zWNDZM6eQGHWpSRTPal5eA==\n";
    EXPECT_TRUE(read_eab_key(folder / "padded")) << "some CAs leave the padding on";
}

// RFC 8659 §3, RFC 8657
TEST_F(Orders, what_cannot_pass_is_not_ordered) {
    Place place;
    ASSERT_TRUE(place.prepare());
    const auto refused = [&](const std::string& host) {
        const auto issued = place.issue(host);
        EXPECT_FALSE(issued) << host;
        EXPECT_EQ(place.status(host).state, CertificateStatus::State::failing) << host;
        return issued ? std::string() : issued.error().message();
    };
    const auto expect_words = [](const std::string& said, std::string_view words) {
        EXPECT_NE(said.find(words), std::string::npos) << said;
    };
    expect_words(refused("mta-sts.nowhere.test"), "mta-sts.nowhere.test has no address in DNS");

    place.resolves("mta-sts.caa.test");
    place.dns().add("caa.test", dns::Type::caa, dns::CaaData{0, "issue", "other-ca.test"});
    expect_words(
        refused("mta-sts.caa.test"),
        "CAA records at caa.test forbid the certificate: issue \"other-ca.test\": it names other-ca.test instead "
        "of ca1.test");

    place.resolves("mta-sts.broken.test");
    place.dns().break_name("broken.test", dns::Rcode::servfail);
    expect_words(refused("mta-sts.broken.test"), "no answer for broken.test CAA");

    place.dns().add("mta-sts.elsewhere.test", dns::Type::a, net::testing::address("127.0.0.9"));
    expect_words(refused("mta-sts.elsewhere.test"), "cannot be reached at 127.0.0.9");

    EXPECT_EQ(place.cas()[0].orders.used, 0) << "not one order was spent";

    // RFC 8657 §4: by the one method that CAA allows.
    place.resolves("mta-sts.method.test");
    place.dns().add("mta-sts.method.test", dns::Type::caa,
                    dns::CaaData{0, "issue", "ca1.test; validationmethods=tls-alpn-01"});
    const auto by_alpn = place.issue("mta-sts.method.test");
    EXPECT_TRUE(by_alpn) << by_alpn.error().message();

    // The owner repairs it: not before the pause is over, unless he says so.
    place.dns().remove(name("caa.test"));
    EXPECT_EQ(place.issue("mta-sts.caa.test").error().code, Errc::limit_exceeded);
    place.ask([](CertificateOrders& orders) {
        orders.repaired(name("mta-sts.caa.test"));
        return true;
    });
    const auto repaired = place.issue("mta-sts.caa.test");
    EXPECT_TRUE(repaired) << repaired.error().message();
    EXPECT_EQ(place.status("mta-sts.caa.test").last_error, "");
}

TEST_F(Orders, fall_back_to_port_443_where_port_80_is_closed) {
    Place place({.port_80 = false});
    place.resolves("mta-sts.a.test");
    ASSERT_TRUE(place.prepare());
    const auto issued = place.issue("mta-sts.a.test");
    EXPECT_TRUE(issued) << issued.error().message();
    EXPECT_EQ(place.ask([](CertificateOrders& orders) { return orders.figures().failed_authorizations; }), 0U)
        << "no challenge was tried in vain";
}

TEST_F(Orders, wait_in_a_queue_before_a_limit) {
    Place place({.adjust = [](auto& acme) {
        acme[0].limits.orders = 2;
        acme[0].limits.kept_for_renewals = 0;
    }});
    ASSERT_TRUE(place.prepare());
    for (const char* host : {"mta-sts.a.test", "mta-sts.b.test", "mta-sts.c.test", "mta-sts.d.test"}) {
        place.resolves(host);
    }
    EXPECT_TRUE(place.issue("mta-sts.a.test"));
    EXPECT_TRUE(place.issue("mta-sts.b.test"));
    const auto third = place.issue("mta-sts.c.test");
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, Errc::limit_exceeded) << "no failure";
    EXPECT_FALSE(place.issue("mta-sts.d.test"));
    EXPECT_EQ(place.status("mta-sts.c.test").state, CertificateStatus::State::waiting);
    EXPECT_EQ(place.status("mta-sts.c.test").queue_position, 1U);
    EXPECT_EQ(place.status("mta-sts.d.test").queue_position, 2U);
    EXPECT_NE(place.status("mta-sts.c.test").waits_for.find("2 orders in 3 h"), std::string::npos);
    EXPECT_EQ(place.ask([](CertificateOrders& orders) { return orders.queue().waiting; }), 2U);

    place.clock.offset_s = 3 * 3600 + 5;
    EXPECT_TRUE(place.issue("mta-sts.c.test")) << "its turn";
    EXPECT_TRUE(place.issue("mta-sts.d.test"));
    EXPECT_EQ(place.ask([](CertificateOrders& orders) { return orders.queue().waiting; }), 0U);
}

TEST_F(Orders, the_same_name_is_never_ordered_twice_at_once) {
    Place place;
    place.resolves("mta-sts.a.test");
    ASSERT_TRUE(place.prepare());
    std::promise<Result<void>> first;
    std::promise<Result<void>> second;
    net::spawn(place.loop(), [&]() -> net::asio::awaitable<void> {
        Result<void> done = co_await place.ask_for(name("mta-sts.a.test"));
        first.set_value(done);
    });
    net::spawn(place.loop(), [&]() -> net::asio::awaitable<void> {
        Result<void> done = co_await place.ask_for(name("mta-sts.a.test"));
        second.set_value(done);
    });
    const Result<void> one = first.get_future().get();
    const Result<void> other = second.get_future().get();
    EXPECT_NE(one.has_value(), other.has_value());
    EXPECT_EQ((one ? other : one).error().code, Errc::limit_exceeded);
    EXPECT_EQ(place.cas()[0].orders.used, 1);
}

// RFC 8555 §7.3.5
TEST_F(Orders, an_account_goes_on_under_a_new_key) {
    Place place;
    place.resolves("mta-sts.a.test");
    ASSERT_TRUE(place.prepare());
    const auto before = *place.store().certificates.account(place.fronts[0]->directory());
    const auto rolled = place.roll_key();
    ASSERT_TRUE(rolled) << rolled.error().message();
    const auto after = *place.store().certificates.account(place.fronts[0]->directory());
    EXPECT_EQ(after->url, before->url);
    EXPECT_NE(after->key_pem, before->key_pem);
    const auto issued = place.issue("mta-sts.a.test");
    EXPECT_TRUE(issued) << issued.error().message();
}

TEST(Preflight, words_for_people) {
    PreflightFacts facts;
    facts.host = name("mta-sts.a.test");
    facts.dns.canonical = name("mta-sts.label.sts.host.test");
    facts.dns.addresses = {net::testing::ip("192.0.2.1"), net::testing::ip("2001:db8::1")};
    const std::vector<ChallengeKind> both{ChallengeKind::http_01, ChallengeKind::tls_alpn_01};
    using State = PortSeen::State;
    const auto seen = [&](State v4, State v6) {
        return std::vector<PortSeen>{{facts.dns.addresses[0], v4, "timed out"},
                                     {facts.dns.addresses[1], v6, "timed out"}};
    };
    facts.ports[ChallengeKind::http_01] = seen(State::ours, State::ours);
    facts.ports[ChallengeKind::tls_alpn_01] = seen(State::ours, State::ours);
    EXPECT_EQ(judge_preflight(facts, "ca.test", {}, both).usable, both);

    // One family out of reach does not stop the order, and is said.
    facts.ports[ChallengeKind::http_01] = seen(State::ours, State::unreachable);
    PreflightVerdict verdict = judge_preflight(facts, "ca.test", {}, {ChallengeKind::http_01});
    EXPECT_EQ(verdict.usable.size(), 1U);
    ASSERT_EQ(verdict.remarks.size(), 1U);
    EXPECT_NE(verdict.remarks[0].find("2001:db8::1"), std::string::npos);

    // Somebody else behind one of them may be where the CA comes to.
    facts.ports[ChallengeKind::http_01] = seen(State::ours, State::somebody_else);
    verdict = judge_preflight(facts, "ca.test", {}, {ChallengeKind::http_01});
    EXPECT_EQ(verdict.code, "port-not-ours");
    EXPECT_EQ(judge_preflight(facts, "ca.test", {}, both).usable,
              std::vector<ChallengeKind>{ChallengeKind::tls_alpn_01});

    facts.ports[ChallengeKind::http_01] = seen(State::unreachable, State::unreachable);
    verdict = judge_preflight(facts, "ca.test", {}, {ChallengeKind::http_01});
    EXPECT_EQ(verdict.code, "port-unreachable");
    EXPECT_NE(verdict.problem.find("port 80 of mta-sts.a.test cannot be reached at 192.0.2.1"), std::string::npos);

    // RFC 8657 §3: the world still sees the account of last year.
    facts.ports[ChallengeKind::http_01] = seen(State::ours, State::ours);
    facts.dns.caa_at = facts.host;
    facts.dns.caa = {{0, "issue", "ca.test; accounturi=https://ca.test/old"}};
    facts.published = {{0, "issue", "ca.test; accounturi=https://ca.test/new"}};
    verdict = judge_preflight(facts, "ca.test", "https://ca.test/new", {ChallengeKind::http_01});
    EXPECT_EQ(verdict.code, "caa-forbids");
    EXPECT_NE(verdict.problem.find("those of our own zone allow it"), std::string::npos) << verdict.problem;

    facts.dns.trouble = "DNSSEC validation of a.test CAA fails: signature expired";
    facts.dns.bogus = true;
    verdict = judge_preflight(facts, "ca.test", {}, both);
    EXPECT_EQ(verdict.code, "dnssec-bogus");
    EXPECT_NE(verdict.problem.find("repair the signatures"), std::string::npos);
    EXPECT_EQ(judge_preflight({}, "ca.test", {}, {}).code, "no-address");
}

}  // namespace
}  // namespace postseal::hosting
