#include "app/serve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <new>
#include <system_error>

#include "app/command.h"
#include "app/config_check.h"
#include "app/metrics.h"
#include "app/receiving.h"
#include "app/runtime.h"
#include "app/sending.h"
#include "app/state_dir.h"
#include "console/console.h"
#include "net/http_server.h"
#include "store/store.h"

namespace postseal::app {

namespace {

constexpr std::string_view component = "serve";

// One process per state_dir: the lock goes with the process, however it ends.
class StateLock {
public:
    StateLock() = default;
    StateLock(const StateLock&) = delete;
    StateLock& operator=(const StateLock&) = delete;
    ~StateLock() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Result<void> take(const std::string& state_dir) {
        if (auto made = make_state_dir(state_dir); !made) {
            return made;
        }
        path_ = state_dir + "/lock";
        fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd_ < 0) {
            return Error{Errc::unavailable, path_, std::generic_category().message(errno)};
        }
        if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
            return Error{Errc::unavailable, state_dir, "another postseal is running on this state_dir"};
        }
        return {};
    }

    // False when the folder, or the file in it, is another one than at the start.
    [[nodiscard]] bool is_there() const {
        struct stat ours {};
        struct stat now {};
        return ::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &now) == 0 && ours.st_dev == now.st_dev &&
               ours.st_ino == now.st_ino;
    }

private:
    int fd_ = -1;
    std::string path_;
};

// Everything that runs, built in the order of the members and taken down in the reverse.
class Server {
public:
    explicit Server(Config config) : config_(std::move(config)), log_(make_log(config_.log_level)) {
        clock_.set_offset(Seconds(config_.lab.clock_offset_s));
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        if (receiving_) {
            receiving_->drain();
        }
        // Listeners first, then the threads that answer them, then what those call.
        for (const auto& server : {&metrics_server_, &panel_server_, &socket_server_}) {
            if (*server) {
                (*server)->stop();
            }
        }
        if (receiving_) {
            receiving_->stop_listening();
        }
        if (sending_) {
            sending_->stop();
        }
        if (outside_) {
            outside_->loop().sync([this] {
                watchdog_.cancel();
                state_timer_.cancel();
            });
            outside_->stop();
        }
        if (receiving_) {
            receiving_->stop_jobs();
        }
        if (serving_) {
            serving_->stop();
        }
    }

    Result<void> start() {
        if (auto locked = lock_.take(config_.state_dir); !locked) {
            return locked;
        }
        POSTSEAL_TRY(store::SecretBox secrets, store::SecretBox::open(config_.master_key_file()));
        POSTSEAL_TRY(store_, store::Store::open(config_.database_url(), std::move(secrets)));
        POSTSEAL_TRY(outside_, Outside::make(config_));
        POSTSEAL_TRY(InheritedSockets inherited, InheritedSockets::take());
        InheritedSockets for_receiving;
        if (config_.role_on(Role::policy_host)) {
            ListenAddresses addresses = config_.policy_host.https_listen;
            addresses.insert(addresses.end(), config_.policy_host.http_listen.begin(),
                             config_.policy_host.http_listen.end());
            for_receiving = inherited.split(addresses);
        }
        POSTSEAL_TRY(sending_, Sending::start(config_, std::move(inherited), *outside_, *store_, clock_, *log_));
        serving_ = std::make_unique<net::LoopPool>("serve");
        POSTSEAL_TRY(receiving_,
                     Receiving::start(config_, std::move(for_receiving), *serving_, *outside_, *store_, clock_, *log_));
        if (auto started = start_console(); !started) {
            return started;
        }
        return start_metrics();
    }

    // systemd's watchdog (sd_watchdog_enabled(3)): told that we live only while every thread that answers does.
    void start_watchdog() {
        std::uint64_t limit_us = 0;
        if (::sd_watchdog_enabled(0, &limit_us) <= 0 || limit_us == 0) {
            return;
        }
        outside_->loop().sync([&] {
            watchdog_ = outside_->loop().every(std::chrono::microseconds(limit_us / 3), [this] {
                if (sending_->pulse()) {
                    ::sd_notify(0, "WATCHDOG=1");
                }
            });
        });
    }

