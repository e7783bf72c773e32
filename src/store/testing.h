// Databases for tests of any module: one of its own for each that asks.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "store/postgres.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace postseal::store::testing {

// The URL of an empty database. SQLite in memory; or a new schema in the PostgreSQL database that
// POSTSEAL_TEST_POSTGRES names, which whoever set that throws away: so the scene t-13 runs whole test programs.
inline std::string new_database_url() {
    const char* server = ::secure_getenv("POSTSEAL_TEST_POSTGRES");
    if (server == nullptr) {
        return "sqlite::memory:";
    }
    static int count = 0;
    const std::string schema = "test_" + std::to_string(::getpid()) + "_" + std::to_string(count++);
    const auto made = open_postgres(server).value()->query("CREATE SCHEMA " + schema);
    if (!made) {
        throw std::runtime_error(made.error().message());
    }
    return std::string(server) + (std::string_view(server).find('?') == std::string_view::npos ? "?" : "&") +
           "options=-csearch_path%3D" + schema;
}

inline std::unique_ptr<Database> new_database() {
    const std::string url = new_database_url();
    return (url.starts_with("sqlite:") ? open_sqlite(":memory:") : open_postgres(url)).value();
}

inline std::unique_ptr<Store> new_store() {
    return Store::open(new_database_url(), SecretBox::ephemeral()).value();
}

}  // namespace postseal::store::testing
