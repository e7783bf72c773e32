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
    union Any {
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un local;
        sockaddr_storage storage{};  // whose ss_family says which one it is
    };
    Any any;
    socklen_t size = 0;

    SocketAddress() = default;
    explicit SocketAddress(const ListenAddress& address) {
        if (address.kind == ListenAddress::Kind::unix_socket) {
            any.local.sun_family = AF_UNIX;
            std::memcpy(any.local.sun_path, address.path.c_str(),
                        std::min(address.path.size() + 1, sizeof any.local.sun_path));
            size = sizeof any.local;
        } else if (address.address.is_v4()) {
            any.v4.sin_family = AF_INET;
            any.v4.sin_port = htons(address.port);
            std::ranges::copy(address.address.octets(), reinterpret_cast<std::uint8_t*>(&any.v4.sin_addr));
            size = sizeof any.v4;
        } else {
            any.v6.sin6_family = AF_INET6;
            any.v6.sin6_port = htons(address.port);
            std::ranges::copy(address.address.octets(), reinterpret_cast<std::uint8_t*>(&any.v6.sin6_addr));
            size = sizeof any.v6;
        }
    }

    sockaddr* generic() { return reinterpret_cast<sockaddr*>(&any.storage); }
    [[nodiscard]] const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&any.storage); }
    [[nodiscard]] bool is_ip() const { return any.storage.ss_family == AF_INET || any.storage.ss_family == AF_INET6; }

    [[nodiscard]] dns::IpAddress ip() const {
        if (any.storage.ss_family == AF_INET) {
            std::array<std::uint8_t, 4> octets{};
            std::memcpy(octets.data(), &any.v4.sin_addr, octets.size());
            return dns::IpAddress::v4(octets);
        }
        std::array<std::uint8_t, 16> octets{};
        std::memcpy(octets.data(), &any.v6.sin6_addr, octets.size());
        return dns::IpAddress::v6(octets);
    }

    [[nodiscard]] ListenAddress listen_address() const {
        if (any.storage.ss_family == AF_UNIX) {
            return ListenAddress::unix_path(any.local.sun_path);
        }
        return ListenAddress::ip(ip(), ntohs(any.storage.ss_family == AF_INET ? any.v4.sin_port : any.v6.sin6_port));
    }
};

}  // namespace postseal::net
