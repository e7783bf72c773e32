#include "sender/collector.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "net/listen_address.h"
#include "tlsrpt/aggregate.h"
#include "tlsrpt/datagram.h"

namespace postseal::sender {

namespace {

constexpr std::string_view component = "collector";
constexpr std::size_t datagram_bytes_max = 256 * 1024;  // libtlsrpt cannot send more than SO_SNDBUF, 208 KiB
constexpr std::size_t batch = 32;
constexpr int receive_buffer_bytes = 16 << 20;
constexpr int queue_length_advised = 512;

}  // namespace

struct Collector::Impl {
    Impl(CollectorSettings its_settings, store::Store& its_store, const Clock& its_clock, Log& its_log)
        : settings(std::move(its_settings)), store(its_store), clock(its_clock), log(its_log) {}

    Result<void> open() {
        POSTSEAL_TRY(const net::ListenAddress address, net::parse_listen_address("unix:" + settings.socket));
        // The kernel reads net.unix.max_dgram_qlen when a socket is made: checked now, with the remedy.
        check_queue_length();
        POSTSEAL_TRY(socket, net::bind_datagram(address, net::Sharing::exclusive, settings.socket_mode));
        // FORCE passes rmem_max where we may; otherwise the kernel's limit applies.
        if (::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof receive_buffer_bytes) !=
            0) {
            ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
        }
        wake = net::Socket(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!wake.valid()) {
            return Error{Errc::unavailable, "eventfd", std::generic_category().message(errno)};
        }
        drain_thread = std::thread([this] { drain(); });
        count_thread = std::thread([this] { count(); });
        return {};
    }

    void check_queue_length() {
        std::ifstream file("/proc/sys/net/unix/max_dgram_qlen");
        int length = 0;
        if (file >> length && length < queue_length_advised) {
            log.warning(component,
                        fmt::format("net.unix.max_dgram_qlen is {}: Postfix loses events when more arrive at "
                                    "once; set it to {} by sysctl and restart",
                                    length, queue_length_advised));
        }
    }

    // The drain thread: receive, append, wake the other. Nothing here touches the disk.
    void drain() {
        std::vector<Bytes> buffers(batch, Bytes(datagram_bytes_max));
        std::array<mmsghdr, batch> messages{};
        std::array<iovec, batch> vectors{};
        std::array<pollfd, 2> polled{{{socket.fd(), POLLIN, 0}, {wake.fd(), POLLIN, 0}}};
        while (true) {
            // Read before the socket is: who asks later may have sent a datagram after we found it empty.
            const std::uint64_t wanted = flush_wanted.load();
            const bool last = stopping.load();
            for (std::size_t i = 0; i < batch; ++i) {
                vectors.at(i) = {buffers[i].data(), buffers[i].size()};
                messages.at(i).msg_hdr = {};
                messages.at(i).msg_hdr.msg_iov = &vectors.at(i);
                messages.at(i).msg_hdr.msg_iovlen = 1;
            }
            const int count = ::recvmmsg(socket.fd(), messages.data(), batch, MSG_DONTWAIT, nullptr);
            if (count > 0) {
                take(buffers, messages, static_cast<std::size_t>(count));
                continue;
            }
            // Nothing was left to receive.
            if (wanted > socket_empty_at.load()) {
                const std::lock_guard lock(mutex);
                socket_empty_at.store(wanted);
                changed.notify_all();
            }
            if (last) {
                return;
            }
            ::poll(polled.data(), polled.size(), -1);
            std::uint64_t woken = 0;
            (void)!::read(wake.fd(), &woken, sizeof woken);
        }
    }

