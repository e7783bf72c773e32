// A remark of a linter about an input: what is wrong where, and by which rule. The shape of `postseal lint --json`.
#pragma once

#include <string>
#include <vector>

namespace postseal {

enum class Severity { error, warning };

struct Problem {
    int line = 1;  // counts from 1
    Severity severity = Severity::error;
    std::string code;     // kebab-case and stable, e.g. "max-age-not-a-number"
    std::string message;  // one English sentence: where and what
    std::string rfc;      // e.g. "RFC 8461 §3.2"; empty where no RFC speaks of it
    friend bool operator==(const Problem&, const Problem&) = default;
};

using Problems = std::vector<Problem>;

// True when any problem is an error.
bool has_error(const Problems& problems);

}  // namespace postseal
