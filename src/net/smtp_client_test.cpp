#include "net/smtp_client.h"

#include <gtest/gtest.h>

#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::CertificateOptions;
using testing::ip;
using testing::name;
using testing::Peer;
using testing::ScriptedServer;
using testing::TestCa;
using namespace std::chrono_literals;

const dns::Name mx = testing::name("mx1.example.com");

// A server's part up to and including the reply to EHLO.
void greet(Peer& peer, const std::string& extensions = "250-SIZE 1000000\r\n250 STARTTLS\r\n") {
    peer.send("220 mx1.example.com ESMTP\r\n");
    (void)peer.read_line();
    peer.send("250-mx1.example.com hello\r\n" + extensions);
}

// The rest of a good probe, in TLS.
void finish(Peer& peer) {
    (void)peer.read_line();
    peer.send("250 mx1.example.com\r\n");
    (void)peer.read_line();
    peer.send("221 bye\r\n");
    peer.wait_for_end();
}

class SmtpProbeTest : public ::testing::Test {
protected:
    [[nodiscard]] SmtpProbeRequest request_to(std::uint16_t port) const {
        SmtpProbeRequest request;
        request.host = mx;
        request.address = ip("127.0.0.1");
        request.port = port;
        request.ehlo_name = "prober.example";
        request.trust = ca_.trust();
        request.guard = AddressGuard(NonGlobal::allow);
        return request;
    }
    SmtpProbeResult probe(SmtpProbeRequest request) {
        SmtpProbeResult result;
        smtp_probe(loop_, std::move(request), [&](SmtpProbeResult got) {
            result = std::move(got);
            loop_.stop();
        });
        testing::run_for(loop_);
        return result;
    }
    SmtpProbeResult probe(std::function<void(Peer&)> script) {
        const ScriptedServer server(std::move(script));
        return probe(request_to(server.port()));
    }
    // With STARTTLS and this certificate.
    SmtpProbeResult probe_certificate(const CertificateOptions& options) {
        const CertificateAndKey certificate = ca_.issue(options);
        return probe([&](Peer& peer) {
            greet(peer);
            (void)peer.read_line();
            peer.send("220 go ahead\r\n");
            if (peer.start_tls(certificate)) {
                sni_ = peer.sni;
                finish(peer);
            }
        });
    }

    TestCa ca_;
    Loop loop_;
    std::string sni_;
};

TEST_F(SmtpProbeTest, AGoodHost) {
    const SmtpProbeResult result = probe_certificate({.names = {"mx1.example.com", "other.example"}});
    EXPECT_EQ(result.failure, SmtpFailure::none) << result.error;
    EXPECT_TRUE(result.offered);
    EXPECT_EQ(sni_, "mx1.example.com");  // STS-060
    ASSERT_TRUE(result.tls);
    EXPECT_EQ(result.tls->version, "TLSv1.3");
    EXPECT_EQ(result.tls->certificate_error, CertificateError::none);
    EXPECT_EQ(result.tls->chain_der.size(), 1U);
    ASSERT_TRUE(result.tls->certificate);
    EXPECT_EQ(result.tls->certificate->names.size(), 2U);
    EXPECT_EQ(result.banner, "mx1.example.com ESMTP");
    EXPECT_EQ(result.ehlo, "mx1.example.com");
    EXPECT_EQ(result.extensions, (std::vector<std::string>{"SIZE", "STARTTLS"}));
    EXPECT_EQ(result.local_address, ip("127.0.0.1"));
}

