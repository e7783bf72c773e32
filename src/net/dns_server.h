// The sockets of an authoritative DNS server (RFC 1035 §4.2, RFC 7766): UDP in batches, TCP with length prefixes. What
// the answers are is the handler's matter.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/record.h"
#include "net/listen_address.h"
#include "net/poller.h"

namespace postseal::net {

struct DnsQuery {
    enum class Transport { udp, tcp };
    ByteView message;  // as received, 1–65535 bytes, not looked at
    Transport transport = Transport::udp;
    dns::IpAddress client;
};

// Writes the whole reply message into `reply` (empty on entry, its capacity is kept); false = no reply at all. Called
// on every poller at once: share nothing that needs a lock for long. Truncation to the client's UDP size is the
// handler's.
using DnsHandler = std::function<bool(const DnsQuery& query, Bytes& reply)>;

// An answer of several messages, over TCP (RFC 5936 §2.2). On the connection's thread.
class DnsMessages {
public:
    DnsMessages() = default;
    DnsMessages(const DnsMessages&) = delete;
    DnsMessages& operator=(const DnsMessages&) = delete;
    virtual ~DnsMessages() = default;
    // Writes the next whole message, at most 65535 bytes; false: that was all. An empty one ends the connection.
    virtual bool next(Bytes& message) = 0;
};
// Looks at each query over TCP first; null: it is the handler's.
using DnsTransferHandler = std::function<std::unique_ptr<DnsMessages>(const DnsQuery& query)>;

struct DnsServerSettings {
    std::size_t tcp_connections_max = 1000;  // of each poller
    std::chrono::seconds tcp_idle_timeout{10};
    std::size_t udp_receive_buffer_bytes = std::size_t{4} << 20;
};

class DnsServer {
public:
    DnsServer(PollerPool& pollers, DnsServerSettings settings, DnsHandler handler, DnsTransferHandler transfers = {});
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;
    ~DnsServer();

    // UDP and TCP on one port (port 0: the same free one). Before or while the pollers run.
    Result<void> listen(const ListenAddress& address);
    [[nodiscard]] std::vector<ListenAddress> addresses() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace postseal::net
