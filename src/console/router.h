// From method and path to the function that answers: "/api/v1/domains/{domain}/mode". Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "store/accounts.h"

namespace postseal::console {

// Who asks.
struct Actor {
    enum class Kind {
        nobody,
        user,   // has a session
        local,  // on the unix socket: whoever may open it operates this machine
    };
    Kind kind = Kind::nobody;
    std::optional<store::Session> session;   // of user
    [[nodiscard]] std::string text() const;  // for the audit log: "user:ann", "cli:local"
    [[nodiscard]] std::int64_t organisation() const { return session ? session->user.organisation : 0; }
};

enum class Access {
    open,        // everybody
    signed_in,   // a session, with its CSRF token for every method but GET; or the socket
    local_only,  // the socket
};

struct Call {
    net::HttpRequest request;
    std::vector<std::pair<std::string, std::string>> path_parameters;
    Actor actor;
    [[nodiscard]] const std::string& path(std::string_view name) const;  // "" for a name that the pattern lacks
};

using Reply = std::function<void(net::HttpResponse)>;  // once, any thread
// On a thread of the work pool: may wait for the store.
using CallHandler = std::function<void(const Call&, Reply)>;

class Router {
public:
    // Parts of `pattern` in braces match one non-empty part of a path. Routes are tried in the order of adding.
    void add(std::string method, std::string_view pattern, Access access, CallHandler handler);

    struct Match {
        Access access = Access::signed_in;
        CallHandler handler;  // null: no route with this path, or none with this method
        std::vector<std::pair<std::string, std::string>> path_parameters;
        std::vector<std::string> allowed;  // methods of the path; empty: there is no such path
    };
    // HEAD is answered as GET; the HTTP server leaves its body out.
    [[nodiscard]] Match find(std::string_view method, std::string_view path) const;

private:
    struct Route {
        std::string method;
        std::vector<std::string> parts;
        Access access;
        CallHandler handler;
    };
    std::vector<Route> routes_;
};

}  // namespace postseal::console
