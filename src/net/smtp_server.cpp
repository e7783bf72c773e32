#include "net/smtp_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <unordered_set>

#include "base/text.h"
#include "net/acceptor.h"
#include "net/await.h"

namespace postseal::net {

namespace {

constexpr std::size_t line_bytes_max = 2048;  // RFC 5321 §4.5.3.1.4 and room for parameters
constexpr std::size_t read_bytes = 8192;

class Session;

struct Shared {
    SmtpServerSettings settings;
    SmtpServer::Handler handler;
    std::atomic<std::size_t> sessions = 0;
    std::atomic<bool> stopping = false;
};
using Sessions = std::unordered_set<Session*>;  // of one loop

std::string reply_line(const SmtpAnswer& answer) {
    // One line: whatever a handler put into the text.
    return std::to_string(answer.code) + " " + printable(answer.text, 400) + "\r\n";
}

// "<a@b> SIZE=10" → "a@b" and " SIZE=10"; nothing when there is no path. Source routes (@x,@y:a@b) are dropped.
struct PathAndRest {
    std::string path;
    std::string rest;
};
std::optional<PathAndRest> read_path(std::string_view text) {
    text = trim_wsp(text);
    if (!text.starts_with('<')) {
        return std::nullopt;
    }
    bool quoted = false;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\' && quoted) {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (text[i] == '>' && !quoted) {
            std::string_view path = text.substr(1, i - 1);
            if (path.starts_with('@')) {
                const std::size_t colon = path.find(':');
                path = colon == std::string_view::npos ? path : path.substr(colon + 1);
            }
            const bool clean =
                std::ranges::none_of(path, [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
            return clean ? std::optional(PathAndRest{std::string(path), std::string(text.substr(i + 1))})
                         : std::nullopt;
        }
    }
    return std::nullopt;
}

// One client.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Loop& loop, std::shared_ptr<Shared> shared, std::shared_ptr<Sessions> siblings, Acceptor::Accepted accepted)
        : loop_(loop),
          shared_(std::move(shared)),
          siblings_(std::move(siblings)),
          socket_(loop.context()),
          timer_(loop.context()),
          answer_timer_(loop.context()),
          end_(std::chrono::steady_clock::now() + shared_->settings.session_timeout) {
        message_.peer = accepted.peer;
        boost::system::error_code ignored;
        socket_.assign(asio::generic::stream_protocol(AF_INET, 0), accepted.socket.fd(), ignored);
        accepted.socket.release();
        siblings_->insert(this);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() {
        siblings_->erase(this);
        --shared_->sessions;
    }

    void run(bool too_many) {
        spawn(loop_,
              [self = shared_from_this(), too_many]() -> asio::awaitable<void> { co_await self->serve(too_many); });
    }
    void abort() {
        aborted_ = true;
        close();
        answer_timer_.cancel();
    }

private:
    [[nodiscard]] bool lmtp() const { return shared_->settings.protocol == SmtpServerSettings::Protocol::lmtp; }

    void close() {
        boost::system::error_code ignored;
        socket_.close(ignored);
        timer_.cancel();
    }

    void arm() {
        timer_.expires_at(std::min(end_, std::chrono::steady_clock::now() + shared_->settings.command_timeout));
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            const auto self = weak.lock();
            if (!error && self && self->timer_.expiry() <= std::chrono::steady_clock::now()) {
                self->close();
            }
        });
    }

    asio::awaitable<bool> fill() {
        const std::size_t old = input_.size();
        input_.resize(old + read_bytes);
        boost::system::error_code error;
        std::size_t got = 0;
        arm();
        if (tls_) {
            got = co_await tls_->async_read_some(asio::buffer(input_.data() + old, read_bytes),
                                                 asio::redirect_error(asio::use_awaitable, error));
            ERR_clear_error();
        } else {
            got = co_await socket_.async_read_some(asio::buffer(input_.data() + old, read_bytes),
                                                   asio::redirect_error(asio::use_awaitable, error));
        }
        timer_.cancel();
        input_.resize(old + got);
        co_return !error && got > 0;
    }

