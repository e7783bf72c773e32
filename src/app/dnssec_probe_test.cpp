// What an answer says about DNSSEC here, and the question itself against a name server that signs nothing.
#include "app/dnssec_probe.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <future>

#include "net/testing.h"

namespace postseal::app {
namespace {

using State = DnssecFinding::State;

TEST(DnssecProbe, JudgesAnAnswer) {
    net::ResolverSettings settings;
    net::DnsAnswer answer;
    answer.status = net::DnsStatus::secure;
    EXPECT_EQ(judge_dnssec(answer, settings).state, State::works);
    EXPECT_EQ(judge_dnssec(answer, settings).problem, "");
    answer.status = net::DnsStatus::insecure;
    EXPECT_EQ(judge_dnssec(answer, settings).state, State::broken) << "its key is here: it must be validated";
    answer.status = net::DnsStatus::failed;
    answer.error = "timed out";
    EXPECT_EQ(judge_dnssec(answer, settings).state, State::unknown) << "no network is no broken validation";
    answer.status = net::DnsStatus::bogus;
    answer.error = "no signatures";
    const DnssecFinding iterating = judge_dnssec(answer, settings);
    EXPECT_EQ(iterating.state, State::broken);
    EXPECT_NE(iterating.problem.find("no signatures"), std::string::npos);
    EXPECT_NE(iterating.problem.find("/usr/share/dns/root.key lacks"), std::string::npos) << iterating.problem;
    settings.servers = {"192.0.2.53"};
    EXPECT_NE(judge_dnssec(answer, settings).problem.find("the servers of [resolver] may strip DNSSEC records"),
              std::string::npos);
}

// A forwarder that knows nothing of DNSSEC, and a key for the zone: every answer is refused, and that is said.
TEST(DnssecProbe, AServerWithoutSignatures) {
    net::testing::TinyDns dns({net::testing::name("test")});
    const std::string path = ::testing::TempDir() + "postseal-anchor-" + std::to_string(::getpid());
    FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs("test. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n", file);
    std::fclose(file);
    net::LoopPool loops("probe", 1);
    net::ResolverSettings settings = dns.resolver_settings();
    settings.stub_zones.front().insecure = false;
    settings.trust_anchor_file = path;
    const auto look = [&](const net::ResolverSettings& with) {
        auto resolver = net::make_unbound_resolver(loops[0], with);
        EXPECT_TRUE(resolver);
        std::promise<DnssecFinding> found;
        loops[0].sync([&] { probe_dnssec(**resolver, with, [&](const DnssecFinding& got) { found.set_value(got); }); });
        return found.get_future().get();
    };
    const DnssecFinding broken = look(settings);
    EXPECT_EQ(broken.state, State::broken) << broken.problem;
    settings.trust_anchor_file.clear();
    EXPECT_EQ(look(settings).state, State::off);
    std::remove(path.c_str());
    loops.stop();
}

}  // namespace
}  // namespace postseal::app
