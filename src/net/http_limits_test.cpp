// Slow clients, greedy clients, clients behind a balancer, and the end: who is let in, who gives way, who is answered.
#include <gtest/gtest.h>

#include <future>

#include "net/http_server.h"
#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::Client;
using namespace std::chrono_literals;

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

class HttpLimitsTest : public ::testing::Test {
protected:
    void start(HttpServerSettings settings = {}) {
        make(std::move(settings));
        const auto listening = server_->listen(ListenAddress::loopback());
        ASSERT_TRUE(listening) << listening.error().message();
        address_ = server_->addresses().front();
    }
    void make(HttpServerSettings settings) {
        server_ =
            std::make_unique<HttpServer>(loops_.all(), std::move(settings),
                                         [this](const HttpRequest& request, std::function<void(HttpResponse)> reply) {
                                             handler_(request, std::move(reply));
                                         });
    }
    [[nodiscard]] std::string answer_to(const std::string& bytes) const {
        Client client(address_);
        client.send(bytes);
        client.finish();
        const std::string response = client.read_all();
        return response.empty() ? "" : response.substr(response.find("\r\n\r\n") + 4);
    }

    LoopPool loops_{"http", 1};  // all connections on one, so that their order is known
    std::function<void(const HttpRequest&, std::function<void(HttpResponse)>)> handler_ = [](const HttpRequest& request,
                                                                                             const auto& reply) {
        reply(HttpResponse::text(200, request.peer ? request.peer->text() : "nobody"));
    };
    std::unique_ptr<HttpServer> server_;
    ListenAddress address_;
};

TEST_F(HttpLimitsTest, ABalancersHeaderNamesTheClient) {
    HttpServerSettings settings;
    settings.proxy_from = {AddressPrefix::parse("127.0.0.0/8").value()};
    start(settings);
    const std::string request(get);
    EXPECT_EQ(answer_to("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n" + request), "192.0.2.1");
    EXPECT_EQ(answer_to("PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n" + request), "2001:db8::7");
    EXPECT_EQ(answer_to("PROXY UNKNOWN\r\n" + request), "127.0.0.1") << "the balancer itself";
    const std::string v2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\0\0\0\0\0\1\0\2", 28);
    EXPECT_EQ(answer_to(v2 + request), "198.51.100.7");
    EXPECT_EQ(answer_to(request), "") << "without one it is not the balancer's connection";
    EXPECT_EQ(answer_to("PROXY TCP4 nobody\r\n" + request), "");
    EXPECT_EQ(server_->counters().bad_proxy_headers.load(), 2U);

    // In pieces.
    Client client(address_);
    for (const std::string_view piece : {"PRO", "XY TCP4 192.0.2.9 1.2", ".3.4 1 2\r", "\n"}) {
        client.send(piece);
        std::this_thread::sleep_for(5ms);
    }
    client.send(get);
    EXPECT_NE(client.read_until("192.0.2.9").find("200 OK"), std::string::npos);
}

TEST_F(HttpLimitsTest, NobodyElseMayForgeAnAddress) {
    HttpServerSettings settings;
    settings.proxy_from = {AddressPrefix::parse("10.0.0.0/8").value()};
    start(settings);
    EXPECT_EQ(answer_to(std::string(get)), "127.0.0.1");
    Client forger(address_);
    forger.send("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n");
    EXPECT_NE(forger.read_all().find(" 505 "), std::string::npos)
        << "a header is no request of a version that is spoken here";
}

TEST_F(HttpLimitsTest, AHeaderThatNeverEndsIsCutOff) {
    HttpServerSettings settings;
    settings.proxy_from = {AddressPrefix::parse("127.0.0.1").value()};
    settings.handshake_timeout = 200ms;
    start(settings);
    const Client client(address_);
    client.send("PROXY TCP4 ");
    EXPECT_TRUE(client.closed());
}

