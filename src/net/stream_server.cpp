#include "net/stream_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <iterator>
#include <limits>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "net/socket_address.h"

namespace postseal::net {

namespace {

constexpr std::size_t read_bytes = 65536;
constexpr int accepts_per_round = 64;

// Descriptors have the lowest free numbers. Those above are left to the process itself: clients that do nothing but
// stay must not keep it from asking DNS and policy hosts, or from opening its database.
int client_descriptors_max() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return std::numeric_limits<int>::max();
    }
    constexpr rlim_t own_max = 4096;
    return static_cast<int>(
        std::min<rlim_t>(files.rlim_cur - std::min(files.rlim_cur / 2, own_max), std::numeric_limits<int>::max()));
}

using SteadyTime = std::chrono::steady_clock::time_point;

}  // namespace

class StreamServerShard;

// What a resume handle can still reach from another thread.
class StreamResumeTarget {
public:
    StreamResumeTarget(Poller& poller, StreamServerShard& shard) : poller_(&poller), shard_(&shard) {}
    void resume(std::uint64_t connection, std::string reply, std::weak_ptr<StreamResumeTarget> self);
    void disconnect() {
        const std::lock_guard lock(mutex_);
        poller_ = nullptr;
        shard_ = nullptr;
    }

private:
    std::mutex mutex_;
    Poller* poller_;            // under mutex_; null once the shard has gone
    StreamServerShard* shard_;  // as poller_; touched on the poller's thread only
};

// All connections that one poller has of one server.
class StreamServerShard {
public:
    StreamServerShard(Poller& poller, const StreamServerSettings& settings, const StreamServer::Factory& factory)
        : poller_(poller),
          settings_(settings),
          factory_(factory),
          target_(std::make_shared<StreamResumeTarget>(poller, *this)) {}
    StreamServerShard(const StreamServerShard&) = delete;
    StreamServerShard& operator=(const StreamServerShard&) = delete;
    ~StreamServerShard() {
        target_->disconnect();
        for (const auto& listener : listeners_) {
            if (!listener->paused) {
                poller_.remove(listener->fd, *listener);
            }
        }
        for (const auto& [id, connection] : connections_) {
            poller_.remove(connection->socket.fd(), *connection);
        }
    }

    // `fd` stays the server's.
    void add_listener(int fd) {
        listeners_.push_back(std::make_unique<Listener>(*this, fd));
        poller_.add(fd, EPOLLIN | EPOLLEXCLUSIVE, *listeners_.back());
    }

    void resume(std::uint64_t id, std::string_view reply) {
        const auto found = connections_.find(id);
        if (found == connections_.end() || !found->second->waiting) {
            return;
        }
        Connection& connection = *found->second;
        connection.waiting = false;
        connection.active = poller_.round_time();
        out_.clear();
        out_.append(reply);
        const std::string input = std::exchange(connection.input, {});
        if (!serve(connection, input)) {
            drop(connection);
        }
    }

    void sweep(SteadyTime now) {
        for (const auto& listener : listeners_) {
            if (std::exchange(listener->paused, false)) {
                poller_.add(listener->fd, EPOLLIN | EPOLLEXCLUSIVE, *listener);
            }
        }
        std::vector<Connection*> expired;
        for (const auto& [id, connection] : connections_) {
            const auto limit = connection->waiting ? settings_.later_timeout : settings_.idle_timeout;
            if (now - connection->active > limit) {
                expired.push_back(connection.get());
            }
        }
        for (Connection* connection : expired) {
            drop(*connection);
        }
    }

