#include "app/import_config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "app/config.h"
#include "base/text.h"
#include "net/listen_address.h"

namespace postseal::app {

namespace {

using Note = ImportedConfig::Note;

int line_of(const YAML::Node& node) {
    return node.Mark().line + 1;
}

// A TOML basic string.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\u{:04X}", byte);
        } else {
            out += c;
        }
    }
    return out + "\"";
}

bool is_any(const std::string& text, std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return iequals(text, word); });
}

// The booleans of YAML 1.1, which both programs read; a quoted word is a text, and none.
std::optional<bool> flag_of(const YAML::Node& node) {
    const bool text = node.Tag() == "!";
    if (!text && is_any(node.Scalar(), {"true", "yes", "on"})) {
        return true;
    }
    return !text && is_any(node.Scalar(), {"false", "no", "off"}) ? std::optional(false) : std::nullopt;
}
constexpr std::string_view no_flag = "is none of true, yes, on, false, no, off";

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
    if (host.empty()) {
        return {"0.0.0.0:" + port, "[::]:" + port};
    }
    if (host == "localhost") {
        return {"127.0.0.1:" + port};
    }
    return {host.find(':') == std::string::npos ? host + ":" + port : fmt::format("[{}]:{}", host, port)};
}

// The name server that theirs asks, as ours is told it: "127.0.0.53:53". Nothing where the text names no address.
std::optional<std::string> name_server(const std::string& text) {
    std::string server = text;
    if (text == "localhost") {
        server = "127.0.0.1:53";
    } else if (text.starts_with("localhost:")) {
        server = "127.0.0.1" + text.substr(text.find(':'));
    } else if (dns::IpAddress::parse(text)) {
        server = listen_addresses(text, "53").front();
    }
    const auto parsed = net::parse_listen_address(server);
    const bool fine = parsed && parsed->kind == net::ListenAddress::Kind::ip && parsed->port != 0;
    return fine ? std::optional(server) : std::nullopt;
}

constexpr std::string_view policyd_listen = "policyd.listen";

class Import {
public:
    explicit Import(std::string program) { imported_.program = std::move(program); }

    void mapped(int line, std::string_view key, std::string_view ours, const std::string& value) {
        const std::size_t dot = ours.rfind('.');
        const std::string section(dot == std::string_view::npos ? "" : ours.substr(0, dot));
        sections_[section].push_back(
            fmt::format("{} = {}", ours.substr(dot == std::string_view::npos ? 0 : dot + 1), value));
        also_mapped(line, key, ours);
    }
    // A key that went into what another one was mapped to.
    void also_mapped(int line, std::string_view key, std::string_view ours) {
        imported_.notes.push_back({line, std::string(key), true, std::string(ours)});
    }
    void left_out(int line, std::string_view key, std::string why) {
        imported_.notes.push_back({line, std::string(key), false, std::move(why)});
    }

    // Whoever asks at the old address finds nobody there any more.
    void moved_from(std::string_view address) { moved_from_ = printable(address, 120); }
    void refuse(Error error) {
        if (!refused_) {
            refused_ = std::move(error);
        }
    }

