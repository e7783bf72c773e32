// What the policy daemon has already decided, as the bytes of its replies: a hit is one look into a table and one copy.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "sender/record_table.h"
#include "verdict/decision.h"
#include "verdict/reply.h"

namespace postseal::sender {

enum class Form { plain, with_tlsrpt, line, mx_line };  // mx_line depends on the question: it is made for each

struct Answer {
    verdict::Decision decision;
    std::string plain;        // a whole socketmap reply: netstring of the payload
    std::string with_tlsrpt;  // the same with Postfix ≥ 3.10's attributes
    std::string line;         // the line protocol's, with its newline
    TimePoint decided;

    [[nodiscard]] const std::string& in(Form form) const {
        return form == Form::plain ? plain : form == Form::with_tlsrpt ? with_tlsrpt : line;
    }
};
std::shared_ptr<const Answer> make_answer(verdict::Decision decision, TimePoint now,
                                          const verdict::ReplySettings& settings);

[[nodiscard]] bool asks_for_tls(verdict::Level level);  // neither none nor temp

// Design rule 10: a positive answer past its time is given once more while it is looked at again; a negative one, a
// TEMP, and a policy that has run out are not.
enum class Freshness { fresh, stale, unusable };
Freshness freshness(const Answer& answer, TimePoint now);

// Netstring of a socketmap payload: "9:NOTFOUND ,".
std::string netstring(std::string_view payload);

// The answers in memory, by key; any thread. A million of them is an ordinary number, so each is packed: an answer
// comes back with all but the policy_strings of its decision (they are in the reply).
class Answers {
public:
    [[nodiscard]] std::shared_ptr<const Answer> find(std::string_view key) const;
    // The hot path: appends the reply, unless the answer is unusable or missing. `refresh` says that the answer is
    // stale and that nobody has been told so for a while.
    struct Hit {
        Freshness freshness = Freshness::unusable;
        bool refresh = false;
    };
    Hit reply(std::string_view key, Form form, TimePoint now, std::string& out) const;
    void put(const std::string& key, const std::shared_ptr<const Answer>& answer);
    bool erase(std::string_view key);
    // Every answer whose key contains `text`: "[host]:port" too, and now and then one too many, which is looked up
    // again. How many.
    std::size_t erase_containing(std::string_view text);
    void clear();
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t bytes() const;  // of memory, about
    // The answers in force at `now` that ask for TLS, in the order of their keys: up to `limit` of those after `after`.
    [[nodiscard]] std::vector<std::pair<std::string, std::shared_ptr<const Answer>>> page(const std::string& after,
                                                                                          std::size_t limit,
                                                                                          TimePoint now) const;

    // More memory than this is not taken: then answers that nobody has asked for of late go (second chance), those that
    // an enforced policy gives after the others. What goes is decided again when it is asked for: the policies
    // themselves are not kept here.
    void limit(std::size_t bytes_max) { bytes_max_ = bytes_max; }
    [[nodiscard]] std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
    // Drops what is unusable, in a part of the table that is another one each time; `parts` calls see all of it.
    static constexpr std::size_t parts = 16;
    void sweep(TimePoint now);

private:
    // Of a packed answer; times are seconds since 1970. The text is the payload of the longest reply, then that of the
    // plain one unless the longest begins with it, then the match names and the reasons, each with a NUL after it.
    struct Header {
        std::int64_t valid_until = 0;
        std::int64_t policy_expires = 0;
        std::int64_t decided = 0;
        mutable std::atomic<std::uint32_t> told_stale{0};  // when, modulo 2^32
        std::uint32_t payload_bytes = 0;
        std::uint32_t plain_bytes = 0;
        std::uint32_t plain_at = 0;
        std::uint16_t match_count = 0;
        verdict::Level level = verdict::Level::none;
        verdict::Source source = verdict::Source::by_default;
        std::uint8_t mode = 0;  // 1 + mtasts::Mode
        bool expires = false;   // whether there is a policy_expires
        mutable std::atomic<bool> used{false};

        Header() = default;
        Header(Header&& other) noexcept;
        Header(const Header&) = delete;
        Header& operator=(const Header&) = delete;
        Header& operator=(Header&&) = delete;
        ~Header() = default;
    };
    using Table = RecordTable<Header>;
    struct alignas(64) Shard {  // a cache line is nobody else's
        mutable std::shared_mutex mutex;
        Table table;
        std::size_t hand = 0;  // of the clock
    };
    static constexpr std::size_t shard_count = 256;

    [[nodiscard]] static std::size_t shard_of(std::uint64_t hash) { return hash >> 56U; }
    static std::pair<Header, std::string> pack(const Answer& answer);
    static std::shared_ptr<const Answer> unpack(const Table::Record& record);
    static Freshness freshness_of(const Header& header, TimePoint now);
    static bool is_enforced(const Header& header, TimePoint now);
    void make_room(Shard& shard, TimePoint now);
    static void evict_one(Shard& shard, TimePoint now);

    KeyHash hash_;
    std::array<Shard, shard_count> shards_;
    std::atomic<std::size_t> bytes_max_ = std::size_t{1} << 30;
    std::atomic<std::uint64_t> evicted_ = 0;
    std::atomic<std::size_t> swept_ = 0;
};

}  // namespace postseal::sender
