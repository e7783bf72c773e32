#include "hosting/bulk_add.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "hosting/hosting.h"

namespace postseal::hosting {

namespace {

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (true) {
        const std::size_t begin = line.find_first_not_of(" \t,;\r");
        if (begin == std::string_view::npos) {
            return words;
        }
        line.remove_prefix(begin);
        words.push_back(line.substr(0, line.find_first_of(" \t,;\r")));
        line.remove_prefix(words.back().size());
    }
}

void refuse(BulkLine& line, std::string_view code, std::string sentence) {
    line.problem_code = code;
    line.problem = std::move(sentence);
}

BulkLine read_line(const std::vector<std::string_view>& words, store::Uses uses, const dns::Name& zone) {
    BulkLine line;
    line.text = printable(words[0], 300);
    line.uses = uses;
    if (words.size() > 2) {
        refuse(line, "too-many-words", "a domain and what it uses are asked for, one domain a line");
        return line;
    }
    if (words.size() == 2) {
        const auto said = store::uses_from_string(to_lower(words[1]));
        if (!said) {
            refuse(line, "unknown-word",
                   fmt::format("{}: one of both, mta-sts, tls-rpt, watch is asked for", printable(words[1], 100)));
            return line;
        }
        line.uses = *said;
    }
    const auto name = hostable_name(words[0], zone);
    if (!name) {
        refuse(line, hostable_problem(words[0], zone), name.error().what);
        return line;
    }
    line.name = *name;
    return line;
}

}  // namespace

std::string_view hostable_problem(std::string_view text, const dns::Name& zone) {
    const auto name = dns::Name::parse(trim_wsp(text));
    if (!name || !name->is_hostname()) {
        return "invalid-name";
    }
    if (name->text().size() > domain_length_max) {
        return "too-long";
    }
    return name->is_under(zone) ? "in-zone" : "public-suffix";
}

Result<std::vector<BulkLine>> read_bulk(std::string_view text, store::Uses uses, const dns::Name& zone) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    std::vector<BulkLine> lines;
    std::map<dns::Name, std::size_t> first;
    std::size_t number = 0;
    for (const std::string_view whole : split(text, '\n')) {
        ++number;
        if (whole.size() > bulk_line_bytes_max) {
            return Error{Errc::limit_exceeded, fmt::format("line {}", number),
                         fmt::format("longer than {} characters", bulk_line_bytes_max)};
        }
        const std::vector<std::string_view> words = words_of(whole.substr(0, whole.find('#')));
        if (words.empty() || (number == 1 && iequals(words[0], "domain"))) {
            continue;
        }
        if (lines.size() == bulk_lines_max) {
            return Error{Errc::limit_exceeded, fmt::format("line {}", number),
                         fmt::format("at most {} domains at once", bulk_lines_max)};
        }
        BulkLine line = read_line(words, uses, zone);
        line.line = number;
        if (line.problem_code.empty()) {
            const auto [known, is_new] = first.emplace(line.name, number);
            if (!is_new) {
                refuse(line, "duplicate", fmt::format("the same domain stands on line {}", known->second));
                line.name = dns::Name();
            }
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace postseal::hosting
