// Certificates by ACME (RFC 8555) from one CA, one name each, by http-01 or tls-alpn-01 (RFC 8737), with external
// account binding (§7.3.4), profiles, renewal information (RFC 9773) and the CA's own advice on when to come again.
//
// Orders only names that the caller has verified (rule 7); when to order and when to try again is the caller's matter.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "hosting/acme_reply.h"
#include "hosting/challenge_board.h"
#include "hosting/order_budget.h"
#include "hosting/renewal.h"
#include "net/certificate.h"
#include "net/https_client.h"
#include "net/loop.h"
#include "net/tls.h"
#include "store/certificates.h"

namespace postseal::hosting {

enum class ChallengeKind { http_01, tls_alpn_01 };
std::string_view to_string(ChallengeKind kind);  // "http-01", "tls-alpn-01"
Result<ChallengeKind> parse_challenge_kind(std::string_view text);

// The MAC key of an external account as CAs give it out: one line of base64url (or base64). "" gives no bytes. Errors
// name the file, never what stands in it.
Result<Bytes> read_eab_key(const std::string& file);

struct ExternalAccount {  // RFC 8555 §7.3.4; the CA gives both out
    std::string kid;
    Bytes hmac_key;
};

struct AcmeSettings {  // [[acme]]
    std::string directory;
    std::shared_ptr<const net::TrustStore> trust;  // of ca_file; null: the HTTPS client's
    std::string contact;                           // "mailto:…", or a mailbox; "" = none
    bool accept_terms = false;
    std::string caa_issuer;
    std::vector<ChallengeKind> challenges = {ChallengeKind::http_01, ChallengeKind::tls_alpn_01};
    std::optional<ExternalAccount> external_account;
    std::string profile;  // "" = the CA's own choice
    BudgetLimits limits;
};

// Where the answers to challenges become visible.
struct ChallengeResponders {
    std::shared_ptr<ChallengeBoard> http;
    std::shared_ptr<net::CertificateStore> tls;
};

struct IssueRequest {
    dns::Name host;
    std::vector<ChallengeKind> challenges;  // in this order; the next one when one fails
    std::string replaces;                   // RFC 9773 §5: the renewal id of the certificate in use; "" = none
};

struct IssueOutcome {
    std::optional<store::Certificate> certificate;  // not stored yet; its dates are read from it
    // Why there is none, in words; what the CA said stands in it.
    Error error;
    AcmeFailure failure = AcmeFailure::none;
    std::optional<Seconds> retry_after;  // the CA's advice
    // For the budget.
    int orders = 0;
    int failed_authorizations = 0;
    bool replaced = false;  // the CA took the order as the replacement of an older certificate
};

// On one loop. The store is used from that loop's thread, which may block (the jobs loop, never a serving one).
class AcmeClient {
public:
    AcmeClient(net::Loop& loop, net::HttpsClient& https, store::Certificates& certificates,
               ChallengeResponders responders, const Clock& clock, Log& log, AcmeSettings settings);
    AcmeClient(const AcmeClient&) = delete;
    AcmeClient& operator=(const AcmeClient&) = delete;
    ~AcmeClient();

    // Makes the account if there is none yet and gives its URL: CAA accounturi.
    void prepare_account(std::function<void(Result<std::string> account_url)> done);
    // The account's URL as far as the store knows.
    [[nodiscard]] Result<std::optional<std::string>> account_url() const;
    // RFC 8555 §7.3.5: the account goes on under a new key. A key that the CA has not heard of yet is kept beside the
    // old one, so that a crash at any moment loses neither.
    void roll_account_key(std::function<void(Result<void>)> done);

    // Takes up to a few minutes. An order that the CA did not finish in time is gone on with at the next call.
    void issue(IssueRequest request, std::function<void(IssueOutcome)> done);

    struct RenewalAdvice {
        RenewalWindow window;
        std::optional<Seconds> retry_after;
    };
    // RFC 9773 §4. Errors: not_found (this CA has no such resource, or does not know the certificate), temporary.
    void renewal_info(const std::string& renewal_id, std::function<void(Result<RenewalAdvice>)> done);

    [[nodiscard]] const AcmeSettings& settings() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::hosting