// STS-045, STS-046, STS-047
TEST_F(SmtpProbeTest, CertificatesThatDoNotCount) {
    const struct {
        const char* why = nullptr;
        CertificateOptions options;
        CertificateError expected = CertificateError::none;
    } cases[] = {
        {"wildcard for the host", {.names = {"*.example.com"}}, CertificateError::none},
        {"another host of the same pattern", {.names = {"mx2.example.com"}}, CertificateError::host_mismatch},
        {"the recipient domain", {.names = {"example.com"}}, CertificateError::host_mismatch},
        {"CN only", {.common_name = "mx1.example.com"}, CertificateError::host_mismatch},
        {"partial wildcard", {.names = {"mx*.example.com"}}, CertificateError::host_mismatch},
        {"expired", {.names = {"mx1.example.com"}, .not_before = -48h, .not_after = -1h}, CertificateError::expired},
        {"not yet valid", {.names = {"mx1.example.com"}, .not_before = 1h}, CertificateError::not_yet_valid},
        {"self-signed", {.names = {"mx1.example.com"}, .self_signed = true}, CertificateError::untrusted},
    };
    for (const auto& c : cases) {
        const SmtpProbeResult result = probe_certificate(c.options);
        const bool good = c.expected == CertificateError::none;
        EXPECT_EQ(result.failure, good ? SmtpFailure::none : SmtpFailure::certificate) << c.why << ": " << result.error;
        ASSERT_TRUE(result.tls) << c.why;
        EXPECT_EQ(result.tls->certificate_error, c.expected) << c.why;
        EXPECT_TRUE(result.tls->certificate) << "told also when it is bad: " << c.why;
        EXPECT_EQ(result.tls->chain_der.size(), 1U);
        EXPECT_EQ(result.error.empty(), good);
    }
}

TEST_F(SmtpProbeTest, NoStarttls) {
    std::string last;
    const SmtpProbeResult result = probe([&](Peer& peer) {
        greet(peer, "250-PIPELINING\r\n250 8BITMIME\r\n");
        last = peer.read_line();
        peer.send("221 bye\r\n");
    });
    EXPECT_EQ(result.failure, SmtpFailure::starttls_not_offered);
    EXPECT_FALSE(result.offered);
    EXPECT_FALSE(result.tls);
    EXPECT_EQ(last, "QUIT\r\n") << "never MAIL, least of all in clear text (STS-050)";
    EXPECT_EQ(result.extensions, (std::vector<std::string>{"PIPELINING", "8BITMIME"}));
}

TEST_F(SmtpProbeTest, StarttlsThatComesToNothing) {
    SmtpProbeResult result = probe([](Peer& peer) {
        greet(peer);
        (void)peer.read_line();
        peer.send("454 4.7.0 TLS not available\r\n");
        peer.wait_for_end();
    });
    EXPECT_EQ(result.failure, SmtpFailure::starttls_refused);
    EXPECT_TRUE(result.offered);
    EXPECT_EQ(result.error, "STARTTLS: 454 4.7.0 TLS not available");

    result = probe([](Peer& peer) {
        greet(peer);
        (void)peer.read_line();
        peer.send("220 go ahead\r\n");
        (void)peer.send("this is no TLS record, and whoever reads it as one fails\r\n");
    });
    EXPECT_EQ(result.failure, SmtpFailure::handshake) << result.error;

    result = probe([](Peer& peer) {
        greet(peer);
        (void)peer.read_line();
        peer.send("220 go ahead\r\n250 injected before the handshake\r\n");
        peer.wait_for_end();
    });
    EXPECT_EQ(result.failure, SmtpFailure::handshake);
    EXPECT_EQ(result.error, "data in clear text after the reply to STARTTLS");
    EXPECT_FALSE(result.tls);

    const CertificateAndKey certificate = ca_.issue("mx1.example.com");
    for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {  // STS-062
        result = probe([&](Peer& peer) {
            greet(peer);
            (void)peer.read_line();
            peer.send("220 go ahead\r\n");
            if (peer.start_tls(certificate, version, version)) {
                finish(peer);
            }
        });
        EXPECT_EQ(result.failure, version == TLS1_1_VERSION ? SmtpFailure::handshake : SmtpFailure::none)
            << result.error;
    }

    result = probe([&](Peer& peer) {  // TLS 1.3: the client is done, the server is not
        greet(peer);
        (void)peer.read_line();
        peer.send("220 go ahead\r\n");
        (void)peer.start_tls(certificate);
    });
    EXPECT_EQ(result.failure, SmtpFailure::handshake) << result.error;
    EXPECT_TRUE(result.tls);
}

