// Secondaries of the hosting zone (design §3: a hidden primary for Knot, NSD or BIND): who may transfer it, with which
// TSIG key, and NOTIFY when it changes (RFC 1996).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "dns/tsig.h"
#include "dns/zone.h"
#include "net/dns_server.h"

namespace postseal::hosting {

struct Secondary {
    dns::IpAddress address;
    std::uint16_t port = 53;
    std::optional<dns::Name> key;  // none: by its address alone
};

struct TransferSettings {
    std::vector<Secondary> secondaries;
    std::vector<dns::TsigKey> keys;
};

class ZoneTransfers {
public:
    ZoneTransfers(TransferSettings settings, std::shared_ptr<const dns::LiveZone> zone, const Clock& clock, Log& log);
    ZoneTransfers(const ZoneTransfers&) = delete;
    ZoneTransfers& operator=(const ZoneTransfers&) = delete;
    ~ZoneTransfers();

    // For the listeners, any thread. They have to end before this object.
    // `plain` answers what is no transfer; a question with a TSIG gets its answer signed (RFC 8945 §5.3).
    [[nodiscard]] net::DnsHandler handler(net::DnsHandler plain);
    [[nodiscard]] net::DnsTransferHandler transfers();

    // A few times a second, by one thread: tells each secondary of a new serial until it answers, five times at most,
    // with longer and longer breaks. One that never answers has the SOA's refresh time.
    void tick();

    struct Figures {
        std::atomic<std::uint64_t> whole{0};
        std::atomic<std::uint64_t> changes{0};
        std::atomic<std::uint64_t> up_to_date{0};
        std::atomic<std::uint64_t> refused{0};
        std::atomic<std::uint64_t> notifies{0};
        std::atomic<std::uint64_t> notifies_unanswered{0};
    };
    [[nodiscard]] const Figures& figures() const { return figures_; }

private:
    struct Notifier;
    // Whether this client may have the zone with the key it showed.
    [[nodiscard]] bool may_transfer(const dns::IpAddress& client, const dns::TsigKey* key) const;

    TransferSettings settings_;
    std::shared_ptr<const dns::LiveZone> zone_;
    const Clock& clock_;
    Log& log_;
    Figures figures_;
    std::unique_ptr<Notifier> notifier_;
};

}  // namespace postseal::hosting
