// The rules by which a sender keeps, refreshes and forgets a policy (RFC 8461 §3.3, §5.1, §10.2; design rules 9, 10).
// Pure: what is cached, what the TXT lookup said, and now → what to do next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "mtasts/policy.h"
#include "mtasts/record.h"

namespace postseal::mtasts {

// What the store keeps about one policy domain.
struct CachedPolicy {
    Policy policy;
    std::string id;        // of the TXT record under which it was fetched
    TimePoint fetched;     // the last successful HTTPS fetch: lifetime runs from here
    TimePoint last_used;   // the last time an MTA asked
    TimePoint id_checked;  // the last TXT lookup that gave an answer
    std::uint32_t id_ttl_s = 0;
    [[nodiscard]] TimePoint expires() const { return fetched + Seconds(policy.max_age_s); }
    friend bool operator==(const CachedPolicy&, const CachedPolicy&) = default;
};

// Fetches that failed, per policy domain.
struct FetchFailures {
    std::string failed_id;          // the id whose fetch failed last
    TimePoint failed_at;            // when
    std::vector<TimePoint> recent;  // attempts within the last hour, over all ids
    friend bool operator==(const FetchFailures&, const FetchFailures&) = default;
};

enum class TxtState { usable, absent, invalid, lookup_failed };  // absent and invalid are certain; lookup_failed is not
struct TxtOutcome {
    TxtState state = TxtState::absent;
    std::string id;  // with usable
};

struct CacheSettings {
    Seconds id_recheck_min{60};
    Seconds refetch_every{86'400};  // RFC 8461 §10.2
    Seconds keep_refetching_for{30 * 86'400};
    Seconds fetch_backoff_min{300};  // RFC 8461 §3.3: five minutes per id
    std::size_t fetches_per_hour_max = 10;
};

// Is the cached policy in force now? (Expiry alone decides: no state of TXT ends it early.)
bool in_force(const std::optional<CachedPolicy>& cached, TimePoint now);

// On a request: may the cache answer, and should the id be read again in the background?
enum class OnRequest { answer, answer_and_recheck_id, look_up };
OnRequest on_request(const std::optional<CachedPolicy>& cached, TimePoint now, const CacheSettings& settings = {});

// After the TXT lookup: fetch the policy, or leave things as they are?
struct NextAction {
    enum class Kind {
        fetch,
        keep,
        none
    } kind = Kind::none;                  // keep: the cached policy stands; none: there is no policy
    std::optional<TimePoint> not_before;  // a fetch is wanted but held back by the back-off until then
};
NextAction next_action(const std::optional<CachedPolicy>& cached, const FetchFailures& failures, const TxtOutcome& txt,
                       TimePoint now, const CacheSettings& settings = {});

// When a background task should next refetch whatever the id says; nothing when nobody asked for `keep_refetching_for`.
std::optional<TimePoint> next_refetch(const CachedPolicy& cached, TimePoint now, const CacheSettings& settings = {});

}  // namespace postseal::mtasts
