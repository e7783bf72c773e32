#include "sender/collector.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "net/socket_group.h"
#include "sender/recent_datagrams.h"
#include "sender/report_sessions.h"
#include "sender/running_file.h"
#include "tlsrpt/datagram.h"

namespace postseal::sender {

namespace {

constexpr std::string_view component = "collector";
constexpr std::size_t datagram_bytes_max = 256 * 1024;  // libtlsrpt cannot send more than SO_SNDBUF, 208 KiB
constexpr std::size_t batch = 64;
// Apart by more than a datagram can have, and not by a power of two: else all would fall into the same cache lines.
constexpr std::size_t buffer_stride = datagram_bytes_max + 9 * 64;
constexpr std::size_t wake_bytes = std::size_t{1} << 20;  // so much is worth a change of threads
constexpr int try_again_ms = 1;
constexpr std::size_t queue_length_advised = 512;
constexpr std::size_t rows_per_transaction = 4096;
constexpr std::chrono::minutes between_complaints{1};
constexpr std::chrono::hours between_cap_complaints{1};

// What the drain thread has received, one datagram behind the other.
struct Received {
    struct Stretch {
        Day day;  // of arrival (RFC 8460 §4.1)
        std::size_t datagrams = 0;
    };
    Bytes bytes;
    std::vector<std::uint32_t> lengths;
    std::vector<Stretch> days;

    [[nodiscard]] bool empty() const { return lengths.empty(); }
    void add(Day day, ByteView datagram) {
        if (days.empty() || days.back().day != day) {
            days.push_back({day});
        }
        ++days.back().datagrams;
        lengths.push_back(static_cast<std::uint32_t>(datagram.size()));
        bytes.insert(bytes.end(), datagram.begin(), datagram.end());
    }
    void add(const Received& later) {
        for (const Stretch& stretch : later.days) {
            if (days.empty() || days.back().day != stretch.day) {
                days.push_back({stretch.day});
            }
            days.back().datagrams += stretch.datagrams;
        }
        lengths.insert(lengths.end(), later.lengths.begin(), later.lengths.end());
        bytes.insert(bytes.end(), later.bytes.begin(), later.bytes.end());
    }
    // Keeps its memory, unless a flood has made it large.
    void clear() {
        constexpr std::size_t kept_bytes = 8 * wake_bytes;
        if (bytes.capacity() > kept_bytes) {
            *this = {};
        }
        bytes.clear();
        lengths.clear();
        days.clear();
    }
};

// How many datagrams the kernel queues for a socket that is made now. The receiver's SO_RCVBUF limits nothing on a unix
// socket: what waits is charged to its sender, and Postfix opens a socket for each event, so that its SO_SNDBUF bounds
// the size of one datagram only.
std::optional<std::size_t> queue_length() {
    std::ifstream file("/proc/sys/net/unix/max_dgram_qlen");
    std::size_t length = 0;
    return file >> length ? std::optional(length) : std::nullopt;
}

// Of the calling thread: short turns, and soon after it wakes. A queue of ten is full within a fifth of a millisecond,
// where others have turns of several. Since Linux 6.12 anybody may ask for it; an older kernel does not listen.
void ask_for_short_turns() {
    struct {  // sched_setattr(2); the kernel's header does not go with the C library's
        std::uint32_t size = sizeof(std::uint32_t) * 4 + sizeof(std::uint64_t) * 4;
        std::uint32_t policy = SCHED_OTHER;
        std::uint64_t flags = 0;
        std::int32_t nice = 0;
        std::uint32_t priority = 0;
        std::uint64_t turn_ns = 100'000;
        std::uint64_t deadline = 0;
        std::uint64_t period = 0;
    } attributes;
    (void)::syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

// Of the calling thread: it can wait, unlike the one that drains the socket.
void give_way() {
    constexpr int niceness = 5;
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}

}  // namespace

struct Collector::Impl {
    Impl(CollectorSettings its_settings, store::Store& its_store, const Clock& its_clock, Log& its_log,
         net::Socket inherited)
        : settings(std::move(its_settings)),
          store(its_store),
          clock(its_clock),
          log(its_log),
          socket(std::move(inherited)),
          is_inherited(socket.valid()),
          sessions(settings.caps),
          report_sessions(its_store.handed_reports, its_clock, its_log) {}

