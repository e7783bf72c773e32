// `postseal cache …`: what the policy daemon remembers of other people's policies.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/api_client.h"
#include "app/command.h"
#include "app/json_fields.h"
#include "base/text.h"
#include "dns/name.h"
#include "verdict/overrides.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

struct Options {
    std::string domain;
    std::string filter;
    std::string format = "hash";
    std::string level;
    std::vector<std::string> match;
    std::string reason;
    ApiTarget target;
    bool all = false;
    bool yes = false;
    bool as_json = false;
};

std::optional<std::string> path_of(const std::string& domain, std::string_view below = "") {
    const Result<dns::Name> name = dns::Name::parse(domain);
    if (!name || name->is_root()) {
        complain(fmt::format("{}: {}", printable(domain), name ? "not a domain" : name.error().message()));
        return std::nullopt;
    }
    return "/api/v1/cache/" + name->text() + std::string(below);
}

// A million entries are not held in memory: each page is shown as it comes. The exit status.
int each_page(const ApiTarget& target, const std::string& path, const std::string& filter,
              const std::function<void(const std::vector<const json::object*>&)>& show) {
    std::string cursor;
    do {
        const Asked page = ask_api(target, "GET", path + "?limit=1000" + filter + cursor);
        if (page.status != exit_fine) {
            return page.status;
        }
        show(objects_field(page.object, "entries"));
        const json::value* next = page.object.if_contains("next_cursor");
        cursor = next != nullptr && next->is_string() ? "&cursor=" + percent_encode(next->get_string()) : "";
    } while (!cursor.empty());
    return exit_fine;
}

// The elements of a JSON array, page by page.
class JsonList {
public:
    void add(const std::vector<const json::object*>& elements) {
        for (const json::object* element : elements) {
            fmt::print("{}{}", any_ ? "," : "", json::serialize(*element));
            any_ = true;
        }
    }

private:
    bool any_ = false;
};

int list(const Options& options) {
    const std::string path = "/api/v1/cache";
    const std::string filter = options.filter.empty() ? "" : "&q=" + percent_encode(options.filter);
    if (options.as_json) {
        JsonList all;
        fmt::print("[");
        const int status = each_page(options.target, path, filter, [&](const auto& page) { all.add(page); });
        fmt::print("]\n");
        return status;
    }
    constexpr std::string_view row = "{:<32} {:<8} {:<20} {:<21} {:<21} {:<21} {}\n";
    bool any = false;
    const int status = each_page(options.target, path, filter, [&](const auto& page) {
        if (!page.empty() && !std::exchange(any, true)) {
            fmt::print(fmt::runtime(row), "DOMAIN", "MODE", "ID", "FETCHED", "EXPIRES", "NEXT REFRESH", "FAILURES");
        }
        for (const json::object* entry : page) {
            fmt::print(fmt::runtime(row), text_field(*entry, "domain"), text_field(*entry, "mode"),
                       text_field(*entry, "policy_id"), text_field(*entry, "fetched"), text_field(*entry, "expires"),
                       text_field(*entry, "next_refresh"), objects_field(*entry, "failures").size());
        }
    });
    if (status == exit_fine && !any) {
        fmt::print("no policies\n");
    }
    return status;
}

void print_entry(const json::object& entry) {
    fmt::print("{}\n  mode          {}\n  policy id     {}, looked at {}\n  fetched       {}, expires {}\n",
               text_field(entry, "domain"), text_field(entry, "mode"), text_field(entry, "policy_id"),
               text_field(entry, "id_checked"), text_field(entry, "fetched"), text_field(entry, "expires"));
    fmt::print("  next refresh  {}\n  last used     {}\n", text_field(entry, "next_refresh"),
               text_field(entry, "last_used"));
    for (const json::object* failed : objects_field(entry, "failures")) {
        fmt::print("  failed fetch  {}, id {}\n", text_field(*failed, "at"), text_field(*failed, "id"));
    }
    if (const json::value* lines = entry.if_contains("lines"); lines != nullptr && lines->is_array()) {
        for (const json::value& line : lines->get_array()) {
            fmt::print("  | {}\n", line.is_string() ? printable(std::string(line.get_string())) : "");
        }
    }
}

void print_answer(const json::object& holder) {
    const json::object* answer = object_field(holder, "answer");
    if (answer == nullptr) {
        return;
    }
    fmt::print("  answer now    {}\n", text_field(*answer, "reply"));
    if (const json::value* reasons = answer->if_contains("reasons"); reasons != nullptr && reasons->is_array()) {
        for (const json::value& reason : reasons->get_array()) {
            fmt::print("  because       {}\n", reason.is_string() ? printable(std::string(reason.get_string())) : "");
        }
    }
}

