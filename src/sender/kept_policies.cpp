#include "sender/kept_policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace postseal::sender {

namespace {

constexpr std::string_view component = "policyd";
constexpr std::chrono::milliseconds retry_after{5000};
constexpr std::size_t page_size = 1000;

}  // namespace

KeptPolicies::KeptPolicies(const SenderParts& parts, std::size_t bytes_max) : parts_(parts), bytes_max_(bytes_max) {}

Result<void> KeptPolicies::load(Use use) {
    use_ = std::move(use);
    // Listening comes first: what is written while the rows are read is then read once more, and not missed.
    const auto on_loop = [weak = weak_from_this(), loop = &parts_.loop](auto what) {
        return [weak, loop, what](auto... arguments) {
            loop->post([weak, what, arguments...] {
                if (const auto self = weak.lock()) {
                    ((*self).*what)(arguments...);
                }
            });
        };
    };
    POSTSEAL_TRY(feed_, parts_.store.policy_cache.follow(
                            {on_loop(&KeptPolicies::changed_elsewhere), on_loop(&KeptPolicies::erased_elsewhere),
                             [missed = on_loop(&KeptPolicies::look_through_store)] { missed(std::string()); }}));
    POSTSEAL_TRY(const std::size_t count, parts_.store.policy_cache.size());
    constexpr std::size_t record_bytes_min = 100;
    memory_.reserve(std::min(count, bytes_max_ / record_bytes_min));
    std::size_t broken = 0;
    auto loaded = parts_.store.policy_cache.each([&](const store::PolicyCache::Stored& stored) {
        if (memory_.bytes() > bytes_max_) {
            all_in_memory_ = false;  // the rest is read when it is asked for
        } else {
            broken += memory_.load(stored) ? 0 : 1;
        }
    });
    if (loaded && broken > 0) {
        return Error{Errc::internal, "table policy_cache", fmt::format("{} broken rows", broken)};
    }
    return loaded;
}

KeptPolicies::Sizes KeptPolicies::sizes() const {
    const std::size_t unsaved =
        unsaved_.entries.size() + set_aside_.entries.size() + (being_saved_ ? being_saved_->entries.size() : 0);
    return {memory_.policies(), memory_.bytes(), evicted_, unsaved};
}

// To the store

void KeptPolicies::keep(const dns::Name& domain, const DomainState& state) {
    const bool empty = !state.policy && state.failures == mtasts::FetchFailures{};
    if (empty && all_in_memory_ && !memory_.contains(domain) && !is_unsaved(domain)) {
        return;  // most domains have no policy: nothing to write for them
    }
    auto& entry = unsaved_.entries[domain];
    if (empty) {
        entry.reset();
        memory_.erase(domain);
    } else {
        entry = store::PolicyCache::Entry{domain, state.policy, state.failures, state.answer_until};
        memory_.put(domain, state);
    }
    if (const auto found = recalls_.find(domain); found != recalls_.end()) {
        found->second.overtaken = true;
    }
    save_soon();
}

void KeptPolicies::when_saved(std::function<void()> then) {
    unsaved_.then.push_back(std::move(then));
    save_soon();
}

void KeptPolicies::save_soon() {
    if (!saving_) {
        saving_ = true;
        // Posted, so that what belongs to this change is part of the same batch.
        parts_.loop.post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->save();
            }
        });
    }
}

// One batch after another: the pool's threads would otherwise write an older state over a newer one.
void KeptPolicies::save() {
    if (unsaved_.empty() && unsaved_.then.empty()) {
        saving_ = false;
        return;
    }
    Batch batch = std::exchange(unsaved_, {});
    if (retry_timer_.active() || batch.empty()) {  // the store has just failed, and nobody waits for it to fail again
        const auto then = std::exchange(batch.then, {});
        set_aside_.add(std::move(batch));
        for (const auto& run : then) {
            run();
        }
        save();
        return;
    }
    being_saved_ = std::make_shared<Batch>(std::move(batch));
    parts_.work.run(
        [store = &parts_.store, log = &parts_.log, batch = being_saved_] { return write(*batch, *store, *log); },
        parts_.loop,
        [weak = weak_from_this()](bool done) {
            if (const auto self = weak.lock()) {
                self->saved(done);
            }
        });
}

bool KeptPolicies::write(const Batch& batch, store::Store& store, Log& log) {
    const Result<void> saved = store.transaction([&]() -> Result<void> {
        Result<void> kept;
        if (batch.erase_all) {
            kept = store.policy_cache.erase_all();
        } else if (batch.forget_answers) {
            kept = store.policy_cache.forget_answers();
        }
        for (auto entry = batch.entries.begin(); kept && entry != batch.entries.end(); ++entry) {
            kept = entry->second ? store.policy_cache.put(*entry->second) : store.policy_cache.erase(entry->first);
        }
        return kept;
    });
    if (!saved) {
        const std::string first = batch.entries.empty() ? "none" : batch.entries.begin()->first.text();
        log.error(component, fmt::format("{} policies, of {} and others, are only in memory: {}", batch.entries.size(),
                                         first, saved.error().message()));
    }
    return saved.has_value();
}

