#include "app/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hosting/hosting.h"

namespace postseal::app {

namespace {

// Prometheus' text format: one HELP and one TYPE line for each name, then its samples.
class Text {
public:
    void begin(std::string_view name, std::string_view kind, std::string_view help) {
        name_ = name;
        text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, kind);
    }
    void sample(std::string_view labels, std::uint64_t value) {
        text_ +=
            labels.empty() ? fmt::format("{} {}\n", name_, value) : fmt::format("{}{{{}}} {}\n", name_, labels, value);
    }
    void counter(std::string_view name, std::string_view help, std::uint64_t value) {
        begin(name, "counter", help);
        sample("", value);
    }
    void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
        begin(name, "gauge", help);
        sample("", value);
    }
    template <std::size_t Bounds>
    void histogram(std::string_view name, std::string_view help, const sender::LatencyHistogram<Bounds>& histogram) {
        constexpr double us_per_s = 1e6;
        begin(name, "histogram", help);
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < Bounds; ++i) {
            below += histogram.count(i);
            text_ += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name,
                                 static_cast<double>(histogram.bounds_us()[i]) / us_per_s, below);
        }
        below += histogram.count(Bounds);
        text_ += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, below,
                             static_cast<double>(histogram.sum_us()) / us_per_s);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::string name_;
    std::string text_;
};

constexpr std::array levels = {verdict::Level::none, verdict::Level::may,       verdict::Level::encrypt,
                               verdict::Level::dane, verdict::Level::dane_only, verdict::Level::secure,
                               verdict::Level::temp};
constexpr std::array sources = {verdict::Source::by_default, verdict::Source::dane, verdict::Source::sts,
                                verdict::Source::by_override};

void add_policyd(Text& out, const sender::PolicyDaemon& daemon, std::size_t connections) {
    const sender::PolicyDaemonCounters& counters = daemon.counters();
    out.counter("postseal_policyd_requests_total", "Requests of MTAs", counters.requests.load());
    out.counter("postseal_policyd_hits_total", "Requests answered from memory", counters.hits.load());
    out.counter("postseal_policyd_stale_hits_total", "Answered from memory while looking again",
                counters.stale_hits.load());
    out.counter("postseal_policyd_misses_total", "Requests that waited for a lookup", counters.misses.load());
    out.counter("postseal_policyd_lookup_timeouts_total", "Lookups that took longer than a request waits",
                counters.lookup_timeouts.load());
    out.begin("postseal_policyd_decisions_total", "counter",
              "What lookups and overrides decided; level temp defers the mail");
    for (const verdict::Level level : levels) {
        for (const verdict::Source source : sources) {
            out.sample(fmt::format("level=\"{}\",source=\"{}\"", verdict::to_string(level), verdict::to_string(source)),
                       counters.decisions[static_cast<std::size_t>(level)][static_cast<std::size_t>(source)].load());
        }
    }
    out.counter("postseal_policyd_fetches_total", "Policy fetches over HTTPS", counters.fetches.load());
    out.begin("postseal_policyd_fetch_failures_total", "counter", "Policy fetches that failed, as RFC 8460 names it");
    for (std::size_t i = 0; i < counters.fetch_failures_by_type.size(); ++i) {
        out.sample(fmt::format("type=\"{}\"", sender::fetch_failure_type(i)),
                   counters.fetch_failures_by_type[i].load());
    }
    out.counter("postseal_policyd_local_failures_total",
                "Policy fetches that this machine could not make, for want of descriptors or memory",
                counters.local_failures.load());
    out.begin("postseal_policyd_refreshes_total", "counter", "Lookups that no request waited for");
    out.sample("reason=\"stale\"", counters.stale_refreshes.load());
    out.sample("reason=\"daily\"", counters.daily_refreshes.load());
    out.sample("reason=\"by-hand\"", counters.hand_refreshes.load());
    out.counter("postseal_policyd_record_failures_total",
                "Times that the MTA-STS record was gone, invalid or silent while a policy of the domain was in force",
                counters.record_failures.load());
    const sender::PolicyDaemon::Sizes sizes = daemon.sizes();
    out.begin("postseal_policyd_policies", "gauge", "Policies in the cache");
    for (const mtasts::Mode mode : {mtasts::Mode::enforce, mtasts::Mode::testing, mtasts::Mode::none}) {
        out.sample(fmt::format("mode=\"{}\"", mtasts::to_string(mode)), sizes.policies[static_cast<std::size_t>(mode)]);
    }
    out.gauge("postseal_policyd_answers", "Decisions in memory", daemon.answer_count());
    out.gauge("postseal_policyd_lookups_running", "Lookups under way", sizes.lookups_running);
    out.gauge("postseal_policyd_cache_bytes", "Memory of answers and policies, about", sizes.bytes);
    out.counter("postseal_policyd_answers_evicted_total", "Answers given up because memory was short",
                sizes.answers_evicted);
    out.counter("postseal_policyd_policies_evicted_total",
                "Policies that memory has no room for: they are read from the store when they are asked for",
                sizes.policies_evicted);
    out.gauge("postseal_policyd_policies_unsaved",
              "Changes of the cache that are only in memory: more than a few for long means that the store takes none",
              sizes.unsaved);
    out.gauge("postseal_policyd_connections", "Connections of MTAs", connections);
    out.histogram("postseal_policyd_lookup_seconds", "From a request that had to be looked up to the lookup's end",
                  counters.lookup_time);
    out.histogram("postseal_policyd_hit_seconds", "Inside the daemon, of one request in 64 answered from memory",
                  counters.hit_time);
}

