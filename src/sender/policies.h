// The policies that a sender holds, in memory: a million of them in a few hundred bytes each (RFC 8461 §5.1). A policy
// is kept as the text that was fetched and parsed again when it is needed, which is once per lookup, not once per
// request.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "mtasts/cache.h"
#include "sender/record_table.h"
#include "store/policy_cache.h"

namespace postseal::sender {

// What is remembered of one policy domain; the store has the same but for the last two lines.
struct DomainState {
    std::optional<mtasts::CachedPolicy> policy;
    mtasts::FetchFailures failures;
    TimePoint answer_until;    // as store::PolicyCache::Entry's
    TimePoint overdue_warned;  // when the operator was last told that it cannot be refreshed
    mtasts::TxtState last_txt = mtasts::TxtState::usable;  // what was last said of its record in the log
};

// Not thread-safe: the daemon's loop alone has it.
class Policies {
public:
    void reserve(std::size_t domains) { table_.reserve(domains); }
    // An entry of the store. False if it is broken.
    bool load(const store::PolicyCache::Stored& stored);
    [[nodiscard]] std::optional<DomainState> find(const dns::Name& domain) const;
    [[nodiscard]] bool contains(const dns::Name& domain) const;
    // False where load() was given a text that is no policy: somebody else has written into the store.
    [[nodiscard]] bool is_readable(const dns::Name& domain) const;
    void put(const dns::Name& domain, const DomainState& state);
    bool erase(const dns::Name& domain) { return erase_record(domain.text()); }
    // How many of each mtasts::Mode.
    [[nodiscard]] const std::array<std::size_t, 3>& policies() const { return policies_; }
    [[nodiscard]] std::size_t size() const { return table_.size(); }
    [[nodiscard]] std::size_t bytes() const { return table_.bytes(); }
    void clear();
    // Gives up one that has not been asked for in long and that `is_busy` does not claim. False if there is none.
    bool evict(const std::function<bool(std::string_view domain)>& is_busy);

    // One domain after the other, without its policy's mx and lines: enough for the cache rules. What is done to
    // `state.overdue_warned` and `state.answer_until` stays. Nothing may be put or erased meanwhile.
    using Glance = std::function<void(std::string_view domain, DomainState& state)>;
    // The next of `parts` parts of the table; as many calls see all of it, unless it grows.
    void glance_at_part(std::size_t parts, const Glance& glance);
    void glance_at_all(const Glance& glance);

private:
    // The text is the policy's id, then its lines with "\n" between them; no lines: no policy.
    struct Header {
        std::unique_ptr<mtasts::FetchFailures> failures;  // few domains have any
        TimePoint fetched;
        TimePoint last_used;
        TimePoint id_checked;
        TimePoint answer_until;
        TimePoint overdue_warned;
        std::uint32_t max_age_s = 0;
        std::uint32_t id_ttl_s = 0;
        std::uint16_t id_bytes = 0;
        mtasts::Mode mode = mtasts::Mode::none;
        mtasts::TxtState last_txt = mtasts::TxtState::usable;
    };
    using Table = RecordTable<Header>;
    void put_record(std::string_view domain, Header header, std::string_view text);
    bool erase_record(std::string_view domain);
    static DomainState glance_of(const Table::Record& record);
    void glance_at(std::size_t begin, std::size_t end, const Glance& glance);

    KeyHash hash_;
    Table table_;
    std::size_t next_slot_ = 0;
    std::size_t hand_ = 0;  // where evict() goes on
    std::array<std::size_t, 3> policies_{};
};

}  // namespace postseal::sender
