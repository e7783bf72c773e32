// The life of a hosted domain as pure rules (design §4 rules 3 and 6): which version is served, which id may be in DNS,
// what to do next, until when a leaving domain must be served. Values in, values out.
//
//     pending → verified → certificate → testing → (ready) → enforce → retiring → gone
//
// Beside it: paused (the live policy is none), monitored (the policy lives elsewhere).
// A domain with reports alone stays verified.
//
// In any order of events a policy change is: row in the store, body in memory, read back over HTTPS, id in DNS
// (RFC 8461 §8.1). A crash between any two of these leaves an old id with an old or a new body, never the reverse.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "hosting/zone_content.h"
#include "mtasts/policy.h"
#include "store/domains.h"

namespace postseal::hosting {

using Versions = std::vector<store::PolicyVersion>;  // of one domain, oldest first

// From that many days in enforce on, a policy may be kept that long. Short at first, while a mistake may still show;
// long in the end, since until a copy runs out nobody can take the policy away by hiding it (RFC 8461 §10.2).
struct RampStep {
    int after_days = 0;
    std::uint32_t max_age_s = 0;
    friend bool operator==(const RampStep&, const RampStep&) = default;
};

struct LifeSettings {
    std::uint32_t testing_max_age_s = 86'400;
    std::vector<RampStep> enforce_ramp = {{0, 86'400}, {7, 604'800}, {30, 2'592'000}, {180, 31'536'000}};
    std::uint32_t none_max_age_s = 86'400;  // small, so that what is left of a policy goes soon (rule 6)
    int testing_days = 14;                  // rule 4
};

// The body in memory: the newest version, even if it has not been read back yet (a new body under the old id is fine).
const store::PolicyVersion* served_version(const Versions& versions);
// The newest version that was read back: its mode is the domain's mode.
const store::PolicyVersion* live_version(const Versions& versions);
// The newest version whose id went into DNS.
const store::PolicyVersion* published_version(const Versions& versions);

// RFC 8461 §3.1: 1–32 alphanumerics, from the version's number and the body, never used for another body (STS-016).
std::string make_policy_id(std::int64_t version, std::string_view body);

using MxPatterns = std::vector<mtasts::MxPattern>;

// For the next version, in this mode. In one and the same mode it never gets shorter by itself: it may have come with
// the domain from elsewhere.
std::uint32_t max_age_for(const Versions& versions, mtasts::Mode mode, const LifeSettings& settings, TimePoint now);
// Since when enforce has been in DNS without a break; nothing if it is not.
std::optional<TimePoint> enforce_since(const Versions& versions);
// The next step of the ramp, when its time has come.
std::optional<std::uint32_t> ramp_step_due(const Versions& versions, const LifeSettings& settings, TimePoint now);

// The row for a change of mode, mx or max_age (by default as above). Error: a policy that RFC 8461 does not let us
// serve, e.g. testing without an mx.
Result<store::PolicyVersion> next_version(std::int64_t domain, const Versions& versions, mtasts::Mode mode,
                                          const MxPatterns& mx, const LifeSettings& settings, TimePoint now,
                                          std::optional<std::uint32_t> max_age_s = std::nullopt);
// The mx patterns of a version.
MxPatterns mx_of(const store::PolicyVersion& version);
// Of the newest version that has any.
MxPatterns last_mx(const Versions& versions);

bool covers(const MxPatterns& patterns, const dns::Name& host);
// `patterns` brought up to date with the MX hosts of today: those that no host needs any more go, hosts that none of
// them covers are added. A wildcard that somebody chose stays. Error: a host that no pattern can name.
Result<MxPatterns> following(const MxPatterns& patterns, const std::vector<dns::Name>& hosts);

// Rule 6, STS-067 (RFC 8461 §8.3): no sender can hold a policy of this domain that says anything but `none` after this
// moment, plus a TXT TTL and a day.
TimePoint retirement_bound(const Versions& versions, TimePoint now);
// Until when a sender may still enforce if enforce were left now; nothing if none can.
std::optional<TimePoint> enforced_until(const Versions& versions, TimePoint now);

// What the zone says behind the domain's label.
LabelState label_state(const store::Domain& domain, const Versions& versions);

struct LifeFacts {
    store::DomainState state = store::DomainState::pending;
    store::Uses uses = store::Uses::both;
    bool policy_names_seen = false;  // rule 1, at the last look: those that the domain needs
    bool host_taken = false;         // another entry of the same domain serves the policy host now
    bool certificate_valid = false;
    bool certificate_due = false;  // for renewal
    std::optional<TimePoint> cnames_until;
};
enum class Step {
    nothing,
    look_at_cnames,  // and come again
    become_verified,
    issue_certificate,
    make_first_version,
    read_back,   // the served body over HTTPS
    publish_id,  // of the served version
    leave,       // the bound has passed: NXDOMAIN for ever
};
Step next_step(const LifeFacts& facts, const Versions& versions, TimePoint now);

// The arrows of the picture above, and those beside it; any other change of state is a mistake of ours.
bool may_become(store::DomainState from, store::DomainState to);
// The domain's policy can be had by senders.
bool has_moved_in(store::DomainState state);
// The CNAMEs were seen, and have to stay.
bool keeps_cnames(const store::Domain& domain);

// The state that a domain is in while a version of this mode is its live one.
store::DomainState state_in_mode(mtasts::Mode mode, bool ready);

}  // namespace postseal::hosting
