// What DNS says about DANE for one MX host (RFC 7672 §2.1, §2.2.2).
#include <algorithm>

#include "dane/tlsa.h"
#include "verdict/decision.h"

namespace postseal::verdict {

namespace {

std::string why(const std::string& what, const std::string& error) {
    return error.empty() ? what : what + ": " + error;
}

HostDaneState broken(const std::string& what, const std::string& error) {
    return {HostDane::broken, nullptr, why(what, error)};
}

}  // namespace

HostDaneState dane_state(const HostEvidence& host) {
    if (!host.has_address()) {
        if (host.address_broken()) {
            return broken("its addresses could not be looked up", host.a.broken() ? host.a.error : host.aaaa.error);
        }
        if (host.a.answer == Answer::not_asked || host.aaaa.answer == Answer::not_asked) {
            return broken("its addresses were not looked up", {});
        }
        return {HostDane::no_address, nullptr, {}};
    }
    // RFC 7672 §2.1.3: an error anywhere in an alias chain is an error of the lookup.
    if (!host.address_secure() && host.alias.broken()) {
        return broken("its alias could not be looked up", host.alias.error);
    }
    if (needs_alias_lookup(host)) {
        return broken("its alias was not looked up", {});
    }
    const std::vector<dns::Name> bases = tlsa_bases(host);
    if (bases.empty()) {
        return {HostDane::insecure, nullptr, {}};
    }
    for (const dns::Name& base : bases) {
        const auto found = std::ranges::find(host.tlsa, base, &TlsaEvidence::base_domain);
        if (found == host.tlsa.end() || found->lookup.answer == Answer::not_asked) {
            return broken("its TLSA records were not looked up", {});
        }
        // RFC 7672 §2.1.2: bogus is not "none": going on to the next name would be the attacker's choice.
        if (found->lookup.broken()) {
            return broken("its TLSA records could not be looked up", found->lookup.error);
        }
        if (found->lookup.found() && found->lookup.secure) {
            const bool usable = dane::demand(found->lookup.records) == dane::Demand::authentication;
            return {usable ? HostDane::usable : HostDane::unusable, &*found, {}};
        }
    }
    return {HostDane::no_tlsa, nullptr, {}};
}

}  // namespace postseal::verdict
