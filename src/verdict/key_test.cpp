// What Postfix may ask, and what of it can have a policy at all.
#include "verdict/key.h"

#include <gtest/gtest.h>

namespace postseal::verdict {
namespace {

using Kind = Key::Kind;

struct Case {
    const char* text;
    Kind kind;
    const char* canonical;  // Key::text()
    int port;
    const char* reason;
};

TEST(ParseKey, Domains) {
    const Case cases[] = {
        {"example.com", Kind::domain, "example.com", 0, "the recipient's domain"},
        {"Example.COM", Kind::domain, "example.com", 0, "Postfix does not fold the case of socketmap keys"},
        {"example.com.", Kind::domain, "example.com", 0, "a final dot"},
        {"пример.рф", Kind::domain, "xn--e1afmkfd.xn--p1ai", 0, "a U-label, as SMTPUTF8 mail has it"},
        {"Bücher.Example", Kind::domain, "xn--bcher-kva.example", 0, "U-labels are folded too"},
        {"xn--e1afmkfd.xn--p1ai", Kind::domain, "xn--e1afmkfd.xn--p1ai", 0, "an A-label stays"},
        {"example.com:587", Kind::domain, "example.com:587", 587, "MX lookup, then another port"},
        {"example.com:smtp", Kind::domain, "example.com:25", 25, "a service name"},
        {"inet:example.com:24", Kind::domain, "example.com:24", 24, "LMTP"},
        {"inet:inet:666", Kind::domain, "inet:inet:666", 666, "a domain named like the prefix"},
        {"inet:unix:24", Kind::domain, "inet:unix:24", 24, "a domain named like the other prefix"},
        {"_dmarc.example.com", Kind::domain, "_dmarc.example.com", 0, "odd, but a DNS name"},
        {"localhost", Kind::domain, "localhost", 0, "one label"},
    };
    for (const Case& c : cases) {
        const Key key = parse_key(c.text);
        EXPECT_EQ(key.kind, c.kind) << c.reason << ": " << key.why;
        EXPECT_EQ(key.text(), c.canonical) << c.reason;
        EXPECT_EQ(key.port.value_or(0), c.port) << c.reason;
        EXPECT_TRUE(key.can_have_policy());
        EXPECT_EQ(parse_key(key.text()), key) << "the canonical text is read back as the same key";
    }
}

// STS-037: RFC 8461 §3.4, the smart host's own domain is the policy domain.
TEST(ParseKey, HostsWithoutMxLookup) {
    const Case cases[] = {
        {"[relay.isp.example]", Kind::host, "[relay.isp.example]", 0, "a smart host"},
        {"[Relay.ISP.example.]", Kind::host, "[relay.isp.example]", 0, "case and final dot"},
        {"[relay.isp.example]:587", Kind::host, "[relay.isp.example]:587", 587, "with a port"},
        {"[relay.isp.example]:submission", Kind::host, "[relay.isp.example]:587", 587, "with a service name"},
        {"inet:[relay.isp.example]:24", Kind::host, "[relay.isp.example]:24", 24, "LMTP"},
        {"[почта.рф]", Kind::host, "[xn--80a1acny.xn--p1ai]", 0, "a U-label"},
    };
    for (const Case& c : cases) {
        const Key key = parse_key(c.text);
        EXPECT_EQ(key.kind, c.kind) << c.reason << ": " << key.why;
        EXPECT_EQ(key.text(), c.canonical) << c.reason;
        EXPECT_EQ(key.port.value_or(0), c.port) << c.reason;
        EXPECT_EQ(parse_key(key.text()), key) << "the canonical text is read back as the same key";
    }
}

// STS-039, DANE-015: address literals; STS-038: no parent domains.
TEST(ParseKey, NothingToLookUp) {
    const struct {
        std::string text;
        Kind kind;
        const char* reason;
    } cases[] = {
        {"[192.0.2.1]", Kind::address_literal, "an IPv4 literal"},
        {"[192.0.2.1]:25", Kind::address_literal, "with a port"},
        {"[2001:db8::1]", Kind::address_literal, "an IPv6 literal"},
        {"[2001:db8::1]:25", Kind::address_literal, "with a port"},
        {"[IPv6:2001:db8::1]", Kind::address_literal, "in SMTP's form"},
        {"192.0.2.1", Kind::address_literal, "without brackets"},
        {"192.0.2.1:25", Kind::address_literal, "without brackets, with a port"},
        {"2001:db8::1", Kind::address_literal, "without brackets"},
        {".example.com", Kind::parent, "Postfix's second question after NOTFOUND"},
        {".com", Kind::parent, "and its last"},
        {"./etc", Kind::parent, "whatever follows the dot"},
        {"/var/run/lmtp.sock", Kind::local, "an LMTP socket"},
        {"unix:/var/run/lmtp", Kind::local, "an LMTP socket"},
        {"unix:private/dovecot-lmtp", Kind::local, "a relative one"},
        {"", Kind::invalid, "nothing"},
        {".", Kind::parent, "the root as a parent"},
        {"..", Kind::parent, "dots"},
        {"example..com", Kind::invalid, "an empty label"},
        {"exa mple.com", Kind::invalid, "a blank"},
        {"example.com tafile=/etc/passwd", Kind::invalid, "an attribute behind the key"},
        {"example.com\n", Kind::invalid, "a newline"},
        {"user@example.com", Kind::invalid, "an address"},
        {"[example.com", Kind::invalid, "a bracket without its other"},
        {"[example.com]x", Kind::invalid, "something behind the bracket"},
        {"[]", Kind::invalid, "empty brackets"},
        {"[.example.com]", Kind::invalid, "a leading dot in brackets"},
        {"example.com:", Kind::invalid, "an empty port"},
        {"example.com:0", Kind::invalid, "port 0"},
        {"example.com:65536", Kind::invalid, "a port out of range"},
        {"example.com:+25", Kind::invalid, "a sign"},
        {"example.com:xyz", Kind::invalid, "an unknown service"},
        {":25", Kind::invalid, "a port alone"},
        {"1.2.3", Kind::invalid, "not a full address, and no domain either"},
        {"example.123", Kind::invalid, "a top label of digits"},
        {std::string("example.com\0.org", 16), Kind::invalid, "a NUL"},
        {"\xff\xfe.example", Kind::invalid, "not UTF-8"},
        {std::string(64, 'a') + ".example", Kind::invalid, "a label of 64 octets"},
        {std::string(9999, 'a'), Kind::invalid, "far too long"},
    };
    for (const auto& c : cases) {
        const Key key = parse_key(c.text);
        EXPECT_EQ(key.kind, c.kind) << c.text << ": " << c.reason;
        EXPECT_FALSE(key.can_have_policy()) << c.reason;
        EXPECT_FALSE(key.why.empty()) << c.reason;
    }
}

}  // namespace
}  // namespace postseal::verdict
