#include "net/smtp_server.h"

#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "net/smtp_client.h"
#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::Client;
using testing::ip;
using testing::name;
using testing::TestCa;
using namespace std::chrono_literals;

class SmtpServerTest : public ::testing::Test {
protected:
    void start(SmtpServerSettings settings = {}) {
        settings.host_name = "mx.example";
        server_ = std::make_unique<SmtpServer>(loops_.all(), std::move(settings),
                                               [this](ReceivedMessage message, auto answer) {
                                                   {
                                                       const std::lock_guard lock(mutex_);
                                                       received_.push_back(std::move(message));
                                                   }
                                                   handler_(answer);
                                               });
        ASSERT_TRUE(server_->listen(ListenAddress::loopback()));
        address_ = server_->addresses().front();
    }
    // All that the server says to these bytes, sent at once.
    [[nodiscard]] std::string talk(std::string_view bytes) const {
        Client client(address_);
        client.send(bytes);
        client.finish();
        return client.read_all();
    }

    LoopPool loops_{"smtp", 2};
    std::function<void(const std::function<void(SmtpAnswer)>&)> handler_ = [](const auto& answer) { answer({}); };
    std::mutex mutex_;
    std::vector<ReceivedMessage> received_;
    std::unique_ptr<SmtpServer> server_;
    ListenAddress address_;
};

TEST_F(SmtpServerTest, TakesAPipelinedSession) {
    start();
    const std::string said = talk(
        "EHLO client.example\r\nMAIL FROM:<a@x.example> SIZE=10\r\nRCPT TO:<b@y.example>\r\nrcpt "
        "to:<@route:c@y.example>\r\n"
        "DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<\"odd> "
        "one\"@y.example>\r\nDATA\r\n.\r\nQUIT\r\n");
    EXPECT_TRUE(said.starts_with("220 mx.example ESMTP Postseal\r\n250-mx.example\r\n")) << said;
    EXPECT_EQ(said.find("STARTTLS"), std::string::npos);
    EXPECT_TRUE(said.ends_with("250 2.0.0 OK\r\n221 2.0.0 bye\r\n")) << said;
    ASSERT_EQ(received_.size(), 2U);
    EXPECT_EQ(received_[0].mail_from, "a@x.example");
    EXPECT_EQ(received_[0].recipients, (std::vector<std::string>{"b@y.example", "c@y.example"}));
    EXPECT_EQ(received_[0].data, "Subject: x\r\n\r\n.dot\r\n");
    EXPECT_EQ(received_[0].helo, "client.example");
    EXPECT_EQ(received_[0].peer, ip("127.0.0.1"));
    EXPECT_FALSE(received_[0].tls);
    EXPECT_EQ(received_[1].mail_from, "");
    EXPECT_EQ(received_[1].recipients, (std::vector<std::string>{"\"odd> one\"@y.example"}));
    EXPECT_EQ(received_[1].data, "");
}

TEST_F(SmtpServerTest, WrongCommandsAreToldWhyAndTheSessionGoesOn) {
    start();
    const struct {
        const char* commands;
        const char* reply;
    } cases[] = {
        {"HELLO x", "500 5.5.1 command not recognized"},
        {"EHLO", "501 5.5.4 a name is needed"},
        {"LHLO x", "500 5.5.1 this is SMTP: say EHLO"},
        {"MAIL FROM:<a@b>", "503 5.5.1 say hello first"},
        {"EHLO x\r\nRCPT TO:<a@b>", "503 5.5.1 MAIL first"},
        {"EHLO x\r\nMAIL FROM:a@b", "501 5.5.4 MAIL FROM:<address>"},
        {"EHLO x\r\nMAIL FROM:<a@b", "501 5.5.4 MAIL FROM:<address>"},
        {"EHLO x\r\nMAIL TO:<a@b>", "501 5.5.4 MAIL FROM:<address>"},
        {"EHLO x\r\nMAIL FROM:<a@b> SIZE=99999999999999999999", "552 5.3.4 larger than 26214400 bytes"},
        {"EHLO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>", "503 5.5.1 one sender at a time"},
        {"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>", "501 5.5.4 RCPT TO:<address>"},
        {"EHLO x\r\nMAIL FROM:<a@b>\r\nDATA", "503 5.5.1 no valid recipients"},
        {"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nRSET\r\nDATA", "503 5.5.1 no valid recipients"},
        {"STARTTLS", "502 5.5.1 no TLS here"},
        {"VRFY a", "252 2.1.5 try to deliver"},
        {"", "500 5.5.1 command not recognized"},
    };
    for (const auto& c : cases) {
        const std::string said = talk(std::string(c.commands) + "\r\nNOOP\r\n");
        EXPECT_TRUE(said.ends_with(std::string(c.reply) + "\r\n250 2.0.0 OK\r\n")) << c.commands << "\n" << said;
    }
    EXPECT_TRUE(received_.empty());
    EXPECT_NE(talk(std::string(5000, 'x')).find("500 5.5.2 line too long"), std::string::npos);
    std::string nonsense;
    for (int i = 0; i < 50; ++i) {
        nonsense += "nonsense\r\n";
    }
    EXPECT_TRUE(talk(nonsense).ends_with("421 mx.example too many errors\r\n"));
}

