#include "tlsrpt/read.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "tlsrpt/deviations.h"
#include "tlsrpt/testing.h"
#include "tlsrpt/write.h"

namespace postseal::tlsrpt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::string_literals;

const std::string good(good_json);
constexpr std::string_view good_name = "sender.example!receiver.example!1769817600!1769903999.json";

std::string text_of(const Bytes& bytes) {
    return std::string(as_text(bytes));
}
std::string gz(std::string_view text) {
    return text_of(gzip(as_bytes(text)));
}

// RFC 1952 §2.3.1: FLG.FNAME, as gzip(1) and Stalwart write it.
std::string gz_with_name(std::string_view text) {
    std::string bytes = gz(text);
    bytes[3] = 0x08;
    return bytes.insert(10, "report.json\0"s);
}

std::string zip(const std::vector<std::pair<std::string, std::string>>& files) {
    archive* a = archive_write_new();
    archive_write_set_format_zip(a);
    std::string out(4'000'000, '\0');
    std::size_t used = 0;
    archive_write_open_memory(a, out.data(), out.size(), &used);
    for (const auto& [name, content] : files) {
        archive_entry* entry = archive_entry_new();
        archive_entry_set_pathname(entry, name.c_str());
        archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
        archive_entry_set_filetype(entry, name.ends_with('/') ? AE_IFDIR : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_write_header(a, entry);
        archive_write_data(a, content.data(), content.size());
        archive_entry_free(entry);
    }
    archive_write_close(a);
    archive_write_free(a);
    out.resize(used);
    return out;
}

std::string wrapped_base64(std::string_view bytes) {
    const std::string line = to_base64(as_bytes(bytes));
    std::string out;
    for (std::size_t i = 0; i < line.size(); i += 76) {
        out += line.substr(i, 76) + "\r\n";
    }
    return out;
}

struct Part {
    std::string type = "application/tlsrpt+gzip";
    std::string content = gz(good);
    std::string disposition = "attachment; filename=\"" + std::string(good_name) + ".gz\"";
};
std::string part(const Part& p) {
    return "Content-Type: " + p.type +
           "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: " + p.disposition + "\r\n\r\n" +
           wrapped_base64(p.content);
}
std::string headers() {
    return "From: Reports <tls-reports@sender.example>\r\nTo: reports@receiver.example\r\n"
           "Date: Sun, 1 Feb 2026 01:02:03 +0000\r\nMessage-ID: <1@sender.example>\r\nMIME-Version: 1.0\r\n"
           "TLS-Report-Domain: receiver.example\r\nTLS-Report-Submitter: sender.example\r\n"
           "Subject: Report Domain: receiver.example Submitter: sender.example\r\n"
           " Report-ID: <2026-01-31_receiver.example@sender.example>\r\n";
}
const std::string report_type = "multipart/report; report-type=\"tlsrpt\"; boundary=\"b1\"";
std::string mail(const std::vector<std::string>& parts, const std::string& type = report_type) {
    std::string text = headers() + "Content-Type: " + type + "\r\n\r\nThis is MIME.\r\n";
    for (const std::string& each : parts) {
        text += "--b1\r\n" + each + "\r\n";
    }
    return text + "--b1--\r\n";
}
const std::string for_people = "Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is an aggregate TLS report.\r\n";
std::string ordinary_mail() {
    return mail({for_people, part({})});
}

ReadInput read(std::string_view bytes, std::string_view file_name = {}) {
    return read_input(as_bytes(bytes), file_name);
}

void expect_one_good(const ReadInput& input) {
    ASSERT_EQ(input.reports.size(), 1U);
    const ReadReport& report = input.reports[0];
    ASSERT_TRUE(report.report) << report.report.error().message();
    EXPECT_EQ(report.report->report_id, "2026-01-31_receiver.example@sender.example");
    EXPECT_EQ(report.report->policies.at(0).successful, 7U);
}

// RFC 8460 §5.3; RPT-045, RPT-046, RPT-048
TEST(Read, finds_nothing_wrong_with_an_ordinary_mail) {
    const ReadInput input = read(ordinary_mail());
    expect_one_good(input);
    EXPECT_THAT(input.reports[0].deviations, IsEmpty()) << codes(input.reports[0].deviations);
    EXPECT_EQ(as_text(input.reports[0].json), good);
    ASSERT_TRUE(input.mail);
    EXPECT_EQ(input.mail->from, "tls-reports@sender.example");
    EXPECT_EQ(input.mail->report_domain, "receiver.example");
    EXPECT_EQ(input.mail->report_submitter, "sender.example");
    EXPECT_EQ(input.mail->message_id, "1@sender.example");
    EXPECT_THAT(input.mail->subject, HasSubstr("Submitter: sender.example"));
}

struct Container {
    const char* reason;
    std::string bytes;
    std::string_view code;  // "" = no deviation
};

TEST(Read, unpacks_what_the_world_sends) {
    std::string lf = ordinary_mail();
    for (std::size_t at = 0; (at = lf.find("\r\n", at)) != std::string::npos;) {
        lf.replace(at, 2, "\n");
    }
    const std::string bare_headers = headers() +
                                     "Content-Type: application/tlsrpt+gzip\r\n"
                                     "Content-Transfer-Encoding: base64\r\n\r\n";
    const std::string plain_part = "Content-Type: text/plain\r\n\r\nSee below.\r\n";
    const std::string forwarded = headers() + "Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n" +
                                  plain_part + "--outer\r\nContent-Type: message/rfc822\r\n\r\n" + ordinary_mail() +
                                  "\r\n--outer--\r\n";
    const Container cases[] = {
        {"plain JSON", good, ""},
        {"gzip; RPT-044", gz(good), ""},
        {"21: gzip with a file name in its header", gz_with_name(good), ""},
        {"gzip in two members", gz(good.substr(0, 100)) + gz(good.substr(100)), ""},
        {"gzip with zeros behind it", gz(good) + std::string(100, '\0'), ""},
        {"gzip with rubbish behind it", gz(good) + "\r\n-- \r\nlist footer", deviation::gzip_trailing_data},
        {"gzip twice", gz(gz(good)), deviation::compressed_twice},
        {"26: gzip of JSON with a byte-order mark", gz("\xef\xbb\xbf" + good), deviation::byte_order_mark},
        {"zip", zip({{std::string(good_name), good}}), deviation::zip_container},
        {"zip of gzip", zip({{"a.json.gz", gz(good)}}), deviation::zip_container},
        {"zip with a folder and what macOS adds",
         zip({{"d/", ""}, {"d/a.json", good}, {"__MACOSX/d/._a.json", "\0\5\26\7"s}, {"d/.DS_Store", "x"}}),
         deviation::zip_container},
        {"zip with a read-me beside the report", zip({{"README.txt", "hello"}, {"a.json", good}}),
         deviation::zip_container},
        {"zip of a mail", zip({{"a.eml", ordinary_mail()}}), deviation::zip_container},
        {"base64 of gzip, saved by itself", wrapped_base64(gz(good)), deviation::transfer_encoding},
        {"base64 of JSON, saved by itself", wrapped_base64(good), deviation::transfer_encoding},
        {"a mail, compressed", gz(ordinary_mail()), ""},
        {"24: LF line ends", lf, ""},
        {"24: an mbox line", "From bounces@sender.example Sun Feb  1 01:02:03 2026\r\n" + ordinary_mail(), ""},
        {"24: an mbox line, and a line in the text that looks like one",
         "From bounces@sender.example Sun Feb  1 01:02:03 2026\r\n" +
             mail({"Content-Type: text/plain\r\n\r\nHello\r\n\r\nFrom here on it is a report.\r\n", part({})}),
         ""},
        {"24: lines of a gateway before the header", "*** EXTERNAL MAIL ***\r\nBe careful.\r\n" + ordinary_mail(),
         deviation::leading_text},
        {"24: lines that look like a header, and a blank one", "CAUTION: from outside\r\n\r\n" + ordinary_mail(),
         deviation::leading_text},
        {"24: a line inside the header that is none",
         replaced(ordinary_mail(), "MIME-Version", "this is no header field\r\nMIME-Version"), ""},
        {"24: blank lines before the header", "\r\n\r\n" + ordinary_mail(), deviation::leading_text},
        {"24: a bad Date", replaced(ordinary_mail(), "Sun, 1 Feb 2026 01:02:03 +0000", "Fri, May 09 2026 25:00"), ""},
        {"20: +json", mail({for_people, part({"application/tlsrpt+json", good})}), ""},
        {"20: +json that is gzip", mail({for_people, part({"application/tlsrpt+json", gz(good)})}),
         deviation::media_type},
        {"20: +gzip that is JSON", mail({for_people, part({"application/tlsrpt+gzip", good})}), deviation::media_type},
        {"20: application/tlsrpt", mail({for_people, part({"application/tlsrpt"})}), deviation::media_type},
        {"20: application/tlsrpt+zip", mail({for_people, part({"application/tlsrpt+zip", zip({{"a.json", good}})})}),
         deviation::zip_container},
        {"20: application/gzip", mail({for_people, part({"application/gzip"})}), deviation::media_type},
        {"20: application/x-gzip", mail({for_people, part({"application/x-gzip"})}), deviation::media_type},
        {"20: application/octet-stream", mail({for_people, part({"application/octet-stream"})}), deviation::media_type},
        {"20: application/zip", mail({for_people, part({"application/zip", zip({{"a.json", good}})})}),
         deviation::media_type},
        {"20: application/json", mail({for_people, part({"application/json", good})}), deviation::media_type},
        {"20: JSON as text/plain, attached", mail({for_people, part({"text/plain", good})}), deviation::media_type},
        {"20: JSON as text/plain, in the mail's own text",
         headers() + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + good + "\r\n", deviation::media_type},
        {"20: JSON in a mail without a Content-Type", headers() + "\r\n" + good + "\r\n", deviation::media_type},
        {"20: JSON behind a sentence", headers() + "\r\nThe report follows.\r\n\r\n" + good + "\r\n",
         deviation::leading_text},
        {"20: multipart/mixed", mail({for_people, part({})}, "multipart/mixed; boundary=b1"),
         deviation::not_multipart_report},
        {"20: multipart/report without its type", mail({for_people, part({})}, "multipart/report; boundary=b1"),
         deviation::not_multipart_report},
        {"20: a bare part", bare_headers + wrapped_base64(gz(good)), deviation::not_multipart_report},
        {"20: an HTML part first (Microsoft)",
         mail({"Content-Type: text/html\r\n\r\n<p>{\"policies\" are below}</p>\r\n", part({})}), ""},
        {"20: one more part, which is empty (mail.ru)",
         mail({for_people, part({}), "Content-Type: application/tlsrpt+gzip\r\n\r\n"}), ""},
        {"20: ContentType (Trustwave)", mail({for_people, replaced(part({}), "Content-Type", "ContentType")}),
         deviation::header_name},
        {"20: ContentType of the whole mail", replaced(ordinary_mail(), "Content-Type: multi", "ContentType: multi"),
         deviation::header_name},
        {"20: no Content-Type of the part",
         mail({for_people, replaced(part({}), "Content-Type: application/tlsrpt+gzip\r\n", "")}),
         deviation::media_type},
        {"20: no Content-Transfer-Encoding",
         mail({for_people, replaced(part({}), "Content-Transfer-Encoding: base64\r\n", "")}),
         deviation::transfer_encoding},
        {"20: the Content-Type of the mail is lost",
         replaced(ordinary_mail(), "Content-Type: " + report_type + "\r\n", ""), deviation::mime_damaged},
        {"20: the boundary is another", replaced(ordinary_mail(), "boundary=\"b1\"", "boundary=\"b2\""),
         deviation::mime_damaged},
        {"20: the closing boundary is lost", replaced(ordinary_mail(), "--b1--\r\n", ""), ""},
        {"21: a long file name in pieces (RFC 2231)",
         mail({for_people, part({"application/tlsrpt+gzip", gz(good),
                                 "attachment;\r\n filename*0=\"sender.example!receiver.example\";\r\n"
                                 " filename*1=\"!1769817600!1769903999!001.json.gz\""})}),
         ""},
        {"25: strays in the base64 text", mail({for_people, replaced(part({}), "H4sI", "H4\x80*!sI")}),
         deviation::transfer_encoding},
        {"25: base64 on one line",
         mail({for_people, replaced(part({}), wrapped_base64(gz(good)), to_base64(as_bytes(gz(good))) + "\r\n")}), ""},
        {"a footer of a mailing list behind the base64 text",
         mail({for_people, part({}) + "_______________\r\nlist mailing list\r\n"}), deviation::transfer_encoding},
        {"forwarded as an attachment", forwarded, ""},
        {"a mail as application/octet-stream",
         mail({plain_part, part({"application/octet-stream", ordinary_mail(), "attachment; filename=fwd.eml"})},
              "multipart/mixed; boundary=b1"),
         ""},
        {"the report also in the text for people", mail({"Content-Type: text/plain\r\n\r\n" + good + "\r\n", part({})}),
         ""},
        {"another attachment", mail({for_people, part({}), part({"image/png", "\x89PNG\r\n\x1a\n", "inline"})}), ""},
        {"another attachment that is JSON", mail({for_people, part({}), part({"application/json", "{\"a\":1}"})}), ""},
    };
    for (const Container& c : cases) {
        SCOPED_TRACE(c.reason);
        const ReadInput input = read(c.bytes);
        ASSERT_NO_FATAL_FAILURE(expect_one_good(input));
        if (!c.code.empty()) {
            EXPECT_TRUE(has_code(input.reports[0].deviations, c.code)) << codes(input.reports[0].deviations);
        } else {
            EXPECT_THAT(input.reports[0].deviations, IsEmpty()) << codes(input.reports[0].deviations);
        }
    }
}

TEST(Read, finds_several_reports) {
    const std::string other = replaced(good, "\"report-id\":\"2026", "\"report-id\":\"other-2026");
    const std::string mbox_line = "From a@sender.example Sun Feb  1 01:02:03 2026\r\n";
    const std::pair<const char*, std::string> cases[] = {
        {"in a zip", zip({{"a.json", good}, {"b.json.gz", gz(other)}})},
        {"in a mail", mail({for_people, part({}), part({"application/tlsrpt+gzip", gz(other)})})},
        {"in an mbox", mbox_line + ordinary_mail() + "\r\n" + mbox_line +
                           mail({for_people, part({"application/tlsrpt+json", other})})},
        {"one after another", good + "\n" + other},
        {"one after another in gzip members", gz(good) + gz(other)},
        {"in the zip of a mail",
         mail({for_people, part({"application/zip", zip({{"a.json", good}, {"b.json", other}})})})},
    };
    for (const auto& [reason, bytes] : cases) {
        SCOPED_TRACE(reason);
        const ReadInput input = read(bytes);
        ASSERT_EQ(input.reports.size(), 2U);
        ASSERT_TRUE(input.reports[0].report && input.reports[1].report);
        EXPECT_THAT(*input.reports[0].report->report_id, ::testing::StartsWith("2026"));
        EXPECT_THAT(*input.reports[1].report->report_id, ::testing::StartsWith("other"));
    }
}

TEST(Read, tells_of_a_broken_report_beside_a_good_one) {
    for (const std::string& bytes :
         {mail({for_people, part({"application/tlsrpt+gzip", gz(good).substr(0, 80)}), part({})}),
          mail({for_people, part({"application/tlsrpt+json", "{}"}), part({})}),
          zip({{"bad.json", "{\"report-id\": oh"}, {"good.json", good}})}) {
        const ReadInput input = read(bytes);
        ASSERT_EQ(input.reports.size(), 2U);
        EXPECT_FALSE(input.reports[0].report);
        EXPECT_TRUE(input.reports[1].report);
    }
}

// 22; RFC 8460 §5.6, RPT-046, RPT-053: the body wins.
TEST(Read, believes_the_body) {
    struct Case {
        const char* reason;
        std::string bytes;
        std::string file_name;
        std::string_view code;
    };
    const Case cases[] = {
        {"TLS-Report-Domain", replaced(ordinary_mail(), "Report-Domain: receiver", "Report-Domain: x"), "",
         deviation::header_differs},
        {"TLS-Report-Submitter", replaced(ordinary_mail(), "Submitter: sender", "Submitter: x"), "",
         deviation::header_differs},
        {"the Subject's domain", replaced(ordinary_mail(), "Report Domain: receiver", "Report Domain: x"), "",
         deviation::subject_differs},
        {"the attachment's name", replaced(ordinary_mail(), "sender.example!receiver", "sender.example!x"), "",
         deviation::file_name_differs},
        {"the attachment's name, dates", replaced(ordinary_mail(), "!1769817600!", "!1769817000!"), "",
         deviation::file_name_differs},
        {"the file's name", good, "dir/sender.example!x.example!1769817600!1769903999!a1.json",
         deviation::file_name_differs},
        {"the file's name, submitter", good, "x.example!receiver.example!1769817600!1769903999.json",
         deviation::file_name_differs},
        {"the same names in capitals", good, "Sender.Example!RECEIVER.example.!1769817600!1769903999.json", ""},
        {"a name that is no report's", good, "a!b!c!d.json", ""},
        {"19: a Report-ID without <> (Microsoft)",
         replaced(ordinary_mail(), "<2026-01-31_receiver.example@sender.example>",
                  "133742711803146449+receiver.example"),
         "", deviation::subject_form},
        {"19: two blanks (mail.ru)",
         replaced(ordinary_mail(), "Submitter: sender.example\r\n Report", "Submitter: sender.example\r\n  Report"), "",
         ""},
        {"19: another Report-ID than the report's (Google)",
         replaced(ordinary_mail(), "<2026-01-31_receiver.example@", "<2026.01.31+receiver.example@"), "", ""},
        {"23: a signature that covers little (Microsoft) is a matter of trust, not of reading",
         "DKIM-Signature: v=1; d=corp.sender.example; h=From:Subject; b=AAAA\r\n" + ordinary_mail(), "", ""},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.reason);
        const ReadInput input = read(c.bytes, c.file_name);
        ASSERT_NO_FATAL_FAILURE(expect_one_good(input));
        EXPECT_EQ(input.reports[0].report->policies[0].policy_domain, "receiver.example");
        if (c.code.empty()) {
            EXPECT_THAT(input.reports[0].deviations, IsEmpty()) << codes(input.reports[0].deviations);
        } else {
            EXPECT_TRUE(has_code(input.reports[0].deviations, c.code)) << codes(input.reports[0].deviations);
        }
    }
}

