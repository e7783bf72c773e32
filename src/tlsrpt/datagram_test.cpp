#include "tlsrpt/datagram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/text.h"
#include "tlsrpt/testing.h"

namespace postseal::tlsrpt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<Session> parse(std::string_view text) {
    return parse_datagram(as_bytes(text));
}

// As Postfix 3.10 with libtlsrpt 0.5 sends them.
constexpr std::string_view sts_failure =
    R"({"dpv": "1","d": "example.com","pr": "v=TLSRPTv1;rua=mailto:reports@example.com","policies":[{"policy-type":2,)"
    R"("policy-domain": "example.com","policy-string":["version: STSv1","mode: testing","mx: *.mail.example.com",)"
    R"("max_age: 86400"],"mx-host":["*.mail.example.com"],"failure-details":[{"c":205,"s": "192.0.2.7",)"
    R"("n": "mx1.mail.example.com","h": "250-mx1.mail.example.com\r\n250-STARTTLS\r\n250 SMTPUTF8",)"
    R"("r": "198.51.100.2","f": "self-signed_certificate"}],"t":1,"f":1}]})";
constexpr std::string_view no_policy_failure =
    R"({"dpv": "1","d": "example.net","pr": "v=TLSRPTv1;rua=mailto:r@example.net","policies":[{"policy-type":9,)"
    R"("failure-details":[{"c":201,"s": "192.0.2.7","n": "mx.example.net","r": "198.51.100.9"}],"t":1,"f":1}]})";
constexpr std::string_view two_policies =
    R"({"dpv": "1","d": "example.com","pr": "v=TLSRPTv1;rua=mailto:r@example.com","policies":[{"policy-type":2,)"
    R"("policy-domain": "example.com","policy-string":["version: STSv1"],"t":0,"f":0},{"policy-type":1,)"
    R"("policy-domain": "mx.example.com","policy-string":["3 1 1 AA  BB"],"t":0,"f":0}]})";

TEST(Datagram, reads_a_failure_under_mta_sts) {
    const auto session = parse(sts_failure);
    ASSERT_TRUE(session) << session.error().message();
    EXPECT_EQ(session->domain.text(), "example.com");
    EXPECT_EQ(session->record, "v=TLSRPTv1;rua=mailto:reports@example.com");
    EXPECT_TRUE(session->protocol_version_known);
    ASSERT_EQ(session->policies.size(), 1U);
    EXPECT_TRUE(session->policies[0].failed);
    const PolicyResult& policy = session->policies[0].policy;
    EXPECT_EQ(policy.policy_type, "sts");
    EXPECT_EQ(policy.policy_domain, "example.com");
    EXPECT_THAT(policy.policy_strings,
                ElementsAre("version: STSv1", "mode: testing", "mx: *.mail.example.com", "max_age: 86400"));
    EXPECT_THAT(policy.mx_hosts, ElementsAre("*.mail.example.com"));
    EXPECT_EQ(policy.successful, 0U);
    EXPECT_EQ(policy.failed, 1U);
    ASSERT_EQ(policy.failures.size(), 1U);
    const FailureDetail& failure = policy.failures[0];
    EXPECT_EQ(failure.result_type, "validation-failure");
    EXPECT_EQ(failure.sending_mta_ip, "192.0.2.7");
    EXPECT_EQ(failure.receiving_mx_hostname, "mx1.mail.example.com");
    EXPECT_EQ(failure.receiving_mx_helo, "mx1.mail.example.com");  // the name, not the whole reply
    EXPECT_EQ(failure.receiving_ip, "198.51.100.2");
    EXPECT_EQ(failure.reason_code, "self-signed_certificate");
    EXPECT_EQ(failure.additional_information, std::nullopt);
    EXPECT_EQ(failure.sessions, 1U);
}

TEST(Datagram, fills_in_the_policy_domain_that_postfix_leaves_out) {
    const auto session = parse(no_policy_failure);
    ASSERT_TRUE(session) << session.error().message();
    EXPECT_EQ(session->policies.at(0).policy.policy_type, "no-policy-found");
    EXPECT_EQ(session->policies.at(0).policy.policy_domain, "example.net");
    EXPECT_EQ(session->policies.at(0).policy.failures.at(0).result_type, "starttls-not-supported");
}

TEST(Datagram, reads_two_policies_of_one_session) {
    const auto session = parse(two_policies);
    ASSERT_TRUE(session) << session.error().message();
    ASSERT_EQ(session->policies.size(), 2U);
    EXPECT_EQ(session->policies[1].policy.policy_type, "tlsa");
    EXPECT_EQ(session->policies[1].policy.policy_domain, "mx.example.com");
    EXPECT_THAT(session->policies[1].policy.policy_strings, ElementsAre("3 1 1 AABB"));  // RPT-025
    EXPECT_EQ(session->policies[1].policy.successful, 1U);
}

struct Variant {
    const char* reason;
    std::string_view what;
    std::string_view with;
    std::function<bool(const Session&)> holds;
};

