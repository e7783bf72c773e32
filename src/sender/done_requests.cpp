#include "sender/done_requests.h"

namespace postseal::sender {

DoneRequests::Found DoneRequests::begin(const std::string& key, const Sha256& body, TimePoint now) {
    const std::lock_guard lock(mutex_);
    drop_old(now);
    const auto [entry, fresh] = entries_.try_emplace(key);
    if (fresh) {
        entry->second.body = body;
        entry->second.number = ++numbered_;
        by_age_.push_back({now, key, numbered_});
        return {};
    }
    if (entry->second.body != body) {
        return {Known::of_another_body, {}};
    }
    if (!entry->second.answer) {
        return {Known::under_way, {}};
    }
    return {Known::done, *entry->second.answer};
}

void DoneRequests::finish(const std::string& key, Answer answer) {
    const std::lock_guard lock(mutex_);
    if (const auto entry = entries_.find(key); entry != entries_.end()) {
        entry->second.answer = std::move(answer);
    }
}

void DoneRequests::forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
}

void DoneRequests::drop_old(TimePoint now) {
    while (!by_age_.empty() && (by_age_.front().at + limits_.kept < now || by_age_.size() >= limits_.keys_max)) {
        const auto entry = entries_.find(by_age_.front().key);
        if (entry != entries_.end() && entry->second.number == by_age_.front().number) {
            entries_.erase(entry);
        }
        by_age_.pop_front();
    }
}

}  // namespace postseal::sender
