#include "app/cmd_domain_mx.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/api_client.h"
#include "app/command.h"
#include "app/json_fields.h"
#include "base/text.h"
#include "dns/name.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

struct Options {
    std::string domain;
    std::string organization;
    ApiTarget target;
    bool as_json = false;
    bool follow = false;
    bool fixed = false;
    std::vector<std::string> approve;
    std::vector<std::string> withdraw;
    std::vector<std::string> set;
    std::vector<std::string> check;
    std::string promote;
};

std::string list_field(const json::object& object, std::string_view key) {
    std::vector<std::string> texts;
    if (const json::value* list = object.if_contains(key); list != nullptr && list->is_array()) {
        for (const json::value& one : list->get_array()) {
            texts.push_back(one.is_string() ? printable(std::string_view(one.get_string()), 260) : "–");
        }
    }
    return texts.empty() ? "–" : join(texts, ", ");
}

void print_findings(const json::object& answer) {
    for (const json::object* finding : objects_field(answer, "findings")) {
        fmt::print("  {}: {}\n", text_field(*finding, "severity"), text_field(*finding, "message"));
        if (const std::string fix = list_field(*finding, "fix"); fix != "–") {
            fmt::print("      better: {}\n", fix);
        }
    }
}

void print_host(const json::object& host) {
    const json::object* certificate = object_field(host, "certificate");
    const json::value* inside = host.if_contains("in_policy");
    fmt::print("  {} {}  {}  {}  DANE {}{}\n", number_field(host, "preference"), text_field(host, "host"),
               text_field(host, "tls_version"),
               certificate != nullptr ? "certificate until " + text_field(*certificate, "not_after")
                                      : std::string("no certificate seen"),
               text_field(host, "dane"),
               inside != nullptr && *inside == json::value(false) ? "  NOT IN THE POLICY" : "");
    for (const json::object* address : objects_field(host, "addresses")) {
        const std::string problem = text_field(*address, "problem");
        fmt::print("      {}  {}\n", text_field(*address, "address"), problem == "–" ? "clean" : problem);
    }
    if (objects_field(host, "addresses").empty()) {
        if (const std::string problem = text_field(host, "problem"); problem != "–") {
            fmt::print("      {}\n", problem);
        }
    }
}

void print_standing(const json::object& standing) {
    fmt::print("{}\n", text_field(standing, "domain"));
    if (const json::object* setting = object_field(standing, "setting")) {
        const json::value* days = setting->if_contains("promote_after_days");
        fmt::print("  mx           {}; approved: {}\n", text_field(*setting, "following"),
                   list_field(*setting, "approved"));
        fmt::print("  promotion    {}\n",
                   days != nullptr && days->is_int64()
                       ? fmt::format("to enforce after {} days in which every condition is met", days->get_int64())
                       : std::string("by hand"));
    }
    fmt::print("  policy       {}\n  MX records   {}, looked at {}\n", list_field(standing, "policy_mx"),
               text_field(standing, "dnssec"), text_field(standing, "looked"));
    for (const json::object* host : objects_field(standing, "hosts")) {
        print_host(*host);
    }
    for (const json::object* fresh : objects_field(standing, "new_hosts")) {
        fmt::print("  new: {}\n", text_field(*fresh, "reason"));
    }
    for (const json::object* unneeded : objects_field(standing, "unneeded")) {
        fmt::print("  no host needs {} since {}{}\n", text_field(*unneeded, "pattern"), text_field(*unneeded, "since"),
                   flag_field(*unneeded, "propose_removal") ? ": take it out if the host is gone for good" : "");
    }
    for (const json::object* provider : objects_field(standing, "providers")) {
        fmt::print("  provider     {} ({}): {}", text_field(*provider, "name"), text_field(*provider, "id"),
                   list_field(*provider, "patterns"));
        const std::string wildcards = list_field(*provider, "wildcards");
        fmt::print("{}\n",
                   wildcards == "–" ? "" : "; fine, too, since every host there is the provider's: " + wildcards);
    }
    print_findings(standing);
}

