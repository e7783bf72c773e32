// The policy daemon: what an MTA is told about a destination, from memory where it can, by asking DNS and the policy
// host where it must (RFC 8461 §3.3, §5.1; design rules 9–14). It owns the cache of policies and keeps it in the store,
// so that a restart, even after SIGKILL, forgets no enforced policy.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lookup/gather.h"
#include "sender/answers.h"
#include "sender/counter.h"
#include "sender/latency.h"
#include "sender/parts.h"
#include "verdict/evidence.h"
#include "verdict/overrides.h"

namespace postseal::sender {

struct PolicyDaemonSettings {
    verdict::Settings decision;
    verdict::ReplySettings reply;
    verdict::Overrides overrides;
    lookup::GatherSettings gather;
    std::chrono::milliseconds first_lookup_timeout{20'000};
    std::chrono::milliseconds refetch_scan{60'000};  // how often policies are looked through for a refetch that is due
    // On the loop, after each lookup that an MTA asked for: see observer.h. May be empty.
    std::function<void(const verdict::Evidence&)> looked_up;
    Seconds refetch_jitter{3600};             // a daily refetch is up to so much later, other for each domain
    std::size_t background_lookups_max = 64;  // under way at once; the rest waits. An MTA's own are not bounded
    // Of memory: policies take up to half of it, answers what is left. What is over is given up; policies live on in
    // the store.
    std::size_t cache_bytes_max = std::size_t{1} << 30;
};

// Counted since the start; each is a metric.
struct PolicyDaemonCounters {
    Counter requests;
    Counter hits;
    Counter stale_hits;
    Counter misses;
    std::atomic<std::uint64_t> lookup_timeouts{0};
    std::atomic<std::uint64_t> fetches{0};
    std::atomic<std::uint64_t> fetch_failures{0};
    std::atomic<std::uint64_t> local_failures{0};   // fetches that this machine could not make
    std::atomic<std::uint64_t> record_failures{0};  // the record was gone, invalid or silent while a policy held
    // Of those, by RFC 8460 §4.3.2.2: sts-policy-fetch-error, sts-policy-invalid, sts-webpki-invalid.
    std::array<std::atomic<std::uint64_t>, 3> fetch_failures_by_type{};
    std::atomic<std::uint64_t> stale_refreshes{0};  // looked up again because an answer had grown stale
    std::atomic<std::uint64_t> daily_refreshes{0};  // because a policy's refetch was due
    std::atomic<std::uint64_t> hand_refreshes{0};   // because an operator asked for it
    // What lookups and overrides decided: [verdict::Level][verdict::Source].
    std::array<std::array<std::atomic<std::uint64_t>, 4>, 7> decisions{};
    // From a request that has to be looked up to its answer, and a hit inside the daemon, one in sixty-four of them.
    LatencyHistogram<9> lookup_time{
        {10'000, 30'000, 100'000, 300'000, 1'000'000, 3'000'000, 10'000'000, 20'000'000, 60'000'000}};
    LatencyHistogram<8> hit_time{{1, 2, 5, 10, 20, 50, 100, 1'000}};
};
// The metric's label of fetch_failures_by_type[i].
std::string_view fetch_failure_type(std::size_t i);

class PolicyDaemon {
public:
    // `loop` must run until the daemon is destroyed; everything else must outlive it. Reads the store's policies:
    // blocks.
    static Result<std::unique_ptr<PolicyDaemon>> make(const SenderParts& parts, PolicyDaemonSettings settings);
    PolicyDaemon(const PolicyDaemon&) = delete;
    PolicyDaemon& operator=(const PolicyDaemon&) = delete;
    ~PolicyDaemon();

    // Any thread, the hot path: appends the reply to `out` if it is known now; false when it has to be looked up: then
    // ask(). `now` is clock().now(), read once for all requests that came together.
    [[nodiscard]] bool reply(std::string_view key, Form form, TimePoint now, std::string& out);
    [[nodiscard]] const Clock& clock() const;
    // Any thread. The same as a value.
    [[nodiscard]] std::shared_ptr<const Answer> known(std::string_view key);
    // Any thread; `done` on the daemon's loop, at most first_lookup_timeout later.
    void ask(std::string_view key, std::function<void(std::shared_ptr<const Answer>)> done);

    // What `postseal query` shows: the answer, how it was found, and what the cache holds.
    struct Explanation {
        std::string key;
        std::shared_ptr<const Answer> answer;
        std::string cache_state;  // "hit", "stale", "miss"
        std::optional<mtasts::CachedPolicy> cached;
        std::optional<TimePoint> next_refresh;
        std::string dnssec_problem;  // not empty: DANE could not be decided here, and why
        // What the decision was made of; for one from memory, what DNS says now, without a fetch of the policy. Nothing
        // under an override, for which nobody is asked.
        std::optional<verdict::Evidence> evidence;
    };
    void explain(std::string_view key, std::function<void(Explanation)> done);
    // Of a key that can have no policy (design rule 12): needs no daemon and no lookup.
    [[nodiscard]] static Explanation explain_no_policy(std::string_view key);

    struct CacheEntry {
        dns::Name domain;
        std::optional<mtasts::CachedPolicy> policy;
        mtasts::FetchFailures failures;
        std::optional<TimePoint> next_refresh;
    };
    // Any thread; `done` on the loop. A page at a time, from the store, once it has all that is known now.
    void cache_entries(store::PolicyCache::Page page, std::function<void(Result<std::vector<CacheEntry>>)> done);
    void cache_entry(const dns::Name& domain, std::function<void(Result<CacheEntry>)> done);  // not_found
    // Forgets a domain's policy, failed fetches and answers: an enforced policy holds no longer, until it is fetched
    // again.
    void purge(const dns::Name& domain, std::function<void(bool found)> done);
    void purge_all(std::function<void(Result<std::size_t> policies)> done);

    // Looks everything up now and fetches the policy, whatever its id and the five minutes of back-off say; only the
    // ten failed fetches an hour hold it back (RFC 8461 §3.3). `done` on the loop, when all is known and stored.
    struct Refreshed {
        Explanation explanation;
        verdict::PolicyFetch fetch;  // what came
        CacheEntry entry;            // what is remembered now
    };
    void refresh(const dns::Name& domain, std::function<void(Refreshed)> done);

    // What would be answered now for each destination with a policy: the answers in memory that ask for TLS, and the
    // enforced policies that nobody has asked for since the start. `done` on the loop, with those whose keys come after
    // `after`, about `limit` of them (none is no end).
    struct Exported {
        std::map<std::string, std::shared_ptr<const Answer>> answers;
        std::optional<std::string> next;  // there may be more after this
    };
    void export_answers(std::string after, std::size_t limit, std::function<void(Result<Exported>)> done);

    // The overrides of the configuration. `done` on the loop.
    void configured_overrides(std::function<void(std::vector<verdict::Override>)> done);
    // Reads those that were added at run time again from the store, where the caller has put or erased one; the
    // configuration's come before them. Answers for `touched` and below are decided afresh at once. `done` on the loop;
    // with an error, what held before still holds.
    void reread_added_overrides(const dns::Name& touched, std::function<void(const Result<void>&)> done);

    // Any thread: what explain() says about DNSSEC; "" when it works.
    void set_dnssec_problem(std::string problem);

    // On the loop: what is in memory, for metrics.
    struct Sizes {
        std::array<std::size_t, 3> policies{};  // [mtasts::Mode]
        std::size_t lookups_running = 0;
        std::size_t bytes = 0;  // of memory, about: answers and policies
        // Given up since the start because memory was short. The store has the policies.
        std::uint64_t answers_evicted = 0;
        std::uint64_t policies_evicted = 0;
        std::size_t unsaved = 0;  // changes of policies that the store does not have yet
    };
    [[nodiscard]] Sizes sizes() const;

    // On the loop: new settings, and all answers are decided afresh (SIGHUP).
    void reconfigure(PolicyDaemonSettings settings);

    [[nodiscard]] const PolicyDaemonCounters& counters() const;
    void time_hit(std::chrono::steady_clock::duration time);
    [[nodiscard]] std::size_t answer_count() const;

private:
    struct Impl;
    explicit PolicyDaemon(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::sender
