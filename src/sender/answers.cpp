#include "sender/answers.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>

#include "verdict/key.h"

namespace postseal::sender {

namespace {

// How long past its time a DANE answer may still be given: DANE has no max_age of its own, and its TTL is over.
constexpr Seconds stale_dane_max{3600};
constexpr Seconds clock_steps_unnoticed{60};
// A stale answer in demand asks once in this time to be looked up again, however often it is given.
constexpr std::uint32_t told_stale_again_s = 60;

struct Lifetime {
    verdict::Level level = verdict::Level::none;
    verdict::Source source = verdict::Source::by_default;
    TimePoint decided;
    TimePoint valid_until;
    std::optional<TimePoint> policy_expires;
};

Freshness judge(const Lifetime& life, TimePoint now) {
    if (life.policy_expires && now >= *life.policy_expires) {
        return Freshness::unusable;  // RFC 8461 §3.2: max_age is the end, whatever the answer's own time
    }
    // An answer of the future was given before the clock was set back: who knows how long ago.
    const bool clock_set_back = now + clock_steps_unnoticed < life.decided;
    if (now < life.valid_until && !clock_set_back) {
        return Freshness::fresh;
    }
    if (!asks_for_tls(life.level)) {
        return Freshness::unusable;
    }
    const bool dane = life.source == verdict::Source::dane;
    return dane && now >= life.valid_until + stale_dane_max ? Freshness::unusable : Freshness::stale;
}

std::int64_t seconds(TimePoint time) {
    return time.time_since_epoch().count();
}
TimePoint at(std::int64_t seconds_since_1970) {
    return TimePoint(Seconds(seconds_since_1970));
}

void append_netstring(std::string& out, std::string_view payload) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), payload.size()).ptr;
    out.append(digits.data(), end);
    out += ':';
    out += payload;
    out += ',';
}

std::string_view payload_of(std::string_view netstring) {
    netstring.remove_prefix(netstring.find(':') + 1);
    netstring.remove_suffix(1);
    return netstring;
}

std::string_view take_text(std::string_view& rest) {
    const std::size_t end = rest.find('\0');
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
}

}  // namespace

bool asks_for_tls(verdict::Level level) {
    return level != verdict::Level::none && level != verdict::Level::temp;
}

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
    return judge({decision.level, decision.source, answer.decided, decision.valid_until, decision.policy_expires}, now);
}

Answers::Header::Header(Header&& other) noexcept
    : valid_until(other.valid_until),
      policy_expires(other.policy_expires),
      decided(other.decided),
      told_stale(other.told_stale.load(std::memory_order_relaxed)),
      payload_bytes(other.payload_bytes),
      plain_bytes(other.plain_bytes),
      plain_at(other.plain_at),
      match_count(other.match_count),
      level(other.level),
      source(other.source),
      mode(other.mode),
      expires(other.expires),
      used(other.used.load(std::memory_order_relaxed)) {}

Freshness Answers::freshness_of(const Header& header, TimePoint now) {
    return judge({header.level, header.source, at(header.decided), at(header.valid_until),
                  header.expires ? std::optional(at(header.policy_expires)) : std::nullopt},
                 now);
}

std::pair<Answers::Header, std::string> Answers::pack(const Answer& answer) {
    const verdict::Decision& decision = answer.decision;
    Header header;
    header.valid_until = seconds(decision.valid_until);
    header.expires = decision.policy_expires.has_value();
    header.policy_expires = seconds(decision.policy_expires.value_or(TimePoint{}));
    header.decided = seconds(answer.decided);
    header.level = decision.level;
    header.source = decision.source;
    header.mode = decision.mode ? static_cast<std::uint8_t>(static_cast<unsigned>(*decision.mode) + 1) : 0;
    const std::string_view plain = payload_of(answer.plain);
    std::string text(payload_of(answer.with_tlsrpt));
    header.payload_bytes = static_cast<std::uint32_t>(text.size());
    header.plain_bytes = static_cast<std::uint32_t>(plain.size());
    if (!text.starts_with(plain)) {
        header.plain_at = header.payload_bytes;
        text += plain;
    }
    header.match_count = static_cast<std::uint16_t>(decision.match.size());
    for (const auto* list : {&decision.match, &decision.reasons}) {
        for (const std::string& one : *list) {
            text += one;
            text += '\0';
        }
    }
    return {std::move(header), std::move(text)};
}

