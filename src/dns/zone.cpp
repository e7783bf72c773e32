#include "dns/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"

namespace postseal::dns {

namespace {

constexpr std::size_t node_bytes_max = 32 * 1024;  // with the question and a CNAME's target always below 64 KiB
constexpr int cname_hops_max = 8;
constexpr std::uint32_t any_ttl_s = 3600;
constexpr std::size_t rendered_fixed_bytes = 12;  // pointer, type, class, TTL, length
constexpr std::uint16_t qname_pointer = 0xc000 | header_bytes;

// The records of one type at one name as they stand in an answer to a question for that name: each begins with a
// pointer to the question.
struct RrSet {
    Type type = Type::a;
    std::uint16_t count = 0;
    Bytes wire;
    // In a signed zone: the RRSIG records, rendered the same way.
    std::uint16_t signature_count = 0;
    Bytes signatures = {};
    std::uint32_t expires = 0;  // the first of them
    std::vector<std::uint16_t> tags = {};
};

std::size_t hash_of(ByteView wire) {
    return std::hash<std::string_view>{}(as_text(wire));
}

}  // namespace

struct Zone::Node {
    Bytes owner;  // wire form in lower case
    std::size_t hash = 0;
    std::vector<RrSet> sets;     // empty: the name exists because of names below it
    std::uint32_t children = 0;  // names directly below; not counted at the apex, which always exists

