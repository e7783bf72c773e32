#include "verdict/evidence.h"

#include <algorithm>

#include "dane/tlsa.h"

namespace postseal::verdict {

dns::Name HostEvidence::expanded() const {
    const auto& answer = a.found() ? a : aaaa;
    return answer.aliases.empty() ? name : answer.aliases.back();
}

// RFC 7672 §2.2.2: an insecure address answer may still begin with a secure alias; whether it does, only a CNAME
// question of its own tells, since the answer as a whole counts as insecure.
bool needs_alias_lookup(const HostEvidence& host) {
    return host.has_address() && !host.address_secure() && host.expanded() != host.name &&
           host.alias.answer == Answer::not_asked;
}

std::vector<dns::Name> tlsa_bases(const HostEvidence& host) {
    if (!host.has_address()) {
        return {};
    }
    if (host.address_secure()) {
        return dane::base_domain_candidates(host.name, host.expanded(), true);
    }
    // RFC 7672 §2.2.2: in an unsigned zone TLSA is not even asked for; many servers there answer such questions badly.
    if (host.alias.found() && host.alias.secure) {
        return dane::base_domain_candidates(host.name, host.expanded(), false);
    }
    return {};
}

// A root exchange beside real ones is ignored (RFC 7505 §3 leaves it to us); alone it is the null MX, whatever its
// preference.
bool is_null_mx(const Evidence& evidence) {
    return evidence.mx.found() && std::ranges::all_of(evidence.mx.records, [](const dns::MxData& record) {
               return record.exchange.is_root();
           });
}

bool is_implicit_mx(const Evidence& evidence) {
    return evidence.key.kind == Key::Kind::domain && evidence.mx.absent() && evidence.mx.answer != Answer::nxdomain;
}

std::vector<HostEvidence> hosts_of(const Key& key, const Lookup<dns::MxData>& mx) {
    std::vector<HostEvidence> hosts;
    const auto add = [&hosts](const dns::Name& name, std::uint16_t preference) {
        const bool known = std::ranges::any_of(hosts, [&](const HostEvidence& host) { return host.name == name; });
        if (!known) {
            HostEvidence host;
            host.name = name;
            host.preference = preference;
            hosts.push_back(std::move(host));
        }
    };
    if (key.kind == Key::Kind::host) {
        add(key.name, 0);
        return hosts;
    }
    if (key.kind != Key::Kind::domain || mx.broken() || mx.answer == Answer::not_asked ||
        mx.answer == Answer::nxdomain) {
        return hosts;
    }
    if (mx.absent()) {
        add(key.name, 0);  // RFC 5321 §5.1
        return hosts;
    }
    std::vector<dns::MxData> sorted = mx.records;
    std::ranges::stable_sort(sorted, {}, &dns::MxData::preference);
    for (const dns::MxData& record : sorted) {
        if (!record.exchange.is_root()) {
            add(record.exchange, record.preference);
        }
    }
    return hosts;
}

}  // namespace postseal::verdict
