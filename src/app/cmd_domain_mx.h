// `postseal domain mx …`: the MX hosts of a domain beside its policy.
#pragma once

#include <CLI/App.hpp>

namespace postseal::app {

void add_domain_mx(CLI::App& domain, int& status);

}  // namespace postseal::app
