#include "dns/name.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace postseal::dns {
namespace {

std::string times(std::string_view part, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
        out += part;
    }
    return out;
}

const std::string label63(63, 'a');
const std::string name253 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'b');

TEST(Name, Accepts) {
    struct Case {
        std::string in;
        std::string out;
        const char* why;
    };
    const Case cases[] = {
        {"example.com", "example.com", "as it is"},
        {"Example.COM", "example.com", "RFC 1035 §2.3.3: case does not count"},
        {"example.com.", "example.com", "one final dot"},
        {".", "", "the root"},
        {"com", "com", "one label"},
        {"_mta-sts.example.com", "_mta-sts.example.com", "underscore names of RFC 8552"},
        {"_25._tcp.mx.example.com", "_25._tcp.mx.example.com", "RFC 7672 §2.2.3"},
        {"-a-.example", "-a-.example", "legal in the DNS, though no host name"},
        {"123.example", "123.example", "digits first, RFC 1123 §2.1"},
        {"1.2.3.4", "1.2.3.4", "a name by its letters; is_hostname() tells"},
        {"r3---sn-a.example", "r3---sn-a.example", "hyphens at 3 and 4 exist in ASCII names"},
        {label63, label63, "the longest label"},
        {name253, name253, "the longest name"},
        {name253 + ".", name253, "the longest name with its dot"},
        {"пример.рф", "xn--e1afmkfd.xn--p1ai", "U-labels, RFC 5890 §2.3.2.1"},
        {"ПРИМЕР.РФ", "xn--e1afmkfd.xn--p1ai", "UTS #46 maps case"},
        {"пример.рф.", "xn--e1afmkfd.xn--p1ai", "final dot after a U-label"},
        {"пример。рф", "xn--e1afmkfd.xn--p1ai", "UTS #46 maps the ideographic full stop"},
        {"_mta-sts.пример.рф", "_mta-sts.xn--e1afmkfd.xn--p1ai", "underscore label before U-labels"},
        {"mta-sts.bücher.example", "mta-sts.xn--bcher-kva.example", "U-label in the middle"},
        {"bu\xcc\x88"
         "cher.example",
         "xn--bcher-kva.example", "decomposed umlaut becomes NFC"},
        {"faß.de", "xn--fa-hia.de", "non-transitional: ß is not ss"},
        {"βόλος.com", "xn--nxasmm1c.com", "non-transitional: final sigma stays"},
        {"ｅｘａｍｐｌｅ.com", "example.com", "UTS #46 maps full-width letters"},
        {"a\xe2\x80\x8b"
         "b.example",
         "ab.example", "UTS #46 drops a zero-width space"},
        {"xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai", "A-labels stay"},
        {"XN--E1AFMKFD.xn--p1ai", "xn--e1afmkfd.xn--p1ai", "A-labels in any case"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.in + ": " + c.why);
        const auto name = Name::parse(c.in);
        ASSERT_TRUE(name) << name.error().message();
        EXPECT_EQ(name->text(), c.out);
    }
}

