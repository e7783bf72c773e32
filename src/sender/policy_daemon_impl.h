// The policy daemon from the inside, for the files that make it up: policy_daemon.cpp (requests and lookups),
// policy_daemon_learning.cpp and policy_daemon_operator.cpp.
#pragma once

#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "sender/kept_policies.h"
#include "sender/policy_daemon.h"
#include "tlsrpt/result_type.h"

namespace postseal::sender {

struct PolicyDaemon::Impl : SenderParts, std::enable_shared_from_this<PolicyDaemon::Impl> {
    static constexpr std::string_view component = "policyd";
    // No domain name is longer; a path of a socket is cut, and answers NOTFOUND.
    static constexpr std::size_t key_bytes_max = 1000;

    using Waiter = std::function<void(std::shared_ptr<const Answer>)>;
    using Positive = std::vector<std::pair<std::string, std::shared_ptr<const Answer>>>;  // Answers::page()

    // One lookup under way and who waits for it. A background refresh has no waiters.
    struct Pending {
        std::shared_ptr<const lookup::Gathering> gathering;
        std::vector<Waiter> waiters;
        std::function<void(std::shared_ptr<const Answer>, const verdict::PolicyFetch&)> refreshed;  // of refresh_now()
        verdict::PolicyFetch fetch;                                                                 // for it
        std::vector<std::function<void(const verdict::Evidence&)>> watchers;  // of explain(): before the waiters
        net::Timer timer;
        std::chrono::steady_clock::time_point asked_at;  // when the first waiter came
        bool asked = false;                   // an MTA asked for it; a refetch of our own is no use of the policy
        bool background = false;              // begun by look_up_in_background()
        std::shared_ptr<const Answer> early;  // decided while the policy host is still being waited for
    };

    Impl(const SenderParts& parts, PolicyDaemonSettings its_settings);

    Result<void> load();
    void start();
    void forget_answers_of(const dns::Name& domain);
    void recall(const dns::Name& domain, std::function<void(Impl&, const std::optional<Error>&)> then);
    void merge_overrides();
    void share_memory();
    Result<void> follow_overrides();
    void reread_overrides(const std::optional<dns::Name>& touched, std::function<void(const Result<void>&)> done);
    void count(const verdict::Decision& decision);

    // Any thread.
    bool reply(std::string_view text, Form form, TimePoint now, std::string& out);
    bool usable_reply(std::string_view text, Form form, TimePoint now, std::string& out);
    bool note_hit(std::string_view text, Answers::Hit hit);
    std::shared_ptr<const Answer> known(std::string_view text);
    std::shared_ptr<const Answer> usable(std::string_view text, TimePoint now);

    // On the loop from here on: requests and lookups.
    void ask(const std::string& text, Waiter done);
    [[nodiscard]] std::shared_ptr<const Answer> cannot_recall(const verdict::Key& key, const Error& error) const;
    void ask_recalled(const verdict::Key& key, Waiter done);
    void refresh(const verdict::Key& key);
    void look_up_in_background(const verdict::Key& key, bool asked);
    void background_ended();
    [[nodiscard]] std::shared_ptr<const Answer> answer_from_before(const verdict::Key& key, TimePoint now) const;
    [[nodiscard]] verdict::Decision decision_by_policy(const verdict::Key& key, const mtasts::CachedPolicy& policy,
                                                       TimePoint now) const;
    Pending& look_up(const verdict::Key& key,
                     lookup::GatherRequest::Fetch fetch = lookup::GatherRequest::Fetch::by_cache_rules);
    void answer_early(const verdict::Key& key);
    void give_up_waiting(const verdict::Key& key);
    [[nodiscard]] static bool enforced(const std::optional<mtasts::CachedPolicy>& policy, TimePoint now);
    [[nodiscard]] bool policy_in_force(const dns::Name& domain, TimePoint now) const;
    void finish(const verdict::Key& key, const verdict::Evidence& evidence);
    void give(const verdict::Key& key, const std::shared_ptr<const Answer>& answer);
    void remember(const std::string& key, const std::shared_ptr<const Answer>& answer) { answers.put(key, answer); }

