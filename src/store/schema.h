// The tables, as numbered migrations. A migration that has shipped never changes; the next one mends it.
#pragma once

#include "store/database.h"

namespace postseal::store {

// Runs the migrations that the database lacks, in one transaction. Errors: refused when the database is newer
// than this program.
Result<void> migrate(Database& database);

}  // namespace postseal::store