TEST_F(HttpLimitsTest, AClientHasSoManyConnections) {
    HttpServerSettings settings;
    settings.connections_per_address_max = 2;
    settings.proxy_from = {AddressPrefix::parse("127.0.0.1").value()};
    start(settings);
    const auto from = [&](const std::string& who) {
        auto client = std::make_unique<Client>(address_);
        client->send("PROXY TCP6 " + who + " 2001:db8::1 1 2\r\n" + std::string(get));
        return client;
    };
    const auto answered = [](Client& client) { return client.read_until("2001:").find("200 OK") != std::string::npos; };
    const auto first = from("2001:db8::7");
    const auto second = from("2001:db8::8");
    EXPECT_TRUE(answered(*first));
    EXPECT_TRUE(answered(*second));
    EXPECT_TRUE(from("2001:db8::9")->closed()) << "a third of the same /64";
    EXPECT_TRUE(answered(*from("2001:db8:0:1::7"))) << "another network is not concerned";
    EXPECT_EQ(server_->counters().refused_by_address.load(), 1U);
    second->close();
    for (int i = 0; i < 1000 && server_->connections() > 1; ++i) {
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_TRUE(answered(*from("2001:db8::9"))) << "there is room again";
}

TEST_F(HttpLimitsTest, WhoOnlyHoldsConnectionsGivesWay) {
    HttpServerSettings settings;
    settings.connections_max = 3;
    settings.idle_give_way = true;
    start(settings);
    std::promise<std::function<void(HttpResponse)>> taken;
    auto plain = std::exchange(handler_, [&](const HttpRequest&, auto reply) { taken.set_value(std::move(reply)); });
    Client working(address_);
    working.send(get);
    const auto reply = taken.get_future().get();
    handler_ = plain;
    Client oldest(address_);
    oldest.send("GET / HT");  // slowloris
    const Client second(address_);
    for (int i = 0; i < 1000 && server_->connections() < 3; ++i) {
        std::this_thread::sleep_for(5ms);
    }
    Client newcomer(address_);
    newcomer.send(get);
    EXPECT_NE(newcomer.read_until("127.0.0.1").find("200 OK"), std::string::npos);
    EXPECT_TRUE(oldest.closed()) << "it had waited longest";
    reply(HttpResponse::text(200, "done"));
    EXPECT_NE(working.read_until("done").find("200 OK"), std::string::npos) << "who is being answered stays";
    EXPECT_EQ(server_->counters().gave_way.load(), 1U);
    EXPECT_EQ(server_->counters().refused_full.load(), 0U);
}

TEST_F(HttpLimitsTest, AConnectionHasSoManyRequests) {
    HttpServerSettings settings;
    settings.requests_per_connection_max = 3;
    start(settings);
    Client client(address_);
    std::string many;
    for (int i = 0; i < 5; ++i) {
        many += get;
    }
    client.send(many);
    const std::string all = client.read_all();
    std::size_t count = 0;
    for (std::size_t at = all.find("200 OK"); at != std::string::npos; at = all.find("200 OK", at + 1)) {
        ++count;
    }
    EXPECT_EQ(count, 3U);
    EXPECT_NE(all.find("Connection: close"), std::string::npos) << "and the last answer says so";
}

TEST_F(HttpLimitsTest, DrainingAnswersWhoeverHasCome) {
    start();
    std::promise<std::function<void(HttpResponse)>> taken;
    auto plain = std::exchange(handler_, [&](const HttpRequest&, auto reply) { taken.set_value(std::move(reply)); });
    Client answering(address_);
    answering.send(get);
    const auto reply = taken.get_future().get();
    handler_ = plain;
    Client idle(address_);
    idle.send(get);
    ASSERT_NE(idle.read_until("127.0.0.1").find("200 OK"), std::string::npos);
    Client begun(address_);
    begun.send("GET / HT");
    Client silent(address_);
    for (int i = 0; i < 1000 && server_->connections() < 4; ++i) {
        std::this_thread::sleep_for(5ms);
    }
    auto drained = std::async(std::launch::async, [&] { server_->drain(20s); });
    EXPECT_TRUE(idle.closed()) << "between requests";
    begun.send("TP/1.1\r\nHost: a\r\n\r\n");
    const std::string late = begun.read_all();
    EXPECT_NE(late.find("200 OK"), std::string::npos);
    EXPECT_NE(late.find("Connection: close"), std::string::npos);
    silent.send(get);
    EXPECT_NE(silent.read_all().find("200 OK"), std::string::npos) << "it had connected before";
    EXPECT_EQ(drained.wait_for(0s), std::future_status::timeout);
    reply(HttpResponse::text(200, "done"));
    EXPECT_TRUE(answering.read_all().ends_with("done"));
    drained.get();
    EXPECT_EQ(server_->connections(), 0U);
    EXPECT_FALSE(Client(address_).connected());
}

TEST_F(HttpLimitsTest, DrainingEndsInTime) {
    start();
    const Client silent(address_);
    for (int i = 0; i < 1000 && server_->connections() < 1; ++i) {
        std::this_thread::sleep_for(5ms);
    }
    server_->drain(50ms);
    EXPECT_TRUE(silent.closed());
}

// Socket activation: between two servers the kernel keeps the clients.
TEST_F(HttpLimitsTest, AnAdoptedSocketOutlivesTheServer) {
    Socket listening = listen_stream(ListenAddress::loopback()).value();
    address_ = listening.local_address().value();
    const auto hand_over = [&] { return Socket(::dup(listening.fd())); };
    make({});
    ASSERT_TRUE(server_->adopt(hand_over()));
    EXPECT_EQ(server_->addresses().front(), address_);
    EXPECT_EQ(answer_to(std::string(get)), "127.0.0.1");
    server_->drain(5s);
    server_.reset();
    Client between(address_);
    ASSERT_TRUE(between.connected());
    between.send(get);
    make({});
    ASSERT_TRUE(server_->adopt(hand_over()));
    EXPECT_NE(between.read_until("127.0.0.1").find("200 OK"), std::string::npos);
}

}  // namespace
}  // namespace postseal::net
