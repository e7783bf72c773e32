#include "dns/message.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace postseal::dns {

namespace {

constexpr std::uint8_t opcode_query = 0;
constexpr std::size_t label_max = 63;
constexpr std::size_t name_wire_max = 255;

std::uint16_t get_u16(ByteView bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

Header decode_header(ByteView packet) {
    const std::uint8_t high = packet[2];
    const std::uint8_t low = packet[3];
    Header out;
    out.id = get_u16(packet, 0);
    out.response = (high & 0x80U) != 0;
    out.opcode = (high >> 3U) & 0xfU;
    out.authoritative = (high & 0x04U) != 0;
    out.truncated = (high & 0x02U) != 0;
    out.recursion_desired = (high & 0x01U) != 0;
    out.recursion_available = (low & 0x80U) != 0;
    out.authentic_data = (low & 0x20U) != 0;
    out.checking_disabled = (low & 0x10U) != 0;
    out.rcode = low & 0xfU;
    out.question_count = get_u16(packet, 4);
    out.answer_count = get_u16(packet, 6);
    out.authority_count = get_u16(packet, 8);
    out.additional_count = get_u16(packet, 10);
    return out;
}

Edns decode_opt(std::uint16_t klass, std::uint32_t ttl) {  // RFC 6891 §6.1.3
    Edns out;
    out.udp_bytes = klass;
    out.extended_rcode = static_cast<std::uint8_t>(ttl >> 24U);
    out.version = static_cast<std::uint8_t>(ttl >> 16U);
    out.dnssec_ok = (ttl & 0x8000U) != 0;
    return out;
}

}  // namespace

Result<Header> read_header(ByteView packet) {
    if (packet.size() < header_bytes) {
        return invalid_input("DNS message", "shorter than its header");
    }
    return decode_header(packet);
}

std::array<std::uint8_t, header_bytes> encode_header(const Header& header) {
    const auto bit = [](bool value, unsigned place) { return value ? 1U << place : 0U; };
    std::array<std::uint8_t, header_bytes> out{};
    const auto put = [&out](std::size_t at, unsigned value) {
        out[at] = static_cast<std::uint8_t>(value >> 8U);
        out[at + 1] = static_cast<std::uint8_t>(value);
    };
    put(0, header.id);
    put(2, bit(header.response, 15) | (header.opcode & 0xfU) << 11U | bit(header.authoritative, 10) |
               bit(header.truncated, 9) | bit(header.recursion_desired, 8) | bit(header.recursion_available, 7) |
               bit(header.authentic_data, 5) | bit(header.checking_disabled, 4) | (header.rcode & 0xfU));
    put(4, header.question_count);
    put(6, header.answer_count);
    put(8, header.authority_count);
    put(10, header.additional_count);
    return out;
}

void append_opt(Bytes& out, const Edns& edns) {
    out.push_back(0);  // the root
    append_u16(out, static_cast<std::uint16_t>(Type::opt));
    append_u16(out, edns.udp_bytes);
    append_u32(out, static_cast<std::uint32_t>(edns.extended_rcode) << 24U |
                        static_cast<std::uint32_t>(edns.version) << 16U | (edns.dnssec_ok ? 0x8000U : 0U));
    append_u16(out, 0);
}

// --- A server's view -------------------------------------------------------------------------------------------------

namespace {

// Moves over a name in which pointers are allowed but not followed; false at the end of the packet, a name that is too
// long or an unknown label type.
bool skip_name(ByteView packet, std::size_t& at) {
    const std::size_t begin = at;
    while (at < packet.size() && at - begin < name_wire_max) {
        const std::uint8_t length = packet[at];
        if (length == 0) {
            ++at;
            return true;
        }
        if (length >= 0xc0) {
            at += 2;
            return at <= packet.size();
        }
        if (length > label_max) {
            return false;
        }
        at += 1U + length;
    }
    return false;
}

// Size of the uncompressed name at `at`, or 0.
std::size_t plain_name_bytes(ByteView packet, std::size_t at) {
    const std::size_t begin = at;
    while (at < packet.size() && packet[at] <= label_max) {
        const std::size_t length = packet[at];
        at += 1 + length;
        if (at > packet.size() || at - begin > name_wire_max) {
            return 0;
        }
        if (length == 0) {
            return at - begin;
        }
    }
    return 0;
}

// RFC 6891 §6.1.2: option code, length, data, to the end.
bool options_fit(ByteView options) {
    while (!options.empty()) {
        if (options.size() < 4 || options.size() - 4 < get_u16(options, 2)) {
            return false;
        }
        options = options.subspan(4U + get_u16(options, 2));
    }
    return true;
}

// The records behind the question; false when they do not fit or OPT is not as it must be.
bool read_edns(ByteView packet, std::size_t at, Query& query) {
    const std::size_t before_additional = query.header.answer_count + query.header.authority_count;
    const std::size_t count = before_additional + query.header.additional_count;
    for (std::size_t i = 0; i < count; ++i) {
        const bool root = at < packet.size() && packet[at] == 0;
        if (!skip_name(packet, at) || packet.size() - at < 10) {
            return false;
        }
        const auto type = static_cast<Type>(get_u16(packet, at));
        const std::uint16_t klass = get_u16(packet, at + 2);
        const std::uint32_t ttl = static_cast<std::uint32_t>(get_u16(packet, at + 4)) << 16U | get_u16(packet, at + 6);
        const std::size_t data_bytes = get_u16(packet, at + 8);
        at += 10;
        if (packet.size() - at < data_bytes) {
            return false;
        }
        if (type == Type::opt) {  // RFC 6891 §6.1.1: one, in the additional section, owned by the root
            if (query.edns || !root || i < before_additional || !options_fit(packet.subspan(at, data_bytes))) {
                return false;
            }
            query.edns = decode_opt(klass, ttl);
        }
        at += data_bytes;
    }
    return at == packet.size();
}

}  // namespace

Query read_query(ByteView packet) {
    Query query;
    if (packet.size() < header_bytes) {
        query.fault = QueryFault::not_a_query;
        return query;
    }
    query.header = decode_header(packet);
    if (query.header.response) {
        query.fault = QueryFault::not_a_query;
        return query;
    }
    if (query.header.opcode != opcode_query) {  // NOTIFY, UPDATE and others, whose sections mean something else
        query.fault = QueryFault::notimp;
        return query;
    }
    const std::size_t name_bytes = plain_name_bytes(packet, header_bytes);
    const std::size_t question_end = header_bytes + name_bytes + 4;
    if (query.header.question_count != 1 || name_bytes == 0 || packet.size() < question_end ||
        !read_edns(packet, question_end, query)) {
        query.fault = QueryFault::formerr;
        query.edns.reset();
        return query;
    }
    query.question = packet.subspan(header_bytes, name_bytes + 4);
    query.name = query.question.first(name_bytes);
    query.type = static_cast<Type>(get_u16(packet, question_end - 4));
    query.klass = get_u16(packet, question_end - 2);
    return query;
}

// --- A resolver's view -----------------------------------------------------------------------------------------------

Bytes make_query(std::uint16_t id, const Name& name, Type type, const QueryOptions& options) {
    Header header;
    header.id = id;
    header.recursion_desired = options.recursion_desired;
    header.checking_disabled = options.checking_disabled;
    header.question_count = 1;
    header.additional_count = 1;
    Bytes out;
    append(out, encode_header(header));
    std::uint64_t bits = options.case_bits;
    for (std::uint8_t octet : name.to_wire()) {
        if (octet >= 'a' && octet <= 'z') {  // never a length: those are at most 63
            octet = static_cast<std::uint8_t>((bits & 1U) != 0 ? octet - 'a' + 'A' : octet);
            bits >>= 1U;
        }
        out.push_back(octet);
    }
    append_u16(out, static_cast<std::uint16_t>(type));
    append_u16(out, class_in);
    Edns edns;
    edns.dnssec_ok = options.dnssec_ok;
    append_opt(out, edns);
    return out;
}

bool is_response_to(ByteView query, ByteView response, NameCase name_case) {
    if (query.size() < header_bytes || response.size() < header_bytes) {
        return false;
    }
    const Header ours = decode_header(query);
    const Header theirs = decode_header(response);
    const std::size_t name_bytes = plain_name_bytes(query, header_bytes);
    const std::size_t end = header_bytes + name_bytes + 4;
    if (ours.response || !theirs.response || ours.id != theirs.id || ours.opcode != theirs.opcode ||
        ours.question_count != 1 || theirs.question_count != 1 || name_bytes == 0 || query.size() < end ||
        response.size() < end) {
        return false;
    }
    const auto same = [&](std::uint8_t a, std::uint8_t b) {
        return a == b ||
               (name_case == NameCase::ignored && to_lower(static_cast<char>(a)) == to_lower(static_cast<char>(b)));
    };
    const auto type_at = static_cast<std::ptrdiff_t>(header_bytes + name_bytes);
    return std::equal(query.begin() + header_bytes, query.begin() + type_at, response.begin() + header_bytes, same) &&
           std::equal(query.begin() + type_at, query.begin() + type_at + 4, response.begin() + type_at);
}

namespace {

// Reads one message front to back; knows the whole packet, since names refer to what came before them.
class ResponseReader {
public:
    explicit ResponseReader(ByteView packet) : packet_(packet), at_(header_bytes) {}

