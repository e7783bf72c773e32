// Bytes and their text forms: hex, base64, base64url (RFC 4648), base32 in lower case; digests; random; comparison in
// constant time; a reader that cannot run past its end.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postseal {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

ByteView as_bytes(std::string_view text);
std::string_view as_text(ByteView bytes);

std::string to_hex(ByteView bytes);                // lower case
Result<Bytes> from_hex(std::string_view text);     // either case, even length
std::string to_base64(ByteView bytes);             // with padding
Result<Bytes> from_base64(std::string_view text);  // strict: alphabet, padding, no blanks
std::string to_base64url(ByteView bytes);          // RFC 4648 §5, without padding
Result<Bytes> from_base64url(std::string_view text);
std::string to_base32(ByteView bytes);  // a–z 2–7, lower case, without padding: fit for a DNS label

using Sha256 = std::array<std::uint8_t, 32>;
Sha256 sha256(ByteView bytes);
Bytes sha512(ByteView bytes);

// From the operating system's generator; ends the program when that fails, since no caller could go on.
Bytes random_bytes(std::size_t count);

// Takes the same time whatever the contents; false at once when the lengths differ.
bool equal_constant_time(ByteView a, ByteView b);

// Big-endian at the end of `out`.
void append(Bytes& out, ByteView bytes);
void append_u16(Bytes& out, std::uint16_t value);
void append_u32(Bytes& out, std::uint32_t value);

// Reads big-endian values from the front; each read fails (limit_exceeded) instead of passing the end.
class ByteReader {
public:
    explicit ByteReader(ByteView bytes) : rest_(bytes) {}
    Result<std::uint8_t> u8();
    Result<std::uint16_t> u16();
    Result<std::uint32_t> u32();
    Result<ByteView> take(std::size_t count);
    [[nodiscard]] ByteView rest() const { return rest_; }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

private:
    ByteView rest_;
};

}  // namespace postseal
