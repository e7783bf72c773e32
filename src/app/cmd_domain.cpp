// `postseal domain …`: the hosted domains of a running server, by its REST interface.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>

#include "app/api_client.h"
#include "app/cmd_domain_mx.h"
#include "app/command.h"
#include "app/json_fields.h"
#include "base/text.h"
#include "dns/name.h"
#include "hosting/record_export.h"
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
    std::string uses;
    std::string file;
    std::vector<std::string> domains;
    std::vector<std::string> rua;
    ApiTarget target;
    bool as_json = false;
    bool monitor = false;
    bool import = false;
    bool dry_run = false;
    bool all = false;
    bool no_rua = false;
    bool remove_record = false;
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
    if (const std::string lost = text_field(domain, "cnames_lost"); lost != "–") {
        fmt::print("  CNAMEs lost  since {}\n", lost);
    }
    if (const json::object* holding = object_field(domain, "holding")) {
        // Rule 4: leaving enforce is always allowed, and never at once.
        if (const std::string until = text_field(*holding, "enforce_until"); until != "–") {
            fmt::print("  enforced     senders that hold an enforced policy keep to it until {} at the latest\n",
                       until);
        }
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

// What a domain brought along, and what of it could not be kept to the letter.
void print_import(const json::object& domain) {
    const json::object* import = object_field(domain, "import");
    if (import == nullptr) {
        return;
    }
    fmt::print("  imported     mode {}, max_age {}, id {}\n", text_field(*import, "mode"),
               number_field(*import, "max_age_s"), text_field(*import, "policy_id"));
    for (const json::object* difference : objects_field(*import, "differences")) {
        fmt::print("      {}: {}\n", text_field(*difference, "code"), printable(text_field(*difference, "message")));
    }
}

void print_findings(const json::object& domain) {
    const json::object* monitored = object_field(domain, "monitored");
    if (monitored == nullptr) {
        return;
    }
    fmt::print("  looked at    {}\n", text_field(*monitored, "checked"));
    for (const json::object* finding : objects_field(*monitored, "findings")) {
        if (const std::string severity = text_field(*finding, "severity");
            severity == "error" || severity == "warning") {
            fmt::print("  {:<12} {}: {}\n", severity, printable(text_field(*finding, "subject")),
                       printable(text_field(*finding, "message")));
        }
    }
}

void print_history(const json::object& page) {
    for (const json::object* entry : objects_field(page, "entries")) {
        const json::object* actor = object_field(*entry, "actor");
        std::string what = text_field(*entry, "action");
        for (const char* part : {"from", "to"}) {
            if (const std::string text = text_field(*entry, part); text != "–") {
                what += (part[0] == 't' ? " → " : " ") + printable(text, 200);
            }
        }
        fmt::print("  {}  {}  {}\n", text_field(*entry, "at"), actor != nullptr ? text_field(*actor, "name") : "–",
                   what);
        if (const std::string reason = text_field(*entry, "reason"); reason != "–") {
            fmt::print("      {}\n", printable(reason));
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
        print_import(domain);
        print_findings(domain);
    }
    return judge(domain);
}

int fine(const json::object& /*domain*/) {
    return exit_fine;
}

int act(const Options& options, const std::string& method, std::string_view below,
        const std::function<int(const json::object&)>& judge) {
    const auto path = path_of(options.domain, below);
    return path ? call_and_print(options, method, with_organization(*path, options), "", judge) : exit_usage;
}

// What both ways of adding say of each domain; nothing after a complaint.
std::optional<json::object> wishes(const Options& options) {
    json::object body;
    if (!options.organization.empty()) {
        body["organization"] = options.organization;
    }
    if (!options.uses.empty() && options.monitor) {
        complain("--only and --monitor exclude each other");
        return std::nullopt;
    }
    if (options.monitor) {
        body["uses"] = "watch";
    } else if (!options.uses.empty()) {
        body["uses"] = options.uses;
    }
    return body;
}

int add_domain(const Options& options) {
    // The server judges the name; what is no text at all does not fit into a request.
    if (!is_valid_utf8(options.domain)) {
        complain(fmt::format("domain {}: not valid UTF-8", printable(options.domain)));
        return exit_problems;
    }
    auto body = wishes(options);
    if (!body) {
        return exit_usage;
    }
    (*body)["domain"] = options.domain;
    if (options.import) {
        (*body)["import"] = true;
    }
    if (!options.rua.empty()) {
        (*body)["rua"] = json::array(options.rua.begin(), options.rua.end());
    }
    return call_and_print(options, "POST", "/api/v1/domains", json::serialize(*body), fine);
}

std::optional<std::string> read_all(const std::string& file) {
    constexpr std::size_t file_bytes_max = std::size_t{8} << 20;
    std::ifstream opened;
    if (file != "-") {
        opened.open(file, std::ios::binary);
    }
    std::istream& in = file == "-" ? std::cin : opened;
    std::string text(file_bytes_max + 1, '\0');
    if (in) {
        in.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<std::size_t>(in.gcount()));
    }
    if ((file != "-" && !opened.is_open()) || in.bad()) {
        complain(file + ": cannot be read");
        return std::nullopt;
    }
    if (text.size() > file_bytes_max) {
        complain(file + ": longer than 8 MiB");
        return std::nullopt;
    }
    if (!is_valid_utf8(text)) {
        complain(file + ": not valid UTF-8");
        return std::nullopt;
    }
    return text;
}

void print_line(const std::string& file, const json::object& line) {
    const std::string where = fmt::format("{}:{}: ", file, number_field(line, "line"));
    const std::string result = text_field(line, "result");
    if (result == "refused") {
        complain(where + printable(text_field(line, "text")) + ": " + printable(text_field(line, "message")));
    } else {
        fmt::print("{}{} {} {}\n", where, result, text_field(line, "domain"), text_field(line, "label"));
    }
}

// A file in pieces that the server takes at once; line numbers are those of the file.
int add_file(const Options& options) {
    constexpr std::size_t lines_at_once = 200;
    constexpr std::size_t bytes_at_once = std::size_t{40} << 10;
    auto body = wishes(options);
    const auto text = body ? read_all(options.file) : std::nullopt;
    if (!text) {
        return exit_usage;
    }
    if (options.import || !options.rua.empty()) {
        complain("--import and --rua are for one domain at a time");
        return exit_usage;
    }
    (*body)["dry_run"] = options.dry_run;
    const std::vector<std::string_view> lines = split(*text, '\n');
    json::object sums{{"dry_run", options.dry_run}, {"added", 0}, {"existing", 0}, {"refused", 0}};
    json::array all;
    for (std::size_t begin = 0; begin < lines.size();) {
        std::string piece;
        std::size_t end = begin;
        while (end < lines.size() && end - begin < lines_at_once &&
               (end == begin || piece.size() + lines[end].size() < bytes_at_once)) {
            piece += std::string(lines[end++]) + "\n";
        }
        (*body)["text"] = piece;
        const Asked asked = ask_api(options.target, "POST", "/api/v1/domains/bulk", json::serialize(*body));
        if (asked.status != exit_fine) {
            complain(fmt::format("{}: lines {} to {} were not added; those before are", options.file, begin + 1, end));
            return asked.status;
        }
        for (const char* sum : {"added", "existing", "refused"}) {
            sums[sum] = sums[sum].as_int64() + number_field(asked.object, sum);
        }
        for (const json::object* line : objects_field(asked.object, "lines")) {
            json::object shown = *line;
            shown["line"] = number_field(*line, "line") + static_cast<std::int64_t>(begin);
            if (!options.as_json) {
                print_line(options.file, shown);
            }
            all.push_back(std::move(shown));
        }
        begin = end;
    }
    const std::int64_t refused = sums["refused"].as_int64();
    if (options.as_json) {
        sums["lines"] = std::move(all);
        fmt::print("{}\n", json::serialize(sums));
    } else {
        fmt::print("{} {}, {} there already, {} refused\n", sums["added"].as_int64(),
                   options.dry_run ? "would be added" : "added", sums["existing"].as_int64(), refused);
    }
    return refused == 0 ? exit_fine : exit_problems;
}

// Page by page.
int all_domains(const Options& options, std::vector<json::object>& all) {
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
    return exit_fine;
}

int list_domains(const Options& options) {
    std::vector<json::object> all;
    if (const int status = all_domains(options, all); status != exit_fine) {
        return status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(json::array(all.begin(), all.end())));
        return exit_fine;
    }
    for (const json::object& domain : all) {
        fmt::print("{:<40} {:<12} {:<8} {}\n", heading_of(domain), text_field(domain, "state"),
                   text_field(domain, "mode"), text_field(domain, "policy_id"));
    }
    return exit_fine;
}

