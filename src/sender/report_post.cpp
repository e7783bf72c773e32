#include "sender/report_post.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "net/await.h"
#include "net/https_client.h"
#include "tlsrpt/report_uri.h"
#include "tlsrpt/write.h"

namespace postseal::sender {

namespace {

using net::asio::awaitable;
using Failure = net::HttpsResponse::Failure;

// The URI as published; in a lab on high ports with the port that it leaves out.
std::string url_of(const std::string& uri, const tlsrpt::UriParts& parts, std::uint16_t port) {
    std::string url = uri;
    if (port == 443 || (parts.port && !parts.port->empty())) {
        return url;
    }
    const char* end = parts.port ? parts.port->data() : parts.host->data() + parts.host->size();
    url.insert(static_cast<std::size_t>(end - uri.data()), fmt::format("{}{}", parts.port ? "" : ":", port));
    return url;
}

awaitable<net::DnsAnswer> resolve(net::Resolver& resolver, dns::Name name, dns::Type type) {
    const auto start = [&resolver, &name, type](std::function<void(net::DnsAnswer)> done) {
        resolver.resolve(name, type, std::move(done));
    };
    co_return co_await net::await_callback<net::DnsAnswer>(start);
}

DeliveryAttempt judge(const net::HttpsResponse& response) {
    if (!response.ok()) {
        const bool final_refusal =
            response.failure == Failure::refused_address || response.failure == Failure::bad_request;
        const bool no_answer = response.failure == Failure::connect || response.failure == Failure::timeout;
        return {false, final_refusal, response.error, no_answer};
    }
    if (response.status >= 200 && response.status < 300) {
        return {true, false, "", false};
    }
    // 4xx but for "too many" and "too slow" speak of the request, which will not change; a 3xx is never followed.
    const bool again = response.status >= 500 || response.status == 408 || response.status == 429;
    return {false, !again, fmt::format("the server answered {}", response.status), false};
}

awaitable<DeliveryAttempt> post(const SenderParts& parts, const ReportPostSettings& settings,
                                const tlsrpt::ReportUri& rua, const std::string& json) {
    const Result<tlsrpt::UriParts> uri = tlsrpt::split_uri(rua.published);
    if (!uri || !uri->host) {
        co_return DeliveryAttempt{false, true, "no https URI", false};
    }
    net::HttpsRequest request;
    request.url = url_of(rua.published, *uri, settings.port);
    request.method = "POST";
    request.headers = {{"Content-Type", "application/tlsrpt+gzip"}};
    request.body = as_text(tlsrpt::gzip(as_bytes(json)));
    request.trust = settings.trust;
    request.certificate =
        settings.verify_certificate ? net::HttpsRequest::Certificate::verify : net::HttpsRequest::Certificate::ignore;
    std::string host_text = tlsrpt::percent_decoded(*uri->host);
    if (host_text.starts_with('[') && host_text.ends_with(']')) {  // RFC 3986 §3.2.2: IP-literal
        host_text = host_text.substr(1, host_text.size() - 2);
    }
    if (const auto literal = dns::IpAddress::parse(host_text)) {
        request.addresses = {*literal};
    } else {
        const Result<dns::Name> host = dns::Name::parse(host_text);
        if (!host) {
            co_return DeliveryAttempt{false, true, "the rua's host is no name: " + host.error().message(), false};
        }
        bool answered = true;
        for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
            const net::DnsAnswer answer = co_await resolve(parts.resolver, *host, type);
            answered = answered && answer.usable();
            for (const dns::AddressData& data : answer.all<dns::AddressData>()) {
                request.addresses.push_back(data.address);
            }
        }
        if (request.addresses.empty()) {
            co_return DeliveryAttempt{false, false,
                                      host->text() + (answered ? " has no address" : " could not be looked up"), false};
        }
    }
    const auto start = [&parts, &request](std::function<void(net::HttpsResponse)> done) {
        parts.https.fetch(request, std::move(done));
    };
    const net::HttpsResponse response = co_await net::await_callback<net::HttpsResponse>(start);
    co_return judge(response);
}

}  // namespace

void post_report(const SenderParts& parts, ReportPostSettings settings, tlsrpt::ReportUri rua, std::string json,
                 std::function<void(DeliveryAttempt)> done) {
    net::spawn(parts.loop,
               [parts, settings = std::move(settings), rua = std::move(rua), json = std::move(json),
                done = std::move(done)]() -> awaitable<void> {
                   DeliveryAttempt attempt = co_await post(parts, settings, rua, json);
                   done(std::move(attempt));
               });
}

}  // namespace postseal::sender
