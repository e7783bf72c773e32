#include "tlsrpt/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "tlsrpt/dom.h"
#include "tlsrpt/json_scan.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t starts_max = 16;  // openings tried in text that is not JSON from its first byte

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

std::string_view trim_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

constexpr std::string_view utf8_mark = "\xef\xbb\xbf";

void append_utf8(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    }
}

// `bytes` without its mark. Lone surrogates become U+FFFD.
std::string utf8_from_utf16(std::string_view bytes, bool big_endian) {
    std::string out;
    out.reserve(bytes.size());
    const auto unit = [&](std::size_t i) {
        const auto a = static_cast<unsigned char>(bytes[i]);
        const auto b = static_cast<unsigned char>(bytes[i + 1]);
        return static_cast<std::uint32_t>(big_endian ? a << 8 | b : b << 8 | a);
    };
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        std::uint32_t c = unit(i);
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < bytes.size() && unit(i + 2) >= 0xdc00 && unit(i + 2) < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (unit(i + 2) - 0xdc00);
            i += 2;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        append_utf8(out, c);
    }
    return out;
}

enum class Utf16 { big_endian, little_endian };

// JSON begins with two ASCII characters: in UTF-16 one octet of each is NUL.
std::optional<Utf16> utf16_without_mark(std::string_view bytes) {
    if (bytes.size() < 4) {
        return std::nullopt;
    }
    const auto begins = [&](std::size_t at) { return bytes[at] == '{' || bytes[at] == '['; };
    if (begins(1) && bytes[0] == '\0' && bytes[2] == '\0' && bytes[3] != '\0') {
        return Utf16::big_endian;
    }
    if (begins(0) && bytes[1] == '\0' && bytes[2] != '\0' && bytes[3] == '\0') {
        return Utf16::little_endian;
    }
    return std::nullopt;
}

// Where JSON may begin in a text: a '{' or '[' that is followed by what can stand there. Else npos.
std::size_t find_start(std::string_view text, std::size_t from) {
    for (std::size_t at = text.find_first_of("{[", from); at != std::string_view::npos;
         at = text.find_first_of("{[", at + 1)) {
        std::size_t next = at + 1;
        while (next < text.size() && is_blank(text[next])) {
            ++next;
        }
        if (next < text.size() && (text[at] == '{' ? text[next] == '"' : text[next] == '{')) {
            return at;
        }
    }
    return std::string_view::npos;
}

// Braces in text that speaks of none of this are not a broken report; they are no report.
bool mentions_report(std::string_view text) {
    for (const std::string_view member : {"\"policies\"", "\"organization-name\"", "\"report-id\""}) {
        if (text.find(member) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

Error not_a_report() {
    return {Errc::not_found, "", "no TLS report: the JSON has none of a report's members"};
}

Error no_json() {
    return {Errc::not_found, "", "no TLS report: there is no JSON in it"};
}

Error too_deep(const ReadLimits& limits) {
    return {Errc::limit_exceeded, "JSON", fmt::format("deeper than {} levels", limits.json_depth_max)};
}

}  // namespace

bool looks_like_json(std::string_view bytes) {
    if (bytes.starts_with(utf8_mark)) {
        bytes.remove_prefix(utf8_mark.size());
    } else if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) {
        return true;  // UTF-16 is no container that we know
    }
    bytes = trim_blanks(bytes);
    return !bytes.empty() && (bytes.front() == '{' || bytes.front() == '[');
}

JsonSource::JsonSource(std::string_view bytes, const ReadLimits& limits) : limits_(limits), rest_(bytes) {
    if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) {
        owned_ = utf8_from_utf16(bytes.substr(2), bytes.front() == '\xfe');
        rest_ = owned_;
        deviations_.add(deviation::utf16, "the text is UTF-16, not UTF-8");
    } else if (const auto order = utf16_without_mark(bytes)) {
        owned_ = utf8_from_utf16(bytes, *order == Utf16::big_endian);
        rest_ = owned_;
        deviations_.add(deviation::utf16, "the text is UTF-16 without a byte-order mark, not UTF-8");
    } else if (bytes.starts_with(utf8_mark)) {
        rest_.remove_prefix(utf8_mark.size());
        deviations_.add(deviation::byte_order_mark, "the text begins with a byte-order mark");
    }
    rest_ = trim_blanks(rest_);
    scan_bytes_left_ = starts_max * rest_.size();
}

Deviations JsonSource::take_deviations() {
    return std::exchange(deviations_, {});
}

Result<dom::element> JsonSource::parse_strictly(std::string_view text) {
    if (const auto error = parser_.allocate(std::max<std::size_t>(text.size(), 64), limits_.json_depth_max)) {
        return Error{Errc::limit_exceeded, "JSON", simdjson::error_message(error)};
    }
    dom::element root;
    if (const auto error = parser_.parse(text.data(), text.size(), true).get(root)) {
        if (error == simdjson::DEPTH_ERROR) {
            return too_deep(limits_);
        }
        return locate_json_error(text, simdjson::error_message(error));
    }
    if (auto unique = check_unique_names(root); !unique) {
        return std::move(unique).error();
    }
    return root;
}