    Result<void> open() {
        if (auto opened = open_socket(); !opened) {
            return opened;
        }
        POSTSEAL_TRY(running_file, RunningFile::create(settings.running_file));
        if (const auto& last = running_file.left_behind()) {
            counters.unclean_end = 1;
            log.warning(component,
                        fmt::format("the last run did not end cleanly: sessions of its last {} ms, after {}, may be "
                                    "missing from the reports",
                                    settings.flush_interval.count(), to_rfc3339(*last)));
        }
        wake = net::Socket(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!wake.valid()) {
            return Error{Errc::unavailable, "eventfd", std::generic_category().message(errno)};
        }
        if (socket.valid()) {
            drain_thread = std::thread([this] { drain(); });
        }
        count_thread = std::thread([this] { count(); });
        return {};
    }

    Result<void> open_socket() {
        if (is_inherited) {
            const int flags = ::fcntl(socket.fd(), F_GETFL);
            if (flags < 0 || ::fcntl(socket.fd(), F_SETFL, flags | O_NONBLOCK) != 0) {
                return Error{Errc::unavailable, "the socket of systemd", std::generic_category().message(errno)};
            }
        } else if (!settings.socket.empty()) {
            POSTSEAL_TRY(const net::ListenAddress address, net::parse_listen_address("unix:" + settings.socket));
            POSTSEAL_TRY(socket, net::bind_datagram(address, net::Sharing::exclusive, settings.socket_mode));
            if (auto given = net::give_to_group(address, settings.socket_group); !given) {
                return given;
            }
        } else {
            return {};
        }
        // Read by the kernel when a socket is made, so that only a new one sees a change.
        const auto length = queue_length();
        queue_holds = length.value_or(0) + 1;  // the kernel refuses when more than the length wait
        if (length && *length < queue_length_advised) {
            log.warning(component,
                        fmt::format("net.unix.max_dgram_qlen is {}: Postfix loses events when more arrive "
                                    "at once; set it to {} by sysctl and restart {}",
                                    *length, queue_length_advised, is_inherited ? "the socket unit" : "the collector"));
        }
        return {};
    }

    // The drain thread: receive, append, wake the other. Nothing here touches the disk.
    void drain() {
        ask_for_short_turns();
        // Not initialised: what no datagram fills costs no memory.
        const std::unique_ptr<std::uint8_t[]> buffers(new std::uint8_t[batch * buffer_stride]);
        std::array<mmsghdr, batch> messages{};
        std::array<iovec, batch> vectors{};
        for (std::size_t i = 0; i < batch; ++i) {
            vectors.at(i) = {buffers.get() + i * buffer_stride, datagram_bytes_max};
            messages.at(i).msg_hdr.msg_iov = &vectors.at(i);
            messages.at(i).msg_hdr.msg_iovlen = 1;
        }
        std::array<pollfd, 2> polled{{{socket.fd(), POLLIN, 0}, {wake.fd(), POLLIN, 0}}};
        std::size_t at_once = 0;
        while (true) {
            // Read before the socket is: who asks later may have sent a datagram after we found it empty.
            const std::uint64_t wanted = flush_wanted.load();
            const bool last = stopping.load();
            const int count = ::recvmmsg(socket.fd(), messages.data(), batch, MSG_DONTWAIT, nullptr);
            if (count > 0) {
                take({messages.data(), static_cast<std::size_t>(count)});
                at_once += static_cast<std::size_t>(count);
                if (static_cast<std::size_t>(count) == batch) {
                    if (fresh.bytes.size() >= wake_bytes) {
                        hand_over(socket_empty_at.load(), false);
                    }
                    continue;
                }
            }
            // Nothing was left to receive.
            if (queue_holds > 1 && at_once >= queue_holds) {
                counters.queue_full.fetch_add(1, std::memory_order_relaxed);
            }
            at_once = 0;
            const bool handed_over = hand_over(wanted, last);
            if (last) {
                return;
            }
            ::poll(polled.data(), polled.size(), handed_over ? -1 : try_again_ms);
            if (polled[1].revents != 0) {
                std::uint64_t woken = 0;
                (void)!::read(wake.fd(), &woken, sizeof woken);
            }
        }
    }

