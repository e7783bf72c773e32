#include "store/reports.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "store/report_json.h"

namespace postseal::store {

namespace {

constexpr std::array<std::pair<Trust, std::string_view>, 5> trusts = {{{Trust::unverified, "unverified"},
                                                                       {Trust::network, "network"},
                                                                       {Trust::aligned, "aligned"},
                                                                       {Trust::known, "known"},
                                                                       {Trust::operator_, "operator"}}};

// What makes two arrivals the same report: submitter, report-id, policy domain, range (rule: never double count). The
// content's digest stands in for a report-id that is missing.
std::string identity_of(const NewReport& report) {
    const auto seconds = [](const std::optional<TimePoint>& time) {
        return time ? std::to_string(time->time_since_epoch().count()) : std::string("-");
    };
    const std::string id = report.report.report_id.value_or("");
    const std::string what =
        id.empty() ? "sha256:" + to_hex(sha256(as_bytes(boost::json::serialize(to_json(report.report))))) : "id:" + id;
    return report.submitter + "\n" + what + "\n" + report.domain.text() + "\n" + seconds(report.report.begin) + "\n" +
           seconds(report.report.end);
}

// A report's sessions belong to the UTC day in which its range begins.
Day day_of(const tlsrpt::Report& report, TimePoint received) {
    return std::chrono::floor<std::chrono::days>(report.begin.value_or(received));
}
Day day_of(const NewReport& report) {
    return day_of(report.report, report.received);
}

Trust trust_of(std::string_view text) {
    const auto* found = std::ranges::find(trusts, text, &std::pair<Trust, std::string_view>::second);
    return found == trusts.end() ? Trust::unverified : found->first;
}

}  // namespace

std::string_view to_string(Trust trust) {
    for (const auto& [known, text] : trusts) {
        if (known == trust) {
            return text;
        }
    }
    return "unverified";
}

Result<Reports::Added> Reports::add(const NewReport& report) {
    Added outcome = Added::stored;
    auto added = database_->transaction([&]() -> Result<void> {
        POSTSEAL_TRY(const Rows inserted,
                     database_->query(
                         "INSERT INTO report (identity, received, via, source, trust, domain, submitter, content, "
                         "deviations, raw, signature) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
                         "ON CONFLICT (identity) DO NOTHING RETURNING id",
                         {value(identity_of(report)), value(report.received), value(report.via), value(report.source),
                          value(to_string(report.trust)), value(report.domain.text()), value(report.submitter),
                          value(boost::json::serialize(to_json(report.report))),
                          value(deviations_to_json(report.deviations)), value(report.raw), value(report.signature)}));
        if (inserted.empty()) {
            POSTSEAL_TRY(const bool weaker, take_off_weaker(report));
            if (!weaker) {
                outcome = Added::duplicate;
                return {};
            }
            auto replaced = database_->query(
                "UPDATE report SET received = $2, via = $3, source = $4, trust = $5, content = $6, deviations = $7, "
                "raw = $8, signature = $9 WHERE identity = $1",
                {value(identity_of(report)), value(report.received), value(report.via), value(report.source),
                 value(to_string(report.trust)), value(boost::json::serialize(to_json(report.report))),
                 value(deviations_to_json(report.deviations)), value(report.raw), value(report.signature)});
            if (!replaced) {
                return replaced.error();
            }
        }
        return change_rollups(Sums::add, report.domain, day_of(report), report.submitter, report.report);
    });
    if (!added) {
        return added.error();
    }
    return outcome;
}

Result<bool> Reports::take_off_weaker(const NewReport& report) {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT trust, received, content FROM report WHERE identity = $1",
                                                   {value(identity_of(report))}));
    if (rows.empty() || trust_of(rows[0].text(0)) >= report.trust) {
        return false;
    }
    POSTSEAL_TRY(const tlsrpt::Report there, report_from_json(rows[0].text(2)));
    auto taken_off =
        change_rollups(Sums::take_off, report.domain, day_of(there, rows[0].time(1)), report.submitter, there);
    return taken_off ? Result<bool>(true) : Result<bool>(taken_off.error());
}

