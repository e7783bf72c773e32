// STARTTLS probes for all tenants (facts: thousands of domains share the MX hosts of a few providers): one probe for
// each (host name, address) at a time and, on schedule, one an hour, however many domains use it; never many at once at
// one provider. EHLO, STARTTLS, EHLO, QUIT: never a message (net::smtp_probe).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/time.h"
#include "hosting/mx_watch.h"
#include "net/loop.h"

namespace postseal::hosting {

enum class Freshness {
    scheduled,  // what was seen within the last hour is good enough
    fresh,  // somebody waits for it and may have changed something a second ago: only one that is under way is shared
};

struct ProbeDeskSettings {
    ProbeSettings probe;
    Seconds scheduled_age_max{3600};
    std::size_t at_once_max = 40;
    std::size_t per_provider_at_once_max = 4;  // by the registrable domain of the host
};

struct ProbeDeskCounters {
    std::uint64_t probes = 0;
    std::uint64_t shared = 0;  // answered by a probe that another asked for
};

// On its loop.
class ProbeDesk {
public:
    ProbeDesk(net::Loop& loop, const Clock& clock, ProbeDeskSettings settings);
    ProbeDesk(const ProbeDesk&) = delete;
    ProbeDesk& operator=(const ProbeDesk&) = delete;
    ~ProbeDesk();

    // Every address of the host, in the order given; never called back from inside.
    void probe(const dns::Name& host, const std::vector<dns::IpAddress>& addresses, Freshness freshness,
               std::function<void(std::vector<AddressProbe>)> done);
    [[nodiscard]] const ProbeDeskCounters& counters() const;
    // The probes that are remembered now.
    [[nodiscard]] std::size_t size() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::hosting
