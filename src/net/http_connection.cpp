#include "net/http_connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <ctime>

#include "base/text.h"
#include "net/await.h"
#include "net/http_message.h"
#include "net/proxy_header.h"

namespace postseal::net {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t read_bytes = 8192;
constexpr std::size_t stream_unsent_bytes_max = std::size_t{1} << 20;

// RFC 9110 §5.6.7; one per thread, renewed when the second changes.
std::string_view http_date() {
    thread_local std::time_t at = 0;
    thread_local std::array<char, 40> text{};
    thread_local std::size_t size = 0;
    const std::time_t now = std::time(nullptr);
    if (now != at) {
        at = now;
        std::tm parts{};
        gmtime_r(&now, &parts);
        size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
    return {text.data(), size};
}

using Parser = http::request_parser<http::string_body>;

// Feeds `input` to the parser and takes off what it used. "Need more" is no error.
boost::system::error_code feed(Parser& parser, std::string& input) {
    boost::system::error_code error;
    const std::size_t used = parser.put(asio::buffer(input), error);
    input.erase(0, used);
    return error == http::error::need_more ? boost::system::error_code() : error;
}

bool is_one_host(const http::request<http::string_body>& message) {
    const auto range = message.equal_range(http::field::host);
    return std::distance(range.first, range.second) == 1;
}

}  // namespace

// ---- streams

class HttpConnection::Stream final : public HttpStream, public std::enable_shared_from_this<Stream> {
public:
    Stream(Loop& loop, std::weak_ptr<HttpConnection> connection, bool chunked)
        : loop_(loop), connection_(std::move(connection)), chunked_(chunked) {}

    bool send(std::string_view bytes) override {
        if (closed_ || bytes.empty()) {
            return !closed_;
        }
        if (unsent.fetch_add(bytes.size()) + bytes.size() > stream_unsent_bytes_max) {
            close();  // who does not read gets no more
            return false;
        }
        std::string framed;
        if (chunked_) {
            std::array<char, 20> size{};
            std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
            framed = size.data();
        }
        framed.append(bytes).append(chunked_ ? "\r\n" : "");
        on_loop([framed = std::move(framed), count = bytes.size()](HttpConnection& /*connection*/, Stream& self) {
            self.queue += framed;
            self.queued += count;
            self.wake();
        });
        return true;
    }
    void close() override {
        if (!closed_.exchange(true)) {
            on_loop([](HttpConnection& /*connection*/, Stream& self) { self.wake(); });
        }
    }
    [[nodiscard]] bool closed() const override { return closed_; }
    void on_close(std::function<void()> callback) override {
        on_loop([callback = std::move(callback)](HttpConnection& /*connection*/, Stream& self) {
            if (self.ended_) {
                callback();
            } else {
                self.callbacks_.push_back(callback);
            }
        });
    }

    // ---- on the loop
    void wake() const {
        if (waker != nullptr) {
            waker->cancel();
        }
    }
    void end() {
        closed_ = true;
        ended_ = true;
        for (const auto& callback : std::exchange(callbacks_, {})) {
            callback();
        }
    }

    asio::steady_timer* waker = nullptr;
    std::string queue;       // framed
    std::size_t queued = 0;  // bytes of the caller in it
    std::atomic<std::size_t> unsent = 0;
    bool peer_gone = false;

private:
    template <class Task>
    void on_loop(Task task) {
        // While the connection lives, so does its loop.
        if (const auto alive = connection_.lock()) {
            loop_.dispatch([weak = connection_, self = shared_from_this(), task = std::move(task)] {
                if (const auto connection = weak.lock()) {
                    task(*connection, *self);
                }
            });
        }
    }

    Loop& loop_;
    std::weak_ptr<HttpConnection> connection_;
    bool chunked_;
    std::atomic<bool> closed_ = false;
    bool ended_ = false;
    std::vector<std::function<void()>> callbacks_;
};

// ---- replies

// What a reply function holds. The last copy that goes unused answers for the handler.
struct HttpConnection::Pending {
    Pending(Loop& its_loop, std::weak_ptr<HttpConnection> its_connection)
        : loop(its_loop), connection(std::move(its_connection)) {}
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    ~Pending() { answer(HttpResponse::text(500, "no answer\n")); }

