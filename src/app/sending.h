// The sending roles put together: policy daemon with its listeners, collector, report sender with its daily schedule.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "app/config.h"
#include "app/dnssec_probe.h"
#include "app/inherited_sockets.h"
#include "app/runtime.h"
#include "sender/collector.h"
#include "sender/http_intake.h"
#include "sender/log_intake.h"
#include "sender/observer.h"
#include "sender/policy_daemon.h"
#include "sender/reporter.h"

namespace postseal::app {

// How a log is followed; `file` is its path, or "-".
sender::LogIntakeSettings log_intake_settings(const Config& config, sender::LogFormat format, const std::string& file);

sender::ReportCaps report_caps(const Config& config);

class Sending {
public:
    // Starts the roles that are on; the listeners accept when it returns. Everything passed in must outlive it.
    static Result<std::unique_ptr<Sending>> start(const Config& config, InheritedSockets inherited, Outside& outside,
                                                  store::Store& store, const Clock& clock, Log& log);
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;
    ~Sending();

    void stop();  // listeners and collector; before Outside::stop()
    void reconfigure(const Config& config);

    // On the loop of `outside`: whether every thread that answers MTAs has done something since the last call.
    bool pulse();

    [[nodiscard]] std::size_t connections() const;  // of MTAs, now
    // On the loop of `outside`; nothing before the first look.
    [[nodiscard]] const std::optional<DnssecFinding>& dnssec() const;

    // Null where the role is off.
    [[nodiscard]] sender::PolicyDaemon* policy_daemon();
    [[nodiscard]] sender::Observer* observer();
    [[nodiscard]] sender::Collector* collector();
    [[nodiscard]] const sender::HttpIntake* http_intake() const;
    // Of the logs that are followed; none where the role is off.
    [[nodiscard]] std::vector<sender::LogIntake*> log_intakes();
    [[nodiscard]] sender::Reporter* reporter();

private:
    struct Impl;
    explicit Sending(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::app
