#include "mtasts/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/text.h"

namespace postseal::mtasts {

namespace {

constexpr std::string_view grammar = "RFC 8461 §3.2";
constexpr std::size_t field_name_max = 32;
constexpr std::size_t max_age_digits_max = 10;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// sts-policy-ext-name = sts-policy-alphanum *31(sts-policy-alphanum / "_" / "-" / ".")
std::optional<std::string_view> name_fault(std::string_view name) {
    if (name.empty()) {
        return "no name before \":\"";
    }
    if (is_wsp(name.back())) {
        return "\":\" must follow the name without a blank";
    }
    if (!is_alnum(name.front())) {
        return "a name must begin with a letter or digit";
    }
    if (!std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; })) {
        return "a name holds only letters, digits, \"_\", \"-\" and \".\"";
    }
    if (name.size() > field_name_max) {
        return "a name longer than 32 characters";
    }
    return std::nullopt;
}

bool has_c1_control(std::string_view utf8) {
    for (std::size_t i = 0; i + 1 < utf8.size(); ++i) {
        if (utf8[i] == '\xc2' && static_cast<unsigned char>(utf8[i + 1]) < 0xa0) {
            return true;
        }
    }
    return false;
}

// The lines of a body: LF or CRLF ends one, mixed as they come, the last end is optional. A CR elsewhere stays in its
// line, where it is a fault.
std::vector<std::string_view> split_lines(std::string_view body) {
    std::vector<std::string_view> lines;
    while (!body.empty()) {
        const auto end = body.find('\n');
        auto line = body.substr(0, end);
        if (end == std::string_view::npos) {
            lines.push_back(line);
            break;
        }
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        lines.push_back(line);
        body.remove_prefix(end + 1);
    }
    return lines;
}

class Judge {
public:
    PolicyJudgement judge(std::string_view body);

private:
    struct Field {
        int line;
        std::string_view name;
        std::string_view value;
    };

    void add(Severity severity, int line, std::string code, std::string_view message);
    void error(int line, std::string code, std::string_view message) {
        add(Severity::error, line, std::move(code), message);
    }
    void warning(int line, std::string code, std::string_view message) {
        add(Severity::warning, line, std::move(code), message);
    }

    std::optional<Field> read_line(int line, std::string_view text);
    void take(const Field& field);
    void take_version(const Field& field);
    void take_mode(const Field& field);
    void take_max_age(const Field& field);
    void take_mx(const Field& field);
    void take_extension(const Field& field);
    void require_fields();

    Problems problems_;
    std::size_t errors_ = 0;
    std::size_t warnings_ = 0;
    Policy policy_;
    std::optional<Mode> mode_;
    int mode_line_ = 1;
    bool mx_seen_ = false;
    std::unordered_set<std::string> seen_;  // names of fields, but for mx
    std::unordered_set<std::string> patterns_;
};

// A body of 64 KiB can hold tens of thousands of faults. Errors and warnings have a limit each, so that neither hides
// the other.
void Judge::add(Severity severity, int line, std::string code, std::string_view message) {
    std::size_t& count = severity == Severity::error ? errors_ : warnings_;
    ++count;
    if (count <= policy_problems_max) {
        problems_.push_back(
            {line, severity, std::move(code), fmt::format("policy line {}: {}", line, message), std::string(grammar)});
    } else if (count == policy_problems_max + 1) {
        problems_.push_back({line, severity, "too-many-problems",
                             fmt::format("policy line {}: more {} than are listed here", line,
                                         severity == Severity::error ? "errors" : "warnings"),
                             ""});
    }
}