    void answer(HttpResponse response) {
        const auto alive = connection.lock();
        if (used.exchange(true) || !alive) {
            return;
        }
        loop.post([weak = connection, response = std::make_shared<HttpResponse>(std::move(response))] {
            if (const auto target = weak.lock()) {
                target->reply_ = std::move(*response);
                target->reply_timer_.cancel();
            }
        });
    }

    Loop& loop;
    std::weak_ptr<HttpConnection> connection;
    std::atomic<bool> used = false;
};

// ---- the connection

HttpConnection::HttpConnection(Loop& loop, std::shared_ptr<HttpShared> shared,
                               std::shared_ptr<HttpConnections> siblings, std::shared_ptr<TlsContext> tls,
                               Acceptor::Accepted accepted)
    : loop_(loop),
      shared_(std::move(shared)),
      siblings_(std::move(siblings)),
      tls_context_(std::move(tls)),
      peer_(accepted.peer),
      socket_(loop.context()),
      timer_(loop.context()),
      reply_timer_(loop.context()) {
    // The family only matters for endpoints, which nobody asks for.
    boost::system::error_code ignored;
    socket_.assign(asio::generic::stream_protocol(AF_INET, 0), accepted.socket.fd(), ignored);
    accepted.socket.release();
    if (tls_context_) {
        SSL_CTX_up_ref(tls_context_->native());
        asio::ssl::context context(tls_context_->native());  // takes that reference
        tls_.emplace(socket_, context);
    }
    siblings_->insert(this);
}

HttpConnection::~HttpConnection() {
    siblings_->erase(this);
    if (counted_) {
        shared_->clients.leave(*counted_);
    }
    if (timed_out_ && (state_ != State::idle || requests_ == 0)) {
        ++shared_->counters.timed_out;
    }
    if (--shared_->connections == 0) {
        const std::lock_guard lock(shared_->empty_mutex);
        shared_->empty.notify_all();
    }
}

void HttpConnection::run() {
    spawn(loop_, [self = shared_from_this()]() -> asio::awaitable<void> { co_await self->serve(); });
}

void HttpConnection::close_socket() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
}

void HttpConnection::finish(Finish how) {
    finishing_ = true;
    if (stream_) {
        stream_->close();
    } else if (state_ == State::idle && (how == Finish::now || requests_ > 0)) {
        close_socket();
    }
}

void HttpConnection::abort() {
    finishing_ = aborted_ = true;
    close_socket();
    reply_timer_.cancel();
    if (const auto stream = stream_) {
        stream->close();
        stream->end();  // here and now: whoever waits for it may be gone next
    }
}

void HttpConnection::arm(std::chrono::milliseconds limit) {
    timed_out_ = false;
    timer_.expires_after(limit);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self && self->timer_.expiry() <= std::chrono::steady_clock::now()) {
            self->timed_out_ = true;
            self->close_socket();
        }
    });
}

asio::awaitable<bool> HttpConnection::fill() {
    const std::size_t old = input_.size();
    input_.resize(old + read_bytes);
    boost::system::error_code error;
    std::size_t got = 0;
    if (tls_) {
        got = co_await tls_->async_read_some(asio::buffer(input_.data() + old, read_bytes),
                                             asio::redirect_error(asio::use_awaitable, error));
        ERR_clear_error();
    } else {
        got = co_await socket_.async_read_some(asio::buffer(input_.data() + old, read_bytes),
                                               asio::redirect_error(asio::use_awaitable, error));
    }
    input_.resize(old + got);
    co_return !error && got > 0;
}

