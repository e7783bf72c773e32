#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "store/postgres.h"
#include "store/postgres_connection.h"

namespace postseal::store {

namespace {

constexpr std::chrono::milliseconds reconnect_after{1000};

struct FreeNotification {
    void operator()(PGnotify* notification) const { PQfreemem(notification); }
};

// A connection of its own, in a thread of its own, that only listens.
class PostgresFeed final : public ChangeFeed {
public:
    PostgresFeed(std::string url, std::string channel, Listener listener)
        : url_(std::move(url)),
          listen_("LISTEN " + std::move(channel)),
          listener_(std::move(listener)),
          wake_(::eventfd(0, EFD_CLOEXEC)) {}
    PostgresFeed(const PostgresFeed&) = delete;
    PostgresFeed& operator=(const PostgresFeed&) = delete;
    ~PostgresFeed() override {
        (void)::eventfd_write(wake_, 1);
        if (thread_.joinable()) {
            thread_.join();
        }
        ::close(wake_);
    }

    Result<void> start() {
        if (wake_ < 0) {
            return Error{Errc::unavailable, "database", "no descriptor for its feed of changes"};
        }
        if (auto listening = listen(); !listening) {
            return listening;
        }
        thread_ = std::thread([this] { run(); });
        return {};
    }

private:
    Result<void> listen() {
        POSTSEAL_TRY(PostgresConnection connection, connect_postgres(url_));
        const PostgresResult result(PQexec(connection.get(), listen_.c_str()));
        if (!succeeded(result.get())) {
            return Error{Errc::unavailable, "database", one_line(PQerrorMessage(connection.get()))};
        }
        connection_ = std::move(connection);
        return {};
    }

    void run() {
        while (!stopped(connection_ ? PQsocket(connection_.get()) : -1)) {
            if (connection_) {
                take();
            } else if (listen()) {
                listener_.missed();  // what was said meanwhile was said to nobody
            }
        }
    }

    // Waits for the server's word, or for the time of the next attempt to reach it. True: the feed is to end.
    [[nodiscard]] bool stopped(int descriptor) const {
        std::array<pollfd, 2> waiting{pollfd{wake_, POLLIN, 0}, pollfd{descriptor, POLLIN, 0}};
        const int forever = -1;
        ::poll(waiting.data(), waiting.size(), descriptor < 0 ? static_cast<int>(reconnect_after.count()) : forever);
        return waiting[0].revents != 0;
    }

    void take() {
        const bool alive = PQconsumeInput(connection_.get()) != 0;
        while (const std::unique_ptr<PGnotify, FreeNotification> heard{PQnotifies(connection_.get())}) {
            listener_.changed(heard->extra);
        }
        if (!alive) {
            connection_.reset();
        }
    }

    const std::string url_;
    const std::string listen_;
    const Listener listener_;
    const int wake_;
    PostgresConnection connection_;
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<ChangeFeed>> listen_postgres(const std::string& url, const std::string& channel,
                                                    ChangeFeed::Listener listener) {
    auto feed = std::make_unique<PostgresFeed>(url, channel, std::move(listener));
    if (auto started = feed->start(); !started) {
        return started.error();
    }
    return std::unique_ptr<ChangeFeed>(std::move(feed));
}

}  // namespace postseal::store
