// The STARTTLS probe. RFC 8461 §4.2: what an MX host shows is judged as a sender under `enforce` would.
#include "net/await.h"
#include "net/smtp_client.h"
#include "net/smtp_session.h"

namespace postseal::net {

namespace {

// Everything up to QUIT; fills `result`.
asio::awaitable<void> probe(std::shared_ptr<SmtpSession> session, const SmtpProbeRequest& request,
                            SmtpProbeResult& result) {
    const auto limit = request.timeout;
    const auto stop = [&](SmtpFailure failure, std::string error) {
        result.failure = session->timed_out() ? SmtpFailure::timeout : failure;
        result.error = std::move(error);
    };
    const bool connected = co_await session->connect(request.address, request.port, request.connect_timeout);
    if (!connected) {
        stop(SmtpFailure::connect, session->why());
        co_return;
    }
    result.local_address = session->local_address();
    const bool greeted = co_await session->read_reply(limit);
    if (!greeted) {
        stop(SmtpFailure::greeting, "greeting: " + session->why());
        co_return;
    }
    result.banner = session->reply().text;
    if (session->reply().code != 220) {
        stop(SmtpFailure::greeting, "greeting: " + std::to_string(session->reply().code) + " " + session->reply().text);
        co_return;
    }
    const std::string hello = "EHLO " + (request.ehlo_name.empty() ? session->local_literal() : request.ehlo_name);
    const bool answered = co_await session->command(hello, limit);
    if (!answered) {
        stop(SmtpFailure::closed, "EHLO: " + session->why());
        co_return;
    }
    if (session->reply().code != 250) {
        stop(SmtpFailure::ehlo, "EHLO: " + std::to_string(session->reply().code) + " " + session->reply().text);
        co_return;
    }
    const EhloInfo ehlo = parse_ehlo(session->lines());
    result.ehlo = ehlo.name;
    result.extensions = ehlo.extensions;
    result.offered = ehlo.has("STARTTLS");
    if (!result.offered) {
        stop(SmtpFailure::starttls_not_offered, "the server does not offer STARTTLS");
        co_await session->quit();
        co_return;
    }
    const bool replied = co_await session->command("STARTTLS", limit);
    if (!replied) {
        stop(SmtpFailure::closed, "STARTTLS: " + session->why());
        co_return;
    }
    if (session->reply().code != 220) {
        stop(SmtpFailure::starttls_refused,
             "STARTTLS: " + std::to_string(session->reply().code) + " " + session->reply().text);
        co_await session->quit();
        co_return;
    }
    const bool encrypted = co_await session->start_tls(request.host, limit);
    if (!encrypted) {
        stop(SmtpFailure::handshake, session->why());
        co_return;
    }
    const std::vector<dns::Name> names(1, request.host);
    result.tls = session->tls_details(request.trust.get(), names);
    if (result.tls->certificate_error != CertificateError::none) {
        stop(SmtpFailure::certificate, result.tls->certificate_detail);
        co_await session->quit();
        co_return;
    }
    // In TLS 1.3 the client is done before the server is content: only an answer proves that it is.
    const bool alive = co_await session->command(hello, limit);
    if (!alive) {
        stop(SmtpFailure::handshake, "EHLO after STARTTLS: " + session->why());
        co_return;
    }
    co_await session->quit();
}

}  // namespace

std::string_view to_string(SmtpFailure failure) {
    switch (failure) {
        case SmtpFailure::none:
            return "none";
        case SmtpFailure::refused_address:
            return "refused-address";
        case SmtpFailure::connect:
            return "connect";
        case SmtpFailure::timeout:
            return "timeout";
        case SmtpFailure::greeting:
            return "greeting";
        case SmtpFailure::ehlo:
            return "ehlo";
        case SmtpFailure::starttls_not_offered:
            return "starttls-not-offered";
        case SmtpFailure::starttls_refused:
            return "starttls-refused";
        case SmtpFailure::handshake:
            return "handshake";
        case SmtpFailure::certificate:
            return "certificate";
        case SmtpFailure::login:
            return "login";
        case SmtpFailure::sender:
            return "sender";
        case SmtpFailure::recipient:
            return "recipient";
        case SmtpFailure::message:
            return "message";
        case SmtpFailure::closed:
            return "closed";
    }
    return "";
}

void smtp_probe(Loop& loop, SmtpProbeRequest request, std::function<void(SmtpProbeResult)> done) {
    spawn(loop, [&loop, request = std::move(request), done = std::move(done)]() -> asio::awaitable<void> {
        const auto begin = std::chrono::steady_clock::now();
        SmtpProbeResult result;
        if (const auto allowed = request.guard.check(request.address); !allowed) {
            result.failure = SmtpFailure::refused_address;
            result.error = allowed.error().message();
        } else {
            const auto session = std::make_shared<SmtpSession>(loop.context(), begin + request.timeout);
            co_await probe(session, request, result);
            session->close();
        }
        result.duration =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
        done(std::move(result));
    });
}

}  // namespace postseal::net