    [[nodiscard]] const RrSet* set(Type type) const {
        const auto at = std::find_if(sets.begin(), sets.end(), [type](const RrSet& s) { return s.type == type; });
        return at == sets.end() ? nullptr : &*at;
    }
};

// One link of the chain that proves what does not exist (RFC 5155 §3).
struct Zone::Nsec3 {
    Nsec3Hash hash{};
    Nsec3Hash next{};
    Bytes bitmap;
    std::uint32_t ttl_s = 0;
    Bytes rdata;
    std::vector<Signature> signatures;
};

namespace {

using NodePtr = std::shared_ptr<const Zone::Node>;
using Nsec3Ptr = std::shared_ptr<const Zone::Nsec3>;

struct Key {
    ByteView wire;
    std::size_t hash;
};
struct NodeHash {
    using is_transparent = void;
    std::size_t operator()(const NodePtr& node) const { return node->hash; }
    std::size_t operator()(const Key& key) const { return key.hash; }
};
struct NodeEqual {
    using is_transparent = void;
    bool operator()(const NodePtr& a, const NodePtr& b) const { return a->owner == b->owner; }
    bool operator()(const Key& key, const NodePtr& node) const { return as_text(key.wire) == as_text(node->owner); }
    bool operator()(const NodePtr& node, const Key& key) const { return (*this)(key, node); }
};

}  // namespace

struct Zone::Shard {
    std::unordered_set<NodePtr, NodeHash, NodeEqual> nodes;
};

namespace {

// The upper bits: the sets inside the shards use the lower ones.
std::size_t shard_index(std::size_t hash) {
    return hash >> (sizeof(hash) * 8 - 8);
}

}  // namespace

const Zone::Node* Zone::find(ByteView lower_case_wire) const {
    const Key key{lower_case_wire, hash_of(lower_case_wire)};
    const auto& shard = shards_[shard_index(key.hash)];
    if (!shard) {
        return nullptr;
    }
    const auto at = shard->nodes.find(key);
    return at == shard->nodes.end() ? nullptr : at->get();
}

// --- Building --------------------------------------------------------------------------------------------------------

namespace {

Error bad_record(const Name& name, Type type, std::string_view why) {
    return invalid_input(fmt::format("{} {}", name.fqdn(), to_string(type)), std::string(why));
}

// Renders all records of one name, after looking at what may not stand there.
Result<std::vector<RrSet>> render(const NameRecords& change, bool apex) {
    std::vector<RrSet> sets;
    std::unordered_map<std::uint16_t, std::uint32_t> ttls;
    for (const auto& record : change.records) {
        const auto [at, fresh] = ttls.try_emplace(static_cast<std::uint16_t>(record.type), record.ttl_s);
        at->second = fresh ? record.ttl_s : std::min(at->second, record.ttl_s);
    }
    std::size_t bytes = 0;
    std::vector<std::pair<Type, Bytes>> seen;
    for (const auto& record : change.records) {
        const auto code = static_cast<std::uint16_t>(record.type);
        if (record.name != change.name) {
            return bad_record(record.name, record.type, "stands among the records of " + change.name.fqdn());
        }
        if (code == 0 || record.type == Type::opt || (code >= 128 && code <= 255)) {  // RFC 6895 §3.1
            return bad_record(record.name, record.type, "a type that no zone holds");
        }
        if (!apex && (record.type == Type::soa || record.type == Type::ns)) {
            return bad_record(record.name, record.type, "only at the apex: this zone delegates nothing");
        }
        if (record.type == Type::cname && (apex || ttls.size() > 1)) {
            return bad_record(record.name, record.type, "beside other data (RFC 1034 §3.6.2)");
        }
        if (record.ttl_s > 0x7fffffffU) {
            return bad_record(record.name, record.type, "a TTL above 2147483647 (RFC 2181 §8)");
        }
        Bytes rdata = data_to_wire(record.data);
        const auto read_back = data_from_wire(record.type, rdata);
        if (!read_back) {
            return bad_record(record.name, record.type, "data of another type: " + read_back.error().what);
        }
        if (std::find(seen.begin(), seen.end(), std::pair(record.type, rdata)) != seen.end()) {
            continue;
        }
        auto set = std::find_if(sets.begin(), sets.end(), [&](const RrSet& s) { return s.type == record.type; });
        if (set == sets.end()) {
            set = sets.insert(sets.end(), RrSet{record.type, 0, {}});
        }
        if (set->count > 0 && (record.type == Type::soa || record.type == Type::cname)) {
            return bad_record(record.name, record.type, "more than one");
        }
        ++set->count;
        append_u16(set->wire, qname_pointer);
        append_u16(set->wire, code);
        append_u16(set->wire, class_in);
        append_u32(set->wire, ttls[code]);
        append_u16(set->wire, static_cast<std::uint16_t>(rdata.size()));
        append(set->wire, rdata);
        bytes += rendered_fixed_bytes + rdata.size();
        if (bytes > node_bytes_max) {
            return Error{Errc::limit_exceeded, change.name.fqdn(), "more than 32 KiB of records"};
        }
        seen.emplace_back(record.type, std::move(rdata));
    }
    return sets;
}

struct RenderedRecord {
    Type type;
    std::uint32_t ttl_s;
    ByteView rdata;
};

// Calls f(RenderedRecord) for each record of a set.
template <class F>
void for_each_record(const RrSet& set, F&& f) {
    ByteReader reader(set.wire);
    while (!reader.empty()) {
        (void)reader.u16();
        const auto type = static_cast<Type>(*reader.u16());
        (void)reader.u16();
        const std::uint32_t ttl_s = *reader.u32();
        const ByteView rdata = *reader.take(*reader.u16());
        f(RenderedRecord{type, ttl_s, rdata});
    }
}

}  // namespace

namespace {

bool same_keys(const std::vector<std::uint16_t>& tags, const std::vector<SigningKeyPtr>& keys) {
    return std::ranges::equal(tags, keys, {}, {}, &SigningKey::tag);
}

std::vector<std::uint16_t> tags_of(const std::vector<Signature>& signatures) {
    std::vector<std::uint16_t> tags;
    std::ranges::transform(signatures, std::back_inserter(tags), &Signature::tag);
    return tags;
}

std::uint32_t first_expiry(const std::vector<Signature>& signatures) {
    std::uint32_t first = 0xffffffffU;
    for (const Signature& one : signatures) {
        first = std::min(first, one.expires);
    }
    return first;
}

// Whether signatures may stay: by the keys that sign this type now, with time left.
bool holds(const Signing& signing, Type type, const std::vector<std::uint16_t>& tags, std::uint32_t expires) {
    const auto now = signing.clock->now().time_since_epoch().count();
    return same_keys(tags, signing.keys_of(type)) && now + signing.refresh.count() < expires;
}

void append_record(Bytes& out, Type type, std::uint32_t ttl_s, ByteView rdata) {
    append_u16(out, static_cast<std::uint16_t>(type));
    append_u16(out, class_in);
    append_u32(out, ttl_s);
    append_u16(out, static_cast<std::uint16_t>(rdata.size()));
    append(out, rdata);
}

// Signs each set, unless it is as it was and its signatures hold.
void sign_sets(const Signing& signing, ByteView owner, ByteView zone, std::vector<RrSet>& sets,
               const std::vector<RrSet>& before) {
    for (RrSet& set : sets) {
        const auto old = std::ranges::find(before, set.type, &RrSet::type);
        if (old != before.end() && old->wire == set.wire && holds(signing, set.type, old->tags, old->expires)) {
            set = *old;
            continue;
        }
        std::vector<ByteView> data;
        std::uint32_t ttl_s = 0;
        for_each_record(set, [&](const RenderedRecord& record) {
            data.push_back(record.rdata);
            ttl_s = record.ttl_s;
        });
        const auto made = sign_rrset(signing, owner, set.type, ttl_s, std::move(data), zone);
        set.signatures.clear();
        for (const Signature& one : made) {
            append_u16(set.signatures, qname_pointer);
            append_record(set.signatures, Type::rrsig, ttl_s, one.rdata);
        }
        set.signature_count = static_cast<std::uint16_t>(made.size());
        set.tags = tags_of(made);
        set.expires = first_expiry(made);
    }
}

// Calls f(ByteView) for each record of rendered ones, from its type on.
template <class F>
void for_each_tail(ByteView rendered, F&& f) {
    while (!rendered.empty()) {
        const std::size_t size = rendered_fixed_bytes + (static_cast<std::size_t>(rendered[10]) << 8U | rendered[11]);
        f(rendered.subspan(2, size - 2));
        rendered = rendered.subspan(size);
    }
}

// The whole records of a name, of a link: owner and all.
template <class F>
void for_each_whole(const Zone::Node& node, F&& f) {
    Bytes whole;
    const auto one = [&](ByteView tail) {
        whole.assign(node.owner.begin(), node.owner.end());
        append(whole, tail);
        f(whole);
    };
    for (const RrSet& set : node.sets) {
        if (set.type != Type::soa) {
            for_each_tail(set.wire, one);
        }
        for_each_tail(set.signatures, one);
    }
}

template <class F>
void for_each_whole(const Zone::Nsec3& link, ByteView apex, F&& f) {
    const auto label = nsec3_label(link.hash);
    const auto one = [&](Type type, ByteView rdata) {
        Bytes whole{static_cast<std::uint8_t>(label.size())};
        append(whole, as_bytes(std::string_view(label.data(), label.size())));
        append(whole, apex);
        append_record(whole, type, link.ttl_s, rdata);
        f(whole);
    };
    one(Type::nsec3, link.rdata);
    for (const Signature& signature : link.signatures) {
        one(Type::rrsig, signature.rdata);
    }
}

Bytes whole_soa(const Zone::Node& apex) {
    Bytes whole = apex.owner;
    for_each_tail(apex.set(Type::soa)->wire, [&](ByteView tail) { append(whole, tail); });
    return whole;
}

}  // namespace

// A zone on its way from one snapshot to the next: shards are copied when they are first touched.
struct Zone::Changing {
    Zone& zone;
    std::array<std::shared_ptr<Shard>, shard_count> fresh{};
    struct Touched {
        NodePtr before;  // null: it was not there
        NodePtr after;   // null: it is gone
    };
    std::unordered_map<std::string, Touched> touched{};  // by owner
    std::array<std::shared_ptr<Chain>, 256> fresh_chain{};

