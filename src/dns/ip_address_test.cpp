#include <gtest/gtest.h>

#include "dns/record.h"

namespace postseal::dns {
namespace {

TEST(IpAddress, ParsesAndWritesCanonically) {
    struct Case {
        const char* in;
        const char* out;
        const char* why;
    };
    const Case cases[] = {
        {"192.0.2.1", "192.0.2.1", "IPv4"},
        {"0.0.0.0", "0.0.0.0", "all zero"},
        {"255.255.255.255", "255.255.255.255", "all ones"},
        {"2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1", "RFC 5952 §1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "RFC 5952 §4.2.3: the first of equal runs"},
        {"2001:DB8::A", "2001:db8::a", "RFC 5952 §4.3: lower case"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "RFC 5952 §4.2.2: one group is not shortened"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", "RFC 5952 §4.2.3: the longest run"},
        {"2001:db8::0:1", "2001:db8::1", "RFC 5952 §4.2.1"},
        {"2001:db8:0000::1", "2001:db8::1", "leading zeros go"},
        {"0:0:0:0:0:0:0:0", "::", "only zeros"},
        {"::1", "::1", "run at the start"},
        {"fe80::", "fe80::", "run at the end"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::", "run at the end, long form"},
        {"0:0:1:2:3:4:5:6", "::1:2:3:4:5:6", "run at the start, long form"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1", "RFC 5952 §5: v4-mapped"},
        {"::FFFF:c000:0201", "::ffff:192.0.2.1", "v4-mapped in hexadecimal"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221", "embedded IPv4 is read anywhere, RFC 4291 §2.2"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "no run at all"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.in) + ": " + c.why);
        const auto address = IpAddress::parse(c.in);
        ASSERT_TRUE(address) << address.error().message();
        EXPECT_EQ(address->text(), c.out);
        EXPECT_EQ(*IpAddress::parse(address->text()), *address) << "what is written reads back";
    }
}

TEST(IpAddress, Rejects) {
    struct Case {
        std::string in;
        const char* why;
    };
    const Case cases[] = {
        {"", "nothing"},
        {"127.1", "short forms of inet_aton"},
        {"2130706433", "one number"},
        {"0x7f.0.0.1", "hexadecimal"},
        {"010.0.0.1", "leading zero: octal elsewhere"},
        {"1.2.3.04", "leading zero at the end"},
        {"00.0.0.0", "two zeros"},
        {"256.0.0.1", "above 255"},
        {"1.2.3", "three parts"},
        {"1.2.3.4.5", "five parts"},
        {"1.2.3.4.", "final dot"},
        {" 1.2.3.4", "blank in front"},
        {"1.2.3.4 ", "blank behind"},
        {"1.2.3.4/32", "a prefix"},
        {"1.2.3.4:25", "a port"},
        {"+1.2.3.4", "sign"},
        {"fe80::1%lo", "a zone"},
        {"[::1]", "brackets"},
        {"::1::", "two gaps"},
        {":::", "three colons"},
        {"1:2:3:4:5:6:7", "seven groups"},
        {"1:2:3:4:5:6:7:8:9", "nine groups"},
        {"1:2:3:4:5:6:7:8::", "gap of nothing"},
        {"12345::", "five digits"},
        {"g::", "no digit"},
        {":1", "one colon in front"},
        {"1:", "one colon behind"},
        {"::ffff:1.2.3.256", "bad embedded IPv4"},
        {"::1.2.3.4:1", "IPv4 in the middle"},
        {std::string("1.2.3.4\0", 8), "NUL behind"},
        {std::string(10'000, ':'), "long"},
        {"example.com", "a name"},
    };
    for (const auto& c : cases) {
        EXPECT_FALSE(IpAddress::parse(c.in)) << c.in << ": " << c.why;
    }
}

TEST(IpAddress, IsGlobal) {
    const char* global[] = {
        "1.1.1.1",      "9.255.255.255",   "11.0.0.0",        "100.63.255.255",   "100.128.0.0",    "126.255.255.255",
        "128.0.0.0",    "169.253.255.255", "169.255.0.0",     "172.15.0.1",       "172.32.0.0",     "192.0.1.0",
        "192.0.3.0",    "192.167.1.1",     "192.169.0.0",     "198.17.0.1",       "198.20.0.0",     "198.51.99.1",
        "203.0.112.1",  "203.0.114.1",     "223.255.255.255",
        "192.31.196.1",  // AS112, globally reachable in the registry
        "2000::1",      "2606:4700::1",    "2a00::1",         "2001:200::1",      "2001:db7::1",    "2001:db9::1",
        "2003::1",      "3ffe::1",         "3fff:1000::1",    "64:ff9b::1.1.1.1", "::ffff:1.1.1.1",
    };
    for (const char* text : global) {
        EXPECT_TRUE(IpAddress::parse(text)->is_global()) << text;
    }
    struct Case {
        const char* in;
        const char* why;
    };
    const Case special[] = {
        {"0.0.0.0", "unspecified: connects to this host"},
        {"0.255.255.255", "this network"},
        {"10.0.0.1", "private"},
        {"10.255.255.255", "private, end"},
        {"100.64.0.0", "carrier-grade NAT"},
        {"100.127.255.255", "carrier-grade NAT, end"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.254", "loopback, end"},
        {"169.254.169.254", "link-local: the metadata service of clouds"},
        {"172.16.0.1", "private"},
        {"172.31.255.255", "private, end"},
        {"192.0.0.1", "protocol assignments"},
        {"192.0.0.170", "NAT64 discovery"},
        {"192.0.2.1", "documentation"},
        {"192.88.99.1", "6to4 relay"},
        {"192.168.0.1", "private"},
        {"198.18.0.1", "benchmarks"},
        {"198.19.255.255", "benchmarks, end"},
        {"198.51.100.1", "documentation"},
        {"203.0.113.1", "documentation"},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast, end"},
        {"240.0.0.1", "reserved"},
        {"255.255.255.255", "broadcast"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::127.0.0.1", "v4-compatible, withdrawn"},
        {"::ffff:127.0.0.1", "v4-mapped loopback"},
        {"::ffff:10.0.0.1", "v4-mapped private"},
        {"::ffff:169.254.169.254", "v4-mapped metadata service"},
        {"64:ff9b::127.0.0.1", "NAT64 of loopback"},
        {"64:ff9b::192.168.1.1", "NAT64 of private"},
        {"64:ff9b:1::1", "local-use NAT64, RFC 8215"},
        {"100::1", "discard, RFC 6666"},
        {"2001::1", "Teredo"},
        {"2001:0:101:101::1", "Teredo of a global server"},
        {"2001:10::1", "ORCHID"},
        {"2001:20::1", "ORCHIDv2"},
        {"2001:1ff:ffff::1", "protocol assignments, end"},
        {"2001:db8::1", "documentation"},
        {"2002:7f00:1::1", "6to4 of loopback"},
        {"2002:a00:1::1", "6to4 of private"},
        {"2002:101:101::1", "6to4 of a global address: a tunnel all the same"},
        {"3fff::1", "documentation, RFC 9637"},
        {"3fff:fff:ffff::1", "documentation, end"},
        {"5f00::1", "segment routing, RFC 9602"},
        {"4000::1", "not allocated"},
        {"fc00::1", "unique local"},
        {"fdff::1", "unique local"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local, end"},
        {"fec0::1", "site-local, withdrawn"},
        {"ff02::1", "multicast"},
        {"ffff:ffff::1", "end of the space"},
    };
    for (const auto& c : special) {
        EXPECT_FALSE(IpAddress::parse(c.in)->is_global()) << c.in << ": " << c.why;
    }
}

TEST(IpAddress, ComparesByFamilyToo) {
    EXPECT_EQ(IpAddress(), IpAddress::v4({0, 0, 0, 0}));
    EXPECT_NE(IpAddress::v4({0, 0, 0, 0}), IpAddress::v6({}));
    EXPECT_EQ(IpAddress::v4({192, 0, 2, 1}).octets().size(), 4U);
    EXPECT_EQ(IpAddress::v6({}).octets().size(), 16U);
}

}  // namespace
}  // namespace postseal::dns
