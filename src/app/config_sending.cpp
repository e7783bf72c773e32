// [policyd], [collector], [reporter].
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "app/config_readers.h"
#include "net/smtp_client.h"

namespace postseal::app {

namespace {

Result<std::string> any_text(const std::string& text) {
    return text;
}

// One [[policyd.override]]. What is wrong with a value is said at the line of its key.
void read_override(Section& section, const toml::node& element, std::set<std::string>& domains, Config& config) {
    const toml::table& table = *element.as_table();
    Section entry(section.file(), table, "policyd.override.", section.errors());
    const std::size_t errors_before = section.errors().size();
    verdict::Override one;
    entry.take_text("domain", one.domain);
    entry.take_text("level", one.level);
    entry.take_list("match", one.match, any_text);
    entry.finish();
    // A misspelt key is told as that, not as a missing one.
    for (const char* key : {"domain", "level"}) {
        if (section.errors().size() == errors_before && table.get(key) == nullptr) {
            entry.fail(element, key, "is missing");
        }
    }
    if (section.errors().size() > errors_before) {
        return;
    }
    const auto made = verdict::Overrides::make({one});
    if (!made) {
        const auto error = made.error();
        const std::string key = error.where.substr(error.where.rfind(' ') + 1);  // "override 1: KEY"
        const toml::node* node = table.get(key);
        entry.fail(node != nullptr ? *node : element, key, error.what);
        return;
    }
    // Of two only one could count, and which is nothing that the file says.
    one.domain = made->list().front().domain;
    if (!domains.insert(one.domain).second) {
        entry.fail(*table.get("domain"), "domain", one.domain + " stands in an earlier override already");
        return;
    }
    config.policyd.overrides.push_back(std::move(one));
}

void read_overrides(Section& section, Config& config) {
    const toml::node* overrides = section.take("override");
    if (overrides == nullptr) {
        return;
    }
    const toml::array* array = overrides->as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
        section.fail(*overrides, "override", "must be written as [[policyd.override]]");
        return;
    }
    std::set<std::string> domains;
    for (const toml::node& element : *array) {
        read_override(section, element, domains, config);
    }
}

// The first line of the file, which others must not be able to read.
void take_password(Section& section, std::string& file, std::string& password) {
    constexpr std::string_view key = "submission_password_file";
    constexpr std::size_t password_bytes_max = 1000;
    const toml::node* node = section.take_text(key, file);
    if (node == nullptr || file.empty()) {
        return;
    }
    std::error_code failed;
    const auto permissions = std::filesystem::status(file, failed).permissions();
    std::ifstream stream(file);
    if (failed || !stream || !std::getline(stream, password)) {
        section.fail(*node, key, "cannot be read, or is empty");
        return;
    }
    if (password.ends_with('\r')) {
        password.pop_back();
    }
    if (password.empty() || password.size() > password_bytes_max) {
        section.fail(*node, key, "must hold a password in its first line");
    } else if ((permissions & std::filesystem::perms::others_read) != std::filesystem::perms::none) {
        section.fail(*node, key, "others can read it: chmod o= " + printable(file));
    }
}

}  // namespace

