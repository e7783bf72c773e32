#include "hosting/record_export.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

const std::string label = "abcdefghijklmnopqrstuvwx27";

DomainRecords of(const char* domain, store::Uses uses = store::Uses::both) {
    const dns::Name name = *dns::Name::parse(domain);
    return {name, *records_for(name, label, *dns::Name::parse("z.test"), uses)};
}

TEST(RecordExport, each_tool_gets_its_own_words) {
    const std::vector<DomainRecords> reports = {of("пример.рф", store::Uses::tls_rpt)};
    EXPECT_EQ(export_records(reports, RecordFormat::bind),
              "; пример.рф (xn--e1afmkfd.xn--p1ai)\n"
              "_smtp._tls.xn--e1afmkfd.xn--p1ai. 3600 IN CNAME _smtp._tls." +
                  label + ".z.test.\n")
        << "A-labels in DNS, U-labels for people";
    EXPECT_EQ(export_records(reports, RecordFormat::terraform),
              "# пример.рф (xn--e1afmkfd.xn--p1ai)\n"
              "resource \"dns_cname_record\" \"postseal_smtp__tls_xn--e1afmkfd_xn--p1ai\" {\n"
              "  zone  = \"xn--e1afmkfd.xn--p1ai.\"\n"
              "  name  = \"_smtp._tls\"\n"
              "  cname = \"_smtp._tls." +
                  label +
                  ".z.test.\"\n"
                  "  ttl   = 3600\n"
                  "}\n");
    EXPECT_EQ(export_records(reports, RecordFormat::dnscontrol),
              "// пример.рф (xn--e1afmkfd.xn--p1ai)\n"
              "D_EXTEND(\"xn--e1afmkfd.xn--p1ai\",\n"
              "  CNAME(\"_smtp._tls\", \"_smtp._tls." +
                  label +
                  ".z.test.\", TTL(3600)),\n"
                  "END);\n");
    EXPECT_EQ(export_records(reports, RecordFormat::csv),
              "name,type,value,ttl\r\n"
              "_smtp._tls.xn--e1afmkfd.xn--p1ai,CNAME,_smtp._tls." +
                  label + ".z.test,3600\r\n");
    EXPECT_EQ(export_records(reports, RecordFormat::text),
              "_smtp._tls.xn--e1afmkfd.xn--p1ai. IN CNAME _smtp._tls." + label + ".z.test.\n");
}

// STS-066 (RFC 8461 §8.2)
TEST(RecordExport, one_file_holds_all_domains) {
    const std::string csv = export_records({of("a.test"), of("b.test", store::Uses::mta_sts)}, RecordFormat::csv);
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 3 + 2) << "one heading";
    EXPECT_EQ(csv.find("name,type"), csv.rfind("name,type"));
}

TEST(RecordExport, formats_have_names) {
    for (const char* name : {"bind", "terraform", "dnscontrol", "csv", "text"}) {
        EXPECT_EQ(to_string(record_format_from_string(name).value()), name);
    }
    EXPECT_FALSE(record_format_from_string("zone"));
}

}  // namespace
}  // namespace postseal::hosting
