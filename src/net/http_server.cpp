#include "net/http_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <limits>

#include "net/http_connection.h"

namespace postseal::net {

namespace {

// The process needs descriptors of its own, for its database and to ask DNS: what connections may not use.
int client_descriptors_max() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return std::numeric_limits<int>::max();
    }
    constexpr rlim_t own_max = 4096;
    return static_cast<int>(
        std::min<rlim_t>(files.rlim_cur - std::min(files.rlim_cur / 2, own_max), std::numeric_limits<int>::max()));
}

}  // namespace

bool ConnectionCounts::enter(const dns::IpAddress& client, std::size_t most) {
    return counts_.with([&](auto& counts) {
        std::size_t& count = counts[network_of(client)];
        if (count >= most) {
            return false;  // which is not 0, so that nothing is left behind
        }
        ++count;
        return true;
    });
}

void ConnectionCounts::leave(const dns::IpAddress& client) {
    counts_.with([&](auto& counts) {
        const auto found = counts.find(network_of(client));
        if (found != counts.end() && --found->second == 0) {
            counts.erase(found);
        }
    });
}

dns::IpAddress ConnectionCounts::network_of(const dns::IpAddress& client) {
    constexpr unsigned one_customer = 64;  // whoever has an IPv6 address has 2^64 of them
    return client.is_v4() ? client : AddressPrefix::around(client, one_customer).network();
}

struct HttpServer::Impl {
    Impl(std::vector<Loop*> its_loops, HttpServerSettings settings, Handler handler)
        : loops(std::move(its_loops)), shared(std::make_shared<HttpShared>()), acceptor(loops) {
        shared->settings = std::move(settings);
        shared->handler = std::move(handler);
        for (std::size_t i = 0; i < loops.size(); ++i) {
            connections.push_back(std::make_shared<HttpConnections>());
        }
    }

    // On the connection's loop.
    void take(std::size_t index, const std::shared_ptr<TlsContext>& tls, Acceptor::Accepted accepted) {
        if (shared->stopping) {
            return;  // closed by its destructor
        }
        ++shared->counters.accepted;
        const bool full = ++shared->connections > shared->settings.connections_max ||
                          (shared->settings.idle_give_way && accepted.socket.fd() >= descriptors_max);
        if (full && !(shared->settings.idle_give_way && make_room(*connections[index]))) {
            --shared->connections;
            ++shared->counters.refused_full;
            return;
        }
        std::make_shared<HttpConnection>(*loops[index], shared, connections[index], tls, std::move(accepted))->run();
    }

    // Some at a time: to look for the one that has waited longest among thousands is dear under a flood.
    [[nodiscard]] bool make_room(const HttpConnections& here) const {
        std::vector<HttpConnection*> waiting;
        std::copy_if(here.begin(), here.end(), std::back_inserter(waiting),
                     [](const HttpConnection* one) { return one->waits(); });
        if (waiting.empty()) {
            return false;
        }
        constexpr std::size_t share = 32;
        const std::size_t leaving = std::max<std::size_t>(1, waiting.size() / share);
        std::nth_element(
            waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(leaving) - 1, waiting.end(),
            [](const HttpConnection* a, const HttpConnection* b) { return a->waits_since() < b->waits_since(); });
        for (std::size_t i = 0; i < leaving; ++i) {
            waiting[i]->abort();
        }
        shared->counters.gave_way += leaving;
        return true;
    }

    void stop_accepting() {
        if (!accepting.exchange(false)) {
            return;
        }
        acceptor.close();
    }

    // On the loops, one after the other.
    template <class Task>
    void for_each_connection(Task task) {
        for (std::size_t i = 0; i < loops.size(); ++i) {
            loops[i]->sync([&] {
                const std::vector<HttpConnection*> all(connections[i]->begin(), connections[i]->end());
                for (HttpConnection* connection : all) {
                    task(*connection);
                }
            });
        }
    }

    std::vector<Loop*> loops;
    std::shared_ptr<HttpShared> shared;
    std::vector<std::shared_ptr<HttpConnections>> connections;
    Acceptor acceptor;
    std::atomic<bool> accepting = true;
    const int descriptors_max = client_descriptors_max();
};

HttpServer::HttpServer(std::vector<Loop*> loops, HttpServerSettings settings, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(loops), std::move(settings), std::move(handler))) {}

HttpServer::~HttpServer() {
    stop();
    impl_->for_each_connection([](HttpConnection& connection) { connection.abort(); });
}

Result<void> HttpServer::listen(const ListenAddress& address, std::shared_ptr<TlsContext> tls, unsigned socket_mode) {
    Impl& impl = *impl_;
    return impl.acceptor.listen(address, socket_mode,
                                [&impl, tls = std::move(tls)](std::size_t index, Acceptor::Accepted accepted) {
                                    impl.take(index, tls, std::move(accepted));
                                });
}

Result<void> HttpServer::adopt(Socket socket, std::shared_ptr<TlsContext> tls) {
    Impl& impl = *impl_;
    return impl.acceptor.adopt(std::move(socket),
                               [&impl, tls = std::move(tls)](std::size_t index, Acceptor::Accepted accepted) {
                                   impl.take(index, tls, std::move(accepted));
                               });
}

std::vector<ListenAddress> HttpServer::addresses() const {
    return impl_->acceptor.addresses();
}

std::size_t HttpServer::connections() const {
    return impl_->shared->connections;
}

const HttpServerCounters& HttpServer::counters() const {
    return impl_->shared->counters;
}

void HttpServer::drain(std::chrono::milliseconds limit) {
    impl_->stop_accepting();
    impl_->for_each_connection([](HttpConnection& connection) { connection.finish(HttpConnection::Finish::gently); });
    {
        HttpShared& shared = *impl_->shared;
        std::unique_lock lock(shared.empty_mutex);
        shared.empty.wait_for(lock, limit, [&] { return shared.connections == 0; });
    }
    stop();
}

void HttpServer::stop() {
    if (!impl_->shared->stopping.exchange(true)) {
        impl_->stop_accepting();
        impl_->for_each_connection([](HttpConnection& connection) { connection.finish(HttpConnection::Finish::now); });
    }
}

}  // namespace postseal::net
