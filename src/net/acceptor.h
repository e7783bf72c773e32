// Listening stream sockets whose connections are spread over loops, for http_server.cpp and smtp_server.cpp.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "net/asio.h"
#include "net/listen_address.h"
#include "net/loop.h"

namespace postseal::net {

class Acceptor {
public:
    struct Accepted {
        Socket socket;
        std::optional<dns::IpAddress> peer;  // none on a unix socket
    };
    // On the loop that the connection is to live on.
    using Handler = std::function<void(std::size_t loop_index, Accepted accepted)>;

    explicit Acceptor(std::vector<Loop*> loops) : loops_(std::move(loops)) {}
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;
    ~Acceptor();  // close()

    Result<void> listen(const ListenAddress& address, unsigned socket_mode, Handler handler);
    // A socket that listens already (systemd's): its queue of connections outlives us, so close() leaves it alone.
    Result<void> adopt(Socket socket, Handler handler);
    [[nodiscard]] std::vector<ListenAddress> addresses() const { return addresses_; }
    // No handler runs any more when this has returned. Clients that the kernel has let in on a socket of our own are
    // handed over first: closing it would reset them. Any thread.
    void close();

private:
    struct Listener;
    std::vector<Loop*> loops_;
    std::vector<std::shared_ptr<Listener>> listeners_;
    std::vector<ListenAddress> addresses_;
};

}  // namespace postseal::net
