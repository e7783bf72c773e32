#include "store/handed_reports.h"

namespace postseal::store {

namespace {

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

}  // namespace

Result<void> HandedReports::put(const std::string& message_id, const dns::Name& domain, TimePoint at) {
    return done(
        database_->query("INSERT INTO handed_report (message_id, domain, at, claim) VALUES ($1, $2, $3, 0) "
                         "ON CONFLICT (message_id) DO NOTHING",
                         {value(message_id), value(domain.text()), value(at)}));
}

Result<void> HandedReports::erase(const std::string& message_id) {
    return done(database_->query("DELETE FROM handed_report WHERE message_id = $1", {value(message_id)}));
}

Result<std::vector<HandedReport>> HandedReports::open_after(std::int64_t number) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT id, message_id, domain, at FROM handed_report WHERE id > $1 AND claim < 2 "
                                  "ORDER BY id",
                                  {value(number)}));
    std::vector<HandedReport> out;
    out.reserve(rows.size());
    for (const Row& row : rows) {
        POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(2)));
        out.push_back({row.number(0), row.text(1), std::move(domain), row.time(3)});
    }
    return out;
}

Result<bool> HandedReports::claim(const std::string& message_id, ReportClaim how) {
    POSTSEAL_TRY(const Rows rows, database_->query("UPDATE handed_report SET claim = $2 WHERE message_id = $1 AND "
                                                   "claim < $2 RETURNING id",
                                                   {value(message_id), value(static_cast<std::int64_t>(how))}));
    return !rows.empty();
}

Result<std::optional<ReportClaim>> HandedReports::claim_of(const std::string& message_id) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT claim FROM handed_report WHERE message_id = $1", {value(message_id)}));
    if (rows.empty()) {
        return std::optional<ReportClaim>();
    }
    const std::int64_t claim = rows.front().number(0);
    return std::optional(claim >= 2 ? ReportClaim::certain : claim == 1 ? ReportClaim::guessed : ReportClaim::none);
}

Result<std::set<dns::Name>> HandedReports::domains_on(Day day) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT DISTINCT domain FROM handed_report WHERE at >= $1 AND at < $2",
                                  {value(TimePoint(day)), value(TimePoint(day + std::chrono::days(1)))}));
    std::set<dns::Name> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(dns::Name domain, dns::Name::parse_ascii(row.text(0)));
        out.insert(std::move(domain));
    }
    return out;
}

Result<void> HandedReports::erase_before(TimePoint time) {
    return done(database_->query("DELETE FROM handed_report WHERE at < $1", {value(time)}));
}

}  // namespace postseal::store
