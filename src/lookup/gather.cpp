#include "lookup/gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dane/tlsa.h"
#include "lookup/when_all.h"
#include "mtasts/record.h"
#include "net/smtp_client.h"
#include "tlsrpt/record.h"
#include "verdict/sts.h"

namespace postseal::lookup {

namespace {

using net::asio::awaitable;
using verdict::Answer;
using verdict::Evidence;
using verdict::HostEvidence;
using verdict::Lookup;
using verdict::PolicyFetch;
using verdict::Probe;

Answer answer_of(const net::DnsAnswer& answer) {
    if (answer.status == net::DnsStatus::bogus) {
        return Answer::bogus;
    }
    if (answer.status == net::DnsStatus::failed) {
        return Answer::failed;
    }
    if (answer.content == net::DnsContent::data) {
        return Answer::records;
    }
    return answer.content == net::DnsContent::nxdomain ? Answer::nxdomain : Answer::nodata;
}

// A resolver's answer as evidence; `convert` makes the record of the data that it knows.
template <class T, class Data, class Convert>
Lookup<T> to_lookup(const net::DnsAnswer& answer, Convert convert) {
    Lookup<T> out;
    out.answer = answer_of(answer);
    out.secure = answer.secure();
    out.ttl_s = answer.ttl_s;
    out.error = answer.error;
    if (answer.canonical_name != answer.name) {
        out.aliases.push_back(answer.canonical_name);
    }
    for (const Data& data : answer.template all<Data>()) {
        out.records.push_back(convert(data));
    }
    // Records that cannot be read are a malformed answer, which rules a host out (RFC 7672 §2.1.2), not an absent one.
    if (out.answer == Answer::records && out.records.empty() && answer.unreadable > 0) {
        out.answer = Answer::failed;
        out.error = "the records are malformed";
    }
    return out;
}

Lookup<std::string> to_txt(const net::DnsAnswer& answer) {
    return to_lookup<std::string, dns::TxtData>(answer, [](const dns::TxtData& txt) { return txt.joined(); });
}

Lookup<dns::IpAddress> to_addresses(const net::DnsAnswer& answer) {
    return to_lookup<dns::IpAddress, dns::AddressData>(answer,
                                                       [](const dns::AddressData& data) { return data.address; });
}

verdict::CertificateError to_evidence(net::CertificateError error) {
    switch (error) {
        case net::CertificateError::none:
            return verdict::CertificateError::none;
        case net::CertificateError::expired:
            return verdict::CertificateError::expired;
        case net::CertificateError::not_yet_valid:
            return verdict::CertificateError::not_yet_valid;
        case net::CertificateError::host_mismatch:
            return verdict::CertificateError::host_mismatch;
        case net::CertificateError::untrusted:
            return verdict::CertificateError::not_trusted;
        case net::CertificateError::other:
            return verdict::CertificateError::other;
    }
    return verdict::CertificateError::other;
}

class Task final : public Gathering, public std::enable_shared_from_this<Task> {
public:
    Task(net::Loop& loop, net::Resolver& resolver, net::HttpsClient& https, const Clock& clock, GatherSettings settings,
         GatherRequest request)
        : loop_(loop),
          resolver_(resolver),
          https_(https),
          clock_(clock),
          settings_(std::move(settings)),
          request_(std::move(request)) {
        evidence_.key = request_.key;
        evidence_.gathered = clock_.now();
        evidence_.smtp_port = request_.key.port.value_or(settings_.smtp_port);
        evidence_.cached = request_.cached;
        evidence_.fetch_failures = request_.fetch_failures;
    }

    [[nodiscard]] const Evidence& so_far() const override { return evidence_; }
    [[nodiscard]] bool all_but_fetch() const override { return hosts_done_ && txt_done_ && tlsrpt_done_; }

    awaitable<void> run() {
        std::vector<awaitable<void>> parts;
        parts.push_back(gather_policy());
        parts.push_back(gather_hosts());
        parts.push_back(gather_tlsrpt());
        co_await when_all(std::move(parts));
    }

    Evidence take() { return std::move(evidence_); }

private:
    awaitable<net::DnsAnswer> resolve(dns::Name name, dns::Type type) {
        co_return co_await net::await_callback<net::DnsAnswer>(
            [&resolver = resolver_, &name, type](std::function<void(net::DnsAnswer)> done) {
                resolver.resolve(name, type, std::move(done));
            });
    }

