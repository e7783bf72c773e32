#include "net/smtp_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>

#include "base/text.h"
#include "net/openssl.h"

namespace postseal::net {

namespace {

constexpr std::size_t line_bytes_max = 4096;  // RFC 5321 §4.5.3.1.5 says 512; others send longer ones
constexpr std::size_t reply_lines_max = 100;

// Made once: it is the same for everybody. Certificates are judged after the handshake, so that a bad one is still
// seen.
asio::ssl::context& client_context() {
    static asio::ssl::context context = [] {
        asio::ssl::context made(asio::ssl::context::tls_client);
        SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);  // STS-062, RFC 8996
        SSL_CTX_set_session_cache_mode(made.native_handle(), SSL_SESS_CACHE_OFF);
        SSL_CTX_set_verify(made.native_handle(), SSL_VERIFY_NONE, nullptr);
        SSL_CTX_set_cert_verify_callback(
            made.native_handle(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
        return made;
    }();
    return context;
}

std::string error_text(const boost::system::error_code& error) {
    if (error == asio::error::eof || error == asio::error::connection_reset || error == asio::error::broken_pipe ||
        error == asio::ssl::error::stream_truncated) {
        return "the server closed the connection";
    }
    if (error.category() == asio::error::get_ssl_category()) {
        const char* reason = ERR_reason_error_string(static_cast<unsigned long>(static_cast<unsigned>(error.value())));
        return reason != nullptr ? reason : error.message();
    }
    return error.message();
}

}  // namespace

SmtpSession::SmtpSession(asio::io_context& context, Time end)
    : stream_(context, client_context()), timer_(context), end_(end) {}

void SmtpSession::arm(std::chrono::milliseconds limit) {
    timer_.expires_at(std::min(end_, std::chrono::steady_clock::now() + limit));
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self && self->timer_.expiry() <= std::chrono::steady_clock::now()) {
            self->timed_out_ = true;
            self->close();
        }
    });
}

bool SmtpSession::fail(const std::string& what, boost::system::error_code error) {
    timer_.cancel();
    why_ = what + ": " + (timed_out_ ? "timed out" : printable(error_text(error), 200));
    return false;
}

void SmtpSession::close() {
    boost::system::error_code ignored;
    stream_.next_layer().close(ignored);
}

asio::awaitable<bool> SmtpSession::connect(dns::IpAddress address, std::uint16_t port,
                                           std::chrono::milliseconds limit) {
    arm(limit);
    const asio::ip::tcp::endpoint endpoint(to_asio(address), port);
    boost::system::error_code error;
    co_await stream_.next_layer().async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
        co_return fail("connect to " + address.text() + " port " + std::to_string(port), error);
    }
    stream_.next_layer().set_option(asio::ip::tcp::no_delay(true), error);
    timer_.cancel();
    co_return true;
}

asio::awaitable<bool> SmtpSession::write(std::string bytes, std::chrono::milliseconds limit) {
    arm(limit);
    boost::system::error_code error;
    if (tls_) {
        co_await asio::async_write(stream_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    } else {
        co_await asio::async_write(stream_.next_layer(), asio::buffer(bytes),
                                   asio::redirect_error(asio::use_awaitable, error));
    }
    if (error) {
        co_return fail("write", error);
    }
    timer_.cancel();
    co_return true;
}

asio::awaitable<bool> SmtpSession::read_line(std::string& line) {
    while (true) {
        if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
            line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            if (line.ends_with('\r')) {
                line.pop_back();
            }
            co_return true;
        }
        if (buffer_.size() > line_bytes_max) {
            why_ = "a reply line of more than " + std::to_string(line_bytes_max) + " bytes";
            co_return false;
        }
        const std::size_t old = buffer_.size();
        buffer_.resize(old + 4096);
        boost::system::error_code error;
        std::size_t got = 0;
        if (tls_) {
            got = co_await stream_.async_read_some(asio::buffer(buffer_.data() + old, 4096),
                                                   asio::redirect_error(asio::use_awaitable, error));
        } else {
            got = co_await stream_.next_layer().async_read_some(asio::buffer(buffer_.data() + old, 4096),
                                                                asio::redirect_error(asio::use_awaitable, error));
        }
        buffer_.resize(old + got);
        if (error) {
            co_return fail("read", error);
        }
    }
}

