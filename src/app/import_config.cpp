#include "app/import_config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "base/text.h"
#include "net/listen_address.h"

namespace postseal::app {

namespace {

using Note = ImportedConfig::Note;

int line_of(const YAML::Node& node) {
    return node.Mark().line + 1;
}

// A TOML basic string: none of the values that get here holds anything but printable ASCII.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    }
    return out + "\"";
}

bool is_true(const std::string& text) {
    return iequals(text, "true") || iequals(text, "yes") || iequals(text, "on");
}

// Both programs read a file mode as YAML 1.1 does: a leading zero (or 0o) is octal, anything else decimal.
std::optional<std::string> octal_mode(std::string_view text) {
    if (text.starts_with("0o")) {
        text.remove_prefix(2);
    } else if (!text.starts_with('0')) {
        const auto number = parse_decimal(text);
        return number && *number <= 0777 ? std::optional(fmt::format("{:04o}", *number)) : std::nullopt;
    }
    const auto mode = net::parse_socket_mode(text);
    return mode ? std::optional(fmt::format("{:04o}", *mode)) : std::nullopt;
}

// Where a program that resolves names listens; ours wants addresses.
std::vector<std::string> listen_addresses(const std::string& host, const std::string& port) {
    if (host.empty() || host == "*") {
        return {"0.0.0.0:" + port, "[::]:" + port};
    }
    if (host == "localhost") {
        return {"127.0.0.1:" + port};
    }
    return {host.find(':') == std::string::npos ? host + ":" + port : fmt::format("[{}]:{}", host, port)};
}

class Import {
public:
    explicit Import(std::string program) { imported_.program = std::move(program); }

    void mapped(int line, std::string_view key, std::string_view ours, const std::string& value) {
        const std::size_t dot = ours.rfind('.');
        const std::string section(dot == std::string_view::npos ? "" : ours.substr(0, dot));
        sections_[section].push_back(
            fmt::format("{} = {}", ours.substr(dot == std::string_view::npos ? 0 : dot + 1), value));
        imported_.notes.push_back({line, std::string(key), true, std::string(ours)});
    }
    void left_out(int line, std::string_view key, std::string why) {
        imported_.notes.push_back({line, std::string(key), false, std::move(why)});
    }

    void listen(int line, std::string_view key, std::string_view ours, const std::vector<std::string>& addresses) {
        std::string value;
        for (const std::string& address : addresses) {
            if (const auto parsed = net::parse_listen_address(address); !parsed) {
                left_out(line, key, fmt::format("{}: {}", printable(address, 120), parsed.error().what));
                return;
            }
            value += (value.empty() ? "" : ", ") + quoted(address);
        }
        mapped(line, key, ours, addresses.size() == 1 ? value : "[" + value + "]");
    }
    // "127.0.0.1:8642", "localhost:8642", ":8642", "unix:/path"
    void listen_text(int line, std::string_view key, std::string_view ours, const std::string& text) {
        const std::size_t colon = text.rfind(':');
        if (text.starts_with("unix:") || colon == std::string::npos) {
            listen(line, key, ours, {text});
            return;
        }
        std::string host = text.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) {
            host = host.substr(1, host.size() - 2);
        }
        listen(line, key, ours, listen_addresses(host, text.substr(colon + 1)));
    }
    void socket_mode(int line, std::string_view key, const std::string& text) {
        if (const auto mode = octal_mode(text)) {
            mapped(line, key, "policyd.socket_mode", quoted(*mode));
        } else {
            left_out(line, key, "is no file mode");
        }
    }
    void flag(int line, std::string_view key, std::string_view ours, const std::string& text) {
        mapped(line, key, ours, is_true(text) ? "true" : "false");
    }

    ImportedConfig finish() {
        std::ranges::stable_sort(imported_.notes, {}, &Note::line);
        std::string& out = imported_.toml;
        out = "# From a configuration of " + imported_.program + ".\n";
        sections_["policyd"];  // the section that switches the role on
        for (const auto& [section, lines] : sections_) {
            if (!section.empty()) {
                out += fmt::format("[{}]\n", section);
            }
            for (const std::string& line : lines) {
                out += line + "\n";
            }
        }
        return std::move(imported_);
    }

private:
    ImportedConfig imported_;
    std::map<std::string, std::vector<std::string>> sections_;  // "" first: keys outside of sections come first in TOML
};