    void reload() {
        auto fresh = load_config(config_.file);
        if (!fresh) {
            for (const Error& error : fresh.error()) {
                log_->error(component, "the configuration is not reloaded: " + error.message());
            }
            return;
        }
        fresh->sending_only = config_.sending_only;
        if (const ConfigErrors missing = missing_here(*fresh); !missing.empty()) {
            for (const Error& error : missing) {
                log_->error(component, "the configuration is not reloaded: " + error.message());
            }
            return;
        }
        std::string unchanged;
        for (const std::string& key : keys_for_a_restart(config_, *fresh)) {
            unchanged += (unchanged.empty() ? "" : ", ") + key;
        }
        // These need a new process; the rest follows the file.
        fresh->state_dir = config_.state_dir;
        fresh->store = config_.store;
        fresh->roles = config_.roles;
        const std::vector<std::string> remarks = config_remarks(*fresh);
        fresh->written.swap(config_.written);  // what runs, for the next comparison
        if (const auto renewed = outside_->reload(*fresh); !renewed) {
            log_->error(component, "the configuration is not reloaded: " + renewed.error().message());
            return;
        }
        config_ = std::move(*fresh);
        clock_.set_offset(Seconds(config_.lab.clock_offset_s));
        set_log_level(config_.log_level);
        sending_->reconfigure(config_);
        if (!unchanged.empty()) {
            log_->warning(component, "these keys keep their old values until a restart: " + unchanged);
        }
        say(remarks);
        log_->info(component, "the configuration was reloaded from " + config_.file);
    }

    void say_remarks() const { say(config_remarks(config_)); }

    // A folder that was removed or replaced under a running server is a disaster that shows only at the next start: the
    // database goes on in a file without a name.
    void watch_state_dir() {
        constexpr std::chrono::seconds interval{30};
        outside_->loop().sync([&] {
            state_timer_ = outside_->loop().every(interval, [this] {
                const bool lost = !lock_.is_there();
                if (lost && !state_lost_) {
                    log_->error(component, "state_dir " + config_.state_dir +
                                               " was removed or replaced: what is learnt from now on is lost with this "
                                               "process. Put it back and restart");
                }
                state_lost_ = lost;
            });
        });
    }

private:
    void say(const std::vector<std::string>& remarks) const {
        for (const std::string& remark : remarks) {
            log_->warning(component, remark);
        }
    }

    // The local socket is there with any role; the panel with its own.
    Result<void> start_console() {
        console::ConsoleSettings settings;
        settings.public_url = config_.console.public_url;
        if (!config_.hosting.zone.empty()) {
            settings.zone = dns::Name::parse(config_.hosting.zone).value();  // checked when the file was read
        }
        settings.intake_host = config_.intake.host;
        settings.reporter_organization_name = config_.reporter.organization_name;
        settings.reporter_contact = config_.reporter.contact;
        settings.reporter_caps = report_caps(config_);
        settings.reporter_spread = Seconds(config_.reporter.spread_s);
        for (const Role role : config_.roles) {
            if (config_.role_on(role)) {
                settings.roles.emplace_back(to_string(role));
            }
        }
        console_ = std::make_unique<console::Console>(
            console::ConsoleParts{outside_->work(), outside_->loop(), *store_, clock_, *log_, sending_->policy_daemon(),
                                  sending_->reporter(), sending_->collector(), sending_->log_intakes(),
                                  receiving_->hosting(), receiving_->mail_intake()},
            std::move(settings));
        // The threads on which this happens stop before the console goes.
        const auto publish = [console = console_.get()](const store::Domain& domain) {
            console->publish(domain.organisation, "reports-changed", {{"domain", domain.name.text()}});
        };
        if (auto* intake = receiving_->intake()) {
            intake->observe(publish);
        }
        if (auto* mail_intake = receiving_->mail_intake()) {
            mail_intake->observe(publish);
        }
        socket_server_ = std::make_unique<net::HttpServer>(std::vector<net::Loop*>{&outside_->loop()},
                                                           net::HttpServerSettings{}, console_->socket_handler());
        constexpr unsigned owner_only = 0600;  // whoever may connect is the operator
        POSTSEAL_TRY(const auto socket, net::parse_listen_address("unix:" + config_.api_socket()));
        if (auto listening = socket_server_->listen(socket, nullptr, owner_only); !listening) {
            return listening;
        }
        return config_.role_on(Role::console) ? start_panel() : Result<void>();
    }

