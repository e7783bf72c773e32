#include "sender/log_intake.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/text.h"
#include "net/listen_address.h"
#include "tlsrpt/exim_log.h"
#include "tlsrpt/postfix_log.h"
#include "tlsrpt/session_table.h"

namespace postseal::sender {

namespace json = boost::json;

namespace {

constexpr std::string_view component = "collector";
constexpr std::size_t chunk_bytes = std::size_t{64} * 1024;
constexpr std::size_t head_bytes = 256;  // by which a file is known again
constexpr std::size_t files_max = 8;     // renamed ones included
constexpr std::size_t uncounted_max = 1000;
constexpr std::chrono::milliseconds store_again{1000};  // after it did not take the counts
constexpr std::chrono::seconds stop_patience{2};        // for the policies of what was read
constexpr std::string_view standard_input = "-";

std::string reason_of(int error) {
    return std::generic_category().message(error);
}

// One file, or standard input: where we are in it.
struct Source {
    net::Socket file;
    std::uint64_t inode = 0;
    std::uint64_t offset = 0;  // of the next byte to read
    std::string head;          // its first bytes, as many as there were
    std::string partial;       // the beginning of a line whose end has not been written
    bool skipping = false;     // inside a line that is too long
    bool stream = false;       // no file: nothing to go back to
    std::chrono::steady_clock::time_point last_data = std::chrono::steady_clock::now();

    [[nodiscard]] std::uint64_t line_start() const { return offset - partial.size(); }
    void restart() {
        offset = 0;
        partial.clear();
        skipping = false;
        head.clear();
    }
};

std::string read_head(int fd, std::size_t bytes) {
    std::string head(bytes, '\0');
    const ssize_t got = ::pread(fd, head.data(), head.size(), 0);
    head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return head;
}

std::unique_ptr<tlsrpt::MailLog> make_parser(LogFormat format) {
    if (format == LogFormat::exim) {
        return std::make_unique<tlsrpt::EximLog>();
    }
    return std::make_unique<tlsrpt::PostfixLog>();
}

// Still what was read, and only more of it? Not after `copytruncate`, nor where the number of a deleted file came
// again.
bool goes_on(int fd, const std::string& head, std::uint64_t offset) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= offset &&
           read_head(fd, head.size()) == head;
}

}  // namespace

struct LogIntake::Impl {
    Impl(LogIntakeSettings its_settings, store::Store& its_store, net::Resolver& resolver, const Clock& its_clock,
         Log& its_log)
        : settings(std::move(its_settings)),
          store(its_store),
          clock(its_clock),
          log(its_log),
          parser(make_parser(settings.format)),
          policies(settings.policies, store, resolver, clock, log, [this] { return out_of_patience(); }) {}

    [[nodiscard]] bool out_of_patience() const { return stopping.load() && std::chrono::steady_clock::now() > stop_by; }
    [[nodiscard]] bool from_standard_input() const { return settings.file == standard_input; }

    Result<void> open() {
        if (from_standard_input()) {
            Source source;
            source.file = net::Socket(::fcntl(settings.standard_input, F_DUPFD_CLOEXEC, 0));
            source.stream = true;
            if (!source.file.valid()) {
                return Error{Errc::unavailable, "standard input", reason_of(errno)};
            }
            sources.push_back(std::move(source));
        } else {
            if (auto locked = take_lock(); !locked) {
                return locked;
            }
            POSTSEAL_TRY(const std::optional<std::string> position,
                         store.log_positions.find(settings.host, settings.file));
            if (position) {
                go_on_from(*position);
            } else {
                first_day = std::chrono::floor<std::chrono::days>(clock.now());
            }
            look_for_file();
        }
        thread = std::thread([this] { run(); });
        return {};
    }