TEST(Name, Rejects) {
    struct Case {
        std::string in;
        const char* message_part;
        const char* why;
    };
    const Case cases[] = {
        {"", "empty", "nothing"},
        {"..", "label 1: empty", "only dots"},
        {".example.com", "label 1: empty", "leading dot"},
        {"example..com", "label 2: empty", "two dots inside"},
        {"example.com..", "label 3: empty", "two final dots"},
        {label63 + "a.example", "label 1: longer than 63", "64 octets, RFC 1035 §2.3.4"},
        {name253 + "b", "longer than 253", "254 octets"},
        {times("a.", 127) + "aa", "longer than 253", "many short labels"},
        {"exa mple.com", "label 1: a character", "blank"},
        {" example.com", "label 1: a character", "blank in front"},
        {"example.com\n", "label 2: a character", "line end"},
        {"example.com\t", "label 2: a character", "tab"},
        {"user@example.com", "label 1: a character", "an address"},
        {"https://example.com", "a character", "a URL"},
        {"example.com:25", "label 2: a character", "a port"},
        {"[192.0.2.1]", "label 1: a character", "an address literal"},
        {"2001:db8::1", "label 1: a character", "an IPv6 address"},
        {"*.example.com", "label 1: a character", "patterns are not names"},
        {"a\\.b.example", "label 1: a character", "no escapes"},
        {"a{b}.example", "label 1: a character", "braces would end a Postfix attribute"},
        {std::string("exam\0ple.com", 12), "label 1: a character", "NUL"},
        {std::string("прим\0ер.рф", 18), "a character", "NUL beside U-labels must not cut the name"},
        {"\xff\xfe.com", "not valid UTF-8", "not text"},
        {"\xc0\xae.com", "not valid UTF-8", "an overlong dot"},
        {"☕.example", "internationalised", "disallowed in IDNA 2008"},
        {"\xcc\x80"
         "a.example",
         "internationalised", "a combining mark begins no label, RFC 5891 §4.2.3.2"},
        {times("й", 600) + ".example", "longer than 253", "far too long before any IDNA work"},
        {times("й", 63) + ".example", "internationalised", "63 letters, but a longer A-label"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.message_part) + ": " + c.why);
        const auto name = Name::parse(c.in);
        ASSERT_FALSE(name) << name->text();
        EXPECT_EQ(name.error().code, Errc::invalid_input);
        EXPECT_NE(name.error().message().find(c.message_part), std::string::npos) << name.error().message();
    }
}

TEST(Name, AsciiOnlyRefusesULabels) {  // RFC 8461 §3.2: A-labels in policies
    const auto name = Name::parse_ascii("mx.пример.рф");
    ASSERT_FALSE(name);
    EXPECT_NE(name.error().message().find("label 2: not ASCII"), std::string::npos) << name.error().message();
    EXPECT_EQ(Name::parse_ascii("MX.example.")->text(), "mx.example");
}

TEST(Name, ErrorsDoNotCarryControlCharacters) {
    const auto name = Name::parse("a\x1b[31m.example");
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().message().find('\x1b'), std::string::npos);
}

TEST(Name, UnicodeIsForPeople) {
    struct Case {
        const char* in;
        const char* out;
        const char* why;
    };
    const Case cases[] = {
        {"xn--e1afmkfd.xn--p1ai", "пример.рф", "every label"},
        {"_mta-sts.xn--e1afmkfd.xn--p1ai", "_mta-sts.пример.рф", "ASCII labels stay"},
        {"xn--fa-hia.de", "faß.de", "non-transitional"},
        {"example.com", "example.com", "no A-label"},
        {"xn--a.example", "xn--a.example", "not Punycode of anything valid"},
        {"xn--.example", "xn--.example", "nothing after the prefix"},
        {"xn--example.com", "xn--example.com", "decodes to what no one may register"},
        {"xn--53h.example", "xn--53h.example", "the emoji stays an A-label"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.in) + ": " + c.why);
        EXPECT_EQ(Name::parse(c.in)->unicode(), c.out);
    }
    EXPECT_EQ(Name().unicode(), "");
}

TEST(Name, WireBothWays) {
    const Bytes wire = {3, 'M', 'x', '1', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0xaa};
    ByteReader reader(wire);
    const auto name = Name::from_wire(reader);
    ASSERT_TRUE(name);
    EXPECT_EQ(name->text(), "mx1.example");
    EXPECT_EQ(reader.rest().size(), 1U) << "takes exactly the name";
    EXPECT_EQ(name->to_wire(), (Bytes{3, 'm', 'x', '1', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0}));
    EXPECT_EQ(Name().to_wire(), Bytes{0});
    const auto longest = *Name::parse(name253);
    EXPECT_EQ(longest.to_wire().size(), 255U);
    const Bytes longest_wire = longest.to_wire();
    ByteReader again(longest_wire);
    EXPECT_EQ(*Name::from_wire(again), longest);
}

