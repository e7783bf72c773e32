#include "net/stream_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <thread>

#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::Client;

// Lines: "quit" closes, "later…" is answered by whoever took the handle, the rest is echoed.
class Lines final : public StreamProtocol {
public:
    explicit Lines(std::function<void(StreamResume, std::string)> later) : later_(std::move(later)) {}
    Progress receive(std::string_view input, std::string& out, const StreamResume& resume) override {
        Progress progress;
        for (std::size_t end = input.find('\n'); end != std::string_view::npos;
             end = input.find('\n', progress.consumed)) {
            const std::string_view line = input.substr(progress.consumed, end - progress.consumed);
            progress.consumed = end + 1;
            if (line == "quit") {
                out += "bye\n";
                progress.next = Next::close;
                return progress;
            }
            if (line.starts_with("later")) {
                progress.next = Next::later;
                later_(resume, std::string(line));
                return progress;
            }
            if (line == "big") {
                out.append(std::size_t{8} << 20, 'x');
            }
            out.append(line).push_back('\n');
        }
        return progress;
    }

private:
    std::function<void(StreamResume, std::string)> later_;
};

class StreamServerTest : public ::testing::Test {
protected:
    void start(StreamServerSettings settings = {}) {
        server_ = std::make_unique<StreamServer>(pollers_, settings, [this](auto peer) {
            last_peer_was_ip_ = peer.has_value();
            return std::make_unique<Lines>([this](StreamResume resume, std::string line) { later_(resume, line); });
        });
        ASSERT_TRUE(server_->listen(ListenAddress::loopback()));
        address_ = server_->addresses().front();
    }

    PollerPool pollers_{"stream", 2};
    std::function<void(StreamResume, std::string)> later_ = [](const StreamResume& resume, const std::string& line) {
        resume("answer to " + line + "\n");
    };
    std::atomic<bool> last_peer_was_ip_ = false;
    std::unique_ptr<StreamServer> server_;
    ListenAddress address_;
};

TEST_F(StreamServerTest, AnswersInOrderHoweverTheInputIsCut) {
    start();
    Client client(address_);
    client.send("a\nb\nlater 1\nc\nlat");
    EXPECT_EQ(client.read_until("c\n"), "a\nb\nanswer to later 1\nc\n");
    client.send("er 2\nd\nquit\nignored\n");
    EXPECT_EQ(client.read_all(), "answer to later 2\nd\nbye\n");
    EXPECT_TRUE(last_peer_was_ip_);
}

TEST_F(StreamServerTest, PipelinesManyRequests) {
    start();
    std::string sent;
    for (int i = 0; i < 20000; ++i) {
        sent += std::to_string(i) + (i % 1000 == 0 ? "" : " request") + "\n";
    }
    Client client(address_);
    std::thread writer([&] {
        client.send(sent);
        client.finish();
    });
    EXPECT_EQ(client.read_all(), sent);
    writer.join();
}

TEST_F(StreamServerTest, AReaderThatIsSlowGetsEverything) {
    start();
    Client client(address_);
    client.send("big\nquit\n");
    const std::string all = client.read_all();
    EXPECT_EQ(all.size(), (std::size_t{8} << 20) + 8);
    EXPECT_TRUE(all.ends_with("xbig\nbye\n"));
}

TEST_F(StreamServerTest, AHalfClosedClientStillGetsItsAnswer) {
    std::promise<StreamResume> taken;
    later_ = [&](const StreamResume& resume, const std::string&) { taken.set_value(resume); };
    start();
    Client client(address_);
    client.send("later\nafter\n");
    client.finish();
    const StreamResume resume = taken.get_future().get();
    resume("now\n");
    EXPECT_EQ(client.read_all(), "now\nafter\n");
    resume("into the void");  // the connection has gone
}

TEST_F(StreamServerTest, AResumeOutlivesConnectionAndServer) {
    std::promise<StreamResume> taken;
    later_ = [&](const StreamResume& resume, const std::string&) { taken.set_value(resume); };
    start();
    Client client(address_);
    client.send("later\n");
    const StreamResume resume = taken.get_future().get();
    server_.reset();
    EXPECT_TRUE(client.closed());
    resume("into the void");
}

TEST_F(StreamServerTest, EndlessInputWithoutARequestEndsTheConnection) {
    StreamServerSettings settings;
    settings.input_bytes_max = 1000;
    start(settings);
    const Client client(address_);
    client.send(std::string(2000, 'x'));
    EXPECT_TRUE(client.closed());
}

TEST_F(StreamServerTest, IdleConnectionsAndLostAnswersEnd) {
    later_ = [](const StreamResume&, const std::string&) {};
    StreamServerSettings settings;
    settings.idle_timeout = std::chrono::seconds(0);
    settings.later_timeout = std::chrono::seconds(0);
    start(settings);
    const Client idle(address_);
    const Client waiting(address_);
    waiting.send("later\n");
    const Client drip(address_);
    drip.send("half a requ");
    EXPECT_TRUE(idle.closed());
    EXPECT_TRUE(waiting.closed());
    EXPECT_TRUE(drip.closed());
    EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(StreamServerTest, TooManyConnectionsAreClosedAtOnce) {
    StreamServerSettings settings;
    settings.connections_max = 1;  // of each of two pollers
    start(settings);
    std::vector<std::unique_ptr<Client>> clients;
    int alive = 0;
    for (int i = 0; i < 12; ++i) {
        clients.push_back(std::make_unique<Client>(address_));
        clients.back()->send("x\n");
        alive += clients.back()->read_until("\n") == "x\n" ? 1 : 0;
    }
    EXPECT_GE(alive, 1);
    EXPECT_LE(alive, 2);
}

TEST_F(StreamServerTest, ClientsLeaveDescriptorsToTheProcess) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 200;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    start();
    int closed = 0;
    {
        std::vector<std::unique_ptr<Client>> clients;
        for (int i = 0; i < 80; ++i) {  // a descriptor each; and one of the server where it takes them
            clients.push_back(std::make_unique<Client>(address_));
            clients.back()->send("x\n");
            closed += clients.back()->read_until("\n") == "x\n" ? 0 : 1;
        }
        const Socket own(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        EXPECT_TRUE(own.valid());
    }
    EXPECT_GT(closed, 10);
    EXPECT_LT(closed, 70);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(StreamServerTest, UnixSockets) {
    start();
    const ListenAddress path =
        ListenAddress::unix_path(::testing::TempDir() + "postseal-stream-" + std::to_string(getpid()));
    ASSERT_TRUE(server_->listen(path));
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<Client>(path));
        clients.back()->send("hello\n");
        EXPECT_EQ(clients.back()->read_until("\n"), "hello\n");
    }
    EXPECT_FALSE(last_peer_was_ip_);
    EXPECT_EQ(server_->connections(), 8U);
}

}  // namespace
}  // namespace postseal::net
