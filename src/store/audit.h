// Who did what to what, when, with the state before and after. Rows are only ever added.
#pragma once

#include <string>
#include <vector>

#include "store/database.h"

namespace postseal::store {

struct AuditEntry {
    TimePoint at;
    std::int64_t organisation = 0;  // 0: the installation itself
    std::string actor;              // "user:ann", "cli:root", "jobs"
    std::string action;             // "domain.add", "domain.mode", …
    std::string subject;            // "example.com"
    std::string before;             // short text or JSON; never a secret
    std::string after;
    std::string reason;
    std::int64_t id = 0;  // given by the store; grows
};

class Audit {
public:
    explicit Audit(Database& database) : database_(&database) {}
    Result<void> add(const AuditEntry& entry);
    // Newest first; of one subject when given, before the entry with that id when given.
    Result<std::vector<AuditEntry>> list(std::int64_t organisation, const std::string& subject, std::int64_t limit,
                                         std::int64_t before_id = 0);

private:
    Database* database_;
};

}  // namespace postseal::store
