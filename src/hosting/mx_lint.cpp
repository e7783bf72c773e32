#include "hosting/mx_lint.h"

#include <fmt/format.h>

#include <algorithm>

#include "dns/public_suffix.h"
#include "hosting/mx_presets.h"

namespace postseal::hosting {

namespace {

using mtasts::mx_matches;
using mtasts::MxPattern;

std::vector<dns::Name> matched(const MxPattern& pattern, const std::vector<dns::Name>& hosts) {
    std::vector<dns::Name> out;
    std::copy_if(hosts.begin(), hosts.end(), std::back_inserter(out),
                 [&](const dns::Name& host) { return mx_matches(pattern, host); });
    return out;
}

MxPatterns without(MxPatterns policy, const MxPattern& pattern) {
    std::erase(policy, pattern);
    return policy;
}

// The policy with the wildcard given up for the names of the hosts that only it covers. Nothing while the hosts are not
// known.
std::optional<MxPatterns> narrowed(const MxPatterns& policy, const MxPattern& wildcard,
                                   const std::vector<dns::Name>& hosts) {
    MxPatterns left = without(policy, wildcard);
    for (const dns::Name& host : hosts) {
        if (const auto pattern = MxPattern::parse(host.text()); pattern && !covers(left, host)) {
            left.push_back(*pattern);
        }
    }
    return hosts.empty() || left.empty() ? std::nullopt : std::optional(std::move(left));
}

bool is_own(const LintFacts& facts, const dns::Name& name) {
    return name.is_under(facts.domain) ||
           std::any_of(facts.approved.begin(), facts.approved.end(),
                       [&](const dns::Name& approved) { return name.is_under(approved); });
}

class Linter {
public:
    explicit Linter(const LintFacts& facts) : facts_(facts) {}

    std::vector<MxFinding> run() {
        for (const dns::Name& host : facts_.hosts) {
            look_at_host(host);
        }
        for (const MxPattern& pattern : facts_.policy) {
            look_at(pattern);
        }
        std::stable_sort(findings_.begin(), findings_.end(),
                         [](const MxFinding& a, const MxFinding& b) { return a.severity < b.severity; });
        return std::move(findings_);
    }

private:
    void look_at_host(const dns::Name& host) {
        if (covers(facts_.policy, host)) {
            return;
        }
        std::optional<MxPatterns> fix;
        if (const auto pattern = MxPattern::parse(host.text())) {
            fix = facts_.policy;
            fix->push_back(*pattern);
        }
        findings_.push_back({"mx-not-covered", LintSeverity::error, "", host.text(),
                             fmt::format("no pattern covers the MX host {}: senders that honour the policy would not "
                                         "deliver there",
                                         host.text()),
                             std::move(fix)});
    }

    void look_at(const MxPattern& pattern) {
        const std::vector<dns::Name> hosts = matched(pattern, facts_.hosts);
        if (pattern.wildcard() && dns::is_public_suffix(pattern.name())) {
            add("mx-wildcard-public", LintSeverity::error, pattern,
                fmt::format("everybody can register a name under {}, and a certificate for it: {} protects nothing",
                            pattern.name().text(), pattern.text()),
                narrowed(facts_.policy, pattern, facts_.hosts));
            return;
        }
        const bool known = !facts_.hosts.empty();
        const auto shadow = std::find_if(facts_.policy.begin(), facts_.policy.end(), [&](const MxPattern& other) {
            return other.wildcard() && !pattern.wildcard() && mx_matches(other, pattern.name());
        });
        if (shadow != facts_.policy.end()) {
            add("mx-pattern-redundant", LintSeverity::info, pattern,
                fmt::format("{} covers {} already", shadow->text(), pattern.text()), without(facts_.policy, pattern));
        } else if (known && hosts.empty()) {
            const MxPatterns rest = without(facts_.policy, pattern);
            add("mx-pattern-unused", LintSeverity::warning, pattern,
                fmt::format("no MX host of {} needs {}", facts_.domain.text(), pattern.text()),
                rest.empty() ? std::nullopt : std::optional(rest));
        }
        if (!pattern.wildcard()) {
            return;
        }
        const MxPreset* provider = owner_of_all_below(pattern.name());
        if (provider == nullptr && !is_own(facts_, pattern.name())) {
            add("mx-wildcard-foreign", LintSeverity::warning, pattern,
                fmt::format("{} lets every host under {} take mail for {}, and that name is neither yours nor of a "
                            "provider that we know to run every host there",
                            pattern.text(), pattern.name().text(), facts_.domain.text()),
                narrowed(facts_.policy, pattern, facts_.hosts));
        } else if (provider == nullptr && hosts.size() == 1) {
            add("mx-wildcard-single", LintSeverity::info, pattern,
                fmt::format("only {} needs {}: its name alone is enough", hosts.front().text(), pattern.text()),
                narrowed(facts_.policy, pattern, facts_.hosts));
        }
    }

    void add(std::string code, LintSeverity severity, const MxPattern& pattern, std::string message,
             std::optional<MxPatterns> fix) {
        findings_.push_back({std::move(code), severity, pattern.text(), "", std::move(message), std::move(fix)});
    }

    const LintFacts& facts_;
    std::vector<MxFinding> findings_;
};

}  // namespace

std::string_view to_string(LintSeverity severity) {
    switch (severity) {
        case LintSeverity::error:
            return "error";
        case LintSeverity::warning:
            return "warning";
        case LintSeverity::info:
            break;
    }
    return "info";
}

std::vector<MxFinding> lint_mx(const LintFacts& facts) {
    return Linter(facts).run();
}

}  // namespace postseal::hosting