std::shared_ptr<const Answer> Answers::unpack(const Table::Record& record) {
    const Header& header = record.header;
    auto answer = std::make_shared<Answer>();
    verdict::Decision& decision = answer->decision;
    decision.level = header.level;
    decision.source = header.source;
    if (header.mode > 0) {
        decision.mode = static_cast<mtasts::Mode>(header.mode - 1);
    }
    decision.valid_until = at(header.valid_until);
    if (header.expires) {
        decision.policy_expires = at(header.policy_expires);
    }
    answer->decided = at(header.decided);
    const std::string_view text = record.text();
    append_netstring(answer->with_tlsrpt, text.substr(0, header.payload_bytes));
    append_netstring(answer->plain, text.substr(header.plain_at, header.plain_bytes));
    std::string_view rest = text.substr(std::max(header.payload_bytes, header.plain_at + header.plain_bytes));
    for (std::size_t i = 0; i < header.match_count; ++i) {
        decision.match.emplace_back(take_text(rest));
    }
    while (!rest.empty()) {
        decision.reasons.emplace_back(take_text(rest));
    }
    if (decision.level == verdict::Level::secure && decision.source == verdict::Source::sts) {
        // Each match name stands for one mx pattern, ".b" for "*.b" (RFC 8461 §4.1).
        verdict::Decision::StsAttributes sts{verdict::parse_key(record.key()).name, {}, {}};
        for (const std::string& match : decision.match) {
            sts.mx_host_patterns.push_back((match.starts_with('.') ? "*" : "") + match);
        }
        decision.sts = std::move(sts);
    }
    answer->line = verdict::line_reply(decision) + "\n";
    return answer;
}

std::shared_ptr<const Answer> Answers::find(std::string_view key) const {
    const std::uint64_t hash = hash_(key);
    const Shard& shard = shards_[shard_of(hash)];
    const std::shared_lock lock(shard.mutex);
    const Table::Record* record = shard.table.find(key, hash);
    if (record == nullptr) {
        return nullptr;
    }
    record->header.used.store(true, std::memory_order_relaxed);
    return unpack(*record);
}

Answers::Hit Answers::reply(std::string_view key, Form form, TimePoint now, std::string& out) const {
    const std::uint64_t hash = hash_(key);
    const Shard& shard = shards_[shard_of(hash)];
    const std::shared_lock lock(shard.mutex);
    const Table::Record* record = shard.table.find(key, hash);
    if (record == nullptr) {
        return {};
    }
    const Header& header = record->header;
    Hit hit{freshness_of(header, now), false};
    if (hit.freshness == Freshness::unusable) {
        return hit;
    }
    if (!header.used.load(std::memory_order_relaxed)) {  // written only when it changes: the line stays shared
        header.used.store(true, std::memory_order_relaxed);
    }
    if (hit.freshness == Freshness::stale) {
        const auto second = static_cast<std::uint32_t>(seconds(now));
        std::uint32_t told = header.told_stale.load(std::memory_order_relaxed);
        hit.refresh = (told == 0 || second - told >= told_stale_again_s) &&
                      header.told_stale.compare_exchange_strong(told, second, std::memory_order_relaxed);
    }
    switch (form) {
        case Form::plain:
            append_netstring(out, record->text().substr(header.plain_at, header.plain_bytes));
            break;
        case Form::with_tlsrpt:
            append_netstring(out, record->text().substr(0, header.payload_bytes));
            break;
        default:
            out += unpack(*record)->in(form);
    }
    return hit;
}

void Answers::put(const std::string& key, const std::shared_ptr<const Answer>& answer) {
    auto [header, text] = pack(*answer);
    const std::uint64_t hash = hash_(key);
    Shard& shard = shards_[shard_of(hash)];
    const std::unique_lock lock(shard.mutex);
    shard.table.put(key, hash, std::move(header), text);
    make_room(shard, answer->decided);
}

