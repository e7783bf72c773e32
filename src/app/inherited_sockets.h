// Sockets that systemd has opened for us (sd_listen_fds(3)): they outlive the process, so that a restart refuses
// nobody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/listen_address.h"

namespace postseal::app {

class InheritedSockets {
public:
    struct Inherited {
        net::Socket socket;
        net::ListenAddress address;
        std::string name;  // FileDescriptorName= of the socket unit
    };
    // Empties LISTEN_FDS, so that it happens once. Error: one that is no listening stream socket.
    static Result<InheritedSockets> take();

    // The one that listens on `address`, when there is one: it takes the place of our own.
    std::optional<net::Socket> claim(const net::ListenAddress& address);
    // Those that nobody has claimed.
    std::vector<Inherited> rest();

private:
    std::vector<Inherited> sockets_;
};

}  // namespace postseal::app
