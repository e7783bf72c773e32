// A domain moves in, changes modes and leaves: real DNS, real HTTPS, a real ACME server (Pebble), all on loopback.
#include "hosting/hosting.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "base/guarded.h"
#include "hosting/pebble_for_test.h"
#include "net/http_server.h"
#include "net/poller.h"
#include "store/testing.h"

namespace postseal::hosting {
namespace {

using net::testing::name;
using net::testing::TinyDns;

class TestClock : public Clock {
public:
    [[nodiscard]] TimePoint now() const override {
        return std::chrono::floor<Seconds>(std::chrono::system_clock::now()) + Seconds(offset_s.load());
    }
    std::atomic<std::int64_t> offset_s{0};
};

class TestLog : public Log {
public:
    void write(LogLevel level, std::string_view, std::string_view message) override {
        if (level != LogLevel::debug) {
            std::fprintf(stderr, "log: %.*s\n", static_cast<int>(message.size()), message.data());
        }
    }
};

net::HttpsResponse fetch(net::HttpsClient& https, net::HttpsRequest request) {
    std::promise<net::HttpsResponse> got;
    request.target = net::HttpsRequest::Target::configured;
    https.fetch(std::move(request), [&](net::HttpsResponse response) { got.set_value(std::move(response)); });
    return got.get_future().get();
}

// The whole of hosting, as app/serve wires it.
class Place {
public:
    explicit Place(std::vector<ChallengeKind> challenges, const std::function<void(JobsSettings&)>& adjust = {})
        : dns_({name("test")}),
          loops_("test", 2),
          servers_({&loops_[0]}, {},
                   [this](auto request, auto reply) { policy_(std::move(request), std::move(reply)); }),
          http_({&loops_[0]}, {}, [this](auto request, auto reply) { port80_(std::move(request), std::move(reply)); }) {
        store_ = store::testing::new_store();
        organisation_ = store_->accounts.organisation("ours", clock_.now())->id;
        net::TlsSettings settings;
        settings.acme_tls_alpn = true;
        EXPECT_TRUE(servers_.listen(net::ListenAddress::loopback(), *net::TlsContext::make(tls_, settings)));
        EXPECT_TRUE(http_.listen(net::ListenAddress::loopback()));
        const std::uint16_t https_port = servers_.addresses().front().port;
        pebble_ = std::make_unique<testing::Pebble>(http_.addresses().front().port, https_port, dns_.port());

        // Trust: Pebble's own HTTPS by its test CA; what it issues, by the root of this very process.
        net::Loop& jobs_loop = loops_[1];
        std::string roots = pebble_->ca().pem();
        {
            net::HttpsClient::Settings only_pebble;
            only_pebble.trust = pebble_->ca().trust();
            net::HttpsClient client(jobs_loop, only_pebble);
            net::HttpsRequest request;
            request.url = pebble_->root_url();
            roots += fetch(client, request).body;
        }
        net::HttpsClient::Settings client;
        client.trust = *net::TrustStore::from_pem(roots);
        client.guard = net::AddressGuard(net::NonGlobal::allow);
        https_ = std::make_unique<net::HttpsClient>(jobs_loop, client);

        JobsSettings jobs;
        jobs.resolver.stub_zones = {{name("test"), {dns_.server()}, true}};
        jobs.resolver.trust_anchor_file = "";
        jobs.https_port = https_port;
        jobs.http_port = http_.addresses().front().port;
        jobs.probe.smtp_port = testing::free_port();  // nobody listens there
        jobs.probe.guard = client.guard;
        jobs.probe.trust = client.trust;
        jobs.look_every = Seconds(1);
        jobs.life.enforce_ramp = {{0, 604'800}};
        jobs.own_names = {name("intake.test")};
        AcmeSettings acme;
        acme.directory = pebble_->directory();
        acme.accept_terms = true;
        acme.contact = "admin@host.test";
        acme.caa_issuer = "pebble.test";
        acme.challenges = std::move(challenges);
        jobs.acme = {acme};
        if (adjust) {
            adjust(jobs);
        }
        resolver_ = *net::make_unbound_resolver(jobs_loop, jobs.resolver);

        ZoneSettings zone;
        zone.zone = name("sts.host.test");
        zone.name_servers = {name("ns1.host.test")};
        zone.addresses = {net::testing::ip("127.0.0.1")};
        zone.intake_host = name("intake.test");
        CaaIssuer issuer{"pebble.test", std::nullopt, {}};
        for (const ChallengeKind kind : jobs.acme.front().challenges) {
            issuer.validation_methods.emplace_back(to_string(kind));
        }
        zone.caa = {issuer};
        publication_ = *Publication::load(zone, tls_, *store_, clock_, log_);
        policy_ = policy_handler(publication_->bodies());
        port80_ = challenge_handler(*publication_->challenges());
        hosting_ = std::make_unique<Hosting>(
            JobsParts{jobs_loop, *store_, *resolver_, *https_, *publication_, clock_, log_}, jobs);
        dns_.add("intake.test", dns::Type::a, net::testing::address("127.0.0.1"));
        hosting_->observe([this](DomainEvent event, const store::Domain& domain, std::optional<mtasts::Mode> mode) {
            const std::string_view word = event == DomainEvent::added  ? "added"
                                          : event == DomainEvent::gone ? "gone"
                                                                       : "changed";
            told_.with([&](auto& told) {
                told.push_back(
                    fmt::format("{} {} {}", word, store::to_string(domain.state), mode ? to_string(*mode) : "-"));
            });
        });
        hosting_->start();
    }
    ~Place() {
        loops_.stop();
        hosting_.reset();
    }

    template <class Call>
    Result<DomainView> call(Call start) {
        std::promise<Result<DomainView>> got;
        start(*hosting_, Who{organisation_, "test"}, [&](Result<DomainView> view) { got.set_value(std::move(view)); });
        return got.get_future().get();
    }
    Result<DomainView> show(const std::string& domain) {
        return call([&](Hosting& hosting, const Who& who, auto done) { hosting.show(who, domain, done); });
    }
    Result<Hosting::ModeOutcome> mode(const std::string& domain, mtasts::Mode mode,
                                      std::optional<std::string> override_reason = std::nullopt) {
        std::promise<Result<Hosting::ModeOutcome>> got;
        hosting_->mode(Who{organisation_, "test"}, domain, {mode, std::move(override_reason)},
                       [&](Result<Hosting::ModeOutcome> outcome) { got.set_value(std::move(outcome)); });
        return got.get_future().get();
    }
    Result<Hosting::Probing> probe(const std::string& domain) {
        std::promise<Result<Hosting::Probing>> got;
        hosting_->probe(Who{organisation_, "test"}, domain,
                        [&](Result<Hosting::Probing> probing) { got.set_value(std::move(probing)); });
        return got.get_future().get();
    }
    DomainView wait(const std::string& domain, const std::function<bool(const DomainView&)>& until) {
        DomainView view;
        for (int i = 0; i < 600; ++i) {
            view = *show(domain);
            if (until(view)) {
                return view;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        ADD_FAILURE() << domain << " stays in " << store::to_string(view.domain.state) << ": "
                      << view.domain.last_error;
        return view;
    }
    // What the owner does; and what a resolver would find behind the names.
    void publish(const DomainView& view) {
        for (const SeenRecord& one : view.records) {
            dns_.add(one.record.name.text(), dns::Type::cname, dns::CnameData{one.record.target});
            for (const dns::Record& record : publication_->zone()->records(one.record.target)) {
                dns_.add(record);
            }
        }
    }
    std::string served(const std::string& domain) {
        net::HttpsRequest request;
        request.url = "https://mta-sts." + domain + ":" + std::to_string(servers_.addresses().front().port) +
                      "/.well-known/mta-sts.txt";
        request.addresses = {net::testing::ip("127.0.0.1")};
        return fetch(*https_, request).body;
    }
    std::vector<dns::Record> in_zone(const DomainView& view, Purpose purpose) {
        return publication_->zone()->records(*name_behind(purpose, view.domain.label, name("sts.host.test")));
    }
    // What the observer was told, each once: "changed testing testing".
    [[nodiscard]] std::set<std::string> told() const {
        return told_.with([](const auto& told) { return std::set(told.begin(), told.end()); });
    }
    Hosting& hosting() { return *hosting_; }
    [[nodiscard]] Who who() const { return {organisation_, "test"}; }
    TinyDns& dns() { return dns_; }
    TestClock& clock() { return clock_; }
    store::Store& store() { return *store_; }
    net::CertificateStore& tls() { return *tls_; }

private:
    TestClock clock_;
    TestLog log_;
    TinyDns dns_;
    std::shared_ptr<net::CertificateStore> tls_ = std::make_shared<net::CertificateStore>();
    std::unique_ptr<store::Store> store_;
    std::int64_t organisation_ = 0;
    std::unique_ptr<Publication> publication_;
    HttpHandler policy_;
    HttpHandler port80_;
    net::LoopPool loops_;
    net::HttpServer servers_;
    net::HttpServer http_;
    std::unique_ptr<testing::Pebble> pebble_;
    std::unique_ptr<net::HttpsClient> https_;
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<Hosting> hosting_;
    Guarded<std::vector<std::string>> told_;
};

class MovesIn : public ::testing::TestWithParam<ChallengeKind> {};

// HTTPS-017, HTTPS-018, STS-065, STS-067
TEST_P(MovesIn, three_cnames_to_enforce_and_out_again) {
    if (!testing::Pebble::installed()) {
        GTEST_SKIP() << "pebble is not installed";
    }
    Place place({GetParam()});
    place.dns().add("kestrel.test", dns::Type::mx, net::testing::mx(10, "mx.kestrel.test"));
    place.dns().add("mx.kestrel.test", dns::Type::a, net::testing::address("127.0.0.1"));

    const auto added = place.call([](Hosting& h, const Who& who, auto done) { h.add(who, "Kestrel.test.", done); });
    ASSERT_TRUE(added) << added.error().message();
    EXPECT_TRUE(is_label(added->domain.label));
    const auto again = place.call([](Hosting& h, const Who& who, auto done) { h.add(who, "kestrel.test", done); });
    EXPECT_EQ(again->domain.label, added->domain.label);
    for (const std::string wrong : {"test", "a.sts.host.test", "kestrel..test", "192.0.2.1"}) {
        EXPECT_FALSE(place.call([&](Hosting& h, const Who& who, auto done) { h.add(who, wrong, done); })) << wrong;
    }
    const auto unseen = place.call([](Hosting& h, const Who& who, auto done) { h.verify(who, "kestrel.test", done); });
    EXPECT_FALSE(all_seen(unseen->records));
    EXPECT_FALSE(place.mode("kestrel.test", mtasts::Mode::enforce)) << "serves nothing yet";

    place.publish(*added);
    const auto seen = place.call([](Hosting& h, const Who& who, auto done) { h.verify(who, "kestrel.test", done); });
    EXPECT_TRUE(all_seen(seen->records));
    const DomainView testing = place.wait(
        "kestrel.test", [](const DomainView& view) { return view.domain.state == store::DomainState::testing; });
    EXPECT_EQ(testing.mode, mtasts::Mode::testing);
    for (const char* step : {"added pending -", "changed pending -", "changed verified -", "changed certificate -",
                             "changed certificate testing", "changed testing testing"}) {
        EXPECT_TRUE(place.told().contains(step)) << step;
    }
    ASSERT_TRUE(testing.policy_id);
    ASSERT_TRUE(testing.certificate);
    EXPECT_TRUE(testing.certificate->key_pem.empty()) << "keys never leave by this way";
    EXPECT_EQ(place.served("kestrel.test"),
              "version: STSv1\r\nmode: testing\r\nmx: mx.kestrel.test\r\nmax_age: 86400\r\n");
    EXPECT_EQ(dns::data_text(place.in_zone(testing, Purpose::policy_id).front().data),
              "\"v=STSv1; id=" + *testing.policy_id + ";\"");
    bool accounted = false;
    for (const dns::Record& record : place.in_zone(testing, Purpose::policy_host)) {
        accounted = accounted || dns::data_text(record.data).find("accounturi=https://") != std::string::npos;
    }
    EXPECT_TRUE(accounted);

    const auto refused = place.mode("kestrel.test", mtasts::Mode::enforce);
    ASSERT_TRUE(refused);
    EXPECT_FALSE(refused->accepted);
    std::string reasons;
    for (const Condition& reason : refused->reasons) {
        reasons += reason.proof + "\n";
    }
    EXPECT_NE(reasons.find("mx.kestrel.test"), std::string::npos) << reasons;
    EXPECT_EQ(place.show("kestrel.test")->policy_id, testing.policy_id) << "nothing changed";

    const auto forced = place.mode("kestrel.test", mtasts::Mode::enforce, "a test does not wait fourteen days");
    ASSERT_TRUE(forced && forced->accepted);
    const DomainView enforce = place.wait(
        "kestrel.test", [](const DomainView& view) { return view.domain.state == store::DomainState::enforce; });
    EXPECT_NE(enforce.policy_id, testing.policy_id);
    EXPECT_NE(place.served("kestrel.test").find("mode: enforce"), std::string::npos);
    EXPECT_TRUE(place.mode("kestrel.test", mtasts::Mode::enforce)->accepted);
    EXPECT_EQ(place.show("kestrel.test")->policy_id, enforce.policy_id) << "the mode it has changes nothing";
    const auto told = place.store().audit.list(enforce.domain.organisation, "kestrel.test", 2).value();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[1].reason, "a test does not wait fourteen days");
    EXPECT_EQ(told[0].action + " " + told[0].actor + " " + told[0].before + " " + told[0].after,
              "domain.state jobs state=testing state=enforce");

    EXPECT_TRUE(place.told().contains("changed enforce enforce"));

    // Rule 5's one click, and no other way out of an enforced policy than its mode.
    const auto set_mx = [&](const std::vector<std::string>& hosts) {
        MxPatterns patterns;
        for (const std::string& host : hosts) {
            patterns.push_back(*mtasts::MxPattern::parse(host));
        }
        return place.call(
            [&](Hosting& h, const Who& who, auto done) { h.policy_mx(who, "kestrel.test", patterns, done); });
    };
    EXPECT_EQ(set_mx({"elsewhere.test"}).error().code, Errc::refused) << "an MX host would lose its mail";
    ASSERT_TRUE(set_mx({"mx.kestrel.test", "*.backup.test"}));
    place.wait("kestrel.test", [&](const DomainView& view) {
        return view.policy_id && view.policy_id != enforce.policy_id && !view.pending_mode;
    });
    EXPECT_NE(place.served("kestrel.test").find("mode: enforce\r\nmx: mx.kestrel.test\r\nmx: *.backup.test\r\n"),
              std::string::npos);
    EXPECT_EQ(place.store().audit.list(enforce.domain.organisation, "kestrel.test", 1)->front().before,
              "mx=mx.kestrel.test");
    EXPECT_EQ(place.probe("kestrel.test").value(), Hosting::Probing::started);
    EXPECT_EQ(place.probe("kestrel.test").value(), Hosting::Probing::too_often);
    EXPECT_FALSE(place.probe("nowhere.test"));

    const auto leaving = place.call([](Hosting& h, const Who& who, auto done) { h.retire(who, "kestrel.test", done); });
    ASSERT_TRUE(leaving && leaving->domain.cnames_until);
    EXPECT_GE(*leaving->domain.cnames_until, place.clock().now() + Seconds(604'800 + 86'400 - 5));
    place.wait("kestrel.test",
               [](const DomainView& view) { return view.mode == mtasts::Mode::none && !view.pending_mode; });
    EXPECT_NE(place.served("kestrel.test").find("mode: none"), std::string::npos);
    const auto anew = place.call([](Hosting& h, const Who& who, auto done) { h.add(who, "kestrel.test", done); });
    EXPECT_NE(anew->domain.label, leaving->domain.label) << "a label is never reissued";

    for (int i = 0; i < 400 && !place.tls().contains(name("intake.test")); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_TRUE(place.tls().contains(name("intake.test"))) << "the installation's own name";
    place.clock().offset_s = 30 * 86'400;
    for (int i = 0; i < 200 && !place.in_zone(*leaving, Purpose::policy_host).empty(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_TRUE(place.in_zone(*leaving, Purpose::policy_host).empty()) << "gone after the bound";
    EXPECT_TRUE(place.told().contains("gone gone none"));
}

INSTANTIATE_TEST_SUITE_P(Challenges, MovesIn, ::testing::Values(ChallengeKind::http_01, ChallengeKind::tls_alpn_01),
                         [](const auto& param) {
                             return std::string(param.param == ChallengeKind::http_01 ? "http" : "tls_alpn");
                         });

TEST(Hosting, a_young_domain_is_looked_at_often) {
    if (!testing::Pebble::installed()) {
        GTEST_SKIP() << "pebble is not installed";
    }
    Place place({ChallengeKind::http_01}, [](JobsSettings& jobs) {
        jobs.look_every = Seconds(3600);
        jobs.young_look_every = Seconds(1);
    });
    const auto added = place.call([](Hosting& h, const Who& who, auto done) { h.add(who, "young.test", done); });
    ASSERT_TRUE(added) << added.error().message();
    place.wait("young.test", [](const DomainView& view) { return view.records.front().checked.has_value(); });
    place.publish(*added);
    place.wait("young.test", [](const DomainView& view) { return view.domain.verified.has_value(); });
}

TEST(Hosting, many_at_once_reports_alone_and_watched) {
    if (!testing::Pebble::installed()) {
        GTEST_SKIP() << "pebble is not installed";
    }
    Place place({ChallengeKind::http_01});
    const dns::Name zone = name("sts.host.test");
    const auto add_many = [&](Hosting::Bulk how) {
        std::promise<std::vector<Hosting::BulkResult>> got;
        place.hosting().add_many(
            place.who(),
            *read_bulk("one.test\nreports.test tls-rpt\nwatched.test watch\ntest\n", store::Uses::both, zone), how,
            [&](std::vector<Hosting::BulkResult> all) { got.set_value(std::move(all)); });
        return got.get_future().get();
    };
    using What = Hosting::BulkResult::What;
    auto all = add_many(Hosting::Bulk::trial);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].what, What::added);
    EXPECT_TRUE(all[0].label.empty());
    EXPECT_FALSE(place.show("one.test")) << "a trial changes nothing";
    all = add_many(Hosting::Bulk::add);
    EXPECT_EQ(all[0].what, What::added);
    EXPECT_TRUE(is_label(all[0].label));
    EXPECT_TRUE(all[2].label.empty()) << "a watched domain has none";
    EXPECT_EQ(all[3].what, What::refused);
    EXPECT_EQ(all[3].line.problem_code, "public-suffix");
    EXPECT_EQ(add_many(Hosting::Bulk::add)[0].label, all[0].label) << "again, the same label";
    EXPECT_EQ(add_many(Hosting::Bulk::add)[0].what, What::exists);

    const auto reports = place.show("reports.test");
    ASSERT_EQ(reports->records.size(), 1U);
    const auto with_rua = place.call(
        [](Hosting& h, const Who& who, auto done) { h.own_rua(who, "reports.test", {"tls@reports.test"}, done); });
    ASSERT_TRUE(with_rua) << with_rua.error().message();
    EXPECT_TRUE(with_rua->tlsrpt_record.ends_with(",mailto:tls@reports.test")) << with_rua->tlsrpt_record;
    EXPECT_EQ(dns::data_text(place.in_zone(*reports, Purpose::reports).front().data),
              "\"" + with_rua->tlsrpt_record + "\"");
    place.publish(*reports);
    place.wait("reports.test",
               [](const DomainView& view) { return view.domain.state == store::DomainState::verified; });
    const auto widened =
        place.call([](Hosting& h, const Who& who, auto done) { h.uses(who, "reports.test", store::Uses::both, done); });
    EXPECT_EQ(widened->records.size(), 3U);
    const auto none = place.call([](Hosting& h, const Who& who, auto done) {
        h.own_rua(who, "reports.test", {"https://a.test/", "nonsense"}, done);
    });
    EXPECT_FALSE(none);
    const auto left = place.call([](Hosting& h, const Who& who, auto done) { h.retire(who, "reports.test", done); });
    EXPECT_EQ(left->domain.state, store::DomainState::gone) << "no sender ever held a policy of it";

    const auto hosted = place.call([](Hosting& h, const Who& who, auto done) { h.add(who, "watched.test", done); });
    ASSERT_TRUE(hosted);
    EXPECT_EQ(hosted->domain.state, store::DomainState::pending) << "what was watched becomes hosted";
    EXPECT_TRUE(is_label(hosted->domain.label));
    EXPECT_FALSE(place.call([](Hosting& h, const Who& who, auto done) {
        Hosting::NewDomain wanted{"nowhere.test"};
        wanted.policy = Hosting::NewDomain::Policy::import;
        h.add(who, wanted, done);
    })) << "there is nothing to import";
    EXPECT_FALSE(place.show("nowhere.test")) << "and nothing was added";
    std::string states;
    for (const auto& entry : place.store().audit.list(place.who().organisation, "reports.test", 50).value()) {
        if (entry.action == "domain.state") {
            states.insert(0, entry.after + " ");
        }
    }
    EXPECT_EQ(states, "state=verified state=gone ");
}

TEST(Hosting, names_that_cannot_be_hosted) {
    const dns::Name zone = name("sts.example.net");
    EXPECT_TRUE(hostable_name("example.com", zone));
    EXPECT_EQ(hostable_name(" Пример.РФ. ", zone)->text(), "xn--e1afmkfd.xn--p1ai");
    EXPECT_FALSE(hostable_name("com", zone)) << "a public suffix";
    EXPECT_FALSE(hostable_name("co.uk", zone)) << "a public suffix of two labels";
    EXPECT_FALSE(hostable_name("рф", zone)) << "a public suffix in another script";
    EXPECT_FALSE(hostable_name("sts.example.net", zone)) << "Z itself";
    EXPECT_FALSE(hostable_name("a.sts.example.net", zone)) << "within Z";
    EXPECT_FALSE(hostable_name("_dmarc.example.com", zone)) << "no host name";
    EXPECT_FALSE(hostable_name("192.0.2.1", zone)) << "an address";
    EXPECT_FALSE(hostable_name("", zone)) << "the root";
    EXPECT_FALSE(hostable_name("a..b", zone)) << "an empty label";
}

}  // namespace
}  // namespace postseal::hosting
