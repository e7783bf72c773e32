#include "hosting/acme_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <fstream>
#include <map>
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
constexpr int busy_retries_max = 3;
constexpr milliseconds busy_wait_max{10'000};
constexpr std::size_t nonces_max = 64;
constexpr Seconds directory_life{3600};
constexpr milliseconds poll_first{200};
constexpr milliseconds poll_max{15'000};
constexpr milliseconds poll_total_max{150'000};
constexpr Seconds open_order_life{3600};

std::string contact_uri(const std::string& contact) {
    return contact.find(':') == std::string::npos ? "mailto:" + contact : contact;
}

// What becomes known on the way to a certificate beside the error itself.
struct Attempt {
    AcmeFailure failure = AcmeFailure::none;
    std::optional<Seconds> retry_after;
    int orders = 0;
    int failed_authorizations = 0;
    bool replaced = false;

    Error fail(AcmeFailure kind, Error error) {
        failure = kind;
        return error;
    }
    Error fail(const AcmeReply& reply, std::string_view what, TimePoint now) {
        failure = failure_of(reply);
        retry_after = hosting::retry_after(reply.headers, now);
        return acme_error(reply, what);
    }
};

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

Result<Bytes> read_eab_key(const std::string& file) {
    if (file.empty()) {
        return Bytes{};
    }
    constexpr std::streamsize bytes_max = 4096;
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        return Error{Errc::unavailable, printable(file), "cannot be read"};
    }
    std::string text(static_cast<std::size_t>(bytes_max), '\0');
    in.read(text.data(), bytes_max);
    text.resize(static_cast<std::size_t>(in.gcount()));
    text.erase(std::find_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }), text.end());
    std::string_view line = trim_wsp(text);
    while (line.ends_with('=')) {
        line.remove_suffix(1);  // padding, which some CAs leave on
    }
    std::string url(line);
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    auto key = from_base64url(url);
    constexpr std::size_t key_bytes_min = 16;
    if (!key || key->size() < key_bytes_min) {
        return invalid_input(printable(file), "is no MAC key: one line of base64url, 16 bytes or more");
    }
    return key;
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
        std::string new_nonce, new_account, new_order, key_change, renewal_info, terms;
        bool external_account_required = false;
        std::vector<std::string> profiles;
        TimePoint read;
    };
    std::optional<Directory> directory;
    std::deque<std::string> nonces;
    std::optional<AcmeKey> account_key;
    std::string account_url;
    bool profile_missed = false;

    // Orders that the CA had not finished when our patience ended (RFC 8555 §7.1.6: they stay what they are).
    struct OpenOrder {
        std::string url;
        AcmeKey key;
        TimePoint made;
    };
    std::map<dns::Name, OpenOrder> open_orders;

    Impl(net::Loop& its_loop, net::HttpsClient& its_https, store::Certificates& its_certificates,
         ChallengeResponders its_responders, const Clock& its_clock, Log& its_log, AcmeSettings its_settings)
        : loop(its_loop),
          https(its_https),
          certificates(its_certificates),
          responders(std::move(its_responders)),
          clock(its_clock),
          log(its_log),
          settings(std::move(its_settings)) {}

    // --- HTTP --------------------------------------------------------------------------------------------------------

    awaitable<Result<AcmeReply>> exchange(Attempt& attempt, std::string method, std::string url, std::string body,
                                          std::string accept) {
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
        net::HttpsResponse response = co_await net::await_callback<net::HttpsResponse>(
            [this, &request](std::function<void(net::HttpsResponse)> done) { https.fetch(request, std::move(done)); });
        if (!response.ok()) {
            co_return attempt.fail(AcmeFailure::unreachable,
                                   Error{Errc::temporary, "ACME server " + url, response.error});
        }
        if (const auto nonce = net::find_header(response.headers, "Replay-Nonce"); !nonce.empty()) {
            nonces.emplace_back(nonce);  // RFC 8555 §6.5: every answer brings the next one
            if (nonces.size() > nonces_max) {
                nonces.pop_front();
            }
        }
        co_return read_acme_reply(response.status, std::move(response.headers), response.content_type,
                                  std::move(response.body));
    }

    static std::vector<std::string> profiles_of(const json::value& meta) {
        std::vector<std::string> names;
        const json::object* object = meta.if_object();
        const json::value* member = object == nullptr ? nullptr : object->if_contains("profiles");
        if (const json::object* profiles = member == nullptr ? nullptr : member->if_object()) {
            for (const auto& one : *profiles) {
                names.emplace_back(one.key());
            }
        }
        return names;
    }

    // RFC 8555 §7.1.1
    awaitable<Result<Directory>> read_directory(Attempt& attempt) {
        if (directory && clock.now() < directory->read + directory_life && clock.now() >= directory->read) {
            co_return *directory;
        }
        const Result<AcmeReply> reply = co_await exchange(attempt, "GET", settings.directory, "", "");
        if (!reply) {
            co_return reply.error();
        }
        Directory found;
        found.read = clock.now();
        found.new_nonce = text_at(reply->value, "newNonce");
        found.new_account = text_at(reply->value, "newAccount");
        found.new_order = text_at(reply->value, "newOrder");
        found.key_change = text_at(reply->value, "keyChange");
        found.renewal_info = text_at(reply->value, "renewalInfo");  // RFC 9773 §3
        const json::object* object = reply->value.if_object();
        if (const json::value* meta = object == nullptr ? nullptr : object->if_contains("meta")) {
            found.terms = text_at(*meta, "termsOfService");
            const json::object* members = meta->if_object();
            const json::value* required =
                members == nullptr ? nullptr : members->if_contains("externalAccountRequired");
            found.external_account_required = required != nullptr && required->is_bool() && required->get_bool();
            found.profiles = profiles_of(*meta);
        }
        if (found.new_nonce.empty() || found.new_account.empty() || found.new_order.empty()) {
            attempt.fail(*reply, "directory", clock.now());
            co_return attempt.fail(AcmeFailure::unreachable,
                                   Error{Errc::temporary, "ACME directory " + settings.directory,
                                         fmt::format("is no directory (HTTP status {})", reply->status)});
        }
        directory = found;
        co_return found;
    }

    awaitable<void> pause(milliseconds time) {
        net::asio::steady_timer timer(co_await net::asio::this_coro::executor);
        timer.expires_after(time);
        co_await timer.async_wait(net::asio::as_tuple(net::asio::use_awaitable));
    }

    // A signed POST; POST-as-GET with an empty payload. `kid` empty: signed with the key itself.
    awaitable<Result<AcmeReply>> post(Attempt& attempt, std::string url, std::string payload, std::string kid,
                                      std::string accept = "") {
        int refused_nonces = 0;
        int busy = 0;
        for (;;) {
            if (nonces.empty()) {
                const Result<Directory> known = co_await read_directory(attempt);
                if (!known) {
                    co_return known.error();
                }
                const Result<AcmeReply> fresh = co_await exchange(attempt, "HEAD", known->new_nonce, "", "");
                if (!fresh) {
                    co_return fresh.error();
                }
                if (nonces.empty()) {
                    attempt.fail(*fresh, "nonce", clock.now());
                    co_return attempt.fail(AcmeFailure::unreachable,
                                           Error{Errc::temporary, "ACME server",
                                                 fmt::format("gave no nonce (HTTP status {})", fresh->status)});
                }
            }
            JwsHeader header;
            header.url = url;
            header.kid = kid;
            header.nonce = nonces.front();
            nonces.pop_front();
            const Result<std::string> body = signed_request(*account_key, header, payload);
            if (!body) {
                co_return attempt.fail(AcmeFailure::local, body.error());
            }
            Result<AcmeReply> reply = co_await exchange(attempt, "POST", url, *body, accept);
            if (!reply) {
                co_return reply;
            }
            // RFC 8555 §6.5: a refused nonce is not a refused request.
            if (reply->error == "badNonce" && refused_nonces < bad_nonce_retries_max) {
                ++refused_nonces;
                continue;
            }
            // RFC 8555 §6.6: a CA that is busy says for how long; seconds are waited here, more is the caller's matter.
            const auto later = retry_after(reply->headers, clock.now());
            const bool is_busy = reply->status == 503 || reply->status == 429;
            if (is_busy && later && *later <= busy_wait_max && busy < busy_retries_max) {
                ++busy;
                co_await pause(std::max(milliseconds(*later), milliseconds(200)));
                continue;
            }
            co_return reply;
        }
    }

    // --- Account (RFC 8555 §7.3) -------------------------------------------------------------------------------------

    enum class Account { stored_is_fine, ask_the_ca };

    [[nodiscard]] std::string next_key_name() const { return "acme-next-key " + settings.directory; }

    // A key roll-over that was cut off: the CA knows under which key the account goes on (RFC 8555 §7.3.1).
    awaitable<Result<void>> finish_roll_over(Attempt& attempt, store::AcmeAccount stored) {
        const auto pending = certificates.secret(next_key_name());
        if (!pending || !*pending || (*pending)->empty()) {
            co_return pending ? Result<void>() : Result<void>(pending.error());
        }
        auto key = AcmeKey::from_pem(**pending);
        const Result<Directory> known = co_await read_directory(attempt);
        if (!key || !known) {
            co_return key ? known.error() : key.error();
        }
        const AcmeKey old_key = *account_key;
        account_key = *key;
        const Result<AcmeReply> reply =
            co_await post(attempt, known->new_account, R"({"onlyReturnExisting":true})", "");
        if (!reply || (reply->status != 200 && failure_of(*reply) != AcmeFailure::refused)) {
            account_key = old_key;
            co_return reply ? acme_error(*reply, "account") : reply.error();
        }
        if (reply->status == 200) {
            stored.key_pem = key->to_pem();
            if (const auto put = certificates.put_account(stored); !put) {
                co_return put;
            }
            log.info("hosting", "the account at " + settings.directory + " goes on under its new key");
        } else {
            account_key = old_key;
        }
        co_return certificates.put_secret(next_key_name(), "");
    }

    awaitable<Result<std::string>> account(Attempt& attempt, Account how) {
        if (how == Account::stored_is_fine && account_key && !account_url.empty()) {
            co_return account_url;
        }
        const auto stored = certificates.account(settings.directory);
        if (!stored) {
            co_return attempt.fail(AcmeFailure::local, stored.error());
        }
        if (*stored) {
            auto key = AcmeKey::from_pem((*stored)->key_pem);
            if (!key) {
                co_return attempt.fail(AcmeFailure::local, key.error());
            }
            account_key = *key;
            const auto settled = co_await finish_roll_over(attempt, **stored);
            if (!settled) {
                co_return settled.error();
            }
            account_url = (*stored)->url;
            if (how == Account::stored_is_fine && !account_url.empty()) {
                co_return account_url;
            }
        } else {
            auto key = AcmeKey::generate();
            if (!key) {
                co_return attempt.fail(AcmeFailure::local, key.error());
            }
            account_key = *key;
        }
        const Result<Directory> known = co_await read_directory(attempt);
        if (!known) {
            co_return known.error();
        }
        const auto refused = [&attempt](std::string why) {
            return attempt.fail(AcmeFailure::refused, Error{Errc::refused, "ACME account", std::move(why)});
        };
        if (!known->terms.empty() && !settings.accept_terms) {
            co_return refused("the terms of service have to be accepted (accept_terms = true): " +
                              printable(known->terms, 300));
        }
        if (known->external_account_required && !settings.external_account) {
            co_return refused(settings.directory +
                              " wants an account that the CA knows already: ask the CA for a key identifier and a MAC "
                              "key, and set eab_kid and eab_hmac_key_file");
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
        if (settings.external_account) {
            const auto binding = external_account_binding(*account_key, settings.external_account->kid,
                                                          settings.external_account->hmac_key, known->new_account);
            if (!binding) {
                co_return attempt.fail(AcmeFailure::local, binding.error());
            }
            wanted["externalAccountBinding"] = json::parse(*binding);
        }
        const Result<AcmeReply> reply = co_await post(attempt, known->new_account, json::serialize(wanted), "");
        if (!reply) {
            co_return reply.error();
        }
        if (reply->status != 201 && reply->status != 200) {
            co_return attempt.fail(*reply, "account", clock.now());
        }
        store::AcmeAccount made;
        made.directory = settings.directory;
        made.url = std::string(net::find_header(reply->headers, "Location"));
        made.key_pem = account_key->to_pem();
        if (made.url.empty()) {
            co_return attempt.fail(AcmeFailure::unreachable,
                                   Error{Errc::temporary, "ACME account", "the server names no account URL"});
        }
        if (const auto put = certificates.put_account(made); !put) {
            co_return attempt.fail(AcmeFailure::local, put.error());
        }
        account_url = made.url;
        log.info("hosting", fmt::format("ACME account {} at {}", printable(account_url), settings.directory));
        co_return account_url;
    }

    awaitable<Result<void>> roll_account_key() {
        Attempt attempt;
        const Result<std::string> ours = co_await account(attempt, Account::stored_is_fine);
        if (!ours) {
            co_return ours.error();
        }
        const Result<Directory> known = co_await read_directory(attempt);
        if (!known) {
            co_return known.error();
        }
        if (known->key_change.empty()) {
            co_return Error{Errc::refused, "ACME account key", "the CA has no keyChange resource"};
        }
        const Result<AcmeKey> fresh = AcmeKey::generate();
        if (!fresh) {
            co_return fresh.error();
        }
        // Kept first: a key that only the CA knows of would be a lost account.
        if (const auto kept = certificates.put_secret(next_key_name(), fresh->to_pem()); !kept) {
            co_return kept;
        }
        const auto inner = key_change_request(*account_key, *fresh, *ours, known->key_change);
        if (!inner) {
            co_return inner.error();
        }
        const Result<AcmeReply> reply = co_await post(attempt, known->key_change, *inner, *ours);
        if (!reply) {
            co_return reply.error();
        }
        if (reply->status != 200) {
            co_return acme_error(*reply, "account key");
        }
        store::AcmeAccount renewed{settings.directory, *ours, fresh->to_pem()};
        if (const auto put = certificates.put_account(renewed); !put) {
            co_return put;
        }
        account_key = *fresh;
        co_return certificates.put_secret(next_key_name(), "");
    }

    // --- Orders (RFC 8555 §7.4) --------------------------------------------------------------------------------------

    // POST-as-GET until `status` is none of pending, processing, or time is up.
    awaitable<Result<AcmeReply>> poll(Attempt& attempt, std::string url, std::vector<std::string> wait_while) {
        milliseconds waited{0};
        milliseconds step = poll_first;
        for (;;) {
            Result<AcmeReply> reply = co_await post(attempt, url, "", account_url);
            if (!reply) {
                co_return reply;
            }
            if (reply->status != 200) {
                co_return attempt.fail(*reply, "polling", clock.now());
            }
            const std::string status = text_at(reply->value, "status");
            if (std::find(wait_while.begin(), wait_while.end(), status) == wait_while.end()) {
                co_return reply;
            }
            // RFC 8555 §7.5.1: Retry-After is what to keep to.
            const auto advice = retry_after(reply->headers, clock.now());
            const milliseconds now = advice ? std::max(milliseconds(*advice), milliseconds(100))
                                            : std::exchange(step, std::min(step * 2, poll_max));
            if (waited + now > poll_total_max) {
                attempt.retry_after = advice;
                co_return attempt.fail(
                    AcmeFailure::unreachable,
                    Error{Errc::temporary, "ACME",
                          fmt::format("the CA has not finished after {} s; the order is gone on with later",
                                      waited.count() / 1000)});
            }
            waited += now;
            co_await pause(now);
        }
    }

    // Shows the answer to a challenge for as long as it lives.
    class Shown {
    public:
        Shown(ChallengeResponders responders, ChallengeKind kind, dns::Name host, std::string token)
            : responders_(std::move(responders)), kind_(kind), host_(std::move(host)), token_(std::move(token)) {}
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

    // RFC 8555 §7.5.2: an authorization that we gave up stays open at the CA, and counts there, unless we say so.
    awaitable<void> deactivate(std::string url) {
        Attempt aside;
        const Result<AcmeReply> reply = co_await post(aside, url, R"({"status":"deactivated"})", account_url);
        if (!reply || reply->status != 200) {
            log.debug("hosting", "an authorization could not be deactivated: " +
                                     (reply ? acme_error(*reply, "authorization").message() : reply.error().message()));
        }
    }

    // Success: the authorization is valid.
    awaitable<Result<void>> authorize(Attempt& attempt, std::string url, dns::Name host, ChallengeKind kind) {
        const Result<AcmeReply> found = co_await post(attempt, url, "", account_url);
        if (!found) {
            co_return found.error();
        }
        if (found->status != 200) {
            co_return attempt.fail(*found, "authorization", clock.now());
        }
        if (text_at(found->value, "status") == "valid") {
            co_return Result<void>();  // the CA remembers an earlier proof
        }
        const std::string where = fmt::format("ACME challenge {}", to_string(kind));
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
            co_await deactivate(url);
            co_return attempt.fail(AcmeFailure::authorization, Error{Errc::refused, where, "the CA does not offer it"});
        }
        Shown shown(responders, kind, host, token);
        if (const auto ready = shown.show(*account_key, clock.now()); !ready) {
            co_return attempt.fail(AcmeFailure::local, ready.error());
        }
        const Result<AcmeReply> started = co_await post(attempt, challenge, "{}", account_url);
        if (!started) {
            co_return started.error();
        }
        if (started->status != 200) {
            co_return attempt.fail(*started, "challenge", clock.now());
        }
        std::vector<std::string> while_pending{"pending", "processing"};
        const Result<AcmeReply> judged = co_await poll(attempt, url, std::move(while_pending));
        if (!judged) {
            co_await deactivate(url);
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
        ++attempt.failed_authorizations;
        co_return attempt.fail(AcmeFailure::authorization, Error{Errc::refused, where, std::move(why)});
    }

    [[nodiscard]] Result<bool> wants_profile(const Directory& known) {
        if (settings.profile.empty()) {
            return false;
        }
        if (known.profiles.empty()) {
            if (!std::exchange(profile_missed, true)) {
                log.warning("hosting", fmt::format("{} offers no profiles: certificates are ordered without \"{}\"",
                                                   settings.directory, settings.profile));
            }
            return false;
        }
        if (std::ranges::find(known.profiles, settings.profile) == known.profiles.end()) {
            return Error{Errc::refused, "ACME profile",
                         fmt::format("{} offers no \"{}\", but {}", settings.directory, settings.profile,
                                     printable(join(known.profiles, ", "), 300))};
        }
        return true;
    }

    // The order as the CA has it.
    struct Order {
        std::string url, status, finalize, authorization;
    };
    static std::optional<Order> read_order(const AcmeReply& reply, std::string url) {
        Order order;
        order.url = std::move(url);
        order.status = text_at(reply.value, "status");
        order.finalize = text_at(reply.value, "finalize");
        const json::array* authorizations = array_at(reply.value, "authorizations");
        if (order.url.empty() || order.finalize.empty() || authorizations == nullptr || authorizations->size() != 1 ||
            !(*authorizations)[0].is_string()) {
            return std::nullopt;
        }
        order.authorization = std::string((*authorizations)[0].as_string());
        return order;
    }

    awaitable<Result<Order>> new_order(Attempt& attempt, dns::Name host, std::string replaces) {
        const Result<Directory> known = co_await read_directory(attempt);
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
        const Result<bool> profile = wants_profile(*known);
        if (!profile) {
            co_return attempt.fail(AcmeFailure::refused, profile.error());
        }
        if (*profile) {
            wanted["profile"] = settings.profile;
        }
        // RFC 9773 §5: only where the CA has renewal information at all.
        if (!replaces.empty() && !known->renewal_info.empty()) {
            wanted["replaces"] = replaces;
        }
        Result<AcmeReply> made = co_await post(attempt, known->new_order, json::serialize(wanted), account_url);
        if (made && made->error == "accountDoesNotExist") {
            // The CA has forgotten us (a test CA that was restarted): the same key, a new account.
            const Result<std::string> again = co_await account(attempt, Account::ask_the_ca);
            if (!again) {
                co_return again.error();
            }
            made = co_await post(attempt, known->new_order, json::serialize(wanted), account_url);
        }
        // RFC 9773 §5: alreadyReplaced, or a certificate that the CA does not take for ours. Then it is an order like
        // any other, which counts towards the limits.
        if (made && made->status != 201 && wanted.contains("replaces") && failure_of(*made) == AcmeFailure::refused) {
            log.info("hosting", fmt::format("{}: ordered without `replaces`: {}", host.text(),
                                            acme_error(*made, "order").message()));
            wanted.erase("replaces");
            made = co_await post(attempt, known->new_order, json::serialize(wanted), account_url);
        }
        if (!made) {
            co_return made.error();
        }
        if (made->status != 201) {
            co_return attempt.fail(*made, "order", clock.now());
        }
        ++attempt.orders;
        attempt.replaced = wanted.contains("replaces");
        auto order = read_order(*made, std::string(net::find_header(made->headers, "Location")));
        if (!order) {
            co_return attempt.fail(AcmeFailure::unreachable,
                                   Error{Errc::temporary, "ACME order", "an answer that RFC 8555 does not know"});
        }
        co_return std::move(*order);
    }

    // One that was left open, as far as it can still lead anywhere.
    awaitable<std::optional<Order>> resumed(Attempt& attempt, dns::Name host) {
        const auto open = open_orders.find(host);
        if (open == open_orders.end()) {
            co_return std::nullopt;
        }
        std::optional<Order> order;
        if (clock.now() < open->second.made + open_order_life) {
            const std::string url = open->second.url;
            const Result<AcmeReply> reply = co_await post(attempt, url, "", account_url);
            if (reply && reply->status == 200) {
                order = read_order(*reply, url);
            }
        }
        if (!order || order->status == "invalid") {
            open_orders.erase(host);
            co_return std::nullopt;
        }
        co_return order;
    }

    awaitable<Result<store::Certificate>> order(Attempt& attempt, dns::Name host, ChallengeKind kind,
                                                std::string replaces) {
        std::optional<Order> current = co_await resumed(attempt, host);
        if (!current) {
            Result<Order> made = co_await new_order(attempt, host, std::move(replaces));
            if (!made) {
                co_return made.error();
            }
            Result<AcmeKey> key = AcmeKey::generate();
            if (!key) {
                co_return attempt.fail(AcmeFailure::local, key.error());
            }
            current = std::move(*made);
            open_orders.erase(host);
            open_orders.emplace(host, OpenOrder{current->url, std::move(*key), clock.now()});
        }
        Result<store::Certificate> certificate = co_await finish(attempt, host, kind, *current);
        // What the CA has not decided yet is gone on with; what it has decided is over.
        if (certificate || attempt.failure == AcmeFailure::authorization || attempt.failure == AcmeFailure::refused) {
            open_orders.erase(host);
        }
        co_return certificate;
    }

    awaitable<Result<store::Certificate>> finish(Attempt& attempt, dns::Name host, ChallengeKind kind, Order order) {
        const AcmeKey key = open_orders.at(host).key;
        if (order.status == "pending") {
            const Result<void> authorized = co_await authorize(attempt, order.authorization, host, kind);
            if (!authorized) {
                co_return authorized.error();
            }
            std::vector<std::string> while_pending{"pending"};
            const Result<AcmeReply> ready = co_await poll(attempt, order.url, std::move(while_pending));
            if (!ready) {
                co_return ready.error();
            }
            order.status = text_at(ready->value, "status");
        }
        if (order.status == "ready") {
            const Result<Bytes> csr = make_csr(key, host);
            if (!csr) {
                co_return attempt.fail(AcmeFailure::local, csr.error());
            }
            json::object request;
            request["csr"] = to_base64url(*csr);
            const Result<AcmeReply> finalized =
                co_await post(attempt, order.finalize, json::serialize(request), account_url);
            if (!finalized) {
                co_return finalized.error();
            }
            if (finalized->status != 200 && finalized->status != 201) {
                co_return attempt.fail(*finalized, "finalization", clock.now());
            }
        }
        std::vector<std::string> while_processing{"pending", "ready", "processing"};
        const Result<AcmeReply> issued = co_await poll(attempt, order.url, std::move(while_processing));
        if (!issued) {
            co_return issued.error();
        }
        const std::string certificate_url = text_at(issued->value, "certificate");
        if (text_at(issued->value, "status") != "valid" || certificate_url.empty()) {
            const bool told = issued->value.is_object() && issued->value.as_object().contains("error");
            co_return attempt.fail(AcmeFailure::refused, Error{Errc::refused, "ACME order",
                                                               told ? problem_words(issued->value.at("error"))
                                                                    : "the order ended without a certificate"});
        }
        const Result<AcmeReply> chain =
            co_await post(attempt, certificate_url, "", account_url, "application/pem-certificate-chain");
        if (!chain) {
            co_return chain.error();
        }
        if (chain->status != 200) {
            co_return attempt.fail(*chain, "certificate", clock.now());
        }
        Result<store::Certificate> certificate = checked(host, chain->body, key);
        if (!certificate) {
            co_return attempt.fail(AcmeFailure::refused, certificate.error());
        }
        co_return certificate;
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

    awaitable<IssueOutcome> issue(IssueRequest request) {
        Attempt attempt;
        IssueOutcome outcome;
        outcome.error = Error{Errc::refused, "ACME", "no challenge is configured"};
        const Result<std::string> ours = co_await account(attempt, Account::stored_is_fine);
        if (!ours) {
            outcome.error = ours.error();
        }
        std::vector<ChallengeKind> kinds;
        if (ours) {
            kinds = request.challenges;
        }
        // A failed challenge spoils its order, so each kind gets an order of its own (RFC 8555 §7.1.6).
        for (const ChallengeKind kind : kinds) {
            Result<store::Certificate> certificate = co_await order(attempt, request.host, kind, request.replaces);
            if (certificate) {
                outcome.certificate = std::move(*certificate);
                attempt.failure = AcmeFailure::none;
                break;
            }
            outcome.error = certificate.error();
            if (attempt.failure != AcmeFailure::authorization) {
                break;
            }
            log.warning("hosting", fmt::format("{}: {}", request.host.text(), outcome.error.message()));
        }
        outcome.failure = attempt.failure;
        if (!outcome.certificate && outcome.failure == AcmeFailure::none) {
            outcome.failure = AcmeFailure::refused;
        }
        outcome.retry_after = attempt.retry_after;
        outcome.orders = attempt.orders;
        outcome.failed_authorizations = attempt.failed_authorizations;
        outcome.replaced = attempt.replaced;
        co_return outcome;
    }

    // --- Renewal information (RFC 9773 §4) ---------------------------------------------------------------------------

    awaitable<Result<RenewalAdvice>> renewal_info(std::string renewal_id) {
        Attempt attempt;
        const Result<Directory> known = co_await read_directory(attempt);
        if (!known) {
            co_return known.error();
        }
        if (known->renewal_info.empty()) {
            co_return Error{Errc::not_found, "renewalInfo", settings.directory + " has none"};
        }
        // RFC 9773 §4.1: unauthenticated, the identifier appended to the URL.
        const Result<AcmeReply> reply = co_await exchange(
            attempt, "GET", known->renewal_info + (known->renewal_info.ends_with('/') ? "" : "/") + renewal_id, "", "");
        if (!reply) {
            co_return reply.error();
        }
        if (reply->status != 200) {
            Error error = acme_error(*reply, "renewalInfo");
            error.code = reply->status == 404 ? Errc::not_found : Errc::temporary;
            co_return error;
        }
        auto window = parse_renewal_info(reply->body);
        if (!window) {
            co_return Error{Errc::temporary, window.error().where, window.error().what};
        }
        co_return RenewalAdvice{std::move(*window), retry_after(reply->headers, clock.now())};
    }
};

AcmeClient::AcmeClient(net::Loop& loop, net::HttpsClient& https, store::Certificates& certificates,
                       ChallengeResponders responders, const Clock& clock, Log& log, AcmeSettings settings)
    : impl_(std::make_shared<Impl>(loop, https, certificates, std::move(responders), clock, log, std::move(settings))) {
}

AcmeClient::~AcmeClient() = default;

const AcmeSettings& AcmeClient::settings() const {
    return impl_->settings;
}

Result<std::optional<std::string>> AcmeClient::account_url() const {
    if (!impl_->account_url.empty()) {
        return std::optional(impl_->account_url);
    }
    POSTSEAL_TRY(const auto stored, impl_->certificates.account(impl_->settings.directory));
    return stored ? std::optional(stored->url) : std::nullopt;
}

void AcmeClient::prepare_account(std::function<void(Result<std::string>)> done) {
    net::spawn(impl_->loop, [impl = impl_, done = std::move(done)]() -> awaitable<void> {
        Attempt attempt;
        done(co_await impl->account(attempt, Impl::Account::stored_is_fine));
    });
}

void AcmeClient::roll_account_key(std::function<void(Result<void>)> done) {
    net::spawn(impl_->loop, [impl = impl_, done = std::move(done)]() -> awaitable<void> {
        done(co_await impl->roll_account_key());
    });
}

void AcmeClient::issue(IssueRequest request, std::function<void(IssueOutcome)> done) {
    net::spawn(impl_->loop, [impl = impl_, request = std::move(request), done = std::move(done)]() -> awaitable<void> {
        done(co_await impl->issue(request));
    });
}

void AcmeClient::renewal_info(const std::string& renewal_id, std::function<void(Result<RenewalAdvice>)> done) {
    net::spawn(impl_->loop, [impl = impl_, renewal_id, done = std::move(done)]() -> awaitable<void> {
        done(co_await impl->renewal_info(renewal_id));
    });
}

}  // namespace postseal::hosting
