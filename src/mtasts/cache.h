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

// Fetches that failed, per policy domain. A successful fetch empties it: `failures = {}`.
struct FailedFetch {
    std::string id;  // of the TXT record that asked for it; empty when a refetch had none
    TimePoint at;
    friend bool operator==(const FailedFetch&, const FailedFetch&) = default;
};
struct FetchFailures {
    std::string failed_id;  // the id whose fetch failed last
    TimePoint failed_at;    // when
    std::vector<FailedFetch>
        recent;  // within the last hour, over all ids, oldest first; kept short by record_failure()
    friend bool operator==(const FetchFailures&, const FetchFailures&) = default;
};

enum class TxtState { usable, absent, invalid, lookup_failed };  // absent and invalid are certain; lookup_failed is not
struct TxtOutcome {
    TxtState state = TxtState::absent;
    std::string id;  // with usable
};

struct CacheSettings {
    Seconds id_recheck_min{60};      // floor under the TTL of the TXT record
    Seconds id_recheck_max{86'400};  // and a ceiling: a forged TTL of years must not hide an update
    Seconds refetch_every{86'400};   // RFC 8461 §10.2
    Seconds keep_refetching_for{30 * 86'400};
    Seconds fetch_backoff_min{300};  // RFC 8461 §3.3: five minutes per id
    std::size_t failed_fetches_per_hour_max = 10;
};

// Is the cached policy in force now? Expiry alone decides: no state of TXT, no failed fetch ends it early
// (RFC 8461 §3.1, §3.3). At the very second of expires() it is over, so a max_age of 0 is never in force from the
// cache.
bool in_force(const std::optional<CachedPolicy>& cached, TimePoint now);

// On a request: may the cache answer, and should the id be read again in the background?
enum class OnRequest { answer, answer_and_recheck_id, look_up };
OnRequest on_request(const std::optional<CachedPolicy>& cached, TimePoint now, const CacheSettings& settings = {});

// After the TXT lookup: fetch the policy, or leave things as they are? A refetch that is due (next_refetch) is a fetch
// whatever TXT says, so the same function serves a request and the background task.
struct NextAction {
    enum class Kind {
        fetch,
        keep,
        none
    } kind = Kind::none;                  // keep: the cached policy stands; none: there is no policy
    std::optional<TimePoint> not_before;  // a fetch is wanted but held back by the back-off until then
    friend bool operator==(const NextAction&, const NextAction&) = default;
};
NextAction next_action(const std::optional<CachedPolicy>& cached, const FetchFailures& failures, const TxtOutcome& txt,
                       TimePoint now, const CacheSettings& settings = {});

// The id under which the outcome of a fetch is filed: that of the TXT record read *before* the fetch. Were it read
// after, a body from before an update could be kept under the id of the new one (RFC 8461 §8.1) and never be read again
// for it.
std::string id_for_fetch(const std::optional<CachedPolicy>& cached, const TxtOutcome& txt_before_fetch);

// Notes a failed fetch and forgets what is older than an hour.
void record_failure(FetchFailures& failures, const std::string& id, TimePoint now);

// When a background task should next refetch whatever the id says (may lie in the past: now). Nothing when nobody asked
// for `keep_refetching_for`, or when the policy has run out. A policy that lives shorter than two days is refetched at
// half its life, and only if it was asked for since the last fetch: nothing is polled for its own sake.
std::optional<TimePoint> next_refetch(const CachedPolicy& cached, TimePoint now, const CacheSettings& settings = {});

// RFC 8461 §3.3, §10.2: administrators are warned when refreshing keeps failing (three refetches missed), long before
// the policy runs out; never about a policy of mode none, which protects nothing.
bool refresh_overdue(const CachedPolicy& cached, const FetchFailures& failures, TimePoint now,
                     const CacheSettings& settings = {});

}  // namespace postseal::mtasts
