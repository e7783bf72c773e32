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

// The attention that a moved listener gets; empty where it has not moved.
std::string attention(const ImportedConfig& imported) {
    return imported.notes.empty() || imported.notes.back().key != "ATTENTION" ? "" : imported.notes.back().what;
}

TEST(ImportConfig, AValueOfTheWrongShapeIsNeverAWiderListener) {
    for (const std::string yaml :
         {"host: [127.0.0.1, \"::1\"]\nport: 9000\n", "host: {a: b}\nport: 9000\n", "host: null\nport: 9000\n",
          "host: mail.example.com\nport: 9000\n", "host: '*'\nport: 9000\n"}) {
        const auto imported = import_config(yaml);
        ASSERT_TRUE(imported) << yaml;
        const Config config = read(*imported);
        ASSERT_EQ(config.policyd.listen.size(), 1U) << yaml;
        EXPECT_EQ(config.policyd.listen.at(0).text(), "127.0.0.1:8461") << yaml;
        EXPECT_FALSE(note(*imported, "host").mapped) << yaml;
        EXPECT_NE(note(*imported, "port").what.find("9000"), std::string::npos) << yaml;
        EXPECT_NE(attention(*imported).find("9000"), std::string::npos) << yaml;
        EXPECT_NE(imported->toml.find("# ATTENTION"), std::string::npos) << yaml;
    }
    for (const std::string yaml : {"host: 127.0.0.1\nport: [1]\n", "host: 127.0.0.1\nport: null\n", "path: [/a]\n",
                                   "server: {address: [127.0.0.1:8642]}\n", "server: hello\n", "server: [a]\n",
                                   "server: {address: \"mail.example.com:8642\"}\n", "server: {address: ''}\n"}) {
        const auto imported = import_config(yaml);
        ASSERT_TRUE(imported) << yaml;
        EXPECT_EQ(read(*imported).policyd.listen.at(0).text(), "127.0.0.1:8461") << yaml;
        EXPECT_NE(attention(*imported).find("main.cf"), std::string::npos) << yaml;
    }
    for (const std::string yaml : {"host: 127.0.0.1\n", "server: {address: ':8642'}\n", "server:\n", "mode: 0700\n",
                                   "server: {metrics-address: [a]}\n"}) {
        EXPECT_EQ(attention(*import_config(yaml)), "") << yaml;
    }
}

TEST(ImportConfig, WrongShapesAreSaidWithTheirLine) {
    const struct {
        std::string yaml;
        std::string key;
        int line;
        std::string what;
    } rows[] = {
        {"\nserver: hello\n", "server", 2, "is a single value, not a table"},
        {"server: [a]\n", "server", 1, "is a list, not a table"},
        {"server: {}\ndns: 127.0.0.1:53\n", "dns", 2, "is a single value, not a table"},
        {"server:\n  address:\n  - a\n", "server.address", 2, "is a list, not a single value"},
        {"server:\n  log-level: {a: b}\n", "server.log-level", 2, "is a table, not a single value"},
        {"zones: [a, b]\n", "zones", 1, "is a list, not a table"},
        {"zones: abc\n", "zones", 1, "is a single value, not a table"},
        {"zones:\n  a: 1\n", "zones.a", 2, "is a single value, not a table"},
        {"default_zone: 1\n", "default_zone", 1, "is a single value, not a table"},
        {"port: 1\nmode: [1]\n", "mode", 2, "is a list, not a single value"},
        {"port: 1\n? [a, b]\n: c\n", "(a key that is a list)", 2, "is not known"},
        {"default_zone:\n  require_sni: maybe\n", "default_zone.require_sni", 2,
         "is none of true, yes, on, false, no, off"},
        {"default_zone:\n  require_sni: \"no\"\n", "default_zone.require_sni", 2,
         "is none of true, yes, on, false, no, off"},
        {"server:\n  tlsrpt: 1\n", "server.tlsrpt", 2, "is none of true, yes, on, false, no, off"},
        {"port: 1\ncache_grace: 60s\n", "cache_grace", 2, "is no number of seconds up to a day"},
        {"port: 1\ncache_grace: 60.x\n", "cache_grace", 2, "is no number of seconds up to a day"},
    };
    for (const auto& row : rows) {
        const auto imported = import_config(row.yaml);
        ASSERT_TRUE(imported) << row.yaml << imported.error().message();
        read(*imported);
        EXPECT_FALSE(note(*imported, row.key).mapped) << row.yaml;
        EXPECT_EQ(note(*imported, row.key).line, row.line) << row.yaml;
        EXPECT_EQ(note(*imported, row.key).what, row.what) << row.yaml;
    }
}

