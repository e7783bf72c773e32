#include "console/domain_lookup.h"

#include <algorithm>

#include "base/text.h"

namespace postseal::console {

Result<store::Domain> find_domain(store::Store& store, const Call& call) {
    const std::string& text = call.path("domain");
    const Error none{Errc::not_found, "", printable(text) + " is not a domain here"};
    const auto name = dns::Name::parse(text);
    if (!name) {
        return none;
    }
    if (call.actor.kind == Actor::Kind::user) {
        POSTSEAL_TRY(auto found, store.domains.find(call.actor.organisation(), *name));
        return found ? Result<store::Domain>(std::move(*found)) : none;
    }
    POSTSEAL_TRY(const auto organisations, store.accounts.organisations());
    const auto wanted = call.request.parameter("organization");
    for (const store::Organisation& organisation : organisations) {
        if (wanted && *wanted != organisation.name) {
            continue;
        }
        POSTSEAL_TRY(auto found, store.domains.find(organisation.id, *name));
        if (found) {
            return std::move(*found);
        }
    }
    return none;
}

}  // namespace postseal::console
