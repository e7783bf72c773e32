#include "hosting/mx_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "hosting/mx_alerts.h"

namespace postseal::hosting {

namespace {

constexpr std::int64_t reports_read_max = 5000;
constexpr auto lately = std::chrono::days(2);

std::string list_of(const MxPatterns& patterns) {
    std::vector<std::string> texts;
    for (const mtasts::MxPattern& pattern : patterns) {
        texts.push_back(pattern.text());
    }
    return join(texts, ",");
}

}  // namespace

std::optional<TimePoint> mx_unchanged_since(const Versions& versions) {
    if (versions.empty()) {
        return std::nullopt;
    }
    const MxPatterns current = mx_of(versions.back());
    TimePoint since = versions.back().made;
    for (auto it = versions.rbegin(); it != versions.rend() && mx_of(*it) == current; ++it) {
        since = it->made;
    }
    return since;
}

MxKeeper::MxKeeper(JobsParts parts, int testing_days, ChangePolicy change_policy)
    : parts_(parts), testing_days_(testing_days), change_policy_(std::move(change_policy)) {}

void MxKeeper::complain(const Error& error) const {
    parts_.log.error("hosting", error.message());
}

store::MxSetting MxKeeper::setting_of(const store::Domain& domain) const {
    auto setting = parts_.store.mx_settings.of(domain.id);
    if (!setting) {
        complain(setting.error());
        store::MxSetting careful;
        careful.following = store::MxFollowing::fixed;  // what cannot be read permits nothing
        return careful;
    }
    return *setting;
}

void MxKeeper::note(const store::Domain& domain, std::string action, std::string before, std::string after,
                    std::string reason) const {
    const auto added =
        parts_.store.audit.add({now(), domain.organisation, "system", std::move(action), domain.name.text(),
                                std::move(before), std::move(after), std::move(reason)});
    if (!added) {
        parts_.log.error("hosting", "audit: " + added.error().message());
    }
}

Drift MxKeeper::drift_of(const store::Domain& domain, const Versions& versions) const {
    DriftFacts facts;
    if (const store::PolicyVersion* served = served_version(versions)) {
        facts.policy = mx_of(*served);
        facts.mode = served->mode;
    }
    facts.watch = mx_watch_from_json(domain.mx_watch);
    facts.setting = setting_of(domain);
    return judge_drift(facts, now());
}

Refusals MxKeeper::refusals_since(const store::Domain& domain, TimePoint since) const {
    const auto newest = parts_.store.reports.newest_trusted(domain.name);
    Kept& kept = kept_[{domain.name.text(), now() - since < std::chrono::days(3)}];
    if (newest && kept.newest == *newest && kept.since == since && kept.newest != 0) {
        return kept.refusals;
    }
    const auto reports = parts_.store.reports.trusted_since(domain.name, since, reports_read_max);
    if (!reports) {
        complain(reports.error());
        return {};
    }
    Refusals refusals = refusals_in(*reports, since);
    refusals.complete = static_cast<std::int64_t>(reports->size()) < reports_read_max;
    if (newest) {
        kept = {*newest, since, refusals};
    }
    return refusals;
}

Readiness MxKeeper::readiness_of(const store::Domain& domain, const Versions& versions) const {
    ReadinessFacts facts;
    facts.testing_since = domain.testing_since;
    if (const auto* live = live_version(versions)) {
        facts.policy_mx = mx_of(*live);
    }
    facts.watch = mx_watch_from_json(domain.mx_watch);
    facts.drift = drift_of(domain, versions);
    facts.refusals = refusals_since(domain, reports_count_from(domain.testing_since, testing_days_, now()));
    return judge_readiness(facts, testing_days_, now());
}

bool MxKeeper::after_look(const store::Domain& domain, const Versions& versions) {
    const store::PolicyVersion* served = served_version(versions);
    if (served == nullptr) {
        return false;
    }
    const Drift drift = drift_of(domain, versions);
    bool changed = false;
    const MxPatterns before = mx_of(*served);
    if (const auto added = served->mode == mtasts::Mode::none ? std::nullopt : drift.with_added(before)) {
        const auto made = change_policy_(domain, served->mode, *added);
        if (made) {
            changed = true;
            std::vector<std::string> reasons;
            for (const NewMxHost& fresh : drift.fresh) {
                if (fresh.add) {
                    reasons.push_back(fresh.reason);
                }
            }
            note(domain, "domain.policy-mx", "mx=" + list_of(before),
                 fmt::format("mx={} policy_id={}", list_of(*added), made->policy_id), join(reasons, "; "));
            parts_.log.info("hosting", fmt::format("{}: {}", domain.name.text(), join(reasons, "; ")));
        } else {
            parts_.log.warning("hosting", fmt::format("{}: {}", domain.name.text(), made.error().message()));
        }
    }
    MxAlertFacts facts;
    facts.mode = served->mode;
    facts.watch = mx_watch_from_json(domain.mx_watch);
    facts.drift = drift;
    if (served->mode == mtasts::Mode::enforce) {
        facts.lately = refusals_since(domain, std::chrono::floor<std::chrono::hours>(now()) - lately);
    }
    const auto settled = parts_.store.alerts.settle({domain.organisation, domain.name.text()}, mx_alert_kinds(),
                                                    mx_alerts(facts, now()), now());
    if (!settled) {
        complain(settled.error());
    }
    return changed;
}

bool MxKeeper::note_readiness(const store::Domain& domain, const Versions& versions, bool ready) {
    store::MxSetting setting = setting_of(domain);
    const std::optional<TimePoint> since = ready ? std::optional(setting.ready_since.value_or(now())) : std::nullopt;
    if (since != setting.ready_since) {
        if (const auto stored = parts_.store.mx_settings.put_ready_since(domain.id, since); !stored) {
            complain(stored.error());
            return false;
        }
    }
    PromotionFacts facts;
    const store::PolicyVersion* served = served_version(versions);
    facts.mode = served != nullptr ? served->mode : mtasts::Mode::none;
    facts.ready = ready;
    facts.after_days = setting.promote_after_days;
    facts.ready_since = since;
    facts.mx_unchanged_since = mx_unchanged_since(versions);
    return promotion_due(facts, now());
}

bool MxKeeper::promote(const store::Domain& domain, const Versions& versions) {
    const Readiness readiness = readiness_of(domain, versions);
    if (!note_readiness(domain, versions, readiness.ready)) {
        return false;
    }
    const auto made = change_policy_(domain, mtasts::Mode::enforce, last_mx(versions));
    if (!made) {
        parts_.log.warning("hosting", fmt::format("{}: {}", domain.name.text(), made.error().message()));
        return false;
    }
    const auto days = setting_of(domain).promote_after_days.value_or(0);
    const std::string reason = fmt::format("automatic promotion: every condition met for {} days", days);
    note(domain, "domain.mode", fmt::format("mode={}", mtasts::to_string(versions.back().mode)),
         fmt::format("mode={} policy_id={}", mtasts::to_string(made->mode), made->policy_id), reason);
    parts_.log.info("hosting", fmt::format("{}: {}", domain.name.text(), reason));
    return true;
}

void MxKeeper::person_left_enforce(const store::Domain& domain, const std::string& actor) {
    store::MxSetting setting = setting_of(domain);
    if (!setting.promote_after_days) {
        return;
    }
    const std::string before = fmt::format("promote_after_days={}", *setting.promote_after_days);
    setting.promote_after_days.reset();
    if (const auto stored = parts_.store.mx_settings.put(domain.id, setting); !stored) {
        complain(stored.error());
        return;
    }
    const auto added = parts_.store.audit.add({now(), domain.organisation, actor, "domain.mx", domain.name.text(),
                                               before, "promote_after_days=off", "enforce was left"});
    if (!added) {
        parts_.log.error("hosting", "audit: " + added.error().message());
    }
}

void MxKeeper::nothing_to_watch(const store::Domain& domain) {
    const auto settled =
        parts_.store.alerts.settle({domain.organisation, domain.name.text()}, mx_alert_kinds(), {}, now());
    if (!settled) {
        complain(settled.error());
    }
}

void MxKeeper::leave(const store::Domain& domain) {
    const auto resolved = parts_.store.alerts.resolve_all({domain.organisation, domain.name.text()}, now());
    if (!resolved) {
        complain(resolved.error());
    }
}

}  // namespace postseal::hosting
