// The overrides that an operator has added at run time (design rule 14); those of the configuration file are not here.
#pragma once

#include <string>
#include <vector>

#include "store/database.h"

namespace postseal::store {

struct AddedOverride {
    std::string domain;  // "example.org", or ".example.org" for the subtree; the reader parses it again
    std::string level;
    std::vector<std::string> match;
    TimePoint added;
    std::string actor;
    std::string reason;
};

class AddedOverrides {
public:
    explicit AddedOverrides(Database& database) : database_(&database) {}
    Result<void> put(const AddedOverride& entry);  // replaces the domain's
    // Whether there was one.
    Result<bool> erase(const std::string& domain);
    Result<std::vector<AddedOverride>> all();  // by domain

private:
    Database* database_;
};

}  // namespace postseal::store
