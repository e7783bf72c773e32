#include "hosting/zone_content.h"

#include <algorithm>

#include "base/text.h"
#include "hosting/label.h"
#include "mtasts/record.h"
#include "tlsrpt/record.h"

namespace postseal::hosting {

namespace {

using dns::NameRecords;
using dns::Record;
using dns::Type;

constexpr std::uint32_t apex_ttl_s = 3600;
constexpr std::uint32_t negative_ttl_s = 60;  // a new label must not stay invisible behind an old NXDOMAIN

void add_addresses(std::vector<Record>& records, const dns::Name& name, const std::vector<dns::IpAddress>& addresses) {
    for (const dns::IpAddress& address : addresses) {
        records.push_back({name, address.is_v4() ? Type::a : Type::aaaa, address_ttl_s, dns::AddressData{address}});
    }
}

void add_caa(std::vector<Record>& records, const dns::Name& name, const std::vector<CaaIssuer>& issuers) {
    const auto add = [&](std::string tag, std::string value) {
        records.push_back({name, Type::caa, txt_ttl_s, dns::CaaData{0, std::move(tag), std::move(value)}});
    };
    for (const CaaIssuer& ca : issuers) {
        std::string value = ca.issuer;
        if (ca.account_uri) {
            value += "; accounturi=" + *ca.account_uri;
        }
        if (!ca.validation_methods.empty()) {
            value += "; validationmethods=" + join(ca.validation_methods, ",");
        }
        add("issue", std::move(value));
    }
    if (issuers.empty()) {
        add("issue", ";");
    }
    add("issuewild", ";");
}

// RFC 1035 §3.3.14: a TXT record is of character-strings, each of at most 255 octets; readers join them.
Record txt(const dns::Name& name, std::string_view text) {
    constexpr std::size_t string_bytes_max = 255;
    std::vector<std::string> strings;
    do {
        strings.emplace_back(text.substr(0, string_bytes_max));
        text.remove_prefix(strings.back().size());
    } while (!text.empty());
    return {name, Type::txt, txt_ttl_s, dns::TxtData{std::move(strings)}};
}

}  // namespace

std::string rua_of(const dns::Name& intake_host, const std::string& label) {
    return "https://" + intake_host.text() + "/v1/tlsrpt/" + label;
}

std::string tlsrpt_text(const ZoneSettings& settings, const LabelState& state) {
    if (!serves(state.uses, Purpose::reports)) {
        return "";
    }
    std::vector<std::string> rua;
    if (settings.intake_host) {
        rua.push_back(rua_of(*settings.intake_host, state.label));
    }
    rua.insert(rua.end(), state.own_rua.begin(), state.own_rua.end());
    return rua.empty() ? "" : tlsrpt::format_tlsrpt_record(rua);  // RFC 8460 §3
}

std::vector<NameRecords> installation_records(const ZoneSettings& settings, std::uint32_t serial) {
    const dns::Name& zone = settings.zone;
    const dns::Name primary = settings.name_servers.empty() ? zone : settings.name_servers.front();
    std::vector<NameRecords> names;
    NameRecords& apex = names.emplace_back(NameRecords{zone, {}});
    apex.records.push_back(
        {zone, Type::soa, apex_ttl_s,
         dns::SoaData{primary, zone.prefixed("hostmaster").has_value() ? *zone.prefixed("hostmaster") : zone, serial,
                      3600, 600, 1'209'600, negative_ttl_s}});
    for (const dns::Name& server : settings.name_servers) {
        apex.records.push_back({zone, Type::ns, apex_ttl_s, dns::NsData{server}});
    }
    if (settings.name_servers.empty()) {
        apex.records.push_back({zone, Type::ns, apex_ttl_s, dns::NsData{zone}});
    }
    apex.records.insert(apex.records.end(), settings.key_records.begin(), settings.key_records.end());

    const auto at = [&](const dns::Name& name) -> std::vector<Record>& {
        const auto known =
            std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.name == name; });
        return known != names.end() ? known->records : names.emplace_back(NameRecords{name, {}}).records;
    };
    const auto or_ours = [&](const std::vector<dns::IpAddress>& addresses) -> const std::vector<dns::IpAddress>& {
        return addresses.empty() ? settings.addresses : addresses;
    };
    for (const dns::Name& server : settings.name_servers) {
        if (server.is_under(zone)) {
            add_addresses(at(server), server, or_ours(settings.name_server_addresses));
        }
    }
    if (settings.intake_host && settings.intake_host->is_under(zone)) {
        auto& records = at(*settings.intake_host);
        add_addresses(records, *settings.intake_host, or_ours(settings.intake_addresses));
        add_caa(records, *settings.intake_host, settings.caa);
    }
    return names;
}

Result<std::vector<NameRecords>> label_records(const ZoneSettings& settings, const LabelState& state) {
    POSTSEAL_TRY(std::vector<NameRecords> names, no_records(settings, state.label));
    NameRecords& sts = names[0];
    NameRecords& host = names[1];
    NameRecords& reports = names[2];
    if (serves(state.uses, Purpose::policy_host)) {
        if (state.policy_id) {
            sts.records.push_back(txt(sts.name, mtasts::format_sts_record(*state.policy_id)));  // RFC 8461 §3.1
        }
        add_addresses(host.records, host.name, settings.addresses);
        add_caa(host.records, host.name, settings.caa);
    }
    if (const std::string text = tlsrpt_text(settings, state); !text.empty()) {
        reports.records.push_back(txt(reports.name, text));
    }
    // Neither without an id nor without an intake may these be NXDOMAIN: the owner's CNAMEs would look broken, and
    // a resolver would remember the absence of the name (rule 2 says NODATA). A HINFO holds the place (as RFC 8482
    // does).
    for (NameRecords* empty : {&sts, &host, &reports}) {
        if (empty->records.empty()) {
            Bytes hinfo;
            for (const std::string_view text : {std::string_view("POSTSEAL"), std::string_view()}) {
                hinfo.push_back(static_cast<std::uint8_t>(text.size()));
                append(hinfo, as_bytes(text));
            }
            empty->records.push_back({empty->name, Type::hinfo, address_ttl_s, dns::OtherData{std::move(hinfo)}});
        }
    }
    return names;
}

Result<std::vector<NameRecords>> no_records(const ZoneSettings& settings, const std::string& label) {
    std::vector<NameRecords> names;
    for (const Purpose purpose : {Purpose::policy_id, Purpose::policy_host, Purpose::reports}) {
        POSTSEAL_TRY(dns::Name name, name_behind(purpose, label, settings.zone));
        names.push_back({std::move(name), {}});
    }
    return names;
}

Result<dns::ZonePtr> build_zone(const ZoneSettings& settings, const std::vector<LabelState>& labels,
                                std::uint32_t serial, dns::SigningPtr signing) {
    std::vector<Record> all;
    const auto take = [&](std::vector<NameRecords> names) {
        for (NameRecords& name : names) {
            std::move(name.records.begin(), name.records.end(), std::back_inserter(all));
        }
    };
    take(installation_records(settings, serial));
    for (const LabelState& state : labels) {
        POSTSEAL_TRY(auto names, label_records(settings, state));
        take(std::move(names));
    }
    return dns::Zone::build(settings.zone, std::move(all), std::move(signing));
}

}  // namespace postseal::hosting
