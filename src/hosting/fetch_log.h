// Who has fetched which version of a policy, and what follows from it: who may still hold an old one, and how early a
// retirement may end (rule 6, RFC 8461 §8.3).
//
// FetchLog takes the notes of the policy host. The request's own thread only adds to a count in memory; a thread of the
// log writes them to the store. A store that is slow or away costs memory up to a bound, never a fetch: what does not
// fit is counted and makes the log incomplete for that time. The rest of this file is pure.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/record.h"
#include "hosting/known_senders.h"
#include "hosting/life_cycle.h"
#include "store/fetch_log.h"

namespace postseal::hosting {

// What our own reading back says of itself (rule 3): no sender.
constexpr std::string_view read_back_agent = "Postseal-read-back";

struct FetchLogSettings {
    std::string node;                                                             // of several on one database
    enum class Addresses { none, network, full } addresses = Addresses::network;  // network: IPv4 /24, IPv6 /48
    int keep_days = 400;           // longer than a max_age may be (RFC 8461 §3.2)
    int keep_addresses_days = 30;  // then they are added up under ""
    std::chrono::milliseconds flush_every{2000};
    std::chrono::seconds heartbeat{30};     // the end of the span is moved on at least so often
    std::size_t waiting_max = 200'000;      // rows in memory that the store has not taken
    std::size_t senders_per_day_max = 500;  // of a version; further ones are "other" without a network
};

class FetchLog {
public:
    // What the store does, or a test in its place.
    struct Target {
        std::function<Result<void>(const std::vector<store::FetchCount>&, const store::FetchSpan&,
                                   const std::vector<store::FetchGap>&)>
            add;
        std::function<Result<void>(Day counts_before, Day networks_before)> forget;  // once a day
    };
    static Target to(store::FetchLogs& logs);

    // Starts its thread.
    FetchLog(FetchLogSettings settings, Target target, const Clock& clock, Log& log);
    FetchLog(const FetchLog&) = delete;
    FetchLog& operator=(const FetchLog&) = delete;
    ~FetchLog();  // stop()

    // Any thread; returns at once.
    void note(std::int64_t domain, std::int64_t version, std::string_view user_agent,
              const std::optional<dns::IpAddress>& peer);
    // Writes what is left and closes the span. After the listeners have ended.
    void stop();

    struct Counters {
        std::atomic<std::uint64_t> fetches = 0;  // noted
        std::atomic<std::uint64_t> dropped = 0;
        std::atomic<std::uint64_t> flush_failures = 0;
        std::atomic<std::uint64_t> waiting = 0;  // rows
    };
    [[nodiscard]] const Counters& counters() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- What follows. Pure.

// For which time the log knows every fetch of every node.
struct FetchCoverage {
    std::optional<TimePoint> since;  // none: never
    TimePoint until;                 // of the node that is furthest behind; max() when no node runs
    std::vector<store::FetchGap> gaps;
    [[nodiscard]] bool covers(TimePoint from, TimePoint to) const;
};
FetchCoverage coverage_of(const std::vector<store::FetchSpan>& spans, std::vector<store::FetchGap> gaps);

// As far as a span may lag behind while all is well: a flush, a heartbeat, a busy machine.
constexpr Seconds coverage_lag{120};

struct FetchSender {
    std::string agent;  // sender_id()
    std::string name;
    SenderKind kind = SenderKind::unknown;
    std::vector<std::string> networks;  // at most 20, without ""
    std::int64_t fetches = 0;
    TimePoint first;
    TimePoint last;
    std::optional<TimePoint> may_hold_until;  // last + max_age; none for mode none, which binds nobody
};

struct VersionFetches {
    const store::PolicyVersion* version = nullptr;  // of the `versions` given
    std::vector<FetchSender> senders;               // that fetched last first
    // Until when a sender may hold this version: by the log where that is complete, else by when it was served last.
    std::optional<TimePoint> held_until;
    bool proven = false;  // by the log
};
// Newest version first. A version that nobody fetched is there, with no senders.
std::vector<VersionFetches> fetches_by_version(const Versions& versions, const std::vector<store::FetchCount>& counts,
                                               const FetchCoverage& coverage, TimePoint now);

// How many senders may enforce at `now` what they fetched: distinct, over all versions in enforce. Nothing where the
// log does not know all of them.
std::optional<std::int64_t> senders_enforcing(const Versions& versions, const std::vector<store::FetchCount>& counts,
                                              const FetchCoverage& coverage, TimePoint now);

// What the store knows of a domain's fetches, for these functions.
struct FetchEvidence {
    std::vector<store::FetchCount> counts;
    FetchCoverage coverage;
};
Result<FetchEvidence> fetch_evidence(store::FetchLogs& logs, std::int64_t domain);

// `versions` as senders can hold them: `last_served` of a replaced version moved back to its last fetch, where the log
// knows every fetch of the time in which it was served; a version that nobody fetched is left out. For
// retirement_bound() and enforced_until(), which then say the shorter time. Where the log knows less, nothing changes.
Versions as_held(const Versions& versions, const std::vector<store::FetchCount>& counts, const FetchCoverage& coverage);

}  // namespace postseal::hosting