TEST_F(SmtpProbeTest, HostsThatAreNotWhatTheySeem) {
    const struct {
        std::string greeting;
        SmtpFailure expected;
        std::string error;
    } cases[] = {
        {"554 5.7.1 go away\r\n", SmtpFailure::greeting, "greeting: 554 5.7.1 go away"},
        {"421 busy\r\n", SmtpFailure::greeting, "greeting: 421 busy"},
        {"SSH-2.0-OpenSSH\r\n", SmtpFailure::greeting, "greeting: not an SMTP reply: SSH-2.0-OpenSSH"},
        {"", SmtpFailure::greeting, "greeting: read: the server closed the connection"},
        {"220\x01 x\r\n", SmtpFailure::greeting, "greeting: not an SMTP reply: 220\\x01 x"},
        {std::string(10000, '2'), SmtpFailure::greeting, "greeting: a reply line of more than 4096 bytes"},
        {"220 a\r\n500 what is EHLO\r\n", SmtpFailure::ehlo, "EHLO: 500 what is EHLO"},
        {"220 a\r\n", SmtpFailure::closed, "EHLO: read: the server closed the connection"},
    };
    for (const auto& c : cases) {
        const SmtpProbeResult result = probe([&](Peer& peer) {
            peer.send(c.greeting);
            if (c.greeting.starts_with("220 a")) {
                (void)peer.read_line();
            }
        });
        EXPECT_EQ(result.failure, c.expected) << c.greeting.substr(0, 50) << result.error;
        EXPECT_EQ(result.error, c.error);
    }
    std::string endless = "220-hello\r\n";
    while (endless.size() < 8000) {
        endless += "220-more\r\n";
    }
    const SmtpProbeResult result = probe([&](Peer& peer) {
        peer.send(endless);
        peer.wait_for_end();
    });
    EXPECT_EQ(result.error, "greeting: a reply of more than 100 lines");
}

TEST_F(SmtpProbeTest, WhatTheServerSaysCannotDriveATerminal) {
    const SmtpProbeResult result = probe([](Peer& peer) {
        peer.send("220 \x1b[2Jhi\r\n");
        (void)peer.read_line();
        peer.send("250-mx\x07 x\r\n250 ODD\x1b\r\n");
        peer.wait_for_end();
    });
    EXPECT_EQ(result.banner, "\\x1b[2Jhi");
    EXPECT_EQ(result.ehlo, "mx\\x07");
    EXPECT_EQ(result.extensions.at(0).find('\x1b'), std::string::npos);
}

TEST_F(SmtpProbeTest, TimeoutsAtEveryStage) {
    const ScriptedServer silent([](Peer& peer) { peer.wait_for_end(); });
    SmtpProbeRequest request = request_to(silent.port());
    request.timeout = 100ms;
    SmtpProbeResult result = probe(request);
    EXPECT_EQ(result.failure, SmtpFailure::timeout);
    EXPECT_EQ(result.error, "greeting: read: timed out");

    const ScriptedServer drip([](Peer& peer) {  // a reply that never ends
        while (peer.send("220-x\r\n")) {
            std::this_thread::sleep_for(10ms);
        }
    });
    request = request_to(drip.port());
    request.timeout = 150ms;
    EXPECT_EQ(probe(request).failure, SmtpFailure::timeout);

    const ScriptedServer stuck([](Peer& peer) {
        greet(peer);
        (void)peer.read_line();
        peer.send("220 go ahead\r\n");
        peer.wait_for_end();
    });
    request = request_to(stuck.port());
    request.timeout = 150ms;
    result = probe(request);
    EXPECT_EQ(result.failure, SmtpFailure::timeout);
    EXPECT_EQ(result.error, "TLS handshake: timed out");
}

