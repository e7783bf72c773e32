#include <algorithm>

#include "base/text.h"
#include "sender/policy_daemon_impl.h"

namespace postseal::sender {

void PolicyDaemon::Impl::explain(const std::string& text, std::function<void(Explanation)> done) {
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

void PolicyDaemon::Impl::explain_recalled(const verdict::Key& key, const std::string& text,
                                          std::function<void(Explanation)> done) {
    const TimePoint now = clock.now();
    const auto answer = answers.find(key.text());
    const auto state = answer ? freshness(*answer, now) : Freshness::unusable;
    std::string word = "miss";
    if (state != Freshness::unusable) {
        word = state == Freshness::fresh ? "hit" : "stale";
    }
    const auto seen = std::make_shared<std::optional<verdict::Evidence>>();
    ask(text, [self = shared_from_this(), key, word, seen,
               done = std::move(done)](std::shared_ptr<const Answer> decided) {
        Explanation out{key.text(), std::move(decided), word, {}, {}, self->dnssec_said(), std::move(*seen)};
        if (auto found = self->kept->find(key.name)) {
            out.cached = std::move(found->policy);
            if (out.cached) {
                out.next_refresh = mtasts::next_refetch(*out.cached, self->clock.now(), self->settings.gather.cache);
            }
        }
        self->add_evidence(key, std::move(out), done);
    });
    if (const auto found = pending.find(key.text()); found != pending.end()) {
        found->second.watchers.emplace_back([seen](const verdict::Evidence& evidence) { *seen = evidence; });
    }
}

void PolicyDaemon::Impl::add_evidence(const verdict::Key& key, Explanation explanation,
                                      std::function<void(Explanation)> done) {
    if (explanation.evidence || explanation.answer->decision.source == verdict::Source::by_override) {
        done(std::move(explanation));
        return;
    }
    // Answered while its lookup still goes on.
    if (const auto found = pending.find(key.text()); found != pending.end() && found->second.asked) {
        explanation.evidence = found->second.gathering->so_far();
        done(std::move(explanation));
        return;
    }
    struct Looking {
        Explanation explanation;
        std::function<void(Explanation)> done;
        std::shared_ptr<const lookup::Gathering> gathering;
        net::Timer timer;
        void end(const verdict::Evidence& evidence) {
            if (done) {
                timer.cancel();
                explanation.evidence = evidence;
                std::exchange(done, nullptr)(std::move(explanation));
            }
        }
    };
    const auto looking = std::make_shared<Looking>();
    lookup::GatherRequest request;
    request.key = key;
    request.cached = explanation.cached;
    request.fetch = lookup::GatherRequest::Fetch::never;
    looking->explanation = std::move(explanation);
    looking->done = std::move(done);
    looking->gathering = lookup::gather(loop, resolver, https, clock, settings.gather, std::move(request),
                                        [looking](const verdict::Evidence& evidence) {
                                            looking->end(evidence);
                                            looking->gathering.reset();
                                        });
    looking->timer = loop.after(settings.first_lookup_timeout,
                                [looking] { looking->end(verdict::Evidence(looking->gathering->so_far())); });
}

PolicyDaemon::CacheEntry PolicyDaemon::Impl::entry_of(const dns::Name& domain) const {
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
bool PolicyDaemon::Impl::may_fetch_by_hand(const dns::Name& domain, TimePoint now) const {
    const auto found = kept->find(domain);
    if (!found) {
        return true;
    }
    constexpr Seconds hour{3600};
    const auto recent = std::ranges::count_if(
        found->failures.recent, [&](const mtasts::FailedFetch& failed) { return failed.at + hour > now; });
    return static_cast<std::size_t>(recent) < settings.gather.cache.failed_fetches_per_hour_max;
}

void PolicyDaemon::Impl::refresh_now(const verdict::Key& key, std::function<void(Refreshed)> done) {
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
            done({{key.text(), self.cannot_recall(key, *failed), "miss", {}, {}, self.dnssec_said(), {}},
                  fetch,
                  self.entry_of(key.name)});
        } else if (self.pending.contains(key.text())) {
            self.refresh_now(key, done);
        } else {
            self.fetch_now(key, done);
        }
    });
}

