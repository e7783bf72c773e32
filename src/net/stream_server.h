// A server for request-and-reply protocols over byte streams, built for speed: socketmap, the line protocol, DNS over
// TCP. One read takes what has arrived, the protocol answers as many requests as that holds, one write sends all
// answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/listen_address.h"
#include "net/poller.h"

namespace postseal::net {

// How a protocol that could not answer at once goes on. Any thread; copies refer to one connection; does nothing when
// that has gone.
class StreamResume {
public:
    // Appends `reply` to the output; then receive() sees the rest of the input. Once per Next::later.
    void operator()(std::string reply) const;

private:
    friend class StreamServerShard;
    std::weak_ptr<class StreamResumeTarget> target_;
    std::uint64_t connection_ = 0;
};

// One per connection, on the thread of the connection's poller.
class StreamProtocol {
public:
    enum class Next {
        more,   // wait for more input
        later,  // the last request taken is answered through the resume handle; nothing is received before that
        close,  // send `out`, then close
    };
    struct Progress {
        std::size_t consumed = 0;
        Next next = Next::more;
    };

    StreamProtocol() = default;
    StreamProtocol(const StreamProtocol&) = delete;
    StreamProtocol& operator=(const StreamProtocol&) = delete;
    virtual ~StreamProtocol() = default;

    // `input` is everything received and not yet consumed. Answer every whole request in it: append the replies to
    // `out`, count the bytes. With Next::later keep a copy of `resume`. Input that never becomes a request must be
    // ended with `close` by the protocol; the server ends connections whose unconsumed input exceeds input_bytes_max.
    virtual Progress receive(std::string_view input, std::string& out, const StreamResume& resume) = 0;

    // For answers too long to be held: appends the next piece to `out`, false when there is none. Asked for whenever
    // all output so far has been sent, so that who does not read costs no memory.
    virtual bool produce(std::string& /*out*/) { return false; }
};

struct StreamServerSettings {
    std::size_t connections_max = 10'000;  // of each poller; more are closed at once
    std::size_t input_bytes_max = 100'000;
    std::size_t output_bytes_max = std::size_t{1} << 20;  // unsent replies; nothing is read from who does not read
    std::chrono::seconds idle_timeout{300};               // since the last whole request or the last byte written
    std::chrono::seconds later_timeout{120};              // for a resume that never comes
};

class StreamServer {
public:
    // Any poller's thread, concurrently. `peer` is none on a unix socket.
    using Factory = std::function<std::unique_ptr<StreamProtocol>(std::optional<dns::IpAddress> peer)>;

    StreamServer(PollerPool& pollers, StreamServerSettings settings, Factory factory);
    StreamServer(const StreamServer&) = delete;
    StreamServer& operator=(const StreamServer&) = delete;
    ~StreamServer();  // after PollerPool::stop(), or it waits for each poller to let go

    Result<void> listen(const ListenAddress& address, unsigned socket_mode = 0666);
    // A socket that listens already: systemd's (socket activation).
    Result<void> adopt(Socket socket);
    [[nodiscard]] std::vector<ListenAddress> addresses() const;
    [[nodiscard]] std::size_t connections() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace postseal::net
