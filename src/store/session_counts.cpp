#include "store/session_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>

#include "base/text.h"
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

namespace {

// Rows that go into one statement. Few different statements, so that each is prepared once.
constexpr std::size_t rows_at_once = 64;

// "($1, $2), ($3, $4)"
std::string placeholders(std::size_t rows, std::size_t columns, std::string_view first_cast = "{}") {
    std::string out;
    for (std::size_t row = 0; row < rows; ++row) {
        out += row == 0 ? "(" : ", (";
        for (std::size_t column = 0; column < columns; ++column) {
            const std::string number = fmt::format("${}", row * columns + column + 1);
            out += column == 0 ? fmt::format(fmt::runtime(first_cast), number) : ", " + number;
        }
        out += ')';
    }
    return out;
}

// `make_sql` for 64 rows, and for the single ones that are left.
Result<void> in_batches(Database& database, std::vector<std::vector<Value>> rows,
                        const std::function<std::string(std::size_t)>& make_sql) {
    const std::string many_sql = rows.size() < rows_at_once ? std::string() : make_sql(rows_at_once);
    const std::string one_sql = make_sql(1);
    for (std::size_t begin = 0; begin < rows.size();) {
        const std::size_t count = rows.size() - begin >= rows_at_once ? rows_at_once : 1;
        std::vector<Value> parameters;
        parameters.reserve(count * rows[begin].size());
        for (std::size_t row = begin; row < begin + count; ++row) {
            std::move(rows[row].begin(), rows[row].end(), std::back_inserter(parameters));
        }
        POSTSEAL_TRY(const auto done, database.query(count == 1 ? one_sql : many_sql, parameters));
        (void)done;
        begin += count;
    }
    return {};
}

std::string count_sql(std::size_t rows) {
    return "INSERT INTO session_count (day, domain, policy, record, successful, failed) VALUES " +
           placeholders(rows, 6) +
           " ON CONFLICT (day, domain, policy) DO UPDATE SET record = CASE WHEN excluded.record = '' THEN "
           "session_count.record ELSE excluded.record END, successful = session_count.successful + "
           "excluded.successful, failed = session_count.failed + excluded.failed";
}

std::string failure_sql(std::size_t rows) {
    return "INSERT INTO session_failure (day, domain, policy, detail, sessions) VALUES " + placeholders(rows, 5) +
           " ON CONFLICT (day, domain, policy, detail) DO UPDATE SET sessions = session_failure.sessions + "
           "excluded.sessions";
}

std::string record_sql(std::size_t rows) {
    return "WITH fresh (day, domain, record) AS (VALUES " + placeholders(rows, 3, "CAST({} AS BIGINT)") +
           ") UPDATE session_count SET record = fresh.record FROM fresh WHERE session_count.day = fresh.day AND "
           "session_count.domain = fresh.domain AND session_count.record <> fresh.record";
}

}  // namespace

