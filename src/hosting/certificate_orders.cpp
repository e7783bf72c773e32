#include "hosting/certificate_orders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "hosting/life_cycle.h"

namespace postseal::hosting {

namespace {

using net::asio::awaitable;

// 1 m, 10 m, 100 m, 1 d: what CAs ask for.
Seconds order_backoff(int failures) {
    constexpr std::array<Seconds, 4> steps{Seconds(60), Seconds(600), Seconds(6000), Seconds(86'400)};
    return steps.at(static_cast<std::size_t>(std::clamp(failures, 1, 4) - 1));
}

}  // namespace

CertificateOrders::CertificateOrders(const JobsParts& parts, const std::vector<AcmeSettings>& acme) : parts_(parts) {
    const ChallengeResponders responders{parts_.publication.challenges(), parts_.publication.tls()};
    for (const AcmeSettings& one : acme) {
        cas_.push_back(std::make_unique<AcmeClient>(parts_.loop, parts_.https, parts_.store.certificates, responders,
                                                    parts_.clock, parts_.log, one));
    }
    account_ready_.assign(cas_.size(), false);
    if (cas_.empty()) {
        account_problem_ = "no [[acme]] is configured: no certificate can be ordered";
    }
}

bool CertificateOrders::any_account() const {
    return std::any_of(account_ready_.begin(), account_ready_.end(), [](bool ready) { return ready; });
}

void CertificateOrders::name_account(const AcmeClient& ca, const std::string& url) {
    if (const auto shown = parts_.publication.set_account(ca.settings().caa_issuer, url, parts_.store); !shown) {
        parts_.log.error("hosting", shown.error().message());
    }
}

awaitable<bool> CertificateOrders::prepare_accounts() {
    if (preparing_) {
        co_return false;
    }
    preparing_ = true;
    bool news = false;
    for (std::size_t i = 0; i < cas_.size(); ++i) {
        if (account_ready_[i]) {
            continue;
        }
        AcmeClient& ca = *cas_[i];
        const auto url = co_await net::await_callback<Result<std::string>>(
            [&ca](std::function<void(Result<std::string>)> done) { ca.prepare_account(std::move(done)); });
        if (!url) {
            account_problem_ = url.error().message();
            parts_.log.warning("hosting", account_problem_);
            continue;
        }
        name_account(ca, *url);
        account_ready_[i] = true;
        news = true;
    }
    preparing_ = false;
    co_return news;
}

bool CertificateOrders::wanted(const dns::Name& host, const std::optional<store::Certificate>& certificate) const {
    return !certificate || !parts_.publication.tls()->contains(host) ||
           renewal_due(certificate->not_before, certificate->not_after, now());
}

awaitable<Result<void>> CertificateOrders::issue(dns::Name host) {
    if (!any_account()) {
        co_return Error{Errc::temporary, "certificate", account_problem_};
    }
    Order& order = orders_[host];
    if (order.running) {
        co_return Error{Errc::temporary, "certificate", "an order is under way"};
    }
    if (const auto next = next_try(host)) {
        co_return Error{Errc::temporary, "certificate",
                        fmt::format("the last order failed; the next one is tried at {}", to_rfc3339(*next))};
    }
    order.running = true;
    Error last;
    for (std::size_t i = 0; i < cas_.size(); ++i) {
        if (!account_ready_[i]) {
            continue;
        }
        AcmeClient& ca = *cas_[i];
        const auto certificate = co_await net::await_callback<Result<store::Certificate>>(
            [&ca, &host](std::function<void(Result<store::Certificate>)> done) { ca.issue(host, std::move(done)); });
        if (!certificate) {
            last = certificate.error();
            parts_.log.warning("hosting", fmt::format("{}: {}", host.text(), last.message()));
            continue;
        }
        order = Order{};
        // Stored before it is shown: what the world has seen must survive a restart.
        auto kept = parts_.store.certificates.put(*certificate);
        if (kept) {
            kept = parts_.publication.show_certificate(*certificate);
        }
        // The account may be a new one (RFC 8555 §7.3): then CAA has to name it.
        if (const auto url = ca.account_url(); url && *url) {
            name_account(ca, **url);
        }
        if (kept) {
            parts_.log.info("hosting",
                            fmt::format("{}: certificate until {}", host.text(), to_rfc3339(certificate->not_after)));
        }
        co_return kept;
    }
    order.running = false;
    order.failures += 1;
    order.next_try = now() + order_backoff(order.failures);
    co_return last;
}

std::optional<TimePoint> CertificateOrders::next_try(const dns::Name& host) const {
    const auto order = orders_.find(host);
    return order != orders_.end() && order->second.failures > 0 && order->second.next_try > now()
               ? std::optional(order->second.next_try)
               : std::nullopt;
}

}  // namespace postseal::hosting
