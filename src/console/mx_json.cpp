#include "console/mx_json.h"

#include <algorithm>
#include <map>
#include <ranges>

#include "console/http_reply.h"
#include "hosting/mx_alerts.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

json::array texts_of(const hosting::MxPatterns& patterns) {
    json::array out;
    for (const mtasts::MxPattern& pattern : patterns) {
        out.emplace_back(pattern.text());
    }
    return out;
}

json::array texts_of(const std::vector<dns::Name>& names) {
    json::array out;
    for (const dns::Name& name : names) {
        out.emplace_back(name.text());
    }
    return out;
}

json::object host_to_json(const hosting::MxHost& host, const hosting::MxPatterns& policy) {
    json::value certificate;
    if (host.certificate) {
        certificate = json::object{{"not_before", or_null(host.certificate->not_before)},
                                   {"not_after", to_rfc3339(host.certificate->not_after)},
                                   {"names", array_of(host.certificate->names)},
                                   {"issuer", null_if_empty(host.certificate->issuer)}};
    }
    json::array addresses;
    for (const hosting::MxHost::Address& one : host.addresses) {
        addresses.push_back(json::object{{"address", one.address.text()},
                                         {"tls_version", null_if_empty(one.tls_version)},
                                         {"not_after", or_null(one.not_after)},
                                         {"problem", null_if_empty(one.problem)},
                                         {"problem_code", null_if_empty(one.problem_code)}});
    }
    return {{"host", host.host.text()},
            {"preference", host.preference},
            {"since", or_null(host.since)},
            {"in_policy", policy.empty() ? json::value(nullptr) : json::value(hosting::covers(policy, host.host))},
            {"starttls", host.starttls ? json::value(*host.starttls) : json::value(nullptr)},
            {"tls_version", null_if_empty(host.tls_version)},
            {"certificate", std::move(certificate)},
            {"dane", host.dane},
            {"addresses", std::move(addresses)},
            {"problem", null_if_empty(host.problem)},
            {"problem_code", null_if_empty(host.problem_code)},
            {"probed", or_null(host.probed)}};
}

json::object setting_to_json(const store::MxSetting& setting) {
    return {{"following", store::to_string(setting.following)},
            {"approved", array_of(setting.approved)},
            {"promote_after_days",
             setting.promote_after_days ? json::value(*setting.promote_after_days) : json::value(nullptr)},
            {"ready_since", or_null(setting.ready_since)}};
}

}  // namespace

json::array findings_to_json(const std::vector<hosting::MxFinding>& findings) {
    json::array out;
    for (const hosting::MxFinding& finding : findings) {
        out.push_back(json::object{{"code", finding.code},
                                   {"severity", hosting::to_string(finding.severity)},
                                   {"pattern", null_if_empty(finding.pattern)},
                                   {"host", null_if_empty(finding.host)},
                                   {"message", finding.message},
                                   {"fix", finding.fix ? json::value(texts_of(*finding.fix)) : json::value(nullptr)}});
    }
    return out;
}

json::object mx_standing_to_json(const hosting::DomainView& view) {
    json::array hosts;
    for (const hosting::MxHost& host : view.mx.hosts) {
        hosts.push_back(host_to_json(host, view.policy_mx));
    }
    json::array fresh;
    for (const hosting::NewMxHost& one : view.drift.fresh) {
        fresh.push_back(json::object{{"host", one.host.text()},
                                     {"vouched", hosting::to_string(one.vouched)},
                                     {"clean", one.clean},
                                     {"waits", !one.add},
                                     {"reason", one.reason}});
    }
    json::array unneeded;
    for (const hosting::UnneededPattern& one : view.drift.unneeded) {
        unneeded.push_back(json::object{
            {"pattern", one.pattern.text()}, {"since", to_rfc3339(one.since)}, {"propose_removal", one.propose}});
    }
    json::array providers;
    for (const hosting::MxProvider& one : view.providers) {
        providers.push_back(json::object{{"id", one.preset->id},
                                         {"name", one.preset->name},
                                         {"hosts", texts_of(one.hosts)},
                                         {"patterns", texts_of(one.patterns)},
                                         {"wildcards", texts_of(one.wildcards)}});
    }
    return {{"domain", view.domain.name.text()},
            {"mode", view.mode ? json::value(mtasts::to_string(*view.mode)) : json::value(nullptr)},
            {"policy_mx", texts_of(view.policy_mx)},
            {"setting", setting_to_json(view.mx_setting)},
            {"dnssec", view.mx.dnssec},
            {"looked", or_null(view.mx.looked)},
            {"problem", null_if_empty(view.mx.problem)},
            {"hosts", std::move(hosts)},
            {"undecided", view.drift.undecided},
            {"new_hosts", std::move(fresh)},
            {"unneeded", std::move(unneeded)},
            {"providers", std::move(providers)},
            {"findings", findings_to_json(view.mx_findings)}};
}

json::object would_refuse_to_json(const hosting::Refusals& refusals) {
    json::array days;
    for (const auto& one : refusals.days) {
        days.push_back(
            json::object{{"day", to_iso_day(one.day)}, {"sessions", one.sessions}, {"refused", one.refused}});
    }
    json::array senders;
    for (const auto& one : refusals.senders) {
        senders.push_back(json::object{{"sender", one.sender}, {"sessions", one.sessions}, {"refused", one.refused}});
    }
    json::array causes;
    for (const auto& one : refusals.causes) {
        causes.push_back(json::object{
            {"type", one.result_type}, {"mx_host", null_if_empty(one.mx_host)}, {"sessions", one.sessions}});
    }
    return {{"since", or_null(refusals.since)}, {"sessions", refusals.sessions}, {"refused", refusals.refused},
            {"complete", refusals.complete},    {"days", std::move(days)},       {"senders", std::move(senders)},
            {"causes", std::move(causes)}};
}

json::array mx_certificates_to_json(const std::vector<store::Domain>& domains, TimePoint now) {
    struct OfHost {
        hosting::MxHost host;
        std::vector<std::string> domains;
    };
    std::map<dns::Name, OfHost> hosts;
    for (const store::Domain& domain : domains) {
        for (hosting::MxHost& host : hosting::mx_watch_from_json(domain.mx_watch).hosts) {
            if (!host.certificate) {
                continue;
            }
            OfHost& known = hosts[host.host];
            known.domains.push_back(domain.name.text());
            // The newest look speaks for the host.
            if (!known.host.certificate || known.host.probed < host.probed) {
                known.host = std::move(host);
            }
        }
    }
    std::vector<const OfHost*> sorted;
    sorted.reserve(hosts.size());
    for (const auto& [name, one] : hosts) {
        sorted.push_back(&one);
    }
    std::ranges::stable_sort(sorted, {}, [](const OfHost* one) { return one->host.certificate->not_after; });
    json::array out;
    for (const OfHost* one : sorted) {
        const hosting::MxHost::Certificate& certificate = *one->host.certificate;
        const auto step = hosting::expiry_step(certificate, now);
        out.push_back(
            json::object{{"host", one->host.host.text()},
                         {"not_after", to_rfc3339(certificate.not_after)},
                         {"days_left", std::chrono::floor<std::chrono::days>(certificate.not_after - now).count()},
                         {"step", step ? json::value(*step) : json::value(nullptr)},
                         {"issuer", null_if_empty(certificate.issuer)},
                         {"domains", array_of(one->domains)}});
    }
    return out;
}

}  // namespace postseal::console
