// Sessions counted by day, policy domain, applied policy and failure (RFC 8460 §4.1), to be written to the store again
// and again over the day. What was seen once costs nothing more to count; each distinct text is kept once; and there
// are caps, because remote hosts decide how many domains, policies and failures there are: what is over them goes to
// "other", and is counted. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "tlsrpt/aggregate.h"
#include "tlsrpt/datagram.h"

namespace postseal::tlsrpt {

class SessionTable {
public:
    // A row is a policy of a domain's day, or a failure under it, as the store keeps them. One with long texts counts
    // as several: once more for each 1024 bytes.
    struct Limits {
        std::size_t rows_max = 2'000'000;           // over all days; a quarter more is for "other" alone
        std::size_t rows_per_domain_max = 1000;     // beyond: one row of each result type and policy
        std::size_t policies_per_domain_max = 100;  // beyond: one of each policy type, without its strings
        std::size_t text_bytes_max = std::size_t{600} << 20;
    };
    // Sessions and failures that could not be counted under a row of their own.
    struct OverCap {
        std::uint64_t domains = 0;   // sessions of domains that have no room: in no report
        std::uint64_t policies = 0;  // sessions under a policy without strings, or under none
        std::uint64_t failures = 0;  // failures of which only the result type is kept, or not even that
        friend bool operator==(const OverCap&, const OverCap&) = default;
    };

    SessionTable() = default;
    explicit SessionTable(Limits limits) : limits_(limits) {}

    // `times` sessions that are alike.
    void add(Day day, const Session& session, std::uint64_t times = 1);
    // What take() gave and could not be kept; no cap holds for it.
    void add(const Count& count);
    // What was counted since it was last taken: at most `policies_max`, by domain.
    [[nodiscard]] std::vector<Count> take(std::size_t policies_max = std::numeric_limits<std::size_t>::max());
    [[nodiscard]] bool empty() const;  // nothing to take
    // Days before `day` of which nothing is left to take; they would begin anew, with all their room.
    void forget_before(Day day);

    [[nodiscard]] const OverCap& over_cap() const { return over_cap_; }
    [[nodiscard]] std::size_t rows() const { return rows_; }

private:
    struct Text {
        std::uint32_t hash;
        std::uint32_t size;  // the bytes follow
        [[nodiscard]] std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size}; }
    };
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    struct DomainEntry {
        const Text* name = nullptr;
        const Text* record = nullptr;  // the newest
        std::uint32_t first_policy = none;
        std::uint32_t policies = 0;
        std::uint32_t rows = 0;
    };
    struct PolicyEntry {
        const Text* identity = nullptr;
        std::uint64_t successful = 0;
        std::uint64_t failed = 0;
        std::uint32_t domain = none;
        std::uint32_t next = none;  // of the domain
        std::uint32_t first_detail = none;
        bool to_be_taken = false;
    };
    struct DetailEntry {
        const Text* identity = nullptr;
        std::uint64_t sessions = 0;
        std::uint32_t policy = none;
        std::uint32_t next = none;  // of the policy
    };
    // Places by hash; who looks says whether a place is the right one.
    class Index {
    public:
        template <class IsIt>
        [[nodiscard]] std::uint32_t find(std::size_t hash, IsIt is_it) const;
        template <class HashOf>
        void insert(std::size_t hash, std::uint32_t place, HashOf hash_of);

    private:
        std::vector<std::uint32_t> slots_;  // a power of two
        std::size_t used_ = 0;
    };
    class Texts {
    public:
        // The one with these bytes, made if it must be.
        const Text* keep(std::string_view bytes);
        [[nodiscard]] std::size_t bytes() const { return bytes_; }

    private:
        void grow();
        std::vector<std::unique_ptr<std::uint64_t[]>> blocks_;
        char* free_ = nullptr;
        std::size_t room_ = 0;
        std::vector<const Text*> slots_;
        std::size_t used_ = 0;
        std::size_t bytes_ = 0;
    };
    struct DayTable {
        Texts texts;
        std::deque<DomainEntry> domains;
        std::deque<PolicyEntry> policies;
        std::deque<DetailEntry> details;
        Index domain_index;
        Index detail_index;
        std::vector<std::uint32_t> to_be_taken;  // policies
        std::size_t rows = 0;
    };
    enum class Caps { hold, do_not };

    std::uint32_t domain_of(DayTable& table, const dns::Name& name, const std::string& record, Caps caps);
    std::uint32_t policy_of(DayTable& table, std::uint32_t domain, const PolicyResult& policy, std::uint64_t times,
                            Caps caps);
    void add_failure(DayTable& table, std::uint32_t policy, const FailureDetail& failure, std::uint64_t sessions,
                     Caps caps);
    [[nodiscard]] static std::uint32_t find_policy(const DayTable& table, std::uint32_t domain, std::string_view key);
    [[nodiscard]] static std::uint32_t find_detail(const DayTable& table, std::uint32_t policy, std::string_view key);
    std::uint32_t make_policy(DayTable& table, std::uint32_t domain, std::string_view key);
    std::uint32_t make_detail(DayTable& table, std::uint32_t policy, std::string_view key);
    enum class For { own, other };
    [[nodiscard]] bool has_room(const DomainEntry& domain, std::size_t rows, For what) const;
    void note(DayTable& table, std::uint32_t policy);
    static Count take_policy(DayTable& table, Day day, std::uint32_t policy);
    [[nodiscard]] std::size_t text_bytes() const;

    Limits limits_{};
    std::map<Day, DayTable> days_;
    std::size_t rows_ = 0;
    OverCap over_cap_;
    std::string scratch_;  // for keys, so that counting allocates nothing for what is known already
    std::vector<std::pair<std::uint32_t, bool>> of_session_;
};

}  // namespace postseal::tlsrpt
