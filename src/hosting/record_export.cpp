#include "hosting/record_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace postseal::hosting {

namespace {

constexpr int ttl_s = 3600;
constexpr std::array<std::pair<RecordFormat, std::string_view>, 5> formats = {{{RecordFormat::bind, "bind"},
                                                                               {RecordFormat::terraform, "terraform"},
                                                                               {RecordFormat::dnscontrol, "dnscontrol"},
                                                                               {RecordFormat::csv, "csv"},
                                                                               {RecordFormat::text, "text"}}};

// RFC 5890 §2.3.2.1: the U-label for whoever reads, where there is one.
std::string heading(const dns::Name& domain) {
    const std::string shown = domain.unicode();
    return shown == domain.text() ? shown : fmt::format("{} ({})", shown, domain.text());
}

// RFC 1035 §5.1. Owner names are absolute: the lines fit into the zone file of any parent.
std::string bind(const DomainRecords& domain) {
    std::string out = fmt::format("; {}\n", heading(domain.domain));
    for (const CnameRecord& record : domain.records) {
        out += fmt::format("{} {} IN CNAME {}\n", record.name.fqdn(), ttl_s, record.target.fqdn());
    }
    return out;
}

// For the provider hashicorp/dns; those of the DNS services have other resources with the same three values.
std::string terraform(const DomainRecords& domain) {
    std::string out = fmt::format("# {}\n", heading(domain.domain));
    for (const CnameRecord& record : domain.records) {
        std::string id = record.name.text();
        // A name in Terraform begins with a letter or an underscore.
        std::ranges::replace_if(
            id, [](char c) { return c == '.'; }, '_');
        if (!id.starts_with('_')) {
            id.insert(0, 1, '_');
        }
        out += fmt::format(
            "resource \"dns_cname_record\" \"postseal{}\" {{\n  zone  = \"{}\"\n  name  = \"{}\"\n  cname = \"{}\"\n"
            "  ttl   = {}\n}}\n",
            id, domain.domain.fqdn(), prefix_of(record.purpose), record.target.fqdn(), ttl_s);
    }
    return out;
}

// D_EXTEND finds the zone by itself, also when the domain is a subdomain of it.
std::string dnscontrol(const DomainRecords& domain) {
    std::string out = fmt::format("// {}\nD_EXTEND(\"{}\",\n", heading(domain.domain), domain.domain.text());
    for (const CnameRecord& record : domain.records) {
        out +=
            fmt::format("  CNAME(\"{}\", \"{}\", TTL({})),\n", prefix_of(record.purpose), record.target.fqdn(), ttl_s);
    }
    return out + "END);\n";
}

// RFC 4180; names need no quotes.
std::string csv(const DomainRecords& domain) {
    std::string out;
    for (const CnameRecord& record : domain.records) {
        out += fmt::format("{},CNAME,{},{}\r\n", record.name.text(), record.target.text(), ttl_s);
    }
    return out;
}

std::string text(const DomainRecords& domain) {
    std::string out;
    for (const CnameRecord& record : domain.records) {
        out += fmt::format("{} IN CNAME {}\n", record.name.fqdn(), record.target.fqdn());
    }
    return out;
}

}  // namespace

std::string_view to_string(RecordFormat format) {
    const auto* found = std::ranges::find(formats, format, &std::pair<RecordFormat, std::string_view>::first);
    return found == formats.end() ? "text" : found->second;
}

std::optional<RecordFormat> record_format_from_string(std::string_view text) {
    const auto* found = std::ranges::find(formats, text, &std::pair<RecordFormat, std::string_view>::second);
    return found == formats.end() ? std::nullopt : std::optional(found->first);
}

std::string_view media_type(RecordFormat format) {
    return format == RecordFormat::csv ? "text/csv; charset=utf-8" : "text/plain; charset=utf-8";
}

std::string export_records(const std::vector<DomainRecords>& domains, RecordFormat format) {
    std::string out = format == RecordFormat::csv ? "name,type,value,ttl\r\n" : "";
    for (const DomainRecords& domain : domains) {
        switch (format) {
            case RecordFormat::bind:
                out += bind(domain);
                break;
            case RecordFormat::terraform:
                out += terraform(domain);
                break;
            case RecordFormat::dnscontrol:
                out += dnscontrol(domain);
                break;
            case RecordFormat::csv:
                out += csv(domain);
                break;
            case RecordFormat::text:
                out += text(domain);
                break;
        }
    }
    return out;
}

}  // namespace postseal::hosting
