// A policy that lives elsewhere: what a domain that is only watched publishes, and what one that moves in brings along.
// Pure but for look_elsewhere(), which asks as a sender does: resolves once, refuses addresses that are not
// global, pins the address, follows no redirect (design §4 rule 20).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "hosting/mx_watch.h"
#include "hosting/parts.h"
#include "mtasts/policy.h"
#include "verdict/evidence.h"
#include "verdict/findings.h"

namespace postseal::hosting {

struct ElsewhereSettings {
    std::uint16_t https_port = 443;
    ProbeSettings probe;  // trust, guard and port are of it
};
enum class Probes { none, every_mx };
void look_elsewhere(const JobsParts& parts, const ElsewhereSettings& settings, const dns::Name& domain, Probes probes,
                    std::function<void(verdict::Evidence)> done);

// What is shown of a watched domain.
struct Elsewhere {
    std::optional<TimePoint> checked;
    std::string policy_text;  // empty: none that a sender would take
    std::string policy_id;
    std::optional<mtasts::Mode> mode;
    std::vector<std::string> rua;
    std::string problem;  // the first thing that is wrong, an English sentence
    std::vector<verdict::Finding> findings;
};
Elsewhere seen_elsewhere(const verdict::Evidence& evidence, TimePoint now);
std::string elsewhere_to_json(const Elsewhere& seen);
Elsewhere elsewhere_from_json(std::string_view text);  // what cannot be read is left out

// What a domain brings along, so that for senders nothing changes: the first version here says the same.
struct Import {
    mtasts::PolicyText policy;
    std::string policy_id;  // theirs. Ours is a new one: see docs/hosting.md
    std::vector<std::string> rua;
    std::optional<TimePoint> fetched;
    // What could not be kept to the letter. Words: text, extension, max-age, mx-pattern, id, rua, mx-not-in-policy.
    struct Difference {
        std::string code;
        std::string message;
        friend bool operator==(const Difference&, const Difference&) = default;
    };
    std::vector<Difference> differences;
};
// Errors: not_found (no policy there), refused (one that a sender would not take), temporary (could not be had now).
Result<Import> import_of(const verdict::Evidence& evidence);
std::string import_to_json(const Import& import);
std::optional<Import> import_from_json(std::string_view text);

}  // namespace postseal::hosting