    // What a lookup taught, and what is looked up because of its age (policy_daemon_learning.cpp).
    bool learn(const verdict::Key& key, const verdict::Evidence& evidence, TimePoint now, bool asked,
               const verdict::Decision& decision);
    void count_failure(tlsrpt::ResultType type);
    void note_change(const dns::Name& domain, const std::optional<mtasts::CachedPolicy>& before,
                     const mtasts::Policy& after, TimePoint now);
    void note_record(const dns::Name& domain, DomainState& state, const mtasts::TxtOutcome& txt,
                     const verdict::Lookup<std::string>& lookup, TimePoint now);
    void look_through_policies(std::size_t parts);
    [[nodiscard]] bool refetch_due(std::string_view domain, const mtasts::CachedPolicy& policy,
                                   const mtasts::FetchFailures& failures, TimePoint now) const;
    void refetch(const dns::Name& domain, TimePoint now);
    bool refetch_evicted(const store::PolicyCache::Entry& entry);
    [[nodiscard]] bool is_over(const DomainState& state, TimePoint now) const;
    [[nodiscard]] Seconds jitter(std::string_view domain) const;

    // What operators ask and order (policy_daemon_operator.cpp).
    void explain(const std::string& text, std::function<void(Explanation)> done);
    void explain_recalled(const verdict::Key& key, const std::string& text, std::function<void(Explanation)> done);
    void add_evidence(const verdict::Key& key, Explanation explanation, std::function<void(Explanation)> done);
    [[nodiscard]] CacheEntry entry_of(const dns::Name& domain) const;
    [[nodiscard]] bool may_fetch_by_hand(const dns::Name& domain, TimePoint now) const;
    void refresh_now(const verdict::Key& key, std::function<void(Refreshed)> done);
    void fetch_now(const verdict::Key& key, std::function<void(Refreshed)> done);
    [[nodiscard]] std::shared_ptr<const Answer> answer_from_cache(const dns::Name& domain,
                                                                  const mtasts::CachedPolicy& policy,
                                                                  TimePoint now) const;
    void cache_entries(store::PolicyCache::Page page, std::function<void(Result<std::vector<CacheEntry>>)> done);
    [[nodiscard]] Result<std::vector<CacheEntry>> listed(
        const Result<std::vector<store::PolicyCache::Entry>>& read) const;
    void export_answers(std::string after, std::size_t limit, std::function<void(Result<Exported>)> done);
    [[nodiscard]] Result<Exported> exported(const std::vector<store::PolicyCache::Entry>& policies,
                                            const Positive& positive, std::size_t limit) const;
    void purge_all(std::function<void(Result<std::size_t>)> done);
    [[nodiscard]] std::string dnssec_said() const;

    PolicyDaemonSettings settings;
    verdict::Overrides added;           // at run time; the store has them too
    verdict::Overrides overrides;       // settings.overrides and then `added`
    std::uint64_t overrides_asked = 0;  // readings of `added` are counted: the newest counts, whichever comes last
    std::uint64_t overrides_read = 0;
    Guarded<std::string> dnssec_problem;
    PolicyDaemonCounters counters;
    const std::shared_ptr<Answers> shared_answers = std::make_shared<Answers>();  // with an export under way
    Answers& answers = *shared_answers;
    const std::shared_ptr<KeptPolicies> kept;
    std::unordered_map<std::string, Pending> pending;
    std::unordered_map<dns::Name, std::size_t> looked_up;  // how many lookups of `pending` are about it
    std::size_t background_running = 0;
    std::deque<verdict::Key> background_order;
    std::unordered_map<std::string, bool> background_waiting;  // those of background_order; whether an MTA asked
    KeyHash jitter_hash;
    net::Timer refetch_timer;
    net::Timer sweep_timer;
    std::shared_ptr<const Answer> no_policy = make_answer({}, TimePoint{}, {});
    std::unique_ptr<store::ChangeFeed> overrides_feed;  // last: its thread posts to the loop for all of the above
};

}  // namespace postseal::sender
