// After each look at a domain's MX hosts: adds what is vouched for, raises and resolves alerts, remembers since when
// the domain is ready, and says when it is to be promoted. What is decided is drift's and readiness' (both pure); this
// gathers what they need from the store and writes down what became of it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "hosting/life_cycle.h"
#include "hosting/parts.h"
#include "hosting/readiness.h"

namespace postseal::hosting {

// On the jobs loop.
class MxKeeper {
public:
    using ChangePolicy =
        std::function<Result<store::PolicyVersion>(const store::Domain&, mtasts::Mode, const MxPatterns&)>;
    MxKeeper(JobsParts parts, int testing_days, ChangePolicy change_policy);

    // `domain` as it was stored after the look. Whether the policy was changed: `versions` are then out of date.
    bool after_look(const store::Domain& domain, const Versions& versions);

    [[nodiscard]] Drift drift_of(const store::Domain& domain, const Versions& versions) const;
    [[nodiscard]] Readiness readiness_of(const store::Domain& domain, const Versions& versions) const;

    // Keeps ready_since. Whether the owner's promotion is due; who promotes looks at the hosts afresh first.
    bool note_readiness(const store::Domain& domain, const Versions& versions, bool ready);
    // Enters enforce, if it is still due after that look. Written down as done by "system".
    bool promote(const store::Domain& domain, const Versions& versions);

    // A person has left enforce: it is not entered again without a person.
    void person_left_enforce(const store::Domain& domain, const std::string& actor);
    // The policy is being withdrawn: no sender minds what the MX hosts do.
    void nothing_to_watch(const store::Domain& domain);
    // The domain is going: nothing of it waits for anybody any more.
    void leave(const store::Domain& domain);

private:
    [[nodiscard]] TimePoint now() const { return parts_.clock.now(); }
    [[nodiscard]] store::MxSetting setting_of(const store::Domain& domain) const;
    [[nodiscard]] Refusals refusals_since(const store::Domain& domain, TimePoint since) const;
    void note(const store::Domain& domain, std::string action, std::string before, std::string after,
              std::string reason) const;
    void complain(const Error& error) const;

    JobsParts parts_;
    int testing_days_;
    ChangePolicy change_policy_;
    // Reports are read again only when another trusted one has arrived, or the range has changed.
    struct Kept {
        std::int64_t newest = 0;
        TimePoint since;
        Refusals refusals;
    };
    mutable std::map<std::pair<std::string, bool>, Kept> kept_;
};

// When the mx list became what it is now.
std::optional<TimePoint> mx_unchanged_since(const Versions& versions);

}  // namespace postseal::hosting
