#include "app/dnssec_probe.h"

#include <fmt/format.h>

#include "base/text.h"
#include "net/trust_anchors.h"

namespace postseal::app {

DnssecFinding judge_dnssec(const net::DnsAnswer& answer, const net::ResolverSettings& settings) {
    using State = DnssecFinding::State;
    const std::string zone = answer.name.is_root() ? "the root zone" : answer.name.text();
    switch (answer.status) {
        case net::DnsStatus::secure:
            return {State::works, ""};
        case net::DnsStatus::insecure:
            return {State::broken, fmt::format("answers for {} are not validated, although {} has its key", zone,
                                               settings.trust_anchor_file)};
        case net::DnsStatus::bogus: {
            const std::string servers = settings.servers.empty() ? "the network may strip DNSSEC records"
                                                                 : "the servers of [resolver] may strip DNSSEC records";
            return {State::broken,
                    fmt::format("answers for {} cannot be validated ({}): {}, or {} lacks the zone's present key", zone,
                                printable(answer.error, 200), servers, settings.trust_anchor_file)};
        }
        case net::DnsStatus::failed:
            return {State::unknown, fmt::format("nothing is known about DNSSEC, since DNS does not answer: {}",
                                                printable(answer.error, 200))};
    }
    return {};
}

void probe_dnssec(net::Resolver& resolver, const net::ResolverSettings& settings,
                  const std::function<void(DnssecFinding)>& done) {
    const std::vector<dns::Name> zones = net::anchored_zones(settings);
    if (zones.empty()) {
        done({DnssecFinding::State::off, "no trust anchor is configured: [resolver] trust_anchor_file is empty"});
        return;
    }
    resolver.resolve(zones.front(), dns::Type::soa,
                     [done, settings](const net::DnsAnswer& answer) { done(judge_dnssec(answer, settings)); });
}

}  // namespace postseal::app
