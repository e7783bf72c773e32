#include "net/listen_address.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "net/socket_address.h"

namespace postseal::net {

ListenAddress ListenAddress::ip(dns::IpAddress address, std::uint16_t port) {
    ListenAddress result;
    result.address = address;
    result.port = port;
    return result;
}

ListenAddress ListenAddress::loopback(std::uint16_t port) {
    return ip(dns::IpAddress::v4({127, 0, 0, 1}), port);
}

ListenAddress ListenAddress::unix_path(std::string path) {
    ListenAddress result;
    result.kind = Kind::unix_socket;
    result.path = std::move(path);
    return result;
}

std::string ListenAddress::text() const {
    if (kind == Kind::unix_socket) {
        return "unix:" + path;
    }
    const std::string host = address.is_v4() ? address.text() : "[" + address.text() + "]";
    return host + ":" + std::to_string(port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const std::string where = "'" + printable(text, 200) + "'";
    if (text.starts_with("unix:")) {
        const std::string_view path = text.substr(5);
        if (!path.starts_with('/')) {
            return invalid_input(where, "the path of a unix socket must be absolute");
        }
        if (path.size() >= sizeof(sockaddr_un::sun_path)) {
            return invalid_input(where, "the path of a unix socket has at most 107 bytes");
        }
        if (path.find('\0') != std::string_view::npos) {
            return invalid_input(where, "the path holds a NUL");
        }
        return ListenAddress::unix_path(std::string(path));
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return invalid_input(where, "not ADDRESS:PORT, [IPv6]:PORT or unix:/PATH");
    }
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const auto address = dns::IpAddress::parse(host);
    if (!address) {
        return invalid_input(where, "'" + printable(host, 100) + "' is not an IP address");
    }
    if (address->is_v4() == bracketed) {
        return invalid_input(where,
                             bracketed ? "brackets are for IPv6 addresses" : "write an IPv6 address as [ADDRESS]:PORT");
    }
    const auto port = parse_decimal(text.substr(colon + 1));
    if (!port || *port > 65535) {
        return invalid_input(where, "the port must be a number from 0 to 65535");
    }
    return ListenAddress::ip(*address, static_cast<std::uint16_t>(*port));
}

Result<unsigned> parse_socket_mode(std::string_view text) {
    unsigned mode = 0;
    for (const char c : text) {
        if (c < '0' || c > '7' || mode > 0777) {
            return invalid_input("'" + printable(text, 20) + "'", "not an octal mode such as 0660");
        }
        mode = mode * 8 + static_cast<unsigned>(c - '0');
    }
    if (text.empty() || mode > 0777) {
        return invalid_input("'" + printable(text, 20) + "'", "not an octal mode such as 0660");
    }
    return mode;
}

// ---- Socket

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, {})), inode_(other.inode_) {}

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
        path_ = std::exchange(other.path_, {});
        inode_ = other.inode_;
    }
    return *this;
}

Socket::~Socket() {
    close();
}

int Socket::release() {
    path_.clear();
    return std::exchange(fd_, -1);
}

void Socket::close() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
    struct stat status {};
    // Not if somebody else has bound the same path meanwhile.
    if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
    path_.clear();
}

Result<ListenAddress> Socket::local_address() const {
    SocketAddress address;
    address.size = sizeof(address.any.storage);
    if (::getsockname(fd_, address.generic(), &address.size) != 0) {
        return Error{Errc::internal, "getsockname", std::generic_category().message(errno)};
    }
    return address.listen_address();
}

// ---- opening

namespace {

Error system_error(const ListenAddress& address, const char* what) {
    const int error = errno;
    const std::string detail = error == EADDRINUSE ? "already in use" : std::generic_category().message(error);
    return {Errc::unavailable, address.text(), std::string(what) + ": " + detail};
}

// A socket file that nobody listens on is left over from a process that was killed.
bool is_stale(const ListenAddress& address, int type) {
    struct stat status {};
    if (::lstat(address.path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    const Socket probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const SocketAddress target(address);
    return probe.valid() && ::connect(probe.fd(), target.generic(), target.size) != 0 && errno == ECONNREFUSED;
}

void set_option(int fd, int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
}

bool is_any(const dns::IpAddress& address) {
    return std::ranges::all_of(address.octets(), [](std::uint8_t octet) { return octet == 0; });
}

}  // namespace

Result<Socket> open_socket(const ListenAddress& address, int type, unsigned mode, bool reuse_port, bool listening) {
    const bool is_unix = address.kind == ListenAddress::Kind::unix_socket;
    const int family = is_unix ? AF_UNIX : (address.address.is_v4() ? AF_INET : AF_INET6);
    Socket socket(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) {
        return system_error(address, "cannot make a socket");
    }
    if (!is_unix) {
        if (type == SOCK_STREAM) {
            set_option(socket.fd(), SOL_SOCKET, SO_REUSEADDR, 1);  // connections in TIME_WAIT do not block a restart
        }
        if (reuse_port) {
            set_option(socket.fd(), SOL_SOCKET, SO_REUSEPORT, 1);
        }
        if (family == AF_INET6) {
            set_option(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 1);  // "0.0.0.0" and "[::]" stand side by side
        }
        if (type == SOCK_DGRAM && is_any(address.address)) {
            set_option(socket.fd(), IPPROTO_IP, IP_PKTINFO, 1);
            set_option(socket.fd(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        }
    }
    const SocketAddress target(address);
    if (::bind(socket.fd(), target.generic(), target.size) != 0) {
        if (!is_unix || errno != EADDRINUSE || !is_stale(address, type)) {
            errno = errno == ECONNREFUSED ? EADDRINUSE : errno;
            return system_error(address, "cannot bind");
        }
        ::unlink(address.path.c_str());
        if (::bind(socket.fd(), target.generic(), target.size) != 0) {
            return system_error(address, "cannot bind");
        }
    }
    if (is_unix) {
        struct stat status {};
        if (::chmod(address.path.c_str(), mode) != 0 || ::lstat(address.path.c_str(), &status) != 0) {
            return system_error(address, "cannot set the mode");
        }
        socket.path_ = address.path;
        socket.inode_ = status.st_ino;
    }
    if (listening && ::listen(socket.fd(), 1024) != 0) {
        return system_error(address, "cannot listen");
    }
    return socket;
}

namespace {

Result<Socket> open_shared(const ListenAddress& address, int type, Sharing sharing, unsigned mode) {
    const bool listening = type == SOCK_STREAM;
    const bool is_unix = address.kind == ListenAddress::Kind::unix_socket;
    ListenAddress actual = address;
    if (sharing == Sharing::exclusive_then_shared && !is_unix) {
        // With SO_REUSEPORT alone a second process of the same user would bind, and take half of the connections.
        POSTSEAL_TRY(const Socket alone, open_socket(address, type, mode, false, listening));
        POSTSEAL_TRY(actual, alone.local_address());
    }
    return open_socket(actual, type, mode, sharing != Sharing::exclusive && !is_unix, listening);
}

}  // namespace

Result<Socket> listen_stream(const ListenAddress& address, Sharing sharing, unsigned socket_mode) {
    return open_shared(address, SOCK_STREAM, sharing, socket_mode);
}

Result<Socket> bind_datagram(const ListenAddress& address, Sharing sharing, unsigned socket_mode) {
    return open_shared(address, SOCK_DGRAM, sharing, socket_mode);
}

}  // namespace postseal::net
