// Sessions by HTTP POST, for MTAs that do not speak libtlsrpt's datagrams: the same JSON, many at a time, answered when
// they are in the store. For programs on this machine: it listens on loopback or a unix socket and asks nobody who they
// are.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "sender/done_requests.h"
#include "tlsrpt/session_batch.h"

namespace postseal::sender {

struct HttpIntakeCounters {
    std::atomic<std::uint64_t> counted{0};   // requests, as the following
    std::atomic<std::uint64_t> repeated{0};  // by the key of one that was counted
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> failed{0};  // on our side: come again
    std::atomic<std::uint64_t> sessions{0};
};

class HttpIntake {
public:
    // Where the sessions go: Collector::add() and flush().
    struct Sink {
        std::function<bool(std::vector<tlsrpt::Session>)> add;
        std::function<Result<void>()> flush;
    };
    HttpIntake(Sink sink, net::WorkPool& work, const Clock& clock);
    HttpIntake(const HttpIntake&) = delete;
    HttpIntake& operator=(const HttpIntake&) = delete;
    ~HttpIntake() = default;

    // For the servers of [collector] http_listen.
    static net::HttpServerSettings server_settings();
    net::HttpServer::Handler handler();

    // Any thread. Blocks until the sessions are in the store.
    net::HttpResponse answer(const net::HttpRequest& request);
    [[nodiscard]] const HttpIntakeCounters& counters() const { return counters_; }

private:
    DoneRequests::Answer judge(const net::HttpRequest& request);
    DoneRequests::Answer count(const net::HttpRequest& request, tlsrpt::BatchFormat format);
    DoneRequests::Answer count_once(const net::HttpRequest& request, tlsrpt::BatchFormat format,
                                    const std::string& key);

    Sink sink_;
    net::WorkPool* work_;
    const Clock* clock_;
    DoneRequests done_{{}};
    HttpIntakeCounters counters_;
};

}  // namespace postseal::sender
