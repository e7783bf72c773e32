#include "store/alerts.h"

#include <algorithm>
#include <boost/json.hpp>

namespace postseal::store {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 4> severities = {"info", "warning", "error", "critical"};

constexpr std::string_view columns =
    "SELECT id, organisation, domain, kind, severity, subject, arguments, opened, last_seen, resolved, acknowledged, "
    "acknowledged_by, note FROM alert ";

Result<Alert> read_alert(const Row& row) {
    const auto severity = alert_severity_from_string(row.text(4));
    if (!severity) {
        return Error{Errc::internal, "table alert", "an unknown severity"};
    }
    Alert alert;
    alert.id = row.number(0);
    alert.scope = {row.number(1), row.text(2)};
    alert.what = {row.text(3), *severity, row.text(5), row.text(6)};
    alert.opened = row.time(7);
    alert.last_seen = row.time(8);
    alert.resolved = row.maybe_time(9);
    alert.acknowledged = row.maybe_time(10);
    alert.acknowledged_by = row.text(11);
    alert.note = row.text(12);
    return alert;
}

Result<std::vector<Alert>> read_alerts(const Result<Rows>& rows) {
    if (!rows) {
        return rows.error();
    }
    std::vector<Alert> out;
    for (const Row& row : *rows) {
        POSTSEAL_TRY(Alert alert, read_alert(row));
        out.push_back(std::move(alert));
    }
    return out;
}

// "(1, 7)"; "(-1)" when there is none: ids grow from 0.
std::string set_of(const std::vector<std::int64_t>& organisations) {
    std::string out = "(-1";
    for (const std::int64_t id : organisations) {
        out += ", " + std::to_string(id);
    }
    return out + ")";
}

std::string severities_from(AlertSeverity least) {
    std::string out;
    for (auto i = static_cast<std::size_t>(least); i < severities.size(); ++i) {
        out += (out.empty() ? "'" : ", '") + std::string(severities[i]) + "'";
    }
    return "(" + out + ")";
}

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

bool is_json_object(const std::string& text) {
    boost::system::error_code bad;
    const json::value value = json::parse(text, bad);
    return !bad && value.is_object();
}

}  // namespace

std::string_view to_string(AlertSeverity severity) {
    return severities[static_cast<std::size_t>(severity)];
}

std::optional<AlertSeverity> alert_severity_from_string(std::string_view text) {
    const auto found = std::find(severities.begin(), severities.end(), text);
    return found == severities.end() ? std::nullopt
                                     : std::optional(static_cast<AlertSeverity>(found - severities.begin()));
}

std::string alert_arguments(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
    json::object object;
    for (const auto& [name, text] : pairs) {
        object[name] = text;
    }
    return json::serialize(object);
}

Result<std::vector<Alert>> Alerts::open_of(const AlertScope& scope) {
    return read_alerts(database_->query(
        std::string(columns) + "WHERE organisation = $1 AND domain = $2 AND resolved IS NULL ORDER BY id",
        {value(scope.organisation), value(scope.domain)}));
}

