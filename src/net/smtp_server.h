// A receiver of mail by SMTP (RFC 5321) or LMTP (RFC 2033): no relaying, no queue. A handler takes each message and its
// answer is the answer to the client: 250 means that the handler has made it durable.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/record.h"
#include "net/listen_address.h"
#include "net/loop.h"
#include "net/tls.h"

namespace postseal::net {

struct SmtpAnswer {
    int code = 250;
    std::string text = "2.0.0 OK";  // with the enhanced status code (RFC 3463)
};

struct ReceivedMessage {
    std::string mail_from;                // "" for <>
    std::vector<std::string> recipients;  // accepted ones, as given, without <>
    std::string data;                     // dots unstuffed, CRLF lines as received
    std::string helo;
    std::optional<dns::IpAddress> peer;  // none on a unix socket
    bool tls = false;
    std::string tls_version;
    std::string sni;  // "" when none was sent
};

struct SmtpServerSettings {
    enum class Protocol { smtp, lmtp };
    Protocol protocol = Protocol::smtp;
    std::string host_name = "localhost";                    // in the greeting
    std::shared_ptr<TlsContext> tls;                        // null: no STARTTLS
    bool require_tls = false;                               // MAIL without TLS is 530
    std::size_t message_bytes_max = std::size_t{25} << 20;  // SIZE (RFC 1870)
    std::size_t recipients_max = 100;
    std::size_t connections_max = 200;  // more get 421
    std::size_t errors_max = 20;        // then 421
    std::chrono::milliseconds command_timeout{60'000};
    std::chrono::milliseconds session_timeout{600'000};
    // Asked at MAIL and RCPT; default takes everything. On the connection's loop, must not block.
    std::function<SmtpAnswer(const std::string& mail_from)> accept_sender;
    std::function<SmtpAnswer(const std::string& recipient)> accept_recipient;
};

class SmtpServer {
public:
    // `answer` may be called from any thread, once. LMTP repeats it for every recipient.
    using Handler = std::function<void(ReceivedMessage, std::function<void(SmtpAnswer)> answer)>;

    // Connections are spread over `loops` (all of them must outlive the server or be stopped before).
    SmtpServer(std::vector<Loop*> loops, SmtpServerSettings settings, Handler handler);
    SmtpServer(const SmtpServer&) = delete;
    SmtpServer& operator=(const SmtpServer&) = delete;
    ~SmtpServer();

    Result<void> listen(const ListenAddress& address, unsigned socket_mode = 0666);
    [[nodiscard]] std::vector<ListenAddress> addresses() const;  // with the ports that port 0 became

    // Stops accepting and closes all connections, from any thread but a loop's.
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::net
