// IpAddress: text forms (RFC 4291 §2.2 in, RFC 5952 out) and the IANA special-purpose address registries (RFC 6890).
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/text.h"
#include "dns/record.h"

namespace postseal::dns {

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> octets) {
    IpAddress out;
    std::copy(octets.begin(), octets.end(), out.octets_.begin());
    return out;
}

IpAddress IpAddress::v6(std::array<std::uint8_t, 16> octets) {
    IpAddress out;
    out.v4_ = false;
    out.octets_ = octets;
    return out;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
    constexpr std::size_t text_max = 45;  // INET6_ADDRSTRLEN - 1
    const auto fail = [&] {
        return invalid_input(fmt::format("address \"{}\"", printable(text, 60)), "neither IPv4 nor IPv6");
    };
    if (text.size() > text_max || text.find('\0') != std::string_view::npos) {
        return fail();
    }
    // inet_pton converts without a socket or a locale, refuses leading zeros ("010" would be octal elsewhere), short
    // forms ("127.1") and zones.
    const std::string terminated(text);
    std::array<std::uint8_t, 4> four{};
    if (inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) {
        return v4(four);
    }
    std::array<std::uint8_t, 16> sixteen{};
    if (inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) == 1) {
        return v6(sixteen);
    }
    return fail();
}

namespace {

struct Prefix {
    std::array<std::uint8_t, 16> octets;
    unsigned bits;
};

bool lies_in(ByteView address, const Prefix& prefix) {
    const unsigned whole = prefix.bits / 8;
    if (!std::equal(prefix.octets.begin(), prefix.octets.begin() + whole, address.begin())) {
        return false;
    }
    const unsigned rest = prefix.bits % 8;
    return rest == 0 || (address[whole] ^ prefix.octets[whole]) >> (8 - rest) == 0;
}

constexpr Prefix v4_mapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};  // RFC 4291 §2.5.5.2
constexpr Prefix nat64{{0x00, 0x64, 0xff, 0x9b}, 96};                        // RFC 6052 §2.1
constexpr Prefix global_unicast{{0x20}, 3};                                  // RFC 4291 §2.4 as allocated by IANA

// IANA IPv4 Special-Purpose Address Registry without its globally reachable entries, and multicast. The few reachable
// addresses inside 192.0.0.0/24 (PCP and TURN anycast) are refused with it: no policy host or MX lives there.
constexpr Prefix v4_special[] = {
    {{0}, 8},              // "this network", RFC 791 §3.2
    {{10}, 8},             // private, RFC 1918
    {{100, 64}, 10},       // shared by carrier-grade NAT, RFC 6598
    {{127}, 8},            // loopback, RFC 1122 §3.2.1.3
    {{169, 254}, 16},      // link-local, RFC 3927
    {{172, 16}, 12},       // private, RFC 1918
    {{192, 0, 0}, 24},     // IETF protocol assignments, RFC 6890 §2.1
    {{192, 0, 2}, 24},     // documentation, RFC 5737
    {{192, 88, 99}, 24},   // 6to4 relay anycast, withdrawn by RFC 7526
    {{192, 168}, 16},      // private, RFC 1918
    {{198, 18}, 15},       // benchmarks, RFC 2544
    {{198, 51, 100}, 24},  // documentation, RFC 5737
    {{203, 0, 113}, 24},   // documentation, RFC 5737
    {{224}, 4},            // multicast, RFC 5771
    {{240}, 4},            // reserved, RFC 1112 §4, and the limited broadcast
};

// What is not global inside 2000::/3. 6to4 and Teredo are refused whole, whatever IPv4 address they carry: the tunnel's
// far end is chosen by whoever wrote the address, and both are withdrawn.
constexpr Prefix v6_special[] = {
    {{0x20, 0x01, 0x00}, 23},        // IETF protocol assignments, with Teredo (2001::/32), RFC 2928
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation, RFC 3849
    {{0x20, 0x02}, 16},              // 6to4, RFC 3056, RFC 7526
    {{0x3f, 0xff, 0x00}, 20},        // documentation, RFC 9637
};

bool is_global_v4(ByteView octets) {
    return std::none_of(std::begin(v4_special), std::end(v4_special),
                        [&](const Prefix& prefix) { return lies_in(octets, prefix); });
}

std::string v4_text(ByteView octets) {
    return fmt::format("{}.{}.{}.{}", octets[0], octets[1], octets[2], octets[3]);
}

// RFC 5952 §4: lower case, no leading zeros, "::" for the longest run of two or more zero groups, the first of equals.
// §5: dotted decimal at the end of a v4-mapped address.
std::string v6_text(ByteView octets) {
    if (lies_in(octets, v4_mapped)) {
        return "::ffff:" + v4_text(octets.subspan(12));
    }
    std::array<unsigned, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i) {
        groups[i] = static_cast<unsigned>(octets[2 * i]) << 8U | octets[2 * i + 1];
    }
    std::size_t run_begin = 8;
    std::size_t run_length = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t end = i;
        while (end < 8 && groups[end] == 0) {
            ++end;
        }
        if (end - i > run_length) {
            run_begin = i;
            run_length = end - i;
        }
        i = std::max(i, end == i ? i : end - 1);
    }
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == run_begin) {
            out += "::";
            i += run_length - 1;
            continue;
        }
        if (!out.empty() && !out.ends_with(':')) {
            out += ':';
        }
        out += fmt::format("{:x}", groups[i]);
    }
    return out;
}

}  // namespace

std::string IpAddress::text() const {
    return v4_ ? v4_text(octets()) : v6_text(octets());
}

bool IpAddress::is_global() const {
    if (v4_) {
        return is_global_v4(octets());
    }
    if (lies_in(octets(), v4_mapped) || lies_in(octets(), nat64)) {
        return is_global_v4(octets().subspan(12));
    }
    return lies_in(octets(), global_unicast) &&
           std::none_of(std::begin(v6_special), std::end(v6_special),
                        [&](const Prefix& prefix) { return lies_in(octets(), prefix); });
}

}  // namespace postseal::dns
