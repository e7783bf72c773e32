#include "sender/policy_daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/text.h"
#include "verdict/sts.h"

namespace postseal::sender {

namespace {

constexpr std::size_t key_bytes_max =
    1000;  // no domain name is longer; a path of a socket is cut, and answers NOTFOUND
constexpr Seconds overdue_warning_interval{86'400};
constexpr std::string_view component = "policyd";
constexpr std::array fetch_failure_types = {tlsrpt::ResultType::sts_policy_fetch_error,
                                            tlsrpt::ResultType::sts_policy_invalid,
                                            tlsrpt::ResultType::sts_webpki_invalid};

}  // namespace

std::string_view fetch_failure_type(std::size_t i) {
    return tlsrpt::to_string(fetch_failure_types.at(i));
}

struct PolicyDaemon::Impl : SenderParts, std::enable_shared_from_this<PolicyDaemon::Impl> {
    using Waiter = std::function<void(std::shared_ptr<const Answer>)>;

    // What is remembered of one policy domain; the store has the same.
    struct DomainState {
        std::optional<mtasts::CachedPolicy> policy;
        mtasts::FetchFailures failures;
        TimePoint overdue_warned;  // when the operator was last told that it cannot be refreshed
        mtasts::TxtState last_txt = mtasts::TxtState::usable;  // what was last said of its record in the log
    };
    // One lookup under way and who waits for it. A background refresh has no waiters.
    struct Pending {
        std::shared_ptr<const lookup::Gathering> gathering;
        std::vector<Waiter> waiters;
        std::function<void(std::shared_ptr<const Answer>, const verdict::PolicyFetch&)> refreshed;  // of refresh_now()
        verdict::PolicyFetch fetch;                                                                 // for it
        net::Timer timer;
        std::chrono::steady_clock::time_point asked_at;  // when the first waiter came
        bool asked = false;                   // an MTA asked for it; a refetch of our own is no use of the policy
        std::shared_ptr<const Answer> early;  // decided while the policy host is still being waited for
    };
    // What is on its way to the store: the newest state of each domain (nothing: to be forgotten), and what to do when
    // it is there.
    struct Unsaved {
        std::unordered_map<dns::Name, std::optional<store::PolicyCache::Entry>> entries;
        std::vector<std::function<void()>> then;
    };

    Impl(const SenderParts& parts, PolicyDaemonSettings its_settings)
        : SenderParts(parts), settings(std::move(its_settings)) {}

    Result<void> load() {
        POSTSEAL_TRY(auto entries, store.policy_cache.all());
        for (auto& entry : entries) {
            DomainState& state = domains[entry.domain];
            state.policy = std::move(entry.policy);
            state.failures = std::move(entry.failures);
        }
        POSTSEAL_TRY(const auto stored, store.added_overrides.all());
        std::vector<verdict::Override> entries_added;
        for (const store::AddedOverride& entry : stored) {
            entries_added.push_back({entry.domain, entry.level, entry.match});
        }
        POSTSEAL_TRY(added, verdict::Overrides::make(entries_added));
        merge_overrides();
        return {};
    }

    // Rule 14: the file that the operator keeps comes before what was added at run time.
    void merge_overrides() {
        overrides = settings.overrides;
        overrides.append(added);
    }

    void count(const verdict::Decision& decision) {
        counters.decisions[static_cast<std::size_t>(decision.level)][static_cast<std::size_t>(decision.source)]
            .fetch_add(1, std::memory_order_relaxed);
    }

    void start() {
        refetch_timer = loop.every(settings.refetch_scan, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->refetch_due();
            }
        });
    }

    std::shared_ptr<const Answer> known(std::string_view text) {
        counters.requests.fetch_add(1, std::memory_order_relaxed);
        const TimePoint now = clock.now();
        // Postfix sends lower-case A-labels: the text itself is then the key, and nothing needs to be parsed.
        if (auto answer = usable(text, now)) {
            return answer;
        }
        const verdict::Key key = verdict::parse_key(text.substr(0, key_bytes_max));
        if (!key.can_have_policy()) {
            counters.hits.fetch_add(1, std::memory_order_relaxed);
            return no_policy;
        }
        const std::string canonical = key.text();
        return canonical == text ? nullptr : usable(canonical, now);
    }

