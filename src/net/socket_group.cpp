#include "net/socket_group.h"

#include <grp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace postseal::net {

Result<void> give_to_group(const ListenAddress& address, const std::string& group) {
    if (address.kind != ListenAddress::Kind::unix_socket || group.empty()) {
        return {};
    }
    std::array<char, 4096> memory{};
    ::group entry{};
    ::group* found = nullptr;
    const int error = ::getgrnam_r(group.c_str(), &entry, memory.data(), memory.size(), &found);
    if (found == nullptr) {
        return invalid_input(address.text(), error == 0 ? "there is no group \"" + printable(group) + "\""
                                                        : std::generic_category().message(error));
    }
    if (::chown(address.path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0) {
        return Error{Errc::unavailable, address.text(),
                     "cannot set the group: " + std::generic_category().message(errno)};
    }
    return {};
}

}  // namespace postseal::net
