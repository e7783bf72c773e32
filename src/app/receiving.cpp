#include "app/receiving.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <utility>
#include <vector>

#include "app/runtime.h"
#include "net/dns_server.h"
#include "net/http_server.h"
#include "net/poller.h"
#include "net/smtp_server.h"
#include "net/tls.h"

namespace postseal::app {

namespace {

net::AddressGuard guard_of(const Config& config) {
    return net::AddressGuard(config.lab.allow_non_global_addresses ? net::NonGlobal::allow : net::NonGlobal::refuse);
}

// The names were checked when the configuration was read.
std::optional<dns::Name> name_of(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(dns::Name::parse(text).value());
}

hosting::ZoneSettings zone_settings(const Config& config) {
    hosting::ZoneSettings settings;
    settings.zone = dns::Name::parse(config.hosting.zone).value();
    settings.name_servers = config.hosting.name_servers;
    settings.addresses = config.hosting.addresses;
    settings.intake_host = name_of(config.intake.host);
    for (const Config::Acme& acme : config.acme) {
        settings.caa.push_back({acme.caa_issuer, std::nullopt, acme.challenges});
    }
    return settings;
}

Result<hosting::AcmeSettings> acme_settings(const Config::Acme& acme) {
    hosting::AcmeSettings settings;
    settings.directory = acme.directory;
    if (!acme.ca_file.empty()) {
        POSTSEAL_TRY(settings.trust, net::TrustStore::load(acme.ca_file));
    }
    settings.contact = acme.contact;
    settings.accept_terms = acme.accept_terms;
    settings.caa_issuer = acme.caa_issuer;
    settings.profile = acme.profile;
    if (!acme.eab_kid.empty()) {
        POSTSEAL_TRY(Bytes key, hosting::read_eab_key(acme.eab_hmac_key_file));
        settings.external_account = hosting::ExternalAccount{acme.eab_kid, std::move(key)};
    }
    settings.limits.orders = acme.orders_per_3_hours;
    settings.limits.domain_week = acme.certificates_per_domain_and_week;
    settings.limits.name_week = acme.certificates_per_name_and_week;
    settings.limits.failures_hour = acme.failures_per_name_and_hour;
    settings.limits.renewals_exempt = acme.renewals_exempt;
    settings.challenges.clear();
    for (const std::string& word : acme.challenges) {
        POSTSEAL_TRY(const auto kind, hosting::parse_challenge_kind(word));
        settings.challenges.push_back(kind);
    }
    return settings;
}

// The secret is base64, as `keymgr`, `tsig-keygen` and others print it.
Result<hosting::TransferSettings> transfer_settings(const Config& config) {
    hosting::TransferSettings settings;
    for (const Config::Dns::TsigKey& key : config.dns.tsig_keys) {
        std::ifstream file(key.secret_file);
        std::string text;
        if (!(file >> text)) {
            return Error{Errc::unavailable, config.where("dns.tsig_key"), key.secret_file + " cannot be read"};
        }
        const auto secret = from_base64(text);
        constexpr std::size_t secret_bytes_min = 16;  // RFC 8945 §8: as long as the digest is better
        if (!secret || secret->size() < secret_bytes_min) {
            return invalid_input(key.secret_file, "must hold at least 16 octets in base64");
        }
        POSTSEAL_TRY(const dns::Name name, dns::Name::parse(key.name));
        POSTSEAL_TRY(const auto algorithm, dns::parse_tsig_algorithm(key.algorithm));
        settings.keys.push_back({name, algorithm, *secret});
    }
    for (const Config::Dns::Secondary& one : config.dns.secondaries) {
        settings.secondaries.push_back({one.address, one.port, name_of(one.key)});
    }
    return settings;
}

// Where systemd listens already, its socket is taken.
Result<void> listen_all(net::HttpServer& server, const ListenAddresses& addresses,
                        const std::shared_ptr<net::TlsContext>& tls, InheritedSockets& inherited) {
    for (const net::ListenAddress& address : addresses) {
        auto socket = inherited.claim(address);
        auto listening = socket ? server.adopt(std::move(*socket), tls) : server.listen(address, tls);
        if (!listening) {
            return listening;
        }
    }
    return {};
}

hosting::FetchLogSettings fetch_log_settings(const Config& config) {
    hosting::FetchLogSettings settings;
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0) {
        settings.node = host.data();
    }
    if (config.state_dir != Config().state_dir) {
        settings.node += ":" + config.state_dir;  // several on one machine
    }
    settings.addresses = config.policy_host.fetch_log_addresses;
    settings.keep_days = static_cast<int>(config.policy_host.fetch_log_days);
    settings.keep_addresses_days = static_cast<int>(config.policy_host.fetch_log_address_days);
    return settings;
}

hosting::PolicyHostLimits policy_host_limits(const Config& config) {
    return {static_cast<std::size_t>(config.policy_host.connections_max),
            static_cast<std::size_t>(config.policy_host.connections_per_address),
            config.policy_host.proxy_protocol_from};
}

}  // namespace

