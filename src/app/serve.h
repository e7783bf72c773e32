// `postseal serve`: all configured roles in one process, from start-up to SIGTERM.
#pragma once

#include "app/config.h"

namespace postseal::app {

// Runs until SIGTERM or SIGINT and returns the exit status: 0, or 2 when it could not start (said on standard error).
int serve(Config config);

}  // namespace postseal::app
