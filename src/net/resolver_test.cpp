#include "net/resolver.h"

#include <gtest/gtest.h>

#include <fstream>

#include "net/await.h"
#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::address;
using testing::cname;
using testing::mx;
using testing::name;
using testing::TinyDns;
using testing::txt;

class ResolverTest : public ::testing::Test {
protected:
    ResolverTest() {
        dns_.add("_mta-sts.a.test", dns::Type::txt, txt("v=STSv1; id=1;"));
        dns_.add("_mta-sts.a.test", dns::Type::txt, dns::TxtData{{"two ", "strings"}}, 30);
        dns_.add("a.test", dns::Type::mx, mx(10, "mx.a.test"));
        dns_.add("alias.test", dns::Type::cname, cname("mx.a.test"));
        dns_.add("mx.a.test", dns::Type::a, address("127.0.0.2"));
        dns_.add("mx.a.test", dns::Type::aaaa, address("::1"));
        dns_.add("broken.test", dns::Type::a, address("127.0.0.3"));
        dns_.break_name("broken.test", dns::Rcode::servfail);
        dns_.break_name("silent.test", dns::Rcode::servfail, true);
        settings_.stub_zones = {{name("test"), {dns_.server()}, std::nullopt}};
        settings_.trust_anchor_file = "";
        settings_.root_hints = "";
    }

    // All of `questions` at once; answers in the same order.
    std::vector<DnsAnswer> ask(std::vector<std::pair<const char*, dns::Type>> questions) {
        auto resolver = make_unbound_resolver(loop_, settings_);
        EXPECT_TRUE(resolver) << resolver.error().message();
        std::vector<DnsAnswer> answers(questions.size());
        std::size_t missing = questions.size();
        for (std::size_t i = 0; i < questions.size(); ++i) {
            (*resolver)->resolve(name(questions[i].first), questions[i].second, [&, i](DnsAnswer answer) {
                EXPECT_TRUE(loop_.on_this_thread());
                answers[i] = std::move(answer);
                if (--missing == 0) {
                    loop_.stop();
                }
            });
        }
        testing::run_for(loop_);
        return answers;
    }
    DnsAnswer ask(const char* owner, dns::Type type) { return ask({{owner, type}}).front(); }

    TinyDns dns_{{name("test")}};
    Loop loop_;
    ResolverSettings settings_;
};

TEST_F(ResolverTest, Data) {
    const DnsAnswer answer = ask("_mta-sts.a.test", dns::Type::txt);
    EXPECT_EQ(answer.status, DnsStatus::insecure);
    EXPECT_EQ(answer.content, DnsContent::data);
    ASSERT_EQ(answer.records.size(), 2U);
    std::vector<std::string> texts;
    for (const auto& text : answer.all<dns::TxtData>()) {
        texts.push_back(text.joined());
    }
    std::ranges::sort(texts);
    EXPECT_EQ(texts, (std::vector<std::string>{"two strings", "v=STSv1; id=1;"}));
    EXPECT_EQ(answer.ttl_s, 30U) << "the least of the RRset";
    EXPECT_EQ(answer.error, "");
}

TEST_F(ResolverTest, FollowsAliases) {
    const DnsAnswer answer = ask("alias.test", dns::Type::a);
    EXPECT_EQ(answer.canonical_name, name("mx.a.test"));
    ASSERT_EQ(answer.all<dns::AddressData>().size(), 1U);
    EXPECT_EQ(answer.all<dns::AddressData>()[0].address, testing::ip("127.0.0.2"));
    EXPECT_EQ(ask("alias.test", dns::Type::cname).all<dns::CnameData>().at(0).target, name("mx.a.test"));
}

TEST_F(ResolverTest, NoDataNoNameAndNoAnswerAreThreeThings) {
    const DnsAnswer nodata = ask("a.test", dns::Type::txt);
    EXPECT_EQ(nodata.status, DnsStatus::insecure);
    EXPECT_EQ(nodata.content, DnsContent::nodata);
    EXPECT_EQ(nodata.ttl_s, 30U) << "from the SOA";

    const DnsAnswer nxdomain = ask("nothing.test", dns::Type::txt);
    EXPECT_EQ(nxdomain.status, DnsStatus::insecure);
    EXPECT_EQ(nxdomain.content, DnsContent::nxdomain);
    EXPECT_EQ(nxdomain.ttl_s, 30U);

    const DnsAnswer servfail = ask("broken.test", dns::Type::a);
    EXPECT_EQ(servfail.status, DnsStatus::failed);
    EXPECT_EQ(servfail.content, DnsContent::none);
    EXPECT_EQ(servfail.error, "SERVFAIL");
    EXPECT_TRUE(servfail.records.empty());
}

TEST_F(ResolverTest, ASilentServerEndsInATimeout) {
    settings_.timeout = std::chrono::milliseconds(200);
    const auto answers = ask({{"silent.test", dns::Type::a}, {"mx.a.test", dns::Type::a}});
    EXPECT_EQ(answers[0].status, DnsStatus::failed);
    EXPECT_EQ(answers[0].error, "timed out");
    EXPECT_TRUE(answers[1].has_data());
}

TEST_F(ResolverTest, CountsWhatItCannotRead) {
    dns_.add_raw("mixed.test", dns::Type::mx, {0, 10, 4, 'a', ' ', 'b', '!', 0});  // odd characters
    dns_.add("mixed.test", dns::Type::mx, mx(20, "good.test"));
    const DnsAnswer answer = ask("mixed.test", dns::Type::mx);
    EXPECT_EQ(answer.all<dns::MxData>().size(), 1U);
    EXPECT_EQ(answer.unreadable, 1U);

    // No exchange at all. libunbound drops the record or, from 1.26 on, the whole message: never more than what is
    // good.
    dns_.add_raw("short.test", dns::Type::mx, {0, 10});
    dns_.add("short.test", dns::Type::mx, mx(20, "good.test"));
    const DnsAnswer malformed = ask("short.test", dns::Type::mx);
    EXPECT_LE(malformed.all<dns::MxData>().size(), 1U);
    EXPECT_TRUE(malformed.usable() || malformed.records.empty());
}