void PolicyDaemon::Impl::fetch_now(const verdict::Key& key, std::function<void(Refreshed)> done) {
    const auto fetch = may_fetch_by_hand(key.name, clock.now()) ? lookup::GatherRequest::Fetch::now
                                                                : lookup::GatherRequest::Fetch::by_cache_rules;
    counters.hand_refreshes.fetch_add(1, std::memory_order_relaxed);
    look_up(key, fetch).refreshed = [weak = weak_from_this(), key, done = std::move(done)](
                                        std::shared_ptr<const Answer> answer, const verdict::PolicyFetch& came) {
        if (const auto self = weak.lock()) {
            const CacheEntry entry = self->entry_of(key.name);
            done({{key.text(), std::move(answer), "miss", entry.policy, entry.next_refresh, self->dnssec_said(), {}},
                  came,
                  entry});
        }
    };
}

// Without asking anybody: what rule 11 says while DNS does not answer.
std::shared_ptr<const Answer> PolicyDaemon::Impl::answer_from_cache(const dns::Name& domain,
                                                                    const mtasts::CachedPolicy& policy,
                                                                    TimePoint now) const {
    const verdict::Key key = verdict::parse_key(domain.text());
    auto decision = overrides.decide(key, now);
    if (!decision) {
        decision = decision_by_policy(key, policy, now);
    }
    return make_answer(std::move(*decision), now, settings.reply);
}

void PolicyDaemon::Impl::cache_entries(store::PolicyCache::Page page,
                                       std::function<void(Result<std::vector<CacheEntry>>)> done) {
    kept->when_saved([weak = weak_from_this(), page = std::move(page), done = std::move(done)] {
        const auto self = weak.lock();
        if (!self) {
            return;
        }
        self->work.run([this_store = &self->store, page] { return this_store->policy_cache.page(page); }, self->loop,
                       [weak, done](const Result<std::vector<store::PolicyCache::Entry>>& read) {
                           if (const auto still = weak.lock()) {
                               done(still->listed(read));
                           }
                       });
    });
}

Result<std::vector<PolicyDaemon::CacheEntry>> PolicyDaemon::Impl::listed(
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

void PolicyDaemon::Impl::export_answers(std::string after, std::size_t limit,
                                        std::function<void(Result<Exported>)> done) {
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
Result<PolicyDaemon::Exported> PolicyDaemon::Impl::exported(const std::vector<store::PolicyCache::Entry>& policies,
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

void PolicyDaemon::Impl::purge_all(std::function<void(Result<std::size_t>)> done) {
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

std::string PolicyDaemon::Impl::dnssec_said() const {
    return dnssec_problem.with([](const std::string& problem) { return problem; });
}

void PolicyDaemon::explain(std::string_view key, std::function<void(Explanation)> done) {
    impl_->loop.post([impl = impl_, text = std::string(key), done = std::move(done)] { impl->explain(text, done); });
}

PolicyDaemon::Explanation PolicyDaemon::explain_no_policy(std::string_view key) {
    verdict::Evidence evidence;
    evidence.key = verdict::parse_key(key.substr(0, Impl::key_bytes_max));
    // The key has no text of its own: what was asked is shown.
    return {printable(key, 200), make_answer(verdict::decide(evidence, {}, {}), {}, {}), "miss", {}, {}, {}, {}};
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

void PolicyDaemon::configured_overrides(std::function<void(std::vector<verdict::Override>)> done) {
    impl_->loop.post([impl = impl_, done = std::move(done)] { done(impl->settings.overrides.list()); });
}

void PolicyDaemon::reread_added_overrides(const dns::Name& touched, std::function<void(const Result<void>&)> done) {
    impl_->loop.post([impl = impl_, touched, done = std::move(done)] { impl->reread_overrides(touched, done); });
}

void PolicyDaemon::set_dnssec_problem(std::string problem) {
    impl_->dnssec_problem.with([&](std::string& kept) { kept = std::move(problem); });
}

}  // namespace postseal::sender
