#include "dns/message.h"

#include <gtest/gtest.h>

namespace postseal::dns {
namespace {

Name name(std::string_view text) {
    return *Name::parse(text);
}

Bytes hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != ' ' && c != '\n') {
            digits += c;
        }
    }
    return *from_hex(digits);
}

// A query for "aB.example" TXT IN with id 0x1234 and RD, without EDNS.
const std::string query_header = "1234 0100 0001 0000 0000 0000";
const std::string question = "02 6142 07 6578616d706c65 00 0010 0001";
const std::string opt = "00 0029 04d0 00000000 0000";

std::string header(std::string_view flags, std::string_view counts) {
    return "1234 " + std::string(flags) + " " + std::string(counts);
}

TEST(Header, BothWays) {
    const Bytes wire = hex("abcd 8583 0001 0002 0003 0004");
    const auto read = read_header(wire);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, 0xabcd);
    EXPECT_TRUE(read->response);
    EXPECT_TRUE(read->authoritative);
    EXPECT_FALSE(read->truncated);
    EXPECT_TRUE(read->recursion_desired);
    EXPECT_TRUE(read->recursion_available);
    EXPECT_EQ(read->rcode, 3);
    EXPECT_EQ(read->additional_count, 4);
    for (const char* flags : {"0000", "8000", "7800", "0400", "0200", "0100", "0080", "0020", "0010", "000f", "ffbf"}) {
        const Bytes one = hex("0001 " + std::string(flags) + " 0000 0000 0000 0000");
        const auto again = encode_header(*read_header(one));
        EXPECT_EQ(to_hex(again), to_hex(one)) << "every flag has its bit: " << flags;
    }
    EXPECT_FALSE(read_header(hex("abcd 8583 0001 0002 0003 00")));
}

TEST(Query, Reads) {
    const Bytes packet = hex(query_header + question);
    const Query query = read_query(packet);
    EXPECT_EQ(query.fault, QueryFault::none);
    EXPECT_EQ(query.header.id, 0x1234);
    EXPECT_EQ(to_hex(query.question), to_hex(hex(question))) << "with its case";
    EXPECT_EQ(query.name.size(), query.question.size() - 4);
    EXPECT_EQ(query.type, Type::txt);
    EXPECT_EQ(query.klass, class_in);
    EXPECT_FALSE(query.edns);
}

TEST(Query, ReadsEdns) {  // RFC 6891 §6.1
    const Bytes packet =
        hex(header("0100", "0001 0000 0000 0001") + question + "00 0029 1000 00 01 8000 0006 000a 0002 abcd");
    const Query query = read_query(packet);
    EXPECT_EQ(query.fault, QueryFault::none);
    ASSERT_TRUE(query.edns);
    EXPECT_EQ(query.edns->udp_bytes, 4096);
    EXPECT_EQ(query.edns->version, 1);
    EXPECT_TRUE(query.edns->dnssec_ok);
}

TEST(Query, ReadsWhatIsUnusual) {
    struct Case {
        std::string packet;
        const char* why;
    };
    const Case cases[] = {
        {header("0100", "0001 0000 0000 0000") + "00 0002 0001", "the root"},
        {header("0000", "0001 0000 0000 0000") + "03 00ff20 00 0001 0001", "a label of any octets, RFC 2181 §11"},
        {header("0000", "0001 0000 0000 0000") + question.substr(0, question.size() - 4) + "0003", "class CHAOS"},
        {header("0130", "0001 0000 0000 0000") + question, "AD and CD set"},
        {header("0000", "0001 0000 0001 0000") + question + "c00c 0006 0001 00000000 0000",
         "authority, as IXFR has it"},
        {header("0000", "0001 0000 0000 0002") + question + opt + "00 00fa 00ff 00000000 0000", "a record behind OPT"},
    };
    for (const auto& c : cases) {
        const Bytes packet = hex(c.packet);
        EXPECT_EQ(read_query(packet).fault, QueryFault::none) << c.why;
    }
}