    // Replies gather in output_ while there are pipelined commands to read (RFC 2920), and leave in one write.
    asio::awaitable<bool> flush() {
        if (output_.empty()) {
            co_return true;
        }
        const std::string bytes = std::exchange(output_, {});
        boost::system::error_code error;
        arm();
        if (tls_) {
            co_await asio::async_write(*tls_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
        } else {
            co_await asio::async_write(socket_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
        }
        timer_.cancel();
        co_return !error;
    }

    void say(int code, std::string_view text) { output_ += std::to_string(code) + " " + std::string(text) + "\r\n"; }
    void say_error(int code, std::string_view text) {
        ++errors_;
        say(code, text);
    }

    void reset() {
        message_.mail_from.clear();
        message_.recipients.clear();
        message_.data.clear();
        mail_given_ = false;
    }

    asio::awaitable<void> serve(bool too_many) {
        const SmtpServerSettings& settings = shared_->settings;
        if (too_many) {
            say(421, settings.host_name + " too many connections, try again later");
            (void)co_await flush();
            close();
            co_return;
        }
        say(220, settings.host_name + (lmtp() ? " LMTP Postseal" : " ESMTP Postseal"));
        bool going_on = true;
        while (going_on && !aborted_) {
            const std::size_t end = input_.find('\n');
            if (end == std::string::npos) {
                const bool flushed = co_await flush();
                if (!flushed) {
                    break;
                }
                if (input_.size() > line_bytes_max) {
                    say(500, "5.5.2 line too long");
                    (void)co_await flush();
                    break;
                }
                going_on = co_await fill();
                continue;
            }
            std::string line = input_.substr(0, end);
            input_.erase(0, end + 1);
            if (line.ends_with('\r')) {
                line.pop_back();
            }
            going_on = co_await command(std::move(line));
            if (errors_ > settings.errors_max) {
                say(421, settings.host_name + " too many errors");
                going_on = false;
            } else if (shared_->stopping && going_on && !mail_given_) {
                say(421, settings.host_name + " stopping");
                going_on = false;
            }
        }
        if (!aborted_) {
            (void)co_await flush();
        }
        close();
    }

    // False: the session ends.
    asio::awaitable<bool> command(std::string line) {
        const std::size_t blank = line.find(' ');
        const std::string verb = to_lower(line.substr(0, blank));
        const std::string rest = blank == std::string::npos ? "" : std::string(trim_wsp(line.substr(blank)));
        if (line.size() > line_bytes_max) {
            say_error(500, "5.5.2 line too long");
        } else if (verb == "ehlo" || verb == "helo" || verb == "lhlo") {
            hello(verb, rest);
        } else if (verb == "starttls") {
            co_return co_await starttls(rest);
        } else if (verb == "mail") {
            mail(rest);
        } else if (verb == "rcpt") {
            recipient(rest);
        } else if (verb == "data") {
            co_return co_await data(rest);
        } else if (verb == "rset") {
            reset();
            say(250, "2.0.0 OK");
        } else if (verb == "noop") {
            say(250, "2.0.0 OK");
        } else if (verb == "vrfy") {
            say(252, "2.1.5 try to deliver");
        } else if (verb == "quit") {
            say(221, "2.0.0 bye");
            co_return false;
        } else {
            say_error(500, "5.5.1 command not recognized");
        }
        co_return true;
    }

    void hello(const std::string& verb, const std::string& name) {
        if ((verb == "lhlo") != lmtp()) {
            say_error(500, lmtp() ? "5.5.1 this is LMTP: say LHLO" : "5.5.1 this is SMTP: say EHLO");
            return;
        }
        if (name.empty()) {
            say_error(501, "5.5.4 a name is needed");
            return;
        }
        reset();
        message_.helo = printable(name, 255);
        greeted_ = true;
        const SmtpServerSettings& settings = shared_->settings;
        if (verb == "helo") {
            say(250, settings.host_name);
            return;
        }
        output_ += "250-" + settings.host_name +
                   "\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE " +
                   std::to_string(settings.message_bytes_max) + "\r\n";
        if (settings.tls && !tls_) {
            output_ += "250-STARTTLS\r\n";
        }
        say(250, "SMTPUTF8");
    }

    asio::awaitable<bool> starttls(const std::string& rest) {
        if (!shared_->settings.tls) {
            say_error(502, "5.5.1 no TLS here");
            co_return true;
        }
        if (tls_ || !rest.empty()) {
            say_error(tls_ ? 503 : 501, tls_ ? "5.5.1 already in TLS" : "5.5.4 no parameters");
            co_return true;
        }
        // What follows in the same packet was sent in clear text and must not count as said inside TLS (CVE-2011-0411).
        if (!input_.empty()) {
            say(421, "4.7.0 nothing may follow STARTTLS");
            co_return false;
        }
        say(220, "2.0.0 go ahead");
        const bool flushed = co_await flush();
        if (!flushed) {
            co_return false;
        }
        SSL_CTX_up_ref(shared_->settings.tls->native());
        asio::ssl::context context(shared_->settings.tls->native());  // takes that reference
        tls_.emplace(socket_, context);
        boost::system::error_code error;
        arm();
        co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                       asio::redirect_error(asio::use_awaitable, error));
        timer_.cancel();
        ERR_clear_error();
        if (error) {
            output_.clear();
            co_return false;
        }
        reset();
        greeted_ = false;  // RFC 3207 §4.2
        message_.tls = true;
        message_.tls_version = SSL_get_version(tls_->native_handle());
        const char* name = SSL_get_servername(tls_->native_handle(), TLSEXT_NAMETYPE_host_name);
        message_.sni = name != nullptr ? printable(to_lower(name), 255) : "";
        co_return true;
    }

    void mail(const std::string& rest) {
        const SmtpServerSettings& settings = shared_->settings;
        if (!greeted_ || mail_given_) {
            say_error(503, greeted_ ? "5.5.1 one sender at a time" : "5.5.1 say hello first");
            return;
        }
        if (settings.require_tls && !tls_) {
            say_error(530, "5.7.0 say STARTTLS first");
            return;
        }
        const auto path = istarts_with(rest, "FROM:") ? read_path(std::string_view(rest).substr(5)) : std::nullopt;
        if (!path) {
            say_error(501, "5.5.4 MAIL FROM:<address>");
            return;
        }
        for (const std::string_view parameter : split(path->rest, ' ')) {
            if (istarts_with(parameter, "SIZE=")) {
                const auto size = parse_decimal(parameter.substr(5));
                if (!size || *size > settings.message_bytes_max) {
                    say_error(552, "5.3.4 larger than " + std::to_string(settings.message_bytes_max) + " bytes");
                    return;
                }
            }
        }
        const SmtpAnswer answer =
            settings.accept_sender ? settings.accept_sender(path->path) : SmtpAnswer{250, "2.1.0 OK"};
        output_ += reply_line(answer);
        if (answer.code == 250) {
            message_.mail_from = path->path;
            mail_given_ = true;
        } else {
            ++errors_;
        }
    }

    void recipient(const std::string& rest) {
        const SmtpServerSettings& settings = shared_->settings;
        if (!mail_given_) {
            say_error(503, "5.5.1 MAIL first");
            return;
        }
        const auto path = istarts_with(rest, "TO:") ? read_path(std::string_view(rest).substr(3)) : std::nullopt;
        if (!path || path->path.empty()) {
            say_error(501, "5.5.4 RCPT TO:<address>");
            return;
        }
        if (message_.recipients.size() >= settings.recipients_max) {
            say_error(452, "4.5.3 too many recipients");
            return;
        }
        const SmtpAnswer answer =
            settings.accept_recipient ? settings.accept_recipient(path->path) : SmtpAnswer{250, "2.1.5 OK"};
        output_ += reply_line(answer);
        if (answer.code == 250) {
            message_.recipients.push_back(path->path);
        } else {
            ++errors_;
        }
    }

    asio::awaitable<bool> data(const std::string& rest) {
        if (message_.recipients.empty() || !rest.empty()) {
            say_error(rest.empty() ? 503 : 501, rest.empty() ? "5.5.1 no valid recipients" : "5.5.4 no parameters");
            co_return true;
        }
        say(354, "end with <CRLF>.<CRLF>");
        const bool flushed = co_await flush();
        if (!flushed) {
            co_return false;
        }
        bool too_large = false;
        const bool complete = co_await read_message(too_large);
        if (!complete) {
            co_return false;
        }
        const std::size_t count = lmtp() ? message_.recipients.size() : 1;  // RFC 2033 §4.2
        SmtpAnswer answer{552, "5.3.4 larger than " + std::to_string(shared_->settings.message_bytes_max) + " bytes"};
        if (too_large) {
            ++errors_;
        } else {
            answer = co_await ask_handler();
            if (aborted_) {
                co_return false;
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            output_ += reply_line(answer);
        }
        reset();
        co_return true;
    }

    // Up to <CRLF>.<CRLF>, exactly: a lone LF ends no line here, so that no message is smuggled inside another one.
    asio::awaitable<bool> read_message(bool& too_large) {
        message_.data.clear();
        std::string& data = message_.data;
        bool line_begins = true;
        while (true) {
            std::size_t at = 0;
            while (true) {
                const std::size_t end = input_.find("\r\n", at);
                if (end == std::string::npos) {
                    break;
                }
                std::string_view line(input_.data() + at, end + 2 - at);
                at = end + 2;
                if (line_begins && line == ".\r\n") {
                    input_.erase(0, at);
                    co_return true;
                }
                line.remove_prefix(line_begins && line.starts_with('.') ? 1 : 0);
                line_begins = true;
                take(line, data, too_large);
            }
            input_.erase(0, at);
            // A long line is taken in pieces; the last bytes may be half of a line end, or of the end of it all.
            if (input_.size() > read_bytes) {
                std::string_view piece(input_.data(), input_.size() - 1);
                piece.remove_prefix(line_begins && piece.starts_with('.') ? 1 : 0);
                line_begins = false;
                take(piece, data, too_large);
                input_.erase(0, input_.size() - 1);
            }
            const bool more = co_await fill();
            if (!more) {
                co_return false;
            }
        }
    }

    void take(std::string_view bytes, std::string& data, bool& too_large) const {
        if (too_large || data.size() + bytes.size() > shared_->settings.message_bytes_max) {
            too_large = true;
            data = {};
            return;
        }
        data.append(bytes);
    }

    // As HttpConnection's: the last unused copy of the answer function answers "try again".
    struct Pending {
        Pending(Loop& its_loop, std::weak_ptr<Session> its_session) : loop(its_loop), session(std::move(its_session)) {}
        Pending(const Pending&) = delete;
        Pending& operator=(const Pending&) = delete;
        ~Pending() { answer({451, "4.3.0 no answer, try again later"}); }
        void answer(SmtpAnswer given) {
            const auto alive = session.lock();
            if (used.exchange(true) || !alive) {
                return;
            }
            loop.post([weak = session, given = std::move(given)] {
                if (const auto target = weak.lock()) {
                    target->answer_ = given;
                    target->answer_timer_.cancel();
                }
            });
        }
        Loop& loop;
        std::weak_ptr<Session> session;
        std::atomic<bool> used = false;
    };

    asio::awaitable<SmtpAnswer> ask_handler() {
        answer_.reset();
        answer_timer_.expires_at(end_);
        {
            const auto pending = std::make_shared<Pending>(loop_, weak_from_this());
            shared_->handler(message_, [pending](SmtpAnswer answer) { pending->answer(std::move(answer)); });
        }
        boost::system::error_code error;
        while (!answer_ && !aborted_) {
            co_await answer_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
            if (!error && !answer_) {
                co_return SmtpAnswer{451, "4.3.0 no answer in time, try again later"};
            }
        }
        co_return answer_.value_or(SmtpAnswer{451, "4.3.0 stopping"});
    }

    Loop& loop_;
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<Sessions> siblings_;
    asio::generic::stream_protocol::socket socket_;
    std::optional<asio::ssl::stream<asio::generic::stream_protocol::socket&>> tls_;
    asio::steady_timer timer_;
    asio::steady_timer answer_timer_;
    std::chrono::steady_clock::time_point end_;
    std::string input_;
    std::string output_;
    ReceivedMessage message_;
    std::optional<SmtpAnswer> answer_;
    std::size_t errors_ = 0;
    bool greeted_ = false;
    bool mail_given_ = false;
    bool aborted_ = false;
};

}  // namespace

struct SmtpServer::Impl {
    Impl(std::vector<Loop*> its_loops, SmtpServerSettings settings, Handler handler)
        : loops(std::move(its_loops)), shared(std::make_shared<Shared>()), acceptor(loops) {
        shared->settings = std::move(settings);
        shared->handler = std::move(handler);
        for (std::size_t i = 0; i < loops.size(); ++i) {
            sessions.push_back(std::make_shared<Sessions>());
        }
    }
    std::vector<Loop*> loops;
    std::shared_ptr<Shared> shared;
    std::vector<std::shared_ptr<Sessions>> sessions;
    Acceptor acceptor;
};

SmtpServer::SmtpServer(std::vector<Loop*> loops, SmtpServerSettings settings, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(loops), std::move(settings), std::move(handler))) {}

SmtpServer::~SmtpServer() {
    stop();
}

Result<void> SmtpServer::listen(const ListenAddress& address, unsigned socket_mode) {
    Impl& impl = *impl_;
    return impl.acceptor.listen(address, socket_mode, [&impl](std::size_t index, Acceptor::Accepted accepted) {
        const bool too_many = ++impl.shared->sessions > impl.shared->settings.connections_max;
        const auto session =
            std::make_shared<Session>(*impl.loops[index], impl.shared, impl.sessions[index], std::move(accepted));
        session->run(too_many);
    });
}

std::vector<ListenAddress> SmtpServer::addresses() const {
    return impl_->acceptor.addresses();
}

void SmtpServer::stop() {
    impl_->shared->stopping = true;
    impl_->acceptor.close();
    for (std::size_t i = 0; i < impl_->loops.size(); ++i) {
        impl_->loops[i]->sync([&] {
            const std::vector<Session*> all(impl_->sessions[i]->begin(), impl_->sessions[i]->end());
            for (Session* session : all) {
                session->abort();
            }
        });
    }
}

}  // namespace postseal::net
