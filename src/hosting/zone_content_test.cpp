#include "hosting/zone_content.h"

#include <gtest/gtest.h>

#include "dns/message.h"

namespace postseal::hosting {
namespace {

const std::string label = "abcdefghijklmnopqrstuvwx27";

dns::Name name(std::string_view text) {
    return *dns::Name::parse(text);
}

ZoneSettings settings() {
    ZoneSettings made;
    made.zone = name("sts.example.net");
    made.name_servers = {name("ns1.sts.example.net"), name("ns2.elsewhere.example")};
    made.addresses = {*dns::IpAddress::parse("192.0.2.1"), *dns::IpAddress::parse("2001:db8::1")};
    made.intake_host = name("intake.example.net");
    made.caa = {{"ca.example", "https://ca.example/acct/1", {"tls-alpn-01", "http-01"}}};
    return made;
}

struct Asked {
    dns::Rcode rcode = dns::Rcode::noerror;
    std::vector<std::string> answer;
    std::uint32_t ttl_s = 0;
};
Asked ask(const dns::ZonePtr& zone, const std::string& owner, dns::Type type) {
    const auto response = zone->answer(dns::make_query(7, name(owner), type), dns::Transport::tcp);
    Asked asked;
    const auto message = dns::read_response(*response);
    asked.rcode = message->rcode;
    for (const dns::Record& record : message->answer) {
        asked.answer.push_back(dns::data_text(record.data));
        asked.ttl_s = record.ttl_s;
    }
    return asked;
}

TEST(ZoneContent, from_minting_on_everything_answers_but_the_id) {
    const auto zone = build_zone(settings(), {{label, std::nullopt}}, 1);
    ASSERT_TRUE(zone) << zone.error().message();
    const Asked id = ask(*zone, "_mta-sts." + label + ".sts.example.net", dns::Type::txt);
    EXPECT_EQ(id.rcode, dns::Rcode::noerror) << "NODATA, not NXDOMAIN";
    EXPECT_TRUE(id.answer.empty());
    const Asked v4 = ask(*zone, "mta-sts." + label + ".sts.example.net", dns::Type::a);
    EXPECT_EQ(v4.answer, std::vector<std::string>{"192.0.2.1"});
    EXPECT_LE(v4.ttl_s, 60U);
    EXPECT_EQ(ask(*zone, "mta-sts." + label + ".sts.example.net", dns::Type::aaaa).answer,
              std::vector<std::string>{"2001:db8::1"});
    const Asked reports = ask(*zone, "_smtp._tls." + label + ".sts.example.net", dns::Type::txt);
    EXPECT_EQ(reports.answer,
              std::vector<std::string>{"\"v=TLSRPTv1; rua=https://intake.example.net/v1/tlsrpt/" + label + "\""});
    EXPECT_LE(reports.ttl_s, 300U);
    EXPECT_EQ(ask(*zone, "_mta-sts.aaaaaaaaaaaaaaaaaaaaaaaaaa.sts.example.net", dns::Type::txt).rcode,
              dns::Rcode::nxdomain);
}

TEST(ZoneContent, the_id_is_there_once_it_is_live) {
    const auto zone = build_zone(settings(), {{label, "3xabc"}}, 1);
    const Asked id = ask(*zone, "_mta-sts." + label + ".sts.example.net", dns::Type::txt);
    EXPECT_EQ(id.answer, std::vector<std::string>{"\"v=STSv1; id=3xabc;\""});
    EXPECT_LE(id.ttl_s, 300U);
}

TEST(ZoneContent, caa_names_the_account_and_the_methods_in_order) {
    auto caa = ask(*build_zone(settings(), {{label, {}}}, 1), "mta-sts." + label + ".sts.example.net", dns::Type::caa);
    EXPECT_EQ(caa.answer, (std::vector<std::string>{"0 issue \"ca.example; accounturi=https://ca.example/acct/1; "
                                                    "validationmethods=tls-alpn-01,http-01\"",
                                                    "0 issuewild \";\""}));
    ZoneSettings before = settings();
    before.caa[0].account_uri.reset();
    caa = ask(*build_zone(before, {{label, {}}}, 1), "mta-sts." + label + ".sts.example.net", dns::Type::caa);
    EXPECT_EQ(caa.answer.at(0), "0 issue \"ca.example; validationmethods=tls-alpn-01,http-01\"");
    before.caa.clear();
    caa = ask(*build_zone(before, {{label, {}}}, 1), "mta-sts." + label + ".sts.example.net", dns::Type::caa);
    EXPECT_EQ(caa.answer.at(0), "0 issue \";\"") << "nobody may issue for us when we use nobody";
}

TEST(ZoneContent, without_intake_no_reports_are_asked_for) {
    ZoneSettings without = settings();
    without.intake_host.reset();
    const Asked reports =
        ask(*build_zone(without, {{label, {}}}, 1), "_smtp._tls." + label + ".sts.example.net", dns::Type::txt);
    EXPECT_EQ(reports.rcode, dns::Rcode::noerror);
    EXPECT_TRUE(reports.answer.empty());
}

// RPT-004 (RFC 8460 §3); ours is first, since some senders use only the first.
TEST(ZoneContent, the_owners_addresses_come_after_ours) {
    LabelState state{label};
    state.own_rua = {"mailto:tls@example.com", "https://" + std::string(240, 'a') + ".example/"};
    const auto zone = *build_zone(settings(), {state}, 1);
    const std::string text = "v=TLSRPTv1; rua=https://intake.example.net/v1/tlsrpt/" + label +
                             ",mailto:tls@example.com,https://" + std::string(240, 'a') + ".example/";
    EXPECT_EQ(tlsrpt_text(settings(), state), text);
    const auto records = zone->records(name("_smtp._tls." + label + ".sts.example.net"));
    ASSERT_EQ(records.size(), 1U);
    const auto& txt = std::get<dns::TxtData>(records[0].data);
    EXPECT_EQ(txt.joined(), text);
    ASSERT_EQ(txt.strings.size(), 2U) << "a character-string has at most 255 octets (RFC 1035 §3.3.14)";
    EXPECT_EQ(txt.strings[0].size(), 255U);
    ZoneSettings without = settings();
    without.intake_host.reset();
    EXPECT_EQ(tlsrpt_text(without, state).substr(0, 38), "v=TLSRPTv1; rua=mailto:tls@example.com");
}

// MTA-STS and TLS-RPT without each other (rule 2): a CNAME that is there all the same leads to nothing.
TEST(ZoneContent, each_half_alone) {
    LabelState reports{label};
    reports.uses = store::Uses::tls_rpt;
    auto zone = *build_zone(settings(), {reports}, 1);
    for (const auto type : {dns::Type::a, dns::Type::aaaa, dns::Type::caa, dns::Type::txt}) {
        const Asked host = ask(zone, "mta-sts." + label + ".sts.example.net", type);
        EXPECT_EQ(host.rcode, dns::Rcode::noerror);
        EXPECT_TRUE(host.answer.empty());
    }
    EXPECT_TRUE(ask(zone, "_mta-sts." + label + ".sts.example.net", dns::Type::txt).answer.empty());
    EXPECT_EQ(ask(zone, "_smtp._tls." + label + ".sts.example.net", dns::Type::txt).answer.size(), 1U);
    LabelState policy{label, "1xab", store::Uses::mta_sts};
    zone = *build_zone(settings(), {policy}, 1);
    EXPECT_EQ(ask(zone, "_mta-sts." + label + ".sts.example.net", dns::Type::txt).answer.size(), 1U);
    EXPECT_EQ(ask(zone, "mta-sts." + label + ".sts.example.net", dns::Type::a).answer.size(), 1U);
    EXPECT_TRUE(ask(zone, "_smtp._tls." + label + ".sts.example.net", dns::Type::txt).answer.empty());
}

TEST(ZoneContent, own_hosts_have_addresses_only_within_the_zone) {
    ZoneSettings inside = settings();
    inside.intake_host = name("intake.sts.example.net");
    inside.name_server_addresses = {*dns::IpAddress::parse("192.0.2.53")};
    const auto zone = *build_zone(inside, {}, 1);
    EXPECT_EQ(ask(zone, "ns1.sts.example.net", dns::Type::a).answer, std::vector<std::string>{"192.0.2.53"});
    EXPECT_EQ(ask(zone, "intake.sts.example.net", dns::Type::a).answer, std::vector<std::string>{"192.0.2.1"});
    EXPECT_EQ(ask(zone, "intake.sts.example.net", dns::Type::caa).answer.size(), 2U);
    EXPECT_EQ(ask(zone, "sts.example.net", dns::Type::ns).answer.size(), 2U);
    EXPECT_EQ(ask(*build_zone(settings(), {}, 1), "intake.sts.example.net", dns::Type::a).rcode, dns::Rcode::nxdomain);
}

TEST(ZoneContent, gone_is_nxdomain) {
    const auto zone = *build_zone(settings(), {{label, "3xabc"}}, 1);
    const auto after = zone->with(*no_records(settings(), label));
    ASSERT_TRUE(after);
    for (const std::string prefix : {"_mta-sts.", "mta-sts.", "_smtp._tls.", ""}) {
        EXPECT_EQ(ask(*after, prefix + label + ".sts.example.net", dns::Type::txt).rcode, dns::Rcode::nxdomain);
    }
}

}  // namespace
}  // namespace postseal::hosting
