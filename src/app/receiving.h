// The receiving side put together: hosting with its jobs, DNS, policy host and ACME answers, and the intake of reports.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "app/config.h"
#include "app/inherited_sockets.h"
#include "base/log.h"
#include "base/time.h"
#include "hosting/fetch_log.h"
#include "hosting/hosting.h"
#include "hosting/key_plan.h"
#include "hosting/publication.h"
#include "hosting/zone_transfers.h"
#include "intake/intake.h"
#include "intake/mail_intake.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "store/store.h"

namespace postseal::app {

class Outside;

// How long the key roll-overs of the zone wait, as [dns] says.
hosting::KeyTimes key_times(const Config& config);

class Receiving {
public:
    // Starts the roles that are on; the listeners accept when it returns. Everything passed in must outlive it.
    // `inherited`: sockets of the policy host that systemd listens on.
    static Result<std::unique_ptr<Receiving>> start(const Config& config, InheritedSockets inherited,
                                                    net::LoopPool& serving, Outside& outside, store::Store& store,
                                                    const Clock& clock, Log& log);
    Receiving(const Receiving&) = delete;
    Receiving& operator=(const Receiving&) = delete;
    ~Receiving();

    // Lets the policy host answer whoever has connected, for a few seconds at most.
    void drain();
    void stop_listening();  // before the serving loops stop
    void stop_jobs();       // after the work pool has stopped, since its work may call the façade

    // Null when hosting is off.
    [[nodiscard]] hosting::Hosting* hosting();
    [[nodiscard]] const hosting::Hosting* hosting() const;
    // Null when the role is off.
    [[nodiscard]] intake::Intake* intake();
    [[nodiscard]] intake::MailIntake* mail_intake();
    [[nodiscard]] const intake::MailIntake* mail_intake() const;
    // Nothing when the role is off. The pointers live as long as this object.
    struct PolicyHostFigures {
        const net::HttpServerCounters* https = nullptr;
        const net::HttpServerCounters* http = nullptr;
        const hosting::FetchLog::Counters* fetch_log = nullptr;
        std::size_t connections = 0;
        std::size_t names = 0;  // with a certificate
    };
    [[nodiscard]] std::optional<PolicyHostFigures> policy_host() const;
    // Nothing when the zone is not signed.
    [[nodiscard]] const hosting::Publication::SigningFigures* signing() const;
    // Nothing without secondaries.
    [[nodiscard]] const hosting::ZoneTransfers::Figures* transfers() const;
    // For the panel's HTTPS listener: one store of certificates for all names of the installation.
    [[nodiscard]] std::shared_ptr<net::CertificateStore> certificates() const;

private:
    struct Impl;
    explicit Receiving(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace postseal::app
