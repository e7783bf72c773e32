#include "app/inherited_sockets.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

namespace postseal::app {

namespace {

// What libsystemd allocates is the caller's.
template <class T>
using Allocated = std::unique_ptr<T, void (*)(void*)>;

}  // namespace

Result<InheritedSockets> InheritedSockets::take() {
    char** given = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &given);
    const Allocated<char*> names(given, std::free);
    if (count < 0) {
        return Error{Errc::unavailable, "LISTEN_FDS", std::generic_category().message(-count)};
    }
    InheritedSockets out;
    std::vector<std::string> kept;
    for (int i = 0; i < count; ++i) {
        const Allocated<char> name(given != nullptr ? given[i] : nullptr, std::free);
        kept.emplace_back(name ? name.get() : "");
    }
    for (int i = 0; i < count; ++i) {
        const int fd = SD_LISTEN_FDS_START + i;
        net::Socket socket(fd);
        if (::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
            return invalid_input(fmt::format("LISTEN_FDS: {}", kept[static_cast<std::size_t>(i)]),
                                 "is no listening stream socket");
        }
        POSTSEAL_TRY(net::ListenAddress address, socket.local_address());
        out.sockets_.push_back({std::move(socket), std::move(address), kept[static_cast<std::size_t>(i)]});
    }
    return out;
}

std::optional<net::Socket> InheritedSockets::claim(const net::ListenAddress& address) {
    const auto found =
        std::ranges::find_if(sockets_, [&](const Inherited& inherited) { return inherited.address == address; });
    if (found == sockets_.end()) {
        return std::nullopt;
    }
    net::Socket socket = std::move(found->socket);
    sockets_.erase(found);
    return socket;
}

std::vector<InheritedSockets::Inherited> InheritedSockets::rest() {
    return std::exchange(sockets_, {});
}

}  // namespace postseal::app
