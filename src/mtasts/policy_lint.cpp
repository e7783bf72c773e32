// What an owner should know about a policy that senders accept (RFC 8461 §10).
#include <fmt/format.h>

#include "base/text.h"
#include "mtasts/policy.h"

namespace postseal::mtasts {

namespace {

constexpr std::uint32_t week_s = 7 * 86'400;

// Where the policy's text has this field; 1 for a policy that was not read from text.
template <class Wanted>
int line_of(const Policy& policy, std::string_view name, Wanted wanted) {
    for (std::size_t i = 0; i < policy.lines.size(); ++i) {
        const std::string_view line = policy.lines[i];
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':' &&
            wanted(trim_wsp(line.substr(name.size() + 1)))) {
            return static_cast<int>(i) + 1;
        }
    }
    return 1;
}

int line_of_mx(const Policy& policy, const MxPattern& pattern) {
    return line_of(policy, "mx", [&](std::string_view value) {
        const auto parsed = MxPattern::parse(value);
        return parsed && *parsed == pattern;
    });
}

}  // namespace

Problems lint_policy(const Policy& policy, const std::optional<dns::Name>& domain) {
    Problems problems;
    const auto warn = [&](int line, std::string code, std::string_view message, std::string rfc) {
        problems.push_back({line, Severity::warning, std::move(code), fmt::format("policy line {}: {}", line, message),
                            std::move(rfc)});
    };
    // RFC 8461 §10.2: an attacker who can block discovery has to keep it up for max_age.
    if (policy.mode == Mode::enforce && policy.max_age_s < week_s) {
        warn(line_of(policy, "max_age", [](std::string_view) { return true; }), "max-age-short",
             fmt::format("max_age: {} s protects senders for less than a week; some weeks are usual in enforce",
                         policy.max_age_s),
             "RFC 8461 §10.2");
    }
    // RFC 8461 §10.4: whoever can get any host name under the wildcard, and a certificate for it, is a valid MX.
    for (const MxPattern& pattern : policy.mx) {
        if (policy.mode == Mode::none || !pattern.wildcard() || !pattern.can_match()) {
            continue;
        }
        const bool top_level = pattern.name().label_count() == 1;
        if (top_level || (domain && domain->is_under(pattern.name()))) {
            warn(line_of_mx(policy, pattern), "mx-too-wide",
                 fmt::format("mx: \"{}\" admits every host {}, not only mail servers", pattern.text(),
                             top_level ? "under a whole top-level domain" : "of the domain itself"),
                 "RFC 8461 §10.4");
        }
    }
    return problems;
}

}  // namespace postseal::mtasts