hosting::KeyTimes key_times(const Config& config) {
    hosting::KeyTimes times;
    times.dnskey_ttl = Seconds(config.dns.dnskey_ttl_s);
    times.propagation = Seconds(config.dns.propagation_s);
    times.ds_ttl = Seconds(config.dns.ds_ttl_s);
    return times;
}

struct Receiving::Impl {
    Impl(const Config& its_config, InheritedSockets its_inherited, net::LoopPool& its_serving, Outside& its_outside,
         store::Store& its_store, const Clock& its_clock, Log& its_log)
        : config(its_config),
          inherited(std::move(its_inherited)),
          serving(its_serving),
          outside(its_outside),
          store(its_store),
          clock(its_clock),
          log(its_log) {}

    Result<void> start() {
        const bool hosts = !config.hosting.zone.empty() && config.has_section("hosting");
        if (hosts) {
            if (auto started = start_hosting(); !started) {
                return started;
            }
        }
        if (config.role_on(Role::intake)) {
            if (auto started = start_intake(); !started) {
                return started;
            }
        }
        if (hosts && config.role_on(Role::jobs)) {
            facade->start();
        }
        return {};
    }

    Result<void> start_hosting() {
        jobs_loop = std::make_unique<net::LoopPool>("jobs", 1);
        net::Loop& loop = (*jobs_loop)[0];
        POSTSEAL_TRY(const auto trust, net::TrustStore::load(config.tls.ca_file));
        POSTSEAL_TRY(resolver, net::make_unbound_resolver(loop, config.resolver));
        net::HttpsClient::Settings client;
        client.trust = trust;
        client.guard = guard_of(config);
        https = std::make_unique<net::HttpsClient>(loop, std::move(client));
        const bool sign = config.dns.dnssec && config.role_on(Role::dns);
        const bool needs_zone = config.role_on(Role::dns) || config.role_on(Role::jobs);
        using Labels = hosting::Publication::Labels;
        POSTSEAL_TRY(publication, hosting::Publication::load(zone_settings(config), certificates, store, clock, log,
                                                             sign ? std::optional(key_times(config)) : std::nullopt,
                                                             needs_zone ? Labels::all : Labels::none));
        if (sign) {
            loop.sync([&] { key_timer = loop.every(std::chrono::seconds(2), [this] { tend_keys(); }); });
        }
        hosting::JobsSettings settings;
        for (const Config::Acme& acme : config.acme) {
            POSTSEAL_TRY(auto one, acme_settings(acme));
            settings.acme.push_back(std::move(one));
        }
        for (const std::string& own : {config.intake.host, config.console.host}) {
            if (const auto name = name_of(own)) {
                settings.own_names.push_back(*name);
            }
        }
        settings.resolver = config.resolver;
        settings.probe.smtp_port = config.lab.smtp_port;
        settings.probe.trust = trust;
        settings.probe.guard = guard_of(config);
        // The panel shows what the jobs know.
        settings.run = config.role_on(Role::jobs) || config.role_on(Role::console);
        settings.life.testing_days = config.hosting.testing_days;
        settings.https_port = config.lab.https_port;
        settings.http_port = config.lab.http_port;
        settings.only_process = config.database_url().starts_with("sqlite:");
        settings.life.enforce_ramp.clear();
        for (const auto& step : config.hosting.max_age_ramp) {
            constexpr std::int64_t day_s = 86'400;
            settings.life.enforce_ramp.push_back(
                {static_cast<int>(step.after_days), static_cast<std::uint32_t>(step.max_age_days * day_s)});
        }
        facade = std::make_unique<hosting::Hosting>(
            hosting::JobsParts{loop, store, *resolver, *https, *publication, clock, log}, std::move(settings));
        if (config.role_on(Role::dns)) {
            if (auto started = start_dns(); !started) {
                return started;
            }
        }
        return config.role_on(Role::policy_host) ? start_policy_host() : Result<void>();
    }

    void tend_keys() {
        const auto done = publication->tend_keys();
        std::string failure = done ? "" : done.error().message();
        if (failure != key_failure && !failure.empty()) {
            log.error("dns", "the zone's keys and signatures are not looked after: " + failure);
        }
        key_failure = std::move(failure);
    }

