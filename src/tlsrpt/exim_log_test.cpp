// Lines that Exim 4.96 of Debian 12 wrote in the lab by packaging/exim, with other names and addresses. RPT-036,
// RPT-037, RPT-038.
#include "tlsrpt/exim_log.h"

#include <gtest/gtest.h>

#include <string>

namespace postseal::tlsrpt {
namespace {

const MailLog::Now unused{TimePoint(), Seconds(0)};
const std::string begin = "2026-11-25 01:47:40 1xW26k-00006S-1o postseal-session: ";
const std::string fresh = "1803347252";
const std::string expired = "1795484852";

// What packaging/exim/acl writes.
struct Line {
    std::string at = "1795571260";
    std::string event = "smtp:ehlo";
    std::string domain = "example.com";
    std::string host = "mx.example.com";
    std::string ip = "192.0.2.1";
    std::string port = "25";
    std::string level = "secure";
    std::string source = "sts";
    std::string dane = "no";
    std::string notafter = fresh;
    std::string error = "0";
    std::string why{};
    [[nodiscard]] std::string text(const std::string& before = begin) const {
        return before + "at=" + at + " event=" + event + " domain=" + domain + " host=" + host + " ip=" + ip +
               " port=" + port + " from=198.51.100.7 level=" + level + " source=" + source + " dane=" + dane +
               " notafter=" + notafter + " error=" + error + " why=" + why;
    }
};
Line given_up(const std::string& error, const std::string& why, const std::string& notafter = fresh) {
    return {.event = "msg:host:defer", .notafter = notafter, .error = error, .why = why};
}
Line held(Line line, const std::string& level, const std::string& source, const std::string& dane = "no") {
    line.level = level;
    line.source = source;
    line.dane = dane;
    return line;
}

std::vector<LoggedSession> read(const std::string& text) {
    EximLog log;
    std::vector<LoggedSession> sessions;
    EXPECT_TRUE(log.read(text, unused, sessions)) << text;
    return sessions;
}
LoggedSession one(const Line& line) {
    auto sessions = read(line.text());
    EXPECT_EQ(sessions.size(), 1U) << line.text();
    return sessions.empty() ? LoggedSession{{}, dns::Name(), "", "", {}, "", {}, ""} : std::move(sessions[0]);
}

TEST(EximLogTest, TheMessageIdOfAReport) {  // RPT-014
    const std::string report = "1790000000." + std::string(16, 'a') + "." + std::string(32, 'b') + "@sender.test";
    const auto id_of = [](const std::string& id) {
        std::string text = Line{}.text();
        text.insert(text.find(" error="), " id=" + id);
        const auto sessions = read(text);
        return sessions.size() == 1 ? sessions[0].message_id : "no session";
    };
    EXPECT_EQ(id_of("<" + report + ">"), report);
    EXPECT_EQ(id_of(report), report);
    EXPECT_EQ(id_of(""), "") << "a message without";
    EXPECT_EQ(id_of("<E1vabc-0001@example.com>"), "") << "nobody else's is of interest";
    EXPECT_EQ(id_of("<" + report + "> error=-37"), "no session") << "a field that is out of place";
    EXPECT_EQ(one({}).message_id, "") << "the fragment before there was this field";
}

TEST(EximLogTest, ASession) {
    const LoggedSession session = one({});
    EXPECT_EQ(session.at, TimePoint(Seconds(1'795'571'260)));
    EXPECT_EQ(session.domain.text(), "example.com");
    EXPECT_EQ(session.host, "mx.example.com");
    EXPECT_EQ(session.address, "192.0.2.1");
    EXPECT_EQ(session.own_address, "198.51.100.7");
    EXPECT_FALSE(session.failure);
    EXPECT_EQ(session.held_to, HeldTo::webpki);
}

TEST(EximLogTest, WhatItWasHeldTo) {
    const Line failed = given_up("-37", "TLS session: (certificate verification failed): certificate invalid");
    EXPECT_EQ(one(held({}, "dane-only", "dane", "yes")).held_to, HeldTo::dane);
    EXPECT_EQ(one(held(failed, "dane-only", "dane")).held_to, HeldTo::dane);
    EXPECT_EQ(one(held({}, "dane", "dane", "yes")).held_to, HeldTo::dane);
    EXPECT_EQ(one(held({}, "dane", "dane")).held_to, HeldTo::nothing) << "a host without TLSA records";
    EXPECT_EQ(one(held(failed, "dane", "dane")).held_to, HeldTo::dane);
    EXPECT_EQ(one(held({}, "none", "")).held_to, HeldTo::nothing);
    EXPECT_EQ(one(held(failed, "none", "")).held_to, HeldTo::nothing);
    EXPECT_EQ(one(held({}, "secure", "override")).held_to, HeldTo::nothing) << "no policy of the domain's";
    EXPECT_EQ(one(held({}, "", "")).held_to, HeldTo::nothing) << "a transport that asks nobody";
    EXPECT_EQ(one(held({}, "", "", "yes")).held_to, HeldTo::dane);
    EXPECT_EQ(one(held(failed, "", "")).held_to, HeldTo::unknown);
}

TEST(EximLogTest, RPT_036_RPT_037_RPT_038_Failures) {
    struct Case {
        Line line;
        ResultType type;
        std::string reason;
    };
    const std::string verification = "TLS session: (certificate verification failed)";
    const std::string differs = verification + ": Verification failed. The certificate differs. ";
    const std::string no_tls = "a TLS session is required, but the server did not offer TLS support";
    for (const Case& test : std::vector<Case>{
             {given_up("-38", no_tls, ""), ResultType::starttls_not_supported, ""},
             {held(given_up("-38", no_tls, ""), "dane-only", "dane"), ResultType::starttls_not_supported, ""},
             {given_up("-38", "a TLS session is required, but an attempt to start TLS failed", ""),
              ResultType::starttls_not_supported, ""},
             // With DANE Exim has no number for it. What follows the words is the host's own.
             {held(given_up("0", "SMTP error from remote mail server after STARTTLS: 454 no? postseal-session: at=1",
                            ""),
                   "dane-only", "dane"),
              ResultType::starttls_not_supported, ""},
             {given_up("-37", verification + ": certificate invalid"), ResultType::certificate_not_trusted,
              "certificate invalid"},
             {given_up("-37", verification + ": certificate invalid", expired), ResultType::certificate_expired,
              "certificate invalid"},
             {given_up("-37", verification), ResultType::certificate_host_mismatch, ""},
             {held(given_up("-37", differs, expired), "dane-only", "dane"), ResultType::tlsa_invalid,
              "Verification failed. The certificate differs."},
             {given_up("-37", "TLS session: (gnutls_handshake): An unexpected TLS packet was received.", ""),
              ResultType::validation_failure, "tls-handshake-failure"},
         }) {
        const LoggedSession session = one(test.line);
        EXPECT_EQ(session.failure, test.type) << test.line.text();
        EXPECT_EQ(session.reason, test.reason) << test.line.text();
    }
}

TEST(EximLogTest, TheSendingAddressIsInTheReport) {
    PolicyResult policy;
    policy.policy_type = "sts";
    const Session session = as_session(one(given_up("-38", "", "")), policy);
    EXPECT_EQ(session.policies.at(0).policy.failures.at(0).sending_mta_ip, "198.51.100.7");
}

TEST(EximLogTest, LineBegins) {
    const std::string rest = Line().text(" postseal-session: ");
    for (const char* good :
         {"2026-11-24 22:16:49 1xVyoi-00006K-24", "2026-11-24 22:16:49.123 +0100 1xVyoi-00006K-24",
          "2026-11-24 22:16:49 -0330 [123] 1xVyoi-00006K-24", "2026-11-24 22:16:49 [123] 1xVyoi-0000000006K-0024"}) {
        EXPECT_EQ(read(good + rest).size(), 1U) << good;
    }
    for (const char* wrong :
         {"", "2026-11-24 22:16:49",       // a callout: no message yet
          "2026-11-24 22:16:49 rejected",  // and no word in its place
          "2026-11-24 22:16:49 a-b-c", "2026-11-24 22:16:49 1xVyoi-00006K-24 H=mx",
          "2026-11-24 22:16:49 1xVyoi-00006K-24 => b@example.com C=\"250",
          "2026-11-24 22:16:49 1xVyoi-00006K-24 H=mx [192.0.2.1]: 451 2026-11-24 22:16:49 1xVyoi-00006K-24",
          "Nov 24 22:16:49 mail postfix/smtp[7]:",  // another program
          "2026-11-24T22:16:49Z mail 1xVyoi-00006K-24", "2026-11-24 22:16:49 [] 1xVyoi-00006K-24",
          "2026-11-24 22:16:49  1xVyoi-00006K-24", "2026-11-24 22:16:49 [1] [1] [1] 1xVyoi-00006K-24"}) {
        EXPECT_TRUE(read(wrong + rest).empty()) << wrong;
    }
}

TEST(EximLogTest, LinesThatAreNoSession) {
    const std::string good = Line().text();
    const std::vector<std::string> wrong = {
        begin,
        begin + "at=1",
        begin + "x" + Line().text(""),       // another first field
        good.substr(0, good.find(" why=")),  // cut off
        Line{.at = ""}.text(),
        Line{.at = "-1"}.text(),
        Line{.at = "9999999999999"}.text(),
        Line{.event = "msg:delivery"}.text(),
        Line{.event = "tcp:connect"}.text(),
        Line{.domain = ""}.text(),                 // a letter to several domains at once
        Line{.domain = "?192.0.2.1?"}.text(),      // an address literal
        Line{.domain = "a domain=b.test"}.text(),  // a blank that the fragment would have replaced
        Line{.host = "mx host=mx2"}.text(),
        Line{.host = std::string(256, 'a')}.text(),
        Line{.ip = "192.0.2"}.text(),
        Line{.port = "587"}.text(),  // a submission server, no MX
        given_up("-44", "SMTP error from remote mail server after RCPT TO").text(),
        given_up("0", "SMTP error from remote mail server after MAIL FROM: after STARTTLS: ").text(),
        given_up("111", "Connection refused").text(),
        given_up("", "").text(),
    };
    ASSERT_EQ(read(good).size(), 1U);
    for (const std::string& line : wrong) {
        EXPECT_TRUE(read(line).empty()) << line;
    }
}

TEST(EximLogTest, HostileLinesAreSkippedAndToldApart) {
    EximLog log;
    std::vector<LoggedSession> found;
    EXPECT_FALSE(log.read(std::string("a\0b", 3), unused, found));
    EXPECT_FALSE(log.read("\xff", unused, found));
    EXPECT_FALSE(log.read(std::string(MailLog::line_bytes_max + 1, 'a'), unused, found));
    EXPECT_TRUE(log.read("", unused, found));
    EXPECT_TRUE(found.empty());
    EXPECT_TRUE(log.restore(log.save()));
    EXPECT_FALSE(log.restore("what Postfix left open"));
}

}  // namespace
}  // namespace postseal::tlsrpt
