// The panel and the REST interface (api/openapi.json): one set of routes behind two doors, the panel's listener, where
// a session is asked for, and the local unix socket of the command line. What it may not do without asking, the design
// says in §6; how a request gets here and what may block is said in router.h.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded.h"
#include "base/log.h"
#include "base/time.h"
#include "hosting/hosting.h"
#include "intake/mail_intake.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "sender/collector.h"
#include "sender/log_intake.h"
#include "sender/policy_daemon.h"
#include "sender/reporter.h"
#include "store/store.h"

namespace postseal::console {

struct ConsoleSettings {
    std::string public_url;                // "https://panel.example.net": of sign-in links
    std::string organization = "default";  // of whoever uses the socket, when there is no organisation yet
    Seconds session_life{12 * 3600};
    Seconds sign_in_link_life{15 * 60};
    // Shown.
    dns::Name zone;           // Z; the root = hosting is off
    std::string intake_host;  // "" = intake is off
    std::vector<std::string> roles;
    std::string reporter_organization_name;
    std::string reporter_contact;
    sender::ReportCaps reporter_caps;
    Seconds reporter_spread{0};
};

// Null where the role is off here: what needs it is then answered with a problem. All of them must outlive the work
// pool, or its stop(): requests are answered on its threads.
struct ConsoleParts {
    net::WorkPool& work;
    net::Loop& loop;  // of the timers
    store::Store& store;
    const Clock& clock;
    Log& log;
    sender::PolicyDaemon* policy_daemon = nullptr;
    sender::Reporter* reporter = nullptr;
    sender::Collector* collector = nullptr;
    std::vector<sender::LogIntake*> log_intakes = {};
    hosting::Hosting* hosting = nullptr;
    intake::MailIntake* mail_intake = nullptr;
};

class Console {
public:
    Console(const ConsoleParts& parts, ConsoleSettings settings);
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;
    ~Console();

    // To the open panels of the organisation: "domain-added", "domain-changed", "domain-gone" with {domain, state,
    // mode}; "reports-changed" with {domain}; "alerts-changed" with {domain}, null for none. Any thread.
    void publish(std::int64_t organisation, std::string_view name, const boost::json::object& data);

    // For net::HttpServer. They may outlive the Console.
    [[nodiscard]] net::HttpServer::Handler panel_handler() const;   // panel and REST, with sessions
    [[nodiscard]] net::HttpServer::Handler socket_handler() const;  // REST, as the local operator

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::console
