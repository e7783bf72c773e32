#include "hosting/fetch_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "net/address_prefix.h"

namespace postseal::hosting {

namespace {

constexpr std::string_view other_sender = "other";

std::string network_text(FetchLogSettings::Addresses how, const dns::IpAddress& peer) {
    constexpr unsigned v4_bits = 24;
    constexpr unsigned v6_bits = 48;
    switch (how) {
        case FetchLogSettings::Addresses::full:
            return peer.text();
        case FetchLogSettings::Addresses::network:
            return net::AddressPrefix::around(peer, peer.is_v4() ? v4_bits : v6_bits).text();
        case FetchLogSettings::Addresses::none:
            break;
    }
    return "";
}

struct Key {
    std::int64_t domain;
    std::int64_t version;
    Day day;
    std::string agent;
    std::string network;
    friend bool operator==(const Key&, const Key&) = default;
};
struct KeyHash {
    std::size_t operator()(const Key& key) const {
        std::size_t hash = std::hash<std::string>{}(key.agent);
        const auto mix = [&](std::size_t more) { hash = (hash ^ more) * 0x9e3779b97f4a7c15U + (hash >> 29U); };
        mix(std::hash<std::string>{}(key.network));
        mix(static_cast<std::size_t>(key.domain));
        mix(static_cast<std::size_t>(key.version));
        mix(static_cast<std::size_t>(key.day.time_since_epoch().count()));
        return hash;
    }
};
struct Count {
    std::int64_t fetches = 0;
    TimePoint first;
    TimePoint last;
};
using Counts = std::unordered_map<Key, Count, KeyHash>;

// Counts a version's senders of a day, so that forged names cannot fill memory and database.
struct Senders {
    Day day;
    std::map<std::pair<std::int64_t, std::int64_t>, std::set<std::pair<std::string, std::string>>> seen;
};

struct Lost {
    std::int64_t fetches = 0;
    TimePoint first;
    TimePoint last;
};

}  // namespace

struct FetchLog::Impl {
    Impl(FetchLogSettings its_settings, Target its_target, const Clock& its_clock, Log& its_log)
        : settings(std::move(its_settings)), target(std::move(its_target)), clock(its_clock), log(its_log) {
        span.node = settings.node;
        span.since = span.until = clock.now();
        writer = std::thread([this] { run(); });
    }

    void note(std::int64_t domain, std::int64_t version, std::string_view user_agent,
              const std::optional<dns::IpAddress>& peer) {
        const TimePoint now = clock.now();
        Key key{domain, version, std::chrono::floor<std::chrono::days>(now), sender_id(user_agent, peer),
                peer ? network_text(settings.addresses, *peer) : std::string()};
        const std::lock_guard lock(mutex);
        limit_senders(key);
        const auto known = counts.find(key);
        if (known == counts.end() && counts.size() >= settings.waiting_max) {
            ++counters.dropped;
            lost.first = lost.fetches == 0 ? now : std::min(lost.first, now);
            lost.last = lost.fetches == 0 ? now : std::max(lost.last, now);
            ++lost.fetches;
            return;
        }
        Count& count = known == counts.end() ? counts.try_emplace(std::move(key)).first->second : known->second;
        count.first = count.fetches == 0 ? now : std::min(count.first, now);
        count.last = count.fetches == 0 ? now : std::max(count.last, now);
        ++count.fetches;
        ++counters.fetches;
        counters.waiting = counts.size();
    }

    // Under the mutex.
    void limit_senders(Key& key) {
        if (senders.day != key.day) {
            senders = {key.day, {}};
        }
        auto& seen = senders.seen[{key.domain, key.version}];
        if (seen.size() >= settings.senders_per_day_max && !seen.contains({key.agent, key.network})) {
            key.agent = other_sender;
            key.network.clear();
        } else {
            seen.emplace(key.agent, key.network);
        }
    }

    void run() {
        flush(true);  // from here on the log is complete: the span's beginning is in the store
        std::unique_lock lock(mutex);
        while (!stopping) {
            wake.wait_for(lock, settings.flush_every, [this] { return stopping; });
            lock.unlock();
            flush(false);
            lock.lock();
        }
        lock.unlock();
        span.closed = true;
        flush(true);
    }

    // On the writer's thread.
    void flush(bool even_if_empty) {
        Counts taken;
        Lost gap;
        const TimePoint now = clock.now();
        {
            const std::lock_guard lock(mutex);
            if (counts.empty() && lost.fetches == 0 && !even_if_empty &&
                std::chrono::steady_clock::now() < next_heartbeat) {
                return;
            }
            taken = std::exchange(counts, {});
            gap = std::exchange(lost, {});
        }
        std::vector<store::FetchCount> rows;
        rows.reserve(taken.size());
        for (const auto& [key, count] : taken) {
            rows.push_back(
                {key.domain, key.version, key.agent, key.network, key.day, count.fetches, count.first, count.last});
        }
        std::vector<store::FetchGap> gaps;
        if (gap.fetches > 0) {
            gaps.push_back({settings.node, gap.first, gap.last, gap.fetches});
            log.warning("policy-host",
                        fmt::format("the fetch log has no room: {} fetches are missing in it", gap.fetches));
        }
        store::FetchSpan written = span;
        written.until = std::max(span.until, now);
        if (const auto added = target.add(rows, written, gaps); !added) {
            if (counters.flush_failures++ == 0 || !failing) {
                log.warning("policy-host", "fetch log: " + added.error().message() + "; it is tried again");
            }
            failing = true;
            take_back(std::move(taken), gap);
            return;
        }
        failing = false;
        span.until = written.until;
        next_heartbeat = std::chrono::steady_clock::now() + settings.heartbeat;
        {
            const std::lock_guard lock(mutex);
            counters.waiting = counts.size();
        }
        forget(std::chrono::floor<std::chrono::days>(now));
    }

