// The PROXY protocol of HAProxy, versions 1 and 2: what a load balancer says before a connection's own first byte, so
// that the client's address is known behind it. Pure. Whoever reads it has checked that the peer is a balancer: from
// anybody else it would be a forged address.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "dns/record.h"

namespace postseal::net {

// A version 2 header with more than this (TLS details, identifiers of cloud networks) is none that we know.
constexpr std::size_t proxy_header_bytes_max = 2048;

struct ProxyHeader {
    std::size_t size = 0;                  // bytes that belong to it
    std::optional<dns::IpAddress> client;  // none: the balancer speaks for itself (health check) or does not know
};

// Nothing: these bytes are the beginning of a header, all of them. Error invalid_input: they are not.
Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view bytes);

}  // namespace postseal::net
