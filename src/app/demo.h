// `postseal demo`: the product on loopback with a small internet of its own, so that somebody who has just cloned the
// repository sees the whole loop: domains move in with CNAMEs and get certificates by ACME, a sender asks policyd for
// every letter, its sessions are counted, the daily reports come back through the intake, the panel shows them.
#pragma once

#include <cstdint>
#include <string>

namespace postseal::app {

struct DemoOptions {
    std::uint16_t port = 0;  // of the panel; 0 = 8460, or the next one that is free
    std::string data;        // a folder to keep; "" = a temporary one, removed at the end
    bool as_json = false;    // one object on standard output when it runs; the progress goes to standard error
};

// Runs until Ctrl-C or SIGTERM and returns the exit status: 0, or 2 when it could not start (said on standard error).
int demo(const DemoOptions& options);

}  // namespace postseal::app
