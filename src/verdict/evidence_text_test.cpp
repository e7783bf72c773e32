#include "verdict/evidence_text.h"

#include <gtest/gtest.h>

#include "verdict/evidence_for_test.h"

namespace postseal::verdict {
namespace {

using test::HostIs;

std::string text_of(const Evidence& evidence) {
    std::string out;
    for (const EvidenceLine& line : evidence_lines(evidence)) {
        out += line.subject + ": " + line.text + "\n";
    }
    return out;
}

TEST(EvidenceText, SaysWhatDnsAndThePolicyHostSaid) {
    Evidence evidence = test::domain(true, {{"mx.example.com", 10, HostIs::usable}});
    test::publish(evidence, test::policy_body("enforce", {"mx.example.com"}));
    evidence.fetch.addresses = {*dns::IpAddress::parse("192.0.2.9")};
    const std::string text = text_of(evidence);
    EXPECT_NE(text.find("_mta-sts: \"v=STSv1; id="), std::string::npos) << text;
    EXPECT_NE(text.find("policy: fetched, mode enforce (from 192.0.2.9)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("MX: 10 mx.example.com (signed)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("mx.example.com: 192.0.2."), std::string::npos) << text;
    EXPECT_NE(text.find("TLSA: _25._tcp.mx.example.com: 3 1 1 "), std::string::npos) << text;
}

TEST(EvidenceText, SaysWhatIsMissingOrBroken) {
    Evidence evidence = test::domain(false, {});
    evidence.sts_txt = {};
    evidence.hosts.clear();
    evidence.mx = {};
    evidence.mx.answer = Answer::failed;
    evidence.mx.error = "SERVFAIL\n<from> the server";
    EXPECT_EQ(text_of(evidence), "MX: could not be looked up: SERVFAIL\\x0a<from> the server\n");
    evidence.mx.answer = Answer::nxdomain;
    EXPECT_EQ(text_of(evidence), "MX: no such name\n");
    evidence.sts_txt.answer = Answer::nodata;
    evidence.sts_txt.secure = true;
    EXPECT_EQ(text_of(evidence), "_mta-sts: none (signed)\nMX: no such name\n");

    HostEvidence host;
    host.name = test::name("mx.example.com");
    host.a.answer = host.aaaa.answer = Answer::nodata;
    evidence.hosts = {host};
    EXPECT_NE(text_of(evidence).find("mx.example.com: no address: none\n"), std::string::npos) << text_of(evidence);
    host.aaaa.answer = Answer::bogus;
    host.aaaa.error = "signature expired";
    evidence.hosts = {host};
    EXPECT_NE(text_of(evidence).find("mx.example.com: DNSSEC validation failed: signature expired\n"),
              std::string::npos)
        << text_of(evidence);
}

}  // namespace
}  // namespace postseal::verdict