    Shard& shard(std::size_t hash) {
        const std::size_t index = shard_index(hash);
        if (!fresh[index]) {
            const auto& old = zone.shards_[index];
            fresh[index] = old ? std::make_shared<Shard>(*old) : std::make_shared<Shard>();
            zone.shards_[index] = fresh[index];
        }
        return *fresh[index];
    }

    // Replaces a name's node by what `change` makes of a copy, or of an empty one. A node that then has neither records
    // nor children goes, and is one child fewer for its parent; a new one is one more. So empty non-terminals come and
    // go by themselves.
    void edit(const Name& name, const std::function<void(Node&)>& change) {
        auto node = std::make_shared<Node>();
        node->owner = name.to_wire();
        node->hash = hash_of(node->owner);
        auto& nodes = shard(node->hash).nodes;
        const auto at = nodes.find(Key{node->owner, node->hash});
        const bool existed = at != nodes.end();
        const auto [trace, first] = touched.try_emplace(std::string(as_text(node->owner)));
        if (existed) {
            if (first) {
                trace->second.before = *at;
            }
            *node = **at;
            nodes.erase(at);
        }
        change(*node);
        const bool exists = !node->sets.empty() || node->children > 0;
        trace->second.after = exists ? node : nullptr;
        if (exists) {
            nodes.insert(node);
        }
        if (name == zone.apex_) {
            zone.apex_node_ = node;
        }
        if (exists == existed) {
            return;
        }
        zone.name_count_ += exists ? 1 : static_cast<std::size_t>(-1);
        const Name parent = name.parent();
        if (name != zone.apex_ && parent != zone.apex_) {
            edit(parent, [exists](Node& p) { p.children += exists ? 1U : 0xffffffffU; });
        }
    }

    Chain& chain(const Nsec3Hash& hash) {
        auto& mine = fresh_chain[hash[0]];
        if (!mine) {
            const auto& old = zone.chain_[hash[0]];
            mine = old ? std::make_shared<Chain>(*old) : std::make_shared<Chain>();
            zone.chain_[hash[0]] = mine;
        }
        return *mine;
    }
    static Chain::iterator place(Chain& chain, const Nsec3Hash& hash) {
        return std::lower_bound(chain.begin(), chain.end(), hash,
                                [](const Nsec3Ptr& link, const Nsec3Hash& h) { return link->hash < h; });
    }

