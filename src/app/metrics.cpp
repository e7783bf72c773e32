#include "app/metrics.h"

#include <fmt/format.h>

namespace postseal::app {

namespace {

void add(std::string& out, std::string_view name, std::string_view kind, std::string_view help, std::uint64_t value) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, kind, value);
}

std::string metrics_text(Sending& sending) {
    std::string out;
    if (sender::PolicyDaemon* daemon = sending.policy_daemon()) {
        const sender::PolicyDaemonCounters& counters = daemon->counters();
        add(out, "postseal_policyd_requests_total", "counter", "Requests of MTAs", counters.requests.load());
        add(out, "postseal_policyd_hits_total", "counter", "Requests answered from memory", counters.hits.load());
        add(out, "postseal_policyd_stale_hits_total", "counter", "Answered from memory while looking again",
            counters.stale_hits.load());
        add(out, "postseal_policyd_misses_total", "counter", "Requests that waited for a lookup",
            counters.misses.load());
        add(out, "postseal_policyd_lookup_timeouts_total", "counter", "Lookups that took longer than a request waits",
            counters.lookup_timeouts.load());
        add(out, "postseal_policyd_fetches_total", "counter", "Policy fetches over HTTPS", counters.fetches.load());
        add(out, "postseal_policyd_fetch_failures_total", "counter", "Policy fetches that failed",
            counters.fetch_failures.load());
        add(out, "postseal_policyd_record_failures_total", "counter",
            "Times that the MTA-STS record was gone, invalid or silent while a policy of the domain was in force",
            counters.record_failures.load());
        add(out, "postseal_policyd_answers", "gauge", "Decisions in memory", daemon->answer_count());
    }
    if (sender::Observer* observer = sending.observer()) {
        const sender::ObserverCounters& counters = observer->counters();
        add(out, "postseal_policyd_policy_failures_total", "counter",
            "Lookups whose policy could not be had, counted for the reports", counters.policy_failures.load());
        add(out, "postseal_policyd_testing_probes_total", "counter", "Probes of MX hosts of testing-mode domains",
            counters.probes.load());
        add(out, "postseal_policyd_testing_probes_refused_total", "counter", "Probes that enforcing would have refused",
            counters.probes_refused.load());
    }
    if (sender::Collector* collector = sending.collector()) {
        const sender::CollectorCounters& counters = collector->counters();
        add(out, "postseal_collector_datagrams_total", "counter", "Datagrams received", counters.received.load());
        add(out, "postseal_collector_rejected_total", "counter", "Datagrams that were malformed",
            counters.rejected.load());
        add(out, "postseal_collector_truncated_total", "counter", "Datagrams larger than the buffer",
            counters.truncated.load());
        add(out, "postseal_collector_dropped_total", "counter", "Datagrams dropped because the queue was full",
            counters.dropped.load());
        add(out, "postseal_collector_sessions_total", "counter", "Sessions counted", counters.sessions.load());
    }
    return out;
}

}  // namespace

net::HttpResponse answer_metrics(const net::HttpRequest& request, Sending& sending) {
    if (request.method != "GET" && request.method != "HEAD") {
        return net::HttpResponse::text(405, "GET only\n");
    }
    // The listener opens when everything else is up, so that answering at all means ready.
    if (request.path == "/healthz" || request.path == "/readyz") {
        return net::HttpResponse::text(200, "ok\n");
    }
    if (request.path == "/metrics") {
        return net::HttpResponse::text(200, metrics_text(sending));
    }
    return net::HttpResponse::text(404, "not found: see /metrics, /healthz, /readyz\n");
}

}  // namespace postseal::app
