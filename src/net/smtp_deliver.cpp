// Delivery of one message to one address (RFC 5321 §3.3), with as much TLS as was asked for.
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "base/text.h"
#include "net/await.h"
#include "net/smtp_client.h"
#include "net/smtp_session.h"

namespace postseal::net {

namespace {

using Level = SmtpTlsPolicy::Level;

// What stands between < and > must not end the command or begin another one.
bool is_clean(std::string_view path) {
    return std::ranges::none_of(
        path, [](char c) { return c == '<' || c == '>' || static_cast<unsigned char>(c) < 32 || c == 127; });
}

bool has_eight_bit(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) > 127; });
}

std::string stuffed(std::string_view message) {
    std::string out;
    out.reserve(message.size() + 64);
    bool line_begins = true;
    for (const char c : message) {
        if (line_begins && c == '.') {
            out.push_back('.');  // RFC 5321 §4.5.2
        }
        out.push_back(c);
        line_begins = c == '\n';
    }
    if (!out.ends_with("\r\n")) {
        out += "\r\n";
    }
    return out + ".\r\n";
}

// A conversation's state and its end.
struct Attempt {
    std::shared_ptr<SmtpSession> session;
    const SmtpDelivery& delivery;
    SmtpDeliveryResult& result;
    EhloInfo ehlo;

    bool stop(SmtpFailure failure, const std::string& error) {
        result.failure = session->timed_out() ? SmtpFailure::timeout : failure;
        result.error = error;
        return false;
    }
    // The server answered, and not what was hoped for.
    bool stop_with_reply(SmtpFailure failure, const std::string& what) {
        result.reply = session->reply();
        return stop(failure, what + ": " + std::to_string(result.reply.code) + " " + result.reply.text);
    }

    asio::awaitable<bool> ask(std::string line, SmtpFailure failure, int expected) {
        const std::string word = line.substr(0, line.find_first_of(" :"));
        const bool answered = co_await session->command(std::move(line), delivery.command_timeout);
        if (!answered) {
            co_return stop(SmtpFailure::closed, word + ": " + session->why());
        }
        if (session->reply().code / 100 != expected / 100) {
            co_return stop_with_reply(failure, word);
        }
        co_return true;
    }

    asio::awaitable<bool> say_hello() {
        const std::string own = delivery.ehlo_name.empty() ? session->local_literal() : delivery.ehlo_name;
        const bool answered = co_await session->command("EHLO " + own, delivery.command_timeout);
        if (!answered) {
            co_return stop(SmtpFailure::closed, "EHLO: " + session->why());
        }
        if (session->reply().positive()) {
            ehlo = parse_ehlo(session->lines());
            result.ehlo = ehlo.name;
            co_return true;
        }
        const bool clear_text_will_do = delivery.tls.level == Level::none || delivery.tls.level == Level::may;
        if (!session->reply().permanent() || !clear_text_will_do || session->in_tls()) {
            co_return stop_with_reply(SmtpFailure::ehlo, "EHLO");
        }
        ehlo = {};
        co_return co_await ask("HELO " + own, SmtpFailure::ehlo, 250);
    }

    asio::awaitable<bool> encrypt() {
        const bool encrypted = co_await session->start_tls(delivery.host, delivery.command_timeout);
        if (!encrypted) {
            co_return stop(SmtpFailure::handshake, session->why());
        }
        const bool named = delivery.tls.level == Level::secure && !delivery.tls.names.empty();
        const std::vector<dns::Name> hosts = named ? delivery.tls.names : std::vector<dns::Name>(1, delivery.host);
        result.tls = session->tls_details(delivery.trust.get(), hosts);
        if (delivery.tls.level == Level::secure && result.tls->certificate_error != CertificateError::none) {
            co_return stop(SmtpFailure::certificate, result.tls->certificate_detail);
        }
        if (delivery.tls.level == Level::custom) {
            const Result<void> verdict = delivery.tls.verify
                                             ? delivery.tls.verify(result.tls->chain_der)
                                             : Result<void>(Error{Errc::internal, "", "no verification function"});
            if (!verdict) {
                co_return stop(SmtpFailure::certificate, verdict.error().message());
            }
        }
        co_return true;
    }

