#include "tlsrpt/read_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/text.h"
#include "tlsrpt/testing.h"

namespace postseal::tlsrpt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const PolicyResult& only_policy(const ReadReport& read) {
    return read.report->policies.at(0);
}
const FailureDetail& first_failure(const ReadReport& read) {
    return read.report->policies.at(0).failures.at(0);
}

// RFC 8460 Appendix B, with mx-host as erratum 6241 has it; its first failure has no receiving-ip. RPT-021, RPT-027,
// RPT-029
TEST(ReadJson, reads_the_example_of_the_rfc_without_a_deviation) {
    const ReadReport read = read_json_text(testdata("rfc8460_appendix_b.json"));
    ASSERT_TRUE(read.report) << read.report.error().message();
    EXPECT_THAT(read.deviations, IsEmpty()) << codes(read.deviations);
    const Report& report = *read.report;
    EXPECT_EQ(report.organization_name, "Company-X");
    EXPECT_EQ(report.contact_info, "sts-reporting@company-x.example");
    EXPECT_EQ(report.report_id, "5065427c-23d3-47ca-b6e0-946ea0e8c4be");
    EXPECT_EQ(to_rfc3339(*report.begin), "2016-04-01T00:00:00Z");
    EXPECT_EQ(to_rfc3339(*report.end), "2016-04-01T23:59:59Z");
    const PolicyResult& policy = only_policy(read);
    EXPECT_EQ(policy.policy_type, "sts");
    EXPECT_EQ(policy.policy_domain, "company-y.example");
    EXPECT_THAT(policy.policy_strings,
                ElementsAre("version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"));
    EXPECT_THAT(policy.mx_hosts, ElementsAre("*.mail.company-y.example"));
    EXPECT_EQ(policy.successful, 5326U);
    EXPECT_EQ(policy.failed, 303U);
    ASSERT_EQ(policy.failures.size(), 3U);
    EXPECT_EQ(policy.failures[0].result_type, "certificate-expired");
    EXPECT_EQ(policy.failures[0].sending_mta_ip, "2001:db8:abcd:12::1");  // RFC 5952 form; RPT-030
    EXPECT_EQ(policy.failures[0].receiving_ip, std::nullopt);
    EXPECT_EQ(policy.failures[0].sessions, 100U);
    EXPECT_EQ(policy.failures[1].additional_information,
              "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported");
    EXPECT_EQ(policy.failures[2].reason_code, "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED");
    EXPECT_EQ(as_text(read.json).front(), '{');
}

TEST(ReadJson, reads_a_plain_report_without_a_deviation) {
    const ReadReport read = read_json_text(good_json);
    ASSERT_TRUE(read.report) << read.report.error().message();
    EXPECT_THAT(read.deviations, IsEmpty()) << codes(read.deviations);
    EXPECT_EQ(as_text(read.json), good_json);
}

// What real senders do (numbers: the list of deviations in docs), each with what must come out of it.
struct Spoilt {
    const char* reason;
    std::string_view what;
    std::string_view with;
    std::string_view code;  // "" = no deviation at all
    std::function<bool(const ReadReport&)> holds;
};