    Result<void> start_panel() {
        panel_server_ =
            std::make_unique<net::HttpServer>(serving_->all(), net::HttpServerSettings{}, console_->panel_handler());
        std::shared_ptr<net::TlsContext> tls;
        if (!config_.console.host.empty()) {
            net::TlsSettings settings;
            settings.acme_tls_alpn = true;
            POSTSEAL_TRY(tls, net::TlsContext::make(receiving_->certificates(), settings));
        }
        for (const net::ListenAddress& address : config_.console.listen) {
            if (auto listening = panel_server_->listen(address, tls); !listening) {
                return listening;
            }
        }
        return {};
    }

    Result<void> start_metrics() {
        if (!config_.has_section("metrics")) {
            return {};
        }
        metrics_server_ = std::make_unique<net::HttpServer>(
            std::vector<net::Loop*>{&outside_->loop()}, net::HttpServerSettings{},
            [this](const net::HttpRequest& request, const std::function<void(net::HttpResponse)>& reply) {
                reply(answer_metrics(request, *sending_, receiving_.get(), store_->alerts, state_lost_));
            });
        for (const net::ListenAddress& address : config_.metrics.listen) {
            if (auto listening = metrics_server_->listen(address); !listening) {
                return listening;
            }
        }
        return {};
    }

    Config config_;
    std::unique_ptr<Log> log_;
    SystemClock clock_;
    StateLock lock_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<Outside> outside_;
    std::unique_ptr<Sending> sending_;
    std::unique_ptr<net::LoopPool> serving_;
    std::unique_ptr<Receiving> receiving_;
    std::unique_ptr<console::Console> console_;
    std::unique_ptr<net::HttpServer> socket_server_;
    std::unique_ptr<net::HttpServer> panel_server_;
    std::unique_ptr<net::HttpServer> metrics_server_;
    net::Timer watchdog_;
    net::Timer state_timer_;
    bool state_lost_ = false;  // on the loop of outside_
};

// As many connections as the system allows: the soft limit is there for programs that use select(2).
void raise_file_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
}

// A TLS handshake allocates and frees thousands of times. At first glibc gives all beyond 128 KiB that are free back to
// the system and takes them again at once: 300 us of each lookup that fetches a policy. Once a large block with a
// mapping of its own has been freed it keeps up to twice as much (mallopt(3), M_MMAP_THRESHOLD).
void keep_freed_memory() {
    constexpr std::size_t bytes = 8 << 20;
    ::operator delete(::operator new(bytes));
}

}  // namespace

int serve(Config config) {
    // Blocked before any thread starts, so that they reach only the sigwait below.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    keep_freed_memory();

    Server server(std::move(config));
    if (auto started = server.start(); !started) {
        complain(started.error().message());
        return exit_usage;
    }
    server.start_watchdog();
    server.watch_state_dir();
    server.say_remarks();
    fmt::print("ready\n");
    std::fflush(stdout);
    sd_notify(0, "READY=1");
    while (true) {
        int signal = 0;
        if (sigwait(&signals, &signal) != 0) {
            continue;
        }
        if (signal == SIGHUP) {
            sd_notify(0, "RELOADING=1");
            server.reload();
            sd_notify(0, "READY=1");
            continue;
        }
        sd_notify(0, "STOPPING=1");
        return exit_fine;
    }
}

}  // namespace postseal::app
