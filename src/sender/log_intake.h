// Sessions of an MTA without TLSRPT (Postfix before 3.10, Exim), from its log, counted like the datagrams of the
// collector. A thread of its own follows the file as `tail -F` does and waits for store and DNS; nothing else waits for
// it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/time.h"
#include "net/resolver.h"
#include "sender/applied_policy.h"
#include "store/store.h"
#include "tlsrpt/session_table.h"

namespace postseal::sender {

enum class LogFormat { postfix, exim };

struct LogIntakeSettings {
    LogFormat format = LogFormat::postfix;
    std::string file;      // "-": standard input, to its end
    std::string host;      // whose file it is: several hosts may share a store
    std::string lock_dir;  // nobody else with this folder may follow the file; "" = not checked
    std::chrono::milliseconds look_again{200};
    std::chrono::milliseconds flush_interval{500};
    // A file that was renamed is read on until it has been quiet for so long: syslog daemons write to it for a while.
    std::chrono::milliseconds rotated_grace{60'000};
    AppliedPolicies::Settings policies{};
    tlsrpt::SessionTable::Limits caps{};  // what remote hosts may make us remember of a day
    int standard_input = 0;
};

struct LogIntakeCounters {
    std::atomic<std::uint64_t> lines{0};
    std::atomic<std::uint64_t> rejected{0};  // NUL, invalid UTF-8, longer than 64 KiB
    std::atomic<std::uint64_t> sessions{0};  // counted
    std::atomic<std::uint64_t> late{0};      // of a day whose report has gone out
    std::atomic<std::uint64_t> reports{0};   // that carried our own reports, and are not counted
    // Beyond the caps: see SessionTable::OverCap.
    std::atomic<std::uint64_t> over_cap_domains{0};
    std::atomic<std::uint64_t> over_cap_policies{0};
    std::atomic<std::uint64_t> over_cap_failures{0};
};

class LogIntake {
public:
    // Errors: another process follows the file, or what the store knows of it cannot be read. A file that is not there
    // yet is waited for.
    static Result<std::unique_ptr<LogIntake>> start(LogIntakeSettings settings, store::Store& store,
                                                    net::Resolver& resolver, const Clock& clock, Log& log);
    LogIntake(const LogIntake&) = delete;
    LogIntake& operator=(const LogIntake&) = delete;
    ~LogIntake();  // stop()

    // Ends the thread; what was read is in the store, with the place to go on from.
    void stop();
    // Any thread. Blocks until everything that stood in the file before the call is in the store.
    Result<void> flush();
    // Any thread: standard input has come to its end and everything is in the store.
    [[nodiscard]] bool ended() const;
    [[nodiscard]] const LogIntakeCounters& counters() const;
    [[nodiscard]] LogFormat format() const;

private:
    struct Impl;
    explicit LogIntake(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace postseal::sender
