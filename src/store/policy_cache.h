// What the policy daemon must not forget when it is killed: fetched policies and failed fetches (design rule 9).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/name.h"
#include "mtasts/cache.h"
#include "store/database.h"

namespace postseal::store {

class PolicyCache {
public:
    explicit PolicyCache(Database& database);
    struct Entry {
        dns::Name domain;
        std::optional<mtasts::CachedPolicy> policy;
        mtasts::FetchFailures failures;
        // An MTA was told what the policy says, and nothing else came into it: until when that was fresh. Else zero.
        TimePoint answer_until{};
    };
    // Replaces the domain's; but an entry without a policy, of a process that has not heard of it yet, no policy.
    Result<void> put(const Entry& entry);
    Result<void> erase(const dns::Name& domain);
    Result<std::vector<Entry>> all();
    Result<std::optional<Entry>> find(const dns::Name& domain);
    // Up to `limit` entries whose names come after `after` and contain `part`, in the order of their names.
    struct Page {
        std::string after;
        std::string part;
        std::size_t limit = 1000;
    };
    Result<std::vector<Entry>> page(const Page& page);
    Result<void> erase_all();
    // Policies past their max_age, unless a failed fetch is remembered with them.
    Result<void> erase_expired(TimePoint now);
    // Sets answer_until to zero everywhere.
    Result<void> forget_answers();

    // What other processes on the same database do here, put() by put(); nothing where there are none. Called in a
    // thread of the feed. `missed`: some of it was not heard.
    struct Follower {
        std::function<void(const dns::Name&)> changed;
        std::function<void()> all_erased;
        std::function<void()> missed;
    };
    Result<std::unique_ptr<ChangeFeed>> follow(Follower follower);

    // A row as it is stored, for whoever loads a million: nothing is parsed. The views are gone with the next row.
    struct Stored {
        std::string_view domain;
        std::string_view policy;  // its lines, "\n" between them; empty: none. read_policy() below makes a policy of it
        mtasts::Mode mode = mtasts::Mode::none;
        std::uint32_t max_age_s = 0;
        std::string_view id;
        TimePoint fetched;
        TimePoint last_used;
        TimePoint id_checked;
        std::uint32_t id_ttl_s = 0;
        std::string_view failures;  // read_failures()
        TimePoint answer_until;
    };
    // Rows written by an older Postseal are first rewritten.
    Result<void> each(const std::function<void(const Stored&)>& entry);
    [[nodiscard]] Result<std::size_t> size();

    static std::optional<mtasts::Policy> read_policy(std::string_view lines);
    static Result<mtasts::FetchFailures> read_failures(std::string_view text);

private:
    Result<void> rewrite_old_rows();
    Result<void> tell(const Result<Rows>& changed, std::string_view what);
    Database* database_;
    std::string process_;  // tells our own changes from those of others
};

}  // namespace postseal::store
