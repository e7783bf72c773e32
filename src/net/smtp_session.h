// One SMTP conversation from the client's side, for smtp_probe.cpp and smtp_deliver.cpp only (includes Asio): lines,
// replies, STARTTLS, deadlines.
#pragma once

#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/asio.h"
#include "net/smtp_client.h"

namespace postseal::net {

class SmtpSession : public std::enable_shared_from_this<SmtpSession> {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `end` is the deadline of everything.
    SmtpSession(asio::io_context& context, Time end);
    SmtpSession(const SmtpSession&) = delete;
    SmtpSession& operator=(const SmtpSession&) = delete;

    // A step failed: false or nothing; why() says what happened, and failure() tells timeout and closed from the rest.
    asio::awaitable<bool> connect(dns::IpAddress address, std::uint16_t port, std::chrono::milliseconds limit);
    asio::awaitable<bool> write(std::string bytes, std::chrono::milliseconds limit);
    // A whole reply (RFC 5321 §4.2.1). Lines that are no reply fail.
    asio::awaitable<bool> read_reply(std::chrono::milliseconds limit);
    asio::awaitable<bool> command(std::string line, std::chrono::milliseconds limit);  // CRLF is added
    // RFC 3207 after the 220, or implicit TLS. SNI = host. No certificate is refused here.
    asio::awaitable<bool> start_tls(dns::Name host, std::chrono::milliseconds limit);
    // Polite, and short: what the server says to it is of no interest.
    asio::awaitable<void> quit();
    void close();

    [[nodiscard]] const SmtpReply& reply() const { return reply_; }                 // the last one
    [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }  // its texts, without codes
    [[nodiscard]] const std::string& why() const { return why_; }
    [[nodiscard]] bool timed_out() const { return timed_out_; }
    [[nodiscard]] bool in_tls() const { return tls_; }
    [[nodiscard]] std::optional<dns::IpAddress> local_address() const;
    // "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3)
    [[nodiscard]] std::string local_literal() const;
    // certificate_error says what PKIX thinks, with any of `hosts`.
    [[nodiscard]] TlsDetails tls_details(const TrustStore* trust, const std::vector<dns::Name>& hosts) const;

private:
    void arm(std::chrono::milliseconds limit);
    bool fail(const std::string& what, boost::system::error_code error);
    asio::awaitable<bool> read_line(std::string& line);

    asio::ssl::stream<asio::ip::tcp::socket> stream_;
    asio::steady_timer timer_;
    Time end_;
    bool tls_ = false;
    bool timed_out_ = false;
    std::string why_;
    std::string buffer_;
    SmtpReply reply_;
    std::vector<std::string> lines_;
};

// What the EHLO reply says.
struct EhloInfo {
    std::string name;                     // the server's own, printable
    std::vector<std::string> extensions;  // keywords in upper case, printable
    std::string size;                     // parameter of SIZE
    std::string auth;                     // parameters of AUTH, in upper case
    [[nodiscard]] bool has(std::string_view extension) const;
};
EhloInfo parse_ehlo(const std::vector<std::string>& lines);

}  // namespace postseal::net
