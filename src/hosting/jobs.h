// The driver of the life cycle: looks, orders, reads back, publishes, one domain after the other and again every
// minute. What comes next is life_cycle's decision; this file does it and writes it down.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "hosting/acme_client.h"
#include "hosting/certificate_status.h"
#include "hosting/life_cycle.h"
#include "hosting/mx_probe_desk.h"
#include "hosting/mx_watch.h"
#include "hosting/parts.h"
#include "hosting/readiness.h"
#include "hosting/transitions.h"
#include "hosting/verifier.h"
#include "net/resolver.h"

namespace postseal::hosting {

struct JobsSettings {
    std::vector<AcmeSettings> acme;    // in order of preference
    std::vector<dns::Name> own_names;  // intake, panel: each gets a certificate
    net::ResolverSettings resolver;    // for the fresh looks of rule 1
    ProbeSettings probe;
    std::uint16_t https_port = 443;  // where our own policy host is read back
    std::uint16_t http_port = 80;    // where the CA finds our answers to http-01
    bool only_process = true;        // no other node works on this store
    bool run = true;                 // they run, or are shown, in this process
    LifeSettings life;
    Seconds look_every{60};
    // A domain that was added a short time ago: its owner sits before the panel and waits for the ticks.
    Seconds young_for{3600};
    Seconds young_look_every{10};
    Seconds mx_look_every{600};
    Seconds mx_probe_every{3600};
    Seconds verified_look_every{3600};     // of domains that have moved in: are the CNAMEs still there?
    Seconds lost_look_every{60};           // the same, while one of them is gone
    Seconds elsewhere_look_every{86'400};  // of domains whose policy lives elsewhere
    // Between the look that a certificate is ordered by and the order, and between a look and being verified.
    Seconds look_good_for{600};
    std::size_t at_once_max = 8;
};

class CertificateOrders;

// What became of a domain; `mode` is that of the live body.
enum class DomainEvent { added, changed, gone };
using DomainObserver = std::function<void(DomainEvent, const store::Domain&, std::optional<mtasts::Mode>)>;

// Everything on the loop, unless it says otherwise.
class Jobs {
public:
    Jobs(JobsParts parts, JobsSettings settings);
    Jobs(const Jobs&) = delete;
    Jobs& operator=(const Jobs&) = delete;
    ~Jobs();

    void start();                           // any thread
    void observe(DomainObserver observer);  // any thread; called on the loop, which it must not block

    // The row was stored, the observer is told; a young domain is looked at often.
    void added(const store::Domain& domain);
    void changed(const store::Domain& domain);
    // Does for the domain with this label whatever is to be done now.
    void soon(const std::string& label);

    // Looks at the CNAMEs afresh and stores what it saw; the domain may have become verified.
    void look(const std::string& label, std::function<void(Result<store::Domain>)> done);
    // Looks at the MX hosts and stores what it saw. `due`: probes of the last hour will do.
    enum class Probe { hosts, due, no };
    void watch(const std::string& label, Probe probe, std::function<void(Result<store::Domain>)> done);

    // Looks at the policy that the watched domain has elsewhere, and stores what it saw.
    void look_elsewhere(const std::string& label, std::function<void(Result<store::Domain>)> done);

    // A new version: row, body in memory; the rest follows by itself (rule 3).
    Result<store::PolicyVersion> change_policy(const store::Domain& domain, mtasts::Mode mode, const MxPatterns& mx);
    // What the zone says behind the label, after the row has changed.
    Result<void> show_label(const store::Domain& domain);
    // The end of a domain, at once: no names, no body, no certificate.
    Result<void> leave(const store::Domain& domain, const Cause& cause);

    [[nodiscard]] Drift drift_of(const store::Domain& domain, const Versions& versions) const;
    // A person has left enforce: it is not entered again without one.
    void person_left_enforce(const store::Domain& domain, const std::string& actor);
    [[nodiscard]] Readiness readiness_of(const store::Domain& domain, const Versions& versions) const;
    [[nodiscard]] Result<std::vector<CnameRecord>> records_of(const store::Domain& domain) const;
    // After a failed order: when the next one is tried.
    [[nodiscard]] std::optional<TimePoint> next_order(const dns::Name& host) const;
    // How it stands with certificates (certificate_orders.h).
    [[nodiscard]] const CertificateOrders& certificates() const;
    [[nodiscard]] const std::vector<dns::Name>& own_names() const;
    // The owner says that what kept an order of his domain away has been repaired.
    void repaired(const dns::Name& host);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::hosting
