#include "sender/policy_daemon.h"

#include <fmt/format.h>

#include <algorithm>

#include "sender/policy_daemon_impl.h"

namespace postseal::sender {

namespace {

// Together with the longest first_lookup_timeout_s, 90 s, less than an MTA waits.
constexpr std::chrono::milliseconds recall_timeout{4'000};
constexpr std::chrono::milliseconds sweep_interval{
    60'000};  // in which all answers are looked at for those that are over

Result<verdict::Overrides> read_added_overrides(store::Store& store) {
    POSTSEAL_TRY(const auto stored, store.added_overrides.all());
    std::vector<verdict::Override> entries;
    for (const store::AddedOverride& entry : stored) {
        entries.push_back({entry.domain, entry.level, entry.match});
    }
    return verdict::Overrides::make(entries);
}

}  // namespace

PolicyDaemon::Impl::Impl(const SenderParts& parts, PolicyDaemonSettings its_settings)
    : SenderParts(parts),
      settings(std::move(its_settings)),
      kept(std::make_shared<KeptPolicies>(parts, settings.cache_bytes_max / 2)) {}

void PolicyDaemon::Impl::share_memory() {
    kept->limit(settings.cache_bytes_max / 2);
    answers.limit(settings.cache_bytes_max - std::min(kept->bytes(), settings.cache_bytes_max / 2));
}

Result<void> PolicyDaemon::Impl::load() {
    auto loaded =
        kept->load({[this](const dns::Name& domain) { return looked_up.contains(domain); },
                    [this](const dns::Name& domain) { forget_answers_of(domain); }, [this] { answers.clear(); },
                    [this](const store::PolicyCache::Entry& entry) { return refetch_evicted(entry); }});
    if (!loaded) {
        return loaded;
    }
    if (auto following = follow_overrides(); !following) {
        return following;
    }
    POSTSEAL_TRY(added, read_added_overrides(store));
    merge_overrides();
    share_memory();
    return {};
}

void PolicyDaemon::Impl::start() {
    sweep_timer = loop.every(sweep_interval / Answers::parts, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->answers.sweep(self->clock.now());
            self->share_memory();
        }
    });
    // A part of the policies each second, all of them in a whole round: no pause, no burst.
    const auto parts = std::clamp<std::int64_t>(settings.refetch_scan / std::chrono::seconds(1), 1, 3600);
    refetch_timer =
        loop.every(settings.refetch_scan / parts, [weak = weak_from_this(), parts = static_cast<std::size_t>(parts)] {
            if (const auto self = weak.lock()) {
                self->look_through_policies(parts);
            }
        });
}

// Another process may change policies at any rate: not all answers are looked through for one. Those for a port of
// its own run out by themselves.
void PolicyDaemon::Impl::forget_answers_of(const dns::Name& domain) {
    answers.erase(domain.text());
    answers.erase("[" + domain.text() + "]");
}

// KeptPolicies::recall() for as long as the daemon lives.
void PolicyDaemon::Impl::recall(const dns::Name& domain, std::function<void(Impl&, const std::optional<Error>&)> then) {
    kept->recall(domain, [weak = weak_from_this(), then = std::move(then)](const std::optional<Error>& failed) {
        if (const auto self = weak.lock()) {
            then(*self, failed);
        }
    });
}

// Rule 14: the file that the operator keeps comes before what was added at run time.
void PolicyDaemon::Impl::merge_overrides() {
    overrides = settings.overrides;
    overrides.append(added);
}

// What other daemons on the same database are told by their operators holds here too.
Result<void> PolicyDaemon::Impl::follow_overrides() {
    const auto reread = [weak = weak_from_this(), loop = &loop](std::string domain) {
        loop->post([weak, domain = std::move(domain)] {
            if (const auto self = weak.lock()) {
                const std::string_view text = domain;
                const auto name = dns::Name::parse_ascii(text.substr(text.starts_with('.') ? 1 : 0));
                self->reread_overrides(name ? std::optional(*name) : std::nullopt, {});
            }
        });
    };
    POSTSEAL_TRY(overrides_feed, store.added_overrides.follow({reread, [reread] { reread({}); }}));
    return {};
}

void PolicyDaemon::Impl::reread_overrides(const std::optional<dns::Name>& touched,
                                          std::function<void(const Result<void>&)> done) {
    work.run([store = &store] { return read_added_overrides(*store); }, loop,
             [weak = weak_from_this(), number = ++overrides_asked, touched,
              done = std::move(done)](const Result<verdict::Overrides>& read) {
                 const auto self = weak.lock();
                 if (!self) {
                     return;
                 }
                 Result<void> outcome;
                 if (!read) {
                     self->log.error(component,
                                     "overrides added at run time stay as they were: " + read.error().message());
                     outcome = read.error();
                 } else if (number > self->overrides_read) {
                     self->overrides_read = number;
                     self->added = *read;
                     self->merge_overrides();
                 }
                 if (touched) {
                     self->answers.erase_containing(touched->text());
                 } else {
                     self->answers.clear();
                 }
                 if (done) {
                     done(outcome);
                 }
             });
}

void PolicyDaemon::Impl::count(const verdict::Decision& decision) {
    counters.decisions[static_cast<std::size_t>(decision.level)][static_cast<std::size_t>(decision.source)].fetch_add(
        1, std::memory_order_relaxed);
}

bool PolicyDaemon::Impl::reply(std::string_view text, Form form, TimePoint now, std::string& out) {
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

bool PolicyDaemon::Impl::usable_reply(std::string_view text, Form form, TimePoint now, std::string& out) {
    return note_hit(text, answers.reply(text, form, now, out));
}

bool PolicyDaemon::Impl::note_hit(std::string_view text, Answers::Hit hit) {
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

std::shared_ptr<const Answer> PolicyDaemon::Impl::known(std::string_view text) {
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

std::shared_ptr<const Answer> PolicyDaemon::Impl::usable(std::string_view text, TimePoint now) {
    std::string reply;
    return usable_reply(text, Form::plain, now, reply) ? answers.find(text) : nullptr;
}

void PolicyDaemon::Impl::ask(const std::string& text, Waiter done) {
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
    struct Waiting {
        Waiter done;
        net::Timer timer;
        Waiter end() {
            timer.cancel();
            return std::exchange(done, nullptr);
        }
    };
    const auto waiting = std::make_shared<Waiting>(Waiting{std::move(done), {}});
    recall(key.name, [key, waiting](Impl& self, const std::optional<Error>& failed) {
        const Waiter waiter = waiting->end();
        if (waiter && failed) {
            waiter(self.cannot_recall(key, *failed));
        } else if (waiter) {
            self.ask_recalled(key, waiter);
        }
    });
    if (waiting->done) {  // the store is asked, and may hang
        waiting->timer = loop.after(recall_timeout, [weak = weak_from_this(), key, waiting] {
            const auto self = weak.lock();
            const Waiter waiter = waiting->end();
            if (self && waiter) {
                waiter(self->cannot_recall(key, Error{Errc::temporary, "database", "no answer yet"}));
            }
        });
    }
}

// An enforced policy may be in the store: until that is known no letter goes out (rule 9).
std::shared_ptr<const Answer> PolicyDaemon::Impl::cannot_recall(const verdict::Key& key, const Error& error) const {
    log.error(component, fmt::format("{}: what is kept of it could not be read: {}", key.text(), error.message()));
    verdict::Decision decision;
    decision.level = verdict::Level::temp;
    decision.reasons = {"what is kept of " + key.name.text() + " could not be read"};
    decision.valid_until = clock.now();
    return make_answer(std::move(decision), clock.now(), settings.reply);
}

void PolicyDaemon::Impl::ask_recalled(const verdict::Key& key, Waiter done) {
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

void PolicyDaemon::Impl::refresh(const verdict::Key& key) {
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
void PolicyDaemon::Impl::look_up_in_background(const verdict::Key& key, bool asked) {
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

void PolicyDaemon::Impl::background_ended() {
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
std::shared_ptr<const Answer> PolicyDaemon::Impl::answer_from_before(const verdict::Key& key, TimePoint now) const {
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
verdict::Decision PolicyDaemon::Impl::decision_by_policy(const verdict::Key& key, const mtasts::CachedPolicy& policy,
                                                         TimePoint now) const {
    verdict::Evidence evidence;
    evidence.key = key;
    evidence.gathered = now;
    evidence.cached = policy;
    evidence.sts_txt.answer = verdict::Answer::failed;
    evidence.mx.answer = verdict::Answer::failed;
    return verdict::decide(evidence, settings.decision, now);
}

PolicyDaemon::Impl::Pending& PolicyDaemon::Impl::look_up(const verdict::Key& key, lookup::GatherRequest::Fetch fetch) {
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
void PolicyDaemon::Impl::answer_early(const verdict::Key& key) {
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
void PolicyDaemon::Impl::give_up_waiting(const verdict::Key& key) {
    const auto found = pending.find(key.text());
    if (found == pending.end()) {
        return;
    }
    counters.lookup_timeouts.fetch_add(1, std::memory_order_relaxed);
    const TimePoint now = clock.now();
    const auto answer =
        make_answer(verdict::decide(found->second.gathering->so_far(), settings.decision, now), now, settings.reply);
    log.warning(component,
                fmt::format("{}: not decided within {} ms: {}", key.text(), settings.first_lookup_timeout.count(),
                            verdict::to_string(answer->decision.level)));
    for (const Waiter& waiter : std::exchange(found->second.waiters, {})) {
        waiter(answer);
    }
}

bool PolicyDaemon::Impl::enforced(const std::optional<mtasts::CachedPolicy>& policy, TimePoint now) {
    return mtasts::in_force(policy, now) && policy->policy.mode == mtasts::Mode::enforce;
}

bool PolicyDaemon::Impl::policy_in_force(const dns::Name& domain, TimePoint now) const {
    const auto state = kept->find(domain);
    return state && enforced(state->policy, now);
}

void PolicyDaemon::Impl::finish(const verdict::Key& key, const verdict::Evidence& evidence) {
    const TimePoint now = clock.now();
    // Decide by the evidence as it was gathered, then remember what the fetch brought. An override may have come
    // meanwhile, or a fetch by hand have gone on in spite of one (rule 14).
    auto decision = overrides.decide(key, now);
    if (!decision) {
        decision = verdict::decide(evidence, settings.decision, now);
    }
    count(*decision);
    if (decision->outside_policy) {
        log.warning(component, fmt::format("{}: {}", key.text(), decision->reasons.back()));
    }
    auto answer = make_answer(std::move(*decision), now, settings.reply);
    const auto found = pending.find(key.text());
    const bool asked = found != pending.end() && found->second.asked;
    if (found != pending.end() && found->second.refreshed) {
        verdict::PolicyFetch& fetch = found->second.fetch;
        fetch = evidence.fetch;
        // "There is no record" is certain; that nobody answered is not.
        if (fetch.outcome == verdict::PolicyFetch::Outcome::not_attempted &&
            evidence.sts_txt.answer == verdict::Answer::failed) {
            fetch.outcome = verdict::PolicyFetch::Outcome::held_back;
            fetch.error = "the MTA-STS record could not be looked up: " + evidence.sts_txt.error;
        }
    }
    if (found != pending.end()) {
        for (const auto& watcher : std::exchange(found->second.watchers, {})) {
            watcher(evidence);
        }
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

void PolicyDaemon::Impl::give(const verdict::Key& key, const std::shared_ptr<const Answer>& answer) {
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

void PolicyDaemon::reconfigure(PolicyDaemonSettings settings) {
    impl_->settings = std::move(settings);
    impl_->merge_overrides();
    impl_->share_memory();
    impl_->answers.clear();
    for (auto& [key, entry] : impl_->pending) {
        entry.early.reset();
    }
    impl_->kept->forget_answers();
}

PolicyDaemon::Sizes PolicyDaemon::sizes() const {
    const KeptPolicies::Sizes memory = impl_->kept->sizes();
    return {memory.policies,          impl_->pending.size(), impl_->answers.bytes() + memory.bytes,
            impl_->answers.evicted(), memory.evicted,        memory.unsaved};
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
