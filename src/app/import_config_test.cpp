// What becomes of the configurations of the two daemons that Postseal replaces. What comes out is read by our own
// reader.
#include "app/import_config.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "app/config.h"

namespace postseal::app {
namespace {

Config read(const ImportedConfig& imported) {
    auto config = parse_config(imported.toml, "imported.toml");
    EXPECT_TRUE(config) << imported.toml << (config ? "" : config.error().front().message());
    return config ? *config : Config();
}

const ImportedConfig::Note& note(const ImportedConfig& imported, const std::string& key) {
    static const ImportedConfig::Note none;
    const auto found = std::ranges::find(imported.notes, key, &ImportedConfig::Note::key);
    EXPECT_NE(found, imported.notes.end()) << key;
    return found == imported.notes.end() ? none : *found;
}

TEST(ImportConfig, TlspolsKeys) {
    const auto imported = import_config(
        "# lines count from here\n"
        "server:\n"
        "  address: unix:/run/tlspol.sock\n"
        "  metrics-address: localhost:9642\n"
        "  socket-permissions: 0660\n"
        "  log-level: WARN\n"
        "  log-format: json\n"
        "  prefetch: true\n"
        "  tlsrpt: yes\n"
        "  cache-file: /var/lib/cache.db\n"
        "  colour: green\n"
        "dns:\n"
        "  address: 127.0.0.53:53\n");
    ASSERT_TRUE(imported) << imported.error().message();
    EXPECT_EQ(imported->program, "postfix-tlspol");
    const Config config = read(*imported);
    EXPECT_EQ(config.policyd.listen.at(0).text(), "unix:/run/tlspol.sock");
    EXPECT_EQ(config.policyd.socket_mode, 0660U);
    EXPECT_EQ(config.metrics.listen.at(0).text(), "127.0.0.1:9642");
    EXPECT_EQ(config.log_level, "warning");
    EXPECT_EQ(config.resolver.servers, (std::vector<std::string>{"127.0.0.53:53"}));
    EXPECT_TRUE(config.role_on(Role::policyd));

    EXPECT_TRUE(note(*imported, "server.address").mapped);
    EXPECT_EQ(note(*imported, "server.address").line, 3);
    EXPECT_EQ(note(*imported, "server.address").what, "policyd.listen");
    EXPECT_EQ(note(*imported, "dns.address").line, 13);
    for (const std::string key : {"server.log-format", "server.prefetch", "server.tlsrpt", "server.cache-file"}) {
        EXPECT_FALSE(note(*imported, key).mapped) << key;
    }
    EXPECT_NE(note(*imported, "server.tlsrpt").what.find("QUERYwithTLSRPT"), std::string::npos);
    EXPECT_EQ(note(*imported, "server.colour").what, "is not known");
    EXPECT_EQ(note(*imported, "server.colour").line, 11);
}

TEST(ImportConfig, TlspolsDefaultsAreNotOurs) {
    const auto imported = import_config("server:\n  log-level: info\n");
    ASSERT_TRUE(imported);
    EXPECT_EQ(read(*imported).policyd.listen.at(0).text(), "127.0.0.1:8642") << "main.cf keeps working";
    EXPECT_EQ(note(*imported, "server.address (default)").line, 0);
    EXPECT_FALSE(note(*imported, "dns.address (default)").mapped);

    const auto any = import_config("server:\n  address: :8642\n");
    EXPECT_EQ(read(*any).policyd.listen.size(), 2U) << "all addresses of both families";
    const auto name = import_config("server:\n  address: mail.example.com:8642\n");
    EXPECT_FALSE(note(*name, "server.address").mapped) << "which address a name means is not ours to guess";
}

TEST(ImportConfig, TheResolversKeys) {
    const auto imported = import_config(
        "host: 127.0.0.1\n"
        "port: 8461\n"
        "reuse_port: true\n"
        "cache_grace: 90.5\n"
        "shutdown_timeout: 20\n"
        "cache:\n"
        "  type: sqlite\n"
        "  options:\n"
        "    filename: /var/lib/mta-sts/cache.db\n"
        "proactive_policy_fetching:\n"
        "  enabled: true\n"
        "default_zone:\n"
        "  strict_testing: true\n"
        "  timeout: 4\n"
        "  require_sni: false\n"
        "  tlsrpt: true\n"
        "zones:\n"
        "  myzone:\n"
        "    timeout: 4\n");
    ASSERT_TRUE(imported) << imported.error().message();
    EXPECT_EQ(imported->program, "postfix-mta-sts-resolver");
    const Config config = read(*imported);
    EXPECT_EQ(config.policyd.listen.at(0).text(), "127.0.0.1:8461");
    EXPECT_EQ(config.policyd.id_recheck_min_s, 90);
    EXPECT_FALSE(config.policyd.servername);
    EXPECT_EQ(note(*imported, "default_zone.require_sni").what, "policyd.servername");
    EXPECT_EQ(note(*imported, "default_zone.require_sni").line, 15);
    EXPECT_EQ(note(*imported, "zones.myzone").line, 18);
    for (const std::string key : {"reuse_port", "shutdown_timeout", "cache", "proactive_policy_fetching",
                                  "default_zone.strict_testing", "default_zone.timeout", "default_zone.tlsrpt"}) {
        EXPECT_FALSE(note(*imported, key).mapped) << key;
        EXPECT_FALSE(note(*imported, key).what.empty()) << key;
    }
}

TEST(ImportConfig, TheResolversSocket) {
    const auto octal = import_config("path: /var/run/mta-sts/daemon.sock\nmode: 0660\nhost: 127.0.0.1\n");
    ASSERT_TRUE(octal);
    EXPECT_EQ(read(*octal).policyd.listen.at(0).text(), "unix:/var/run/mta-sts/daemon.sock");
    EXPECT_EQ(read(*octal).policyd.socket_mode, 0660U);
    EXPECT_FALSE(note(*octal, "host").mapped) << "the path comes before it";
    EXPECT_EQ(read(*import_config("path: /run/a.sock\nmode: 432\n")).policyd.socket_mode, 0660U) << "decimal";
    EXPECT_FALSE(note(*import_config("path: /run/a.sock\nmode: 99999\n"), "mode").mapped);
    EXPECT_EQ(read(*import_config("port: 9461\n")).policyd.listen.at(0).text(), "127.0.0.1:9461");
    EXPECT_EQ(read(*import_config("host: ::1\n")).policyd.listen.at(0).text(), "[::1]:8461");
}

TEST(ImportConfig, AnythingElseIsRefused) {
    EXPECT_FALSE(import_config(""));
    EXPECT_FALSE(import_config("just a sentence"));
    EXPECT_FALSE(import_config("- a\n- b\n"));
    EXPECT_FALSE(import_config("listen: 1\n"));
    const auto broken = import_config("server:\n  address: [1, 2\n");
    ASSERT_FALSE(broken);
    EXPECT_TRUE(broken.error().where.starts_with("line ")) << broken.error().message();
}

}  // namespace
}  // namespace postseal::app
