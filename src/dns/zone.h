// A zone that we are authoritative for, in memory, and its answers (RFC 1034 §4.3.2, RFC 2308, EDNS: RFC 6891).
//
// Journey 2: `hosting` decides which records exist and publishes snapshots; the DNS listener hands each packet to
// answer().
//
// A Zone never changes. with() gives a new one that shares everything that stayed the same: the names are spread over
// 256 shards by hash, and a change copies the pointers of the shards it touches (a few hundred at 100,000 names), not
// the zone. Every record is rendered once, when its name changes, so that an answer is one hash lookup and a few
// copies. LiveZone holds the current snapshot; each thread's Reader sees the zone of one moment and shares nothing hot.
//
// A signed zone (dns/dnssec.h) carries its signatures and its NSEC3 chain: what a change touches is signed when it is
// made, everything else keeps its signature, and an answer costs no signature. Each snapshot also knows the last
// changes record by record, for IXFR.
//
// Left out on purpose, since no name behind a hosting label needs it: delegations, wildcards, DNAME.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/guarded.h"
#include "base/result.h"
#include "dns/dnssec.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/record.h"

namespace postseal::dns {

enum class Transport { udp, tcp };

class Zone;
using ZonePtr = std::shared_ptr<const Zone>;

// All records of one name, of every type; none = the name goes.
struct NameRecords {
    Name name;
    std::vector<Record> records;
};

// What one change did, for IXFR (RFC 1995 §4): whole records on the wire without compression, SOA records apart.
struct ZoneDelta {
    std::uint32_t from = 0;  // serials
    std::uint32_t to = 0;
    Bytes old_soa;
    Bytes new_soa;
    std::vector<Bytes> removed;
    std::vector<Bytes> added;
    std::size_t bytes = 0;
};
using ZoneDeltaPtr = std::shared_ptr<const ZoneDelta>;

class Zone {
public:
    // Records in any order. Errors: no or two SOA at the apex, no NS there, and what with() refuses. With `signing` the
    // zone is signed from now on.
    static Result<ZonePtr> build(const Name& apex, std::vector<Record> records, SigningPtr signing = nullptr);

    // A new zone in which each of these names has exactly these records; all of them or, with an error, none. A later
    // change of the same name wins. Refused: a name outside the zone, a record whose name is another, data that does
    // not fit its type, CNAME beside other data (RFC 1034 §3.6.2) or at the apex, NS or SOA below the apex, an apex
    // without SOA and NS, more than 32 KiB of records at one name. The records of one type get one TTL, the lowest (RFC
    // 2181 §5.2); the same record twice counts once.
    [[nodiscard]] Result<ZonePtr> with(const std::vector<NameRecords>& changes) const {
        return with(changes, signing_);
    }
    // The same, and from now on with these keys: only of a zone that is signed already. The names that the change does
    // not touch keep their signatures until due() names them.
    [[nodiscard]] Result<ZonePtr> with(const std::vector<NameRecords>& changes, SigningPtr signing) const;

    // Names with a signature that runs out or is by a key that no longer signs, as they are: with() signs them anew. At
    // most `names_max`.
    [[nodiscard]] std::vector<NameRecords> due(std::size_t names_max) const;
    struct SignatureState {
        std::uint32_t first_expiry = 0;        // 0: not signed
        std::vector<std::uint16_t> tags = {};  // of the keys that made them
    };
    // Of every signature in the zone: a walk through all of it.
    [[nodiscard]] SignatureState signature_state() const;
    [[nodiscard]] const SigningPtr& signing() const { return signing_; }
    [[nodiscard]] bool is_signed() const { return signing_ != nullptr; }

    // Writes the response to one packet into `response` (its capacity is kept, nothing else is allocated). False: no
    // answer must be sent. Never fails otherwise: what cannot be answered gets an error code.
    bool answer(ByteView packet, Transport transport, Bytes& response) const;
    [[nodiscard]] std::optional<Bytes> answer(ByteView packet, Transport transport) const;

    [[nodiscard]] const Name& apex() const { return apex_; }
    [[nodiscard]] std::uint32_t serial() const { return serial_; }
    // What is published at a name; empty also when only names below it exist.
    [[nodiscard]] std::vector<Record> records(const Name& name) const;
    // Names that exist, with the empty ones between (RFC 8020 §2).
    [[nodiscard]] std::size_t name_count() const { return name_count_; }

    // Every record for a transfer (RFC 5936 §2.2), without the SOA, whole and without compression, in pieces numbered
    // from 0 to record_parts - 1.
    static constexpr std::size_t record_parts = 512;
    void each_record(std::size_t part, const std::function<void(ByteView)>& take) const;
    [[nodiscard]] Bytes soa_record() const;
    // The changes from `serial` to this zone, oldest first; none: they are not known any more.
    [[nodiscard]] std::optional<std::vector<ZoneDeltaPtr>> changes_since(std::uint32_t serial) const;

    struct Node;  // one name (zone.cpp)
    struct Shard;
    struct Nsec3;

private:
    static constexpr std::size_t shard_count = 256;
    static constexpr std::size_t journal_changes_max = 500;
    static constexpr std::size_t journal_bytes_max = std::size_t{16} << 20;
    struct Changing;
    struct Resolution;
    using Chain = std::vector<std::shared_ptr<const Nsec3>>;  // in the order of the hashes

    Zone() = default;
    [[nodiscard]] const Node* find(ByteView lower_case_wire) const;
    // The NSEC3 whose hash is this one, or the last before it: the one that covers it.
    [[nodiscard]] std::shared_ptr<const Nsec3> nsec3_at_or_before(const Nsec3Hash& hash) const;
    [[nodiscard]] Nsec3Hash nsec3_after(const Nsec3Hash& hash) const;
    void remember(ZoneDelta delta);

    Name apex_;
    Bytes apex_wire_;
    std::uint32_t serial_ = 0;
    std::size_t name_count_ = 0;
    std::array<std::shared_ptr<const Shard>, shard_count> shards_;
    std::shared_ptr<const Node> apex_node_;
    SigningPtr signing_;
    std::array<std::shared_ptr<const Chain>, 256> chain_;  // by the first octet of the hash
    std::vector<ZoneDeltaPtr> journal_;                    // oldest first
};

// The zone that is served now. publish() may be called from any thread.
class LiveZone {
public:
    explicit LiveZone(ZonePtr zone) : zone_(std::move(zone)) {}
    LiveZone(const LiveZone&) = delete;
    LiveZone& operator=(const LiveZone&) = delete;

    void publish(ZonePtr zone);
    [[nodiscard]] ZonePtr current() const;

    // Replaces the current zone by `current().with(changes)`; begins again when another thread was faster, so that no
    // change is lost. When this or publish() returns, every answer that begins later comes from the new zone.
    Result<void> change(const std::vector<NameRecords>& changes);
    Result<void> change(const std::vector<NameRecords>& changes, const SigningPtr& signing);

    // One per thread: remembers the snapshot and asks for another only when one was published. Usually one atomic read.
    class Reader {
    public:
        explicit Reader(const LiveZone& live) : live_(&live) {}
        // Valid until the next call.
        const Zone& zone();

    private:
        const LiveZone* live_;
        std::uint64_t version_ = 0;
        ZonePtr zone_;
    };

private:
    Guarded<ZonePtr> zone_;
    std::atomic<std::uint64_t> version_{1};
};

}  // namespace postseal::dns
