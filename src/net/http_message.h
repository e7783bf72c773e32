// Pieces of HTTP/1.1 that http_server.cpp puts together; apart, so that they are tested without a socket.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace postseal::net {

// Nothing on a malformed %-sequence.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);

// Sets target, path and query; false for a target that is not ours to serve (see HttpRequest::path).
bool set_target(HttpRequest& request, std::string_view target);

std::string_view reason_phrase(int status);

enum class BodyFraming { length, chunked, until_close };
// Status line and headers up to and including the blank line. response.close says "Connection: close".
std::string response_head(const HttpResponse& response, std::string_view date, BodyFraming framing);

}  // namespace postseal::net
