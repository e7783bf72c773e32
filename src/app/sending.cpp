#include "app/sending.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "app/dkim_identity.h"
#include "app/inherited_sockets.h"
#include "base/text.h"
#include "net/http_server.h"
#include "net/poller.h"
#include "net/socket_group.h"
#include "net/stream_server.h"
#include "sender/socketmap.h"

namespace postseal::app {

namespace {

constexpr std::string_view component = "reporter";
constexpr std::chrono::minutes dnssec_interval{10};
constexpr std::chrono::seconds schedule_interval{60};
constexpr std::chrono::minutes quiet_after_reload{5};
constexpr std::chrono::days counts_kept{60};     // of sessions and deliveries; the panel shows a month
constexpr std::chrono::days hand_overs_kept{8};  // a mail stays in a queue for five

// As the system knows it; "" where that is no fully qualified name, which no server would believe (RFC 5321 §4.1.4).
std::string own_host_name() {
    std::array<char, 256> name{};
    const bool known = ::gethostname(name.data(), name.size() - 1) == 0;
    const std::string text = known ? name.data() : "";
    return text.find('.') == std::string::npos || !dns::Name::parse_ascii(text) ? "" : text;
}

sender::ReporterSettings reporter_settings(const Config& config, const Outside& outside) {
    sender::ReporterSettings settings;
    settings.submitter = {config.reporter.organization_name, config.reporter.contact};
    settings.rua_all = config.reporter.rua_all;
    settings.only_failures = config.reporter.only_failures;
    settings.copy_to = config.reporter.copy_to;
    settings.verify_https_rua = config.reporter.verify_https_rua;
    settings.trust = outside.trust();
    const bool direct = config.reporter.submission == "direct";
    settings.mail.route =
        direct ? sender::ReportMailSettings::Route::direct : sender::ReportMailSettings::Route::submission;
    settings.mail.submission = config.reporter.submission;
    settings.mail.password = config.reporter.submission_password;
    settings.mail.contact = config.reporter.contact;
    settings.mail.bounces_to = config.reporter.bounces_to;
    settings.mail.trust = outside.trust();
    settings.mail.ehlo_name = own_host_name();
    settings.mail.smtp_port = config.lab.smtp_port;
    settings.mail.guard = gather_settings(config, outside.trust()).guard;
    settings.dkim = dkim_identity(config);
    settings.https_port = config.lab.rua_port;
    settings.spread = Seconds(config.reporter.spread_s);
    settings.caps = report_caps(config);
    return settings;
}

}  // namespace

sender::LogIntakeSettings log_intake_settings(const Config& config, sender::LogFormat format, const std::string& file) {
    sender::LogIntakeSettings settings;
    settings.format = format;
    settings.file = file;
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0) {
        settings.host = host.data();
    }
    settings.lock_dir = config.state_dir;
    return settings;
}

sender::ReportCaps report_caps(const Config& config) {
    sender::ReportCaps caps;
    caps.rua_max = static_cast<std::uint64_t>(config.reporter.rua_max);
    caps.per_address_max = static_cast<std::uint64_t>(config.reporter.reports_per_address_max);
    caps.per_host_max = static_cast<std::uint64_t>(config.reporter.reports_per_host_max);
    caps.bytes_max = static_cast<std::uint64_t>(config.reporter.report_bytes_max);
    return caps;
}

struct Sending::Impl : std::enable_shared_from_this<Sending::Impl> {
    Impl(const Config& its_config, Outside& its_outside, store::Store& its_store, const Clock& its_clock, Log& its_log)
        : config(its_config), outside(its_outside), store(its_store), clock(its_clock), log(its_log) {}

    Result<void> start(InheritedSockets inherited) {
        if (config.role_on(Role::policyd)) {
            if (auto started = start_policyd(inherited); !started) {
                return started;
            }
        }
        if (auto started = start_collector(inherited); !started) {
            return started;
        }
        if (config.role_on(Role::collector)) {
            for (const auto& [format, file] : {std::pair(sender::LogFormat::postfix, &config.collector.postfix_log),
                                               std::pair(sender::LogFormat::exim, &config.collector.exim_log)}) {
                if (!file->empty()) {
                    POSTSEAL_TRY(auto intake, sender::LogIntake::start(log_intake_settings(config, format, *file),
                                                                       store, outside.resolver(), clock, log));
                    log_intakes.push_back(std::move(intake));
                }
            }
        }
        return config.role_on(Role::reporter) ? start_reporter() : Result<void>();
    }

