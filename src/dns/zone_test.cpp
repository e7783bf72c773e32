#include "dns/zone.h"

#include <gtest/gtest.h>

#include <thread>

namespace postseal::dns {
namespace {

Name name(std::string_view text) {
    return *Name::parse(text);
}

Record txt(std::string_view owner, std::string text, std::uint32_t ttl_s = 300) {
    return {name(owner), Type::txt, ttl_s, TxtData{{std::move(text)}}};
}
Record a(std::string_view owner, std::string_view address, std::uint32_t ttl_s = 60) {
    const auto parsed = *IpAddress::parse(address);
    return {name(owner), parsed.is_v4() ? Type::a : Type::aaaa, ttl_s, AddressData{parsed}};
}
Record cname(std::string_view owner, std::string_view target) {
    return {name(owner), Type::cname, 300, CnameData{name(target)}};
}
Record soa(std::uint32_t ttl_s = 3600, std::uint32_t minimum = 60, std::uint32_t serial = 7) {
    return {name("z.example"), Type::soa, ttl_s,
            SoaData{name("ns1.z.example"), name("hostmaster.z.example"), serial, 3600, 600, 86400, minimum}};
}
Record ns() {
    return {name("z.example"), Type::ns, 3600, NsData{name("ns1.z.example")}};
}

std::vector<Record> records() {
    return {
        soa(),
        ns(),
        a("ns1.z.example", "192.0.2.53"),
        a("ns1.z.example", "2001:db8::53"),
        txt("_mta-sts.abc.z.example", "v=STSv1; id=1;"),
        a("mta-sts.abc.z.example", "192.0.2.80"),
        {name("mta-sts.abc.z.example"), Type::caa, 300, CaaData{0, "issue", "ca.example"}},
        txt("_smtp._tls.abc.z.example", "v=TLSRPTv1; rua=https://i.example/1"),
        cname("in.z.example", "mta-sts.abc.z.example"),
        cname("out.z.example", "elsewhere.example"),
        cname("dangling.z.example", "nothing.z.example"),
        cname("loop1.z.example", "loop2.z.example"),
        cname("loop2.z.example", "loop1.z.example"),
    };
}

ZonePtr zone() {
    return *Zone::build(name("z.example"), records());
}

Message ask(const Zone& zone, std::string_view qname, Type type, Transport transport = Transport::tcp) {
    const auto response = zone.answer(make_query(1, name(qname), type), transport);
    EXPECT_TRUE(response);
    const auto message = read_response(*response);
    EXPECT_TRUE(message) << message.error().message();
    EXPECT_EQ(message->question_name, name(qname));
    return *message;
}

// "NOERROR aa 1/1: TXT "…"; SOA 60" — what an asker learns, in one line.
std::string line(const Message& message) {
    std::string out = to_string(message.rcode);
    out += message.header.authoritative ? " aa" : "";
    out += message.header.truncated ? " tc" : "";
    for (const auto& record : message.answer) {
        out += " | " + record.name.text() + " " + std::to_string(record.ttl_s) + " " + to_string(record.type) + " " +
               data_text(record.data);
    }
    for (const auto& record : message.authority) {
        out += " | authority " + record.name.text() + " " + std::to_string(record.ttl_s) + " " + to_string(record.type);
    }
    return out;
}

TEST(Zone, Answers) {
    const std::string negative = " | authority z.example 60 SOA";
    const std::string address = "mta-sts.abc.z.example 60 A 192.0.2.80";
    const std::string hinfo = " 3600 HINFO \\# 9 075246433834383200";
    struct Case {
        const char* qname;
        Type type;
        std::string out;
        const char* why;
    };
    const Case cases[] = {
        {"_mta-sts.abc.z.example", Type::txt, "NOERROR aa | _mta-sts.abc.z.example 300 TXT \"v=STSv1; id=1;\"",
         "RFC 8461 §3.1"},
        {"_smtp._tls.abc.z.example", Type::txt,
         "NOERROR aa | _smtp._tls.abc.z.example 300 TXT \"v=TLSRPTv1; rua=https://i.example/1\"", "RFC 8460 §3"},
        {"mta-sts.abc.z.example", Type::a, "NOERROR aa | " + address, "A"},
        {"mta-sts.abc.z.example", Type::caa, "NOERROR aa | mta-sts.abc.z.example 300 CAA 0 issue \"ca.example\"",
         "CAA"},
        {"z.example", Type::soa,
         "NOERROR aa | z.example 3600 SOA ns1.z.example. hostmaster.z.example. 7 3600 600 86400 60",
         "SOA with its own TTL"},
        {"z.example", Type::ns, "NOERROR aa | z.example 3600 NS ns1.z.example.", "NS of the apex"},
        {"mta-sts.abc.z.example", Type::aaaa, "NOERROR aa" + negative, "NODATA, RFC 2308 §2.2"},
        {"mta-sts.abc.z.example", static_cast<Type>(65280), "NOERROR aa" + negative,
         "a type that nobody knows, RFC 3597 §3"},
        {"mta-sts.abc.z.example", Type::ds, "NOERROR aa" + negative, "DS of an unsigned name"},
        {"abc.z.example", Type::txt, "NOERROR aa" + negative, "empty non-terminal, RFC 8020 §3.1"},
        {"_tls.abc.z.example", Type::txt, "NOERROR aa" + negative, "empty non-terminal of an empty one"},
        {"abc.z.example", Type::any, "NOERROR aa" + negative, "ANY at an empty non-terminal"},
        {"xyz.z.example", Type::txt, "NXDOMAIN aa" + negative, "no such name, RFC 2308 §2.1"},
        {"_mta-sts.xyz.z.example", Type::txt, "NXDOMAIN aa" + negative, "nor below it"},
        {"a._mta-sts.abc.z.example", Type::txt, "NXDOMAIN aa" + negative, "below a name that exists"},
        {"b.abc.z.example", Type::txt, "NXDOMAIN aa" + negative, "beside names that exist"},
        {"mta-sts.abc.z.example", Type::any, "NOERROR aa | mta-sts.abc.z.example" + hinfo, "RFC 8482 §4.2"},
        {"xyz.z.example", Type::any, "NXDOMAIN aa" + negative, "ANY of nothing"},
        {"in.z.example", Type::a, "NOERROR aa | in.z.example 300 CNAME mta-sts.abc.z.example. | " + address,
         "RFC 1034 §4.3.2: a CNAME is followed inside the zone"},
        {"in.z.example", Type::aaaa, "NOERROR aa | in.z.example 300 CNAME mta-sts.abc.z.example." + negative,
         "NODATA behind a CNAME, RFC 2308 §2.2"},
        {"in.z.example", Type::cname, "NOERROR aa | in.z.example 300 CNAME mta-sts.abc.z.example.", "CNAME itself"},
        {"in.z.example", Type::any, "NOERROR aa | in.z.example 300 CNAME mta-sts.abc.z.example.", "RFC 8482 §4.2"},
        {"out.z.example", Type::a, "NOERROR aa | out.z.example 300 CNAME elsewhere.example.",
         "a CNAME out of the zone"},
        {"dangling.z.example", Type::a, "NXDOMAIN aa | dangling.z.example 300 CNAME nothing.z.example." + negative,
         "RFC 2308 §2.1: CNAME to nothing"},
        {"example", Type::soa, "REFUSED", "above the zone"},
        {"xz.example", Type::a, "REFUSED", "ends with the letters of the apex, not with its labels"},
        {"other.test", Type::a, "REFUSED", "elsewhere"},
        {".", Type::ns, "REFUSED", "the root: the query of amplifiers"},
        {"z.example", Type::axfr, "REFUSED", "transfers are not for everybody"},
        {"z.example", Type::ixfr, "REFUSED", "nor incremental ones"},
    };
    const auto served = zone();
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.qname) + " " + to_string(c.type) + ": " + c.why);
        EXPECT_EQ(line(ask(*served, c.qname, c.type)), c.out);
    }
}

