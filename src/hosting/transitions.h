// Every change of a domain's state has a cause and an actor, and stays in the audit log: its history.
#pragma once

#include <string>

#include "base/log.h"
#include "base/time.h"
#include "store/store.h"

namespace postseal::hosting {

// Who is not a person.
constexpr const char* jobs_actor = "jobs";

struct Cause {
    std::string actor = jobs_actor;
    std::string why;  // an English sentence, without a final full stop
};

class History {
public:
    History(store::Store& store, const Clock& clock, Log& log) : store_(&store), clock_(&clock), log_(&log) {}

    // "domain.state", if it changed.
    void state(const store::Domain& domain, store::DomainState before, const Cause& cause) const;
    // Anything else: "domain.cnames", "domain.max-age", …. An entry that cannot be written undoes nothing, but is never
    // silent.
    struct Deed {
        std::string actor = jobs_actor;
        std::string action;
        std::string before;
        std::string after;
        std::string reason;
    };
    void note(const store::Domain& domain, const Deed& deed) const;

private:
    store::Store* store_;
    const Clock* clock_;
    Log* log_;
};

}  // namespace postseal::hosting
