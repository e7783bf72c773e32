// `postseal report quarantine …`: what arrived at the intake and does not count. The running server keeps it.
#pragma once

#include <CLI/App.hpp>

namespace postseal::app {

void add_report_quarantine(CLI::App& report, int& status);

}  // namespace postseal::app
