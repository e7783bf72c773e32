#include "dns/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace postseal::dns {

namespace {

struct TypeName {
    Type type;
    std::string_view name;
};

constexpr TypeName type_names[] = {
    {Type::a, "A"},       {Type::ns, "NS"},         {Type::cname, "CNAME"},     {Type::soa, "SOA"},
    {Type::ptr, "PTR"},   {Type::hinfo, "HINFO"},   {Type::mx, "MX"},           {Type::txt, "TXT"},
    {Type::aaaa, "AAAA"}, {Type::opt, "OPT"},       {Type::ds, "DS"},           {Type::rrsig, "RRSIG"},
    {Type::nsec, "NSEC"}, {Type::dnskey, "DNSKEY"}, {Type::nsec3, "NSEC3"},     {Type::nsec3param, "NSEC3PARAM"},
    {Type::tlsa, "TLSA"}, {Type::cds, "CDS"},       {Type::cdnskey, "CDNSKEY"}, {Type::tsig, "TSIG"},
    {Type::caa, "CAA"},   {Type::any, "ANY"},       {Type::axfr, "AXFR"},       {Type::ixfr, "IXFR"},
};

}  // namespace

std::string to_string(Type type) {
    for (const auto& entry : type_names) {
        if (entry.type == type) {
            return std::string(entry.name);
        }
    }
    return fmt::format("TYPE{}", static_cast<unsigned>(type));  // RFC 3597 §5
}

Result<Type> parse_type(std::string_view text) {
    for (const auto& entry : type_names) {
        if (iequals(entry.name, text)) {
            return entry.type;
        }
    }
    if (istarts_with(text, "TYPE")) {
        const auto number = parse_decimal(text.substr(4));
        if (number && *number <= 0xffff) {
            return static_cast<Type>(*number);
        }
    }
    return invalid_input(fmt::format("type \"{}\"", printable(text, 40)), "unknown");
}

std::string to_string(Rcode rcode) {
    switch (rcode) {
        case Rcode::noerror:
            return "NOERROR";
        case Rcode::formerr:
            return "FORMERR";
        case Rcode::servfail:
            return "SERVFAIL";
        case Rcode::nxdomain:
            return "NXDOMAIN";
        case Rcode::notimp:
            return "NOTIMP";
        case Rcode::refused:
            return "REFUSED";
        case Rcode::notauth:
            return "NOTAUTH";
        case Rcode::badvers:
            return "BADVERS";
    }
    return fmt::format("RCODE{}", static_cast<unsigned>(rcode));
}

std::string TxtData::joined() const {
    return join(strings, "");
}

std::string TlsaData::text() const {
    return fmt::format("{} {} {}{}{}", usage, selector, matching_type, association.empty() ? "" : " ",
                       to_hex(association));
}

namespace {

Result<Data> read_data(Type type, ByteReader& reader) {
    switch (type) {
        case Type::a: {
            POSTSEAL_TRY(const auto octets, reader.take(4));
            std::array<std::uint8_t, 4> four{};
            std::copy(octets.begin(), octets.end(), four.begin());
            return Data(AddressData{IpAddress::v4(four)});
        }
        case Type::aaaa: {
            POSTSEAL_TRY(const auto octets, reader.take(16));
            std::array<std::uint8_t, 16> sixteen{};
            std::copy(octets.begin(), octets.end(), sixteen.begin());
            return Data(AddressData{IpAddress::v6(sixteen)});
        }
        case Type::ns: {
            POSTSEAL_TRY(auto host, Name::from_wire(reader));
            return Data(NsData{std::move(host)});
        }
        case Type::cname: {
            POSTSEAL_TRY(auto target, Name::from_wire(reader));
            return Data(CnameData{std::move(target)});
        }
        case Type::ptr: {
            POSTSEAL_TRY(auto host, Name::from_wire(reader));
            return Data(PtrData{std::move(host)});
        }
        case Type::mx: {
            MxData out;
            POSTSEAL_TRY(out.preference, reader.u16());
            POSTSEAL_TRY(out.exchange, Name::from_wire(reader));
            return Data(std::move(out));
        }
        case Type::soa: {
            SoaData out;
            POSTSEAL_TRY(out.mname, Name::from_wire(reader));
            POSTSEAL_TRY(out.rname, Name::from_wire(reader));
            for (auto* field : {&out.serial, &out.refresh, &out.retry, &out.expire, &out.minimum}) {
                POSTSEAL_TRY(*field, reader.u32());
            }
            return Data(std::move(out));
        }
        case Type::txt: {  // RFC 1035 §3.3.14: one or more character-strings
            TxtData out;
            do {
                POSTSEAL_TRY(const auto length, reader.u8());
                POSTSEAL_TRY(const auto octets, reader.take(length));
                out.strings.emplace_back(as_text(octets));
            } while (!reader.empty());
            return Data(std::move(out));
        }
        case Type::tlsa: {  // RFC 6698 §2.1; an empty association is data, and never usable (dane)
            TlsaData out;
            POSTSEAL_TRY(out.usage, reader.u8());
            POSTSEAL_TRY(out.selector, reader.u8());
            POSTSEAL_TRY(out.matching_type, reader.u8());
            POSTSEAL_TRY(const auto octets, reader.take(reader.rest().size()));
            out.association.assign(octets.begin(), octets.end());
            return Data(std::move(out));
        }
        case Type::caa: {  // RFC 8659 §4.1
            CaaData out;
            POSTSEAL_TRY(out.flags, reader.u8());
            POSTSEAL_TRY(const auto tag_length, reader.u8());
            POSTSEAL_TRY(const auto tag, reader.take(tag_length));
            out.tag = as_text(tag);
            if (out.tag.empty() || !std::all_of(out.tag.begin(), out.tag.end(), [](char c) { return is_alnum(c); })) {
                return invalid_input("tag", "not one or more letters and digits");
            }
            POSTSEAL_TRY(const auto value, reader.take(reader.rest().size()));
            out.value = as_text(value);
            return Data(std::move(out));
        }
        default: {
            POSTSEAL_TRY(const auto octets, reader.take(reader.rest().size()));
            return Data(OtherData{Bytes(octets.begin(), octets.end())});
        }
    }
}

}  // namespace