TEST(ReadJson, reads_what_real_senders_write) {
    const Spoilt cases[] = {
        {"1: a date-time without zone is UTC (Microsoft); RPT-022", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00",
         deviation::date_time_without_zone,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-31T00:00:00Z"; }},
        {"2: the end is the next midnight (mail.ru, Stalwart)", "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z",
         deviation::end_is_next_midnight,
         [](const ReadReport& r) { return to_rfc3339(*r.report->end) == "2026-02-01T00:00:00Z"; }},
        {"2: other offsets", "2026-01-31T00:00:00Z", "2026-01-31T03:00:00+03:00", deviation::date_time_with_offset,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-31T00:00:00Z"; }},
        {"2: +00:00 is as good as Z", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00+00:00", "", nullptr},
        {"2: an offset of whole hours that ends in 00:00 is not UTC", "2026-01-31T00:00:00Z",
         "2026-01-31T10:00:00+10:00", deviation::date_time_with_offset,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-31T00:00:00Z"; }},
        {"24:00:00", "2026-01-31T23:59:59Z", "2026-01-31T24:00:00Z", deviation::date_time_unusual,
         [](const ReadReport& r) { return to_rfc3339(*r.report->end) == "2026-02-01T00:00:00Z"; }},
        {"an offset without colon", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00+0000", deviation::date_time_unusual,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-31T00:00:00Z"; }},
        {"no seconds", "2026-01-31T00:00:00Z", "2026-01-31T00:00Z", deviation::date_time_unusual,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-31T00:00:00Z"; }},
        {"UTC by its name", "2026-01-31T00:00:00Z", "2026-01-31 00:00:00 UTC", deviation::date_time_unusual,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-31T00:00:00Z"; }},
        {"a date alone", "2026-01-31T23:59:59Z", "2026-01-31", deviation::date_time_unusual,
         [](const ReadReport& r) { return to_rfc3339(*r.report->end) == "2026-01-31T23:59:59Z"; }},
        {"seconds since 1970", R"("2026-01-31T00:00:00Z")", "1769817600", deviation::date_time_unusual,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-31T00:00:00Z"; }},
        {"words for a date", "2026-01-31T00:00:00Z", "yesterday", deviation::date_time_unreadable,
         [](const ReadReport& r) { return !r.report->begin && r.report->end; }},
        {"a year before there was mail", "2026-01-31T00:00:00Z", "0000-01-01T00:00:00+23:59",
         deviation::date_time_unreadable, [](const ReadReport& r) { return !r.report->begin; }},
        {"begin and end the wrong way round", R"("start-datetime":"2026-01-31T00)",
         R"("start-datetime":"2026-02-02T00)", deviation::date_range_reversed,
         [](const ReadReport& r) { return *r.report->begin < *r.report->end; }},
        {"28: a week (Stalwart)", "2026-01-31T00:00:00Z", "2026-01-24T00:00:00Z", deviation::range_not_a_day,
         [](const ReadReport& r) { return to_rfc3339(*r.report->begin) == "2026-01-24T00:00:00Z"; }},
        {"28: an hour (Stalwart)", "2026-01-31T00:00:00Z", "2026-01-31T23:00:00Z", deviation::range_not_a_day, nullptr},
        {"no end", R"(,"end-datetime":"2026-01-31T23:59:59Z")", "", "end-datetime-missing",
         [](const ReadReport& r) { return r.report->begin && !r.report->end; }},
        {"no date-range", "date-range", "date-rage", "date-range-missing",
         [](const ReadReport& r) { return !r.report->begin && !r.report->end; }},
        {"4: mx-host as a string; RPT-027", R"(["mx.receiver.example"])", R"("mx.receiver.example")",
         deviation::not_a_list,
         [](const ReadReport& r) {
             return only_policy(r).mx_hosts == std::vector<std::string>{"mx.receiver.example"};
         }},
        {"4: several in one string", R"(["mx.receiver.example"])", R"("a.receiver.example, *.b.receiver.example")",
         deviation::policy_string_nested,
         [](const ReadReport& r) {
             return only_policy(r).mx_hosts == std::vector<std::string>{"a.receiver.example", "*.b.receiver.example"};
         }},
        {"words that are no hosts stay together", R"(["mx.receiver.example"])", R"(["not a host!"])",
         deviation::not_a_domain,
         [](const ReadReport& r) { return only_policy(r).mx_hosts == std::vector<std::string>{"not a host!"}; }},
        {"5: mx-host-pattern", R"("mx-host")", R"("mx-host-pattern")", deviation::member_name,
         [](const ReadReport& r) { return only_policy(r).mx_hosts.size() == 1; }},
        {"5: additional-info-uri", R"("failed-session-count")",
         R"("additional-info-uri":"https://sender.example/r","failed-session-count")", deviation::member_name,
         [](const ReadReport& r) { return first_failure(r).additional_information == "https://sender.example/r"; }},
        {"6: mx-host missing (Microsoft)", R"(,"mx-host":["mx.receiver.example"])", "", "mx-host-missing",
         [](const ReadReport& r) { return only_policy(r).mx_hosts.empty(); }},
        {"6: mx-host [] (Stalwart)", R"(["mx.receiver.example"])", "[]", "mx-host-missing",
         [](const ReadReport& r) { return only_policy(r).mx_hosts.empty(); }},
        {"6: mx-host \"\"", R"(["mx.receiver.example"])", R"("")", "mx-host-missing",
         [](const ReadReport& r) { return only_policy(r).mx_hosts.empty(); }},
        {"mx-host taken from the policy's line", R"(["mx.receiver.example"])", R"(["mx: MX.receiver.example."])",
         deviation::mx_host_prefix,
         [](const ReadReport& r) {
             return only_policy(r).mx_hosts == std::vector<std::string>{"mx.receiver.example"};
         }},
        {"mx-host in U-labels; RPT-026", R"(["mx.receiver.example"])", R"(["*.bücher.example"])",
         deviation::domain_not_a_label,
         [](const ReadReport& r) {
             return only_policy(r).mx_hosts == std::vector<std::string>{"*.xn--bcher-kva.example"};
         }},
        {"7: policy-string [] (Stalwart)",
         R"(["version: STSv1","mode: enforce","mx: mx.receiver.example","max_age: 604800"])", "[]",
         "policy-string-missing", [](const ReadReport& r) { return only_policy(r).policy_strings.empty(); }},
        {"7: policy-string '' (Halon)",
         R"(["version: STSv1","mode: enforce","mx: mx.receiver.example","max_age: 604800"])", R"("")",
         "policy-string-missing", [](const ReadReport& r) { return only_policy(r).policy_strings.empty(); }},
        {"7: policy-string as one text",
         R"(["version: STSv1","mode: enforce","mx: mx.receiver.example","max_age: 604800"])",
         R"("version: STSv1\r\nmode: enforce\r\n")", deviation::not_a_list,
         [](const ReadReport& r) {
             return only_policy(r).policy_strings == std::vector<std::string>{"version: STSv1", "mode: enforce"};
         }},
        {"7: policy-string missing", R"("policy-string")", R"("policy-sting")", "policy-string-missing", nullptr},
        {"8: policy-domain missing (Postfix), and nothing to fall back on", R"(,"policy-domain":"receiver.example")",
         "", "policy-domain-missing", [](const ReadReport& r) { return !only_policy(r).policy_domain; }},
        {"policy-domain in U-labels; RPT-026", R"("policy-domain":"receiver.example")",
         R"("policy-domain":"bücher.example")", deviation::domain_not_a_label,
         [](const ReadReport& r) { return only_policy(r).policy_domain == "xn--bcher-kva.example"; }},
        {"policy-domain in capitals, with a final dot", R"("policy-domain":"receiver.example")",
         R"("policy-domain":"Receiver.EXAMPLE.")", deviation::domain_form,
         [](const ReadReport& r) { return only_policy(r).policy_domain == "receiver.example"; }},
        {"policy-domain that is none", R"("policy-domain":"receiver.example")", R"("policy-domain":"a b..c")",
         deviation::not_a_domain, [](const ReadReport& r) { return only_policy(r).policy_domain == "a b..c"; }},
        {"9: contact-info null (Stalwart)", R"("tls-reports@sender.example")", "null", "contact-info-missing",
         [](const ReadReport& r) { return !r.report->contact_info; }},
        {"contact-info that is no mailbox", "tls-reports@sender.example", "https://sender.example",
         deviation::contact_info_not_a_mailbox,
         [](const ReadReport& r) { return r.report->contact_info == "https://sender.example"; }},
        {"10: failures without details", R"("failure-details")", R"("failure-detail")", "failure-details-missing",
         [](const ReadReport& r) { return only_policy(r).failures.empty() && only_policy(r).failed == 2; }},
        {"11: no sending-mta-ip", R"("sending-mta-ip":"192.0.2.1",)", "", "sending-mta-ip-missing",
         [](const ReadReport& r) { return !first_failure(r).sending_mta_ip; }},
        {"11: an empty receiving-mx-hostname (mox)", R"("receiving-mx-hostname":"mx.receiver.example")",
         R"("receiving-mx-hostname":"")", "receiving-mx-hostname-missing",
         [](const ReadReport& r) { return !first_failure(r).receiving_mx_hostname; }},
        {"11: an empty receiving-ip (mox) is like none", "198.51.100.2", "", "",
         [](const ReadReport& r) { return !first_failure(r).receiving_ip; }},
        {"11: junk for an address; RPT-030", "192.0.2.1", "192.0.2.999", deviation::ip_invalid,
         [](const ReadReport& r) { return first_failure(r).sending_mta_ip == "192.0.2.999"; }},
        {"11: an address somebody blacked out", "192.0.2.1", "x.x.x.x", deviation::ip_invalid, nullptr},
        {"an address in brackets", "192.0.2.1", "[IPv6:2001:DB8::1]", deviation::ip_form,
         [](const ReadReport& r) { return first_failure(r).sending_mta_ip == "2001:db8::1"; }},
        {"IPv6 in another form; RPT-030", "192.0.2.1", "2001:DB8:0:0::1", "",
         [](const ReadReport& r) { return first_failure(r).sending_mta_ip == "2001:db8::1"; }},
        {"an IPv4-mapped address is IPv4; RPT-030", "192.0.2.1", "::ffff:192.0.2.1", "",
         [](const ReadReport& r) { return first_failure(r).sending_mta_ip == "192.0.2.1"; }},
        {"12: no total-failure-session-count", R"(,"total-failure-session-count":2)", "",
         "total-failure-session-count-missing",
         [](const ReadReport& r) { return only_policy(r).successful == 7 && only_policy(r).failed == 0; }},
        {"12: no summary", R"("summary")", R"("sumary")", "summary-missing",
         [](const ReadReport& r) { return only_policy(r).successful == 0; }},
        {"13: a count as a string; RPT-028", R"("total-successful-session-count":7)",
         R"("total-successful-session-count":"5")", deviation::count_is_a_string,
         [](const ReadReport& r) { return only_policy(r).successful == 5; }},
        {"13: no failed-session-count", R"(,"failed-session-count":2)", "", "failed-session-count-missing",
         [](const ReadReport& r) { return first_failure(r).sessions == 0; }},
        {"a count with a fraction", R"("total-successful-session-count":7)", R"("total-successful-session-count":7.0)",
         deviation::count_not_an_integer, [](const ReadReport& r) { return only_policy(r).successful == 7; }},
        {"a negative count", R"("total-successful-session-count":7)", R"("total-successful-session-count":-7)",
         deviation::count_negative, [](const ReadReport& r) { return only_policy(r).successful == 0; }},
        {"a negative count as a string", R"("total-successful-session-count":7)",
         R"("total-successful-session-count":"-7")", deviation::count_negative,
         [](const ReadReport& r) { return only_policy(r).successful == 0; }},
        {"a count past 2^53", R"("total-successful-session-count":7)",
         R"("total-successful-session-count":9007199254740992)", deviation::count_clamped,
         [](const ReadReport& r) { return only_policy(r).successful == 9007199254740991; }},
        {"a count past 2^64", R"("total-successful-session-count":7)",
         R"("total-successful-session-count":99999999999999999999999)", deviation::count_clamped,
         [](const ReadReport& r) { return only_policy(r).successful == 9007199254740991; }},
        {"a count far below zero", R"("total-successful-session-count":7)",
         R"("total-successful-session-count":-99999999999999999999999)", deviation::count_negative,
         [](const ReadReport& r) { return only_policy(r).successful == 0; }},
        {"a huge count as a string", R"("total-successful-session-count":7)",
         R"("total-successful-session-count":"99999999999999999999999")", deviation::count_clamped,
         [](const ReadReport& r) { return only_policy(r).successful == 9007199254740991; }},
        {"a count in exponents", R"("total-successful-session-count":7)", R"("total-successful-session-count":1e300)",
         deviation::count_clamped, [](const ReadReport& r) { return only_policy(r).successful == 9007199254740991; }},
        {"a count in words", R"("total-successful-session-count":7)", R"("total-successful-session-count":"many")",
         deviation::count_unreadable, [](const ReadReport& r) { return only_policy(r).successful == 0; }},
        {"a count that is a list", R"("total-successful-session-count":7)", R"("total-successful-session-count":[7])",
         deviation::count_unreadable, [](const ReadReport& r) { return only_policy(r).successful == 0; }},
        {"14: the details have more sessions than the summary; RPT-031", R"("total-failure-session-count":2)",
         R"("total-failure-session-count":1)", deviation::failure_sum_differs,
         [](const ReadReport& r) { return only_policy(r).failed == 1 && first_failure(r).sessions == 2; }},
        {"15: an unknown policy-type; RPT-023", R"("policy-type":"sts")", R"("policy-type":"invalid-policy-type")",
         deviation::unknown_policy_type,
         [](const ReadReport& r) { return only_policy(r).policy_type == "invalid-policy-type"; }},
        {"15: an unknown result-type; RPT-041", "certificate-expired", "foo-bar", deviation::unknown_result_type,
         [](const ReadReport& r) { return first_failure(r).result_type == "foo-bar"; }},
        {"15: capitals", "certificate-expired", "Certificate-Expired", deviation::type_case,
         [](const ReadReport& r) { return first_failure(r).result_type == "certificate-expired"; }},
        {"15: capitals in the policy-type", R"("sts")", R"("STS")", deviation::type_case,
         [](const ReadReport& r) { return only_policy(r).policy_type == "sts"; }},
        {"sts-policy-fetch-error, which the IANA list forgot; RPT-039", "certificate-expired", "sts-policy-fetch-error",
         "", nullptr},
        {"no result-type", R"("result-type":"certificate-expired",)", "", "result-type-missing",
         [](const ReadReport& r) { return first_failure(r).result_type.empty() && first_failure(r).sessions == 2; }},
        {"16: a reason in free text (mail.ru)", R"("failed-session-count")",
         R"("failure-reason-code":"hello \"mx\" https://a.example/?x","failed-session-count")", "",
         [](const ReadReport& r) { return first_failure(r).reason_code == "hello \"mx\" https://a.example/?x"; }},
        {"16: a reason that is a number", R"("failed-session-count")",
         R"("failure-reason-code":18,"failed-session-count")", deviation::not_a_string,
         [](const ReadReport& r) { return first_failure(r).reason_code == "18"; }},
        {"17: helo with the whole reply to EHLO (Postfix)", R"("receiving-mx-helo":"mx.receiver.example")",
         R"("receiving-mx-helo":"250-mx.receiver.example\r\n250-STARTTLS\r\n250 SMTPUTF8")", deviation::helo_multi_line,
         [](const ReadReport& r) { return first_failure(r).receiving_mx_helo == "mx.receiver.example"; }},
        {"17: the same with its line ends escaped twice", R"("receiving-mx-helo":"mx.receiver.example")",
         R"("receiving-mx-helo":"250-mx.receiver.example Hello\\r\\n250-STARTTLS")", deviation::helo_multi_line,
         [](const ReadReport& r) { return first_failure(r).receiving_mx_helo == "mx.receiver.example"; }},
        {"18: an empty report-id", "2026-01-31_receiver.example@sender.example", "", "report-id-missing",
         [](const ReadReport& r) { return !r.report->report_id; }},
        {"18: digits and a plus (Microsoft)", "2026-01-31_receiver.example@sender.example", "133742711803146449+", "",
         [](const ReadReport& r) { return r.report->report_id == "133742711803146449+"; }},
        {"27: a policy-domain that is the MX host (Postfix)", R"("policy-type":"sts")", R"("policy-type":"tlsa")", "",
         nullptr},
        {"organization-name missing", R"("organization-name":"Example Mail",)", "", "organization-name-missing",
         [](const ReadReport& r) { return !r.report->organization_name; }},
        {"organization-name that is an object", R"("Example Mail")", R"({"en":"Example"})", deviation::not_a_string,
         [](const ReadReport& r) { return !r.report->organization_name; }},
    };
    for (const Spoilt& c : cases) {
        SCOPED_TRACE(c.reason);
        const ReadReport read = read_json_text(replaced(std::string(good_json), c.what, c.with));
        ASSERT_TRUE(read.report) << read.report.error().message();
        if (c.code.empty()) {
            EXPECT_THAT(read.deviations, IsEmpty()) << codes(read.deviations);
        } else {
            EXPECT_TRUE(has_code(read.deviations, c.code)) << c.code << " not in " << codes(read.deviations);
        }
        if (c.holds) {
            EXPECT_TRUE(c.holds(read)) << codes(read.deviations);
        }
    }
}

// 3: Microsoft writes all TLSA records as one string that is the text of a JSON list.
TEST(ReadJson, expands_tlsa_records_written_as_one_string) {
    const ReadReport read = read_json_text(testdata("microsoft_tlsa.json"));
    ASSERT_TRUE(read.report) << read.report.error().message();
    EXPECT_TRUE(has_code(read.deviations, deviation::policy_string_nested)) << codes(read.deviations);
    ASSERT_EQ(read.report->policies.size(), 2U);
    EXPECT_THAT(read.report->policies[0].policy_strings,
                ElementsAre("3 1 1 1111111111111111111111111111111111111111111111111111111111111111",
                            "3 1 1 2222222222222222222222222222222222222222222222222222222222222222"));
    // 27: Microsoft names the recipient domain also for TLSA. Rule 19: two policies of one session stay two.
    EXPECT_EQ(read.report->policies[0].policy_domain, "receiver.example");
    EXPECT_EQ(read.report->policies[0].successful, 7U);
    EXPECT_EQ(read.report->policies[1].successful, 7U);
}

TEST(ReadJson, keeps_what_only_looks_like_a_nested_list) {
    const ReadReport read = read_json_text(replaced(std::string(good_json), R"("version: STSv1")", R"("[not, json]")"));
    ASSERT_TRUE(read.report);
    EXPECT_EQ(only_policy(read).policy_strings.front(), "[not, json]");
}

TEST(ReadJson, flattens_lists_in_lists) {
    const ReadReport read = read_json_text(replaced(std::string(good_json), R"(["mx.receiver.example"])",
                                                    R"([["a.receiver.example"],["b.receiver.example"]])"));
    ASSERT_TRUE(read.report);
    EXPECT_THAT(only_policy(read).mx_hosts, ElementsAre("a.receiver.example", "b.receiver.example"));
    EXPECT_TRUE(has_code(read.deviations, deviation::policy_string_nested));
}

// RPT-021: policies is a list even for one; an object is read as a list of one.
TEST(ReadJson, reads_policies_that_are_one_object) {
    std::string json = replaced(std::string(good_json), R"("policies":[)", R"("policies":)");
    json = replaced(json, "}]}]}", "}]}}");
    const ReadReport read = read_json_text(json);
    ASSERT_TRUE(read.report) << read.report.error().message();
    EXPECT_TRUE(has_code(read.deviations, deviation::not_a_list));
    EXPECT_EQ(only_policy(read).successful, 7U);
}

TEST(ReadJson, reads_one_failure_that_is_not_in_a_list) {
    std::string json = replaced(std::string(good_json), R"("failure-details":[)", R"("failure-details":)");
    json = replaced(json, "}]}]}", "}}]}");
    const ReadReport read = read_json_text(json);
    ASSERT_TRUE(read.report) << read.report.error().message();
    EXPECT_TRUE(has_code(read.deviations, deviation::not_a_list));
    EXPECT_EQ(first_failure(read).sessions, 2U);
}

TEST(ReadJson, reads_a_policy_whose_members_stand_one_level_too_high) {
    std::string json = replaced(std::string(good_json), R"({"policy":{"policy-type")", R"({"policy-type")");
    json = replaced(json, R"(["mx.receiver.example"]})", R"(["mx.receiver.example"])");
    const ReadReport read = read_json_text(json);
    ASSERT_TRUE(read.report) << read.report.error().message();
    EXPECT_TRUE(has_code(read.deviations, deviation::policy_flattened));
    EXPECT_EQ(only_policy(read).policy_domain, "receiver.example");
}

// 7, 10, RPT-035: a heartbeat of Google: no policy, no strings, no details, and nothing wrong with that.
TEST(ReadJson, finds_nothing_wrong_with_no_policy_found) {
    const ReadReport read = read_json_text(testdata("no_policy_found.json"));
    ASSERT_TRUE(read.report) << read.report.error().message();
    EXPECT_THAT(read.deviations, IsEmpty()) << codes(read.deviations);
    EXPECT_EQ(only_policy(read).policy_type, "no-policy-found");
    EXPECT_EQ(only_policy(read).successful, 3U);
}

// 8, 12, 15 together, as one sender has it.
TEST(ReadJson, reads_a_report_with_little_in_it) {
    const ReadReport read = read_json_text(testdata("sparse.json"));
    ASSERT_TRUE(read.report) << read.report.error().message();
    ASSERT_EQ(read.report->policies.size(), 2U);
    EXPECT_EQ(read.report->policies[0].policy_domain, std::nullopt);
    EXPECT_EQ(read.report->policies[1].policy_type, "some-new-type");
    EXPECT_EQ(read.report->policies[1].successful, 1U);
    for (const auto code : {"policy-domain-missing", "total-failure-session-count-missing", "unknown-policy-type"}) {
        EXPECT_TRUE(has_code(read.deviations, code)) << code;
    }
}

TEST(ReadJson, lists_each_deviation_a_few_times_at_most) {
    std::string failures;
    for (int i = 0; i < 10; ++i) {
        failures += R"({"result-type":"certificate-expired","sending-mta-ip":"x.x.x.x",)"
                    R"("receiving-mx-hostname":"mx.receiver.example","failed-session-count":0},)";
    }
    const ReadReport read =
        read_json_text(replaced(std::string(good_json), R"("failure-details":[)", R"("failure-details":[)" + failures));
    ASSERT_EQ(read.deviations.size(), 3U) << codes(read.deviations);
    EXPECT_EQ(read.deviations[0].message,
              "policies[0].failure-details[0].sending-mta-ip: \"x.x.x.x\" is not an IP address");
    EXPECT_EQ(read.deviations[2].message,
              "policies[0].failure-details[2].sending-mta-ip: \"x.x.x.x\" is not an IP address (and 7 more)");
}

TEST(ReadJson, keeps_a_list_of_deviations_readable) {
    const ReadReport read = read_json_text(
        replaced(std::string(good_json), "\"sts\"", R"("\u001b[31m\u202e)" + std::string(5000, 'x') + "\""));
    ASSERT_TRUE(read.report);
    ASSERT_TRUE(has_code(read.deviations, deviation::unknown_policy_type));
    for (const auto& deviation : read.deviations) {
        EXPECT_LT(deviation.message.size(), 300U);
        EXPECT_EQ(deviation.message.find('\x1b'), std::string::npos);
    }
    EXPECT_EQ(only_policy(read).policy_type.size(), 5000U + 4 + 3) << "the value itself stays verbatim";
}

struct Refused {
    const char* reason;
    std::string json;
    Errc code;
    const char* message;
};

TEST(ReadJson, refuses_what_is_no_report) {
    const std::string good(good_json);
    const Refused cases[] = {
        {"nothing", "", Errc::not_found, "no JSON"},
        {"blanks", " \r\n\t ", Errc::not_found, "no JSON"},
        {"NULs", std::string(10, '\0'), Errc::not_found, "no JSON"},
        {"a word", "null", Errc::not_found, "no JSON"},
        {"a number", "42", Errc::not_found, "no JSON"},
        {"XML (a DMARC report)", "<?xml version=\"1.0\"?><feedback/>", Errc::not_found, "no JSON"},
        {"an empty list", "[]", Errc::not_found, "a report's members"},
        {"an empty object", "{}", Errc::not_found, "a report's members"},
        {"a list of numbers", "[1,2]", Errc::not_found, "a report's members"},
        {"another object", R"({"hello":"world"})", Errc::not_found, "a report's members"},
        {"one member that others have too", R"({"contact-info":"a@b.example"})", Errc::not_found, "members"},
        {"policies is a number", replaced(good, R"("policies":[)", R"("policies":5,"x":[)"), Errc::invalid_input,
         "policies"},
        {"policies holds no object", R"({"report-id":"x","policies":[1,"a",null]})", Errc::invalid_input, "policies"},
        {"a datagram of libtlsrpt",
         R"({"dpv":"1","d":"a.example","pr":"v=TLSRPTv1;rua=mailto:a@b.example","policies":[{"policy-type":9,"t":0,"f":0}]})",
         Errc::not_found, "members"},
        {"policies and nothing in it", R"({"policies":[]})", Errc::not_found, "members"},
        {"cut off", good.substr(0, good.size() / 2), Errc::invalid_input, "the text ends in the middle"},
        {"the last brace lacks", good.substr(0, good.size() - 1), Errc::invalid_input, "the text ends in the middle"},
        {"a comma too many", replaced(good, "}]}]}", "}],}]}"), Errc::invalid_input, "line 1"},
        {"an error further down", "{\n\"policies\":\n[}\n]}", Errc::invalid_input, "line 3"},
        {"quotes of another kind", "{'policies':[]}", Errc::invalid_input, "line 1"},
        // RPT-020
        {"a name twice", replaced(good, R"({"organization)", R"({"report-id":"x","organization)"), Errc::refused,
         "\"report-id\" stands twice"},
        {"a name twice, deep",
         replaced(good, R"("failed-session-count":2)", R"("failed-session-count":2,"failed-session-count":3)"),
         Errc::refused, "stands twice"},
        {"a name twice, once in escapes", replaced(good, R"("summary":{)", R"("summ\u0061ry":{},"summary":{)"),
         Errc::refused, "stands twice"},
        {"a lone high surrogate", replaced(good, "Example Mail", R"(\ud800)"), Errc::invalid_input, "JSON"},
        {"a lone low surrogate", replaced(good, "Example Mail", R"(\udc00)"), Errc::invalid_input, "JSON"},
        {"1e400", replaced(good, ":7,", ":1e400,"), Errc::invalid_input, "JSON"},
        {"NaN", replaced(good, ":7,", ":NaN,"), Errc::invalid_input, "JSON"},
        // RPT-054
        {"10^5 levels of lists", std::string(100'000, '['), Errc::limit_exceeded, "deeper than 32"},
        {"10^5 levels of objects",
         [] {
             std::string json;
             for (int i = 0; i < 100'000; ++i) {
                 json += "{\"policies\":";
             }
             return json;
         }(),
         Errc::limit_exceeded, "deeper than 32"},
        {"10^5 levels inside a report",
         replaced(good, "\"Example Mail\"", std::string(100'000, '[') + std::string(100'000, ']')),
         Errc::limit_exceeded, "deeper than 32"},
    };
    for (const Refused& c : cases) {
        SCOPED_TRACE(c.reason);
        const ReadReport read = read_json_text(c.json);
        ASSERT_FALSE(read.report);
        EXPECT_EQ(read.report.error().code, c.code) << read.report.error().message();
        EXPECT_THAT(read.report.error().message(), HasSubstr(c.message));
    }
}

// RPT-054
TEST(ReadJson, bounds_lists_and_size) {
    const auto many = [](std::string_view element, std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
            text += i == 0 ? "" : ",";
            text += element;
        }
        return text;
    };
    const ReadReport million = read_json_text(R"({"report-id":"x","policies":[)" + many("{}", 1'000'000) + "]}");
    ASSERT_FALSE(million.report);
    EXPECT_EQ(million.report.error().message(), "policies: more than 10000");
    const ReadReport failures =
        read_json_text(R"({"report-id":"x","policies":[{"failure-details":[)" + many("{}", 100'001) + "]}]}");
    ASSERT_FALSE(failures.report);
    EXPECT_EQ(failures.report.error().message(), "failure-details: more than 100000");
    EXPECT_TRUE(read_json_text(R"({"report-id":"x","policies":[)" + many("{}", 10'000) + "]}").report);

    std::string members = R"({"report-id":"x","policies":[{}])";
    for (int i = 0; i < 200'000; ++i) {
        members += ",\"m" + std::to_string(i) + "\":0";
    }
    EXPECT_TRUE(read_json_text(members + "}").report) << "unique names are found so in no more than n log n";

    ReadLimits small;
    small.json_bytes_max = good_json.size() - 1;
    const ReadReport large = read_json_text(good_json, small);
    ASSERT_FALSE(large.report);
    EXPECT_EQ(large.report.error().code, Errc::limit_exceeded);
}

}  // namespace
}  // namespace postseal::tlsrpt
