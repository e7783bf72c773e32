#include "dns/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
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

namespace {

using NodePtr = std::shared_ptr<const Zone::Node>;

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

// A zone on its way from one snapshot to the next: shards are copied when they are first touched.
struct Zone::Changing {
    Zone& zone;
    std::array<std::shared_ptr<Shard>, shard_count> fresh{};

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
        if (existed) {
            *node = **at;
            nodes.erase(at);
        }
        change(*node);
        const bool exists = !node->sets.empty() || node->children > 0;
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
};

Result<ZonePtr> Zone::with(const std::vector<NameRecords>& changes) const {
    const std::shared_ptr<Zone> next(new Zone(*this));
    Changing changing{*next};
    for (const auto& change : changes) {
        if (!change.name.is_under(apex_)) {
            return invalid_input(change.name.fqdn(), "outside the zone " + apex_.fqdn());
        }
        auto sets = render(change, change.name == apex_);
        if (!sets) {
            return sets.error();
        }
        changing.edit(change.name, [&](Node& node) { node.sets = std::move(*sets); });
    }
    const auto* soa = next->apex_node_ ? next->apex_node_->set(Type::soa) : nullptr;
    if (soa == nullptr || next->apex_node_->set(Type::ns) == nullptr) {
        return invalid_input(apex_.fqdn(), "the apex needs one SOA and at least one NS record");
    }
    for_each_record(*soa, [&](const RenderedRecord& record) {
        next->serial_ = std::get<SoaData>(*data_from_wire(Type::soa, record.rdata)).serial;
    });
    return ZonePtr(next);
}

Result<ZonePtr> Zone::build(const Name& apex, std::vector<Record> records) {
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
    return empty.with(names);
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

    // `owner` is the offset of the records' name in the message.
    void answer(const RrSet& set, std::size_t owner) {
        const std::size_t begin = out_.size();
        append(out_, set.wire);
        if (owner != header_bytes) {
            for (std::size_t at = begin; at < out_.size();) {
                put_u16(out_, at, 0xc000U | owner);
                at += 12U + (static_cast<std::size_t>(out_[at + 10]) << 8U | out_[at + 11]);
            }
        }
        header_.answer_count = static_cast<std::uint16_t>(header_.answer_count + set.count);
    }

    // RFC 2308 §3, §5: the SOA with the TTL for which the absence may be remembered.
    void negative(const RrSet& soa, std::size_t apex_offset) {
        const std::size_t begin = out_.size();
        append(out_, soa.wire);
        put_u16(out_, begin, 0xc000U | apex_offset);
        // The TTL stands at 6, the minimum in the last four octets.
        const auto ttl = out_.begin() + static_cast<std::ptrdiff_t>(begin + 6);
        if (std::lexicographical_compare(out_.end() - 4, out_.end(), ttl, ttl + 4)) {
            std::copy(out_.end() - 4, out_.end(), ttl);
        }
        header_.authority_count = 1;
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
            const RrSet* cname = node->set(Type::cname);
            const RrSet* wanted = type == Type::any ? nullptr : node->set(type);
            if (wanted != nullptr) {
                out.answer(*wanted, owner);
                return;
            }
            if (cname == nullptr && type == Type::any && !node->sets.empty()) {
                out.any_refusal();
                return;
            }
            if (cname == nullptr) {
                absent(name, owner);  // NODATA, also at an empty non-terminal (RFC 8020 §3.1)
                return;
            }
            out.answer(*cname, owner);
            const ByteView target = ByteView(cname->wire).subspan(rendered_fixed_bytes);
            owner = out.data_offset(target.size());
            name = LowerName(target);
            if (type == Type::any || !name.lies_under(zone.apex_wire_)) {
                return;
            }
        }
    }

    void absent(const LowerName& name, std::size_t owner) {
        out.negative(*zone.apex_node_->set(Type::soa), owner + name.size - zone.apex_wire_.size());
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
    while (true) {
        const ZonePtr before = current();
        auto next = before->with(changes);
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
