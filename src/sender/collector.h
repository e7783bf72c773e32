// The collector: datagrams of libtlsrpt from Postfix, and sessions that other intakes bring, counted in memory and
// flushed to the store twice a second. The thread that drains the socket does nothing else, because the kernel queues
// only a handful of datagrams and Postfix does not wait (design §5).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "net/listen_address.h"
#include "store/store.h"
#include "tlsrpt/datagram.h"
#include "tlsrpt/session_table.h"

namespace postseal::sender {

struct CollectorSettings {
    std::string socket;  // path; "" = none, sessions come by add() alone
    unsigned socket_mode = 0622;
    std::string socket_group{};  // "" = the process's own
    // A file that is there while the collector runs, so that the next start knows of a crash; "" = none.
    std::string running_file{};
    std::chrono::milliseconds flush_interval{500};
    std::size_t queue_bytes_max = 256U << 20;  // received and not yet parsed
    std::size_t queue_sessions_max = 100'000;  // of add(), not yet counted
    tlsrpt::SessionTable::Limits caps{};       // what remote hosts may make us remember of a day
};

struct CollectorCounters {
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> rejected{0};    // malformed
    std::atomic<std::uint64_t> truncated{0};   // larger than our buffer
    std::atomic<std::uint64_t> dropped{0};     // the queue was full
    std::atomic<std::uint64_t> sessions{0};    // counted
    std::atomic<std::uint64_t> queue_full{0};  // times that the kernel's queue was read full: events may have been lost
    std::atomic<std::uint64_t> unclean_end{0};  // 1: the run before this one lost what it had not flushed
    std::atomic<std::uint64_t> flush_failures{0};
    std::atomic<std::uint64_t> waiting{0};  // sessions that are counted and not yet in the store
    // Sessions that carried our own reports, and those that may have: not counted (see report_sessions.h).
    std::atomic<std::uint64_t> report_sessions{0};
    std::atomic<std::uint64_t> kept_back{0};  // now
    // Beyond the caps: see SessionTable::OverCap.
    std::atomic<std::uint64_t> over_cap_domains{0};
    std::atomic<std::uint64_t> over_cap_policies{0};
    std::atomic<std::uint64_t> over_cap_failures{0};
};

class Collector {
public:
    // Binds the socket and starts the threads. Errors: the path is taken, not writable, or too long; an unknown group.
    // `inherited` takes the socket's place: systemd has bound it, and it outlives the process.
    static Result<std::unique_ptr<Collector>> start(CollectorSettings settings, store::Store& store, const Clock& clock,
                                                    Log& log, net::Socket inherited = {});
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    ~Collector();  // stop()

    // Takes what has arrived, puts it into the store and ends the threads; flush() then does nothing. Once is enough.
    void stop();
    // Any thread: sessions that another intake has parsed, counted like those of datagrams, under today. All or none;
    // false when too many wait already or the collector has stopped: the sender may come again.
    [[nodiscard]] bool add(std::vector<tlsrpt::Session> sessions);
    // Any thread. Blocks until everything that was sent or added before the call is in the store.
    Result<void> flush();
    [[nodiscard]] const CollectorCounters& counters() const;

private:
    struct Impl;
    explicit Collector(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace postseal::sender