    [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::weak_ptr<StreamResumeTarget> target() const { return target_; }

private:
    struct Listener final : Poller::Watcher {
        Listener(StreamServerShard& its_shard, int its_fd) : shard(its_shard), fd(its_fd) {}
        void on_events(std::uint32_t /*events*/) override { shard.accept(*this); }
        StreamServerShard& shard;
        int fd;
        bool paused = false;
    };

    struct Connection final : Poller::Watcher {
        explicit Connection(StreamServerShard& its_shard) : shard(its_shard) {}
        void on_events(std::uint32_t occurred) override {
            if (!shard.handle(*this, occurred)) {
                shard.drop(*this);
            }
        }
        StreamServerShard& shard;
        std::uint64_t id = 0;
        Socket socket;
        std::unique_ptr<StreamProtocol> protocol;
        StreamResume resume;
        std::string input;         // received, not consumed
        std::string output;        // to be sent
        std::size_t sent = 0;      // of `output`
        std::uint32_t events = 0;  // that the poller watches for
        SteadyTime active;
        bool waiting = false;    // for a resume
        bool producing = false;  // a long answer is being sent
        bool closing = false;    // when `output` is sent
        bool ended = false;      // the client sends no more
    };

    void accept(Listener& listener) {
        for (int i = 0; i < accepts_per_round; ++i) {
            SocketAddress peer;
            peer.size = sizeof peer.any.storage;
            Socket socket(::accept4(listener.fd, peer.generic(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!socket.valid()) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                    // Would be reported again at once and for ever; the next sweep tries again.
                    poller_.remove(listener.fd, listener);
                    listener.paused = true;
                }
                return;
            }
            if (connections_.size() >= settings_.connections_max || socket.fd() >= descriptors_max_) {
                continue;  // closed by its destructor
            }
            const bool ip = peer.is_ip();
            if (ip) {
                const int one = 1;
                ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            }
            auto connection = std::make_unique<Connection>(*this);
            connection->id = ++last_id_;
            connection->protocol = factory_(ip ? std::optional(peer.ip()) : std::nullopt);
            connection->resume.target_ = target_;
            connection->resume.connection_ = connection->id;
            connection->active = poller_.round_time();
            connection->events = EPOLLIN;
            connection->socket = std::move(socket);
            poller_.add(connection->socket.fd(), EPOLLIN, *connection);
            connections_.emplace(connection->id, std::move(connection));
            size_.store(connections_.size(), std::memory_order_relaxed);
        }
    }

    // The functions that return a bool say whether the connection lives on.
    bool handle(Connection& connection, std::uint32_t events) {
        if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0)) {
            return false;
        }
        if ((events & EPOLLOUT) != 0) {
            out_.clear();
            if (!flush(connection)) {
                return false;
            }
        }
        if ((events & EPOLLIN) == 0) {
            return true;
        }
        const ssize_t got = ::recv(connection.socket.fd(), read_.data(), read_.size(), 0);
        if (got < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        if (got == 0) {
            connection.ended = true;
            return watch(connection);
        }
        const std::string_view bytes(read_.data(), static_cast<std::size_t>(got));
        if (connection.waiting) {
            connection.input.append(bytes);
            return watch(connection);
        }
        out_.clear();
        if (connection.input.empty()) {
            return serve(connection, bytes);
        }
        connection.input.append(bytes);
        const std::string input = std::exchange(connection.input, {});
        return serve(connection, input);
    }

    // Lets the protocol answer what is in `input`; out_ holds the replies so far.
    bool serve(Connection& connection, std::string_view input) {
        while (!input.empty() && !connection.waiting && !connection.closing) {
            const auto progress = connection.protocol->receive(input, out_, connection.resume);
            input.remove_prefix(std::min(progress.consumed, input.size()));
            connection.waiting = progress.next == StreamProtocol::Next::later;
            connection.closing = progress.next == StreamProtocol::Next::close;
            if (progress.consumed > 0) {
                connection.active = poller_.round_time();
            }
            if (progress.next == StreamProtocol::Next::more) {
                break;
            }
        }
        if (!connection.closing) {
            connection.input.assign(input);
        }
        return flush(connection);
    }

    // Sends what is left of the connection's output, then out_.
    bool flush(Connection& connection) {
        if (connection.output.empty() && !out_.empty()) {
            const ssize_t count = ::send(connection.socket.fd(), out_.data(), out_.size(), MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN && errno != EINTR) {
                return false;
            }
            const std::size_t done = count > 0 ? static_cast<std::size_t>(count) : 0;
            connection.output.assign(out_, done);
        } else {
            connection.output.append(out_);
            while (connection.sent < connection.output.size()) {
                const ssize_t count = ::send(connection.socket.fd(), connection.output.data() + connection.sent,
                                             connection.output.size() - connection.sent, MSG_NOSIGNAL);
                if (count < 0) {
                    if (errno != EAGAIN && errno != EINTR) {
                        return false;
                    }
                    break;
                }
                connection.sent += static_cast<std::size_t>(count);
                connection.active = poller_.round_time();
            }
            if (connection.sent == connection.output.size()) {
                connection.output = {};
                connection.sent = 0;
            }
        }
        if (out_.capacity() > 2 * read_bytes) {
            out_ = {};  // one huge reply must not be kept room for
        }
        // One piece an event: everybody else gets a turn in between. What is left to send asks for the next event.
        if (connection.output.empty() && !connection.closing) {
            connection.producing = connection.protocol->produce(connection.output);
            if (connection.producing) {
                connection.active = poller_.round_time();
            }
        }
        return watch(connection);
    }

    // Watches for what the connection can use now.
    bool watch(Connection& connection) {
        const bool sending = !connection.output.empty();
        const bool finished = connection.closing || (connection.ended && !connection.waiting && !connection.producing);
        if (finished && !sending) {
            return false;
        }
        if (!connection.waiting && connection.input.size() > settings_.input_bytes_max) {
            return false;
        }
        const bool reading = !connection.ended && !connection.closing &&
                             connection.output.size() - connection.sent <= settings_.output_bytes_max &&
                             (!connection.waiting || connection.input.size() <= settings_.input_bytes_max);
        const std::uint32_t events = (reading ? EPOLLIN : 0U) | (sending ? EPOLLOUT : 0U);
        if (events != connection.events) {
            connection.events = events;
            poller_.modify(connection.socket.fd(), events, connection);
        }
        return true;
    }

