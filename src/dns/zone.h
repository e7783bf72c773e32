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
// Left out on purpose, since no name behind a hosting label needs it: delegations, wildcards, DNAME, DNSSEC.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/guarded.h"
#include "base/result.h"
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

class Zone {
public:
    // Records in any order. Errors: no or two SOA at the apex, no NS there, and what with() refuses.
    static Result<ZonePtr> build(const Name& apex, std::vector<Record> records);

    // A new zone in which each of these names has exactly these records; all of them or, with an error, none. A later
    // change of the same name wins. Refused: a name outside the zone, a record whose name is another, data that does
    // not fit its type, CNAME beside other data (RFC 1034 §3.6.2) or at the apex, NS or SOA below the apex, an apex
    // without SOA and NS, more than 32 KiB of records at one name. The records of one type get one TTL, the lowest (RFC
    // 2181 §5.2); the same record twice counts once.
    [[nodiscard]] Result<ZonePtr> with(const std::vector<NameRecords>& changes) const;

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

    struct Node;  // one name (zone.cpp)
    struct Shard;

private:
    static constexpr std::size_t shard_count = 256;
    struct Changing;
    struct Resolution;

    Zone() = default;
    [[nodiscard]] const Node* find(ByteView lower_case_wire) const;

    Name apex_;
    Bytes apex_wire_;
    std::uint32_t serial_ = 0;
    std::size_t name_count_ = 0;
    std::array<std::shared_ptr<const Shard>, shard_count> shards_;
    std::shared_ptr<const Node> apex_node_;
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