// 27: a report about DANE names MX hosts; its mail the recipient domain.
TEST(Read, does_not_compare_tlsa_base_domains_with_the_mail) {
    std::string json = replaced(good, R"("policy-type":"sts")", R"("policy-type":"tlsa")");
    json = replaced(json, R"("policy-domain":"receiver.example")", R"("policy-domain":"mx.receiver.example")");
    const ReadInput input = read(mail({for_people, part({"application/tlsrpt+json", json})}));
    ASSERT_NO_FATAL_FAILURE(expect_one_good(input));
    EXPECT_THAT(input.reports[0].deviations, IsEmpty()) << codes(input.reports[0].deviations);
}

// 8: Postfix with libtlsrpt leaves the policy-domain out. RFC 8460 §5.1, §5.3
TEST(Read, takes_a_missing_policy_domain_from_around_the_report) {
    const std::string json = replaced(good, R"(,"policy-domain":"receiver.example")", "");
    const std::string bare = mail({for_people, part({"application/tlsrpt+gzip", gz(json), "attachment"})});
    const std::string only_subject = replaced(bare, "TLS-Report-Domain: receiver.example\r\n", "");
    const std::string nothing = replaced(only_subject, "Report Domain: receiver.example ", "");
    struct Case {
        const char* reason;
        std::string bytes;
        std::string file_name;
        std::optional<std::string> domain;
    };
    const Case cases[] = {
        {"TLS-Report-Domain", bare, "", "receiver.example"},
        {"the Subject", only_subject, "", "receiver.example"},
        {"the attachment's name",
         replaced(nothing, "Disposition: attachment",
                  "Disposition: attachment; filename=\"s.example!Receiver.example!1!2.json.gz\""),
         "", "receiver.example"},
        {"the file's name", json, "/var/s.example!bücher.example!1!2!x.json", "xn--bcher-kva.example"},
        {"the name in a zip", zip({{"s.example!receiver.example!1!2.json", json}}), "x.zip", "receiver.example"},
        {"nowhere", nothing, "report.json", std::nullopt},
        {"only junk", json, "s.example!not a domain!1!2.json", std::nullopt},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.reason);
        const ReadInput input = read(c.bytes, c.file_name);
        ASSERT_NO_FATAL_FAILURE(expect_one_good(input));
        EXPECT_EQ(input.reports[0].report->policies[0].policy_domain, c.domain);
        EXPECT_TRUE(has_code(input.reports[0].deviations, "policy-domain-missing"));
        EXPECT_EQ(has_code(input.reports[0].deviations, deviation::policy_domain_from_outside), c.domain.has_value());
    }
}

