// The policy host (RFC 8461 §3.3; design §4 rule 8): exactly GET and HEAD of /.well-known/mta-sts.txt, from memory; and
// port 80, which answers ACME challenges only. Handlers for net::HttpServer, on any loop at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "hosting/challenge_board.h"
#include "hosting/fetch_log.h"
#include "net/http_server.h"

namespace postseal::hosting {

// A body as it is served, and which version of whose policy it is.
struct ServedPolicy {
    std::string body;
    std::int64_t domain = 0;   // store::Domain::id
    std::int64_t version = 0;  // store::PolicyVersion::version
};

// The bodies that are served now, by policy host ("mta-sts.example.com"). Any thread.
class PolicyBodies {
public:
    void set(const std::string& host, ServedPolicy policy) {
        auto shared = std::make_shared<const ServedPolicy>(std::move(policy));
        const std::unique_lock lock(mutex_);
        bodies_[host] = std::move(shared);
    }
    void remove(const std::string& host) {
        const std::unique_lock lock(mutex_);
        bodies_.erase(host);
    }
    [[nodiscard]] std::shared_ptr<const ServedPolicy> find(const std::string& host) const {
        const std::shared_lock lock(mutex_);
        const auto known = bodies_.find(host);
        return known == bodies_.end() ? nullptr : known->second;
    }
    void reserve(std::size_t count) {
        const std::unique_lock lock(mutex_);
        bodies_.reserve(count);
    }

private:
    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const ServedPolicy>> bodies_;
};

constexpr std::string_view policy_path = "/.well-known/mta-sts.txt";
constexpr std::string_view challenge_path = "/.well-known/acme-challenge/";

// `log` null: nobody takes notes. A GET that is answered with a policy is one fetch.
net::HttpResponse answer_policy(const PolicyBodies& bodies, const net::HttpRequest& request, FetchLog* log = nullptr);
net::HttpResponse answer_challenge(const ChallengeBoard& board, const net::HttpRequest& request);

using HttpHandler = std::function<void(net::HttpRequest, std::function<void(net::HttpResponse)>)>;
// For [policy_host] https_listen; the tables have to outlive the server.
HttpHandler policy_handler(const PolicyBodies& bodies, FetchLog* log = nullptr);
// For [policy_host] http_listen.
HttpHandler challenge_handler(const ChallengeBoard& board);

// Limits of both listeners. A policy is a small file for clients that know what they want: whoever is slow, or wants
// more than that, is not one of them.
struct PolicyHostLimits {
    std::size_t connections_max = 10'000;
    std::size_t connections_per_address = 100;
    net::AddressPrefixes proxy_protocol_from;
};
net::HttpServerSettings policy_host_settings(const PolicyHostLimits& limits);

}  // namespace postseal::hosting