    // RFC 3207; STS-050: nothing is said in clear text to a server that had to offer TLS.
    asio::awaitable<bool> maybe_starttls() {
        result.starttls_offered = ehlo.has("STARTTLS");
        if (delivery.tls.level == Level::none || (delivery.tls.level == Level::may && !result.starttls_offered)) {
            co_return true;
        }
        if (!result.starttls_offered) {
            co_return stop(SmtpFailure::starttls_not_offered, "the server does not offer STARTTLS");
        }
        const bool agreed = co_await ask("STARTTLS", SmtpFailure::starttls_refused, 220);
        if (!agreed) {
            co_return false;
        }
        const bool encrypted = co_await encrypt();
        if (!encrypted) {
            co_return false;
        }
        co_return co_await say_hello();  // RFC 3207 §4.2: what was said before does not count
    }

    asio::awaitable<bool> log_in() {
        if (!delivery.login) {
            co_return true;
        }
        if (!session->in_tls() && delivery.address != dns::IpAddress::v4({127, 0, 0, 1}) &&
            delivery.address.text() != "::1") {
            co_return stop(SmtpFailure::login, "a password is not sent without TLS");
        }
        const std::string plain =
            std::string(1, '\0') + delivery.login->first + std::string(1, '\0') + delivery.login->second;
        const bool answered =
            co_await session->command("AUTH PLAIN " + to_base64(as_bytes(plain)), delivery.command_timeout);
        if (!answered) {
            co_return stop(SmtpFailure::closed, "AUTH: " + session->why());
        }
        co_return session->reply().code == 235 || stop_with_reply(SmtpFailure::login, "AUTH");
    }

    asio::awaitable<bool> send_envelope() {
        const bool eight_bit = has_eight_bit(delivery.message);
        // RFC 6531 §3.2: an address beyond ASCII is for servers that say that they take it.
        const bool utf8 = has_eight_bit(delivery.mail_from) || std::ranges::any_of(delivery.recipients, has_eight_bit);
        if (utf8 && !ehlo.has("SMTPUTF8")) {
            co_return stop(SmtpFailure::recipient, "the server does not take addresses beyond ASCII (SMTPUTF8)");
        }
        std::string mail = "MAIL FROM:<" + delivery.mail_from + ">";
        if (ehlo.has("SIZE")) {
            mail += " SIZE=" + std::to_string(delivery.message.size());
        }
        if (eight_bit && ehlo.has("8BITMIME")) {
            mail += " BODY=8BITMIME";
        }
        if (utf8) {
            mail += " SMTPUTF8";
        }
        const bool sender_ok = co_await ask(std::move(mail), SmtpFailure::sender, 250);
        if (!sender_ok) {
            co_return false;
        }
        bool any = false;
        for (const std::string& recipient : delivery.recipients) {
            const bool answered = co_await session->command("RCPT TO:<" + recipient + ">", delivery.command_timeout);
            if (!answered) {
                co_return stop(SmtpFailure::closed, "RCPT: " + session->why());
            }
            result.recipients.push_back({recipient, session->reply()});
            if (session->reply().positive()) {
                any = true;
            } else if (delivery.require_all_recipients) {
                co_return stop_with_reply(SmtpFailure::recipient, "RCPT");
            }
        }
        co_return any || stop_with_reply(SmtpFailure::recipient, "RCPT");
    }

    asio::awaitable<bool> send_message() {
        const bool ready = co_await ask("DATA", SmtpFailure::message, 354);
        if (!ready) {
            co_return false;
        }
        const bool written = co_await session->write(stuffed(delivery.message), delivery.timeout);
        if (!written) {
            co_return stop(SmtpFailure::closed, "message: " + session->why());
        }
        const bool answered = co_await session->read_reply(delivery.timeout);
        if (!answered) {
            co_return stop(SmtpFailure::closed, "message: " + session->why());
        }
        result.reply = session->reply();
        co_return result.reply.positive() || stop_with_reply(SmtpFailure::message, "message");
    }

