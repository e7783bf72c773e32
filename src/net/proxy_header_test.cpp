#include "net/proxy_header.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/address_prefix.h"

namespace postseal::net {
namespace {

std::string v2(std::uint8_t command, std::uint8_t family, const std::string& rest, int length = -1) {
    std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
    const std::size_t announced = length < 0 ? rest.size() : static_cast<std::size_t>(length);
    out += static_cast<char>(command);
    out += static_cast<char>(family);
    out += static_cast<char>(announced >> 8U);
    out += static_cast<char>(announced & 0xffU);
    return out + rest;
}

std::string octets(std::initializer_list<int> values) {
    std::string out;
    for (const int value : values) {
        out += static_cast<char>(value);
    }
    return out;
}

const std::string v4_rest = octets({192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb});
const std::string v6_rest = octets({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}) + std::string(20, '\1');

// The protocol's own text: "The PROXY protocol, versions 1 & 2", sections 2.1 and 2.2.
TEST(ProxyHeader, SaysWhoTheClientIs) {
    struct Case {
        std::string bytes;
        std::string client;  // "" = none
        const char* why;
    };
    const std::vector<Case> cases = {
        {"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", "192.0.2.1", "version 1"},
        {"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", "2001:db8::7", "version 1, IPv6"},
        {"PROXY UNKNOWN\r\n", "", "the shortest there is"},
        {"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", "what follows UNKNOWN is ignored"},
        {v2(0x21, 0x11, v4_rest), "192.0.2.1", "version 2"},
        {v2(0x21, 0x21, v6_rest), "2001:db8::7", "version 2, IPv6"},
        {v2(0x21, 0x11, v4_rest + octets({0x04, 0, 3, 1, 2, 3})), "192.0.2.1", "with a TLV behind the addresses"},
        {v2(0x20, 0x00, ""), "", "LOCAL: the balancer looks whether we live"},
        {v2(0x20, 0x11, v4_rest), "", "LOCAL: its addresses are to be ignored"},
        {v2(0x21, 0x00, "abc"), "", "a family that says nothing"},
        {v2(0x21, 0x31, std::string(216, 'x')), "", "a unix socket"},
    };
    for (const Case& one : cases) {
        const auto whole = parse_proxy_header(one.bytes);
        ASSERT_TRUE(whole && *whole) << one.why;
        EXPECT_EQ((*whole)->size, one.bytes.size()) << one.why;
        EXPECT_EQ((*whole)->client ? (*whole)->client->text() : "", one.client) << one.why;
        // What follows belongs to the connection itself.
        const auto longer = parse_proxy_header(one.bytes + "\x16\x03\x01");
        ASSERT_TRUE(longer && *longer) << one.why;
        EXPECT_EQ((*longer)->size, one.bytes.size()) << one.why;
        for (std::size_t size = 0; size < one.bytes.size(); ++size) {
            const auto part = parse_proxy_header(std::string_view(one.bytes).substr(0, size));
            ASSERT_TRUE(part) << one.why << " cut at " << size << ": " << part.error().message();
            EXPECT_FALSE(*part) << one.why << " cut at " << size;
        }
    }
}

TEST(ProxyHeader, AnythingElseIsRefused) {
    struct Case {
        std::string bytes;
        const char* why;
    };
    const std::vector<Case> cases = {
        {"GET / HTTP/1.1\r\n", "a client without a balancer"},
        {"\x16\x03\x01", "the same with TLS"},
        {"proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", "in capitals only"},
        {"PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", "one port"},
        {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "a word too many"},
        {"PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", "two blanks"},
        {"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "the other family"},
        {"PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", "the other family"},
        {"PROXY TCP4 192.0.2.300 198.51.100.2 1 2\r\n", "no address"},
        {"PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", "no port"},
        {"PROXY TCP4 192.0.2.1 198.51.100.2 1 -2\r\n", "no port"},
        {"PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "another protocol"},
        {"PROXY UNKNOWN " + std::string(200, 'x'), "a line without an end"},
        {v2(0x11, 0x11, v4_rest), "version 1 in version 2's form"},
        {v2(0x22, 0x11, v4_rest), "a command that is none"},
        {v2(0x21, 0x11, std::string(11, 'x')), "too short for its addresses"},
        {v2(0x21, 0x21, v4_rest), "too short for IPv6"},
        {v2(0x21, 0x11, v4_rest, 60'000), "absurdly long"},
    };
    for (const Case& one : cases) {
        EXPECT_FALSE(parse_proxy_header(one.bytes)) << one.why;
    }
}

TEST(AddressPrefix, HoldsWhatItNames) {
    const auto contains = [](const char* prefix, const char* address) {
        return AddressPrefix::parse(prefix).value().contains(dns::IpAddress::parse(address).value());
    };
    EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
    EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.100"));
    EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
    EXPECT_FALSE(contains("192.0.2.7", "192.0.2.8"));
    EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT_FALSE(contains("0.0.0.0/0", "::1")) << "the other family";
    EXPECT_TRUE(contains("::/0", "::1"));
    EXPECT_EQ(AddressPrefix::around(dns::IpAddress::parse("192.0.2.77").value(), 24).text(), "192.0.2.0/24");
    EXPECT_EQ(AddressPrefix::around(dns::IpAddress::parse("2001:db8:1:2::9").value(), 48).text(), "2001:db8:1::/48");
    for (const char* wrong : {"", "10", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.1/8", "::/129", "a/8"}) {
        EXPECT_FALSE(AddressPrefix::parse(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace postseal::net
