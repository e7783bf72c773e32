#include "sender/answers.h"

#include <fmt/format.h>

#include <mutex>

namespace postseal::sender {

namespace {

// How long past its time a DANE answer may still be given: DANE has no max_age of its own, and its TTL is over.
constexpr Seconds stale_dane_max{3600};

}  // namespace

std::string netstring(std::string_view payload) {
    return fmt::format("{}:{},", payload.size(), payload);
}

std::shared_ptr<const Answer> make_answer(verdict::Decision decision, TimePoint now,
                                          const verdict::ReplySettings& settings) {
    auto answer = std::make_shared<Answer>();
    answer->plain = netstring(verdict::socketmap_reply(decision, verdict::ReplyForm::plain, settings));
    answer->with_tlsrpt = netstring(verdict::socketmap_reply(decision, verdict::ReplyForm::with_tlsrpt, settings));
    answer->line = verdict::line_reply(decision) + "\n";
    answer->decision = std::move(decision);
    answer->decided = now;
    return answer;
}

Freshness freshness(const Answer& answer, TimePoint now) {
    const verdict::Decision& decision = answer.decision;
    if (decision.policy_expires && now >= *decision.policy_expires) {
        return Freshness::unusable;  // RFC 8461 §3.2: max_age is the end, whatever the answer's own time
    }
    if (now < decision.valid_until) {
        return Freshness::fresh;
    }
    if (decision.level == verdict::Level::none || decision.level == verdict::Level::temp) {
        return Freshness::unusable;
    }
    const bool dane = decision.source == verdict::Source::dane;
    return dane && now >= decision.valid_until + stale_dane_max ? Freshness::unusable : Freshness::stale;
}

std::shared_ptr<const Answer> Answers::find(std::string_view key) const {
    const Shard& shard = shards_[shard_of(key)];
    const std::shared_lock lock(shard.mutex);
    const auto found = shard.answers.find(key);
    return found == shard.answers.end() ? nullptr : found->second;
}

void Answers::put(const std::string& key, std::shared_ptr<const Answer> answer) {
    Shard& shard = shards_[shard_of(key)];
    const std::unique_lock lock(shard.mutex);
    shard.answers.insert_or_assign(key, std::move(answer));
}

bool Answers::erase(std::string_view key) {
    Shard& shard = shards_[shard_of(key)];
    const std::unique_lock lock(shard.mutex);
    const auto found = shard.answers.find(key);
    if (found == shard.answers.end()) {
        return false;
    }
    shard.answers.erase(found);
    return true;
}

std::size_t Answers::erase_containing(std::string_view text) {
    std::size_t count = 0;
    for (Shard& shard : shards_) {
        const std::unique_lock lock(shard.mutex);
        count += std::erase_if(shard.answers,
                               [&](const auto& entry) { return entry.first.find(text) != std::string::npos; });
    }
    return count;
}

void Answers::clear() {
    for (Shard& shard : shards_) {
        const std::unique_lock lock(shard.mutex);
        shard.answers.clear();
    }
}

std::size_t Answers::size() const {
    std::size_t total = 0;
    for (const Shard& shard : shards_) {
        const std::shared_lock lock(shard.mutex);
        total += shard.answers.size();
    }
    return total;
}

std::vector<std::pair<std::string, std::shared_ptr<const Answer>>> Answers::all() const {
    std::vector<std::pair<std::string, std::shared_ptr<const Answer>>> out;
    for (const Shard& shard : shards_) {
        const std::shared_lock lock(shard.mutex);
        out.insert(out.end(), shard.answers.begin(), shard.answers.end());
    }
    return out;
}

}  // namespace postseal::sender