    void take_back(Counts taken, const Lost& gap) {
        const std::lock_guard lock(mutex);
        std::swap(counts, taken);  // now `taken` is what came meanwhile
        for (auto& [key, count] : taken) {
            const auto [known, fresh] = counts.try_emplace(key, count);
            if (!fresh) {
                known->second.fetches += count.fetches;
                known->second.first = std::min(known->second.first, count.first);
                known->second.last = std::max(known->second.last, count.last);
            }
        }
        if (gap.fetches > 0) {
            lost.first = lost.fetches == 0 ? gap.first : std::min(lost.first, gap.first);
            lost.last = lost.fetches == 0 ? gap.last : std::max(lost.last, gap.last);
            lost.fetches += gap.fetches;
        }
        counters.waiting = counts.size();
    }

    void forget(Day today) {
        if (forgotten == today) {
            return;
        }
        const auto done = target.forget(today - std::chrono::days(settings.keep_days),
                                        today - std::chrono::days(settings.keep_addresses_days));
        if (done) {
            forgotten = today;
        } else if (!failing) {
            log.warning("policy-host", "fetch log: " + done.error().message());
        }
    }

    const FetchLogSettings settings;
    const Target target;
    const Clock& clock;
    Log& log;
    Counters counters;

    std::mutex mutex;
    std::condition_variable wake;
    bool stopping = false;  // under the mutex, as the next three
    Counts counts;
    Senders senders;
    Lost lost;

    // The writer's own.
    store::FetchSpan span;
    Day forgotten;
    bool failing = false;
    std::chrono::steady_clock::time_point next_heartbeat;
    std::thread writer;
};

FetchLog::Target FetchLog::to(store::FetchLogs& logs) {
    return {[&logs](const std::vector<store::FetchCount>& counts, const store::FetchSpan& span,
                    const std::vector<store::FetchGap>& gaps) { return logs.add(counts, span, gaps); },
            [&logs](Day counts_before, Day networks_before) -> Result<void> {
                auto erased = logs.erase_before(counts_before);
                return erased ? logs.forget_networks_before(networks_before) : erased;
            }};
}

FetchLog::FetchLog(FetchLogSettings settings, Target target, const Clock& clock, Log& log)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(target), clock, log)) {}

FetchLog::~FetchLog() {
    stop();
}

void FetchLog::note(std::int64_t domain, std::int64_t version, std::string_view user_agent,
                    const std::optional<dns::IpAddress>& peer) {
    if (user_agent != read_back_agent) {
        impl_->note(domain, version, user_agent, peer);
    }
}

void FetchLog::stop() {
    if (!impl_->writer.joinable()) {
        return;
    }
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->wake.notify_all();
    impl_->writer.join();
}

const FetchLog::Counters& FetchLog::counters() const {
    return impl_->counters;
}

// ---- What follows

bool FetchCoverage::covers(TimePoint from, TimePoint to) const {
    if (!since || from < *since || to > until) {
        return false;
    }
    return std::none_of(gaps.begin(), gaps.end(),
                        [&](const store::FetchGap& gap) { return gap.since <= to && gap.until >= from; });
}

FetchCoverage coverage_of(const std::vector<store::FetchSpan>& spans, std::vector<store::FetchGap> gaps) {
    FetchCoverage coverage;
    coverage.until = TimePoint::max();
    coverage.gaps = std::move(gaps);
    std::map<std::string, TimePoint> first;
    for (const store::FetchSpan& span : spans) {
        const auto [known, fresh] = first.try_emplace(span.node, span.since);
        if (!fresh) {
            known->second = std::min(known->second, span.since);
        }
        if (!span.closed) {
            coverage.until = std::min(coverage.until, span.until);
        }
    }
    // A node that came later may have served all the time, by a program that kept no log.
    for (const auto& [node, since] : first) {
        coverage.since = coverage.since ? std::max(*coverage.since, since) : since;
    }
    return coverage;
}