    Result<Message> read() {
        Message out;
        out.header = decode_header(packet_);
        if (!out.header.response) {
            return invalid_input("DNS message", "a query, not a response");
        }
        auto failure = read_sections(out);
        const bool cut_as_announced =
            failure && out.header.truncated && failure->code == Errc::limit_exceeded;  // RFC 2181 §9
        if (failure && !cut_as_announced) {
            return Error{failure->code, "DNS message", failure->message()};
        }
        const unsigned high = out.edns ? out.edns->extended_rcode : 0U;
        out.rcode = static_cast<Rcode>(high << 4U | out.header.rcode);
        return out;
    }

private:
    struct Section {
        const char* name;
        std::size_t count;
        std::vector<Record>* records;
    };

    std::optional<Error> read_sections(Message& out) {
        if (out.header.question_count > 1) {  // RFC 9619: never more than one
            return invalid_input("", "more than one question");
        }
        if (out.header.question_count == 1) {
            if (auto failure = read_question(out)) {
                return failure;
            }
        }
        const Section sections[] = {{"answer", out.header.answer_count, &out.answer},
                                    {"authority", out.header.authority_count, &out.authority},
                                    {"additional", out.header.additional_count, &out.additional}};
        for (const auto& section : sections) {
            for (std::size_t i = 0; i < section.count; ++i) {
                if (auto failure = read_record(out, *section.records)) {
                    failure->where = fmt::format("{} record {}", section.name, i + 1);
                    return failure;
                }
            }
        }
        return std::nullopt;
    }

