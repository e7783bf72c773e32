#include "net/asio.h"

#include <algorithm>

namespace postseal::net {

asio::ip::address to_asio(const dns::IpAddress& address) {
    if (address.is_v4()) {
        asio::ip::address_v4::bytes_type bytes{};
        std::ranges::copy(address.octets(), bytes.begin());
        return asio::ip::address_v4(bytes);
    }
    asio::ip::address_v6::bytes_type bytes{};
    std::ranges::copy(address.octets(), bytes.begin());
    return asio::ip::address_v6(bytes);
}

dns::IpAddress from_asio(const asio::ip::address& address) {
    if (address.is_v4()) {
        return dns::IpAddress::v4(address.to_v4().to_bytes());
    }
    if (address.to_v6().is_v4_mapped()) {  // what a dual-stack socket calls an IPv4 peer
        return dns::IpAddress::v4(asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_bytes());
    }
    return dns::IpAddress::v6(address.to_v6().to_bytes());
}

}  // namespace postseal::net
