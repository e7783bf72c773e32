#include "app/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "app/command.h"
#include "base/text.h"
#include "net/smtp_client.h"

namespace postseal {

void throw_exception_from_error(const std::vector<Error>& errors, const boost::source_location& /*location*/) {
    throw std::logic_error("value() of a configuration with errors: " +
                           (errors.empty() ? std::string() : errors.front().message()));
}

}  // namespace postseal

namespace postseal::app {

namespace {

constexpr std::size_t config_bytes_max = 4 << 20;

struct RoleName {
    Role role;
    std::string_view name;
    std::string_view section;
};
constexpr std::array<RoleName, 8> role_names = {{{Role::dns, "dns", "dns"},
                                                 {Role::policy_host, "policy-host", "policy_host"},
                                                 {Role::intake, "intake", "intake"},
                                                 {Role::console, "console", "console"},
                                                 {Role::jobs, "jobs", "hosting"},
                                                 {Role::policyd, "policyd", "policyd"},
                                                 {Role::collector, "collector", "collector"},
                                                 {Role::reporter, "reporter", "reporter"}}};

std::string join_words(const std::vector<std::string_view>& words) {
    std::string out;
    for (const std::string_view word : words) {
        out += (out.empty() ? "" : ", ") + std::string(word);
    }
    return out;
}

// Where a listener stands in the file.
struct ListenKey {
    std::string section;
    std::string key;    // with its section
    std::string where;  // FILE:LINE: KEY
    toml::source_index line = 0;
    net::ListenAddress address;
};

// One table of the file: each take_… reads a key if it is there and notes that it is known; finish() complains about
// the keys that nobody took.
class Section {
public:
    Section(const std::string& file, const toml::table& table, std::string prefix, ConfigErrors& errors)
        : file_(&file), table_(&table), prefix_(std::move(prefix)), errors_(&errors) {}

    [[nodiscard]] std::string where(const toml::node& node, std::string_view key) const {
        return fmt::format("{}:{}: {}{}", *file_, node.source().begin.line, prefix_, key);
    }
    void fail(const toml::node& node, std::string_view key, std::string what) {
        errors_->push_back(invalid_input(where(node, key), std::move(what)));
    }

    const toml::node* take(std::string_view key) {
        known_.emplace_back(key);
        return table_->get(key);
    }

    template <class T>
    const toml::node* take_value(std::string_view key, T& into, std::string_view wanted) {
        const toml::node* node = take(key);
        if (node == nullptr) {
            return nullptr;
        }
        const auto value = node->value_exact<T>();
        if (!value) {
            fail(*node, key, fmt::format("must be {}", wanted));
            return nullptr;
        }
        into = *value;
        return node;
    }
    const toml::node* take_text(std::string_view key, std::string& into) {
        return take_value<std::string>(key, into, "a text in quotes");
    }
    void take_flag(std::string_view key, bool& into) { take_value<bool>(key, into, "true or false"); }

    template <class Integer>
    const toml::node* take_number(std::string_view key, Integer& into, std::int64_t min, std::int64_t max) {
        std::int64_t number = 0;
        const toml::node* node = take_value<std::int64_t>(key, number, "a whole number");
        if (node != nullptr && (number < min || number > max)) {
            fail(*node, key, fmt::format("must be from {} to {}", min, max));
            return nullptr;
        }
        if (node != nullptr) {
            into = static_cast<Integer>(number);
        }
        return node;
    }

    template <class T>
    void take_word(std::string_view key, T& into, const std::vector<std::pair<std::string_view, T>>& words) {
        std::string text;
        const toml::node* node = take_text(key, text);
        if (node == nullptr) {
            return;
        }
        std::vector<std::string_view> known;
        for (const auto& [word, meaning] : words) {
            if (word == text) {
                into = meaning;
                return;
            }
            known.push_back(word);
        }
        fail(*node, key, fmt::format("must be one of {}; \"{}\" is none of them", join_words(known), printable(text)));
    }

