// What a domain brings along when it moves in.
#include "hosting/elsewhere.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verdict/evidence_for_test.h"

namespace postseal::hosting {
namespace {

using test::domain;
using test::HostIs;
using test::publish;
using test::test_now;
using ::testing::Contains;

const std::string theirs =
    "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmx: *.backup.example\r\nmax_age: 1209600\r\n";

verdict::Evidence published(std::string_view body) {
    verdict::Evidence evidence = domain(false, {{"mx.example.com", 10, HostIs::insecure}});
    publish(evidence, body);
    return evidence;
}

std::vector<std::string> codes(const Import& import) {
    std::vector<std::string> out;
    for (const Import::Difference& one : import.differences) {
        out.push_back(one.code);
    }
    return out;
}

std::string body_here(const Import& import) {
    const auto made = next_version(1, {}, import.policy.mode, import.policy.mx, {}, test_now, import.policy.max_age_s);
    EXPECT_TRUE(made);
    return made ? made->body : "";
}

// STS-064 (RFC 8461 §8.1): for senders nothing changes.
TEST(ImportOfPolicy, the_first_version_says_the_same) {
    const auto import = import_of(published(theirs));
    ASSERT_TRUE(import) << import.error().message();
    EXPECT_EQ(body_here(*import), theirs) << "to the byte, where it was written as the RFC writes it";
    EXPECT_EQ(import->policy_id, "20260921");
    EXPECT_EQ(codes(*import), std::vector<std::string>{"id"});
}

TEST(ImportOfPolicy, says_what_cannot_be_kept_to_the_letter) {
    const struct {
        std::string body;
        const char* code;
        const char* why;
    } cases[] = {
        {"version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n", "text", "LF line ends"},
        {"version: STSv1\r\nmx: mx.example.com\r\nmode: testing\r\nmax_age: 86400\r\n", "text", "another order"},
        {"version: STSv1\r\nmode: testing\r\nmx: mx.example.com\r\nmax_age: 86400\r\nx-owner: me\r\n", "extension",
         "a field of nobody's"},
        {"version: STSv1\r\nmode: testing\r\nmx: mx.example.com\r\nmax_age: 9999999999\r\n", "max-age",
         "more than a year"},
        {"version: STSv1\r\nmode: testing\r\nmx: mx.example.com\r\nmx: 192.0.2.1\r\nmax_age: 86400\r\n", "mx-pattern",
         "an address is no host name"},
        {"version: STSv1\r\nmode: enforce\r\nmx: elsewhere.example\r\nmax_age: 86400\r\n", "mx-not-in-policy",
         "an MX host that the policy forgot: kept so, and said"},
    };
    for (const auto& one : cases) {
        const auto import = import_of(published(one.body));
        ASSERT_TRUE(import) << one.why << ": " << import.error().message();
        EXPECT_THAT(codes(*import), Contains(one.code)) << one.why;
        const auto before = mtasts::judge_policy(one.body).policy;
        const auto after = mtasts::judge_policy(body_here(*import)).policy;
        ASSERT_TRUE(before && after) << one.why;
        EXPECT_EQ(after->mode, before->mode) << one.why;
        EXPECT_EQ(after->max_age_s, before->max_age_s) << one.why;
        EXPECT_EQ(after->allows(*dns::Name::parse("mx.example.com")),
                  before->allows(*dns::Name::parse("mx.example.com")))
            << one.why;
    }
}

TEST(ImportOfPolicy, a_policy_that_no_sender_takes_is_none) {
    verdict::Evidence evidence = domain(false, {});
    EXPECT_EQ(import_of(evidence).error().code, Errc::not_found) << "no record";
    evidence.sts_txt.answer = verdict::Answer::failed;
    EXPECT_EQ(import_of(evidence).error().code, Errc::temporary) << "nobody knows";
    EXPECT_EQ(import_of(published("<html>")).error().code, Errc::refused) << "no policy";
    evidence = published(theirs);
    evidence.fetch.status = 301;
    EXPECT_EQ(import_of(evidence).error().code, Errc::refused) << "a redirect is never followed";
    evidence = published(theirs);
    evidence.fetch.outcome = verdict::PolicyFetch::Outcome::certificate_error;
    EXPECT_EQ(import_of(evidence).error().code, Errc::refused) << "whoever forges a policy has no certificate for it";
    evidence = published(theirs);
    evidence.sts_txt.records.emplace_back("v=STSv1; id=2;");
    EXPECT_EQ(import_of(evidence).error().code, Errc::refused) << "two records are none";
}

TEST(ImportOfPolicy, addresses_for_reports_come_after_ours) {
    verdict::Evidence evidence = published(theirs);
    evidence.tlsrpt_txt.answer = verdict::Answer::records;
    evidence.tlsrpt_txt.records = {"v=TLSRPTv1; rua=mailto:tls@example.com,https://old.example/tls"};
    const auto import = import_of(evidence);
    ASSERT_TRUE(import);
    EXPECT_EQ(import->rua, (std::vector<std::string>{"mailto:tls@example.com", "https://old.example/tls"}));
    EXPECT_THAT(codes(*import), Contains("rua")) << "ours is first now";
}

TEST(ImportOfPolicy, survives_the_store) {
    verdict::Evidence evidence = published(theirs);
    const auto import = import_of(evidence);
    ASSERT_TRUE(import);
    const auto read = import_from_json(import_to_json(*import));
    ASSERT_TRUE(read);
    EXPECT_EQ(body_here(*read), theirs);
    EXPECT_EQ(read->differences, import->differences);
    EXPECT_EQ(read->fetched, import->fetched);
    for (const char* text : {"", "null", "[]", "{", R"({"mode":"strict","max_age_s":1})", R"({"mode":"none"})"}) {
        EXPECT_FALSE(import_from_json(text)) << text;
    }
}

TEST(Elsewhere, shows_what_senders_find_and_what_is_wrong) {
    const Elsewhere seen = seen_elsewhere(published(theirs), test_now);
    EXPECT_EQ(seen.policy_text, theirs);
    EXPECT_EQ(seen.policy_id, "20260921");
    EXPECT_EQ(seen.mode, mtasts::Mode::enforce);
    const Elsewhere read = elsewhere_from_json(elsewhere_to_json(seen));
    EXPECT_EQ(read.findings.size(), seen.findings.size());
    EXPECT_EQ(read.problem, seen.problem);
    EXPECT_EQ(read.checked, seen.checked);
    EXPECT_EQ(read.policy_text, theirs);
    EXPECT_EQ(read.mode, seen.mode);

    verdict::Evidence broken = published(theirs);
    broken.fetch.status = 404;
    const Elsewhere gone = seen_elsewhere(broken, test_now);
    EXPECT_TRUE(gone.policy_text.empty());
    EXPECT_FALSE(gone.mode);
    EXPECT_FALSE(gone.problem.empty());
    EXPECT_TRUE(elsewhere_from_json("{").findings.empty());
}

}  // namespace
}  // namespace postseal::hosting
