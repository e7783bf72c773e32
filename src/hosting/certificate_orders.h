// The certificates of this installation: accounts at the CAs, orders in their order of preference, and patience after a
// failed one (rule 7; RFC 8555).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hosting/acme_client.h"
#include "hosting/parts.h"
#include "net/await.h"

namespace postseal::hosting {

// Everything on the loop. What is awaited here must not outlive this object.
class CertificateOrders {
public:
    CertificateOrders(const JobsParts& parts, const std::vector<AcmeSettings>& acme);
    CertificateOrders(const CertificateOrders&) = delete;
    CertificateOrders& operator=(const CertificateOrders&) = delete;

    // Makes the accounts that are not there yet, and names them in CAA. True: there is one more than before.
    net::asio::awaitable<bool> prepare_accounts();
    [[nodiscard]] bool any_account() const;
    // No account yet, but one is being made.
    [[nodiscard]] bool being_prepared() const { return !any_account() && preparing_; }

    // There is none, it is not shown, or it is time to renew it.
    [[nodiscard]] bool wanted(const dns::Name& host, const std::optional<store::Certificate>& certificate) const;
    // From the first CA that gives one: stored, then shown. Error: the last CA's, or why nothing was ordered.
    net::asio::awaitable<Result<void>> issue(dns::Name host);
    // After a failed order: when the next one is tried.
    [[nodiscard]] std::optional<TimePoint> next_try(const dns::Name& host) const;

private:
    struct Order {
        int failures = 0;
        TimePoint next_try;
        bool running = false;
    };

    [[nodiscard]] TimePoint now() const { return parts_.clock.now(); }
    void name_account(const AcmeClient& ca, const std::string& url);

    JobsParts parts_;
    std::vector<std::unique_ptr<AcmeClient>> cas_;
    std::vector<bool> account_ready_;
    std::string account_problem_ = "the ACME account is being made";
    bool preparing_ = false;
    std::map<dns::Name, Order> orders_;
};

}  // namespace postseal::hosting
