// Does DNSSEC validation work here? A forwarder that strips DNSSEC records, or a root trust anchor that is too old,
// turns every DANE decision off, or every lookup into a failure, and would otherwise show only as deferred mail.
#pragma once

#include <functional>
#include <string>

#include "net/resolver.h"

namespace postseal::app {

struct DnssecFinding {
    enum class State {
        unknown,  // DNS does not answer at all, which says nothing about validation
        works,
        broken,
        off,  // no trust anchor is configured
    } state = State::unknown;
    std::string problem;  // one line, and what to look at; empty when it works
};

// What the answer for a record of `zone`, which has a trust anchor, says about validation (RFC 4035 §5).
DnssecFinding judge_dnssec(const net::DnsAnswer& answer, const net::ResolverSettings& settings);

// On the resolver's loop; `done` there, once, at once where there is nothing to ask. Asks for the SOA record of the
// zone that is anchored, the root as a rule.
void probe_dnssec(net::Resolver& resolver, const net::ResolverSettings& settings,
                  const std::function<void(DnssecFinding)>& done);

}  // namespace postseal::app