    // Brings the chain up to date with the names that came, went or hold other types now. What changed in it goes to
    // `before` and `after`.
    void link(std::vector<Nsec3Ptr>& before, std::vector<Nsec3Ptr>& after) {
        const Signing& signing = *zone.signing_;
        std::map<Nsec3Hash, Bytes> bitmaps;  // of the links to look at
        std::vector<Nsec3Hash> moved;        // came or went: the one before points elsewhere
        for (const auto& [owner, change] : touched) {
            const Nsec3Hash hash = nsec3_hash(as_bytes(owner));
            Chain& links = chain(hash);
            const auto at = place(links, hash);
            const bool known = at != links.end() && (*at)->hash == hash;
            if (!change.after) {
                if (known) {
                    before.push_back(*at);
                    links.erase(at);
                    moved.push_back(hash);
                }
                continue;
            }
            std::vector<Type> types;
            for (const RrSet& set : change.after->sets) {
                types.push_back(set.type);
            }
            if (!types.empty()) {
                types.push_back(Type::rrsig);
            }
            bitmaps[hash] = type_bitmap(std::move(types));
            if (!known) {
                auto fresh_link = std::make_shared<Nsec3>();
                fresh_link->hash = hash;
                links.insert(at, std::move(fresh_link));
                moved.push_back(hash);
            }
        }
        for (const Nsec3Hash& hash : moved) {
            Nsec3Hash earlier = hash;  // one less: the link before this place
            for (std::size_t i = earlier.size(); i-- > 0 && earlier[i]-- == 0;) {
            }
            const auto previous = zone.nsec3_at_or_before(earlier);
            bitmaps.try_emplace(previous->hash, previous->bitmap);
        }
        const std::uint32_t ttl_s = negative_ttl();
        for (const auto& [hash, bitmap] : bitmaps) {
            Chain& links = chain(hash);
            const auto at = place(links, hash);
            const Nsec3Hash next = zone.nsec3_after(hash);
            const Nsec3& old = **at;
            if (old.next == next && old.bitmap == bitmap && old.ttl_s == ttl_s && !old.rdata.empty() &&
                holds(signing, Type::nsec3, tags_of(old.signatures), first_expiry(old.signatures))) {
                continue;
            }
            auto made = std::make_shared<Nsec3>();
            made->hash = hash;
            made->next = next;
            made->bitmap = bitmap;
            made->ttl_s = ttl_s;
            made->rdata = nsec3_rdata(next, bitmap);
            const auto label = nsec3_label(hash);
            Bytes owner{static_cast<std::uint8_t>(label.size())};
            append(owner, as_bytes(std::string_view(label.data(), label.size())));
            append(owner, zone.apex_wire_);
            made->signatures = sign_rrset(signing, owner, Type::nsec3, ttl_s, {ByteView(made->rdata)}, zone.apex_wire_);
            if (!old.rdata.empty()) {
                before.push_back(*at);
            }
            after.push_back(made);
            *at = std::move(made);
        }
    }

