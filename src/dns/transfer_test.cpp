#include "dns/transfer.h"

#include <gtest/gtest.h>

namespace postseal::dns {
namespace {

Name name(std::string_view text) {
    return Name::parse(text).value();
}

const Name apex = name("z.example");

NameRecords apex_records(std::uint32_t serial) {
    return {apex,
            {{apex, Type::soa, 3600, SoaData{apex, apex, serial, 1, 2, 3, 60}},
             {apex, Type::ns, 3600, NsData{name("ns.z.example")}}}};
}

NameRecords txt(const std::string& owner, const std::string& text) {
    return {name(owner), {{name(owner), Type::txt, 300, TxtData{{text}}}}};
}

struct Got {
    std::string records;
    std::size_t messages = 0;
    std::size_t largest = 0;
};

Got transfer(const ZonePtr& zone, Type type, std::optional<std::uint32_t> serial) {
    const Bytes packet = make_query(1, apex, type);
    Transfer transfer(zone, read_query(packet), serial);
    Got got;
    Bytes message;
    while (transfer.next(message)) {
        ++got.messages;
        got.largest = std::max(got.largest, message.size());
        const auto read = read_response(message).value();
        EXPECT_TRUE(read.header.authoritative);
        for (const Record& record : read.answer) {
            got.records += (got.records.empty() ? "" : " | ") + record.name.text() + " " +
                           (record.type == Type::soa ? "SOA " + std::to_string(std::get<SoaData>(record.data).serial)
                                                     : to_string(record.type) + " " + data_text(record.data));
        }
    }
    return got;
}

ZonePtr small_zone() {
    std::vector<Record> all = apex_records(1).records;
    return Zone::build(apex, all).value()->with({txt("a.z.example", "one"), apex_records(2)}).value();
}

TEST(Transfer, Whole) {  // RFC 5936 §2.2: the SOA first and last
    const auto zone = Zone::build(apex, apex_records(1).records).value();
    EXPECT_EQ(transfer(zone, Type::axfr, std::nullopt).records,
              "z.example SOA 1 | z.example NS ns.z.example. | z.example SOA 1");
}

TEST(Transfer, Changes) {  // RFC 1995 §4
    const auto zone = small_zone()->with({txt("a.z.example", "two"), apex_records(3)}).value();
    EXPECT_EQ(
        transfer(zone, Type::ixfr, 1).records,
        "z.example SOA 3 | z.example SOA 1 | z.example SOA 2 | a.z.example TXT \"one\" | "
        "z.example SOA 2 | a.z.example TXT \"one\" | z.example SOA 3 | a.z.example TXT \"two\" | z.example SOA 3");
    EXPECT_EQ(transfer(zone, Type::ixfr, 3).records, "z.example SOA 3") << "RFC 1995 §2: up to date";
    EXPECT_EQ(transfer(zone, Type::ixfr, 4).records, "z.example SOA 3") << "newer than ours (RFC 1982)";
    const std::string whole = transfer(zone, Type::ixfr, 0xffffffffU).records;
    EXPECT_TRUE(whole.starts_with("z.example SOA 3 | ") && whole.ends_with(" | z.example SOA 3")) << whole;
    EXPECT_EQ(whole.find("SOA 2"), std::string::npos) << "RFC 1995 §4: a serial that is not known gets the whole zone";
    EXPECT_NE(whole.find("z.example NS"), std::string::npos);
}

TEST(Transfer, ALargeZoneComesInMessagesOfABoundedSize) {
    std::vector<NameRecords> names{apex_records(2)};
    for (int i = 0; i < 3000; ++i) {
        names.push_back(txt("n" + std::to_string(i) + ".z.example", std::string(50, 'x')));
    }
    const auto zone = Zone::build(apex, apex_records(1).records).value()->with(names).value();
    const auto got = transfer(zone, Type::axfr, std::nullopt);
    EXPECT_GT(got.messages, 10U);
    EXPECT_LE(got.largest, 16U * 1024);
    EXPECT_EQ(std::count(got.records.begin(), got.records.end(), '|'), 3000 + 2);
}

TEST(Transfer, TheSerialOfAnIxfr) {  // RFC 1995 §3
    Bytes packet = make_query(1, apex, Type::ixfr);
    EXPECT_FALSE(ixfr_serial(packet));
    packet.resize(packet.size() - 11);  // the OPT goes
    packet[11] = 0;
    packet[9] = 1;
    append(packet, Zone::build(apex, apex_records(77).records).value()->soa_record());
    EXPECT_EQ(ixfr_serial(packet), 77U);
    packet.pop_back();
    EXPECT_FALSE(ixfr_serial(packet));
}

TEST(Serial, Rfc1982) {
    EXPECT_TRUE(serial_after(1, 0));
    EXPECT_FALSE(serial_after(0, 0));
    EXPECT_TRUE(serial_after(0, 0xffffffffU)) << "round the end";
    EXPECT_FALSE(serial_after(0xffffffffU, 0));
}

}  // namespace
}  // namespace postseal::dns