    asio::awaitable<bool> run() {
        for (const std::string& recipient : delivery.recipients) {
            if (!is_clean(recipient) || recipient.empty()) {
                co_return stop(SmtpFailure::recipient, "not an address: " + printable(recipient, 200));
            }
        }
        if (!is_clean(delivery.mail_from) || delivery.recipients.empty()) {
            co_return stop(SmtpFailure::sender, "not an address: " + printable(delivery.mail_from, 200));
        }
        const bool connected = co_await session->connect(delivery.address, delivery.port, delivery.connect_timeout);
        if (!connected) {
            co_return stop(SmtpFailure::connect, session->why());
        }
        result.local_address = session->local_address();
        if (delivery.transport == SmtpDelivery::Transport::implicit_tls) {
            const bool encrypted = co_await encrypt();
            if (!encrypted) {
                co_return false;
            }
        }
        const bool greeted = co_await session->read_reply(delivery.command_timeout);
        if (!greeted) {
            co_return stop(SmtpFailure::greeting, "greeting: " + session->why());
        }
        result.banner = session->reply().text;
        if (session->reply().code != 220) {
            co_return stop_with_reply(SmtpFailure::greeting, "greeting");
        }
        bool good = co_await say_hello();
        if (good && delivery.transport == SmtpDelivery::Transport::starttls) {
            good = co_await maybe_starttls();
        }
        if (good) {
            good = co_await log_in();
        }
        if (good) {
            good = co_await send_envelope();
        }
        if (good) {
            good = co_await send_message();
        }
        const bool talking = result.failure != SmtpFailure::closed && result.failure != SmtpFailure::timeout &&
                             result.failure != SmtpFailure::handshake;
        if (talking) {
            co_await session->quit();
        }
        co_return good;
    }
};

}  // namespace

bool SmtpDeliveryResult::temporary() const {
    return failure != SmtpFailure::none && failure != SmtpFailure::refused_address && !reply.permanent();
}

void smtp_deliver(Loop& loop, SmtpDelivery delivery, std::function<void(SmtpDeliveryResult)> done) {
    spawn(loop, [&loop, delivery = std::move(delivery), done = std::move(done)]() -> asio::awaitable<void> {
        SmtpDeliveryResult result;
        if (const auto allowed = delivery.guard.check(delivery.address); !allowed) {
            result.failure = SmtpFailure::refused_address;
            result.error = allowed.error().message();
        } else {
            const auto session =
                std::make_shared<SmtpSession>(loop.context(), std::chrono::steady_clock::now() + delivery.timeout);
            Attempt attempt{session, delivery, result, {}};
            (void)co_await attempt.run();
            session->close();
        }
        done(std::move(result));
    });
}

// ---- submission

Result<SubmissionUrl> parse_submission_url(std::string_view text) {
    const std::string where =
        "'" + printable(text.substr(0, text.find("://")), 20) + "://…'";  // the rest may hold a password
    const auto parsed = boost::urls::parse_uri(text);
    if (parsed.has_error()) {
        return invalid_input(where, "not smtp://HOST:PORT, smtps://HOST or submission://HOST");
    }
    const boost::urls::url_view& url = *parsed;
    SubmissionUrl result;
    if (url.scheme() == "smtps") {
        result.transport = SmtpDelivery::Transport::implicit_tls;
        result.port = 465;
    } else if (url.scheme() == "submission") {
        result.port = 587;
    } else if (url.scheme() != "smtp") {
        return invalid_input(where, "the scheme must be smtp, smtps or submission");
    }
    result.host = url.host_address();
    if (result.host.empty() || !(url.encoded_path().empty() || url.encoded_path() == "/") || url.has_query() ||
        url.has_fragment()) {
        return invalid_input(where, "a host, optionally with user, password and port, and nothing else");
    }
    if (url.has_port()) {
        const auto port = parse_decimal(url.port());
        if (!port || *port == 0 || *port > 65535) {
            return invalid_input(where, "the port must be a number from 1 to 65535");
        }
        result.port = static_cast<std::uint16_t>(*port);
    }
    if (!url.user().empty()) {
        result.login = {url.user(), url.password()};
    }
    return result;
}

void resolve_configured_host(Loop& loop, const std::string& host,
                             std::function<void(Result<std::vector<dns::IpAddress>>)> done) {
    spawn(loop, [&loop, host, done = std::move(done)]() -> asio::awaitable<void> {
        std::vector<dns::IpAddress> addresses;
        if (const auto literal = dns::IpAddress::parse(host)) {
            addresses.push_back(*literal);
            done(std::move(addresses));
            co_return;
        }
        asio::ip::tcp::resolver resolver(loop.context());
        boost::system::error_code error;
        const auto found = co_await resolver.async_resolve(host, "", asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            done(Error{Errc::temporary, printable(host, 253), error.message()});
            co_return;
        }
        for (const auto& entry : found) {
            addresses.push_back(from_asio(entry.endpoint().address()));
        }
        done(std::move(addresses));
    });
}

}  // namespace postseal::net
