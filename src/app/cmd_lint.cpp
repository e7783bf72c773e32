// postseal lint policy|sts-record|tlsrpt-record [FILE|-] [--mx HOST]… [--json]
//
// Judges a text offline, as a conforming sender must (RFC 8461 §3.1, §3.2; RFC 8460 §3), and says line by line what is
// wrong. Exit status: 0 valid, 1 invalid, 2 wrong use or an unreadable FILE; warnings and an --mx that does not match
// change nothing.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "app/command.h"
#include "base/problem.h"
#include "base/text.h"
#include "mtasts/policy.h"
#include "mtasts/record.h"
#include "tlsrpt/record.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

constexpr std::size_t record_file_bytes_max = 16U * 1024 * 1024;

struct LintOptions {
    std::string file = "-";
    std::vector<std::string> mx;
    std::string domain;
    bool as_json = false;
};

// What the three kinds have in common when it comes to printing.
struct Verdict {
    const char* member = "policy";  // of the JSON object
    json::value value;              // null when invalid
    std::string summary;            // of what is valid
    std::string conclusion;         // of what is not
    Problems problems;
    std::vector<std::pair<std::string, bool>> matches;
};

std::string json_of(const Verdict& verdict) {
    json::array problems;
    for (const Problem& problem : verdict.problems) {
        problems.push_back({{"line", problem.line},
                            {"severity", problem.severity == Severity::error ? "error" : "warning"},
                            {"code", problem.code},
                            {"message", problem.message},
                            {"rfc", problem.rfc.empty() ? json::value() : json::value(problem.rfc)}});
    }
    json::object matches;
    for (const auto& [host, matched] : verdict.matches) {
        matches[host] = matched;
    }
    const json::object out{{"valid", !verdict.value.is_null()},
                           {verdict.member, verdict.value},
                           {"problems", std::move(problems)},
                           {"matches", std::move(matches)}};
    return json::serialize(out);
}

void print_text(const Verdict& verdict, std::string_view file) {
    for (const Problem& problem : verdict.problems) {
        const std::string place = fmt::format("policy line {}: ", problem.line);  // FILE:LINE says it already
        const std::string_view message = problem.message;
        fmt::print("{}:{}: {}: {}{}\n", file, problem.line, problem.severity == Severity::error ? "error" : "warning",
                   message.starts_with(place) ? message.substr(place.size()) : message,
                   problem.rfc.empty() ? "" : fmt::format(" [{}]", problem.rfc));
    }
    if (verdict.value.is_null()) {
        fmt::print("{}: invalid: {}\n", file, verdict.conclusion);
    } else {
        fmt::print("{}: valid: {}\n", file, verdict.summary);
    }
    for (const auto& [host, matched] : verdict.matches) {
        fmt::print("{}: mx {} {}\n", file, printable(host), matched ? "matches" : "does not match");
    }
}

void print(Verdict verdict, const LintOptions& options, int& status) {
    std::stable_sort(verdict.problems.begin(), verdict.problems.end(),
                     [](const Problem& a, const Problem& b) { return a.line < b.line; });
    if (options.as_json) {
        fmt::print("{}\n", json_of(verdict));
    } else {
        print_text(verdict, printable(options.file));
    }
    status = verdict.value.is_null() ? exit_problems : exit_fine;
}

// An MX host as somebody types it: any case, U-labels, a final dot. Laxer than an mx pattern, as names of hosts in DNS
// are, but it must be the name of a host.
Result<dns::Name> parse_mx_host(const std::string& text) {
    POSTSEAL_TRY(auto name, dns::Name::parse(text));
    const auto labels = name.labels();
    if (name.is_root() || std::any_of(labels.begin(), labels.end(), [](std::string_view label) {
            return label.front() == '-' || label.back() == '-';
        })) {
        return invalid_input(fmt::format("name \"{}\"", printable(text, 80)), "not the name of a host");
    }
    return name;
}

json::value json_of(const mtasts::Policy& policy) {
    json::array mx;
    for (const auto& pattern : policy.mx) {
        mx.emplace_back(pattern.text());
    }
    return {{"version", "STSv1"},
            {"mode", std::string(to_string(policy.mode))},
            {"max_age", policy.max_age_s},
            {"mx", std::move(mx)}};
}

json::object json_of(const std::map<std::string, std::string>& extensions) {
    json::object out;
    for (const auto& [name, value] : extensions) {
        out[name] = value;
    }
    return out;
}