asio::awaitable<bool> HttpConnection::write(std::string head, std::string body) {
    arm(shared_->settings.write_timeout);
    boost::system::error_code error;
    if (tls_) {
        // One record and one write() for what is small.
        if (body.size() <= read_bytes) {
            head += body;
            body.clear();
        }
        co_await asio::async_write(*tls_, asio::buffer(head), asio::redirect_error(asio::use_awaitable, error));
        if (!error && !body.empty()) {
            co_await asio::async_write(*tls_, asio::buffer(body), asio::redirect_error(asio::use_awaitable, error));
        }
    } else {
        const std::array<asio::const_buffer, 2> parts = {asio::buffer(head), asio::buffer(body)};
        co_await asio::async_write(socket_, parts, asio::redirect_error(asio::use_awaitable, error));
    }
    timer_.cancel();
    co_return !error;
}

asio::awaitable<bool> HttpConnection::admit() {
    if (peer_ && contains(shared_->settings.proxy_from, *peer_)) {
        const bool read = co_await read_proxy_header();
        if (!read) {
            co_return false;
        }
    }
    const std::size_t most = shared_->settings.connections_per_address_max;
    // A balancer that speaks for itself is not counted: it is everybody's door.
    if (most == 0 || !peer_ || contains(shared_->settings.proxy_from, *peer_)) {
        co_return true;
    }
    if (!shared_->clients.enter(*peer_, most)) {
        ++shared_->counters.refused_by_address;
        co_return false;
    }
    counted_ = peer_;
    co_return true;
}

// Takes exactly the header off the socket: what follows is TLS's.
asio::awaitable<bool> HttpConnection::read_proxy_header() {
    arm(shared_->settings.handshake_timeout);
    std::string header;
    std::array<char, proxy_header_bytes_max> seen{};
    while (true) {
        boost::system::error_code error;
        co_await socket_.async_wait(asio::socket_base::wait_read, asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            co_return false;
        }
        const ssize_t got = ::recv(socket_.native_handle(), seen.data(), seen.size(), MSG_PEEK | MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (got <= 0) {
            co_return false;
        }
        const std::size_t before = header.size();
        header.append(seen.data(), static_cast<std::size_t>(got));
        const auto parsed = parse_proxy_header(header);
        if (!parsed) {
            ++shared_->counters.bad_proxy_headers;
            co_return false;
        }
        const std::size_t ours = *parsed ? (*parsed)->size - before : static_cast<std::size_t>(got);
        if (::recv(socket_.native_handle(), seen.data(), ours, MSG_DONTWAIT) != static_cast<ssize_t>(ours)) {
            co_return false;  // it was there a moment ago
        }
        if (*parsed) {
            if ((*parsed)->client) {
                peer_ = (*parsed)->client;
            }
            timer_.cancel();
            co_return true;
        }
    }
}

asio::awaitable<bool> HttpConnection::handshake() {
    if (!tls_) {
        co_return true;
    }
    arm(shared_->settings.handshake_timeout);
    boost::system::error_code error;
    co_await tls_->async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, error));
    timer_.cancel();
    ERR_clear_error();
    if (error) {
        ++shared_->counters.handshakes_failed;
        co_return false;
    }
    SSL* ssl = tls_->native_handle();
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
        sni_ = to_lower(name);
    }
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    // RFC 8737 §3: after a tls-alpn-01 handshake nothing is said.
    co_return std::string_view(reinterpret_cast<const char*>(protocol), size) != "acme-tls/1";
}

asio::awaitable<void> HttpConnection::serve() {
    bool going_on = co_await admit();
    if (going_on) {
        going_on = co_await handshake();
    }
    while (going_on && socket_.is_open() && (!finishing_ || requests_ == 0)) {
        state_ = State::idle;
        waits_ = true;
        waits_since_ = std::chrono::steady_clock::now();
        going_on = co_await serve_one();
    }
    if (tls_ && socket_.is_open() && !aborted_) {
        // close_notify, so that the client can tell the end of a body from a cut.
        arm(std::chrono::milliseconds(2000));
        boost::system::error_code ignored;
        SSL_set_shutdown(tls_->native_handle(), SSL_RECEIVED_SHUTDOWN);  // not waiting for the client's
        co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
        ERR_clear_error();
    }
    close_socket();
}

