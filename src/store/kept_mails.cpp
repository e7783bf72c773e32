#include "store/kept_mails.h"

#include <fmt/format.h>

namespace postseal::store {

namespace {

constexpr std::string_view columns =
    "SELECT id, organisation, domain, received, last_received, arrivals, via, source, sender, subject, reason, detail, "
    "raw_bytes FROM kept_mail WHERE ";

// "organisation IN ($n, …)"; no organisation sees nothing.
std::string one_of(const std::vector<std::int64_t>& organisations, std::vector<Value>& parameters) {
    if (organisations.empty()) {
        return "1 = 0";
    }
    std::string list;
    for (const std::int64_t organisation : organisations) {
        parameters.push_back(value(organisation));
        list += fmt::format("{}${}", list.empty() ? "" : ", ", parameters.size());
    }
    return "organisation IN (" + list + ")";
}

Result<KeptMail> read(const Row& row) {
    KeptMail mail;
    mail.id = row.number(0);
    mail.organisation = row.number(1);
    if (!row.text(2).empty()) {
        POSTSEAL_TRY(mail.domain, dns::Name::parse_ascii(row.text(2)));
    }
    mail.received = row.time(3);
    mail.last_received = row.time(4);
    mail.arrivals = row.number(5);
    mail.via = row.text(6);
    mail.source = row.text(7);
    mail.sender = row.text(8);
    mail.subject = row.text(9);
    mail.reason = row.text(10);
    mail.detail = row.text(11);
    mail.raw_bytes = row.number(12);
    return mail;
}

}  // namespace

Result<void> KeptMails::keep(const KeptMail& mail, const Bytes& raw) {
    const auto kept = database_->query(
        "INSERT INTO kept_mail (digest, organisation, domain, received, last_received, arrivals, via, source, sender, "
        "subject, reason, detail, raw_bytes, raw) VALUES ($1, $2, $3, $4, $4, 1, $5, $6, $7, $8, $9, $10, $11, $12) "
        "ON CONFLICT (digest) DO UPDATE SET arrivals = kept_mail.arrivals + 1, last_received = $4, source = $6, "
        "reason = $9, detail = $10",
        {value(to_hex(sha256(raw))), value(mail.organisation), value(mail.domain ? mail.domain->text() : ""),
         value(mail.received), value(mail.via), value(mail.source), value(mail.sender), value(mail.subject),
         value(mail.reason), value(mail.detail), value(static_cast<std::int64_t>(raw.size())), value(raw)});
    return kept ? Result<void>() : Result<void>(kept.error());
}

Result<std::vector<KeptMail>> KeptMails::list(const std::vector<std::int64_t>& organisations, std::int64_t before,
                                              std::int64_t limit) {
    std::vector<Value> parameters = {value(before), value(limit)};
    const std::string whose = one_of(organisations, parameters);
    POSTSEAL_TRY(const Rows rows,
                 database_->query(std::string(columns) + whose + " AND ($1 = 0 OR id < $1) ORDER BY id DESC LIMIT $2",
                                  parameters));
    std::vector<KeptMail> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(KeptMail mail, read(row));
        out.push_back(std::move(mail));
    }
    return out;
}

Result<std::optional<KeptMail>> KeptMails::find(const std::vector<std::int64_t>& organisations, std::int64_t id) {
    std::vector<Value> parameters = {value(id)};
    const std::string whose = one_of(organisations, parameters);
    POSTSEAL_TRY(const Rows rows, database_->query(std::string(columns) + whose + " AND id = $1", parameters));
    if (rows.empty()) {
        return std::optional<KeptMail>();
    }
    POSTSEAL_TRY(KeptMail mail, read(rows.front()));
    return std::optional(std::move(mail));
}

Result<Bytes> KeptMails::raw(const std::vector<std::int64_t>& organisations, std::int64_t id) {
    std::vector<Value> parameters = {value(id)};
    const std::string whose = one_of(organisations, parameters);
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT raw FROM kept_mail WHERE " + whose + " AND id = $1", parameters));
    if (rows.empty()) {
        return Error{Errc::not_found, "kept mail", "there is none with this number"};
    }
    return rows.front().bytes(0);
}

Result<bool> KeptMails::drop(const std::vector<std::int64_t>& organisations, std::int64_t id) {
    std::vector<Value> parameters = {value(id)};
    const std::string whose = one_of(organisations, parameters);
    POSTSEAL_TRY(const Rows rows,
                 database_->query("DELETE FROM kept_mail WHERE " + whose + " AND id = $1 RETURNING id", parameters));
    return !rows.empty();
}

Result<KeptMails::Totals> KeptMails::totals() {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT COUNT(*), COALESCE(SUM(raw_bytes), 0) FROM kept_mail"));
    return Totals{rows.at(0).number(0), rows.at(0).number(1)};
}

}  // namespace postseal::store