    std::optional<Error> read_question(Message& out) {
        const auto wire = name(at_);
        if (!wire) {
            return wire.error();
        }
        const auto fixed = take(4);
        if (!fixed) {
            return fixed.error();
        }
        if (auto parsed = to_name(*wire)) {
            out.question_name = std::move(*parsed);
        }
        out.question_type = static_cast<Type>(get_u16(*fixed, 0));
        return std::nullopt;
    }

    std::optional<Error> read_record(Message& out, std::vector<Record>& records) {
        const auto owner = name(at_);
        if (!owner) {
            return owner.error();
        }
        const auto fixed = take(10);
        if (!fixed) {
            return fixed.error();
        }
        const auto type = static_cast<Type>(get_u16(*fixed, 0));
        const std::uint16_t klass = get_u16(*fixed, 2);
        const std::uint32_t ttl = static_cast<std::uint32_t>(get_u16(*fixed, 4)) << 16U | get_u16(*fixed, 6);
        const std::size_t data_at = at_;
        const auto rdata = take(get_u16(*fixed, 8));
        if (!rdata) {
            return rdata.error();
        }
        if (type == Type::opt) {
            if (out.edns) {
                return invalid_input("", "a second OPT record");  // RFC 6891 §6.1.1
            }
            out.edns = decode_opt(klass, ttl);
            return std::nullopt;
        }
        auto parsed = to_name(*owner);
        if (!parsed || klass != class_in) {
            ++out.records_skipped;
            return std::nullopt;
        }
        // RFC 2181 §8: a TTL with the top bit set counts as zero.
        records.push_back({std::move(*parsed), type, ttl > 0x7fffffffU ? 0 : ttl, data(type, data_at, *rdata)});
        return std::nullopt;
    }

