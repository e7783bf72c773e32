#include "tlsrpt/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "base/text.h"
#include "tlsrpt/hints.h"
#include "tlsrpt/result_type.h"
#include "tlsrpt/testing.h"

namespace postseal::tlsrpt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Report good_report() {
    return *read_json_text(good_json).report;
}

Envelope envelope() {
    return {dns::Name::parse("sender.example").value(),
            dns::Name::parse("receiver.example").value(),
            "tls-reports@sender.example",
            "reports@receiver.example",
            parse_rfc3339("2026-02-01T01:02:03Z").value(),
            "20260201.1@sender.example"};
}

TEST(Write, writes_the_members_in_the_order_of_the_rfc) {
    EXPECT_EQ(to_json(good_report()), good_json);
}

// RPT-029: unknown addresses are left out, not empty. RPT-035: no failures, and the list is there.
TEST(Write, leaves_out_what_is_not_known) {
    Report report = good_report();
    report.policies[0].failures[0] = FailureDetail{};
    report.policies[0].failures[0].result_type = "sts-policy-fetch-error";
    report.policies[0].failures[0].sessions = 2;
    EXPECT_THAT(to_json(report), HasSubstr(R"([{"result-type":"sts-policy-fetch-error","failed-session-count":2}])"));
    report.policies[0] = PolicyResult{};
    report.policies[0].policy_type = "no-policy-found";
    report.policies[0].policy_domain = "receiver.example";
    EXPECT_THAT(to_json(report),
                HasSubstr(R"({"policy":{"policy-type":"no-policy-found","policy-domain":"receiver.example"},)"
                          R"("summary":{"total-successful-session-count":0,"total-failure-session-count":0},)"
                          R"("failure-details":[]})"));
}

// RFC 7493; RPT-020
TEST(Write, writes_i_json_whatever_came_in) {
    Report report = good_report();
    report.organization_name = "caf\xe9 \x01\"\\";
    report.policies[0].successful = ~std::uint64_t{0};
    const std::string json = to_json(report);
    EXPECT_TRUE(is_valid_utf8(json));
    EXPECT_THAT(json, HasSubstr("9007199254740991"));
    const ReadReport again = read_json_text(json);
    ASSERT_TRUE(again.report) << again.report.error().message();
    EXPECT_THAT(again.deviations, IsEmpty()) << codes(again.deviations);
    EXPECT_EQ(again.report->organization_name, "caf\xef\xbf\xbd \x01\"\\");
}

class Random {
public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
    std::string text() {
        static const std::vector<std::string> pieces = {
            "a", "Z", "9", " ", "\"", "\\", "/", "é", "日", "\xf0\x9f\x93\xab", "<script>", "\n", "'"};
        std::string text = "x";
        for (std::uint64_t i = below(8); i > 0; --i) {
            text += pieces[below(pieces.size())];
        }
        return text + "y";
    }
    std::optional<std::string> maybe(std::string text) {
        return below(3) == 0 ? std::nullopt : std::optional(std::move(text));
    }
    std::string host() { return "h" + std::to_string(below(100)) + ".example"; }

private:
    std::mt19937 engine_;
};

