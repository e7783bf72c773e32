#include "tlsrpt/session_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <tuple>

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t first_block_bytes = 16 * 1024;
constexpr std::size_t block_bytes = std::size_t{1} << 20;
constexpr std::size_t bytes_per_row = 1024;

// ---- what makes a policy or a failure one of its own, as bytes: each text behind its length

void put_number(std::string& key, std::size_t number) {
    for (; number >= 0x80; number >>= 7) {
        key += static_cast<char>((number & 0x7f) | 0x80);
    }
    key += static_cast<char>(number);
}
void put(std::string& key, std::string_view text) {
    put_number(key, text.size());
    key += text;
}
void put(std::string& key, const std::optional<std::string>& text) {
    put_number(key, text ? text->size() + 1 : 0);
    key += text ? std::string_view(*text) : std::string_view();
}
void put(std::string& key, const std::vector<std::string>& texts) {
    put_number(key, texts.size());
    for (const std::string& text : texts) {
        put(key, std::string_view(text));
    }
}

// Reads what put() wrote.
class Key {
public:
    explicit Key(std::string_view bytes) : rest_(bytes) {}
    std::string text() { return std::string(part(number())); }
    std::optional<std::string> maybe_text() {
        const std::size_t size = number();
        return size == 0 ? std::nullopt : std::optional(std::string(part(size - 1)));
    }
    std::vector<std::string> texts() {
        std::vector<std::string> out(number());
        for (std::string& one : out) {
            one = text();
        }
        return out;
    }

private:
    std::size_t number() {
        std::size_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const auto octet = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::size_t>(octet & 0x7f) << shift;
            if (octet < 0x80) {
                return value;
            }
        }
    }
    std::string_view part(std::size_t size) {
        const std::string_view out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return out;
    }
    std::string_view rest_;
};

// RPT-032: the policy as it was applied, strings included; one that changed at noon gives two entries.
void key_of(const PolicyResult& policy, std::string& key) {
    key.clear();
    put(key, std::string_view(policy.policy_type));
    put(key, policy.policy_domain);
    put(key, policy.policy_strings);
    put(key, policy.mx_hosts);
}

void key_of(const FailureDetail& failure, std::string& key) {
    key.clear();
    put(key, std::string_view(failure.result_type));
    put(key, failure.sending_mta_ip);
    put(key, failure.receiving_mx_hostname);
    put(key, failure.receiving_mx_helo);
    put(key, failure.receiving_ip);
    put(key, failure.additional_information);
    put(key, failure.reason_code);
}

PolicyResult policy_from(std::string_view bytes) {
    Key key(bytes);
    PolicyResult policy;
    policy.policy_type = key.text();
    policy.policy_domain = key.maybe_text();
    policy.policy_strings = key.texts();
    policy.mx_hosts = key.texts();
    return policy;
}

FailureDetail failure_from(std::string_view bytes, std::uint64_t sessions) {
    Key key(bytes);
    FailureDetail failure;
    failure.result_type = key.text();
    failure.sending_mta_ip = key.maybe_text();
    failure.receiving_mx_hostname = key.maybe_text();
    failure.receiving_mx_helo = key.maybe_text();
    failure.receiving_ip = key.maybe_text();
    failure.additional_information = key.maybe_text();
    failure.reason_code = key.maybe_text();
    failure.sessions = sessions;
    return failure;
}

std::uint32_t hash_of(std::string_view text) {
    const std::size_t hash = std::hash<std::string_view>{}(text);
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

std::size_t hash_of(std::uint32_t policy, std::uint32_t text_hash) {
    return (std::size_t{text_hash} ^ (std::size_t{policy} << 32)) * 0x9e3779b97f4a7c15ULL >> 24;
}

}  // namespace

// ---- Index

template <class IsIt>
std::uint32_t SessionTable::Index::find(std::size_t hash, IsIt is_it) const {
    if (slots_.empty()) {
        return none;
    }
    for (std::size_t at = hash & (slots_.size() - 1); slots_[at] != none; at = (at + 1) & (slots_.size() - 1)) {
        if (is_it(slots_[at])) {
            return slots_[at];
        }
    }
    return none;
}

