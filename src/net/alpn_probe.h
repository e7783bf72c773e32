// One TLS handshake with one ALPN protocol (RFC 7301), to see which certificate a server shows for it: what a CA does
// for tls-alpn-01 (RFC 8737 §3), done beforehand by ourselves. No certificate is refused here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/record.h"
#include "net/loop.h"

namespace postseal::net {

struct AlpnProbe {
    dns::IpAddress address;
    std::uint16_t port = 443;
    dns::Name server_name;  // SNI
    std::string protocol;   // "acme-tls/1"
    std::chrono::milliseconds timeout{10'000};
};

// `done` on the loop, with the leaf in DER. Errors: temporary (no connection, time is up), refused (the server knows
// neither the name nor the protocol, or speaks no TLS). The address was checked by the caller (rule 20).
void probe_alpn(Loop& loop, const AlpnProbe& probe, std::function<void(Result<Bytes>)> done);

}  // namespace postseal::net