void lint_policy(const LintOptions& options, int& status) {
    Verdict verdict;
    std::vector<dns::Name> hosts;
    for (const auto& text : options.mx) {
        const auto host = parse_mx_host(text);
        if (!host) {
            complain(fmt::format("--mx: {}", host.error().message()));
            status = exit_usage;
            return;
        }
        hosts.push_back(*host);
    }
    std::optional<dns::Name> domain;
    if (!options.domain.empty()) {
        const auto name = dns::Name::parse(options.domain);
        if (!name) {
            complain(fmt::format("--domain: {}", name.error().message()));
            status = exit_usage;
            return;
        }
        domain = *name;
    }
    auto body = read_file(options.file, mtasts::policy_bytes_max);
    if (!body && body.error().code == Errc::limit_exceeded) {
        body = Bytes(mtasts::policy_bytes_max + 1);  // whatever it says: too large is what is wrong with it
    }
    if (!body) {
        complain(body.error().message());
        status = exit_usage;
        return;
    }
    auto judgement = mtasts::judge_policy(as_text(*body));
    verdict.problems = std::move(judgement.problems);
    verdict.conclusion = "senders conclude that there is no usable policy, and keep one that they have cached";
    if (const auto& policy = judgement.policy) {
        const auto advice = mtasts::lint_policy(*policy, domain);
        verdict.problems.insert(verdict.problems.end(), advice.begin(), advice.end());
        verdict.value = json_of(*policy);
        std::vector<std::string> mx;
        for (const auto& pattern : policy->mx) {
            mx.push_back(pattern.text());
        }
        verdict.summary = fmt::format("mode {}, max_age {} s, mx {}", to_string(policy->mode), policy->max_age_s,
                                      mx.empty() ? "none" : join(mx, " "));
    }
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        verdict.matches.emplace_back(options.mx[i], judgement.policy && judgement.policy->allows(hosts[i]));
    }
    print(std::move(verdict), options, status);
}

// One TXT record per line, its character-strings joined; a line ends in LF or CRLF. Blank lines stay in as empty
// records, so that the number of a record is that of its line.
std::optional<std::vector<std::string>> read_records(const LintOptions& options, int& status) {
    const auto bytes = read_file(options.file, record_file_bytes_max);
    if (!bytes) {
        complain(bytes.error().message());
        status = exit_usage;
        return std::nullopt;
    }
    std::vector<std::string> records;
    const auto lines = split(as_text(*bytes), '\n');
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto line = lines[i];
        const bool ended = i + 1 < lines.size();
        if (ended && line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        records.emplace_back(line);
    }
    return records;
}

void lint_sts_record(const LintOptions& options, int& status) {
    const auto records = read_records(options, status);
    if (!records) {
        return;
    }
    auto judgement = mtasts::judge_sts_records(*records);
    Verdict verdict;
    verdict.member = "record";
    verdict.problems = std::move(judgement.problems);
    verdict.conclusion = "senders conclude that the domain has no MTA-STS policy, and keep one that they have cached";
    if (const auto& record = judgement.record) {
        verdict.value = {{"version", "STSv1"}, {"id", record->id}, {"extensions", json_of(record->extensions)}};
        verdict.summary = fmt::format("id {}", record->id);
    }
    print(std::move(verdict), options, status);
}

void lint_tlsrpt_record(const LintOptions& options, int& status) {
    const auto records = read_records(options, status);
    if (!records) {
        return;
    }
    auto judgement = tlsrpt::judge_tlsrpt_records(*records);
    Verdict verdict;
    verdict.member = "record";
    verdict.problems = std::move(judgement.problems);
    verdict.conclusion = "senders conclude that the domain asks for no TLS reports";
    if (const auto& record = judgement.record) {
        json::array rua;
        std::vector<std::string> shown;
        for (const auto& uri : record->rua) {
            rua.emplace_back(uri.decoded);
            shown.push_back(printable(uri.decoded));
        }
        verdict.value = {{"version", "TLSRPTv1"}, {"rua", std::move(rua)}, {"extensions", json_of(record->extensions)}};
        verdict.summary = fmt::format("reports go to {}", join(shown, " "));
    }
    print(std::move(verdict), options, status);
}

using Lint = void (*)(const LintOptions&, int&);

CLI::App* add_kind(CLI::App& lint, const char* name, const char* description, const char* file,
                   const std::shared_ptr<LintOptions>& options, int& status, Lint run) {
    auto* kind = lint.add_subcommand(name, description);
    kind->add_option("FILE", options->file, file);
    kind->add_flag("--json", options->as_json, "Print one JSON object instead of lines");
    kind->footer("Exit status: 0 valid (perhaps with warnings), 1 invalid, 2 wrong use or unreadable FILE.");
    kind->callback([options, &status, run] { run(*options, status); });
    return kind;
}

}  // namespace

void add_lint(CLI::App& root, int& status) {
    auto* lint = root.add_subcommand("lint", "Judge a policy or a TXT record offline, as a conforming sender must");
    lint->require_subcommand(1);
    const auto options = std::make_shared<LintOptions>();
    constexpr const char* records =
        "One TXT record per line, character-strings joined; the lines together are the RRset. "
        "\"-\" or nothing: standard input";

    auto* policy = add_kind(*lint, "policy", "The policy file, https://mta-sts.DOMAIN/.well-known/mta-sts.txt",
                            "The policy, byte for byte as it is served. \"-\" or nothing: standard input", options,
                            status, lint_policy);
    policy->add_option("--mx", options->mx, "Does this MX host match the policy? May be repeated")
        ->type_name("HOST")
        ->allow_extra_args(false);
    policy->add_option("--domain", options->domain, "The policy domain: warns of mx patterns that are too wide for it")
        ->type_name("DOMAIN");
    add_kind(*lint, "sts-record", "The TXT records at _mta-sts.DOMAIN", records, options, status, lint_sts_record);
    add_kind(*lint, "tlsrpt-record", "The TXT records at _smtp._tls.DOMAIN", records, options, status,
             lint_tlsrpt_record);
}

}  // namespace postseal::app
