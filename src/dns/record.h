// Resource records as values (RFC 1035, 6698 §2, 8659): typed data for the types that Postseal decides on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/name.h"

namespace postseal::dns {

enum class Type : std::uint16_t {
    a = 1,
    ns = 2,
    cname = 5,
    soa = 6,
    ptr = 12,
    hinfo = 13,
    mx = 15,
    txt = 16,
    aaaa = 28,
    opt = 41,
    ds = 43,
    rrsig = 46,
    nsec = 47,
    dnskey = 48,
    nsec3 = 50,
    nsec3param = 51,
    tlsa = 52,
    cds = 59,
    cdnskey = 60,
    tsig = 250,
    caa = 257,
    any = 255,
    axfr = 252,
    ixfr = 251,
};
// "TXT"; "TYPE1234" for the rest (RFC 3597).
std::string to_string(Type type);
// "TXT" in any case, "TYPE1234"; anything else is an error.
Result<Type> parse_type(std::string_view text);

enum class Rcode : std::uint16_t {
    noerror = 0,
    formerr = 1,
    servfail = 2,
    nxdomain = 3,
    notimp = 4,
    refused = 5,
    notauth = 9,
    badvers = 16
};
// "NXDOMAIN"; "RCODE11" for the rest.
std::string to_string(Rcode rcode);

// An IPv4 or IPv6 address. Text is dotted decimal, or RFC 5952.
class IpAddress {
public:
    IpAddress() = default;  // 0.0.0.0
    static IpAddress v4(std::array<std::uint8_t, 4> octets);
    static IpAddress v6(std::array<std::uint8_t, 16> octets);
    // Dotted decimal without leading zeros, or IPv6 in any RFC 4291 form without zone.
    static Result<IpAddress> parse(std::string_view text);
    [[nodiscard]] bool is_v4() const { return v4_; }
    [[nodiscard]] ByteView octets() const { return ByteView(octets_).first(v4_ ? 4 : 16); }
    [[nodiscard]] std::string text() const;
    // False for loopback, private, link-local, shared (100.64/10), documentation, multicast, unspecified, v4-mapped and
    // NAT64 forms of those, 6to4, Teredo, and everything else outside global unicast (IANA special-purpose registries).
    // The guard against requests into somebody's own network on a stranger's behalf.
    [[nodiscard]] bool is_global() const;
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

private:
    bool v4_ = true;
    std::array<std::uint8_t, 16> octets_{};
};

struct TxtData {
    std::vector<std::string> strings;
    // RFC 8461 §3.1, RFC 8460 §3: joined with nothing between.
    [[nodiscard]] std::string joined() const;
    friend bool operator==(const TxtData&, const TxtData&) = default;
};
struct MxData {
    std::uint16_t preference = 0;
    Name exchange;  // the root is the null MX (RFC 7505)
    friend bool operator==(const MxData&, const MxData&) = default;
};
struct TlsaData {
    std::uint8_t usage = 0;
    std::uint8_t selector = 0;
    std::uint8_t matching_type = 0;
    Bytes association;
    // "3 1 1 <hex>", hex unbroken and in lower case (RFC 8460 §4.5).
    [[nodiscard]] std::string text() const;
    friend bool operator==(const TlsaData&, const TlsaData&) = default;
};
struct CaaData {
    std::uint8_t flags = 0;
    std::string tag;  // letters and digits as published; compares without regard to case (RFC 8659 §4.1)
    std::string value;
    friend bool operator==(const CaaData&, const CaaData&) = default;
};
struct SoaData {
    Name mname;
    Name rname;
    std::uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
    friend bool operator==(const SoaData&, const SoaData&) = default;
};
struct CnameData {
    Name target;
    friend bool operator==(const CnameData&, const CnameData&) = default;
};
struct NsData {
    Name host;
    friend bool operator==(const NsData&, const NsData&) = default;
};
struct PtrData {
    Name host;
    friend bool operator==(const PtrData&, const PtrData&) = default;
};
struct AddressData {  // A and AAAA
    IpAddress address;
    friend bool operator==(const AddressData&, const AddressData&) = default;
};
struct OtherData {  // any other type, as on the wire
    Bytes wire;
    friend bool operator==(const OtherData&, const OtherData&) = default;
};
using Data =
    std::variant<OtherData, TxtData, MxData, TlsaData, CaaData, SoaData, CnameData, NsData, PtrData, AddressData>;

struct Record {
    Name name;
    Type type = Type::a;
    std::uint32_t ttl_s = 0;
    Data data;
    friend bool operator==(const Record&, const Record&) = default;
};

// RDATA without compression ⇄ Data. Errors name the type: too short, too long, a malformed name, a CAA tag that is
// none. The way back cuts TXT strings longer than 255 octets into several.
Result<Data> data_from_wire(Type type, ByteView rdata);
Bytes data_to_wire(const Data& data);
// As in a zone file, without name, TTL and class: `"v=STSv1; id=a"`, `10 mx.example.com.`.
std::string data_text(const Data& data);

}  // namespace postseal::dns