    // RDATA as Data; as on the wire where the type does not allow it.
    Data data(Type type, std::size_t at, ByteView rdata) {
        const auto expanded = expand(type, at, rdata);
        if (expanded) {
            if (auto parsed = data_from_wire(type, *expanded)) {
                return std::move(*parsed);
            }
        }
        return OtherData{Bytes(rdata.begin(), rdata.end())};
    }

    // RDATA with its names written out. Only the types of RFC 1035 may compress them (RFC 3597 §4).
    Result<Bytes> expand(Type type, std::size_t at, ByteView rdata) {
        std::size_t fixed_before = 0;
        int names = 0;
        switch (type) {
            case Type::ns:
            case Type::cname:
            case Type::ptr:
                names = 1;
                break;
            case Type::mx:
                fixed_before = 2;
                names = 1;
                break;
            case Type::soa:
                names = 2;
                break;
            default:
                break;
        }
        if (rdata.size() < fixed_before) {
            return Error{Errc::limit_exceeded, "", "the data ends too early"};
        }
        const std::size_t end = at + rdata.size();
        Bytes out(rdata.begin(), rdata.begin() + static_cast<std::ptrdiff_t>(fixed_before));
        at += fixed_before;
        for (int i = 0; i < names; ++i) {
            POSTSEAL_TRY(const auto wire, name(at));
            if (at > end) {
                return invalid_input("", "a name passes the end of its record");
            }
            append(out, wire);
        }
        append(out, packet_.subspan(at, end - at));
        return out;
    }

    // The name at `at`, written out with its case; moves `at` behind it. RFC 1035 §4.1.4: a pointer points to a prior
    // occurrence. Requiring each to point before the last place ends every loop and bounds the work by the name's
    // length.
    Result<Bytes> name(std::size_t& at) {
        Bytes out;
        std::size_t from = at;
        std::size_t lowest = at;
        bool jumped = false;
        while (true) {
            if (from >= packet_.size()) {
                return Error{Errc::limit_exceeded, "", "the data ends too early"};
            }
            const std::size_t length = packet_[from];
            if (length >= 0xc0) {
                if (from + 2 > packet_.size()) {
                    return Error{Errc::limit_exceeded, "", "the data ends too early"};
                }
                const std::size_t target = (length & 0x3fU) << 8U | packet_[from + 1];
                if (!jumped) {
                    at = from + 2;
                    jumped = true;
                }
                if (target >= lowest || target < header_bytes) {
                    return invalid_input("", "a compression pointer that does not point to an earlier name");
                }
                from = lowest = target;
                continue;
            }
            if (length > label_max) {
                return invalid_input("", "an unknown label type");
            }
            if (from + 1 + length > packet_.size()) {
                return Error{Errc::limit_exceeded, "", "the data ends too early"};
            }
            append(out, packet_.subspan(from, 1 + length));
            if (out.size() > name_wire_max) {
                return invalid_input("", "a name longer than 255 octets");
            }
            from += 1 + length;
            if (length == 0) {
                at = jumped ? at : from;
                return out;
            }
        }
    }

    static Result<Name> to_name(ByteView wire) {
        ByteReader reader(wire);
        return Name::from_wire(reader);
    }

    Result<ByteView> take(std::size_t count) {
        if (count > packet_.size() - at_) {
            return Error{Errc::limit_exceeded, "", "the data ends too early"};
        }
        const ByteView taken = packet_.subspan(at_, count);
        at_ += count;
        return taken;
    }

    ByteView packet_;
    std::size_t at_;
};

}  // namespace

Result<Message> read_response(ByteView packet) {
    if (packet.size() < header_bytes) {
        return invalid_input("DNS message", "shorter than its header");
    }
    if (packet.size() > 0xffff) {
        return Error{Errc::limit_exceeded, "DNS message", "longer than 65535 octets"};
    }
    return ResponseReader(packet).read();
}

}  // namespace postseal::dns
