#include "store/session_counts.h"

#include <algorithm>
#include <map>

#include "store/report_json.h"

namespace postseal::store {

namespace {

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

std::optional<DeliveryState> delivery_state(std::string_view text) {
    for (const DeliveryState state :
         {DeliveryState::pending, DeliveryState::sent, DeliveryState::retry, DeliveryState::failed}) {
        if (to_string(state) == text) {
            return state;
        }
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(DeliveryState state) {
    switch (state) {
        case DeliveryState::pending:
            return "pending";
        case DeliveryState::sent:
            return "sent";
        case DeliveryState::retry:
            return "retry";
        case DeliveryState::failed:
            return "failed";
    }
    return "unknown";
}

Result<void> SessionCounts::add(const std::vector<tlsrpt::Count>& counts) {
    return database_->transaction([&]() -> Result<void> {
        for (const tlsrpt::Count& count : counts) {
            const std::string key = policy_key(count.policy);
            POSTSEAL_TRY(
                const auto counted,
                database_->query("INSERT INTO session_count (day, domain, policy, record, successful, failed) "
                                 "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (day, domain, policy) DO UPDATE SET "
                                 "record = CASE WHEN $4 = '' THEN session_count.record ELSE $4 END, "
                                 "successful = session_count.successful + $5, "
                                 "failed = session_count.failed + $6",
                                 {value(count.day), value(count.domain.text()), value(key), value(count.record),
                                  value(static_cast<std::int64_t>(count.policy.successful)),
                                  value(static_cast<std::int64_t>(count.policy.failed))}));
            (void)counted;
            for (const tlsrpt::FailureDetail& detail : count.policy.failures) {
                POSTSEAL_TRY(
                    const auto failed,
                    database_->query("INSERT INTO session_failure (day, domain, policy, detail, sessions) "
                                     "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (day, domain, policy, detail) "
                                     "DO UPDATE SET sessions = session_failure.sessions + $5",
                                     {value(count.day), value(count.domain.text()), value(key),
                                      value(detail_key(detail)), value(static_cast<std::int64_t>(detail.sessions))}));
                (void)failed;
            }
            if (count.record.empty()) {
                continue;  // not from a session: nobody has seen a record
            }
            // Every policy of a domain's day knows the newest record: where to send when DNS does not answer.
            POSTSEAL_TRY(const auto renewed,
                         database_->query("UPDATE session_count SET record = $3 WHERE day = $1 AND domain = $2 AND "
                                          "record <> $3",
                                          {value(count.day), value(count.domain.text()), value(count.record)}));
            (void)renewed;
        }
        return {};
    });
}

Result<std::vector<Day>> SessionCounts::days() {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT DISTINCT day FROM session_count ORDER BY day"));
    std::vector<Day> out;
    for (const Row& row : rows) {
        out.push_back(row.day(0));
    }
    return out;
}

Result<std::vector<tlsrpt::Count>> SessionCounts::of_day(Day day) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT domain, policy, record, successful, failed FROM session_count WHERE day = $1 "
                                  "ORDER BY domain, policy",
                                  {value(day)}));
    std::vector<tlsrpt::Count> out;
    std::map<std::pair<std::string, std::string>, std::size_t> index;
    for (const Row& row : rows) {
        POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
        POSTSEAL_TRY(tlsrpt::PolicyResult policy, policy_from_key(row.text(1)));
        policy.successful = static_cast<std::uint64_t>(row.number(3));
        policy.failed = static_cast<std::uint64_t>(row.number(4));
        index[{row.text(0), row.text(1)}] = out.size();
        out.push_back({day, std::move(domain), row.text(2), std::move(policy)});
    }
    POSTSEAL_TRY(const Rows failures,
                 database_->query("SELECT domain, policy, detail, sessions FROM session_failure WHERE day = $1 "
                                  "ORDER BY domain, policy, detail",
                                  {value(day)}));
    for (const Row& row : failures) {
        const auto found = index.find({row.text(0), row.text(1)});
        if (found == index.end()) {
            continue;
        }
        POSTSEAL_TRY(tlsrpt::FailureDetail detail, detail_from_key(row.text(2)));
        detail.sessions = static_cast<std::uint64_t>(row.number(3));
        out[found->second].policy.failures.push_back(std::move(detail));
    }
    return out;
}

Result<void> SessionCounts::erase_before(Day day) {
    return database_->transaction([&]() -> Result<void> {
        for (const char* table : {"session_count", "session_failure", "report_delivery", "testing_host"}) {
            POSTSEAL_TRY(const auto erased,
                         database_->query(std::string("DELETE FROM ") + table + " WHERE day < $1", {value(day)}));
            (void)erased;
        }
        return {};
    });
}

Result<void> SessionCounts::put_testing_host(const TestingHost& host) {
    return done(
        database_->query("INSERT INTO testing_host (day, domain, host, best, policy, failure, seen) "
                         "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (day, domain, host) DO UPDATE SET "
                         "best = $4, policy = $5, failure = $6, seen = $7",
                         {value(host.day), value(host.domain.text()), value(host.host.text()),
                          value(static_cast<std::int64_t>(host.best ? 1 : 0)), value(policy_key(host.policy)),
                          value(host.failure ? detail_key(*host.failure) : std::string()), value(host.seen)}));
}

Result<std::vector<TestingHost>> SessionCounts::testing_hosts(Day day) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT domain, host, best, policy, failure, seen FROM testing_host WHERE day = $1 "
                                  "ORDER BY domain, host",
                                  {value(day)}));
    std::vector<TestingHost> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
        POSTSEAL_TRY(dns::Name host, dns::Name::parse_ascii(row.text(1)));
        POSTSEAL_TRY(tlsrpt::PolicyResult policy, policy_from_key(row.text(3)));
        TestingHost entry{day, std::move(domain), std::move(host), row.number(2) != 0, std::move(policy), {}, {}};
        if (const std::string failure = row.text(4); !failure.empty()) {
            POSTSEAL_TRY(entry.failure, detail_from_key(failure));
        }
        entry.seen = row.time(5);
        out.push_back(std::move(entry));
    }
    return out;
}

