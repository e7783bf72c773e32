#include "tlsrpt/json_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>

#include "base/text.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t integer_digits_max = 18;

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20;
}

// Length of the number that starts at `at`, and whether it is an integer (no fraction, no exponent).
struct NumberToken {
    std::size_t bytes = 0;
    std::size_t digits = 0;
    bool integer = true;
};
NumberToken number_at(std::string_view text, std::size_t at) {
    NumberToken token;
    for (std::size_t i = at; i < text.size(); ++i, ++token.bytes) {
        const char c = text[i];
        if (is_digit(c)) {
            ++token.digits;
        } else if (c == '.' || c == 'e' || c == 'E' || c == '+') {
            token.integer = false;
        } else if (c != '-' || i != at) {
            break;
        }
    }
    return token;
}

// The end of the string that starts with the quote at `at`: the index of its closing quote, or the size.
std::size_t string_end(std::string_view text, std::size_t at, bool& raw_controls) {
    for (std::size_t i = at + 1; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\') {
            ++i;
        } else if (c == '"') {
            return i;
        } else if (is_control(c)) {
            raw_controls = true;
        }
    }
    return text.size();
}

// Boost.JSON's parser without a document: it knows at which byte it stopped, which simdjson does not tell.
struct SilentHandler {
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);
    using ErrorCode = boost::json::error_code;
    using view = boost::json::string_view;
    bool on_document_begin(ErrorCode&) { return true; }
    bool on_document_end(ErrorCode&) { return true; }
    bool on_object_begin(ErrorCode&) { return true; }
    bool on_object_end(std::size_t, ErrorCode&) { return true; }
    bool on_array_begin(ErrorCode&) { return true; }
    bool on_array_end(std::size_t, ErrorCode&) { return true; }
    bool on_key_part(view, std::size_t, ErrorCode&) { return true; }
    bool on_key(view, std::size_t, ErrorCode&) { return true; }
    bool on_string_part(view, std::size_t, ErrorCode&) { return true; }
    bool on_string(view, std::size_t, ErrorCode&) { return true; }
    bool on_number_part(view, ErrorCode&) { return true; }
    bool on_int64(std::int64_t, view, ErrorCode&) { return true; }
    bool on_uint64(std::uint64_t, view, ErrorCode&) { return true; }
    bool on_double(double, view, ErrorCode&) { return true; }
    bool on_bool(bool, ErrorCode&) { return true; }
    bool on_null(ErrorCode&) { return true; }
    bool on_comment_part(view, ErrorCode&) { return true; }
    bool on_comment(view, ErrorCode&) { return true; }
};

}  // namespace

JsonExtent scan_json(std::string_view text) {
    JsonExtent extent;
    std::size_t depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            i = string_end(text, i, extent.raw_controls);
        } else if (c == '{' || c == '[') {
            extent.depth = std::max(extent.depth, ++depth);
        } else if (c == '}' || c == ']') {
            if (--depth == 0) {
                extent.bytes = i + 1;
                extent.closed = true;
                return extent;
            }
        } else if (is_digit(c) || c == '-') {
            const NumberToken token = number_at(text, i);
            extent.overlong_integers |= token.integer && token.digits > integer_digits_max;
            i += std::max<std::size_t>(token.bytes, 1) - 1;
        }
    }
    extent.bytes = text.size();
    return extent;
}

std::string repair_json(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 64);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            bool raw_controls = false;
            const std::size_t end = std::min(string_end(text, i, raw_controls), text.size() - 1);
            for (; i <= end; ++i) {
                if (is_control(text[i])) {
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(text[i]));
                } else {
                    out += text[i];
                }
            }
            --i;
        } else if (is_digit(c) || c == '-') {
            const NumberToken token = number_at(text, i);
            if (token.integer && token.digits > integer_digits_max) {
                out += c == '-' ? "-9007199254740992" : "9007199254740992";
            } else {
                out += text.substr(i, std::max<std::size_t>(token.bytes, 1));
            }
            i += std::max<std::size_t>(token.bytes, 1) - 1;
        } else {
            out += c;
        }
    }
    return out;
}

Error locate_json_error(std::string_view text, std::string_view fallback) {
    boost::json::parse_options options;
    options.max_depth = 1000;
    boost::json::basic_parser<SilentHandler> parser(options);
    boost::json::error_code error;
    const std::size_t consumed = parser.write_some(false, text.data(), text.size(), error);
    if (!error) {
        return invalid_input("JSON", std::string(fallback));
    }
    const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(consumed), '\n');
    const bool ended = consumed >= text.size();
    return invalid_input(fmt::format("JSON line {}", lines + 1),
                         ended ? std::string("the text ends in the middle") : error.message());
}

}  // namespace postseal::tlsrpt
