#include "dns/name.h"

#include <fmt/format.h>
#include <idn2.h>

#include <algorithm>
#include <memory>

#include "base/text.h"

namespace postseal::dns {

namespace {

constexpr std::size_t name_text_max = 253;     // RFC 1035 §2.3.4: 255 octets on the wire
constexpr std::size_t label_max = 63;          // RFC 1035 §2.3.4
constexpr std::size_t input_bytes_max = 1024;  // 253 characters of up to four UTF-8 octets each

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_label_octet(char c) {
    return is_alnum(c) || c == '-' || c == '_';
}

Error bad_name(std::string_view name, std::string_view why) {
    return invalid_input(fmt::format("name \"{}\"", printable(name, 80)), std::string(why));
}

Error bad_label(std::string_view name, std::size_t index, std::string_view why) {
    return bad_name(name, fmt::format("label {}: {}", index + 1, why));
}

struct IdnFree {
    void operator()(void* text) const { idn2_free(text); }
};
using IdnText = std::unique_ptr<char, IdnFree>;

// UTS #46 mapping (case, width, ideographic full stops), then the rules of IDNA 2008 for every label (RFC 5891 §5).
// Non-transitional: "ß" stays a letter of its own (RFC 5894 §7.2), as browsers and registries do today.
Result<std::string> to_a_labels(std::string_view text) {
    const std::string terminated(text);
    std::uint8_t* raw = nullptr;
    const int rc = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(terminated.c_str()), &raw,
                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const IdnText out(reinterpret_cast<char*>(raw));
    if (rc != IDN2_OK) {
        return bad_name(text, fmt::format("not a valid internationalised name: {}", idn2_strerror(rc)));
    }
    return std::string(out.get());
}

}  // namespace

Result<Name> Name::parse(std::string_view text) {
    if (is_ascii(text)) {
        return parse_ascii(text);
    }
    if (text.size() > input_bytes_max) {
        return bad_name(text, "longer than 253 characters");
    }
    if (!is_valid_utf8(text)) {
        return bad_name(text, "not valid UTF-8");
    }
    if (text.find('\0') != std::string_view::npos) {  // libidn2 takes C strings and would stop reading here
        return bad_name(text, "a character other than letters, digits, '-' and '_'");
    }
    POSTSEAL_TRY(const auto ascii, to_a_labels(text));
    return parse_ascii(ascii);
}

Result<Name> Name::parse_ascii(std::string_view text) {
    if (text.empty()) {
        return invalid_input("name", "empty");
    }
    if (text == ".") {
        return Name();
    }
    const std::string_view body = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
    if (body.size() > name_text_max) {
        return bad_name(text, "longer than 253 characters");
    }
    std::size_t index = 0;
    for (const auto label : split(body, '.')) {
        if (label.empty()) {
            return bad_label(text, index, "empty");
        }
        if (label.size() > label_max) {
            return bad_label(text, index, "longer than 63 characters");
        }
        if (!is_ascii(label)) {
            return bad_label(text, index,
                             "not ASCII: an internationalised label must be written as an A-label (xn--…)");
        }
        if (!std::all_of(label.begin(), label.end(), is_label_octet)) {
            return bad_label(text, index, "a character other than letters, digits, '-' and '_'");
        }
        ++index;
    }
    return Name(to_lower(body));
}

Result<Name> Name::from_wire(ByteReader& reader) {
    std::string text;
    while (true) {
        POSTSEAL_TRY(const auto length, reader.u8());
        if (length == 0) {
            return Name(std::move(text));
        }
        if (length > label_max) {  // RFC 1035 §4.1.4: a pointer, which only a whole message can resolve
            return invalid_input("name on the wire", "a compression pointer or an unknown label type");
        }
        POSTSEAL_TRY(const auto octets, reader.take(length));
        const std::string_view label = as_text(octets);
        if (!std::all_of(label.begin(), label.end(), is_label_octet)) {
            return invalid_input(
                "name on the wire",
                fmt::format("label \"{}\": a character other than letters, digits, '-' and '_'", printable(label, 80)));
        }
        if (!text.empty()) {
            text += '.';
        }
        text += to_lower(label);
        if (text.size() > name_text_max) {
            return invalid_input("name on the wire", "longer than 255 octets");
        }
    }
}

Bytes Name::to_wire() const {
    Bytes out;
    out.reserve(text_.size() + 2);
    for (const auto label : labels()) {
        out.push_back(static_cast<std::uint8_t>(label.size()));
        const ByteView octets = as_bytes(label);
        out.insert(out.end(), octets.begin(), octets.end());
    }
    out.push_back(0);
    return out;
}

namespace {

// The U-label of an A-label, or the label itself where there is none: "xn--" before something that is not the Punycode
// of a valid U-label, or of another U-label's mapping, stays visible as what it is.
std::string to_u_label(std::string_view label) {
    if (!label.starts_with("xn--")) {
        return std::string(label);
    }
    std::string terminated(label);
    char* raw = nullptr;
    const int rc = idn2_to_unicode_8z8z(terminated.c_str(), &raw, 0);
    const IdnText decoded(raw);
    if (rc != IDN2_OK) {
        return terminated;
    }
    const auto encoded = to_a_labels(decoded.get());
    return encoded && *encoded == label ? std::string(decoded.get()) : terminated;
}

}  // namespace

std::string Name::unicode() const {
    std::vector<std::string> out;
    for (const auto label : labels()) {
        out.push_back(to_u_label(label));
    }
    return join(out, ".");
}

std::size_t Name::label_count() const {
    return is_root() ? 0 : static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '.')) + 1;
}

std::vector<std::string_view> Name::labels() const {
    return is_root() ? std::vector<std::string_view>{} : split(text_, '.');
}

bool Name::is_hostname() const {
    if (is_root()) {
        return false;
    }
    const auto parts = labels();
    const bool ldh = std::all_of(parts.begin(), parts.end(), [](std::string_view label) {
        return label.front() != '-' && label.back() != '-' && label.find('_') == std::string_view::npos;
    });
    return ldh && !std::all_of(parts.back().begin(), parts.back().end(), is_digit);
}

Name Name::parent() const {
    const auto dot = text_.find('.');
    return dot == std::string::npos ? Name() : Name(text_.substr(dot + 1));
}

bool Name::is_under(const Name& ancestor) const {
    if (ancestor.is_root() || text_ == ancestor.text_) {
        return true;
    }
    return text_.size() > ancestor.text_.size() && text_.ends_with(ancestor.text_) &&
           text_[text_.size() - ancestor.text_.size() - 1] == '.';
}

Result<Name> Name::prefixed(std::string_view prefix) const {
    if (prefix.ends_with('.')) {
        return bad_name(prefix, "a prefix ends with a label, not with a dot");
    }
    return parse_ascii(is_root() ? std::string(prefix) : fmt::format("{}.{}", prefix, text_));
}

}  // namespace postseal::dns
