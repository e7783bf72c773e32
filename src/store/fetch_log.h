// Who has fetched which version of a hosted policy: counts per day, since when each node has kept them, and where
// something is missing (design §4 rule 6: what the log proves may shorten a retirement, so it has to know its gaps).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/database.h"

namespace postseal::store {

// Of one domain, version, sender and UTC day.
struct FetchCount {
    std::int64_t domain = 0;   // Domain::id
    std::int64_t version = 0;  // PolicyVersion::version
    std::string agent;         // who it says that it is; hosting decides the words
    std::string network;       // "192.0.2.0/24", an address, or "" when that is not kept (any more)
    Day day;
    std::int64_t fetches = 0;
    TimePoint first;
    TimePoint last;
    friend bool operator==(const FetchCount&, const FetchCount&) = default;
};

// One run of a node's policy host: all that it served from `since` to `until` is in the log, but for the gaps.
struct FetchSpan {
    std::string node;
    TimePoint since;  // with node: the key
    TimePoint until;
    bool closed = false;  // ended as it should. Otherwise, when it no longer runs, its last moments are missing
};

struct FetchGap {
    std::string node;
    TimePoint since;
    TimePoint until;
    std::int64_t lost = 0;  // fetches; 0 = not known how many
};

class FetchLogs {
public:
    explicit FetchLogs(Database& database) : database_(&database) {}

    // In one transaction: adds to the counts, moves the span's end on, notes the gaps.
    Result<void> add(const std::vector<FetchCount>& counts, const FetchSpan& span, const std::vector<FetchGap>& gaps);
    // Spans of the node that were left open by a process that was killed, closed with a gap of `at_least` at their end.
    // Returns how many.
    Result<std::int64_t> close_left_open(const std::string& node, Seconds at_least);

    // By version, agent, network and day.
    Result<std::vector<FetchCount>> of(std::int64_t domain);
    Result<std::vector<FetchSpan>> spans();  // by node and time
    Result<std::vector<FetchGap>> gaps();

    Result<void> erase_before(Day day);
    // Adds up what different networks of an agent did before that day.
    Result<void> forget_networks_before(Day day);

private:
    Database* database_;
};

}  // namespace postseal::store
