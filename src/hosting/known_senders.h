// Who fetches policies: the words that programs say of themselves (User-Agent, RFC 9110 §10.1.5) and the networks of
// large operators, as a table to be reviewed. A name in the log is a claim, never a proof: nothing is decided by it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dns/record.h"

namespace postseal::hosting {

enum class SenderKind {
    provider,  // one sender, whatever address it comes from
    software,  // of many senders: each network is one
    checker,   // looks, and sends no mail
    unknown,   // as software
};
std::string_view to_string(SenderKind kind);

struct KnownSender {
    std::string_view id;  // in the log and the API
    std::string_view name;
    SenderKind kind;
};

// The id for a request: of a known sender, or the first product of the User-Agent in lower case, at most 40 letters,
// digits and "._-"; "unknown" where there is none.
std::string sender_id(std::string_view user_agent, const std::optional<dns::IpAddress>& peer);
// What is known of an id; its name is the id itself for others. The views are valid while `id` is.
KnownSender known_sender(std::string_view id);

}  // namespace postseal::hosting