void read_policyd(Section& section, Config& config) {
    constexpr std::int64_t day_s = 86'400;
    section.take_listen("listen", config.policyd.listen);
    section.take_listen("line_listen", config.policyd.line_listen);
    section.take_mode("socket_mode", config.policyd.socket_mode);
    section.take_text("socket_group", config.policyd.socket_group);
    // Postfix gives up after 100 s: a longer wait would only lose the answer.
    section.take_number("first_lookup_timeout_s", config.policyd.first_lookup_timeout_s, 1, 90);
    section.take_word<verdict::OnSlowPolicy>(
        "on_slow_policy", config.policyd.on_slow_policy,
        {{"deliver", verdict::OnSlowPolicy::deliver}, {"defer", verdict::OnSlowPolicy::defer}});
    section.take_number("id_recheck_min_s", config.policyd.id_recheck_min_s, 0, day_s);
    section.take_number("fetch_timeout_s", config.policyd.fetch_timeout_s, 1, 600);
    section.take_number("cache_max_mb", config.policyd.cache_max_mb, 1, 1'000'000);
    section.take_word<verdict::PartialDane>("partial_dane", config.policyd.partial_dane,
                                            {{"dane-only", verdict::PartialDane::dane_only},
                                             {"secure", verdict::PartialDane::secure},
                                             {"dane", verdict::PartialDane::dane}});
    section.take_flag("smart_host_policy", config.policyd.smart_host_policy);
    section.take_flag("servername", config.policyd.servername);
    section.take_flag("testing_probes", config.policyd.testing_probes);
    read_overrides(section, config);
}

void read_collector(Section& section, Config& config) {
    const toml::node* node = section.take_text("socket", config.collector.socket);
    if (node != nullptr && !config.collector.socket.empty()) {
        if (auto parsed = net::parse_listen_address("unix:" + config.collector.socket); !parsed) {
            section.fail(*node, "socket", parsed.error().message());
        }
    }
    section.take_mode("socket_mode", config.collector.socket_mode);
    section.take_text("socket_group", config.collector.socket_group);
    section.take_listen("http_listen", config.collector.http_listen);
    for (const auto& [key, file] :
         {std::pair("postfix_log", &config.collector.postfix_log), std::pair("exim_log", &config.collector.exim_log)}) {
        node = section.take_text(key, *file);
        if (node != nullptr && !file->empty() && file->front() != '/') {
            section.fail(*node, key, "must be an absolute path");
        }
    }
}

void read_reporter(Section& section, Config& config) {
    auto& reporter = config.reporter;
    section.take_text("organization_name", reporter.organization_name);
    section.take_mailbox("contact", reporter.contact);
    section.take_mailbox("bounces_to", reporter.bounces_to);
    section.take_mailbox("copy_to", reporter.copy_to);
    section.take_flag("only_failures", reporter.only_failures);
    const toml::node* submission = section.take_text("submission", reporter.submission);
    if (submission != nullptr && reporter.submission != "direct" && !net::parse_submission_url(reporter.submission)) {
        section.fail(*submission, "submission",
                     "must be \"direct\", smtp://HOST:PORT, smtps://USER@HOST or submission://USER@HOST");
    }
    take_password(section, reporter.submission_password_file, reporter.submission_password);
    const toml::node* dkim_domain = section.take_name("dkim_domain", reporter.dkim_domain);
    section.take_name("dkim_selector", reporter.dkim_selector);
    // RFC 8460 §3: the signature is the submitter's own; a parent of its domain may sign for it.
    if (dkim_domain != nullptr && !reporter.dkim_domain.empty() && !reporter.contact.empty()) {
        const auto own = dns::Name::parse(reporter.contact.substr(reporter.contact.rfind('@') + 1));
        const auto signing = dns::Name::parse(reporter.dkim_domain);
        if (own && signing && !own->is_under(*signing)) {
            section.fail(*dkim_domain, "dkim_domain", "must be the domain of contact, or a parent of it");
        }
    }
    section.take_number("spread_s", reporter.spread_s, 0, 86'400);
    section.take_word<bool>("rua_policy", reporter.rua_all, {{"all", true}, {"first", false}});
    section.take_flag("verify_https_rua", reporter.verify_https_rua);
    constexpr std::int64_t any_number = 1'000'000'000;
    section.take_number("rua_max", reporter.rua_max, 0, 1000);
    section.take_number("reports_per_address_max", reporter.reports_per_address_max, 0, any_number);
    section.take_number("reports_per_host_max", reporter.reports_per_host_max, 0, any_number);
    section.take_number("report_bytes_max", reporter.report_bytes_max, 10'000, any_number);
}

}  // namespace postseal::app
