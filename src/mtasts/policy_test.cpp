#include "mtasts/policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace postseal::mtasts {
namespace {

using Texts = std::vector<std::string>;

const Problem* find_code(const Problems& problems, std::string_view code) {
    const auto it = std::find_if(problems.begin(), problems.end(), [&](const Problem& p) { return p.code == code; });
    return it == problems.end() ? nullptr : &*it;
}

Texts patterns(const Policy& policy) {
    Texts out;
    for (const MxPattern& pattern : policy.mx) {
        out.push_back(pattern.text());
    }
    return out;
}

std::string nul_terminated(std::string text) {
    return text + std::string(1, '\0');
}

TEST(Policy, ExampleOfTheRfc) {  // RFC 8461 §3.2
    const auto judgement = judge_policy(
        "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\n"
        "max_age: 604800\r\n");
    ASSERT_TRUE(judgement.policy.has_value());
    EXPECT_EQ(judgement.policy->mode, Mode::enforce);
    EXPECT_EQ(judgement.policy->max_age_s, 604'800U);
    EXPECT_EQ(patterns(*judgement.policy), (Texts{"mail.example.com", "*.example.net", "backupmx.example.com"}));
    EXPECT_EQ(judgement.policy->lines, (Texts{"version: STSv1", "mode: enforce", "mx: mail.example.com",
                                              "mx: *.example.net", "mx: backupmx.example.com", "max_age: 604800"}));
    EXPECT_TRUE(judgement.problems.empty());
}

TEST(Policy, Good) {
    struct Case {
        std::string body;
        Mode mode;
        std::uint32_t max_age_s;
        Texts mx;
        const char* warning;  // a code that is told, or nothing is
        const char* why;
    };
    const std::string name32(32, 'x');
    for (const Case& c : {
             // STS-029: RFC 8461 §3.2, sts-policy-term = LF / CRLF
             Case{"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
                  Mode::enforce,
                  86'400,
                  {"a.example"},
                  nullptr,
                  "LF"},
             Case{"version: STSv1\r\nmode: enforce\nmx: a.example\r\nmax_age: 86400\n",
                  Mode::enforce,
                  86'400,
                  {"a.example"},
                  nullptr,
                  "LF and CRLF mixed"},
             Case{"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400",
                  Mode::enforce,
                  86'400,
                  {"a.example"},
                  nullptr,
                  "no end of the last line"},
             Case{"version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmax_age: 86400",
                  Mode::enforce,
                  86'400,
                  {"a.example"},
                  nullptr,
                  "CRLF, no end of the last line"},
             // STS-030
             Case{"version:STSv1\nmode:enforce\nmx:a.example\nmax_age:86400\n",
                  Mode::enforce,
                  86'400,
                  {"a.example"},
                  nullptr,
                  "no blank behind the colon"},
             Case{"version: \t STSv1 \t\nmode: \tenforce  \r\nmx:\ta.example\t\nmax_age:   86400   ",
                  Mode::enforce,
                  86'400,
                  {"a.example"},
                  nullptr,
                  "blanks and tabs behind the colon and at the end"},
             // STS-032, STS-026
             Case{"max_age: 86400\nmx: a.example\nmx: b.example\nmode: testing\nmx: *.c.example\nversion: STSv1\n",
                  Mode::testing,
                  86'400,
                  {"a.example", "b.example", "*.c.example"},
                  nullptr,
                  "any order; three mx"},
             // STS-025
             Case{"version: STSv1\nmode: none\nmax_age: 86400", Mode::none, 86'400, {}, nullptr, "none without mx"},
             Case{"version: STSv1\nmode: none\nmax_age: 86400\nmx: a.example",
                  Mode::none,
                  86'400,
                  {"a.example"},
                  nullptr,
                  "none with mx"},
             // STS-022, STS-023, STS-024
             Case{"version: STSv1\nmode: none\nmax_age: 0604800", Mode::none, 604'800, {}, nullptr, "leading zero"},
             Case{"version: STSv1\nmode: none\nmax_age: 0000000001", Mode::none, 1, {}, nullptr, "ten digits"},
             Case{"version: STSv1\nmode: none\nmax_age: 0", Mode::none, 0, {}, nullptr, "0 is legal"},
             Case{"version: STSv1\nmode: none\nmax_age: 31557600", Mode::none, max_age_max_s, {}, nullptr, "maximum"},
             Case{"version: STSv1\nmode: none\nmax_age: 31557601",
                  Mode::none,
                  max_age_max_s,
                  {},
                  "max-age-clamped",
                  "over the maximum"},
             Case{"version: STSv1\nmode: none\nmax_age: 9999999999",
                  Mode::none,
                  max_age_max_s,
                  {},
                  "max-age-clamped",
                  "over 32 bits"},
             Case{"version: STSv1\nmode: none\nmax_age: 4294967296",
                  Mode::none,
                  max_age_max_s,
                  {},
                  "max-age-clamped",
                  "0 in 32 bits"},
             // STS-034: the first of a repeated field counts
             Case{"version: STSv1\nmode: testing\nmode: enforce\nmax_age: 1\nmax_age: 2\nmx: a.example",
                  Mode::testing,
                  1,
                  {"a.example"},
                  "repeated-field",
                  "mode and max_age repeated"},
             Case{"version: STSv1\nversion: STSv2\nmode: none\nmax_age: 1",
                  Mode::none,
                  1,
                  {},
                  "repeated-field",
                  "version repeated"},
             Case{"version: STSv1\nmode: none\nmode: bogus\nmax_age: 1\nmax_age: x",
                  Mode::none,
                  1,
                  {},
                  "repeated-field",
                  "what is ignored need only fit an extension"},
             Case{"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.example\nmx: A.example.\nmx: b.example",
                  Mode::enforce,
                  1,
                  {"a.example", "b.example"},
                  "mx-repeated",
                  "an mx twice"},
             // STS-035, STS-031
             Case{"version: STSv1\nmode: none\nmax_age: 1\nfuture-field: h\xc3\xa9 llo",
                  Mode::none,
                  1,
                  {},
                  "unknown-field",
                  "UTF-8 and blanks inside an extension"},
             Case{"version: STSv1\nmode: none\nmax_age: 1\nx: \xf0\x9f\x93\xa7",
                  Mode::none,
                  1,
                  {},
                  "unknown-field",
                  "four octets of UTF-8"},
             Case{"version: STSv1\nmode: none\nmax_age: 1\n" + name32 + ": x",
                  Mode::none,
                  1,
                  {},
                  "unknown-field",
                  "a name of 32"},
             Case{"version: STSv1\nmode: none\nmax_age: 1\n0.a_b-c: a: b; c=d:",
                  Mode::none,
                  1,
                  {},
                  "unknown-field",
                  "colons in the value"},
             Case{"version: STSv1\nmode: none\nmax_age: 1\nhttps://x.example/",
                  Mode::none,
                  1,
                  {},
                  "unknown-field",
                  "a URL fits the grammar of an extension"},
             Case{"version: STSv1\nmode: none\nmax_age: 1\nx: a\xc2\x85z",
                  Mode::none,
                  1,
                  {},
                  "c1-control-character",
                  "the grammar lets UTF8-2 be a C1 control"},
             Case{"version: STSv1\nMode: enforce\nmode: none\nmax_age: 1",
                  Mode::none,
                  1,
                  {},
                  "unknown-field",
                  "another case is another field"},
             Case{"version: STSv1\nMX: b.example\nmode: testing\nmx: a.example\nmax_age: 1",
                  Mode::testing,
                  1,
                  {"a.example"},
                  "unknown-field",
                  "MX is not mx"},
             // STS-033: our leniency
             Case{"version: STSv1\nmode: none\nmax_age: 1\n\n",
                  Mode::none,
                  1,
                  {},
                  "blank-line-at-end",
                  "one at the end"},
             Case{"version: STSv1\r\nmode: none\r\nmax_age: 1\r\n\r\n \t\r\n\n",
                  Mode::none,
                  1,
                  {},
                  "blank-line-at-end",
                  "several at the end"},
             Case{"version: STSv1\nmode: none\nmax_age: 1\n ",
                  Mode::none,
                  1,
                  {},
                  "blank-line-at-end",
                  "blanks behind the last end of line"},
             // STS-027, STS-044
             Case{"version: STSv1\nmode: enforce\nmx: MX1.Example.COM.\nmax_age: 1",
                  Mode::enforce,
                  1,
                  {"mx1.example.com"},
                  "mx-trailing-dot",
                  "final dot"},
             Case{"version: STSv1\nmode: enforce\nmx: 212.114.86.56\nmx: a.example\nmax_age: 1",
                  Mode::enforce,
                  1,
                  {"212.114.86.56", "a.example"},
                  "mx-never-matches",
                  "an address fits the grammar"},
             Case{"version: STSv1\nmode: enforce\nmx: 212.114.86.56\nmax_age: 1",
                  Mode::enforce,
                  1,
                  {"212.114.86.56"},
                  "enforce-matches-nothing",
                  "and alone it makes senders defer"},
         }) {
        const auto judgement = judge_policy(c.body);
        ASSERT_TRUE(judgement.policy.has_value()) << c.body << " // " << c.why;
        EXPECT_EQ(judgement.policy->mode, c.mode) << c.why;
        EXPECT_EQ(judgement.policy->max_age_s, c.max_age_s) << c.why;
        EXPECT_EQ(patterns(*judgement.policy), c.mx) << c.why;
        EXPECT_FALSE(has_error(judgement.problems)) << c.why;
        if (c.warning != nullptr) {
            EXPECT_NE(find_code(judgement.problems, c.warning), nullptr) << c.why;
        } else {
            EXPECT_TRUE(judgement.problems.empty()) << c.why << ": " << judgement.problems.front().message;
        }
    }
}

TEST(Policy, Bad) {
    struct Case {
        std::string body;
        int line;
        const char* code;
        const char* why;
    };
    const std::string none = "version: STSv1\nmode: none\nmax_age: 1\n";        // valid by itself
    const std::string enforce = "version: STSv1\nmode: enforce\nmax_age: 1\n";  // lacks mx
    for (const Case& c : {
             Case{"", 1, "policy-empty", "empty"},
             Case{"\r\n \n", 1, "policy-empty", "blank lines only"},
             Case{"\xef\xbb\xbf", 1, "byte-order-mark", "only a byte order mark"},
             Case{"<html></html>", 1, "no-colon", "something else altogether"},
             // STS-020
             Case{"mode: none\nmax_age: 1", 1, "version-missing", "no version"},
             Case{"version: STSv2\nmode: none\nmax_age: 1", 1, "version-unknown", "another version"},
             Case{"version: stsv1\nmode: none\nmax_age: 1", 1, "version-unknown", "lower case"},
             Case{"version: STSv1;\nmode: none\nmax_age: 1", 1, "version-unknown", "a ; as in TXT"},
             Case{"version: STSv1 x\nmode: none\nmax_age: 1", 1, "version-unknown", "more behind it"},
             Case{"version: STSv2\nversion: STSv1\nmode: none\nmax_age: 1", 1, "version-unknown", "the first counts"},
             Case{"Version: STSv1\nmode: none\nmax_age: 1", 1, "version-missing", "STS-031: upper case V"},
             Case{"v=STSv1; id=a", 1, "no-colon", "the TXT record"},
             // STS-021
             Case{"version: STSv1\nmax_age: 1\nmx: a.example", 1, "mode-missing", "no mode"},
             Case{"version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1", 2, "mode-unknown", "upper case"},
             Case{"version: STSv1\nmode: report\nmx: a.example\nmax_age: 1", 2, "mode-unknown", "of a draft"},
             Case{"version: STSv1\nmode: enforce testing\nmx: a.example\nmax_age: 1", 2, "mode-unknown", "two words"},
             Case{"version: STSv1\nmode: bogus\nmode: none\nmax_age: 1", 2, "mode-unknown", "the first counts"},
             Case{"version: STSv1\nMode: enforce\nmx: a.example\nmax_age: 1", 1, "mode-missing", "STS-031"},
             // STS-022
             Case{"version: STSv1\nmode: none", 1, "max-age-missing", "no max_age"},
             Case{"version: STSv1\nmode: none\nmax_age:", 3, "value-empty", "empty"},
             Case{"version: STSv1\nmode: none\nmax_age: -1", 3, "max-age-not-a-number", "negative"},
             Case{"version: STSv1\nmode: none\nmax_age: +1", 3, "max-age-not-a-number", "a sign"},
             Case{"version: STSv1\nmode: none\nmax_age: 1.5", 3, "max-age-not-a-number", "a fraction"},
             Case{"version: STSv1\nmode: none\nmax_age: 86400s", 3, "max-age-not-a-number", "a unit"},
             Case{"version: STSv1\nmode: none\nmax_age: 0x10", 3, "max-age-not-a-number", "hexadecimal"},
             Case{"version: STSv1\nmode: none\nmax_age: 1e5", 3, "max-age-not-a-number", "an exponent"},
             Case{"version: STSv1\nmode: none\nmax_age: 86 400", 3, "max-age-not-a-number", "a blank inside"},
             Case{"version: STSv1\nmode: none\nmax_age: \xef\xbc\x91", 3, "max-age-not-a-number", "a full-width digit"},
             Case{"version: STSv1\nmode: none\nmax_age: 00000000001", 3, "max-age-too-long", "eleven digits"},
             Case{"version: STSv1\nmode: none\nmax_age: 18446744073709551617", 3, "max-age-too-long", "over 64 bits"},
             Case{"version: STSv1\nmode: none\nmax_age: x\nmax_age: 1", 3, "max-age-not-a-number", "the first counts"},
             Case{"version: STSv1\nmode: none\nmax-age: 1", 1, "max-age-missing", "another spelling"},
             // STS-025
             Case{enforce, 2, "mx-missing", "enforce without mx"},
             Case{"version: STSv1\nmode: testing\nmax_age: 1", 2, "mx-missing", "testing without mx"},
             Case{enforce + "nmx: a.example", 2, "mx-missing", "a slip of the finger"},
             Case{enforce + "MX: a.example", 2, "mx-missing", "STS-031: MX is not mx"},
             // STS-026, STS-027, STS-028
             Case{enforce + "mx: a.example, b.example", 4, "mx-invalid", "a list"},
             Case{enforce + "mx: a.example b.example", 4, "mx-invalid", "two in a line"},
             Case{enforce + "mx: a tafile=/x", 4, "mx-invalid", "an attribute smuggled in"},
             Case{enforce + "mx:", 4, "value-empty", "empty"},
             Case{enforce + "mx: ", 4, "value-empty", "empty"},
             Case{enforce + "mx: *", 4, "mx-invalid", "only a star"},
             Case{enforce + "mx: *.*.example.net", 4, "mx-invalid", "two stars"},
             Case{enforce + "mx: .example.net", 4, "mx-invalid", "a leading dot"},
             Case{enforce + "mx: a_b.example", 4, "mx-invalid", "an underscore"},
             Case{enforce + "mx: [192.0.2.1]", 4, "mx-invalid", "an address literal"},
             Case{enforce + "mx: b\u00fccher.example", 4, "mx-invalid", "a U-label"},
             Case{enforce + "mx: a.example\nmx: -b.example", 5, "mx-invalid", "one of two"},
             Case{none + "mx: *", 4, "mx-invalid", "an mx must fit the grammar in mode none too"},
             // STS-029
             Case{"version: STSv1\rmode: none\rmax_age: 1\r", 1, "bare-cr", "CR only"},
             Case{"version: STSv1\nmode: none\r\r\nmax_age: 1\n", 2, "bare-cr", "CR CR LF"},
             Case{"version: STSv1\nmode: none\r \nmax_age: 1\n", 2, "bare-cr", "CR, blank, LF"},
             Case{"version: STSv1\nmode: none\nmax_age: 1\r", 3, "bare-cr", "CR at the end"},
             Case{"version: STSv1\nmode: none\n\rmax_age: 1", 3, "bare-cr", "LF CR"},
             Case{none + "\r", 4, "bare-cr", "a CR alone at the end"},
             // STS-030
             Case{"version: STSv1\nmode : none\nmax_age: 1", 2, "field-name-invalid", "blank before the colon"},
             Case{"version: STSv1\n mode: none\nmax_age: 1", 2, "leading-blank", "blank in front"},
             Case{"version: STSv1\n\tmode: none\nmax_age: 1", 2, "leading-blank", "tab in front"},
             Case{" version: STSv1\nmode: none\nmax_age: 1", 1, "leading-blank", "blank in front of the first"},
             Case{"version: STSv1\nmode=none\nmax_age: 1", 2, "no-colon", "= instead"},
             Case{"version STSv1\nmode: none\nmax_age: 1", 1, "no-colon", "no colon"},
             // STS-033
             Case{"\nversion: STSv1\nmode: none\nmax_age: 1", 1, "blank-line", "blank line first"},
             Case{"version: STSv1\n\nmode: none\nmax_age: 1", 2, "blank-line", "blank line inside"},
             Case{"version: STSv1\nmode: none\n \t\r\nmax_age: 1", 3, "blank-line", "a line of blanks inside"},
             Case{"\xef\xbb\xbf" + none, 1, "byte-order-mark", "a byte order mark"},
             Case{"# policy\n" + none, 1, "no-colon", "a comment"},
             Case{"# policy: mine\n" + none, 1, "field-name-invalid", "a comment with a colon"},
             Case{none + ".", 4, "no-colon", "a dot"},
             // STS-035
             Case{none + "x: a\x01"
                         "b",
                  4, "control-character", "a control character"},
             Case{none + "x: a\tb", 4, "control-character", "a tab inside is a control character"},
             Case{none + "x: a\x7f", 4, "control-character", "DEL"},
             Case{nul_terminated(none + "x: a"), 4, "control-character", "NUL"},
             Case{nul_terminated(none), 4, "no-colon", "NUL behind the end"},
             Case{none + "x: \x0c", 4, "control-character", "a form feed is no blank"},
             Case{none + "x:", 4, "value-empty", "no value"},
             Case{none + "x: \xff", 4, "not-utf8", "an octet that is never UTF-8"},
             Case{none + "x: \xed\xa0\x80", 4, "not-utf8", "a lone surrogate"},
             Case{none + "x: \xc0\xaf", 4, "not-utf8", "an overlong form"},
             Case{none + "x: \xc3", 4, "not-utf8", "cut off"},
             Case{none + "_x: a", 4, "field-name-invalid", "name begins with _"},
             Case{none + "-x: a", 4, "field-name-invalid", "name begins with -"},
             Case{none + ": a", 4, "field-name-invalid", "no name"},
             Case{none + "x y: a", 4, "field-name-invalid", "blank in the name"},
             Case{none + "\xff: a", 4, "field-name-invalid", "name not UTF-8"},
             Case{none + "\xff", 4, "no-colon", "not UTF-8, no colon"},
             Case{none + "\xc3\xa9: a", 4, "field-name-invalid", "name not ASCII"},
             Case{none + std::string(33, 'x') + ": a", 4, "field-name-invalid", "name of 33"},
             Case{none + "mode:", 4, "value-empty", "a repeated field must fit the grammar"},
             Case{none + "mode: a\x01", 4, "control-character", "a repeated field must fit the grammar"},
         }) {
        const auto judgement = judge_policy(c.body);
        EXPECT_FALSE(judgement.policy.has_value()) << c.body << " // " << c.why;
        EXPECT_TRUE(has_error(judgement.problems)) << c.body << " // " << c.why;
        const Problem* problem = find_code(judgement.problems, c.code);
        ASSERT_NE(problem, nullptr) << c.body << " // " << c.why;
        EXPECT_EQ(problem->line, c.line) << c.body << " // " << c.why;
        EXPECT_EQ(problem->severity, Severity::error) << c.why;
        EXPECT_EQ(problem->rfc, "RFC 8461 §3.2") << c.why;
    }
}

TEST(Policy, AllProblemsAreListed) {
    const auto judgement = judge_policy("version: STSv2\nmode: Enforce\nmx: *\nmax_age: soon\n");
    ASSERT_EQ(judgement.problems.size(), 4U);
    EXPECT_EQ(judgement.problems[3].message,
              "policy line 4: max_age: \"soon\" is not a number of seconds in decimal digits");
}

TEST(Policy, AFieldWithASpoiltValueIsNotMissing) {
    const auto judgement = judge_policy("version: STSv1\nmode: \xff\nmx:\nmax_age: a\x01\n");
    ASSERT_EQ(judgement.problems.size(), 3U);
    EXPECT_EQ(judgement.problems[0].message, "policy line 2: mode: not valid UTF-8");
    EXPECT_EQ(judgement.problems[1].message, "policy line 3: mx: no value");
    EXPECT_EQ(judgement.problems[2].message, "policy line 4: max_age: control character 0x01");
}

TEST(Policy, AtMostSixtyFourKib) {  // HTTPS-012: RFC 8461 §3.3
    const std::string head = "version: STSv1\nmode: none\nmax_age: 1\nx: ";
    const std::string full = head + std::string(policy_bytes_max - head.size(), 'y');
    EXPECT_TRUE(judge_policy(full).policy.has_value());
    const auto judgement = judge_policy(full + "y");
    EXPECT_FALSE(judgement.policy.has_value());
    EXPECT_NE(find_code(judgement.problems, "policy-too-large"), nullptr);
}

TEST(Policy, ProblemsAreLimited) {
    std::string warnings = "version: STSv1\nmode: none\nmax_age: 1\n";
    for (int i = 0; i < 1000; ++i) {
        warnings += "x: y\n";
    }
    auto judgement = judge_policy(warnings);
    EXPECT_TRUE(judgement.policy.has_value());
    EXPECT_FALSE(has_error(judgement.problems));
    EXPECT_EQ(judgement.problems.size(), policy_problems_max + 1);

    judgement = judge_policy(warnings + "mx: *\n");
    EXPECT_FALSE(judgement.policy.has_value());
    EXPECT_NE(find_code(judgement.problems, "mx-invalid"), nullptr) << "warnings hide no error";

    judgement = judge_policy(std::string(policy_bytes_max, '\n') + "x");
    EXPECT_FALSE(judgement.policy.has_value());
    judgement = judge_policy(std::string(policy_bytes_max - 1, '\n') + "x");
    EXPECT_LE(judgement.problems.size(), policy_problems_max + 1);
}

TEST(Policy, LinesAreAsFetchedWithoutBlankOnesAtTheEnd) {  // RFC 8460 §4.4 policy-string
    const auto judgement = judge_policy("mode:none \r\nmax_age: 1\nversion: STSv1\r\n\r\n");
    ASSERT_TRUE(judgement.policy.has_value());
    EXPECT_EQ(judgement.policy->lines, (Texts{"mode:none ", "max_age: 1", "version: STSv1"}));
}

TEST(Policy, AllowsAnyPattern) {
    const auto policy =
        judge_policy("version: STSv1\nmode: enforce\nmx: a.example\nmx: *.b.example\nmx: 192.0.2.1\nmax_age: 1").policy;
    ASSERT_TRUE(policy.has_value());
    EXPECT_TRUE(policy->allows(dns::Name::parse("a.example").value()));
    EXPECT_TRUE(policy->allows(dns::Name::parse("mx.b.example").value()));
    EXPECT_FALSE(policy->allows(dns::Name::parse("evil.example").value()));  // STS-049
    EXPECT_FALSE(policy->allows(dns::Name::parse("192.0.2.1").value()));
    EXPECT_FALSE(policy->allows(dns::Name()));
}

TEST(FormatPolicy, IsCanonicalAndReadBack) {
    PolicyText text{Mode::enforce, 604'800, {}};
    for (const char* mx : {"Mail.example.com.", "*.example.net"}) {
        text.mx.push_back(MxPattern::parse(mx).value());
    }
    const auto body = format_policy(text);
    ASSERT_TRUE(body.has_value());
    EXPECT_EQ(*body,
              "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n");
    const auto judgement = judge_policy(*body);
    EXPECT_TRUE(judgement.policy.has_value());
    EXPECT_TRUE(judgement.problems.empty());
    EXPECT_EQ(body->find("\n\n"), std::string::npos);  // STS-033
}

TEST(FormatPolicy, RefusesWhatMayNotBeServed) {
    const std::vector<MxPattern> mx{MxPattern::parse("a.example").value()};
    EXPECT_TRUE(format_policy({Mode::none, 86'400, {}}).has_value());
    EXPECT_FALSE(format_policy({Mode::enforce, 86'400, {}}).has_value());  // STS-025
    EXPECT_FALSE(format_policy({Mode::testing, 86'400, {}}).has_value());
    EXPECT_TRUE(format_policy({Mode::enforce, max_age_max_s, mx}).has_value());
    EXPECT_FALSE(format_policy({Mode::enforce, max_age_max_s + 1, mx}).has_value());  // STS-023
    const std::vector<MxPattern> many(5000, mx.front());
    EXPECT_FALSE(format_policy({Mode::enforce, 86'400, many}).has_value());  // HTTPS-013
}

TEST(LintPolicy, ShortMaxAge) {  // STS-069: RFC 8461 §10.2
    for (const auto& [mode, max_age, warned] : std::vector<std::tuple<std::string, std::string, bool>>{
             {"enforce", "604799", true},
             {"enforce", "0", true},
             {"enforce", "604800", false},
             {"enforce", "1209600", false},
             {"testing", "86400", false},
             {"none", "300", false},
         }) {
        const auto policy =
            judge_policy(fmt::format("version: STSv1\nmode: {}\nmx: a.example\nmax_age: {}", mode, max_age)).policy;
        ASSERT_TRUE(policy.has_value());
        const auto problems = lint_policy(*policy, std::nullopt);
        EXPECT_EQ(problems.size(), warned ? 1U : 0U) << mode << max_age;
        if (warned) {
            EXPECT_EQ(problems.front().line, 4);
            EXPECT_EQ(problems.front().code, "max-age-short");
            EXPECT_EQ(problems.front().severity, Severity::warning);
        }
    }
}

TEST(LintPolicy, TooWidePatterns) {  // STS-073: RFC 8461 §10.4
    struct Case {
        const char* mx;
        const char* domain;
        bool warned;
        const char* why;
    };
    for (const Case& c : {
             Case{"*.example.com", "example.com", true, "the domain's own hosts"},
             Case{"*.example.com", "sub.example.com", true, "the domain is one of them"},
             Case{"*.Example.com.", "example.com", true, "written otherwise"},
             Case{"*.mx.example.com", "example.com", false, "a place for mail servers"},
             Case{"*.provider.example", "example.com", false, "a provider's"},
             Case{"mx.example.com", "example.com", false, "a narrow name"},
             Case{"example.com", "example.com", false, "the domain itself"},
             Case{"*.com", nullptr, true, "a whole top-level domain"},
             Case{"*.example.com", nullptr, false, "domain unknown"},
         }) {
        const auto policy =
            judge_policy(std::string("version: STSv1\nmode: enforce\nmx: a.test\nmx: ") + c.mx + "\nmax_age: 1209600")
                .policy;
        ASSERT_TRUE(policy.has_value());
        const auto domain = c.domain == nullptr ? std::nullopt : std::optional(dns::Name::parse(c.domain).value());
        const auto problems = lint_policy(*policy, domain);
        ASSERT_EQ(problems.size(), c.warned ? 1U : 0U) << c.why;
        if (c.warned) {
            EXPECT_EQ(problems.front().line, 4) << c.why;
            EXPECT_EQ(problems.front().code, "mx-too-wide") << c.why;
        }
    }
    Policy made;  // without lines
    made.mode = Mode::enforce;
    made.max_age_s = 1;
    EXPECT_EQ(lint_policy(made, std::nullopt).front().line, 1);
}

}  // namespace
}  // namespace postseal::mtasts
