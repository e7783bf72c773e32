// The client side of the REST API for the commands: over the local unix socket, or by URL with a token.
#pragma once

#include <CLI/App.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "base/result.h"

namespace postseal::app {

struct ApiTarget {
    std::string config_file;  // --config: its api_socket is used
    std::string url;          // --api
    std::string token_file;   // --token-file
    long patience_s = 90;     // then a server that hangs is given up; who waits for deliveries waits longer
};
// Adds --config, --api and --token-file.
void add_api_options(CLI::App& command, ApiTarget& target);

struct ApiAnswer {
    int status = 0;
    boost::json::value body;  // null when there is none
    // The detail (or title) of a problem+json body.
    [[nodiscard]] std::string problem() const;
};
// `path` begins with "/api/v1/". Errors: unavailable (nobody listens there), invalid_input (not JSON, a bad config).
Result<ApiAnswer> call_api(const ApiTarget& target, const std::string& method, const std::string& path,
                           const std::string& body = "");

// The answer's object (empty for 204); else the exit status, after a complaint: exit_usage where the server could not
// be asked or has failed, exit_problems where it refuses.
struct Asked {
    boost::json::object object;
    int status = 0;
};
Asked ask_api(const ApiTarget& target, const std::string& method, const std::string& path,
              const std::string& body = "");

}  // namespace postseal::app
