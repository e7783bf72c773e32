// An SMTP client (RFC 5321, STARTTLS by RFC 3207): the probe of an MX host's TLS, and the delivery of one message.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "dns/record.h"
#include "net/address_guard.h"
#include "net/certificate.h"
#include "net/loop.h"

namespace postseal::net {

// How far a session came before it ended badly; each has its own result type in RFC 8460 §4.3.
enum class SmtpFailure {
    none,
    refused_address,       // rule 20
    connect,               // refused, unreachable
    timeout,               // any stage; `stage` says which
    greeting,              // not 220, or not SMTP at all
    ehlo,                  // EHLO refused
    starttls_not_offered,  // starttls-not-supported
    starttls_refused,      // offered, then answered 4yz/5yz
    handshake,             // TLS failed before a certificate counted: validation-failure
    certificate,           // `tls.certificate_error` says why; or the verify callback said no
    login,                 // AUTH refused
    sender,                // MAIL FROM refused
    recipient,             // RCPT TO refused
    message,               // DATA or the message refused
    closed,                // the server went away in mid-session
};
std::string_view to_string(SmtpFailure failure);

struct SmtpReply {
    int code = 0;
    std::string text;  // lines joined by " / ", printable, at most 500 bytes
    [[nodiscard]] bool positive() const { return code >= 200 && code < 300; }
    [[nodiscard]] bool permanent() const { return code >= 500 && code < 600; }
    friend bool operator==(const SmtpReply&, const SmtpReply&) = default;
};

struct TlsDetails {
    std::string version;  // "TLSv1.3"
    std::string cipher;
    std::vector<Bytes> chain_der;  // as the server sent it, leaf first
    // PKIX with the host's name by SAN, against the trust store: told whether or not the level asked for it.
    CertificateError certificate_error = CertificateError::other;
    std::string certificate_detail;  // what OpenSSL said
    std::optional<CertificateSummary> certificate;
};

// One STARTTLS probe of one address: greeting, EHLO, STARTTLS, handshake with SNI = host (STS-060), EHLO, QUIT.
// Never sends MAIL.
struct SmtpProbeRequest {
    dns::Name host;
    dns::IpAddress address;
    std::uint16_t port = 25;
    std::string ehlo_name;  // our own, honest; "" = the local address literal
    std::shared_ptr<const TrustStore> trust;
    AddressGuard guard;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds timeout{30'000};  // all of it
};
struct SmtpProbeResult {
    SmtpFailure failure =
        SmtpFailure::none;                // `none`: a TLS session came about and the certificate is valid for the host
    std::string error;                    // one line, printable
    bool offered = false;                 // STARTTLS in the EHLO reply
    std::optional<TlsDetails> tls;        // set once the handshake succeeded
    std::string banner;                   // text of the greeting, printable
    std::string ehlo;                     // first word of the EHLO reply: the server's own name (receiving-mx-helo)
    std::vector<std::string> extensions;  // EHLO keywords before STARTTLS, printable, in upper case
    std::optional<dns::IpAddress> local_address;  // ours (sending-mta-ip)
    std::chrono::milliseconds duration{0};
};
void smtp_probe(Loop& loop, SmtpProbeRequest request, std::function<void(SmtpProbeResult)> done);

struct SmtpTlsPolicy {
    enum class Level {
        none,  // clear text
        may,   // STARTTLS where offered, any certificate; a failed handshake fails the attempt (the caller may retry)
        encrypt,  // STARTTLS or nothing, any certificate
        secure,   // PKIX, and a SAN that covers one of `names`
        custom,   // `verify` decides on the chain (DANE, see dane::match_chain)
    };
    Level level = Level::may;
    std::vector<dns::Name> names;  // secure: default is the host
    // custom: success, or the reason why not. Runs on the loop.
    std::function<Result<void>(std::span<const Bytes> chain_der)> verify;
};

struct SmtpDelivery {
    dns::Name host;  // SNI and the name in the certificate
    dns::IpAddress address;
    std::uint16_t port = 25;
    std::string ehlo_name;
    std::string mail_from;  // without <>; "" is the null reverse-path
    std::vector<std::string> recipients;
    std::string message;  // CRLF lines; dots are stuffed here, an absent last CRLF is added
    bool require_all_recipients = true;
    std::optional<std::pair<std::string, std::string>> login;  // AUTH PLAIN, only inside TLS or on loopback
    // STARTTLS, or TLS from the first byte (smtps, RFC 8314).
    enum class Transport { starttls, implicit_tls };
    Transport transport = Transport::starttls;
    SmtpTlsPolicy tls;
    std::shared_ptr<const TrustStore> trust;
    AddressGuard guard;
    std::chrono::milliseconds connect_timeout{30'000};
    std::chrono::milliseconds command_timeout{120'000};  // RFC 5321 §4.5.3.2 allows up to 10 min after the dot
    std::chrono::milliseconds timeout{600'000};          // all of it
};
struct SmtpRecipientResult {
    std::string recipient;
    SmtpReply reply;
};
struct SmtpDeliveryResult {
    SmtpFailure failure = SmtpFailure::none;  // `none`: the server took responsibility for the message
    std::string error;                        // one line, printable
    SmtpReply reply;                          // that decided: of the message, or of the command that failed
    std::vector<SmtpRecipientResult> recipients;
    bool starttls_offered = false;
    std::optional<TlsDetails> tls;
    std::string banner;
    std::string ehlo;
    std::optional<dns::IpAddress> local_address;
    // True when asking again may help: anything but a 5yz and a refused address.
    [[nodiscard]] bool temporary() const;
};
void smtp_deliver(Loop& loop, SmtpDelivery delivery, std::function<void(SmtpDeliveryResult)> done);

// [reporter] submission, [mail] submission: smtp://[user:password@]host[:port], smtps:// (465), submission:// (587).
struct SubmissionUrl {
    SmtpDelivery::Transport transport = SmtpDelivery::Transport::starttls;
    std::string host;  // name or address
    std::uint16_t port = 25;
    std::optional<std::pair<std::string, std::string>> login;
};
Result<SubmissionUrl> parse_submission_url(std::string_view text);

// The operator's own host: resolved by the system (hosts file included). Any thread; `done` on the loop.
void resolve_configured_host(Loop& loop, const std::string& host,
                             std::function<void(Result<std::vector<dns::IpAddress>>)> done);

}  // namespace postseal::net