    void take(std::span<const mmsghdr> messages) {
        const Day today = std::chrono::floor<std::chrono::days>(clock.now());
        counters.received.fetch_add(messages.size(), std::memory_order_relaxed);
        for (const mmsghdr& message : messages) {
            if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
                counters.truncated.fetch_add(1, std::memory_order_relaxed);
            } else if (queued_bytes + fresh.bytes.size() + message.msg_len > settings.queue_bytes_max) {
                counters.dropped.fetch_add(1, std::memory_order_relaxed);
            } else {
                const auto* begin = static_cast<const std::uint8_t*>(message.msg_hdr.msg_iov->iov_base);
                fresh.add(today, {begin, message.msg_len});
            }
        }
    }

    // What was received, to the counting thread, and that the socket was empty when flush `wanted` had been asked for.
    // False when the lock was not to be had: waiting for a thread that holds it and has no turn would cost events.
    bool hand_over(std::uint64_t wanted, bool in_any_case) {
        std::unique_lock lock(mutex, std::defer_lock);
        if (in_any_case) {
            lock.lock();
        } else if (!lock.try_lock()) {
            return false;
        }
        queue.add(fresh);
        fresh.clear();
        queued_bytes = queue.bytes.size();
        // The counting thread looks by itself when a flush is due: being woken for each datagram would cost more than
        // the datagram.
        if (queued_bytes >= wake_bytes || wanted > socket_empty_at.load()) {
            socket_empty_at.store(wanted);
            changed.notify_all();
        }
        return true;
    }

    bool add(std::vector<tlsrpt::Session> more) {
        const Day today = std::chrono::floor<std::chrono::days>(clock.now());
        const std::lock_guard lock(mutex);
        if (drained || added.size() + more.size() > settings.queue_sessions_max) {
            return false;
        }
        for (tlsrpt::Session& session : more) {
            added.emplace_back(today, std::move(session));
        }
        return true;
    }

    // The counting thread: parse, aggregate, flush.
    void count() {
        give_way();
        auto next_flush = std::chrono::steady_clock::now() + settings.flush_interval;
        Received taken;
        std::vector<std::pair<Day, tlsrpt::Session>> taken_sessions;
        std::unique_lock lock(mutex);
        while (true) {
            changed.wait_until(lock, next_flush, [&] {
                return queue.bytes.size() >= wake_bytes || socket_empty_at.load() > flush_done || drained;
            });
            std::swap(taken, queue);
            std::swap(taken_sessions, added);
            const std::uint64_t wanted = socket_empty_at.load();
            const bool last = drained;
            lock.unlock();
            if (!taken.empty() || !taken_sessions.empty() || report_sessions.kept_back() > 0) {
                report_sessions.refresh();
            }
            count_all(taken);
            for (const auto& [day, session] : taken_sessions) {
                if (!carries_report(day, session)) {
                    note_counted(session);
                    sessions.add(day, session);
                }
            }
            count_released();
            taken.clear();
            taken_sessions.clear();
            Result<void> flushed;
            const auto now = std::chrono::steady_clock::now();
            if (last || wanted > flush_done || now >= next_flush) {
                flushed = write();
                next_flush = now + settings.flush_interval;
            }
            if (last) {
                end(flushed);
            }
            lock.lock();
            if (wanted > flush_done || last) {
                flush_done = wanted;
                flush_result = flushed;
                ended = last;
                changed.notify_all();
            }
            if (last) {
                return;
            }
        }
    }

    void count_all(const Received& taken) {
        ByteView rest = taken.bytes;
        auto length = taken.lengths.begin();
        for (const Received::Stretch& stretch : taken.days) {
            for (std::size_t i = 0; i < stretch.datagrams; ++i, ++length) {
                count_datagram(stretch.day, rest.first(*length));
                rest = rest.subspan(*length);
            }
        }
    }

