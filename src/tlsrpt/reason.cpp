#include "tlsrpt/reason.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/embedded.h"
#include "base/text.h"

namespace postseal::embedded {
EmbeddedFiles tlsrpt_data();
}

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t code_bytes_max = 2000;  // of a stranger's text that are looked at
constexpr std::array<std::string_view, 4> urgencies = {"now", "soon", "watch", "sender"};

// "expired" is in "cert expired at", not in "unexpired".
bool occurs(std::string_view text, std::string_view words) {
    for (auto at = text.find(words); at != std::string_view::npos; at = text.find(words, at + 1)) {
        const std::size_t end = at + words.size();
        if ((at == 0 || !is_alnum(text[at - 1])) && (end == text.size() || !is_alnum(text[end]))) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<std::vector<ReasonText>> parse_reason_texts(std::string_view text) {
    std::vector<ReasonText> out;
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto fields = split(line, '\t');
        constexpr std::size_t field_count = 4;
        if (fields.size() != field_count || std::ranges::any_of(fields, &std::string_view::empty) ||
            std::ranges::find(urgencies, fields[1]) == urgencies.end() || normalised_reason(fields[3]) != fields[3]) {
            return invalid_input(fmt::format("reasons.tsv line {}", number),
                                 "expected explanation, urgency, source and a normalised text");
        }
        out.push_back({std::string(fields[0]), std::string(fields[1]), std::string(fields[2]), std::string(fields[3])});
    }
    return out;
}

const std::vector<ReasonText>& reason_texts() {
    static const std::vector<ReasonText> shipped = [] {
        for (const EmbeddedFile& file : embedded::tlsrpt_data()) {
            if (file.path == "reasons.tsv") {
                auto parsed = parse_reason_texts(file.bytes);  // a test reads it: it cannot fail in what was built
                return parsed ? std::move(*parsed) : std::vector<ReasonText>();
            }
        }
        return std::vector<ReasonText>();
    }();
    return shipped;
}

std::string normalised_reason(std::string_view reason_code) {
    std::string out;
    for (const char c : reason_code.substr(0, code_bytes_max)) {
        if (is_alnum(c) || c == '.' || c == '\'' || c == '/') {
            out += to_lower(c);
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    if (out.ends_with(' ')) {
        out.pop_back();
    }
    return out;
}

const ReasonText* explain_reason(std::string_view reason_code) {
    const std::string text = normalised_reason(reason_code);
    const auto& all = reason_texts();
    const auto found = std::ranges::find_if(all, [&](const ReasonText& one) { return occurs(text, one.text); });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace postseal::tlsrpt
