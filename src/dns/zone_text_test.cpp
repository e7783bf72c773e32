#include "dns/zone_text.h"

#include <gtest/gtest.h>

namespace postseal::dns {
namespace {

// One line per record, so that cases are easy to read.
std::string lines(const std::vector<Record>& records) {
    std::string out;
    for (const auto& record : records) {
        out += record.name.fqdn() + " " + std::to_string(record.ttl_s) + " " + to_string(record.type) + " " +
               data_text(record.data) + "\n";
    }
    return out;
}

TEST(ZoneText, Reads) {
    struct Case {
        const char* text;
        const char* out;
        const char* why;
    };
    const Case cases[] = {
        {"", "", "nothing"},
        {"\n  \n; only this\n\t; and this\n", "", "blank lines and comments"},
        {".  3600000  NS  A.ROOT-SERVERS.NET.\nA.ROOT-SERVERS.NET. 3600000 A 198.41.0.4\n",
         ". 3600000 NS a.root-servers.net.\na.root-servers.net. 3600000 A 198.41.0.4\n", "as root hints are written"},
        {"a.test. 60 IN AAAA 2001:db8::1", "a.test. 60 AAAA 2001:db8::1\n", "TTL before class, no line end"},
        {"a.test. in 60 A 192.0.2.1\r\n", "a.test. 60 A 192.0.2.1\n", "class before TTL, CRLF"},
        {"a.test A 192.0.2.1", "a.test. 0 A 192.0.2.1\n", "neither TTL nor class nor final dot"},
        {"a.test. A 192.0.2.1\n\tAAAA ::1\n", "a.test. 0 A 192.0.2.1\na.test. 0 AAAA ::1\n", "name of the line before"},
        {"1.test. 5 A 192.0.2.1", "1.test. 5 A 192.0.2.1\n", "a name that begins with a digit"},
        {"in. in A 192.0.2.1", "in. 0 A 192.0.2.1\n", "a name that looks like a class"},
        {"t. MX 10 mx.t.", "t. 0 MX 10 mx.t.\n", "MX"},
        {"t. MX 0 .", "t. 0 MX 0 .\n", "null MX, RFC 7505"},
        {"t. CNAME u.\nt. PTR v.\n", "t. 0 CNAME u.\nt. 0 PTR v.\n", "CNAME, PTR"},
        {"t. TXT \"a b;c\" d \"\" \"\\\"\\\\\\065\"", "t. 0 TXT \"a b;c\" \"d\" \"\" \"\\\"\\\\A\"\n",
         "strings and escapes"},
        {"t. TXT a\\;b", "t. 0 TXT \"a;b\"\n", "an escape outside quotes"},
        {"t. CAA 0 issue \"ca.example; x=1\"", "t. 0 CAA 0 issue \"ca.example; x=1\"\n", "CAA"},
        {"t. TLSA 3 1 1 ab cd", "t. 0 TLSA 3 1 1 abcd\n", "hexadecimal in pieces"},
        {"t. SOA ns.t. h.t. ( 1 ; serial\n 2 3\n 4 5 )\n", "t. 0 SOA ns.t. h.t. 1 2 3 4 5\n", "parentheses join lines"},
        {". IN DS 20326 8 2 E06D44B8", ". 0 DS \\# 8 4f660802e06d44b8\n", "DS, RFC 4034 §5.3"},
        {". 172800 IN DNSKEY 257 3 8 AwEA AQ== ;{id = 1}", ". 172800 DNSKEY \\# 8 0101030803010001\n",
         "DNSKEY, RFC 4034 §2.2"},
        {"t. TYPE65280 \\# 3 01 0203", "t. 0 TYPE65280 \\# 3 010203\n", "RFC 3597 §5"},
        {"t. A \\# 4 c0000201", "t. 0 A 192.0.2.1\n", "RFC 3597 §5 for a known type"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.text) + ": " + c.why);
        const auto records = parse_zone_text(c.text, "file");
        ASSERT_TRUE(records) << records.error().message();
        EXPECT_EQ(lines(*records), c.out);
    }
}

TEST(ZoneText, ErrorsSayWhereAndWhat) {
    struct Case {
        std::string text;
        const char* message;
    };
    const Case cases[] = {
        {"\n\nt.\n", "f:3: the type is missing"},
        {"t. 60 IN\n", "f:1: the type is missing"},
        {" A 192.0.2.1", "f:1: a line without a name, and none before it"},
        {"t. XYZ 1", "f:1: type \"XYZ\": unknown"},
        {"t. CH A 192.0.2.1", "f:1: type \"CH\": unknown"},
        {"t. 99999999999 A 192.0.2.1", "f:1: TTL: not a number from 0 to 2147483647"},
        {"t. 1h A 192.0.2.1", "f:1: TTL: not a number from 0 to 2147483647"},
        {"$TTL 60\nt. A 192.0.2.1",
         "f:1: directives such as $ORIGIN and $TTL are not read here: write names and TTLs out"},
        {"@ A 192.0.2.1", "f:1: name \"@\": label 1: a character other than letters, digits, '-' and '_'"},
        {"a..b A 192.0.2.1", "f:1: name \"a..b\": label 2: empty"},
        {"t. A", "f:1: A: address: missing"},
        {"t. A 192.0.2.1 2", "f:1: A: more words than the type has"},
        {"t. A 192.0.2.256", "f:1: A: address \"192.0.2.256\": neither IPv4 nor IPv6"},
        {"t. A ::1", "f:1: A: address: not IPv4"},
        {"t. AAAA 192.0.2.1", "f:1: AAAA: address: not IPv6"},
        {"t. MX mx.t.", "f:1: MX: preference: not a number from 0 to 65535"},
        {"t. MX 65536 mx.t.", "f:1: MX: preference: not a number from 0 to 65535"},
        {"t. MX 1", "f:1: MX: exchange: missing"},
        {"t. NS \"\"", "f:1: NS: host: name: empty"},
        {"t. SOA a. b. 1 2 3 4", "f:1: SOA: minimum: missing"},
        {"t. TXT", "f:1: TXT: string: missing"},
        {"t. TXT " + std::string(256, 'x'), "f:1: TXT: string: longer than 255 octets"},
        {"t. TXT \"abc", "f:1: a quotation mark that is not closed on its line"},
        {"t. TXT \"abc\ndef\"", "f:1: a quotation mark that is not closed on its line"},
        {"t. TXT \\256", "f:1: a backslash before what is not three digits up to 255"},
        {"t. TXT \\1", "f:1: a backslash before what is not three digits up to 255"},
        {"t. TXT \\", "f:1: a backslash at the end of the line"},
        {"t. CAA 0 is-sue x", "f:1: CAA: CAA record: tag: not one or more letters and digits"},
        {"t. TLSA 3 1 1 abc", "f:1: TLSA: association: an odd number of digits"},
        {"t. TLSA 3 1 256 ab", "f:1: TLSA: matching type: not a number from 0 to 255"},
        {"t. DS 1 2 3", "f:1: DS: digest: missing"},
        {"t. DS 1 2 3 xy", "f:1: DS: digest: a character that is not a hexadecimal digit"},
        {"t. DNSKEY 257 3 8 A", "f:1: DNSKEY: public key: the length is not a multiple of four"},
        {"t. DNSKEY 257 3 RSASHA256 AwEA", "f:1: DNSKEY: algorithm: not a number from 0 to 255"},
        {"t. NSEC a.", "f:1: NSEC: data: a type that is only read as \\# LENGTH HEX"},
        {"t. TYPE9 \\# 2 01", "f:1: TYPE9: length: 2 announced, 1 there"},
        {"t. A \\# 3 010203", "f:1: A: A record: the data ends too early"},
        {"t. A 192.0.2.1\nt. SOA a. b. ( 1\n2\n", "f:4: a parenthesis that is never closed"},
        {"t. A 192.0.2.1 )", "f:1: a closing parenthesis without an opening one"},
        {std::string("t.\0 A 192.0.2.1", 15), nullptr},
        {"\xff\xfe A 192.0.2.1", nullptr},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.text);
        const auto records = parse_zone_text(c.text, "f");
        ASSERT_FALSE(records) << lines(*records);
        if (c.message != nullptr) {
            EXPECT_EQ(records.error().message(), c.message);
        }
    }
}

