// The policies of the daemon, in memory and in the store at once (design rule 9): nothing that was learnt is forgotten
// because the process ends, memory is short, or the database is away for a while; and what another daemon on the same
// database learns is known here within a second.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sender/parts.h"
#include "sender/policies.h"

namespace postseal::sender {

// On the daemon's loop, but for load() before the loop runs.
class KeptPolicies : public std::enable_shared_from_this<KeptPolicies> {
public:
    struct Use {
        std::function<bool(const dns::Name&)> in_use;    // its policy must not leave memory now
        std::function<void(const dns::Name&)> replaced;  // another process has put another policy in its place
        std::function<void()> all_erased;                // another process has erased everything
        // About each policy that memory has no room for, once an hour; false: not more of them now.
        std::function<bool(const store::PolicyCache::Entry&)> only_in_store;
    };
    KeptPolicies(const SenderParts& parts, std::size_t bytes_max);
    KeptPolicies(const KeptPolicies&) = delete;
    KeptPolicies& operator=(const KeptPolicies&) = delete;
    ~KeptPolicies() = default;

    // Reads what the store has, as much as memory may hold, and listens for changes from then on. Blocks.
    Result<void> load(Use use);
    void limit(std::size_t bytes_max) { bytes_max_ = bytes_max; }

    [[nodiscard]] std::optional<DomainState> find(const dns::Name& domain) const { return memory_.find(domain); }
    [[nodiscard]] bool contains(const dns::Name& domain) const { return memory_.contains(domain); }
    void glance_at_part(std::size_t parts, const Policies::Glance& glance) { memory_.glance_at_part(parts, glance); }

    // What memory has no room for lives on in the store, and is read before anything is decided about it: no enforced
    // policy is lifted because memory is short. `then` gets an error where it cannot be read: nothing may be decided as
    // if nothing were known.
    using Recalled = std::function<void(const std::optional<Error>&)>;
    void recall(const dns::Name& domain, Recalled then);

    // Replaces what is known of the domain; a state without policy and failures forgets it.
    void keep(const dns::Name& domain, const DomainState& state);
    // Runs when the store has all that is known now, or has failed to take it.
    void when_saved(std::function<void()> then);
    void erase_all(std::function<void()> then);
    // Sets answer_until to zero everywhere.
    void forget_answers();

    // Brings memory below its limit; once an hour, drops from the store what is over and not in memory, and shows what
    // is left of that to only_in_store().
    void tidy(TimePoint now);

    struct Sizes {
        std::array<std::size_t, 3> policies{};  // in memory, of each mtasts::Mode
        std::size_t bytes = 0;
        std::uint64_t evicted = 0;
        std::size_t unsaved = 0;  // changes on their way to the store, or refused by it
    };
    [[nodiscard]] std::size_t bytes() const { return memory_.bytes(); }
    [[nodiscard]] Sizes sizes() const;

private:
    // What is on its way to the store: the newest state of each domain (nothing: to be forgotten), and what to do when
    // it is there.
    struct Batch {
        std::unordered_map<dns::Name, std::optional<store::PolicyCache::Entry>> entries;
        std::vector<std::function<void()>> then;
        // What comes before the entries.
        bool erase_all = false;
        bool forget_answers = false;
        [[nodiscard]] bool empty() const { return entries.empty() && !erase_all && !forget_answers; }
        void add(Batch newer);
        void drop_answers();
    };
    struct Recall {
        std::vector<Recalled> waiters;
        bool overtaken = false;  // changed since the reading began
    };

    void save_soon();
    void save();
    void saved(bool done);
    static bool write(const Batch& batch, store::Store& store, Log& log);
    void try_again();
    void recalled(const dns::Name& domain, const Result<std::optional<store::PolicyCache::Entry>>& read);
    void make_room();
    [[nodiscard]] bool is_unsaved(const dns::Name& domain) const;
    [[nodiscard]] bool all_is_being_erased() const;
    void overtake_recalls();
    void changed_elsewhere(const dns::Name& domain);
    void erased_elsewhere();
    void adopt(const dns::Name& domain, const std::optional<store::PolicyCache::Entry>& entry);
    void look_through_store(const std::string& after);
    void look_through_evicted(const std::string& after);

    SenderParts parts_;
    std::size_t bytes_max_;
    Use use_;
    Policies memory_;
    bool all_in_memory_ = true;  // else a domain that is not in memory may be in the store
    std::uint64_t evicted_ = 0;
    TimePoint store_tidied_;
    std::unordered_map<dns::Name, Recall> recalls_;
    Batch unsaved_;
    std::shared_ptr<const Batch> being_saved_;
    bool saving_ = false;  // a batch is under way, and save() will be called after it
    Batch set_aside_;      // the store would not take it; tried again when the timer ends
    net::Timer retry_timer_;
    net::Timer evicted_timer_;
    std::unique_ptr<store::ChangeFeed> feed_;  // last: its thread calls into all of the above
};

}  // namespace postseal::sender