    void count_datagram(Day day, ByteView datagram) {
        if (day != recent_day) {
            (void)write();  // midnight: yesterday leaves its room to today
            recent_day = day;
        }
        if (report_sessions.expects_any()) {
            const tlsrpt::Session* known = recent.find(datagram);
            if (known != nullptr && carries_report(day, *known)) {
                return;
            }
        }
        if (const tlsrpt::Session* known = recent.count_again(datagram)) {
            note_counted(*known);
            return;
        }
        const Result<tlsrpt::Session> session = tlsrpt::parse_datagram(datagram);
        if (!session) {
            if (counters.rejected.fetch_add(1) % 1000 == 0) {  // the first, and then one in a thousand
                log.warning(component, "a datagram was rejected: " + session.error().message());
            }
            return;
        }
        if (carries_report(day, *session)) {
            return;
        }
        note_counted(*session);
        sessions.add(day, *session);
        if (recent.is_full()) {
            settle();
            recent.clear();
        }
        recent.remember(datagram, *session);
    }

    // Rule 15: a session that carries a report is not counted.
    bool carries_report(Day day, const tlsrpt::Session& session) {
        return report_sessions.expects(session.domain) && report_sessions.keeps_back(day, session);
    }

    void count_released() {
        for (const auto& [day, session] : report_sessions.take_released()) {
            note_counted(session);
            sessions.add(day, session);
        }
        counters.report_sessions = report_sessions.taken_off();
        counters.kept_back = report_sessions.kept_back();
    }

    void note_counted(const tlsrpt::Session& session) {
        counters.sessions.fetch_add(1, std::memory_order_relaxed);
        counters.waiting.fetch_add(1, std::memory_order_relaxed);
        if (!session.protocol_version_known && !std::exchange(version_warned, true)) {
            log.warning(component, "datagrams come with an unknown protocol version (dpv is not 1); they are counted");
        }
    }

    // Datagrams that were recognised, into the table.
    void settle() {
        recent.take(
            [&](const tlsrpt::Session& session, std::uint64_t times) { sessions.add(recent_day, session, times); });
    }

    // What cannot be written stays in memory and is tried again with the next flush.
    Result<void> write() {
        settle();
        say_what_was_lost();
        const TimePoint now = clock.now();
        const bool something = !sessions.empty();
        while (!sessions.empty()) {
            const std::vector<tlsrpt::Count> counts = sessions.take(rows_per_transaction);
            if (auto written = store.session_counts.add(counts); !written) {
                keep(counts, written.error());
                return written;
            }
        }
        if (std::exchange(store_is_down, false)) {
            log.info(component, fmt::format("the counts can be stored again: {} sessions that were kept in memory are "
                                            "in the store",
                                            counters.waiting.load()));
        }
        counters.waiting = 0;
        sessions.forget_before(std::chrono::floor<std::chrono::days>(now));
        if (something) {
            running_file.touch(now);
        }
        return {};
    }

    void keep(const std::vector<tlsrpt::Count>& counts, const Error& why) {
        counters.flush_failures.fetch_add(1, std::memory_order_relaxed);
        if (!std::exchange(store_is_down, true)) {
            log.error(component, "the counts cannot be stored and are kept in memory until they can: " + why.message());
        }
        for (const tlsrpt::Count& count : counts) {
            sessions.add(count);
        }
    }

    // The drain thread does not write logs.
    void say_what_was_lost() {
        const auto now = std::chrono::steady_clock::now();
        say_what_is_over_the_caps(now);
        const std::uint64_t full = counters.queue_full.load();
        const std::uint64_t gone = counters.dropped.load() + counters.truncated.load();
        if ((full == full_said && gone == gone_said) || (losses_said && now < *losses_said + between_complaints)) {
            return;
        }
        losses_said = now;
        if (full > full_said) {
            log.warning(component, fmt::format("the kernel's queue of {} datagrams was full {} times: Postfix may have "
                                               "lost events, and then says so in its log",
                                               queue_holds, full - full_said));
        }
        if (gone > gone_said) {
            log.warning(component, fmt::format("{} datagrams were lost: larger than {} bytes, or more than {} bytes "
                                               "waited",
                                               gone - gone_said, datagram_bytes_max, settings.queue_bytes_max));
        }
        full_said = full;
        gone_said = gone;
    }