TEST(ZoneText, IsBounded) {
    EXPECT_EQ(parse_zone_text(std::string(zone_text_bytes_max + 1, '\n'), "f").error().code, Errc::limit_exceeded);
    EXPECT_TRUE(parse_zone_text(std::string(zone_text_bytes_max, '\n'), "f"));
    EXPECT_TRUE(parse_zone_text(std::string(zone_text_bytes_max, ' '), "f"));
    EXPECT_FALSE(parse_zone_text(std::string(zone_text_bytes_max, '('), "f"));
    std::string many;
    for (std::size_t i = 0; i <= zone_text_records_max; ++i) {
        many += "t. A 192.0.2.1\n";
    }
    EXPECT_EQ(parse_zone_text(many, "f").error().message(), "f:10001: more than 10,000 records");
}

TEST(ZoneText, RootHints) {
    const auto addresses = parse_root_hints(
        ". 9 NS b.r.\n. NS a.r.\na.r. 9 A 192.0.2.1\nA.R. AAAA 2001:db8::1\nb.r. A 192.0.2.2\nother. A 192.0.2.3\n"
        "test. NS other.\n",
        "hints");
    ASSERT_TRUE(addresses) << addresses.error().message();
    ASSERT_EQ(addresses->size(), 3U) << "only those of the root's own servers";
    EXPECT_EQ((*addresses)[1].text(), "2001:db8::1");
    EXPECT_EQ(parse_root_hints("other. A 192.0.2.3\n", "hints").error().message(),
              "hints: no address of a name server of the root");
    EXPECT_EQ(parse_root_hints("x\n", "hints").error().message(), "hints:1: the type is missing");
}

TEST(ZoneText, TrustAnchors) {
    const auto anchors = parse_trust_anchors("test. IN DS 1 13 2 abcd\n. IN DNSKEY 257 3 8 AwEAAQ==\n", "anchors");
    ASSERT_TRUE(anchors);
    EXPECT_EQ(anchors->size(), 2U);
    EXPECT_EQ(parse_trust_anchors("test. A 192.0.2.1\n", "anchors").error().message(),
              "anchors: test. A: a trust anchor is a DS or DNSKEY record");
    EXPECT_EQ(parse_trust_anchors("; nothing\n", "anchors").error().message(), "anchors: no trust anchor");
}

}  // namespace
}  // namespace postseal::dns
