// What an MTA asks about: Postfix sends the next hop as it was routed (a domain, or a transport's destination), never
// the name of an MX host. Pure text in, a typed key out; no lookup is needed to know that some keys can have no policy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/name.h"

namespace postseal::verdict {

struct Key {
    enum class Kind {
        domain,  // "example.com", "Пример.рф.", "example.com:587": MX lookup, then the policy of that domain
        host,    // "[relay.example]", "[relay.example]:587": no MX lookup, the host's own policy (RFC 8461 §3.4)
        parent,  // ".example.com": Postfix's second question after NOTFOUND; policies are not inherited
        address_literal,  // "[192.0.2.1]", "[2001:db8::1]:25", "192.0.2.1"
        local,            // the path of an LMTP socket
        invalid,          // no name at all; `why` says what is wrong
    };
    Kind kind = Kind::invalid;
    dns::Name name;                     // of domain, host and parent (without its dot)
    std::optional<std::uint16_t> port;  // when the key named one
    std::string why;

    // False: the answer is NOTFOUND without any lookup (design rule 12).
    [[nodiscard]] bool can_have_policy() const { return kind == Kind::domain || kind == Kind::host; }
    // "example.com", "[relay.example]:587"; for people and for caches: two keys with the same text get the same answer.
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Key&, const Key&) = default;
};

// Never fails: what is not a key is Kind::invalid. Case is folded, U-labels become A-labels, a final dot goes; a port
// may be a number or one of Postfix's usual service names (smtp, submission, submissions, smtps, lmtp).
Key parse_key(std::string_view text);

}  // namespace postseal::verdict