    // RFC 9077 §3: as long as the SOA says that an absence may be remembered.
    [[nodiscard]] std::uint32_t negative_ttl() const {
        std::uint32_t ttl_s = 0;
        for_each_record(*zone.apex_node_->set(Type::soa), [&](const RenderedRecord& record) {
            ttl_s = std::min(record.ttl_s, std::get<SoaData>(*data_from_wire(Type::soa, record.rdata)).minimum);
        });
        return ttl_s;
    }
};

std::shared_ptr<const Zone::Nsec3> Zone::nsec3_at_or_before(const Nsec3Hash& hash) const {
    for (std::size_t step = 0; step <= chain_.size();
         ++step) {  // the chain is a ring: the last covers before the first
        const auto& links = chain_[(hash[0] + chain_.size() - step) % chain_.size()];
        if (!links || links->empty()) {
            continue;
        }
        if (step != 0) {
            return links->back();
        }
        const auto above = std::upper_bound(links->begin(), links->end(), hash,
                                            [](const Nsec3Hash& h, const Nsec3Ptr& link) { return h < link->hash; });
        if (above != links->begin()) {
            return *std::prev(above);
        }
    }
    return nullptr;
}

Nsec3Hash Zone::nsec3_after(const Nsec3Hash& hash) const {
    for (std::size_t step = 0; step <= chain_.size(); ++step) {
        const auto& links = chain_[(hash[0] + step) % chain_.size()];
        if (!links || links->empty()) {
            continue;
        }
        if (step != 0) {
            return links->front()->hash;
        }
        const auto above = std::upper_bound(links->begin(), links->end(), hash,
                                            [](const Nsec3Hash& h, const Nsec3Ptr& link) { return h < link->hash; });
        if (above != links->end()) {
            return (*above)->hash;
        }
    }
    return hash;  // the only one points to itself
}

namespace {

// Adds to `delta` what one name or link had and has not any more, and the other way round.
template <class Before, class After>
void note_difference(ZoneDelta& delta, const Before& before, const After& after) {
    std::vector<Bytes> old;
    std::vector<Bytes> now;
    before([&](const Bytes& whole) { old.push_back(whole); });
    after([&](const Bytes& whole) { now.push_back(whole); });
    std::ranges::sort(old);
    std::ranges::sort(now);
    std::ranges::set_difference(old, now, std::back_inserter(delta.removed));
    std::ranges::set_difference(now, old, std::back_inserter(delta.added));
}

}  // namespace

void Zone::remember(ZoneDelta delta) {
    for (const auto* records : {&delta.removed, &delta.added}) {
        for (const Bytes& record : *records) {
            delta.bytes += record.size();
        }
    }
    journal_.push_back(std::make_shared<const ZoneDelta>(std::move(delta)));
    std::size_t bytes = 0;
    std::size_t kept = 0;
    while (kept < std::min(journal_.size(), journal_changes_max) &&
           (bytes += journal_[journal_.size() - 1 - kept]->bytes) <= journal_bytes_max) {
        ++kept;
    }
    journal_.erase(journal_.begin(), journal_.end() - static_cast<std::ptrdiff_t>(kept));
}

Result<ZonePtr> Zone::with(const std::vector<NameRecords>& changes, SigningPtr signing) const {
    const std::shared_ptr<Zone> next(new Zone(*this));
    next->signing_ = std::move(signing);
    Changing changing{*next};
    for (const auto& change : changes) {
        if (!change.name.is_under(apex_)) {
            return invalid_input(change.name.fqdn(), "outside the zone " + apex_.fqdn());
        }
        auto sets = render(change, change.name == apex_);
        if (!sets) {
            return sets.error();
        }
        changing.edit(change.name, [&](Node& node) {
            if (next->signing_) {
                sign_sets(*next->signing_, node.owner, apex_wire_, *sets, node.sets);
            }
            node.sets = std::move(*sets);
        });
    }
    const auto* soa = next->apex_node_ ? next->apex_node_->set(Type::soa) : nullptr;
    if (soa == nullptr || next->apex_node_->set(Type::ns) == nullptr) {
        return invalid_input(apex_.fqdn(), "the apex needs one SOA and at least one NS record");
    }
    for_each_record(*soa, [&](const RenderedRecord& record) {
        next->serial_ = std::get<SoaData>(*data_from_wire(Type::soa, record.rdata)).serial;
    });
    std::vector<Nsec3Ptr> links_before;
    std::vector<Nsec3Ptr> links_after;
    if (next->signing_) {
        changing.link(links_before, links_after);
    }
    if (apex_node_ && next->serial_ != serial_) {
        ZoneDelta delta{serial_, next->serial_, whole_soa(*apex_node_), whole_soa(*next->apex_node_), {}, {}, 0};
        for (const auto& [owner, change] : changing.touched) {
            const auto of = [](const NodePtr& node) {
                return [&node](auto&& f) {
                    if (node) {
                        for_each_whole(*node, f);
                    }
                };
            };
            note_difference(delta, of(change.before), of(change.after));
        }
        const auto links = [&](const std::vector<Nsec3Ptr>& those) {
            return [&](auto&& f) {
                for (const Nsec3Ptr& link : those) {
                    for_each_whole(*link, apex_wire_, f);
                }
            };
        };
        note_difference(delta, links(links_before), links(links_after));
        next->remember(std::move(delta));
    } else {
        next->journal_.clear();  // two contents under one serial: nobody may go from one to the other
    }
    return ZonePtr(next);
}

std::vector<NameRecords> Zone::due(std::size_t names_max) const {
    std::vector<NameRecords> out;
    if (!signing_) {
        return out;
    }
    for (const auto& shard : shards_) {
        if (!shard) {
            continue;
        }
        for (const auto& node : shard->nodes) {
            const auto link = nsec3_at_or_before(nsec3_hash(node->owner));
            const bool fine =
                holds(*signing_, Type::nsec3, tags_of(link->signatures), first_expiry(link->signatures)) &&
                std::ranges::all_of(
                    node->sets, [&](const RrSet& set) { return holds(*signing_, set.type, set.tags, set.expires); });
            ByteReader reader(node->owner);
            if (const auto name = fine ? Result<Name>(Name()) : Name::from_wire(reader); !fine && name) {
                out.push_back({*name, records(*name)});
                if (out.size() >= names_max) {
                    return out;
                }
            }
        }
    }
    return out;
}

Zone::SignatureState Zone::signature_state() const {
    SignatureState state;
    std::set<std::uint16_t> tags;
    std::uint32_t first = 0xffffffffU;
    for (const auto& shard : shards_) {
        if (shard) {
            for (const auto& node : shard->nodes) {
                for (const RrSet& set : node->sets) {
                    tags.insert(set.tags.begin(), set.tags.end());
                    first = std::min(first, set.expires);
                }
            }
        }
    }
    for (const auto& links : chain_) {
        if (links) {
            for (const auto& link : *links) {
                first = std::min(first, first_expiry(link->signatures));
                for (const Signature& one : link->signatures) {
                    tags.insert(one.tag);
                }
            }
        }
    }
    if (signing_) {
        state.first_expiry = first;
        state.tags.assign(tags.begin(), tags.end());
    }
    return state;
}

void Zone::each_record(std::size_t part, const std::function<void(ByteView)>& take) const {
    const auto f = [&](const Bytes& whole) { take(whole); };
    if (part < shard_count) {
        if (shards_[part]) {
            for (const auto& node : shards_[part]->nodes) {
                for_each_whole(*node, f);
            }
        }
    } else if (part < record_parts && chain_[part - shard_count]) {
        for (const auto& link : *chain_[part - shard_count]) {
            for_each_whole(*link, apex_wire_, f);
        }
    }
}

Bytes Zone::soa_record() const {
    return whole_soa(*apex_node_);
}

std::optional<std::vector<ZoneDeltaPtr>> Zone::changes_since(std::uint32_t serial) const {
    const auto from = std::ranges::find_if(journal_, [&](const ZoneDeltaPtr& delta) { return delta->from == serial; });
    if (from == journal_.end()) {
        return std::nullopt;
    }
    return std::vector<ZoneDeltaPtr>(from, journal_.end());
}

Result<ZonePtr> Zone::build(const Name& apex, std::vector<Record> records, SigningPtr signing) {
    std::unordered_map<Name, std::size_t> index;
    std::vector<NameRecords> names;
    for (auto& record : records) {
        const auto [at, fresh] = index.try_emplace(record.name, names.size());
        if (fresh) {
            names.push_back({record.name, {}});
        }
        names[at->second].records.push_back(std::move(record));
    }
    Zone empty;
    empty.apex_ = apex;
    empty.apex_wire_ = apex.to_wire();
    return empty.with(names, std::move(signing));
}

std::vector<Record> Zone::records(const Name& name) const {
    std::vector<Record> out;
    const Node* node = find(name.to_wire());
    if (node == nullptr) {
        return out;
    }
    for (const auto& set : node->sets) {
        for_each_record(set, [&](const RenderedRecord& record) {
            out.push_back({name, record.type, record.ttl_s, *data_from_wire(record.type, record.rdata)});
        });
    }
    return out;
}

// --- Answering -------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t name_wire_max = 255;

// A name from a question in lower case on the stack, and where it leaves the zone's apex.
struct LowerName {
    std::array<std::uint8_t, name_wire_max> octets{};
    std::size_t size;

