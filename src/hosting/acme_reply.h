// What an ACME server answers, read with care (RFC 8555 §6.6, §6.7): problem documents in words, and when it asks to
// come again. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/https_client.h"

namespace postseal::hosting {

struct AcmeReply {
    int status = 0;
    net::HttpHeaders headers;
    std::string body;
    boost::json::value value;  // null unless the body is JSON
    std::string error;         // of problem+json, without "urn:ietf:params:acme:error:"
};
// Fills value and error from headers and body.
AcmeReply read_acme_reply(int status, net::HttpHeaders headers, std::string_view content_type, std::string body);

// A member of an object; "" and null where there is none of that type.
std::string text_at(const boost::json::value& value, std::string_view member);
const boost::json::array* array_at(const boost::json::value& value, std::string_view member);

// The detail, and those of the subproblems with the name that each is about (RFC 8555 §6.7.1). One printable line.
std::string problem_words(const boost::json::value& problem);

// Who has to do what about a refusal.
enum class AcmeFailure {
    none,
    unreachable,    // the CA does not work just now: another one may
    rate_limited,   // the CA has had enough of us for a while: another one may
    authorization,  // it looked at the name and did not find our answer
    refused,        // it will not, for this name or this account
    local,          // ours: no key, no store
};
AcmeFailure failure_of(const AcmeReply& reply);
Error acme_error(const AcmeReply& reply, std::string_view what);

// Retry-After (RFC 9110 §10.2.3): seconds, or a date that is compared with `now`. Nothing: absent, or neither. Never
// more than a day.
std::optional<Seconds> retry_after(const net::HttpHeaders& headers, TimePoint now);

}  // namespace postseal::hosting
