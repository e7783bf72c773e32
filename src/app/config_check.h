// What a configuration means for the machine that it is read on: checks beyond its words.
#pragma once

#include <string>
#include <vector>

#include "app/config.h"

namespace postseal::app {

// What the roles that are on need and this machine does not have: files, groups. `where` is "FILE:LINE: KEY".
ConfigErrors missing_here(const Config& config);

// What is allowed and hardly meant, one line each, "FILE:LINE: KEY: …": a role that can do only half of its work.
std::vector<std::string> config_remarks(const Config& config);

// The keys whose values differ and that a running server does not take from a reload: "policyd.listen".
std::vector<std::string> keys_for_a_restart(const Config& running, const Config& fresh);

}  // namespace postseal::app