void KeptPolicies::saved(bool done) {
    const auto batch = std::exchange(being_saved_, nullptr);
    if (!done) {
        Batch again = *batch;
        again.then.clear();
        set_aside_.add(std::move(again));
        retry_timer_ = parts_.loop.after(retry_after, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->try_again();
            }
        });
    }
    for (const auto& then : batch->then) {
        then();
    }
    make_room();
    save();
}

void KeptPolicies::Batch::add(Batch newer) {
    if (newer.erase_all) {
        entries.clear();
    }
    if (newer.forget_answers) {
        drop_answers();
    }
    erase_all = erase_all || newer.erase_all;
    forget_answers = forget_answers || newer.forget_answers;
    for (auto& [domain, entry] : newer.entries) {
        entries.insert_or_assign(domain, std::move(entry));
    }
    std::ranges::move(newer.then, std::back_inserter(then));
}

void KeptPolicies::Batch::drop_answers() {
    for (auto& [domain, entry] : entries) {
        if (entry) {
            entry->answer_until = {};
        }
    }
}

void KeptPolicies::try_again() {
    retry_timer_.cancel();
    Batch all = std::exchange(set_aside_, {});
    all.add(std::exchange(unsaved_, {}));
    unsaved_ = std::move(all);
    const std::size_t count = unsaved_.entries.size();
    when_saved([this, count] {
        if (set_aside_.empty()) {
            parts_.log.info(
                component,
                fmt::format("the store takes changes again; {} policies that it had not taken are kept", count));
        }
    });
}

void KeptPolicies::erase_all(std::function<void()> then) {
    unsaved_.entries.clear();
    unsaved_.erase_all = true;
    set_aside_ = {};
    overtake_recalls();
    memory_.clear();
    when_saved(std::move(then));
}

void KeptPolicies::forget_answers() {
    memory_.glance_at_all([](std::string_view, DomainState& state) { state.answer_until = {}; });
    overtake_recalls();
    unsaved_.drop_answers();
    unsaved_.forget_answers = true;
    save_soon();
}

void KeptPolicies::overtake_recalls() {
    for (auto& [domain, one] : recalls_) {
        one.overtaken = true;
    }
}

bool KeptPolicies::is_unsaved(const dns::Name& domain) const {
    return unsaved_.entries.contains(domain) || (being_saved_ && being_saved_->entries.contains(domain)) ||
           set_aside_.entries.contains(domain);
}

bool KeptPolicies::all_is_being_erased() const {
    return unsaved_.erase_all || (being_saved_ && being_saved_->erase_all) || set_aside_.erase_all;
}

// From the store

void KeptPolicies::recall(const dns::Name& domain, Recalled then) {
    if (!memory_.is_readable(domain)) {
        const std::string& text = domain.text();
        then(Error{Errc::internal, "table policy_cache",
                   fmt::format("a broken row for {}; `postseal cache purge {}` removes it", text, text)});
        return;
    }
    if (all_in_memory_ || memory_.contains(domain) || is_unsaved(domain) || all_is_being_erased()) {
        then({});
        return;
    }
    auto [found, is_new] = recalls_.try_emplace(domain);
    found->second.waiters.push_back(std::move(then));
    if (is_new) {
        parts_.work.run(
            [store = &parts_.store, domain] { return store->policy_cache.find(domain); }, parts_.loop,
            [weak = weak_from_this(), domain](const Result<std::optional<store::PolicyCache::Entry>>& read) {
                if (const auto self = weak.lock()) {
                    self->recalled(domain, read);
                }
            });
    }
}

void KeptPolicies::recalled(const dns::Name& domain, const Result<std::optional<store::PolicyCache::Entry>>& read) {
    const Recall recall_of = std::move(recalls_.extract(domain).mapped());
    if (recall_of.overtaken) {
        for (const Recalled& waiter : recall_of.waiters) {
            recall(domain, waiter);
        }
        return;
    }
    std::optional<Error> failed;
    if (!read) {
        failed = read.error();
    } else if (const auto& entry = *read) {
        const bool outdated =
            unsaved_.forget_answers || set_aside_.forget_answers || (being_saved_ && being_saved_->forget_answers);
        memory_.put(domain, {entry->policy, entry->failures, outdated ? TimePoint{} : entry->answer_until, {}, {}});
    }
    for (const Recalled& waiter : recall_of.waiters) {
        waiter(failed);
    }
    make_room();
}

