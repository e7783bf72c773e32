// What an MTA is told about a destination, and why: the precedence of DANE and MTA-STS (design rules 9–14).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "mtasts/policy.h"
#include "verdict/evidence.h"

namespace postseal::verdict {

// Postfix's TLS levels, plus two answers that are none: `none` is NOTFOUND, `temp` defers the mail.
enum class Level { none, may, encrypt, dane, dane_only, secure, temp };
std::string_view to_string(Level level);  // "dane-only"
enum class Source { by_default, dane, sts, by_override };
std::string_view to_string(Source source);  // "default", "dane", "sts", "override"

// Design rule 12: a secure MX RRset, an enforced policy, and a best host without TLSA while others have it.
enum class PartialDane { dane_only, secure, dane };
enum class OnSlowPolicy { deliver, defer };

struct Settings {
    PartialDane partial_dane = PartialDane::dane_only;
    bool smart_host_policy = true;                        // RFC 8461 §3.4: "[host]" uses the host's MTA-STS policy
    OnSlowPolicy on_slow_policy = OnSlowPolicy::deliver;  // a first policy fetch is still running
    Seconds ttl_min{60};                                  // bounds of Decision::valid_until
    Seconds ttl_max{86'400};
    Seconds failure_ttl{60};  // when a lookup failed: look again soon
};

struct Decision {
    Level level = Level::none;
    std::vector<std::string> match;  // as sent to Postfix: "mail.example.com", ".example.net"; of `secure` only
    Source source = Source::by_default;
    std::optional<mtasts::Mode> mode;  // of the policy in force, whatever decided
    std::vector<std::string>
        reasons;            // for people, most important first; of `temp` the first one goes to the MTA's log
    TimePoint valid_until;  // after this it is to be decided afresh

    // For TLSRPT attributes; set when source is sts and level is secure.
    struct StsAttributes {
        dns::Name policy_domain;
        std::vector<std::string> mx_host_patterns;  // "mail.example.com", "*.example.net": those behind `match`
        std::vector<std::string> policy_strings;    // the policy's lines as fetched
        friend bool operator==(const StsAttributes&, const StsAttributes&) = default;
    };
    std::optional<StsAttributes> sts;
    std::optional<TimePoint> policy_expires;
    bool outside_policy = false;  // DANE lets in a host that the enforced policy does not list; the last reason says so
    friend bool operator==(const Decision&, const Decision&) = default;
};

// Keys that can have no policy (an IP literal, ".example.com", a path) get Level::none without a look at the rest.
Decision decide(const Evidence& evidence, const Settings& settings, TimePoint now);

// What is known about DANE of one host; decide() and find() share it.
enum class HostDane {
    no_address,  // certain: it cannot be reached
    broken,      // addresses or TLSA could not be looked up: RFC 7672 §2.1.2 rules the host out
    insecure,    // its zone is not signed: no DANE
    no_tlsa,
    unusable,  // secure records, none of them usable: TLS without authentication
    usable,
};
struct HostDaneState {
    HostDane dane = HostDane::no_tlsa;
    const TlsaEvidence* tlsa = nullptr;  // the RRset that counts; of unusable and usable
    std::string reason;                  // of broken
};
HostDaneState dane_state(const HostEvidence& host);

}  // namespace postseal::verdict