TEST(Query, FindsFaults) {
    std::string long_name;
    for (int i = 0; i < 4; ++i) {
        long_name += "3f" + std::string(126, '6');
    }
    struct Case {
        std::string packet;
        QueryFault fault;
        const char* why;
    };
    const Case cases[] = {
        {"", QueryFault::not_a_query, "nothing"},
        {"1234 0100 0001 0000 0000 00", QueryFault::not_a_query, "eleven octets"},
        {header("8100", "0001 0000 0000 0000") + question, QueryFault::not_a_query,
         "a response: answering it makes a loop"},
        {header("a100", "0001 0000 0000 0000") + question, QueryFault::not_a_query, "a response to NOTIFY"},
        {header("2000", "0001 0000 0000 0000") + question, QueryFault::notimp, "NOTIFY"},
        {header("2800", "0001 0000 0000 0000") + question, QueryFault::notimp, "UPDATE"},
        {header("1000", "0000 0000 0000 0000"), QueryFault::notimp, "STATUS"},
        {header("7800", "ffff ffff ffff ffff"), QueryFault::notimp, "opcode 15, nothing else read"},
        {header("0100", "0000 0000 0000 0000"), QueryFault::formerr, "no question"},
        {header("0100", "0002 0000 0000 0000") + question + question, QueryFault::formerr, "two questions, RFC 9619"},
        {header("0100", "ffff 0000 0000 0000") + question, QueryFault::formerr, "65535 questions"},
        {query_header, QueryFault::formerr, "no question where one is announced"},
        {query_header + "02 61", QueryFault::formerr, "label cut off"},
        {query_header + "02 6142", QueryFault::formerr, "name without an end"},
        {query_header + "02 6142 00 0010 00", QueryFault::formerr, "class cut off"},
        {query_header + "c00c 0010 0001", QueryFault::formerr, "a pointer to itself"},
        {query_header + "02 6142 c000 0010 0001", QueryFault::formerr, "a pointer into the header"},
        {query_header + "41 6142 00 0010 0001", QueryFault::formerr, "label type 01"},
        {query_header + "82 6142 00 0010 0001", QueryFault::formerr, "label type 10"},
        {query_header + long_name + "00 0010 0001", QueryFault::formerr, "a name of 257 octets"},
        {query_header + question + "00", QueryFault::formerr, "an octet behind the message"},
        {header("0100", "0001 0000 0000 0001") + question, QueryFault::formerr, "announced record missing"},
        {header("0100", "0001 ffff ffff ffff") + question + opt, QueryFault::formerr, "announced records missing"},
        {header("0100", "0001 0000 0000 0001") + question + "00 0029 04d0 00000000 00", QueryFault::formerr,
         "OPT cut off"},
        {header("0100", "0001 0000 0000 0001") + question + "00 0029 04d0 00000000 0004 0000", QueryFault::formerr,
         "OPT shorter than its length"},
        {header("0100", "0001 0000 0000 0001") + question + "00 0029 04d0 00000000 0003 000a00", QueryFault::formerr,
         "option header cut off"},
        {header("0100", "0001 0000 0000 0001") + question + "00 0029 04d0 00000000 0005 000a0002ab",
         QueryFault::formerr, "option shorter than its length"},
        {header("0100", "0001 0000 0000 0002") + question + opt + opt, QueryFault::formerr, "two OPT, RFC 6891 §6.1.1"},
        {header("0100", "0001 0000 0001 0000") + question + opt, QueryFault::formerr, "OPT in the authority section"},
        {header("0100", "0001 0001 0000 0000") + question + opt, QueryFault::formerr, "OPT in the answer section"},
        {header("0100", "0001 0000 0000 0001") + question + "0161 00 0029 04d0 00000000 0000", QueryFault::formerr,
         "OPT that the root does not own"},
        {header("0100", "0001 0000 0000 0001") + question + "c00c", QueryFault::formerr,
         "record cut off behind a pointer"},
        {header("0100", "0001 0000 0000 0001") + question + "c0", QueryFault::formerr, "half a pointer"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        const Bytes packet = hex(c.packet);
        const Query query = read_query(packet);
        EXPECT_EQ(query.fault, c.fault);
        EXPECT_TRUE(query.question.empty());
        EXPECT_FALSE(query.edns);
    }
}

TEST(Query, EveryPrefixOfAQueryIsHandled) {
    const Bytes whole = hex(header("0100", "0001 0000 0000 0001") + question + opt);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_NE(read_query(part).fault, QueryFault::none) << size;
    }
}

