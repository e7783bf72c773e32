#include "hosting/drift.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "dns/public_suffix.h"
#include "hosting/mx_presets.h"

namespace postseal::hosting {

namespace {

bool believable(const MxWatch& watch) {
    return watch.dnssec == "secure" || watch.dnssec == "insecure";
}

Vouched vouching_for(const DriftFacts& facts, const std::vector<MxApproval>& approvals, const dns::Name& host) {
    if (facts.watch.dnssec == "secure") {
        return Vouched::by_dnssec;
    }
    if (std::any_of(approvals.begin(), approvals.end(),
                    [&](const MxApproval& approval) { return approval.covers(host); })) {
        return Vouched::by_approval;
    }
    return facts.mode == mtasts::Mode::testing ? Vouched::by_testing : Vouched::by_nobody;
}

std::string reason_for(const NewMxHost& fresh, store::MxFollowing following, const MxHost& host) {
    const std::string& name = fresh.host.text();
    if (following == store::MxFollowing::fixed) {
        return name + " waits: this domain's hosts are changed by people only";
    }
    switch (fresh.vouched) {
        case Vouched::by_testing:
            return name + " is added: in testing the policy follows DNS";
        case Vouched::by_nobody:
            return fmt::format(
                "{} waits: the MX records are not signed with DNSSEC and nobody has approved a name above "
                "it, so it may be forged",
                name);
        case Vouched::by_dnssec:
        case Vouched::by_approval:
            break;
    }
    const std::string why = fresh.vouched == Vouched::by_dnssec ? "the MX records are signed with DNSSEC"
                                                                : "it lies under a name that was approved";
    if (!fresh.clean) {
        return fmt::format("{} waits although {}: {}", name, why,
                           host.probed ? host.problem : std::string("it has not been probed yet"));
    }
    return fmt::format("{} is added: {}, and its probe is clean", name, why);
}

}  // namespace

bool MxApproval::covers(const dns::Name& host) const {
    return preset != nullptr ? runs(*preset, host) : name && host.is_under(*name);
}

std::string MxApproval::text() const {
    return preset != nullptr ? std::string(preset->id) : name ? name->text() : std::string();
}

Result<MxApproval> approval_from_text(std::string_view text) {
    const std::string_view word = trim_wsp(text);
    if (const MxPreset* preset = mx_preset(word)) {
        return MxApproval{std::nullopt, preset};
    }
    if (word.find('.') == std::string_view::npos) {
        return invalid_input("approved",
                             printable(word, 100) + " is neither a domain name nor a mail provider known here");
    }
    POSTSEAL_TRY(const dns::Name name, dns::Name::parse(word));
    if (!name.is_hostname()) {
        return invalid_input("approved", printable(word, 100) + " is no host name");
    }
    if (dns::is_public_suffix(name)) {
        return invalid_input("approved", name.text() + " is a public suffix: everybody can have a host below it");
    }
    return MxApproval{name, nullptr};
}

std::vector<MxApproval> approvals_of(const store::MxSetting& setting) {
    std::vector<MxApproval> out;
    for (const std::string& entry : setting.approved) {
        if (auto approval = approval_from_text(entry)) {
            out.push_back(std::move(*approval));
        }
    }
    return out;
}

std::string_view to_string(Vouched vouched) {
    switch (vouched) {
        case Vouched::by_dnssec:
            return "dnssec";
        case Vouched::by_approval:
            return "approved";
        case Vouched::by_testing:
            return "testing";
        case Vouched::by_nobody:
            break;
    }
    return "none";
}

bool Drift::waits_for_person() const {
    return std::any_of(fresh.begin(), fresh.end(), [](const NewMxHost& host) { return !host.add; });
}

std::optional<MxPatterns> Drift::with_added(const MxPatterns& policy) const {
    MxPatterns out = policy;
    for (const NewMxHost& host : fresh) {
        if (const auto pattern = mtasts::MxPattern::parse(host.host.text()); host.add && pattern) {
            out.push_back(*pattern);
        }
    }
    return out.size() == policy.size() ? std::nullopt : std::optional(std::move(out));
}

Drift judge_drift(const DriftFacts& facts, TimePoint now) {
    Drift drift;
    drift.undecided = !believable(facts.watch);
    if (facts.policy.empty()) {
        return drift;
    }
    const std::vector<MxApproval> approvals = approvals_of(facts.setting);
    for (const MxHost& host : facts.watch.hosts) {
        if (covers(facts.policy, host.host)) {
            continue;
        }
        NewMxHost fresh;
        fresh.host = host.host;
        fresh.clean = host.probed.has_value() && host.problem_code.empty();
        fresh.vouched = vouching_for(facts, approvals, host.host);
        // In testing a host that does not answer well yet is added as well: the reports shall tell of it.
        fresh.add = facts.setting.following == store::MxFollowing::automatic && !drift.undecided &&
                    fresh.vouched != Vouched::by_nobody && (fresh.clean || facts.mode == mtasts::Mode::testing);
        fresh.reason = drift.undecided ? host.host.text() + " waits: the MX records cannot be believed or looked up now"
                                       : reason_for(fresh, facts.setting.following, host);
        if (fresh.add && facts.mode == mtasts::Mode::testing) {
            fresh.reason = host.host.text() + " is added: in testing the policy follows DNS";
        }
        drift.fresh.push_back(std::move(fresh));
    }
    for (const MxWatch::Unneeded& unneeded : facts.watch.unneeded) {
        const auto pattern = mtasts::MxPattern::parse(unneeded.pattern);
        if (pattern && std::find(facts.policy.begin(), facts.policy.end(), *pattern) != facts.policy.end()) {
            drift.unneeded.push_back({*pattern, unneeded.since, now - unneeded.since >= propose_removal_after});
        }
    }
    return drift;
}

void note_unneeded(MxWatch& watch, const MxPatterns& policy, TimePoint now) {
    // What cannot be looked up now has not vanished.
    if (!believable(watch) || watch.hosts.empty()) {
        return;
    }
    std::vector<MxWatch::Unneeded> unneeded;
    for (const mtasts::MxPattern& pattern : policy) {
        const bool needed = std::any_of(watch.hosts.begin(), watch.hosts.end(),
                                        [&](const MxHost& host) { return mtasts::mx_matches(pattern, host.host); });
        if (needed) {
            continue;
        }
        const auto known = std::find_if(watch.unneeded.begin(), watch.unneeded.end(),
                                        [&](const MxWatch::Unneeded& one) { return one.pattern == pattern.text(); });
        unneeded.push_back({pattern.text(), known != watch.unneeded.end() ? known->since : now});
    }
    watch.unneeded = std::move(unneeded);
}

}  // namespace postseal::hosting