    explicit LowerName(ByteView wire) : size(wire.size()) {
        std::transform(wire.begin(), wire.end(), octets.begin(), [](std::uint8_t octet) {
            return static_cast<std::uint8_t>(to_lower(static_cast<char>(octet)));  // lengths are below 'A'
        });
    }
    [[nodiscard]] ByteView wire() const { return ByteView(octets).first(size); }

    // Whether the apex is this name's end, beginning at one of its labels.
    [[nodiscard]] bool lies_under(ByteView apex) const {
        if (apex.size() > size) {
            return false;
        }
        const std::size_t begin = size - apex.size();
        std::size_t label = 0;
        while (label < begin) {
            label += 1U + octets[label];
        }
        return label == begin &&
               std::equal(apex.begin(), apex.end(), octets.begin() + static_cast<std::ptrdiff_t>(begin));
    }
};

void put_u16(Bytes& out, std::size_t at, std::size_t value) {
    out[at] = static_cast<std::uint8_t>(value >> 8U);
    out[at + 1] = static_cast<std::uint8_t>(value);
}

// One response being written. Counts and flags go into the header at the end.
class Response {
public:
    Response(const Query& query, Transport transport, Bytes& out) : query_(query), transport_(transport), out_(out) {
        header_.id = query.header.id;
        header_.response = true;
        header_.opcode = query.header.opcode;
        header_.recursion_desired = query.header.recursion_desired;
        header_.checking_disabled = query.header.checking_disabled;  // RFC 4035 §3.1.6
        header_.question_count = query.question.empty() ? 0 : 1;
        out_.assign(header_bytes, 0);
        append(out_, query.question);  // as asked: the case is the asker's (draft-vixie-dnsext-dns0x20)
    }

    void authoritative() { header_.authoritative = true; }
    void rcode(Rcode rcode) { rcode_ = static_cast<unsigned>(rcode); }

    // RFC 4035 §3.1.1: whoever sets DO gets the signatures too.
    [[nodiscard]] bool dnssec() const { return query_.edns && query_.edns->dnssec_ok; }

    // `owner` is the offset of the records' name in the message.
    void answer(const RrSet& set, std::size_t owner) {
        answer(set.wire, set.count, owner);
        if (dnssec()) {
            answer(set.signatures, set.signature_count, owner);
        }
    }
    // RFC 8482 §4.1 in the same spirit: of the signatures at a name, those of one set.
    void answer_signatures(const RrSet& set, std::size_t owner) { answer(set.signatures, set.signature_count, owner); }

    void answer(ByteView rendered, std::uint16_t count, std::size_t owner) {
        const std::size_t begin = out_.size();
        append(out_, rendered);
        if (owner != header_bytes) {
            for (std::size_t at = begin; at < out_.size();) {
                put_u16(out_, at, 0xc000U | owner);
                at += 12U + (static_cast<std::size_t>(out_[at + 10]) << 8U | out_[at + 11]);
            }
        }
        header_.answer_count = static_cast<std::uint16_t>(header_.answer_count + count);
    }