// One line as name and value, or nothing and the error told.
std::optional<Judge::Field> Judge::read_line(int line, std::string_view text) {
    if (trim_wsp(text).empty()) {
        error(line, "blank-line", "blank; the grammar has no blank lines");
        return std::nullopt;
    }
    if (text.find('\r') != std::string_view::npos) {
        error(line, "bare-cr", "a CR that no LF follows ends nothing; lines end in CRLF or LF");
        return std::nullopt;
    }
    if (is_wsp(text.front())) {
        error(line, "leading-blank", "begins with a blank; the name of a field comes first");
        return std::nullopt;
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
        error(line, "no-colon", fmt::format("\"{}\" has no \":\"; a field is \"name: value\"", printable(text, 60)));
        return std::nullopt;
    }
    const Field field{line, text.substr(0, colon), trim_wsp(text.substr(colon + 1))};
    if (const auto fault = name_fault(field.name)) {
        error(line, "field-name-invalid", fmt::format("\"{}\": {}", printable(field.name, 60), *fault));
        return std::nullopt;
    }
    const auto value_fault = [&](std::string code, std::string_view why) {
        error(line, std::move(code), fmt::format("{}: {}", field.name, why));
        // The field is there, however spoilt: it is not missing, and a later one does not take its place.
        seen_.emplace(field.name);
        mx_seen_ = mx_seen_ || field.name == "mx";
        return std::nullopt;
    };
    if (field.value.empty()) {
        return value_fault("value-empty", "no value");
    }
    if (!is_valid_utf8(field.value)) {
        return value_fault("not-utf8", "not valid UTF-8");
    }
    if (const auto* control = std::find_if(field.value.begin(), field.value.end(), is_control);
        control != field.value.end()) {
        return value_fault("control-character",
                           fmt::format("control character 0x{:02x}", static_cast<unsigned char>(*control)));
    }
    return field;
}

void Judge::take(const Field& field) {
    if (field.name == "mx") {
        return take_mx(field);
    }
    // RFC 8461 §3.2: "If any non-repeated field … is duplicated, all entries except for the first SHALL be ignored."
    if (!seen_.emplace(field.name).second) {
        return warning(field.line, "repeated-field", fmt::format("{}: repeated, only the first counts", field.name));
    }
    if (field.name == "version") {
        take_version(field);
    } else if (field.name == "mode") {
        take_mode(field);
    } else if (field.name == "max_age") {
        take_max_age(field);
    } else {
        take_extension(field);
    }
}

void Judge::take_version(const Field& field) {
    if (field.value != "STSv1") {
        error(field.line, "version-unknown",
              fmt::format("version: \"{}\" is not \"STSv1\"", printable(field.value, 60)));
    }
}

void Judge::take_mode(const Field& field) {
    mode_ = mode_from_string(field.value);
    mode_line_ = field.line;
    if (!mode_) {
        error(
            field.line, "mode-unknown",
            fmt::format("mode: \"{}\" is none of enforce, testing, none (in lower case)", printable(field.value, 60)));
    }
}

void Judge::take_max_age(const Field& field) {
    const auto value = parse_decimal(field.value);
    if (!std::all_of(field.value.begin(), field.value.end(), is_digit)) {
        error(field.line, "max-age-not-a-number",
              fmt::format("max_age: \"{}\" is not a number of seconds in decimal digits", printable(field.value, 60)));
    } else if (field.value.size() > max_age_digits_max || !value) {
        error(field.line, "max-age-too-long",
              fmt::format("max_age: {} digits, at most 10 are allowed", field.value.size()));
    } else if (*value > max_age_max_s) {
        // EID 7282: the grammar admits more than the prose. A policy with it is no worse meant, so it is not lost.
        policy_.max_age_s = max_age_max_s;
        warning(field.line, "max-age-clamped",
                fmt::format("max_age: {} is over the maximum, senders keep the policy for {} at most", *value,
                            max_age_max_s));
    } else {
        policy_.max_age_s = static_cast<std::uint32_t>(*value);
    }
}

void Judge::take_mx(const Field& field) {
    mx_seen_ = true;
    auto pattern = MxPattern::parse(field.value);
    if (!pattern) {
        return error(field.line, "mx-invalid", pattern.error().message());
    }
    if (field.value.ends_with('.')) {
        warning(field.line, "mx-trailing-dot",
                fmt::format("mx: \"{}\" ends in a dot, which the grammar does not have; read without it", field.value));
    }
    if (!pattern->can_match()) {
        warning(
            field.line, "mx-never-matches",
            fmt::format("mx: \"{}\" fits the grammar but is the name of no host and never matches", pattern->text()));
    }
    if (!patterns_.insert(pattern->text()).second) {
        return warning(field.line, "mx-repeated", fmt::format("mx: \"{}\" stands here twice", pattern->text()));
    }
    policy_.mx.push_back(std::move(*pattern));
}