TEST(Zone, NegativeTtlIsTheLower) {  // RFC 2308 §5
    for (const auto& [ttl_s, minimum, expected] :
         {std::tuple(3600U, 60U, 60U), std::tuple(30U, 60U, 30U), std::tuple(60U, 60U, 60U),
          std::tuple(0x100U, 0xffU, 0xffU), std::tuple(0xffU, 0x100U, 0xffU), std::tuple(5U, 0U, 0U)}) {
        const auto served = *Zone::build(name("z.example"), {soa(ttl_s, minimum), ns()});
        const auto message = ask(*served, "no.z.example", Type::a);
        ASSERT_EQ(message.authority.size(), 1U);
        EXPECT_EQ(message.authority[0].ttl_s, expected) << ttl_s << " " << minimum;
        EXPECT_EQ(std::get<SoaData>(message.authority[0].data).minimum, minimum) << "the field itself stays";
    }
}

TEST(Zone, CnameLoopEnds) {
    const auto message = ask(*zone(), "loop1.z.example", Type::a);
    EXPECT_EQ(message.rcode, Rcode::noerror);
    EXPECT_EQ(message.answer.size(), 9U);
}

TEST(Zone, KeepsTheCaseOfTheQuestion) {
    QueryOptions options;
    options.case_bits = 0x5555;
    const Bytes query = make_query(9, name("_mta-sts.abc.z.example"), Type::txt, options);
    const auto response = zone()->answer(query, Transport::udp);
    ASSERT_TRUE(response);
    EXPECT_TRUE(is_response_to(query, *response, NameCase::exact));
    EXPECT_EQ(read_response(*response)->answer.size(), 1U);
}

