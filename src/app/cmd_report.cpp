// postseal report show FILE...: any TLS report in any container → what it says, and how it deviates from RFC 8460.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "base/text.h"
#include "base/time.h"
#include "tlsrpt/read.h"
#include "tlsrpt/report.h"

namespace postseal::app {

namespace {

namespace json = boost::json;
using tlsrpt::FailureDetail;
using tlsrpt::PolicyResult;
using tlsrpt::ReadReport;
using tlsrpt::Report;

json::value or_null(const std::optional<std::string>& text) {
    return text ? json::value(to_valid_utf8(*text)) : json::value(nullptr);
}
json::value or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(to_valid_utf8(text));
}
json::value or_null(const std::optional<TimePoint>& time) {
    return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}
json::array list(const std::vector<std::string>& texts) {
    json::array array;
    for (const std::string& text : texts) {
        array.emplace_back(to_valid_utf8(text));
    }
    return array;
}

json::object to_json(const FailureDetail& failure) {
    return {{"type", or_null(failure.result_type)},
            {"sending_mta_ip", or_null(failure.sending_mta_ip)},
            {"receiving_mx_hostname", or_null(failure.receiving_mx_hostname)},
            {"receiving_mx_helo", or_null(failure.receiving_mx_helo)},
            {"receiving_ip", or_null(failure.receiving_ip)},
            {"sessions", failure.sessions},
            {"additional_information", or_null(failure.additional_information)},
            {"reason_code", or_null(failure.reason_code)}};
}

json::object to_json(const PolicyResult& policy) {
    json::array failures;
    for (const FailureDetail& failure : policy.failures) {
        failures.push_back(to_json(failure));
    }
    return {{"type", or_null(policy.policy_type)},    {"domain", or_null(policy.policy_domain)},
            {"strings", list(policy.policy_strings)}, {"mx_hosts", list(policy.mx_hosts)},
            {"successful", policy.successful},        {"failed", policy.failed},
            {"failures", std::move(failures)}};
}

json::object to_json(const Report& report) {
    json::array policies;
    for (const PolicyResult& policy : report.policies) {
        policies.push_back(to_json(policy));
    }
    return {{"organization_name", or_null(report.organization_name)},
            {"contact_info", or_null(report.contact_info)},
            {"report_id", or_null(report.report_id)},
            {"begin", or_null(report.begin)},
            {"end", or_null(report.end)},
            {"policies", std::move(policies)}};
}

json::object to_json(const std::string& file, const ReadReport& read) {
    json::array deviations;
    for (const auto& deviation : read.deviations) {
        deviations.push_back({{"code", deviation.code}, {"message", to_valid_utf8(deviation.message)}});
    }
    return {{"file", to_valid_utf8(file)},
            {"ok", read.report.has_value()},
            {"error", read.report ? json::value(nullptr) : json::value(to_valid_utf8(read.report.error().message()))},
            {"deviations", std::move(deviations)},
            {"report", read.report ? json::value(to_json(*read.report)) : json::value(nullptr)}};
}

std::string shown(const std::optional<std::string>& text, std::string_view absent) {
    return text ? printable(*text) : std::string(absent);
}
std::string shown(const std::optional<TimePoint>& time) {
    return time ? to_rfc3339(*time) : std::string("?");
}

void print(const FailureDetail& failure) {
    fmt::print("    {} × {}", failure.sessions,
               failure.result_type.empty() ? "(no result type)" : printable(failure.result_type));
    if (failure.receiving_mx_hostname) {
        fmt::print(" at {}", printable(*failure.receiving_mx_hostname));
    }
    if (failure.receiving_ip) {
        fmt::print(" [{}]", printable(*failure.receiving_ip));
    }
    if (failure.receiving_mx_helo && failure.receiving_mx_helo != failure.receiving_mx_hostname) {
        fmt::print(" (calls itself {})", printable(*failure.receiving_mx_helo));
    }
    if (failure.sending_mta_ip) {
        fmt::print(" from {}", printable(*failure.sending_mta_ip));
    }
    if (failure.reason_code) {
        fmt::print(": {}", printable(*failure.reason_code));
    }
    fmt::print("\n");
    if (failure.additional_information) {
        fmt::print("      {}\n", printable(*failure.additional_information));
    }
}

void print(const Report& report) {
    fmt::print("  from       {} ({})\n", shown(report.organization_name, "?"),
               shown(report.contact_info, "no contact"));
    fmt::print("  report id  {}\n", shown(report.report_id, "none"));
    fmt::print("  period     {} to {}\n", shown(report.begin), shown(report.end));
    for (const PolicyResult& policy : report.policies) {
        fmt::print("  {} {}: {} sessions succeeded, {} failed\n",
                   policy.policy_type.empty() ? "(no policy type)" : printable(policy.policy_type),
                   shown(policy.policy_domain, "(no domain)"), policy.successful, policy.failed);
        for (const std::string& text : policy.policy_strings) {
            fmt::print("    | {}\n", printable(text));
        }
        if (!policy.mx_hosts.empty()) {
            fmt::print("    mx hosts: {}\n", printable(join(policy.mx_hosts, ", ")));
        }
        for (const FailureDetail& failure : policy.failures) {
            print(failure);
        }
    }
}

void print(const std::string& file, const ReadReport& read) {
    fmt::print("{}\n", printable(file));
    if (read.report) {
        print(*read.report);
    } else {
        fmt::print("  error: {}\n", printable(read.report.error().message()));
    }
    for (const auto& deviation : read.deviations) {
        fmt::print("  deviation {}: {}\n", deviation.code, printable(deviation.message));
    }
}

struct ShowOptions {
    std::vector<std::string> files;
    bool as_json = false;
};

// Reports are printed as they are read: thousands of files need not be in memory together.
int show(const ShowOptions& options) {
    const tlsrpt::ReadLimits limits;
    bool any_opened = false;
    bool all_ok = true;
    bool first = true;
    const auto put = [&](const std::string& file, const ReadReport& read) {
        all_ok = all_ok && read.report.has_value();
        if (options.as_json) {
            fmt::print("{}{}", first ? "[\n" : ",\n", json::serialize(to_json(file, read)));
        } else {
            fmt::print("{}", first ? "" : "\n");
            print(file, read);
        }
        first = false;
    };
    for (const std::string& file : options.files) {
        const auto bytes = read_file(file, limits.input_bytes_max);
        if (!bytes) {
            any_opened = any_opened || bytes.error().code == Errc::limit_exceeded;
            put(file, {Error{bytes.error().code, "", bytes.error().what}, {}, {}});
            continue;
        }
        any_opened = true;
        for (const ReadReport& read : tlsrpt::read_input(*bytes, file == "-" ? "" : file, limits).reports) {
            put(file, read);
        }
    }
    if (options.as_json) {
        fmt::print("\n]\n");
    }
    if (!any_opened) {
        return exit_usage;
    }
    return all_ok ? exit_fine : exit_problems;
}

}  // namespace

void add_report(CLI::App& root, int& status) {
    CLI::App* report = root.add_subcommand("report", "TLS reports (RFC 8460) that others sent");
    report->require_subcommand(1);

    const auto options = std::make_shared<ShowOptions>();
    CLI::App* command = report->add_subcommand(
        "show", "What TLS reports say: JSON, gzip, zip or mail, as the file's bytes show; exit 1 if one is unreadable");
    command->add_option("FILE", options->files, "Files, or - for standard input")->required();
    command->add_flag("--json", options->as_json, "An array with an element for each report found");
    command->callback([options, &status] { status = show(*options); });
}

}  // namespace postseal::app
