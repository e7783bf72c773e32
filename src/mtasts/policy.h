// The policy file of RFC 8461 §3.2: parse, format, lint; and the comparison of an MX host with its mx patterns (§4.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/result.h"
#include "dns/name.h"

namespace postseal::mtasts {

constexpr std::size_t policy_bytes_max = 64 * 1024;  // RFC 8461 §3.3
constexpr std::uint32_t max_age_max_s = 31'557'600;  // RFC 8461 §3.2

enum class Mode { enforce, testing, none };
std::string_view to_string(Mode mode);
std::optional<Mode> mode_from_string(std::string_view text);  // exact, case-sensitive

// One mx value: a host name, or "*." and a host name.
class MxPattern {
public:
    // Case is folded, a final dot is stripped; a U-label, an empty label, "*" anywhere but alone at the left is an
    // error.
    static Result<MxPattern> parse(std::string_view text);
    // "mail.example.com" or "*.example.com", A-labels in lower case.
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool wildcard() const { return wildcard_; }
    // The host name, or what follows "*.".
    [[nodiscard]] const dns::Name& name() const { return name_; }
    // False for what fits the grammar but can name no host, e.g. "192.0.2.1", or a wildcard too long for a label before
    // it: leave it out of every match list.
    [[nodiscard]] bool can_match() const { return name_.is_hostname() && text_.size() <= 253; }
    friend bool operator==(const MxPattern&, const MxPattern&) = default;

private:
    MxPattern(std::string text, bool wildcard, dns::Name name)
        : text_(std::move(text)), wildcard_(wildcard), name_(std::move(name)) {}
    std::string text_;
    bool wildcard_ = false;
    dns::Name name_;
};

// RFC 8461 §4.1: the MX host as the MX record names it; "*." stands for exactly one label. A pattern that cannot match
// matches nothing, not even its own text.
bool mx_matches(const MxPattern& pattern, const dns::Name& mx_host);

struct Policy {
    Mode mode = Mode::none;
    std::uint32_t max_age_s = 0;     // the value in force: what exceeds max_age_max_s is clamped to it (EID 7282)
    std::vector<MxPattern> mx;       // in file order, duplicates dropped
    std::vector<std::string> lines;  // as fetched, without their ends and blank lines at the end: policy-string of
                                     // RFC 8460 §4.4
    [[nodiscard]] bool allows(const dns::Name& mx_host) const;  // any pattern matches
    friend bool operator==(const Policy&, const Policy&) = default;
};

struct PolicyJudgement {
    std::optional<Policy> policy;  // what a conforming sender concludes
    Problems problems;             // errors make the policy invalid; warnings are for its owner
};

// Judges a body of at most policy_bytes_max bytes (longer: an error). All problems are listed, not only the first, up
// to policy_problems_max.
//
// Where the RFC leaves a choice: blank lines at the end are tolerated (many published policies have them), elsewhere
// they are errors, as the grammar has it; a byte order mark is an error; of repeated fields the first counts, and the
// ignored ones must still fit the grammar of an extension; a name longer than DNS allows is an error.
constexpr std::size_t policy_problems_max = 100;
PolicyJudgement judge_policy(std::string_view body);

struct PolicyText {
    Mode mode = Mode::testing;
    std::uint32_t max_age_s = 86'400;
    std::vector<MxPattern> mx;
};
// The canonical body: CRLF, version first (RFC 8461 §3.2). Error: what RFC 8461 does not let a publisher serve.
Result<std::string> format_policy(const PolicyText& policy);

// Warnings for an owner beyond the grammar: over-wide patterns (RFC 8461 §10.4), short max_age in enforce (§10.2), …
// `domain` is the policy domain where known.
Problems lint_policy(const Policy& policy, const std::optional<dns::Name>& domain);

}  // namespace postseal::mtasts
