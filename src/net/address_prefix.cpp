#include "net/address_prefix.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace postseal::net {

namespace {

constexpr unsigned octet_bits = 8;

dns::IpAddress masked(const dns::IpAddress& address, unsigned bits) {
    const ByteView octets = address.octets();
    std::array<std::uint8_t, 16> kept{};
    for (std::size_t i = 0; i < octets.size(); ++i) {
        const unsigned before = static_cast<unsigned>(i) * octet_bits;
        const unsigned wanted = bits <= before ? 0 : std::min(octet_bits, bits - before);
        kept[i] = static_cast<std::uint8_t>(octets[i] & (0xff00U >> wanted));
    }
    if (address.is_v4()) {
        return dns::IpAddress::v4({kept[0], kept[1], kept[2], kept[3]});
    }
    return dns::IpAddress::v6(kept);
}

unsigned bits_of(const dns::IpAddress& address) {
    return static_cast<unsigned>(address.octets().size()) * octet_bits;
}

}  // namespace

Result<AddressPrefix> AddressPrefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    POSTSEAL_TRY(const dns::IpAddress address, dns::IpAddress::parse(text.substr(0, slash)));
    const unsigned most = bits_of(address);
    if (slash == std::string_view::npos) {
        return AddressPrefix(address, most);
    }
    const auto bits = parse_decimal(text.substr(slash + 1));
    if (!bits || *bits > most) {
        return invalid_input(printable(text, 100),
                             "the length of its prefix must be from 0 to " + std::to_string(most));
    }
    const AddressPrefix prefix = around(address, static_cast<unsigned>(*bits));
    if (prefix.network_ != address) {
        return invalid_input(printable(text, 100), "bits are set beyond the prefix: " + prefix.text() + " is meant?");
    }
    return prefix;
}

AddressPrefix AddressPrefix::around(const dns::IpAddress& address, unsigned bits) {
    const unsigned kept = std::min(bits, bits_of(address));
    return {masked(address, kept), kept};
}

bool AddressPrefix::contains(const dns::IpAddress& address) const {
    return address.is_v4() == network_.is_v4() && masked(address, bits_) == network_;
}

std::string AddressPrefix::text() const {
    return network_.text() + "/" + std::to_string(bits_);
}

bool contains(const AddressPrefixes& prefixes, const dns::IpAddress& address) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const AddressPrefix& prefix) { return prefix.contains(address); });
}

}  // namespace postseal::net