asio::awaitable<void> HttpConnection::refuse(int status, std::string why) {
    HttpResponse response = HttpResponse::text(status, why + "\n");
    response.close = true;
    std::string head = response_head(response, http_date(), BodyFraming::length);
    std::string body = std::move(response.body);
    const bool written = co_await write(std::move(head), std::move(body));
    if (!written) {
        co_return;
    }
    // Closing with unread input would reset the connection and take the answer with it (RFC 9112 §9.6).
    boost::system::error_code ignored;
    if (!tls_) {
        socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    }
    arm(std::chrono::milliseconds(1000));
    for (std::size_t dropped = 0; dropped < (std::size_t{1} << 20);) {
        input_.clear();
        const bool more = co_await fill();
        if (!more) {
            break;
        }
        dropped += input_.size();
    }
    timer_.cancel();
}

asio::awaitable<bool> HttpConnection::serve_one() {
    const HttpServerSettings& settings = shared_->settings;
    if (input_.empty()) {
        arm(settings.keep_alive_timeout.count() > 0 ? settings.keep_alive_timeout : settings.header_timeout);
        const bool more = co_await fill();
        if (!more) {
            co_return false;
        }
    }
    state_ = State::busy;
    // Made anew for each request, on the heap: it would double the coroutine's frame.
    const auto parser = std::make_unique<Parser>();
    parser->header_limit(static_cast<std::uint32_t>(settings.header_bytes_max));
    parser->body_limit(boost::none);  // set when the head is known
    arm(settings.header_timeout);
    while (true) {
        const boost::system::error_code error = feed(*parser, input_);
        if (error == http::error::header_limit || input_.size() > settings.header_bytes_max + read_bytes) {
            co_await refuse(431, "the header is larger than " + std::to_string(settings.header_bytes_max) + " bytes");
            co_return false;
        }
        if (error) {
            co_await refuse(error == http::error::bad_version ? 505 : 400, "bad request: " + error.message());
            co_return false;
        }
        if (parser->is_header_done()) {
            break;
        }
        const bool more = co_await fill();
        if (!more) {
            co_return false;
        }
    }
    HttpRequest request;
    const auto& message = parser->get();
    const unsigned version = message.version();
    const bool keep_alive = message.keep_alive() && settings.keep_alive_timeout.count() > 0;
    request.method = std::string(message.method_string());
    for (const auto& field : message) {
        request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    request.peer = peer_;
    request.sni = sni_;
    request.secure = tls_.has_value();
    request.keep_alive = keep_alive;
    if (version >= 11 && !is_one_host(message)) {
        co_await refuse(400, "bad request: there must be one Host header");
        co_return false;
    }
    if (!set_target(request, {message.target().data(), message.target().size()})) {
        co_await refuse(400, "bad request: the target");
        co_return false;
    }
    const std::size_t body_max =
        settings.body_bytes_max_for ? settings.body_bytes_max_for(request) : settings.body_bytes_max;
    const auto announced = parser->content_length();
    if (announced && *announced > body_max) {
        co_await refuse(413, "the body is larger than " + std::to_string(body_max) + " bytes");
        co_return false;
    }
    parser->body_limit(body_max);
    if (iequals(request.header("Expect"), "100-continue") && !parser->is_done() && input_.empty()) {
        const bool written = co_await write("HTTP/1.1 100 Continue\r\n\r\n", "");
        if (!written) {
            co_return false;
        }
    }
    arm(settings.body_timeout);
    parser->eager(true);
    while (!parser->is_done()) {
        const boost::system::error_code error = feed(*parser, input_);
        if (error == http::error::body_limit) {
            co_await refuse(413, "the body is larger than " + std::to_string(body_max) + " bytes");
            co_return false;
        }
        if (error) {
            co_await refuse(400, "bad request: " + error.message());
            co_return false;
        }
        if (!parser->is_done()) {
            const bool more = co_await fill();
            if (!more) {
                co_return false;
            }
        }
    }
    timer_.cancel();
    waits_ = false;
    ++requests_;
    ++shared_->counters.requests;
    request.body = std::move(parser->get().body());
    const std::string method = request.method;
    HttpResponse response = co_await ask_handler(std::move(request));
    const bool enough = settings.requests_per_connection_max > 0 && requests_ >= settings.requests_per_connection_max;
    const bool last = response.close || !keep_alive || finishing_ || response.stream || enough;
    co_await respond(std::move(response), method, version, !last);
    co_return !last && socket_.is_open();
}

asio::awaitable<HttpResponse> HttpConnection::ask_handler(HttpRequest request) {
    if (aborted_ || shared_->stopping) {
        HttpResponse stopping = HttpResponse::text(503, "stopping\n");
        stopping.close = true;
        co_return stopping;
    }
    reply_.reset();
    reply_timer_.expires_after(shared_->settings.handler_timeout);
    {
        const auto pending = std::make_shared<Pending>(loop_, weak_from_this());
        shared_->handler(std::move(request),
                         [pending](HttpResponse response) { pending->answer(std::move(response)); });
    }
    boost::system::error_code error;
    while (!reply_ && !aborted_) {
        co_await reply_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        if (!error && !reply_) {
            HttpResponse late = HttpResponse::text(503, "no answer in time\n");
            late.close = true;
            co_return late;
        }
    }
    co_return reply_ ? std::move(*reply_) : HttpResponse::text(503, "stopping\n");
}

asio::awaitable<void> HttpConnection::respond(HttpResponse response, std::string_view method, unsigned version,
                                              bool keep_alive) {
    response.close = !keep_alive;
    auto framing = BodyFraming::length;
    if (response.stream) {
        framing = version >= 11 ? BodyFraming::chunked : BodyFraming::until_close;
    }
    std::string head = response_head(response, http_date(), framing);
    std::string body;
    if (method != "HEAD" && response.status != 204 && response.status != 304) {
        body = std::move(response.body);
    }
    const bool written = co_await write(std::move(head), std::move(body));
    if (!written) {
        close_socket();
    } else if (response.stream && method != "HEAD") {
        co_await stream_body(std::move(response.stream), framing == BodyFraming::chunked);
    }
}

asio::awaitable<void> HttpConnection::stream_body(std::function<void(std::shared_ptr<HttpStream>)> start,
                                                  bool chunked) {
    state_ = State::streaming;
    const auto stream = std::make_shared<Stream>(loop_, weak_from_this(), chunked);
    stream_ = stream;
    asio::steady_timer waker(loop_.context(), std::chrono::steady_clock::time_point::max());
    stream->waker = &waker;
    if (finishing_) {
        stream->close();
    }
    // Reading finds out that the client has gone; what it says is of no interest.
    asio::co_spawn(
        loop_.context(),
        [self = shared_from_this(), stream]() -> asio::awaitable<void> {
            bool more = true;
            while (more && !stream->closed()) {
                self->input_.clear();
                more = co_await self->fill();
            }
            stream->peer_gone = !more;
            stream->close();
        },
        asio::detached);
    start(stream);
    bool alive = true;
    while (alive) {
        if (!stream->queue.empty()) {
            std::string bytes = std::exchange(stream->queue, {});
            const std::size_t count = std::exchange(stream->queued, 0);
            alive = co_await write(std::move(bytes), "");
            stream->unsent -= count;
        } else if (stream->closed()) {
            break;
        } else {
            boost::system::error_code woken;
            waker.expires_at(std::chrono::steady_clock::time_point::max());
            co_await waker.async_wait(asio::redirect_error(asio::use_awaitable, woken));
        }
    }
    if (alive && chunked && !stream->peer_gone) {
        (void)co_await write("0\r\n\r\n", "");
    }
    stream->waker = nullptr;
    stream_.reset();
    stream->end();
    close_socket();  // ends the reading as well
}

}  // namespace postseal::net
