#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sender/policy_daemon_impl.h"
#include "verdict/sts.h"

namespace postseal::sender {

namespace {

constexpr Seconds overdue_warning_interval{86'400};
constexpr std::array fetch_failure_types = {tlsrpt::ResultType::sts_policy_fetch_error,
                                            tlsrpt::ResultType::sts_policy_invalid,
                                            tlsrpt::ResultType::sts_webpki_invalid};

}  // namespace

std::string_view fetch_failure_type(std::size_t i) {
    return tlsrpt::to_string(fetch_failure_types.at(i));
}

// The cache of policies after a gathering: rule 9, RFC 8461 §3.3. True when a policy was fetched: it is being
// saved.
bool PolicyDaemon::Impl::learn(const verdict::Key& key, const verdict::Evidence& evidence, TimePoint now, bool asked,
                               const verdict::Decision& decision) {
    const dns::Name& domain = key.name;
    const mtasts::TxtOutcome txt = verdict::txt_outcome(evidence.sts_txt);
    const verdict::FetchJudgement fetched = verdict::judge_fetch(evidence.fetch);
    if (evidence.fetch.outcome == verdict::PolicyFetch::Outcome::local_error) {
        counters.local_failures.fetch_add(1, std::memory_order_relaxed);
        log.error(component, fmt::format("{}: {}", domain.text(), printable(fetched.reason, 200)));
    }
    auto found = kept->find(domain);
    if (!fetched.policy && !fetched.failure && !found) {
        return false;  // nothing is known and nothing was learnt
    }
    DomainState state = found ? std::move(*found) : DomainState{};
    if (fetched.policy) {
        counters.fetches.fetch_add(1, std::memory_order_relaxed);
        note_change(domain, state.policy, *fetched.policy, now);
        const TimePoint last_used = asked || !state.policy ? now : state.policy->last_used;
        state.policy = mtasts::CachedPolicy{
            *fetched.policy, mtasts::id_for_fetch(state.policy, txt), now, last_used, now, evidence.sts_txt.ttl_s};
        state.failures = {};
    } else if (fetched.failure) {
        counters.fetches.fetch_add(1, std::memory_order_relaxed);
        counters.fetch_failures.fetch_add(1, std::memory_order_relaxed);
        count_failure(*fetched.failure);
        // Under the id by which next_action() looks for it: without a record, that of the policy in the cache.
        mtasts::record_failure(state.failures, mtasts::id_for_fetch(state.policy, txt), now);
        const bool holds = mtasts::in_force(state.policy, now);
        log.warning(component, fmt::format("{}: {}: {}; {}", domain.text(), tlsrpt::to_string(*fetched.failure),
                                           printable(fetched.reason, 200),
                                           holds ? "the policy fetched before stays in force" : "no policy applies"));
    }
    if (state.policy) {
        note_record(domain, state, txt, evidence.sts_txt, now);
        if (asked) {
            state.policy->last_used = now;
        }
        if (txt.state != mtasts::TxtState::lookup_failed) {
            state.policy->id_checked = now;
            state.policy->id_ttl_s = evidence.sts_txt.ttl_s;
        }
        if (!mtasts::in_force(state.policy, now) && !fetched.policy) {
            state.policy.reset();  // max_age has run out
        }
    }
    if (key.kind == verdict::Key::Kind::domain) {
        const bool by_policy_alone = decision.level == verdict::Level::secure &&
                                     decision.source == verdict::Source::sts && state.policy &&
                                     decision.match == decision_by_policy(key, *state.policy, now).match;
        state.answer_until = by_policy_alone ? decision.valid_until : TimePoint{};
    }
    kept->keep(domain, state);
    return fetched.policy.has_value();
}

void PolicyDaemon::Impl::count_failure(tlsrpt::ResultType type) {
    for (std::size_t i = 0; i < fetch_failure_types.size(); ++i) {
        if (fetch_failure_types[i] == type) {
            counters.fetch_failures_by_type[i].fetch_add(1, std::memory_order_relaxed);
        }
    }
}

void PolicyDaemon::Impl::note_change(const dns::Name& domain, const std::optional<mtasts::CachedPolicy>& before,
                                     const mtasts::Policy& after, TimePoint now) {
    if (enforced(before, now) && after.mode != mtasts::Mode::enforce) {
        log.warning(component, fmt::format("{}: its owner has changed the policy from enforce to {}", domain.text(),
                                           mtasts::to_string(after.mode)));
    } else if (!before || !(before->policy == after)) {
        log.info(component, fmt::format("{}: policy fetched, mode {}, max_age {}", domain.text(),
                                        mtasts::to_string(after.mode), after.max_age_s));
    }
}

// RFC 8461 §3.1, §6: what happens to the record ends no policy, but somebody ought to know of it. Counted each
// time, said once.
void PolicyDaemon::Impl::note_record(const dns::Name& domain, DomainState& state, const mtasts::TxtOutcome& txt,
                                     const verdict::Lookup<std::string>& lookup, TimePoint now) {
    const bool matters = mtasts::in_force(state.policy, now) && state.policy->policy.mode != mtasts::Mode::none;
    const mtasts::TxtState before = std::exchange(state.last_txt, txt.state);
    if (!matters || txt.state == mtasts::TxtState::usable) {
        return;
    }
    counters.record_failures.fetch_add(1, std::memory_order_relaxed);
    if (txt.state == before) {
        return;
    }
    std::string what = "its MTA-STS record has vanished";
    if (txt.state == mtasts::TxtState::invalid) {
        what = "its MTA-STS record is not valid any more";
    } else if (txt.state == mtasts::TxtState::lookup_failed) {
        what = "its MTA-STS record could not be looked up: " + printable(lookup.error, 200);
    }
    log.warning(component, fmt::format("{}: {}; the policy fetched before stays in force until {}", domain.text(), what,
                                       to_rfc3339(state.policy->expires())));
}

// RFC 8461 §10.2: policies in use are fetched daily whatever the id says. And what is of no use any more goes.
void PolicyDaemon::Impl::look_through_policies(std::size_t parts) {
    const TimePoint now = clock.now();
    kept->tidy(now);
    std::vector<dns::Name> due;
    std::vector<dns::Name> over;
    kept->glance_at_part(parts, [&](std::string_view text, DomainState& state) {
        const auto domain = [&] { return dns::Name::parse_ascii(text); };
        if (is_over(state, now)) {
            if (const auto name = domain(); name && !pending.contains(std::string(text))) {
                over.push_back(*name);
            }
            return;
        }
        if (!state.policy) {
            return;
        }
        if (refetch_due(text, *state.policy, state.failures, now)) {
            if (const auto name = domain()) {
                due.push_back(*name);
            }
        }
        if (mtasts::refresh_overdue(*state.policy, state.failures, now, settings.gather.cache) &&
            now >= state.overdue_warned + overdue_warning_interval) {
            state.overdue_warned = now;
            log.warning(component, fmt::format("{}: its policy could not be refreshed for long and ends at {}",
                                               printable(text, 300), to_rfc3339(state.policy->expires())));
        }
    });
    for (const dns::Name& domain : over) {
        kept->keep(domain, {});
    }
    for (const dns::Name& domain : due) {
        refetch(domain, now);
    }
}

// As if TXT did not answer: due by its age alone, and not held back after failures. Some time after the others, so that
// what was fetched in one minute is not for ever fetched in one minute.
bool PolicyDaemon::Impl::refetch_due(std::string_view domain, const mtasts::CachedPolicy& policy,
                                     const mtasts::FetchFailures& failures, TimePoint now) const {
    const mtasts::NextAction next =
        mtasts::next_action(policy, failures, {mtasts::TxtState::lookup_failed, ""}, now, settings.gather.cache);
    const auto refetch = mtasts::next_refetch(policy, now, settings.gather.cache);
    return next.kind == mtasts::NextAction::Kind::fetch && refetch && *refetch <= now - jitter(domain);
}

void PolicyDaemon::Impl::refetch(const dns::Name& domain, TimePoint now) {
    const verdict::Key key = verdict::parse_key(domain.text());
    if (overrides.decide(key, now)) {
        return;
    }
    if (!pending.contains(key.text())) {
        counters.daily_refreshes.fetch_add(1, std::memory_order_relaxed);
    }
    look_up_in_background(key, false);
}

// False when enough are waiting: each lookup under way keeps its policy in memory, of which there is little.
bool PolicyDaemon::Impl::refetch_evicted(const store::PolicyCache::Entry& entry) {
    const TimePoint now = clock.now();
    if (!entry.policy || !refetch_due(entry.domain.text(), *entry.policy, entry.failures, now)) {
        return true;
    }
    if (background_running >= settings.background_lookups_max) {
        return false;
    }
    refetch(entry.domain, now);
    return true;
}

// Nothing of it can matter any more: its policy has run out, or enforces nothing and has been unused for a month;
// its failed fetches hold nothing back. An enforced policy is kept until its max_age runs out (rule 9).
bool PolicyDaemon::Impl::is_over(const DomainState& state, TimePoint now) const {
    constexpr Seconds failures_matter_for{3600};
    if (state.failures.failed_at + failures_matter_for > now) {
        return false;
    }
    return !mtasts::in_force(state.policy, now) ||
           (state.policy->policy.mode != mtasts::Mode::enforce &&
            now > state.policy->last_used + settings.gather.cache.keep_refetching_for);
}

Seconds PolicyDaemon::Impl::jitter(std::string_view domain) const {
    const auto bound = static_cast<std::uint64_t>(settings.refetch_jitter.count());
    return Seconds(bound == 0 ? 0 : static_cast<std::int64_t>(jitter_hash(domain) % bound));
}

}  // namespace postseal::sender