    // RFC 2308 §3, §5: the SOA with the TTL for which the absence may be remembered.
    void negative(const RrSet& soa, std::size_t apex_offset) {
        std::array<std::uint8_t, 4> ttl{};
        std::copy(soa.wire.end() - 4, soa.wire.end(), ttl.begin());  // the minimum; the TTL itself stands at 6
        if (!std::lexicographical_compare(ttl.begin(), ttl.end(), soa.wire.begin() + 6, soa.wire.begin() + 10)) {
            std::copy(soa.wire.begin() + 6, soa.wire.begin() + 10, ttl.begin());
        }
        const auto add = [&](ByteView rendered, std::uint16_t count) {
            std::size_t at = out_.size();
            append(out_, rendered);
            while (at < out_.size()) {
                put_u16(out_, at, 0xc000U | apex_offset);
                std::copy(ttl.begin(), ttl.end(), out_.begin() + static_cast<std::ptrdiff_t>(at + 6));
                at += rendered_fixed_bytes + (static_cast<std::size_t>(out_[at + 10]) << 8U | out_[at + 11]);
            }
            header_.authority_count = static_cast<std::uint16_t>(header_.authority_count + count);
        };
        add(soa.wire, soa.count);
        if (dnssec()) {
            add(soa.signatures, soa.signature_count);
        }
    }

    // A link of the NSEC3 chain with its signatures, once.
    void proof(const Zone::Nsec3& link, std::size_t apex_offset) {
        if (std::find(proofs_.begin(), proofs_.begin() + proof_count_, &link) != proofs_.begin() + proof_count_) {
            return;
        }
        proofs_[static_cast<std::size_t>(proof_count_++)] = &link;
        const std::size_t owner = out_.size();
        const auto label = nsec3_label(link.hash);
        out_.push_back(static_cast<std::uint8_t>(label.size()));
        append(out_, as_bytes(std::string_view(label.data(), label.size())));
        append_u16(out_, static_cast<std::uint16_t>(0xc000U | apex_offset));
        append_record(out_, Type::nsec3, link.ttl_s, link.rdata);
        for (const Signature& signature : link.signatures) {
            append_u16(out_, static_cast<std::uint16_t>(0xc000U | owner));
            append_record(out_, Type::rrsig, link.ttl_s, signature.rdata);
        }
        header_.authority_count = static_cast<std::uint16_t>(header_.authority_count + 1 + link.signatures.size());
    }

    // RFC 8482 §4.2: ANY gets one small record that says why.
    void any_refusal() {
        append_u16(out_, qname_pointer);
        append_u16(out_, static_cast<std::uint16_t>(Type::hinfo));
        append_u16(out_, class_in);
        append_u32(out_, any_ttl_s);
        append_u16(out_, 9);
        out_.push_back(7);
        append(out_, as_bytes("RFC8482"));
        out_.push_back(0);
        header_.answer_count = 1;
    }

    // Where the data of the last record begins that was written, when it is `bytes` long.
    [[nodiscard]] std::size_t data_offset(std::size_t bytes) const { return out_.size() - bytes; }

    void finish() {
        constexpr std::size_t opt_bytes = 11;
        if (out_.size() + (query_.edns ? opt_bytes : 0) > limit()) {
            // RFC 2181 §9: a cut RRset is of no use; the asker comes again over TCP.
            out_.resize(header_bytes + query_.question.size());
            header_.answer_count = 0;
            header_.authority_count = 0;
            header_.truncated = true;
        }
        if (query_.edns) {  // RFC 6891 §6.1.1: OPT in, OPT out; DO is copied (RFC 3225 §3)
            Edns edns;
            edns.extended_rcode = static_cast<std::uint8_t>(rcode_ >> 4U);
            edns.dnssec_ok = query_.edns->dnssec_ok;
            append_opt(out_, edns);
            header_.additional_count = 1;
        }
        header_.rcode = static_cast<std::uint8_t>(rcode_ & 0xfU);
        const auto header = encode_header(header_);
        std::copy(header.begin(), header.end(), out_.begin());
    }

private:
    [[nodiscard]] std::size_t limit() const {
        if (transport_ == Transport::tcp) {
            return 0xffff;
        }
        // RFC 6891 §6.2.3: less than 512 counts as 512.
        return query_.edns ? std::clamp(query_.edns->udp_bytes, udp_bytes_without_edns, udp_bytes_ours)
                           : udp_bytes_without_edns;
    }

    const Query& query_;
    Transport transport_;
    Bytes& out_;
    Header header_;
    unsigned rcode_ = 0;
    std::array<const Zone::Nsec3*, 3> proofs_{};
    std::ptrdiff_t proof_count_ = 0;
};

}  // namespace

// RFC 1034 §4.3.2 for a zone without delegations.
struct Zone::Resolution {
    const Zone& zone;
    Response& out;
    Type type;

    void run(ByteView qname) {
        out.authoritative();
        LowerName name(qname);
        std::size_t owner = header_bytes;
        for (int hop = 0; hop <= cname_hops_max; ++hop) {  // a loop of CNAMEs ends with what was found
            const Node* node = zone.find(name.wire());
            if (node == nullptr) {
                out.rcode(Rcode::nxdomain);  // RFC 2308 §2.1: also of the last name of a CNAME chain
                absent(name, owner);
                return;
            }
            const bool everything = type == Type::any || type == Type::rrsig;
            const RrSet* cname = node->set(Type::cname);
            const RrSet* wanted = everything ? nullptr : node->set(type);
            if (wanted != nullptr) {
                out.answer(*wanted, owner);
                return;
            }
            if (cname == nullptr && everything && !node->sets.empty() && (zone.signing_ || type == Type::any)) {
                one_of_all(*node, owner);
                return;
            }
            if (cname == nullptr) {
                absent(name, owner);  // NODATA, also at an empty non-terminal (RFC 8020 §3.1)
                return;
            }
            out.answer(*cname, owner);
            const ByteView target = data_of_first(*cname);
            owner = cname_target_offset(*cname, target);
            name = LowerName(target);
            if (everything || !name.lies_under(zone.apex_wire_)) {
                return;
            }
        }
    }