TEST(Name, RejectsOnTheWire) {
    Bytes too_long;
    for (int i = 0; i < 5; ++i) {
        too_long.push_back(63);
        too_long.insert(too_long.end(), 63, 'a');
    }
    too_long.push_back(0);
    struct Case {
        Bytes wire;
        const char* why;
    };
    const Case cases[] = {
        {{}, "nothing"},
        {{3, 'a', 'b'}, "label cut off"},
        {{3, 'a', 'b', 'c'}, "no end"},
        {{0xc0, 0x0c}, "a pointer has no message here"},
        {{0x40, 'a', 0}, "extended label type, RFC 6891 §5"},
        {{0x80, 'a', 0}, "reserved label type"},
        {{3, 'a', '.', 'b', 0}, "a dot inside a label must not look like two labels"},
        {{3, 'a', ' ', 'b', 0}, "blank"},
        {{3, 'a', 0xff, 'b', 0}, "octet above 0x7f"},
        {too_long, "longer than 255 octets"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        ByteReader reader(c.wire);
        EXPECT_FALSE(Name::from_wire(reader));
    }
}

TEST(Name, IsHostname) {  // RFC 5321 §2.3.5
    for (const char* good : {"example.com", "a", "1and1.example", "mx-1.example", "xn--e1afmkfd.xn--p1ai", "3com.a1"}) {
        EXPECT_TRUE(Name::parse(good)->is_hostname()) << good;
    }
    for (const char* bad :
         {".", "_mta-sts.example.com", "a_b.example", "-a.example", "a-.example", "192.0.2.1", "mx.1"}) {
        EXPECT_FALSE(Name::parse(bad)->is_hostname()) << bad;
    }
}

TEST(Name, Relations) {
    const auto name = *Name::parse("a.b.example.com");
    EXPECT_EQ(name.parent().text(), "b.example.com");
    EXPECT_EQ(Name::parse("com")->parent(), Name());
    EXPECT_EQ(Name().parent(), Name());
    EXPECT_EQ(name.label_count(), 4U);
    EXPECT_EQ(Name().label_count(), 0U);
    EXPECT_EQ(name.labels(), (std::vector<std::string_view>{"a", "b", "example", "com"}));
    EXPECT_TRUE(Name().labels().empty());
    EXPECT_EQ(name.fqdn(), "a.b.example.com.");
    EXPECT_EQ(Name().fqdn(), ".");

    EXPECT_TRUE(name.is_under(name));
    EXPECT_TRUE(name.is_under(*Name::parse("example.com")));
    EXPECT_TRUE(name.is_under(Name()));
    EXPECT_TRUE(Name().is_under(Name()));
    EXPECT_FALSE(name.is_under(*Name::parse("ample.com"))) << "part of a label is not a label";
    EXPECT_FALSE(Name::parse("example.com")->is_under(name));
    EXPECT_FALSE(Name().is_under(name));
}

TEST(Name, Prefixed) {
    const auto domain = *Name::parse("example.com");
    EXPECT_EQ(domain.prefixed("_mta-sts")->text(), "_mta-sts.example.com");
    EXPECT_EQ(domain.prefixed("_25._tcp")->text(), "_25._tcp.example.com");
    EXPECT_EQ(Name().prefixed("com")->text(), "com");
    EXPECT_FALSE(domain.prefixed(""));
    EXPECT_FALSE(domain.prefixed("a."));
    EXPECT_FALSE(Name().prefixed("."));
    EXPECT_FALSE(domain.prefixed("a b"));
    EXPECT_FALSE(domain.prefixed(std::string(64, 'a')));
    EXPECT_FALSE(Name::parse(name253)->prefixed("a"));
}

TEST(Name, HashesAndSorts) {
    const std::unordered_set<Name> names = {*Name::parse("A.example"), *Name::parse("a.EXAMPLE."),
                                            *Name::parse("b.example")};
    EXPECT_EQ(names.size(), 2U);
    EXPECT_LT(*Name::parse("a.example"), *Name::parse("b.example"));
}

}  // namespace
}  // namespace postseal::dns
