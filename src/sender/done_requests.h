// Requests that were done, by the key that their sender gave them (Idempotency-Key,
// draft-ietf-httpapi-idempotency-key-header): who asks again with the key of a request that was counted gets its
// answer, and nothing is counted twice. Kept in memory, for a while.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "base/time.h"

namespace postseal::sender {

class DoneRequests {
public:
    struct Limits {
        std::size_t keys_max = 100'000;  // the oldest go first
        Seconds kept{24 * 3600};
    };
    struct Answer {
        int status = 0;
        std::string body;
    };
    enum class Known { no, under_way, done, of_another_body };
    struct Found {
        Known known = Known::no;
        Answer answer;  // when done
    };

    explicit DoneRequests(Limits limits) : limits_(limits) {}
    // Any thread, all of them. `no`: the key is taken now, and finish() or forget() must follow.
    Found begin(const std::string& key, const Sha256& body, TimePoint now);
    void finish(const std::string& key, Answer answer);
    void forget(const std::string& key);

private:
    struct Entry {
        Sha256 body{};
        std::optional<Answer> answer;
        std::uint64_t number = 0;
    };
    struct Age {
        TimePoint at;
        std::string key;
        std::uint64_t number = 0;
    };
    void drop_old(TimePoint now);

    Limits limits_;
    std::mutex mutex_;  // over what follows
    std::unordered_map<std::string, Entry> entries_;
    std::deque<Age> by_age_;
    std::uint64_t numbered_ = 0;
};

}  // namespace postseal::sender