TEST(Datagram, is_lenient_where_senders_differ) {
    const auto failure = [](const Session& s) { return s.policies.at(0).policy.failures.at(0); };
    const auto policy = [](const Session& s) { return s.policies.at(0).policy; };
    const Variant cases[] = {
        {"no dpv (libtlsrpt before 0.5)", R"("dpv": "1",)", "",
         [](const Session& s) { return s.protocol_version_known; }},
        {"dpv of null", R"("dpv": "1")", R"("dpv": null)", [](const Session& s) { return !s.protocol_version_known; }},
        {"another dpv", R"("dpv": "1")", R"("dpv": "2")", [](const Session& s) { return !s.protocol_version_known; }},
        {"dpv as a number", R"("dpv": "1")", R"("dpv": 1)", [](const Session& s) { return !s.protocol_version_known; }},
        {"members that nobody knows yet", R"("dpv": "1")", R"("dpv": "1","new":{"a":[1]})", nullptr},
        {"capitals and a final dot", R"("d": "example.com")", R"("d": "Example.COM.")",
         [](const Session& s) { return s.domain.text() == "example.com"; }},
        {"U-labels", R"("d": "example.com")", R"("d": "bücher.example")",
         [](const Session& s) { return s.domain.text() == "xn--bcher-kva.example"; }},
        {"an unknown result code", R"("c":205)", R"("c":901)",
         [&](const Session& s) {
             return failure(s).result_type == "validation-failure" &&
                    failure(s).reason_code == "901 self-signed_certificate";
         }},
        {"an unknown result code without a reason", R"("c":205,"s": "192.0.2.7","n": "mx1.mail.example.com")",
         R"("c":999999,"f2":1)", [&](const Session& s) { return failure(s).result_type == "validation-failure"; }},
        {"no result code", R"("c":205,)", "",
         [&](const Session& s) { return failure(s).result_type == "validation-failure"; }},
        {"an unknown policy-type", R"("policy-type":2)", R"("policy-type":7)",
         [&](const Session& s) { return policy(s).policy_type == "no-policy-found"; }},
        {"a policy-domain that is none", R"("policy-domain": "example.com")", R"("policy-domain": "a b")",
         [&](const Session& s) { return policy(s).policy_domain == "example.com"; }},
        {"fewer failure details than t says", R"("t":1)", R"("t":3)", nullptr},
        {"success in the end, after a failure", R"("t":1,"f":1)", R"("t":1,"f":0)",
         [&](const Session& s) { return policy(s).successful == 1 && policy(s).failures.size() == 1; }},
        {"no failure details and a failure", R"("failure-details")", R"("other")",
         [&](const Session& s) { return policy(s).failed == 1 && policy(s).failures.empty(); }},
        {"junk for an address; RPT-030", "192.0.2.7", "192.0.2.999",
         [&](const Session& s) { return !failure(s).sending_mta_ip; }},
        {"an IPv6 address; RPT-030", "192.0.2.7", "2001:DB8:0:0::1",
         [&](const Session& s) { return failure(s).sending_mta_ip == "2001:db8::1"; }},
        {"an IPv4-mapped address", "192.0.2.7", "::ffff:192.0.2.7",
         [&](const Session& s) { return failure(s).sending_mta_ip == "192.0.2.7"; }},
        {"bytes that are not UTF-8", "self-signed_certificate", "caf\xe9",
         [&](const Session& s) { return failure(s).reason_code == "caf\xef\xbf\xbd"; }},
        {"empty strings", "self-signed_certificate", "", [&](const Session& s) { return !failure(s).reason_code; }},
        {"a string that is a number", R"("f": "self-signed_certificate")", R"("f": 5)",
         [&](const Session& s) { return !failure(s).reason_code; }},
        {"a failure detail that is none", R"("failure-details":[)", R"("failure-details":[5,)",
         [&](const Session& s) { return policy(s).failures.size() == 1; }},
    };
    for (const Variant& c : cases) {
        SCOPED_TRACE(c.reason);
        const auto session = parse(replaced(std::string(sts_failure), c.what, c.with));
        ASSERT_TRUE(session) << session.error().message();
        EXPECT_TRUE(!c.holds || c.holds(*session));
    }
}

