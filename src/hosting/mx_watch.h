// What a domain's MX hosts look like from outside (design §4 rules 4 and 5).
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

namespace postseal::hosting {

struct MxHost {
    dns::Name host;
    std::uint16_t preference = 0;
    std::optional<TimePoint> since;  // first seen among the domain's MX
    std::optional<bool> starttls;    // none: not probed, or not reached
    std::string tls_version;         // "TLSv1.3"
    struct Certificate {
        TimePoint not_after;
        std::vector<std::string> names;
        std::string issuer;
        std::optional<TimePoint> not_before;
        friend bool operator==(const Certificate&, const Certificate&) = default;
    };
    std::optional<Certificate> certificate;  // of the address that decided
    // Each address that was probed, IPv4 first; what is wrong with TLS at one is wrong with the host, but one that
    // cannot be reached only counts when none can: a prober without IPv6 says nothing about the host.
    struct Address {
        dns::IpAddress address;
        std::string tls_version;
        std::optional<TimePoint> not_after;
        std::string problem_code;
        std::string problem;
        friend bool operator==(const Address&, const Address&) = default;
    };
    std::vector<Address> addresses;
    // Stable words: unknown, unsigned (the host's zone), absent (no TLSA), unusable, matches, mismatch, bogus.
    std::string dane = "unknown";
    // Stable words: no-address, unreachable, timeout, starttls-missing, tls-failed, certificate-expired,
    // certificate-expiring, certificate-name, certificate-untrusted; empty = clean, or not probed.
    std::string problem_code;
    std::string problem;              // an English sentence
    std::optional<TimePoint> probed;  // the oldest of its addresses
    friend bool operator==(const MxHost&, const MxHost&) = default;
};

struct MxWatch {
    std::string dnssec = "unknown";  // of the MX RRset: secure, insecure, bogus, unknown
    std::vector<MxHost> hosts;       // by preference
    std::optional<TimePoint> looked;
    std::string problem;  // why there are no hosts; an English sentence
    struct Unneeded {
        std::string pattern;
        TimePoint since;
        friend bool operator==(const Unneeded&, const Unneeded&) = default;
    };
    std::vector<Unneeded> unneeded;  // patterns of the policy without a host: see drift.h
    [[nodiscard]] std::vector<dns::Name> names() const;
    friend bool operator==(const MxWatch&, const MxWatch&) = default;
};
std::string mx_watch_to_json(const MxWatch& watch);
MxWatch mx_watch_from_json(std::string_view text);  // what cannot be read is left out

// From a probe to words. `at_least_days`: a certificate that ends sooner is no longer fit for enforce (rule 4).
constexpr int certificate_days_min = 21;
void judge_probe(MxHost& host, const net::SmtpProbeResult& probe, TimePoint now);
// The same for all addresses of a host.
struct AddressProbe {
    dns::IpAddress address;
    net::SmtpProbeResult result;
    TimePoint at;
};
void judge_probes(MxHost& host, const std::vector<AddressProbe>& probes, TimePoint now);

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

class ProbeDesk;
enum class Freshness;
// A STARTTLS probe of every address of every host, and their TLSA records (RFC 7672), all at once, by the desk.
struct ProbeParts {
    net::Loop& loop;
    net::Resolver& resolver;
    const Clock& clock;
    ProbeDesk& desk;
    std::uint16_t smtp_port = 25;  // TLSA names follow it
};
void probe_mx(const ProbeParts& parts, const dns::Name& domain, Freshness freshness, MxWatch watch,
              std::function<void(MxWatch)> done);

}  // namespace postseal::hosting