    std::shared_ptr<const Answer> usable(std::string_view text, TimePoint now) {
        auto answer = answers.find(text);
        if (!answer) {
            return nullptr;
        }
        switch (freshness(*answer, now)) {
            case Freshness::fresh:
                counters.hits.fetch_add(1, std::memory_order_relaxed);
                return answer;
            case Freshness::stale:
                counters.stale_hits.fetch_add(1, std::memory_order_relaxed);
                loop.post([weak = weak_from_this(), key = std::string(text)] {
                    if (const auto self = weak.lock()) {
                        self->refresh(verdict::parse_key(key));
                    }
                });
                return answer;
            case Freshness::unusable:
                return nullptr;
        }
        return nullptr;
    }

    // On the loop from here on.

    void ask(const std::string& text, Waiter done) {
        const verdict::Key key = verdict::parse_key(text.substr(0, key_bytes_max));
        if (!key.can_have_policy()) {
            done(no_policy);
            return;
        }
        const TimePoint now = clock.now();
        // Rule 14: before any lookup.
        if (auto decision = overrides.decide(key, now)) {
            count(*decision);
            auto answer = make_answer(std::move(*decision), now, settings.reply);
            remember(key.text(), answer);
            done(answer);
            return;
        }
        // It may have become known while this request was on its way to the loop.
        if (auto answer = usable(key.text(), now)) {
            done(answer);
            return;
        }
        counters.misses.fetch_add(1, std::memory_order_relaxed);
        Pending& entry = look_up(key);
        entry.asked = true;
        if (entry.early && freshness(*entry.early, now) != Freshness::unusable) {
            done(entry.early);
            return;
        }
        entry.waiters.push_back(std::move(done));
        if (!entry.timer.active()) {
            entry.asked_at = std::chrono::steady_clock::now();
            entry.timer = loop.after(settings.first_lookup_timeout, [weak = weak_from_this(), key] {
                if (const auto self = weak.lock()) {
                    self->give_up_waiting(key);
                }
            });
        }
    }

    void refresh(const verdict::Key& key) {
        if (overrides.decide(key, clock.now())) {
            answers.erase(key.text());  // the next request decides by the override
            return;
        }
        if (!pending.contains(key.text())) {
            counters.stale_refreshes.fetch_add(1, std::memory_order_relaxed);
        }
        look_up(key).asked = true;
    }

    Pending& look_up(const verdict::Key& key,
                     lookup::GatherRequest::Fetch fetch = lookup::GatherRequest::Fetch::by_cache_rules) {
        const std::string text = key.text();
        if (const auto found = pending.find(text); found != pending.end()) {
            return found->second;
        }
        lookup::GatherRequest request;
        request.key = key;
        request.fetch = fetch;
        if (const auto state = domains.find(key.name); state != domains.end()) {
            request.cached = state->second.policy;
            request.fetch_failures = state->second.failures;
        }
        if (policy_in_force(key.name, clock.now())) {
            request.all_but_fetch = [weak = weak_from_this(), key] {
                if (const auto self = weak.lock()) {
                    self->answer_early(key);
                }
            };
        }
        Pending& entry = pending[text];
        entry.gathering = lookup::gather(loop, resolver, https, clock, settings.gather, std::move(request),
                                         [weak = weak_from_this(), key](const verdict::Evidence& evidence) {
                                             if (const auto self = weak.lock()) {
                                                 self->finish(key, evidence);
                                             }
                                         });
        return entry;
    }

