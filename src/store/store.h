// Everything that Postseal remembers, by subject. One Store per process; built by `main` and handed down.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/accounts.h"
#include "store/acme_ledger.h"
#include "store/added_overrides.h"
#include "store/alerts.h"
#include "store/audit.h"
#include "store/certificates.h"
#include "store/database.h"
#include "store/dns_keys.h"
#include "store/domains.h"
#include "store/fetch_log.h"
#include "store/handed_reports.h"
#include "store/kept_mails.h"
#include "store/log_positions.h"
#include "store/mx_settings.h"
#include "store/policy_cache.h"
#include "store/reports.h"
#include "store/secret_box.h"
#include "store/session_counts.h"

namespace postseal::store {

// Thread-safe; every call blocks on the disk: run it on a WorkPool. A name or a policy that comes back from the store
// is parsed again; a row that does not parse is an internal error, never a crash.
class Store {
public:
    // Brings the schema up to date first. `url`: "sqlite:/PATH", "sqlite::memory:" or
    // "postgresql://…" as libpq reads it.
    static Result<std::unique_ptr<Store>> open(const std::string& url, SecretBox secrets);

    Accounts accounts;
    AcmeLedger acme_ledger;
    AddedOverrides added_overrides;
    Alerts alerts;
    Audit audit;
    Certificates certificates;
    DnsKeys dns_keys;
    Domains domains;
    FetchLogs fetch_logs;
    HandedReports handed_reports;
    KeptMails kept_mails;
    LogPositions log_positions;
    MxSettings mx_settings;
    PolicyCache policy_cache;
    Reports reports;
    SessionCounts session_counts;

    // Several subjects in one step, all or nothing.
    Result<void> transaction(const std::function<Result<void>()>& body) { return database_->transaction(body); }

private:
    Store(std::unique_ptr<Database> database, std::shared_ptr<const SecretBox> secrets);
    std::unique_ptr<Database> database_;
    std::shared_ptr<const SecretBox> secrets_;
};

}  // namespace postseal::store
