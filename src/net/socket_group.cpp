#include "net/socket_group.h"

#include <grp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace postseal::net {

Result<unsigned> group_id(const std::string& name) {
    std::array<char, 4096> memory{};
    ::group entry{};
    ::group* found = nullptr;
    const int error = ::getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found);
    if (found == nullptr) {
        return invalid_input(
            "", error == 0 ? "there is no group \"" + printable(name) + "\"" : std::generic_category().message(error));
    }
    return found->gr_gid;
}

Result<void> give_to_group(const ListenAddress& address, const std::string& group) {
    if (address.kind != ListenAddress::Kind::unix_socket || group.empty()) {
        return {};
    }
    const Result<unsigned> number = group_id(group);
    if (!number) {
        return invalid_input(address.text(), number.error().what);
    }
    if (::chown(address.path.c_str(), static_cast<uid_t>(-1), *number) != 0) {
        return Error{Errc::unavailable, address.text(),
                     "cannot set the group: " + std::generic_category().message(errno)};
    }
    return {};
}

}  // namespace postseal::net
