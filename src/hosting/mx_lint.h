// The mx patterns of a policy beside the MX hosts of its domain: too wide, too narrow, useless; each with its fix.
// Pure. What a policy says by itself (grammar, max_age, …) is judged by mtasts::lint_policy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hosting/life_cycle.h"

namespace postseal::hosting {

enum class LintSeverity { error, warning, info };
std::string_view to_string(LintSeverity severity);

struct MxFinding {
    // Stable words:
    //   mx-not-covered            a host that senders would not deliver to
    //   mx-wildcard-public        a wildcard over a public suffix: everybody can have a name there
    //   mx-wildcard-foreign       a wildcard over names that are neither the owner's nor a known provider's
    //   mx-wildcard-single        a wildcard that only one host needs
    //   mx-pattern-unused         no MX host needs it
    //   mx-pattern-redundant      another pattern covers everything that it covers
    std::string code;
    LintSeverity severity = LintSeverity::warning;
    std::string pattern;  // "" where it is about a host
    std::string host;     // "" where it is about a pattern
    std::string message;  // an English sentence
    // All patterns of the policy, mended in this point.
    std::optional<MxPatterns> fix;
};

struct LintFacts {
    dns::Name domain;
    MxPatterns policy;
    std::vector<dns::Name> hosts;     // of the MX RRset; empty: not known, then nothing is said about cover and use
    std::vector<dns::Name> approved;  // names that the owner has vouched for, besides the domain itself
};
std::vector<MxFinding> lint_mx(const LintFacts& facts);

}  // namespace postseal::hosting