    sender::SenderParts parts() {
        return {outside.loop(), outside.work(), outside.resolver(), outside.https(), store, clock, log};
    }

    sender::PolicyDaemonSettings daemon_settings() {
        sender::PolicyDaemonSettings settings = policy_daemon_settings(config, outside.trust());
        if (observer) {
            settings.looked_up = [this](const verdict::Evidence& evidence) { observer->looked_up(evidence); };
        }
        return settings;
    }

    [[nodiscard]] sender::ObserverSettings observer_settings() const {
        const lookup::GatherSettings gather = gather_settings(config, outside.trust());
        sender::ObserverSettings settings;
        settings.testing_probes = config.policyd.testing_probes;
        settings.smtp_port = gather.smtp_port;
        settings.trust = gather.trust;
        settings.guard = gather.guard;
        settings.probe_timeout = gather.probe_timeout;
        return settings;
    }

    // A socket that systemd hands over needs no key in the configuration.
    Result<void> start_collector(InheritedSockets& inherited) {
        const bool wanted = config.role_on(Role::collector) &&
                            (!config.collector.socket.empty() || !config.collector.http_listen.empty());
        if (!wanted && !(config.roles.contains(Role::collector) && inherited.has_datagrams())) {
            return {};
        }
        sender::CollectorSettings settings;
        settings.socket = config.collector.socket;
        settings.socket_mode = config.collector.socket_mode;
        settings.socket_group = config.collector.socket_group;
        settings.running_file = config.state_dir + "/collector.running";
        POSTSEAL_TRY(auto socket, inherited.claim_datagrams(config.collector.socket));
        net::Socket given = socket ? std::move(*socket) : net::Socket();
        POSTSEAL_TRY(collector, sender::Collector::start(std::move(settings), store, clock, log, std::move(given)));
        return start_http_intake();
    }

    Result<void> start_http_intake() {
        if (config.collector.http_listen.empty()) {
            return {};
        }
        http_intake = std::make_unique<sender::HttpIntake>(
            sender::HttpIntake::Sink{
                [this](std::vector<tlsrpt::Session> sessions) { return collector->add(std::move(sessions)); },
                [this] { return collector->flush(); }},
            outside.work(), clock);
        sessions_server = std::make_unique<net::HttpServer>(
            std::vector<net::Loop*>{&outside.loop()}, sender::HttpIntake::server_settings(), http_intake->handler());
        for (const net::ListenAddress& address : config.collector.http_listen) {
            if (auto listening = sessions_server->listen(address, nullptr, config.collector.socket_mode); !listening) {
                return listening;
            }
            if (auto given = net::give_to_group(address, config.collector.socket_group); !given) {
                return given;
            }
        }
        return {};
    }

    Result<void> start_policyd(InheritedSockets& inherited) {
        // Where reports are sent, here or by another process on the same database: what only lookups show is in them.
        if (!config.reporter.organization_name.empty()) {
            observer = std::make_unique<sender::Observer>(parts(), observer_settings());
        }
        POSTSEAL_TRY(daemon, sender::PolicyDaemon::make(parts(), daemon_settings()));
        // A thread answers more than all MTAs of a site ask, and two that share a core with them wait for each other.
        pollers = std::make_unique<net::PollerPool>("policyd", net::PollerPool::one_per_cores(4));
        socketmap = std::make_unique<net::StreamServer>(
            *pollers, sender::policy_server_settings(),
            [this](const std::optional<dns::IpAddress>&) { return sender::make_socketmap_protocol(*daemon); });
        lines = std::make_unique<net::StreamServer>(
            *pollers, sender::policy_server_settings(),
            [this](const std::optional<dns::IpAddress>&) { return sender::make_line_protocol(*daemon); });
        for (const auto& [server, addresses] : {std::pair(socketmap.get(), &config.policyd.listen),
                                                std::pair(lines.get(), &config.policyd.line_listen)}) {
            for (const net::ListenAddress& address : *addresses) {
                auto socket = inherited.claim(address);
                auto listening = socket ? server->adopt(std::move(*socket)) : listen(*server, address);
                if (!listening) {
                    return listening;
                }
            }
        }
        // What systemd listens on beyond the configuration: the unit's FileDescriptorName= says which protocol.
        for (InheritedSockets::Inherited& one : inherited.rest_of_streams()) {
            net::StreamServer& server = one.name == "line" ? *lines : *socketmap;
            if (auto listening = server.adopt(std::move(one.socket)); !listening) {
                return listening;
            }
        }
        outside.loop().post([self = shared_from_this()] {
            self->look_at_dnssec();
            self->dnssec_timer = self->outside.loop().every(dnssec_interval, [weak = self->weak_from_this()] {
                if (const auto impl = weak.lock()) {
                    impl->look_at_dnssec();
                }
            });
        });
        return {};
    }

