// Rule 20: what is fetched or probed on behalf of a tenant or a stranger never goes to an address that is not global,
// so that a DNS record cannot aim us at our own network (SSRF). Checked where the socket is opened.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "dns/record.h"

namespace postseal::net {

enum class NonGlobal { refuse, allow };  // `allow` only for [lab] allow_non_global_addresses

class AddressGuard {
public:
    explicit AddressGuard(NonGlobal non_global = NonGlobal::refuse) : non_global_(non_global) {}

    // Error `refused` that names the address.
    [[nodiscard]] Result<void> check(const dns::IpAddress& address) const;
    [[nodiscard]] bool allows(const dns::IpAddress& address) const;
    // Those that may be used, in order.
    [[nodiscard]] std::vector<dns::IpAddress> allowed(std::span<const dns::IpAddress> addresses) const;

private:
    NonGlobal non_global_;
};

}  // namespace postseal::net