TEST(Zone, CopiesWhatTheHeaderSays) {
    QueryOptions options;
    options.recursion_desired = true;
    options.checking_disabled = true;
    const auto response = zone()->answer(make_query(0xabcd, name("z.example"), Type::ns, options), Transport::udp);
    const auto header = *read_header(*response);
    EXPECT_EQ(header.id, 0xabcd);
    EXPECT_TRUE(header.response);
    EXPECT_TRUE(header.recursion_desired);
    EXPECT_TRUE(header.checking_disabled);
    EXPECT_FALSE(header.recursion_available) << "we do not recurse";
    EXPECT_FALSE(header.authentic_data);
}

// Offsets into a query made by make_query() for the apex.
constexpr std::size_t opt_udp_bytes_at = 12 + 11 + 4 + 3;
constexpr std::size_t opt_version_at = opt_udp_bytes_at + 3;

Bytes apex_query(const QueryOptions& options = {}) {
    return make_query(1, name("z.example"), Type::ns, options);
}

Bytes without_edns(Bytes query) {
    query.resize(query.size() - 11);
    query[11] = 0;
    return query;
}

TEST(Zone, AnswersEdns) {
    const auto served = zone();
    QueryOptions options;
    options.dnssec_ok = true;
    const auto with_do = *read_response(*served->answer(apex_query(options), Transport::udp));
    ASSERT_TRUE(with_do.edns);
    EXPECT_EQ(with_do.edns->udp_bytes, 1232);
    EXPECT_TRUE(with_do.edns->dnssec_ok) << "RFC 3225 §3, also of an unsigned zone";
    EXPECT_EQ(with_do.answer.size(), 1U);
    EXPECT_FALSE(read_response(*served->answer(apex_query(), Transport::udp))->edns->dnssec_ok);
    EXPECT_FALSE(read_response(*served->answer(without_edns(apex_query()), Transport::udp))->edns)
        << "RFC 6891 §7: none back to who sent none";

    auto version_1 = apex_query();
    version_1[opt_version_at] = 1;
    const auto badvers = *read_response(*served->answer(version_1, Transport::udp));
    EXPECT_EQ(badvers.rcode, Rcode::badvers);  // RFC 6891 §6.1.3
    EXPECT_EQ(badvers.edns->version, 0) << "the highest that we know";
    EXPECT_TRUE(badvers.answer.empty());
    EXPECT_FALSE(badvers.header.authoritative);
}