bool Answers::is_enforced(const Header& header, TimePoint now) {
    return header.level == verdict::Level::secure && header.source == verdict::Source::sts && header.expires &&
           now < at(header.policy_expires);
}

void Answers::make_room(Shard& shard, TimePoint now) {
    const std::size_t bytes_max = bytes_max_.load(std::memory_order_relaxed) / shard_count;
    while (shard.table.bytes() > bytes_max && shard.table.size() > 0) {
        evict_one(shard, now);
        evicted_.fetch_add(1, std::memory_order_relaxed);
    }
}

void Answers::evict_one(Shard& shard, TimePoint now) {
    constexpr std::size_t looked_at_max = 128;  // for one that no enforced policy gave
    std::optional<std::size_t> enforced;
    // Ends: whoever was used is passed over once.
    for (std::size_t seen = 0; !enforced || seen < looked_at_max; ++seen) {
        shard.hand = (shard.hand + 1) & (shard.table.slots() - 1);
        const Table::Record* record = shard.table.in_slot(shard.hand);
        if (record == nullptr || record->header.used.exchange(false, std::memory_order_relaxed)) {
            continue;
        }
        if (!is_enforced(record->header, now)) {
            shard.table.erase_slot(shard.hand);
            return;
        }
        enforced = enforced.value_or(shard.hand);
    }
    shard.table.erase_slot(*enforced);
}

bool Answers::erase(std::string_view key) {
    const std::uint64_t hash = hash_(key);
    Shard& shard = shards_[shard_of(hash)];
    const std::unique_lock lock(shard.mutex);
    return shard.table.erase(key, hash);
}

std::size_t Answers::erase_containing(std::string_view text) {
    std::size_t count = 0;
    for (Shard& shard : shards_) {
        const std::unique_lock lock(shard.mutex);
        count += shard.table.erase_if(
            [&](const Table::Record& record) { return record.key().find(text) != std::string_view::npos; });
    }
    return count;
}

void Answers::sweep(TimePoint now) {
    const std::size_t part = swept_.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = part % parts; i < shard_count; i += parts) {
        const std::unique_lock lock(shards_[i].mutex);
        shards_[i].table.erase_if(
            [&](const Table::Record& record) { return freshness_of(record.header, now) == Freshness::unusable; });
    }
}

void Answers::clear() {
    for (Shard& shard : shards_) {
        const std::unique_lock lock(shard.mutex);
        shard.table.clear();
    }
}

std::size_t Answers::size() const {
    std::size_t total = 0;
    for (const Shard& shard : shards_) {
        const std::shared_lock lock(shard.mutex);
        total += shard.table.size();
    }
    return total;
}

std::size_t Answers::bytes() const {
    std::size_t total = 0;
    for (const Shard& shard : shards_) {
        const std::shared_lock lock(shard.mutex);
        total += shard.table.bytes();
    }
    return total;
}

std::vector<std::pair<std::string, std::shared_ptr<const Answer>>> Answers::page(const std::string& after,
                                                                                 std::size_t limit,
                                                                                 TimePoint now) const {
    std::set<std::string, std::less<>> keys;
    for (const Shard& shard : shards_) {
        const std::shared_lock lock(shard.mutex);
        for (std::size_t i = 0; i < shard.table.slots(); ++i) {
            const Table::Record* record = shard.table.in_slot(i);
            if (record == nullptr || record->key() <= after ||
                (keys.size() == limit && record->key() > *keys.rbegin()) || !asks_for_tls(record->header.level) ||
                freshness_of(record->header, now) == Freshness::unusable) {
                continue;
            }
            keys.emplace(record->key());
            if (keys.size() > limit) {
                keys.erase(std::prev(keys.end()));
            }
        }
    }
    std::vector<std::pair<std::string, std::shared_ptr<const Answer>>> out;
    for (const std::string& key : keys) {
        if (auto answer = find(key)) {
            out.emplace_back(key, std::move(answer));
        }
    }
    return out;
}

}  // namespace postseal::sender
