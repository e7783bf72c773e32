// Evidence: which hosts an MX answer leads to, and the way through JSON and back.
#include "verdict/evidence.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "verdict/evidence_for_test.h"
#include "verdict/evidence_json.h"

namespace postseal::verdict {
namespace {

using test::name;
using test::test_now;

std::vector<std::string> names(const std::vector<HostEvidence>& hosts) {
    std::vector<std::string> texts;
    texts.reserve(hosts.size());
    for (const HostEvidence& host : hosts) {
        texts.push_back(host.name.text());
    }
    return texts;
}

// MX-001, MX-002, MX-005, STS-042, STS-057
TEST(HostsOf, AnMxAnswer) {
    const Key key = parse_key("example.com");
    const auto hosts = [&key](std::vector<dns::MxData> mx) {
        return names(hosts_of(key, test::answer<dns::MxData>(std::move(mx), true)));
    };
    using Names = std::vector<std::string>;
    EXPECT_EQ(hosts({{20, name("b.example")}, {10, name("a.example")}}), (Names{"a.example", "b.example"}))
        << "by preference";
    EXPECT_EQ(hosts({{10, name("b.example")}, {10, name("a.example")}}), (Names{"b.example", "a.example"}))
        << "equals as they came";
    EXPECT_EQ(hosts({{10, name("a.example")}, {20, name("a.example")}}), Names{"a.example"}) << "named twice";
    EXPECT_EQ(hosts({{0, dns::Name()}}), Names{}) << "MX-005: null MX";
    EXPECT_EQ(hosts({{0, dns::Name()}, {10, name("a.example")}}), Names{"a.example"})
        << "MX-005: a root beside others is ignored";
    EXPECT_EQ(names(hosts_of(key, test::no_answer<dns::MxData>(Answer::nodata))), Names{"example.com"})
        << "MX-001: implicit MX";
    EXPECT_EQ(names(hosts_of(key, test::no_answer<dns::MxData>(Answer::nxdomain))), Names{}) << "no such domain";
    EXPECT_EQ(names(hosts_of(key, test::no_answer<dns::MxData>(Answer::failed))), Names{})
        << "MX-001: an error is not an implicit MX";
    EXPECT_EQ(names(hosts_of(key, test::no_answer<dns::MxData>(Answer::bogus))), Names{}) << "DANE-006: no A fallback";
    EXPECT_EQ(names(hosts_of(parse_key("[relay.example]"), {})), Names{"relay.example"}) << "no MX lookup";
    EXPECT_EQ(names(hosts_of(parse_key("[192.0.2.1]"), {})), Names{}) << "an address";
}

Evidence full_evidence() {
    Evidence evidence = test::domain(
        true, {{"mx.example.com", 10, test::HostIs::usable}, {"mx2.example.com", 20, test::HostIs::tlsa_bogus}});
    evidence.key = parse_key("пример.рф:587");
    evidence.smtp_port = 587;
    test::publish(evidence, test::policy_body("enforce", {"*.example.com", "mx.example.net"}));
    evidence.fetch.body.push_back(0xff);  // not UTF-8
    evidence.fetch.addresses = {dns::IpAddress::parse("2001:db8::1").value()};
    evidence.fetch.location = "https://\xfe/";
    evidence.cached = test::cached(test::policy_body("testing", {"*.example.com"}));
    evidence.fetch_failures.failed_id = "x1";
    evidence.fetch_failures.recent = {{"x1", test_now}};
    evidence.sts_txt.aliases = {name("_mta-sts.provider.example")};
    evidence.tlsrpt_txt = test::answer<std::string>({"v=TLSRPTv1; rua=mailto:a@example.com", "\xff"}, false);
    const test::Certificate leaf({.dns_names = {"mx.example.com"}});
    Probe probe;
    probe.outcome = Probe::Outcome::tls;
    probe.at = test_now;
    probe.address = dns::IpAddress::v4({192, 0, 2, 25});
    probe.sni = "mx.example.com";
    probe.tls_version = "TLSv1.3";
    probe.chain = {leaf.der()};
    probe.certificate = CertificateError::self_signed;
    probe.name_matches = true;
    probe.not_after = test_now + Seconds{100};
    probe.error = "self-signed certificate";
    evidence.hosts[0].probes = {probe, Probe{}};
    return evidence;
}

TEST(EvidenceJson, SurvivesTheRoundTrip) {
    for (const Evidence& evidence : {full_evidence(), Evidence{}, test::domain(false, {})}) {
        const std::string text = boost::json::serialize(evidence_to_json(evidence));
        const auto back = evidence_from_json(text);
        ASSERT_TRUE(back) << back.error().message();
        EXPECT_EQ(*back, evidence) << text;
        EXPECT_EQ(boost::json::serialize(evidence_to_json(*back)), text);
    }
}

TEST(EvidenceJson, IsReadableByPeople) {
    const boost::json::object json = evidence_to_json(full_evidence());
    EXPECT_EQ(json.at("gathered").as_string(), "2026-09-21T14:13:20Z");
    EXPECT_EQ(json.at("key").at("kind").as_string(), "domain");
    EXPECT_EQ(json.at("key").at("name").as_string(), "xn--e1afmkfd.xn--p1ai");
    EXPECT_EQ(json.at("mx").at("answer").as_string(), "records");
    EXPECT_EQ(json.at("hosts").at(1).at("tlsa").at(0).at("lookup").at("answer").as_string(), "bogus");
    EXPECT_EQ(json.at("cached").at("policy").at("mode").as_string(), "testing");
    EXPECT_TRUE(json.at("fetch").at("body").is_object()) << "base64, since it is not UTF-8";
    EXPECT_TRUE(evidence_to_json(Evidence{}).at("cached").is_null());
}

TEST(EvidenceJson, SaysWhatIsWrongWhere) {
    const struct {
        const char* json;
        const char* where;
        const char* reason;
    } cases[] = {
        {"", "evidence", "empty"},
        {"{", "evidence", "not JSON"},
        {"[]", "evidence", "not an object"},
        {R"({"smtp_port": 65536})", "evidence.smtp_port", "out of range"},
        {R"({"smtp_port": -1})", "evidence.smtp_port", "negative"},
        {R"({"smtp_port": "25"})", "evidence.smtp_port", "a string"},
        {R"({"smtp_port": 2.5})", "evidence.smtp_port", "a fraction"},
        {R"({"gathered": "yesterday"})", "evidence.gathered", "no time"},
        {R"({"gathered": 5})", "evidence.gathered", "a number"},
        {R"({"mx": {"answer": "maybe"}})", "evidence.mx.answer", "an unknown word"},
        {R"({"mx": {"secure": 1}})", "evidence.mx.secure", "a number for a flag"},
        {R"({"mx": []})", "evidence.mx", "an array for an object"},
        {R"({"mx": {"records": {}}})", "evidence.mx.records", "an object for an array"},
        {R"({"mx": {"records": [{"exchange": "a..b"}]}})", "evidence.mx.records[0].exchange", "a bad name"},
        {R"({"hosts": [{}, {"a": {"records": ["1.2.3"]}}]})", "evidence.hosts[1].a.records[0]", "a bad address"},
        {R"({"hosts": [{"tlsa": [{"lookup": {"records": [{"usage": 256}]}}]}]})",
         "evidence.hosts[0].tlsa[0].lookup.records[0].usage", "usage out of range"},
        {R"({"fetch": {"body": {"base64": "*"}}})", "evidence.fetch.body", "bad base64"},
        {R"({"cached": {"policy": {"mx": ["*"]}}})", "evidence.cached.policy.mx[0]", "a bad pattern"},
        {R"({"cached": 7})", "evidence.cached", "a number for an object"},
    };
    for (const auto& c : cases) {
        const auto read = evidence_from_json(c.json);
        ASSERT_FALSE(read) << c.reason;
        EXPECT_EQ(read.error().where, c.where) << c.reason << ": " << read.error().what;
    }
    EXPECT_EQ(evidence_from_json(R"({"unknown": 1, "key": {"kind": "domain", "name": "example.com"}})")->key,
              parse_key("example.com"))
        << "unknown members are ignored, missing ones keep their defaults";
    EXPECT_FALSE(evidence_from_json(std::string(100'000, '['))) << "depth is bounded";
}

}  // namespace
}  // namespace postseal::verdict