void Judge::take_extension(const Field& field) {
    if (has_c1_control(field.value)) {
        warning(field.line, "c1-control-character",
                fmt::format("{}: the value holds a C1 control character", field.name));
    }
    const std::array<std::string_view, 4> known{"version", "mode", "max_age", "mx"};
    const bool misspelt =
        std::any_of(known.begin(), known.end(), [&](std::string_view name) { return iequals(name, field.name); });
    warning(field.line, "unknown-field",
            fmt::format("{}: unknown to RFC 8461 and ignored{}", field.name,
                        misspelt ? "; names of fields are case-sensitive" : ""));
}

void Judge::require_fields() {
    for (const auto& [name, code] : {std::pair("version", "version-missing"), std::pair("mode", "mode-missing"),
                                     std::pair("max_age", "max-age-missing")}) {
        if (!seen_.contains(name)) {
            error(1, code, fmt::format("no {} field, which is mandatory", name));
        }
    }
    if (!mode_ || *mode_ == Mode::none) {
        return;
    }
    if (!mx_seen_) {
        error(mode_line_, "mx-missing", fmt::format("mode: {} needs at least one mx field", to_string(*mode_)));
    } else if (*mode_ == Mode::enforce && errors_ == 0 &&
               std::none_of(policy_.mx.begin(), policy_.mx.end(), [](const auto& p) { return p.can_match(); })) {
        warning(mode_line_, "enforce-matches-nothing",
                "mode: enforce, but no mx can match the name of any host: senders defer all mail to this domain");
    }
}

PolicyJudgement Judge::judge(std::string_view body) {
    if (body.size() > policy_bytes_max) {
        problems_.push_back({1, Severity::error, "policy-too-large",
                             fmt::format("the policy has more than {} bytes; senders take no more", policy_bytes_max),
                             "RFC 8461 §3.3"});
        return {std::nullopt, std::move(problems_)};
    }
    if (body.starts_with(byte_order_mark)) {
        error(1, "byte-order-mark", "begins with a byte order mark, which the grammar does not have");
        body.remove_prefix(byte_order_mark.size());
    }
    auto lines = split_lines(body);
    const std::size_t count = lines.size();
    while (!lines.empty() && trim_wsp(lines.back()).empty()) {
        lines.pop_back();
    }
    if (lines.empty()) {
        error(1, "policy-empty", "the policy is empty");
        return {std::nullopt, std::move(problems_)};
    }
    int number = 0;
    for (const auto line : lines) {
        if (const auto field = read_line(++number, line)) {
            take(*field);
        }
    }
    if (lines.size() < count) {
        warning(number + 1, "blank-line-at-end", "blank; the grammar has no blank lines, and some senders refuse them");
    }
    require_fields();
    if (errors_ > 0) {
        return {std::nullopt, std::move(problems_)};
    }
    policy_.mode = *mode_;
    policy_.lines.assign(lines.begin(), lines.end());
    return {std::move(policy_), std::move(problems_)};
}

}  // namespace

std::string_view to_string(Mode mode) {
    switch (mode) {
        case Mode::enforce:
            return "enforce";
        case Mode::testing:
            return "testing";
        case Mode::none:
            break;
    }
    return "none";
}

std::optional<Mode> mode_from_string(std::string_view text) {
    for (const Mode mode : {Mode::enforce, Mode::testing, Mode::none}) {
        if (text == to_string(mode)) {
            return mode;
        }
    }
    return std::nullopt;
}

PolicyJudgement judge_policy(std::string_view body) {
    return Judge().judge(body);
}

Result<std::string> format_policy(const PolicyText& policy) {
    // RFC 8461 §3.2: maximum, and a host for every mode that speaks of hosts.
    if (policy.max_age_s > max_age_max_s) {
        return invalid_input("max_age", fmt::format("{} is over the maximum of {}", policy.max_age_s, max_age_max_s));
    }
    if (policy.mx.empty() && policy.mode != Mode::none) {
        return invalid_input("mx", fmt::format("mode {} needs at least one mx", to_string(policy.mode)));
    }
    std::string body = fmt::format("version: STSv1\r\nmode: {}\r\n", to_string(policy.mode));
    for (const MxPattern& pattern : policy.mx) {
        body += fmt::format("mx: {}\r\n", pattern.text());
    }
    body += fmt::format("max_age: {}\r\n", policy.max_age_s);
    if (body.size() > policy_bytes_max) {  // RFC 8461 §3.3
        return Error{
            Errc::limit_exceeded, "mx",
            fmt::format("the policy would have {} bytes, senders take at most {}", body.size(), policy_bytes_max)};
    }
    return body;
}

}  // namespace postseal::mtasts