void add_collector(Text& out, const sender::CollectorCounters& counters) {
    out.counter("postseal_collector_datagrams_total", "Datagrams received", counters.received.load());
    out.counter("postseal_collector_rejected_total", "Datagrams that were malformed", counters.rejected.load());
    out.counter("postseal_collector_truncated_total", "Datagrams larger than the buffer", counters.truncated.load());
    out.counter("postseal_collector_dropped_total", "Datagrams dropped because the queue was full",
                counters.dropped.load());
    out.counter("postseal_collector_sessions_total", "Sessions counted", counters.sessions.load());
    out.counter("postseal_collector_report_sessions_total",
                "Sessions that carried our own reports, and are not counted", counters.report_sessions.load());
    out.gauge("postseal_collector_kept_back_sessions", "Sessions that may have carried a report of ours",
              counters.kept_back.load());
    out.counter("postseal_collector_queue_full_total",
                "Times that the kernel's queue of datagrams was read full: Postfix may have lost events",
                counters.queue_full.load());
    out.begin("postseal_collector_over_cap_total", "counter",
              "Beyond the caps: sessions of domains that are in no report, sessions and failures under \"other\"");
    out.sample("what=\"domains\"", counters.over_cap_domains.load());
    out.sample("what=\"policies\"", counters.over_cap_policies.load());
    out.sample("what=\"failures\"", counters.over_cap_failures.load());
    out.counter("postseal_collector_flush_failures_total", "Flushes that the store did not take",
                counters.flush_failures.load());
    out.gauge("postseal_collector_unflushed_sessions", "Sessions that are counted and not yet in the store",
              counters.waiting.load());
    out.gauge("postseal_collector_unclean_end",
              "1 when the run before this one did not end cleanly: what it had not flushed is missing",
              counters.unclean_end.load());
}

