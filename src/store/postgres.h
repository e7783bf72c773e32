// PostgreSQL 15 and later through libpq.
#pragma once

#include <memory>
#include <string>

#include "store/database.h"

namespace postseal::store {

// `url`: "postgresql://USER@HOST/DATABASE?…" as libpq reads it. One connection, opened at once and again whenever it
// was lost; transactions of all processes on one database exclude each other, as with SQLite. Errors: invalid_input
// (the URL), unavailable (no server, wrong password), refused (a server older than 15 or a database that is not UTF-8).
Result<std::unique_ptr<Database>> open_postgres(const std::string& url);

// Listens on a connection of its own; the first is made here. Errors: unavailable.
Result<std::unique_ptr<ChangeFeed>> listen_postgres(const std::string& url, const std::string& channel,
                                                    ChangeFeed::Listener listener);

}  // namespace postseal::store