    // RFC 8482: what ANY gets. In a signed zone a record of our making would be bogus, so it is one set that is there.
    void one_of_all(const Node& node, std::size_t owner) const {
        if (!zone.signing_) {
            out.any_refusal();
        } else if (type == Type::rrsig) {
            out.answer_signatures(node.sets.front(), owner);
        } else {
            out.answer(node.sets.front(), owner);
        }
    }

    static ByteView data_of_first(const RrSet& set) { return ByteView(set.wire).subspan(rendered_fixed_bytes); }
    // Where the data of a CNAME just written stands: before its signatures, if those were written too.
    [[nodiscard]] std::size_t cname_target_offset(const RrSet& cname, ByteView target) const {
        return out.data_offset(target.size() + (out.dnssec() ? cname.signatures.size() : 0));
    }

    void absent(const LowerName& name, std::size_t owner) const {
        const std::size_t apex_offset = owner + name.size - zone.apex_wire_.size();
        out.negative(*zone.apex_node_->set(Type::soa), apex_offset);
        if (zone.signing_ && out.dnssec()) {
            prove(name.wire(), apex_offset);
        }
    }

    // RFC 5155 §7.2: a name that exists shows its link (NODATA, §7.2.3). Of one that does not: the closest name above
    // it that exists, that the next longer one does not, and that no wildcard could have answered (§7.2.2).
    void prove(ByteView name, std::size_t apex_offset) const {
        const auto show = [&](ByteView wire) { out.proof(*zone.nsec3_at_or_before(nsec3_hash(wire)), apex_offset); };
        ByteView encloser = name;
        ByteView next_closer = name;
        while (zone.find(encloser) == nullptr) {
            next_closer = encloser;
            encloser = encloser.subspan(1U + encloser[0]);
        }
        show(encloser);
        if (encloser.size() == name.size()) {
            return;
        }
        show(next_closer);
        std::array<std::uint8_t, name_wire_max + 2> wildcard{1, '*'};
        std::copy(encloser.begin(), encloser.end(), wildcard.begin() + 2);
        show(ByteView(wildcard).first(encloser.size() + 2));
    }
};

bool Zone::answer(ByteView packet, Transport transport, Bytes& response) const {
    response.clear();
    const Query query = read_query(packet);
    if (query.fault == QueryFault::not_a_query) {
        return false;
    }
    Response out(query, transport, response);
    if (query.fault != QueryFault::none) {
        out.rcode(query.fault == QueryFault::formerr ? Rcode::formerr : Rcode::notimp);
    } else if (query.edns && query.edns->version > 0) {
        out.rcode(Rcode::badvers);  // RFC 6891 §6.1.3
    } else if (query.klass != class_in || query.type == Type::axfr || query.type == Type::ixfr ||
               !LowerName(query.name).lies_under(apex_wire_)) {
        out.rcode(Rcode::refused);
    } else {
        Resolution{*this, out, query.type}.run(query.name);
    }
    out.finish();
    return true;
}

std::optional<Bytes> Zone::answer(ByteView packet, Transport transport) const {
    Bytes response;
    return answer(packet, transport, response) ? std::optional<Bytes>(std::move(response)) : std::nullopt;
}

// --- The zone that is served -----------------------------------------------------------------------------------------

void LiveZone::publish(ZonePtr zone) {
    zone_.with([&](ZonePtr& current) { current.swap(zone); });
    version_.fetch_add(1, std::memory_order_release);
}  // the old snapshot goes here, outside the lock

ZonePtr LiveZone::current() const {
    return zone_.with([](const ZonePtr& zone) { return zone; });
}

Result<void> LiveZone::change(const std::vector<NameRecords>& changes) {
    return change(changes, current()->signing());
}

Result<void> LiveZone::change(const std::vector<NameRecords>& changes, const SigningPtr& signing) {
    while (true) {
        const ZonePtr before = current();
        auto next = before->with(changes, signing);
        if (!next) {
            return next.error();
        }
        const bool published = zone_.with([&](ZonePtr& now) {
            if (now != before) {
                return false;
            }
            now = std::move(*next);
            return true;
        });
        if (published) {
            version_.fetch_add(1, std::memory_order_release);
            return {};
        }
    }
}

const Zone& LiveZone::Reader::zone() {
    const std::uint64_t version = live_->version_.load(std::memory_order_acquire);
    if (version != version_) {
        zone_ = live_->current();
        version_ = version;
    }
    return *zone_;
}

}  // namespace postseal::dns