int show(const Options& options) {
    const auto path = path_of(options.domain);
    if (!path) {
        return exit_usage;
    }
    const Asked asked = ask_api(options.target, "GET", *path);
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else {
        print_entry(asked.object);
        print_answer(asked.object);
    }
    return exit_fine;
}

// True when the person at the terminal says so; who is no person has to say --yes.
bool confirmed() {
    if (::isatty(STDIN_FILENO) == 0) {
        complain("--all forgets every policy, enforced ones too: say --yes to mean it");
        return false;
    }
    fmt::print("Every policy is forgotten, and no enforced one holds until it is fetched again. Go on? [y/N] ");
    std::fflush(stdout);
    std::string line;
    std::getline(std::cin, line);
    const bool yes = line == "y" || line == "yes";
    if (!yes) {
        complain("nothing was forgotten");
    }
    return yes;
}

int purge(const Options& options) {
    if (options.all == !options.domain.empty()) {
        complain("say which: a DOMAIN, or --all");
        return exit_usage;
    }
    if (options.all && !options.yes && !confirmed()) {
        return exit_usage;
    }
    const auto path = options.all ? std::optional<std::string>("/api/v1/cache") : path_of(options.domain);
    if (!path) {
        return exit_usage;
    }
    const Asked asked = ask_api(options.target, "DELETE", *path);
    if (asked.status != exit_fine) {
        return asked.status;
    }
    const std::int64_t purged = options.all ? number_field(asked.object, "purged") : 1;
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(json::object{{"purged", purged}}));
    } else {
        fmt::print("{}\n", options.all ? fmt::format("{} policies are forgotten", purged)
                                       : printable(options.domain) + " is forgotten");
    }
    return exit_fine;
}

int refresh(const Options& options) {
    const auto path = path_of(options.domain, "/refresh");
    if (!path) {
        return exit_usage;
    }
    const Asked asked = ask_api(options.target, "POST", *path);
    if (asked.status != exit_fine) {
        return asked.status;
    }
    const std::string outcome = text_field(asked.object, "outcome");
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else {
        std::string what = outcome == "fetched" ? "the policy was fetched" : text_field(asked.object, "detail");
        if (const std::string failure = text_field(asked.object, "failure"); failure != "–") {
            what = failure + ": " + what;
        }
        fmt::print("{}: {}: {}\n", text_field(asked.object, "domain"), outcome, what);
        if (const json::object* entry = object_field(asked.object, "entry")) {
            fmt::print("  mode          {}\n  policy id     {}\n  expires       {}\n", text_field(*entry, "mode"),
                       text_field(*entry, "policy_id"), text_field(*entry, "expires"));
        }
        print_answer(asked.object);
    }
    return outcome == "fetched" || outcome == "no-record" ? exit_fine : exit_problems;
}

int export_table(const Options& options) {
    const std::string path = "/api/v1/cache-export";
    if (options.format == "json" || options.as_json) {
        JsonList all;
        fmt::print("{{\"entries\":[");
        const int status = each_page(options.target, path, "", [&](const auto& page) { all.add(page); });
        fmt::print("]}}\n");
        return status;
    }
    // postmap reads one "key value" a line; nothing in either can break it (design rule 13).
    return each_page(options.target, path, "", [](const auto& page) {
        for (const json::object* entry : page) {
            fmt::print("{}\t{}\n", text_field(*entry, "domain"), text_field(*entry, "policy"));
        }
    });
}

std::string override_path(const std::string& domain) {
    return "/api/v1/overrides/" + percent_encode(domain);
}

// "xn--… (U-labels)" where they differ.
std::string for_people(const std::string& domain) {
    const bool subtree = domain.starts_with('.');
    const auto name = dns::Name::parse(std::string_view(domain).substr(subtree ? 1 : 0));
    const std::string u_labels = name ? name->unicode() : domain;
    return name && u_labels != name->text() ? fmt::format("{} ({}{})", domain, subtree ? "." : "", u_labels) : domain;
}

void print_override(const json::object& entry) {
    std::string match;
    if (const json::value* patterns = entry.if_contains("match"); patterns != nullptr && patterns->is_array()) {
        for (const json::value& pattern : patterns->get_array()) {
            match += (match.empty() ? " match=" : ":") + std::string(pattern.as_string());
        }
    }
    fmt::print("{:<32} {}{}  ({}{})", for_people(text_field(entry, "domain")), text_field(entry, "level"), match,
               text_field(entry, "origin"), flag_field(entry, "in_force") ? "" : ", hidden by the configuration's");
    if (text_field(entry, "origin") == "added") {
        fmt::print("  {} {}: {}", text_field(entry, "added"), text_field(entry, "actor"), text_field(entry, "reason"));
    }
    fmt::print("\n");
}