    // An enforced policy holds whatever the policy host says: a slow or dead one delays nobody (rules 9, 10).
    void answer_early(const verdict::Key& key) {
        const auto found = pending.find(key.text());
        if (found == pending.end()) {
            return;
        }
        Pending& entry = found->second;
        const TimePoint now = clock.now();
        verdict::Decision decision = verdict::decide(entry.gathering->so_far(), settings.decision, now);
        if (decision.level == verdict::Level::none || decision.level == verdict::Level::temp) {
            return;  // a negative answer waits for the lookup
        }
        entry.early = make_answer(std::move(decision), now, settings.reply);
        entry.timer.cancel();
        for (const Waiter& waiter : std::exchange(entry.waiters, {})) {
            waiter(entry.early);
        }
    }

    // Rule 10: the lookup goes on, but nobody waits for it any longer. What DNS has not said by now counts as failed
    // (rule 11, RFC 7672 §2.1.2): who delays or swallows answers about MX hosts must not gain what a SERVFAIL would not
    // give him. Only the policy may be missing.
    void give_up_waiting(const verdict::Key& key) {
        const auto found = pending.find(key.text());
        if (found == pending.end()) {
            return;
        }
        counters.lookup_timeouts.fetch_add(1, std::memory_order_relaxed);
        const TimePoint now = clock.now();
        const auto answer = make_answer(verdict::decide(found->second.gathering->so_far(), settings.decision, now), now,
                                        settings.reply);
        log.warning(component,
                    fmt::format("{}: not decided within {} ms: {}", key.text(), settings.first_lookup_timeout.count(),
                                verdict::to_string(answer->decision.level)));
        for (const Waiter& waiter : std::exchange(found->second.waiters, {})) {
            waiter(answer);
        }
    }

    [[nodiscard]] bool policy_in_force(const dns::Name& domain, TimePoint now) const {
        const auto state = domains.find(domain);
        return state != domains.end() && mtasts::in_force(state->second.policy, now) &&
               state->second.policy->policy.mode == mtasts::Mode::enforce;
    }

    void finish(const verdict::Key& key, const verdict::Evidence& evidence) {
        const TimePoint now = clock.now();
        // Decide by the evidence as it was gathered, then remember what the fetch brought. An override may have come
        // meanwhile, or a fetch by hand have gone on in spite of one (rule 14).
        auto decision = overrides.decide(key, now);
        if (!decision) {
            decision = verdict::decide(evidence, settings.decision, now);
        }
        count(*decision);
        auto answer = make_answer(std::move(*decision), now, settings.reply);
        const auto found = pending.find(key.text());
        const bool asked = found != pending.end() && found->second.asked;
        if (found != pending.end() && found->second.refreshed) {
            found->second.fetch = evidence.fetch;
        }
        if (asked && settings.looked_up) {
            settings.looked_up(evidence);
        }
        if (!learn(key.name, evidence, now, asked)) {
            give(key, answer);
            return;
        }
        // A policy that has come is in the store before anybody hears of it: who loses the power now and then meets a
        // forged record must still hold it (rule 9).
        unsaved.then.emplace_back([weak = weak_from_this(), key, answer] {
            if (const auto self = weak.lock()) {
                self->give(key, answer);
            }
        });
    }

    void give(const verdict::Key& key, const std::shared_ptr<const Answer>& answer) {
        remember(key.text(), answer);
        auto node = pending.extract(key.text());
        if (node.empty()) {
            return;
        }
        if (node.mapped().asked_at != std::chrono::steady_clock::time_point()) {
            counters.lookup_time.observe(std::chrono::steady_clock::now() - node.mapped().asked_at);
        }
        for (const Waiter& waiter : node.mapped().waiters) {
            waiter(answer);
        }
        if (node.mapped().refreshed) {
            node.mapped().refreshed(answer, node.mapped().fetch);
        }
    }

    void remember(const std::string& key, std::shared_ptr<const Answer> answer) {
        if (answers.size() >= settings.answers_max) {
            log.warning(component, "the map of answers is full and starts afresh");
            answers.clear();
        }
        answers.put(key, std::move(answer));
    }

