#include "app/demo_sender.h"

#include <gtest/gtest.h>

#include "tlsrpt/datagram.h"

namespace postseal::app {
namespace {

TEST(DemoSender, ReadsThePolicyDaemonsReply) {
    const MailPolicy secure = parse_policy_reply(
        "OK secure match=mx.a.test:.b.test servername=hostname policy_type=sts policy_domain=a.test "
        "mx_host_pattern=mx.a.test mx_host_pattern=*.b.test { policy_string = version: STSv1 } "
        "{ policy_string = mode: enforce }");
    EXPECT_EQ(secure.level, "secure");
    EXPECT_EQ(secure.match, (std::vector<std::string>{"mx.a.test", ".b.test"}));
    EXPECT_TRUE(secure.sts);
    EXPECT_EQ(secure.policy_domain, "a.test");
    EXPECT_EQ(secure.mx_host_patterns, (std::vector<std::string>{"mx.a.test", "*.b.test"}));
    EXPECT_EQ(secure.policy_strings, (std::vector<std::string>{"version: STSv1", "mode: enforce"}));

    struct {
        const char* reply;
        const char* level;
        const char* why;
    } const cases[] = {{"NOTFOUND ", "may", "no policy: what the server offers"},
                       {"OK dane-only", "dane-only", "a level without attributes"},
                       {"TEMP slow", "temp", "mail waits"},
                       {"", "temp", "no answer is not no policy"},
                       {"OK secure { policy_string = x", "secure", "a brace that nobody closes ends with the reply"}};
    for (const auto& one : cases) {
        EXPECT_EQ(parse_policy_reply(one.reply).level, one.level) << one.why;
    }
}

// What the sender tells is what the collector reads (facts of libtlsrpt: tlsrpt/datagram.h).
TEST(DemoSender, TellsASessionAsLibtlsrptDoes) {
    const auto domain = dns::Name::parse("a.test").value();
    const auto mx = dns::Name::parse("mx.a.test").value();
    const std::string record = "v=TLSRPTv1; rua=https://r.test/x";
    MailPolicy sts = parse_policy_reply("OK secure match=mx.a.test policy_type=sts policy_domain=a.test");
    const MailPolicy nothing = parse_policy_reply("NOTFOUND ");
    net::SmtpDelivery delivery;
    delivery.address = dns::IpAddress::parse("127.0.0.22").value();
    net::SmtpDeliveryResult result;
    const auto told = [&](const MailPolicy& policy) {
        return session_datagram(domain, record, mx, delivery, result, policy);
    };

    result.failure = net::SmtpFailure::starttls_not_offered;
    result.ehlo = "mx.a.test";
    const auto failed = told(sts);
    ASSERT_TRUE(failed);
    const auto read = tlsrpt::parse_datagram(as_bytes(*failed));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->domain, domain);
    EXPECT_EQ(read->record, record);
    EXPECT_TRUE(read->protocol_version_known);
    ASSERT_EQ(read->policies.size(), 1U);
    EXPECT_TRUE(read->policies[0].failed);
    EXPECT_EQ(read->policies[0].policy.policy_type, "sts");
    ASSERT_EQ(read->policies[0].policy.failures.size(), 1U);
    EXPECT_EQ(read->policies[0].policy.failures[0].result_type, "starttls-not-supported");
    EXPECT_EQ(read->policies[0].policy.failures[0].receiving_mx_helo, "mx.a.test");

    EXPECT_FALSE(told(nothing)) << "no TLS was demanded and none was tried: Postfix says nothing";
    result.failure = net::SmtpFailure::timeout;
    EXPECT_FALSE(told(sts)) << "a session that never reached STARTTLS is no TLS failure";

    result.failure = net::SmtpFailure::certificate;
    result.tls.emplace();
    struct {
        net::CertificateError error;
        const char* result_type;
    } const cases[] = {{net::CertificateError::expired, "certificate-expired"},
                       {net::CertificateError::host_mismatch, "certificate-host-mismatch"},
                       {net::CertificateError::untrusted, "certificate-not-trusted"},
                       {net::CertificateError::other, "validation-failure"}};
    for (const auto& one : cases) {
        result.tls->certificate_error = one.error;
        const auto session = tlsrpt::parse_datagram(as_bytes(told(sts).value()));
        ASSERT_TRUE(session) << one.result_type;
        EXPECT_EQ(session->policies[0].policy.failures[0].result_type, one.result_type);
    }

    result.failure = net::SmtpFailure::none;
    const auto fine = tlsrpt::parse_datagram(as_bytes(told(nothing).value()));
    ASSERT_TRUE(fine);
    EXPECT_EQ(fine->policies[0].policy.policy_type, "no-policy-found");
    EXPECT_FALSE(fine->policies[0].failed);
}

}  // namespace
}  // namespace postseal::app