template <class HashOf>
void SessionTable::Index::insert(std::size_t hash, std::uint32_t place, HashOf hash_of_place) {
    const auto put_in = [](std::vector<std::uint32_t>& slots, std::size_t its_hash, std::uint32_t its_place) {
        std::size_t at = its_hash & (slots.size() - 1);
        while (slots[at] != none) {
            at = (at + 1) & (slots.size() - 1);
        }
        slots[at] = its_place;
    };
    if ((used_ + 1) * 4 > slots_.size() * 3) {
        std::vector<std::uint32_t> larger(std::max<std::size_t>(16, slots_.size() * 2), none);
        for (const std::uint32_t known : slots_) {
            if (known != none) {
                put_in(larger, hash_of_place(known), known);
            }
        }
        slots_ = std::move(larger);
    }
    put_in(slots_, hash, place);
    ++used_;
}

// ---- Texts

const SessionTable::Text* SessionTable::Texts::keep(std::string_view bytes) {
    if ((used_ + 1) * 4 > slots_.size() * 3) {
        grow();
    }
    const std::uint32_t hash = hash_of(bytes);
    std::size_t at = hash & (slots_.size() - 1);
    for (; slots_[at] != nullptr; at = (at + 1) & (slots_.size() - 1)) {
        if (slots_[at]->hash == hash && slots_[at]->view() == bytes) {
            return slots_[at];
        }
    }
    const std::size_t size = (sizeof(Text) + bytes.size() + 7) / 8 * 8;
    if (size > room_) {
        const std::size_t fresh = std::max(size, blocks_.empty() ? first_block_bytes : block_bytes);
        blocks_.emplace_back(new std::uint64_t[fresh / 8]);  // not initialised: it is filled bit by bit
        free_ = reinterpret_cast<char*>(blocks_.back().get());
        room_ = fresh;
    }
    auto* text = new (free_) Text{hash, static_cast<std::uint32_t>(bytes.size())};
    std::memcpy(free_ + sizeof(Text), bytes.data(), bytes.size());
    free_ += size;
    room_ -= size;
    bytes_ += size;
    slots_[at] = text;
    ++used_;
    return text;
}

void SessionTable::Texts::grow() {
    std::vector<const Text*> larger(std::max<std::size_t>(64, slots_.size() * 2), nullptr);
    for (const Text* text : slots_) {
        if (text != nullptr) {
            std::size_t at = text->hash & (larger.size() - 1);
            while (larger[at] != nullptr) {
                at = (at + 1) & (larger.size() - 1);
            }
            larger[at] = text;
        }
    }
    slots_ = std::move(larger);
}

// ---- caps

std::size_t SessionTable::text_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [day, table] : days_) {
        bytes += table.texts.bytes();
    }
    return bytes;
}

bool SessionTable::has_room(const DomainEntry& domain, std::size_t rows, For what) const {
    const std::size_t reserve = what == For::other ? 4 : 0;  // a quarter of each cap
    const auto within = [&](std::size_t used, std::size_t max) {
        return used <= max + (reserve == 0 ? 0 : max / reserve);
    };
    // A domain's "other" is bounded by the number of its policies and of result types.
    return within(rows_ + rows, limits_.rows_max) && within(text_bytes(), limits_.text_bytes_max) &&
           (what == For::other || domain.rows + rows <= limits_.rows_per_domain_max);
}

// ---- finding and making

std::uint32_t SessionTable::domain_of(DayTable& table, const dns::Name& name, const std::string& record, Caps caps) {
    const std::uint32_t hash = hash_of(name.text());
    std::uint32_t place = table.domain_index.find(hash, [&](std::uint32_t candidate) {
        const Text* text = table.domains[candidate].name;
        return text->hash == hash && text->view() == name.text();
    });
    if (place == none) {
        if (caps == Caps::hold && !has_room({}, 1, For::own)) {
            return none;
        }
        place = static_cast<std::uint32_t>(table.domains.size());
        const Text* text = table.texts.keep(name.text());
        table.domains.push_back({text, table.texts.keep(record)});
        table.domain_index.insert(hash, place, [&](std::uint32_t known) { return table.domains[known].name->hash; });
    }
    DomainEntry& domain = table.domains[place];
    if (!record.empty() && domain.record->view() != record && text_bytes() <= limits_.text_bytes_max) {
        domain.record = table.texts.keep(record);
    }
    return place;
}

