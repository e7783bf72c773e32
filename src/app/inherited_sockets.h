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
        bool datagrams = false;  // a unix datagram socket; else a listening stream socket
        net::ListenAddress address;
        std::string name;  // FileDescriptorName= of the socket unit
    };
    // Empties LISTEN_FDS, so that it happens once. Error: one that is neither a listening stream socket nor a unix
    // datagram socket.
    static Result<InheritedSockets> take();

    // The one that listens on `address`, when there is one: it takes the place of our own.
    std::optional<net::Socket> claim(const net::ListenAddress& address);
    // The collector's: the datagram socket bound to `path`, or, when `path` is "", whichever there is. Error: there is
    // one, but not there, or there are two. After this there is no datagram socket left.
    Result<std::optional<net::Socket>> claim_datagrams(const std::string& path);
    [[nodiscard]] bool has_datagrams() const;
    // Those that listen on one of these addresses, for another part of the program to claim.
    InheritedSockets split(const std::vector<net::ListenAddress>& addresses);
    // The stream sockets that nobody has claimed.
    std::vector<Inherited> rest_of_streams();

private:
    std::vector<Inherited> sockets_;
};

}  // namespace postseal::app