    Result<void> take_lock() {
        if (settings.lock_dir.empty()) {
            return {};
        }
        const Sha256 digest = sha256(as_bytes(settings.file));
        const std::string path = settings.lock_dir + "/log-" + to_hex(digest).substr(0, 16) + ".lock";
        constexpr mode_t owner_only = 0600;
        lock = net::Socket(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only));
        if (!lock.valid()) {
            return Error{Errc::unavailable, path, reason_of(errno)};
        }
        if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
            return Error{Errc::unavailable, settings.file, "another postseal follows this file"};
        }
        return {};
    }

    // The files that were being read, wherever rotation has moved them since.
    void go_on_from(const std::string& position) {
        try {
            const json::value parsed = json::parse(position);
            const json::object& object = parsed.as_object();
            const std::string sessions(std::string_view(object.at("sessions").as_string()));
            for (const json::value& value : object.at("files").as_array()) {
                const json::object& fields = value.as_object();
                const auto head = from_hex(std::string_view(fields.at("head").as_string()));
                if (head) {
                    reopen(fields.at("inode").to_number<std::uint64_t>(),
                           fields.at("offset").to_number<std::uint64_t>(), std::string(as_text(*head)));
                }
            }
            parser->restore(sessions);
        } catch (const std::exception&) {  // Boost.JSON's accessors throw; the shape is ours, so one handler is enough
            log.warning(component, "what was remembered of " + printable(settings.file) +
                                       " cannot be read: it is read from its beginning");
        }
    }

    void reopen(std::uint64_t inode, std::uint64_t offset, const std::string& head) {
        if (auto source = find_file(inode, offset, head)) {
            sources.push_back(std::move(*source));
            return;
        }
        log.warning(component, fmt::format("{}: the file that was read up to byte {} is gone: what was written to it "
                                           "since is not counted",
                                           printable(settings.file), offset));
    }

    // Where rotation has put what was read up to `offset`: a file with that number, or the copy that `copytruncate`
    // made.
    [[nodiscard]] std::optional<Source> find_file(std::uint64_t inode, std::uint64_t offset,
                                                  const std::string& head) const {
        const std::filesystem::path path(settings.file);
        std::optional<Source> copy;
        std::error_code failed;
        std::filesystem::directory_iterator entry(path.parent_path(), failed);
        for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
            if (!entry->path().filename().string().starts_with(path.filename().string())) {
                continue;
            }
            Source source;
            source.file = net::Socket(::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
            struct stat status {};
            if (!source.file.valid() || ::fstat(source.file.fd(), &status) != 0 || !S_ISREG(status.st_mode) ||
                !goes_on(source.file.fd(), head, offset)) {
                continue;
            }
            source.inode = status.st_ino;
            source.offset = offset;
            source.head = head;
            if (source.inode == inode) {
                return source;
            }
            if (head.size() == head_bytes) {  // a short one could be that of any file
                copy = std::move(source);
            }
        }
        return copy;
    }

    // The file that has the name now, if it is not being read already.
    void look_for_file() {
        struct stat status {};
        if (::stat(settings.file.c_str(), &status) != 0) {
            complain(reason_of(errno) + ": waiting for it");
            return;
        }
        if (!S_ISREG(status.st_mode)) {
            complain("not a regular file");
            return;
        }
        const auto known = std::find_if(sources.begin(), sources.end(),
                                        [&](const Source& source) { return source.inode == status.st_ino; });
        if (known != sources.end()) {
            std::rotate(known, known + 1, sources.end());  // one that got its name back is no renamed one
            return;
        }
        Source source;
        source.file = net::Socket(::open(settings.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!source.file.valid() || ::fstat(source.file.fd(), &status) != 0) {
            complain(reason_of(errno));
            return;
        }
        complaint.clear();
        source.inode = status.st_ino;
        log.info(component, "reading " + printable(settings.file));
        sources.push_back(std::move(source));
        limit_files();
        position_changed = true;
    }

    void limit_files() {
        if (sources.size() > files_max) {
            sources.erase(sources.begin());
        }
    }

    // Files that are no longer what was read: the rest of that is in a copy, if anywhere.
    void look_for_emptied() {
        for (std::size_t i = 0; i < sources.size(); ++i) {
            Source& source = sources[i];
            if (source.stream || goes_on(source.file.fd(), source.head, source.offset)) {
                continue;
            }
            log.info(component, printable(settings.file) + " was emptied: reading from its beginning");
            auto copy = find_file(source.inode, source.line_start(), source.head);
            source.restart();
            position_changed = true;
            if (copy) {
                sources.insert(sources.begin() + static_cast<std::ptrdiff_t>(i), std::move(*copy));
                ++i;
            }
        }
        limit_files();
    }

    void complain(const std::string& why) {
        if (why != complaint) {
            complaint = why;
            log.warning(component, printable(settings.file) + ": " + why);
        }
    }

    void run() {
        auto last_write = std::chrono::steady_clock::now();
        while (true) {
            const std::uint64_t wanted = flush_wanted.load();
            const bool last = stopping.load();
            const bool was_stuck = stuck;
            const bool more = !was_stuck && read_some();
            const bool over = from_standard_input() && sources.empty();
            const auto now = std::chrono::steady_clock::now();
            bool stored = true;
            if (last || over || (!more && wanted > flush_done) || (!stuck && uncounted.size() >= uncounted_max) ||
                now - last_write >= (stuck ? store_again : settings.flush_interval)) {
                Result<void> written = write();
                last_write = now;
                stored = written.has_value();
                const std::lock_guard guard(mutex);
                if ((!more && !was_stuck) || !stored) {
                    flush_done = wanted;
                }
                flush_result = std::move(written);
                done = last || (over && stored);
                changed.notify_all();
                if (done) {
                    return;
                }
            }
            if (!more) {
                wait(wanted);
            }
        }
    }

    // False: nothing more is there now. In the order in which it was written: what was renamed goes first.
    bool read_some() {
        if (!from_standard_input()) {
            look_for_file();
            look_for_emptied();
        }
        const bool more = std::any_of(sources.begin(), sources.end(), [this](Source& source) { return read(source); });
        if (!more) {
            drop_quiet_files();
        }
        return more;
    }

    void wait(std::uint64_t seen) {
        if (from_standard_input() && !sources.empty() && !stuck) {
            pollfd polled{sources.front().file.fd(), POLLIN, 0};
            ::poll(&polled, 1, static_cast<int>(settings.look_again.count()));
            return;
        }
        std::unique_lock guard(mutex);
        changed.wait_for(guard, settings.look_again, [&] { return stopping.load() || flush_wanted.load() > seen; });
    }

    // A chunk. False: nothing more is there now.
    bool read(Source& source) {
        std::array<char, chunk_bytes> chunk{};
        ssize_t got = 0;
        if (source.stream) {
            pollfd polled{source.file.fd(), POLLIN, 0};
            if (::poll(&polled, 1, 0) <= 0) {
                return false;
            }
            got = ::read(source.file.fd(), chunk.data(), chunk.size());
            if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
                return false;
            }
            if (got <= 0) {
                source.file.close();  // its end
                if (!source.partial.empty()) {
                    line(source.partial);
                }
                return false;
            }
        } else {
            got = ::pread(source.file.fd(), chunk.data(), chunk.size(), static_cast<off_t>(source.offset));
            if (got <= 0) {
                return false;
            }
            if (source.head.size() < head_bytes) {
                source.head = read_head(source.file.fd(), head_bytes);
            }
        }
        source.offset += static_cast<std::uint64_t>(got);
        source.last_data = std::chrono::steady_clock::now();
        position_changed = true;
        take(source, {chunk.data(), static_cast<std::size_t>(got)});
        return true;
    }

    void take(Source& source, std::string_view bytes) {
        while (!bytes.empty()) {
            const std::size_t end = bytes.find('\n');
            const bool whole = end != std::string_view::npos;
            const std::string_view part = bytes.substr(0, whole ? end : bytes.size());
            bytes.remove_prefix(whole ? end + 1 : bytes.size());
            if (!source.skipping) {
                source.partial += part;
            }
            if (source.partial.size() > tlsrpt::MailLog::line_bytes_max && !source.skipping) {
                source.skipping = true;
                reject("longer than 64 KiB");
            }
            if (source.skipping) {
                source.partial.clear();
            }
            if (whole) {
                if (!source.skipping) {
                    line(source.partial);
                }
                source.partial.clear();
                source.skipping = false;
            }
        }
    }

    void reject(std::string_view why) {
        if (counters.rejected.fetch_add(1) % 1000 == 0) {  // the first, and then one in a thousand
            log.warning(component, fmt::format("{}: a line was skipped: {}", printable(settings.file), why));
        }
    }

    void line(std::string_view text) {
        counters.lines.fetch_add(1, std::memory_order_relaxed);
        if (text.ends_with('\r')) {
            text.remove_suffix(1);
        }
        const TimePoint now = clock.now();
        const std::time_t seconds = now.time_since_epoch().count();
        std::tm local{};
        ::localtime_r(&seconds, &local);
        std::vector<tlsrpt::LoggedSession> sessions;
        if (!parser->read(text, {now, Seconds(local.tm_gmtoff)}, sessions)) {
            reject("NUL or invalid UTF-8");
        }
        const Day today = std::chrono::floor<std::chrono::days>(now);
        for (tlsrpt::LoggedSession& session : sessions) {
            if (is_late(session, today)) {
                counters.late.fetch_add(1, std::memory_order_relaxed);
            } else {
                uncounted.push_back(std::move(session));
            }
        }
    }

    // The report of the day before yesterday has gone out. What stood in the file before it was followed belongs to no
    // day but this: of the days before a part is missing.
    [[nodiscard]] bool is_late(const tlsrpt::LoggedSession& session, Day today) const {
        return !from_standard_input() &&
               std::chrono::floor<std::chrono::days>(session.at) < std::max(first_day, today - std::chrono::days(1));
    }

    // Under the policy that applied. Where the store does not say which, the rest waits until it does.
    Result<void> count() {
        while (!uncounted.empty()) {
            const tlsrpt::LoggedSession& session = uncounted.front();
            POSTSEAL_TRY(const bool carried_report, carries_report(session));
            if (carried_report) {
                counters.reports.fetch_add(1, std::memory_order_relaxed);
                uncounted.pop_front();
                continue;
            }
            POSTSEAL_TRY(tlsrpt::PolicyResult policy, policies.of(session));
            aggregate.add(std::chrono::floor<std::chrono::days>(session.at),
                          tlsrpt::as_session(session, std::move(policy)));
            counters.sessions.fetch_add(1, std::memory_order_relaxed);
            uncounted.pop_front();
        }
        return {};
    }

    // Rule 15. A log says what a session carried, so that each attempt to deliver a report is told from other mail; and
    // none is to be looked for among the sessions of datagrams.
    Result<bool> carries_report(const tlsrpt::LoggedSession& session) {
        if (session.message_id.empty()) {
            return false;
        }
        POSTSEAL_TRY(const auto claim, store.handed_reports.claim_of(session.message_id));
        if (claim && *claim != store::ReportClaim::certain) {
            POSTSEAL_TRY(const bool claimed,
                         store.handed_reports.claim(session.message_id, store::ReportClaim::certain));
            (void)claimed;
        }
        return claim.has_value();
    }

    void drop_quiet_files() {
        std::erase_if(sources, [&](const Source& source) {
            return source.stream ? !source.file.valid()
                                 : &source != &sources.back() &&
                                       std::chrono::steady_clock::now() - source.last_data > settings.rotated_grace;
        });
    }

    [[nodiscard]] std::string position() const {
        json::array files;
        for (const Source& source : sources) {
            files.push_back(json::object{
                {"inode", source.inode}, {"offset", source.line_start()}, {"head", to_hex(as_bytes(source.head))}});
        }
        return json::serialize(json::object{{"files", std::move(files)}, {"sessions", parser->save()}});
    }

    Result<void> write() {
        Result<void> written = count();
        if (written) {
            written = store_counts();
        }
        if (!written && !stuck) {
            log.error(component, "the counts of " + printable(settings.file) +
                                     " cannot be stored, and nothing more is read: " + written.error().message());
        } else if (written && stuck) {
            log.info(component, "the counts of " + printable(settings.file) + " are stored again");
        }
        stuck = !written;
        return written;
    }

    void say_what_is_over_the_caps() {
        const tlsrpt::SessionTable::OverCap& over = aggregate.over_cap();
        counters.over_cap_domains = over.domains;
        counters.over_cap_policies = over.policies;
        counters.over_cap_failures = over.failures;
        if (over != tlsrpt::SessionTable::OverCap{} && !std::exchange(over_cap_said, true)) {
            log.warning(component, printable(settings.file) +
                                       " tells of more domains, policies or failures than are kept "
                                       "of a day: what is beyond is counted as \"other\", or, of a "
                                       "new domain, not at all");
        }
    }

    // The counts and the place up to which they go, in one step: neither lost nor counted twice, whenever this ends.
    Result<void> store_counts() {
        std::vector<tlsrpt::Count> counts = aggregate.take();
        if (counts.empty() && (!position_changed || from_standard_input())) {
            return {};
        }
        Result<void> stored = store.transaction([&]() -> Result<void> {
            if (auto added = store.session_counts.add(counts); !added) {
                return added;
            }
            return from_standard_input() ? Result<void>()
                                         : store.log_positions.put(settings.host, settings.file, position());
        });
        if (stored) {
            position_changed = false;
            aggregate.forget_before(std::chrono::floor<std::chrono::days>(clock.now()));
            say_what_is_over_the_caps();
            return stored;
        }
        for (const tlsrpt::Count& kept : counts) {
            aggregate.add(kept);
        }
        return stored;
    }

    Result<void> flush() {
        std::unique_lock guard(mutex);
        const std::uint64_t mine = ++flush_wanted;
        changed.notify_all();
        changed.wait(guard, [&] { return flush_done >= mine || done; });
        return flush_result;
    }

    void stop() {
        {
            const std::lock_guard guard(mutex);
            stop_by = std::chrono::steady_clock::now() + stop_patience;
            stopping.store(true);
            changed.notify_all();
        }
        if (thread.joinable()) {
            thread.join();
        }
    }

    LogIntakeSettings settings;
    store::Store& store;
    const Clock& clock;
    Log& log;
    LogIntakeCounters counters;
    std::chrono::steady_clock::time_point stop_by;  // set before `stopping`
    std::atomic<bool> stopping{false};
    std::atomic<std::uint64_t> flush_wanted{0};

    std::mutex mutex;  // over what follows
    std::condition_variable changed;
    std::uint64_t flush_done = 0;
    Result<void> flush_result;
    bool done = false;  // the thread has ended

    // Of the thread alone.
    std::unique_ptr<tlsrpt::MailLog> parser;
    AppliedPolicies policies;
    std::deque<tlsrpt::LoggedSession> uncounted;
    tlsrpt::SessionTable aggregate{settings.caps};
    bool over_cap_said = false;
    std::vector<Source> sources;  // renamed ones first
    net::Socket lock;
    std::string complaint;
    Day first_day;
    bool position_changed = false;
    bool stuck = false;  // the store does not take what was read

    std::thread thread;
};

LogIntake::LogIntake(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

LogIntake::~LogIntake() {
    stop();
}

Result<std::unique_ptr<LogIntake>> LogIntake::start(LogIntakeSettings settings, store::Store& store,
                                                    net::Resolver& resolver, const Clock& clock, Log& log) {
    if (settings.file != standard_input) {
        std::error_code failed;
        settings.file = std::filesystem::absolute(settings.file, failed).lexically_normal().string();
        if (failed) {
            return Error{Errc::unavailable, settings.file, failed.message()};
        }
    }
    auto impl = std::make_unique<Impl>(std::move(settings), store, resolver, clock, log);
    if (auto opened = impl->open(); !opened) {
        return opened.error();
    }
    return std::unique_ptr<LogIntake>(new LogIntake(std::move(impl)));
}

void LogIntake::stop() {
    impl_->stop();
}

Result<void> LogIntake::flush() {
    return impl_->flush();
}

bool LogIntake::ended() const {
    const std::lock_guard guard(impl_->mutex);
    return impl_->done;
}

const LogIntakeCounters& LogIntake::counters() const {
    return impl_->counters;
}

LogFormat LogIntake::format() const {
    return impl_->settings.format;
}

}  // namespace postseal::sender
