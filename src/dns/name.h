// A domain name in the one form in which everything compares: A-labels, ASCII lower case, no final dot (RFC 1035 §2.3,
// RFC 5890). U-labels become A-labels on the way in and U-labels again only for people.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace postseal::dns {

class Name {
public:
    Name() = default;  // the root

    // Text: letters in any case, U-labels (IDNA 2008, non-transitional), one optional final dot; "." is the root.
    // Labels of 1–63 octets of letters, digits, '-' and '_'; the whole at most 253. Anything else is an error that says
    // which label and why. No escapes (\.): names with other octets never reach Postseal's rules.
    static Result<Name> parse(std::string_view text);

    // The same without U-labels: any octet above 0x7f is an error (RFC 8461 §3.2: A-labels only).
    static Result<Name> parse_ascii(std::string_view text);

    // From an uncompressed name on the wire (RFC 1035 §3.1); takes it off the reader.
    static Result<Name> from_wire(ByteReader& reader);
    [[nodiscard]] Bytes to_wire() const;

    // "example.com"; the root is "".
    [[nodiscard]] const std::string& text() const { return text_; }
    // With the final dot, as zone files write it: "example.com."; the root is ".".
    [[nodiscard]] std::string fqdn() const { return text_ + "."; }
    // With U-labels where they are valid: "пример.рф". For people only.
    [[nodiscard]] std::string unicode() const;

    [[nodiscard]] bool is_root() const { return text_.empty(); }
    [[nodiscard]] std::size_t label_count() const;
    [[nodiscard]] std::vector<std::string_view> labels() const;  // leftmost first
    // Every label letters, digits and inner hyphens (RFC 5321 §2.3.5), not the root, not all-numeric at the end (an
    // IP).
    [[nodiscard]] bool is_hostname() const;

    [[nodiscard]] Name parent() const;  // the root's parent is the root
    // True also when equal; every name lies under the root.
    [[nodiscard]] bool is_under(const Name& ancestor) const;
    // "_mta-sts" + example.com → _mta-sts.example.com; `prefix` may hold several labels. Error when too long.
    [[nodiscard]] Result<Name> prefixed(std::string_view prefix) const;

    friend auto operator<=>(const Name&, const Name&) = default;
    friend bool operator==(const Name&, const Name&) = default;

private:
    explicit Name(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

}  // namespace postseal::dns

template <>
struct std::hash<postseal::dns::Name> {
    std::size_t operator()(const postseal::dns::Name& name) const noexcept {
        return std::hash<std::string>{}(name.text());
    }
};