    // False: not mapped, which is said.
    bool listen(int line, std::string_view key, std::string_view ours, const std::vector<std::string>& addresses) {
        std::string value;
        for (const std::string& address : addresses) {
            if (const auto parsed = net::parse_listen_address(address); !parsed) {
                left_out(line, key, fmt::format("{}: {}", printable(address, 120), parsed.error().what));
                if (ours == policyd_listen) {
                    moved_from(address);
                }
                return false;
            }
            value += (value.empty() ? "" : ", ") + quoted(address);
        }
        mapped(line, key, ours, addresses.size() == 1 ? value : "[" + value + "]");
        return true;
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

    // What comes out is read by our own reader before anybody sees it.
    Result<ImportedConfig> finish() {
        if (refused_) {
            return *refused_;
        }
        write();
        if (const auto read = parse_config(imported_.toml, "toml"); !read) {
            return as_theirs(read.error().front());
        }
        return std::move(imported_);
    }

private:
    void write() {
        std::ranges::stable_sort(imported_.notes, {}, &Note::line);
        std::string& out = imported_.toml;
        out = "# From a configuration of " + imported_.program + ".\n";
        if (moved_from_) {
            const std::string what = fmt::format(
                "the result does not listen where the old daemon did ({}) but on 127.0.0.1:8461: change the map in "
                "smtp_tls_policy_maps of main.cf, or write [policyd] listen",
                *moved_from_);
            out += "# ATTENTION: " + what + ".\n";
            left_out(0, "ATTENTION", what);
        }
        sections_["policyd"];  // the section that switches the role on
        for (const auto& [section, lines] : sections_) {
            if (!section.empty()) {
                out += fmt::format("[{}]\n", section);
            }
            for (const std::string& line : lines) {
                out += line + "\n";
            }
        }
    }
    // An error of our reader ("toml:LINE: KEY") with the line and the key that it comes from.
    [[nodiscard]] Error as_theirs(const Error& error) const {
        const std::size_t space = error.where.rfind(' ');
        const std::string ours = space == std::string::npos ? "" : error.where.substr(space + 1);
        const auto note =
            std::ranges::find_if(imported_.notes, [&](const Note& one) { return one.mapped && one.what == ours; });
        if (note == imported_.notes.end()) {
            return invalid_input("what comes out is refused", error.what);
        }
        return invalid_input(fmt::format("line {}: {}", note->line, note->key), error.what);
    }

    ImportedConfig imported_;
    std::optional<std::string> moved_from_;
    std::optional<Error> refused_;
    std::map<std::string, std::vector<std::string>> sections_;  // "" first: keys outside of sections come first in TOML
};

enum class Shape { value, table, any };

// One key of theirs: what becomes of it, called where the value has the shape.
struct Rule {
    Shape shape = Shape::any;
    std::function<void(Import&, int line, const std::string& key, const YAML::Node&)> apply;
};
using Rules = std::map<std::string, Rule>;

std::string_view shape_of(const YAML::Node& node) {
    if (node.IsNull()) {
        return "has no value";
    }
    return node.IsSequence() ? "is a list" : node.IsMap() ? "is a table" : "is a single value";
}

std::string wrong_shape(const YAML::Node& node, Shape wanted) {
    const std::string is(shape_of(node));
    return node.IsNull() ? is : is + (wanted == Shape::table ? ", not a table" : ", not a single value");
}

// A key's name; one that is no text gets none of its own.
std::string name_of(const YAML::Node& key) {
    return key.IsScalar() ? printable(key.Scalar(), 100) : fmt::format("(a key that {})", shape_of(key));
}

Rule value(std::function<void(Import&, int, const std::string&, const YAML::Node&)> apply) {
    return {Shape::value, std::move(apply)};
}

Rule left_out(std::string why) {
    return {Shape::any, [why = std::move(why)](Import& out, int line, const std::string& key, const YAML::Node&) {
                out.left_out(line, key, why);
            }};
}

// A flag that is left out, with a reason for each side.
Rule left_out_flag(std::string why_on, std::string why_off) {
    return value([why_on = std::move(why_on), why_off = std::move(why_off)](
                     Import& out, int line, const std::string& key, const YAML::Node& node) {
        const auto flag = flag_of(node);
        out.left_out(line, key, !flag ? std::string(no_flag) : *flag ? why_on : why_off);
    });
}

// A merge key of YAML 1.1 brings in another table's keys, as both programs read it and yaml-cpp does not: an address
// that came that way would be missed, and its default taken for it.
void refuse_merge_keys(Import& out, const YAML::Node& table, const std::string& prefix) {
    for (const auto& member : table) {
        if (member.first.IsScalar() && member.first.Scalar() == "<<" && member.first.Tag() != "!") {
            out.refuse(invalid_input(fmt::format("line {}: {}<<", line_of(member.first), prefix),
                                     "a merge key is not followed: write out the keys that it stands for"));
        }
    }
}

// Every key of a table, each by its rule; one that nobody knows is said to be unknown.
void apply(Import& out, const YAML::Node& table, const std::string& prefix, const Rules& rules) {
    refuse_merge_keys(out, table, prefix);
    std::map<std::string, int> seen;
    for (const auto& member : table) {
        const int line = line_of(member.first);
        const std::string name = name_of(member.first);
        const std::string key = prefix + name;
        const YAML::Node& node = member.second;
        if (const auto [earlier, first] = seen.emplace(name, line); !first) {
            out.refuse(invalid_input(fmt::format("line {}: {}", line, key),
                                     fmt::format("stands in line {} already", earlier->second)));
        }
        const auto rule = rules.find(name);
        if (rule == rules.end()) {
            out.left_out(line, key, "is not known");
        } else if (rule->second.shape == Shape::any || (rule->second.shape == Shape::value && node.IsScalar()) ||
                   (rule->second.shape == Shape::table && node.IsMap())) {
            rule->second.apply(out, line, key, node);
        } else {
            out.left_out(line, key, wrong_shape(node, rule->second.shape));
        }
    }
}

Rule table(const Rules& rules) {
    return {Shape::table, [&rules](Import& out, int, const std::string& key, const YAML::Node& node) {
                apply(out, node, key + ".", rules);
            }};
}

// A key of a table with its line; nothing where the table lacks it, or is none.
struct Entry {
    int line = 0;
    YAML::Node node;
};
std::optional<Entry> entry(const YAML::Node& table, std::string_view name) {
    if (table.IsMap()) {
        for (const auto& member : table) {
            if (member.first.IsScalar() && member.first.Scalar() == name) {
                return Entry{line_of(member.first), member.second};
            }
        }
    }
    return std::nullopt;
}

const std::string tlsrpt_hint =
    "Postfix 3.10 gets the attributes for TLSRPT under the map name QUERYwithTLSRPT: write that in "
    "smtp_tls_policy_maps";

void take_log_level(Import& out, int line, const std::string& key, const YAML::Node& node) {
    const std::string level = to_lower(node.Scalar());
    const std::string ours = level == "warn" ? "warning" : level;
    if (ours == "debug" || ours == "info" || ours == "warning" || ours == "error") {
        out.mapped(line, key, "log_level", quoted(ours));
    } else {
        out.left_out(line, key, "is none of debug, info, warn, error");
    }
}

void take_socket_mode(Import& out, int line, const std::string& key, const YAML::Node& node) {
    out.socket_mode(line, key, node.Scalar());
}

void take_name_server(Import& out, int line, const std::string& key, const YAML::Node& node) {
    if (const auto server = name_server(node.Scalar())) {
        out.mapped(line, key, "resolver.servers", "[" + quoted(*server) + "]");
    } else {
        out.left_out(line, key, printable(node.Scalar(), 100) + " is no address with a port");
    }
}

Rule listen_rule(std::string ours) {
    return value([ours = std::move(ours)](Import& out, int line, const std::string& key, const YAML::Node& node) {
        out.listen_text(line, key, ours, node.Scalar());
    });
}

Result<ImportedConfig> import_tlspol(const YAML::Node& root) {
    Import out("postfix-tlspol");
    const Rules server_rules = {
        {"address", listen_rule(std::string(policyd_listen))},
        {"metrics-address", listen_rule("metrics.listen")},
        {"socket-permissions", value(take_socket_mode)},
        {"log-level", value(take_log_level)},
        {"log-format", left_out("the log is text, one line each")},
        {"prefetch", left_out("policies in use are always fetched again daily, and when their id changes")},
        {"cache-file",
         left_out("policies are kept in the database below state_dir; each is fetched again at first use")},
        {"tlsrpt", left_out_flag(tlsrpt_hint, "is so under the map name QUERY")},
        {"strict", left_out("mode testing is never enforced; an override can demand more of a domain")},
    };
    const Rules dns_rules = {{"address", value(take_name_server)}};
    apply(out, root, "",
          {{"server", table(server_rules)},
           {"dns", table(dns_rules)},
           {"redis", left_out("policies are kept in the database below state_dir")}});

    const auto server = entry(root, "server");
    const auto address = server ? entry(server->node, "address") : std::nullopt;
    if ((server && !server->node.IsMap() && !server->node.IsNull()) ||
        (address && !address->node.IsScalar() && !address->node.IsNull())) {
        out.moved_from("unless told otherwise 127.0.0.1:8642");
    } else if (!address || address->node.IsNull()) {
        out.listen_text(0, "server.address (default)", policyd_listen, "127.0.0.1:8642");
    }
    const auto dns = entry(root, "dns");
    if (!dns || !entry(dns->node, "address")) {
        out.left_out(0, "dns.address (default)",
                     "/etc/resolv.conf is not read: Postseal asks the name servers of the world itself, or those of "
                     "[resolver] servers");
    }
    return out.finish();
}

const Rules default_zone_rules = {
    {"strict_testing", left_out_flag("mode testing is never enforced (RFC 8461 §5); use an override where it is to be",
                                     "is always so: mode testing is never enforced")},
    {"timeout",
     left_out("RFC 8461 §3.3 asks for a minute, and nobody waits longer than policyd.first_lookup_timeout_s")},
    {"require_sni", value([](Import& into, int line, const std::string& key, const YAML::Node& node) {
         if (const auto flag = flag_of(node)) {
             into.mapped(line, key, "policyd.servername", *flag ? "true" : "false");
         } else {
             into.left_out(line, key, std::string(no_flag));
         }
     })},
    {"tlsrpt", left_out_flag(tlsrpt_hint, "is so under any other map name")},
};

// What a zone has of its own.
Rules named_zone_rules() {
    Rules rules = default_zone_rules;
    rules["require_sni"] = left_out("there is one setting for all map names: policyd.servername");
    return rules;
}

void take_zones(Import& out, int /*line*/, const std::string& key, const YAML::Node& node) {
    static const Rules rules = named_zone_rules();
    refuse_merge_keys(out, node, key + ".");
    for (const auto& zone : node) {
        const std::string name = fmt::format("{}.{}", key, name_of(zone.first));
        const int line = line_of(zone.first);
        if (!zone.second.IsMap() && !zone.second.IsNull()) {
            out.left_out(line, name, wrong_shape(zone.second, Shape::table));
            continue;
        }
        out.left_out(line, name,
                     "the map name works as before, with the settings of all; use overrides for single destinations");
        if (zone.second.IsMap()) {
            apply(out, zone.second, name + ".", rules);
        }
    }
}

void take_cache_grace(Import& out, int line, const std::string& key, const YAML::Node& node) {
    const std::string& text = node.Scalar();
    const std::size_t point = std::min(text.find('.'), text.size());
    const auto seconds = parse_decimal(std::string_view(text).substr(0, point));
    const bool fraction_fine = point + 1 >= text.size() || parse_decimal(std::string_view(text).substr(point + 1));
    if (seconds && fraction_fine && *seconds <= 86'400) {
        out.mapped(line, key, "policyd.id_recheck_min_s", std::to_string(*seconds));
    } else {
        out.left_out(line, key, "is no number of seconds up to a day");
    }
}

// The three keys that say together where it listens: a path, unless it is null, comes before host and port.
void take_resolver_listen(Import& out, const YAML::Node& root) {
    const auto path = entry(root, "path");
    const auto host = entry(root, "host");
    const auto port = entry(root, "port");
    if (path && !path->node.IsNull()) {
        if (host) {
            out.left_out(host->line, "host", "path comes before it");
        }
        if (port) {
            out.left_out(port->line, "port", "path comes before it");
        }
        if (path->node.IsScalar()) {
            out.listen(path->line, "path", policyd_listen, {"unix:" + path->node.Scalar()});
        } else {
            out.left_out(path->line, "path", wrong_shape(path->node, Shape::value));
            out.moved_from("a path");
        }
        return;
    }
    if (path) {
        out.left_out(path->line, "path", "has no value: host and port count");
    }
    const bool host_fine = !host || host->node.IsScalar();
    const bool port_fine = !port || port->node.IsScalar();
    const std::string port_text = !port ? "8461" : port_fine ? port->node.Scalar() : "its default";
    const std::string with_host =
        fmt::format("goes with host: write [policyd] listen = \"ADDRESS:{}\"", printable(port_text, 20));
    if (!host_fine || !port_fine) {
        if (host) {
            out.left_out(host->line, "host", host_fine ? "goes with port" : wrong_shape(host->node, Shape::value));
        }
        if (port) {
            out.left_out(port->line, "port", port_fine ? with_host : wrong_shape(port->node, Shape::value));
        }
        out.moved_from("port " + port_text);
        return;
    }
    const auto addresses = listen_addresses(host ? host->node.Scalar() : "127.0.0.1", port_text);
    const int line = host ? host->line : port ? port->line : 0;
    const std::string_view key = host ? "host" : port ? "port" : "host, port (defaults)";
    const bool mapped = out.listen(line, key, policyd_listen, addresses);
    if (host && port && mapped) {
        out.also_mapped(port->line, "port", policyd_listen);
    } else if (host && port) {
        out.left_out(port->line, "port", with_host);
    }
}

Result<ImportedConfig> import_resolver(const YAML::Node& root) {
    Import out("postfix-mta-sts-resolver");
    const Rule taken_together = {Shape::any, [](Import&, int, const std::string&, const YAML::Node&) {}};
    apply(out, root, "",
          {
              {"path", taken_together},
              {"host", taken_together},
              {"port", taken_together},
              {"mode", value(take_socket_mode)},
              {"cache_grace", value(take_cache_grace)},
              {"reuse_port", left_out("one process answers on every core")},
              {"shutdown_timeout", left_out("requests under way are answered within 10 s")},
              {"cache",
               left_out("policies are kept in the database below state_dir; each is fetched again at first use")},
              {"proactive_policy_fetching", left_out("policies in use are always fetched again daily")},
              {"default_zone", table(default_zone_rules)},
              {"zones", {Shape::table, take_zones}},
          });
    take_resolver_listen(out, root);
    return out.finish();
}

bool has_any(const YAML::Node& root, std::initializer_list<const char*> keys) {
    return std::ranges::any_of(keys, [&](const char* key) { return entry(root, key).has_value(); });
}

}  // namespace

Result<ImportedConfig> import_config(std::string_view yaml) {
    try {
        const YAML::Node root = YAML::Load(std::string(yaml));
        if (has_any(root, {"server", "dns", "redis"})) {
            return import_tlspol(root);
        }
        if (has_any(root, {"host", "port", "path", "mode", "reuse_port", "shutdown_timeout", "cache", "cache_grace",
                           "proactive_policy_fetching", "default_zone", "zones"})) {
            return import_resolver(root);
        }
        if (root.IsNull() || (root.IsMap() && root.size() == 0)) {
            return invalid_input("",
                                 "the file is empty, and does not tell whose it is: write \"server: {}\" for "
                                 "postfix-tlspol with its defaults, \"port: 8461\" for postfix-mta-sts-resolver");
        }
    } catch (const YAML::Exception& error) {
        // yaml-cpp reports bad syntax by exception only.
        return invalid_input(fmt::format("line {}", error.mark.line + 1), error.msg);
    }
    return invalid_input("", "this is neither postfix-tlspol's nor postfix-mta-sts-resolver's configuration");
}

}  // namespace postseal::app