namespace {

using CountsOf = std::map<std::int64_t, std::vector<const store::FetchCount*>>;  // by version

CountsOf by_version(const std::vector<store::FetchCount>& counts) {
    CountsOf out;
    for (const store::FetchCount& count : counts) {
        out[count.version].push_back(&count);
    }
    return out;
}

// Who a row speaks of: a provider is one sender, a program one in each network.
std::pair<std::string, std::string> sender_of(const store::FetchCount& count) {
    const bool one = known_sender(count.agent).kind == SenderKind::provider;
    return {count.agent, one ? std::string() : count.network};
}

// The time in which a version that is no longer served was; until now for the one that is.
bool is_covered(const store::PolicyVersion& version, const FetchCoverage& coverage, TimePoint now) {
    const TimePoint to = version.last_served.value_or(now - coverage_lag);
    return coverage.covers(version.made, std::max(to, version.made));
}

std::vector<FetchSender> senders_of(const store::PolicyVersion& version,
                                    const std::vector<const store::FetchCount*>& counts) {
    constexpr std::size_t networks_max = 20;
    std::map<std::pair<std::string, std::string>, FetchSender> senders;
    for (const store::FetchCount* count : counts) {
        const auto [place, fresh] = senders.try_emplace(sender_of(*count));
        FetchSender& sender = place->second;
        sender.first = fresh ? count->first : std::min(sender.first, count->first);
        sender.last = fresh ? count->last : std::max(sender.last, count->last);
        sender.fetches += count->fetches;
        if (!count->network.empty() && sender.networks.size() < networks_max &&
            std::find(sender.networks.begin(), sender.networks.end(), count->network) == sender.networks.end()) {
            sender.networks.push_back(count->network);
        }
    }
    std::vector<FetchSender> out;
    for (auto& [who, sender] : senders) {
        sender.agent = who.first;
        const KnownSender known = known_sender(sender.agent);
        sender.name = known.name;
        sender.kind = known.kind;
        if (version.mode != mtasts::Mode::none) {
            sender.may_hold_until = sender.last + Seconds(version.max_age_s);
        }
        out.push_back(std::move(sender));
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const FetchSender& a, const FetchSender& b) { return a.last > b.last; });
    return out;
}

}  // namespace

std::vector<VersionFetches> fetches_by_version(const Versions& versions, const std::vector<store::FetchCount>& counts,
                                               const FetchCoverage& coverage, TimePoint now) {
    const CountsOf known = by_version(counts);
    std::vector<VersionFetches> out;
    for (std::size_t newer = versions.size(); newer > 0; --newer) {
        const store::PolicyVersion* version = &versions[newer - 1];
        VersionFetches one;
        one.version = version;
        if (const auto found = known.find(version->version); found != known.end()) {
            one.senders = senders_of(*version, found->second);
        }
        one.proven = is_covered(*version, coverage, now);
        if (version->mode != mtasts::Mode::none) {
            const Seconds max_age(version->max_age_s);
            if (!one.proven || !version->last_served) {
                one.held_until = version->last_served.value_or(now) + max_age;  // whoever asks now gets it
            } else if (!one.senders.empty()) {
                one.held_until = one.senders.front().last + max_age;
            }
        }
        out.push_back(std::move(one));
    }
    return out;
}

std::optional<std::int64_t> senders_enforcing(const Versions& versions, const std::vector<store::FetchCount>& counts,
                                              const FetchCoverage& coverage, TimePoint now) {
    const CountsOf known = by_version(counts);
    std::set<std::pair<std::string, std::string>> senders;
    for (const store::PolicyVersion& version : versions) {
        const Seconds max_age(version.max_age_s);
        if (version.mode != mtasts::Mode::enforce || (version.last_served && *version.last_served + max_age <= now)) {
            continue;
        }
        if (!is_covered(version, coverage, now)) {
            return std::nullopt;
        }
        const auto found = known.find(version.version);
        for (const store::FetchCount* count :
             found == known.end() ? std::vector<const store::FetchCount*>{} : found->second) {
            if (count->last + max_age > now && known_sender(count->agent).kind != SenderKind::checker) {
                senders.insert(sender_of(*count));
            }
        }
    }
    return static_cast<std::int64_t>(senders.size());
}

Result<FetchEvidence> fetch_evidence(store::FetchLogs& logs, std::int64_t domain) {
    POSTSEAL_TRY(auto counts, logs.of(domain));
    POSTSEAL_TRY(const auto spans, logs.spans());
    POSTSEAL_TRY(auto gaps, logs.gaps());
    return FetchEvidence{std::move(counts), coverage_of(spans, std::move(gaps))};
}

Versions as_held(const Versions& versions, const std::vector<store::FetchCount>& counts,
                 const FetchCoverage& coverage) {
    const CountsOf known = by_version(counts);
    Versions out;
    for (const store::PolicyVersion& version : versions) {
        if (!version.last_served || !coverage.covers(version.made, *version.last_served)) {
            out.push_back(version);
            continue;
        }
        const auto found = known.find(version.version);
        if (found == known.end()) {
            continue;
        }
        store::PolicyVersion held = version;
        TimePoint last{};
        for (const store::FetchCount* count : found->second) {
            last = std::max(last, count->last);
        }
        held.last_served = last;
        out.push_back(std::move(held));
    }
    return out;
}

}  // namespace postseal::hosting
