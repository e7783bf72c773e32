#include "net/listen_address.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/address_guard.h"

namespace postseal::net {
namespace {

TEST(ListenAddress, ReadsWhatAConfigurationSays) {
    for (const char* text :
         {"127.0.0.1:53", "0.0.0.0:0", "[::]:443", "[2001:db8::1]:65535", "unix:/run/postseal/api.sock"}) {
        const auto address = parse_listen_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->text(), text);
    }
}

TEST(ListenAddress, RefusesTheRestAndSaysWhy) {
    const struct {
        const char* text;
        const char* what;
    } cases[] = {
        {"", "not ADDRESS:PORT, [IPv6]:PORT or unix:/PATH"},
        {"53", "not ADDRESS:PORT, [IPv6]:PORT or unix:/PATH"},
        {"localhost:53", "'localhost' is not an IP address"},
        {":53", "'' is not an IP address"},
        {"::1:53", "write an IPv6 address as [ADDRESS]:PORT"},
        {"[127.0.0.1]:53", "brackets are for IPv6 addresses"},
        {"127.0.0.1:", "the port must be a number from 0 to 65535"},
        {"127.0.0.1:65536", "the port must be a number from 0 to 65535"},
        {"127.0.0.1:-1", "the port must be a number from 0 to 65535"},
        {"127.0.0.1:http", "the port must be a number from 0 to 65535"},
        {"127.1:53", "'127.1' is not an IP address"},
        {"unix:run/sock", "the path of a unix socket must be absolute"},
        {"unix:", "the path of a unix socket must be absolute"},
    };
    for (const auto& c : cases) {
        const auto address = parse_listen_address(c.text);
        ASSERT_FALSE(address) << c.text;
        EXPECT_EQ(address.error().what, c.what) << c.text;
    }
    EXPECT_TRUE(parse_listen_address("unix:/" + std::string(106, 'a')));
    EXPECT_FALSE(parse_listen_address("unix:/" + std::string(107, 'a')));
}

TEST(ListenAddress, SocketModesAreOctal) {
    EXPECT_EQ(*parse_socket_mode("0622"), 0622U);
    EXPECT_EQ(*parse_socket_mode("666"), 0666U);
    for (const char* bad : {"", "8", "0o666", "1777", "99999999999999999999", "-1"}) {
        EXPECT_FALSE(parse_socket_mode(bad)) << bad;
    }
}

TEST(Sockets, ATakenPortIsAnErrorAlsoAmongOurselves) {
    const auto first = listen_stream(ListenAddress::loopback(), Sharing::exclusive_then_shared);
    ASSERT_TRUE(first);
    const ListenAddress address = *first->local_address();
    EXPECT_NE(address.port, 0);
    EXPECT_TRUE(listen_stream(address, Sharing::reuse_port));
    const auto taken = listen_stream(address, Sharing::exclusive_then_shared);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().message(), address.text() + ": cannot bind: already in use");

    const auto udp = bind_datagram(ListenAddress::loopback(), Sharing::exclusive_then_shared);
    ASSERT_TRUE(udp);
    EXPECT_FALSE(bind_datagram(*udp->local_address(), Sharing::exclusive_then_shared));
    EXPECT_TRUE(bind_datagram(*udp->local_address(), Sharing::reuse_port));
}

TEST(Sockets, UnixSocketsHaveTheirModeReplaceStaleOnesAndGoAway) {
    const std::string path = testing::TempDir() + "postseal-listen-" + std::to_string(getpid());
    const ListenAddress address = ListenAddress::unix_path(path);
    struct stat status {};
    {
        auto socket = listen_stream(address, Sharing::exclusive, 0622);
        ASSERT_TRUE(socket);
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0622U);
        EXPECT_FALSE(listen_stream(address)) << "somebody listens there";
        ::close(socket->release());  // as a killed process leaves it
    }
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    { EXPECT_TRUE(bind_datagram(address) || listen_stream(address)); }
    EXPECT_NE(::stat(path.c_str(), &status), 0) << "gone with its socket";
    EXPECT_FALSE(listen_stream(ListenAddress::unix_path("/nonexistent/folder/socket")));
    // A file that is no socket is not ours to remove.
    FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fclose(file);
    EXPECT_FALSE(listen_stream(address));
    EXPECT_EQ(::unlink(path.c_str()), 0);
}

TEST(AddressGuard, RefusesWhatIsNotGlobalUnlessToldOtherwise) {
    const auto at = [](const char* text) { return *dns::IpAddress::parse(text); };
    const AddressGuard guard;
    for (const char* refused : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "fc00::1",
                                "::ffff:127.0.0.1", "64:ff9b::7f00:1"}) {
        EXPECT_FALSE(guard.allows(at(refused))) << refused;
        EXPECT_EQ(guard.check(at(refused)).error().code, Errc::refused);
        EXPECT_TRUE(AddressGuard(NonGlobal::allow).check(at(refused)));
    }
    const std::vector<dns::IpAddress> mixed = {at("10.0.0.1"), at("8.8.8.8"), at("::1"), at("2606:4700::1")};
    EXPECT_EQ(guard.allowed(mixed), (std::vector<dns::IpAddress>{at("8.8.8.8"), at("2606:4700::1")}));
}

}  // namespace
}  // namespace postseal::net
