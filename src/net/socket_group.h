// Who may write to a unix socket, beside its owner.
#pragma once

#include <string>

#include "base/result.h"
#include "net/listen_address.h"

namespace postseal::net {

// The number of a group of this machine; invalid_input where there is none of that name.
Result<unsigned> group_id(const std::string& name);

// Gives a unix socket that is bound to a group. Nothing to do for an IP address, and for group "".
// Errors: no such group; the process is neither root nor a member.
Result<void> give_to_group(const ListenAddress& address, const std::string& group);

}  // namespace postseal::net
