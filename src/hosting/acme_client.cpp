#include "hosting/acme_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <utility>

#include "base/text.h"
#include "hosting/acme_jws.h"
#include "net/await.h"

namespace postseal::hosting {

namespace {

namespace json = boost::json;
using net::asio::awaitable;
using std::chrono::milliseconds;

constexpr int bad_nonce_retries_max = 20;  // Pebble can be told to refuse every second nonce
constexpr milliseconds poll_first{500};
constexpr milliseconds poll_max{15'000};
constexpr milliseconds poll_total_max{150'000};
constexpr std::string_view error_prefix = "urn:ietf:params:acme:error:";

struct Reply {
    int status = 0;
    net::HttpHeaders headers;
    std::string body;
    json::value value;       // null unless the body is JSON
    std::string acme_error;  // of problem+json, without the prefix
};

std::string text_at(const json::value& value, std::string_view member) {
    const json::object* object = value.if_object();
    const json::value* found = object == nullptr ? nullptr : object->if_contains(member);
    const json::string* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

const json::array* array_at(const json::value& value, std::string_view member) {
    const json::object* object = value.if_object();
    const json::value* found = object == nullptr ? nullptr : object->if_contains(member);
    return found == nullptr ? nullptr : found->if_array();
}

// A problem document in words (RFC 8555 §6.7): detail, and those of its subproblems.
std::string problem_words(const json::value& problem) {
    std::string words = printable(text_at(problem, "detail"), 500);
    if (words.empty()) {
        words = printable(text_at(problem, "type"), 100);
    }
    if (const json::array* more = array_at(problem, "subproblems")) {
        for (std::size_t i = 0; i < more->size() && i < 3; ++i) {
            words += "; " + printable(text_at((*more)[i], "detail"), 300);
        }
    }
    return words.empty() ? "no reason given" : words;
}

Error acme_error(const Reply& reply, std::string_view what) {
    const bool later = reply.status >= 500 || reply.status == 429 || reply.acme_error == "rateLimited" ||
                       reply.acme_error == "serverInternal" || reply.acme_error == "badNonce";
    return {later ? Errc::temporary : Errc::refused, fmt::format("ACME {}", what),
            reply.value.is_object() ? problem_words(reply.value) : fmt::format("HTTP status {}", reply.status)};
}

milliseconds retry_after(const Reply& reply, milliseconds otherwise) {
    // Seconds only; the date form of RFC 9110 §10.2.3 is not used by CAs.
    const auto seconds = parse_decimal(trim_wsp(net::find_header(reply.headers, "Retry-After")));
    return seconds
               ? std::clamp(milliseconds(std::min<std::uint64_t>(*seconds, 3600) * 1000), milliseconds(100), poll_max)
               : otherwise;
}

std::string contact_uri(const std::string& contact) {
    return contact.find(':') == std::string::npos ? "mailto:" + contact : contact;
}

}  // namespace

std::string_view to_string(ChallengeKind kind) {
    return kind == ChallengeKind::http_01 ? "http-01" : "tls-alpn-01";
}

Result<ChallengeKind> parse_challenge_kind(std::string_view text) {
    for (const ChallengeKind kind : {ChallengeKind::http_01, ChallengeKind::tls_alpn_01}) {
        if (text == to_string(kind)) {
            return kind;
        }
    }
    return invalid_input("challenges", "\"" + printable(text, 40) + "\" is neither http-01 nor tls-alpn-01");
}

struct AcmeClient::Impl {
    net::Loop& loop;
    net::HttpsClient& https;
    store::Certificates& certificates;
    ChallengeResponders responders;
    const Clock& clock;
    Log& log;
    AcmeSettings settings;

    struct Directory {
        std::string new_nonce, new_account, new_order, terms;
    };
    std::optional<Directory> directory;
    std::deque<std::string> nonces;
    std::optional<AcmeKey> account_key;
    std::string account_url;

    Impl(net::Loop& its_loop, net::HttpsClient& its_https, store::Certificates& its_certificates,
         ChallengeResponders its_responders, const Clock& its_clock, Log& its_log, AcmeSettings its_settings)
        : loop(its_loop),
          https(its_https),
          certificates(its_certificates),
          responders(its_responders),
          clock(its_clock),
          log(its_log),
          settings(std::move(its_settings)) {}

    // --- HTTP --------------------------------------------------------------------------------------------------------

    awaitable<Result<Reply>> exchange(std::string method, std::string url, std::string body, std::string accept) {
        net::HttpsRequest request;
        request.url = url;
        request.method = std::move(method);
        request.body = std::move(body);
        if (!request.body.empty()) {
            request.headers.emplace_back("Content-Type", "application/jose+json");  // RFC 8555 §6.2
        }
        if (!accept.empty()) {
            request.headers.emplace_back("Accept", std::move(accept));
        }
        request.target = net::HttpsRequest::Target::configured;
        request.trust = settings.trust;
        request.timeout = milliseconds(30'000);
        request.body_bytes_max = std::size_t{256} << 10;
        const net::HttpsResponse response = co_await net::await_callback<net::HttpsResponse>(
            [this, &request](std::function<void(net::HttpsResponse)> done) { https.fetch(request, std::move(done)); });
        if (!response.ok()) {
            co_return Error{Errc::temporary, "ACME server " + url, response.error};
        }
        Reply reply;
        reply.status = response.status;
        reply.headers = response.headers;
        reply.body = response.body;
        if (const auto nonce = net::find_header(response.headers, "Replay-Nonce"); !nonce.empty()) {
            nonces.emplace_back(nonce);  // RFC 8555 §6.5: every answer brings the next one
        }
        if (response.content_type.find("json") != std::string::npos) {
            boost::system::error_code bad;
            reply.value = json::parse(reply.body, bad);
            if (bad) {
                reply.value = nullptr;
            }
        }
        if (const std::string type = text_at(reply.value, "type"); type.starts_with(error_prefix)) {
            reply.acme_error = type.substr(error_prefix.size());
        }
        co_return reply;
    }

    awaitable<Result<Directory>> read_directory() {
        if (directory) {
            co_return *directory;
        }
        const Result<Reply> reply = co_await exchange("GET", settings.directory, "", "");
        if (!reply) {
            co_return reply.error();
        }
        Directory found;
        found.new_nonce = text_at(reply->value, "newNonce");
        found.new_account = text_at(reply->value, "newAccount");
        found.new_order = text_at(reply->value, "newOrder");
        if (reply->value.is_object() && reply->value.as_object().contains("meta")) {
            found.terms = text_at(reply->value.at("meta"), "termsOfService");
        }
        if (found.new_nonce.empty() || found.new_account.empty() || found.new_order.empty()) {
            co_return Error{Errc::temporary, "ACME directory " + settings.directory,
                            fmt::format("is no directory (HTTP status {})", reply->status)};
        }
        directory = found;
        co_return found;
    }

    // A signed POST; POST-as-GET with an empty payload. `kid` empty: signed with the key itself.
    awaitable<Result<Reply>> post(std::string url, std::string payload, std::string kid, std::string accept = "") {
        for (int attempt = 0;; ++attempt) {
            if (nonces.empty()) {
                const Result<Directory> known = co_await read_directory();
                if (!known) {
                    co_return known.error();
                }
                const Result<Reply> fresh = co_await exchange("HEAD", known->new_nonce, "", "");
                if (!fresh) {
                    co_return fresh.error();
                }
                if (nonces.empty()) {
                    co_return Error{Errc::temporary, "ACME server", "gave no nonce"};
                }
            }
            JwsHeader header;
            header.url = url;
            header.kid = kid;
            header.nonce = nonces.front();
            nonces.pop_front();
            const Result<std::string> body = signed_request(*account_key, header, payload);
            if (!body) {
                co_return body.error();
            }
            Result<Reply> reply = co_await exchange("POST", url, *body, accept);
            // RFC 8555 §6.5: a refused nonce is not a refused request.
            if (reply && reply->acme_error == "badNonce" && attempt < bad_nonce_retries_max) {
                continue;
            }
            co_return reply;
        }
    }

    // --- Account (RFC 8555 §7.3) -------------------------------------------------------------------------------------

    enum class Account { stored_is_fine, ask_the_ca };

    awaitable<Result<std::string>> account(Account how) {
        const auto stored = certificates.account(settings.directory);
        if (!stored) {
            co_return stored.error();
        }
        if (*stored) {
            auto key = AcmeKey::from_pem((*stored)->key_pem);
            if (!key) {
                co_return key.error();
            }
            account_key = *key;
            account_url = (*stored)->url;
            if (how == Account::stored_is_fine && !account_url.empty()) {
                co_return account_url;
            }
        } else {
            auto key = AcmeKey::generate();
            if (!key) {
                co_return key.error();
            }
            account_key = *key;
        }
        const Result<Directory> known = co_await read_directory();
        if (!known) {
            co_return known.error();
        }
        if (!known->terms.empty() && !settings.accept_terms) {
            co_return Error{
                Errc::refused, "ACME account",
                "the terms of service have to be accepted (accept_terms = true): " + printable(known->terms, 300)};
        }
        json::object wanted;
        if (settings.accept_terms) {
            wanted["termsOfServiceAgreed"] = true;
        }
        if (!settings.contact.empty()) {
            json::array contacts;
            contacts.emplace_back(contact_uri(settings.contact));
            wanted["contact"] = std::move(contacts);
        }
        const Result<Reply> reply = co_await post(known->new_account, json::serialize(wanted), "");
        if (!reply) {
            co_return reply.error();
        }
        if (reply->status != 201 && reply->status != 200) {
            co_return acme_error(*reply, "account");
        }
        store::AcmeAccount made;
        made.directory = settings.directory;
        made.url = std::string(net::find_header(reply->headers, "Location"));
        made.key_pem = account_key->to_pem();
        if (made.url.empty()) {
            co_return Error{Errc::temporary, "ACME account", "the server names no account URL"};
        }
        if (const auto put = certificates.put_account(made); !put) {
            co_return put.error();
        }
        account_url = made.url;
        log.info("hosting", fmt::format("ACME account {} at {}", printable(account_url), settings.directory));
        co_return account_url;
    }

    // --- Orders (RFC 8555 §7.4) --------------------------------------------------------------------------------------

    // POST-as-GET until `status` is none of pending, processing, or time is up.
    awaitable<Result<Reply>> poll(std::string url, std::vector<std::string> wait_while) {
        milliseconds waited{0};
        milliseconds pause = poll_first;
        net::asio::steady_timer timer(co_await net::asio::this_coro::executor);
        for (;;) {
            Result<Reply> reply = co_await post(url, "", account_url);
            if (!reply) {
                co_return reply;
            }
            if (reply->status != 200) {
                co_return acme_error(*reply, "polling");
            }
            const std::string status = text_at(reply->value, "status");
            if (std::find(wait_while.begin(), wait_while.end(), status) == wait_while.end()) {
                co_return reply;
            }
            if (waited >= poll_total_max) {
                co_return Error{Errc::temporary, "ACME",
                                "the CA has not finished after " + std::to_string(waited.count() / 1000) + " s"};
            }
            const milliseconds now = retry_after(*reply, pause);
            pause = std::min(pause * 2, poll_max);
            waited += now;
            timer.expires_after(now);
            co_await timer.async_wait(net::asio::as_tuple(net::asio::use_awaitable));
        }
    }

    // Shows the answer to a challenge for as long as it lives.
    class Shown {
    public:
        Shown(ChallengeResponders responders, ChallengeKind kind, dns::Name host, std::string token)
            : responders_(responders), kind_(kind), host_(std::move(host)), token_(std::move(token)) {}
        Shown(const Shown&) = delete;
        Shown& operator=(const Shown&) = delete;
        ~Shown() {
            if (kind_ == ChallengeKind::http_01) {
                responders_.http->remove(token_);
            } else {
                responders_.tls->remove_acme_challenge(host_);
            }
        }
        Result<void> show(const AcmeKey& account, TimePoint now) {
            const std::string authorization = key_authorization(token_, account);
            if (kind_ == ChallengeKind::http_01) {
                responders_.http->put(token_, authorization);
                return {};
            }
            POSTSEAL_TRY(const AcmeKey key, AcmeKey::generate());
            POSTSEAL_TRY(Bytes certificate, tls_alpn_certificate(key, host_, authorization, now));
            net::CertificateAndKey shown;
            shown.chain_der.push_back(std::move(certificate));
            shown.key_der = key.to_der();
            return responders_.tls->set_acme_challenge(host_, std::move(shown));
        }

    private:
        ChallengeResponders responders_;
        ChallengeKind kind_;
        dns::Name host_;
        std::string token_;
    };

    // Success: the authorization is valid.
    awaitable<Result<void>> authorize(std::string url, dns::Name host, ChallengeKind kind) {
        const Result<Reply> found = co_await post(url, "", account_url);
        if (!found) {
            co_return found.error();
        }
        if (found->status != 200) {
            co_return acme_error(*found, "authorization");
        }
        if (text_at(found->value, "status") == "valid") {
            co_return Result<void>();  // the CA remembers an earlier proof
        }
        std::string token;
        std::string challenge;
        if (const json::array* offered = array_at(found->value, "challenges")) {
            for (const json::value& one : *offered) {
                if (text_at(one, "type") == to_string(kind)) {
                    token = text_at(one, "token");
                    challenge = text_at(one, "url");
                }
            }
        }
        // RFC 8555 §8.3: base64url; anything else is no token and must not become a path or a map key.
        if (challenge.empty() || token.empty() || !from_base64url(token)) {
            co_return Error{Errc::refused, fmt::format("ACME challenge {}", to_string(kind)),
                            "the CA does not offer it"};
        }
        Shown shown(responders, kind, host, token);
        if (const auto ready = shown.show(*account_key, clock.now()); !ready) {
            co_return ready.error();
        }
        const Result<Reply> started = co_await post(challenge, "{}", account_url);
        if (!started) {
            co_return started.error();
        }
        if (started->status != 200) {
            co_return acme_error(*started, "challenge");
        }
        std::vector<std::string> while_pending{"pending", "processing"};
        const Result<Reply> judged = co_await poll(url, std::move(while_pending));
        if (!judged) {
            co_return judged.error();
        }
        const std::string status = text_at(judged->value, "status");
        if (status == "valid") {
            co_return Result<void>();
        }
        std::string why = "the authorization is " + printable(status, 40);
        if (const json::array* tried = array_at(judged->value, "challenges")) {
            for (const json::value& one : *tried) {
                if (one.is_object() && one.as_object().contains("error")) {
                    why = problem_words(one.at("error"));
                }
            }
        }
        co_return Error{Errc::refused, fmt::format("ACME challenge {}", to_string(kind)), std::move(why)};
    }

    awaitable<Result<store::Certificate>> order(dns::Name host, ChallengeKind kind) {
        const Result<Directory> known = co_await read_directory();
        if (!known) {
            co_return known.error();
        }
        json::object identifier;
        identifier["type"] = "dns";
        identifier["value"] = host.text();
        json::array identifiers;
        identifiers.push_back(std::move(identifier));
        json::object wanted;
        wanted["identifiers"] = std::move(identifiers);
        Result<Reply> made = co_await post(known->new_order, json::serialize(wanted), account_url);
        if (made && made->acme_error == "accountDoesNotExist") {
            // The CA has forgotten us (a test CA that was restarted): the same key, a new account.
            const Result<std::string> again = co_await account(Account::ask_the_ca);
            if (!again) {
                co_return again.error();
            }
            made = co_await post(known->new_order, json::serialize(wanted), account_url);
        }
        if (!made) {
            co_return made.error();
        }
        if (made->status != 201) {
            co_return acme_error(*made, "order");
        }
        const std::string order_url(net::find_header(made->headers, "Location"));
        const std::string finalize = text_at(made->value, "finalize");
        const json::array* authorizations = array_at(made->value, "authorizations");
        if (order_url.empty() || finalize.empty() || authorizations == nullptr || authorizations->size() != 1 ||
            !(*authorizations)[0].is_string()) {
            co_return Error{Errc::temporary, "ACME order", "an answer that RFC 8555 does not know"};
        }
        const std::string authorization((*authorizations)[0].as_string());
        const Result<void> authorized = co_await authorize(authorization, host, kind);
        if (!authorized) {
            co_return authorized.error();
        }
        std::vector<std::string> while_pending{"pending"};
        const Result<Reply> ready = co_await poll(order_url, std::move(while_pending));
        if (!ready) {
            co_return ready.error();
        }
        const Result<AcmeKey> key = AcmeKey::generate();
        if (!key) {
            co_return key.error();
        }
        const Result<Bytes> csr = make_csr(*key, host);
        if (!csr) {
            co_return csr.error();
        }
        json::object request;
        request["csr"] = to_base64url(*csr);
        const Result<Reply> finalized = co_await post(finalize, json::serialize(request), account_url);
        if (!finalized) {
            co_return finalized.error();
        }
        if (finalized->status != 200 && finalized->status != 201) {
            co_return acme_error(*finalized, "finalization");
        }
        std::vector<std::string> while_processing{"pending", "ready", "processing"};
        const Result<Reply> issued = co_await poll(order_url, std::move(while_processing));
        if (!issued) {
            co_return issued.error();
        }
        const std::string certificate_url = text_at(issued->value, "certificate");
        if (text_at(issued->value, "status") != "valid" || certificate_url.empty()) {
            const bool told = issued->value.is_object() && issued->value.as_object().contains("error");
            co_return Error{Errc::refused, "ACME order",
                            told ? problem_words(issued->value.at("error")) : "the order ended without a certificate"};
        }
        const Result<Reply> chain =
            co_await post(certificate_url, "", account_url, "application/pem-certificate-chain");
        if (!chain) {
            co_return chain.error();
        }
        if (chain->status != 200) {
            co_return acme_error(*chain, "certificate");
        }
        co_return checked(host, chain->body, *key);
    }

    // What came must be a certificate for this key and this name, or it never reaches a handshake.
    static Result<store::Certificate> checked(const dns::Name& host, const std::string& chain_pem, const AcmeKey& key) {
        store::Certificate certificate;
        certificate.host = host;
        certificate.chain_pem = chain_pem;
        certificate.key_pem = key.to_pem();
        POSTSEAL_TRY(const net::CertificateAndKey parsed,
                     net::certificate_from_pem(certificate.chain_pem, certificate.key_pem));
        POSTSEAL_TRY(const net::CertificateSummary summary, net::summarize_certificate(parsed.chain_der.front()));
        certificate.not_before = summary.not_before;
        certificate.not_after = summary.not_after;
        net::CertificateStore trial;
        if (auto fits = trial.set(host, parsed); !fits) {
            return fits.error();
        }
        return certificate;
    }

    awaitable<Result<store::Certificate>> issue(dns::Name host) {
        const Result<std::string> ours = co_await account(Account::stored_is_fine);
        if (!ours) {
            co_return ours.error();
        }
        Error last{Errc::refused, "ACME", "no challenge is configured"};
        // A failed challenge spoils its order, so each kind gets an order of its own (RFC 8555 §7.1.6).
        for (const ChallengeKind kind : settings.challenges) {
            Result<store::Certificate> certificate = co_await order(host, kind);
            if (certificate) {
                co_return certificate;
            }
            last = certificate.error();
            if (!last.where.starts_with("ACME challenge")) {
                break;
            }
            log.warning("hosting", fmt::format("{}: {}", host.text(), last.message()));
        }
        co_return last;
    }
};

AcmeClient::AcmeClient(net::Loop& loop, net::HttpsClient& https, store::Certificates& certificates,
                       ChallengeResponders responders, const Clock& clock, Log& log, AcmeSettings settings)
    : impl_(std::make_shared<Impl>(loop, https, certificates, responders, clock, log, std::move(settings))) {}

AcmeClient::~AcmeClient() = default;

const AcmeSettings& AcmeClient::settings() const {
    return impl_->settings;
}

Result<std::optional<std::string>> AcmeClient::account_url() const {
    POSTSEAL_TRY(const auto stored, impl_->certificates.account(impl_->settings.directory));
    return stored ? std::optional(stored->url) : std::nullopt;
}

void AcmeClient::prepare_account(std::function<void(Result<std::string>)> done) {
    net::spawn(impl_->loop, [impl = impl_, done = std::move(done)]() -> awaitable<void> {
        done(co_await impl->account(Impl::Account::stored_is_fine));
    });
}

void AcmeClient::issue(const dns::Name& host, std::function<void(Result<store::Certificate>)> done) {
    net::spawn(impl_->loop,
               [impl = impl_, host, done = std::move(done)]() -> awaitable<void> { done(co_await impl->issue(host)); });
}

}  // namespace postseal::hosting
