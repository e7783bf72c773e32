#include "sender/policies.h"

#include <algorithm>

#include "base/text.h"

namespace postseal::sender {

bool Policies::load(const store::PolicyCache::Stored& stored) {
    auto failures = store::PolicyCache::read_failures(stored.failures);
    if (!failures || stored.domain.empty()) {
        return false;
    }
    Header header;
    if (!stored.failures.empty()) {
        header.failures = std::make_unique<mtasts::FetchFailures>(std::move(*failures));
    }
    header.fetched = stored.fetched;
    header.last_used = stored.last_used;
    header.id_checked = stored.id_checked;
    header.answer_until = stored.answer_until;
    header.max_age_s = stored.max_age_s;
    header.id_ttl_s = stored.id_ttl_s;
    header.id_bytes = static_cast<std::uint16_t>(stored.id.size());
    header.mode = stored.mode;
    std::string text(stored.id);
    text += stored.policy;
    put_record(stored.domain, std::move(header), text);
    return true;
}

// Without mx and lines.
DomainState Policies::glance_of(const Table::Record& record) {
    const Header& header = record.header;
    DomainState state;
    if (record.text().size() > header.id_bytes) {
        mtasts::Policy policy;
        policy.mode = header.mode;
        policy.max_age_s = header.max_age_s;
        state.policy = mtasts::CachedPolicy{std::move(policy), std::string(record.text().substr(0, header.id_bytes)),
                                            header.fetched,    header.last_used,
                                            header.id_checked, header.id_ttl_s};
    }
    if (header.failures) {
        state.failures = *header.failures;
    }
    state.answer_until = header.answer_until;
    state.overdue_warned = header.overdue_warned;
    state.last_txt = header.last_txt;
    return state;
}

std::optional<DomainState> Policies::find(const dns::Name& domain) const {
    const Table::Record* record = table_.find(domain.text(), hash_(domain.text()));
    if (record == nullptr) {
        return std::nullopt;
    }
    DomainState state = glance_of(*record);
    if (state.policy) {
        if (auto policy = store::PolicyCache::read_policy(record->text().substr(record->header.id_bytes))) {
            state.policy->policy = std::move(*policy);
        } else {
            state.policy.reset();  // !is_readable()
        }
    }
    return state;
}

bool Policies::contains(const dns::Name& domain) const {
    return table_.find(domain.text(), hash_(domain.text())) != nullptr;
}

bool Policies::is_readable(const dns::Name& domain) const {
    const Table::Record* record = table_.find(domain.text(), hash_(domain.text()));
    if (record == nullptr || record->text().size() == record->header.id_bytes) {
        return true;
    }
    return store::PolicyCache::read_policy(record->text().substr(record->header.id_bytes)).has_value();
}

void Policies::put(const dns::Name& domain, const DomainState& state) {
    Header header;
    if (state.failures != mtasts::FetchFailures{}) {
        header.failures = std::make_unique<mtasts::FetchFailures>(state.failures);
    }
    header.answer_until = state.answer_until;
    header.overdue_warned = state.overdue_warned;
    header.last_txt = state.last_txt;
    std::string text;
    if (state.policy) {
        const mtasts::CachedPolicy& cached = *state.policy;
        header.fetched = cached.fetched;
        header.last_used = cached.last_used;
        header.id_checked = cached.id_checked;
        header.max_age_s = cached.policy.max_age_s;
        header.id_ttl_s = cached.id_ttl_s;
        header.id_bytes = static_cast<std::uint16_t>(cached.id.size());
        header.mode = cached.policy.mode;
        text = cached.id + join(cached.policy.lines, "\n");
    }
    put_record(domain.text(), std::move(header), text);
}

void Policies::put_record(std::string_view domain, Header header, std::string_view text) {
    erase_record(domain);
    if (text.size() > header.id_bytes) {
        ++policies_.at(static_cast<std::size_t>(header.mode));
    }
    table_.put(domain, hash_(domain), std::move(header), text);
}

bool Policies::erase_record(std::string_view domain) {
    const std::uint64_t hash = hash_(domain);
    const Table::Record* record = table_.find(domain, hash);
    if (record == nullptr) {
        return false;
    }
    if (record->text().size() > record->header.id_bytes) {
        --policies_.at(static_cast<std::size_t>(record->header.mode));
    }
    return table_.erase(domain, hash);
}

void Policies::glance_at(std::size_t begin, std::size_t end, const Glance& glance) {
    for (std::size_t slot = begin; slot < end; ++slot) {
        if (Table::Record* record = table_.in_slot(slot)) {
            DomainState state = glance_of(*record);
            glance(record->key(), state);
            record->header.overdue_warned = state.overdue_warned;
            record->header.answer_until = state.answer_until;
        }
    }
}

void Policies::glance_at_part(std::size_t parts, const Glance& glance) {
    const std::size_t slots = table_.slots();
    const std::size_t begin = next_slot_ < slots ? next_slot_ : 0;
    const std::size_t end = std::min(slots, begin + slots / parts + 1);
    glance_at(begin, end, glance);
    next_slot_ = end;
}

void Policies::glance_at_all(const Glance& glance) {
    glance_at(0, table_.slots(), glance);
}

void Policies::clear() {
    table_.clear();
    policies_ = {};
}

// The oldest of a few that stand together: nearly as good as the oldest of all, and there is no list to keep in order.
bool Policies::evict(const std::function<bool(std::string_view)>& is_busy) {
    constexpr std::size_t sample = 16;
    constexpr std::size_t looked_at_max = 4096;  // also where nearly all are busy
    const Table::Record* oldest = nullptr;
    std::size_t seen = 0;
    for (std::size_t left = std::min(table_.slots(), looked_at_max); left > 0 && seen < sample; --left) {
        hand_ = (hand_ + 1) & (table_.slots() - 1);
        const Table::Record* record = table_.in_slot(hand_);
        if (record == nullptr || is_busy(record->key())) {
            continue;
        }
        ++seen;
        if (oldest == nullptr || record->header.last_used < oldest->header.last_used) {
            oldest = record;
        }
    }
    return oldest != nullptr && erase_record(std::string(oldest->key()));
}

}  // namespace postseal::sender