TEST_F(ResolverTest, ManyQuestionsWaitTheirTurn) {
    settings_.in_flight_max = 3;
    std::vector<std::pair<const char*, dns::Type>> questions(50, {"mx.a.test", dns::Type::a});
    questions.resize(100, {"mx.a.test", dns::Type::aaaa});
    for (const DnsAnswer& answer : ask(questions)) {
        EXPECT_TRUE(answer.has_data()) << answer.error;
    }
    EXPECT_LE(dns_.queries(name("mx.a.test"), dns::Type::a), 3U) << "cached";
}

TEST_F(ResolverTest, ForwardsAndEveryResolverHasACacheOfItsOwn) {
    settings_.stub_zones.clear();
    settings_.servers = {"127.0.0.1:" + std::to_string(dns_.port())};
    EXPECT_TRUE(ask("mx.a.test", dns::Type::a).has_data());
    dns_.remove(name("mx.a.test"));
    EXPECT_TRUE(ask("mx.a.test", dns::Type::a).nxdomain()) << "a new resolver looks afresh";
    EXPECT_TRUE(settings_.iterating().servers.empty());
}

TEST_F(ResolverTest, DestroyedItDropsItsQuestions) {
    auto resolver = *make_unbound_resolver(loop_, settings_);
    bool called = false;
    resolver->resolve(name("mx.a.test"), dns::Type::a, [&](const DnsAnswer&) { called = true; });
    resolver->resolve(name("silent.test"), dns::Type::a, [&](const DnsAnswer&) { called = true; });
    loop_.post([&] {
        resolver.reset();
        loop_.post([&] { loop_.stop(); });
    });
    testing::run_for(loop_);
    EXPECT_FALSE(called);
}

TEST_F(ResolverTest, MayBeDestroyedByItsOwnCallback) {
    auto resolver = *make_unbound_resolver(loop_, settings_);
    int called = 0;
    for (int i = 0; i < 3; ++i) {
        resolver->resolve(name("mx.a.test"), dns::Type::a, [&](const DnsAnswer&) {
            ++called;
            resolver.reset();
            loop_.stop();
        });
    }
    testing::run_for(loop_);
    EXPECT_EQ(called, 1);
}

TEST_F(ResolverTest, WrongSettingsSayWhich) {
    const auto message = [&](const ResolverSettings& bad) {
        const auto resolver = make_unbound_resolver(loop_, bad);
        return resolver ? std::string("accepted") : resolver.error().message();
    };
    ResolverSettings bad = settings_;
    bad.servers = {"localhost"};
    EXPECT_EQ(message(bad), "servers: 'localhost' is not ADDRESS, ADDRESS:PORT or ADDRESS@PORT");
    bad = settings_;
    bad.stub_zones[0].servers = {"127.0.0.1@0"};
    EXPECT_EQ(message(bad), "stub_zones: '127.0.0.1@0' is not ADDRESS@PORT");
    bad.stub_zones[0].servers = {};
    EXPECT_EQ(message(bad), "stub_zones: test. has no servers");
    bad = settings_;
    bad.root_hints = "/nonexistent";
    EXPECT_EQ(message(bad), "root_hints: cannot read /nonexistent");
    bad = settings_;
    bad.trust_anchor_file = "/nonexistent";
    EXPECT_EQ(message(bad), "trust_anchor_file: cannot read /nonexistent");

    const std::string path = ::testing::TempDir() + "postseal-anchors-" + std::to_string(getpid());
    std::ofstream(path) << "; nothing\n";
    bad.trust_anchor_file = path;
    EXPECT_EQ(message(bad), "trust_anchor_file: no DS or DNSKEY record in " + path);
    std::ofstream(path) << "test. IN DS 12 13\n";
    EXPECT_NE(message(bad), "accepted") << "a DS record cut short";
    std::remove(path.c_str());
}

TEST(UnboundConfiguration, StubZonesOutsideThePublicTreeHaveNoDnssec) {
    const std::string path = ::testing::TempDir() + "postseal-anchors-" + std::to_string(getpid());
    std::ofstream(path)
        << ". 3600 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
        << "signed.test. IN DS 1 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
    ResolverSettings settings;
    settings.trust_anchor_file = path;
    settings.root_hints = "";
    const auto insecure = [&](const char* zone, std::optional<bool> told = std::nullopt) {
        settings.stub_zones = {{testing::name(zone), {"127.0.0.1"}, told}};
        return unbound_configuration(settings)->find("domain-insecure: \"" + std::string(zone) + ".\"") !=
               std::string::npos;
    };
    EXPECT_TRUE(insecure("test"));
    EXPECT_TRUE(insecure("other.test"));
    EXPECT_TRUE(insecure("corp"));
    EXPECT_TRUE(insecure("x.home.arpa"));
    EXPECT_FALSE(insecure("signed.test")) << "has an anchor";
    EXPECT_FALSE(insecure("sub.signed.test")) << "below an anchor";
    EXPECT_FALSE(insecure("example.com")) << "the root vouches for it";
    EXPECT_TRUE(insecure("example.com", true));
    EXPECT_FALSE(insecure("test", false));
    std::remove(path.c_str());
}

}  // namespace
}  // namespace postseal::net