TEST(Query, Made) {
    QueryOptions options;
    options.dnssec_ok = true;
    options.recursion_desired = true;
    const Bytes packet = make_query(0xbeef, name("ab.example"), Type::txt, options);
    const Query query = read_query(packet);
    EXPECT_EQ(query.fault, QueryFault::none);
    EXPECT_EQ(query.header.id, 0xbeef);
    EXPECT_TRUE(query.header.recursion_desired);
    ASSERT_TRUE(query.edns);
    EXPECT_EQ(query.edns->udp_bytes, udp_bytes_ours);
    EXPECT_TRUE(query.edns->dnssec_ok);
    EXPECT_EQ(as_text(query.name), std::string_view("\2ab\7example\0", 12));

    options.case_bits = 0b1011;  // counts letters only, the lowest bit first
    const Bytes mixed = make_query(0xbeef, name("a_b.1x-ample"), Type::txt, options);
    EXPECT_EQ(as_text(read_query(mixed).name), std::string_view("\3A_B\10"
                                                                "1x-Ample\0",
                                                                14));
}

TEST(Response, BelongsToItsQuery) {
    const Bytes query = hex(query_header + question);
    struct Case {
        std::string response;
        bool exact;
        bool ignoring_case;
        const char* why;
    };
    const std::string other_case = "02 6162 07 6578616d706c65 00 0010 0001";
    const Case cases[] = {
        {header("8500", "0001 0000 0000 0000") + question, true, true, "the same"},
        {header("8183", "0001 0000 0000 0000") + question, true, true, "an error for the same"},
        {header("8500", "0001 0000 0000 0000") + other_case, false, true, "the case was not kept"},
        {header("0100", "0001 0000 0000 0000") + question, false, false, "a query"},
        {"1235 8500 0001 0000 0000 0000" + question, false, false, "another id"},
        {header("a500", "0001 0000 0000 0000") + question, false, false, "another opcode"},
        {header("8500", "0001 0000 0000 0000") + "02 6143 07 6578616d706c65 00 0010 0001", false, false,
         "another name"},
        {header("8500", "0001 0000 0000 0000") + "02 6142 07 6578616d706c65 00 0001 0001", false, false,
         "another type"},
        {header("8500", "0001 0000 0000 0000") + "02 6142 07 6578616d706c65 00 0010 0003", false, false,
         "another class"},
        {header("8500", "0001 0000 0000 0000") + "02 6142 07 6578616d706c65 00 0010", false, false, "cut off"},
        {header("8500", "0000 0000 0000 0000"), false, false, "no question: nothing shows that it was asked"},
        {"", false, false, "nothing"},
    };
    for (const auto& c : cases) {
        const Bytes response = hex(c.response);
        EXPECT_EQ(is_response_to(query, response), c.exact) << c.why;
        EXPECT_EQ(is_response_to(query, response, NameCase::ignored), c.ignoring_case) << c.why;
    }
    EXPECT_FALSE(is_response_to({}, query));
    EXPECT_FALSE(is_response_to(hex(query_header), hex(header("8500", "0001 0000 0000 0000") + question)));
}

// A referral with compressed names in all sections, as a root server gives it.
const std::string referral = header("8000", "0001 0000 0002 0003") + question +
                             "c00f 0002 0001 0002a300 0005 02 6e73 c00f"  // example NS ns.example, name at 0x2c
                             "c00f 0006 0001 00000e10 0018 c028 c00f 00000001 00000002 00000003 00000004 0000003c"
                             "c028 0001 0001 00000e10 0004 c0000201"
                             "c028 001c 0001 00000e10 0010 20010db8000000000000000000000001" +
                             opt;

