#include "dns/record.h"

#include <gtest/gtest.h>

namespace postseal::dns {
namespace {

Name name(std::string_view text) {
    return *Name::parse(text);
}

Bytes hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != ' ') {
            digits += c;
        }
    }
    return *from_hex(digits);
}

const std::string mx_wire = "000a 026d78 076578616d706c65 03636f6d 00";

TEST(Record, DataBothWays) {
    struct Case {
        Type type;
        std::string wire;
        Data data;
        std::string text;
        const char* why;
    };
    const Case cases[] = {
        {Type::a, "c0000201", AddressData{*IpAddress::parse("192.0.2.1")}, "192.0.2.1", "RFC 1035 §3.4.1"},
        {Type::aaaa, "20010db8000000000000000000000001", AddressData{*IpAddress::parse("2001:db8::1")}, "2001:db8::1",
         "RFC 3596 §2.2"},
        {Type::txt, "0e 763d53545376313b2069643d613b", TxtData{{"v=STSv1; id=a;"}}, "\"v=STSv1; id=a;\"",
         "RFC 8461 §3.1"},
        {Type::txt, "02 6162 00 0163", TxtData{{"ab", "", "c"}}, "\"ab\" \"\" \"c\"", "several strings, one empty"},
        {Type::txt, "00", TxtData{{""}}, "\"\"", "one empty string"},
        {Type::txt, "05 22 5c 0a 20 ff", TxtData{{"\"\\\n \xff"}}, "\"\\\"\\\\\\010 \\255\"", "RFC 1035 §5.1 escapes"},
        {Type::mx, mx_wire, MxData{10, name("mx.example.com")}, "10 mx.example.com.", "RFC 1035 §3.3.9"},
        {Type::mx, "0000 00", MxData{0, Name()}, "0 .", "null MX, RFC 7505"},
        {Type::tlsa, "030101 abcdef", TlsaData{3, 1, 1, hex("abcdef")}, "3 1 1 abcdef", "RFC 6698 §2.2"},
        {Type::tlsa, "030101", TlsaData{3, 1, 1, {}}, "3 1 1", "no association: data, though never usable"},
        {Type::caa, "00 05 6973737565 63612e6578616d706c65", CaaData{0, "issue", "ca.example"},
         "0 issue \"ca.example\"", "RFC 8659 §4.1"},
        {Type::caa, "80 09 697373756577696c64 3b", CaaData{128, "issuewild", ";"}, "128 issuewild \";\"", "critical"},
        {Type::caa, "00 03 746273", CaaData{0, "tbs", ""}, "0 tbs \"\"", "empty value"},
        {Type::soa, "016e00 016800 00000001 00000002 00000003 00000004 0000003c",
         SoaData{name("n"), name("h"), 1, 2, 3, 4, 60}, "n. h. 1 2 3 4 60", "RFC 1035 §3.3.13"},
        {Type::cname, "0161 0162 00", CnameData{name("a.b")}, "a.b.", "RFC 1035 §3.3.1"},
        {Type::ns, "0161 0162 00", NsData{name("a.b")}, "a.b.", "RFC 1035 §3.3.11"},
        {Type::ptr, "0161 0162 00", PtrData{name("a.b")}, "a.b.", "RFC 1035 §3.3.12"},
        {Type::ds, "30390d02ff", OtherData{hex("30390d02ff")}, "\\# 5 30390d02ff", "RFC 3597 §5"},
        {static_cast<Type>(65280), "", OtherData{}, "\\# 0", "an unknown type without data"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(to_string(c.type) + ": " + c.why);
        const auto data = data_from_wire(c.type, hex(c.wire));
        ASSERT_TRUE(data) << data.error().message();
        EXPECT_EQ(*data, c.data);
        EXPECT_EQ(to_hex(data_to_wire(*data)), to_hex(hex(c.wire)));
        EXPECT_EQ(data_text(*data), c.text);
    }
}

TEST(Record, RejectsData) {
    struct Case {
        Type type;
        std::string wire;
        const char* why;
    };
    const Case cases[] = {
        {Type::a, "", "empty"},
        {Type::a, "c00002", "three octets"},
        {Type::a, "c000020101", "five octets"},
        {Type::aaaa, "c0000201", "four octets"},
        {Type::aaaa, "20010db800000000000000000000000100", "seventeen octets"},
        {Type::txt, "", "not even one string"},
        {Type::txt, "0361 62", "string cut off"},
        {Type::txt, "0161 05", "second string cut off"},
        {Type::mx, "00", "half a preference"},
        {Type::mx, "000a", "no exchange"},
        {Type::mx, "000a 016100 00", "more behind the exchange"},
        {Type::mx, "000a c00c", "a pointer without a message"},
        {Type::mx, "000a 03612062 00", "blank in a name"},
        {Type::tlsa, "0301", "two octets"},
        {Type::caa, "00", "flags alone"},
        {Type::caa, "00 00 61", "empty tag"},
        {Type::caa, "00 05 6973", "tag cut off"},
        {Type::caa, "00 02 2d61 62", "a hyphen in the tag"},
        {Type::soa, "00 00 00000001", "cut off after the serial"},
        {Type::soa, "00 00 0000000100000002000000030000000400000005 00", "more behind the minimum"},
        {Type::cname, "", "empty"},
        {Type::cname, "0161", "no end of the name"},
        {Type::ns, "0161 00 00", "more behind the name"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(to_string(c.type) + ": " + c.why);
        const auto data = data_from_wire(c.type, hex(c.wire));
        ASSERT_FALSE(data);
        EXPECT_EQ(data.error().where, to_string(c.type) + " record");
    }
    EXPECT_FALSE(data_from_wire(Type::txt, Bytes(0x10000)));
}

TEST(Record, LongTxtStringsAreCut) {
    const Bytes wire = data_to_wire(TxtData{{std::string(600, 'x'), "y"}});
    const auto data = std::get<TxtData>(*data_from_wire(Type::txt, wire));
    ASSERT_EQ(data.strings.size(), 4U);
    EXPECT_EQ(data.strings[0].size(), 255U);
    EXPECT_EQ(data.strings[2].size(), 90U);
    EXPECT_EQ(data.joined(), std::string(600, 'x') + "y");
    EXPECT_EQ(data_to_wire(TxtData{{std::string(255, 'x')}}).size(), 256U) << "no empty string behind a full one";
    EXPECT_EQ(data_to_wire(TxtData{}), Bytes{0}) << "at least one string";
}

TEST(Record, TypesAsText) {
    EXPECT_EQ(to_string(Type::tlsa), "TLSA");
    EXPECT_EQ(to_string(static_cast<Type>(1234)), "TYPE1234");
    EXPECT_EQ(*parse_type("caa"), Type::caa);
    EXPECT_EQ(*parse_type("type257"), Type::caa);
    EXPECT_EQ(*parse_type("TYPE65535"), static_cast<Type>(65535));
    for (const char* bad : {"", "TYPE", "TYPE65536", "TYPE-1", "TYPEx", "AA", "A ", "257"}) {
        EXPECT_FALSE(parse_type(bad)) << bad;
    }
    EXPECT_EQ(to_string(Rcode::nxdomain), "NXDOMAIN");
    EXPECT_EQ(to_string(static_cast<Rcode>(11)), "RCODE11");
}

}  // namespace
}  // namespace postseal::dns
