// An HTTP/1.1 server (RFC 9112), plain or TLS, on TCP or unix sockets: policy host, intake, panel and API, metrics.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/record.h"
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
    std::chrono::milliseconds handshake_timeout{10'000};
    std::chrono::milliseconds header_timeout{15'000};  // from the first byte of a request to the end of its header
    std::chrono::milliseconds body_timeout{60'000};
    std::chrono::milliseconds keep_alive_timeout{30'000};  // between requests; 0 = close after each response
    std::chrono::milliseconds handler_timeout{120'000};    // then 503
    std::chrono::milliseconds write_timeout{60'000};
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
    [[nodiscard]] std::vector<ListenAddress> addresses() const;  // with the ports that port 0 became

    // Stops accepting, closes idle connections; those that are answering end within the write timeout. Any
    // thread but another loop's that might be waiting for one of these.
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::net
