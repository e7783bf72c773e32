#include "sender/policy_daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/text.h"
#include "sender/kept_policies.h"
#include "verdict/sts.h"

namespace postseal::sender {

namespace {

constexpr std::size_t key_bytes_max =
    1000;  // no domain name is longer; a path of a socket is cut, and answers NOTFOUND
constexpr Seconds overdue_warning_interval{86'400};
constexpr std::chrono::milliseconds sweep_interval{
    60'000};  // in which all answers are looked at for those that are over
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
    using Positive = std::vector<std::pair<std::string, std::shared_ptr<const Answer>>>;  // Answers::page()

    // One lookup under way and who waits for it. A background refresh has no waiters.
    struct Pending {
        std::shared_ptr<const lookup::Gathering> gathering;
        std::vector<Waiter> waiters;
        std::function<void(std::shared_ptr<const Answer>, const verdict::PolicyFetch&)> refreshed;  // of refresh_now()
        verdict::PolicyFetch fetch;                                                                 // for it
        net::Timer timer;
        std::chrono::steady_clock::time_point asked_at;  // when the first waiter came
        bool asked = false;                   // an MTA asked for it; a refetch of our own is no use of the policy
        bool background = false;              // begun by look_up_in_background()
        std::shared_ptr<const Answer> early;  // decided while the policy host is still being waited for
    };

    Impl(const SenderParts& parts, PolicyDaemonSettings its_settings)
        : SenderParts(parts),
          settings(std::move(its_settings)),
          kept(std::make_shared<KeptPolicies>(parts, settings.cache_bytes_max)) {
        answers.limit(settings.cache_bytes_max);
    }

    Result<void> load() {
        auto loaded =
            kept->load({[this](const dns::Name& domain) { return looked_up.contains(domain); },
                        [this](const dns::Name& domain) { forget_answers_of(domain); }, [this] { answers.clear(); }});
        if (!loaded) {
            return loaded;
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

    // Another process may change policies at any rate: not all answers are looked through for one. Those for a port of
    // its own run out by themselves.
    void forget_answers_of(const dns::Name& domain) {
        answers.erase(domain.text());
        answers.erase("[" + domain.text() + "]");
    }

    // KeptPolicies::recall() for as long as the daemon lives.
    void recall(const dns::Name& domain, std::function<void(Impl&, const std::optional<Error>&)> then) {
        kept->recall(domain, [weak = weak_from_this(), then = std::move(then)](const std::optional<Error>& failed) {
            if (const auto self = weak.lock()) {
                then(*self, failed);
            }
        });
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
        sweep_timer = loop.every(sweep_interval / Answers::parts, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->answers.sweep(self->clock.now());
            }
        });
        // A part of the policies each second, all of them in a whole round: no pause, no burst.
        const auto parts = std::clamp<std::int64_t>(settings.refetch_scan / std::chrono::seconds(1), 1, 3600);
        refetch_timer = loop.every(settings.refetch_scan / parts,
                                   [weak = weak_from_this(), parts = static_cast<std::size_t>(parts)] {
                                       if (const auto self = weak.lock()) {
                                           self->look_through_policies(parts);
                                       }
                                   });
    }

    bool reply(std::string_view text, Form form, TimePoint now, std::string& out) {
        counters.requests.add();
        // Postfix sends lower-case A-labels: the text itself is then the key, and nothing needs to be parsed.
        if (usable_reply(text, form, now, out)) {
            return true;
        }
        const verdict::Key key = verdict::parse_key(text.substr(0, key_bytes_max));
        if (!key.can_have_policy()) {
            counters.hits.add();
            out += no_policy->in(form);
            return true;
        }
        const std::string canonical = key.text();
        return canonical != text && usable_reply(canonical, form, now, out);
    }

    bool usable_reply(std::string_view text, Form form, TimePoint now, std::string& out) {
        return note_hit(text, answers.reply(text, form, now, out));
    }

    bool note_hit(std::string_view text, Answers::Hit hit) {
        if (hit.freshness == Freshness::unusable) {
            return false;
        }
        (hit.freshness == Freshness::fresh ? counters.hits : counters.stale_hits).add();
        if (hit.refresh) {
            loop.post([weak = weak_from_this(), key = std::string(text)] {
                if (const auto self = weak.lock()) {
                    self->refresh(verdict::parse_key(key));
                }
            });
        }
        return true;
    }

    std::shared_ptr<const Answer> known(std::string_view text) {
        counters.requests.add();
        const TimePoint now = clock.now();
        if (auto answer = usable(text, now)) {
            return answer;
        }
        const verdict::Key key = verdict::parse_key(text.substr(0, key_bytes_max));
        if (!key.can_have_policy()) {
            counters.hits.add();
            return no_policy;
        }
        const std::string canonical = key.text();
        return canonical == text ? nullptr : usable(canonical, now);
    }

    std::shared_ptr<const Answer> usable(std::string_view text, TimePoint now) {
        std::string reply;
        return usable_reply(text, Form::plain, now, reply) ? answers.find(text) : nullptr;
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
        recall(key.name, [key, done = std::move(done)](Impl& self, const std::optional<Error>& failed) {
            if (failed) {
                done(self.cannot_recall(key, *failed));
            } else {
                self.ask_recalled(key, done);
            }
        });
    }

    // An enforced policy may be in the store: until that is known no letter goes out (rule 9).
    [[nodiscard]] std::shared_ptr<const Answer> cannot_recall(const verdict::Key& key, const Error& error) const {
        log.error(component, fmt::format("{}: what is kept of it could not be read: {}", key.text(), error.message()));
        verdict::Decision decision;
        decision.level = verdict::Level::temp;
        decision.reasons = {"what is kept of " + key.name.text() + " could not be read"};
        decision.valid_until = clock.now();
        return make_answer(std::move(decision), clock.now(), settings.reply);
    }

    void ask_recalled(const verdict::Key& key, Waiter done) {
        const TimePoint now = clock.now();
        if (auto answer = answer_from_before(key, now)) {
            remember(key.text(), answer);
            // A hit; and looked up again in the background where it is stale, also when memory is too short to keep it.
            if (!usable(key.text(), now) && freshness(*answer, now) == Freshness::stale) {
                refresh(key);
            }
            done(answer);
            return;
        }
        counters.misses.add();
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
        look_up_in_background(key, true);
    }

    // What nobody waits for: a few at a time, so that a thousand policies that fall due together, or a thousand stale
    // answers after a quiet night, hold up no request. A key waits once, however often it is asked for.
    void look_up_in_background(const verdict::Key& key, bool asked) {
        const std::string text = key.text();
        if (const auto found = pending.find(text); found != pending.end()) {
            found->second.asked = found->second.asked || asked;
            return;
        }
        if (background_running >= settings.background_lookups_max) {
            auto [waiting, is_new] = background_waiting.try_emplace(text, asked);
            waiting->second = waiting->second || asked;
            if (is_new) {
                background_order.push_back(key);
            }
            return;
        }
        ++background_running;
        recall(key.name, [key, asked](Impl& self, const std::optional<Error>& failed) {
            if (const auto found = self.pending.find(key.text()); failed || found != self.pending.end()) {
                if (found != self.pending.end()) {
                    found->second.asked = found->second.asked || asked;
                }
                self.background_ended();
                return;
            }
            Pending& entry = self.look_up(key);
            entry.asked = asked;
            entry.background = true;
        });
    }

    void background_ended() {
        --background_running;
        while (background_running < settings.background_lookups_max && !background_order.empty()) {
            const verdict::Key key = std::move(background_order.front());
            background_order.pop_front();
            const bool asked = background_waiting.extract(key.text()).mapped();
            look_up_in_background(key, asked);
        }
    }

    // After a restart, or when memory had no room for the answer: a policy in force that was the whole answer before
    // still is, and is looked at again where it is stale. No MTA waits for DNS because we were restarted.
    [[nodiscard]] std::shared_ptr<const Answer> answer_from_before(const verdict::Key& key, TimePoint now) const {
        if (key.kind != verdict::Key::Kind::domain) {
            return nullptr;
        }
        const auto state = kept->find(key.name);
        if (!state || state->answer_until == TimePoint{} || !enforced(state->policy, now)) {
            return nullptr;
        }
        verdict::Decision decision = decision_by_policy(key, *state->policy, now);
        if (decision.level != verdict::Level::secure) {
            return nullptr;
        }
        decision.reasons = {"MTA-STS is enforced, as it was at the last lookup"};
        decision.valid_until = std::min(state->answer_until, now + settings.decision.ttl_max);
        return make_answer(std::move(decision), now, settings.reply);
    }

    // What the policy says where nothing is known of DNS.
    [[nodiscard]] verdict::Decision decision_by_policy(const verdict::Key& key, const mtasts::CachedPolicy& policy,
                                                       TimePoint now) const {
        verdict::Evidence evidence;
        evidence.key = key;
        evidence.gathered = now;
        evidence.cached = policy;
        evidence.sts_txt.answer = verdict::Answer::failed;
        evidence.mx.answer = verdict::Answer::failed;
        return verdict::decide(evidence, settings.decision, now);
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
        if (auto state = kept->find(key.name)) {
            request.cached = std::move(state->policy);
            request.fetch_failures = std::move(state->failures);
        }
        if (policy_in_force(key.name, clock.now())) {
            request.all_but_fetch = [weak = weak_from_this(), key] {
                if (const auto self = weak.lock()) {
                    self->answer_early(key);
                }
            };
        }
        Pending& entry = pending[text];
        ++looked_up[key.name];
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

    [[nodiscard]] static bool enforced(const std::optional<mtasts::CachedPolicy>& policy, TimePoint now) {
        return mtasts::in_force(policy, now) && policy->policy.mode == mtasts::Mode::enforce;
    }

    [[nodiscard]] bool policy_in_force(const dns::Name& domain, TimePoint now) const {
        const auto state = kept->find(domain);
        return state && enforced(state->policy, now);
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
        if (!learn(key, evidence, now, asked, answer->decision)) {
            give(key, answer);
            return;
        }
        // A policy that has come is in the store before anybody hears of it: who loses the power now and then meets a
        // forged record must still hold it (rule 9).
        kept->when_saved([weak = weak_from_this(), key, answer] {
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
        if (const auto found = looked_up.find(key.name); --found->second == 0) {
            looked_up.erase(found);
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
        if (node.mapped().background) {
            background_ended();
        }
    }

    void remember(const std::string& key, const std::shared_ptr<const Answer>& answer) { answers.put(key, answer); }

    // The cache of policies after a gathering: rule 9, RFC 8461 §3.3. True when a policy was fetched: it is being
    // saved.
    bool learn(const verdict::Key& key, const verdict::Evidence& evidence, TimePoint now, bool asked,
               const verdict::Decision& decision) {
        const dns::Name& domain = key.name;
        const mtasts::TxtOutcome txt = verdict::txt_outcome(evidence.sts_txt);
        const verdict::FetchJudgement fetched = verdict::judge_fetch(evidence.fetch);
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
        if (key.kind == verdict::Key::Kind::domain) {
            const bool by_policy_alone = decision.level == verdict::Level::secure &&
                                         decision.source == verdict::Source::sts && state.policy &&
                                         decision.match == decision_by_policy(key, *state.policy, now).match;
            state.answer_until = by_policy_alone ? decision.valid_until : TimePoint{};
        }
        kept->keep(domain, state);
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

    // RFC 8461 §10.2: policies in use are fetched daily whatever the id says. And what is of no use any more goes.
    void look_through_policies(std::size_t parts) {
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
            // As if TXT did not answer: due by its age alone, and not held back after failures. Some time after the
            // others, so that what was fetched in one minute is not for ever fetched in one minute.
            const TimePoint then = now - jitter(text);
            const mtasts::NextAction next = mtasts::next_action(
                state.policy, state.failures, {mtasts::TxtState::lookup_failed, ""}, now, settings.gather.cache);
            const auto refetch = mtasts::next_refetch(*state.policy, now, settings.gather.cache);
            if (next.kind == mtasts::NextAction::Kind::fetch && refetch && *refetch <= then) {
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
            const verdict::Key key = verdict::parse_key(domain.text());
            if (!overrides.decide(key, now)) {
                if (!pending.contains(key.text())) {
                    counters.daily_refreshes.fetch_add(1, std::memory_order_relaxed);
                }
                look_up_in_background(key, false);
            }
        }
    }

    // Nothing of it can matter any more: its policy has run out, or enforces nothing and has been unused for a month;
    // its failed fetches hold nothing back. An enforced policy is kept until its max_age runs out (rule 9).
    [[nodiscard]] bool is_over(const DomainState& state, TimePoint now) const {
        constexpr Seconds failures_matter_for{3600};
        if (state.failures.failed_at + failures_matter_for > now) {
            return false;
        }
        return !mtasts::in_force(state.policy, now) ||
               (state.policy->policy.mode != mtasts::Mode::enforce &&
                now > state.policy->last_used + settings.gather.cache.keep_refetching_for);
    }

    [[nodiscard]] Seconds jitter(std::string_view domain) const {
        const auto bound = static_cast<std::uint64_t>(settings.refetch_jitter.count());
        return Seconds(bound == 0 ? 0 : static_cast<std::int64_t>(jitter_hash(domain) % bound));
    }

    void explain(const std::string& text, std::function<void(Explanation)> done) {
        const verdict::Key key = verdict::parse_key(text);
        if (!key.can_have_policy()) {
            done(explain_no_policy(text));
            return;
        }
        // Read first, so that it is known when the answer is: also where it cannot be read, and the answer says so.
        recall(key.name, [key, text, done = std::move(done)](Impl& self, const std::optional<Error>& /*failed*/) {
            self.explain_recalled(key, text, done);
        });
    }

    void explain_recalled(const verdict::Key& key, const std::string& text, std::function<void(Explanation)> done) {
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
                if (auto found = self->kept->find(key.name)) {
                    out.cached = std::move(found->policy);
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
        if (auto found = kept->find(domain)) {
            entry.policy = std::move(found->policy);
            entry.failures = std::move(found->failures);
        }
        if (entry.policy) {
            entry.next_refresh = mtasts::next_refetch(*entry.policy, clock.now(), settings.gather.cache);
        }
        return entry;
    }

    // RFC 8461 §3.3: by hand the five minutes are not waited for, but no policy host gets more than its ten an hour.
    [[nodiscard]] bool may_fetch_by_hand(const dns::Name& domain, TimePoint now) const {
        const auto found = kept->find(domain);
        if (!found) {
            return true;
        }
        constexpr Seconds hour{3600};
        const auto recent = std::ranges::count_if(
            found->failures.recent, [&](const mtasts::FailedFetch& failed) { return failed.at + hour > now; });
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
        recall(key.name, [key, done = std::move(done)](Impl& self, const std::optional<Error>& failed) {
            if (failed) {
                verdict::PolicyFetch fetch;
                fetch.outcome = verdict::PolicyFetch::Outcome::held_back;
                fetch.error = failed->message();
                done({{key.text(), self.cannot_recall(key, *failed), "miss", {}, {}, self.dnssec_said()},
                      fetch,
                      self.entry_of(key.name)});
            } else if (self.pending.contains(key.text())) {
                self.refresh_now(key, done);
            } else {
                self.fetch_now(key, done);
            }
        });
    }

    void fetch_now(const verdict::Key& key, std::function<void(Refreshed)> done) {
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
        const verdict::Key key = verdict::parse_key(domain.text());
        auto decision = overrides.decide(key, now);
        if (!decision) {
            decision = decision_by_policy(key, policy, now);
        }
        return make_answer(std::move(*decision), now, settings.reply);
    }

    void cache_entries(store::PolicyCache::Page page, std::function<void(Result<std::vector<CacheEntry>>)> done) {
        kept->when_saved([weak = weak_from_this(), page = std::move(page), done = std::move(done)] {
            const auto self = weak.lock();
            if (!self) {
                return;
            }
            self->work.run([this_store = &self->store, page] { return this_store->policy_cache.page(page); },
                           self->loop,
                           [weak, done](const Result<std::vector<store::PolicyCache::Entry>>& read) {
                               if (const auto still = weak.lock()) {
                                   done(still->listed(read));
                               }
                           });
        });
    }

    [[nodiscard]] Result<std::vector<CacheEntry>> listed(
        const Result<std::vector<store::PolicyCache::Entry>>& read) const {
        if (!read) {
            return read.error();
        }
        const TimePoint now = clock.now();
        std::vector<CacheEntry> out;
        for (const store::PolicyCache::Entry& entry : *read) {
            CacheEntry& one = out.emplace_back(CacheEntry{entry.domain, entry.policy, entry.failures, std::nullopt});
            if (one.policy) {
                one.next_refresh = mtasts::next_refetch(*one.policy, now, settings.gather.cache);
            }
        }
        return out;
    }

    void export_answers(std::string after, std::size_t limit, std::function<void(Result<Exported>)> done) {
        struct Read {
            Result<std::vector<store::PolicyCache::Entry>> policies;
            Positive positive;
        };
        kept->when_saved([weak = weak_from_this(), after = std::move(after), limit, done = std::move(done)] {
            const auto self = weak.lock();
            if (!self) {
                return;
            }
            self->work.run(
                [this_store = &self->store, known = self->shared_answers, after, limit, now = self->clock.now()] {
                    return Read{this_store->policy_cache.page({after, {}, limit}), known->page(after, limit, now)};
                },
                self->loop,
                [weak, limit, done](const Read& read) {
                    if (const auto still = weak.lock()) {
                        done(read.policies ? still->exported(*read.policies, read.positive, limit)
                                           : Result<Exported>(read.policies.error()));
                    }
                });
        });
    }

    // Both are in the order of their keys, and what comes behind the last of one that is full is not known yet.
    [[nodiscard]] Result<Exported> exported(const std::vector<store::PolicyCache::Entry>& policies,
                                            const Positive& positive, std::size_t limit) const {
        const TimePoint now = clock.now();
        Exported out;
        const auto ends_at = [&](const std::string& last) { out.next = out.next ? std::min(*out.next, last) : last; };
        if (policies.size() >= limit) {
            ends_at(policies.back().domain.text());
        }
        if (positive.size() >= limit) {
            ends_at(positive.back().first);
        }
        for (const store::PolicyCache::Entry& entry : policies) {
            const std::string key = entry.domain.text();
            if (!enforced(entry.policy, now) || (out.next && key > *out.next)) {
                continue;
            }
            // An answer in memory comes first, also one that asks for nothing.
            const auto known = answers.find(key);
            auto answer = known && freshness(*known, now) != Freshness::unusable
                              ? known
                              : answer_from_cache(entry.domain, *entry.policy, now);
            if (asks_for_tls(answer->decision.level)) {
                out.answers.insert_or_assign(key, std::move(answer));
            }
        }
        for (const auto& [key, answer] : positive) {
            if (!out.next || key <= *out.next) {
                out.answers.insert_or_assign(key, answer);
            }
        }
        return out;
    }

    void purge_all(std::function<void(Result<std::size_t>)> done) {
        // Counted when the changes before it are there.
        kept->when_saved([weak = weak_from_this(), done = std::move(done)] {
            const auto self = weak.lock();
            if (!self) {
                return;
            }
            self->work.run([this_store = &self->store] { return this_store->policy_cache.size(); }, self->loop,
                           [weak, done](const Result<std::size_t>& count) {
                               if (const auto still = weak.lock()) {
                                   still->answers.clear();
                                   still->kept->erase_all([count, done] { done(count); });
                               }
                           });
        });
    }

    [[nodiscard]] std::string dnssec_said() const {
        return dnssec_problem.with([](const std::string& problem) { return problem; });
    }

    PolicyDaemonSettings settings;
    verdict::Overrides added;      // at run time; the store has them too
    verdict::Overrides overrides;  // settings.overrides and then `added`
    Guarded<std::string> dnssec_problem;
    PolicyDaemonCounters counters;
    const std::shared_ptr<Answers> shared_answers = std::make_shared<Answers>();  // with an export under way
    Answers& answers = *shared_answers;
    const std::shared_ptr<KeptPolicies> kept;
    std::unordered_map<std::string, Pending> pending;
    std::unordered_map<dns::Name, std::size_t> looked_up;  // how many lookups of `pending` are about it
    std::size_t background_running = 0;
    std::deque<verdict::Key> background_order;
    std::unordered_map<std::string, bool> background_waiting;  // those of background_order; whether an MTA asked
    KeyHash jitter_hash;
    net::Timer refetch_timer;
    net::Timer sweep_timer;
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

bool PolicyDaemon::reply(std::string_view key, Form form, TimePoint now, std::string& out) {
    return impl_->reply(key, form, now, out);
}

const Clock& PolicyDaemon::clock() const {
    return impl_->clock;
}

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

void PolicyDaemon::cache_entries(store::PolicyCache::Page page,
                                 std::function<void(Result<std::vector<CacheEntry>>)> done) {
    impl_->loop.post(
        [impl = impl_, page = std::move(page), done = std::move(done)] { impl->cache_entries(page, done); });
}

void PolicyDaemon::cache_entry(const dns::Name& domain, std::function<void(Result<CacheEntry>)> done) {
    impl_->loop.post([impl = impl_, domain, done = std::move(done)] {
        impl->kept->recall(domain, [impl, domain, done](const std::optional<Error>& failed) {
            if (failed) {
                done(*failed);
            } else if (!impl->kept->contains(domain)) {
                done(Error{Errc::not_found, "", domain.text() + " is not in the cache"});
            } else {
                done(impl->entry_of(domain));
            }
        });
    });
}

void PolicyDaemon::purge(const dns::Name& domain, std::function<void(bool)> done) {
    impl_->loop.post([impl = impl_, domain, done = std::move(done)] {
        impl->kept->recall(domain, [impl, domain, done](const std::optional<Error>& failed) {
            const bool answered = impl->answers.erase_containing(domain.text()) > 0;
            const bool found = failed || impl->kept->contains(domain);
            if (found) {
                impl->kept->keep(domain, {});
            }
            done(found || answered);
        });
    });
}

void PolicyDaemon::purge_all(std::function<void(Result<std::size_t>)> done) {
    impl_->loop.post([impl = impl_, done = std::move(done)] { impl->purge_all(done); });
}

void PolicyDaemon::refresh(const dns::Name& domain, std::function<void(Refreshed)> done) {
    impl_->loop.post([impl = impl_, key = verdict::parse_key(domain.text()), done = std::move(done)] {
        impl->refresh_now(key, done);
    });
}

void PolicyDaemon::export_answers(std::string after, std::size_t limit, std::function<void(Result<Exported>)> done) {
    impl_->loop.post([impl = impl_, after = std::move(after), limit, done = std::move(done)] {
        impl->export_answers(after, limit, done);
    });
}

void PolicyDaemon::reconfigure(PolicyDaemonSettings settings) {
    impl_->settings = std::move(settings);
    impl_->merge_overrides();
    impl_->answers.limit(impl_->settings.cache_bytes_max);
    impl_->kept->limit(impl_->settings.cache_bytes_max);
    impl_->answers.clear();
    for (auto& [key, entry] : impl_->pending) {
        entry.early.reset();
    }
    impl_->kept->forget_answers();
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
    const KeptPolicies::Sizes memory = impl_->kept->sizes();
    return {memory.policies, impl_->pending.size(), impl_->answers.bytes() + memory.bytes, impl_->answers.evicted(),
            memory.evicted};
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
