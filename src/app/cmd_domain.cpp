// `postseal domain …`: the hosted domains of a running server, by its REST interface.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <memory>

#include "app/api_client.h"
#include "app/cmd_domain_mx.h"
#include "app/command.h"
#include "app/json_fields.h"
#include "base/text.h"
#include "dns/name.h"
#include "mtasts/policy.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

struct Options {
    std::string domain;
    std::string mode;
    std::string override_reason;
    std::string organization;
    std::string format = "text";
    ApiTarget target;
    bool as_json = false;
};

// What the server said no to is a problem (1); that it could not be asked is 2.
int complain_about(const ApiAnswer& answer) {
    complain(answer.problem());
    if (const json::value* reasons =
            answer.body.is_object() ? answer.body.get_object().if_contains("reasons") : nullptr) {
        for (const json::value& reason : reasons->is_array() ? reasons->get_array() : json::array()) {
            if (reason.is_object()) {
                complain(fmt::format("  {}: {}", text_field(reason.get_object(), "id"),
                                     text_field(reason.get_object(), "proof")));
            }
        }
    }
    constexpr int server_error = 500;
    return answer.status >= server_error ? exit_usage : exit_problems;
}

// RFC 5890 §2.3.2.1: people read U-labels, DNS holds A-labels.
std::string heading_of(const json::object& domain) {
    const std::string name = text_field(domain, "domain");
    const std::string shown = text_field(domain, "domain_unicode");
    return shown == name || shown == "–" ? name : fmt::format("{} ({})", shown, name);
}

// Rule 4: each condition of the gate to enforce with its proof, and what enforcing would have refused.
void print_readiness(const json::object& readiness) {
    fmt::print("  readiness    {}\n", flag_field(readiness, "ready") ? "ready for enforce" : "not ready for enforce");
    for (const json::object* condition : objects_field(readiness, "conditions")) {
        const std::string status = text_field(*condition, "status");
        fmt::print("      {} {}: {}\n",
                   status == "ok"        ? "✓"
                   : status == "unknown" ? "?"
                                         : "✗",
                   text_field(*condition, "id"), text_field(*condition, "proof"));
    }
    const json::object* would = object_field(readiness, "would_refuse");
    if (would == nullptr || number_field(*would, "sessions") == 0) {
        return;
    }
    fmt::print("  enforce would have refused {} of {} sessions since {}\n", number_field(*would, "refused"),
               number_field(*would, "sessions"), text_field(*would, "since"));
    for (const json::object* cause : objects_field(*would, "causes")) {
        fmt::print("      {:>8}  {} at {}\n", number_field(*cause, "sessions"), text_field(*cause, "type"),
                   text_field(*cause, "mx_host"));
    }
    for (const json::object* sender : objects_field(*would, "senders")) {
        if (number_field(*sender, "refused") > 0) {
            fmt::print("      {:>8}  of {} by {}\n", number_field(*sender, "refused"),
                       number_field(*sender, "sessions"), text_field(*sender, "sender"));
        }
    }
}

void print_domain(const json::object& domain) {
    fmt::print("{}\n  state        {}\n  mode         {}\n  policy id    {}\n", heading_of(domain),
               text_field(domain, "state"), text_field(domain, "mode"), text_field(domain, "policy_id"));
    const json::object* certificate = object_field(domain, "certificate");
    fmt::print("  certificate  {}\n", certificate != nullptr ? "until " + text_field(*certificate, "not_after") : "–");
    if (const std::string until = text_field(domain, "cnames_until"); until != "–") {
        fmt::print("  keep the CNAMEs until {}\n", until);
    }
    if (const json::object* reports = object_field(domain, "reports")) {
        fmt::print("  reports      {} received, sessions {} ok, {} failed\n", number_field(*reports, "received"),
                   number_field(*reports, "sessions_ok"), number_field(*reports, "sessions_failed"));
    }
    if (const json::object* readiness = object_field(domain, "readiness")) {
        print_readiness(*readiness);
    }
    for (const json::object* record : objects_field(domain, "records")) {
        const bool seen = flag_field(*record, "seen");
        fmt::print("  {} {}  {}  {}\n", seen ? "✓" : "…", text_field(*record, "name"), text_field(*record, "type"),
                   text_field(*record, "value"));
        if (const std::string problem = text_field(*record, "problem"); problem != "–") {
            fmt::print("      {}\n", problem);
        }
    }
}

bool all_seen(const json::object& domain) {
    const auto records = objects_field(domain, "records");
    return std::all_of(records.begin(), records.end(),
                       [](const json::object* record) { return flag_field(*record, "seen"); });
}

