// Datagrams that have come before, byte for byte, and what they said: an MTA tells the same of each session with a
// destination, and reading it once is enough. Bounded; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "tlsrpt/datagram.h"

namespace postseal::sender {

class RecentDatagrams {
public:
    // The session that just these bytes told of before; nullptr: not known.
    [[nodiscard]] const tlsrpt::Session* find(ByteView datagram) const;
    // The same, and it is counted once more.
    const tlsrpt::Session* count_again(ByteView datagram);
    // Not at the first sight: what comes once would only fill the memory. Does nothing when full.
    void remember(ByteView datagram, const tlsrpt::Session& session);
    [[nodiscard]] bool is_full() const;

    // Each that was counted again since it was last taken, with the times.
    void take(const std::function<void(const tlsrpt::Session&, std::uint64_t)>& take_one);
    void clear();  // what was not taken is gone

private:
    struct Known {
        std::string bytes;
        tlsrpt::Session session;
        std::uint64_t times = 0;
    };

    std::deque<Known> known_;                                // does not move what it holds
    std::unordered_map<std::string_view, Known*> by_bytes_;  // views of known_
    std::vector<Known*> counted_;
    std::size_t bytes_ = 0;
    std::vector<std::uint32_t> sightings_ = std::vector<std::uint32_t>(std::size_t{1} << 16);
};

}  // namespace postseal::sender
