// What the commands that look outside share: log, clock, loop, pool, trust store, resolver, HTTPS client; and how the
// configuration becomes the settings of the modules.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "app/config.h"
#include "base/log.h"
#include "base/time.h"
#include "lookup/gather.h"
#include "net/https_client.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "sender/policy_daemon.h"

namespace postseal::app {

// The system's time plus [lab] clock_offset_s.
class SystemClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override;
    void set_offset(Seconds offset) { offset_s_.store(offset.count()); }

private:
    std::atomic<std::int64_t> offset_s_{0};
};

// To standard error, one line per message; "debug", "info", "warning", "error".
std::unique_ptr<Log> make_log(const std::string& level);
void set_log_level(const std::string& level);

// Everything for looking outside, on one loop with a thread of its own.
class Outside {
public:
    // Errors (unavailable, invalid_input) name the file or setting.
    static Result<std::unique_ptr<Outside>> make(const Config& config);
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;
    ~Outside();

    [[nodiscard]] net::Loop& loop() { return loops_[0]; }
    [[nodiscard]] net::WorkPool& work() { return work_; }
    [[nodiscard]] net::Resolver& resolver();
    [[nodiscard]] net::HttpsClient& https() { return *https_; }
    [[nodiscard]] const std::shared_ptr<const net::TrustStore>& trust() const { return trust_; }

    // Reads [resolver] and [tls] afresh. Lookups under way end with what they began with. On an error, which names the
    // file or setting, everything stays as it was. Not on the loop.
    Result<void> reload(const Config& config);

    // Stops the loop and the pool: what belongs to them may be destroyed afterwards.
    void stop();

private:
    Outside();
    class CurrentResolver;
    net::LoopPool loops_;
    net::WorkPool work_;
    std::shared_ptr<const net::TrustStore> trust_;
    std::unique_ptr<CurrentResolver> resolver_;
    std::unique_ptr<net::HttpsClient> https_;
};

lookup::GatherSettings gather_settings(const Config& config, std::shared_ptr<const net::TrustStore> trust);
// The overrides were checked when the configuration was read.
sender::PolicyDaemonSettings policy_daemon_settings(const Config& config, std::shared_ptr<const net::TrustStore> trust);

}  // namespace postseal::app