Result<void> Alerts::raise_in(const AlertScope& scope, const NewAlert& alert, TimePoint now, Changes& changes) {
    if (!is_json_object(alert.arguments)) {
        return Error{Errc::internal, "alert " + alert.kind, "its arguments are no JSON object"};
    }
    POSTSEAL_TRY(const auto open,
                 read_alerts(database_->query(
                     std::string(columns) + "WHERE organisation = $1 AND domain = $2 AND kind "
                                            "= $3 AND subject = $4 AND resolved IS NULL",
                     {value(scope.organisation), value(scope.domain), value(alert.kind), value(alert.subject)})));
    if (open.empty()) {
        // Two processes may see the same thing at the same time: the second one finds the row of the first.
        POSTSEAL_TRY(const Rows rows,
                     database_->query(
                         "INSERT INTO alert (organisation, domain, kind, severity, subject, arguments, opened, "
                         "last_seen, acknowledged_by, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, '', '') "
                         "ON CONFLICT (organisation, domain, kind, subject) WHERE resolved IS NULL DO NOTHING "
                         "RETURNING id",
                         {value(scope.organisation), value(scope.domain), value(alert.kind),
                          value(to_string(alert.severity)), value(alert.subject), value(alert.arguments), value(now)}));
        if (!rows.empty()) {
            Alert added;
            added.id = rows[0].number(0);
            added.scope = scope;
            added.what = alert;
            added.opened = now;
            added.last_seen = now;
            changes.emplace_back(AlertEvent::opened, std::move(added));
        }
        return {};
    }
    Alert known = open.front();
    const bool worse = alert.severity > known.what.severity;
    const bool other = alert.severity != known.what.severity || alert.arguments != known.what.arguments;
    known.what = alert;
    known.last_seen = now;
    if (worse) {
        known.acknowledged.reset();
        known.acknowledged_by.clear();
        known.note.clear();
    }
    auto stored = done(database_->query(
        "UPDATE alert SET severity = $2, arguments = $3, last_seen = $4, acknowledged = $5, acknowledged_by = $6, "
        "note = $7 WHERE id = $1",
        {value(known.id), value(to_string(alert.severity)), value(alert.arguments), value(now),
         value(known.acknowledged), value(known.acknowledged_by), value(known.note)}));
    if (stored && other) {
        changes.emplace_back(AlertEvent::changed, std::move(known));
    }
    return stored;
}

Result<void> Alerts::resolve_in(const std::vector<Alert>& gone, TimePoint now, Changes& changes) {
    for (Alert alert : gone) {
        auto stored = done(database_->query("UPDATE alert SET resolved = $2 WHERE id = $1 AND resolved IS NULL",
                                            {value(alert.id), value(now)}));
        if (!stored) {
            return stored;
        }
        alert.resolved = now;
        changes.emplace_back(AlertEvent::resolved, std::move(alert));
    }
    return {};
}

Result<void> Alerts::change(const std::function<Result<void>(Changes&)>& body) {
    Changes changes;
    auto stored = database_->transaction([&]() -> Result<void> {
        changes.clear();
        return body(changes);
    });
    if (!stored || changes.empty()) {
        return stored;
    }
    stored = recount();
    // A copy: no observer is called with the lock held.
    for (const Observer& observer : observers_.with([](const auto& observers) { return observers; })) {
        for (const auto& [event, alert] : changes) {
            observer(event, alert);
        }
    }
    return stored;
}

Result<void> Alerts::raise(const AlertScope& scope, const NewAlert& alert, TimePoint now) {
    return change([&](Changes& changes) { return raise_in(scope, alert, now, changes); });
}

Result<bool> Alerts::resolve(const AlertScope& scope, std::string_view kind, std::string_view subject, TimePoint now) {
    bool was_open = false;
    auto resolved = change([&](Changes& changes) -> Result<void> {
        POSTSEAL_TRY(std::vector<Alert> gone, open_of(scope));
        std::erase_if(gone, [&](const Alert& one) { return one.what.kind != kind || one.what.subject != subject; });
        was_open = !gone.empty();
        return resolve_in(gone, now, changes);
    });
    if (!resolved) {
        return resolved.error();
    }
    return was_open;
}

Result<void> Alerts::settle(const AlertScope& scope, const std::vector<std::string_view>& kinds,
                            const std::vector<NewAlert>& alerts, TimePoint now) {
    return change([&](Changes& changes) -> Result<void> {
        POSTSEAL_TRY(std::vector<Alert> gone, open_of(scope));
        std::erase_if(gone, [&](const Alert& one) {
            return std::find(kinds.begin(), kinds.end(), one.what.kind) == kinds.end() ||
                   std::any_of(alerts.begin(), alerts.end(), [&](const NewAlert& still) {
                       return still.kind == one.what.kind && still.subject == one.what.subject;
                   });
        });
        for (const NewAlert& alert : alerts) {
            if (auto raised = raise_in(scope, alert, now, changes); !raised) {
                return raised;
            }
        }
        return resolve_in(gone, now, changes);
    });
}