std::optional<std::string> path_of(const Options& options, std::string_view below) {
    const Result<dns::Name> name = dns::Name::parse(options.domain);
    if (!name || name->is_root()) {
        complain(fmt::format("{}: {}", printable(options.domain), name ? "not a domain" : name.error().message()));
        return std::nullopt;
    }
    const std::string path = "/api/v1/domains/" + name->text() + std::string(below);
    return options.organization.empty() ? path : path + "?organization=" + percent_encode(options.organization);
}

json::array array_of(const std::vector<std::string>& texts) {
    json::array out;
    for (const std::string& text : texts) {
        out.emplace_back(text);
    }
    return out;
}

// Asks; the exit status unless all went well.
std::optional<int> ask(const Options& options, const std::string& method, std::string_view below,
                       const json::object& body, json::object& answer) {
    const auto path = path_of(options, below);
    if (!path) {
        return exit_usage;
    }
    Asked asked = ask_api(options.target, method, *path, method == "GET" ? "" : json::serialize(body));
    if (asked.status != exit_fine) {
        return asked.status;
    }
    answer = std::move(asked.object);
    return std::nullopt;
}

// nothing: not given; the number of days, 0 for "off".
std::optional<std::int64_t> promote_days(const std::string& text) {
    if (text == "off") {
        return 0;
    }
    const auto number = parse_decimal(text);
    return number && *number >= 1 && *number <= 365 ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

int run(const Options& options) {
    json::object answer;
    if (!options.check.empty()) {
        if (const auto failed = ask(options, "POST", "/policy-mx/check", {{"mx", array_of(options.check)}}, answer)) {
            return *failed;
        }
        if (options.as_json) {
            fmt::print("{}\n", json::serialize(answer));
        } else if (objects_field(answer, "findings").empty()) {
            fmt::print("nothing is wrong with these patterns\n");
        } else {
            print_findings(answer);
        }
        return exit_fine;
    }
    if (!options.set.empty()) {
        if (const auto failed = ask(options, "PUT", "/policy-mx", {{"mx", array_of(options.set)}}, answer)) {
            return *failed;
        }
    }
    json::object change;
    if (options.follow || options.fixed) {
        change["following"] = options.fixed ? "fixed" : "auto";
    }
    if (!options.approve.empty()) {
        change["approve"] = array_of(options.approve);
    }
    if (!options.withdraw.empty()) {
        change["withdraw"] = array_of(options.withdraw);
    }
    if (!options.promote.empty()) {
        const auto days = promote_days(options.promote);
        if (!days) {
            complain(printable(options.promote, 100) + ": --promote-after wants 1 to 365 days, or off");
            return exit_usage;
        }
        change["promote_after_days"] = *days;
    }
    if (const auto failed = ask(options, change.empty() ? "GET" : "PUT", "/mx", change, answer)) {
        return *failed;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(answer));
    } else {
        print_standing(answer);
    }
    return exit_fine;
}

}  // namespace

void add_domain_mx(CLI::App& domain, int& status) {
    CLI::App* verb = domain.add_subcommand("mx", "MX hosts and policy side by side; how the policy follows DNS");
    const auto options = std::make_shared<Options>();
    verb->add_option("DOMAIN", options->domain, "The domain, e.g. example.com or пример.рф")->required();
    auto* automatic =
        verb->add_flag("--auto", options->follow, "Add new MX hosts that DNSSEC or an approved name vouches for");
    verb->add_flag("--fixed", options->fixed, "Let only people change the policy's hosts")->excludes(automatic);
    verb->add_option("--approve", options->approve,
                     "A name below which a new host needs no click, or a mail provider (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("--withdraw", options->withdraw, "Take such an approval back (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("--promote-after", options->promote,
                     "Enter enforce by itself after so many days in which every condition is met, or off");
    verb->add_option("--set", options->set, "The policy's mx patterns, all of them")->delimiter(',');
    verb->add_option("--check", options->check, "Say what is wrong with these patterns, and change nothing")
        ->delimiter(',');
    add_api_options(*verb, options->target);
    verb->add_option("--org", options->organization, "The organisation; the first one when not given");
    verb->add_flag("--json", options->as_json, "Print JSON");
    verb->callback([options, &status] { status = run(*options); });
}

}  // namespace postseal::app
