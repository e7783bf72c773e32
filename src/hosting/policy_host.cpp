#include "hosting/policy_host.h"

#include "base/text.h"

namespace postseal::hosting {

namespace {

net::HttpResponse not_found() {
    return net::HttpResponse::text(404, "not found\n");
}

bool reads(const net::HttpRequest& request) {
    return request.method == "GET" || request.method == "HEAD";
}

}  // namespace

net::HttpResponse answer_policy(const PolicyBodies& bodies, const net::HttpRequest& request, FetchLog* log) {
    // The target as sent: no query, no other spelling of the path. 404 also for other methods, so that whoever probes
    // learns nothing but this one resource.
    if (!reads(request) || request.target != policy_path) {
        return not_found();
    }
    // Within one TLS connection only the name that the certificate was shown for is answered for.
    const std::string host = request.host();
    if (request.secure && to_lower(request.sni) != host) {
        return not_found();
    }
    const auto policy = bodies.find(host);
    if (!policy) {
        return not_found();
    }
    if (log != nullptr && request.method == "GET") {
        log->note(policy->domain, policy->version, request.header("User-Agent"), request.peer);
    }
    net::HttpResponse response;
    response.headers.emplace_back("Content-Type", "text/plain");  // RFC 8461 §3.3
    // HTTPS-019, RFC 8461 §8.2: a proxy before us must let a change through within a minute.
    response.headers.emplace_back("Cache-Control", "max-age=60");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.body = policy->body;
    return response;
}

net::HttpResponse answer_challenge(const ChallengeBoard& board, const net::HttpRequest& request) {
    if (!reads(request) || !request.target.starts_with(challenge_path)) {
        return not_found();
    }
    const auto authorization = board.find(request.target.substr(challenge_path.size()));
    if (!authorization) {
        return not_found();
    }
    net::HttpResponse response;
    response.headers.emplace_back("Content-Type", "application/octet-stream");  // RFC 8555 §8.3
    response.body = *authorization;
    return response;
}

HttpHandler policy_handler(const PolicyBodies& bodies, FetchLog* log) {
    return [&bodies, log](const net::HttpRequest& request, const std::function<void(net::HttpResponse)>& reply) {
        reply(answer_policy(bodies, request, log));
    };
}

HttpHandler challenge_handler(const ChallengeBoard& board) {
    return [&board](const net::HttpRequest& request, const std::function<void(net::HttpResponse)>& reply) {
        reply(answer_challenge(board, request));
    };
}

net::HttpServerSettings policy_host_settings(const PolicyHostLimits& limits) {
    using std::chrono::milliseconds;
    net::HttpServerSettings settings;
    settings.connections_max = limits.connections_max;
    settings.idle_give_way = true;
    settings.connections_per_address_max = limits.connections_per_address;
    settings.requests_per_connection_max = 100;
    settings.proxy_from = limits.proxy_protocol_from;
    settings.header_bytes_max = std::size_t{8} << 10;
    settings.body_bytes_max = 1024;  // nobody has anything to send; 404 says so better than a closed connection
    settings.handshake_timeout = milliseconds(10'000);
    settings.header_timeout = milliseconds(10'000);
    settings.body_timeout = milliseconds(10'000);
    settings.keep_alive_timeout = milliseconds(15'000);
    settings.write_timeout = milliseconds(20'000);  // RFC 8461 §3.3: a sender waits a minute
    return settings;
}

}  // namespace postseal::hosting