    // A text or an array of texts; each goes through `parse`, whose error is reported at its own line.
    template <class Parse, class T>
    void take_list(std::string_view key, std::vector<T>& into, Parse parse) {
        const toml::node* node = take(key);
        if (node == nullptr) {
            return;
        }
        into.clear();
        const auto add = [&](const toml::node& element) {
            const auto text = element.value_exact<std::string>();
            if (!text) {
                fail(element, key, "must be a text in quotes, or an array of such");
                return;
            }
            Result<T> parsed = parse(*text);
            if (parsed) {
                if constexpr (std::is_same_v<T, net::ListenAddress>) {
                    listeners_.push_back({std::string(prefix_.substr(0, prefix_.find('.'))), prefix_ + std::string(key),
                                          where(element, key), element.source().begin.line, *parsed});
                }
                into.push_back(std::move(*parsed));
            } else {
                fail(element, key, parsed.error().message());
            }
        };
        if (const toml::array* array = node->as_array()) {
            for (const toml::node& element : *array) {
                add(element);
            }
        } else {
            add(*node);
        }
    }
    void take_listen(std::string_view key, ListenAddresses& into) { take_list(key, into, net::parse_listen_address); }
    void take_mode(std::string_view key, unsigned& into) {
        std::string text;
        if (const toml::node* node = take_text(key, text)) {
            const Result<unsigned> mode = net::parse_socket_mode(text);
            if (mode) {
                into = *mode;
            } else {
                fail(*node, key, mode.error().message());
            }
        }
    }
    // A domain name or "".
    const toml::node* take_name(std::string_view key, std::string& into) {
        std::string text;
        const toml::node* node = take_text(key, text);
        if (node == nullptr || text.empty()) {
            return node;
        }
        const Result<dns::Name> name = dns::Name::parse(text);
        if (name && !name->is_root()) {
            into = name->text();
        } else {
            fail(*node, key, name ? "the root cannot be used here" : name.error().message());
        }
        return node;
    }

    void finish() {
        for (const auto& [key, node] : *table_) {
            if (std::find(known_.begin(), known_.end(), key.str()) == known_.end()) {
                fail(node, printable(key.str()), "unknown key");
            }
        }
    }