// The names and targets that the server told, as the module that writes them wants them.
std::optional<hosting::DomainRecords> records_in(const json::object& domain) {
    const auto name = dns::Name::parse(text_field(domain, "domain"));
    if (!name) {
        return std::nullopt;
    }
    hosting::DomainRecords out{*name, {}};
    for (const json::object* record : objects_field(domain, "records")) {
        const auto owner = dns::Name::parse(text_field(*record, "name"));
        const auto target = dns::Name::parse(text_field(*record, "value"));
        const std::string purpose = text_field(*record, "purpose");
        for (const auto one : {hosting::Purpose::policy_id, hosting::Purpose::policy_host, hosting::Purpose::reports}) {
            if (owner && target && purpose == hosting::to_string(one)) {
                out.records.push_back({one, *owner, *target});
            }
        }
    }
    return out;
}

int show_records(const Options& options) {
    const auto format = hosting::record_format_from_string(options.format);
    if (!format) {
        complain(printable(options.format) + ": one of text, bind, terraform, dnscontrol, csv is asked for");
        return exit_usage;
    }
    if (options.domains.empty() != options.all) {
        complain(options.all ? "--all and a domain exclude each other" : "name a domain, or say --all");
        return exit_usage;
    }
    std::vector<json::object> shown;
    if (options.all) {
        if (const int status = all_domains(options, shown); status != exit_fine) {
            return status;
        }
    }
    for (const std::string& domain : options.domains) {
        const auto path = path_of(domain);
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
        shown.push_back(answer->body.get_object());
    }
    std::vector<hosting::DomainRecords> all;
    json::array array;
    for (const json::object& domain : shown) {
        for (const json::object* record : objects_field(domain, "records")) {
            array.push_back(*record);
        }
        if (auto records = records_in(domain)) {
            all.push_back(std::move(*records));
        }
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(array));
    } else {
        fmt::print("{}", hosting::export_records(all, *format));
    }
    return exit_fine;
}

