#include "app/runtime.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <list>
#include <utility>

namespace postseal::app {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

constexpr const char* logger_name = "postseal";

class StderrLog final : public Log {
public:
    StderrLog() {
        spdlog::drop(logger_name);  // a second one in a process (tests) replaces the first
        logger_ = spdlog::stderr_logger_mt(logger_name);
        logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    }
    void write(LogLevel level, std::string_view component, std::string_view message) override {
        logger_->log(to_spdlog(level), "{}: {}", component, message);
    }

private:
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace

TimePoint SystemClock::now() const {
    return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now()) + Seconds(offset_s_.load());
}

std::unique_ptr<Log> make_log(const std::string& level) {
    auto log = std::make_unique<StderrLog>();
    set_log_level(level);
    return log;
}

void set_log_level(const std::string& level) {
    if (const auto logger = spdlog::get(logger_name)) {
        logger->set_level(spdlog::level::from_str(level == "warning" ? "warn" : level));
    }
}

// Hands each lookup to the resolver of the newest configuration. One that was replaced is kept until what it was asked
// has been answered or has timed out: destroying it would leave those who asked without an answer.
class Outside::CurrentResolver final : public net::Resolver {
public:
    CurrentResolver(net::Loop& loop, std::unique_ptr<net::Resolver> first)
        : loop_(loop), owned_(std::move(first)), current_(owned_.get()) {}

    void resolve(const dns::Name& name, dns::Type type, std::function<void(net::DnsAnswer)> done) override {
        current_.load()->resolve(name, type, std::move(done));
    }

    // On the loop.
    void replace(std::unique_ptr<net::Resolver> fresh) {
        static constexpr std::chrono::seconds retirement{120};  // no lookup takes that long
        current_ = fresh.get();
        retired_.emplace_back(std::exchange(owned_, std::move(fresh)));
        // Each has its own time: reloads that follow each other closely must not keep all of them.
        const auto this_one = std::prev(retired_.end());
        this_one->timer = loop_.after(retirement, [this, this_one] { retired_.erase(this_one); });
    }

private:
    struct Retired {
        explicit Retired(std::unique_ptr<net::Resolver> its_resolver) : resolver(std::move(its_resolver)) {}
        std::unique_ptr<net::Resolver> resolver;
        net::Timer timer;
    };
    net::Loop& loop_;
    std::unique_ptr<net::Resolver> owned_;
    std::list<Retired> retired_;
    std::atomic<net::Resolver*> current_;
};

Outside::Outside() : loops_("outside", 1), work_("work", 2) {}

net::Resolver& Outside::resolver() {
    return *resolver_;
}

Result<void> Outside::reload(const Config& config) {
    POSTSEAL_TRY(auto trust, net::TrustStore::load(config.tls.ca_file));
    POSTSEAL_TRY(auto resolver, net::make_unbound_resolver(loop(), config.resolver));
    loop().sync([&] {
        trust_ = std::move(trust);
        resolver_->replace(std::move(resolver));
    });
    return {};
}

Result<std::unique_ptr<Outside>> Outside::make(const Config& config) {
    std::unique_ptr<Outside> outside(new Outside());
    POSTSEAL_TRY(outside->trust_, net::TrustStore::load(config.tls.ca_file));
    POSTSEAL_TRY(auto resolver, net::make_unbound_resolver(outside->loop(), config.resolver));
    outside->resolver_ = std::make_unique<CurrentResolver>(outside->loop(), std::move(resolver));
    net::HttpsClient::Settings settings;
    settings.trust = outside->trust_;
    settings.guard = gather_settings(config, outside->trust_).guard;
    outside->https_ = std::make_unique<net::HttpsClient>(outside->loop(), std::move(settings));
    return outside;
}

Outside::~Outside() {
    stop();
}

void Outside::stop() {
    work_.stop();
    loops_.stop();
}

lookup::GatherSettings gather_settings(const Config& config, std::shared_ptr<const net::TrustStore> trust) {
    lookup::GatherSettings settings;
    settings.smtp_port = config.lab.smtp_port;
    settings.https_port = config.lab.https_port;
    settings.fetch_timeout = std::chrono::seconds(config.policyd.fetch_timeout_s);
    settings.cache.id_recheck_min = Seconds(config.policyd.id_recheck_min_s);
    settings.trust = std::move(trust);
    settings.guard =
        net::AddressGuard(config.lab.allow_non_global_addresses ? net::NonGlobal::allow : net::NonGlobal::refuse);
    return settings;
}

sender::PolicyDaemonSettings policy_daemon_settings(const Config& config,
                                                    std::shared_ptr<const net::TrustStore> trust) {
    sender::PolicyDaemonSettings settings;
    settings.decision.partial_dane = config.policyd.partial_dane;
    settings.decision.smart_host_policy = config.policyd.smart_host_policy;
    settings.decision.on_slow_policy = config.policyd.on_slow_policy;
    settings.decision.ttl_min = Seconds(config.policyd.id_recheck_min_s);
    settings.reply.servername = config.policyd.servername;
    settings.overrides = verdict::Overrides::make(config.policyd.overrides).value();
    settings.gather = gather_settings(config, std::move(trust));
    settings.first_lookup_timeout = std::chrono::seconds(config.policyd.first_lookup_timeout_s);
    settings.cache_bytes_max = static_cast<std::size_t>(config.policyd.cache_max_mb) * 1'000'000;
    return settings;
}

}  // namespace postseal::app
