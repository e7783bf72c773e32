#include "tlsrpt/base64_text.h"

#include <array>

namespace postseal::tlsrpt {

namespace {

constexpr std::uint8_t not_in_alphabet = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(not_in_alphabet);
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}
constexpr std::array<std::uint8_t, 256> values = make_values();

}  // namespace

LenientBase64 from_base64_leniently(std::string_view text) {
    LenientBase64 result;
    result.bytes.reserve(text.size() / 4 * 3 + 3);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::uint8_t value = values[static_cast<unsigned char>(c)];
        if (value != not_in_alphabet) {
            bits = bits << 6 | value;
            if (++count == 4) {
                result.bytes.push_back(static_cast<std::uint8_t>(bits >> 16));
                result.bytes.push_back(static_cast<std::uint8_t>(bits >> 8));
                result.bytes.push_back(static_cast<std::uint8_t>(bits));
                bits = 0;
                count = 0;
            }
            continue;
        }
        if (c == '=' && count >= 2) {
            // The end, or the seam of two texts that were encoded apart.
            result.bytes.push_back(static_cast<std::uint8_t>(bits >> (count == 2 ? 4 : 10)));
            if (count == 3) {
                result.bytes.push_back(static_cast<std::uint8_t>(bits >> 2));
            }
            bits = 0;
            count = 0;
        } else if (c != '=' && c != '\r' && c != '\n' && c != ' ' && c != '\t') {
            ++result.strays;
        }
    }
    if (count == 2) {
        result.bytes.push_back(static_cast<std::uint8_t>(bits >> 4));
    } else if (count == 3) {
        result.bytes.push_back(static_cast<std::uint8_t>(bits >> 10));
        result.bytes.push_back(static_cast<std::uint8_t>(bits >> 2));
    }
    return result;
}

bool looks_like_base64_of_report(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') {
        text.remove_prefix(1);
    }
    // 1f 8b 08; "PK\3\4"; `{"`, "{\n", "{\r", "{ ", "{\t"; the same behind a byte-order mark.
    for (const std::string_view prefix : {"H4sI", "UEsDB", "eyI", "eyJ", "ewo", "ew0", "eyA", "ewk", "77u/"}) {
        if (text.starts_with(prefix)) {
            return text.size() >= 16;
        }
    }
    return false;
}

}  // namespace postseal::tlsrpt
