#include "store/audit.h"

namespace postseal::store {

Result<void> Audit::add(const AuditEntry& entry) {
    auto done = database_->query(
        "INSERT INTO audit (at, organisation, actor, action, subject, before, after, reason) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        {value(entry.at), value(entry.organisation), value(entry.actor), value(entry.action), value(entry.subject),
         value(entry.before), value(entry.after), value(entry.reason)});
    return done ? Result<void>() : Result<void>(done.error());
}

Result<std::vector<AuditEntry>> Audit::list(std::int64_t organisation, const std::string& subject, std::int64_t limit,
                                            std::int64_t before_id) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT at, organisation, actor, action, subject, before, after, reason, id FROM audit "
                         "WHERE organisation = $1 AND ($2 = '' OR subject = $2) AND ($4 = 0 OR id < $4) "
                         "ORDER BY id DESC LIMIT $3",
                         {value(organisation), value(subject), value(limit), value(before_id)}));
    std::vector<AuditEntry> out;
    for (const Row& row : rows) {
        out.push_back({row.time(0), row.number(1), row.text(2), row.text(3), row.text(4), row.text(5), row.text(6),
                       row.text(7), row.number(8)});
    }
    return out;
}

}  // namespace postseal::store