// What becomes of one key: called with its value's node.
using Rule = std::function<void(Import&, const YAML::Node&, const std::string& key)>;
using Rules = std::map<std::string, Rule>;

std::string text_of(const YAML::Node& node) {
    return node.IsScalar() ? node.Scalar() : "";
}

Rule left_out(std::string why) {
    return [why = std::move(why)](Import& out, const YAML::Node& node, const std::string& key) {
        out.left_out(line_of(node), key, why);
    };
}

// Every key of a table, each by its rule; one that nobody knows is said to be unknown.
void apply(Import& out, const YAML::Node& table, const std::string& prefix, const Rules& rules) {
    if (!table.IsMap()) {
        return;
    }
    for (const auto& member : table) {
        const std::string name = printable(text_of(member.first), 100);
        const std::string key = prefix + name;
        const auto rule = rules.find(name);
        if (rule == rules.end()) {
            out.left_out(line_of(member.first), key, "is not known");
        } else if (member.second.IsNull()) {
            out.left_out(line_of(member.first), key, "has no value");
        } else {
            rule->second(out, member.second, key);
        }
    }
}

const std::string tlsrpt_hint =
    "Postfix 3.10 gets the attributes for TLSRPT under the map name QUERYwithTLSRPT: write that in "
    "smtp_tls_policy_maps";

ImportedConfig import_tlspol(const YAML::Node& root) {
    Import out("postfix-tlspol");
    const Rules server = {
        {"address",
         [](Import& into, const YAML::Node& node, const std::string& key) {
             into.listen_text(line_of(node), key, "policyd.listen", text_of(node));
         }},
        {"metrics-address",
         [](Import& into, const YAML::Node& node, const std::string& key) {
             into.listen_text(line_of(node), key, "metrics.listen", text_of(node));
         }},
        {"socket-permissions", [](Import& into, const YAML::Node& node,
                                  const std::string& key) { into.socket_mode(line_of(node), key, text_of(node)); }},
        {"log-level",
         [](Import& into, const YAML::Node& node, const std::string& key) {
             const std::string level = to_lower(text_of(node));
             const std::string ours = level == "warn" ? "warning" : level;
             if (ours == "debug" || ours == "info" || ours == "warning" || ours == "error") {
                 into.mapped(line_of(node), key, "log_level", quoted(ours));
             } else {
                 into.left_out(line_of(node), key, "is none of debug, info, warn, error");
             }
         }},
        {"log-format", left_out("the log is text, one line each")},
        {"prefetch", left_out("policies in use are always fetched again daily, and when their id changes")},
        {"cache-file",
         left_out("policies are kept in the database below state_dir; each is fetched again at first use")},
        {"tlsrpt",
         [](Import& into, const YAML::Node& node, const std::string& key) {
             into.left_out(line_of(node), key, is_true(text_of(node)) ? tlsrpt_hint : "is so under the map name QUERY");
         }},
        {"strict", left_out("mode testing is never enforced; an override can demand more of a domain")},
    };
    const Rules dns = {{"address", [](Import& into, const YAML::Node& node, const std::string& key) {
                            const std::string address = text_of(node);
                            if (net::parse_listen_address(address)) {
                                into.mapped(line_of(node), key, "resolver.servers", "[" + quoted(address) + "]");
                            } else {
                                into.left_out(line_of(node), key,
                                              printable(address, 100) + " is no address with a port");
                            }
                        }}};
    apply(out, root, "",
          {{"server",
            [&](Import& into, const YAML::Node& node, const std::string&) { apply(into, node, "server.", server); }},
           {"dns", [&](Import& into, const YAML::Node& node, const std::string&) { apply(into, node, "dns.", dns); }},
           {"redis", left_out("policies are kept in the database below state_dir")}});
    if (!root["server"] || !root["server"]["address"]) {
        out.listen_text(0, "server.address (default)", "policyd.listen", "127.0.0.1:8642");
    }
    if (!root["dns"] || !root["dns"]["address"]) {
        out.left_out(0, "dns.address (default)",
                     "/etc/resolv.conf is not read: Postseal asks the name servers of the world itself, or those of "
                     "[resolver] servers");
    }
    return out.finish();
}

