// The I/O that fills verdict::Evidence: DNS with DNSSEC, the policy over HTTPS, STARTTLS probes. It concludes nothing;
// which lookups are needed is asked of verdict and mtasts (RFC 8461 §3.3, RFC 7672 §2.2).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "mtasts/cache.h"
#include "net/certificate.h"
#include "net/https_client.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "verdict/evidence.h"

namespace postseal::lookup {

struct GatherSettings {
    std::uint16_t smtp_port = 25;                     // where MX hosts are; the TLSA name follows it
    std::uint16_t https_port = 443;                   // where policy hosts are
    std::chrono::milliseconds fetch_timeout{60'000};  // RFC 8461 §3.3
    std::chrono::milliseconds probe_timeout{30'000};
    std::size_t hosts_max = 50;  // of an MX RRset; the rest is not looked at
    mtasts::CacheSettings cache;
    std::shared_ptr<const net::TrustStore> trust;
    net::AddressGuard guard;
};

struct GatherRequest {
    verdict::Key key;
    std::optional<mtasts::CachedPolicy> cached;
    mtasts::FetchFailures fetch_failures;
    enum class Fetch {
        by_cache_rules,  // as mtasts::next_action says
        always,          // whenever a usable record is there: for a checker, which has no cache
        now,             // as always, and without a record too when something is cached: somebody asks for it by hand
        never,           // only to see what DNS says
    } fetch = Fetch::by_cache_rules;
    enum class Probes { none, every_mx } probes = Probes::none;
    enum class Tlsrpt { skip, ask } tlsrpt = Tlsrpt::skip;
    enum class Hosts { skip, ask } hosts = Hosts::ask;  // skip: only the policy, for a background refresh
    // On the loop, at most once: everything is there but the policy, which is being fetched. May be empty.
    std::function<void()> all_but_fetch;
};

// One gathering under way, on its loop. Dropping the pointer does not stop it; `done` is called all the same.
class Gathering {
public:
    Gathering() = default;
    Gathering(const Gathering&) = delete;
    Gathering& operator=(const Gathering&) = delete;
    virtual ~Gathering() = default;
    // What is known so far; a fetch that is still under way is PolicyFetch::Outcome::running.
    [[nodiscard]] virtual const verdict::Evidence& so_far() const = 0;
    // Everything but the policy fetch is there: enough for a decision that treats the fetch as slow.
    [[nodiscard]] virtual bool all_but_fetch() const = 0;
};

// On the loop's thread, which resolver and client share; `done` runs there once, never from inside the call.
std::shared_ptr<const Gathering> gather(net::Loop& loop, net::Resolver& resolver, net::HttpsClient& https,
                                        const Clock& clock, const GatherSettings& settings, GatherRequest request,
                                        std::function<void(verdict::Evidence)> done);

}  // namespace postseal::lookup
