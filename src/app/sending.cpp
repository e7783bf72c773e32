#include "app/sending.h"

#include <future>
#include <random>

#include "net/poller.h"
#include "net/stream_server.h"
#include "sender/socketmap.h"

namespace postseal::app {

namespace {

constexpr std::string_view component = "reporter";
constexpr std::chrono::seconds schedule_interval{60};
constexpr Seconds retry_interval{300};

}  // namespace

struct Sending::Impl : std::enable_shared_from_this<Sending::Impl> {
    Impl(const Config& config_, Outside& outside_, store::Store& store_, const Clock& clock_, Log& log_)
        : config(config_), outside(outside_), store(store_), clock(clock_), log(log_) {}

    Result<void> start() {
        if (config.role_on(Role::policyd)) {
            if (auto started = start_policyd(); !started) {
                return started;
            }
        }
        if (config.role_on(Role::collector) && !config.collector.socket.empty()) {
            sender::CollectorSettings settings;
            settings.socket = config.collector.socket;
            settings.socket_mode = config.collector.socket_mode;
            POSTSEAL_TRY(collector, sender::Collector::start(settings, store, clock, log));
        }
        if (config.role_on(Role::reporter)) {
            start_reporter();
        }
        return {};
    }

    Result<void> start_policyd() {
        POSTSEAL_TRY(daemon,
                     sender::PolicyDaemon::make(outside.loop(), outside.work(), outside.resolver(), outside.https(),
                                                store, clock, log, policy_daemon_settings(config, outside.trust())));
        pollers = std::make_unique<net::PollerPool>("policyd");
        socketmap = std::make_unique<net::StreamServer>(
            *pollers, sender::policy_server_settings(),
            [this](const std::optional<dns::IpAddress>&) { return sender::make_socketmap_protocol(*daemon); });
        lines = std::make_unique<net::StreamServer>(
            *pollers, sender::policy_server_settings(),
            [this](const std::optional<dns::IpAddress>&) { return sender::make_line_protocol(*daemon); });
        for (const net::ListenAddress& address : config.policyd.listen) {
            if (auto listening = socketmap->listen(address, config.policyd.socket_mode); !listening) {
                return listening;
            }
        }
        for (const net::ListenAddress& address : config.policyd.line_listen) {
            if (auto listening = lines->listen(address, config.policyd.socket_mode); !listening) {
                return listening;
            }
        }
        return {};
    }

    void start_reporter() {
        sender::ReporterSettings settings;
        settings.submitter = {config.reporter.organization_name, config.reporter.contact};
        settings.rua_all = config.reporter.rua_all;
        settings.verify_https_rua = config.reporter.verify_https_rua;
        settings.submission = config.reporter.submission == "direct" ? "" : config.reporter.submission;
        settings.trust = outside.trust();
        reporter = std::make_unique<sender::Reporter>(outside.loop(), outside.work(), outside.resolver(),
                                                      outside.https(), store, clock, log, std::move(settings));
        // RFC 8460 §4.1: a random delay after the day's end, so that not everybody reports at midnight.
        std::random_device random;
        spread =
            Seconds(config.reporter.spread_s > 0
                        ? static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(config.reporter.spread_s))
                        : 0);
        outside.loop().post([self = shared_from_this()] {
            self->schedule = self->outside.loop().every(schedule_interval, [weak = self->weak_from_this()] {
                if (const auto impl = weak.lock()) {
                    impl->run_when_due();
                }
            });
        });
    }

    void run_when_due() {
        const TimePoint now = clock.now();
        const Day today = std::chrono::floor<std::chrono::days>(now);
        if (now < TimePoint(today) + spread || now < last_run + retry_interval) {
            return;
        }
        last_run = now;
        const Day yesterday = today - std::chrono::days(1);
        // What was due the day before is retried for a day (RFC 8460 §5.5).
        for (const Day day : {yesterday - std::chrono::days(1), yesterday}) {
            run(day, [weak = weak_from_this()](const Result<std::vector<sender::DeliveryOutcome>>& outcomes) {
                const auto impl = weak.lock();
                if (impl && !outcomes) {
                    impl->log.warning(component, outcomes.error().message());
                }
            });
        }
    }

    void run(Day day, std::function<void(Result<std::vector<sender::DeliveryOutcome>>)> done) {
        outside.work().run(
            [self = shared_from_this()] { return self->collector ? self->collector->flush() : Result<void>(); },
            outside.loop(),
            [self = shared_from_this(), day, done = std::move(done)](const Result<void>& flushed) {
                if (!flushed) {
                    done(flushed.error());
                    return;
                }
                self->reporter->run(day, done);
            });
    }

    Config config;
    Outside& outside;
    store::Store& store;
    const Clock& clock;
    Log& log;
    std::unique_ptr<sender::PolicyDaemon> daemon;
    std::unique_ptr<net::PollerPool> pollers;
    std::unique_ptr<net::StreamServer> socketmap;
    std::unique_ptr<net::StreamServer> lines;
    std::unique_ptr<sender::Collector> collector;
    std::unique_ptr<sender::Reporter> reporter;
    Seconds spread{0};
    TimePoint last_run;
    net::Timer schedule;
};

Sending::Sending(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Sending::~Sending() = default;

Result<std::unique_ptr<Sending>> Sending::start(const Config& config, Outside& outside, store::Store& store,
                                                const Clock& clock, Log& log) {
    auto impl = std::make_shared<Impl>(config, outside, store, clock, log);
    std::unique_ptr<Sending> sending(new Sending(impl));
    if (auto started = impl->start(); !started) {
        sending->stop();
        return started.error();
    }
    return sending;
}

void Sending::stop() {
    if (impl_->pollers) {
        impl_->pollers->stop();
    }
    impl_->collector.reset();
}

void Sending::reconfigure(const Config& config) {
    if (!impl_->daemon) {
        return;
    }
    // On the daemon's loop, and done before the signal is: the next request already sees the new settings.
    std::promise<void> done;
    impl_->outside.loop().post([&] {
        impl_->daemon->reconfigure(policy_daemon_settings(config, impl_->outside.trust()));
        done.set_value();
    });
    done.get_future().wait();
}

sender::PolicyDaemon* Sending::policy_daemon() {
    return impl_->daemon.get();
}

sender::Collector* Sending::collector() {
    return impl_->collector.get();
}

sender::Reporter* Sending::reporter() {
    return impl_->reporter.get();
}

void Sending::run_reporter(Day day, std::function<void(Result<std::vector<sender::DeliveryOutcome>>)> done) {
    impl_->run(day, std::move(done));
}

}  // namespace postseal::app
