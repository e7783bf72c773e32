// The folder of database, keys and sockets (the key `state_dir`).
#pragma once

#include <string>

#include "base/result.h"

namespace postseal::app {

// Creates it if absent, for its owner only.
Result<void> make_state_dir(const std::string& state_dir);

}  // namespace postseal::app
