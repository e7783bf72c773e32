#include "mtasts/cache.h"

#include <algorithm>

namespace postseal::mtasts {

namespace {

constexpr Seconds hour{3600};

// How long after a successful fetch the next one is due.
Seconds refetch_interval(const CachedPolicy& cached, const CacheSettings& settings) {
    const Seconds half_life{cached.policy.max_age_s / 2};
    return std::max(std::min(settings.refetch_every, half_life), settings.fetch_backoff_min);
}

// RFC 8461 §3.3: five minutes between fetches for one id; and a ceiling over all ids, because whoever forges TXT
// answers can make up a new id each time.
std::optional<TimePoint> held_back_until(const FetchFailures& failures, const std::string& id, TimePoint now,
                                         const CacheSettings& settings) {
    std::optional<TimePoint> until;
    std::vector<TimePoint> within_hour;
    const auto hold = [&](const std::string& failed_id, TimePoint at) {
        // A failure from the future is a clock that was set back: it counts as one of now.
        at = std::min(at, now);
        if (failed_id == id && now < at + settings.fetch_backoff_min) {
            until = std::max(until.value_or(at), at + settings.fetch_backoff_min);
        }
    };
    for (const FailedFetch& failed : failures.recent) {
        hold(failed.id, failed.at);
        if (now < std::min(failed.at, now) + hour) {
            within_hour.push_back(std::min(failed.at, now));
        }
    }
    if (failures.failed_at != TimePoint{}) {
        hold(failures.failed_id, failures.failed_at);
    }
    if (within_hour.size() >= settings.failed_fetches_per_hour_max && !within_hour.empty()) {
        // The next slot opens when so many have aged out that one less than the maximum is left.
        std::sort(within_hour.begin(), within_hour.end());
        const TimePoint opens = within_hour[within_hour.size() - settings.failed_fetches_per_hour_max] + hour;
        until = std::max(until.value_or(opens), opens);
    }
    return until;
}

}  // namespace

bool in_force(const std::optional<CachedPolicy>& cached, TimePoint now) {
    return cached && now < cached->expires();
}

OnRequest on_request(const std::optional<CachedPolicy>& cached, TimePoint now, const CacheSettings& settings) {
    // RFC 8461 §5.1: a cached, unexpired policy comes first; only without one does the request wait for discovery.
    if (!in_force(cached, now)) {
        return OnRequest::look_up;
    }
    const Seconds ttl{cached->id_ttl_s};
    const Seconds wait = std::max(settings.id_recheck_min, std::min(ttl, settings.id_recheck_max));
    const bool fresh = cached->id_checked <= now && now < cached->id_checked + wait;
    return fresh ? OnRequest::answer : OnRequest::answer_and_recheck_id;
}

std::string id_for_fetch(const std::optional<CachedPolicy>& cached, const TxtOutcome& txt_before_fetch) {
    if (txt_before_fetch.state == TxtState::usable) {
        return txt_before_fetch.id;
    }
    return cached ? cached->id : std::string();
}

NextAction next_action(const std::optional<CachedPolicy>& cached, const FetchFailures& failures, const TxtOutcome& txt,
                       TimePoint now, const CacheSettings& settings) {
    using Kind = NextAction::Kind;
    const bool holds = in_force(cached, now);
    const Kind otherwise = holds ? Kind::keep : Kind::none;

    // RFC 8461 §3.1: ids are opaque, only equality counts. A new one is followed whatever the cached policy's mode or
    // max_age (§10.3): forging it gains an attacker nothing, since only a fetch with a valid certificate replaces it.
    bool wanted = txt.state == TxtState::usable && (!holds || txt.id != cached->id);
    if (holds && !wanted) {
        // RFC 8461 §10.2: refresh regardless of TXT. A policy of mode none whose record is gone for certain protects
        // nothing and may run out.
        const bool retired = cached->policy.mode == Mode::none && txt.state == TxtState::absent;
        const auto due = next_refetch(*cached, now, settings);
        wanted = !retired && due && *due <= now;
    }
    if (!wanted) {
        return {otherwise, std::nullopt};
    }
    if (const auto until = held_back_until(failures, id_for_fetch(cached, txt), now, settings)) {
        return {otherwise, until};
    }
    return {Kind::fetch, std::nullopt};
}

void record_failure(FetchFailures& failures, const std::string& id, TimePoint now) {
    failures.failed_id = id;
    failures.failed_at = now;
    std::erase_if(failures.recent, [&](const FailedFetch& failed) { return failed.at + hour <= now; });
    failures.recent.push_back({id, now});
}

std::optional<TimePoint> next_refetch(const CachedPolicy& cached, TimePoint now, const CacheSettings& settings) {
    if (now >= cached.expires() || now > cached.last_used + settings.keep_refetching_for) {
        return std::nullopt;
    }
    if (cached.fetched > now) {
        return now;  // the clock has been set back: who knows how old it is
    }
    const TimePoint due = cached.fetched + refetch_interval(cached, settings);
    if (due >= cached.expires()) {
        return std::nullopt;  // too short-lived to be kept fresh: the next request after its end waits for a fetch
    }
    const bool short_lived = Seconds(cached.policy.max_age_s) < 2 * settings.refetch_every;
    if (short_lived && cached.last_used <= cached.fetched) {
        return std::nullopt;
    }
    return due;
}

bool refresh_overdue(const CachedPolicy& cached, const FetchFailures& failures, TimePoint now,
                     const CacheSettings& settings) {
    if (cached.policy.mode == Mode::none || now >= cached.expires() || failures.failed_at <= cached.fetched) {
        return false;
    }
    // Three refetches, or for a short-lived policy the last quarter of its life.
    const Seconds missed = std::min(3 * settings.refetch_every, Seconds(cached.policy.max_age_s) * 3 / 4);
    return now >= cached.fetched + missed;
}

}  // namespace postseal::mtasts
