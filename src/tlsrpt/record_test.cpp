#include "tlsrpt/record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dns/record.h"

namespace postseal::tlsrpt {
namespace {

using Texts = std::vector<std::string>;

TlsrptRecordJudgement judge(const Texts& records) {
    return judge_tlsrpt_records(records);
}

const Problem* find_code(const Problems& problems, std::string_view code) {
    const auto it = std::find_if(problems.begin(), problems.end(), [&](const Problem& p) { return p.code == code; });
    return it == problems.end() ? nullptr : &*it;
}

Texts decoded(const TlsrptRecord& record) {
    Texts out;
    for (const ReportUri& uri : record.rua) {
        out.push_back(uri.decoded);
    }
    return out;
}

TEST(TlsrptRecord, ExamplesOfTheRfc) {  // RFC 8460 §3.1.1, §3.1.2
    auto judgement = judge({"v=TLSRPTv1;rua=mailto:reports@example.com"});
    ASSERT_TRUE(judgement.record.has_value());
    ASSERT_EQ(judgement.record->rua.size(), 1U);
    EXPECT_EQ(judgement.record->rua[0].scheme, ReportUri::Scheme::mailto);
    EXPECT_EQ(judgement.record->rua[0].published, "mailto:reports@example.com");
    EXPECT_EQ(judgement.record->rua[0].decoded, "mailto:reports@example.com");
    EXPECT_EQ(judgement.record->rua[0].address, "reports@example.com");
    EXPECT_TRUE(judgement.problems.empty());
    EXPECT_TRUE(judgement.present);

    judgement = judge({"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"});
    ASSERT_TRUE(judgement.record.has_value());
    EXPECT_EQ(judgement.record->rua[0].scheme, ReportUri::Scheme::https);
    EXPECT_EQ(judgement.record->rua[0].published, "https://reporting.example.com/v1/tlsrpt");
    EXPECT_TRUE(judgement.record->rua[0].address.empty());
    EXPECT_TRUE(judgement.problems.empty());
}

TEST(TlsrptRecord, Good) {
    struct Case {
        std::string text;
        Texts rua;  // decoded
        const char* warning;
        const char* why;
    };
    for (const Case& c : {
             // RPT-003
             Case{"v=TLSRPTv1; rua=mailto:a@x.example , https://x.example/r",
                  {"mailto:a@x.example", "https://x.example/r"},
                  nullptr,
                  "blanks round the comma"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example\t,\tmailto:b@x.example,mailto:c@x.example",
                  {"mailto:a@x.example", "mailto:b@x.example", "mailto:c@x.example"},
                  nullptr,
                  "three, with tabs"},
             Case{"v=TLSRPTv1; rua=ftp://x.example/r,mailto:a@x.example",
                  {"mailto:a@x.example"},
                  "rua-scheme-unsupported",
                  "ftp is passed over"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example,http://x.example/r",
                  {"mailto:a@x.example"},
                  "rua-scheme-unsupported",
                  "http too"},
             Case{"v=TLSRPTv1; rua=x-y+z.1:,mailto:a@x.example",
                  {"mailto:a@x.example"},
                  "rua-scheme-unsupported",
                  "a scheme nobody knows, nothing behind it"},
             // RPT-004
             Case{"v=TLSRPTv1; rua=mailto:a%2Cb%21c@x.example",
                  {"mailto:a,b!c@x.example"},
                  nullptr,
                  "encoded comma and exclamation mark"},
             Case{"v=TLSRPTv1; rua=https://x.example/a%3bb?c=d%2ce&f=g",
                  {"https://x.example/a;b?c=d,e&f=g"},
                  nullptr,
                  "= in a query; lower-case hexadecimal"},
             // RPT-005
             Case{"v=TLSRPTv1;rua=mailto:a@x.example;", {"mailto:a@x.example"}, nullptr, "delimiter at the end"},
             Case{"v=TLSRPTv1 ; rua=mailto:a@x.example \t; ",
                  {"mailto:a@x.example"},
                  "blank-before-semicolon",
                  "blanks round delimiters"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; foo=bar",
                  {"mailto:a@x.example"},
                  "unknown-field",
                  "extension behind"},
             Case{"v=TLSRPTv1; foo=bar; rua=mailto:a@x.example",
                  {"mailto:a@x.example"},
                  "unknown-field",
                  "extension before"},
             Case{"v=TLSRPTv1; RUA=x; rua=mailto:a@x.example",
                  {"mailto:a@x.example"},
                  "unknown-field",
                  "another case is another field"},
             Case{"v=TLSRPTv1; v=x; rua=mailto:a@x.example",
                  {"mailto:a@x.example"},
                  "repeated-field",
                  "version repeated"},
             // RPT-008: we take the union.
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; rua=mailto:b@x.example",
                  {"mailto:a@x.example", "mailto:b@x.example"},
                  "repeated-rua",
                  "two rua fields"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; rua=https://x.example/,mailto:A@X.example,mailto:a@X.EXAMPLE",
                  {"mailto:a@x.example", "https://x.example/", "mailto:A@X.example"},
                  "rua-repeated-target",
                  "no place twice; local parts differ by case, domains do not"},
             // RFC 3986 §3.1
             Case{"v=TLSRPTv1; rua=MAILTO:a@x.example,HTTPS://x.example/",
                  {"MAILTO:a@x.example", "HTTPS://x.example/"},
                  nullptr,
                  "schemes in any case"},
             // RFC 6068
             Case{"v=TLSRPTv1; rua=mailto:a@x.example?subject=tls%20report",
                  {"mailto:a@x.example?subject=tls report"},
                  nullptr,
                  "header fields"},
             Case{"v=TLSRPTv1; rua=mailto:tls+rpt=x/y@x.example",
                  {"mailto:tls+rpt=x/y@x.example"},
                  nullptr,
                  "punctuation"},
             Case{"v=TLSRPTv1; rua=mailto:%C3%BC@x.example",
                  {"mailto:\xc3\xbc@x.example"},
                  "rua-needs-smtputf8",
                  "UTF-8 in the local part"},
             Case{"v=TLSRPTv1; rua=mailto:a@b%C3%BCcher.example",
                  {"mailto:a@b\u00fccher.example"},
                  nullptr,
                  "a U-label"},
             Case{"v=TLSRPTv1; rua=mailto:,mailto:a@x.example",
                  {"mailto:a@x.example"},
                  "rua-unusable",
                  "a URI that is no place is passed over"},
             // RFC 3986 §3.2
             Case{"v=TLSRPTv1; rua=https://x.example", {"https://x.example"}, nullptr, "no path"},
             Case{"v=TLSRPTv1; rua=https://x.example:8443/r?q", {"https://x.example:8443/r?q"}, nullptr, "port, query"},
             Case{"v=TLSRPTv1; rua=https://x.example:/", {"https://x.example:/"}, nullptr, "empty port"},
             Case{"v=TLSRPTv1; rua=https://u:p@x.example/", {"https://u:p@x.example/"}, "rua-userinfo", "userinfo"},
             Case{"v=TLSRPTv1; rua=https://x.example/#top", {"https://x.example/#top"}, "rua-fragment", "fragment"},
             Case{"v=TLSRPTv1; rua=https://192.0.2.1/r", {"https://192.0.2.1/r"}, nullptr, "IPv4 address"},
             Case{"v=TLSRPTv1; rua=https://[2001:db8::1]:443/r",
                  {"https://[2001:db8::1]:443/r"},
                  nullptr,
                  "IPv6 address"},
             Case{"v=TLSRPTv1; rua=https://a_b.example/", {"https://a_b.example/"}, nullptr, "underscore in a host"},
             Case{"v=TLSRPTv1; rua=https://x.example/%FF%0A",
                  {"https://x.example/\xef\xbf\xbd\n"},
                  nullptr,
                  "octets in a path; for people they are repaired"},
         }) {
        const auto judgement = judge({c.text});
        ASSERT_TRUE(judgement.record.has_value()) << c.text << " // " << c.why;
        EXPECT_EQ(decoded(*judgement.record), c.rua) << c.text << " // " << c.why;
        EXPECT_FALSE(has_error(judgement.problems)) << c.why;
        if (c.warning != nullptr) {
            EXPECT_NE(find_code(judgement.problems, c.warning), nullptr) << c.text << " // " << c.why;
        } else {
            EXPECT_TRUE(judgement.problems.empty()) << c.why << ": " << judgement.problems.front().message;
        }
    }
}

TEST(TlsrptRecord, Extensions) {
    const auto judgement = judge({"v=TLSRPTv1; a.b-c_1=p/q; rua=mailto:a@x.example; a.b-c_1=r; z=!"});
    ASSERT_TRUE(judgement.record.has_value());
    EXPECT_EQ(judgement.record->extensions, (std::map<std::string, std::string>{{"a.b-c_1", "p/q"}, {"z", "!"}}));
}

TEST(TlsrptRecord, Bad) {
    struct Case {
        std::string text;
        const char* code;
        const char* why;
    };
    for (const Case& c : {
             // RPT-005
             Case{"v=TLSRPTv1;", "rua-missing", "no field"},
             Case{"v=TLSRPTv1; foo=bar", "rua-missing", "no rua"},
             Case{"v=TLSRPTv1; RUA=mailto:a@x.example", "rua-missing", "RUA is not rua"},
             Case{"v=TLSRPTv1", "version-not-exact", "nothing behind the version"},
             Case{"v=tlsrptv1; rua=mailto:a@x.example", "version-not-exact", "lower case"},
             Case{"V=TLSRPTv1; rua=mailto:a@x.example", "version-not-exact", "upper case V"},
             Case{"v=TLSRPTV1; rua=mailto:a@x.example", "version-not-exact", "upper case V1"},
             Case{"v = TLSRPTv1; rua=mailto:a@x.example", "version-not-exact", "blanks round ="},
             Case{" v=TLSRPTv1; rua=mailto:a@x.example", "version-not-exact", "blank in front"},
             Case{"rua=mailto:a@x.example; v=TLSRPTv1", "version-not-exact", "version not first"},
             Case{"v=TLSRPTv1 rua=mailto:a@x.example", "version-not-exact", "no ;"},
             Case{"v=TLSRPTv2; rua=mailto:a@x.example", "record-missing", "another version"},
             Case{"v=TLSRPTv10; rua=mailto:a@x.example", "record-missing", "another version"},
             Case{"v=TLSRPTv1;; rua=mailto:a@x.example", "empty-field", "two delimiters"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example;;", "empty-field", "two delimiters at the end"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example ", "trailing-blank", "blank at the end without ;"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; foo", "field-without-value", "no ="},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; foo=", "field-value-invalid", "empty value"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; foo=a=b", "field-value-invalid", "= in the value"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; foo=a b", "field-value-invalid", "blank in the value"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; _f=1", "field-name-invalid", "name begins with _"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example; " + std::string(33, 'f') + "=1", "field-name-invalid",
                  "a name of 33"},
             Case{"v=TLSRPTv1; rua =mailto:a@x.example", "field-name-invalid", "blank before ="},
             Case{"v=TLSRPTv1; rua=mailto:\xc3\xbc@x.example", "not-ascii", "UTF-8 must be encoded"},
             Case{"v=TLSRPTv1; rua=mailto:a\x01@x.example", "control-character", "control character"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example\r\n", "control-character", "CRLF"},
             // RPT-003
             Case{"v=TLSRPTv1; rua=", "rua-invalid", "empty"},
             Case{"v=TLSRPTv1; rua=;", "rua-invalid", "empty, with ;"},
             Case{"v=TLSRPTv1; rua=,", "rua-invalid", "only a comma"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example,", "rua-invalid", "comma at the end"},
             Case{"v=TLSRPTv1; rua=,mailto:a@x.example", "rua-invalid", "comma in front"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example,,mailto:b@x.example", "rua-invalid", "two commas"},
             Case{"v=TLSRPTv1; rua= mailto:a@x.example", "rua-invalid", "blank behind ="},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example mailto:b@x.example", "rua-invalid", "a blank for a comma"},
             Case{"v=TLSRPTv1; rua=a@x.example", "rua-invalid", "no scheme"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example,b@x.example", "rua-invalid", "no scheme in the second"},
             Case{"v=TLSRPTv1; rua=//x.example/r", "rua-invalid", "no scheme"},
             Case{"v=TLSRPTv1; rua=:a@x.example", "rua-invalid", "empty scheme"},
             Case{"v=TLSRPTv1; rua=1mailto:a@x.example", "rua-invalid", "a scheme begins with a letter"},
             Case{"v=TLSRPTv1; rua=mail_to:a@x.example", "rua-invalid", "underscore in a scheme"},
             Case{"v=TLSRPTv1; rua=<mailto:a@x.example>", "rua-invalid", "angle brackets"},
             Case{"v=TLSRPTv1; rua=\"mailto:a@x.example\"", "rua-invalid", "quotation marks"},
             // RPT-004
             Case{"v=TLSRPTv1; rua=mailto:a!b@x.example", "rua-not-encoded", "raw !"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example!10m", "rua-not-encoded", "a size limit as in DMARC"},
             Case{"v=TLSRPTv1; rua=https://x.example/a!b,mailto:a@x.example", "rua-not-encoded", "raw ! in one of two"},
             Case{"v=TLSRPTv1; rua=mailto:a,b@x.example", "rua-invalid", "a raw comma separates"},
             Case{"v=TLSRPTv1; rua=https://x.example/a;b", "field-without-value", "a raw ; separates"},
             // RFC 3986
             Case{"v=TLSRPTv1; rua=mailto:a%@x.example", "rua-invalid", "% alone"},
             Case{"v=TLSRPTv1; rua=mailto:a%2@x.example", "rua-invalid", "% with one digit"},
             Case{"v=TLSRPTv1; rua=mailto:a%zz@x.example", "rua-invalid", "% with other letters"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example%", "rua-invalid", "% at the end"},
             Case{"v=TLSRPTv1; rua=mailto:a\\b@x.example", "rua-invalid", "backslash"},
             Case{"v=TLSRPTv1; rua=mailto:a@[192.0.2.1]", "rua-invalid", "raw brackets in a path"},
             Case{"v=TLSRPTv1; rua=https://x.example/a^b", "rua-invalid", "^"},
             Case{"v=TLSRPTv1; rua=https://x.example/{a}", "rua-invalid", "braces"},
             Case{"v=TLSRPTv1; rua=https://x.example/a#b#c", "rua-invalid", "two fragments"},
             Case{"v=TLSRPTv1; rua=https://x.example:port/", "rua-invalid", "port not a number"},
             Case{"v=TLSRPTv1; rua=https://x.example:1:2/", "rua-invalid", "two ports"},
             Case{"v=TLSRPTv1; rua=https://a@b@x.example/", "rua-invalid", "two @ in an authority"},
             Case{"v=TLSRPTv1; rua=https://[2001:db8::1/", "rua-invalid", "[ without ]"},
             Case{"v=TLSRPTv1; rua=https://[2001:db8::1]x/", "rua-invalid", "something behind ]"},
             Case{"v=TLSRPTv1; rua=https://[2001:db8::g]/", "rua-invalid", "no IPv6 address"},
             Case{"v=TLSRPTv1; rua=https://[192.0.2.1]/", "rua-invalid", "an IPv4 address in brackets"},
             Case{"v=TLSRPTv1; rua=https://[v.x]/", "rua-invalid", "no IPvFuture"},
             Case{"v=TLSRPTv1; rua=ftp://x.example/a b", "rua-invalid", "a scheme unknown to us keeps the grammar too"},
             // URIs, but no place to send to, and nothing beside them
             Case{"v=TLSRPTv1; rua=ftp://x.example/r", "rua-nowhere", "an unsupported scheme only"},
             Case{"v=TLSRPTv1; rua=http://x.example/r,ftp:x", "rua-nowhere", "unsupported schemes only"},
             Case{"v=TLSRPTv1; rua=mailto:", "rua-nowhere", "no address"},
             Case{"v=TLSRPTv1; rua=mailto:?to=a@x.example", "rua-nowhere", "an address in a header field only"},
             Case{"v=TLSRPTv1; rua=mailto:a", "rua-nowhere", "no @"},
             Case{"v=TLSRPTv1; rua=mailto:@x.example", "rua-nowhere", "no local part"},
             Case{"v=TLSRPTv1; rua=mailto:%22%22@x.example", "rua-nowhere", "an empty quoted local part"},
             Case{"v=TLSRPTv1; rua=mailto:a@", "rua-nowhere", "no domain"},
             Case{"v=TLSRPTv1; rua=mailto:a@.", "rua-nowhere", "the root"},
             Case{"v=TLSRPTv1; rua=mailto:a@x..example", "rua-nowhere", "an empty label"},
             Case{"v=TLSRPTv1; rua=mailto:a@x_y.example", "rua-nowhere", "underscore"},
             Case{"v=TLSRPTv1; rua=mailto:a@192.0.2.1", "rua-nowhere", "an address for a domain"},
             Case{"v=TLSRPTv1; rua=mailto:a@%5B192.0.2.1%5D", "rua-nowhere", "an address literal"},
             Case{"v=TLSRPTv1; rua=mailto://a@x.example", "rua-nowhere", "slashes"},
             Case{"v=TLSRPTv1; rua=mailto:a%0D%0ABcc:b@x.example", "rua-nowhere", "CRLF encoded"},
             Case{"v=TLSRPTv1; rua=mailto:a%00@x.example", "rua-nowhere", "NUL encoded"},
             Case{"v=TLSRPTv1; rua=mailto:a%7F@x.example", "rua-nowhere", "DEL encoded"},
             Case{"v=TLSRPTv1; rua=mailto:a%C2%85@x.example", "rua-nowhere", "C1 control encoded"},
             Case{"v=TLSRPTv1; rua=mailto:a%FF@x.example", "rua-nowhere", "not UTF-8"},
             Case{"v=TLSRPTv1; rua=mailto:a@x.example%0A", "rua-nowhere", "LF in the domain"},
             Case{"v=TLSRPTv1; rua=mailto:" + std::string(250, 'a') + "@x.example", "rua-nowhere", "too long"},
             Case{"v=TLSRPTv1; rua=https:x.example", "rua-nowhere", "no slashes"},
             Case{"v=TLSRPTv1; rua=https:/x.example", "rua-nowhere", "one slash"},
             Case{"v=TLSRPTv1; rua=https://", "rua-nowhere", "no host"},
             Case{"v=TLSRPTv1; rua=https:///r", "rua-nowhere", "no host, a path"},
             Case{"v=TLSRPTv1; rua=https://:443/r", "rua-nowhere", "no host, a port"},
             Case{"v=TLSRPTv1; rua=https://u@/r", "rua-nowhere", "no host, userinfo"},
             Case{"v=TLSRPTv1; rua=https://x..example/", "rua-nowhere", "empty label"},
             Case{"v=TLSRPTv1; rua=https://x%20y.example/", "rua-nowhere", "a blank encoded in the host"},
             Case{"v=TLSRPTv1; rua=https://1.2.3/", "rua-nowhere", "neither name nor address"},
             Case{"v=TLSRPTv1; rua=https://[v1.x]/", "rua-nowhere", "an address of the future"},
             Case{"v=TLSRPTv1; rua=https://x.example:0/", "rua-nowhere", "port 0"},
             Case{"v=TLSRPTv1; rua=https://x.example:65536/", "rua-nowhere", "port over 65535"},
             Case{"v=TLSRPTv1; rua=https://x.example:99999999999999999999/", "rua-nowhere", "port over 64 bits"},
         }) {
        const auto judgement = judge({c.text});
        EXPECT_FALSE(judgement.record.has_value()) << c.text << " // " << c.why;
        EXPECT_TRUE(has_error(judgement.problems)) << c.text << " // " << c.why;
        const Problem* problem = find_code(judgement.problems, c.code);
        ASSERT_NE(problem, nullptr) << c.text << " // " << c.why << ": " << judgement.problems.front().message;
        EXPECT_EQ(problem->severity, Severity::error) << c.why;
        EXPECT_EQ(problem->rfc, "RFC 8460 §3") << c.why;
    }
}

TEST(TlsrptRecord, RrsetAsAWhole) {  // RPT-006: RFC 8460 §3
    struct Case {
        Texts records;
        bool valid;
        bool present;
        const char* why;
    };
    for (const Case& c : {
             Case{{"foo", "v=TLSRPTv1; rua=mailto:a@x.example"}, true, true, "others are thrown away"},
             Case{{"v=TLSRPTv2; rua=mailto:b@x.example", "v=TLSRPTv1; rua=mailto:a@x.example"},
                  true,
                  true,
                  "another version is another record"},
             Case{{"v=TLSRPTv1; rua=mailto:a@x.example", "v=TLSRPTv1; rua=mailto:a@x.example"},
                  false,
                  true,
                  "two, equal"},
             Case{{"v=TLSRPTv1; rua=mailto:a@x.example", "v=TLSRPTv1;"}, false, true, "a broken one counts too"},
             Case{{"v=TLSRPTv1; rua=mailto:a@x.example", "v=TLSRPTv1 ;rua=mailto:a@x.example"},
                  false,
                  true,
                  "with a blank it counts"},
             Case{{"v=spf1 -all"}, false, false, "none"},
             Case{{}, false, false, "empty RRset"},
         }) {
        const auto judgement = judge(c.records);
        EXPECT_EQ(judgement.record.has_value(), c.valid) << c.why;
        EXPECT_EQ(has_error(judgement.problems), !c.valid) << c.why;
        EXPECT_EQ(judgement.present, c.present) << c.why;
    }
}

// RPT-007: RFC 8460 §3
TEST(TlsrptRecord, CharacterStringsAreJoinedWithNothingBetween) {
    const dns::TxtData txt{{"v=TLSRPTv1; rua=mai", "lto:a@x.example"}};
    const auto judgement = judge({txt.joined()});
    ASSERT_TRUE(judgement.record.has_value());
    EXPECT_EQ(judgement.record->rua.at(0).address, "a@x.example");
}

TEST(TlsrptRecord, Addresses) {  // RPT-004: RFC 6068 §2, RFC 5321 §4.1.2
    for (const auto& [uri, address, why] : std::vector<std::tuple<std::string, std::string, const char*>>{
             {"mailto:a@X.Example", "a@x.example", "the domain compares without case"},
             {"mailto:A@x.example", "A@x.example", "the local part is left alone"},
             {"mailto:a@x.example.", "a@x.example", "a final dot"},
             {"mailto:a@x.example?cc=b@y.example", "a@x.example", "header fields are ignored"},
             {"mailto:a@x.example#f", "a@x.example", "a fragment is ignored"},
             {"mailto:a%2Cb%21c@x.example", "\"a,b!c\"@x.example", "a comma needs quotation marks"},
             {"mailto:a%21c@x.example", "a!c@x.example", "an exclamation mark does not"},
             {"mailto:%22a%2Cb%22@x.example", "\"a,b\"@x.example", "quoted already"},
             {"mailto:%22ab%22@x.example", "ab@x.example", "quoted without need"},
             {"mailto:%22a%5C%22b%22@x.example", "\"a\\\"b\"@x.example", "an escaped quotation mark"},
             {"mailto:%22%5Ca%22@x.example", "a@x.example", "escaped without need"},
             {"mailto:a%22b@x.example", "\"a\\\"b\"@x.example", "a quotation mark inside"},
             {"mailto:a%5Cb@x.example", "\"a\\\\b\"@x.example", "a backslash"},
             {"mailto:a%20b@x.example", "\"a b\"@x.example", "a blank"},
             {"mailto:a..b@x.example", "\"a..b\"@x.example", "two dots"},
             {"mailto:.a@x.example", "\".a\"@x.example", "a dot in front"},
             {"mailto:a.@x.example", "\"a.\"@x.example", "a dot at the end"},
             {"mailto:a%40b@x.example", "\"a@b\"@x.example", "an encoded @"},
             {"mailto:a%40x.example", "a@x.example", "only an encoded @"},
             {"mailto:a%3Cb%3E@x.example", "\"a<b>\"@x.example", "angle brackets"},
             {"mailto:a%25b@x.example", "a%b@x.example", "a percent sign, decoded once"},
             {"mailto:a%2525b@x.example", "a%25b@x.example", "decoded once, not twice"},
             {"mailto:a@b%C3%BCcher.example", "a@xn--bcher-kva.example", "a U-label becomes its A-label"},
         }) {
        const auto judgement = judge({"v=TLSRPTv1; rua=" + uri});
        ASSERT_TRUE(judgement.record.has_value()) << uri << " // " << why;
        EXPECT_EQ(judgement.record->rua.at(0).address, address) << uri << " // " << why;
        EXPECT_EQ(judgement.record->rua.at(0).published, uri);
    }
}

TEST(TlsrptRecord, FormattedIsReadBack) {
    const auto text = format_tlsrpt_record({"mailto:a,b!c@x.example", "https://x.example/v1;w?a=b"});
    EXPECT_EQ(text, "v=TLSRPTv1; rua=mailto:a%2Cb%21c@x.example,https://x.example/v1%3Bw?a=b");
    const auto judgement = judge({text});
    ASSERT_TRUE(judgement.record.has_value());
    EXPECT_EQ(decoded(*judgement.record), (Texts{"mailto:a,b!c@x.example", "https://x.example/v1;w?a=b"}));
    EXPECT_TRUE(judgement.problems.empty());
}

TEST(TlsrptRecord, Name) {  // RPT-001: RFC 8460 §3
    EXPECT_EQ(tlsrpt_record_name(dns::Name::parse("Example.com").value())->text(), "_smtp._tls.example.com");
}

}  // namespace
}  // namespace postseal::tlsrpt
