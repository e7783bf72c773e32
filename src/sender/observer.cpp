#include "sender/observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "net/await.h"
#include "net/smtp_client.h"
#include "sender/testing_mode.h"
#include "verdict/sts.h"

namespace postseal::sender {

namespace {

using net::asio::awaitable;
using store::TestingHost;
using tlsrpt::ResultType;

constexpr std::string_view component = "policyd";
constexpr std::size_t reason_bytes_max = 200;  // of a failure-reason-code; remote hosts write into it
constexpr std::size_t addresses_max = 4;       // of one host, until one answers

tlsrpt::PolicyResult identity_of(const dns::Name& domain, const mtasts::CachedPolicy* cached) {
    tlsrpt::PolicyResult policy;
    policy.policy_type = std::string(tlsrpt::to_string(tlsrpt::PolicyType::sts));
    policy.policy_domain = domain.text();
    if (cached != nullptr) {
        policy.policy_strings = cached->policy.lines;
        for (const mtasts::MxPattern& pattern : cached->policy.mx) {
            policy.mx_hosts.push_back(pattern.text());
        }
    }
    return policy;
}

// RFC 8460 §4.3.1, §4.3.2: what enforcing would have said about this session; nothing when there was none, since that
// is no matter of TLS.
std::optional<ResultType> result_of(const net::SmtpProbeResult& probe) {
    switch (probe.failure) {
        case net::SmtpFailure::starttls_not_offered:
        case net::SmtpFailure::starttls_refused:
            return ResultType::starttls_not_supported;
        case net::SmtpFailure::handshake:
            return ResultType::validation_failure;
        case net::SmtpFailure::certificate:
            break;
        default:
            return std::nullopt;
    }
    switch (probe.tls ? probe.tls->certificate_error : net::CertificateError::other) {
        case net::CertificateError::expired:
            return ResultType::certificate_expired;
        case net::CertificateError::host_mismatch:
            return ResultType::certificate_host_mismatch;
        case net::CertificateError::untrusted:
            return ResultType::certificate_not_trusted;
        default:
            return ResultType::validation_failure;
    }
}

std::string reason(std::string_view text) {
    return std::string(testing_reason) + printable(text, reason_bytes_max);
}

}  // namespace

struct Observer::Impl : SenderParts, std::enable_shared_from_this<Observer::Impl> {
    // One MX host, shared by all domains that name it.
    struct Host {
        std::optional<TimePoint> probed;               // the last probe that came to a verdict
        std::optional<tlsrpt::FailureDetail> failure;  // its verdict
        std::vector<dns::IpAddress> addresses;
        std::vector<TestingHost> waiting;  // to be written when the probe under way has ended
    };

    Impl(const SenderParts& parts, ObserverSettings its_settings)
        : SenderParts(parts), settings(std::move(its_settings)) {}

    void looked_up(const verdict::Evidence& evidence) {
        const TimePoint now = clock.now();
        const verdict::PolicyInForce in_force = verdict::policy_in_force(evidence, now);
        if (in_force.failure) {
            count_policy_failure(evidence, in_force, now);
        }
        if (settings.testing_probes && in_force.policy && in_force.policy->policy.mode == mtasts::Mode::testing &&
            !verdict::is_null_mx(evidence)) {
            look_at_hosts(evidence, *in_force.policy, now);
        }
    }

