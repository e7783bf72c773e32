#include "dns/tsig.h"

#include <openssl/hmac.h>

#include <algorithm>

#include "base/text.h"
#include "dns/message.h"
#include "dns/record.h"

namespace postseal::dns {

namespace {

constexpr std::uint16_t class_any = 255;
constexpr std::uint16_t fudge_s = 300;  // RFC 8945 §10
constexpr std::size_t name_bytes_max = 255;

struct Algorithm {
    TsigAlgorithm code;
    std::string_view name;
    const EVP_MD* (*digest)();
};
constexpr Algorithm algorithms[] = {{TsigAlgorithm::hmac_sha256, "hmac-sha256", EVP_sha256},
                                    {TsigAlgorithm::hmac_sha384, "hmac-sha384", EVP_sha384},
                                    {TsigAlgorithm::hmac_sha512, "hmac-sha512", EVP_sha512}};

const Algorithm& algorithm_of(TsigAlgorithm code) {
    return *std::ranges::find(algorithms, code, &Algorithm::code);
}

Bytes algorithm_wire(TsigAlgorithm code) {
    Bytes out;
    const std::string_view name = algorithm_of(code).name;
    out.push_back(static_cast<std::uint8_t>(name.size()));
    append(out, as_bytes(name));
    out.push_back(0);
    return out;
}

Bytes hmac(const TsigKey& key, ByteView data) {
    Bytes out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    HMAC(algorithm_of(key.algorithm).digest(), key.secret.data(), static_cast<int>(key.secret.size()), data.data(),
         data.size(), out.data(), &size);
    out.resize(size);
    return out;
}

void append_u48(Bytes& out, std::uint64_t value) {
    append_u16(out, static_cast<std::uint16_t>(value >> 32U));
    append_u32(out, static_cast<std::uint32_t>(value));
}

std::uint16_t get_u16(ByteView bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

void put_u16(Bytes& out, std::size_t at, std::size_t value) {
    out[at] = static_cast<std::uint8_t>(value >> 8U);
    out[at + 1] = static_cast<std::uint8_t>(value);
}

// Behind a name at `at` in which pointers may stand; 0 when it does not fit.
std::size_t after_name(ByteView packet, std::size_t at) {
    const std::size_t begin = at;
    while (at < packet.size() && at - begin < name_bytes_max) {
        const std::size_t length = packet[at];
        if (length == 0) {
            return at + 1;
        }
        if (length >= 0xc0) {
            return at + 2 <= packet.size() ? at + 2 : 0;
        }
        if (length > 63) {
            return 0;
        }
        at += 1 + length;
    }
    return 0;
}

// A plain name, in lower case; empty when there is none.
Bytes take_name(ByteReader& reader) {
    Bytes out;
    while (out.size() < name_bytes_max) {
        const auto length = reader.u8();
        if (!length || *length > 63) {
            return {};
        }
        out.push_back(*length);
        if (*length == 0) {
            return out;
        }
        const auto label = reader.take(*length);
        if (!label) {
            return {};
        }
        std::ranges::transform(*label, std::back_inserter(out), [](std::uint8_t octet) {
            return static_cast<std::uint8_t>(to_lower(static_cast<char>(octet)));
        });
    }
    return {};
}

// Where the last record of the message begins, if it is a TSIG in the additional section; nothing otherwise.
// RFC 8945 §5.1: it is the last record. A message that does not hold together has none: others refuse it.
std::optional<std::size_t> tsig_at(ByteView packet) {
    if (packet.size() < header_bytes || get_u16(packet, 10) == 0) {
        return std::nullopt;
    }
    std::size_t at = header_bytes;
    for (unsigned i = get_u16(packet, 4); i > 0; --i) {
        at = after_name(packet, at);
        if (at == 0 || packet.size() - at < 4) {
            return std::nullopt;
        }
        at += 4;
    }
    const unsigned records = static_cast<unsigned>(get_u16(packet, 6)) + get_u16(packet, 8) + get_u16(packet, 10);
    for (unsigned i = 1;; ++i) {
        const std::size_t begin = at;
        at = after_name(packet, at);
        if (at == 0 || packet.size() - at < 10 || packet.size() - at - 10 < get_u16(packet, at + 8)) {
            return std::nullopt;
        }
        if (i == records) {
            return get_u16(packet, at) == static_cast<std::uint16_t>(Type::tsig) ? std::optional(begin) : std::nullopt;
        }
        at += 10U + get_u16(packet, at + 8);
    }
}

// What a signature covers besides the message (RFC 8945 §4.3.3).
struct Variables {
    Bytes key_name;
    Bytes algorithm_name;
    std::uint64_t time_signed = 0;
    std::uint16_t fudge = fudge_s;
    std::uint16_t error = 0;
    Bytes other;
};

Bytes covered(ByteView message, ByteView prior_mac, const Variables& variables, TsigCover cover) {
    Bytes out;
    if (!prior_mac.empty()) {
        append_u16(out, static_cast<std::uint16_t>(prior_mac.size()));
        append(out, prior_mac);
    }
    append(out, message);
    if (cover == TsigCover::all) {
        append(out, variables.key_name);
        append_u16(out, class_any);
        append_u32(out, 0);
        append(out, variables.algorithm_name);
    }
    append_u48(out, variables.time_signed);
    append_u16(out, variables.fudge);
    if (cover == TsigCover::all) {
        append_u16(out, variables.error);
        append_u16(out, static_cast<std::uint16_t>(variables.other.size()));
        append(out, variables.other);
    }
    return out;
}

void append_tsig(Bytes& message, const Variables& variables, ByteView mac) {
    const std::uint16_t id = get_u16(message, 0);
    append(message, variables.key_name);
    append_u16(message, static_cast<std::uint16_t>(Type::tsig));
    append_u16(message, class_any);
    append_u32(message, 0);
    const std::size_t length_at = message.size();
    append_u16(message, 0);
    append(message, variables.algorithm_name);
    append_u48(message, variables.time_signed);
    append_u16(message, variables.fudge);
    append_u16(message, static_cast<std::uint16_t>(mac.size()));
    append(message, mac);
    append_u16(message, id);
    append_u16(message, variables.error);
    append_u16(message, static_cast<std::uint16_t>(variables.other.size()));
    append(message, variables.other);
    put_u16(message, length_at, message.size() - length_at - 2);
    put_u16(message, 10, get_u16(message, 10) + 1U);
}

std::optional<TsigCheck> check(ByteView message, const std::vector<TsigKey>& keys, TimePoint now, ByteView prior_mac) {
    const auto begin = tsig_at(message);
    if (!begin) {
        return std::nullopt;
    }
    TsigCheck out;
    out.fault = TsigFault::formerr;
    ByteReader reader(message.subspan(*begin));
    Variables variables;
    variables.key_name = out.key_name = take_name(reader);
    if (out.key_name.empty() || !reader.u16()) {  // RFC 8945 §4.2: the key's name is not compressed
        return out;
    }
    const auto klass = reader.u16();
    const auto ttl = reader.u32();
    const auto length = reader.u16();
    if (!klass || *klass != class_any || !ttl || *ttl != 0 || !length || *length != reader.rest().size()) {
        return out;
    }
    variables.algorithm_name = out.algorithm_name = take_name(reader);
    const auto time_high = reader.u16();
    const auto time_low = reader.u32();
    const auto fudge = reader.u16();
    const auto mac_size = reader.u16();
    const auto mac = mac_size ? reader.take(*mac_size) : Result<ByteView>(Error{Errc::limit_exceeded, "", ""});
    const auto original_id = reader.u16();
    const auto error = reader.u16();
    const auto other_size = reader.u16();
    const auto other = other_size ? reader.take(*other_size) : Result<ByteView>(Error{Errc::limit_exceeded, "", ""});
    if (out.algorithm_name.empty() || !time_high || !time_low || !fudge || !mac || !original_id || !error || !other ||
        !reader.empty()) {
        return out;
    }
    out.time_signed = variables.time_signed = static_cast<std::uint64_t>(*time_high) << 32U | *time_low;
    variables.fudge = *fudge;
    variables.error = *error;
    append(variables.other, *other);
    append(out.mac, *mac);
    append(out.stripped, message.first(*begin));
    put_u16(out.stripped, 0, *original_id);
    put_u16(out.stripped, 10, get_u16(message, 10) - 1U);

    const auto key = std::ranges::find_if(keys, [&](const TsigKey& one) {
        return one.name.to_wire() == out.key_name && algorithm_wire(one.algorithm) == out.algorithm_name;
    });
    if (key == keys.end()) {  // RFC 8945 §5.2.1
        out.fault = TsigFault::badkey;
        return out;
    }
    out.key = &*key;
    // RFC 8945 §5.2.2.1: a shortened MAC is not accepted; nobody has to use one.
    if (!equal_constant_time(hmac(*key, covered(out.stripped, prior_mac, variables, TsigCover::all)), out.mac)) {
        out.fault = TsigFault::badsig;
        return out;
    }
    const auto seconds = static_cast<std::uint64_t>(now.time_since_epoch().count());
    const std::uint64_t apart = seconds > out.time_signed ? seconds - out.time_signed : out.time_signed - seconds;
    out.fault = apart > variables.fudge ? TsigFault::badtime : TsigFault::none;  // §5.2.3, only after the signature
    return out;
}

}  // namespace

Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text) {
    const auto known = std::ranges::find(algorithms, text, &Algorithm::name);
    if (known == std::end(algorithms)) {
        return invalid_input("TSIG algorithm", "must be hmac-sha256, hmac-sha384 or hmac-sha512");
    }
    return known->code;
}

std::optional<TsigCheck> check_tsig(ByteView message, const std::vector<TsigKey>& keys, TimePoint now) {
    return check(message, keys, now, {});
}

std::optional<TsigCheck> check_tsig_answer(ByteView message, const std::vector<TsigKey>& keys, TimePoint now,
                                           ByteView request_mac) {
    return check(message, keys, now, request_mac);
}

Bytes sign_tsig(Bytes& message, const TsigKey& key, ByteView prior_mac, TimePoint now, TsigCover cover,
                const TsigCheck* badtime_of) {
    Variables variables;
    variables.key_name = key.name.to_wire();
    variables.algorithm_name = algorithm_wire(key.algorithm);
    variables.time_signed = static_cast<std::uint64_t>(now.time_since_epoch().count());
    if (badtime_of != nullptr) {  // RFC 8945 §5.2.3: their time, and ours in "other"
        variables.error = static_cast<std::uint16_t>(TsigFault::badtime);
        append_u48(variables.other, variables.time_signed);
        variables.time_signed = badtime_of->time_signed;
    }
    Bytes mac = hmac(key, covered(message, prior_mac, variables, cover));
    append_tsig(message, variables, mac);
    return mac;
}

Bytes tsig_refusal(ByteView message, const TsigCheck& check, TimePoint now) {
    Header header = read_header(message).value();
    header.response = true;
    header.rcode = static_cast<std::uint8_t>(check.fault == TsigFault::formerr ? Rcode::formerr : Rcode::notauth);
    header.answer_count = header.authority_count = header.additional_count = 0;
    const std::size_t question_end = header.question_count == 1 ? after_name(message, header_bytes) : 0;
    header.question_count = question_end != 0 && message.size() - question_end >= 4 ? 1 : 0;
    Bytes out;
    append(out, encode_header(header));
    if (header.question_count == 1) {
        append(out, message.subspan(header_bytes, question_end + 4 - header_bytes));
    }
    if (check.fault == TsigFault::badtime && check.key != nullptr) {
        sign_tsig(out, *check.key, check.mac, now, TsigCover::all, &check);
    } else if (check.fault != TsigFault::formerr) {
        Variables variables;
        variables.key_name = check.key_name;
        variables.algorithm_name = check.algorithm_name;
        variables.time_signed = check.time_signed;
        variables.error = static_cast<std::uint16_t>(check.fault);
        append_tsig(out, variables, {});
    }
    return out;
}

}  // namespace postseal::dns