    Result<void> start_dns() {
        dns_pollers = std::make_unique<net::PollerPool>("dns");
        if (config.dns.secondaries.empty() && config.dns.tsig_keys.empty()) {
            dns_server =
                std::make_unique<net::DnsServer>(*dns_pollers, net::DnsServerSettings{}, publication->dns_handler());
        } else {
            POSTSEAL_TRY(auto settings, transfer_settings(config));
            transfers =
                std::make_unique<hosting::ZoneTransfers>(std::move(settings), publication->live_zone(), clock, log);
            dns_server = std::make_unique<net::DnsServer>(*dns_pollers, net::DnsServerSettings{},
                                                          transfers->handler(publication->dns_handler()),
                                                          transfers->transfers());
            net::Loop& loop = (*jobs_loop)[0];
            loop.sync(
                [&] { notify_timer = loop.every(std::chrono::milliseconds(200), [this] { transfers->tick(); }); });
        }
        for (const net::ListenAddress& address : config.dns.listen) {
            if (auto listening = dns_server->listen(address); !listening) {
                return listening;
            }
        }
        return {};
    }

    [[nodiscard]] Result<std::shared_ptr<net::TlsContext>> tls_context() const {
        net::TlsSettings settings;
        settings.acme_tls_alpn = true;
        return net::TlsContext::make(certificates, settings);
    }

    Result<void> start_policy_host() {
        POSTSEAL_TRY(const auto tls, tls_context());
        const hosting::FetchLogSettings log_settings = fetch_log_settings(config);
        // As much as may have been in memory when a process was killed.
        const auto left_open = store.fetch_logs.close_left_open(log_settings.node, hosting::coverage_lag);
        if (!left_open) {
            return left_open.error();
        }
        if (*left_open > 0) {
            log.warning("policy-host",
                        "the process before this one did not end cleanly: the fetch log has a gap there");
        }
        fetch_log =
            std::make_unique<hosting::FetchLog>(log_settings, hosting::FetchLog::to(store.fetch_logs), clock, log);
        const net::HttpServerSettings limits = hosting::policy_host_settings(policy_host_limits(config));
        policy_server = std::make_unique<net::HttpServer>(
            serving.all(), limits, hosting::policy_handler(publication->bodies(), fetch_log.get()));
        if (auto listening = listen_all(*policy_server, config.policy_host.https_listen, tls, inherited); !listening) {
            return listening;
        }
        challenge_server = std::make_unique<net::HttpServer>(serving.all(), limits,
                                                             hosting::challenge_handler(*publication->challenges()));
        return listen_all(*challenge_server, config.policy_host.http_listen, nullptr, inherited);
    }

    Result<void> start_intake() {
        intake = std::make_unique<intake::Intake>(store, outside.work(), clock, log);
        net::HttpServerSettings settings;
        settings.body_bytes_max = intake::body_bytes_max;
        POSTSEAL_TRY(const auto tls, tls_context());
        servers.push_back(std::make_unique<net::HttpServer>(serving.all(), settings, intake->handler()));
        if (auto listening = listen_all(*servers.back(), config.intake.https_listen, tls, inherited); !listening) {
            return listening;
        }
        if (auto listening = listen_all(*servers.back(), config.intake.http_listen, nullptr, inherited); !listening) {
            return listening;
        }
        return start_mail_intake();
    }

    // Also without a listener: what was kept is looked at and read again.
    Result<void> start_mail_intake() {
        intake::MailIntakeSettings settings;
        for (const dns::Name& submitter : config.intake.known_submitters) {
            settings.submitters.approve(submitter);
        }
        settings.dkim.only_tlsrpt_keys = config.intake.only_tlsrpt_keys;
        constexpr std::int64_t megabyte = 1'000'000;
        settings.kept_bytes_max = config.intake.kept_max_mb * megabyte;
        mail_intake = std::make_unique<intake::MailIntake>(store, intake::lookups_of(outside.resolver()), clock, log,
                                                           std::move(settings));
        using Protocol = net::SmtpServerSettings::Protocol;
        if (auto started = start_mail_server(Protocol::smtp, "smtp", config.intake.smtp_listen); !started) {
            return started;
        }
        return start_mail_server(Protocol::lmtp, "lmtp", config.intake.lmtp_listen);
    }

    Result<void> start_mail_server(net::SmtpServerSettings::Protocol protocol, const std::string& via,
                                   const ListenAddresses& addresses) {
        if (addresses.empty()) {
            return {};
        }
        net::SmtpServerSettings settings;
        settings.protocol = protocol;
        settings.message_bytes_max = intake::mail_bytes_max;
        if (const auto name = name_of(config.intake.host)) {
            settings.host_name = name->text();
            // Senders of mail name no host in the handshake as a rule; theirs is encrypted all the same.
            net::TlsSettings tls;
            tls.unknown_name = net::TlsSettings::UnknownName::fallback;
            tls.fallback = *name;
            tls.alpn_http = false;
            POSTSEAL_TRY(settings.tls, net::TlsContext::make(certificates, tls));
        }
        mail_servers.push_back(
            std::make_unique<net::SmtpServer>(serving.all(), std::move(settings), mail_intake->handler(via)));
        for (const net::ListenAddress& address : addresses) {
            if (auto listening = mail_servers.back()->listen(address); !listening) {
                return listening;
            }
        }
        return {};
    }