int show_history(const Options& options) {
    const auto path = path_of(options.domain, "/history?limit=200");
    if (!path) {
        return exit_usage;
    }
    const Asked asked = ask_api(options.target, "GET", with_organization(*path, options));
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        const json::value* entries = asked.object.if_contains("entries");
        fmt::print("{}\n", json::serialize(entries != nullptr ? *entries : json::value(json::array())));
    } else {
        print_history(asked.object);
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

// The domain, and in the text the last that became of it.
int show_domain(const Options& options) {
    const int status = act(options, "GET", "", fine);
    if (status != exit_fine || options.as_json) {
        return status;
    }
    const auto path = path_of(options.domain, "/history?limit=8");
    const auto answer = path ? call_api(options.target, "GET", with_organization(*path, options)) : Error{};
    if (answer && answer->status == 200 && answer->body.is_object()) {
        fmt::print("  history\n");
        print_history(answer->body.get_object());
    }
    return status;
}

int change_rua(const Options& options) {
    const auto path = path_of(options.domain, "/rua");
    if (!path) {
        return exit_usage;
    }
    if (options.rua.empty() != options.no_rua) {
        complain(options.no_rua ? "--none and an address exclude each other" : "name an address, or say --none");
        return exit_usage;
    }
    const json::object body{{"rua", json::array(options.rua.begin(), options.rua.end())}};
    return call_and_print(options, "PUT", with_organization(*path, options), json::serialize(body), fine);
}

int change_uses(const Options& options) {
    const auto path = path_of(options.domain, "/uses");
    const json::object body{{"uses", options.uses}};
    return path ? call_and_print(options, "PUT", with_organization(*path, options), json::serialize(body), fine)
                : exit_usage;
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
    if (options.remove_record) {
        body["remove_record"] = true;
    }
    return call_and_print(options, "PUT", with_organization(*path, options), json::serialize(body), fine);
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
    CLI::App* add = add_verb(*domain, options, "add", "Take a domain in and print the CNAME records to publish");
    add->add_option("DOMAIN", options->domain, "The domain, e.g. example.com or пример.рф");
    add->add_option("--file", options->file, "Many: one domain a line, - for standard input; # begins a comment");
    add->add_flag("--dry-run", options->dry_run, "With --file: say what would become of each line, and change nothing");
    add->add_option("--only", options->uses, "mta-sts or tls-rpt: the one without the other");
    add->add_flag("--monitor", options->monitor, "The policy lives elsewhere: no CNAMEs, looked at daily");
    add->add_flag("--import", options->import,
                  "Take over the policy that the domain has now, so that nothing changes for senders");
    add->add_option("--rua", options->rua, "An address of your own for TLS reports, after ours; repeatable");
    add->callback([options, &status] {
        if (options->domain.empty() == options->file.empty()) {
            complain("name one domain, or a --file with many");
            status = exit_usage;
        } else if (!options->uses.empty() && options->uses != "mta-sts" && options->uses != "tls-rpt") {
            complain(printable(options->uses) + ": --only takes mta-sts or tls-rpt");
            status = exit_usage;
        } else {
            status = options->file.empty() ? add_domain(*options) : add_file(*options);
        }
    });
    add_verb(*domain, options, "list", "All domains")->callback([options, &status] {
        status = list_domains(*options);
    });
    with_name(add_verb(*domain, options, "show", "How a domain stands"))->callback([options, &status] {
        status = show_domain(*options);
    });
    CLI::App* records =
        add_verb(*domain, options, "records", "The CNAME records to publish, for the tool that publishes them");
    records->add_option("DOMAIN", options->domains, "One or more domains");
    records->add_flag("--all", options->all, "All domains");
    records->add_option("--format", options->format, "text, bind, terraform, dnscontrol or csv")->capture_default_str();
    records->callback([options, &status] { status = show_records(*options); });
    with_name(add_verb(*domain, options, "history", "What became of a domain: when, by whom, why"))
        ->callback([options, &status] { status = show_history(*options); });
    CLI::App* rua = with_name(add_verb(*domain, options, "rua", "Your own addresses for TLS reports, after ours"));
    rua->add_option("ADDRESS", options->rua, "mailto:, https: or a mailbox; they replace the ones before");
    rua->add_flag("--none", options->no_rua, "Ours alone");
    rua->callback([options, &status] { status = change_rua(*options); });
    CLI::App* uses = with_name(add_verb(*domain, options, "uses", "Whether MTA-STS, TLS-RPT or both are had here"));
    uses->add_option("WHAT", options->uses, "both, mta-sts or tls-rpt")->required();
    uses->callback([options, &status] { status = change_uses(*options); });
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
    mode->add_flag(
        "--remove-record", options->remove_record,
        "With none: take the record out of DNS, too. Senders that hold the policy do not learn of it by that");
    mode->callback([options, &status] { status = change_mode(*options); });
    add_domain_mx(*domain, status);
    with_name(add_verb(*domain, options, "retire", "Let a domain go, and say until when its CNAMEs must stay"))
        ->callback([options, &status] { status = act(*options, "POST", "/retire", fine); });
}

}  // namespace postseal::app