TEST(ImportConfig, WhatOurReaderRefusesDoesNotComeOut) {
    const struct {
        std::string yaml;
        std::string error;
    } rows[] = {
        {"server:\n  address: 127.0.0.1:1\n  address: 127.0.0.1:2\n",
         "line 3: server.address: stands in line 2 already"},
        {"host: 127.0.0.1\nhost: 127.0.0.2\n", "line 2: host: stands in line 1 already"},
        {"server:\n  address: 127.0.0.1:1\n  metrics-address: 127.0.0.1:1\n",
         "line 2: server.address: 127.0.0.1:1 stands in metrics.listen already"},
        {"server:\n  address: \"unix:/run/\xff\"\n", ""},
        {"base: &b {address: \"127.0.0.1:9000\"}\nserver:\n  <<: *b\n",
         "line 3: server.<<: a merge key is not followed: write out the keys that it stands for"},
        {"<<: {path: /run/x}\nport: 1\n",
         "line 1: <<: a merge key is not followed: write out the keys that it stands for"},
        {"port: 1\nzones:\n  <<: {a: {}}\n",
         "line 3: zones.<<: a merge key is not followed: write out the keys that it stands for"},
    };
    for (const auto& row : rows) {
        const auto imported = import_config(row.yaml);
        ASSERT_FALSE(imported) << imported->toml;
        if (!row.error.empty()) {
            EXPECT_EQ(imported.error().message(), row.error);
        }
    }
    const auto odd = import_config("server:\n  address: \"unix:/run/a\\\"b\\nc\\x7f.sock\"\n");
    ASSERT_TRUE(odd) << odd.error().message();
    EXPECT_EQ(read(*odd).policyd.listen.at(0).path, "/run/a\"b\nc\x7f.sock");
}

TEST(ImportConfig, NothingIsLostWithoutAWord) {
    const auto null_path = import_config("path: null\nhost: 127.0.0.2\nport: 9000\n");
    ASSERT_TRUE(null_path);
    EXPECT_EQ(read(*null_path).policyd.listen.at(0).text(), "127.0.0.2:9000");
    EXPECT_EQ(note(*null_path, "path").what, "has no value: host and port count");
    EXPECT_TRUE(note(*null_path, "port").mapped);

    const auto zone = import_config("zones:\n  postfix:\n    tlsrpt: true\n    require_sni: false\n");
    ASSERT_TRUE(zone);
    EXPECT_NE(note(*zone, "zones.postfix.tlsrpt").what.find("QUERYwithTLSRPT"), std::string::npos);
    EXPECT_EQ(note(*zone, "zones.postfix.tlsrpt").line, 3);
    EXPECT_NE(note(*zone, "zones.postfix.require_sni").what.find("policyd.servername"), std::string::npos);
    EXPECT_TRUE(read(*zone).policyd.servername) << "one zone does not decide for all";

    EXPECT_FALSE(read(*import_config("default_zone: {require_sni: off}\n")).policyd.servername);
}

TEST(ImportConfig, TlspolsNameServer) {
    const struct {
        std::string theirs;
        std::string ours;
    } rows[] = {
        {"localhost:53", "127.0.0.1:53"}, {"localhost", "127.0.0.1:53"},    {"127.0.0.1", "127.0.0.1:53"},
        {"\"::1\"", "[::1]:53"},          {"\"[::1]:5353\"", "[::1]:5353"},
    };
    for (const auto& row : rows) {
        const auto imported = import_config("dns:\n  address: " + row.theirs + "\n");
        ASSERT_TRUE(imported) << row.theirs;
        EXPECT_EQ(read(*imported).resolver.servers, (std::vector<std::string>{row.ours})) << row.theirs;
    }
    for (const std::string theirs : {"dns.example.com:53", "unix:/run/dns", "127.0.0.1:0", "':53'"}) {
        const auto imported = import_config("dns:\n  address: " + theirs + "\n");
        ASSERT_TRUE(imported) << theirs;
        EXPECT_FALSE(note(*imported, "dns.address").mapped) << theirs;
    }
}

TEST(ImportConfig, EveryKeyIsOptional) {
    for (const std::string yaml : {"shutdown_timeout: 20\nreuse_port: false\n", "mode: 0700\n",
                                   "proactive_policy_fetching: {enabled: true}\n"}) {
        const auto imported = import_config(yaml);
        ASSERT_TRUE(imported) << yaml;
        EXPECT_EQ(imported->program, "postfix-mta-sts-resolver");
        EXPECT_EQ(read(*imported).policyd.listen.at(0).text(), "127.0.0.1:8461");
    }
    EXPECT_EQ(read(*import_config("server: {}\n")).policyd.listen.at(0).text(), "127.0.0.1:8642");
    EXPECT_EQ(read(*import_config("server:\n  address:\n")).policyd.listen.at(0).text(), "127.0.0.1:8642");
    for (const std::string yaml : {"", "# nothing\n", "{}\n"}) {
        const auto empty = import_config(yaml);
        ASSERT_FALSE(empty);
        EXPECT_TRUE(empty.error().what.starts_with("the file is empty")) << empty.error().what;
    }
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