    void say_what_is_over_the_caps(std::chrono::steady_clock::time_point now) {
        const tlsrpt::SessionTable::OverCap over = sessions.over_cap();
        counters.over_cap_domains = over.domains;
        counters.over_cap_policies = over.policies;
        counters.over_cap_failures = over.failures;
        if (over == over_said || (caps_said && now < *caps_said + between_cap_complaints)) {
            return;
        }
        log.warning(component,
                    fmt::format("more is told than is kept of a day: {} sessions are of domains beyond {} rows "
                                "in all and in no report; {} are under \"other\" policies, {} failures under "
                                "\"other\" failures of their domain",
                                over.domains - over_said.domains, settings.caps.rows_max,
                                over.policies - over_said.policies, over.failures - over_said.failures));
        over_said = over;
        caps_said = now;
    }

    void end(const Result<void>& flushed) {
        if (!flushed) {
            log.error(component, fmt::format("{} sessions are lost: the store does not take them, and the collector "
                                             "ends",
                                             counters.waiting.load()));
        }
        running_file.remove();
    }

    Result<void> flush() {
        std::unique_lock lock(mutex);
        const std::uint64_t mine = ++flush_wanted;
        if (socket.valid()) {
            wake_drain();
        } else {
            socket_empty_at.store(mine);
            changed.notify_all();
        }
        changed.wait(lock, [&] { return flush_done >= mine || ended; });
        return flush_result;
    }

    void wake_drain() const {
        const std::uint64_t one = 1;
        (void)!::write(wake.fd(), &one, sizeof one);
    }

    void stop() {
        // From here on a sender is told that nobody listens (EPIPE); what the socket has taken can still be read. Not
        // so with systemd's socket, which is also the next process's: what comes later waits there.
        if (socket.valid() && !is_inherited) {
            ::shutdown(socket.fd(), SHUT_RD);
        }
        stopping.store(true);
        if (drain_thread.joinable()) {
            wake_drain();
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
    bool is_inherited;
    std::size_t queue_holds = 0;  // datagrams in the kernel
    net::Socket wake;             // an eventfd
    std::atomic<bool> stopping{false};
    // Flushes are numbered: asked for, reached by the drain thread with an empty socket, written.
    std::atomic<std::uint64_t> flush_wanted{0};
    std::atomic<std::uint64_t> socket_empty_at{0};

    // Of the drain thread alone.
    Received fresh;
    std::size_t queued_bytes = 0;  // when it last looked

    std::mutex mutex;  // over what follows
    std::condition_variable changed;
    Received queue;
    std::vector<std::pair<Day, tlsrpt::Session>> added;
    bool drained = false;  // the drain thread has ended: nothing comes any more
    bool ended = false;    // the counting thread has
    std::uint64_t flush_done = 0;
    Result<void> flush_result;

    // Of the counting thread alone.
    tlsrpt::SessionTable sessions;
    RecentDatagrams recent;
    Day recent_day;  // whose they are
    ReportSessions report_sessions;
    tlsrpt::SessionTable::OverCap over_said;
    std::optional<std::chrono::steady_clock::time_point> caps_said;
    RunningFile running_file;
    bool version_warned = false;
    bool store_is_down = false;
    std::uint64_t full_said = 0;
    std::uint64_t gone_said = 0;
    std::optional<std::chrono::steady_clock::time_point> losses_said;

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
                                                    Log& log, net::Socket inherited) {
    auto impl = std::make_unique<Impl>(std::move(settings), store, clock, log, std::move(inherited));
    if (auto opened = impl->open(); !opened) {
        return opened.error();
    }
    return std::unique_ptr<Collector>(new Collector(std::move(impl)));
}

bool Collector::add(std::vector<tlsrpt::Session> sessions) {
    return impl_->add(std::move(sessions));
}

Result<void> Collector::flush() {
    return impl_->flush();
}

const CollectorCounters& Collector::counters() const {
    return impl_->counters;
}

}  // namespace postseal::sender
