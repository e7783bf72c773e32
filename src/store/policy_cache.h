// What the policy daemon must not forget when it is killed: fetched policies and failed fetches (design rule 9).
#pragma once

#include <utility>
#include <vector>

#include "dns/name.h"
#include "mtasts/cache.h"
#include "store/database.h"

namespace postseal::store {

class PolicyCache {
public:
    explicit PolicyCache(Database& database) : database_(&database) {}
    struct Entry {
        dns::Name domain;
        std::optional<mtasts::CachedPolicy> policy;
        mtasts::FetchFailures failures;
    };
    Result<void> put(const Entry& entry);  // replaces the domain's
    Result<void> erase(const dns::Name& domain);
    Result<std::vector<Entry>> all();

private:
    Database* database_;
};

}  // namespace postseal::store
