// [resolver] → the text that libunbound reads. Everything goes through one file: zones added by API calls end the phase
// in which settings are accepted.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.h"
#include "net/listen_address.h"
#include "net/resolver.h"
#include "net/trust_anchors.h"

namespace postseal::net {

namespace {

Result<std::string> quoted(const std::string& path, const char* setting) {
    if (path.find_first_of("\"\n\r\\") != std::string::npos) {
        return invalid_input(setting, "a path with quotes, backslashes or line ends");
    }
    if (::access(path.c_str(), R_OK) != 0) {
        return Error{Errc::unavailable, setting, "cannot read " + printable(path)};
    }
    return "\"" + path + "\"";
}

// The root's key-signing keys of 2017 and 2024, as IANA publishes them and Debian's dns-root-data ships them: for a
// machine that lacks the package whose file is the default. Where there is a file, only the file counts (decision 9).
constexpr std::array<std::string_view, 2> built_in_anchors = {
    ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"};

// "127.0.0.1", "127.0.0.1:53", "127.0.0.1@53", "::1", "[::1]:53", "::1@53" → "ADDRESS@PORT"
Result<std::string> server(const std::string& text, const char* setting) {
    const std::size_t at = text.rfind('@');
    if (at != std::string::npos) {
        const auto address = dns::IpAddress::parse(text.substr(0, at));
        const auto port = parse_decimal(text.substr(at + 1));
        if (!address || !port || *port == 0 || *port > 65535) {
            return invalid_input(setting, "'" + printable(text, 100) + "' is not ADDRESS@PORT");
        }
        return address->text() + "@" + std::to_string(*port);
    }
    if (const auto address = dns::IpAddress::parse(text)) {
        return address->text() + "@53";
    }
    const auto listen = parse_listen_address(text);
    if (!listen || listen->kind != ListenAddress::Kind::ip || listen->port == 0) {
        return invalid_input(setting, "'" + printable(text, 100) + "' is not ADDRESS, ADDRESS:PORT or ADDRESS@PORT");
    }
    return listen->address.text() + "@" + std::to_string(listen->port);
}

// The zones that the file holds DS or DNSKEY records for.
std::set<dns::Name> anchored_zones(const std::string& path) {
    std::set<dns::Name> zones;
    std::ifstream file(path);
    std::string line;
    std::optional<dns::Name> owner;
    while (std::getline(file, line)) {
        std::istringstream words(line.substr(0, line.find(';')));
        const bool continues = line.empty() || is_wsp(line[0]);
        std::string word;
        if (!continues && words >> word) {
            const auto name = dns::Name::parse(word);
            owner = name ? std::optional(*name) : std::nullopt;
        }
        while (words >> word) {
            if (owner && (iequals(word, "DS") || iequals(word, "DNSKEY"))) {
                zones.insert(*owner);
            }
        }
    }
    return zones;
}

// RFC 6761, RFC 6762, RFC 8375, RFC 9476 and the names that networks use inside: not delegated in the public DNS.
bool is_special_use(const dns::Name& zone) {
    static constexpr std::array<std::string_view, 12> top = {"test",  "example",  "invalid", "localhost",
                                                             "local", "internal", "alt",     "lan",
                                                             "home",  "corp",     "onion",   "intranet"};
    const auto labels = zone.labels();
    return !labels.empty() &&
           (std::ranges::find(top, labels.back()) != top.end() || zone.text().ends_with("home.arpa"));
}

bool lacks_dnssec(const StubZone& stub, const std::set<dns::Name>& anchors) {
    if (stub.insecure) {
        return *stub.insecure;
    }
    const bool anchored = std::ranges::any_of(
        anchors, [&](const dns::Name& anchor) { return !anchor.is_root() && stub.zone.is_under(anchor); });
    return !anchored && !stub.zone.is_root() && (stub.zone.label_count() == 1 || is_special_use(stub.zone));
}

}  // namespace

ResolverSettings ResolverSettings::iterating() const {
    ResolverSettings copy = *this;
    copy.servers.clear();
    return copy;
}

bool is_absent_default(const std::string& path, const std::string& default_path) {
    return path == default_path && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
}

std::vector<dns::Name> anchored_zones(const ResolverSettings& settings) {
    if (is_absent_default(settings.trust_anchor_file, ResolverSettings().trust_anchor_file)) {
        return {dns::Name()};
    }
    const std::set<dns::Name> zones = anchored_zones(settings.trust_anchor_file);
    std::vector<dns::Name> out(zones.begin(), zones.end());
    std::stable_partition(out.begin(), out.end(), [](const dns::Name& zone) { return zone.is_root(); });
    return out;
}

Result<std::string> unbound_configuration(const ResolverSettings& settings) {
    std::string text =
        "server:\n"
        "  module-config: \"validator iterator\"\n"
        "  do-not-query-localhost: no\n"
        "  use-syslog: no\n"
        "  verbosity: 0\n"
        "  val-log-level: 0\n"
        "  edns-buffer-size: 1232\n"
        "  qname-minimisation: yes\n"
        "  harden-dnssec-stripped: yes\n"
        "  harden-glue: yes\n"
        "  harden-below-nxdomain: yes\n"
        "  aggressive-nsec: yes\n"
        "  prefetch: no\n"
        "  serve-expired: no\n"
        "  minimal-responses: yes\n"
        "  cache-max-ttl: 86400\n"
        "  num-queries-per-thread: 2048\n"
        "  unblock-lan-zones: yes\n"
        "  insecure-lan-zones: yes\n"
        // Unbound answers these itself, with NXDOMAIN; who forwards or has a stub zone for them wants to hear the
        // servers.
        "  local-zone: \"test.\" nodefault\n"
        "  local-zone: \"home.arpa.\" nodefault\n";
    // Records need twice the room of messages (unbound.conf(5)).
    text += "  msg-cache-size: " + std::to_string(settings.cache_max_mb * 1024 / 3) + "k\n";
    text += "  rrset-cache-size: " + std::to_string(settings.cache_max_mb * 1024 * 2 / 3) + "k\n";
    text += "  cache-max-negative-ttl: " + std::to_string(settings.negative_ttl_s_max) + "\n";

    std::set<dns::Name> anchors;
    if (is_absent_default(settings.trust_anchor_file, ResolverSettings().trust_anchor_file)) {
        for (const std::string_view anchor : built_in_anchors) {
            text += "  trust-anchor: \"" + std::string(anchor) + "\"\n";
        }
        anchors = {dns::Name()};
    } else if (!settings.trust_anchor_file.empty()) {
        POSTSEAL_TRY(const std::string path, quoted(settings.trust_anchor_file, "trust_anchor_file"));
        text += "  trust-anchor-file: " + path + "\n";
        anchors = anchored_zones(settings.trust_anchor_file);
        if (anchors.empty()) {
            return invalid_input("trust_anchor_file",
                                 "no DS or DNSKEY record in " + printable(settings.trust_anchor_file));
        }
    }
    const bool root_stub =
        std::ranges::any_of(settings.stub_zones, [](const StubZone& stub) { return stub.zone.is_root(); });
    // Without root-hints libunbound has its own.
    if (settings.servers.empty() && !root_stub && !settings.root_hints.empty() &&
        !is_absent_default(settings.root_hints, ResolverSettings().root_hints)) {
        POSTSEAL_TRY(const std::string path, quoted(settings.root_hints, "root_hints"));
        text += "  root-hints: " + path + "\n";
    }
    for (const StubZone& stub : settings.stub_zones) {
        if (!stub.zone.is_root() && stub.zone.text() != "test" && stub.zone.text() != "home.arpa") {
            text += "  local-zone: \"" + stub.zone.fqdn() + "\" nodefault\n";
        }
        if (lacks_dnssec(stub, anchors)) {
            text += "  domain-insecure: \"" + stub.zone.fqdn() + "\"\n";
        }
    }
    for (const StubZone& stub : settings.stub_zones) {
        text += "stub-zone:\n  name: \"" + (stub.zone.is_root() ? std::string(".") : stub.zone.fqdn()) + "\"\n";
        if (stub.servers.empty()) {
            return invalid_input("stub_zones", stub.zone.fqdn() + " has no servers");
        }
        for (const std::string& one : stub.servers) {
            POSTSEAL_TRY(const std::string address, server(one, "stub_zones"));
            text += "  stub-addr: " + address + "\n";
        }
    }
    if (!settings.servers.empty()) {
        text += "forward-zone:\n  name: \".\"\n";
        for (const std::string& one : settings.servers) {
            POSTSEAL_TRY(const std::string address, server(one, "servers"));
            text += "  forward-addr: " + address + "\n";
        }
    }
    return text;
}

}  // namespace postseal::net
