#include "net/alpn_probe.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>

#include "base/text.h"
#include "net/asio.h"
#include "net/await.h"
#include "net/openssl.h"
#include "net/socket_address.h"

namespace postseal::net {

namespace {

asio::ssl::context& client_context() {
    static asio::ssl::context context = [] {
        asio::ssl::context made(asio::ssl::context::tls_client);
        SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);  // RFC 8737 §3
        SSL_CTX_set_session_cache_mode(made.native_handle(), SSL_SESS_CACHE_OFF);
        SSL_CTX_set_verify(made.native_handle(), SSL_VERIFY_NONE, nullptr);
        return made;
    }();
    return context;
}

std::string error_text(const boost::system::error_code& error) {
    if (error.category() == asio::error::get_ssl_category()) {
        const char* reason = ERR_reason_error_string(static_cast<unsigned long>(static_cast<unsigned>(error.value())));
        return reason != nullptr ? reason : error.message();
    }
    return error == asio::error::eof ? "the server closed the connection" : error.message();
}

struct Session {
    explicit Session(asio::io_context& context) : stream(context, client_context()), timer(context) {}
    asio::ssl::stream<asio::ip::tcp::socket> stream;
    asio::steady_timer timer;
    bool timed_out = false;
};

asio::awaitable<Result<Bytes>> run(std::shared_ptr<Session> session, AlpnProbe probe) {
    SSL* tls = session->stream.native_handle();
    SSL_set_tlsext_host_name(tls, probe.server_name.text().c_str());
    Bytes protocols;
    protocols.push_back(static_cast<std::uint8_t>(probe.protocol.size()));
    append(protocols, as_bytes(probe.protocol));
    SSL_set_alpn_protos(tls, protocols.data(), static_cast<unsigned>(protocols.size()));
    session->timer.expires_after(probe.timeout);
    session->timer.async_wait([weak = std::weak_ptr(session)](const boost::system::error_code& error) {
        if (const auto alive = weak.lock(); alive && !error) {
            alive->timed_out = true;
            boost::system::error_code ignored;
            alive->stream.next_layer().close(ignored);
        }
    });
    boost::system::error_code error;
    const asio::ip::tcp::endpoint endpoint(to_asio(probe.address), probe.port);
    co_await session->stream.next_layer().async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    const auto failed = [&](Errc code) {
        session->timer.cancel();
        const std::string why = session->timed_out ? "timed out" : printable(error_text(error), 200);
        ERR_clear_error();
        return Error{code, {}, why};
    };
    if (error) {
        co_return failed(Errc::temporary);
    }
    co_await session->stream.async_handshake(asio::ssl::stream_base::client,
                                             asio::redirect_error(asio::use_awaitable, error));
    if (error) {
        co_return failed(session->timed_out ? Errc::temporary : Errc::refused);
    }
    session->timer.cancel();
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls, &chosen, &size);
    if (std::string_view(reinterpret_cast<const char*>(chosen), size) != probe.protocol) {
        co_return Error{Errc::refused, {}, "it does not speak the protocol " + probe.protocol};
    }
    const X509Ptr leaf(SSL_get1_peer_certificate(tls));
    if (!leaf) {
        co_return Error{Errc::refused, {}, "it shows no certificate"};
    }
    co_return to_der(leaf.get());
}

}  // namespace

void probe_alpn(Loop& loop, const AlpnProbe& probe, std::function<void(Result<Bytes>)> done) {
    spawn(loop, [&loop, probe, done = std::move(done)]() -> asio::awaitable<void> {
        const auto session = std::make_shared<Session>(loop.context());
        Result<Bytes> seen = co_await run(session, probe);
        done(std::move(seen));
    });
}

}  // namespace postseal::net
