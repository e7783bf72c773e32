#include "hosting/caa.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace postseal::hosting {

namespace {

constexpr std::uint8_t critical_flag = 0x80;
constexpr std::size_t value_bytes_max = 4096;

bool is_tag(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_alnum);
}

bool is_parameter_value(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7e && c != ';'; });
}

// Labels of letters, digits and inner hyphens (RFC 8659 §4.2: issuer-domain-name).
bool is_issuer_name(std::string_view text) {
    const auto parts = split(text, '.');
    return std::ranges::all_of(parts, [](std::string_view label) {
        return !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
               std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
    });
}

std::vector<std::string_view> values_of(const CaaIssueValue& value, std::string_view tag) {
    std::vector<std::string_view> found;
    for (const auto& [name, content] : value.parameters) {
        if (name == tag) {
            found.push_back(content);
        }
    }
    return found;
}

// Why this one property does not authorize the request; empty when it does.
std::string objection(const CaaIssueValue& value, const CaaRequest& request) {
    if (value.issuer.empty()) {
        return "it lets no CA issue (\";\")";
    }
    if (!iequals(value.issuer, request.issuer)) {
        return fmt::format("it names {} instead of {}", printable(value.issuer, 100), request.issuer);
    }
    // RFC 8657 §3: an account other than the one named, or more than one parameter, is not authorized.
    if (const auto accounts = values_of(value, "accounturi"); !accounts.empty()) {
        if (accounts.size() > 1) {
            return "it has more than one accounturi, which nobody can satisfy";
        }
        if (!request.account_uri || *request.account_uri != accounts.front()) {
            return fmt::format("its accounturi is {}, ours is {}", printable(accounts.front(), 200),
                               request.account_uri.value_or("not there yet"));
        }
    }
    // RFC 8657 §4
    if (const auto methods = values_of(value, "validationmethods"); !methods.empty()) {
        if (methods.size() > 1) {
            return "it has more than one validationmethods, which nobody can satisfy";
        }
        const auto listed = split(methods.front(), ',');
        if (std::ranges::find(listed, request.method) == listed.end()) {
            return fmt::format("its validationmethods {} do not include {}", printable(methods.front(), 100),
                               request.method);
        }
    }
    return {};
}

}  // namespace

std::optional<CaaIssueValue> parse_caa_issue_value(std::string_view value) {
    if (value.size() > value_bytes_max) {
        return std::nullopt;
    }
    CaaIssueValue out;
    const std::size_t first = value.find(';');
    const std::string_view issuer = trim_wsp(value.substr(0, first));
    if (!issuer.empty() && !is_issuer_name(issuer)) {
        return std::nullopt;
    }
    out.issuer = to_lower(issuer);
    if (first == std::string_view::npos || trim_wsp(value.substr(first + 1)).empty()) {
        return out;
    }
    // RFC 8659 §4.2: parameters stand between semicolons; none of them may be empty, and none follows the last one.
    for (const std::string_view part : split(value.substr(first + 1), ';')) {
        const std::string_view parameter = trim_wsp(part);
        const std::size_t equals = parameter.find('=');
        const std::string_view tag = trim_wsp(parameter.substr(0, equals));
        const std::string_view content =
            equals == std::string_view::npos ? std::string_view() : trim_wsp(parameter.substr(equals + 1));
        if (equals == std::string_view::npos || !is_tag(tag) || !is_parameter_value(content)) {
            return std::nullopt;
        }
        out.parameters.emplace_back(to_lower(tag), content);
    }
    return out;
}

CaaJudgement judge_caa(const std::vector<dns::CaaData>& set, const CaaRequest& request) {
    std::string why;
    bool restricted = false;
    for (const dns::CaaData& record : set) {
        const std::string tag = to_lower(record.tag);
        if (tag == "issue") {
            restricted = true;
            const auto value = parse_caa_issue_value(record.value);
            const std::string against =
                value ? objection(*value, request) : "its value is malformed, so it lets no CA issue";
            if (against.empty()) {
                why.clear();
                restricted = false;
                break;
            }
            why += fmt::format("{}issue \"{}\": {}", why.empty() ? "" : "; ", printable(record.value, 200), against);
        }
    }
    // RFC 8659 §4.5: a property marked critical that a CA does not understand forbids everything, whatever else says.
    for (const dns::CaaData& record : set) {
        const std::string tag = to_lower(record.tag);
        if ((record.flags & critical_flag) != 0 && tag != "issue" && tag != "issuewild" && tag != "iodef") {
            return {false, fmt::format("the property \"{}\" is marked critical, and no CA may issue beside it",
                                       printable(record.tag, 40))};
        }
    }
    return {!restricted, restricted ? why : std::string()};
}

}  // namespace postseal::hosting
