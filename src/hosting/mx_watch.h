// What a domain's MX hosts look like from outside (design §4 rules 4 and 5), and the gate to enforce.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/name.h"
#include "hosting/life_cycle.h"
#include "net/address_guard.h"
#include "net/certificate.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/smtp_client.h"
#include "store/reports.h"

namespace postseal::hosting {

struct MxHost {
    dns::Name host;
    std::uint16_t preference = 0;
    std::optional<bool> starttls;  // none: not probed, or not reached
    std::string tls_version;       // "TLSv1.3"
    struct Certificate {
        TimePoint not_after;
        std::vector<std::string> names;
        std::string issuer;
        friend bool operator==(const Certificate&, const Certificate&) = default;
    };
    std::optional<Certificate> certificate;
    // Stable words: no-address, unreachable, timeout, starttls-missing, tls-failed, certificate-expired,
    // certificate-expiring, certificate-name, certificate-untrusted; empty = clean, or not probed.
    std::string problem_code;
    std::string problem;  // an English sentence
    std::optional<TimePoint> probed;
    friend bool operator==(const MxHost&, const MxHost&) = default;
};

struct MxWatch {
    std::string dnssec = "unknown";  // of the MX RRset: secure, insecure, bogus, unknown
    std::vector<MxHost> hosts;       // by preference
    std::optional<TimePoint> looked;
    std::string problem;  // why there are no hosts; an English sentence
    [[nodiscard]] std::vector<dns::Name> names() const;
    friend bool operator==(const MxWatch&, const MxWatch&) = default;
};
std::string mx_watch_to_json(const MxWatch& watch);
MxWatch mx_watch_from_json(std::string_view text);  // what cannot be read is left out

// From a probe to words. `at_least_days`: a certificate that ends sooner is no longer fit for enforce (rule 4).
constexpr int certificate_days_min = 21;
void judge_probe(MxHost& host, const net::SmtpProbeResult& probe, TimePoint now);

struct ProbeSettings {
    std::uint16_t smtp_port = 25;
    std::string ehlo_name;
    std::shared_ptr<const net::TrustStore> trust;
    net::AddressGuard guard;
    std::chrono::milliseconds timeout{30'000};
    std::size_t hosts_max = 50;
};
// The MX RRset (RFC 5321 §5.1, also the implicit MX), on the loop. What `before` knows of a host is kept.
void discover_mx(net::Loop& loop, net::Resolver& resolver, const Clock& clock, const dns::Name& domain, MxWatch before,
                 std::size_t hosts_max, std::function<void(MxWatch)> done);
// A STARTTLS probe of every host, all at once.
void probe_mx(net::Loop& loop, net::Resolver& resolver, const Clock& clock, const ProbeSettings& settings,
              MxWatch watch, std::function<void(MxWatch)> done);

// Rule 4.
struct Condition {
    std::string id;      // testing-days, reports-clean, mx-probes, mx-in-policy
    std::string status;  // ok, unknown, failed
    std::string proof;   // an English sentence with the evidence
    // Figures behind the proof, where the condition has them.
    std::optional<std::int64_t> days, required_days, senders, sessions, refused_sessions, hosts_total;
    std::vector<std::string> hosts;  // that are the reason
};
struct Readiness {
    bool ready = false;
    std::vector<Condition> conditions;
};
struct ReadinessFacts {
    std::optional<TimePoint> testing_since;
    std::vector<mtasts::MxPattern> policy_mx;
    MxWatch watch;
    std::vector<store::StoredReport> reports;  // of the domain; those that are not trusted are skipped (rule 18)
};
Readiness judge_readiness(const ReadinessFacts& facts, int testing_days, TimePoint now);

}  // namespace postseal::hosting
