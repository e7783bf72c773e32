#include "net/dns_server.h"

#include <gtest/gtest.h>

#include <set>

#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::Client;

// Answers with the query's bytes backwards; "drop" not at all; "long" with 70,000 bytes.
bool mirror(const DnsQuery& query, Bytes& reply) {
    EXPECT_TRUE(reply.empty());
    if (as_text(query.message) == "drop") {
        return false;
    }
    reply.assign(query.message.rbegin(), query.message.rend());
    if (as_text(query.message) == "long") {
        reply.resize(70000);
    }
    if (as_text(query.message) == "who") {
        const std::string text = query.client.text() + (query.transport == DnsQuery::Transport::udp ? " udp" : " tcp");
        reply.assign(text.begin(), text.end());
    }
    return true;
}

std::string framed(const std::string& message) {
    return std::string{static_cast<char>(message.size() >> 8U), static_cast<char>(message.size() & 0xffU)} + message;
}

class DnsServerTest : public ::testing::Test {
protected:
    DnsServerTest() {
        EXPECT_TRUE(server_.listen(ListenAddress::loopback()));
        address_ = server_.addresses().front();
    }
    PollerPool pollers_{"dns", 2};
    DnsServer server_{pollers_, {}, mirror};
    ListenAddress address_;
};

TEST_F(DnsServerTest, AnswersOverUdpInBatches) {
    const Client client(address_, SOCK_DGRAM);
    for (int i = 0; i < 200; ++i) {
        client.send("query" + std::to_string(100 + i));
    }
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        seen.insert(client.read_some());
    }
    EXPECT_EQ(seen.size(), 200U);
    EXPECT_TRUE(seen.contains("001yreuq"));
}

TEST_F(DnsServerTest, UdpIgnoresWhatIsNotAnswered) {
    const Client client(address_, SOCK_DGRAM);
    client.send("");
    client.send("drop");
    client.send(std::string(5000, 'x'));  // longer than any query
    client.send("who");
    EXPECT_EQ(client.read_some(), "127.0.0.1 udp");
}

TEST_F(DnsServerTest, TcpTakesManyQueriesHoweverTheyAreCut) {
    Client client(address_);
    const std::string sent = framed("one") + framed("who") + framed(std::string(40000, 'a'));
    client.send(sent.substr(0, 1));
    client.send(sent.substr(1, 7));
    client.send(sent.substr(8));
    EXPECT_EQ(client.read_until("eno"), framed("eno"));
    EXPECT_EQ(client.read_until("tcp"), framed("127.0.0.1 tcp"));
    client.finish();
    EXPECT_EQ(client.read_all().size(), 40002U);
}

TEST_F(DnsServerTest, TcpEndsOnNonsense) {
    for (const std::string& bad : {framed(""), framed("drop"), framed("long")}) {
        Client client(address_);
        client.send(framed("a") + bad + framed("b"));
        EXPECT_EQ(client.read_all(), framed("a"));
    }
}

TEST_F(DnsServerTest, OnAWildcardAddressRepliesComeFromTheAddressAsked) {
    DnsServer any(pollers_, {}, mirror);
    ASSERT_TRUE(any.listen(ListenAddress::ip(testing::ip("0.0.0.0"), 0)));
    for (const char* asked : {"127.0.0.1", "127.0.0.9", "127.1.2.3"}) {
        // A connected UDP socket only hears from the address that it asked.
        const Client client(ListenAddress::ip(testing::ip(asked), any.addresses().front().port), SOCK_DGRAM);
        client.send("abc");
        EXPECT_EQ(client.read_some(), "cba") << asked;
    }
}

TEST_F(DnsServerTest, ATakenPortIsAnError) {
    DnsServer second(pollers_, {}, mirror);
    const auto taken = second.listen(address_);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().message(), address_.text() + ": cannot bind: already in use");
    EXPECT_FALSE(second.listen(ListenAddress::unix_path("/tmp/dns")));
}

}  // namespace
}  // namespace postseal::net
