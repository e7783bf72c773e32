#include "store/fetch_log.h"

namespace postseal::store {

namespace {

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

// Two nodes, or two flushes, meet in one row.
constexpr const char* add_count =
    "INSERT INTO fetch_count (domain, version, agent, network, day, fetches, first_at, last_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (domain, version, agent, network, day) DO UPDATE SET "
    "fetches = fetch_count.fetches + excluded.fetches, "
    "first_at = CASE WHEN excluded.first_at < fetch_count.first_at THEN excluded.first_at ELSE fetch_count.first_at "
    "END, "
    "last_at = CASE WHEN excluded.last_at > fetch_count.last_at THEN excluded.last_at ELSE fetch_count.last_at END";

}  // namespace

Result<void> FetchLogs::add(const std::vector<FetchCount>& counts, const FetchSpan& span,
                            const std::vector<FetchGap>& gaps) {
    return database_->transaction([&]() -> Result<void> {
        for (const FetchCount& one : counts) {
            auto added = database_->query(
                add_count, {value(one.domain), value(one.version), value(one.agent), value(one.network), value(one.day),
                            value(one.fetches), value(one.first), value(one.last)});
            if (!added) {
                return added.error();
            }
        }
        for (const FetchGap& gap : gaps) {
            auto added =
                database_->query("INSERT INTO fetch_gap (node, since, until_time, lost) VALUES ($1, $2, $3, $4)",
                                 {value(gap.node), value(gap.since), value(gap.until), value(gap.lost)});
            if (!added) {
                return added.error();
            }
        }
        return done(
            database_->query("INSERT INTO fetch_span (node, since, until_time, closed) VALUES ($1, $2, $3, $4) "
                             "ON CONFLICT (node, since) DO UPDATE SET until_time = $3, closed = $4",
                             {value(span.node), value(span.since), value(span.until),
                              value(static_cast<std::int64_t>(span.closed ? 1 : 0))}));
    });
}

Result<std::int64_t> FetchLogs::close_left_open(const std::string& node, Seconds at_least) {
    std::int64_t count = 0;
    auto closed = database_->transaction([&]() -> Result<void> {
        POSTSEAL_TRY(
            const Rows rows,
            database_->query("SELECT until_time FROM fetch_span WHERE node = $1 AND closed = 0", {value(node)}));
        for (const Row& row : rows) {
            auto added =
                database_->query("INSERT INTO fetch_gap (node, since, until_time, lost) VALUES ($1, $2, $3, 0)",
                                 {value(node), value(row.time(0)), value(row.time(0) + at_least)});
            if (!added) {
                return added.error();
            }
        }
        count = static_cast<std::int64_t>(rows.size());
        return done(database_->query("UPDATE fetch_span SET closed = 1 WHERE node = $1 AND closed = 0", {value(node)}));
    });
    return closed ? Result<std::int64_t>(count) : Result<std::int64_t>(closed.error());
}

Result<std::vector<FetchCount>> FetchLogs::of(std::int64_t domain) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT domain, version, agent, network, day, fetches, first_at, last_at "
                                  "FROM fetch_count WHERE domain = $1 ORDER BY version, agent, network, day",
                                  {value(domain)}));
    std::vector<FetchCount> out;
    out.reserve(rows.size());
    for (const Row& row : rows) {
        out.push_back({row.number(0), row.number(1), row.text(2), row.text(3), row.day(4), row.number(5), row.time(6),
                       row.time(7)});
    }
    return out;
}

Result<std::vector<FetchSpan>> FetchLogs::spans() {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT node, since, until_time, closed FROM fetch_span ORDER BY node, since"));
    std::vector<FetchSpan> out;
    for (const Row& row : rows) {
        out.push_back({row.text(0), row.time(1), row.time(2), row.number(3) != 0});
    }
    return out;
}

Result<std::vector<FetchGap>> FetchLogs::gaps() {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT node, since, until_time, lost FROM fetch_gap ORDER BY since, node"));
    std::vector<FetchGap> out;
    for (const Row& row : rows) {
        out.push_back({row.text(0), row.time(1), row.time(2), row.number(3)});
    }
    return out;
}

Result<void> FetchLogs::erase_before(Day day) {
    return database_->transaction([&]() -> Result<void> {
        const TimePoint moment(day);
        // A node's first span says since when the log is complete: what was served before is erased with it.
        for (const char* statement : {"DELETE FROM fetch_span WHERE until_time < $1 AND closed = 1",
                                      "DELETE FROM fetch_gap WHERE until_time < $1"}) {
            if (auto erased = database_->query(statement, {value(moment)}); !erased) {
                return erased.error();
            }
        }
        return done(database_->query("DELETE FROM fetch_count WHERE day < $1", {value(day)}));
    });
}

Result<void> FetchLogs::forget_networks_before(Day day) {
    return database_->transaction([&]() -> Result<void> {
        auto added = database_->query(
            "INSERT INTO fetch_count (domain, version, agent, network, day, fetches, first_at, last_at) "
            "SELECT domain, version, agent, '', day, SUM(fetches), MIN(first_at), MAX(last_at) FROM fetch_count "
            "WHERE day < $1 AND network <> '' GROUP BY domain, version, agent, day "
            "ON CONFLICT (domain, version, agent, network, day) DO UPDATE SET "
            "fetches = fetch_count.fetches + excluded.fetches, "
            "first_at = CASE WHEN excluded.first_at < fetch_count.first_at THEN excluded.first_at "
            "ELSE fetch_count.first_at END, "
            "last_at = CASE WHEN excluded.last_at > fetch_count.last_at THEN excluded.last_at "
            "ELSE fetch_count.last_at END",
            {value(day)});
        if (!added) {
            return added.error();
        }
        return done(database_->query("DELETE FROM fetch_count WHERE day < $1 AND network <> ''", {value(day)}));
    });
}

}  // namespace postseal::store
