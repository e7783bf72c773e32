// An HTTP/1.1 server (RFC 9112), plain or TLS, on TCP or unix sockets: policy host, intake, panel and API, metrics.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/record.h"
#include "net/address_prefix.h"
#include "net/https_client.h"  // HttpHeaders
#include "net/listen_address.h"
#include "net/loop.h"
#include "net/tls.h"

namespace postseal::net {

struct HttpRequest {
    std::string method;  // "GET"
    std::string target;  // as sent
    std::string path;    // %-decoded once, begins with '/', no NUL; "." and ".." segments are refused with 400
    std::string query;   // raw, without '?'
    HttpHeaders headers;
    std::string body;
    std::optional<dns::IpAddress> peer;  // none on a unix socket
    std::string sni;                     // "" without TLS
    bool secure = false;
    bool keep_alive = true;

    [[nodiscard]] std::string_view header(std::string_view name) const { return find_header(headers, name); }
    // Host without port, in lower case.
    [[nodiscard]] std::string host() const;
    // Value of one query parameter, %-decoded ('+' is a blank); nothing when absent.
    [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

// Where to push server-sent events or any other endless body. Any thread. Once closed (by either side) it stays closed
// and send() does nothing.
class HttpStream {
public:
    HttpStream() = default;
    HttpStream(const HttpStream&) = delete;
    HttpStream& operator=(const HttpStream&) = delete;
    virtual ~HttpStream() = default;
    // False when closed, or when the client has left more than 1 MiB unread: then the stream closes.
    virtual bool send(std::string_view bytes) = 0;
    virtual void close() = 0;
    [[nodiscard]] virtual bool closed() const = 0;
    // On the connection's loop, once, when the client has gone or the server stops.
    virtual void on_close(std::function<void()> callback) = 0;
};

struct HttpResponse {
    int status = 200;
    HttpHeaders headers;  // Date, Server, Content-Length, Connection are ours
    std::string body;
    bool close = false;
    // Set: after the headers the body is whatever is sent to the stream, until it closes. Runs on the connection's
    // loop.
    std::function<void(std::shared_ptr<HttpStream>)> stream;

    static HttpResponse text(int status, std::string body);  // text/plain; charset=utf-8
    static HttpResponse json(int status, std::string body);
};

struct HttpServerSettings {
    std::size_t header_bytes_max = std::size_t{16} << 10;
    std::size_t body_bytes_max = std::size_t{1} << 20;
    // Limit by request head (method, path and headers are set); default is body_bytes_max.
    std::function<std::size_t(const HttpRequest& head)> body_bytes_max_for;
    std::size_t connections_max = 10'000;  // more are closed at once
    // Instead, those give way that have waited longest without a whole request, also when descriptors run short: nobody
    // who merely holds connections open keeps others out.
    bool idle_give_way = false;
    std::size_t connections_per_address_max = 0;  // of one client, IPv6 by /64; 0 = no limit; more are closed at once
    std::size_t requests_per_connection_max = 0;  // then the connection ends; 0 = no limit
    // Load balancers: their connections begin with a PROXY header (proxy_header.h), whose client is the peer from then
    // on. Connections from anywhere else have none.
    AddressPrefixes proxy_from;
    std::chrono::milliseconds handshake_timeout{10'000};  // with the PROXY header before it
    std::chrono::milliseconds header_timeout{15'000};     // from the first byte of a request to the end of its header
    std::chrono::milliseconds body_timeout{60'000};
    std::chrono::milliseconds keep_alive_timeout{30'000};  // between requests; 0 = close after each response
    std::chrono::milliseconds handler_timeout{120'000};    // then 503
    std::chrono::milliseconds write_timeout{60'000};
};

// What became of connections. Any thread.
struct HttpServerCounters {
    std::atomic<std::uint64_t> accepted = 0;
    std::atomic<std::uint64_t> requests = 0;            // that reached the handler
    std::atomic<std::uint64_t> handshakes_failed = 0;   // an unknown name, no common version, a client that left
    std::atomic<std::uint64_t> timed_out = 0;           // too slow: handshake, header, body or answer
    std::atomic<std::uint64_t> gave_way = 0;            // idle_give_way
    std::atomic<std::uint64_t> refused_full = 0;        // connections_max, and nobody gave way
    std::atomic<std::uint64_t> refused_by_address = 0;  // connections_per_address_max
    std::atomic<std::uint64_t> bad_proxy_headers = 0;
};

class HttpServer {
public:
    // On the connection's loop; must not block. `reply` may be called from any thread, once.
    using Handler = std::function<void(HttpRequest, std::function<void(HttpResponse)> reply)>;

    HttpServer(std::vector<Loop*> loops, HttpServerSettings settings, Handler handler);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();  // stop()

    // Before or while the loops run. `tls` null = plain.
    Result<void> listen(const ListenAddress& address, std::shared_ptr<TlsContext> tls = nullptr,
                        unsigned socket_mode = 0660);
    // A socket that listens already: systemd's (socket activation).
    Result<void> adopt(Socket socket, std::shared_ptr<TlsContext> tls = nullptr);
    [[nodiscard]] std::vector<ListenAddress> addresses() const;  // with the ports that port 0 became
    [[nodiscard]] std::size_t connections() const;
    [[nodiscard]] const HttpServerCounters& counters() const;

    // Stops accepting and lets every client that has connected have the answer it came for: handshakes and requests
    // under way, and the first request of a connection. Returns when all have gone, or after `limit`; then stop().
    // Not on a loop.
    void drain(std::chrono::milliseconds limit);
    // Stops accepting, closes idle connections; those that are answering end within the write timeout. Any
    // thread but another loop's that might be waiting for one of these.
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::net