struct NoReport {
    const char* reason;
    std::string bytes;
    const char* message;
};

TEST(Read, says_once_why_there_is_no_report) {
    const std::string xml = "<?xml version=\"1.0\"?><feedback><policy_published/></feedback>";
    const NoReport cases[] = {
        {"an empty file", "", "no TLS report"},
        {"words", "Hello, this is not a report at all.", "no TLS report"},
        {"a picture", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s, "no TLS report"},
        {"a DMARC report", xml, "no TLS report"},
        {"a DMARC report, compressed", gz(xml), "no TLS report"},
        {"a DMARC report in a zip", zip({{"a.xml", xml}}), "zip: no TLS report in any of its 1 files"},
        {"a DMARC report in a mail", mail({for_people, part({"application/gzip", gz(xml)})}), "no TLS report"},
        {"an empty gzip", gz(""), "no TLS report"},
        {"an empty zip", zip({}), "no TLS report in any of its 0 files"},
        {"a mail without attachment", mail({for_people}), "mail: no TLS report in any of its 1 parts"},
        {"a mail without body", headers() + "\r\n", "mail: no TLS report"},
        {"a header and nothing else", "Subject: hello", "mail: no TLS report"},
        {"an mbox line and nothing else", "From x", "mail: no TLS report"},
        {"a mail with words only", headers() + "\r\nhello\r\n", "mail: no TLS report in any of its 1 parts"},
        {"a gzip cut off", gz(good).substr(0, gz(good).size() / 2), "gzip: ends in the middle"},
        {"a gzip without its trailer", gz(good).substr(0, gz(good).size() - 8), "gzip: ends in the middle"},
        {"two bytes of a gzip", "\x1f\x8b", "gzip: ends in the middle"},
        {"a gzip with a flipped bit",
         [] {
             std::string bytes = gz(good);
             bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
             return bytes;
         }(),
         "gzip: "},
        {"a gzip with another checksum",
         [] {
             std::string bytes = gz(good);
             bytes[bytes.size() - 8] = static_cast<char>(bytes[bytes.size() - 8] ^ 1);
             return bytes;
         }(),
         "gzip: incorrect data check"},
        {"a zip cut off", zip({{"a.json", good}}).substr(0, 60), "zip"},
        {"a zip's first bytes", "PK\3\4", "zip"},
        {"a zip in a zip", zip({{"a.zip", zip({{"a.json", good}})}}), "a.zip: zip: a zip inside a zip is not opened"},
        {"the broken report of a mail",
         mail({for_people, part({"application/tlsrpt+gzip", gz("{\"report-id\": oh}")})}), "json.gz: JSON line 1"},
        {"a report's part that is cut off",
         mail({for_people, part({"application/tlsrpt+gzip", gz(good).substr(0, 100)})}), "gzip: ends in the middle"},
    };
    for (const NoReport& c : cases) {
        SCOPED_TRACE(c.reason);
        const ReadInput input = read(c.bytes);
        ASSERT_EQ(input.reports.size(), 1U);
        ASSERT_FALSE(input.reports[0].report);
        EXPECT_THAT(input.reports[0].report.error().message(), HasSubstr(c.message));
        EXPECT_TRUE(input.reports[0].json.empty());
    }
}

