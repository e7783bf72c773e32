// DNS and policy drift apart (design §4 rule 5): which new MX host may be added without a person, which waits, what is
// in the policy and no longer in DNS. Pure; the only place that decides what is changed without a click.
//
// Nothing loosens by itself: no decision here takes a host out of a policy or changes a mode, and in an enforced policy
// a host is added only with a vouching that somebody who forges MX records cannot have. A valid certificate is none: a
// spoofed host has one for its own name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hosting/life_cycle.h"
#include "hosting/mx_watch.h"
#include "store/mx_settings.h"

namespace postseal::hosting {

// What an owner has approved beforehand: a name with everything below it, or what a mail provider runs.
struct MxApproval {
    std::optional<dns::Name> name;
    const struct MxPreset* preset = nullptr;
    [[nodiscard]] bool covers(const dns::Name& host) const;
    [[nodiscard]] std::string text() const;
};
// "example.com" or "google". Error: no name, a public suffix, an unknown word.
Result<MxApproval> approval_from_text(std::string_view text);
std::vector<MxApproval> approvals_of(const store::MxSetting& setting);  // those that cannot be read are left out

enum class Vouched {
    by_nobody,
    by_dnssec,    // the MX RRset is secure
    by_approval,  // the host lies under a name that the owner has approved
    by_testing,   // nothing is refused in testing: the policy follows DNS
};
std::string_view to_string(Vouched vouched);

struct NewMxHost {
    dns::Name host;
    Vouched vouched = Vouched::by_nobody;
    bool clean = false;  // its probe
    bool add = false;    // without a click
    std::string reason;  // why it is added, or why it waits; an English sentence
};

struct UnneededPattern {
    mtasts::MxPattern pattern;
    TimePoint since;       // when no host needed it for the first time
    bool propose = false;  // long enough ago to propose taking it out; only a person does
};

struct Drift {
    std::vector<NewMxHost> fresh;
    std::vector<UnneededPattern> unneeded;
    // The MX records cannot be believed or looked up now: nothing is decided.
    bool undecided = false;
    [[nodiscard]] bool waits_for_person() const;  // a new host that is not added by itself
    // The policy with what is added by itself; nothing when that changes nothing.
    [[nodiscard]] std::optional<MxPatterns> with_added(const MxPatterns& policy) const;
};

constexpr std::chrono::days propose_removal_after{14};

struct DriftFacts {
    MxPatterns policy;  // that is served
    mtasts::Mode mode = mtasts::Mode::none;
    MxWatch watch;
    store::MxSetting setting;
};
Drift judge_drift(const DriftFacts& facts, TimePoint now);

// Keeps up since when each pattern of the policy has been without a host: after each look at the MX records.
void note_unneeded(MxWatch& watch, const MxPatterns& policy, TimePoint now);

}  // namespace postseal::hosting