    void drop(Connection& connection) {
        poller_.remove(connection.socket.fd(), connection);
        size_.store(connections_.size() - 1, std::memory_order_relaxed);  // before the client can see that it is closed
        connections_.erase(connection.id);
    }

    Poller& poller_;
    const StreamServerSettings& settings_;
    const StreamServer::Factory& factory_;
    std::shared_ptr<StreamResumeTarget> target_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::uint64_t last_id_ = 0;
    std::atomic<std::size_t> size_ = 0;
    const int descriptors_max_ = client_descriptors_max();
    std::array<char, read_bytes> read_{};
    std::string out_;
};

void StreamResumeTarget::resume(std::uint64_t connection, std::string reply, std::weak_ptr<StreamResumeTarget> self) {
    const std::lock_guard lock(mutex_);
    if (poller_ == nullptr) {
        return;
    }
    poller_->post([self = std::move(self), connection, reply = std::move(reply)] {
        if (const auto target = self.lock()) {
            StreamServerShard* shard = nullptr;
            {
                const std::lock_guard inner(target->mutex_);
                shard = target->shard_;
            }
            if (shard != nullptr) {  // it goes on this very thread only
                shard->resume(connection, reply);
            }
        }
    });
}

void StreamResume::operator()(std::string reply) const {
    if (const auto target = target_.lock()) {
        target->resume(connection_, std::move(reply), target_);
    }
}

struct StreamServer::Impl {
    PollerPool& pollers;
    StreamServerSettings settings;
    Factory factory;
    std::vector<std::unique_ptr<StreamServerShard>> shards;
    std::vector<Socket> sockets;
    std::vector<ListenAddress> addresses;
};

StreamServer::StreamServer(PollerPool& pollers, StreamServerSettings settings, Factory factory)
    : impl_(std::make_unique<Impl>(Impl{pollers, settings, std::move(factory), {}, {}, {}})) {
    for (std::size_t i = 0; i < pollers.size(); ++i) {
        auto shard = std::make_unique<StreamServerShard>(pollers[i], impl_->settings, impl_->factory);
        pollers[i].sync([&] {
            pollers[i].every_second([target = shard->target(), raw = shard.get()](SteadyTime now) {
                if (!target.expired()) {
                    raw->sweep(now);
                }
            });
        });
        impl_->shards.push_back(std::move(shard));
    }
}

StreamServer::~StreamServer() {
    for (std::size_t i = 0; i < impl_->shards.size(); ++i) {
        impl_->pollers[i].sync([&] { impl_->shards[i].reset(); });
    }
}

Result<void> StreamServer::listen(const ListenAddress& address, unsigned socket_mode) {
    const bool is_unix = address.kind == ListenAddress::Kind::unix_socket;
    POSTSEAL_TRY(Socket first, listen_stream(address, Sharing::exclusive_then_shared, socket_mode));
    POSTSEAL_TRY(const ListenAddress actual, first.local_address());
    std::vector<Socket> sockets;
    sockets.push_back(std::move(first));
    for (std::size_t i = 1; i < impl_->shards.size() && !is_unix; ++i) {
        POSTSEAL_TRY(Socket another, listen_stream(actual, Sharing::reuse_port));
        sockets.push_back(std::move(another));
    }
    for (std::size_t i = 0; i < impl_->shards.size(); ++i) {
        const int fd = sockets[is_unix ? 0 : i].fd();
        impl_->pollers[i].sync([&] { impl_->shards[i]->add_listener(fd); });
    }
    impl_->addresses.push_back(actual);
    std::ranges::move(sockets, std::back_inserter(impl_->sockets));
    return {};
}

Result<void> StreamServer::adopt(Socket socket) {
    POSTSEAL_TRY(const ListenAddress actual, socket.local_address());
    if (::fcntl(socket.fd(), F_SETFL, O_NONBLOCK) != 0) {
        return Error{Errc::internal, actual.text(), std::generic_category().message(errno)};
    }
    for (std::size_t i = 0; i < impl_->shards.size(); ++i) {
        impl_->pollers[i].sync([&] { impl_->shards[i]->add_listener(socket.fd()); });
    }
    impl_->addresses.push_back(actual);
    impl_->sockets.push_back(std::move(socket));
    return {};
}

std::vector<ListenAddress> StreamServer::addresses() const {
    return impl_->addresses;
}

std::size_t StreamServer::connections() const {
    std::size_t count = 0;
    for (const auto& shard : impl_->shards) {
        count += shard->size();
    }
    return count;
}

}  // namespace postseal::net
