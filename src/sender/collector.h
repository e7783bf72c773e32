// The collector: datagrams of libtlsrpt from Postfix, counted in memory and flushed to the store every second. The
// thread that drains the socket does nothing else, because the kernel queues only a handful of datagrams and Postfix
// does not wait (design §5).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/time.h"
#include "store/store.h"

namespace postseal::sender {

struct CollectorSettings {
    std::string socket;  // path
    unsigned socket_mode = 0622;
    std::chrono::milliseconds flush_interval{500};
    std::size_t queue_bytes_max = 256U << 20;  // received and not yet parsed
};

struct CollectorCounters {
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> rejected{0};   // malformed
    std::atomic<std::uint64_t> truncated{0};  // larger than our buffer
    std::atomic<std::uint64_t> dropped{0};    // the queue was full
    std::atomic<std::uint64_t> sessions{0};   // counted
};

class Collector {
public:
    // Binds the socket and starts the threads. Errors: the path is taken, not writable, or too long.
    static Result<std::unique_ptr<Collector>> start(CollectorSettings settings, store::Store& store, const Clock& clock,
                                                    Log& log);
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    ~Collector();  // stop()

    // Takes what has arrived, puts it into the store and ends the threads; flush() then does nothing. Once is enough.
    void stop();
    // Any thread. Blocks until everything that was sent before the call is in the store.
    Result<void> flush();
    [[nodiscard]] const CollectorCounters& counters() const;

private:
    struct Impl;
    explicit Collector(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace postseal::sender