Result<void> SessionCounts::put_delivery(const Delivery& delivery) {
    return done(database_->query(
        "INSERT INTO report_delivery (day, domain, rua, state, attempts, first_attempt, next_attempt, last_error, "
        "report_json) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (day, domain, rua) DO UPDATE SET "
        "state = $4, attempts = $5, first_attempt = $6, next_attempt = $7, last_error = $8, report_json = $9",
        {value(delivery.day), value(delivery.domain.text()), value(delivery.rua), value(to_string(delivery.state)),
         value(delivery.attempts), value(delivery.first_attempt), value(delivery.next_attempt),
         value(delivery.last_error), value(delivery.report_json)}));
}

Result<std::vector<Delivery>> SessionCounts::deliveries(Day day) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT domain, rua, state, attempts, first_attempt, next_attempt, last_error, report_json "
                         "FROM report_delivery WHERE day = $1 ORDER BY domain, rua",
                         {value(day)}));
    std::vector<Delivery> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
        const auto state = delivery_state(row.text(2));
        if (!state) {
            return Error{Errc::internal, "table report_delivery", "an unknown state for " + domain.text()};
        }
        out.push_back({day, std::move(domain), row.text(1), *state, row.number(3), row.maybe_time(4), row.maybe_time(5),
                       row.text(6), row.text(7)});
    }
    return out;
}

Result<void> SessionCounts::put_suppression(const ReportSuppression& entry) {
    return done(database_->query(
        "INSERT INTO report_suppression (target, until_time, added, actor, reason) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (target) DO UPDATE SET until_time = $2, added = $3, actor = $4, reason = $5",
        {value(entry.target), value(entry.until), value(entry.added), value(entry.actor), value(entry.reason)}));
}

Result<bool> SessionCounts::erase_suppression(const std::string& target) {
    POSTSEAL_TRY(const Rows rows, database_->query("DELETE FROM report_suppression WHERE target = $1 RETURNING target",
                                                   {value(target)}));
    return !rows.empty();
}

Result<std::vector<ReportSuppression>> SessionCounts::suppressions() {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT target, until_time, added, actor, reason FROM "
                                                   "report_suppression ORDER BY target"));
    std::vector<ReportSuppression> out;
    for (const Row& row : rows) {
        out.push_back({row.text(0), row.maybe_time(1), row.time(2), row.text(3), row.text(4)});
    }
    return out;
}

}  // namespace postseal::store