Result<void> SessionCounts::add(const std::vector<tlsrpt::Count>& counts) {
    // A statement meets a row once; and everybody takes the rows in the same order, so that nobody waits in a circle.
    struct Summed {
        std::string record;
        std::int64_t successful = 0;
        std::int64_t failed = 0;
        std::map<std::string, std::int64_t> failures;
    };
    std::map<std::tuple<Day, std::string, std::string>, Summed> summed;
    std::map<std::pair<Day, std::string>, std::string> records;
    for (const tlsrpt::Count& count : counts) {
        Summed& row = summed[{count.day, count.domain.text(), policy_key(count.policy)}];
        row.successful += static_cast<std::int64_t>(count.policy.successful);
        row.failed += static_cast<std::int64_t>(count.policy.failed);
        for (const tlsrpt::FailureDetail& detail : count.policy.failures) {
            row.failures[detail_key(detail)] += static_cast<std::int64_t>(detail.sessions);
        }
        if (!count.record.empty()) {  // an empty one is not from a session: nobody has seen a record
            row.record = count.record;
            records[{count.day, count.domain.text()}] = count.record;
        }
    }
    std::vector<std::vector<Value>> count_rows;
    std::vector<std::vector<Value>> failure_rows;
    std::vector<std::vector<Value>> record_rows;
    for (const auto& [key, row] : summed) {
        const auto& [day, domain, policy] = key;
        count_rows.push_back(
            {value(day), value(domain), value(policy), value(row.record), value(row.successful), value(row.failed)});
        for (const auto& [detail, sessions] : row.failures) {
            failure_rows.push_back({value(day), value(domain), value(policy), value(detail), value(sessions)});
        }
    }
    // Every policy of a domain's day knows the newest record: where to send when DNS does not answer.
    record_rows.reserve(records.size());
    for (const auto& [key, record] : records) {
        record_rows.push_back({value(key.first), value(key.second), value(record)});
    }
    return database_->transaction([&]() -> Result<void> {
        if (auto done = in_batches(*database_, std::move(count_rows), count_sql); !done) {
            return done;
        }
        if (auto done = in_batches(*database_, std::move(failure_rows), failure_sql); !done) {
            return done;
        }
        return in_batches(*database_, std::move(record_rows), record_sql);
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

Result<std::set<dns::Name>> SessionCounts::domains_of(Day day) {
    std::set<dns::Name> out;
    for (const char* table : {"session_count", "testing_host"}) {
        POSTSEAL_TRY(
            const Rows rows,
            database_->query(std::string("SELECT DISTINCT domain FROM ") + table + " WHERE day = $1", {value(day)}));
        for (const Row& row : rows) {
            POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
            out.insert(std::move(domain));
        }
    }
    // RFC 8460 §3: of DANE, the domain of the policy is the host's.
    POSTSEAL_TRY(const Rows policies,
                 database_->query("SELECT DISTINCT policy FROM session_count WHERE day = $1 AND policy LIKE '%tlsa%'",
                                  {value(day)}));
    for (const Row& row : policies) {
        POSTSEAL_TRY(const tlsrpt::PolicyResult policy, policy_from_key(row.text(0)));
        if (policy.policy_type != "tlsa" || !policy.policy_domain) {
            continue;
        }
        if (auto base = dns::Name::parse(*policy.policy_domain); base && !base->is_root()) {
            out.insert(std::move(*base));
        }
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

namespace {

Result<std::vector<Delivery>> read_deliveries(Day day, const Rows& rows) {
    std::vector<Delivery> out;
    out.reserve(rows.size());
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

}  // namespace

Result<std::vector<Delivery>> SessionCounts::deliveries(Day day, ReportTexts texts) {
    const std::string text = texts == ReportTexts::all
                                 ? "report_json"
                                 : "CASE WHEN state IN ('sent', 'failed') THEN '' ELSE report_json END";
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT domain, rua, state, attempts, first_attempt, next_attempt, last_error, " +
                                      text + " FROM report_delivery WHERE day = $1 ORDER BY domain, rua",
                                  {value(day)}));
    return read_deliveries(day, rows);
}

Result<std::vector<Delivery>> SessionCounts::deliveries(Day day, const dns::Name& domain) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT domain, rua, state, attempts, first_attempt, next_attempt, last_error, report_json "
                         "FROM report_delivery WHERE day = $1 AND domain = $2 ORDER BY rua",
                         {value(day), value(domain.text())}));
    return read_deliveries(day, rows);
}

Result<DaySummary> SessionCounts::summary_of(Day day, std::string_view capped_error_begins) {
    DaySummary summary;
    // Of a testing-mode domain there may be no session to count, and a report all the same: what was seen at its hosts.
    POSTSEAL_TRY(const Rows domains,
                 database_->query("SELECT COUNT(*) FROM (SELECT domain FROM session_count WHERE day = $1 UNION SELECT "
                                  "domain FROM report_delivery WHERE day = $1) AS domain_of_day",
                                  {value(day)}));
    summary.domains = domains.at(0).number(0);
    POSTSEAL_TRY(
        const Rows states,
        database_->query("SELECT state, COUNT(*), COUNT(CASE WHEN SUBSTR(last_error, 1, LENGTH(CAST($2 AS "
                         "TEXT))) = CAST($2 AS TEXT) THEN 1 END) FROM report_delivery WHERE day = $1 GROUP BY state",
                         {value(day), value(capped_error_begins)}));
    for (const Row& row : states) {
        const std::string state = row.text(0);
        const std::int64_t count = row.number(1);
        if (state == "pending") {
            summary.pending = count;
        } else if (state == "sent") {
            summary.sent = count;
        } else if (state == "retry") {
            summary.retry = count;
        } else {
            summary.failed = count;
            summary.capped = row.number(2);
        }
    }
    return summary;
}

Result<std::set<dns::Name>> SessionCounts::to_be_retried(Day day, std::optional<TimePoint> by) {
    constexpr std::int64_t end_of_time = std::numeric_limits<std::int64_t>::max();
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT DISTINCT domain FROM report_delivery WHERE day = $1 AND state = 'retry' AND "
                                  "COALESCE(next_attempt, 0) <= $2",
                                  {value(day), by ? value(*by) : value(end_of_time)}));
    std::set<dns::Name> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
        out.insert(std::move(domain));
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