    // The cache of policies after a gathering: rule 9, RFC 8461 §3.3. True when a policy was fetched: it is being
    // saved.
    bool learn(const dns::Name& domain, const verdict::Evidence& evidence, TimePoint now, bool asked) {
        const mtasts::TxtOutcome txt = verdict::txt_outcome(evidence.sts_txt);
        const verdict::FetchJudgement fetched = verdict::judge_fetch(evidence.fetch);
        const auto found = domains.find(domain);
        if (!fetched.policy && !fetched.failure && found == domains.end()) {
            return false;  // nothing is known and nothing was learnt
        }
        DomainState state = found == domains.end() ? DomainState{} : found->second;
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
            log.warning(component,
                        fmt::format("{}: {}: {}; {}", domain.text(), tlsrpt::to_string(*fetched.failure),
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
        keep(domain, std::move(state));
        return fetched.policy.has_value();
    }

    void count_failure(tlsrpt::ResultType type) {
        for (std::size_t i = 0; i < fetch_failure_types.size(); ++i) {
            if (fetch_failure_types[i] == type) {
                counters.fetch_failures_by_type[i].fetch_add(1, std::memory_order_relaxed);
            }
        }
    }

    void note_change(const dns::Name& domain, const std::optional<mtasts::CachedPolicy>& before,
                     const mtasts::Policy& after, TimePoint now) {
        const bool enforced = mtasts::in_force(before, now) && before->policy.mode == mtasts::Mode::enforce;
        if (enforced && after.mode != mtasts::Mode::enforce) {
            log.warning(component, fmt::format("{}: its owner has changed the policy from enforce to {}", domain.text(),
                                               mtasts::to_string(after.mode)));
        } else if (!before || !(before->policy == after)) {
            log.info(component, fmt::format("{}: policy fetched, mode {}, max_age {}", domain.text(),
                                            mtasts::to_string(after.mode), after.max_age_s));
        }
    }

    // RFC 8461 §3.1, §6: what happens to the record ends no policy, but somebody ought to know of it. Counted each
    // time, said once.
    void note_record(const dns::Name& domain, DomainState& state, const mtasts::TxtOutcome& txt,
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
        log.warning(component, fmt::format("{}: {}; the policy fetched before stays in force until {}", domain.text(),
                                           what, to_rfc3339(state.policy->expires())));
    }

    void keep(const dns::Name& domain, DomainState state) {
        const bool empty = !state.policy && state.failures == mtasts::FetchFailures{};
        auto& entry = unsaved.entries[domain];
        if (empty) {
            entry.reset();
            domains.erase(domain);
        } else {
            entry = store::PolicyCache::Entry{domain, state.policy, state.failures};
            domains[domain] = std::move(state);
        }
        if (!saving) {
            saving = true;
            // Posted, so that what belongs to this change is part of the same batch.
            loop.post([weak = weak_from_this()] {
                if (const auto self = weak.lock()) {
                    self->save();
                }
            });
        }
    }

    // One batch after another: the pool's threads would otherwise write an older state over a newer one.
    void save() {
        if (unsaved.entries.empty()) {
            saving = false;
            return;
        }
        const auto batch = std::make_shared<Unsaved>(std::exchange(unsaved, {}));
        work.run([this_store = &store, this_log = &log, batch] { write(*batch, *this_store, *this_log); }, loop,
                 [weak = weak_from_this(), batch] {
                     const auto self = weak.lock();
                     if (!self) {
                         return;
                     }
                     for (const auto& then : batch->then) {
                         then();
                     }
                     self->save();
                 });
    }

    static void write(const Unsaved& batch, store::Store& store, Log& log) {
        const Result<void> saved = store.transaction([&]() -> Result<void> {
            for (const auto& [domain, entry] : batch.entries) {
                Result<void> kept = entry ? store.policy_cache.put(*entry) : store.policy_cache.erase(domain);
                if (!kept) {
                    return kept;
                }
            }
            return {};
        });
        if (!saved) {
            log.error(component,
                      fmt::format("{} policies, of {} and others, are only in memory: {}", batch.entries.size(),
                                  batch.entries.begin()->first.text(), saved.error().message()));
        }
    }

    // RFC 8461 §10.2: policies in use are fetched daily whatever the id says.
    void refetch_due() {
        const TimePoint now = clock.now();
        std::vector<dns::Name> due;
        for (auto& [domain, state] : domains) {
            if (!state.policy) {
                continue;
            }
            // As if TXT did not answer: due by its age alone, and not held back after failures.
            const mtasts::NextAction next = mtasts::next_action(
                state.policy, state.failures, {mtasts::TxtState::lookup_failed, ""}, now, settings.gather.cache);
            if (next.kind == mtasts::NextAction::Kind::fetch) {
                due.push_back(domain);
            }
            if (mtasts::refresh_overdue(*state.policy, state.failures, now, settings.gather.cache) &&
                now >= state.overdue_warned + overdue_warning_interval) {
                state.overdue_warned = now;
                log.warning(component, fmt::format("{}: its policy could not be refreshed for long and ends at {}",
                                                   domain.text(), to_rfc3339(state.policy->expires())));
            }
        }
        for (const dns::Name& domain : due) {
            const verdict::Key key = verdict::parse_key(domain.text());
            if (!overrides.decide(key, now)) {
                if (!pending.contains(key.text())) {
                    counters.daily_refreshes.fetch_add(1, std::memory_order_relaxed);
                }
                look_up(key);
            }
        }
    }

    void explain(const std::string& text, std::function<void(Explanation)> done) {
        const verdict::Key key = verdict::parse_key(text);
        if (!key.can_have_policy()) {
            done(explain_no_policy(text));
            return;
        }
        const TimePoint now = clock.now();
        const auto answer = answers.find(key.text());
        const auto state = answer ? freshness(*answer, now) : Freshness::unusable;
        std::string word = "miss";
        if (state != Freshness::unusable) {
            word = state == Freshness::fresh ? "hit" : "stale";
        }
        ask(text,
            [self = shared_from_this(), key, word, done = std::move(done)](std::shared_ptr<const Answer> decided) {
                Explanation out{key.text(), std::move(decided), word, std::nullopt, std::nullopt, self->dnssec_said()};
                if (const auto found = self->domains.find(key.name); found != self->domains.end()) {
                    out.cached = found->second.policy;
                    if (out.cached) {
                        out.next_refresh =
                            mtasts::next_refetch(*out.cached, self->clock.now(), self->settings.gather.cache);
                    }
                }
                done(std::move(out));
            });
    }

    [[nodiscard]] CacheEntry entry_of(const dns::Name& domain) const {
        CacheEntry entry{domain, std::nullopt, {}, std::nullopt};
        if (const auto found = domains.find(domain); found != domains.end()) {
            entry.policy = found->second.policy;
            entry.failures = found->second.failures;
        }
        if (entry.policy) {
            entry.next_refresh = mtasts::next_refetch(*entry.policy, clock.now(), settings.gather.cache);
        }
        return entry;
    }

    // RFC 8461 §3.3: by hand the five minutes are not waited for, but no policy host gets more than its ten an hour.
    [[nodiscard]] bool may_fetch_by_hand(const dns::Name& domain, TimePoint now) const {
        const auto found = domains.find(domain);
        if (found == domains.end()) {
            return true;
        }
        constexpr Seconds hour{3600};
        const auto recent = std::ranges::count_if(
            found->second.failures.recent, [&](const mtasts::FailedFetch& failed) { return failed.at + hour > now; });
        return static_cast<std::size_t>(recent) < settings.gather.cache.failed_fetches_per_hour_max;
    }

    void refresh_now(const verdict::Key& key, std::function<void(Refreshed)> done) {
        const auto again = [weak = weak_from_this(), key, done] {
            if (const auto self = weak.lock()) {
                self->refresh_now(key, done);
            }
        };
        // A lookup that began before this one was asked for may not have fetched anything: it is waited for.
        if (const auto found = pending.find(key.text()); found != pending.end()) {
            found->second.waiters.emplace_back([again](const std::shared_ptr<const Answer>&) { again(); });
            return;
        }
        const auto fetch = may_fetch_by_hand(key.name, clock.now()) ? lookup::GatherRequest::Fetch::now
                                                                    : lookup::GatherRequest::Fetch::by_cache_rules;
        counters.hand_refreshes.fetch_add(1, std::memory_order_relaxed);
        look_up(key, fetch).refreshed = [weak = weak_from_this(), key, done = std::move(done)](
                                            std::shared_ptr<const Answer> answer, const verdict::PolicyFetch& came) {
            if (const auto self = weak.lock()) {
                const CacheEntry entry = self->entry_of(key.name);
                done({{key.text(), std::move(answer), "miss", entry.policy, entry.next_refresh, self->dnssec_said()},
                      came,
                      entry});
            }
        };
    }

    // Without asking anybody: what rule 11 says while DNS does not answer.
    [[nodiscard]] std::shared_ptr<const Answer> answer_from_cache(const dns::Name& domain,
                                                                  const mtasts::CachedPolicy& policy,
                                                                  TimePoint now) const {
        verdict::Evidence evidence;
        evidence.key = verdict::parse_key(domain.text());
        evidence.gathered = now;
        evidence.cached = policy;
        evidence.sts_txt.answer = verdict::Answer::failed;
        evidence.mx.answer = verdict::Answer::failed;
        auto decision = overrides.decide(evidence.key, now);
        if (!decision) {
            decision = verdict::decide(evidence, settings.decision, now);
        }
        return make_answer(std::move(*decision), now, settings.reply);
    }

    [[nodiscard]] std::map<std::string, std::shared_ptr<const Answer>> exported() const {
        const TimePoint now = clock.now();
        std::map<std::string, std::shared_ptr<const Answer>> out;
        for (const auto& [domain, state] : domains) {
            if (policy_in_force(domain, now)) {
                out.emplace(domain.text(), answer_from_cache(domain, *state.policy, now));
            }
        }
        for (auto& [key, answer] : answers.all()) {
            if (freshness(*answer, now) != Freshness::unusable) {
                out.insert_or_assign(key, std::move(answer));
            }
        }
        std::erase_if(out, [](const auto& entry) {
            const verdict::Level level = entry.second->decision.level;
            return level == verdict::Level::none || level == verdict::Level::temp;
        });
        return out;
    }

    [[nodiscard]] std::string dnssec_said() const {
        return dnssec_problem.with([](const std::string& problem) { return problem; });
    }

    PolicyDaemonSettings settings;
    verdict::Overrides added;      // at run time; the store has them too
    verdict::Overrides overrides;  // settings.overrides and then `added`
    Guarded<std::string> dnssec_problem;
    PolicyDaemonCounters counters;
    Answers answers;
    std::unordered_map<dns::Name, DomainState> domains;
    std::unordered_map<std::string, Pending> pending;
    Unsaved unsaved;
    bool saving = false;  // a batch is under way, and save() will be called after it
    net::Timer refetch_timer;
    std::shared_ptr<const Answer> no_policy = make_answer({}, TimePoint{}, {});
};

Result<std::unique_ptr<PolicyDaemon>> PolicyDaemon::make(const SenderParts& parts, PolicyDaemonSettings settings) {
    auto impl = std::make_shared<Impl>(parts, std::move(settings));
    if (auto loaded = impl->load(); !loaded) {
        return loaded.error();
    }
    parts.loop.post([impl] { impl->start(); });
    return std::unique_ptr<PolicyDaemon>(new PolicyDaemon(std::move(impl)));
}

PolicyDaemon::~PolicyDaemon() = default;

std::shared_ptr<const Answer> PolicyDaemon::known(std::string_view key) {
    return impl_->known(key);
}

void PolicyDaemon::ask(std::string_view key, std::function<void(std::shared_ptr<const Answer>)> done) {
    impl_->loop.post([impl = impl_, text = std::string(key), done = std::move(done)] { impl->ask(text, done); });
}

void PolicyDaemon::explain(std::string_view key, std::function<void(Explanation)> done) {
    impl_->loop.post([impl = impl_, text = std::string(key), done = std::move(done)] { impl->explain(text, done); });
}

PolicyDaemon::Explanation PolicyDaemon::explain_no_policy(std::string_view key) {
    verdict::Evidence evidence;
    evidence.key = verdict::parse_key(key.substr(0, key_bytes_max));
    // The key has no text of its own: what was asked is shown.
    return {printable(key, 200), make_answer(verdict::decide(evidence, {}, {}), {}, {}), "miss", {}, {}, {}};
}

void PolicyDaemon::cache_entries(std::function<void(std::vector<CacheEntry>)> done) {
    impl_->loop.post([impl = impl_, done = std::move(done)] {
        std::vector<CacheEntry> out;
        out.reserve(impl->domains.size());
        for (const auto& [domain, state] : impl->domains) {
            out.push_back(impl->entry_of(domain));
        }
        done(std::move(out));
    });
}

void PolicyDaemon::purge(const dns::Name& domain, std::function<void(bool)> done) {
    impl_->loop.post([impl = impl_, domain, done = std::move(done)] {
        const bool answered = impl->answers.erase_containing(domain.text()) > 0;
        const bool found = impl->domains.contains(domain);
        if (found) {
            impl->keep(domain, {});
        }
        done(found || answered);
    });
}

void PolicyDaemon::purge_all(std::function<void(std::size_t)> done) {
    impl_->loop.post([impl = impl_, done = std::move(done)] {
        std::vector<dns::Name> all;
        for (const auto& [domain, state] : impl->domains) {
            all.push_back(domain);
        }
        for (const dns::Name& domain : all) {
            impl->keep(domain, {});
        }
        impl->answers.clear();
        done(all.size());
    });
}

void PolicyDaemon::refresh(const dns::Name& domain, std::function<void(Refreshed)> done) {
    impl_->loop.post([impl = impl_, key = verdict::parse_key(domain.text()), done = std::move(done)] {
        impl->refresh_now(key, done);
    });
}

void PolicyDaemon::export_answers(std::function<void(std::map<std::string, std::shared_ptr<const Answer>>)> done) {
    impl_->loop.post([impl = impl_, done = std::move(done)] { done(impl->exported()); });
}

void PolicyDaemon::reconfigure(PolicyDaemonSettings settings) {
    impl_->settings = std::move(settings);
    impl_->merge_overrides();
    impl_->answers.clear();
    for (auto& [key, entry] : impl_->pending) {
        entry.early.reset();
    }
}

void PolicyDaemon::configured_overrides(std::function<void(std::vector<verdict::Override>)> done) {
    impl_->loop.post([impl = impl_, done = std::move(done)] { done(impl->settings.overrides.list()); });
}

void PolicyDaemon::set_added_overrides(verdict::Overrides added, const dns::Name& touched, std::function<void()> done) {
    impl_->loop.post([impl = impl_, added = std::move(added), touched, done = std::move(done)] {
        impl->added = added;
        impl->merge_overrides();
        impl->answers.erase_containing(touched.text());
        done();
    });
}

void PolicyDaemon::set_dnssec_problem(std::string problem) {
    impl_->dnssec_problem.with([&](std::string& kept) { kept = std::move(problem); });
}

PolicyDaemon::Sizes PolicyDaemon::sizes() const {
    Sizes out;
    for (const auto& [domain, state] : impl_->domains) {
        if (state.policy) {
            ++out.policies[static_cast<std::size_t>(state.policy->policy.mode)];
        }
    }
    out.lookups_running = impl_->pending.size();
    return out;
}

const PolicyDaemonCounters& PolicyDaemon::counters() const {
    return impl_->counters;
}

void PolicyDaemon::time_hit(std::chrono::steady_clock::duration time) {
    impl_->counters.hit_time.observe(time);
}

std::size_t PolicyDaemon::answer_count() const {
    return impl_->answers.size();
}

}  // namespace postseal::sender
