// Replies to the letter: Postfix reads a wrong one as a configuration error and defers all mail to the domain.
#include "verdict/reply.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "verdict/evidence_for_test.h"

namespace postseal::verdict {
namespace {

using test::test_now;

Decision secure() {
    Decision decision;
    decision.level = Level::secure;
    decision.source = Source::sts;
    decision.mode = mtasts::Mode::enforce;
    decision.match = {"mail.example.com", ".backup.example.com"};
    decision.valid_until = test_now + Seconds{300};
    decision.policy_expires = test_now + Seconds{86'400};
    decision.sts = Decision::StsAttributes{
        test::name("example.com"),
        {"mail.example.com", "*.backup.example.com"},
        {"version: STSv1", "mode: enforce", "mx: mail.example.com", "mx: *.backup.example.com", "max_age: 86400"}};
    return decision;
}

TEST(SocketmapReply, SecurePlain) {
    EXPECT_EQ(socketmap_reply(secure(), ReplyForm::plain),
              "OK secure match=mail.example.com:.backup.example.com servername=hostname");
    EXPECT_EQ(socketmap_reply(secure(), ReplyForm::plain, {.servername = false}),
              "OK secure match=mail.example.com:.backup.example.com")
        << "for Postfix before 3.4";
}

TEST(SocketmapReply, SecureWithTlsrptAttributes) {
    EXPECT_EQ(socketmap_reply(secure(), ReplyForm::with_tlsrpt),
              "OK secure match=mail.example.com:.backup.example.com servername=hostname policy_type=sts "
              "policy_domain=example.com mx_host_pattern=mail.example.com mx_host_pattern=*.backup.example.com "
              "{ policy_string = version: STSv1 } { policy_string = mode: enforce } "
              "{ policy_string = mx: mail.example.com } { policy_string = mx: *.backup.example.com } "
              "{ policy_string = max_age: 86400 }");
}

TEST(SocketmapReply, OtherLevels) {
    for (const ReplyForm form : {ReplyForm::plain, ReplyForm::with_tlsrpt}) {
        Decision decision;
        EXPECT_EQ(socketmap_reply(decision, form), "NOTFOUND ") << "with the blank of socketmap_table(5)";
        decision.level = Level::dane;
        EXPECT_EQ(socketmap_reply(decision, form), "OK dane") << "nothing behind it, not even a blank";
        decision.level = Level::dane_only;
        EXPECT_EQ(socketmap_reply(decision, form), "OK dane-only");
        decision.level = Level::may;
        EXPECT_EQ(socketmap_reply(decision, form), "OK may");
        decision.level = Level::encrypt;
        EXPECT_EQ(socketmap_reply(decision, form), "OK encrypt");
        decision.level = Level::secure;
        EXPECT_EQ(socketmap_reply(decision, form), "OK secure servername=hostname")
            << "an override without match: never an empty match=";
        decision.level = Level::temp;
        EXPECT_EQ(socketmap_reply(decision, form), "TEMP temporary failure");
    }
}

// STS-054: a failure defers mail and is tried again; PERM, which Postfix takes for a broken set-up, is never said.
TEST(SocketmapReply, TempReasonIsOneHarmlessLine) {
    Decision decision;
    decision.level = Level::temp;
    decision.reasons = {"SERVFAIL\r\nOK may \x1b[31m \"é\"", "second"};
    const std::string reply = socketmap_reply(decision, ReplyForm::plain);
    EXPECT_TRUE(reply.starts_with("TEMP SERVFAIL\\x0d\\x0aOK may \\x1b[31m '"));
    EXPECT_TRUE(std::ranges::all_of(reply, [](char c) { return c >= ' ' && c <= '~'; })) << reply;
    decision.reasons = {std::string(5000, 'x')};
    EXPECT_LE(socketmap_reply(decision, ReplyForm::plain).size(), 210U);
}

// Design rule 13: what cannot be said safely is left out.
TEST(SocketmapReply, PolicyStringsThatWouldBreakTheReply) {
    for (const char* line : {"x: }", "x: {", "x: { } {", "", "   ", "x: \x01", "x: \xff", "x: a\nb"}) {
        Decision decision = secure();
        decision.sts->policy_strings = {"version: STSv1", line};
        const std::string reply = socketmap_reply(decision, ReplyForm::with_tlsrpt);
        EXPECT_TRUE(reply.ends_with("mx_host_pattern=*.backup.example.com { policy_string = version: STSv1 }"))
            << reply;
    }
    Decision decision = secure();
    decision.sts->policy_strings = {"note: смотри, x=y"};
    EXPECT_TRUE(socketmap_reply(decision, ReplyForm::with_tlsrpt).ends_with("{ policy_string = note: смотри, x=y }"))
        << "UTF-8, commas and equal signs are harmless inside braces";
}

TEST(SocketmapReply, NoAttributesWithoutAHostNameAsDomain) {
    Decision decision = secure();
    decision.sts->policy_domain = test::name("_odd.example.com");
    EXPECT_EQ(socketmap_reply(decision, ReplyForm::with_tlsrpt), socketmap_reply(decision, ReplyForm::plain))
        << "Postfix checks policy_domain with valid_hostname()";
}

TEST(SocketmapReply, StaysWithinPostfixLimit) {
    Decision decision = secure();
    decision.sts->policy_strings.assign(40, "x: " + std::string(3000, 'y'));
    std::string reply = socketmap_reply(decision, ReplyForm::with_tlsrpt);
    EXPECT_LE(reply.size(), reply_bytes_max);
    EXPECT_TRUE(reply.ends_with("mx_host_pattern=*.backup.example.com")) << "the strings go first";

    decision = secure();
    for (int i = 0; i < 3000; ++i) {
        const std::string host = "a-rather-long-host-" + std::to_string(i) + ".x";
        decision.match.push_back(host);
        decision.sts->mx_host_patterns.push_back(host);
    }
    reply = socketmap_reply(decision, ReplyForm::with_tlsrpt);
    EXPECT_LE(reply.size(), reply_bytes_max);
    EXPECT_EQ(reply, socketmap_reply(decision, ReplyForm::plain)) << "then the attributes as a whole";

    decision.match.assign(2000, std::string(60, 'a') + ".example");
    EXPECT_TRUE(socketmap_reply(decision, ReplyForm::plain).starts_with("TEMP ")) << "never a list cut off";
}

TEST(LineReply, SaysTheSame) {
    EXPECT_EQ(line_reply(secure()),
              "level=secure match=mail.example.com:.backup.example.com mode=enforce source=sts expires=1790086400");
    Decision decision;
    EXPECT_EQ(line_reply(decision), "level=none");
    decision.level = Level::dane_only;
    decision.source = Source::dane;
    decision.valid_until = test_now;
    EXPECT_EQ(line_reply(decision), "level=dane-only source=dane expires=1790000000");
    decision.level = Level::temp;
    decision.reasons = {"a \"quoted\"\nreason"};
    EXPECT_EQ(line_reply(decision), "level=temp reason=\"a 'quoted'\\x0areason\"");
    decision = secure();
    decision.level = Level::none;
    decision.match.clear();
    decision.mode = mtasts::Mode::testing;
    EXPECT_EQ(line_reply(decision), "level=none mode=testing source=sts expires=1790086400");
}

// RFC 8461 §4.1; STS-043, STS-044: "*" stands for exactly one label, case and a final dot do not count; the MTA that
// asks need not know.
TEST(MxLineReply, JudgesTheHostsByThePolicy) {
    const dns::Name domain = test::name("example.com");
    EXPECT_EQ(mx_line_reply(secure(), domain,
                            {"a.backup.example.com", "MAIL.example.com.", "x.y.backup.example.com",
                             "backup.example.com", "mx.attacker.example"}),
              "level=secure hosts=a.backup.example.com:mail.example.com "
              "refused=x.y.backup.example.com:backup.example.com:mx.attacker.example source=sts");
    EXPECT_EQ(mx_line_reply(secure(), domain, {"mx.attacker.example"}),
              "level=secure refused=mx.attacker.example source=sts");
    EXPECT_EQ(mx_line_reply(secure(), domain, {"192.0.2.1", "a b.backup.example.com", "", "_x.backup.example.com"}),
              "level=secure source=sts")
        << "what is no host name is neither used nor repeated";
}

TEST(MxLineReply, OtherLevelsRestrictNoHost) {
    Decision decision;
    EXPECT_EQ(mx_line_reply(decision, test::name("example.com"), {"mx.example.net"}),
              "level=none hosts=mx.example.net source=default");
    decision.level = Level::dane_only;
    decision.source = Source::dane;
    EXPECT_EQ(mx_line_reply(decision, test::name("example.com"), {"mx.example.net"}),
              "level=dane-only hosts=mx.example.net source=dane");
    decision.level = Level::temp;
    decision.reasons = {"a reason"};
    EXPECT_EQ(mx_line_reply(decision, test::name("example.com"), {"mx.example.net"}), "level=temp reason=\"a reason\"");
}

// The words of smtp_tls_secure_cert_match, asked of the host instead of its certificate.
TEST(MxLineReply, AnOperatorsMatch) {
    const dns::Name domain = test::name("example.com");
    const std::vector<std::string> hosts{"example.com", "mx.example.com", "a.b.example.com", "mx.example.net"};
    const auto hosts_for = [&](std::vector<std::string> match) {
        Decision decision;
        decision.level = Level::secure;
        decision.source = Source::by_override;
        decision.match = std::move(match);
        return mx_line_reply(decision, domain, hosts);
    };
    EXPECT_EQ(hosts_for({}),
              "level=secure hosts=example.com:mx.example.com:a.b.example.com refused=mx.example.net source=override");
    EXPECT_EQ(hosts_for({"nexthop"}),
              "level=secure hosts=example.com refused=mx.example.com:a.b.example.com:mx.example.net source=override");
    EXPECT_EQ(hosts_for({"mx.example.net", ".b.example.com"}),
              "level=secure hosts=a.b.example.com:mx.example.net refused=example.com:mx.example.com source=override");
    EXPECT_EQ(hosts_for({"hostname"}),
              "level=secure hosts=example.com:mx.example.com:a.b.example.com:mx.example.net source=override");
}

}  // namespace
}  // namespace postseal::verdict