// RPT-044, RPT-054
TEST(Read, bounds_bombs) {
    std::string zeros;
    zeros.resize(30'000'000);
    const std::string bomb = gz(zeros);
    std::string nested = "{\"report-id\":\"x\",\"policies\":" + std::string(100'000, '[');
    std::string parts;
    for (int i = 0; i < 1000; ++i) {
        parts += "--b1\r\n\r\na\r\n";
    }
    std::string deep = headers();
    for (int i = 0; i < 2000; ++i) {
        deep += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) +
                "\r\n";
    }
    std::string rfc822 = headers();
    for (int i = 0; i < 2000; ++i) {
        rfc822 += "Content-Type: message/rfc822\r\n\r\n";
    }
    std::string boundaries = headers() + "Content-Type: multipart/mixed; boundary=b1\r\n\r\n";
    for (int i = 0; i < 300'000; ++i) {
        boundaries += "--b1\r\n\r\n";
    }
    std::string fields = headers();
    for (int i = 0; i < 100'000; ++i) {
        fields += "X-" + std::to_string(i) + ": a\r\n";
    }
    std::string members;
    for (int i = 0; i < 100'000; ++i) {
        members += std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0", 20);
    }
    std::string matryoshka = good;
    for (int i = 0; i < 20; ++i) {
        matryoshka = gz(matryoshka);
    }
    std::string mails = ordinary_mail();
    for (int i = 0; i < 12; ++i) {
        mails = mail({part({"application/octet-stream", mails})});
    }
    std::vector<std::pair<std::string, std::string>> many;
    many.reserve(300);
    for (int i = 0; i < 300; ++i) {
        many.emplace_back("f" + std::to_string(i), "x");
    }
    std::vector<std::pair<std::string, std::string>> too_many = many;
    for (int i = 0; i < 1000; ++i) {
        too_many.emplace_back("g" + std::to_string(i), "x");
    }
    const std::pair<const char*, std::string> cases[] = {
        {"a gzip bomb", bomb},
        {"a gzip bomb in a gzip", gz(bomb)},
        {"a gzip bomb in a mail", mail({for_people, part({"application/tlsrpt+gzip", bomb})})},
        {"a gzip bomb in a zip", zip({{"a.gz", bomb}})},
        {"10^5 levels of JSON, compressed", gz(nested)},
        {"a thousand parts", headers() + "Content-Type: multipart/mixed; boundary=b1\r\n\r\n" + parts},
        {"2000 levels of multipart", deep},
        {"2000 levels of message/rfc822", rfc822},
        {"300,000 boundaries", boundaries},
        {"100,000 header fields", fields},
        {"one endless header field", headers() + "X-Long:" + std::string(5'000'000, 'a') + "\r\n\r\n"},
        {"100,000 empty gzip members", members},
        {"20 gzips in one another", matryoshka},
        {"12 mails in one another", mails},
        {"300 files in a zip", zip(many)},
        {"1300 files in a zip", zip(too_many)},
    };
    for (const auto& [reason, bytes] : cases) {
        SCOPED_TRACE(reason);
        const ReadInput input = read(bytes);
        ASSERT_EQ(input.reports.size(), 1U);
        EXPECT_FALSE(input.reports[0].report);
    }
    EXPECT_EQ(read(bomb).reports[0].report.error().code, Errc::limit_exceeded);
    EXPECT_EQ(gunzip(as_bytes(bomb)).error().code, Errc::limit_exceeded);
    EXPECT_EQ(
        read(headers() + "Content-Type: multipart/mixed; boundary=b1\r\n\r\n" + parts).reports[0].report.error().code,
        Errc::limit_exceeded);
    many.emplace_back("report.json", good);
    expect_one_good(read(zip(many)));
    ReadLimits small;
    small.input_bytes_max = 100;
    EXPECT_EQ(read_input(as_bytes(good), "", small).reports[0].report.error().code, Errc::limit_exceeded);
}

// RPT-054: what one file is bound to does not make another disappear in silence.
TEST(Read, reads_what_stands_beside_a_bomb) {
    std::string zeros;
    zeros.resize(30'000'000);
    std::string blanks;
    blanks.resize(2'000'000, ' ');
    std::string broken = gz(blanks);
    broken[broken.size() - 6] ^= 1;
    const std::pair<const char*, std::string> cases[] = {
        {"before it, in a zip", zip({{"a.json", zeros}, {"b.json", good}})},
        {"behind it, in a zip", zip({{"b.json", good}, {"a.json", zeros}})},
        {"in a mail", mail({part({"application/tlsrpt+gzip", gz(zeros)}), part({})})},
        {"a gzip that breaks off late", mail({part({"application/tlsrpt+gzip", broken}), part({})})},
    };
    for (const auto& [reason, bytes] : cases) {
        SCOPED_TRACE(reason);
        const ReadInput input = read(bytes);
        ASSERT_EQ(input.reports.size(), 2U);
        EXPECT_NE(input.reports[0].report.has_value(), input.reports[1].report.has_value());
    }

    // Many of them are too much together; what is not read for that is told.
    ReadLimits small;
    small.json_bytes_max = 100'000;
    small.total_bytes_max = 300'000;
    std::vector<std::pair<std::string, std::string>> bombs;
    bombs.reserve(11);
    for (int i = 0; i < 10; ++i) {
        bombs.emplace_back(std::to_string(i), std::string(200'000, ' '));
    }
    bombs.emplace_back("good.json", good);
    const ReadInput input = read_input(as_bytes(zip(bombs)), "", small);
    EXPECT_LT(input.reports.size(), 10U);
    for (const ReadReport& each : input.reports) {
        ASSERT_FALSE(each.report);
        EXPECT_EQ(each.report.error().code, Errc::limit_exceeded);
    }
    EXPECT_THAT(input.reports.back().report.error().message(), HasSubstr("nor what follows it"));

    // Without its table of contents the way behind a bomb would lead through the bomb.
    const std::string cut = zip({{"a.json", zeros}, {"b.json", good}});
    const ReadInput blind = read(cut.substr(0, cut.rfind("PK\1\2", cut.rfind("PK\1\2") - 1)));
    ASSERT_EQ(blind.reports.size(), 1U);
    EXPECT_EQ(blind.reports[0].report.error().code, Errc::limit_exceeded);
}

TEST(Read, says_that_there_are_more_reports_than_it_reads) {
    ReadLimits three;
    three.reports_max = 3;
    std::vector<std::pair<std::string, std::string>> files{{"a", good}, {"b", good}, {"c", good}, {"note.txt", "x"}};
    const auto all = read_input(as_bytes(zip(files)), "", three).reports;
    ASSERT_EQ(all.size(), 3U);
    EXPECT_TRUE(all[2].report);
    files.emplace_back("d", good);
    const std::string mbox_line = "From a@sender.example Sun Feb  1 01:02:03 2026\r\n";
    std::string mbox;
    for (int i = 0; i < 5; ++i) {
        mbox += mbox_line + ordinary_mail() + "\r\n";
    }
    const std::pair<const char*, std::string> cases[] = {
        {"in a zip", zip(files)},
        {"in a mail", mail({part({}), part({}), part({}), part({}), part({})})},
        {"in an mbox", mbox},
        {"one after another", good + good + good + good + good},
        {"in a list", "[" + good + "," + good + "," + good + "," + good + "]"},
    };
    for (const auto& [reason, bytes] : cases) {
        SCOPED_TRACE(reason);
        const auto reports = read_input(as_bytes(bytes), "", three).reports;
        ASSERT_EQ(reports.size(), 4U);
        EXPECT_TRUE(reports[2].report);
        ASSERT_FALSE(reports[3].report);
        EXPECT_THAT(reports[3].report.error().message(), HasSubstr("more than 3 reports"));
    }
    EXPECT_TRUE(has_code(read_report_json(as_bytes(good + good)).deviations, deviation::trailing_data));
}

TEST(Gunzip, gives_back_what_gzip_took) {
    for (const std::string& text : {""s, "x"s, good, std::string(1'000'000, 'a')}) {
        EXPECT_EQ(as_text(gunzip(gzip(as_bytes(text))).value()), text);
        EXPECT_EQ(gzip(as_bytes(text)), gzip(as_bytes(text)));
    }
    EXPECT_EQ(gunzip(as_bytes("hello")).error().code, Errc::invalid_input);
    EXPECT_EQ(gunzip({}).error().code, Errc::invalid_input);
    ReadLimits limits;
    limits.json_bytes_max = 1000;
    EXPECT_TRUE(gunzip(gzip(as_bytes(std::string(1000, 'a'))), limits));
    EXPECT_EQ(gunzip(gzip(as_bytes(std::string(1001, 'a'))), limits).error().code, Errc::limit_exceeded);
}

// Reports that real senders sent and others published; only where they lie beside the repository.
TEST(Read, reads_every_published_sample) {
    const std::filesystem::path folder = POSTSEAL_SOURCE_DIR "/../shared/fixtures/tlsrpt";
    if (!std::filesystem::exists(folder)) {
        GTEST_SKIP() << "no samples here";
    }
    struct Expected {
        const char* file;
        const char* domain;
        std::uint64_t successful;
        std::uint64_t failed;
        std::size_t failures;
    };
    const Expected samples[] = {
        {"dmarc-report-viewer--google.json", "foo-bar.io", 1, 0, 0},
        {"dmarc-report-viewer--microsoft.json", "random.net", 2, 0, 0},
        {"dmarc-report-viewer--no-contact.json", "server.com", 1, 0, 0},
        {"dmarc-report-viewer--no-policy.json", "foo-bar.io", 1, 0, 0},
        {"dmarc-report-viewer--rfc-example.json", "company-y.example", 5326, 303, 3},
        {"from-issues--mox-237-ms-nested-tlsa.json", "ueber.net", 7, 0, 0},
        {"mail-auth--rpt01.eml", "company-y.example", 5326, 303, 3},
        {"mail-auth--rpt01.json", "company-y.example", 5326, 303, 3},
        {"mail-auth--rpt03.json", nullptr, 1, 0, 0},
        {"mox--example.eml", "test.xmox.nl", 3, 0, 0},
        {"mox--microsoft.eml", "test.xmox.nl", 2, 0, 0},
        {"parsedmarc--rfc8460.json", "company-y.example", 5326, 303, 3},
        {"parsedmarc--smtp_tls.json", "example.com", 0, 3, 2},
        {"tlsrpt-be--report-2.json", "example.org", 13, 0, 0},
        {"tlsrpt-be--report.json", "xn--gpher-jua.test", 99, 102, 0},
        {"tlsrpt-be--test.eml", "company-y.example", 5326, 303, 3},
        {"tlsrpt-be--testing.json", "xn--gpher-jua.test", 5326, 303, 3},
        {"tlsrpt-digest--tlsrpt_success_google_1.eml", "example.com", 1, 0, 0},
    };
    for (const Expected& sample : samples) {
        SCOPED_TRACE(sample.file);
        const ReadInput input = read(read_whole((folder / sample.file).string()), sample.file);
        ASSERT_EQ(input.reports.size(), 1U);
        ASSERT_TRUE(input.reports[0].report) << input.reports[0].report.error().message();
        const PolicyResult& policy = input.reports[0].report->policies.at(0);
        EXPECT_EQ(policy.policy_domain,
                  sample.domain == nullptr ? std::nullopt : std::optional<std::string>(sample.domain));
        EXPECT_EQ(policy.successful, sample.successful);
        EXPECT_EQ(policy.failed, sample.failed);
        EXPECT_EQ(policy.failures.size(), sample.failures);
    }
}

}  // namespace
}  // namespace postseal::tlsrpt
