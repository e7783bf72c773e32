// Postfix's socketmap protocol: netstrings "<map> <key>" in, "OK …", "NOTFOUND " or "TEMP …" out, any number per
// connection, answered in order. And the line protocol for Exim and scripts: "GET <key>\n" → one line; and
// "MX <key> 10 <host> 20 <host>\n" → which of these MX hosts the policy allows, in the order to try them.
#pragma once

#include <memory>

#include "net/stream_server.h"
#include "sender/policy_daemon.h"

namespace postseal::sender {

// Longer requests than Postfix sends (socketmap_max_query_size) end the connection.
constexpr std::size_t request_bytes_max = 11'000;  // Postfix keeps a key below 10,000; the map's name comes on top

std::unique_ptr<net::StreamProtocol> make_socketmap_protocol(PolicyDaemon& daemon);
std::unique_ptr<net::StreamProtocol> make_line_protocol(PolicyDaemon& daemon);

// Connections that Postfix keeps open between requests are closed by us only after it would have closed them (it keeps
// them for 10 s idle, 100 s in all): else it would log an error and ask again.
net::StreamServerSettings policy_server_settings();

}  // namespace postseal::sender
