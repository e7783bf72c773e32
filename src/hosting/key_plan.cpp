#include "hosting/key_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace postseal::hosting {

namespace {

using dns::KeyRole;
using store::DnsKey;

bool reached(const std::optional<TimePoint>& moment, TimePoint now) {
    return moment && *moment <= now;
}

bool is_ksk(const DnsKey& key) {
    return key.role == to_string(KeyRole::ksk);
}

Result<dns::SigningKeyPtr> open_key(const DnsKey& key) {
    POSTSEAL_TRY(dns::SigningKey opened,
                 dns::SigningKey::from_private(is_ksk(key) ? KeyRole::ksk : KeyRole::zsk, key.private_key));
    return std::make_shared<const dns::SigningKey>(std::move(opened));
}

// From when on every cache that has the DNSKEY RRset has it with this key (RFC 7583 §3.3.1: Ipub).
TimePoint known_everywhere(const DnsKey& key, const KeyTimes& times) {
    return key.published + times.dnskey_ttl + times.propagation;
}

// The KSK that the parent's DS should name: the newest that every cache knows, or the first.
const DnsKey* key_for_ds(const std::vector<DnsKey>& keys, const KeyTimes& times, TimePoint now) {
    const DnsKey* wanted = nullptr;
    for (const DnsKey& key : keys) {
        if (is_ksk(key) && !reached(key.removed, now) && (wanted == nullptr || known_everywhere(key, times) <= now)) {
            wanted = &key;
        }
    }
    return wanted;
}

Error refused(std::string why) {
    return Error{Errc::refused, "dns-keys", std::move(why)};
}

std::vector<const DnsKey*> present(const std::vector<DnsKey>& keys, KeyRole role, TimePoint now) {
    std::vector<const DnsKey*> out;
    for (const DnsKey& key : keys) {
        if (key.role == to_string(role) && !reached(key.removed, now)) {
            out.push_back(&key);
        }
    }
    return out;
}

}  // namespace

bool KeyPlan::same_as(const KeyPlan& other) const {
    const auto tag = [](const dns::SigningKeyPtr& key) { return key->tag(); };
    return apex == other.apex && std::ranges::equal(signing->zone_keys, other.signing->zone_keys, {}, tag, tag) &&
           std::ranges::equal(signing->key_keys, other.signing->key_keys, {}, tag, tag);
}

Result<KeyPlan> plan_keys(const dns::Name& zone, const std::vector<DnsKey>& keys, const KeyTimes& times,
                          const Clock& clock, const std::vector<std::uint16_t>& tags_in_use) {
    const TimePoint now = clock.now();
    const auto ttl_s = static_cast<std::uint32_t>(times.dnskey_ttl.count());
    auto signing = std::make_shared<dns::Signing>();
    signing->clock = &clock;
    KeyPlan plan;
    const DnsKey* for_ds = key_for_ds(keys, times, now);
    for (const DnsKey& key : keys) {
        const bool in_use = std::ranges::find(tags_in_use, key.tag) != tags_in_use.end();
        const bool removed = reached(key.removed, now) && (is_ksk(key) || !in_use);
        if (key.published > now) {
            continue;
        }
        if (removed) {
            plan.gone.push_back(key.id);
            continue;
        }
        POSTSEAL_TRY(dns::SigningKeyPtr opened, open_key(key));
        plan.apex.push_back({zone, dns::Type::dnskey, ttl_s, dns::OtherData{opened->dnskey()}});
        if (&key == for_ds) {
            plan.apex.push_back({zone, dns::Type::cds, ttl_s, dns::OtherData{opened->ds(zone)}});
            plan.apex.push_back({zone, dns::Type::cdnskey, ttl_s, dns::OtherData{opened->dnskey()}});
        }
        if (key.active <= now && !reached(key.retired, now)) {
            (is_ksk(key) ? signing->key_keys : signing->zone_keys).push_back(std::move(opened));
        }
    }
    plan.apex.push_back({zone, dns::Type::nsec3param, 0, dns::OtherData{dns::nsec3param_rdata()}});
    if (signing->zone_keys.empty() || signing->key_keys.empty()) {
        return Error{Errc::not_found, "DNSSEC keys of " + zone.fqdn(), "there is no KSK or no ZSK that signs"};
    }
    plan.signing = std::move(signing);
    return plan;
}