TEST_F(SmtpProbeTest, AddressesThatRefuse) {
    std::uint16_t closed_port = 0;
    { closed_port = listen_stream(ListenAddress::loopback())->local_address()->port; }
    EXPECT_EQ(probe(request_to(closed_port)).failure, SmtpFailure::connect);
    SmtpProbeRequest request = request_to(closed_port);
    request.guard = AddressGuard();
    const SmtpProbeResult result = probe(request);
    EXPECT_EQ(result.failure, SmtpFailure::refused_address);
    EXPECT_EQ(result.error, "127.0.0.1: not a global address");
}

// ---- delivery

class SmtpDeliveryTest : public ::testing::Test {
protected:
    [[nodiscard]] SmtpDelivery delivery_to(std::uint16_t port) const {
        SmtpDelivery delivery;
        delivery.host = mx;
        delivery.address = ip("127.0.0.1");
        delivery.port = port;
        delivery.ehlo_name = "sender.example";
        delivery.mail_from = "a@sender.example";
        delivery.recipients = {"b@example.com"};
        delivery.message = "Subject: x\r\n\r\n.begins with a dot\r\nend";
        delivery.trust = ca_.trust();
        delivery.guard = AddressGuard(NonGlobal::allow);
        return delivery;
    }
    SmtpDeliveryResult deliver(SmtpDelivery delivery) {
        SmtpDeliveryResult result;
        smtp_deliver(loop_, std::move(delivery), [&](SmtpDeliveryResult got) {
            result = std::move(got);
            loop_.stop();
        });
        testing::run_for(loop_);
        return result;
    }
    // A server that takes everything; commands and message are kept.
    void receive(Peer& peer, const std::string& rcpt_reply = "250 ok\r\n") {
        for (std::string line = peer.read_line(); !line.empty(); line = peer.read_line()) {
            commands_.push_back(line.substr(0, line.size() - 2));
            if (line.starts_with("DATA")) {
                peer.send("354 go\r\n");
                message_ = peer.read_until("\r\n.\r\n");
                peer.send("250 2.0.0 queued as 1\r\n");
            } else if (line.starts_with("EHLO")) {
                peer.send("250-mx1.example.com\r\n250 SIZE\r\n");
            } else if (line.starts_with("AUTH")) {
                peer.send("235 welcome\r\n");
            } else {
                peer.send(line.starts_with("RCPT") ? rcpt_reply : "250 ok\r\n");
            }
        }
    }
    std::function<void(Peer&)> with_tls(const CertificateOptions& options) {
        return [this, certificate = ca_.issue(options)](Peer& peer) {
            greet(peer);
            commands_.push_back(peer.read_line());
            peer.send("220 go\r\n");
            if (peer.start_tls(certificate)) {
                receive(peer);
            }
        };
    }

    TestCa ca_;
    Loop loop_;
    std::vector<std::string> commands_;
    std::string message_;
};

TEST_F(SmtpDeliveryTest, InClearTextWhereNothingElseIsOffered) {
    const ScriptedServer server([&](Peer& peer) {
        peer.send("220 x\r\n");
        receive(peer);
    });
    const SmtpDeliveryResult result = deliver(delivery_to(server.port()));
    EXPECT_EQ(result.failure, SmtpFailure::none) << result.error;
    EXPECT_EQ(result.reply, (SmtpReply{250, "2.0.0 queued as 1"}));
    EXPECT_EQ(message_, "Subject: x\r\n\r\n..begins with a dot\r\nend\r\n.\r\n");
    EXPECT_EQ(commands_, (std::vector<std::string>{"EHLO sender.example", "MAIL FROM:<a@sender.example> SIZE=37",
                                                   "RCPT TO:<b@example.com>", "DATA", "QUIT"}));
    EXPECT_FALSE(result.tls);
    EXPECT_FALSE(result.temporary());
}