TEST_F(SmtpServerTest, OnlyCrlfDotCrlfEndsAMessage) {
    start();
    const std::string envelope = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    for (const char* smuggled : {"\n.\nMAIL FROM:<evil@x>\r\n", "\n.\r\nMAIL FROM:<evil@x>\r\n",
                                 "\r.\rMAIL FROM:<evil@x>\r\n", "\r\n.\nMAIL FROM:<evil@x>\r\n"}) {
        received_.clear();
        (void)talk(envelope + "text" + smuggled + "\r\n.\r\nQUIT\r\n");
        ASSERT_EQ(received_.size(), 1U) << smuggled;
        EXPECT_NE(received_[0].data.find("evil"), std::string::npos);
    }
    received_.clear();
    (void)talk(envelope + "cut short");
    EXPECT_TRUE(received_.empty());
}

TEST_F(SmtpServerTest, SizesOfMessagesAndLines) {
    SmtpServerSettings settings;
    settings.message_bytes_max = 100'000;
    start(settings);
    const std::string envelope = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    const std::string long_line(99'998, 'x');
    (void)talk(envelope + long_line + "\r\n.\r\n");
    ASSERT_EQ(received_.size(), 1U);
    EXPECT_EQ(received_[0].data, long_line + "\r\n");
    const std::string said = talk(envelope + "x" + long_line + "\r\n.\r\nNOOP\r\n");
    EXPECT_TRUE(said.ends_with("552 5.3.4 larger than 100000 bytes\r\n250 2.0.0 OK\r\n")) << said;
    EXPECT_EQ(received_.size(), 1U);
    // Dots wherever the reads happen to cut.
    std::string dots;
    for (int i = 0; i < 20'000; ++i) {
        dots += "..\r\n";
    }
    (void)talk(envelope + dots + ".\r\n");
    ASSERT_EQ(received_.size(), 2U);
    EXPECT_EQ(received_[1].data.size(), 60'000U);
}

TEST_F(SmtpServerTest, AnswersComeFromTheHandler) {
    SmtpServerSettings settings;
    settings.accept_sender = [](const std::string& sender) {
        return sender == "spam@x" ? SmtpAnswer{550, "5.7.1 no\r\n250 forged"} : SmtpAnswer{};
    };
    settings.accept_recipient = [](const std::string& recipient) {
        return recipient == "known@y" ? SmtpAnswer{} : SmtpAnswer{550, "5.1.1 unknown"};
    };
    settings.recipients_max = 1;
    start(settings);
    WorkPool work("work", 1);
    handler_ = [&](const auto& answer) { work.submit([answer] { answer({451, "4.3.0 database is down"}); }); };
    const std::string said = talk(
        "EHLO x\r\nMAIL FROM:<spam@x>\r\nMAIL FROM:<a@x>\r\nRCPT TO:<unknown@y>\r\nRCPT TO:<known@y>\r\nRCPT "
        "TO:<known@y>\r\n"
        "DATA\r\nx\r\n.\r\nQUIT\r\n");
    EXPECT_NE(
        said.find("550 5.7.1 no\\x0d\\x0a250 forged\r\n250 2.0.0 OK\r\n550 5.1.1 unknown\r\n250 2.0.0 OK\r\n452 4.5.3"),
        std::string::npos)
        << said;
    EXPECT_TRUE(said.ends_with("451 4.3.0 database is down\r\n221 2.0.0 bye\r\n")) << said;
    ASSERT_EQ(received_.size(), 1U);
    EXPECT_EQ(received_[0].recipients.size(), 1U);

    handler_ = [](const auto&) {};  // forgets to answer
    EXPECT_NE(talk("EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<known@y>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
                  .find("451 4.3.0 no answer"),
              std::string::npos);
}

TEST_F(SmtpServerTest, LmtpAnswersForEveryRecipient) {
    SmtpServerSettings settings;
    settings.protocol = SmtpServerSettings::Protocol::lmtp;
    start(settings);
    const std::string path = ::testing::TempDir() + "postseal-lmtp-" + std::to_string(getpid());
    ASSERT_TRUE(server_->listen(ListenAddress::unix_path(path)));
    Client client(ListenAddress::unix_path(path));
    client.send("LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
    const std::string said = client.read_all();
    EXPECT_TRUE(said.ends_with("<CRLF>.<CRLF>\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n221 2.0.0 bye\r\n")) << said;
    EXPECT_FALSE(received_.at(0).peer);
    EXPECT_NE(talk("EHLO x\r\n").find("500 5.5.1 this is LMTP: say LHLO"), std::string::npos);
}

TEST_F(SmtpServerTest, SlowClientsAndTooManyOfThem) {
    SmtpServerSettings settings;
    settings.command_timeout = 50ms;
    settings.connections_max = 2;
    start(settings);
    Client first(address_);
    Client second(address_);
    EXPECT_EQ(first.read_until("\n").substr(0, 3), "220");
    EXPECT_EQ(second.read_until("\n").substr(0, 3), "220");
    Client third(address_);
    EXPECT_EQ(third.read_all(), "421 mx.example too many connections, try again later\r\n");
    EXPECT_TRUE(first.closed());
    EXPECT_TRUE(second.closed());
}

TEST_F(SmtpServerTest, StartsTlsAndForgetsWhatWasSaidBefore) {
    const TestCa ca;
    const auto store = std::make_shared<CertificateStore>();
    ASSERT_TRUE(store->set(name("mx.example"), ca.issue("mx.example")));
    TlsSettings tls;
    tls.unknown_name = TlsSettings::UnknownName::fallback;
    tls.fallback = name("mx.example");
    tls.alpn_http = false;
    SmtpServerSettings settings;
    settings.tls = *TlsContext::make(store, tls);
    settings.require_tls = true;
    start(settings);
    EXPECT_NE(talk("EHLO x\r\nMAIL FROM:<a@b>\r\n").find("530 5.7.0 say STARTTLS first"), std::string::npos);
    const std::string injected = talk("EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n");
    EXPECT_TRUE(injected.ends_with("421 4.7.0 nothing may follow STARTTLS\r\n")) << injected;

    Loop loop;
    SmtpDelivery delivery;
    delivery.host = name("mx.example");
    delivery.address = ip("127.0.0.1");
    delivery.port = address_.port;
    delivery.guard = AddressGuard(NonGlobal::allow);
    delivery.trust = ca.trust();
    delivery.tls.level = SmtpTlsPolicy::Level::secure;
    delivery.mail_from = "a@b.example";
    delivery.recipients = {"c@d.example"};
    delivery.message = "Subject: x\r\n\r\n.\r\n";
    SmtpDeliveryResult result;
    smtp_deliver(loop, delivery, [&](SmtpDeliveryResult got) {
        result = std::move(got);
        loop.stop();
    });
    testing::run_for(loop);
    EXPECT_EQ(result.failure, SmtpFailure::none) << result.error;
    ASSERT_EQ(received_.size(), 1U);
    EXPECT_TRUE(received_[0].tls);
    EXPECT_EQ(received_[0].tls_version, "TLSv1.3");
    EXPECT_EQ(received_[0].sni, "mx.example");
    EXPECT_EQ(received_[0].data, "Subject: x\r\n\r\n.\r\n");

    SmtpProbeRequest request;
    request.host = name("other.example");
    request.address = ip("127.0.0.1");
    request.port = address_.port;
    request.guard = AddressGuard(NonGlobal::allow);
    request.trust = ca.trust();
    SmtpProbeResult probed;
    smtp_probe(loop, request, [&](SmtpProbeResult got) {
        probed = std::move(got);
        loop.stop();
    });
    testing::run_for(loop);
    EXPECT_EQ(probed.failure, SmtpFailure::certificate) << "the fallback's certificate, not an alert";
    EXPECT_EQ(probed.tls->certificate_error, CertificateError::host_mismatch);
}

TEST_F(SmtpServerTest, DestructionDropsSessions) {
    start();
    std::promise<std::function<void(SmtpAnswer)>> taken;
    handler_ = [&](const auto& answer) { taken.set_value(answer); };
    Client client(address_);
    client.send("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n");
    const auto answer = taken.get_future().get();
    server_.reset();
    EXPECT_EQ(client.read_all().find("250 2.0.0 OK"), std::string::npos);
    answer({});
}

}  // namespace
}  // namespace postseal::net
