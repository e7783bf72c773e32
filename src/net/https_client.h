// HTTPS requests (RFC 9110, 9112) on a loop: policy fetches (RFC 8461 §3.3), report uploads (RFC 8460 §3), ACME,
// webhooks. libcurl underneath. Never follows a redirect, never uses a proxy, a cookie or a cache; TLS 1.2 or newer.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dns/record.h"
#include "net/address_guard.h"
#include "net/certificate.h"
#include "net/loop.h"

namespace postseal::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;
// The first value; names compare without case. "" when absent.
std::string_view find_header(const HttpHeaders& headers, std::string_view name);

struct HttpsRequest {
    enum class Target {
        foreign,  // from a stranger's DNS or a tenant: `addresses` are used and nothing else, and the guard checks them
        configured,  // the operator's own configuration (ACME directory, OIDC): system resolver unless `addresses`, no
                     // guard
    };
    enum class Certificate { verify, ignore };     // ignore: RFC 8460 §3 for rua; still told in `certificate_error`
    enum class Scheme { https_only, allow_http };  // allow_http: preflight of our own port 80

    std::string url;
    std::string method = "GET";
    HttpHeaders headers;
    std::string body;
    Target target = Target::foreign;
    std::vector<dns::IpAddress> addresses;    // raced as in RFC 8305; SNI and Host stay the URL's
    std::shared_ptr<const TrustStore> trust;  // null: the client's
    Certificate certificate = Certificate::verify;
    Scheme scheme = Scheme::https_only;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds timeout{60'000};  // the whole exchange (HTTPS-011)
    std::size_t body_bytes_max = 65'536;        // HTTPS-012
};

struct HttpsResponse {
    // local: this machine could not try (no descriptor, no memory); it says nothing about the server.
    enum class Failure {
        none,
        bad_request,
        refused_address,
        resolve,
        connect,
        timeout,
        tls,
        too_large,
        protocol,
        local
    };

    Failure failure = Failure::none;
    std::string error;  // one line, printable; empty on success
    // tls: why. With Certificate::ignore: what verification would have said, and no failure.
    CertificateError certificate_error = CertificateError::none;
    std::optional<CertificateSummary> certificate;  // the server's, as far as the handshake came

    int status = 0;  // 0 without a response
    HttpHeaders headers;
    std::string content_type;  // as sent; "" when absent
    std::string body;
    std::optional<dns::IpAddress> address;  // that was connected to
    std::chrono::milliseconds duration{0};

    [[nodiscard]] bool ok() const { return failure == Failure::none; }  // a response arrived whole, whatever its status
};
std::string_view to_string(HttpsResponse::Failure failure);

class HttpsClient {
public:
    struct Settings {
        std::shared_ptr<const TrustStore> trust;
        AddressGuard guard;
        std::string user_agent = "Postseal/" POSTSEAL_VERSION;
        std::size_t in_flight_max = 200;  // more wait their turn; waiting counts towards the timeout of none
    };
    HttpsClient(Loop& loop, Settings settings);
    HttpsClient(const HttpsClient&) = delete;
    HttpsClient& operator=(const HttpsClient&) = delete;
    ~HttpsClient();

    // Any thread; `done` runs on the loop.
    void fetch(HttpsRequest request, std::function<void(HttpsResponse)> done);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::net
