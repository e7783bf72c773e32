// What somebody has to look at: one open row per (organisation, domain, kind, subject), however often it is seen.
//
// Who watches something says after every look what holds, and the store does the rest:
//
//     store.alerts.settle({org, "example.com"}, {"mx-new-host"}, {{"mx-new-host", AlertSeverity::critical,
//                         "mx9.example.com", alert_arguments({{"host", "mx9.example.com"}})}}, now);
//
// raises what is in the list and resolves whatever else of these kinds is open for the domain. raise() and resolve()
// do one at a time. All three may be called as often as one likes: only a change is told to the observers.
//
// A new kind of alert is a stable word. It needs: its texts `alert.KIND.title`, `.means` (for mail) and `.action` (what
// to do) in messages/en.json and ru.json, whose {{slots}} are the alert's arguments; its word in the enumeration
// `Alert.kind` of api/openapi.json (a test of the panel compares the two); a line in the table of docs/alerts.md. Who
// is told by mail or webhook, when, and what is silenced, is decided by who listens to observe(), never here.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "store/database.h"

namespace postseal::store {

enum class AlertSeverity { info, warning, error, critical };  // from least to worst
std::string_view to_string(AlertSeverity severity);
std::optional<AlertSeverity> alert_severity_from_string(std::string_view text);

// Whom it concerns. Organisation 0 is the installation itself; domain "" is no domain in particular.
struct AlertScope {
    std::int64_t organisation = 0;
    std::string domain;  // A-labels
};

struct NewAlert {
    std::string kind;  // "mx-new-host"
    AlertSeverity severity = AlertSeverity::warning;
    std::string subject;           // what of the domain: a host, a certificate's name; may be ""
    std::string arguments = "{}";  // a JSON object: what the texts of the kind have slots for
};
// Arguments that are all texts. Text from outside must be made printable first.
std::string alert_arguments(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

struct Alert {
    std::int64_t id = 0;  // grows
    AlertScope scope;
    NewAlert what;
    TimePoint opened;
    TimePoint last_seen;
    std::optional<TimePoint> resolved;
    std::optional<TimePoint> acknowledged;
    std::string acknowledged_by;  // an actor as in the audit log: "user:ann"
    std::string note;
};

// Counts of what is open.
struct OpenAlerts {
    std::array<std::int64_t, 4> by_severity{};  // index: AlertSeverity
    std::int64_t unacknowledged = 0;
};

enum class AlertEvent { opened, changed, resolved, acknowledged };

class Alerts {
public:
    explicit Alerts(Database& database) : database_(&database) {}

    // Opens it, or notes that it is still there. Arguments and severity become those given; an acknowledged one that
    // grows worse counts as new again. Error internal: arguments that are no JSON object.
    Result<void> raise(const AlertScope& scope, const NewAlert& alert, TimePoint now);
    // Whether it was open.
    Result<bool> resolve(const AlertScope& scope, std::string_view kind, std::string_view subject, TimePoint now);
    // Of these kinds, exactly `alerts` are open for the scope afterwards.
    Result<void> settle(const AlertScope& scope, const std::vector<std::string_view>& kinds,
                        const std::vector<NewAlert>& alerts, TimePoint now);
    // Everything of a domain that is going.
    Result<void> resolve_all(const AlertScope& scope, TimePoint now);

    enum class Which { open, resolved, all };
    struct Filter {
        Which which = Which::open;
        std::string domain;                         // "" = any
        std::string kind;                           // "" = any
        std::optional<AlertSeverity> severity_min;  // and worse
        std::int64_t limit = 100;
        std::int64_t before_id = 0;  // 0 = from the newest
    };
    // Newest first. Nothing of an organisation that is not in the list is ever returned.
    Result<std::vector<Alert>> list(const std::vector<std::int64_t>& organisations, const Filter& filter);
    Result<OpenAlerts> count_open(const std::vector<std::int64_t>& organisations);
    // Nothing: none with this id in these organisations. The last one who acknowledges is kept. refused: it
    // is resolved.
    Result<std::optional<Alert>> acknowledge(const std::vector<std::int64_t>& organisations, std::int64_t id,
                                             const std::string& by, const std::string& note, TimePoint now);
    // Forgets what was resolved before.
    Result<void> purge(TimePoint resolved_before);

    // Of all organisations, for /metrics: from memory, as of the last change here or the last recount().
    [[nodiscard]] std::int64_t open_now(AlertSeverity severity) const {
        return open_[static_cast<std::size_t>(severity)].load(std::memory_order_relaxed);
    }
    // Other processes on the same database raise alerts too: call it now and then.
    Result<void> recount();

    // Called after the change is stored, in the thread that made it, and not for what another process did. Must not
    // use the store. A change that is made within somebody's transaction is told before that commits.
    using Observer = std::function<void(AlertEvent, const Alert&)>;
    void observe(Observer observer);

private:
    using Changes = std::vector<std::pair<AlertEvent, Alert>>;
    Result<void> raise_in(const AlertScope& scope, const NewAlert& alert, TimePoint now, Changes& changes);
    Result<void> resolve_in(const std::vector<Alert>& gone, TimePoint now, Changes& changes);
    Result<std::vector<Alert>> open_of(const AlertScope& scope);
    // Runs `body` in a transaction, then counts and tells.
    Result<void> change(const std::function<Result<void>(Changes&)>& body);

    Database* database_;
    std::array<std::atomic<std::int64_t>, 4> open_{};
    Guarded<std::vector<Observer>> observers_;
};

}  // namespace postseal::store
