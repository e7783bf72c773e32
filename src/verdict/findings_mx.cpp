// Findings about the MX records and each host behind them: addresses, STARTTLS, certificates (RFC 8461 §4).
#include <array>

#include "verdict/findings_parts.h"

namespace postseal::verdict {

namespace {

using Outcome = Probe::Outcome;

// Both directions of "MX RRset and policy agree" (RFC 8461 §4.1).
void compare_with_policy(Report& report, const Evidence& evidence, const mtasts::Policy& policy) {
    // All that DNS names: the evidence may hold fewer, gather() looks only so far.
    const std::vector<HostEvidence> hosts = hosts_of(evidence.key, evidence.mx);
    bool all_covered = !hosts.empty();
    for (const HostEvidence& host : hosts) {
        if (!policy.allows(host.name)) {
            all_covered = false;
            report.add("mx-not-in-policy", host.name.text(), {},
                       policy.mode == mtasts::Mode::enforce ? FindingSeverity::error : FindingSeverity::warning);
        }
    }
    for (const mtasts::MxPattern& pattern : policy.mx) {
        if (!pattern.can_match()) {
            report.add("mx-pattern-impossible", pattern.text());
            continue;
        }
        const bool used = std::ranges::any_of(
            evidence.hosts, [&pattern](const HostEvidence& host) { return mtasts::mx_matches(pattern, host.name); });
        if (!used && !hosts.empty()) {
            report.add("mx-pattern-unused", pattern.text());
        }
    }
    if (all_covered) {
        report.add("mx-covered", evidence.domain().text());
    }
}

void find_in_addresses(Report& report, const HostEvidence& host) {
    const std::string name = host.name.text();
    if (host.address_broken()) {
        const auto& lookup = host.a.broken() ? host.a : host.aaaa;
        report_broken(report, lookup, "host-lookup-failed", name, name);
        return;
    }
    if (!host.has_address() && (host.a.absent() || host.aaaa.absent())) {
        report.add("host-no-address", name);
    }
    if (host.expanded() != host.name) {
        report.add("host-alias", name, {{"target", host.expanded().text()}});
    }
}

std::string_view id_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::connect_failed:
        case Outcome::refused_greeting:
            return "smtp-unreachable";
        case Outcome::starttls_missing:
            return "starttls-missing";
        case Outcome::starttls_refused:
            return "starttls-refused";
        case Outcome::handshake_failed:
            return "tls-handshake-failed";
        case Outcome::not_attempted:
        case Outcome::tls:
            break;
    }
    return {};
}

std::string_view id_of(CertificateError error) {
    switch (error) {
        case CertificateError::none:
            return {};
        case CertificateError::expired:
            return "certificate-expired";
        case CertificateError::not_yet_valid:
            return "certificate-not-yet-valid";
        case CertificateError::host_mismatch:
            return "certificate-mismatch";
        case CertificateError::self_signed:
            return "certificate-self-signed";
        case CertificateError::not_trusted:
            return "certificate-untrusted";
        case CertificateError::other:
            break;
    }
    return "certificate-invalid";
}

// RFC 8461 §7.2, RFC 8996
bool is_old(std::string_view tls_version) {
    static constexpr std::array<std::string_view, 5> old{"SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"};
    return std::ranges::find(old, tls_version) != old.end();
}

// `certificate_severity`: without a policy nobody demands a WebPKI certificate, and DANE-EE(3) does well without.
void find_in_session(Report& report, const HostEvidence& host, const Probe& probe, FindingSeverity certificate_severity,
                     TimePoint now) {
    const std::string subject = probe_subject(host, probe);
    const std::string when = probe.not_after ? " on " + to_rfc3339(*probe.not_after).substr(0, 10) : "";
    const Params params{{"host", host.name.text()},
                        {"version", probe.tls_version},
                        {"error", probe.error.empty() ? "no details" : probe.error},
                        {"when", when}};
    bool fine = true;
    if (is_old(probe.tls_version)) {
        report.add("tls-version-old", subject, params);
        fine = false;
    }
    const std::string_view id = id_of(probe.certificate);
    if (!id.empty()) {
        report.add(id, subject, params, certificate_severity);
        fine = false;
    }
    if (!probe.name_matches && probe.certificate != CertificateError::host_mismatch) {
        report.add("certificate-mismatch", subject, params, certificate_severity);
        fine = false;
    }
    const bool expired = probe.certificate == CertificateError::expired;
    if (!expired && probe.not_after && *probe.not_after - now < expiry_warning) {
        const auto days = std::chrono::floor<std::chrono::days>(*probe.not_after - now).count();
        report.add("certificate-expiring", subject, {{"days", std::to_string(std::max<long>(days, 0))}});
    }
    if (fine) {
        report.add("starttls-ok", subject, params);
    }
}

}  // namespace

std::string probe_subject(const HostEvidence& host, const Probe& probe) {
    return host.name.text() + " [" + probe.address.text() + "]";
}

bool is_without_sni(const HostEvidence& host, const Probe& probe) {
    return probe.sni.empty() && std::ranges::any_of(host.probes, [&probe](const Probe& other) {
               return !other.sni.empty() && other.address == probe.address && other.port == probe.port;
           });
}

void find_in_mx(Report& report, const Evidence& evidence, const std::optional<mtasts::Policy>& policy) {
    const Lookup<dns::MxData>& mx = evidence.mx;
    const std::string domain = evidence.domain().text();
    if (mx.answer == Answer::not_asked || mx.answer == Answer::nxdomain ||
        report_broken(report, mx, "mx-lookup-failed", domain, "the MX records of " + domain)) {
        return;
    }
    if (is_null_mx(evidence)) {
        report.add("mx-null", domain);
        return;
    }
    for (const dns::MxData& record : mx.records) {
        if (record.exchange.is_root()) {  // MX-005
            report.add("mx-null-with-others", domain);
        } else if (!record.exchange.is_hostname()) {
            report.add("mx-not-hostname", record.exchange.text());
        }
    }
    if (is_implicit_mx(evidence)) {
        report.add("mx-implicit", domain);
    }
    const bool looked_up = std::ranges::all_of(evidence.hosts, [](const HostEvidence& host) {
        return !host.has_address() && host.a.absent() && host.aaaa.absent();
    });
    if (looked_up && !evidence.hosts.empty()) {
        report.add("mx-none-usable", domain);
    }
    if (!mx.secure) {
        report.add("mx-not-signed", domain);
    }
    if (policy && policy->mode != mtasts::Mode::none) {
        compare_with_policy(report, evidence, *policy);
    }
}

void find_in_hosts(Report& report, const Evidence& evidence, const std::optional<mtasts::Policy>& policy,
                   TimePoint now) {
    const bool demanded = policy && policy->mode != mtasts::Mode::none;
    const FindingSeverity certificate_severity = demanded ? FindingSeverity::error : FindingSeverity::warning;
    for (const HostEvidence& host : evidence.hosts) {
        find_in_addresses(report, host);
        for (const Probe& probe : host.probes) {
            if (is_without_sni(host, probe)) {
                if (probe.outcome == Outcome::handshake_failed) {  // STS-061
                    report.add("sni-refused", probe_subject(host, probe));
                }
            } else if (probe.outcome == Outcome::tls) {
                find_in_session(report, host, probe, certificate_severity, now);
            } else if (const std::string_view id = id_of(probe.outcome); !id.empty()) {
                report.add(id, probe_subject(host, probe),
                           {{"host", host.name.text()}, {"error", probe.error.empty() ? "no details" : probe.error}});
            }
        }
    }
}

}  // namespace postseal::verdict