int list_overrides(const Options& options) {
    const Asked asked = ask_api(options.target, "GET", "/api/v1/overrides");
    if (asked.status != exit_fine) {
        return asked.status;
    }
    const auto entries = objects_field(asked.object, "overrides");
    if (options.as_json) {
        json::array out;
        for (const json::object* entry : entries) {
            out.push_back(*entry);
        }
        fmt::print("{}\n", json::serialize(out));
        return exit_fine;
    }
    if (entries.empty()) {
        fmt::print("no overrides\n");
    }
    for (const json::object* entry : entries) {
        print_override(*entry);
    }
    return exit_fine;
}

int add_override(const Options& options) {
    // The same check that the configuration goes through, before anything is asked.
    if (const auto made = verdict::Overrides::make({{options.domain, options.level, options.match}}); !made) {
        complain(made.error().what);
        return exit_usage;
    }
    json::array match;
    for (const std::string& pattern : options.match) {
        match.emplace_back(pattern);
    }
    const json::object body{{"level", options.level}, {"match", std::move(match)}, {"reason", options.reason}};
    const Asked asked = ask_api(options.target, "PUT", override_path(options.domain), json::serialize(body));
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else {
        print_override(asked.object);
    }
    return exit_fine;
}

int remove_override(const Options& options) {
    const Asked asked = ask_api(options.target, "DELETE", override_path(options.domain));
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(json::object{{"removed", options.domain}}));
    } else {
        fmt::print("the override for {} is removed\n", printable(options.domain));
    }
    return exit_fine;
}

CLI::App* add_verb(CLI::App& parent, const std::shared_ptr<Options>& options, const char* name, const char* help) {
    CLI::App* verb = parent.add_subcommand(name, help);
    add_api_options(*verb, options->target);
    verb->add_flag("--json", options->as_json, "Print JSON");
    return verb;
}

void add_override_verbs(CLI::App& cache, const std::shared_ptr<Options>& options, int& status) {
    CLI::App* group = cache.add_subcommand(
        "override", "What is answered for a destination whatever its policy: kept over restarts, in force at once");
    group->require_subcommand(1);
    add_verb(*group, options, "list", "Those of the configuration, which come first, and those added")
        ->callback([options, &status] { status = list_overrides(*options); });
    CLI::App* add = add_verb(*group, options, "add", "Add one, or replace one that was added");
    add->add_option("DOMAIN", options->domain, "\"example.org\" exactly, or \".example.org\" for all below it")
        ->required();
    add->add_option("LEVEL", options->level, "none, may, encrypt, dane, dane-only, secure or defer")->required();
    add->add_option("--match", options->match, "With secure: a name that the certificate may carry; repeatable");
    add->add_option("--reason", options->reason, "Why; the audit log keeps it");
    add->callback([options, &status] { status = add_override(*options); });
    CLI::App* remove = add_verb(*group, options, "remove", "Remove one that was added");
    remove->add_option("DOMAIN", options->domain, "As it was added")->required();
    remove->callback([options, &status] { status = remove_override(*options); });
}

}  // namespace

void add_cache(CLI::App& root, int& status) {
    CLI::App* cache = root.add_subcommand("cache", "The policies of others that the policy daemon remembers");
    cache->require_subcommand(1);
    const auto options = std::make_shared<Options>();

    CLI::App* all = add_verb(*cache, options, "list", "All policies, with fetches that failed");
    all->add_option("--filter", options->filter, "Only domains that contain this text");
    all->callback([options, &status] { status = list(*options); });

    CLI::App* one = add_verb(*cache, options, "show", "All about one: its lines, failed fetches, the answer given now");
    one->add_option("DOMAIN", options->domain, "The domain")->required();
    one->callback([options, &status] { status = show(*options); });

    CLI::App* forget =
        add_verb(*cache, options, "purge",
                 "Forget a domain, or all: an enforced policy holds no longer until it is fetched again");
    forget->add_option("DOMAIN", options->domain, "The domain");
    forget->add_flag("--all", options->all, "Forget every policy and every answer");
    forget->add_flag("--yes", options->yes, "Do not ask");
    forget->callback([options, &status] { status = purge(*options); });

    CLI::App* fetch = add_verb(*cache, options, "refresh",
                               "Fetch a domain's policy now and say what came: exit 0 unless the fetch failed");
    fetch->add_option("DOMAIN", options->domain, "The domain")->required();
    fetch->callback([options, &status] { status = refresh(*options); });

    CLI::App* table =
        add_verb(*cache, options, "export", "What is in force, as a table for Postfix (hash:, texthash:)");
    table->add_option("--format", options->format, "hash or json")->check(CLI::IsMember({"hash", "json"}));
    table->callback([options, &status] { status = export_table(*options); });
    add_override_verbs(*cache, options, status);
}

}  // namespace postseal::app