    awaitable<void> gather_tlsrpt() {
        if (request_.tlsrpt == GatherRequest::Tlsrpt::ask) {
            const Result<dns::Name> name = tlsrpt::tlsrpt_record_name(evidence_.domain());
            if (name) {
                evidence_.tlsrpt_txt = to_txt(co_await resolve(*name, dns::Type::txt));
            }
        }
        tlsrpt_done_ = true;
        tell_all_but_fetch();
    }

    // RFC 8461 §3.3: TXT first; then, if the cache rules want it, the policy.
    awaitable<void> gather_policy() {
        const Result<dns::Name> record_name = mtasts::sts_record_name(evidence_.domain());
        const Result<dns::Name> host = mtasts::policy_host_name(evidence_.domain());
        if (!record_name || !host) {
            // Too long a name for the label in front: such a domain can have no policy.
            evidence_.sts_txt.answer = Answer::nxdomain;
            txt_done_ = true;
            co_return;
        }
        evidence_.sts_txt = to_txt(co_await resolve(*record_name, dns::Type::txt));
        const mtasts::TxtOutcome txt = verdict::txt_outcome(evidence_.sts_txt);
        bool wanted = (txt.state == mtasts::TxtState::usable && request_.fetch != GatherRequest::Fetch::never) ||
                      (request_.fetch == GatherRequest::Fetch::now && request_.cached);
        if (request_.fetch == GatherRequest::Fetch::by_cache_rules) {
            const mtasts::NextAction action =
                mtasts::next_action(request_.cached, request_.fetch_failures, txt, clock_.now(), settings_.cache);
            wanted = action.kind == mtasts::NextAction::Kind::fetch && !action.not_before;
            if (action.not_before) {
                evidence_.fetch.outcome = PolicyFetch::Outcome::held_back;
                evidence_.fetch.error =
                    "a fetch failed a short while ago; the next one is due at " + to_rfc3339(*action.not_before);
            }
        }
        if (wanted) {
            evidence_.fetch.outcome = PolicyFetch::Outcome::running;
        }
        txt_done_ = true;
        tell_all_but_fetch();
        if (wanted) {
            evidence_.fetch = co_await fetch_policy(*host);
        }
    }

    awaitable<PolicyFetch> fetch_policy(dns::Name host) {
        PolicyFetch fetch;
        fetch.at = clock_.now();
        net::DnsAnswer v4;
        net::DnsAnswer v6;
        std::vector<awaitable<void>> both;
        both.push_back(resolve_into(host, dns::Type::a, v4));
        both.push_back(resolve_into(host, dns::Type::aaaa, v6));
        co_await when_all(std::move(both));
        for (const net::DnsAnswer* answer : {&v6, &v4}) {
            for (const dns::AddressData& data : answer->all<dns::AddressData>()) {
                fetch.addresses.push_back(data.address);
            }
        }
        if (fetch.addresses.empty()) {
            const bool certain = v4.usable() && v6.usable();
            fetch.outcome = certain ? PolicyFetch::Outcome::no_address : PolicyFetch::Outcome::dns_failed;
            fetch.error = certain ? host.text() + " has no address" : v4.usable() ? v6.error : v4.error;
            co_return fetch;
        }
        net::HttpsRequest request;
        request.url = settings_.https_port == 443
                          ? fmt::format("https://{}/.well-known/mta-sts.txt", host.text())
                          : fmt::format("https://{}:{}/.well-known/mta-sts.txt", host.text(), settings_.https_port);
        request.addresses = fetch.addresses;
        request.trust = settings_.trust;
        request.timeout = settings_.fetch_timeout;
        request.body_bytes_max = mtasts::policy_bytes_max;
        note_response(fetch, co_await net::await_callback<net::HttpsResponse>(
                                 [&https = https_, &request](std::function<void(net::HttpsResponse)> done) {
                                     https.fetch(request, std::move(done));
                                 }));
        fetch.at = clock_.now();  // RFC 8461 §3.2: its lifetime begins now
        co_return fetch;
    }

    awaitable<void> resolve_into(dns::Name name, dns::Type type, net::DnsAnswer& into) {
        into = co_await resolve(std::move(name), type);
    }