    Result<void> listen(net::StreamServer& server, const net::ListenAddress& address) const {
        if (auto listening = server.listen(address, config.policyd.socket_mode); !listening) {
            return listening;
        }
        return net::give_to_group(address, config.policyd.socket_group);
    }

    // On the loop. Says what it finds when that changes, and again while it does not work.
    void look_at_dnssec() {
        probe_dnssec(outside.resolver(), config.resolver, [weak = weak_from_this()](const DnssecFinding& finding) {
            if (const auto self = weak.lock()) {
                self->note_dnssec(finding);
            }
        });
    }

    void note_dnssec(const DnssecFinding& finding) {
        using State = DnssecFinding::State;
        const bool changed = !dnssec || dnssec->state != finding.state;
        if (finding.state == State::broken) {
            log.warning("dnssec", finding.problem + "; until this is mended no DANE can be decided");
        } else if (changed && finding.state == State::works) {
            log.info("dnssec", "DNSSEC validation works");
        } else if (changed) {
            log.warning("dnssec", finding.problem);
        }
        // Not knowing is no problem to tell about each destination: its own lookups say that DNS does not answer.
        daemon->set_dnssec_problem(finding.state == State::unknown ? "" : finding.problem);
        dnssec = finding;
    }

    bool pulse() {
        const bool all = pulses->answered.load() == pulses->asked;
        for (std::size_t i = 0; pollers && i < pollers->size(); ++i) {
            ++pulses->asked;
            (*pollers)[i].post([pulses = pulses] { ++pulses->answered; });
        }
        return all;
    }

    Result<void> start_reporter() {
        // Made at the first start, so that the operator can publish it before the first report.
        if (const auto identity = dkim_identity(config)) {
            POSTSEAL_TRY(const auto keys, sender::dkim_keys(store.certificates, *identity));
        }
        reporter = std::make_unique<sender::Reporter>(parts(), reporter_settings(config, outside));
        outside.loop().post([self = shared_from_this()] {
            self->schedule = self->outside.loop().every(schedule_interval, [weak = self->weak_from_this()] {
                if (const auto impl = weak.lock()) {
                    impl->run_when_due();
                }
            });
        });
        return {};
    }

    // Each domain has its moment after midnight (RFC 8460 §4.1); the reporter knows whose has come.
    void run_when_due() {
        if (runs_under_way > 0 || std::chrono::steady_clock::now() < quiet_until) {
            return;
        }
        const Day today = std::chrono::floor<std::chrono::days>(clock.now());
        // What was due the day before is retried for a day (RFC 8460 §5.5), and sent late where nobody was up to do it.
        run(today - std::chrono::days(2));
        run(today - std::chrono::days(1));
    }

    void run(Day day) {
        ++runs_under_way;
        outside.work().run(
            [self = shared_from_this(), day] {
                Result<void> done = self->store.session_counts.erase_before(day - counts_kept);
                if (done) {
                    done = self->store.handed_reports.erase_before(self->clock.now() - hand_overs_kept);
                }
                if (done && self->collector) {
                    done = self->collector->flush();
                }
                for (const auto& intake : self->log_intakes) {
                    if (done) {
                        done = intake->flush();
                    }
                }
                return done;
            },
            outside.loop(),
            [weak = weak_from_this(), day](const Result<void>& flushed) {
                const auto self = weak.lock();
                if (!self) {
                    return;
                }
                if (!flushed) {
                    self->log.warning(component, flushed.error().message());
                    --self->runs_under_way;
                    return;
                }
                self->reporter->run(day, sender::Reporter::Scope::due,
                                    [weak](const Result<std::vector<sender::DeliveryOutcome>>& outcomes) {
                                        const auto again = weak.lock();
                                        if (!again) {
                                            return;
                                        }
                                        --again->runs_under_way;
                                        if (!outcomes) {
                                            again->log.warning(component, outcomes.error().message());
                                        }
                                    });
            });
    }