// A JSON text whose extent is known; falls back to its repaired form.
Result<dom::element> JsonSource::parse(std::string_view text, const JsonExtent& extent,
                                       const std::optional<Error>& first_error) {
    if (extent.depth > limits_.json_depth_max) {
        return too_deep(limits_);
    }
    // What never closes is not parsed again and again: the first such text tells where it breaks off.
    if (!extent.closed && first_error) {
        return *first_error;
    }
    auto root = parse_strictly(text);
    if (root || root.error().code != Errc::invalid_input || (!extent.raw_controls && !extent.overlong_integers)) {
        return root;
    }
    repaired_ = repair_json(text);
    auto repaired_root = parse_strictly(repaired_);
    if (repaired_root && extent.raw_controls) {
        deviations_.add(deviation::control_characters, "control characters stand unescaped inside JSON strings");
    }
    return repaired_root || repaired_root.error().code != Errc::invalid_input ? repaired_root : root;
}

Result<JsonFound> JsonSource::next(const std::function<bool(dom::element)>& wanted) {
    const bool is_first = std::exchange(first_, false);
    if (rest_.empty()) {
        return no_json();
    }
    if (rest_.size() > limits_.json_bytes_max) {
        return Error{Errc::limit_exceeded, "JSON", fmt::format("larger than {} bytes", limits_.json_bytes_max)};
    }
    // The ordinary case costs one pass of the parser: the whole text is the report.
    if (is_first && rest_.front() == '{' && rest_.back() == '}') {
        const std::string_view text = rest_;
        auto root = parse_strictly(text);
        if (root && wanted(*root)) {
            rest_ = {};
            return JsonFound{*root, text};
        }
        if (root) {
            return not_a_report();
        }
        if (root.error().code != Errc::invalid_input) {
            return root.error();
        }
    }
    if (is_first && !is_valid_utf8(rest_)) {
        owned_ = to_valid_utf8(rest_);
        rest_ = owned_;
        deviations_.add(deviation::invalid_utf8, "bytes that are not UTF-8 were replaced");
        if (rest_.size() > 3 * limits_.json_bytes_max) {
            return Error{Errc::limit_exceeded, "JSON", fmt::format("larger than {} bytes", limits_.json_bytes_max)};
        }
    }

    std::optional<Error> first_error;
    bool any_json = false;
    std::size_t start = rest_.front() == '{' || rest_.front() == '[' ? 0 : find_start(rest_, 0);
    for (std::size_t tries = 0; start != std::string_view::npos && tries < starts_max; ++tries) {
        const JsonExtent extent = scan_json(rest_.substr(start));
        if (extent.bytes > scan_bytes_left_) {
            break;
        }
        scan_bytes_left_ -= extent.bytes;
        const std::string_view text = rest_.substr(start, extent.bytes);
        auto root = parse(text, extent, first_error);
        if (root && wanted(*root)) {
            if (start > 0) {
                deviations_.add(is_first ? deviation::leading_text : deviation::trailing_data,
                                fmt::format("{} bytes that are not JSON stand before the report", start));
            }
            rest_ = trim_blanks(rest_.substr(start + extent.bytes));
            return JsonFound{*root, text};
        }
        if (root) {
            any_json = true;
        } else if (!first_error) {
            first_error = root.error();
            // The report itself is refused: nothing inside it may pass for one.
            if (first_error->code != Errc::invalid_input && start == 0) {
                return *first_error;
            }
        }
        if (!root && root.error().code == Errc::refused) {
            return root.error();
        }
        // An object that is not a report may hold braces of its own: go on behind it, but inside text that is no JSON.
        start = find_start(rest_, root ? start + extent.bytes : start + 1);
    }
    if (!is_first) {
        return no_json();
    }
    const bool begins_as_json = rest_.front() == '{' || rest_.front() == '[';
    if (any_json && !(begins_as_json && first_error)) {
        return not_a_report();
    }
    return first_error && (begins_as_json || mentions_report(rest_)) ? *first_error : no_json();
}

namespace {

Result<void> duplicate(std::string_view name) {
    return Error{Errc::refused, "JSON", fmt::format("the member {} stands twice in one object", shown(name))};
}

Result<void> check_names(dom::object object) {
    std::vector<std::string_view> names;
    for (const auto member : object) {
        names.push_back(member.key);
    }
    // Reports have a handful of members an object; a hostile one may have a million.
    if (names.size() > 16) {
        std::sort(names.begin(), names.end());
        const auto at = std::adjacent_find(names.begin(), names.end());
        return at == names.end() ? Result<void>() : duplicate(*at);
    }
    for (std::size_t i = 1; i < names.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (names[i] == names[j]) {
                return duplicate(names[i]);
            }
        }
    }
    return {};
}

}  // namespace

// RFC 8460 §4 → RFC 7493: which of two equal members counts would be anybody's guess, and counts must not be guessed.
Result<void> check_unique_names(dom::element root) {
    // Recursion is bounded by the depth that the parser accepted.
    if (root.is_object()) {
        const dom::object object = object_in(root);
        if (auto names = check_names(object); !names) {
            return names;
        }
        for (const auto member : object) {
            if (auto inner = check_unique_names(member.value); !inner) {
                return inner;
            }
        }
    } else if (root.is_array()) {
        const dom::array array = array_in(root);
        for (const dom::element inner_element : array) {
            if (auto inner = check_unique_names(inner_element); !inner) {
                return inner;
            }
        }
    }
    return {};
}

}  // namespace postseal::tlsrpt
