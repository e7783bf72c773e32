#include "app/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "app/command.h"
#include "app/config_readers.h"

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
constexpr std::array<std::pair<std::string_view, Reader>, 14> section_readers = {{
    {"store", read_store},
    {"resolver", read_resolver},
    {"tls", read_tls},
    {"lab", read_lab},
    {"policyd", read_policyd},
    {"collector", read_collector},
    {"reporter", read_reporter},
    {"hosting", read_hosting},
    {"dns", read_dns},
    {"policy_host", read_policy_host},
    {"intake", read_intake},
    {"console", read_console},
    {"metrics", read_metrics},
    {"mail", read_mail},
}};

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

// The errors in the order of the file, though the sections are read in an order of their own.
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
