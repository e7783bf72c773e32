// What is right and wrong with a domain, in words for its owner: what `postseal check` prints. Pure: the same Evidence
// that decide() judges, so that the checker cannot disagree with the daemon.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "verdict/evidence.h"

namespace postseal::verdict {

enum class FindingSeverity { error, warning, info, ok };
std::string_view to_string(FindingSeverity severity);

struct Finding {
    std::string id;  // stable, kebab-case, e.g. "sts-record-missing"; the key of its texts in every language
    FindingSeverity severity = FindingSeverity::info;
    std::string subject;  // what it is about: a name, a host, a host and address
    std::string message;  // what is so
    std::string why;      // why it matters
    std::string fix;      // what to do; empty where nothing is to be done
    std::string rfc;      // "RFC 8461 §3.1"
    // What the texts above were filled with, by placeholder: for texts of the same id in another language.
    std::vector<std::pair<std::string, std::string>> params;
    friend bool operator==(const Finding&, const Finding&) = default;
};

// In the order of a reader's questions: record, policy, MX, each host, TLSA, reports.
std::vector<Finding> find(const Evidence& evidence, TimePoint now);

// True when any finding is an error: the exit status 1 of `postseal check`.
bool has_error(const std::vector<Finding>& findings);

}  // namespace postseal::verdict