TEST_F(SmtpDeliveryTest, LevelsDecideWhatMayBeSaid) {
    // STS-050, STS-057: before the level is satisfied no MAIL FROM is said.
    using Level = SmtpTlsPolicy::Level;
    const struct {
        const char* why = nullptr;
        Level level = Level::may;
        CertificateOptions options;
        SmtpFailure expected = SmtpFailure::none;
    } cases[] = {
        {"may takes any certificate", Level::may, {.self_signed = true}, SmtpFailure::none},
        {"encrypt takes any certificate", Level::encrypt, {.self_signed = true}, SmtpFailure::none},
        {"secure wants a valid one", Level::secure, {.names = {"mx1.example.com"}}, SmtpFailure::none},
        {"secure, self-signed",
         Level::secure,
         {.names = {"mx1.example.com"}, .self_signed = true},
         SmtpFailure::certificate},
        {"secure, other name", Level::secure, {.names = {"mx2.example.com"}}, SmtpFailure::certificate},
    };
    for (const auto& c : cases) {
        commands_.clear();
        const ScriptedServer server(with_tls(c.options));
        SmtpDelivery delivery = delivery_to(server.port());
        delivery.tls.level = c.level;
        const SmtpDeliveryResult result = deliver(delivery);
        EXPECT_EQ(result.failure, c.expected) << c.why << ": " << result.error;
        EXPECT_TRUE(result.tls) << c.why;
        const bool mailed = std::ranges::any_of(commands_, [](const auto& line) { return line.starts_with("MAIL"); });
        EXPECT_EQ(mailed, c.expected == SmtpFailure::none) << c.why;
        EXPECT_EQ(result.temporary(), c.expected != SmtpFailure::none);
    }
    for (const Level level : {Level::encrypt, Level::secure, Level::custom}) {
        commands_.clear();
        const ScriptedServer server([&](Peer& peer) {
            greet(peer, "250 SIZE\r\n");
            receive(peer);
        });
        SmtpDelivery delivery = delivery_to(server.port());
        delivery.tls.level = level;
        const SmtpDeliveryResult result = deliver(delivery);
        EXPECT_EQ(result.failure, SmtpFailure::starttls_not_offered);
        EXPECT_TRUE(result.temporary());
        EXPECT_EQ(commands_, (std::vector<std::string>{"QUIT"}));
    }
}

TEST_F(SmtpDeliveryTest, CustomVerificationAndNames) {
    const ScriptedServer server(with_tls({.names = {"mx.other.example"}, .self_signed = true}));
    SmtpDelivery delivery = delivery_to(server.port());
    delivery.tls.level = SmtpTlsPolicy::Level::custom;
    std::size_t seen = 0;
    delivery.tls.verify = [&](std::span<const Bytes> chain) -> Result<void> {
        seen = chain.size();
        return {};
    };
    EXPECT_EQ(deliver(delivery).failure, SmtpFailure::none);
    EXPECT_EQ(seen, 1U);
    delivery.tls.verify = [](std::span<const Bytes>) -> Result<void> {
        return Error{Errc::refused, "", "no TLSA matches"};
    };
    const SmtpDeliveryResult result = deliver(delivery);
    EXPECT_EQ(result.failure, SmtpFailure::certificate);
    EXPECT_EQ(result.error, "no TLSA matches");

    const ScriptedServer other(with_tls({.names = {"mx.other.example"}}));
    delivery = delivery_to(other.port());
    delivery.tls.level = SmtpTlsPolicy::Level::secure;
    delivery.tls.names = {name("nope.example"), name("mx.other.example")};
    EXPECT_EQ(deliver(delivery).failure, SmtpFailure::none);
}

TEST_F(SmtpDeliveryTest, RefusalsArePermanentOrNot) {
    const ScriptedServer server([&](Peer& peer) {
        peer.send("220 x\r\n");
        receive(peer, "550 5.1.1 no such user\r\n");
    });
    SmtpDeliveryResult result = deliver(delivery_to(server.port()));
    EXPECT_EQ(result.failure, SmtpFailure::recipient);
    EXPECT_EQ(result.error, "RCPT: 550 5.1.1 no such user");
    EXPECT_FALSE(result.temporary());
    ASSERT_EQ(result.recipients.size(), 1U);
    EXPECT_EQ(result.recipients[0].reply.code, 550);

    const ScriptedServer busy([](Peer& peer) {
        peer.send("421 later\r\n");
        peer.wait_for_end();
    });
    result = deliver(delivery_to(busy.port()));
    EXPECT_EQ(result.failure, SmtpFailure::greeting);
    EXPECT_TRUE(result.temporary());

    const ScriptedServer vanishing([](Peer& peer) {
        greet(peer, "250 SIZE\r\n");
        (void)peer.read_line();
    });
    result = deliver(delivery_to(vanishing.port()));
    EXPECT_EQ(result.failure, SmtpFailure::closed) << result.error;
    EXPECT_TRUE(result.temporary());
}