    // One lookup that met the failure is one session that should have had a policy. Where a cached policy held
    // (RFC 8461 §3.3), the session was not failed by it: it is then only named.
    void count_policy_failure(const verdict::Evidence& evidence, const verdict::PolicyInForce& in_force,
                              TimePoint now) {
        counters.policy_failures.fetch_add(1, std::memory_order_relaxed);
        const mtasts::CachedPolicy* cached = in_force.policy ? &*in_force.policy : nullptr;
        const auto count = std::make_shared<tlsrpt::Count>(tlsrpt::Count{
            std::chrono::floor<std::chrono::days>(now), evidence.domain(), "", identity_of(evidence.domain(), cached)});
        count->policy.failed = cached == nullptr ? 1 : 0;
        tlsrpt::FailureDetail detail;
        detail.result_type = std::string(tlsrpt::to_string(*in_force.failure));
        detail.sessions = 1;
        const std::string why = verdict::judge_fetch(evidence.fetch).reason;
        if (!why.empty() || !in_force.reasons.empty()) {
            detail.reason_code = printable(why.empty() ? in_force.reasons.back() : why, reason_bytes_max);
        }
        count->policy.failures.push_back(std::move(detail));
        write([count](store::Store& into) { return into.session_counts.add({*count}); });
    }

    void look_at_hosts(const verdict::Evidence& evidence, const mtasts::CachedPolicy& cached, TimePoint now) {
        if (evidence.hosts.empty()) {
            return;
        }
        const std::uint16_t best = evidence.hosts.front().preference;
        const std::size_t count = std::min(evidence.hosts.size(), settings.hosts_per_domain_max);
        for (std::size_t i = 0; i < count; ++i) {
            const verdict::HostEvidence& host = evidence.hosts[i];
            TestingHost seen{
                std::chrono::floor<std::chrono::days>(now), evidence.domain(), host.name, host.preference == best,
                identity_of(evidence.domain(), &cached),    std::nullopt,      now};
            if (!cached.policy.allows(host.name)) {
                // RFC 8461 §4.1: no probe can help a host that the policy does not name.
                seen.failure.emplace();
                seen.failure->result_type = std::string(tlsrpt::to_string(ResultType::validation_failure));
                seen.failure->receiving_mx_hostname = host.name.text();
                seen.failure->reason_code = reason("the MX host is not in the policy");
                remember(std::move(seen));
            } else if (host.has_address()) {
                look_at(host, std::move(seen), now);
            }
        }
    }

    void look_at(const verdict::HostEvidence& evidence, TestingHost seen, TimePoint now) {
        Host& host = hosts[evidence.name];
        if (host.probed && now < *host.probed + settings.probe_again) {
            seen.failure = host.failure;
            remember(std::move(seen));
            return;
        }
        const bool under_way = !host.waiting.empty();
        if (!under_way && queue.size() >= settings.probes_waiting_max) {
            return;
        }
        constexpr std::size_t waiting_max = 10'000;  // domains on one host; those beyond ask again with their next use
        if (host.waiting.size() < waiting_max) {
            host.waiting.push_back(std::move(seen));
        }
        if (under_way) {
            return;
        }
        host.addresses.clear();
        for (const auto* lookup : {&evidence.a, &evidence.aaaa}) {
            host.addresses.insert(host.addresses.end(), lookup->records.begin(), lookup->records.end());
        }
        host.addresses.resize(std::min(host.addresses.size(), addresses_max));
        queue.push_back(evidence.name);
        if (workers < settings.probes_at_once) {
            ++workers;
            net::spawn(loop, [weak = weak_from_this()]() -> awaitable<void> {
                if (const auto self = weak.lock()) {
                    co_await self->work_off();
                }
            });
        }
    }

    awaitable<void> work_off() {
        while (!queue.empty()) {
            const dns::Name name = std::move(queue.front());
            queue.pop_front();
            co_await probe(name);
        }
        --workers;
        forget_old();
    }

