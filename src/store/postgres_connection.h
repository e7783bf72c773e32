// What both users of libpq share: the database (postgres.cpp) and its feed of changes (postgres_feed.cpp).
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace postseal::store {

struct ClosePostgresConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearPostgresResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
struct FreePostgresMemory {
    void operator()(void* memory) const { PQfreemem(memory); }
};
using PostgresConnection = std::unique_ptr<PGconn, ClosePostgresConnection>;
using PostgresResult = std::unique_ptr<PGresult, ClearPostgresResult>;

// Blocks for as long as `connect_timeout` says, 5 s without. Error: unavailable, in the server's or libpq's words.
Result<PostgresConnection> connect_postgres(const std::string& url);

// libpq's messages have a line end, some of them several lines.
std::string one_line(std::string text);

[[nodiscard]] bool succeeded(const PGresult* result);

}  // namespace postseal::store