    void drain() const {
        using std::chrono::milliseconds;
        // Together well below the ten seconds in which SIGTERM ends the process.
        if (policy_server) {
            policy_server->drain(milliseconds(4000));
        }
        if (challenge_server) {
            challenge_server->drain(milliseconds(500));
        }
    }

    Config config;
    InheritedSockets inherited;
    net::LoopPool& serving;
    Outside& outside;
    store::Store& store;
    const Clock& clock;
    Log& log;
    std::shared_ptr<net::CertificateStore> certificates = std::make_shared<net::CertificateStore>();
    std::unique_ptr<net::LoopPool> jobs_loop;
    std::unique_ptr<net::Resolver> resolver;
    std::unique_ptr<net::HttpsClient> https;
    std::unique_ptr<hosting::Publication> publication;
    std::string key_failure;  // on the jobs loop, as is the timer
    net::Timer key_timer;
    bool jobs_stopped = false;
    std::unique_ptr<hosting::Hosting> facade;
    std::unique_ptr<intake::Intake> intake;
    std::unique_ptr<intake::MailIntake> mail_intake;
    std::vector<std::unique_ptr<net::SmtpServer>> mail_servers;
    std::unique_ptr<hosting::ZoneTransfers> transfers;
    net::Timer notify_timer;
    std::unique_ptr<net::PollerPool> dns_pollers;
    std::unique_ptr<net::DnsServer> dns_server;
    std::unique_ptr<hosting::FetchLog> fetch_log;
    std::unique_ptr<net::HttpServer> policy_server;
    std::unique_ptr<net::HttpServer> challenge_server;
    std::vector<std::unique_ptr<net::HttpServer>> servers;
};

Receiving::Receiving(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Receiving::~Receiving() {
    stop_listening();
    stop_jobs();
}

Result<std::unique_ptr<Receiving>> Receiving::start(const Config& config, InheritedSockets inherited,
                                                    net::LoopPool& serving, Outside& outside, store::Store& store,
                                                    const Clock& clock, Log& log) {
    std::unique_ptr<Receiving> receiving(
        new Receiving(std::make_unique<Impl>(config, std::move(inherited), serving, outside, store, clock, log)));
    if (auto started = receiving->impl_->start(); !started) {
        return started.error();
    }
    return receiving;
}

void Receiving::drain() {
    impl_->drain();
}

void Receiving::stop_listening() {
    for (const auto& server : {&impl_->policy_server, &impl_->challenge_server}) {
        if (*server) {
            (*server)->stop();
        }
    }
    if (impl_->fetch_log) {
        impl_->fetch_log->stop();
    }
    for (const auto& server : impl_->servers) {
        server->stop();
    }
    for (const auto& server : impl_->mail_servers) {
        server->stop();
    }
    if (impl_->mail_intake) {
        impl_->mail_intake->stop();
    }
    if (impl_->dns_pollers) {
        impl_->dns_pollers->stop();
    }
}

void Receiving::stop_jobs() {
    if (impl_->jobs_loop && !std::exchange(impl_->jobs_stopped, true)) {
        (*impl_->jobs_loop)[0].sync([this] {
            impl_->key_timer.cancel();
            impl_->notify_timer.cancel();
        });
        impl_->jobs_loop->stop();
    }
}

hosting::Hosting* Receiving::hosting() {
    return impl_->facade.get();
}
const hosting::Hosting* Receiving::hosting() const {
    return impl_->facade.get();
}

intake::Intake* Receiving::intake() {
    return impl_->intake.get();
}
intake::MailIntake* Receiving::mail_intake() {
    return impl_->mail_intake.get();
}
const intake::MailIntake* Receiving::mail_intake() const {
    return impl_->mail_intake.get();
}

std::optional<Receiving::PolicyHostFigures> Receiving::policy_host() const {
    if (!impl_->policy_server || !impl_->challenge_server) {
        return std::nullopt;
    }
    return PolicyHostFigures{
        &impl_->policy_server->counters(), &impl_->challenge_server->counters(), &impl_->fetch_log->counters(),
        impl_->policy_server->connections() + impl_->challenge_server->connections(), impl_->certificates->size()};
}

const hosting::Publication::SigningFigures* Receiving::signing() const {
    return impl_->publication && impl_->config.dns.dnssec ? &impl_->publication->signing_figures() : nullptr;
}

const hosting::ZoneTransfers::Figures* Receiving::transfers() const {
    return impl_->transfers ? &impl_->transfers->figures() : nullptr;
}

std::shared_ptr<net::CertificateStore> Receiving::certificates() const {
    return impl_->certificates;
}

}  // namespace postseal::app