TEST(Datagram, is_strict_where_counting_would_be_wrong) {
    struct Bad {
        const char* reason;
        std::string text;
        const char* message;
    };
    const std::string good(sts_failure);
    const std::string domain = R"("d": "example.com")";
    const std::string record = R"("pr": "v=TLSRPTv1;rua=mailto:reports@example.com")";
    const Bad cases[] = {
        {"nothing", "", "empty"},
        {"words", "hello", "datagram: "},
        {"a number", "5", "not a JSON object"},
        {"a list", "[]", "not a JSON object"},
        {"cut off", good.substr(0, good.size() - 10), "datagram: "},
        {"something behind it", good + "x", "datagram: "},
        {"a NUL and more", good + std::string("\0{", 2), "datagram: "},
        {"no d", replaced(good, domain, R"("x": "example.com")"), "datagram: d: missing"},
        {"d is a number", replaced(good, domain, R"("d": 5)"), "datagram: d: missing, or not a string"},
        {"d is empty", replaced(good, domain, R"("d": "")"), "datagram: d: not a domain"},
        {"d is the root", replaced(good, domain, R"("d": ".")"), "datagram: d: not a domain"},
        {"d has blanks", replaced(good, domain, R"("d": "a b.example")"), "datagram: d: not a domain"},
        {"no pr", replaced(good, record, R"("x": "")"), "datagram: pr: missing"},
        {"pr is a list", replaced(good, record, R"("pr": ["v=TLSRPTv1;rua=mailto:a@b.example"])"),
         "datagram: pr: missing"},
        {"pr is another record", replaced(good, record, R"("pr": "v=spf1 -all")"), "datagram: pr: not a TLSRPT record"},
        {"pr has no rua", replaced(good, record, R"("pr": "v=TLSRPTv1;")"), "datagram: pr: not a TLSRPT record"},
        {"no policies", replaced(good, R"("policies")", R"("x")"), "datagram: policies: missing"},
        {"policies is an object", R"({"d":"a.example","pr":"v=TLSRPTv1;rua=mailto:a@b.example","policies":{}})",
         "datagram: policies: missing, or not a list"},
        {"policies is empty", R"({"d":"a.example","pr":"v=TLSRPTv1;rua=mailto:a@b.example","policies":[]})",
         "datagram: policies: empty"},
        {"a policy is a number", R"({"d":"a.example","pr":"v=TLSRPTv1;rua=mailto:a@b.example","policies":[1]})",
         "datagram: policies[0]: not an object"},
        {"f is 2", replaced(good, R"("t":1,"f":1)", R"("t":1,"f":2)"), "datagram: policies[0].f: not 0 or 1"},
        {"f is -1", replaced(good, R"("t":1,"f":1)", R"("t":1,"f":-1)"), "datagram: policies[0].f: not 0 or 1"},
        {"f is a string", replaced(good, R"("t":1,"f":1)", R"("t":1,"f":"1")"), "datagram: policies[0].f: not 0 or 1"},
        {"f is true", replaced(good, R"("t":1,"f":1)", R"("t":1,"f":true)"), "datagram: policies[0].f: not 0 or 1"},
        {"no f", replaced(good, R"("t":1,"f":1)", R"("t":1)"), "datagram: policies[0].f: not 0 or 1"},
        {"10^5 levels", std::string(100'000, '['), "datagram: "},
        {"levels inside", replaced(good, R"("dpv": "1")", R"("x":)" + std::string(50, '[') + std::string(50, ']')),
         "datagram: "},
    };
    for (const Bad& c : cases) {
        SCOPED_TRACE(c.reason);
        const auto session = parse(c.text);
        ASSERT_FALSE(session);
        EXPECT_EQ(session.error().code, Errc::invalid_input);
        EXPECT_THAT(session.error().message(), HasSubstr(c.message));
    }
}

TEST(Datagram, bounds_what_a_remote_host_may_add) {
    const auto session = parse(replaced(std::string(sts_failure), "self-signed_certificate",
                                        "x" + std::string(200'000, 'y').replace(498, 3, "\xe2\x82\xac")));
    ASSERT_TRUE(session);
    const std::string& reason = *session->policies[0].policy.failures[0].reason_code;
    EXPECT_LE(reason.size(), 500U);
    EXPECT_TRUE(is_valid_utf8(reason));
    std::string policies;
    for (int i = 0; i < 101; ++i) {
        policies += R"({"policy-type":9,"f":0},)";
    }
    EXPECT_FALSE(parse(R"({"d":"a.example","pr":"v=TLSRPTv1;rua=mailto:a@b.example","policies":[)" + policies +
                       R"({"policy-type":9,"f":0}]})"));
    EXPECT_TRUE(parse(sts_failure)) << "and the parser goes on after all of that";
}

TEST(Datagram, reads_what_libtlsrpt_sent) {
    const std::filesystem::path folder = POSTSEAL_SOURCE_DIR "/../shared/fixtures/tlsrpt";
    if (!std::filesystem::exists(folder)) {
        GTEST_SKIP() << "no samples here";
    }
    for (const int number : {1, 2, 3, 5}) {
        SCOPED_TRACE(number);
        const auto session = parse(
            read_whole((folder / ("libtlsrpt-datagrams--datagram-" + std::to_string(number) + ".json")).string()));
        ASSERT_TRUE(session) << session.error().message();
        EXPECT_EQ(session->policies.size(), number == 5 ? 2U : 1U);
        EXPECT_EQ(session->policies[0].failed, number == 2 || number == 3);
    }
}

}  // namespace
}  // namespace postseal::tlsrpt