std::uint32_t SessionTable::find_policy(const DayTable& table, std::uint32_t domain, std::string_view key) {
    std::uint32_t place = table.domains[domain].first_policy;  // there are few
    while (place != none && table.policies[place].identity->view() != key) {
        place = table.policies[place].next;
    }
    return place;
}

std::uint32_t SessionTable::make_policy(DayTable& table, std::uint32_t domain, std::string_view key) {
    const auto place = static_cast<std::uint32_t>(table.policies.size());
    const std::size_t rows = 1 + key.size() / bytes_per_row;
    DomainEntry& of = table.domains[domain];
    table.policies.push_back({table.texts.keep(key), 0, 0, domain, of.first_policy});
    of.first_policy = place;
    ++of.policies;
    of.rows += static_cast<std::uint32_t>(rows);
    table.rows += rows;
    rows_ += rows;
    return place;
}

std::uint32_t SessionTable::policy_of(DayTable& table, std::uint32_t domain, const PolicyResult& policy,
                                      std::uint64_t times, Caps caps) {
    key_of(policy, scratch_);
    if (const std::uint32_t known = find_policy(table, domain, scratch_); known != none) {
        return known;
    }
    const DomainEntry& of = table.domains[domain];
    if (caps == Caps::do_not || (of.policies < limits_.policies_per_domain_max &&
                                 has_room(of, 1 + scratch_.size() / bytes_per_row, For::own))) {
        return make_policy(table, domain, scratch_);
    }
    over_cap_.policies += times;
    PolicyResult other;
    other.policy_type = policy.policy_type;
    other.policy_domain = std::string(of.name->view());
    key_of(other, scratch_);
    if (const std::uint32_t known = find_policy(table, domain, scratch_); known != none) {
        return known;
    }
    return has_room(of, 1, For::other) ? make_policy(table, domain, scratch_) : none;
}

std::uint32_t SessionTable::find_detail(const DayTable& table, std::uint32_t policy, std::string_view key) {
    const std::uint32_t text_hash = hash_of(key);
    return table.detail_index.find(hash_of(policy, text_hash), [&](std::uint32_t candidate) {
        const DetailEntry& detail = table.details[candidate];
        return detail.policy == policy && detail.identity->hash == text_hash && detail.identity->view() == key;
    });
}

std::uint32_t SessionTable::make_detail(DayTable& table, std::uint32_t policy, std::string_view key) {
    const auto place = static_cast<std::uint32_t>(table.details.size());
    PolicyEntry& of = table.policies[policy];
    const std::size_t rows = 1 + (of.identity->size + key.size()) / bytes_per_row;  // the store repeats the policy
    const Text* text = table.texts.keep(key);
    table.details.push_back({text, 0, policy, of.first_detail});
    of.first_detail = place;
    table.detail_index.insert(hash_of(policy, text->hash), place, [&](std::uint32_t known) {
        return hash_of(table.details[known].policy, table.details[known].identity->hash);
    });
    table.domains[of.domain].rows += static_cast<std::uint32_t>(rows);
    table.rows += rows;
    rows_ += rows;
    return place;
}

void SessionTable::add_failure(DayTable& table, std::uint32_t policy, const FailureDetail& failure,
                               std::uint64_t sessions, Caps caps) {
    key_of(failure, scratch_);
    std::uint32_t place = find_detail(table, policy, scratch_);
    if (place == none) {
        const PolicyEntry& entry = table.policies[policy];
        const DomainEntry& of = table.domains[entry.domain];
        const std::size_t rows = 1 + (entry.identity->size + scratch_.size()) / bytes_per_row;
        if (caps == Caps::hold && !has_room(of, rows, For::own)) {
            over_cap_.failures += sessions;
            FailureDetail other;
            other.result_type = failure.result_type;
            other.reason_code = fmt::format("beyond {} different failures", limits_.rows_per_domain_max);
            key_of(other, scratch_);
            place = find_detail(table, policy, scratch_);
            if (place == none && !has_room(of, 1, For::other)) {
                return;
            }
        }
        place = place == none ? make_detail(table, policy, scratch_) : place;
    }
    table.details[place].sessions += sessions;
}

void SessionTable::note(DayTable& table, std::uint32_t policy) {
    if (!table.policies[policy].to_be_taken) {
        table.policies[policy].to_be_taken = true;
        table.to_be_taken.push_back(policy);
    }
}

// ---- in and out

