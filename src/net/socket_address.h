// sockaddr in and out, for the .cpp files of net that call the kernel directly.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "dns/record.h"
#include "net/listen_address.h"

namespace postseal::net {

struct SocketAddress {
    union {
        sockaddr_storage storage;
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un local;
    };
    socklen_t size = 0;

    SocketAddress() : storage{} {}
    explicit SocketAddress(const ListenAddress& address) : storage{} {
        if (address.kind == ListenAddress::Kind::unix_socket) {
            local.sun_family = AF_UNIX;
            std::memcpy(local.sun_path, address.path.c_str(), std::min(address.path.size() + 1, sizeof local.sun_path));
            size = sizeof local;
        } else if (address.address.is_v4()) {
            v4.sin_family = AF_INET;
            v4.sin_port = htons(address.port);
            std::ranges::copy(address.address.octets(), reinterpret_cast<std::uint8_t*>(&v4.sin_addr));
            size = sizeof v4;
        } else {
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(address.port);
            std::ranges::copy(address.address.octets(), reinterpret_cast<std::uint8_t*>(&v6.sin6_addr));
            size = sizeof v6;
        }
    }

    sockaddr* generic() { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] bool is_ip() const { return storage.ss_family == AF_INET || storage.ss_family == AF_INET6; }

    [[nodiscard]] dns::IpAddress ip() const {
        if (storage.ss_family == AF_INET) {
            std::array<std::uint8_t, 4> octets{};
            std::memcpy(octets.data(), &v4.sin_addr, octets.size());
            return dns::IpAddress::v4(octets);
        }
        std::array<std::uint8_t, 16> octets{};
        std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
        return dns::IpAddress::v6(octets);
    }

    [[nodiscard]] ListenAddress listen_address() const {
        if (storage.ss_family == AF_UNIX) {
            return ListenAddress::unix_path(local.sun_path);
        }
        return ListenAddress::ip(ip(), ntohs(storage.ss_family == AF_INET ? v4.sin_port : v6.sin6_port));
    }
};

}  // namespace postseal::net
