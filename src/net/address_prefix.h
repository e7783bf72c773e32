// A network as a configuration names it: "10.0.0.0/8", "2001:db8::/32", or one address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/record.h"

namespace postseal::net {

class AddressPrefix {
public:
    // Errors: no address, no length that fits it, bits set beyond the length (10.0.0.1/8 is a slip of the pen).
    static Result<AddressPrefix> parse(std::string_view text);
    // The network of that many bits around an address; more than it has: the address itself.
    static AddressPrefix around(const dns::IpAddress& address, unsigned bits);

    [[nodiscard]] bool contains(const dns::IpAddress& address) const;  // never one of the other family
    [[nodiscard]] const dns::IpAddress& network() const { return network_; }
    [[nodiscard]] std::string text() const;
    friend bool operator==(const AddressPrefix&, const AddressPrefix&) = default;

private:
    AddressPrefix(dns::IpAddress network, unsigned bits) : network_(network), bits_(bits) {}
    dns::IpAddress network_;
    unsigned bits_;
};

using AddressPrefixes = std::vector<AddressPrefix>;
bool contains(const AddressPrefixes& prefixes, const dns::IpAddress& address);

}  // namespace postseal::net