// The path of a domain, or nothing after a complaint.
std::optional<std::string> path_of(const std::string& domain, std::string_view below = "") {
    const Result<dns::Name> name = dns::Name::parse(domain);
    if (!name || name->is_root()) {
        complain(fmt::format("{}: {}", printable(domain), name ? "not a domain" : name.error().message()));
        return std::nullopt;
    }
    return "/api/v1/domains/" + name->text() + std::string(below);
}

std::string with_organization(std::string path, const Options& options) {
    if (options.organization.empty()) {
        return path;
    }
    path += path.find('?') == std::string::npos ? '?' : '&';
    return path + "organization=" + percent_encode(options.organization);
}

// Calls, prints the domain that comes back, and exits by `judge`.
int call_and_print(const Options& options, const std::string& method, const std::string& path, const std::string& body,
                   const std::function<int(const json::object&)>& judge) {
    const auto answer = call_api(options.target, method, path, body);
    if (!answer) {
        complain(answer.error().message());
        return exit_usage;
    }
    constexpr int first_failure = 300;
    if (answer->status >= first_failure || !answer->body.is_object()) {
        return complain_about(*answer);
    }
    const json::object& domain = answer->body.get_object();
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(domain));
    } else {
        print_domain(domain);
    }
    return judge(domain);
}

int fine(const json::object& /*domain*/) {
    return exit_fine;
}

int add_domain(const Options& options) {
    // The server judges the name; what is no text at all does not fit into a request.
    if (!is_valid_utf8(options.domain)) {
        complain(fmt::format("domain {}: not valid UTF-8", printable(options.domain)));
        return exit_problems;
    }
    json::object body{{"domain", options.domain}};
    if (!options.organization.empty()) {
        body["organization"] = options.organization;
    }
    return call_and_print(options, "POST", "/api/v1/domains", json::serialize(body), fine);
}

int list_domains(const Options& options) {
    json::array all;
    std::string cursor;
    do {
        std::string path = with_organization("/api/v1/domains?limit=500", options);
        if (!cursor.empty()) {
            path += "&cursor=" + percent_encode(cursor);
        }
        const auto answer = call_api(options.target, "GET", path);
        if (!answer) {
            complain(answer.error().message());
            return exit_usage;
        }
        if (answer->status != 200 || !answer->body.is_object()) {
            return complain_about(*answer);
        }
        const json::object& page = answer->body.get_object();
        for (const json::object* domain : objects_field(page, "domains")) {
            all.push_back(*domain);
        }
        cursor = text_field(page, "next_cursor");
        cursor = cursor == "–" ? "" : cursor;
    } while (!cursor.empty());
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(all));
        return exit_fine;
    }
    for (const json::value& element : all) {
        const json::object& domain = element.get_object();
        fmt::print("{:<40} {:<12} {:<8} {}\n", heading_of(domain), text_field(domain, "state"),
                   text_field(domain, "mode"), text_field(domain, "policy_id"));
    }
    return exit_fine;
}

int show_records(const Options& options) {
    const auto path = path_of(options.domain);
    if (!path) {
        return exit_usage;
    }
    const auto answer = call_api(options.target, "GET", with_organization(*path, options));
    if (!answer) {
        complain(answer.error().message());
        return exit_usage;
    }
    if (answer->status != 200 || !answer->body.is_object()) {
        return complain_about(*answer);
    }
    const auto records = objects_field(answer->body.get_object(), "records");
    if (options.as_json) {
        json::array out;
        for (const json::object* record : records) {
            out.push_back(*record);
        }
        fmt::print("{}\n", json::serialize(out));
        return exit_fine;
    }
    for (const json::object* record : records) {
        fmt::print("{}. IN {} {}.\n", text_field(*record, "name"), text_field(*record, "type"),
                   text_field(*record, "value"));
    }
    return exit_fine;
}

void print_sender(const json::object& sender) {
    std::string networks;
    if (const json::value* listed = sender.if_contains("networks"); listed != nullptr && listed->is_array()) {
        for (const json::value& one : listed->get_array()) {
            networks += (networks.empty() ? "" : ", ") + std::string(one.as_string());
        }
    }
    fmt::print("    {:<28} {:>6} ×  last {}  may hold it until {}{}\n", text_field(sender, "name"),
               number_field(sender, "fetches"), text_field(sender, "last"), text_field(sender, "may_hold_until"),
               networks.empty() ? "" : "  from " + networks);
}