void add_log_intakes(Text& out, const std::vector<sender::LogIntake*>& intakes) {
    const auto counter = [&](std::string_view name, std::string_view help, auto sender::LogIntakeCounters::*value) {
        out.begin(name, "counter", help);
        for (const sender::LogIntake* intake : intakes) {
            out.sample(intake->format() == sender::LogFormat::exim ? "mta=\"exim\"" : "mta=\"postfix\"",
                       (intake->counters().*value).load());
        }
    };
    counter("postseal_collector_log_lines_total", "Lines of the MTA's log that were read",
            &sender::LogIntakeCounters::lines);
    counter("postseal_collector_log_rejected_total", "Lines that no MTA writes: NUL, invalid UTF-8, too long",
            &sender::LogIntakeCounters::rejected);
    counter("postseal_collector_log_sessions_total", "Sessions counted from the log",
            &sender::LogIntakeCounters::sessions);
    counter("postseal_collector_log_report_sessions_total",
            "Sessions that carried our own reports, and are not counted", &sender::LogIntakeCounters::reports);
    counter("postseal_collector_log_late_total", "Sessions of a day whose report has gone out",
            &sender::LogIntakeCounters::late);
    out.begin("postseal_collector_log_over_cap_total", "counter",
              "Beyond the caps: sessions of domains that are in no report, sessions and failures under \"other\"");
    for (const sender::LogIntake* intake : intakes) {
        const std::string mta = intake->format() == sender::LogFormat::exim ? "exim" : "postfix";
        const sender::LogIntakeCounters& counters = intake->counters();
        out.sample("mta=\"" + mta + "\",what=\"domains\"", counters.over_cap_domains.load());
        out.sample("mta=\"" + mta + "\",what=\"policies\"", counters.over_cap_policies.load());
        out.sample("mta=\"" + mta + "\",what=\"failures\"", counters.over_cap_failures.load());
    }
}

void add_http_intake(Text& out, const sender::HttpIntakeCounters& counters) {
    out.begin("postseal_collector_http_requests_total", "counter",
              "Requests that brought sessions, by what became of them");
    out.sample("result=\"counted\"", counters.counted.load());
    out.sample("result=\"repeated\"", counters.repeated.load());
    out.sample("result=\"refused\"", counters.refused.load());
    out.sample("result=\"failed\"", counters.failed.load());
    out.counter("postseal_collector_http_sessions_total", "Sessions counted that came by HTTP",
                counters.sessions.load());
}

void add_policy_host(Text& out, const Receiving::PolicyHostFigures& figures) {
    const auto by_listener = [&](std::string_view name, std::string_view help, auto net::HttpServerCounters::*value) {
        out.begin(name, "counter", help);
        out.sample("listener=\"https\"", (figures.https->*value).load());
        out.sample("listener=\"http\"", (figures.http->*value).load());
    };
    using Counters = net::HttpServerCounters;
    by_listener("postseal_policy_host_connections_total", "Connections of clients", &Counters::accepted);
    by_listener("postseal_policy_host_requests_total", "Requests answered, with a policy or 404", &Counters::requests);
    by_listener("postseal_policy_host_handshakes_failed_total",
                "TLS handshakes that failed: a name that is not hosted here, no common version, a client that left",
                &Counters::handshakes_failed);
    by_listener("postseal_policy_host_timeouts_total", "Connections that were too slow", &Counters::timed_out);
    by_listener("postseal_policy_host_gave_way_total", "Waiting connections closed for newcomers: connections_max",
                &Counters::gave_way);
    by_listener("postseal_policy_host_refused_full_total", "Connections closed at once: connections_max",
                &Counters::refused_full);
    by_listener("postseal_policy_host_refused_by_address_total", "Connections closed at once: connections_per_address",
                &Counters::refused_by_address);
    by_listener("postseal_policy_host_bad_proxy_headers_total", "Connections of a balancer without a PROXY header",
                &Counters::bad_proxy_headers);
    out.gauge("postseal_policy_host_connections", "Connections open", figures.connections);
    out.gauge("postseal_policy_host_names", "Names with a certificate", figures.names);
    out.counter("postseal_policy_host_fetches_total", "Policies fetched", figures.fetch_log->fetches.load());
    out.counter("postseal_policy_host_fetches_dropped_total", "Fetches that are missing in the log",
                figures.fetch_log->dropped.load());
    out.counter("postseal_policy_host_fetch_log_failures_total", "Times that the store did not take the log",
                figures.fetch_log->flush_failures.load());
    out.gauge("postseal_policy_host_fetch_log_waiting", "Rows of the log that are not yet in the store",
              figures.fetch_log->waiting.load());
}