Report random_report(Random& random) {
    Report report;
    report.organization_name = random.maybe(random.text());
    report.contact_info = random.maybe("a@" + random.host());
    report.report_id = random.maybe(random.text());
    const TimePoint begin{Seconds(static_cast<std::int64_t>(random.below(4'000'000'000)))};
    report.begin = begin;
    report.end = begin + Seconds(static_cast<std::int64_t>(random.below(1'000'000)));
    for (std::uint64_t i = random.below(4); i > 0; --i) {
        PolicyResult policy;
        policy.policy_type = std::vector<std::string>{"sts", "tlsa", "no-policy-found", "new-type"}[random.below(4)];
        policy.policy_domain = random.maybe(random.host());
        for (std::uint64_t j = random.below(4); j > 0; --j) {
            policy.policy_strings.push_back(random.text());
            policy.mx_hosts.push_back((random.below(2) == 0 ? "*." : "") + random.host());
        }
        policy.successful = random.below(1U << 30);
        policy.failed = random.below(1U << 30);
        for (std::uint64_t j = random.below(4); j > 0; --j) {
            FailureDetail failure;
            failure.result_type = random.below(2) == 0 ? "certificate-expired" : "x-" + random.host();
            failure.sending_mta_ip = random.maybe(random.below(2) == 0 ? "192.0.2.1" : "2001:db8::1");
            failure.receiving_mx_hostname = random.maybe(random.host());
            failure.receiving_mx_helo = random.maybe(random.host());
            failure.receiving_ip = random.maybe("198.51.100.7");
            failure.sessions = random.below(1000);
            failure.additional_information = random.maybe("https://" + random.host() + "/?a=b");
            failure.reason_code = random.maybe(random.text());
            policy.failures.push_back(std::move(failure));
        }
        report.policies.push_back(std::move(policy));
    }
    return report;
}

// Whatever is written is read back as it was, as JSON and through gzip, base64 and MIME.
TEST(Write, is_read_back_unchanged) {
    Random random(8460);
    for (int i = 0; i < 500; ++i) {
        SCOPED_TRACE(i);
        Report report = random_report(random);
        if (!report.organization_name && !report.contact_info && !report.report_id && report.policies.empty()) {
            continue;  // nothing would tell that it is a report
        }
        report.contact_info = report.contact_info.value_or("a@sender.example");
        const ReadReport read = read_json_text(to_json(report));
        ASSERT_TRUE(read.report) << read.report.error().message() << to_json(report);
        EXPECT_EQ(*read.report, report) << to_json(report);

        for (PolicyResult& policy : report.policies) {
            policy.policy_domain = "receiver.example";  // else the mail fills it in
        }
        const auto mail = to_mail(report, envelope());
        ASSERT_TRUE(mail);
        const ReadInput input = read_input(as_bytes(*mail), "");
        ASSERT_EQ(input.reports.size(), 1U);
        ASSERT_TRUE(input.reports[0].report) << input.reports[0].report.error().message();
        EXPECT_EQ(*input.reports[0].report, report);
    }
}

TEST(Write, compresses_the_same_to_the_same) {
    EXPECT_EQ(gzip(as_bytes(good_json)), gzip(as_bytes(good_json)));
    const Bytes bytes = gzip(as_bytes(good_json));
    EXPECT_EQ(to_hex(ByteView(bytes).first(8)), "1f8b080000000000");  // no name, no time; RPT-043
}

// RFC 8460 §5.1; RPT-042, RPT-043
TEST(Write, names_the_file_as_the_rfc_says) {
    EXPECT_EQ(file_name(good_report(), envelope(), "001"),
              "sender.example!receiver.example!1769817600!1769903999!001.json.gz");
    EXPECT_EQ(file_name(good_report(), envelope(), ""),
              "sender.example!receiver.example!1769817600!1769903999.json.gz");
    EXPECT_EQ(file_name(good_report(), envelope(), "a!../b"),
              "sender.example!receiver.example!1769817600!1769903999!ab.json.gz");
    Envelope idn = envelope();
    idn.policy_domain = dns::Name::parse("bücher.example").value();
    EXPECT_THAT(file_name(good_report(), idn, "1"), HasSubstr("!xn--bcher-kva.example!"));
}

// RFC 8460 §5.3; RPT-045, RPT-046, RPT-048. TLSREQ-001, TLSREQ-004: once, and always, so that a smart host knows it.
TEST(WriteMail, is_a_multipart_report) {
    const std::string mail = to_mail(good_report(), envelope()).value();
    for (const char* line :
         {"Date: Sun, 01 Feb 2026 01:02:03 +0000\r\n", "From: tls-reports@sender.example\r\n",
          "To: reports@receiver.example\r\n", "Message-ID: <20260201.1@sender.example>\r\n",
          "TLS-Report-Domain: receiver.example\r\n", "TLS-Report-Submitter: sender.example\r\n",
          "Auto-Submitted: auto-generated\r\n", "TLS-Required: No\r\n", "MIME-Version: 1.0\r\n",
          "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"",
          "Content-Type: application/tlsrpt+gzip;\r\n name=\"sender.example!receiver.example!1769817600!1769903999!"}) {
        EXPECT_THAT(mail, HasSubstr(line));
    }
    EXPECT_EQ(mail.find("TLS-Required"), mail.rfind("TLS-Required")) << "RFC 8689 §3: at most one";
    EXPECT_EQ(mail.find("\n\n"), std::string::npos);
    EXPECT_FALSE(std::regex_search(mail, std::regex("[^\r]\n"))) << "only CRLF";
    EXPECT_FALSE(std::regex_search(mail, std::regex("[^\r\n]{100}"))) << "short lines";
    const ReadInput input = read_input(as_bytes(mail), "");
    ASSERT_EQ(input.reports.size(), 1U);
    EXPECT_THAT(input.reports[0].deviations, IsEmpty()) << codes(input.reports[0].deviations);
    EXPECT_EQ(*input.reports[0].report, good_report());
    EXPECT_EQ(as_text(input.reports[0].json), good_json);
}

std::string unfolded_subject(const std::string& mail) {
    std::smatch match;
    if (!std::regex_search(mail, match, std::regex("Subject: ((?:[^\r]|\r\n )*)\r\n"))) {
        return {};
    }
    return std::regex_replace(match[1].str(), std::regex("\r\n "), " ");
}

// RPT-048: exact words, folded at blanks only, the same for a report sent again.
TEST(WriteMail, has_the_subject_of_the_rfc) {
    EXPECT_EQ(unfolded_subject(to_mail(good_report(), envelope()).value()),
              "Report Domain: receiver.example Submitter: sender.example "
              "Report-ID: <2026-01-31_receiver.example@sender.example>");
    Envelope long_names = envelope();
    std::string labels;
    for (char c : {'a', 'b', 'c'}) {
        labels += std::string(60, c) + ".";
    }
    long_names.policy_domain = dns::Name::parse(labels + "receiver.example").value();
    long_names.submitter = dns::Name::parse(labels + "sender.example").value();
    Report report = good_report();
    report.report_id = "2026-01-31T00:00:00Z " + labels + "receiver.example";
    const std::string mail = to_mail(report, long_names).value();
    EXPECT_EQ(unfolded_subject(mail), "Report Domain: " + labels + "receiver.example Submitter: " + labels +
                                          "sender.example Report-ID: <2026-01-31T00.00.00Z." + labels +
                                          "receiver.example@" + labels + "sender.example>");
    EXPECT_FALSE(std::regex_search(mail, std::regex("[^\r\n]{998}")));
    const auto subject = parse_subject(read_input(as_bytes(mail), "").mail->subject);
    ASSERT_TRUE(subject);
    EXPECT_TRUE(subject->report_id_in_brackets);
    EXPECT_EQ(subject->submitter, labels + "sender.example");
}

TEST(WriteMail, refuses_what_would_write_other_header_fields) {
    for (const char* bad : {"", "a@b.example\r\nBcc: c@d.example", "a@b.example\n", "a b@c.example", "<a@b.example>",
                            "caf\xe9@b.example"}) {
        SCOPED_TRACE(bad);
        Envelope to = envelope();
        to.to = bad;
        EXPECT_FALSE(to_mail(good_report(), to));
        Envelope from = envelope();
        from.from = bad;
        EXPECT_FALSE(to_mail(good_report(), from));
        Envelope id = envelope();
        id.message_id = bad;
        EXPECT_FALSE(to_mail(good_report(), id));
    }
    Envelope beyond_ascii = envelope();
    beyond_ascii.to = "caf\xc3\xa9@b.example";  // RFC 6532 §3.2
    EXPECT_THAT(to_mail(good_report(), beyond_ascii).value(), HasSubstr("\r\nTo: caf\xc3\xa9@b.example\r\n"));
    Report report = good_report();
    report.report_id = "x\r\nBcc: c@d.example\r\n\r\n--";
    report.policies[0].policy_type = "\r\n--=_tlsrpt_\r\nContent-Type: text/html";
    const std::string mail = to_mail(report, envelope()).value();
    EXPECT_THAT(mail, Not(HasSubstr("\nBcc")));
    EXPECT_THAT(mail, Not(HasSubstr("\nContent-Type: text/html")));
    EXPECT_EQ(read_input(as_bytes(mail), "").reports.size(), 1U);
}

// RFC 8460 §4.3, §6.6; RPT-036, RPT-038, RPT-039
TEST(ResultType, knows_words_and_codes) {
    const std::pair<int, std::string_view> results[] = {
        {201, "starttls-not-supported"},
        {202, "certificate-host-mismatch"},
        {203, "certificate-not-trusted"},
        {204, "certificate-expired"},
        {205, "validation-failure"},
        {301, "sts-policy-fetch-error"},
        {302, "sts-policy-invalid"},
        {303, "sts-webpki-invalid"},
        {304, "tlsa-invalid"},
        {305, "dnssec-invalid"},
        {306, "dane-required"},
    };
    for (const auto& [code, text] : results) {
        ASSERT_TRUE(result_type_from_code(code));
        EXPECT_EQ(to_string(*result_type_from_code(code)), text);
        EXPECT_EQ(result_type_from_string(text), result_type_from_code(code));
    }
    EXPECT_FALSE(result_type_from_code(901));
    EXPECT_FALSE(result_type_from_string("Tlsa-Invalid"));
    // RPT-023
    const std::pair<int, std::string_view> policies[] = {{1, "tlsa"}, {2, "sts"}, {9, "no-policy-found"}};
    for (const auto& [code, text] : policies) {
        ASSERT_TRUE(policy_type_from_code(code));
        EXPECT_EQ(to_string(*policy_type_from_code(code)), text);
        EXPECT_EQ(policy_type_from_string(text), policy_type_from_code(code));
    }
    EXPECT_FALSE(policy_type_from_code(3));
    EXPECT_FALSE(policy_type_from_string(""));
}

}  // namespace
}  // namespace postseal::tlsrpt