asio::awaitable<bool> SmtpSession::read_reply(std::chrono::milliseconds limit) {
    arm(limit);
    reply_ = {};
    lines_.clear();
    std::string line;
    for (std::size_t count = 0; count < reply_lines_max; ++count) {
        const bool got = co_await read_line(line);
        if (!got) {
            co_return false;
        }
        const bool code_ok =
            line.size() >= 3 && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) && is_digit(line[2]);
        const bool end_ok = line.size() == 3 || (line.size() > 3 && (line[3] == ' ' || line[3] == '-'));
        if (!code_ok || !end_ok) {
            why_ = "not an SMTP reply: " + printable(line, 100);
            co_return false;
        }
        reply_.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        lines_.push_back(line.size() > 4 ? line.substr(4) : std::string());
        if (line.size() == 3 || line[3] == ' ') {
            timer_.cancel();
            reply_.text = printable(join(lines_, " / "), 500);
            co_return true;
        }
    }
    why_ = "a reply of more than " + std::to_string(reply_lines_max) + " lines";
    co_return false;
}

asio::awaitable<bool> SmtpSession::command(std::string line, std::chrono::milliseconds limit) {
    const bool written = co_await write(line + "\r\n", limit);
    if (!written) {
        co_return false;
    }
    co_return co_await read_reply(limit);
}

asio::awaitable<bool> SmtpSession::start_tls(dns::Name host, std::chrono::milliseconds limit) {
    if (!buffer_.empty()) {
        // Text that somebody slipped in before the handshake would count as said inside TLS (CVE-2021-38371 and its
        // kin).
        why_ = "data in clear text after the reply to STARTTLS";
        co_return false;
    }
    if (host.is_hostname()) {
        SSL_set_tlsext_host_name(stream_.native_handle(), host.text().c_str());  // STS-060
    }
    arm(limit);
    boost::system::error_code error;
    co_await stream_.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, error));
    ERR_clear_error();
    if (error) {
        co_return fail("TLS handshake", error);
    }
    timer_.cancel();
    tls_ = true;
    co_return true;
}

asio::awaitable<void> SmtpSession::quit() {
    const std::string kept = why_;
    (void)co_await command("QUIT", std::chrono::milliseconds(2000));
    why_ = kept;
    timed_out_ = false;
    close();
    timer_.cancel();
}

std::optional<dns::IpAddress> SmtpSession::local_address() const {
    boost::system::error_code error;
    const auto endpoint = stream_.next_layer().local_endpoint(error);
    return error ? std::nullopt : std::optional(from_asio(endpoint.address()));
}

std::string SmtpSession::local_literal() const {
    const auto address = local_address();
    if (!address) {
        return "[127.0.0.1]";
    }
    return address->is_v4() ? "[" + address->text() + "]" : "[IPv6:" + address->text() + "]";
}

TlsDetails SmtpSession::tls_details(const TrustStore* trust, const std::vector<dns::Name>& hosts) const {
    TlsDetails details;
    SSL* ssl = const_cast<asio::ssl::stream<asio::ip::tcp::socket>&>(stream_).native_handle();
    details.version = SSL_get_version(ssl);
    details.cipher = SSL_get_cipher_name(ssl);
    STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        details.chain_der.push_back(to_der(sk_X509_value(chain, i)));
    }
    if (details.chain_der.empty()) {
        details.certificate_error = CertificateError::untrusted;
        details.certificate_detail = "the server sent no certificate";
        return details;
    }
    if (auto summary = summarize_certificate(details.chain_der.front())) {
        details.certificate = std::move(*summary);
    }
    if (trust == nullptr) {
        details.certificate_error = CertificateError::untrusted;
        details.certificate_detail = "no trusted roots";
        return details;
    }
    for (const dns::Name& host : hosts) {
        const int result = verify_certificate(sk_X509_value(chain, 0), chain, *trust, host.text());
        details.certificate_error = certificate_error(result);
        details.certificate_detail = result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
        if (details.certificate_error != CertificateError::host_mismatch) {
            break;  // the other names would fare no better
        }
    }
    return details;
}

bool EhloInfo::has(std::string_view extension) const {
    return std::ranges::find(extensions, extension) != extensions.end();
}

EhloInfo parse_ehlo(const std::vector<std::string>& lines) {
    EhloInfo info;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::string_view line = trim_wsp(lines[i]);
        const std::size_t blank = line.find_first_of(" =");  // "AUTH=LOGIN" is how some write it
        const std::string_view word = line.substr(0, blank);
        const std::string_view rest = blank == std::string_view::npos ? "" : trim_wsp(line.substr(blank + 1));
        if (i == 0) {
            info.name = printable(word, 255);
            continue;
        }
        std::string keyword = printable(word, 100);
        std::ranges::transform(keyword, keyword.begin(),
                               [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        if (keyword == "SIZE") {
            info.size = printable(rest, 40);
        } else if (keyword == "AUTH") {
            info.auth += " " + printable(rest, 200);
        }
        info.extensions.push_back(std::move(keyword));
    }
    return info;
}

}  // namespace postseal::net
