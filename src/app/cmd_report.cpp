// postseal report show FILE...: any TLS report in any container → what it says, and how it deviates from RFC 8460.
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/cmd_report_quarantine.h"
#include "app/command.h"
#include "app/config.h"
#include "app/runtime.h"
#include "app/state_dir.h"
#include "base/text.h"
#include "base/time.h"
#include "intake/intake.h"
#include "store/store.h"
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

// postseal report import: files, folders and maildirs into the store, with the operator's trust (design rule 18).

struct ImportOptions {
    std::vector<std::string> paths;
    std::string config;
    bool as_json = false;
};

struct Imported {
    std::size_t read = 0;
    std::size_t stored = 0;
    std::size_t duplicates = 0;
    std::vector<std::pair<std::string, std::string>> rejected;  // file, error
};

// Regular files below the paths, in order of their names; a maildir's tmp/ holds unfinished mail and is left out.
Result<std::vector<std::string>> files_below(const std::vector<std::string>& paths) {
    namespace fs = std::filesystem;
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        std::error_code error;
        if (!fs::is_directory(path, error)) {
            files.push_back(path);
            continue;
        }
        const bool maildir = fs::is_directory(path + "/cur", error) && fs::is_directory(path + "/new", error);
        std::vector<std::string> found;
        fs::recursive_directory_iterator walk(path, error);
        for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
            if (maildir && walk.depth() == 0 && walk->path().filename() == "tmp") {
                walk.disable_recursion_pending();
            } else if (walk->is_regular_file(error)) {
                found.push_back(walk->path().string());
            }
        }
        if (error) {
            return Error{Errc::unavailable, path, error.message()};
        }
        std::sort(found.begin(), found.end());
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

Result<Imported> import_files(const ImportOptions& options) {
    auto config = load_config(options.config);
    if (!config) {
        return config.error().front();
    }
    POSTSEAL_TRY(const std::vector<std::string> files, files_below(options.paths));
    if (auto made = make_state_dir(config->state_dir); !made) {
        return made.error();
    }
    POSTSEAL_TRY(store::SecretBox secrets, store::SecretBox::open(config->master_key_file()));
    POSTSEAL_TRY(const auto store, store::Store::open(config->database_url(), std::move(secrets)));
    SystemClock clock;
    clock.set_offset(Seconds(config->lab.clock_offset_s));
    const std::unique_ptr<Log> log = make_log("error");
    net::WorkPool work("import", 1);
    intake::Intake intake(*store, work, clock, *log);
    const bool progress = ::isatty(STDERR_FILENO) == 1 && files.size() > 1;
    const std::size_t bytes_max = tlsrpt::ReadLimits{}.input_bytes_max;
    Imported out;
    for (const std::string& file : files) {
        if (progress) {
            fmt::print(stderr, "\r{} of {} files", out.read + 1, files.size());
        }
        ++out.read;
        const Result<Bytes> bytes = read_file(file, bytes_max);
        if (!bytes) {
            out.rejected.emplace_back(file, bytes.error().what);
            continue;
        }
        const intake::Received received = intake.import_file(*bytes, file);
        out.stored += received.stored;
        out.duplicates += received.duplicates;
        for (const Error& error : received.rejected) {
            out.rejected.emplace_back(file, error.message());
        }
    }
    if (progress) {
        fmt::print(stderr, "\n");
    }
    return out;
}

int import_reports(const ImportOptions& options) {
    const Result<Imported> imported = import_files(options);
    if (!imported) {
        complain(imported.error().message());
        return exit_usage;
    }
    if (options.as_json) {
        json::array rejected;
        for (const auto& [file, error] : imported->rejected) {
            rejected.push_back(json::object{{"file", to_valid_utf8(file)}, {"error", to_valid_utf8(error)}});
        }
        fmt::print("{}\n", json::serialize(json::object{{"read", imported->read},
                                                        {"stored", imported->stored},
                                                        {"duplicates", imported->duplicates},
                                                        {"rejected", std::move(rejected)}}));
    } else {
        fmt::print("{} files read: {} reports stored, {} known already, {} rejected\n", imported->read,
                   imported->stored, imported->duplicates, imported->rejected.size());
        for (const auto& [file, error] : imported->rejected) {
            fmt::print("  {}: {}\n", printable(file), printable(error));
        }
    }
    return imported->rejected.empty() ? exit_fine : exit_problems;
}

void add_import(CLI::App& report, int& status) {
    const auto options = std::make_shared<ImportOptions>();
    CLI::App* command = report.add_subcommand(
        "import", "Read TLS reports from files, folders and maildirs into the store; known ones are not counted again");
    command->add_option("PATH", options->paths, "Files, folders or maildirs")->required();
    command->add_option("--config", options->config, "The configuration, which says where the store is")->required();
    command->add_flag("--json", options->as_json, "Print JSON");
    command->callback([options, &status] { status = import_reports(*options); });
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
    add_import(*report, status);
    add_report_quarantine(*report, status);
}

}  // namespace postseal::app
