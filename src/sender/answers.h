// What the policy daemon has already decided, as the bytes of its replies: a hit is one look into a map and one copy.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
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

// Design rule 10: a positive answer past its time is given once more while it is looked at again; a negative one, a
// TEMP, and a policy that has run out are not.
enum class Freshness { fresh, stale, unusable };
Freshness freshness(const Answer& answer, TimePoint now);

// Netstring of a socketmap payload: "9:NOTFOUND ,".
std::string netstring(std::string_view payload);

// Any thread.
class Answers {
public:
    [[nodiscard]] std::shared_ptr<const Answer> find(std::string_view key) const;
    void put(const std::string& key, std::shared_ptr<const Answer> answer);
    bool erase(std::string_view key);
    // Every answer whose key contains `text`: "[host]:port" too, and now and then one too many, which is looked up
    // again. How many.
    std::size_t erase_containing(std::string_view text);
    void clear();
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::vector<std::pair<std::string, std::shared_ptr<const Answer>>> all() const;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
    };
    struct Shard {
        mutable std::shared_mutex mutex;
        std::unordered_map<std::string, std::shared_ptr<const Answer>, Hash, std::equal_to<>> answers;
    };
    static constexpr std::size_t shard_count = 64;
    static std::size_t shard_of(std::string_view key) { return Hash{}(key) % shard_count; }
    std::array<Shard, shard_count> shards_;
};

}  // namespace postseal::sender
