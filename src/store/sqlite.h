// The embedded default: SQLite in WAL mode with synchronous=FULL, so that what was committed survives a power cut.
#pragma once

#include <memory>
#include <string>

#include "store/database.h"

namespace postseal::store {

// Opens or creates the file (mode 0600) and waits up to 5 s for another process's lock. ":memory:" is for tests.
Result<std::unique_ptr<Database>> open_sqlite(const std::string& path);

}  // namespace postseal::store