Result<Data> data_from_wire(Type type, ByteView rdata) {
    const auto in_record = [type](const Error& error) {
        return Error{error.code, to_string(type) + " record", error.message()};
    };
    if (rdata.size() > 0xffff) {
        return in_record({Errc::limit_exceeded, "", "longer than 65535 octets"});
    }
    ByteReader reader(rdata);
    auto data = read_data(type, reader);
    if (!data) {
        return in_record(data.error());
    }
    if (!reader.empty()) {
        return in_record(invalid_input("", "more octets than the type has"));
    }
    return data;
}

namespace {

struct WireWriter {
    Bytes& out;

    void operator()(const OtherData& data) const { append(out, data.wire); }
    void operator()(const TxtData& data) const {
        // A character-string holds at most 255 octets: a longer one is cut into several, which readers join again. No
        // string at all is not a TXT record; it becomes one empty string.
        if (data.strings.empty()) {
            out.push_back(0);
        }
        for (const auto& string : data.strings) {
            ByteView rest = as_bytes(string);
            do {
                const ByteView part = rest.first(std::min<std::size_t>(rest.size(), 255));
                out.push_back(static_cast<std::uint8_t>(part.size()));
                append(out, part);
                rest = rest.subspan(part.size());
            } while (!rest.empty());
        }
    }
    void operator()(const MxData& data) const {
        append_u16(out, data.preference);
        append(out, data.exchange.to_wire());
    }
    void operator()(const TlsaData& data) const {
        out.push_back(data.usage);
        out.push_back(data.selector);
        out.push_back(data.matching_type);
        append(out, data.association);
    }
    void operator()(const CaaData& data) const {
        const std::string_view tag = std::string_view(data.tag).substr(0, 255);
        out.push_back(data.flags);
        out.push_back(static_cast<std::uint8_t>(tag.size()));
        append(out, as_bytes(tag));
        append(out, as_bytes(data.value));
    }
    void operator()(const SoaData& data) const {
        append(out, data.mname.to_wire());
        append(out, data.rname.to_wire());
        for (const auto field : {data.serial, data.refresh, data.retry, data.expire, data.minimum}) {
            append_u32(out, field);
        }
    }
    void operator()(const CnameData& data) const { append(out, data.target.to_wire()); }
    void operator()(const NsData& data) const { append(out, data.host.to_wire()); }
    void operator()(const PtrData& data) const { append(out, data.host.to_wire()); }
    void operator()(const AddressData& data) const { append(out, data.address.octets()); }
};

// A character-string in quotes (RFC 1035 §5.1): quote and backslash escaped, what is not printable ASCII as \DDD.
std::string quoted(std::string_view string) {
    std::string out = "\"";
    for (const char c : string) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (octet < 0x20 || octet > 0x7e) {
            out += fmt::format("\\{:03}", octet);
        } else {
            out += c;
        }
    }
    return out + '"';
}

struct TextWriter {
    std::string operator()(const OtherData& data) const {  // RFC 3597 §5
        return fmt::format("\\# {}{}{}", data.wire.size(), data.wire.empty() ? "" : " ", to_hex(data.wire));
    }
    std::string operator()(const TxtData& data) const {
        std::vector<std::string> parts;
        for (const auto& string : data.strings) {
            parts.push_back(quoted(string));
        }
        return join(parts, " ");
    }
    std::string operator()(const MxData& data) const {
        return fmt::format("{} {}", data.preference, data.exchange.fqdn());
    }
    std::string operator()(const TlsaData& data) const { return data.text(); }
    std::string operator()(const CaaData& data) const {
        return fmt::format("{} {} {}", data.flags, data.tag, quoted(data.value));
    }
    std::string operator()(const SoaData& data) const {
        return fmt::format("{} {} {} {} {} {} {}", data.mname.fqdn(), data.rname.fqdn(), data.serial, data.refresh,
                           data.retry, data.expire, data.minimum);
    }
    std::string operator()(const CnameData& data) const { return data.target.fqdn(); }
    std::string operator()(const NsData& data) const { return data.host.fqdn(); }
    std::string operator()(const PtrData& data) const { return data.host.fqdn(); }
    std::string operator()(const AddressData& data) const { return data.address.text(); }
};

}  // namespace

Bytes data_to_wire(const Data& data) {
    Bytes out;
    std::visit(WireWriter{out}, data);
    return out;
}

std::string data_text(const Data& data) {
    return std::visit(TextWriter{}, data);
}

}  // namespace postseal::dns
