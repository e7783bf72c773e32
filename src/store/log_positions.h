// How far a mail log has been counted (sender/log_intake.h): kept beside the counts, so that both change in one step.
#pragma once

#include <optional>
#include <string>

#include "store/database.h"

namespace postseal::store {

class LogPositions {
public:
    explicit LogPositions(Database& database) : database_(&database) {}
    Result<void> put(const std::string& host, const std::string& file, const std::string& position);  // replaces
    Result<std::optional<std::string>> find(const std::string& host, const std::string& file);

private:
    Database* database_;
};

}  // namespace postseal::store