Result<void> Reports::change_rollups(Sums how, const dns::Name& domain, Day day, const std::string& submitter,
                                     const tlsrpt::Report& report) {
    const std::int64_t sign = how == Sums::add ? 1 : -1;
    const auto signed_value = [&](std::uint64_t count) { return value(sign * static_cast<std::int64_t>(count)); };
    for (const tlsrpt::PolicyResult& policy : report.policies) {
        POSTSEAL_TRY(
            const auto sums,
            database_->query("INSERT INTO rollup (domain, day, policy_type, submitter, successful, failed) "
                             "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (domain, day, policy_type, submitter) "
                             "DO UPDATE SET successful = rollup.successful + $5, failed = rollup.failed + $6",
                             {value(domain.text()), value(day), value(policy.policy_type), value(submitter),
                              signed_value(policy.successful), signed_value(policy.failed)}));
        (void)sums;
        for (const tlsrpt::FailureDetail& detail : policy.failures) {
            POSTSEAL_TRY(
                const auto failures,
                database_->query("INSERT INTO failure_rollup (domain, day, policy_type, submitter, result_type, "
                                 "mx_host, sessions) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                                 "ON CONFLICT (domain, day, policy_type, submitter, result_type, mx_host) "
                                 "DO UPDATE SET sessions = failure_rollup.sessions + $7",
                                 {value(domain.text()), value(day), value(policy.policy_type), value(submitter),
                                  value(detail.result_type), value(detail.receiving_mx_hostname.value_or("")),
                                  signed_value(detail.sessions)}));
            (void)failures;
        }
    }
    return {};
}

Result<void> Reports::recount() {
    return database_->transaction([&]() -> Result<void> {
        for (const char* empty : {"DELETE FROM rollup", "DELETE FROM failure_rollup"}) {
            if (auto emptied = database_->query(empty); !emptied) {
                return emptied.error();
            }
        }
        constexpr std::int64_t at_once = 500;
        std::int64_t last = 0;
        while (true) {
            POSTSEAL_TRY(const Rows rows,
                         database_->query("SELECT id, received, domain, submitter, content FROM report WHERE id > $1 "
                                          "ORDER BY id LIMIT $2",
                                          {value(last), value(at_once)}));
            for (const Row& row : rows) {
                POSTSEAL_TRY(const dns::Name domain, dns::Name::parse_ascii(row.text(2)));
                POSTSEAL_TRY(const tlsrpt::Report report, report_from_json(row.text(4)));
                auto counted = change_rollups(Sums::add, domain, day_of(report, row.time(1)), row.text(3), report);
                if (!counted) {
                    return counted;
                }
                last = row.number(0);
            }
            if (rows.empty()) {
                return {};
            }
        }
    });
}

namespace {

constexpr std::string_view report_columns =
    "SELECT id, received, via, source, trust, domain, submitter, content, deviations, signature FROM report ";

Result<std::vector<StoredReport>> read_reports(const Result<Rows>& rows) {
    if (!rows) {
        return rows.error();
    }
    std::vector<StoredReport> out;
    for (const Row& row : *rows) {
        StoredReport stored{row.number(0), row.time(1), row.text(2), row.text(3), trust_of(row.text(4)), {},
                            row.text(6),   {},          {},          row.text(9)};
        POSTSEAL_TRY(stored.domain, dns::Name::parse_ascii(row.text(5)));
        POSTSEAL_TRY(stored.report, report_from_json(row.text(7)));
        POSTSEAL_TRY(stored.deviations, deviations_from_json(row.text(8)));
        out.push_back(std::move(stored));
    }
    return out;
}

}  // namespace

Result<std::vector<StoredReport>> Reports::list(const dns::Name& domain, std::int64_t limit) {
    return read_reports(
        database_->query(std::string(report_columns) + "WHERE domain = $1 ORDER BY received DESC, id DESC LIMIT $2",
                         {value(domain.text()), value(limit)}));
}

