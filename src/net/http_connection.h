// One client of an HttpServer (includes Asio and Beast's parser): http_connection.cpp, http_server.cpp only.
#pragma once

#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/guarded.h"
#include "net/acceptor.h"
#include "net/asio.h"
#include "net/http_server.h"

namespace postseal::net {

class HttpConnection;

// How many connections each client has. Any thread.
class ConnectionCounts {
public:
    bool enter(const dns::IpAddress& client, std::size_t most);  // false: it has that many
    void leave(const dns::IpAddress& client);

private:
    static dns::IpAddress network_of(const dns::IpAddress& client);
    Guarded<std::map<dns::IpAddress, std::size_t>> counts_;
};

// What a server's connections share.
struct HttpShared {
    HttpServerSettings settings;
    HttpServer::Handler handler;
    HttpServerCounters counters;
    ConnectionCounts clients;
    std::atomic<std::size_t> connections = 0;
    std::atomic<bool> stopping = false;
    std::mutex empty_mutex;
    std::condition_variable empty;  // the last connection has gone
};

// The connections that live on one loop; touched on that loop only.
using HttpConnections = std::unordered_set<HttpConnection*>;

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(Loop& loop, std::shared_ptr<HttpShared> shared, std::shared_ptr<HttpConnections> siblings,
                   std::shared_ptr<TlsContext> tls, Acceptor::Accepted accepted);
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;
    ~HttpConnection();

    // Starts serving; keeps itself alive until the end.
    void run();
    // Ends it now if it is between requests or streaming, else after the response under way. Gently: a client that
    // has just come is waited for until its first request is answered.
    enum class Finish { now, gently };
    void finish(Finish how);
    // Ends it now. The handler is not called any more.
    void abort();
    // For a whole request, and since when.
    [[nodiscard]] bool waits() const { return waits_ && !aborted_; }
    [[nodiscard]] std::chrono::steady_clock::time_point waits_since() const { return waits_since_; }

private:
    class Stream;
    struct Pending;
    enum class State { idle, busy, streaming };
    enum class Fed { ok, failed, closed };

    asio::awaitable<void> serve();
    asio::awaitable<bool> admit();  // false: the client has too many connections, or a header that is none
    asio::awaitable<bool> read_proxy_header();
    asio::awaitable<bool> handshake();
    asio::awaitable<bool> serve_one();  // true: another request may follow
    asio::awaitable<void> respond(HttpResponse response, std::string_view method, unsigned version, bool keep_alive);
    asio::awaitable<void> refuse(int status, std::string why);
    asio::awaitable<HttpResponse> ask_handler(HttpRequest request);
    asio::awaitable<void> stream_body(std::function<void(std::shared_ptr<HttpStream>)> start, bool chunked);
    // More input into input_; false at the end or after a timeout.
    asio::awaitable<bool> fill();
    asio::awaitable<bool> write(std::string head, std::string body);
    void arm(std::chrono::milliseconds limit);
    void close_socket();

    Loop& loop_;
    std::shared_ptr<HttpShared> shared_;
    std::shared_ptr<HttpConnections> siblings_;
    std::shared_ptr<TlsContext> tls_context_;
    std::optional<dns::IpAddress> peer_;
    asio::generic::stream_protocol::socket socket_;
    std::optional<asio::ssl::stream<asio::generic::stream_protocol::socket&>> tls_;
    std::string sni_;
    asio::steady_timer timer_;        // reads and writes
    asio::steady_timer reply_timer_;  // the handler
    std::optional<HttpResponse> reply_;
    std::shared_ptr<Stream> stream_;
    std::string input_;
    std::optional<dns::IpAddress> counted_;  // in shared_->clients
    State state_ = State::idle;
    std::size_t requests_ = 0;
    bool waits_ = true;
    std::chrono::steady_clock::time_point waits_since_ = std::chrono::steady_clock::now();
    bool timed_out_ = false;
    bool finishing_ = false;
    bool aborted_ = false;
};

}  // namespace postseal::net