    [[nodiscard]] const std::string& file() const { return *file_; }
    [[nodiscard]] ConfigErrors& errors() { return *errors_; }
    [[nodiscard]] const std::vector<ListenKey>& listeners() const { return listeners_; }

private:
    const std::string* file_;
    const toml::table* table_;
    std::string prefix_;
    ConfigErrors* errors_;
    std::vector<std::string> known_;
    std::vector<ListenKey> listeners_;
};

Result<std::string> any_text(const std::string& text) {
    return text;
}

void read_roles(Section& root, Config& config) {
    std::vector<Role> roles;
    const toml::node* node = root.take("roles");
    if (node == nullptr) {
        return;
    }
    root.take_list("roles", roles, [](const std::string& text) -> Result<Role> {
        std::vector<std::string_view> words;
        for (const RoleName& role : role_names) {
            if (role.name == text) {
                return role.role;
            }
            words.push_back(role.name);
        }
        return invalid_input("", fmt::format("\"{}\" is no role; roles are {}", printable(text), join_words(words)));
    });
    config.roles = {roles.begin(), roles.end()};
}

void read_store(Section& section, Config& config) {
    const toml::node* node = section.take_text("url", config.store.url);
    const std::string& url = config.store.url;
    const bool known = url == "sqlite" || url.starts_with("sqlite:/") || url.starts_with("postgresql://") ||
                       url.starts_with("postgres://");
    if (node != nullptr && !known) {
        section.fail(*node, "url", R"(must be "sqlite", "sqlite:/PATH" or "postgresql://USER@HOST/DATABASE")");
    }
    section.take_text("key_file", config.store.key_file);
}

Result<std::string> resolver_server(const std::string& text) {
    // The resolver itself reads addresses with and without a port; an address alone must be one.
    const auto bracket = text.find(']');
    std::string address = text;
    std::string port;
    if (text.starts_with("[") && bracket != std::string::npos) {
        address = text.substr(1, bracket - 1);
        port = text.substr(bracket + 1);
    } else if (const auto at = text.find('@'); at != std::string::npos) {
        address = text.substr(0, at);
        port = text.substr(at);
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        address = text.substr(0, text.find(':'));
        port = text.substr(text.find(':'));
    }
    if (!dns::IpAddress::parse(address)) {
        return invalid_input("", fmt::format("\"{}\" is not an IP address", printable(text)));
    }
    const auto number = port.empty() ? std::optional<std::uint64_t>(53) : parse_decimal(port.substr(1));
    if (!number || *number == 0 || *number > 65'535) {
        return invalid_input("", fmt::format("\"{}\" has no port from 1 to 65535", printable(text)));
    }
    return text;
}

void read_stub_zones(Section& section, Config& config) {
    const toml::node* node = section.take("stub_zones");
    if (node == nullptr) {
        return;
    }
    const toml::array* array = node->as_array();
    if (array == nullptr) {
        section.fail(*node, "stub_zones", "must be an array of { zone = \"test.\", servers = [\"127.0.0.1@5301\"] }");
        return;
    }
    for (const toml::node& element : *array) {
        const toml::table* table = element.as_table();
        if (table == nullptr) {
            section.fail(element, "stub_zones",
                         "must hold tables like { zone = \"test.\", servers = [\"127.0.0.1@5301\"] }");
            continue;
        }
        Section stub(section.file(), *table, "resolver.stub_zones.", section.errors());
        net::StubZone zone;
        std::string name;
        if (const toml::node* zone_node = stub.take_text("zone", name)) {
            if (auto parsed = dns::Name::parse(name)) {
                zone.zone = *parsed;
            } else {
                stub.fail(*zone_node, "zone", parsed.error().message());
            }
        } else {
            stub.fail(element, "zone", "is missing");
        }
        stub.take_list("servers", zone.servers, resolver_server);
        stub.finish();
        if (zone.servers.empty()) {
            stub.fail(element, "servers", "at least one server is needed");
        }
        config.resolver.stub_zones.push_back(std::move(zone));
    }
}

void read_resolver(Section& section, Config& config) {
    section.take_list("servers", config.resolver.servers, resolver_server);
    section.take_text("root_hints", config.resolver.root_hints);
    read_stub_zones(section, config);
    section.take_text("trust_anchor_file", config.resolver.trust_anchor_file);
    section.take_number("cache_max_mb", config.resolver.cache_max_mb, 1, 100'000);
}

void read_lab(Section& section, Config& config) {
    section.take_flag("allow_non_global_addresses", config.lab.allow_non_global_addresses);
    section.take_number("https_port", config.lab.https_port, 1, 65'535);
    section.take_number("smtp_port", config.lab.smtp_port, 1, 65'535);
    section.take_number("http_port", config.lab.http_port, 1, 65'535);
    section.take_number("rua_port", config.lab.rua_port, 1, 65'535);
    constexpr std::int64_t century_s = 100LL * 366 * 86'400;
    const toml::node* offset = section.take_number("clock_offset_s", config.lab.clock_offset_s, -century_s, century_s);
    if (offset != nullptr && config.lab.clock_offset_s != 0 && !config.lab.allow_non_global_addresses) {
        section.fail(*offset, "clock_offset_s", "is refused unless lab.allow_non_global_addresses is true");
    }
}

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
    const toml::node* overrides = section.take("override");
    if (overrides == nullptr) {
        return;
    }
    const toml::array* array = overrides->as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
        section.fail(*overrides, "override", "must be written as [[policyd.override]]");
        return;
    }
    for (const toml::node& element : *array) {
        Section entry(section.file(), *element.as_table(), "policyd.override.", section.errors());
        const std::size_t errors_before = section.errors().size();
        verdict::Override one;
        entry.take_text("domain", one.domain);
        entry.take_text("level", one.level);
        entry.take_list("match", one.match, any_text);
        entry.finish();
        if (section.errors().size() > errors_before) {
            continue;
        }
        if (auto made = verdict::Overrides::make({one}); !made) {
            section.fail(element, "override", made.error().what);
        }
        config.policyd.overrides.push_back(std::move(one));
    }
}

// RFC 5322 §3.2.3: what may stand in front of the "@" in a header field and on the wire without quotes.
bool is_dot_atom(std::string_view text) {
    const auto atoms = split(text, '.');
    return std::ranges::all_of(atoms, [](std::string_view atom) {
        return !atom.empty() && std::ranges::all_of(atom, [](char c) {
            return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
        });
    });
}

// "local@domain" with the domain in A-labels, as mail needs it; or "".
void take_mailbox(Section& section, std::string_view key, std::string& into) {
    const toml::node* node = section.take_text(key, into);
    if (node == nullptr || into.empty()) {
        return;
    }
    const auto at = into.rfind('@');
    const auto domain = dns::Name::parse(into.substr(at + 1));
    if (at == std::string::npos || !is_dot_atom(into.substr(0, at)) || !domain || domain->is_root()) {
        section.fail(*node, key, "must be a mailbox such as tls-reports@example.com");
        return;
    }
    into.replace(at + 1, std::string::npos, domain->text());
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

void read_reporter(Section& section, Config& config) {
    auto& reporter = config.reporter;
    section.take_text("organization_name", reporter.organization_name);
    take_mailbox(section, "contact", reporter.contact);
    take_mailbox(section, "bounces_to", reporter.bounces_to);
    take_mailbox(section, "copy_to", reporter.copy_to);
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

// "AFTER:MAX_AGE", both in days.
Result<decltype(Config::hosting)::RampStep> ramp_step(const std::string& text) {
    constexpr std::uint64_t after_days_max = 3650;
    constexpr std::uint64_t max_age_days_max = 365;  // RFC 8461 §3.2: at most 31557600 s
    const auto parts = split(text, ':');
    const auto after = parts.size() == 2 ? parse_decimal(parts[0]) : std::nullopt;
    const auto max_age = parts.size() == 2 ? parse_decimal(parts[1]) : std::nullopt;
    if (!after || !max_age || *after > after_days_max || *max_age < 1 || *max_age > max_age_days_max) {
        return invalid_input("", fmt::format("\"{}\" must be AFTER:MAX_AGE in days, as in \"7:30\"; MAX_AGE is 1 to {}",
                                             printable(text), max_age_days_max));
    }
    return decltype(Config::hosting)::RampStep{static_cast<std::int64_t>(*after), static_cast<std::int64_t>(*max_age)};
}

void read_ramp(Section& section, Config& config) {
    auto& ramp = config.hosting.max_age_ramp;
    const std::size_t errors_before = section.errors().size();
    section.take_list("max_age_ramp", ramp, ramp_step);
    const toml::node* node = section.take("max_age_ramp");
    if (node == nullptr || section.errors().size() > errors_before) {
        return;
    }
    bool rises = !ramp.empty() && ramp.front().after_days == 0;
    for (std::size_t i = 1; i < ramp.size(); ++i) {
        rises = rises && ramp[i].after_days > ramp[i - 1].after_days && ramp[i].max_age_days > ramp[i - 1].max_age_days;
    }
    if (!rises) {
        section.fail(*node, "max_age_ramp", "must begin with day 0, and rise in both figures");
    }
}

void read_hosting(Section& section, Config& config) {
    section.take_name("zone", config.hosting.zone);
    section.take_list("name_servers", config.hosting.name_servers,
                      [](const std::string& text) { return dns::Name::parse(text); });
    section.take_list("addresses", config.hosting.addresses,
                      [](const std::string& text) { return dns::IpAddress::parse(text); });
    section.take_number("testing_days", config.hosting.testing_days, 1, 365);
    read_ramp(section, config);
}

void read_acme(Section& root, Config& config) {
    const toml::node* node = root.take("acme");
    if (node == nullptr) {
        return;
    }
    const toml::array* array = node->as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
        root.fail(*node, "acme", "must be written as [[acme]]");
        return;
    }
    for (const toml::node& element : *array) {
        Section section(root.file(), *element.as_table(), "acme.", root.errors());
        const std::size_t errors_before = root.errors().size();
        Config::Acme acme;
        const toml::node* directory = section.take_text("directory", acme.directory);
        if (directory != nullptr && !acme.directory.starts_with("https://")) {
            section.fail(*directory, "directory", "must be an https:// URL");
        }
        section.take_text("ca_file", acme.ca_file);
        section.take_text("contact", acme.contact);
        section.take_flag("accept_terms", acme.accept_terms);
        section.take_name("caa_issuer", acme.caa_issuer);
        section.take_list("challenges", acme.challenges, [](const std::string& text) -> Result<std::string> {
            if (text != "http-01" && text != "tls-alpn-01") {
                return invalid_input("", fmt::format("\"{}\" must be http-01 or tls-alpn-01", printable(text)));
            }
            return text;
        });
        section.take_text("profile", acme.profile);
        section.take_text("eab_kid", acme.eab_kid);
        section.take_text("eab_hmac_key_file", acme.eab_hmac_key_file);
        constexpr std::int64_t limit_max = 10'000'000;
        section.take_number("orders_per_3_hours", acme.orders_per_3_hours, 0, limit_max);
        section.take_number("certificates_per_domain_and_week", acme.certificates_per_domain_and_week, 0, limit_max);
        section.take_number("certificates_per_name_and_week", acme.certificates_per_name_and_week, 0, limit_max);
        section.take_number("failures_per_name_and_hour", acme.failures_per_name_and_hour, 0, limit_max);
        section.take_flag("renewals_exempt", acme.renewals_exempt);
        section.finish();
        if (acme.challenges.empty() && root.errors().size() == errors_before) {
            section.fail(element, "challenges", "at least one is needed");
        }
        if (acme.eab_kid.empty() != acme.eab_hmac_key_file.empty()) {
            const char* missing = acme.eab_kid.empty() ? "eab_kid" : "eab_hmac_key_file";
            section.fail(element, missing, "eab_kid and eab_hmac_key_file go together: the CA gives out both");
        }
        config.acme.push_back(std::move(acme));
    }
}

void read_console(Section& section, Config& config) {
    section.take_listen("listen", config.console.listen);
    section.take_text("socket", config.console.socket);
    const toml::node* url = section.take_text("public_url", config.console.public_url);
    if (url != nullptr && !config.console.public_url.starts_with("http://") &&
        !config.console.public_url.starts_with("https://")) {
        section.fail(*url, "public_url", "must begin with http:// or https://");
    }
    section.take_name("host", config.console.host);
}

ListenAddresses both_families(std::uint16_t port) {
    return {net::parse_listen_address(fmt::format("0.0.0.0:{}", port)).value(),
            net::parse_listen_address(fmt::format("[::]:{}", port)).value()};
}

// The listen defaults, which are values of net and so not constants of the struct.
void set_listen_defaults(Config& config) {
    config.policyd.listen = {net::ListenAddress::loopback(8461)};
    config.dns.listen = both_families(53);
    config.policy_host.https_listen = both_families(443);
    config.policy_host.http_listen = both_families(80);
    config.console.listen = {net::ListenAddress::loopback(8080)};
    config.metrics.listen = {net::ListenAddress::loopback(9464)};
}

using Reader = void (*)(Section&, Config&);
const std::map<std::string_view, Reader> section_readers = {
    {"store", read_store},
    {"resolver", read_resolver},
    {"tls", [](Section& section, Config& config) { section.take_text("ca_file", config.tls.ca_file); }},
    {"lab", read_lab},
    {"policyd", read_policyd},
    {"collector",
     [](Section& section, Config& config) {
         const toml::node* node = section.take_text("socket", config.collector.socket);
         if (node != nullptr && !config.collector.socket.empty()) {
             if (auto parsed = net::parse_listen_address("unix:" + config.collector.socket); !parsed) {
                 section.fail(*node, "socket", parsed.error().message());
             }
         }
         section.take_mode("socket_mode", config.collector.socket_mode);
         section.take_text("socket_group", config.collector.socket_group);
         section.take_listen("http_listen", config.collector.http_listen);
         for (const auto& [key, file] : {std::pair("postfix_log", &config.collector.postfix_log),
                                         std::pair("exim_log", &config.collector.exim_log)}) {
             node = section.take_text(key, *file);
             if (node != nullptr && !file->empty() && file->front() != '/') {
                 section.fail(*node, key, "must be an absolute path");
             }
         }
     }},
    {"reporter", read_reporter},
    {"hosting", read_hosting},
    {"dns", [](Section& section, Config& config) { section.take_listen("listen", config.dns.listen); }},
    {"policy_host",
     [](Section& section, Config& config) {
         section.take_listen("https_listen", config.policy_host.https_listen);
         section.take_listen("http_listen", config.policy_host.http_listen);
         section.take_number("connections_max", config.policy_host.connections_max, 10, 1'000'000);
         section.take_number("connections_per_address", config.policy_host.connections_per_address, 0, 1'000'000);
         section.take_list("proxy_protocol_from", config.policy_host.proxy_protocol_from,
                           [](const std::string& text) { return net::AddressPrefix::parse(text); });
         using Addresses = hosting::FetchLogSettings::Addresses;
         section.take_word<Addresses>(
             "fetch_log_addresses", config.policy_host.fetch_log_addresses,
             {{"none", Addresses::none}, {"network", Addresses::network}, {"full", Addresses::full}});
         constexpr std::int64_t century_days = 36'600;
         section.take_number("fetch_log_days", config.policy_host.fetch_log_days, 1, century_days);
         section.take_number("fetch_log_address_days", config.policy_host.fetch_log_address_days, 0, century_days);
     }},
    {"intake",
     [](Section& section, Config& config) {
         section.take_name("host", config.intake.host);
         section.take_listen("https_listen", config.intake.https_listen);
         section.take_listen("http_listen", config.intake.http_listen);
         section.take_listen("smtp_listen", config.intake.smtp_listen);
         section.take_listen("lmtp_listen", config.intake.lmtp_listen);
     }},
    {"console", read_console},
    {"metrics", [](Section& section, Config& config) { section.take_listen("listen", config.metrics.listen); }},
    {"mail",
     [](Section& section, Config& config) {
         section.take_text("submission", config.mail.submission);
         section.take_text("from", config.mail.from);
     }},
};

bool opens_listeners(const Config& config, std::string_view section) {
    return std::all_of(role_names.begin(), role_names.end(),
                       [&](const RoleName& role) { return role.section != section || config.role_on(role.role); });
}

// Two listeners on one address cannot both be: said here, where the line is known, not by bind() at the start.
void refuse_equal_listeners(const Config& config, std::vector<ListenKey> listeners, ConfigErrors& errors) {
    std::stable_sort(listeners.begin(), listeners.end(),
                     [](const ListenKey& a, const ListenKey& b) { return a.line < b.line; });
    for (auto at = listeners.begin(); at != listeners.end(); ++at) {
        const bool any_port = at->address.kind == net::ListenAddress::Kind::ip && at->address.port == 0;
        if (any_port || !opens_listeners(config, at->section)) {
            continue;
        }
        const auto earlier = std::find_if(listeners.begin(), at, [&](const ListenKey& other) {
            return other.address == at->address && opens_listeners(config, other.section);
        });
        if (earlier != at) {
            errors.push_back(invalid_input(
                at->where, fmt::format("{} stands in {} already", at->address.text(),
                                       earlier->key == at->key ? std::string("this key") : earlier->key)));
        }
    }
}

void read_state_dir(Section& root, Config& config) {
    const toml::node* node = root.take_text("state_dir", config.state_dir);
    if (node != nullptr && !config.state_dir.starts_with('/')) {
        root.fail(*node, "state_dir", "must be an absolute path: a server knows no folder that it was started in");
    }
}

void note_written(const toml::table& table, const std::string& prefix, Config& config) {
    for (const auto& [key, node] : table) {
        const std::string name = prefix + std::string(key.str());
        if (const toml::table* section = node.as_table(); section != nullptr && prefix.empty()) {
            note_written(*section, name + ".", config);
            continue;
        }
        std::ostringstream value;
        node.visit([&value](const auto& it) { value << it; });
        config.written[name] = {node.source().begin.line, value.str()};
    }
}

void read_root(Section& root, const toml::table& table, Config& config) {
    std::vector<ListenKey> listeners;
    read_state_dir(root, config);
    read_roles(root, config);
    root.take_word<std::string>("log_level", config.log_level,
                                {{"debug", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"}});
    for (const auto& [name, read] : section_readers) {
        const toml::node* node = root.take(name);
        if (node == nullptr) {
            continue;
        }
        const toml::table* section_table = node->as_table();
        if (section_table == nullptr) {
            root.fail(*node, name, fmt::format("must be a section, [{}]", name));
            continue;
        }
        Section section(root.file(), *section_table, std::string(name) + ".", root.errors());
        read(section, config);
        section.finish();
        listeners.insert(listeners.end(), section.listeners().begin(), section.listeners().end());
    }
    read_acme(root, config);
    root.finish();
    for (const auto& [key, node] : table) {
        config.sections.emplace(key.str());
    }
    note_written(table, "", config);
    refuse_equal_listeners(config, std::move(listeners), root.errors());
}

// The errors in the order of the file, though the sections are read in the order of their names.
std::uint64_t line_of(const Error& error, const std::string& file) {
    const std::string_view where = error.where;
    const std::string_view line = where.substr(std::min(where.size(), file.size() + 1));
    return parse_decimal(line.substr(0, line.find(':'))).value_or(0);
}

}  // namespace

std::string_view to_string(Role role) {
    for (const RoleName& known : role_names) {
        if (known.role == role) {
            return known.name;
        }
    }
    return "unknown";
}

std::string Config::where(const std::string& key) const {
    const auto found = written.find(key);
    return found == written.end() ? fmt::format("{}: {}", file, key)
                                  : fmt::format("{}:{}: {}", file, found->second.line, key);
}

bool Config::role_on(Role role) const {
    const bool sends = role == Role::policyd || role == Role::collector || role == Role::reporter;
    if (!roles.contains(role) || (sending_only && !sends)) {
        return false;
    }
    for (const RoleName& known : role_names) {
        if (known.role == role && !has_section(std::string(known.section))) {
            return false;
        }
    }
    const bool needs_zone = role == Role::dns || role == Role::policy_host || role == Role::jobs;
    if (needs_zone && hosting.zone.empty()) {
        return false;
    }
    if (role == Role::reporter && reporter.organization_name.empty()) {
        return false;
    }
    return role != Role::collector || !collector.socket.empty() || !collector.http_listen.empty() ||
           !collector.postfix_log.empty() || !collector.exim_log.empty();
}

std::string Config::database_url() const {
    return store.url == "sqlite" ? "sqlite:" + state_dir + "/postseal.db" : store.url;
}

std::string Config::master_key_file() const {
    return store.key_file.empty() ? state_dir + "/master.key" : store.key_file;
}

std::string Config::api_socket() const {
    return console.socket.empty() ? state_dir + "/api.sock" : console.socket;
}

boost::system::result<Config, ConfigErrors> parse_config(std::string_view text, const std::string& file) {
    Config config;
    config.file = file;
    set_listen_defaults(config);
    ConfigErrors errors;
    toml::table table;
    try {
        table = toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        // toml++ reports bad syntax by exception only, in the build that Debian ships.
        return ConfigErrors{
            invalid_input(fmt::format("{}:{}", file, error.source().begin.line), std::string(error.description()))};
    }
    Section root(file, table, "", errors);
    read_root(root, table, config);
    if (!errors.empty()) {
        std::stable_sort(errors.begin(), errors.end(),
                         [&](const Error& a, const Error& b) { return line_of(a, file) < line_of(b, file); });
        return errors;
    }
    return config;
}

boost::system::result<Config, ConfigErrors> load_config(const std::string& file) {
    const Result<Bytes> bytes = read_file(file, config_bytes_max);
    if (!bytes) {
        return ConfigErrors{bytes.error()};
    }
    return parse_config(as_text(*bytes), file);
}

}  // namespace postseal::app
