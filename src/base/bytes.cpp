#include "base/bytes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace postseal {

ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(ByteView bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        out += digits[byte >> 4U];
        out += digits[byte & 0xfU];
    }
    return out;
}

namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct Alphabet {
    std::string_view digits;
    unsigned bits;
};

constexpr Alphabet base64_alphabet{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6};
constexpr Alphabet base64url_alphabet{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 6};
constexpr Alphabet base32_alphabet{"abcdefghijklmnopqrstuvwxyz234567", 5};

std::string encode(ByteView bytes, Alphabet alphabet) {
    std::string out;
    out.reserve(bytes.size() * 8 / alphabet.bits + 1);
    const unsigned mask = (1U << alphabet.bits) - 1;
    unsigned buffer = 0;
    unsigned held = 0;
    for (const std::uint8_t byte : bytes) {
        buffer = (buffer << 8U) | byte;
        held += 8;
        while (held >= alphabet.bits) {
            held -= alphabet.bits;
            out += alphabet.digits[(buffer >> held) & mask];
        }
        buffer &= (1U << held) - 1;
    }
    if (held > 0) {
        out += alphabet.digits[(buffer << (alphabet.bits - held)) & mask];
    }
    return out;
}

// Without padding. Bits left over must be zero: one encoding per value.
Result<Bytes> decode(std::string_view text, Alphabet alphabet, std::string_view what) {
    Bytes out;
    out.reserve(text.size() * alphabet.bits / 8);
    unsigned buffer = 0;
    unsigned held = 0;
    for (const char c : text) {
        const auto value = alphabet.digits.find(c);
        if (value == std::string_view::npos) {
            return invalid_input(std::string(what), "a character outside the alphabet");
        }
        buffer = (buffer << alphabet.bits) | static_cast<unsigned>(value);
        held += alphabet.bits;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<std::uint8_t>(buffer >> held));
            buffer &= (1U << held) - 1;
        }
    }
    if (held >= alphabet.bits || buffer != 0) {
        return invalid_input(std::string(what), "cut off in the middle of a byte");
    }
    return out;
}

}  // namespace

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) {
        return invalid_input("hex", "an odd number of digits");
    }
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) {
            return invalid_input("hex", "a character that is not a hexadecimal digit");
        }
        out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return out;
}

std::string to_base64(ByteView bytes) {
    std::string out = encode(bytes, base64_alphabet);
    out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

Result<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return invalid_input("base64", "the length is not a multiple of four");
    }
    for (int i = 0; i < 2 && text.ends_with('='); ++i) {
        text.remove_suffix(1);
    }
    return decode(text, base64_alphabet, "base64");
}

std::string to_base64url(ByteView bytes) {
    return encode(bytes, base64url_alphabet);
}

Result<Bytes> from_base64url(std::string_view text) {
    return decode(text, base64url_alphabet, "base64url");
}

std::string to_base32(ByteView bytes) {
    return encode(bytes, base32_alphabet);
}

namespace {

Bytes digest(ByteView bytes, const EVP_MD* algorithm) {
    Bytes out(static_cast<std::size_t>(EVP_MD_get_size(algorithm)));
    if (EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, algorithm, nullptr) != 1) {
        std::abort();  // only memory exhaustion gets here
    }
    return out;
}

}  // namespace

Sha256 sha256(ByteView bytes) {
    const Bytes value = digest(bytes, EVP_sha256());
    Sha256 out;
    std::copy(value.begin(), value.end(), out.begin());
    return out;
}

Bytes sha512(ByteView bytes) {
    return digest(bytes, EVP_sha512());
}

Bytes random_bytes(std::size_t count) {
    Bytes out(count);
    if (RAND_bytes(out.data(), static_cast<int>(count)) != 1) {
        std::abort();
    }
    return out;
}

bool equal_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void append(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_u16(Bytes& out, std::uint16_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
}

void append_u32(Bytes& out, std::uint32_t value) {
    append_u16(out, static_cast<std::uint16_t>(value >> 16U));
    append_u16(out, static_cast<std::uint16_t>(value));
}

Result<std::uint8_t> ByteReader::u8() {
    POSTSEAL_TRY(const auto bytes, take(1));
    return bytes[0];
}

Result<std::uint16_t> ByteReader::u16() {
    POSTSEAL_TRY(const auto bytes, take(2));
    return static_cast<std::uint16_t>(bytes[0] << 8U | bytes[1]);
}

Result<std::uint32_t> ByteReader::u32() {
    POSTSEAL_TRY(const auto bytes, take(4));
    return static_cast<std::uint32_t>(bytes[0]) << 24U | static_cast<std::uint32_t>(bytes[1]) << 16U |
           static_cast<std::uint32_t>(bytes[2]) << 8U | bytes[3];
}

Result<ByteView> ByteReader::take(std::size_t count) {
    if (count > rest_.size()) {
        return Error{Errc::limit_exceeded, "", "the data ends too early"};
    }
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
}

}  // namespace postseal
