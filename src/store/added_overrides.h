// The overrides that an operator has added at run time (design rule 14); those of the configuration file are not here.
#pragma once

#include <functional>
#include <memory>
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
    // What any process on the same database, this one included, puts and erases; nothing where there is but one
    // process. Called in a thread of the feed. `missed`: some of it was not heard.
    struct Follower {
        std::function<void(const std::string& domain)> changed;
        std::function<void()> missed;
    };
    Result<std::unique_ptr<ChangeFeed>> follow(Follower follower);

private:
    Database* database_;
};

}  // namespace postseal::store
