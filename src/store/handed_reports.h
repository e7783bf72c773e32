// Reports that were handed to a mail server of the operator's (design rule 15): the server's sessions that carry them
// must not be counted, and its collectors may be on other hosts. A note is put before the hand-over, so that it is
// there when the session is.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dns/name.h"
#include "store/database.h"

namespace postseal::store {

// How sure it is that the session that carried the report has been found. One session is taken off for each note, once,
// whoever finds it.
enum class ReportClaim { none = 0, guessed = 1, certain = 2 };

struct HandedReport {
    std::int64_t number = 0;  // grows, but numbers next to each other may appear in either order
    std::string message_id;   // without <>
    dns::Name domain;         // of the mailbox: whose MX hosts the session is with
    TimePoint at;
};

class HandedReports {
public:
    explicit HandedReports(Database& database) : database_(&database) {}

    // Once for each id, however often it is tried.
    Result<void> put(const std::string& message_id, const dns::Name& domain, TimePoint at);
    Result<void> erase(const std::string& message_id);  // it was not taken after all
    // Those behind that number of which no session has been found for certain, by number.
    Result<std::vector<HandedReport>> open_after(std::int64_t number);
    // Whether the claim was there to be had: nobody's was as sure. Atomic over all hosts.
    Result<bool> claim(const std::string& message_id, ReportClaim how);
    // Nothing: no report was handed over under that id.
    Result<std::optional<ReportClaim>> claim_of(const std::string& message_id);
    // To whose mailboxes reports were handed over on that day.
    Result<std::set<dns::Name>> domains_on(Day day);
    Result<void> erase_before(TimePoint time);

private:
    Database* database_;
};

}  // namespace postseal::store