void SessionTable::add(Day day, const Session& session, std::uint64_t times) {
    DayTable& table = days_[day];
    const std::uint32_t domain = domain_of(table, session.domain, session.record, Caps::hold);
    if (domain == none) {
        over_cap_.domains += times;
        return;
    }
    // Rule 15: a session that names one policy twice is one session under it, failed if either says so.
    of_session_.clear();
    for (const SessionPolicy& policy : session.policies) {
        const std::uint32_t place = policy_of(table, domain, policy.policy, times, Caps::hold);
        if (place == none) {
            continue;
        }
        PolicyEntry& entry = table.policies[place];
        const auto before = std::find_if(of_session_.begin(), of_session_.end(),
                                         [&](const auto& counted) { return counted.first == place; });
        if (before == of_session_.end()) {
            // RPT-035: the final result decides, not the failures on the way to it.
            (policy.failed ? entry.failed : entry.successful) += times;
            of_session_.emplace_back(place, policy.failed);
        } else if (policy.failed && !before->second) {
            entry.successful -= times;
            entry.failed += times;
            before->second = true;
        }
        note(table, place);
        for (const FailureDetail& failure : policy.policy.failures) {
            add_failure(table, place, failure, failure.sessions * times, Caps::hold);
        }
    }
}

void SessionTable::add(const Count& count) {
    DayTable& table = days_[count.day];
    const std::uint32_t domain = domain_of(table, count.domain, count.record, Caps::do_not);
    const std::uint32_t place = policy_of(table, domain, count.policy, 0, Caps::do_not);
    table.policies[place].successful += count.policy.successful;
    table.policies[place].failed += count.policy.failed;
    note(table, place);
    for (const FailureDetail& failure : count.policy.failures) {
        add_failure(table, place, failure, failure.sessions, Caps::do_not);
    }
}

Count SessionTable::take_policy(DayTable& table, Day day, std::uint32_t policy) {
    PolicyEntry& entry = table.policies[policy];
    const DomainEntry& domain = table.domains[entry.domain];
    const Result<dns::Name> name = dns::Name::parse_ascii(domain.name->view());
    Count count{day, name ? *name : dns::Name(), std::string(domain.record->view()),
                policy_from(entry.identity->view())};  // it was a name when it came
    count.policy.successful = std::exchange(entry.successful, 0);
    count.policy.failed = std::exchange(entry.failed, 0);
    entry.to_be_taken = false;
    for (std::uint32_t place = entry.first_detail; place != none; place = table.details[place].next) {
        DetailEntry& detail = table.details[place];
        if (detail.sessions > 0) {
            count.policy.failures.push_back(failure_from(detail.identity->view(), std::exchange(detail.sessions, 0)));
        }
    }
    // The newest was the first in the list.
    std::reverse(count.policy.failures.begin(), count.policy.failures.end());
    return count;
}

std::vector<Count> SessionTable::take(std::size_t policies_max) {
    std::vector<Count> counts;
    for (auto& [day, table] : days_) {
        std::vector<std::uint32_t>& waiting = table.to_be_taken;
        const std::size_t taken = std::min(waiting.size(), policies_max - counts.size());
        const auto begin = waiting.end() - static_cast<std::ptrdiff_t>(taken);
        // In the order of the store's index; policies of a domain in the order in which they were first seen.
        std::sort(begin, waiting.end(), [&table = table](std::uint32_t a, std::uint32_t b) {
            const std::uint32_t domain_a = table.policies[a].domain;
            const std::uint32_t domain_b = table.policies[b].domain;
            return domain_a == domain_b ? a < b
                                        : table.domains[domain_a].name->view() < table.domains[domain_b].name->view();
        });
        for (auto policy = begin; policy != waiting.end(); ++policy) {
            counts.push_back(take_policy(table, day, *policy));
        }
        waiting.resize(waiting.size() - taken);
        if (counts.size() >= policies_max) {
            break;
        }
    }
    return counts;
}

bool SessionTable::empty() const {
    return std::all_of(days_.begin(), days_.end(), [](const auto& entry) { return entry.second.to_be_taken.empty(); });
}

void SessionTable::forget_before(Day day) {
    std::erase_if(days_, [&](const auto& entry) {
        const bool forgotten = entry.first < day && entry.second.to_be_taken.empty();
        rows_ -= forgotten ? entry.second.rows : 0;
        return forgotten;
    });
}

}  // namespace postseal::tlsrpt