TEST_F(SmtpDeliveryTest, AddressesCannotSmuggleCommands) {
    const ScriptedServer server([&](Peer& peer) { receive(peer); });
    for (const char* evil : {"a@b>\r\nRCPT TO:<x@y", "a@b\n", "<a@b>", ""}) {
        SmtpDelivery delivery = delivery_to(server.port());
        delivery.recipients = {evil};
        EXPECT_EQ(deliver(delivery).failure, SmtpFailure::recipient) << evil;
    }
    SmtpDelivery delivery = delivery_to(server.port());
    delivery.mail_from = "a@b>\r\nDATA";
    EXPECT_EQ(deliver(delivery).failure, SmtpFailure::sender);
    EXPECT_EQ(server.connections(), 0);
}

TEST_F(SmtpDeliveryTest, LogsInAndSpeaksImplicitTls) {
    const CertificateAndKey certificate = ca_.issue("mx1.example.com");
    const ScriptedServer server([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            peer.send("220 x\r\n");
            receive(peer);
        }
    });
    SmtpDelivery delivery = delivery_to(server.port());
    delivery.transport = SmtpDelivery::Transport::implicit_tls;
    delivery.tls.level = SmtpTlsPolicy::Level::secure;
    delivery.login = {"user", "secret"};
    const SmtpDeliveryResult result = deliver(delivery);
    EXPECT_EQ(result.failure, SmtpFailure::none) << result.error;
    EXPECT_EQ(commands_.at(1), "AUTH PLAIN AHVzZXIAc2VjcmV0");
}

TEST(SubmissionUrl, Forms) {
    const auto plain = parse_submission_url("smtp://127.0.0.1:2525");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->host, "127.0.0.1");
    EXPECT_EQ(plain->port, 2525);
    EXPECT_FALSE(plain->login);
    EXPECT_EQ(parse_submission_url("smtp://mail.example/")->port, 25);
    EXPECT_EQ(parse_submission_url("submission://mail.example")->port, 587);
    const auto full = parse_submission_url("smtps://us%40er:p%3Aw@[::1]");
    ASSERT_TRUE(full);
    EXPECT_EQ(full->host, "::1");
    EXPECT_EQ(full->port, 465);
    EXPECT_EQ(full->transport, SmtpDelivery::Transport::implicit_tls);
    EXPECT_EQ(full->login, (std::pair<std::string, std::string>("us@er", "p:w")));
    for (const char* bad :
         {"", "127.0.0.1:25", "http://a/", "smtp://", "smtp://a:0", "smtp://a:70000", "smtp://a/x", "smtp://a?x"}) {
        EXPECT_FALSE(parse_submission_url(bad)) << bad;
    }
    EXPECT_EQ(parse_submission_url("smtp://u:secret@a/x").error().message().find("secret"), std::string::npos);
}

TEST(ConfiguredHost, LiteralsAndTheSystemsNames) {
    Loop loop;
    int left = 3;
    const auto check = [&](const char* host, auto expectation) {
        resolve_configured_host(loop, host, [&, expectation](const Result<std::vector<dns::IpAddress>>& found) {
            expectation(found);
            if (--left == 0) {
                loop.stop();
            }
        });
    };
    check("192.0.2.7", [](const auto& found) { EXPECT_EQ(found->at(0), ip("192.0.2.7")); });
    check("localhost", [](const auto& found) { EXPECT_TRUE(found && !found->empty()); });
    check("no such host", [](const auto& found) { EXPECT_EQ(found.error().code, Errc::temporary); });
    testing::run_for(loop);
}

}  // namespace
}  // namespace postseal::net