Result<std::vector<StoredReport>> Reports::trusted_since(const dns::Name& domain, TimePoint since, std::int64_t limit) {
    return read_reports(database_->query(std::string(report_columns) +
                                             "WHERE domain = $1 AND trust IN ('known', 'operator') AND received >= $2 "
                                             "ORDER BY received DESC, id DESC LIMIT $3",
                                         {value(domain.text()), value(since), value(limit)}));
}

Result<std::vector<StoredReport>> Reports::signed_by(const dns::Name& domain, const std::string& submitter,
                                                     TimePoint since, std::int64_t limit) {
    return read_reports(database_->query(std::string(report_columns) +
                                             "WHERE domain = $1 AND submitter = $2 AND trust IN ('aligned', 'known', "
                                             "'operator') AND received >= $3 ORDER BY received DESC, id DESC LIMIT $4",
                                         {value(domain.text()), value(submitter), value(since), value(limit)}));
}

Result<std::int64_t> Reports::newest_trusted(const dns::Name& domain) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT COALESCE(MAX(id), 0) FROM report WHERE domain = $1 AND trust "
                                  "IN ('known', 'operator')",
                                  {value(domain.text())}));
    return rows.at(0).number(0);
}

Result<std::optional<StoredReport>> Reports::find(std::int64_t id) {
    POSTSEAL_TRY(std::vector<StoredReport> found,
                 read_reports(database_->query(std::string(report_columns) + "WHERE id = $1", {value(id)})));
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

Result<Bytes> Reports::raw(std::int64_t id) {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT raw FROM report WHERE id = $1", {value(id)}));
    if (rows.empty()) {
        return Error{Errc::not_found, "report", "there is none with this number"};
    }
    return rows[0].bytes(0);
}

Result<ReportTotals> Reports::totals(const dns::Name& domain) {
    POSTSEAL_TRY(const Rows counted, database_->query("SELECT COUNT(*), MAX(received) FROM report WHERE domain = $1",
                                                      {value(domain.text())}));
    POSTSEAL_TRY(const Rows sums, database_->query("SELECT policy_type, SUM(successful), SUM(failed) FROM rollup "
                                                   "WHERE domain = $1 GROUP BY policy_type",
                                                   {value(domain.text())}));
    ReportTotals totals;
    totals.received = counted.at(0).number(0);
    totals.last = counted.at(0).maybe_time(1);
    // Rule 19: sessions of sts and tlsa are the same sessions seen twice. The type with the most sessions is shown.
    for (const Row& row : sums) {
        if (row.number(1) + row.number(2) > totals.sessions_ok + totals.sessions_failed) {
            totals.sessions_ok = row.number(1);
            totals.sessions_failed = row.number(2);
        }
    }
    return totals;
}

Result<std::vector<Rollup>> Reports::rollups(const dns::Name& domain, Day from, Day to) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT day, policy_type, submitter, successful, failed FROM rollup WHERE domain = $1 "
                         "AND day BETWEEN $2 AND $3 AND (successful <> 0 OR failed <> 0) "
                         "ORDER BY day, policy_type, submitter",
                         {value(domain.text()), value(from), value(to)}));
    std::vector<Rollup> out;
    for (const Row& row : rows) {
        out.push_back({row.day(0), row.text(1), row.text(2), row.number(3), row.number(4)});
    }
    return out;
}

Result<std::vector<FailureRollup>> Reports::failure_rollups(const dns::Name& domain, Day from, Day to) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT day, policy_type, submitter, result_type, mx_host, sessions FROM failure_rollup "
                         "WHERE domain = $1 AND day BETWEEN $2 AND $3 AND sessions <> 0 "
                         "ORDER BY day, policy_type, submitter, result_type, mx_host",
                         {value(domain.text()), value(from), value(to)}));
    std::vector<FailureRollup> out;
    for (const Row& row : rows) {
        out.push_back({row.day(0), row.text(1), row.text(2), row.text(3), row.text(4), row.number(5)});
    }
    return out;
}

}  // namespace postseal::store
