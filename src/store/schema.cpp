#include "store/schema.h"

#include <fmt/format.h>

#include <array>
#include <vector>

namespace postseal::store {

namespace {

// Whoever controls a domain's DNS has it (rule 1), and nobody else: of two processes that find two entries verified at
// the same moment, the database lets one.
constexpr const char* one_verified =
    "CREATE UNIQUE INDEX domain_verified ON domain (name) WHERE state IN ('verified', 'certificate', 'testing', "
    "'ready', 'enforce', 'paused')";

// Times are UTC seconds since 1970, days are days since 1970. Portable between SQLite and PostgreSQL but for the type
// of a self-numbering key.
const std::vector<std::vector<const char*>> migrations = {
    {
        "CREATE TABLE organisation (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created BIGINT NOT NULL)",
        "CREATE TABLE app_user (id INTEGER PRIMARY KEY, organisation BIGINT NOT NULL REFERENCES organisation(id), "
        "name TEXT NOT NULL, language TEXT NOT NULL, created BIGINT NOT NULL, UNIQUE (organisation, name))",
        "CREATE TABLE sign_in_token (token_hash TEXT PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES app_user(id), "
        "expires BIGINT NOT NULL)",
        "CREATE TABLE session (token_hash TEXT PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES app_user(id), "
        "csrf_token TEXT NOT NULL, expires BIGINT NOT NULL)",
        "CREATE TABLE audit (id INTEGER PRIMARY KEY, at BIGINT NOT NULL, organisation BIGINT NOT NULL, actor TEXT NOT "
        "NULL, "
        "action TEXT NOT NULL, subject TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, reason TEXT NOT NULL)",
        "CREATE INDEX audit_subject ON audit (organisation, subject)",

        // label is UNIQUE over all rows, gone ones too: a label is never reissued (rule 1).
        "CREATE TABLE domain (id INTEGER PRIMARY KEY, organisation BIGINT NOT NULL REFERENCES organisation(id), "
        "name TEXT NOT NULL, label TEXT NOT NULL UNIQUE, state TEXT NOT NULL, wanted_mode TEXT NOT NULL, "
        "added BIGINT NOT NULL, verified BIGINT, testing_since BIGINT, cnames_until BIGINT, "
        "verification TEXT NOT NULL, mx_watch TEXT NOT NULL, last_error TEXT NOT NULL)",
        // A retiring domain may be added again with a new label beside the old one.
        "CREATE UNIQUE INDEX domain_live ON domain (organisation, name) WHERE state NOT IN ('retiring', 'gone')",
        "CREATE INDEX domain_name ON domain (name)",
        "CREATE TABLE policy_version (domain BIGINT NOT NULL REFERENCES domain(id), version BIGINT NOT NULL, "
        "mode TEXT NOT NULL, max_age_s BIGINT NOT NULL, body TEXT NOT NULL, policy_id TEXT NOT NULL, made BIGINT NOT "
        "NULL, "
        "body_live BIGINT, id_live BIGINT, last_served BIGINT, PRIMARY KEY (domain, version), UNIQUE (domain, "
        "policy_id))",

        "CREATE TABLE certificate (host TEXT PRIMARY KEY, chain_pem TEXT NOT NULL, sealed_key BLOB NOT NULL, "
        "not_before BIGINT NOT NULL, not_after BIGINT NOT NULL)",
        "CREATE TABLE acme_account (directory TEXT PRIMARY KEY, url TEXT NOT NULL, sealed_key BLOB NOT NULL)",
        "CREATE TABLE secret (name TEXT PRIMARY KEY, sealed BLOB NOT NULL)",

        "CREATE TABLE policy_cache (domain TEXT PRIMARY KEY, entry TEXT NOT NULL)",

        "CREATE TABLE session_count (day BIGINT NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL, record TEXT NOT "
        "NULL, "
        "successful BIGINT NOT NULL, failed BIGINT NOT NULL, PRIMARY KEY (day, domain, policy))",
        "CREATE TABLE session_failure (day BIGINT NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL, detail TEXT "
        "NOT NULL, "
        "sessions BIGINT NOT NULL, PRIMARY KEY (day, domain, policy, detail))",
        "CREATE TABLE report_delivery (day BIGINT NOT NULL, domain TEXT NOT NULL, rua TEXT NOT NULL, state TEXT NOT "
        "NULL, "
        "attempts BIGINT NOT NULL, first_attempt BIGINT, next_attempt BIGINT, last_error TEXT NOT NULL, "
        "report_json TEXT NOT NULL, PRIMARY KEY (day, domain, rua))",

        // One row per (report, policy domain); identity is what makes two arrivals the same report.
        "CREATE TABLE report (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, received BIGINT NOT NULL, "
        "via TEXT NOT NULL, source TEXT NOT NULL, trust TEXT NOT NULL, domain TEXT NOT NULL, submitter TEXT NOT NULL, "
        "content TEXT NOT NULL, deviations TEXT NOT NULL, raw BLOB NOT NULL)",
        "CREATE INDEX report_domain ON report (domain, received)",
        "CREATE TABLE rollup (domain TEXT NOT NULL, day BIGINT NOT NULL, policy_type TEXT NOT NULL, submitter TEXT NOT "
        "NULL, "
        "successful BIGINT NOT NULL, failed BIGINT NOT NULL, PRIMARY KEY (domain, day, policy_type, submitter))",
        "CREATE TABLE failure_rollup (domain TEXT NOT NULL, day BIGINT NOT NULL, policy_type TEXT NOT NULL, "
        "submitter TEXT NOT NULL, result_type TEXT NOT NULL, mx_host TEXT NOT NULL, sessions BIGINT NOT NULL, "
        "PRIMARY KEY (domain, day, policy_type, submitter, result_type, mx_host))",
    },
    {
        // What enforcing a testing policy would have met; failure is empty for a host that passes.
        "CREATE TABLE testing_host (day BIGINT NOT NULL, domain TEXT NOT NULL, host TEXT NOT NULL, best BIGINT NOT "
        "NULL, policy TEXT NOT NULL, failure TEXT NOT NULL, seen BIGINT NOT NULL, PRIMARY KEY (day, domain, host))",
    },
    {
        "CREATE TABLE added_override (domain TEXT PRIMARY KEY, level TEXT NOT NULL, patterns TEXT NOT NULL, "
        "added BIGINT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL)",
    },
    {
        // Columns instead of JSON: a million of them is loaded at each start. PolicyCache moves the old rows over.
        "ALTER TABLE policy_cache RENAME TO policy_cache_v1",
        "CREATE TABLE policy_cache (domain TEXT PRIMARY KEY, policy TEXT NOT NULL, mode TEXT NOT NULL, max_age_s "
        "BIGINT NOT NULL, policy_id TEXT NOT NULL, fetched BIGINT NOT NULL, last_used BIGINT NOT NULL, id_checked "
        "BIGINT NOT NULL, id_ttl_s BIGINT NOT NULL, failures TEXT NOT NULL, answer_until BIGINT NOT NULL)",
    },
    {
        "CREATE TABLE report_suppression (target TEXT PRIMARY KEY, until_time BIGINT, added BIGINT NOT NULL, "
        "actor TEXT NOT NULL, reason TEXT NOT NULL)",
    },
    {
        "CREATE TABLE log_position (host TEXT NOT NULL, file TEXT NOT NULL, position TEXT NOT NULL, "
        "PRIMARY KEY (host, file))",
    },
    {
        // A mailed report, noted before it is handed over: its session is not counted (rule 15).
        "CREATE TABLE handed_report (id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, domain TEXT NOT NULL, "
        "at BIGINT NOT NULL, claim BIGINT NOT NULL)",
        "CREATE INDEX handed_report_at ON handed_report (at)",
    },
    {
        // Who fetched which policy, and for which time that is known (fetch_log.h).
        "CREATE TABLE fetch_count (domain BIGINT NOT NULL, version BIGINT NOT NULL, agent TEXT NOT NULL, network TEXT "
        "NOT NULL, day BIGINT NOT NULL, fetches BIGINT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, "
        "PRIMARY KEY (domain, version, agent, network, day))",
        "CREATE INDEX fetch_count_day ON fetch_count (day)",
        "CREATE TABLE fetch_span (node TEXT NOT NULL, since BIGINT NOT NULL, until_time BIGINT NOT NULL, "
        "closed BIGINT NOT NULL, PRIMARY KEY (node, since))",
        "CREATE TABLE fetch_gap (node TEXT NOT NULL, since BIGINT NOT NULL, until_time BIGINT NOT NULL, "
        "lost BIGINT NOT NULL)",
    },
    {
        "CREATE TABLE certificate_order (host TEXT PRIMARY KEY, directory TEXT NOT NULL, failures BIGINT NOT NULL, "
        "failing_since BIGINT, next_try BIGINT, last_error TEXT NOT NULL, window_start BIGINT, window_end BIGINT, "
        "asked_next BIGINT, explanation_url TEXT NOT NULL)",
        "CREATE TABLE certificate_claim (host TEXT PRIMARY KEY, until_time BIGINT NOT NULL)",
        "CREATE TABLE acme_event (id INTEGER PRIMARY KEY, directory TEXT NOT NULL, kind TEXT NOT NULL, host TEXT NOT "
        "NULL, at BIGINT NOT NULL)",
        "CREATE INDEX acme_event_at ON acme_event (at)",
    },
    {
        // Many resolved rows, one open row for each thing that is wrong.
        "CREATE TABLE alert (id INTEGER PRIMARY KEY, organisation BIGINT NOT NULL, domain TEXT NOT NULL, kind TEXT NOT "
        "NULL, severity TEXT NOT NULL, subject TEXT NOT NULL, arguments TEXT NOT NULL, opened BIGINT NOT NULL, "
        "last_seen BIGINT NOT NULL, resolved BIGINT, acknowledged BIGINT, acknowledged_by TEXT NOT NULL, note TEXT NOT "
        "NULL)",
        "CREATE UNIQUE INDEX alert_open ON alert (organisation, domain, kind, subject) WHERE resolved IS NULL",
        "CREATE INDEX alert_organisation ON alert (organisation, id)",
    },
    {
        "CREATE TABLE mx_setting (domain BIGINT PRIMARY KEY, following TEXT NOT NULL, approved TEXT NOT NULL, "
        "promote_after_days BIGINT, ready_since BIGINT)",
    },
    {
        "ALTER TABLE domain ADD COLUMN uses TEXT NOT NULL DEFAULT 'both'",
        "ALTER TABLE domain ADD COLUMN own_rua TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE domain ADD COLUMN cnames_lost BIGINT",
        "ALTER TABLE domain ADD COLUMN imported TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE domain ADD COLUMN elsewhere TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE domain ADD COLUMN record_removed BIGINT NOT NULL DEFAULT 0",
        one_verified,
    },
    {
        "ALTER TABLE report ADD COLUMN signature TEXT NOT NULL DEFAULT ''",
        // What arrived and does not count; organisation 0: nobody's that is hosted here. `digest` of the bytes.
        "CREATE TABLE kept_mail (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, organisation BIGINT NOT NULL, "
        "domain TEXT NOT NULL, received BIGINT NOT NULL, last_received BIGINT NOT NULL, arrivals BIGINT NOT NULL, "
        "via TEXT NOT NULL, source TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL, reason TEXT NOT NULL, "
        "detail TEXT NOT NULL, raw_bytes BIGINT NOT NULL, raw BLOB NOT NULL)",
        "CREATE INDEX kept_mail_organisation ON kept_mail (organisation, id)",
    },
    {
        "CREATE TABLE dns_key (id INTEGER PRIMARY KEY, zone TEXT NOT NULL, role TEXT NOT NULL, tag BIGINT NOT NULL, "
        "sealed BLOB NOT NULL, published BIGINT NOT NULL, active BIGINT NOT NULL, ds_seen BIGINT, retired BIGINT, "
        "removed BIGINT)",
        "CREATE TABLE dns_serial (zone TEXT PRIMARY KEY, serial BIGINT NOT NULL)",
    },
};

}  // namespace

// One transaction for all: of several processes that start at once on one database, the first migrates.
Result<void> migrate(Database& database) {
    return database.transaction([&]() -> Result<void> {
        if (auto made = database.query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"); !made) {
            return made.error();
        }
        POSTSEAL_TRY(const Rows rows, database.query("SELECT COALESCE(MAX(version), 0) FROM schema_version"));
        const auto done = static_cast<std::size_t>(rows.at(0).number(0));
        if (done > migrations.size()) {
            return Error{
                Errc::refused, "database",
                fmt::format("its schema is version {}, this program knows {}: it was written by a newer Postseal", done,
                            migrations.size())};
        }
        for (std::size_t version = done; version < migrations.size(); ++version) {
            for (const char* statement : migrations[version]) {
                if (auto result = database.query(database.schema_sql(statement)); !result) {
                    return result.error();
                }
            }
            auto noted = database.query("INSERT INTO schema_version (version) VALUES ($1)",
                                        {value(static_cast<std::int64_t>(version) + 1)});
            if (!noted) {
                return noted.error();
            }
        }
        return {};
    });
}

}  // namespace postseal::store