    void take(const std::vector<Bytes>& buffers, const std::array<mmsghdr, batch>& messages, std::size_t count) {
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < count; ++i) {
            const mmsghdr& message = messages.at(i);
            counters.received.fetch_add(1, std::memory_order_relaxed);
            if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
                counters.truncated.fetch_add(1, std::memory_order_relaxed);
            } else if (queued_bytes + message.msg_len > settings.queue_bytes_max) {
                counters.dropped.fetch_add(1, std::memory_order_relaxed);
            } else {
                queue.emplace_back(buffers[i].begin(), buffers[i].begin() + message.msg_len);
                queued_bytes += message.msg_len;
            }
        }
        changed.notify_all();
    }

    // The counting thread: parse, aggregate, flush.
    void count() {
        auto last_flush = std::chrono::steady_clock::now();
        std::unique_lock lock(mutex);
        while (true) {
            changed.wait_for(lock, settings.flush_interval,
                             [&] { return !queue.empty() || socket_empty_at.load() > flush_done || drained; });
            std::vector<Bytes> taken;
            taken.swap(queue);
            queued_bytes = 0;
            const std::uint64_t wanted = socket_empty_at.load();
            const bool last = drained && taken.empty();
            lock.unlock();
            for (const Bytes& datagram : taken) {
                add(datagram);
            }
            const auto now = std::chrono::steady_clock::now();
            Result<void> flushed;
            if (last || wanted > flush_done || now - last_flush >= settings.flush_interval) {
                flushed = write();
                last_flush = now;
            }
            lock.lock();
            ended = last;
            if (wanted > flush_done || last) {
                flush_done = wanted;
                flush_result = flushed;
                changed.notify_all();
            }
            if (last) {
                return;
            }
        }
    }

    void add(const Bytes& datagram) {
        const Result<tlsrpt::Session> session = tlsrpt::parse_datagram(datagram);
        if (!session) {
            if (counters.rejected.fetch_add(1) % 1000 == 0) {  // the first, and then one in a thousand
                log.warning(component, "a datagram was rejected: " + session.error().message());
            }
            return;
        }
        if (!session->protocol_version_known && !version_warned) {
            version_warned = true;
            log.warning(component, "datagrams come with an unknown protocol version (dpv is not 1); they are counted");
        }
        counters.sessions.fetch_add(1, std::memory_order_relaxed);
        aggregate.add(std::chrono::floor<std::chrono::days>(clock.now()), *session);
    }

    // What cannot be written stays in memory and is tried again with the next flush.
    Result<void> write() {
        if (aggregate.empty()) {
            return {};
        }
        std::vector<tlsrpt::Count> counts = aggregate.take();
        Result<void> added = store.session_counts.add(counts);
        if (!added) {
            log.error(component, "the counts could not be stored and are kept in memory: " + added.error().message());
            for (const tlsrpt::Count& kept : counts) {
                aggregate.add(kept);
            }
        }
        return added;
    }

    Result<void> flush() {
        std::unique_lock lock(mutex);
        const std::uint64_t mine = ++flush_wanted;
        wake_drain();
        changed.wait(lock, [&] { return flush_done >= mine || ended; });
        return flush_result;
    }

    void wake_drain() const {
        const std::uint64_t one = 1;
        (void)!::write(wake.fd(), &one, sizeof one);
    }

    void stop() {
        // From here on a sender is told that nobody listens (EPIPE); what the socket has taken can still be read.
        ::shutdown(socket.fd(), SHUT_RD);
        stopping.store(true);
        wake_drain();
        if (drain_thread.joinable()) {
            drain_thread.join();
        }
        {
            const std::lock_guard lock(mutex);
            drained = true;
            changed.notify_all();
        }
        if (count_thread.joinable()) {
            count_thread.join();
        }
        socket.close();
    }

    CollectorSettings settings;
    store::Store& store;
    const Clock& clock;
    Log& log;
    CollectorCounters counters;
    net::Socket socket;
    net::Socket wake;  // an eventfd
    std::atomic<bool> stopping{false};
    // Flushes are numbered: asked for, reached by the drain thread with an empty socket, written.
    std::atomic<std::uint64_t> flush_wanted{0};
    std::atomic<std::uint64_t> socket_empty_at{0};

    std::mutex mutex;  // over what follows
    std::condition_variable changed;
    std::vector<Bytes> queue;
    std::size_t queued_bytes = 0;
    bool drained = false;  // the drain thread has ended
    bool ended = false;    // the counting thread has
    std::uint64_t flush_done = 0;
    Result<void> flush_result;

    // Of the counting thread alone.
    tlsrpt::Aggregate aggregate;
    bool version_warned = false;

    std::thread drain_thread;
    std::thread count_thread;
};

Collector::Collector(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Collector::~Collector() {
    stop();
}

void Collector::stop() {
    impl_->stop();
}

Result<std::unique_ptr<Collector>> Collector::start(CollectorSettings settings, store::Store& store, const Clock& clock,
                                                    Log& log) {
    auto impl = std::make_unique<Impl>(std::move(settings), store, clock, log);
    if (auto opened = impl->open(); !opened) {
        return opened.error();
    }
    return std::unique_ptr<Collector>(new Collector(std::move(impl)));
}

Result<void> Collector::flush() {
    return impl_->flush();
}

const CollectorCounters& Collector::counters() const {
    return impl_->counters;
}

}  // namespace postseal::sender
