#include "net/http_server.h"

#include "net/http_connection.h"

namespace postseal::net {

struct HttpServer::Impl {
    Impl(std::vector<Loop*> its_loops, HttpServerSettings settings, Handler handler)
        : loops(std::move(its_loops)), shared(std::make_shared<HttpShared>()), acceptor(loops) {
        shared->settings = std::move(settings);
        shared->handler = std::move(handler);
        for (std::size_t i = 0; i < loops.size(); ++i) {
            connections.push_back(std::make_shared<HttpConnections>());
        }
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
};

HttpServer::HttpServer(std::vector<Loop*> loops, HttpServerSettings settings, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(loops), std::move(settings), std::move(handler))) {}

HttpServer::~HttpServer() {
    stop();
    impl_->for_each_connection([](HttpConnection& connection) { connection.abort(); });
}

Result<void> HttpServer::listen(const ListenAddress& address, std::shared_ptr<TlsContext> tls, unsigned socket_mode) {
    Impl& impl = *impl_;
    return impl.acceptor.listen(
        address, socket_mode, [&impl, tls = std::move(tls)](std::size_t index, Acceptor::Accepted accepted) {
            if (impl.shared->stopping) {
                return;  // closed by its destructor
            }
            if (++impl.shared->connections > impl.shared->settings.connections_max) {
                --impl.shared->connections;
                return;
            }
            const auto connection = std::make_shared<HttpConnection>(*impl.loops[index], impl.shared,
                                                                     impl.connections[index], tls, std::move(accepted));
            connection->run();
        });
}

std::vector<ListenAddress> HttpServer::addresses() const {
    return impl_->acceptor.addresses();
}

void HttpServer::stop() {
    if (!impl_->shared->stopping.exchange(true)) {
        impl_->acceptor.close();
        impl_->for_each_connection([](HttpConnection& connection) { connection.finish(); });
    }
}

}  // namespace postseal::net