TEST(Response, ReadsAllSections) {
    const auto message = read_response(hex(referral));
    ASSERT_TRUE(message) << message.error().message();
    EXPECT_EQ(message->question_name, name("ab.example"));
    EXPECT_EQ(message->question_type, Type::txt);
    EXPECT_TRUE(message->answer.empty());
    ASSERT_EQ(message->authority.size(), 2U);
    EXPECT_EQ(message->authority[0], (Record{name("example"), Type::ns, 172800, NsData{name("ns.example")}}));
    EXPECT_EQ(message->authority[1],
              (Record{name("example"), Type::soa, 3600, SoaData{name("ns.example"), name("example"), 1, 2, 3, 4, 60}}));
    ASSERT_EQ(message->additional.size(), 2U) << "OPT stands in no section";
    EXPECT_EQ(message->additional[0],
              (Record{name("ns.example"), Type::a, 3600, AddressData{*IpAddress::parse("192.0.2.1")}}));
    EXPECT_TRUE(message->edns);
    EXPECT_EQ(message->rcode, Rcode::noerror);
    EXPECT_EQ(message->records_skipped, 0U);
}

TEST(Response, EveryPrefixIsAnErrorUnlessTruncated) {
    const Bytes whole = hex(referral);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(read_response(part)) << size;
        if (size >= header_bytes) {
            part[2] |= 0x02U;  // TC
            const auto message = read_response(part);
            ASSERT_TRUE(message) << size << message.error().message();
            EXPECT_TRUE(message->header.truncated);
        }
    }
}

std::string answer_of(const std::string& records, std::string_view count = "0001") {
    return header("8400", "0001 " + std::string(count) + " 0000 0000") + question + records;
}

