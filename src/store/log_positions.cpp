#include "store/log_positions.h"

namespace postseal::store {

Result<void> LogPositions::put(const std::string& host, const std::string& file, const std::string& position) {
    auto done = database_->query(
        "INSERT INTO log_position (host, file, position) VALUES ($1, $2, $3) "
        "ON CONFLICT (host, file) DO UPDATE SET position = $3",
        {value(host), value(file), value(position)});
    return done ? Result<void>() : Result<void>(done.error());
}

Result<std::optional<std::string>> LogPositions::find(const std::string& host, const std::string& file) {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT position FROM log_position WHERE host = $1 AND file = $2",
                                                   {value(host), value(file)}));
    return rows.empty() ? std::optional<std::string>() : rows.front().text(0);
}

}  // namespace postseal::store