TEST(Zone, ErrorsAreSmall) {
    struct Case {
        Bytes packet;
        Rcode rcode;
        const char* why;
    };
    auto notify = apex_query();
    notify[2] = 0x20;
    auto two = apex_query();
    two[5] = 2;
    auto cut = apex_query();
    cut.resize(20);
    const Case cases[] = {
        {notify, Rcode::notimp, "NOTIFY"},
        {two, Rcode::formerr, "two questions announced"},
        {cut, Rcode::formerr, "cut off in the question"},
    };
    for (const auto& c : cases) {
        const auto response = zone()->answer(c.packet, Transport::udp);
        ASSERT_TRUE(response) << c.why;
        EXPECT_EQ(response->size(), header_bytes) << c.why;
        EXPECT_EQ((*response)[3] & 0xf, static_cast<int>(c.rcode)) << c.why;
        EXPECT_EQ((*response)[0] << 8 | (*response)[1], 1) << "the id: " << c.why;
        EXPECT_EQ((*response)[2] & 0xf8, 0x80 | (c.packet[2] & 0x78)) << "the opcode: " << c.why;
    }
    for (const int klass : {3, 4, 254, 255}) {  // CHAOS (version.bind), HESIOD, NONE, ANY
        auto other = without_edns(apex_query());
        other.back() = static_cast<std::uint8_t>(klass);
        const auto message = *read_response(*zone()->answer(other, Transport::udp));
        EXPECT_EQ(message.rcode, Rcode::refused);
        EXPECT_FALSE(message.header.authoritative);
    }
}

TEST(Zone, DropsWhatIsNoQuery) {
    Bytes out = {1, 2, 3};
    const auto served = zone();
    EXPECT_FALSE(served->answer(Bytes{}, Transport::udp, out));
    EXPECT_TRUE(out.empty());
    EXPECT_FALSE(served->answer(Bytes(11), Transport::udp));
    const auto response = served->answer(apex_query(), Transport::udp);
    EXPECT_FALSE(served->answer(*response, Transport::udp)) << "an answer to an answer would never end";
}

