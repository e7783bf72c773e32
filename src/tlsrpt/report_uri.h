// The URIs of a rua field (RFC 8460 §3): RFC 3986 syntax, and what makes a mailto: (RFC 6068) or https: URI a place to
// which a report can go.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tlsrpt/record.h"

namespace postseal::tlsrpt {

// RFC 3986 §3; views into the text that was split.
struct UriParts {
    std::string_view scheme;
    std::optional<std::string_view> userinfo;
    std::optional<std::string_view> host;  // nothing without "//"; may be empty
    std::optional<std::string_view> port;  // may be empty
    std::string_view path;
    std::optional<std::string_view> query;
    std::optional<std::string_view> fragment;
};
// Errors for whatever the grammar of RFC 3986 does not generate, a URI without a scheme included.
Result<UriParts> split_uri(std::string_view uri);

// RFC 3986 §2.1. Expects a URI that split_uri() takes: every "%" has its two digits.
std::string percent_decoded(std::string_view text);

// A target out of a URI with the scheme mailto or https. Errors for what is a URI but no place to send a report to: no
// address, an address with control characters, no host.
Result<ReportUri> mailto_target(std::string_view uri, const UriParts& parts);
Result<ReportUri> https_target(std::string_view uri, const UriParts& parts);

}  // namespace postseal::tlsrpt
