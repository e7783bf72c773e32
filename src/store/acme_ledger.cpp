#include "store/acme_ledger.h"

namespace postseal::store {

namespace {

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

}  // namespace

Result<void> AcmeLedger::put(const CertificateOrder& order) {
    return done(database_->query(
        "INSERT INTO certificate_order (host, directory, failures, failing_since, next_try, last_error, window_start, "
        "window_end, asked_next, explanation_url) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
        "ON CONFLICT (host) DO UPDATE SET directory = $2, failures = $3, failing_since = $4, next_try = $5, "
        "last_error = $6, window_start = $7, window_end = $8, asked_next = $9, explanation_url = $10",
        {value(order.host.text()), value(order.directory), value(order.failures), value(order.failing_since),
         value(order.next_try), value(order.last_error), value(order.window_start), value(order.window_end),
         value(order.asked_next), value(order.explanation_url)}));
}

Result<std::vector<CertificateOrder>> AcmeLedger::all() {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT host, directory, failures, failing_since, next_try, last_error, "
                                  "window_start, window_end, asked_next, explanation_url FROM certificate_order"));
    std::vector<CertificateOrder> out;
    for (const Row& row : rows) {
        CertificateOrder order;
        POSTSEAL_TRY(order.host, dns::Name::parse_ascii(row.text(0)));
        order.directory = row.text(1);
        order.failures = row.number(2);
        order.failing_since = row.maybe_time(3);
        order.next_try = row.maybe_time(4);
        order.last_error = row.text(5);
        order.window_start = row.maybe_time(6);
        order.window_end = row.maybe_time(7);
        order.asked_next = row.maybe_time(8);
        order.explanation_url = row.text(9);
        out.push_back(std::move(order));
    }
    return out;
}

Result<void> AcmeLedger::erase(const dns::Name& host) {
    return done(database_->query("DELETE FROM certificate_order WHERE host = $1", {value(host.text())}));
}

Result<bool> AcmeLedger::claim(const dns::Name& host, TimePoint now, TimePoint until) {
    // One statement, so that of two processes exactly one gets a row back.
    POSTSEAL_TRY(const Rows rows,
                 database_->query("INSERT INTO certificate_claim (host, until_time) VALUES ($1, $3) ON CONFLICT (host) "
                                  "DO UPDATE SET until_time = $3 WHERE certificate_claim.until_time <= $2 "
                                  "RETURNING host",
                                  {value(host.text()), value(now), value(until)}));
    return !rows.empty();
}

Result<void> AcmeLedger::release(const dns::Name& host) {
    return done(database_->query("DELETE FROM certificate_claim WHERE host = $1", {value(host.text())}));
}

Result<void> AcmeLedger::release_all() {
    return done(database_->query("DELETE FROM certificate_claim"));
}

Result<void> AcmeLedger::add(const AcmeEvent& event) {
    return done(
        database_->query("INSERT INTO acme_event (directory, kind, host, at) VALUES ($1, $2, $3, $4)",
                         {value(event.directory), value(event.kind), value(event.host.text()), value(event.at)}));
}

Result<std::vector<AcmeEvent>> AcmeLedger::events_since(TimePoint since) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT directory, kind, host, at FROM acme_event WHERE at >= $1 ORDER BY at, id",
                                  {value(since)}));
    std::vector<AcmeEvent> out;
    for (const Row& row : rows) {
        POSTSEAL_TRY(dns::Name host, dns::Name::parse_ascii(row.text(2)));
        out.push_back({row.text(0), row.text(1), std::move(host), row.time(3)});
    }
    return out;
}

Result<void> AcmeLedger::drop_events_before(TimePoint moment) {
    return done(database_->query("DELETE FROM acme_event WHERE at < $1", {value(moment)}));
}

}  // namespace postseal::store
