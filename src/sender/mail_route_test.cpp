// Which hosts take a domain's mail (RFC 5321 §5.1, RFC 7505).
#include "sender/mail_route.h"

#include <gtest/gtest.h>

namespace postseal::sender {
namespace {

const dns::Name domain = *dns::Name::parse("box.test");

net::DnsAnswer answer(const std::vector<dns::MxData>& records) {
    net::DnsAnswer made;
    made.name = made.canonical_name = domain;
    made.type = dns::Type::mx;
    made.status = net::DnsStatus::insecure;
    made.content = records.empty() ? net::DnsContent::nodata : net::DnsContent::data;
    for (const dns::MxData& data : records) {
        made.records.push_back({domain, dns::Type::mx, 60, data});
    }
    return made;
}

dns::MxData mx(std::uint16_t preference, std::string_view host) {
    return {preference, *dns::Name::parse(host)};
}

// "a b" of the hosts, or the problem.
std::string route(const net::DnsAnswer& mx_answer, std::size_t draw = 0) {
    const MailRoute found = mail_route(domain, mx_answer, [draw](std::size_t n) { return draw % n; });
    std::string text;
    for (const dns::Name& host : found.hosts) {
        text += (text.empty() ? "" : " ") + host.text();
    }
    return found.hosts.empty() ? (found.final_problem ? "final: " : "later: ") + found.problem : text;
}

TEST(MailRoute, HostsComeByPreference) {
    EXPECT_EQ(route(answer({mx(20, "b.test"), mx(5, "a.test"), mx(30, "c.test")})), "a.test b.test c.test");
    EXPECT_EQ(route(answer({mx(20, "a.test"), mx(5, "a.test"), mx(30, "c.test")})), "a.test c.test") << "each once";
    EXPECT_EQ(route(answer({})), "box.test") << "RFC 5321 §5.1: the implicit MX";
}

TEST(MailRoute, EqualsAreShuffled) {
    const auto equals = answer({mx(10, "a.test"), mx(10, "b.test"), mx(5, "first.test")});
    const std::string one = route(equals, 0);
    const std::string other = route(equals, 1);
    EXPECT_TRUE(one.starts_with("first.test ") && other.starts_with("first.test "));
    EXPECT_NE(one, other);
}

TEST(MailRoute, SomeDomainsHaveNone) {
    EXPECT_EQ(route(answer({mx(0, ".")})), "final: box.test accepts no mail (null MX)") << "RFC 7505 §3; MX-008";
    EXPECT_EQ(route(answer({mx(0, "."), mx(10, "a.test")})), "a.test") << "RFC 7505 §3: not a null MX then";
    EXPECT_EQ(route(answer({mx(10, "192.0.2.1")})), "final: box.test accepts no mail (no usable MX record)")
        << "and the implicit MX does not step in";
    net::DnsAnswer absent = answer({});
    absent.content = net::DnsContent::nxdomain;
    EXPECT_EQ(route(absent), "final: box.test does not exist");
    net::DnsAnswer failed;
    EXPECT_EQ(route(failed), "later: the MX records of box.test could not be looked up");
    net::DnsAnswer unreadable = answer({});
    unreadable.unreadable = 1;
    EXPECT_EQ(route(unreadable), "final: box.test accepts no mail (no usable MX record)");
}

}  // namespace
}  // namespace postseal::sender