TEST(Response, OddRecordsDoNotSpoilTheOthers) {
    const std::string a = "c00c 0001 0001 0000003c 0004 c0000201";
    struct Case {
        std::string record;
        std::size_t kept;
        const char* why;
    };
    const Case cases[] = {
        {"c00c 0001 0001 0000003c 0005 c000020100", 2, "A of five octets"},
        {"c00c 0010 0001 0000003c 0000", 2, "TXT without a string"},
        {"c00c 000f 0001 0000003c 0001 00", 2, "MX of one octet"},
        {"c00c 000f 0001 0000003c 0007 000a 03612062 00", 2, "MX with a blank in the exchange"},
        {"c00c 0005 0001 0000003c 0002 ffff", 2, "CNAME with a pointer past the end"},
        {"c00c 0005 0001 0000003c 0002 c028", 2, "CNAME with a pointer to itself"},
        {"c00c 0005 0001 0000003c 0003 016100", 2, "a name within its record, to compare"},
        {"c00c 0005 0001 0000003c 0002 0161", 2, "CNAME that passes the end of its record"},
        {"c00c 0006 0001 0000003c 0004 c00c c00c", 2, "SOA without numbers"},
        {"c00c 0001 0003 0000003c 0004 c0000201", 1, "class CHAOS is left out"},
        {"03 612062 00 0001 0001 0000003c 0004 c0000201", 1, "owner with a blank is left out"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        const auto message = read_response(hex(answer_of(c.record + a, "0002")));
        ASSERT_TRUE(message) << message.error().message();
        ASSERT_EQ(message->answer.size(), c.kept);
        EXPECT_EQ(message->records_skipped, 2 - c.kept);
        EXPECT_EQ(message->answer.back().data, Data(AddressData{*IpAddress::parse("192.0.2.1")}));
        const bool sound = std::string_view(c.why).starts_with("a name within");
        if (c.kept == 2 && !sound) {
            EXPECT_TRUE(std::holds_alternative<OtherData>(message->answer[0].data));
        }
    }
}

TEST(Response, Rejects) {
    struct Case {
        std::string packet;
        const char* message_part;
        const char* why;
    };
    const Case cases[] = {
        {"", "shorter than its header", "nothing"},
        {query_header + question, "not a response", "a query"},
        {header("8400", "0002 0000 0000 0000") + question + question, "more than one question", "two questions"},
        {header("8400", "0001 0000 0000 0000") + "c00c 0010 0001", "compression pointer", "question points to itself"},
        {header("8400", "0001 0000 0000 0000") + "c000 0010 0001", "compression pointer", "pointer into the header"},
        {header("8400", "0001 0000 0000 0000") + "0161 c00c 0010 0001", "compression pointer", "a loop"},
        {answer_of("c01e 0001 0001 0000003c 0004 c0000201"), "answer record 1: a compression pointer",
         "owner is itself"},
        {answer_of("ffff 0001 0001 0000003c 0004 c0000201"), "answer record 1: a compression pointer", "points ahead"},
        {answer_of("c00c 0001 0001 0000003c 0004 c00002"), "answer record 1: the data ends", "data cut off"},
        {answer_of("c00c 0001 0001 0000003c ffff c0000201"), "answer record 1: the data ends", "length too large"},
        {answer_of("40 0001 0001 0000003c 0004 c0000201"), "unknown label type", "label type 01"},
        {header("8400", "0001 ffff ffff ffff") + question, "the data ends", "announced records missing"},
        {header("8400", "0001 0000 0000 0002") + question + opt + opt, "second OPT", "two OPT"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        const auto message = read_response(hex(c.packet));
        ASSERT_FALSE(message);
        EXPECT_NE(message.error().message().find(c.message_part), std::string::npos) << message.error().message();
    }
    EXPECT_FALSE(read_response(Bytes(0x10000, 0x80)));
}

TEST(Response, PointerChainsEnd) {
    // Many records, each owner a pointer to the one before: the longest legal chain is short in octets and finite.
    std::string records;
    std::size_t at = header_bytes + hex(question).size();
    std::size_t target = header_bytes;
    for (int i = 0; i < 500; ++i) {
        Bytes pointer;
        append_u16(pointer, static_cast<std::uint16_t>(0xc000 | target));
        records += to_hex(pointer) + "000100010000003c0004c0000201";
        target = at;
        at += 16;
    }
    const auto message = read_response(hex(answer_of(records, "01f4")));
    ASSERT_TRUE(message) << message.error().message();
    EXPECT_EQ(message->answer.size(), 500U);
    EXPECT_EQ(message->answer.back().name, name("ab.example"));
}

TEST(Response, NamesGrowToTheLimitOnly) {
    // Each owner is a label in front of the one before: the 128th name would be too long.
    std::string records;
    std::size_t at = header_bytes + hex(question).size();
    std::size_t target = header_bytes;
    for (int i = 0; i < 125; ++i) {
        Bytes pointer;
        append_u16(pointer, static_cast<std::uint16_t>(0xc000 | target));
        records += "0161" + to_hex(pointer) + "000100010000003c0004c0000201";
        target = at;
        at += 18;
    }
    const auto message = read_response(hex(answer_of(records, "007d")));
    ASSERT_FALSE(message);
    EXPECT_NE(message.error().message().find("longer than 255"), std::string::npos) << message.error().message();
}

TEST(Response, ExtendedRcodeAndTtl) {
    const auto badvers =
        read_response(hex(header("8000", "0001 0000 0000 0001") + question + "00 0029 04d0 01000000 0000"));
    ASSERT_TRUE(badvers);
    EXPECT_EQ(badvers->rcode, Rcode::badvers);
    const auto top_bit = read_response(hex(answer_of("c00c 0001 0001 80000001 0004 c0000201")));
    EXPECT_EQ(top_bit->answer[0].ttl_s, 0U) << "RFC 2181 §8";
}

}  // namespace
}  // namespace postseal::dns
