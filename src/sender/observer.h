// What the policy daemon sees and an MTA cannot report: policies that could not be fetched (RFC 8461 §6, RFC 8460
// §4.3.2.2), and MX hosts that a policy in testing mode would have refused (RFC 8461 §5; design rule 16). It goes into
// the store, from where the report sender tells the domain's owner.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "net/address_guard.h"
#include "net/certificate.h"
#include "sender/parts.h"
#include "verdict/evidence.h"

namespace postseal::sender {

struct ObserverSettings {
    bool testing_probes = true;
    std::uint16_t smtp_port = 25;
    std::shared_ptr<const net::TrustStore> trust;
    net::AddressGuard guard;
    std::chrono::milliseconds probe_timeout{30'000};
    Seconds probe_again{3600};  // one MX host is not probed more often, whoever uses it
    std::size_t probes_at_once = 8;
    std::size_t probes_waiting_max = 1000;  // more are not begun: the next lookup of the domain asks again
    std::size_t hosts_per_domain_max = 20;
};

struct ObserverCounters {
    std::atomic<std::uint64_t> policy_failures{0};
    std::atomic<std::uint64_t> probes{0};
    std::atomic<std::uint64_t> probes_refused{0};  // hosts that enforce would have refused
};

class Observer {
public:
    Observer(const SenderParts& parts, ObserverSettings settings);
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    ~Observer();

    // On the loop: a lookup for an MTA has ended.
    void looked_up(const verdict::Evidence& evidence);
    // On the loop: for the probes that begin from now on (SIGHUP).
    void reconfigure(ObserverSettings settings);
    [[nodiscard]] const ObserverCounters& counters() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::sender