void KeptPolicies::make_room() {
    const auto is_busy = [this](std::string_view text) {
        const auto domain = dns::Name::parse_ascii(text);
        return domain && (use_.in_use(*domain) || is_unsaved(*domain));
    };
    while (memory_.bytes() > bytes_max_ && memory_.evict(is_busy)) {
        all_in_memory_ = false;
        ++evicted_;
    }
}

void KeptPolicies::tidy(TimePoint now) {
    make_room();
    constexpr Seconds interval{3600};
    if (all_in_memory_ || now < store_tidied_ + interval) {
        return;
    }
    store_tidied_ = now;
    parts_.work.submit([store = &parts_.store, log = &parts_.log, now] {
        if (const auto erased = store->policy_cache.erase_expired(now); !erased) {
            log->error(component, "policies past their max_age stay in the store: " + erased.error().message());
        }
    });
    if (!evicted_timer_.active()) {
        look_through_evicted("");
    }
}

// A page a second: no burst, whatever the number.
void KeptPolicies::look_through_evicted(const std::string& after) {
    parts_.work.run(
        [store = &parts_.store, after] {
            return store->policy_cache.page({after, {}, page_size});
        },
        parts_.loop,
        [weak = weak_from_this(), after](const Result<std::vector<store::PolicyCache::Entry>>& page) {
            const auto self = weak.lock();
            if (!self || !page) {
                return;
            }
            std::string last = after;
            bool all = true;
            for (const store::PolicyCache::Entry& entry : *page) {
                const bool here = self->memory_.contains(entry.domain) || self->is_unsaved(entry.domain);
                if (!here && !self->use_.only_in_store(entry)) {
                    all = false;
                    break;
                }
                last = entry.domain.text();
            }
            if (!all || page->size() == page_size) {
                self->evicted_timer_ = self->parts_.loop.after(std::chrono::seconds(1), [weak, last] {
                    if (const auto again = weak.lock()) {
                        again->evicted_timer_.cancel();
                        again->look_through_evicted(last);
                    }
                });
            }
        });
}

// From other processes

void KeptPolicies::changed_elsewhere(const dns::Name& domain) {
    parts_.work.run([store = &parts_.store, domain] { return store->policy_cache.find(domain); }, parts_.loop,
                    [weak = weak_from_this(), domain](const Result<std::optional<store::PolicyCache::Entry>>& read) {
                        const auto self = weak.lock();
                        if (self && read) {  // else it is found when the store has come back: look_through_store()
                            self->adopt(domain, *read);
                        }
                    });
}

void KeptPolicies::erased_elsewhere() {
    overtake_recalls();
    memory_.clear();
    set_aside_ = {};
    use_.all_erased();
}

void KeptPolicies::adopt(const dns::Name& domain, const std::optional<store::PolicyCache::Entry>& entry) {
    if (is_unsaved(domain) || all_is_being_erased()) {
        return;  // newer, and on its way to the others
    }
    if (const auto found = recalls_.find(domain); found != recalls_.end()) {
        found->second.overtaken = true;
    }
    const std::optional<DomainState> known = memory_.find(domain);
    if (!entry) {
        if (memory_.erase(domain)) {
            use_.replaced(domain);
        }
        return;
    }
    if (!entry->policy || (known && known->policy && known->policy->fetched > entry->policy->fetched)) {
        return;  // its failed fetches are its own
    }
    const bool other_policy = !known || !known->policy || !(known->policy->policy == entry->policy->policy);
    DomainState state = known ? *known : DomainState{};
    state.policy = entry->policy;
    if (known && known->policy) {
        state.policy->last_used = std::max(state.policy->last_used, known->policy->last_used);
    }
    if (other_policy) {
        state.answer_until = entry->answer_until;
    }
    memory_.put(domain, state);
    if (other_policy) {
        use_.replaced(domain);
    }
    make_room();
}

// After the feed was interrupted. What others have erased meanwhile stays known here: a database that has lost its rows
// looks the same, and must not end what is enforced (design rule 9).
void KeptPolicies::look_through_store(const std::string& after) {
    parts_.work.run(
        [store = &parts_.store, after] {
            return store->policy_cache.page({after, {}, page_size});
        },
        parts_.loop,
        [weak = weak_from_this()](const Result<std::vector<store::PolicyCache::Entry>>& page) {
            const auto self = weak.lock();
            if (!self || !page) {
                return;
            }
            for (const store::PolicyCache::Entry& entry : *page) {
                if (self->all_in_memory_ || self->memory_.contains(entry.domain)) {
                    self->adopt(entry.domain, entry);
                } else {
                    self->use_.replaced(entry.domain);  // read when it is asked for
                }
            }
            if (page->size() == page_size) {
                self->look_through_store(page->back().domain.text());
            }
        });
}

}  // namespace postseal::sender
