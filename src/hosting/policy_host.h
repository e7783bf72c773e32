// The policy host (RFC 8461 §3.3; design §4 rule 8): exactly GET and HEAD of /.well-known/mta-sts.txt, from memory; and
// port 80, which answers ACME challenges only. Handlers for net::HttpServer, on any loop at once.
#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "hosting/challenge_board.h"
#include "net/http_server.h"

namespace postseal::hosting {

// The bodies that are served now, by policy host ("mta-sts.example.com"). Any thread.
class PolicyBodies {
public:
    void set(const std::string& host, std::string body) {
        auto shared = std::make_shared<const std::string>(std::move(body));
        const std::unique_lock lock(mutex_);
        bodies_[host] = std::move(shared);
    }
    void remove(const std::string& host) {
        const std::unique_lock lock(mutex_);
        bodies_.erase(host);
    }
    [[nodiscard]] std::shared_ptr<const std::string> find(const std::string& host) const {
        const std::shared_lock lock(mutex_);
        const auto known = bodies_.find(host);
        return known == bodies_.end() ? nullptr : known->second;
    }

private:
    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const std::string>> bodies_;
};

constexpr std::string_view policy_path = "/.well-known/mta-sts.txt";
constexpr std::string_view challenge_path = "/.well-known/acme-challenge/";

net::HttpResponse answer_policy(const PolicyBodies& bodies, const net::HttpRequest& request);
net::HttpResponse answer_challenge(const ChallengeBoard& board, const net::HttpRequest& request);

using HttpHandler = std::function<void(net::HttpRequest, std::function<void(net::HttpResponse)>)>;
// For [policy_host] https_listen; the tables have to outlive the server.
HttpHandler policy_handler(const PolicyBodies& bodies);
// For [policy_host] http_listen.
HttpHandler challenge_handler(const ChallengeBoard& board);

}  // namespace postseal::hosting