TEST(Zone, Truncates) {  // RFC 2181 §9, RFC 6891 §6.2.3
    auto all = records();
    for (int i = 0; i < 10; ++i) {
        all.push_back(txt("big.z.example", std::string(100, static_cast<char>('a' + i))));
    }
    for (int i = 0; i < 100; ++i) {
        all.push_back(txt("huge.z.example", std::string(200, 'x') + std::to_string(i)));
    }
    const auto served = *Zone::build(name("z.example"), all);
    struct Case {
        const char* qname;
        int udp_bytes;  // -1: no EDNS
        Transport transport;
        bool truncated;
        const char* why;
    };
    const Case cases[] = {
        {"big.z.example", -1, Transport::udp, true, "1,160 octets do not fit 512"},
        {"big.z.example", 0, Transport::udp, true, "less than 512 counts as 512"},
        {"big.z.example", 1100, Transport::udp, true, "the asker's limit"},
        {"big.z.example", 1232, Transport::udp, false, "fits"},
        {"big.z.example", 65535, Transport::udp, false, "fits"},
        {"huge.z.example", 65535, Transport::udp, true, "never above our 1232, whatever the asker takes"},
        {"huge.z.example", -1, Transport::tcp, false, "TCP has no such limit"},
        {"huge.z.example", 512, Transport::tcp, false, "nor one by EDNS"},
        {"_mta-sts.abc.z.example", -1, Transport::udp, false, "small answers fit"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        Bytes query = make_query(1, name(c.qname), Type::txt);
        if (c.udp_bytes < 0) {
            query = without_edns(query);
        } else {
            query[query.size() - 8] = static_cast<std::uint8_t>(c.udp_bytes >> 8);
            query[query.size() - 7] = static_cast<std::uint8_t>(c.udp_bytes);
        }
        const auto response = served->answer(query, c.transport);
        ASSERT_TRUE(response);
        const auto message = *read_response(*response);
        EXPECT_EQ(message.header.truncated, c.truncated);
        EXPECT_EQ(message.answer.empty(), c.truncated);
        EXPECT_EQ(message.edns.has_value(), c.udp_bytes >= 0) << "OPT stays";
        if (c.transport == Transport::udp) {
            EXPECT_LE(response->size(), 1232U);
        }
    }
}

TEST(Zone, TruncatesAtTheOctet) {
    // Question of 12+17 octets, answer of 12+1+n, OPT of 11.
    for (const bool edns : {false, true}) {
        const std::size_t room = (edns ? udp_bytes_ours : udp_bytes_without_edns) - 12U - 17U - 12U - (edns ? 11U : 0U);
        for (const std::size_t over : {0U, 1U}) {
            TxtData data;
            std::size_t left = room + over;
            while (left > 0) {
                const std::size_t part = std::min<std::size_t>(left, left == 257 ? 200 : 256);
                data.strings.emplace_back(part - 1, 'x');
                left -= part;
            }
            const auto served =
                *Zone::build(name("z.example"), {soa(), ns(), {name("t.z.example"), Type::txt, 1, data}});
            Bytes query = make_query(1, name("t.z.example"), Type::txt);
            query = edns ? query : without_edns(query);
            const auto response = *served->answer(query, Transport::udp);
            EXPECT_EQ(read_header(response)->truncated, over == 1);
            if (over == 0) {
                EXPECT_EQ(response.size(), edns ? udp_bytes_ours : udp_bytes_without_edns);
            }
        }
    }
}

TEST(Zone, RefusesRecords) {
    struct Case {
        std::vector<Record> records;
        const char* message_part;
        const char* why;
    };
    const Record elsewhere = txt("other.example", "x");
    std::vector<Record> heavy;
    heavy.reserve(200);
    for (int i = 0; i < 200; ++i) {
        heavy.push_back(txt("heavy.z.example", std::string(200, 'x') + std::to_string(i)));
    }
    const Case cases[] = {
        {{elsewhere}, "outside the zone", "another zone"},
        {{txt("example", "x")}, "outside the zone", "above the apex"},
        {{cname("c.z.example", "a.example"), txt("c.z.example", "x")}, "CNAME: beside other data", "RFC 1034 §3.6.2"},
        {{cname("c.z.example", "a.example"), cname("c.z.example", "b.example")}, "more than one", "two CNAMEs"},
        {{cname("z.example", "a.example")}, "CNAME: beside other data", "the apex has SOA and NS"},
        {{soa(), soa(3600, 60, 8)}, "more than one", "two SOA"},
        {{{name("sub.z.example"), Type::ns, 60, NsData{name("a.example")}}}, "delegates nothing", "a delegation"},
        {{{name("sub.z.example"), Type::soa, 60, SoaData{}}}, "only at the apex", "a second zone"},
        {{{name("t.z.example"), Type::a, 60, TxtData{{"x"}}}}, "data of another type", "TXT data in an A"},
        {{{name("t.z.example"), Type::a, 60, AddressData{*IpAddress::parse("::1")}}},
         "data of another type",
         "IPv6 in A"},
        {{{name("t.z.example"), Type::opt, 60, OtherData{}}}, "no zone holds", "OPT"},
        {{{name("t.z.example"), Type::any, 60, OtherData{}}}, "no zone holds", "ANY"},
        {{{name("t.z.example"), static_cast<Type>(0), 60, OtherData{}}}, "no zone holds", "type 0"},
        {{txt("t.z.example", "x", 0x80000000)}, "TTL above", "RFC 2181 §8"},
        {heavy, "32 KiB", "too much for one answer"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        std::vector<Record> all = {ns(), a("ns1.z.example", "192.0.2.53")};
        if (c.records[0].type != Type::soa || c.records[0].name != name("z.example")) {
            all.push_back(soa());
        }
        all.insert(all.end(), c.records.begin(), c.records.end());
        const auto built = Zone::build(name("z.example"), all);
        ASSERT_FALSE(built);
        EXPECT_NE(built.error().message().find(c.message_part), std::string::npos) << built.error().message();
    }
    EXPECT_FALSE(Zone::build(name("z.example"), {ns()})) << "no SOA";
    EXPECT_FALSE(Zone::build(name("z.example"), {soa()})) << "no NS";
    EXPECT_FALSE(Zone::build(name("z.example"), {})) << "nothing";
    const auto stray = zone()->with({{name("a.z.example"), {txt("b.z.example", "x")}}});
    ASSERT_FALSE(stray);
    EXPECT_NE(stray.error().message().find("stands among the records of a.z.example."), std::string::npos);
}

TEST(Zone, OneTtlPerSetAndNothingTwice) {  // RFC 2181 §5
    const auto served =
        *Zone::build(name("z.example"), {soa(), ns(), a("t.z.example", "192.0.2.1", 60),
                                         a("t.z.example", "192.0.2.2", 30), a("t.z.example", "192.0.2.1", 90)});
    EXPECT_EQ(line(ask(*served, "t.z.example", Type::a)),
              "NOERROR aa | t.z.example 30 A 192.0.2.1 | t.z.example 30 A 192.0.2.2");
}

TEST(Zone, ChangesLeaveTheOldOneAlone) {
    const auto before = zone();
    const auto after =
        *before->with({{name("_mta-sts.abc.z.example"), {txt("_mta-sts.abc.z.example", "v=STSv1; id=2;")}},
                       {name("z.example"), {soa(3600, 60, 8), ns()}}});
    EXPECT_EQ(before->serial(), 7U);
    EXPECT_EQ(after->serial(), 8U);
    EXPECT_EQ(line(ask(*before, "_mta-sts.abc.z.example", Type::txt)),
              "NOERROR aa | _mta-sts.abc.z.example 300 TXT \"v=STSv1; id=1;\"");
    EXPECT_EQ(line(ask(*after, "_mta-sts.abc.z.example", Type::txt)),
              "NOERROR aa | _mta-sts.abc.z.example 300 TXT \"v=STSv1; id=2;\"");
    EXPECT_EQ(after->records(name("z.example")), (std::vector<Record>{soa(3600, 60, 8), ns()}));
    EXPECT_TRUE(after->records(name("abc.z.example")).empty());
    EXPECT_FALSE(before->with({{name("z.example"), {}}})) << "the apex keeps its SOA";
}

TEST(Zone, EmptyNonTerminalsComeAndGo) {
    const std::string nodata = "NOERROR aa | authority z.example 60 SOA";
    const std::string nxdomain = "NXDOMAIN aa | authority z.example 60 SOA";
    auto served = *Zone::build(name("z.example"), {soa(), ns()});
    EXPECT_EQ(served->name_count(), 1U);
    const auto change = [&](std::string_view owner, std::vector<Record> now) {
        served = *served->with({{name(owner), std::move(now)}});
    };
    change("a.b.c.z.example", {txt("a.b.c.z.example", "x")});
    EXPECT_EQ(served->name_count(), 4U);
    EXPECT_EQ(line(ask(*served, "b.c.z.example", Type::txt)), nodata);
    EXPECT_EQ(line(ask(*served, "c.z.example", Type::txt)), nodata);
    change("d.c.z.example", {txt("d.c.z.example", "x")});
    change("c.z.example", {txt("c.z.example", "x")});
    change("a.b.c.z.example", {});
    EXPECT_EQ(line(ask(*served, "b.c.z.example", Type::txt)), nxdomain) << "nothing is below it any more";
    EXPECT_EQ(served->name_count(), 3U);
    change("c.z.example", {});
    EXPECT_EQ(line(ask(*served, "c.z.example", Type::txt)), nodata) << "d is still below it";
    change("d.c.z.example", {});
    EXPECT_EQ(line(ask(*served, "c.z.example", Type::txt)), nxdomain);
    EXPECT_EQ(served->name_count(), 1U);
    change("never.z.example", {});
    EXPECT_EQ(served->name_count(), 1U) << "removing what is not there is nothing";
    served = *served->with({{name("e.z.example"), {txt("e.z.example", "1")}}, {name("e.z.example"), {}}});
    EXPECT_EQ(line(ask(*served, "e.z.example", Type::txt)), nxdomain) << "the later change wins";
}

TEST(Zone, AlwaysGivesAReadableAnswer) {
    // Every octet of a good query, damaged in every way of one bit: the answer stays a message.
    const auto served = zone();
    QueryOptions options;
    options.dnssec_ok = true;
    const Bytes good = make_query(1, name("in.z.example"), Type::a, options);
    for (std::size_t i = 0; i < good.size() * 8; ++i) {
        Bytes packet = good;
        packet[i / 8] ^= static_cast<std::uint8_t>(1U << (i % 8));
        if (const auto response = served->answer(packet, Transport::udp)) {
            EXPECT_TRUE(read_response(*response)) << "bit " << i;
        }
    }
}

TEST(Zone, ManyNames) {
    std::vector<Record> all = {soa(), ns()};
    for (int i = 0; i < 20'000; ++i) {
        all.push_back(txt("_mta-sts.l" + std::to_string(i) + ".z.example", "v=STSv1; id=" + std::to_string(i) + ";"));
    }
    auto served = *Zone::build(name("z.example"), all);
    EXPECT_EQ(served->name_count(), 40'001U);
    for (int i = 0; i < 1'000; ++i) {
        const std::string owner = "_mta-sts.l" + std::to_string(i) + ".z.example";
        served = *served->with({{name(owner), {txt(owner, "changed")}}});
    }
    EXPECT_EQ(line(ask(*served, "_mta-sts.l999.z.example", Type::txt)),
              "NOERROR aa | _mta-sts.l999.z.example 300 TXT \"changed\"");
    EXPECT_EQ(line(ask(*served, "_mta-sts.l1000.z.example", Type::txt)),
              "NOERROR aa | _mta-sts.l1000.z.example 300 TXT \"v=STSv1; id=1000;\"");
}

TEST(LiveZone, ReadersSeeWhatIsPublished) {
    LiveZone live(zone());
    LiveZone::Reader reader(live);
    EXPECT_EQ(reader.zone().serial(), 7U);
    const Zone* same = &reader.zone();
    EXPECT_EQ(same, &reader.zone()) << "no new snapshot without a change";
    ASSERT_TRUE(live.change({{name("z.example"), {soa(3600, 60, 8), ns()}}}));
    EXPECT_EQ(reader.zone().serial(), 8U);
    EXPECT_FALSE(live.change({{name("other.example"), {}}}));
    EXPECT_EQ(reader.zone().serial(), 8U);
    live.publish(zone());
    EXPECT_EQ(reader.zone().serial(), 7U);
    EXPECT_EQ(live.current()->serial(), 7U);
}

TEST(LiveZone, NoChangeIsLostBetweenThreads) {
    LiveZone live(*Zone::build(name("z.example"), {soa(), ns()}));
    constexpr int names_each = 100;
    std::atomic<bool> done = false;
    std::thread asker([&] {
        LiveZone::Reader reader(live);
        Bytes out;
        const Bytes query = make_query(1, name("t0-1.z.example"), Type::txt);
        while (!done) {
            EXPECT_TRUE(reader.zone().answer(query, Transport::udp, out));
        }
    });
    std::vector<std::thread> writers;
    writers.reserve(3);
    for (int t = 0; t < 3; ++t) {
        writers.emplace_back([&live, t] {
            for (int i = 0; i < names_each; ++i) {
                const std::string owner = "t" + std::to_string(t) + "-" + std::to_string(i) + ".z.example";
                EXPECT_TRUE(live.change({{name(owner), {txt(owner, "x")}}}));
            }
        });
    }
    for (auto& writer : writers) {
        writer.join();
    }
    done = true;
    asker.join();
    EXPECT_EQ(live.current()->name_count(), 1U + 3 * names_each);
}

}  // namespace
}  // namespace postseal::dns