Result<void> Alerts::resolve_all(const AlertScope& scope, TimePoint now) {
    return change([&](Changes& changes) -> Result<void> {
        POSTSEAL_TRY(const std::vector<Alert> gone, open_of(scope));
        return resolve_in(gone, now, changes);
    });
}

Result<std::vector<Alert>> Alerts::list(const std::vector<std::int64_t>& organisations, const Filter& filter) {
    std::string sql = std::string(columns) + "WHERE organisation IN " + set_of(organisations) +
                      " AND ($1 = '' OR domain = $1) AND ($2 = '' OR kind = $2) AND ($3 = 0 OR id < $3) ";
    if (filter.which != Which::all) {
        sql += filter.which == Which::open ? "AND resolved IS NULL " : "AND resolved IS NOT NULL ";
    }
    if (filter.severity_min) {
        sql += "AND severity IN " + severities_from(*filter.severity_min) + " ";
    }
    return read_alerts(
        database_->query(sql + "ORDER BY id DESC LIMIT $4",
                         {value(filter.domain), value(filter.kind), value(filter.before_id), value(filter.limit)}));
}

Result<OpenAlerts> Alerts::count_open(const std::vector<std::int64_t>& organisations) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT severity, COUNT(*), COUNT(acknowledged) FROM alert WHERE resolved IS NULL AND "
                         "organisation IN " +
                             set_of(organisations) + " GROUP BY severity",
                         {}));
    OpenAlerts out;
    for (const Row& row : rows) {
        if (const auto severity = alert_severity_from_string(row.text(0))) {
            out.by_severity[static_cast<std::size_t>(*severity)] = row.number(1);
            out.unacknowledged += row.number(1) - row.number(2);
        }
    }
    return out;
}

Result<std::optional<Alert>> Alerts::acknowledge(const std::vector<std::int64_t>& organisations, std::int64_t id,
                                                 const std::string& by, const std::string& note, TimePoint now) {
    std::optional<Alert> found;
    auto stored = change([&](Changes& changes) -> Result<void> {
        POSTSEAL_TRY(
            const auto alerts,
            read_alerts(database_->query(
                std::string(columns) + "WHERE id = $1 AND organisation IN " + set_of(organisations), {value(id)})));
        if (alerts.empty()) {
            return {};
        }
        found = alerts.front();
        if (found->resolved) {
            return Error{Errc::refused, "alert", "it is resolved: there is nothing left to acknowledge"};
        }
        found->acknowledged = now;
        found->acknowledged_by = by;
        found->note = note;
        changes.emplace_back(AlertEvent::acknowledged, *found);
        return done(
            database_->query("UPDATE alert SET acknowledged = $2, acknowledged_by = $3, note = $4 WHERE id = $1",
                             {value(id), value(now), value(by), value(note)}));
    });
    if (!stored) {
        return stored.error();
    }
    return found;
}

Result<void> Alerts::purge(TimePoint resolved_before) {
    return done(
        database_->query("DELETE FROM alert WHERE resolved IS NOT NULL AND resolved < $1", {value(resolved_before)}));
}

Result<void> Alerts::recount() {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT severity, COUNT(*) FROM alert WHERE resolved IS NULL GROUP BY severity"));
    std::array<std::int64_t, 4> counts{};
    for (const Row& row : rows) {
        if (const auto severity = alert_severity_from_string(row.text(0))) {
            counts[static_cast<std::size_t>(*severity)] = row.number(1);
        }
    }
    for (std::size_t i = 0; i < counts.size(); ++i) {
        open_[i].store(counts[i], std::memory_order_relaxed);
    }
    return {};
}

void Alerts::observe(Observer observer) {
    observers_.with([&](auto& observers) { observers.push_back(std::move(observer)); });
}

}  // namespace postseal::store