std::string quoted(const std::string& text) {
    std::string out;
    for (const char c : text) {
        out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    }
    return out;
}

void add_certificates(Text& out, const hosting::CertificateFigures& figures) {
    out.counter("postseal_acme_orders_total", "Orders made at CAs", figures.orders);
    out.counter("postseal_acme_certificates_issued_total", "First certificates of a name", figures.issued);
    out.counter("postseal_acme_certificates_renewed_total", "Certificates that replaced an older one", figures.renewed);
    out.counter("postseal_acme_order_failures_total", "Orders that ended without a certificate", figures.failures);
    out.counter("postseal_acme_failed_authorizations_total", "Challenges that a CA found not answered",
                figures.failed_authorizations);
    out.counter("postseal_acme_preflight_refusals_total", "Orders that the preflight kept from being made",
                figures.preflight_refusals);
    out.gauge("postseal_acme_certificates", "Certificates in use", figures.certificates);
    out.gauge("postseal_acme_certificates_waiting", "Names that wait for their turn before a CA's limit",
              figures.waiting);
    out.gauge("postseal_acme_certificates_failing", "Names whose last order failed", figures.failing);
    out.gauge("postseal_acme_certificates_overdue",
              "Certificates that should have been renewed long ago: look before they end", figures.overdue);
    if (figures.earliest_end) {
        out.gauge("postseal_acme_earliest_not_after_timestamp_seconds", "When the first certificate in use ends",
                  static_cast<std::uint64_t>(figures.earliest_end->time_since_epoch().count()));
    }
    out.begin("postseal_acme_ca_up", "gauge", "1 while the CA is asked, 0 while it is passed over or has no account");
    for (const auto& ca : figures.cas) {
        out.sample(fmt::format("directory=\"{}\"", quoted(ca.directory)), ca.up ? 1 : 0);
    }
    out.begin("postseal_acme_orders_used", "gauge", "Orders that count towards the CA's limit now");
    for (const auto& ca : figures.cas) {
        out.sample(fmt::format("directory=\"{}\"", quoted(ca.directory)), static_cast<std::uint64_t>(ca.orders_used));
    }
    out.begin("postseal_acme_orders_limit", "gauge", "The CA's limit on orders; 0 = none");
    for (const auto& ca : figures.cas) {
        out.sample(fmt::format("directory=\"{}\"", quoted(ca.directory)), static_cast<std::uint64_t>(ca.orders_limit));
    }
}

void add_mail_intake(Text& out, const intake::MailIntakeCounters& counters) {
    out.counter("postseal_intake_mailed_reports_total", "Reports that came by mail and count", counters.stored.load());
    out.counter("postseal_intake_mailed_duplicates_total", "Reports that came by mail and were known already",
                counters.duplicates.load());
    out.counter("postseal_intake_kept_mails_total", "Mails that do not count: no report, unsigned, odd figures",
                counters.kept.load());
    out.counter("postseal_intake_deferred_mails_total", "Mails refused for a while: DNS, the store, limits",
                counters.deferred.load());
}

