// Certificates by ACME (RFC 8555), one name each, by http-01 or tls-alpn-01 (RFC 8737).
//
// Orders only names that the caller has verified (rule 7); when to order and when to try again is the caller's matter.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "hosting/challenge_board.h"
#include "net/certificate.h"
#include "net/https_client.h"
#include "net/loop.h"
#include "net/tls.h"
#include "store/certificates.h"

namespace postseal::hosting {

enum class ChallengeKind { http_01, tls_alpn_01 };
std::string_view to_string(ChallengeKind kind);  // "http-01", "tls-alpn-01"
Result<ChallengeKind> parse_challenge_kind(std::string_view text);

struct AcmeSettings {  // [[acme]]
    std::string directory;
    std::shared_ptr<const net::TrustStore> trust;  // of ca_file; null: the HTTPS client's
    std::string contact;                           // "mailto:…", or a mailbox; "" = none
    bool accept_terms = false;
    std::string caa_issuer;
    std::vector<ChallengeKind> challenges = {ChallengeKind::http_01, ChallengeKind::tls_alpn_01};
};

// Where the answers to challenges become visible.
struct ChallengeResponders {
    std::shared_ptr<ChallengeBoard> http;
    std::shared_ptr<net::CertificateStore> tls;
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

    // Takes up to a few minutes. The certificate is not stored; its dates are read from it. Errors say in words what
    // the CA said: refused (it will not), temporary (asking again later may help).
    void issue(const dns::Name& host, std::function<void(Result<store::Certificate>)> done);

    [[nodiscard]] const AcmeSettings& settings() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::hosting
