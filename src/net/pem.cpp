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

std::optional<Bytes> decode(std::string_view text) {
    Bytes out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t group = 0;
    int digits = 0;
    int padding = 0;
    for (const char c : text) {
        if (c == '\n' || c == '\r') {
            continue;
        }
        const std::uint8_t value = values[static_cast<unsigned char>(c)];
        if (c == '=' && digits >= 2) {
            ++padding;
        } else if (value == none || padding > 0) {
            return std::nullopt;
        }
        group = group << 6U | (c == '=' ? 0U : value);
        if (++digits < 4) {
            continue;
        }
        out.push_back(static_cast<std::uint8_t>(group >> 16U));
        out.push_back(static_cast<std::uint8_t>(group >> 8U));
        out.push_back(static_cast<std::uint8_t>(group));
        group = 0;
        digits = 0;
    }
    if (digits != 0 || padding > 2 || out.empty()) {
        return std::nullopt;
    }
    out.resize(out.size() - static_cast<std::size_t>(padding));
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
