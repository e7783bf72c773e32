#include "app/inherited_sockets.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
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
        const bool datagrams = ::sd_is_socket(fd, AF_UNIX, SOCK_DGRAM, -1) > 0;
        if (!datagrams && ::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
            return invalid_input(fmt::format("LISTEN_FDS: {}", kept[static_cast<std::size_t>(i)]),
                                 "is neither a listening stream socket nor a unix datagram socket");
        }
        POSTSEAL_TRY(net::ListenAddress address, socket.local_address());
        out.sockets_.push_back({std::move(socket), datagrams, std::move(address), kept[static_cast<std::size_t>(i)]});
    }
    return out;
}

std::optional<net::Socket> InheritedSockets::claim(const net::ListenAddress& address) {
    const auto found =
        std::ranges::find_if(sockets_, [&](const Inherited& one) { return !one.datagrams && one.address == address; });
    if (found == sockets_.end()) {
        return std::nullopt;
    }
    net::Socket socket = std::move(found->socket);
    sockets_.erase(found);
    return socket;
}

Result<std::optional<net::Socket>> InheritedSockets::claim_datagrams(const std::string& path) {
    std::optional<net::Socket> claimed;
    for (Inherited& one : sockets_) {
        if (!one.datagrams) {
            continue;
        }
        if (claimed || (!path.empty() && one.address.path != path)) {
            return invalid_input(
                "LISTEN_FDS: " + one.address.text(),
                claimed ? "a second datagram socket, and the collector reads one" : "[collector] socket names " + path);
        }
        claimed = std::move(one.socket);
    }
    std::erase_if(sockets_, [](const Inherited& one) { return one.datagrams; });
    return claimed;
}

bool InheritedSockets::has_datagrams() const {
    return std::ranges::any_of(sockets_, &Inherited::datagrams);
}

InheritedSockets InheritedSockets::split(const std::vector<net::ListenAddress>& addresses) {
    InheritedSockets out;
    const auto theirs = std::stable_partition(sockets_.begin(), sockets_.end(), [&](const Inherited& one) {
        return one.datagrams || std::ranges::find(addresses, one.address) == addresses.end();
    });
    std::move(theirs, sockets_.end(), std::back_inserter(out.sockets_));
    sockets_.erase(theirs, sockets_.end());
    return out;
}

std::vector<InheritedSockets::Inherited> InheritedSockets::rest_of_streams() {
    const auto rest = std::partition(sockets_.begin(), sockets_.end(), std::mem_fn(&Inherited::datagrams));
    std::vector<Inherited> streams(std::make_move_iterator(rest), std::make_move_iterator(sockets_.end()));
    sockets_.erase(rest, sockets_.end());
    return streams;
}

}  // namespace postseal::app
