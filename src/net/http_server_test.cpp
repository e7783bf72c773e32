#include "net/http_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>

#include "net/http_message.h"
#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::Client;
using namespace std::chrono_literals;

class HttpServerTest : public ::testing::Test {
protected:
    void start(HttpServerSettings settings = {}) {
        server_ = std::make_unique<HttpServer>(loops_.all(), std::move(settings),
                                               [this](HttpRequest request, std::function<void(HttpResponse)> reply) {
                                                   handler_(std::move(request), std::move(reply));
                                               });
        const auto listening = server_->listen(ListenAddress::loopback());
        ASSERT_TRUE(listening) << listening.error().message();
        address_ = server_->addresses().front();
    }
    // Sends `bytes` on a connection of its own, then closes the sending side.
    [[nodiscard]] std::string exchange(std::string_view bytes) const {
        Client client(address_);
        client.send(bytes);
        client.finish();
        return client.read_all();
    }
    static std::string status_of(const std::string& response) { return response.substr(0, response.find("\r\n")); }
    static std::string body_of(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }

    LoopPool loops_{"http", 2};
    // Echoes what it understood.
    std::function<void(HttpRequest, std::function<void(HttpResponse)>)> handler_ = [](HttpRequest request, auto reply) {
        reply(HttpResponse::text(200, request.method + " " + request.path + " " + request.query + " " + request.host() +
                                          " " + std::to_string(request.body.size()) + "\n"));
    };
    std::unique_ptr<HttpServer> server_;
    std::function<void(HttpResponse)> held_;
    ListenAddress address_;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
    start();
    Client client(address_);
    client.send("GET /a%20b?x=1 HTTP/1.1\r\nHost: Example.COM:80\r\n\r\n");
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_EQ(status_of(head), "HTTP/1.1 200 OK");
    EXPECT_NE(head.find("\r\nContent-Type: text/plain; charset=utf-8\r\n"), std::string::npos);
    EXPECT_NE(head.find("\r\nDate: "), std::string::npos);
    EXPECT_EQ(head.find("Connection"), std::string::npos);
    EXPECT_EQ(client.read_until("\n"), "GET /a b x=1 example.com 0\n");
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345");
    EXPECT_EQ(client.read_until("5\n").substr(0, 15), "HTTP/1.1 200 OK");
    client.send(
        "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    EXPECT_TRUE(client.read_all().ends_with("POST /p  h 3\n"));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
    start();
    std::string sent;
    for (int i = 0; i < 50; ++i) {
        sent += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    }
    const std::string all = exchange(sent);
    std::size_t at = 0;
    for (int i = 0; i < 50; ++i) {
        at = all.find("GET /" + std::to_string(i) + "  h 0\n", at);
        ASSERT_NE(at, std::string::npos) << i;
    }
}

TEST_F(HttpServerTest, HeadAndStatusesWithoutBody) {
    start();
    const std::string head = exchange("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_NE(head.find("Content-Length: 12\r\n"), std::string::npos) << head;
    EXPECT_EQ(body_of(head), "");
    handler_ = [](const HttpRequest&, auto reply) { reply(HttpResponse::text(304, "never sent")); };
    const std::string not_modified = exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(body_of(not_modified), "");
    EXPECT_EQ(not_modified.find("Content-Length"), std::string::npos);
    handler_ = [](const HttpRequest&, auto reply) {
        HttpResponse response;
        response.headers = {{"X", "a\r\nSet-Cookie: evil"}, {"Y", "fine"}};
        reply(response);
    };
    const std::string injected = exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(injected.find("evil"), std::string::npos);
    EXPECT_NE(injected.find("Y: fine"), std::string::npos);
}

TEST_F(HttpServerTest, BadRequestsAreToldWhy) {
    start();
    const struct {
        const char* why;
        std::string request;
        const char* status;
    } cases[] = {
        {"not HTTP", "hello\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"TLS on a plain port", std::string("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", 15),
         "HTTP/1.1 400 Bad Request"},
        {"no Host", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported"},
        {"climbing", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"climbing, encoded", "GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"climbing, slash encoded", "GET /a/..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"NUL", "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"half an escape", "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"length and chunked",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "HTTP/1.1 400 Bad Request"},
        {"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
         "HTTP/1.1 400 Bad Request"},
        {"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", "HTTP/1.1 400 Bad Request"},
        {"bad chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "HTTP/1.1 400 Bad Request"},
        {"blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
    };
    for (const auto& c : cases) {
        const std::string response = exchange(c.request + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_EQ(status_of(response), c.status) << c.why;
        EXPECT_EQ(response.find("/next"), std::string::npos) << "the connection ends: " << c.why;
    }
    EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), "HTTP/1.1 200 OK") << "and the server goes on";
    EXPECT_EQ(body_of(exchange("GET http://a.example/x?y HTTP/1.1\r\nHost: a\r\n\r\n")), "GET /x y a 0\n")
        << "absolute-form";
    EXPECT_EQ(body_of(exchange("GET /old HTTP/1.0\r\n\r\n")), "GET /old   0\n");
    EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: a\r\n"), "") << "cut short";
}

TEST_F(HttpServerTest, Limits) {
    HttpServerSettings settings;
    settings.header_bytes_max = 2000;
    settings.body_bytes_max = 100;
    settings.body_bytes_max_for = [](const HttpRequest& head) -> std::size_t {
        return head.path == "/big" ? 100'000 : 100;
    };
    start(settings);
    EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(3000, 'x') + "\r\n\r\n")),
              "HTTP/1.1 431 Request Header Fields Too Large");
    const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
    EXPECT_EQ(status_of(exchange(post + "Content-Length: 100\r\n\r\n" + std::string(100, 'x'))), "HTTP/1.1 200 OK");
    const std::string announced = exchange(post + "Content-Length: 101\r\n\r\n" + std::string(101, 'x'));
    EXPECT_EQ(status_of(announced), "HTTP/1.1 413 Content Too Large");
    EXPECT_EQ(body_of(announced), "the body is larger than 100 bytes\n");
    const std::string chunk = "40\r\n" + std::string(64, 'x') + "\r\n";
    EXPECT_EQ(status_of(exchange(post + "Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk + "0\r\n\r\n")),
              "HTTP/1.1 413 Content Too Large");
    EXPECT_EQ(
        body_of(exchange("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + std::string(90'000, 'x'))),
        "POST /big  a 90000\n");
}

TEST_F(HttpServerTest, ExpectContinue) {
    start();
    Client client(address_);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    EXPECT_TRUE(client.read_until("3\n").starts_with("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, SlowClientsAreNotWaitedForForEver) {
    HttpServerSettings settings;
    settings.header_timeout = 50ms;
    settings.body_timeout = 50ms;
    settings.keep_alive_timeout = 50ms;
    start(settings);
    const Client idle(address_);
    const Client slow_header(address_);
    slow_header.send("GET / HT");
    const Client slow_body(address_);
    slow_body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
    EXPECT_TRUE(idle.closed());
    EXPECT_TRUE(slow_header.closed());
    EXPECT_TRUE(slow_body.closed());
}

TEST_F(HttpServerTest, HandlersAnswerLateFromElsewhereOrNever) {
    HttpServerSettings settings;
    settings.handler_timeout = 100ms;
    start(settings);
    WorkPool work("work", 1);
    handler_ = [&](const HttpRequest& request, auto reply) {
        if (request.path == "/work") {
            work.submit([reply] {
                reply(HttpResponse::text(200, "from another thread"));
                reply(HttpResponse::text(200, "a second answer is ignored"));
            });
        } else if (request.path == "/hold") {
            held_ = reply;
        }  // else dropped
    };
    EXPECT_EQ(body_of(exchange("GET /work HTTP/1.1\r\nHost: a\r\n\r\n")), "from another thread");
    EXPECT_EQ(status_of(exchange("GET /drop HTTP/1.1\r\nHost: a\r\n\r\n")), "HTTP/1.1 500 Internal Server Error");
    EXPECT_EQ(status_of(exchange("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")), "HTTP/1.1 503 Service Unavailable");
    held_(HttpResponse::text(200, "too late"));
}

TEST_F(HttpServerTest, StreamsUntilEitherSideEnds) {
    start();
    std::promise<std::shared_ptr<HttpStream>> opened;
    std::promise<void> gone;
    handler_ = [&](const HttpRequest&, auto reply) {
        HttpResponse response;
        response.headers = {{"Content-Type", "text/event-stream"}};
        response.stream = [&](std::shared_ptr<HttpStream> stream) {
            stream->send("data: 1\n\n");
            stream->on_close([&] { gone.set_value(); });
            opened.set_value(std::move(stream));
        };
        reply(response);
    };
    {
        Client client(address_);
        client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
        EXPECT_EQ(client.read_until("\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
        const auto stream = opened.get_future().get();
        EXPECT_TRUE(stream->send("data: 2\n\n"));
        EXPECT_EQ(client.read_until("\n\n\r\n"), "9\r\ndata: 2\n\n\r\n");
        client.close();
        gone.get_future().wait();
        EXPECT_TRUE(stream->closed());
        EXPECT_FALSE(stream->send("into the void"));
    }
    opened = {};
    gone = {};
    Client client(address_);
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto stream = opened.get_future().get();
    stream->close();
    EXPECT_TRUE(client.read_all().ends_with("0\r\n\r\n")) << "ended by us, and said so";
    gone.get_future().wait();
}

TEST_F(HttpServerTest, AStreamNobodyReadsEnds) {
    start();
    std::promise<std::shared_ptr<HttpStream>> opened;
    handler_ = [&](const HttpRequest&, auto reply) {
        HttpResponse response;
        response.stream = [&](std::shared_ptr<HttpStream> stream) { opened.set_value(std::move(stream)); };
        reply(response);
    };
    const Client client(address_);
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto stream = opened.get_future().get();
    const std::string block(100'000, 'x');
    int blocks = 0;
    while (stream->send(block) && blocks < 10'000) {
        ++blocks;
    }
    EXPECT_LT(blocks, 10'000);
    EXPECT_TRUE(stream->closed());
}

TEST_F(HttpServerTest, StopsWithoutCuttingAnswersAndDestructionDropsTheRest) {
    start();
    std::promise<std::function<void(HttpResponse)>> taken;
    handler_ = [&](const HttpRequest&, auto reply) { taken.set_value(reply); };
    const Client idle(address_);
    Client busy(address_);
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto reply = taken.get_future().get();
    server_->stop();
    EXPECT_TRUE(idle.closed());
    EXPECT_FALSE(Client(address_).connected());
    reply(HttpResponse::text(200, "still answered"));
    const std::string response = busy.read_all();
    EXPECT_NE(response.find("Connection: close"), std::string::npos);
    EXPECT_TRUE(response.ends_with("still answered"));

    taken = {};
    start();
    Client dropped(address_);
    dropped.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto late = taken.get_future().get();
    server_.reset();
    EXPECT_EQ(dropped.read_all(), "");
    late(HttpResponse::text(200, "into the void"));
}

TEST_F(HttpServerTest, UnixSocketsAndConnectionLimit) {
    HttpServerSettings settings;
    settings.connections_max = 3;
    start(settings);
    const std::string path = ::testing::TempDir() + "postseal-http-" + std::to_string(getpid());
    ASSERT_TRUE(server_->listen(ListenAddress::unix_path(path), nullptr, 0600));
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    handler_ = [](const HttpRequest& request, auto reply) {
        reply(HttpResponse::text(200, request.peer ? "ip" : "unix"));
    };
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<Client>(ListenAddress::unix_path(path)));
        clients.back()->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_NE(clients.back()->read_until("unix").find("200 OK"), std::string::npos);
    }
    EXPECT_TRUE(Client(address_).closed());
    const auto taken = server_->listen(address_);
    ASSERT_FALSE(taken);
    EXPECT_NE(taken.error().message().find("already in use"), std::string::npos);
}

TEST(HttpMessage, PathsParametersAndHosts) {
    HttpRequest request;
    ASSERT_TRUE(set_target(request, "/%D0%B0/b?x=1&y=a+b%21&flag&bad=%zz"));
    EXPECT_EQ(request.path, "/\xd0\xb0/b");
    EXPECT_EQ(request.parameter("x"), "1");
    EXPECT_EQ(request.parameter("y"), "a b!");
    EXPECT_EQ(request.parameter("flag"), "");
    EXPECT_EQ(request.parameter("bad"), std::nullopt);
    EXPECT_EQ(request.parameter("none"), std::nullopt);
    for (const auto& [value, host] : {std::pair("EXAMPLE.com:8080", "example.com"),
                                      {"example.com.", "example.com"},
                                      {"[::1]:80", "[::1]"},
                                      {"", ""}}) {
        request.headers = {{"host", value}};
        EXPECT_EQ(request.host(), host);
    }
}

}  // namespace
}  // namespace postseal::net
