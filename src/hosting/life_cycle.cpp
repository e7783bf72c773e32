#include "hosting/life_cycle.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "hosting/label.h"

namespace postseal::hosting {

namespace {

const store::PolicyVersion* newest(const Versions& versions, std::optional<TimePoint> store::PolicyVersion::*moment) {
    const auto found = std::find_if(versions.rbegin(), versions.rend(),
                                    [&](const store::PolicyVersion& version) { return (version.*moment).has_value(); });
    return found == versions.rend() ? nullptr : &*found;
}

}  // namespace

const store::PolicyVersion* served_version(const Versions& versions) {
    return versions.empty() ? nullptr : &versions.back();
}
const store::PolicyVersion* live_version(const Versions& versions) {
    return newest(versions, &store::PolicyVersion::body_live);
}
const store::PolicyVersion* published_version(const Versions& versions) {
    return newest(versions, &store::PolicyVersion::id_live);
}

std::string make_policy_id(std::int64_t version, std::string_view body) {
    return fmt::format("{}x{}", version, to_hex(sha256(as_bytes(body))).substr(0, 16));
}

std::optional<TimePoint> enforce_since(const Versions& versions) {
    std::optional<TimePoint> since;
    for (auto version = versions.rbegin(); version != versions.rend() && version->mode == mtasts::Mode::enforce;
         ++version) {
        since = version->id_live ? version->id_live : since;
    }
    return since;
}

std::uint32_t max_age_for(const Versions& versions, mtasts::Mode mode, const LifeSettings& settings, TimePoint now) {
    if (mode == mtasts::Mode::none) {
        return settings.none_max_age_s;
    }
    const bool goes_on = !versions.empty() && versions.back().mode == mode;
    const auto kept = goes_on ? static_cast<std::uint32_t>(versions.back().max_age_s) : 0U;
    if (mode == mtasts::Mode::testing) {
        return std::max(kept, settings.testing_max_age_s);
    }
    const TimePoint since = enforce_since(versions).value_or(now);
    std::uint32_t scheduled = 0;
    for (const RampStep& step : settings.enforce_ramp) {
        if (now - since >= std::chrono::days(step.after_days)) {
            scheduled = step.max_age_s;
        }
    }
    return std::max(kept, scheduled);
}

std::optional<std::uint32_t> ramp_step_due(const Versions& versions, const LifeSettings& settings, TimePoint now) {
    if (versions.empty() || versions.back().mode != mtasts::Mode::enforce || !versions.back().id_live) {
        return std::nullopt;
    }
    const std::uint32_t due = max_age_for(versions, mtasts::Mode::enforce, settings, now);
    return due > versions.back().max_age_s ? std::optional(due) : std::nullopt;
}

Result<store::PolicyVersion> next_version(std::int64_t domain, const Versions& versions, mtasts::Mode mode,
                                          const MxPatterns& mx, const LifeSettings& settings, TimePoint now,
                                          std::optional<std::uint32_t> max_age_s) {
    mtasts::PolicyText text;
    text.mode = mode;
    text.max_age_s = max_age_s ? *max_age_s : max_age_for(versions, mode, settings, now);
    if (mode != mtasts::Mode::none) {
        text.mx = mx;
    }
    store::PolicyVersion version;
    POSTSEAL_TRY(version.body, mtasts::format_policy(text));
    version.domain = domain;
    version.version = versions.empty() ? 1 : versions.back().version + 1;
    version.mode = mode;
    version.max_age_s = text.max_age_s;
    version.policy_id = make_policy_id(version.version, version.body);
    version.made = now;
    return version;
}

MxPatterns mx_of(const store::PolicyVersion& version) {
    const auto judged = mtasts::judge_policy(version.body);
    return judged.policy ? judged.policy->mx : MxPatterns{};
}

MxPatterns last_mx(const Versions& versions) {
    const auto lists_mx = [](const store::PolicyVersion& version) { return !mx_of(version).empty(); };
    const auto found = std::find_if(versions.rbegin(), versions.rend(), lists_mx);
    return found != versions.rend() ? mx_of(*found) : MxPatterns{};
}

bool covers(const MxPatterns& patterns, const dns::Name& host) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const mtasts::MxPattern& pattern) { return mtasts::mx_matches(pattern, host); });
}

Result<MxPatterns> following(const MxPatterns& patterns, const std::vector<dns::Name>& hosts) {
    MxPatterns current;
    for (const mtasts::MxPattern& pattern : patterns) {
        if (std::any_of(hosts.begin(), hosts.end(),
                        [&](const dns::Name& host) { return mtasts::mx_matches(pattern, host); })) {
            current.push_back(pattern);
        }
    }
    for (const dns::Name& host : hosts) {
        if (!covers(current, host)) {
            POSTSEAL_TRY(mtasts::MxPattern pattern, mtasts::MxPattern::parse(host.text()));
            current.push_back(std::move(pattern));
        }
    }
    return current;
}