    // On the loop.
    void reconfigure(const Config& fresh) {
        config = fresh;
        if (daemon) {
            daemon->reconfigure(daemon_settings());
            look_at_dnssec();
        }
        if (observer) {
            observer->reconfigure(observer_settings());
        }
        if (reporter) {
            reporter->reconfigure(reporter_settings(config, outside));
            // [lab] clock_offset_s may have moved the clock, and who did that may want to run the reports himself.
            quiet_until = std::chrono::steady_clock::now() + quiet_after_reload;
        }
    }

    Config config;
    Outside& outside;
    store::Store& store;
    const Clock& clock;
    Log& log;
    std::unique_ptr<sender::Observer> observer;
    std::unique_ptr<sender::PolicyDaemon> daemon;
    std::unique_ptr<net::PollerPool> pollers;
    std::unique_ptr<net::StreamServer> socketmap;
    std::unique_ptr<net::StreamServer> lines;
    std::unique_ptr<sender::Collector> collector;
    std::unique_ptr<sender::HttpIntake> http_intake;
    std::unique_ptr<net::HttpServer> sessions_server;
    std::vector<std::unique_ptr<sender::LogIntake>> log_intakes;
    std::unique_ptr<sender::Reporter> reporter;
    std::optional<DnssecFinding> dnssec;
    net::Timer dnssec_timer;
    struct Pulses {
        std::size_t asked = 0;
        std::atomic<std::size_t> answered = 0;
    };
    std::shared_ptr<Pulses> pulses = std::make_shared<Pulses>();
    std::size_t runs_under_way = 0;  // of the schedule
    std::chrono::steady_clock::time_point quiet_until{};
    net::Timer schedule;
};

Sending::Sending(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Sending::~Sending() = default;

Result<std::unique_ptr<Sending>> Sending::start(const Config& config, InheritedSockets inherited, Outside& outside,
                                                store::Store& store, const Clock& clock, Log& log) {
    auto impl = std::make_shared<Impl>(config, outside, store, clock, log);
    std::unique_ptr<Sending> sending(new Sending(impl));
    if (auto started = impl->start(std::move(inherited)); !started) {
        sending->stop();
        return started.error();
    }
    return sending;
}

void Sending::stop() {
    if (impl_->pollers) {
        impl_->pollers->stop();
    }
    if (impl_->sessions_server) {
        impl_->sessions_server->stop();
    }
    if (impl_->collector) {
        impl_->collector->stop();
    }
    for (const auto& intake : impl_->log_intakes) {
        intake->stop();
    }
}

void Sending::reconfigure(const Config& config) {
    // Done before the signal is: the next request already sees the new settings.
    impl_->outside.loop().sync([&] { impl_->reconfigure(config); });
}

bool Sending::pulse() {
    return impl_->pulse();
}

std::size_t Sending::connections() const {
    return impl_->socketmap ? impl_->socketmap->connections() + impl_->lines->connections() : 0;
}

const std::optional<DnssecFinding>& Sending::dnssec() const {
    return impl_->dnssec;
}

sender::PolicyDaemon* Sending::policy_daemon() {
    return impl_->daemon.get();
}

sender::Observer* Sending::observer() {
    return impl_->observer.get();
}

sender::Collector* Sending::collector() {
    return impl_->collector.get();
}

const sender::HttpIntake* Sending::http_intake() const {
    return impl_->http_intake.get();
}

std::vector<sender::LogIntake*> Sending::log_intakes() {
    std::vector<sender::LogIntake*> intakes;
    for (const auto& intake : impl_->log_intakes) {
        intakes.push_back(intake.get());
    }
    return intakes;
}

sender::Reporter* Sending::reporter() {
    return impl_->reporter.get();
}

}  // namespace postseal::app
