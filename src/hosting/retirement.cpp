#include "hosting/retirement.h"

#include <algorithm>

#include "hosting/fetch_log.h"

namespace postseal::hosting {

using store::DomainState;

TimePoint proven_bound(const Versions& versions, const FetchEvidence& fetches, TimePoint now) {
    TimePoint bound = retirement_bound({}, now);
    for (std::size_t i = 0; i < versions.size(); ++i) {
        // Each alone with its successor, which itself binds nobody here.
        Versions served{versions[i]};
        bool known_to_the_end = true;
        if (i + 1 < versions.size()) {
            store::PolicyVersion successor = versions[i + 1];
            successor.mode = mtasts::Mode::none;
            if (i + 2 < versions.size() && !successor.body_live) {
                successor.body_live = versions[i].last_served;  // replaced before any node had it for certain
            }
            // Until then some node may have served the old body.
            known_to_the_end = successor.body_live && fetches.coverage.covers(versions[i].made, *successor.body_live);
            served.push_back(std::move(successor));
        }
        TimePoint its = retirement_bound(served, now);
        if (known_to_the_end) {
            its = std::min(its, retirement_bound(as_held({versions[i]}, fetches.counts, fetches.coverage), now));
        }
        bound = std::max(bound, its);
    }
    return bound;
}

Result<TimePoint> retirement_bound_of(store::Store& store, const dns::Name& domain, TimePoint now) {
    POSTSEAL_TRY(const auto entries, store.domains.with_name(domain));
    TimePoint bound = retirement_bound({}, now);
    for (const store::Domain& entry : entries) {
        POSTSEAL_TRY(const Versions versions, store.domains.versions(entry.id));
        POSTSEAL_TRY(const FetchEvidence fetches, fetch_evidence(store.fetch_logs, entry.id));
        bound = std::max(bound, proven_bound(versions, fetches, now));
    }
    return bound;
}

Result<Successor> successor_of(store::Store& store, const store::Domain& domain) {
    Successor successor;
    if (domain.state != DomainState::retiring) {
        return successor;
    }
    POSTSEAL_TRY(const auto entries, store.domains.with_name(domain.name));
    for (const store::Domain& other : entries) {
        // Of several that retire, the newest serves the end.
        if (other.id != domain.id && keeps_cnames(other) &&
            (other.state != DomainState::retiring || other.id > domain.id)) {
            successor.names = true;
            POSTSEAL_TRY(const Versions versions, store.domains.versions(other.id));
            successor.host = successor.host || !versions.empty();
        }
    }
    return successor;
}

Result<std::vector<store::Domain>> claim(store::Store& store, const store::Domain& winner, TimePoint now) {
    std::vector<store::Domain> losers;
    const auto done = store.transaction([&]() -> Result<void> {
        POSTSEAL_TRY(const auto entries, store.domains.with_name(winner.name));
        POSTSEAL_TRY(const TimePoint bound, retirement_bound_of(store, winner.name, now));
        for (const store::Domain& other : entries) {
            if (other.id == winner.id || !keeps_cnames(other) || other.state == DomainState::retiring) {
                continue;
            }
            POSTSEAL_TRY(const Versions versions, store.domains.versions(other.id));
            store::Domain loser = other;
            loser.state = DomainState::retiring;
            loser.cnames_until = versions.empty() ? now : bound;
            loser.cnames_lost.reset();
            loser.last_error = claimed_by_another;
            if (auto updated = store.domains.update(loser); !updated) {
                return updated;
            }
            losers.push_back(other);
        }
        store::Domain verified = winner;
        verified.state = DomainState::verified;
        verified.verified = now;
        verified.last_error.clear();
        return store.domains.update(verified);
    });
    if (!done) {
        return done.error();
    }
    return losers;
}

}  // namespace postseal::hosting
