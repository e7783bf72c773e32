#include "hosting/transitions.h"

#include <fmt/format.h>

namespace postseal::hosting {

void History::note(const store::Domain& domain, const Deed& deed) const {
    const auto added = store_->audit.add({clock_->now(), domain.organisation, deed.actor, deed.action,
                                          domain.name.text(), deed.before, deed.after, deed.reason});
    if (!added) {
        log_->error("hosting", "audit: " + added.error().message());
    }
}

void History::state(const store::Domain& domain, store::DomainState before, const Cause& cause) const {
    if (domain.state == before) {
        return;
    }
    note(domain, {cause.actor, "domain.state", fmt::format("state={}", store::to_string(before)),
                  fmt::format("state={}", store::to_string(domain.state)), cause.why});
}

}  // namespace postseal::hosting