    awaitable<void> probe(dns::Name name) {
        net::SmtpProbeRequest request;
        request.host = name;
        request.port = settings.smtp_port;
        request.trust = settings.trust;
        request.guard = settings.guard;
        request.timeout = settings.probe_timeout;
        std::optional<tlsrpt::FailureDetail> failure;
        bool verdict_reached = false;
        const std::vector<dns::IpAddress> addresses = hosts[name].addresses;
        for (const dns::IpAddress& address : addresses) {
            request.address = address;
            const net::SmtpProbeResult result = co_await net::await_callback<net::SmtpProbeResult>(
                [this, &request](std::function<void(net::SmtpProbeResult)> done) {
                    net::smtp_probe(loop, request, std::move(done));
                });
            const std::optional<ResultType> type = result_of(result);
            verdict_reached = type || result.failure == net::SmtpFailure::none;
            if (type) {
                failure = detail_of(*type, name, address, result);
            }
            if (verdict_reached) {
                break;
            }
        }
        counters.probes.fetch_add(1, std::memory_order_relaxed);
        Host& host = hosts[name];
        std::vector<TestingHost> waiting = std::exchange(host.waiting, {});
        if (!verdict_reached) {
            hosts.erase(name);
            co_return;  // nobody home: nothing is known about its TLS
        }
        host.probed = clock.now();
        host.failure = failure;
        if (failure) {
            counters.probes_refused.fetch_add(1, std::memory_order_relaxed);
            log.info(component, fmt::format("{}: enforcing a policy that is in testing would refuse it: {}",
                                            name.text(), failure->reason_code.value_or("")));
        }
        for (TestingHost& seen : waiting) {
            seen.failure = failure;
            remember(std::move(seen));
        }
    }

    static tlsrpt::FailureDetail detail_of(ResultType type, const dns::Name& name, const dns::IpAddress& address,
                                           const net::SmtpProbeResult& result) {
        tlsrpt::FailureDetail detail;
        detail.result_type = std::string(tlsrpt::to_string(type));
        detail.receiving_mx_hostname = name.text();
        detail.receiving_ip = address.text();
        if (result.local_address) {
            detail.sending_mta_ip = result.local_address->text();
        }
        if (!result.ehlo.empty()) {
            detail.receiving_mx_helo = result.ehlo;
        }
        detail.reason_code = reason(result.error);
        return detail;
    }

    // To the store, unless the same stands there already.
    void remember(TestingHost seen) {
        if (seen.day != written_day) {
            written_day = seen.day;
            written.clear();
        }
        const std::string verdict = seen.failure ? seen.failure->result_type : "";
        const auto [known, is_new] = written.try_emplace(seen.domain.text() + " " + seen.host.text(), verdict);
        if (!is_new && known->second == verdict) {
            return;
        }
        known->second = verdict;
        const auto entry = std::make_shared<TestingHost>(std::move(seen));
        write([entry](store::Store& into) { return into.session_counts.put_testing_host(*entry); });
    }

    template <class Write>
    void write(Write into) {
        work.submit([this_store = &store, this_log = &log, into = std::move(into)] {
            if (const Result<void> kept = into(*this_store); !kept) {
                this_log->error(component, "an observation for the reports is lost: " + kept.error().message());
            }
        });
    }

    void forget_old() {
        const TimePoint now = clock.now();
        std::erase_if(hosts, [&](const auto& entry) {
            return entry.second.waiting.empty() &&
                   (!entry.second.probed || now >= *entry.second.probed + settings.probe_again);
        });
    }

    ObserverSettings settings;
    ObserverCounters counters;
    std::unordered_map<dns::Name, Host> hosts;
    std::deque<dns::Name> queue;  // hosts whose probe has not begun
    std::size_t workers = 0;
    Day written_day;
    std::unordered_map<std::string, std::string> written;  // "domain host" → result type that stands in the store
};

Observer::Observer(const SenderParts& parts, ObserverSettings settings)
    : impl_(std::make_shared<Impl>(parts, std::move(settings))) {}

Observer::~Observer() = default;

void Observer::looked_up(const verdict::Evidence& evidence) {
    impl_->looked_up(evidence);
}

void Observer::reconfigure(ObserverSettings settings) {
    impl_->settings = std::move(settings);
}

const ObserverCounters& Observer::counters() const {
    return impl_->counters;
}

}  // namespace postseal::sender