    static void note_response(PolicyFetch& fetch, const net::HttpsResponse& response) {
        using Failure = net::HttpsResponse::Failure;
        using Outcome = PolicyFetch::Outcome;
        fetch.elapsed_ms = static_cast<std::uint32_t>(response.duration.count());
        fetch.error = response.error;
        fetch.content_type = response.content_type;
        fetch.location = std::string(net::find_header(response.headers, "location"));
        fetch.certificate = to_evidence(response.certificate_error);
        if (response.certificate) {
            fetch.certificate_not_after = response.certificate->not_after;
        }
        if (response.status != 0) {
            fetch.status = response.status;
        }
        switch (response.failure) {
            case Failure::none: {
                fetch.outcome = Outcome::response;
                const ByteView body = as_bytes(response.body);
                fetch.body.assign(body.begin(), body.end());
                return;
            }
            case Failure::refused_address:
                fetch.outcome = Outcome::refused_address;
                return;
            case Failure::resolve:
                fetch.outcome = Outcome::dns_failed;
                return;
            case Failure::connect:
                fetch.outcome = Outcome::connect_failed;
                return;
            case Failure::timeout:
                fetch.outcome = Outcome::timed_out;
                return;
            case Failure::tls: {
                const bool handshake = response.certificate_error == net::CertificateError::none ||
                                       response.certificate_error == net::CertificateError::other;
                fetch.outcome = handshake ? Outcome::tls_failed : Outcome::certificate_error;
                return;
            }
            case Failure::too_large:
                fetch.outcome = Outcome::too_large;
                return;
            case Failure::local:
                fetch.outcome = Outcome::local_error;
                return;
            case Failure::bad_request:
            case Failure::protocol:
                fetch.outcome = Outcome::protocol_error;
                return;
        }
    }

    awaitable<void> gather_hosts() {
        if (request_.hosts == GatherRequest::Hosts::ask) {
            if (evidence_.key.kind == verdict::Key::Kind::domain) {
                evidence_.mx = to_lookup<dns::MxData, dns::MxData>(co_await resolve(evidence_.domain(), dns::Type::mx),
                                                                   [](const dns::MxData& mx) { return mx; });
            }
            evidence_.hosts = verdict::hosts_of(evidence_.key, evidence_.mx);
            if (evidence_.hosts.size() > settings_.hosts_max) {
                evidence_.hosts.resize(settings_.hosts_max);
            }
            std::vector<awaitable<void>> hosts;
            for (HostEvidence& host : evidence_.hosts) {
                hosts.push_back(gather_host(host));
            }
            co_await when_all(std::move(hosts));
        }
        hosts_done_ = true;
        tell_all_but_fetch();
    }

    void tell_all_but_fetch() {
        if (all_but_fetch() && evidence_.fetch.outcome == PolicyFetch::Outcome::running && request_.all_but_fetch) {
            std::exchange(request_.all_but_fetch, nullptr)();
        }
    }

    awaitable<void> resolve_addresses(dns::Name name, dns::Type type, Lookup<dns::IpAddress>& into) {
        into = to_addresses(co_await resolve(std::move(name), type));
    }

    // RFC 7672 §2.2.2: addresses, then the alias where needed, then TLSA base by base until one has secure records.
    awaitable<void> gather_host(HostEvidence& host) {
        if (dns::IpAddress::parse(host.name.text())) {
            // RFC 7672 §2.2: an MX must not be an address; RFC 5321 §5.1: it is no name that could have one.
            host.a.answer = host.aaaa.answer = Answer::nxdomain;
            co_return;
        }
        std::vector<awaitable<void>> both;
        both.push_back(resolve_addresses(host.name, dns::Type::a, host.a));
        both.push_back(resolve_addresses(host.name, dns::Type::aaaa, host.aaaa));
        co_await when_all(std::move(both));
        if (verdict::needs_alias_lookup(host)) {
            host.alias = to_lookup<dns::Name, dns::CnameData>(co_await resolve(host.name, dns::Type::cname),
                                                              [](const dns::CnameData& data) { return data.target; });
        }
        std::vector<awaitable<void>> rest;
        rest.push_back(gather_tlsa(host));
        if (request_.probes == GatherRequest::Probes::every_mx) {
            rest.push_back(probe_host(host));
        }
        co_await when_all(std::move(rest));
    }

    awaitable<void> gather_tlsa(HostEvidence& host) {
        for (const dns::Name& base : verdict::tlsa_bases(host)) {
            const Result<dns::Name> name = dane::tlsa_name(base, evidence_.smtp_port);
            if (!name) {
                continue;
            }
            verdict::TlsaEvidence evidence;
            evidence.base_domain = base;
            evidence.lookup = to_lookup<dns::TlsaData, dns::TlsaData>(co_await resolve(*name, dns::Type::tlsa),
                                                                      [](const dns::TlsaData& data) { return data; });
            const bool found = evidence.lookup.found() && evidence.lookup.secure;
            const bool broken = evidence.lookup.broken();
            host.tlsa.push_back(std::move(evidence));
            if (found || broken) {
                co_return;
            }
        }
    }

