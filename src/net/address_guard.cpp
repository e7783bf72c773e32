#include "net/address_guard.h"

namespace postseal::net {

bool AddressGuard::allows(const dns::IpAddress& address) const {
    return non_global_ == NonGlobal::allow || address.is_global();
}

Result<void> AddressGuard::check(const dns::IpAddress& address) const {
    if (allows(address)) {
        return {};
    }
    return Error{Errc::refused, address.text(), "not a global address"};
}

std::vector<dns::IpAddress> AddressGuard::allowed(std::span<const dns::IpAddress> addresses) const {
    std::vector<dns::IpAddress> result;
    for (const dns::IpAddress& address : addresses) {
        if (allows(address)) {
            result.push_back(address);
        }
    }
    return result;
}

}  // namespace postseal::net
