#include "mtasts/record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dns/record.h"

namespace postseal::mtasts {
namespace {

using Records = std::vector<std::string>;

StsRecordJudgement judge(const Records& records) {
    return judge_sts_records(records);
}

bool has_code(const Problems& problems, std::string_view code) {
    return std::any_of(problems.begin(), problems.end(), [&](const Problem& p) { return p.code == code; });
}

TEST(StsRecord, ExampleOfTheRfc) {  // RFC 8461 §3.1
    const auto judgement = judge({"v=STSv1; id=20160831085700Z;"});
    ASSERT_TRUE(judgement.record.has_value());
    EXPECT_EQ(judgement.record->id, "20160831085700Z");
    EXPECT_TRUE(judgement.record->extensions.empty());
    EXPECT_TRUE(judgement.present);
    EXPECT_TRUE(judgement.problems.empty());
}

TEST(StsRecord, Good) {
    const std::string id32(32, 'z');
    struct Case {
        std::string text;
        std::string id;
        std::map<std::string, std::string> extensions;
        const char* why;
    };
    for (const Case& c : {
             // STS-009
             Case{"v=STSv1;id=a", "a", {}, "no blanks, no delimiter at the end"},
             Case{"v=STSv1;\tid=a ; ", "a", {}, "tab; delimiter with blanks at the end"},
             Case{"v=STSv1 \t ; \t id=a \t;\t ", "a", {}, "blanks and tabs on either side"},
             Case{"v=STSv1; foo=b; id=a;", "a", {{"foo", "b"}}, "any order behind the version"},
             Case{"v=STSv1 ; id=a", "a", {}, "STS-019: blank before the first ; (EID 6285)"},
             // STS-007
             Case{"v=STSv1; id=" + id32, id32, {}, "32 characters"},
             Case{"v=STSv1; id=0", "0", {}, "one character"},
             Case{"v=STSv1; id=AbC09", "AbC09", {}, "case is kept"},
             // STS-010
             Case{"v=STSv1; id=a; x.y-z_1=p/q", "a", {{"x.y-z_1", "p/q"}}, "extension"},
             Case{"v=STSv1; id=a; " + id32 + "=!<~", "a", {{id32, "!<~"}}, "name of 32, edges of the value's range"},
             Case{"v=STSv1; id=a; 1=2", "a", {{"1", "2"}}, "name of one digit"},
             Case{"v=STSv1; id=a; x=a:b,c\"'", "a", {{"x", "a:b,c\"'"}}, "punctuation in the value"},
             // STS-011: RFC 8461 §3.2, the first of a repeated field counts.
             Case{"v=STSv1; id=a1; id=b2", "a1", {}, "id repeated"},
             Case{"v=STSv1; id=a1; id=a_b", "a1", {}, "the ignored id need only fit an extension"},
             Case{"v=STSv1; x=1; id=a1; x=2", "a1", {{"x", "1"}}, "extension repeated"},
             Case{"v=STSv1; id=a1; v=STSv2", "a1", {}, "version repeated"},
             // STS-008
             Case{"v=STSv1; ID=b; id=a", "a", {{"ID", "b"}}, "another case is another field"},
             Case{"v=STSv1; V=b; id=a", "a", {{"V", "b"}}, "so with v"},
         }) {
        const auto judgement = judge({c.text});
        ASSERT_TRUE(judgement.record.has_value()) << c.text << " // " << c.why;
        EXPECT_EQ(judgement.record->id, c.id) << c.why;
        EXPECT_EQ(judgement.record->extensions, c.extensions) << c.why;
        EXPECT_FALSE(has_error(judgement.problems)) << c.why;
        EXPECT_TRUE(judgement.present) << c.why;
    }
}

TEST(StsRecord, Bad) {
    struct Case {
        std::string text;
        const char* code;
        bool present;
        const char* why;
    };
    for (const Case& c : {
             // STS-005: not a record at all
             Case{"id=a; v=STSv1", "version-not-exact", false, "version not first"},
             Case{"id=a; v=STSv1;", "version-not-exact", false, "version not first, with ;"},
             Case{"v=stsv1; id=a", "version-not-exact", false, "lower case"},
             Case{"V=STSv1; id=a", "version-not-exact", false, "upper case V"},
             Case{"v=STSV1; id=a", "version-not-exact", false, "upper case v1"},
             Case{"v = STSv1; id=a", "version-not-exact", false, "blanks round ="},
             Case{"v= STSv1; id=a", "version-not-exact", false, "blank behind ="},
             Case{" v=STSv1; id=a", "version-not-exact", false, "blank in front"},
             Case{"\tv=STSv1; id=a", "version-not-exact", false, "tab in front"},
             Case{"\"v=STSv1; id=a\"", "version-not-exact", false, "quotation marks of a zone file"},
             Case{"v=STSv10; id=a", "record-missing", false, "another version"},
             Case{"v=STSv12;id=a", "record-missing", false, "another version"},
             Case{"v=STSv2; id=a", "record-missing", false, "another version"},
             Case{"v=STSv1", "version-not-exact", false, "nothing behind the version"},
             Case{"v=STSv1 id=a", "version-not-exact", false, "no ; behind the version"},
             Case{"v=STSv1, id=a", "version-not-exact", false, "a comma instead"},
             Case{"v=STSv", "record-missing", false, "cut off"},
             Case{"", "record-missing", false, "empty"},
             Case{"v=spf1 -all", "record-missing", false, "somebody else's"},
             // STS-006
             Case{"v=STSv1;", "id-missing", true, "version alone"},
             Case{"v=STSv1; ", "id-missing", true, "version alone, blank"},
             Case{"v=STSv1 ;", "id-missing", true, "version alone, blank before ;"},
             Case{"v=STSv1; foo=bar;", "id-missing", true, "extension alone"},
             Case{"v=STSv1; ID=abc", "id-missing", true, "STS-008: ID is not id"},
             Case{"v=STSv1; Id=abc", "id-missing", true, "Id is not id"},
             // STS-007
             Case{"v=STSv1; id=", "id-invalid", true, "empty id"},
             Case{"v=STSv1; id=;", "id-invalid", true, "empty id with ;"},
             Case{"v=STSv1; id=" + std::string(33, 'a'), "id-invalid", true, "33 characters"},
             Case{"v=STSv1; id=2026-01-01", "id-invalid", true, "hyphens"},
             Case{"v=STSv1; id=a_b", "id-invalid", true, "underscore"},
             Case{"v=STSv1; id=a b", "id-invalid", true, "blank inside"},
             Case{"v=STSv1; id= a", "id-invalid", true, "blank behind ="},
             Case{"v=STSv1; id=a.b", "id-invalid", true, "dot"},
             Case{"v=STSv1; id=a=b", "id-invalid", true, "= inside"},
             Case{"v=STSv1; id=\"a\"", "id-invalid", true, "quotation marks"},
             Case{"v=STSv1; id=a,b", "id-invalid", true, "comma"},
             Case{"v=STSv1; id=a_b; id=c", "id-invalid", true, "STS-011: the first counts, and it is invalid"},
             Case{"v=STSv1; id=; id=c", "id-invalid", true, "the first is empty"},
             Case{"v=STSv1; id=c; id=", "field-value-invalid", true, "a repeated field must fit the grammar"},
             Case{"v=STSv1; id =a", "field-name-invalid", true, "blank before ="},
             // STS-009
             Case{"v=STSv1; id=a;;", "empty-field", true, "two delimiters at the end"},
             Case{"v=STSv1; id=a; ;", "empty-field", true, "two delimiters at the end, blank between"},
             Case{"v=STSv1;; id=a", "empty-field", true, "two delimiters behind the version"},
             Case{"v=STSv1;;", "empty-field", true, "only delimiters"},
             Case{"v=STSv1; id=a ", "trailing-blank", true, "blank at the end without ;"},
             Case{"v=STSv1; id=a\t", "trailing-blank", true, "tab at the end without ;"},
             // STS-010
             Case{"v=STSv1; id=a; test", "field-without-value", true, "no ="},
             Case{"v=STSv1; id=a; test==", "field-value-invalid", true, "= in the value"},
             Case{"v=STSv1; id=a; x=a=b", "field-value-invalid", true, "= in the value"},
             Case{"v=STSv1; id=a; x=", "field-value-invalid", true, "empty value"},
             Case{"v=STSv1; id=a; x=a b", "field-value-invalid", true, "blank in the value"},
             Case{"v=STSv1; id=a; x=a\tb", "field-value-invalid", true, "tab in the value"},
             Case{"v=STSv1; id=a; _x=1", "field-name-invalid", true, "name begins with _"},
             Case{"v=STSv1; id=a; -x=1", "field-name-invalid", true, "name begins with -"},
             Case{"v=STSv1; id=a; .x=1", "field-name-invalid", true, "name begins with ."},
             Case{"v=STSv1; id=a; =1", "field-name-invalid", true, "no name"},
             Case{"v=STSv1; id=a; x/y=1", "field-name-invalid", true, "/ in a name"},
             Case{"v=STSv1; id=a; x y=1", "field-name-invalid", true, "blank in a name"},
             Case{"v=STSv1; id=a; " + std::string(33, 'x') + "=1", "field-name-invalid", true, "name of 33"},
             // STS-004
             Case{"v=STSv1; id=a1; x=\xc3\xa9", "not-ascii", true, "UTF-8 in a value"},
             Case{"v=STSv1; id=a1; x=\xff", "not-ascii", true, "an octet over 0x7f"},
             Case{"v=STSv1;\xc2\xa0id=a1", "not-ascii", true, "no-break space"},
             Case{"v=STSv1; id=a1; x=\x01", "control-character", true, "control character"},
             Case{"v=STSv1; id=a1; x=\x7f", "control-character", true, "DEL"},
             Case{std::string("v=STSv1; id=a1\0", 15), "control-character", true, "NUL"},
             Case{"v=STSv1;\nid=a1", "control-character", true, "a line feed is no blank"},
             Case{"v=STSv1; id=a1\r", "control-character", true, "CR at the end"},
             Case{"v=STSv1; id=a; x=" + std::string(65'536, 'x'), "record-too-long", true, "no TXT record is so long"},
         }) {
        const auto judgement = judge({c.text});
        EXPECT_FALSE(judgement.record.has_value()) << c.text << " // " << c.why;
        EXPECT_EQ(judgement.present, c.present) << c.text << " // " << c.why;
        EXPECT_TRUE(has_error(judgement.problems)) << c.why;
        EXPECT_TRUE(has_code(judgement.problems, c.code)) << c.text << " // " << c.why;
        for (const Problem& problem : judgement.problems) {
            EXPECT_EQ(problem.rfc, "RFC 8461 §3.1");
            EXPECT_EQ(problem.line, 1);
        }
    }
}

TEST(StsRecord, RrsetAsAWhole) {  // RFC 8461 §3.1
    struct Case {
        Records records;
        std::string id;  // empty: no record
        const char* code;
        const char* why;
    };
    for (const Case& c : {
             // STS-012
             Case{{"v=spf1 -all", "v=STSv1; id=a"}, "a", "other-record", "others are thrown away before counting"},
             Case{{"v=STSv1; id=a", "google-site-verification=x"}, "a", "other-record", "behind as before"},
             Case{{"v=STSv12; id=b", "v=STSv1; id=a"}, "a", "version-not-exact", "another version does not count"},
             Case{{"v=stsv1; id=b", "v=STSv1; id=a"}, "a", "version-not-exact", "nor does another case"},
             Case{{"v=STSv1", "v=STSv1; id=a"}, "a", "version-not-exact", "nor the version without ;"},
             Case{{"", "v=STSv1; id=a", ""}, "a", nullptr, "empty records"},
             // STS-013
             Case{{"v=STSv1; id=a", "v=STSv1; id=b"}, "", "multiple-records", "two"},
             Case{{"v=STSv1; id=a", "v=STSv1; id=a"}, "", "multiple-records", "two, equal"},
             Case{{"v=STSv1; id=a", "v=STSv1; id="}, "", "multiple-records", "a broken one counts too"},
             Case{{"v=STSv1; id=a", "v=STSv1;"}, "", "multiple-records", "the version alone counts too"},
             Case{{"v=STSv1; id=a", "v=STSv1; \xff"}, "", "multiple-records", "what is not ASCII counts too"},
             Case{{"v=STSv1; id=a", "v=STSv1 ; id=b"}, "", "multiple-records", "STS-019: with a blank it counts"},
             Case{{"v=spf1 -all"}, "", "record-missing", "none"},
             Case{{}, "", "record-missing", "empty RRset"},
             Case{{"v=STSv1; id="}, "", "id-invalid", "sole and broken"},
         }) {
        const auto judgement = judge(c.records);
        EXPECT_EQ(judgement.record ? judgement.record->id : "", c.id) << c.why;
        EXPECT_EQ(has_error(judgement.problems), c.id.empty()) << c.why;
        if (c.code == nullptr) {
            EXPECT_TRUE(judgement.problems.empty()) << c.why;
        } else {
            EXPECT_TRUE(has_code(judgement.problems, c.code)) << c.why;
        }
    }
}

// STS-014: RFC 8461 §3.1
TEST(StsRecord, CharacterStringsAreJoinedWithNothingBetween) {
    const dns::TxtData txt{{"v=STSv1; i", "d=abc;"}};
    const auto judgement = judge({txt.joined()});
    ASSERT_TRUE(judgement.record.has_value());
    EXPECT_EQ(judgement.record->id, "abc");
}

TEST(StsRecord, ProblemsSayWhichRecordAndField) {
    const auto judgement = judge({"v=spf1 -all", "v=STSv1; x=1; id=a_b"});
    ASSERT_EQ(judgement.problems.size(), 3U);
    EXPECT_EQ(judgement.problems[0].line, 1);
    EXPECT_EQ(judgement.problems[2].line, 2);
    EXPECT_EQ(judgement.problems[2].message,
              "TXT record 2, field 2 (\"id\"): an id holds only ASCII letters and digits");
}

TEST(StsRecord, Names) {  // STS-003: RFC 8461 §3.1; HTTPS-001: §3.2
    const auto domain = dns::Name::parse("Bücher.example").value();
    EXPECT_EQ(sts_record_name(domain)->text(), "_mta-sts.xn--bcher-kva.example");
    EXPECT_EQ(policy_host_name(domain)->text(), "mta-sts.xn--bcher-kva.example");
    const auto long_label = std::string(61, 'a');
    const auto long_domain =
        dns::Name::parse(long_label + "." + long_label + "." + long_label + "." + long_label).value();
    EXPECT_FALSE(sts_record_name(long_domain).has_value()) << "253 octets are the end of a name";
    EXPECT_EQ(sts_record_name(dns::Name::parse("mail.example.com").value())->text(), "_mta-sts.mail.example.com")
        << "STS-038: no climbing";
}

TEST(StsRecord, FormattedIsReadBack) {
    for (const std::string id : {"a", "20160831085700Z"}) {
        const auto text = format_sts_record(id);
        const auto judgement = judge({text});
        ASSERT_TRUE(judgement.record.has_value());
        EXPECT_EQ(judgement.record->id, id);
        EXPECT_TRUE(judgement.problems.empty());
    }
}

}  // namespace
}  // namespace postseal::mtasts