std::string metrics_text(Sending& sending, const Receiving* receiving, const store::Alerts& alerts,
                         bool state_dir_lost) {
    Text out;
    out.gauge("postseal_state_dir_lost", "1 when state_dir was removed or replaced under the running server",
              state_dir_lost ? 1 : 0);
    out.begin("postseal_alerts_open", "gauge", "Alerts that are not resolved, of all organisations");
    for (const auto severity : {store::AlertSeverity::critical, store::AlertSeverity::error,
                                store::AlertSeverity::warning, store::AlertSeverity::info}) {
        out.sample(fmt::format("severity=\"{}\"", store::to_string(severity)),
                   static_cast<std::uint64_t>(alerts.open_now(severity)));
    }
    if (const auto figures = receiving != nullptr ? receiving->policy_host() : std::nullopt) {
        add_policy_host(out, *figures);
    }
    if (const sender::PolicyDaemon* daemon = sending.policy_daemon()) {
        add_policyd(out, *daemon, sending.connections());
    }
    if (const auto& dnssec = sending.dnssec()) {
        out.gauge("postseal_dnssec_validation_ok", "1 when an answer that has to be validated was, at the last look",
                  dnssec->state == DnssecFinding::State::works ? 1 : 0);
    }
    if (sender::Observer* observer = sending.observer()) {
        const sender::ObserverCounters& counters = observer->counters();
        out.counter("postseal_policyd_policy_failures_total",
                    "Lookups whose policy could not be had, counted for the reports", counters.policy_failures.load());
        out.counter("postseal_policyd_testing_probes_total", "Probes of MX hosts of testing-mode domains",
                    counters.probes.load());
        out.counter("postseal_policyd_testing_probes_refused_total", "Probes that enforcing would have refused",
                    counters.probes_refused.load());
    }
    if (sender::Collector* collector = sending.collector()) {
        add_collector(out, collector->counters());
    }
    if (const sender::HttpIntake* intake = sending.http_intake()) {
        add_http_intake(out, intake->counters());
    }
    if (const auto intakes = sending.log_intakes(); !intakes.empty()) {
        add_log_intakes(out, intakes);
    }
    if (const auto* mail = receiving != nullptr ? receiving->mail_intake() : nullptr) {
        add_mail_intake(out, mail->counters());
    }
    if (const auto* signing = receiving != nullptr ? receiving->signing() : nullptr) {
        out.gauge("postseal_dnssec_first_expiry_seconds",
                  "When the first signature of the hosting zone runs out, in seconds since 1970; alert at 3 days",
                  static_cast<std::uint64_t>(signing->first_expiry.load()));
        out.counter("postseal_dnssec_names_signed_anew_total",
                    "Names signed again because time had passed or a key changed", signing->made_anew.load());
        out.counter("postseal_dnssec_failures_total", "Times that keys and signatures could not be looked after",
                    signing->failures.load());
    }
    if (const auto* transfers = receiving != nullptr ? receiving->transfers() : nullptr) {
        out.begin("postseal_dns_transfers_total", "counter", "Transfers of the hosting zone to secondaries");
        out.sample("kind=\"whole\"", transfers->whole.load());
        out.sample("kind=\"changes\"", transfers->changes.load());
        out.sample("kind=\"up-to-date\"", transfers->up_to_date.load());
        out.counter("postseal_dns_transfers_refused_total", "Transfers asked for by others, or with a wrong key",
                    transfers->refused.load());
        out.counter("postseal_dns_notifies_total", "NOTIFY messages sent", transfers->notifies.load());
        out.counter("postseal_dns_notifies_unanswered_total", "Times that a secondary did not answer five of them",
                    transfers->notifies_unanswered.load());
    }
    if (const auto* hosting = receiving != nullptr ? receiving->hosting() : nullptr) {
        add_certificates(out, hosting->certificate_figures());
    }
    return out.take();
}

}  // namespace

net::HttpResponse answer_metrics(const net::HttpRequest& request, Sending& sending, const Receiving* receiving,
                                 const store::Alerts& alerts, bool state_dir_lost) {
    if (request.method != "GET" && request.method != "HEAD") {
        return net::HttpResponse::text(405, "GET only\n");
    }
    // The listener opens when everything else is up, so that answering at all means ready.
    if (request.path == "/healthz" || request.path == "/readyz") {
        return net::HttpResponse::text(200, "ok\n");
    }
    if (request.path == "/metrics") {
        return net::HttpResponse::text(200, metrics_text(sending, receiving, alerts, state_dir_lost));
    }
    return net::HttpResponse::text(404, "not found: see /metrics, /healthz, /readyz\n");
}

}  // namespace postseal::app