const Rules zone_rules = {
    {"strict_testing",
     [](Import& into, const YAML::Node& node, const std::string& key) {
         into.left_out(line_of(node), key,
                       is_true(text_of(node))
                           ? "mode testing is never enforced (RFC 8461 §5); use an override where it is to be"
                           : "is always so: mode testing is never enforced");
     }},
    {"timeout",
     left_out("RFC 8461 §3.3 asks for a minute, and nobody waits longer than policyd.first_lookup_timeout_s")},
    {"require_sni", [](Import& into, const YAML::Node& node,
                       const std::string& key) { into.flag(line_of(node), key, "policyd.servername", text_of(node)); }},
    {"tlsrpt",
     [](Import& into, const YAML::Node& node, const std::string& key) {
         into.left_out(line_of(node), key, is_true(text_of(node)) ? tlsrpt_hint : "is so under any other map name");
     }},
};

ImportedConfig import_resolver(const YAML::Node& root) {
    Import out("postfix-mta-sts-resolver");
    const std::string port = root["port"] ? text_of(root["port"]) : "8461";
    const bool by_path = static_cast<bool>(root["path"]);
    const Rules rules = {
        {"path",
         [](Import& into, const YAML::Node& node, const std::string& key) {
             into.listen(line_of(node), key, "policyd.listen", {"unix:" + text_of(node)});
         }},
        {"host",
         [&](Import& into, const YAML::Node& node, const std::string& key) {
             if (by_path) {
                 into.left_out(line_of(node), key, "path comes before it");
             } else {
                 into.listen(line_of(node), key, "policyd.listen", listen_addresses(text_of(node), port));
             }
         }},
        {"port",
         [&](Import& into, const YAML::Node& node, const std::string& key) {
             if (by_path) {
                 into.left_out(line_of(node), key, "path comes before it");
             } else if (!root["host"]) {
                 into.listen(line_of(node), key, "policyd.listen", {"127.0.0.1:" + port});
             }
         }},
        {"mode", [](Import& into, const YAML::Node& node,
                    const std::string& key) { into.socket_mode(line_of(node), key, text_of(node)); }},
        {"cache_grace",
         [](Import& into, const YAML::Node& node, const std::string& key) {
             const std::string text = text_of(node);
             const auto seconds = parse_decimal(std::string_view(text).substr(0, text.find('.')));
             if (seconds && *seconds <= 86'400) {
                 into.mapped(line_of(node), key, "policyd.id_recheck_min_s", std::to_string(*seconds));
             } else {
                 into.left_out(line_of(node), key, "is no number of seconds up to a day");
             }
         }},
        {"reuse_port", left_out("one process answers on every core")},
        {"shutdown_timeout", left_out("requests under way are answered within 10 s")},
        {"cache", left_out("policies are kept in the database below state_dir; each is fetched again at first use")},
        {"proactive_policy_fetching", left_out("policies in use are always fetched again daily")},
        {"default_zone", [](Import& into, const YAML::Node& node,
                            const std::string& key) { apply(into, node, key + ".", zone_rules); }},
        {"zones",
         [](Import& into, const YAML::Node& node, const std::string& key) {
             for (const auto& zone : node) {
                 const std::string name = printable(text_of(zone.first), 100);
                 into.left_out(line_of(zone.first), fmt::format("{}.{}", key, name),
                               "the map name works as before, with the settings of all; use overrides for single "
                               "destinations");
             }
         }},
    };
    apply(out, root, "", rules);
    if (!by_path && !root["host"] && !root["port"]) {
        out.listen(0, "host, port (defaults)", "policyd.listen", {"127.0.0.1:8461"});
    }
    return out.finish();
}

bool has_any(const YAML::Node& root, std::initializer_list<const char*> keys) {
    return std::ranges::any_of(keys, [&](const char* key) { return static_cast<bool>(root[key]); });
}

}  // namespace

Result<ImportedConfig> import_config(std::string_view yaml) {
    YAML::Node root;
    try {
        root = YAML::Load(std::string(yaml));
    } catch (const YAML::Exception& error) {
        // yaml-cpp reports bad syntax by exception only.
        return invalid_input(fmt::format("line {}", error.mark.line + 1), error.msg);
    }
    if (root.IsMap() && has_any(root, {"server", "dns", "redis"})) {
        return import_tlspol(root);
    }
    if (root.IsMap() && has_any(root, {"host", "port", "path", "cache", "cache_grace", "default_zone", "zones"})) {
        return import_resolver(root);
    }
    return invalid_input("", "this is neither postfix-tlspol's nor postfix-mta-sts-resolver's configuration");
}

}  // namespace postseal::app