    awaitable<void> probe_host(HostEvidence& host) {
        std::vector<dns::IpAddress> addresses;
        for (const auto* lookup : {&host.a, &host.aaaa}) {
            addresses.insert(addresses.end(), lookup->records.begin(), lookup->records.end());
        }
        constexpr std::size_t addresses_max = 4;  // of one host: enough to see a difference between them
        addresses.resize(std::min(addresses.size(), addresses_max));
        host.probes.resize(addresses.size());
        std::vector<awaitable<void>> probes;
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            probes.push_back(probe_address(host.name, addresses[i], host.probes[i]));
        }
        co_await when_all(std::move(probes));
    }

    awaitable<void> probe_address(dns::Name name, dns::IpAddress address, Probe& into) {
        net::SmtpProbeRequest request;
        request.host = name;
        request.address = address;
        request.port = evidence_.smtp_port;
        request.trust = settings_.trust;
        request.guard = settings_.guard;
        request.timeout = settings_.probe_timeout;
        const net::SmtpProbeResult result = co_await net::await_callback<net::SmtpProbeResult>(
            [&loop = loop_, &request](std::function<void(net::SmtpProbeResult)> done) {
                net::smtp_probe(loop, request, std::move(done));
            });
        into = to_probe(request, result);
        into.at = clock_.now();
    }

    static Probe to_probe(const net::SmtpProbeRequest& request, const net::SmtpProbeResult& result) {
        Probe probe;
        probe.address = request.address;
        probe.port = request.port;
        probe.sni = request.host.text();
        probe.error = result.error;
        probe.outcome = outcome_of(result);
        if (result.tls) {
            probe.tls_version = result.tls->version;
            probe.cipher = result.tls->cipher;
            probe.chain = result.tls->chain_der;
            probe.certificate = to_evidence(result.tls->certificate_error);
            if (probe.certificate == verdict::CertificateError::not_trusted && probe.chain.size() == 1 &&
                result.tls->certificate && result.tls->certificate->subject == result.tls->certificate->issuer) {
                probe.certificate = verdict::CertificateError::self_signed;
            }
            probe.name_matches = result.tls->certificate && covers(*result.tls->certificate, request.host);
            if (result.tls->certificate) {
                probe.not_after = result.tls->certificate->not_after;
            }
        }
        return probe;
    }

    // RFC 6125 §6.4.3: a SAN is the host's name, or "*." and what follows the host's first label.
    static bool covers(const net::CertificateSummary& certificate, const dns::Name& host) {
        return std::any_of(certificate.names.begin(), certificate.names.end(), [&](const std::string& san) {
            const auto pattern = mtasts::MxPattern::parse(san);
            return pattern && mtasts::mx_matches(*pattern, host);
        });
    }

    static Probe::Outcome outcome_of(const net::SmtpProbeResult& result) {
        if (result.tls) {
            return Probe::Outcome::tls;
        }
        switch (result.failure) {
            case net::SmtpFailure::starttls_not_offered:
                return Probe::Outcome::starttls_missing;
            case net::SmtpFailure::starttls_refused:
                return Probe::Outcome::starttls_refused;
            case net::SmtpFailure::greeting:
            case net::SmtpFailure::ehlo:
                return Probe::Outcome::refused_greeting;
            case net::SmtpFailure::handshake:
            case net::SmtpFailure::certificate:
                return Probe::Outcome::handshake_failed;
            default:
                return result.offered ? Probe::Outcome::handshake_failed : Probe::Outcome::connect_failed;
        }
    }

    net::Loop& loop_;
    net::Resolver& resolver_;
    net::HttpsClient& https_;
    const Clock& clock_;
    GatherSettings settings_;
    GatherRequest request_;
    Evidence evidence_;
    bool txt_done_ = false;
    bool hosts_done_ = false;
    bool tlsrpt_done_ = false;
};

}  // namespace

std::shared_ptr<const Gathering> gather(net::Loop& loop, net::Resolver& resolver, net::HttpsClient& https,
                                        const Clock& clock, const GatherSettings& settings, GatherRequest request,
                                        std::function<void(verdict::Evidence)> done) {
    auto task = std::make_shared<Task>(loop, resolver, https, clock, settings, std::move(request));
    net::spawn(loop, [task, done = std::move(done)]() -> awaitable<void> {
        co_await task->run();
        done(task->so_far());
    });
    return task;
}

}  // namespace postseal::lookup
