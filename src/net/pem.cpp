#include "net/pem.h"

#include <array>

namespace postseal::net {

namespace {

constexpr std::uint8_t none = 0xff;

constexpr std::array<std::uint8_t, 256> values = [] {
    std::array<std::uint8_t, 256> out{};
    out.fill(none);
    std::uint8_t value = 0;
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
        out[static_cast<unsigned char>(c)] = value++;
    }
    return out;
}();

// Four digits; false when one of them is none.
bool take_group(std::string_view text, std::uint8_t* out) {
    const auto value = [&](std::size_t i) { return std::uint32_t{values[static_cast<unsigned char>(text[i])]}; };
    const std::uint32_t a = value(0);
    const std::uint32_t b = value(1);
    const std::uint32_t c = value(2);
    const std::uint32_t d = value(3);
    if (((a | b | c | d) & 0xc0U) != 0) {
        return false;
    }
    out[0] = static_cast<std::uint8_t>(a << 2U | b >> 4U);
    out[1] = static_cast<std::uint8_t>(b << 4U | c >> 2U);
    out[2] = static_cast<std::uint8_t>(c << 6U | d);
    return true;
}

// A hundred thousand certificates are read at a start, so whole groups go the short way: those of a line of 64.
std::optional<Bytes> decode(std::string_view text) {
    Bytes out(text.size() / 4 * 3 + 3);
    std::size_t size = 0;
    std::array<char, 4> digits{};
    std::size_t count = 0;
    std::size_t padding = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (count == 0 && padding == 0 && text.size() - at >= 4 && take_group(text.substr(at, 4), out.data() + size)) {
            at += 4;
            size += 3;
            continue;
        }
        const char c = text[at++];
        if (c == '\n' || c == '\r') {
            continue;
        }
        if (c == '=' && count >= 2) {
            ++padding;
        } else if (padding > 0) {
            return std::nullopt;
        }
        digits[count++] = c == '=' && padding > 0 ? 'A' : c;
        if (count == digits.size()) {
            if (!take_group({digits.data(), count}, out.data() + size)) {
                return std::nullopt;
            }
            size += 3;
            count = 0;
        }
    }
    if (count != 0 || padding > 2 || size == 0) {
        return std::nullopt;
    }
    out.resize(size - padding);
    out.shrink_to_fit();
    return out;
}

}  // namespace

std::optional<Bytes> take_pem_block(std::string_view& text) {
    constexpr std::string_view dashes = "-----";
    constexpr std::string_view begin = "-----BEGIN ";
    constexpr std::string_view end = "-----END ";
    const std::size_t first = text.find(begin);
    const std::size_t body = first == std::string_view::npos ? first : text.find(dashes, first + begin.size());
    const std::size_t last = body == std::string_view::npos ? body : text.find(end, body);
    const std::size_t rest = last == std::string_view::npos ? last : text.find(dashes, last + end.size());
    if (rest == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view content = text.substr(body + dashes.size(), last - body - dashes.size());
    text.remove_prefix(rest + dashes.size());
    return decode(content);
}

}  // namespace postseal::net
