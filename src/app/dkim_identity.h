// Whose keys sign mailed reports.
#pragma once

#include <optional>

#include "app/config.h"
#include "sender/dkim_key.h"

namespace postseal::app {

// [reporter] dkim_domain, or else the domain of contact; nothing without either.
std::optional<sender::DkimIdentity> dkim_identity(const Config& config);

}  // namespace postseal::app
