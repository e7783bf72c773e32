#include "app/cmd_report_quarantine.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>
#include <string>

#include "app/api_client.h"
#include "app/command.h"
#include "app/json_fields.h"
#include "base/text.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

constexpr const char* path = "/api/v1/reports/quarantine";

struct Options {
    std::string id;
    std::string accept;
    ApiTarget api;
    bool as_json = false;
};

bool is_id(const std::string& id) {
    const bool fine = parse_decimal(id).has_value();
    if (!fine) {
        complain(printable(id) + ": not a number of a mail; see `postseal report quarantine list`");
    }
    return fine;
}

void print_line(const json::object& mail) {
    fmt::print("{:>6}  {}  {:<18} {:<24} {}{}\n        {}\n", text_field(mail, "id"), text_field(mail, "received"),
               text_field(mail, "reason"), text_field(mail, "domain"), text_field(mail, "sender"),
               number_field(mail, "arrivals") > 1 ? fmt::format("  ({} times)", number_field(mail, "arrivals")) : "",
               text_field(mail, "detail"));
}

int list(const Options& options) {
    json::array all;
    std::string cursor;
    do {
        Asked asked =
            ask_api(options.api, "GET", fmt::format("{}?limit=200{}", path, cursor.empty() ? "" : "&cursor=" + cursor));
        if (asked.status != exit_fine) {
            return asked.status;
        }
        for (const json::object* mail : objects_field(asked.object, "mails")) {
            if (options.as_json) {
                all.push_back(*mail);
            } else {
                print_line(*mail);
            }
        }
        const json::value* next = asked.object.if_contains("next_cursor");
        cursor = next != nullptr && next->is_string() ? std::string(next->get_string()) : "";
    } while (!cursor.empty());
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(all));
    }
    return exit_fine;
}

int show(const Options& options) {
    if (!is_id(options.id)) {
        return exit_usage;
    }
    const Asked asked = ask_api(options.api, "GET", fmt::format("{}/{}", path, options.id));
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
        return exit_fine;
    }
    for (const char* field : {"reason", "detail", "domain", "sender", "subject", "source", "via", "received",
                              "last_received", "arrivals", "raw_bytes"}) {
        const bool is_number = asked.object.contains(field) && asked.object.at(field).is_int64();
        fmt::print("{:<14} {}\n", field,
                   is_number ? std::to_string(number_field(asked.object, field)) : text_field(asked.object, field));
    }
    return exit_fine;
}

int retry(const Options& options) {
    if (!is_id(options.id)) {
        return exit_usage;
    }
    const json::object body = options.accept.empty() ? json::object() : json::object{{"accept", options.accept}};
    const Asked asked =
        ask_api(options.api, "POST", fmt::format("{}/{}/retry", path, options.id), json::serialize(body));
    if (asked.status != exit_fine) {
        return asked.status;
    }
    const json::value* counted = asked.object.if_contains("counted");
    const bool counts = counted != nullptr && counted->is_bool() && counted->get_bool();
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else if (counts) {
        fmt::print("{} reports stored, {} known already\n", number_field(asked.object, "stored"),
                   number_field(asked.object, "duplicates"));
    } else {
        fmt::print("still not counted: {}: {}\n", text_field(asked.object, "reason"),
                   text_field(asked.object, "detail"));
    }
    return counts ? exit_fine : exit_problems;
}

int drop(const Options& options) {
    return is_id(options.id) ? ask_api(options.api, "DELETE", fmt::format("{}/{}", path, options.id)).status
                             : exit_usage;
}

}  // namespace

void add_report_quarantine(CLI::App& report, int& status) {
    CLI::App* quarantine = report.add_subcommand(
        "quarantine", "What came by mail and does not count: no report, unsigned, odd figures; kept with the reason");
    quarantine->require_subcommand(1);
    const auto add = [&](const char* name, const char* what, int (*run)(const Options&)) {
        const auto options = std::make_shared<Options>();
        CLI::App* command = quarantine->add_subcommand(name, what);
        if (run != list) {
            command->add_option("ID", options->id, "As `list` shows it")->required();
        }
        if (run == retry) {
            command->add_option("--accept", options->accept,
                                "Count it on your word, whatever its signature and figures; the reason is kept");
        }
        if (run != drop) {
            command->add_flag("--json", options->as_json, "Print JSON");
        }
        add_api_options(*command, options->api);
        command->callback([options, run, &status] { status = run(*options); });
    };
    add("list", "All of them, newest first", list);
    add("show", "One, with its reason", show);
    add("retry", "Read it again by the same rules; exit 1 when it still does not count", retry);
    add("drop", "Forget it for good", drop);
}

}  // namespace postseal::app
