// What a `listen` key says, and the sockets behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/record.h"

namespace postseal::net {

struct ListenAddress {
    enum class Kind { ip, unix_socket };
    Kind kind = Kind::ip;
    dns::IpAddress address;
    std::uint16_t port = 0;
    std::string path;  // unix_socket

    static ListenAddress ip(dns::IpAddress address, std::uint16_t port);
    static ListenAddress loopback(std::uint16_t port = 0);  // 127.0.0.1
    static ListenAddress unix_path(std::string path);
    [[nodiscard]] std::string text() const;  // as in the configuration
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// "127.0.0.1:53", "[::]:443", "unix:/PATH" (absolute, at most 107 bytes). Errors say what is wrong. Names are refused:
// which address a name means is not ours to guess.
Result<ListenAddress> parse_listen_address(std::string_view text);
// "0622" → 0622; octal, at most 0777.
Result<unsigned> parse_socket_mode(std::string_view text);

// A file descriptor that closes itself. Non-blocking and close-on-exec; a unix socket's path goes with it.
class Socket {
public:
    Socket() = default;
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&& other) noexcept;
    ~Socket();
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    // The caller owns the descriptor from here on; a unix path stays in place.
    int release();
    void close();
    // Where it is bound, with the port that port 0 became.
    [[nodiscard]] Result<ListenAddress> local_address() const;

private:
    friend Result<Socket> open_socket(const ListenAddress& address, int type, unsigned mode, bool reuse_port,
                                      bool listening);
    int fd_ = -1;
    std::string path_;  // to unlink
    std::uint64_t inode_ = 0;
};

enum class Sharing {
    exclusive,
    // One of several sockets on one address, the kernel spreads the load. Open the first one `exclusive_then_shared`.
    reuse_port,
    // As reuse_port, but fails when anybody else listens there: a taken port is an error also for us.
    exclusive_then_shared,
};

Result<Socket> listen_stream(const ListenAddress& address, Sharing sharing = Sharing::exclusive,
                             unsigned socket_mode = 0666);
// IP: UDP; unix: SOCK_DGRAM. On a wildcard address IP_PKTINFO is set: replies must come from the address that was
// asked.
Result<Socket> bind_datagram(const ListenAddress& address, Sharing sharing = Sharing::exclusive,
                             unsigned socket_mode = 0666);

}  // namespace postseal::net