KeyState state_of(const DnsKey& key, const std::vector<DnsKey>& all, const KeyTimes& times, TimePoint now) {
    if (reached(key.removed, now)) {
        return {"removed", "leaves the zone when no signature by it is left"};
    }
    if (reached(key.retired, now)) {
        return {"retired", "removed " + to_rfc3339(*key.removed)};
    }
    if (key.active > now) {
        return {"published", "signs from " + to_rfc3339(key.active)};
    }
    if (is_ksk(key) && !key.ds_seen) {
        const bool known = key_for_ds(all, times, now) == &key;
        return {"ds-wanted", known ? "publish its DS at the parent, then: postseal dns-keys ds-seen"
                                   : "its DS may be published from " + to_rfc3339(known_everywhere(key, times))};
    }
    return {"active", key.retired ? "signs until " + to_rfc3339(*key.retired) : ""};
}

Result<std::vector<Bytes>> wanted_ds(const dns::Name& zone, const std::vector<DnsKey>& keys, const KeyTimes& times,
                                     TimePoint now) {
    std::vector<Bytes> out;
    if (const DnsKey* key = key_for_ds(keys, times, now)) {
        POSTSEAL_TRY(const dns::SigningKeyPtr opened, open_key(*key));
        out.push_back(opened->ds(zone));
    }
    return out;
}

DnsKey new_key(KeyRole role, TimePoint published, TimePoint active) {
    const dns::SigningKey made = dns::SigningKey::generate(role);
    DnsKey key;
    key.role = to_string(role);
    key.tag = made.tag();
    key.private_key = made.private_scalar();
    key.published = published;
    key.active = active;
    return key;
}

namespace {

// Two keys with one tag would be told apart only by trying: never made.
DnsKey distinct_key(const std::vector<DnsKey>& keys, KeyRole role, TimePoint published, TimePoint active) {
    while (true) {
        DnsKey key = new_key(role, published, active);
        if (std::ranges::find(keys, key.tag, &DnsKey::tag) == keys.end()) {
            return key;
        }
    }
}

}  // namespace

Result<KeyChange> first_keys(const std::vector<DnsKey>& keys, TimePoint now) {
    KeyChange change;
    for (const KeyRole role : {KeyRole::ksk, KeyRole::zsk}) {
        if (present(keys, role, now).empty()) {
            std::vector<DnsKey> all = keys;
            all.insert(all.end(), change.added.begin(), change.added.end());
            change.added.push_back(distinct_key(all, role, now, now));
        }
    }
    return change;
}

Result<KeyChange> roll_zsk(const std::vector<DnsKey>& keys, const KeyTimes& times, TimePoint now) {
    const auto there = present(keys, KeyRole::zsk, now);
    if (there.size() != 1) {
        return refused(there.empty() ? "there is no ZSK: generate the keys first" : "a ZSK roll-over is under way");
    }
    KeyChange change;
    const TimePoint takes_over = now + times.dnskey_ttl + times.propagation;
    change.added.push_back(distinct_key(keys, KeyRole::zsk, now, takes_over));
    DnsKey old = *there.front();
    old.retired = takes_over;
    old.removed = takes_over + times.zone_ttl_max + times.propagation;  // RFC 7583 §3.2.1: Iret
    change.changed.push_back(std::move(old));
    return change;
}

Result<KeyChange> roll_ksk(const std::vector<DnsKey>& keys, const KeyTimes& /*times*/, TimePoint now) {
    const auto there = present(keys, KeyRole::ksk, now);
    if (there.size() != 1) {
        return refused(there.empty() ? "there is no KSK: generate the keys first" : "a KSK roll-over is under way");
    }
    KeyChange change;
    change.added.push_back(distinct_key(keys, KeyRole::ksk, now, now));
    return change;
}

Result<KeyChange> ds_seen(const std::vector<DnsKey>& keys, const KeyTimes& times, TimePoint now) {
    const auto there = present(keys, KeyRole::ksk, now);
    if (there.empty() || there.back()->ds_seen) {
        return refused("no KSK waits for its DS");
    }
    if (there.size() > 1 && known_everywhere(*there.back(), times) > now) {
        return refused(fmt::format("key {} is not yet in every cache: its DS may be published from {}",
                                   there.back()->tag, to_rfc3339(known_everywhere(*there.back(), times))));
    }
    KeyChange change;
    for (const DnsKey* key : there) {
        DnsKey changed = *key;
        if (key == there.back()) {
            changed.ds_seen = now;
        } else {
            changed.retired = changed.removed = now + times.ds_ttl + times.propagation;  // RFC 7583 §3.3.1: Iret
        }
        change.changed.push_back(std::move(changed));
    }
    return change;
}

Result<void> apply(store::DnsKeys& store, const dns::Name& zone, const KeyChange& change) {
    for (const DnsKey& key : change.added) {
        if (const auto added = store.add(zone, key); !added) {
            return added.error();
        }
    }
    for (const DnsKey& key : change.changed) {
        if (auto changed = store.put_times(key); !changed) {
            return changed;
        }
    }
    return {};
}

}  // namespace postseal::hosting
