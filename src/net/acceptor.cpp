#include "net/acceptor.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "net/socket_address.h"

namespace postseal::net {

// One listening socket on one loop.
struct Acceptor::Listener : std::enable_shared_from_this<Listener> {
    Listener(std::vector<Loop*> its_loops, std::size_t its_home, Socket its_socket, bool its_own, Handler its_handler)
        : loops(std::move(its_loops)),
          home(its_home),
          socket(std::move(its_socket)),
          own(its_own),
          descriptor(loops[home]->context()),
          pause(loops[home]->context()),
          handler(std::move(its_handler)) {
        descriptor.assign(socket.fd());
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { close(); }

    void close() {
        if (own && !closed) {
            take_waiting();
        }
        closed = true;
        pause.cancel();
        if (descriptor.is_open()) {
            descriptor.release();  // the fd is the Socket's, which also unlinks its path
        }
        socket.close();
    }

    void watch() {
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [weak = weak_from_this()](boost::system::error_code error) {
                                  const auto self = weak.lock();
                                  if (!error && self && !self->closed) {
                                      self->accept();
                                  }
                              });
    }

    // One connection; false when none waits (errno).
    bool accept_one() {
        SocketAddress peer;
        peer.size = sizeof peer.any.storage;
        Socket accepted(::accept4(socket.fd(), peer.generic(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!accepted.valid()) {
            return false;
        }
        hand_over(std::move(accepted), peer);
        return true;
    }

    void take_waiting() {
        constexpr int backlog = 1024;
        for (int i = 0; i < backlog && accept_one(); ++i) {
        }
    }

    void accept() {
        for (int i = 0; i < 64 && !closed; ++i) {
            if (!accept_one()) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                    wait_a_little();
                    return;
                }
                break;
            }
        }
        if (!closed) {
            watch();
        }
    }

    // Out of descriptors: the connection stays in the queue and would be reported again at once and for ever.
    void wait_a_little() {
        pause.expires_after(std::chrono::milliseconds(200));
        pause.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            const auto self = weak.lock();
            if (!error && self && !self->closed) {
                self->accept();
            }
        });
    }

    void hand_over(Socket accepted, const SocketAddress& peer) {
        const bool ip = peer.is_ip();
        if (ip) {
            const int one = 1;
            ::setsockopt(accepted.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        }
        const auto address = ip ? std::optional(peer.ip()) : std::nullopt;
        // TCP has a socket for every loop; a unix socket's connections are dealt out in turn.
        const std::size_t target = ip ? home : next++ % loops.size();
        if (target == home) {
            handler(home, {std::move(accepted), address});
            return;
        }
        auto shared = std::make_shared<Socket>(std::move(accepted));
        loops[target]->post([weak = weak_from_this(), target, shared, address] {
            const auto self = weak.lock();
            if (self && !self->closed) {
                self->handler(target, {std::move(*shared), address});
            }
        });
    }

    std::vector<Loop*> loops;
    std::size_t home;
    Socket socket;
    bool own;  // nobody else listens on it
    asio::posix::stream_descriptor descriptor;
    asio::steady_timer pause;
    Handler handler;
    std::size_t next = 0;
    std::atomic<bool> closed = false;
};

Acceptor::~Acceptor() {
    close();
}

Result<void> Acceptor::listen(const ListenAddress& address, unsigned socket_mode, Handler handler) {
    const bool is_unix = address.kind == ListenAddress::Kind::unix_socket;
    std::vector<Socket> sockets;
    ListenAddress actual = address;
    for (std::size_t i = 0; i < (is_unix ? 1 : loops_.size()); ++i) {
        POSTSEAL_TRY(Socket socket,
                     listen_stream(actual, i == 0 ? Sharing::exclusive_then_shared : Sharing::reuse_port, socket_mode));
        POSTSEAL_TRY(actual, socket.local_address());
        sockets.push_back(std::move(socket));
    }
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        auto listener = std::make_shared<Listener>(loops_, i, std::move(sockets[i]), true, handler);
        loops_[i]->sync([&] { listener->watch(); });
        listeners_.push_back(std::move(listener));
    }
    addresses_.push_back(actual);
    return {};
}

Result<void> Acceptor::adopt(Socket socket, Handler handler) {
    POSTSEAL_TRY(const ListenAddress actual, socket.local_address());
    if (::fcntl(socket.fd(), F_SETFL, O_NONBLOCK) != 0) {
        return Error{Errc::internal, actual.text(), std::generic_category().message(errno)};
    }
    // Each loop asks the one queue, through a descriptor of its own.
    for (std::size_t i = 0; i < loops_.size(); ++i) {
        Socket own(i == 0 ? socket.release() : ::fcntl(listeners_.back()->socket.fd(), F_DUPFD_CLOEXEC, 0));
        if (!own.valid()) {
            return Error{Errc::unavailable, actual.text(), std::generic_category().message(errno)};
        }
        auto listener = std::make_shared<Listener>(loops_, i, std::move(own), false, handler);
        loops_[i]->sync([&] { listener->watch(); });
        listeners_.push_back(std::move(listener));
    }
    addresses_.push_back(actual);
    return {};
}

void Acceptor::close() {
    for (const auto& listener : listeners_) {
        loops_[listener->home]->sync([&] { listener->close(); });
    }
    // Connections dealt out and not yet handed over look at `closed` on their loop.
    for (Loop* loop : loops_) {
        loop->sync([] {});
    }
    listeners_.clear();
}

}  // namespace postseal::net