// Who has fetched which version, newest first.
void print_fetches(const json::object& log) {
    fmt::print("{}\n  the log is complete since {}; a policy may be held until {}\n", text_field(log, "domain"),
               text_field(log, "complete_since"), text_field(log, "held_until"));
    for (const json::object* gap : objects_field(log, "gaps")) {
        fmt::print("  missing: {} to {}\n", text_field(*gap, "since"), text_field(*gap, "until"));
    }
    for (const json::object* version : objects_field(log, "versions")) {
        const std::string until = text_field(*version, "served_until");
        fmt::print("  version {} ({}), served from {} {}, {}\n", number_field(*version, "version"),
                   text_field(*version, "mode"), text_field(*version, "served_since"),
                   until == "–" ? "on" : "to " + until,
                   flag_field(*version, "complete") ? "every fetch is known" : "some fetches may not be known");
        for (const json::object* sender : objects_field(*version, "senders")) {
            print_sender(*sender);
        }
    }
}

int show_fetches(const Options& options) {
    const auto path = path_of(options.domain, "/fetches");
    if (!path) {
        return exit_usage;
    }
    const Asked asked = ask_api(options.target, "GET", with_organization(*path, options));
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else {
        print_fetches(asked.object);
    }
    return exit_fine;
}

int change_mode(const Options& options) {
    const auto path = path_of(options.domain, "/mode");
    if (!path || !mtasts::mode_from_string(options.mode)) {
        if (path) {
            complain(printable(options.mode) + ": the mode must be enforce, testing or none");
        }
        return exit_usage;
    }
    json::object body{{"mode", options.mode}};
    if (!options.override_reason.empty()) {
        body["override_reason"] = options.override_reason;
    }
    return call_and_print(options, "PUT", with_organization(*path, options), json::serialize(body), fine);
}

int act(const Options& options, const std::string& method, std::string_view below,
        const std::function<int(const json::object&)>& judge) {
    const auto path = path_of(options.domain, below);
    return path ? call_and_print(options, method, with_organization(*path, options), "", judge) : exit_usage;
}

CLI::App* add_verb(CLI::App& parent, const std::shared_ptr<Options>& options, const char* name, const char* help) {
    CLI::App* verb = parent.add_subcommand(name, help);
    add_api_options(*verb, options->target);
    verb->add_option("--org", options->organization, "The organisation; the first one when not given");
    verb->add_flag("--json", options->as_json, "Print JSON");
    return verb;
}

}  // namespace

void add_domain(CLI::App& root, int& status) {
    CLI::App* domain = root.add_subcommand("domain", "The domains hosted here");
    domain->require_subcommand(1);
    const auto options = std::make_shared<Options>();
    const auto with_name = [&](CLI::App* verb) {
        verb->add_option("DOMAIN", options->domain, "The domain, e.g. example.com or пример.рф")->required();
        return verb;
    };
    with_name(add_verb(*domain, options, "add", "Take a domain in and print its three CNAME records"))
        ->callback([options, &status] { status = add_domain(*options); });
    add_verb(*domain, options, "list", "All domains")->callback([options, &status] {
        status = list_domains(*options);
    });
    with_name(add_verb(*domain, options, "show", "How a domain stands"))->callback([options, &status] {
        status = act(*options, "GET", "", fine);
    });
    with_name(add_verb(*domain, options, "records", "The CNAME records to publish"))->callback([options, &status] {
        status = show_records(*options);
    });
    with_name(add_verb(*domain, options, "verify", "Look at the CNAMEs afresh: exit 0 when all are seen, else 1"))
        ->callback([options, &status] {
            status = act(*options, "POST", "/verify",
                         [](const json::object& shown) { return all_seen(shown) ? exit_fine : exit_problems; });
        });
    with_name(
        add_verb(*domain, options, "fetches", "Who has fetched which version of the policy, and may still hold it"))
        ->callback([options, &status] { status = show_fetches(*options); });
    CLI::App* mode = with_name(add_verb(*domain, options, "mode", "Switch the policy's mode; no DNS change is needed"));
    mode->add_option("MODE", options->mode, "enforce, testing or none")->required();
    mode->add_option("--override", options->override_reason,
                     "Enter enforce although the domain is not ready; the reason is kept in the audit log");
    mode->callback([options, &status] { status = change_mode(*options); });
    add_domain_mx(*domain, status);
    with_name(add_verb(*domain, options, "retire", "Let a domain go, and say until when its CNAMEs must stay"))
        ->callback([options, &status] { status = act(*options, "POST", "/retire", fine); });
}

}  // namespace postseal::app
