// The desk against real SMTP servers: who shares a probe, who waits, who is looked at again.
#include "hosting/mx_probe_desk.h"

#include <gtest/gtest.h>

#include "net/testing.h"

namespace postseal::hosting {
namespace {

using net::testing::ip;
using net::testing::name;
using net::testing::Peer;
using net::testing::ScriptedServer;
using net::testing::TestCa;

class TestClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return time; }
    TimePoint time{Seconds(1'800'000'000)};
};

class ProbeDeskTest : public ::testing::Test {
protected:
    ProbeDeskTest() : certificate_(ca_.issue("mx.example.test")) {}

    std::function<void(Peer&)> good() {
        return [this](Peer& peer) {
            peer.send("220 mx.example.test ESMTP\r\n");
            (void)peer.read_line();
            peer.send("250-mx.example.test\r\n250 STARTTLS\r\n");
            (void)peer.read_line();
            peer.send("220 go ahead\r\n");
            if (peer.start_tls(certificate_)) {
                (void)peer.read_line();
                peer.send("250 mx.example.test\r\n");
                peer.wait_for_end();
            }
        };
    }
    ProbeDeskSettings to(std::uint16_t port) {
        ProbeDeskSettings settings;
        settings.probe.smtp_port = port;
        settings.probe.ehlo_name = "prober.test";
        settings.probe.trust = ca_.trust();
        settings.probe.guard = net::AddressGuard(net::NonGlobal::allow);
        return settings;
    }
    // Asks so many times at once, and waits for all.
    std::vector<AddressProbe> ask(ProbeDesk& desk, Freshness freshness, int times = 1,
                                  const char* host = "mx.example.test") {
        std::vector<AddressProbe> all;
        for (int i = 0; i < times; ++i) {
            desk.probe(name(host), {ip("127.0.0.1")}, freshness, [&, times](std::vector<AddressProbe> probes) {
                all.insert(all.end(), probes.begin(), probes.end());
                if (all.size() == static_cast<std::size_t>(times)) {
                    loop_.stop();
                }
            });
        }
        net::testing::run_for(loop_);
        return all;
    }

    TestCa ca_;
    net::CertificateAndKey certificate_;
    net::Loop loop_;
    TestClock clock_;
};

TEST_F(ProbeDeskTest, OneProbeServesEveryDomainThatSharesTheHost) {
    const ScriptedServer server(good());
    ProbeDesk desk(loop_, clock_, to(server.port()));
    const auto probes = ask(desk, Freshness::scheduled, 50);
    ASSERT_EQ(probes.size(), 50U);
    for (const AddressProbe& probe : probes) {
        EXPECT_EQ(probe.result.failure, net::SmtpFailure::none) << probe.result.error;
    }
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(desk.counters().probes, 1U);
    EXPECT_EQ(desk.counters().shared, 49U);

    clock_.time += Seconds(3599);
    (void)ask(desk, Freshness::scheduled);
    EXPECT_EQ(server.connections(), 1) << "at most hourly";
    clock_.time += Seconds(1);
    (void)ask(desk, Freshness::scheduled);
    EXPECT_EQ(server.connections(), 2);
    clock_.time -= Seconds(7200);
    (void)ask(desk, Freshness::scheduled);
    EXPECT_EQ(server.connections(), 3) << "a clock that is set back makes nothing last longer";
}

TEST_F(ProbeDeskTest, WhoWaitsAtThePanelGetsAFreshLook) {
    const ScriptedServer server(good());
    ProbeDesk desk(loop_, clock_, to(server.port()));
    (void)ask(desk, Freshness::fresh);
    (void)ask(desk, Freshness::fresh);
    EXPECT_EQ(server.connections(), 2)
        << "rule 4: STARTTLS may have gone a second ago, and enforce is about to be entered";
}

TEST_F(ProbeDeskTest, ABadProbeIsLookedAtAgainWhenSomebodyAsks) {
    const ScriptedServer server([](Peer& peer) {
        peer.send("220 mx.example.test ESMTP\r\n");
        (void)peer.read_line();
        peer.send("250 mx.example.test\r\n");
        peer.wait_for_end();
    });
    ProbeDesk desk(loop_, clock_, to(server.port()));
    EXPECT_EQ(ask(desk, Freshness::fresh).at(0).result.failure, net::SmtpFailure::starttls_not_offered);
    (void)ask(desk, Freshness::fresh);
    EXPECT_EQ(server.connections(), 2) << "its owner may just have mended it";
    (void)ask(desk, Freshness::scheduled);
    EXPECT_EQ(server.connections(), 2) << "the schedule does not knock more often for that";
}

TEST_F(ProbeDeskTest, NamesAreProbedApartAndWhatIsOldIsForgotten) {
    const ScriptedServer server(good());
    ProbeDesk desk(loop_, clock_, to(server.port()));
    (void)ask(desk, Freshness::scheduled);
    const auto other = ask(desk, Freshness::scheduled, 1, "other.example.test");
    EXPECT_EQ(other.at(0).result.failure, net::SmtpFailure::certificate) << "the same address, another name";
    EXPECT_EQ(desk.size(), 2U);
    clock_.time += Seconds(3600);
    (void)ask(desk, Freshness::scheduled, 1, "third.example.test");
    EXPECT_EQ(desk.size(), 1U);
}

TEST_F(ProbeDeskTest, RefusesAddressesThatAreNotGlobal) {  // rule 20
    const ScriptedServer server(good());
    ProbeDeskSettings settings = to(server.port());
    settings.probe.guard = net::AddressGuard();
    ProbeDesk desk(loop_, clock_, settings);
    EXPECT_EQ(ask(desk, Freshness::fresh).at(0).result.failure, net::SmtpFailure::refused_address);
    EXPECT_EQ(server.connections(), 0);
}

TEST_F(ProbeDeskTest, AProviderIsAskedByAFewAtATime) {
    // A server that takes one connection after the other shows nothing of this; a silent one does: its clients wait.
    const ScriptedServer server(good());
    ProbeDeskSettings settings = to(server.port());
    settings.per_provider_at_once_max = 1;
    settings.at_once_max = 2;
    ProbeDesk desk(loop_, clock_, settings);
    int answered = 0;
    for (int i = 0; i < 6; ++i) {
        desk.probe(name("mx" + std::to_string(i) + ".example.test"), {ip("127.0.0.1")}, Freshness::scheduled,
                   [&](const std::vector<AddressProbe>&) {
                       if (++answered == 6) {
                           loop_.stop();
                       }
                   });
    }
    net::testing::run_for(loop_);
    EXPECT_EQ(answered, 6) << "whoever waits for a turn gets it";
    EXPECT_EQ(server.connections(), 6);
}

}  // namespace
}  // namespace postseal::hosting
