// Lines that Postfix 3.7 of Debian 12 wrote in the lab, with other names and addresses: every way a session can end, at
// smtp_tls_loglevel 1 and 2, with and without tlsproxy. RPT-036, RPT-037, RPT-038.
#include "tlsrpt/postfix_log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "tlsrpt/testing.h"

namespace postseal::tlsrpt {
namespace {

const PostfixLog::Now that_evening{TimePoint(Seconds(1'795'548'600)), Seconds(0)};  // 2026-11-24T19:30:00Z

std::string shown(const LoggedSession& session) {
    constexpr std::array held = {"nothing", "dane", "webpki", "unknown"};
    std::string text = session.domain.text() + " at " + (session.host.empty() ? "-" : session.host) + ": " +
                       (session.failure ? std::string(to_string(*session.failure)) : "ok");
    text += session.reason.empty() ? "" : " (" + session.reason + ")";
    return text + ", held to " + held.at(static_cast<std::size_t>(session.held_to));
}

std::vector<LoggedSession> sessions_of(PostfixLog& log, std::string_view text,
                                       const PostfixLog::Now& now = that_evening) {
    std::vector<LoggedSession> found;
    for (const std::string_view line : split(text, '\n')) {
        EXPECT_TRUE(log.read(line, now, found)) << line;
    }
    return found;
}
std::vector<std::string> told(std::string_view text) {
    PostfixLog log;
    std::vector<std::string> out;
    for (const LoggedSession& session : sessions_of(log, text)) {
        out.push_back(shown(session));
    }
    std::sort(out.begin(), out.end());
    return out;
}

constexpr const char* dane_mismatch = "tlsa-invalid (no matching DANE TLSA records), held to dane";

std::vector<std::string> sorted(std::vector<std::string> list) {
    std::sort(list.begin(), list.end());
    return list;
}

// What Postfix 3.7 saw of the lab at smtp_tls_loglevel = 1; "com" enforces MTA-STS, "org" has TLSA, "net" no policy.
std::vector<std::string> lab_sessions() {
    std::vector<std::string> all = {
        "broken.example.com at mx.broken.example.com: validation-failure (tls-handshake-failure), held to unknown",
        "broken.example.org at mx.broken.example.org: validation-failure (tls-handshake-failure), held to unknown",
        "expired.example.com at mx.expired.example.com: certificate-expired (certificate has expired), held to webpki",
        "ok.example.org at mx.ok.example.org: ok, held to unknown",
        "refuse.example.com at mx.refuse.example.com: starttls-not-supported, held to unknown",
        "refuse.example.org at mx.refuse.example.org: starttls-not-supported, held to unknown",
        "self.example.com at mx.self.example.com: certificate-not-trusted (self-signed certificate), held to webpki",
        "several.example.com at mx.broken.example.com: validation-failure (tls-handshake-failure), held to unknown",
        "several.example.com at mx.ok.example.com: ok, held to unknown",
        "several.example.com at mx.refuse.example.com: starttls-not-supported, held to unknown",
        "several.example.com at mx.self.example.com: certificate-not-trusted (self-signed certificate), held to webpki",
        "several.example.com at mx.strip.example.com: starttls-not-supported, held to unknown",
        "strip.example.com at mx.strip.example.com: starttls-not-supported, held to unknown",
        "strip.example.com at mx.strip.example.com: starttls-not-supported, held to unknown",  // to three recipients
        "strip.example.org at mx.strip.example.org: starttls-not-supported, held to unknown",
        "wrong.example.com at mx.wrong.example.com: certificate-host-mismatch (hostname mismatch), held to webpki",
    };
    const auto add = [&](std::string_view domain, std::string_view outcome) {
        all.push_back(fmt::format("{0} at mx.{0}: {1}", domain, outcome));
    };
    add("early.example.com", "certificate-not-trusted (certificate not yet valid), held to webpki");
    add("untrusted.example.com", "certificate-not-trusted (untrusted issuer /CN=Unknown Root), held to webpki");
    for (const std::string name : {"early", "expired", "self", "untrusted", "wrong"}) {
        add(name + ".example.org", dane_mismatch);
        add(name + ".example.net", "ok, held to nothing");
    }
    for (const std::string name : {"notlsa", "servfail", "unusable"}) {
        add(name + ".example.org", "ok, held to nothing");
    }
    for (int i = 0; i < 3; ++i) {
        all.emplace_back(
            "broken.example.net at mx.broken.example.net: validation-failure (tls-handshake-failure), held "
            "to unknown");
        all.emplace_back("ok.example.com at mx.ok.example.com: ok, held to unknown");
        all.emplace_back("ok.example.net at mx.ok.example.net: ok, held to nothing");
    }
    return sorted(std::move(all));
}

TEST(PostfixLogTest, RPT_036_RPT_037_RPT_038_SessionsOfPostfix37AtLogLevel1) {
    EXPECT_EQ(told(testdata("postfix37_level1.log")), lab_sessions());
}

TEST(PostfixLogTest, LogLevel2SaysMoreAndCountsTheSame) {
    // Some processes of a recording: what they say is in the list above.
    const auto all = lab_sessions();
    const auto found = told(testdata("postfix37_level2.log"));
    EXPECT_EQ(found.size(), 29U);
    EXPECT_TRUE(std::includes(all.begin(), all.end(), found.begin(), found.end()));
}

TEST(PostfixLogTest, ConnectionsUsedAgainAreNoSessions) {
    const std::string text = testdata("postfix37_tlsproxy.log");
    EXPECT_NE(text.find("TLS connection reused to"), std::string::npos);
    auto expected = lab_sessions();
    // Connections were kept: two more to one domain's host. Of a handshake that the proxy lost on the way to the next
    // host nobody names the host.
    for (int i = 0; i < 2; ++i) {
        expected.emplace_back("ok.example.net at mx.ok.example.net: ok, held to nothing");
    }
    const auto named = std::find(expected.begin(), expected.end(),
                                 "several.example.com at mx.broken.example.com: validation-failure "
                                 "(tls-handshake-failure), held to unknown");
    ASSERT_NE(named, expected.end());
    *named = "several.example.com at -: validation-failure (tls-handshake-failure), held to unknown";
    // The one with no TLSA used the connection of another.
    std::erase(expected, "notlsa.example.org at mx.notlsa.example.org: ok, held to nothing");
    EXPECT_EQ(told(text), sorted(expected));
}

TEST(PostfixLogTest, RPT_038_DaneThatIsDemandedAndNotToBeHad) {
    EXPECT_EQ(
        told(testdata("postfix37_dane_only.log")),
        (std::vector<std::string>{
            "notlsa.example.org at mx.notlsa.example.org: dane-required (no TLSA records found), held to dane",
            "ok.example.org at mx.ok.example.org: ok, held to unknown",
            "servfail.example.org at mx.servfail.example.org: dane-required (no TLSA records found), held to dane",
            "several.example.com at mx.strip.example.com: dane-required (non DNSSEC destination), held to dane",
            "strip.example.com at mx.strip.example.com: dane-required (non DNSSEC destination), held to dane",
            "unusable.example.org at mx.unusable.example.org: tlsa-invalid (TLSA records unusable), held to dane"}));
}

TEST(PostfixLogTest, APostfixThatReportsItselfIsLeftToItsDatagrams) {
    EXPECT_TRUE(told(testdata("postfix310.log")).empty());
}

TEST(PostfixLogTest, GoesOnAfterARestartAnywhere) {
    const std::string text = testdata("postfix37_level1.log");
    const auto lines = split(text, '\n');
    auto log = std::make_unique<PostfixLog>();
    std::vector<std::string> found;
    for (const std::string_view line : lines) {
        for (const LoggedSession& session : sessions_of(*log, line)) {
            found.push_back(shown(session));
        }
        auto again = std::make_unique<PostfixLog>();
        ASSERT_TRUE(again->restore(log->save())) << log->save();
        log = std::move(again);
    }
    EXPECT_EQ(sorted(found), lab_sessions());
    for (
        const char* broken :
        {"", "[]", "{}", R"({"processes":{"a":{}},"proxy_faults":[]})",
         R"({"processes":{},"proxy_faults":[{"peer":["h","192.0.2.1",25],"type":"what","reason":"","held_to":0}]})",
         R"({"processes":{},"proxy_faults":[{"peer":["h","192.0.2.1",25],"type":"tlsa-invalid","reason":"","held_to":9}]})"}) {
        EXPECT_FALSE(PostfixLog().restore(broken)) << broken;
    }
}

constexpr std::string_view handshake =
    " postfix/smtp[9]: Verified TLS connection established to mx.example.com[192.0.2.1]:25: TLSv1.3";
constexpr std::string_view sent =
    " postfix/smtp[9]: 4F3A17D2: to=<b@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1, delays=0/0/1/0, "
    "dsn=2.0.0, status=sent (250 ok)";

std::string two_lines(const std::string& before) {
    return before + std::string(handshake) + "\n" + before + std::string(sent);
}

TEST(PostfixLogTest, EveryFormOfTimeStamp) {
    struct Case {
        std::string line_begin;
        std::string at;
        Seconds utc_offset{0};
        std::string now = "2026-11-24T19:30:00Z";
    };
    const std::vector<Case> cases = {
        {"Nov 24 10:26:33 mail", "2026-11-24T10:26:33Z"},
        {"Nov  4 10:26:33 mail", "2026-11-04T10:26:33Z"},
        {"Nov 24 10:26:33 mail", "2026-11-24T09:26:33Z", Seconds(3600)},
        {"Nov 25 00:10:00 mail", "2026-11-24T18:40:00Z", Seconds(19'800)},
        {"2026-11-24T10:26:33.123456+01:00 mail", "2026-11-24T09:26:33Z"},
        {"2026-11-24T10:26:33+0100 mail", "2026-11-24T09:26:33Z"},
        {"2026-11-24T10:26:33Z mail", "2026-11-24T10:26:33Z"},
        {"Dec 31 23:59:59 mail", "2026-12-31T23:59:59Z", Seconds(0), "2027-01-01T00:00:05Z"},
        {"Jan  1 00:00:01 mail", "2027-01-01T00:00:01Z", Seconds(0), "2026-12-31T23:59:58Z"},
        {"Dec 31 23:59:59 mail", "2025-12-31T23:59:59Z", Seconds(0), "2026-06-01T00:00:00Z"},
        {"Feb 29 12:00:00 mail", "2024-02-29T12:00:00Z", Seconds(0), "2026-06-01T00:00:00Z"},
    };
    for (const Case& test : cases) {
        PostfixLog log;
        const auto found =
            sessions_of(log, two_lines(test.line_begin), {parse_rfc3339(test.now).value(), test.utc_offset});
        ASSERT_EQ(found.size(), 1U) << test.line_begin;
        EXPECT_EQ(to_rfc3339(found[0].at), test.at) << test.line_begin;
    }
    for (const char* wrong : {"24.11.2026 10:26:33 mail", "Nov 32 10:26:33 mail", "Nox 24 10:26:33 mail",
                              "Nov 24 25:26:33 mail", "2026-11-24T10:26:33 mail", "2026-13-24T10:26:33Z mail", "Nov 24",
                              "Feb 30 12:00:00 mail", "", " ", "<22>Nov 24 10:26:33 mail"}) {
        EXPECT_TRUE(told(two_lines(wrong)).empty()) << wrong;
    }
}

TEST(PostfixLogTest, AnySyslogNameAndNoOtherProgram) {
    for (const auto& [tag, counted] :
         {std::pair("postfix/smtp", true), std::pair("postfix-out/smtp", true), std::pair("postfix/relay/smtp", true),
          std::pair("mta.7/slow/smtp", true), std::pair("postfix/lmtp", false), std::pair("postfix/smtpd", false),
          std::pair("smtp", false), std::pair("post fix/smtp", false)}) {
        std::string text = two_lines("Nov 24 10:26:33 mail");
        for (std::size_t at = 0; (at = text.find("postfix/smtp", at)) != std::string::npos;
             at += std::string(tag).size()) {
            text.replace(at, 12, tag);
        }
        EXPECT_EQ(told(text).size(), counted ? 1U : 0U) << tag;
    }
}

TEST(PostfixLogTest, InterleavedProcessesAndHosts) {
    const auto line = [](const char* host, int pid, const std::string& said) {
        return std::string("Nov 24 10:26:33 ") + host + " postfix/smtp[" + std::to_string(pid) + "]: " + said + "\n";
    };
    const auto tls = [](const std::string& word, const std::string& domain) {
        return word + " TLS connection established to mx." + domain + "[192.0.2.1]:25: TLSv1.3";
    };
    const auto end = [](const std::string& domain) {
        return "4F3A17D2: to=<b@" + domain + ">, orig_to=<c@old.example>, relay=mx." + domain +
               "[192.0.2.1]:25, delay=1, status=sent (250 ok)";
    };
    // One number on two hosts is two processes.
    EXPECT_EQ(told(line("a", 1, tls("Verified", "example.com")) + line("b", 1, tls("Untrusted", "example.net")) +
                   line("a", 2, tls("Trusted", "example.org")) + line("b", 1, end("example.net")) +
                   line("a", 2, end("example.org")) + line("a", 1, end("example.com"))),
              (std::vector<std::string>{"example.com at mx.example.com: ok, held to unknown",
                                        "example.net at mx.example.net: ok, held to nothing",
                                        "example.org at mx.example.org: ok, held to nothing"}));
    // A process that died left a session; an hour later its number is another's.
    EXPECT_EQ(told(line("a", 1, tls("Verified", "example.com")) + "Nov 24 11:26:34" +
                   line("a", 1, end("example.net")).substr(15)),
              std::vector<std::string>());
}

TEST(PostfixLogTest, OverMidnight) {
    PostfixLog log;
    const auto found = sessions_of(
        log, "2026-11-23T23:59:59Z mail" + std::string(handshake) + "\n2026-11-24T00:00:01Z mail" + std::string(sent),
        that_evening);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(to_rfc3339(found[0].at), "2026-11-24T00:00:01Z") << "nobody knew it before";
}

TEST(PostfixLogTest, OneSessionForAllRecipientsOfARequest) {
    const auto line = [](const std::string& id, const std::string& recipient) {
        return "Nov 24 10:26:33 mail postfix/smtp[9]: " + id + ": to=<" + recipient +
               ">, relay=mx.example.com[192.0.2.1]:25, delay=1, delays=0/0/1/0, dsn=4.7.4, status=deferred (TLS is "
               "required, but was not offered by host mx.example.com[192.0.2.1])\n";
    };
    EXPECT_EQ(told(line("4F3A17D2", "a@example.com") + line("4F3A17D2", "b@example.com")).size(), 1U);
    EXPECT_EQ(told(line("4F3A17D2", "a@example.com") + line("4F3A17D2", "a@example.com")).size(), 2U) << "tried again";
    EXPECT_EQ(told(line("4F3A17D2", "a@example.com") + line("4F3A17D3", "b@example.com")).size(), 2U);
}

TEST(PostfixLogTest, RecipientsThatTryToBeSomethingElse) {
    for (const auto& [recipient, domain] :
         {std::pair(R"("x>, relay=mx.evil.example[192.0.2.9]:25, status=sent (y"@example.com)", "example.com"),
          std::pair(R"("a\">, b@evil.example"@example.com)", "example.com"), std::pair("a@EXAMPLE.com", "example.com"),
          std::pair("a@b@example.com", "example.com"),
          std::pair("a@b\xc3\xbc"
                    "cher.example",
                    "xn--bcher-kva.example")}) {
        std::string text = two_lines("Nov 24 10:26:33 mail");
        const std::size_t at = text.find("b@example.com");
        const auto found = told(text.replace(at, 13, recipient));
        ASSERT_EQ(found.size(), 1U) << recipient;
        EXPECT_EQ(found[0], std::string(domain) + " at mx.example.com: ok, held to unknown");
    }
    for (const char* recipient : {"a@[192.0.2.1]", "nobody", "", "a@", "\"open@example.com"}) {
        std::string text = two_lines("Nov 24 10:26:33 mail");
        const std::size_t at = text.find("b@example.com");
        EXPECT_TRUE(told(text.replace(at, 13, recipient)).empty()) << recipient;
    }
}

TEST(PostfixLogTest, ASubmissionServerIsNoMx) {
    std::string text = two_lines("Nov 24 10:26:33 mail");
    for (std::size_t at = 0; (at = text.find("]:25", at)) != std::string::npos; ++at) {
        text.replace(at, 4, "]:587");
    }
    EXPECT_TRUE(told(text).empty());
}

TEST(PostfixLogTest, HostileLinesAreSkippedAndToldApart) {
    PostfixLog log;
    std::vector<LoggedSession> found;
    const std::string good = "Nov 24 10:26:33 mail" + std::string(handshake);
    EXPECT_FALSE(log.read(good + std::string("\0", 1), that_evening, found));
    EXPECT_FALSE(log.read(good + "\xff", that_evening, found));
    EXPECT_FALSE(log.read(std::string(PostfixLog::line_bytes_max + 1, 'a'), that_evening, found));
    EXPECT_TRUE(log.read("Nov 24 10:26:33 mail" + std::string(sent), that_evening, found));
    EXPECT_TRUE(found.empty());
    // Processes without end are forgotten, oldest first.
    for (int i = 0; i < 20'000; ++i) {
        std::string line = good;
        log.read(line.replace(line.find("[9]"), 3, "[" + std::to_string(i + 10) + "]"), that_evening, found);
    }
    EXPECT_LT(log.save().size(), std::size_t{4} << 20);
}

TEST(PostfixLogTest, ASessionAsADatagramWouldTellIt) {
    const LoggedSession logged{that_evening.now,
                               dns::Name::parse("example.com").value(),
                               "MX.example.com",
                               "192.0.2.1",
                               ResultType::certificate_expired,
                               "certificate has expired",
                               HeldTo::webpki,
                               ""};
    PolicyResult policy;
    policy.policy_type = "sts";
    const Session session = as_session(logged, policy);
    ASSERT_EQ(session.policies.size(), 1U);
    EXPECT_TRUE(session.policies[0].failed);
    EXPECT_EQ(session.policies[0].policy.failed, 1U);
    EXPECT_EQ(session.record, "");
    const FailureDetail& detail = session.policies[0].policy.failures.at(0);
    EXPECT_EQ(detail.result_type, "certificate-expired");
    EXPECT_EQ(detail.receiving_mx_hostname, "mx.example.com");
    EXPECT_EQ(detail.receiving_ip, "192.0.2.1");
    EXPECT_EQ(detail.sending_mta_ip, std::nullopt) << "the log does not know it";
    EXPECT_EQ(detail.sessions, 1U);
}

}  // namespace
}  // namespace postseal::tlsrpt