TimePoint retirement_bound(const Versions& versions, TimePoint now) {
    TimePoint last_held = now;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        const store::PolicyVersion& version = versions[i];
        // `none` binds nobody; the last of them is what is served until the end.
        if (version.mode == mtasts::Mode::none) {
            continue;
        }
        TimePoint stopped = version.last_served.value_or(now);
        if (i + 1 < versions.size()) {
            // The last node stopped serving it no later than its successor was read back from every one. Of the newest
            // that is not known yet.
            const bool newest = i + 2 == versions.size();
            stopped = std::max(stopped, versions[i + 1].body_live.value_or(newest ? now : stopped));
        }
        last_held = std::max(last_held, stopped + Seconds(version.max_age_s));
    }
    return last_held + Seconds(txt_ttl_s) + std::chrono::days(1);
}

std::optional<TimePoint> enforced_until(const Versions& versions, TimePoint now) {
    std::optional<TimePoint> until;
    for (const store::PolicyVersion& version : versions) {
        if (version.mode == mtasts::Mode::enforce) {
            const TimePoint held = version.last_served.value_or(now) + Seconds(version.max_age_s);
            if (held > now && (!until || held > *until)) {
                until = held;
            }
        }
    }
    return until;
}

LabelState label_state(const store::Domain& domain, const Versions& versions) {
    LabelState state{domain.label, std::nullopt, domain.uses, domain.own_rua};
    const auto* published = published_version(versions);
    if (published != nullptr && !domain.record_removed) {
        state.policy_id = published->policy_id;
    }
    return state;
}

Step next_step(const LifeFacts& facts, const Versions& versions, TimePoint now) {
    using State = store::DomainState;
    switch (facts.state) {
        case State::pending:
            return facts.policy_names_seen ? Step::become_verified : Step::look_at_cnames;
        case State::gone:
        case State::monitored:
            return Step::nothing;
        case State::retiring:
            if (facts.cnames_until && now >= *facts.cnames_until) {
                return Step::leave;
            }
            break;
        default:
            break;
    }
    if (facts.host_taken) {
        return Step::nothing;  // only the label winds down; what is served is no longer ours to change
    }
    if (!serves(facts.uses, Purpose::policy_host)) {
        return facts.policy_names_seen ? Step::nothing : Step::look_at_cnames;
    }
    if (!facts.certificate_valid) {
        // A certificate that ran out is not ordered for names that no longer lead to us: the order could only fail.
        return facts.policy_names_seen ? Step::issue_certificate : Step::look_at_cnames;
    }
    const store::PolicyVersion* served = served_version(versions);
    if (served == nullptr) {
        return facts.state == State::retiring ? Step::nothing : Step::make_first_version;
    }
    if (!served->body_live) {
        return Step::read_back;
    }
    if (!served->id_live) {
        return Step::publish_id;
    }
    return facts.certificate_due && facts.policy_names_seen ? Step::issue_certificate : Step::nothing;
}

bool may_become(store::DomainState from, store::DomainState to) {
    using State = store::DomainState;
    const bool to_served = to == State::testing || to == State::ready || to == State::enforce || to == State::paused;
    switch (from) {
        case State::pending:
            return to == State::verified || to == State::gone;
        case State::verified:
            // A certificate may be there already: from an earlier stay, or kept over a change of organisation.
            return to == State::certificate || to_served || to == State::retiring || to == State::gone;
        case State::certificate:
            return to_served || to == State::retiring || to == State::gone;
        case State::testing:
        case State::ready:
        case State::enforce:
        case State::paused:
            return to_served || to == State::retiring;
        case State::retiring:
        case State::monitored:
            return to == State::gone;
        case State::gone:
            break;
    }
    return false;
}

bool has_moved_in(store::DomainState state) {
    using State = store::DomainState;
    return state == State::testing || state == State::ready || state == State::enforce || state == State::paused;
}

bool keeps_cnames(const store::Domain& domain) {
    using State = store::DomainState;
    return has_moved_in(domain.state) || domain.state == State::verified || domain.state == State::certificate ||
           domain.state == State::retiring;
}

store::DomainState state_in_mode(mtasts::Mode mode, bool ready) {
    switch (mode) {
        case mtasts::Mode::enforce:
            return store::DomainState::enforce;
        case mtasts::Mode::testing:
            return ready ? store::DomainState::ready : store::DomainState::testing;
        case mtasts::Mode::none:
            break;
    }
    return store::DomainState::paused;
}

}  // namespace postseal::hosting
