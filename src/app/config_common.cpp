// [store], [resolver], [tls], [lab], [metrics]: what every role uses.
#include <algorithm>
#include <optional>

#include "app/config_readers.h"

namespace postseal::app {

namespace {

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

}  // namespace

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

void read_resolver(Section& section, Config& config) {
    section.take_list("servers", config.resolver.servers, resolver_server);
    section.take_text("root_hints", config.resolver.root_hints);
    read_stub_zones(section, config);
    section.take_text("trust_anchor_file", config.resolver.trust_anchor_file);
    section.take_number("cache_max_mb", config.resolver.cache_max_mb, 1, 100'000);
}

void read_tls(Section& section, Config& config) {
    section.take_text("ca_file", config.tls.ca_file);
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

void read_metrics(Section& section, Config& config) {
    section.take_listen("listen", config.metrics.listen);
}

}  // namespace postseal::app
