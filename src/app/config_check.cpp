#include "app/config_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string_view>
#include <system_error>

#include "base/text.h"
#include "hosting/acme_client.h"
#include "net/certificate.h"
#include "net/socket_group.h"
#include "net/trust_anchors.h"

namespace postseal::app {

namespace {

// A whole section, or a key of one that is otherwise followed. The resolver, the roots, [lab] and what the sending
// roles decide by are taken from a reload; what opens a listener or belongs to hosting is not.
constexpr std::array<std::string_view, 17> fixed = {"state_dir",
                                                    "roles",
                                                    "store.",
                                                    "lab.allow_non_global_addresses",
                                                    "policyd.listen",
                                                    "policyd.line_listen",
                                                    "policyd.socket_mode",
                                                    "policyd.socket_group",
                                                    "collector.",
                                                    "hosting.",
                                                    "dns.",
                                                    "policy_host.",
                                                    "acme",
                                                    "intake.",
                                                    "console.",
                                                    "metrics.",
                                                    "mail."};

bool is_fixed(std::string_view key) {
    return std::ranges::any_of(
        fixed, [key](std::string_view one) { return one.ends_with('.') ? key.starts_with(one) : key == one; });
}

void need_file(const Config& config, const std::string& key, const std::string& path, ConfigErrors& errors) {
    if (!path.empty() && ::access(path.c_str(), R_OK) != 0) {
        errors.push_back(invalid_input(config.where(key),
                                       fmt::format("{}: {}", printable(path), std::generic_category().message(errno))));
    }
}

}  // namespace

ConfigErrors missing_here(const Config& config) {
    ConfigErrors errors;
    if (auto roots = net::TrustStore::load(config.tls.ca_file); !roots) {
        errors.push_back(invalid_input(config.where("tls.ca_file"), roots.error().message()));
    }
    // What the file does not name and the machine does not have is no fault: config_remarks() tells of it.
    const net::ResolverSettings defaults;
    if (!net::is_absent_default(config.resolver.trust_anchor_file, defaults.trust_anchor_file)) {
        need_file(config, "resolver.trust_anchor_file", config.resolver.trust_anchor_file, errors);
    }
    const bool iterates =
        config.resolver.servers.empty() &&
        std::ranges::none_of(config.resolver.stub_zones, [](const auto& stub) { return stub.zone.is_root(); });
    if (iterates && !net::is_absent_default(config.resolver.root_hints, defaults.root_hints)) {
        need_file(config, "resolver.root_hints", config.resolver.root_hints, errors);
    }
    const auto need_group = [&](Role role, const std::string& key, const std::string& name) {
        if (config.role_on(role) && !name.empty()) {
            if (const auto group = net::group_id(name); !group) {
                errors.push_back(invalid_input(config.where(key), group.error().message()));
            }
        }
    };
    need_group(Role::policyd, "policyd.socket_group", config.policyd.socket_group);
    need_group(Role::collector, "collector.socket_group", config.collector.socket_group);
    if (config.role_on(Role::jobs)) {
        for (const Config::Acme& acme : config.acme) {
            need_file(config, "acme.ca_file", acme.ca_file, errors);
            if (const auto key = hosting::read_eab_key(acme.eab_hmac_key_file); !key) {
                errors.push_back(invalid_input(config.where("acme.eab_hmac_key_file"), key.error().message()));
            }
        }
    }
    return errors;
}

std::vector<std::string> config_remarks(const Config& config) {
    std::vector<std::string> out;
    const auto remark = [&](const std::string& key, std::string_view text) {
        out.push_back(fmt::format("{}: {}", config.where(key), text));
    };
    if (config.role_on(Role::reporter) && config.reporter.contact.empty()) {
        remark("reporter.organization_name",
               "without reporter.contact no report can be mailed, and RFC 8460 §4.4 wants one in every report");
    }
    if (config.role_on(Role::policy_host) && config.hosting.addresses.empty()) {
        remark("hosting.zone", "without hosting.addresses the policy hosts have no address, and nobody finds a policy");
    }
    const std::string& anchors = config.resolver.trust_anchor_file;
    if (net::is_absent_default(anchors, net::ResolverSettings().trust_anchor_file)) {
        remark("resolver.trust_anchor_file",
               anchors +
                   " is not there: the root's keys that were known when this program was made are used. The package "
                   "dns-root-data follows their changes");
    }
    if (config.sending_only && std::ranges::none_of(config.roles, [&](Role role) { return config.role_on(role); })) {
        out.push_back(config.file +
                      ": nothing to do: none of [policyd], [collector] with a socket, a log or http_listen, and "
                      "[reporter] with organization_name is there");
    }
    return out;
}

std::vector<std::string> keys_for_a_restart(const Config& running, const Config& fresh) {
    std::set<std::string> names;
    const auto look = [&names](const Config& here, const Config& there) {
        for (const auto& [key, written] : here.written) {
            const auto other = there.written.find(key);
            if (is_fixed(key) && (other == there.written.end() || other->second.value != written.value)) {
                names.insert(key);
            }
        }
    };
    look(running, fresh);
    look(fresh, running);
    return {names.begin(), names.end()};
}

}  // namespace postseal::app
