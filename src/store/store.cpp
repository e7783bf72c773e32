#include "store/store.h"

#include "store/postgres.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace postseal::store {

Store::Store(std::unique_ptr<Database> database, std::shared_ptr<const SecretBox> secrets)
    : accounts(*database),
      acme_ledger(*database),
      added_overrides(*database),
      alerts(*database),
      audit(*database),
      certificates(*database, secrets),
      dns_keys(*database, secrets),
      domains(*database),
      fetch_logs(*database),
      handed_reports(*database),
      kept_mails(*database),
      log_positions(*database),
      mx_settings(*database),
      policy_cache(*database),
      reports(*database),
      session_counts(*database),
      database_(std::move(database)),
      secrets_(std::move(secrets)) {}

namespace {

Result<std::unique_ptr<Database>> open_database(const std::string& url) {
    constexpr std::string_view sqlite_scheme = "sqlite:";
    if (url.starts_with(sqlite_scheme)) {
        return open_sqlite(url.substr(sqlite_scheme.size()));
    }
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
        return open_postgres(url);
    }
    return invalid_input("[store] url", "must be sqlite:/PATH or postgresql://USER@HOST/DATABASE");
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& url, SecretBox secrets) {
    POSTSEAL_TRY(std::unique_ptr<Database> database, open_database(url));
    if (auto migrated = migrate(*database); !migrated) {
        return migrated.error();
    }
    auto store =
        std::unique_ptr<Store>(new Store(std::move(database), std::make_shared<const SecretBox>(std::move(secrets))));
    if (auto counted = store->alerts.recount(); !counted) {
        return counted.error();
    }
    return store;
}

}  // namespace postseal::store
