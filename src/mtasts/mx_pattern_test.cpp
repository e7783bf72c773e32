#include <gtest/gtest.h>

#include "mtasts/policy.h"

namespace postseal::mtasts {
namespace {

std::string repeat(std::string_view label, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
        out += label;
    }
    return out;
}

TEST(MxPattern, Good) {  // STS-027: RFC 8461 §3.2
    struct Case {
        std::string text;
        std::string expected;
        bool wildcard;
        const char* why;
    };
    const std::string label63(63, 'a');
    for (const Case& c : {
             Case{"mx1.example.com", "mx1.example.com", false, "host name"},
             Case{"*.example.net", "*.example.net", true, "wildcard"},
             Case{"MX1.Example.COM", "mx1.example.com", false, "STS-044: case is folded"},
             Case{"*.EXAMPLE.net", "*.example.net", true, "case is folded"},
             Case{"mx1.example.com.", "mx1.example.com", false, "final dot stripped"},
             Case{"*.example.com.", "*.example.com", true, "final dot stripped"},
             Case{"localhost", "localhost", false, "one label fits the grammar"},
             Case{"*.com", "*.com", true, "a wildcard under one label too"},
             Case{"3com.example", "3com.example", false, "RFC 1123 §2.1: a digit first"},
             Case{"a-b--c.example", "a-b--c.example", false, "hyphens inside"},
             Case{"xn--bcher-kva.example", "xn--bcher-kva.example", false, "STS-028: A-label"},
             Case{"xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai", false, "A-labels"},
             Case{"212.114.86.56", "212.114.86.56", false, "an address fits RFC 5321's Domain"},
             Case{label63 + ".example", label63 + ".example", false, "label of 63"},
         }) {
        const auto pattern = MxPattern::parse(c.text);
        ASSERT_TRUE(pattern.has_value()) << c.text << " // " << c.why;
        EXPECT_EQ(pattern->text(), c.expected) << c.why;
        EXPECT_EQ(pattern->wildcard(), c.wildcard) << c.why;
    }
}

TEST(MxPattern, Bad) {  // STS-027, STS-028: RFC 8461 §3.2, RFC 5321 §4.1.2
    for (const auto& [text, why] : std::vector<std::pair<std::string, const char*>>{
             {"", "empty"},
             {".", "the root"},
             {"*", "only a star"},
             {"*.", "nothing behind the star"},
             {"*..", "nothing behind the star"},
             {"**.example.net", "two stars"},
             {"*.*.example.net", "two wildcards"},
             {"mx*.example.net", "star inside a label"},
             {"*mx.example.net", "star inside a label"},
             {"mx.*.example", "star not leftmost"},
             {"example.*", "star at the end"},
             {".example.net", "leading dot"},
             {"*..example.net", "empty label"},
             {"a..example.net", "empty label"},
             {"a.example..", "two final dots"},
             {"-a.example", "hyphen first"},
             {"a-.example", "hyphen last"},
             {"a.-.example", "only a hyphen"},
             {"a.example-", "hyphen at the end"},
             {"*.-a.example", "hyphen first behind a wildcard"},
             {"a_b.example", "underscore"},
             {"_a.example", "underscore"},
             {"*._a.example", "underscore behind a wildcard"},
             {"[192.0.2.1]", "address literal"},
             {"[IPv6:2001:db8::1]", "address literal"},
             {"2001:db8::1", "an IPv6 address"},
             {"b\u00fccher.example", "U-label"},
             {"*.\xd1\x80\xd1\x84", "U-label behind a wildcard"},
             {"a\u3002example", "ideographic full stop"},
             {"a.example, b.example", "STS-026: a list"},
             {"a.example b.example", "a blank"},
             {"a.example tafile=/x", "an attribute of Postfix smuggled in"},
             {"{a.example}", "braces"},
             {"a.example:25", "a port"},
             {"mailto:a@example", "a URI"},
             {"a@example.com", "an address"},
             {std::string("a\0.example", 10), "NUL"},
             {std::string(64, 'a') + ".example", "label of 64"},
             {repeat("abcdefghi.", 26), "longer than 253"},
         }) {
        EXPECT_FALSE(MxPattern::parse(text).has_value()) << text << " // " << why;
    }
}

TEST(MxPattern, WhatCanMatchNoHost) {
    for (const auto& [text, expected, why] : std::vector<std::tuple<std::string, bool, const char*>>{
             {"mx.example.com", true, "host"},
             {"*.example.com", true, "wildcard"},
             {"212.114.86.56", false, "an IPv4 address"},
             {"*.114.86.56", false, "an IPv4 address under a wildcard"},
             {"mx.123", false, "no top-level domain is a number"},
             {"123.example", true, "a number elsewhere"},
             {"*." + repeat("abcdefghi.", 25) + "a", true, "251: room for one letter and a dot"},
             {"*." + repeat("abcdefghi.", 25) + "ab", false, "252: a host under it would have 254"},
         }) {
        const auto pattern = MxPattern::parse(text);
        ASSERT_TRUE(pattern.has_value()) << text;
        EXPECT_EQ(pattern->can_match(), expected) << text << " // " << why;
    }
}

TEST(MxMatches, Table) {  // RFC 8461 §4.1
    struct Case {
        const char* pattern;
        const char* host;
        bool expected;
        const char* why;
    };
    for (const Case& c : {
             Case{"mx1.example.com", "mx1.example.com", true, "equal"},
             Case{"mx1.example.com", "mx2.example.com", false, "another host"},
             Case{"example.com", "mx1.example.com", false, "no wildcard, no subdomain"},
             Case{"mx1.example.com", "example.com", false, "not the parent"},
             Case{"mx1.example.com", "a.mx1.example.com", false, "nor a child"},
             // STS-043
             Case{"*.example.com", "mail.example.com", true, "one label"},
             Case{"*.example.com", "example.com", false, "no label"},
             Case{"*.example.com", "a.b.example.com", false, "two labels"},
             Case{"*.example.com", "mail.example.com.evil.example", false, "only a prefix"},
             Case{"*.example.com", "mailexample.com", false, "not at a label's edge"},
             Case{"*.example.com", "mail.example.org", false, "another domain"},
             Case{"*.example.com", "com", false, "one label alone"},
             Case{"*.example.com", "a_b.example.com", true,
                  "the pattern is strict, the name of a host in DNS need not"},
             Case{"*.com", "example.com", true, "under one label"},
             Case{"*.com", "com", false, "not itself"},
             Case{"*.com", "mx.example.com", false, "nor two labels"},
             // STS-044
             Case{"MX1.Example.COM", "mx1.example.com.", true, "case and the root's dot"},
             Case{"*.EXAMPLE.com.", "MX.example.COM.", true, "case and the root's dot"},
             // STS-028
             Case{"xn--bcher-kva.example", "XN--BCHER-KVA.example", true, "A-labels"},
             Case{"xn--bcher-kva.example", "b\u00fccher.example", true, "a host given as U-label is its A-label"},
             Case{"*.xn--p1ai", "xn--e1afmkfd.xn--p1ai", true, "under an A-label"},
             // Never
             Case{"212.114.86.56", "212.114.86.56", false, "an address is the name of no host"},
             Case{"*.114.86.56", "212.114.86.56", false, "nor under a wildcard"},
             Case{"mx1.example.com", ".", false, "null MX"},
             Case{"*.com", ".", false, "null MX and a wildcard"},
         }) {
        const auto pattern = MxPattern::parse(c.pattern);
        const auto host = dns::Name::parse(c.host);
        ASSERT_TRUE(pattern && host) << c.pattern << " " << c.host;
        EXPECT_EQ(mx_matches(*pattern, *host), c.expected) << c.pattern << " " << c.host << " // " << c.why;
    }
}

// STS-042: an MX host is compared under the name that the MX record has, wherever a CNAME leads.
TEST(MxMatches, AliasIsComparedNotItsTarget) {
    const auto alias = dns::Name::parse("alias.example").value();
    EXPECT_FALSE(mx_matches(MxPattern::parse("mx1.prov.example").value(), alias));
    EXPECT_TRUE(mx_matches(MxPattern::parse("alias.example").value(), alias));
}

}  // namespace
}  // namespace postseal::mtasts
