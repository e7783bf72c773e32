#include "app/config_check.h"

#include <gtest/gtest.h>

namespace postseal::app {
namespace {

Config config_of(std::string_view text) {
    return parse_config(text, "c.toml").value();
}

TEST(ConfigCheck, SaysWhereWhatIsMissingStands) {
    const auto missing = missing_here(
        config_of("[policyd]\nsocket_group = \"no-such-group\"\n[tls]\nca_file = \"/nonexistent/roots\"\n[resolver]\n"
                  "root_hints = \"/nonexistent/hints\"\ntrust_anchor_file = \"/nonexistent/key\"\n"));
    ASSERT_EQ(missing.size(), 4U);
    EXPECT_TRUE(missing[0].message().starts_with("c.toml:4: tls.ca_file: ")) << missing[0].message();
    EXPECT_EQ(missing[1].message(),
              "c.toml:7: resolver.trust_anchor_file: /nonexistent/key: No such file or directory");
    EXPECT_EQ(missing[2].message(), "c.toml:6: resolver.root_hints: /nonexistent/hints: No such file or directory");
    EXPECT_EQ(missing[3].message(), "c.toml:2: policyd.socket_group: there is no group \"no-such-group\"");
    // A default has no line; what is not used is not asked for.
    Config config = config_of("[resolver]\nservers = [\"127.0.0.1\"]\nroot_hints = \"/nonexistent\"\n");
    config.tls.ca_file = "/nonexistent";
    ASSERT_EQ(missing_here(config).size(), 1U);
    EXPECT_TRUE(missing_here(config)[0].message().starts_with("c.toml: tls.ca_file: "));
}

TEST(ConfigCheck, RemarksOnHalfARole) {
    const auto remarks = config_remarks(config_of(
        "[reporter]\norganization_name = \"Example\"\n[hosting]\nzone = \"sts.example.net\"\n[policy_host]\n"));
    ASSERT_EQ(remarks.size(), 2U);
    EXPECT_TRUE(remarks[0].starts_with("c.toml:2: reporter.organization_name: without reporter.contact")) << remarks[0];
    EXPECT_TRUE(remarks[1].starts_with("c.toml:4: hosting.zone: without hosting.addresses")) << remarks[1];
    EXPECT_TRUE(config_remarks(config_of("[policyd]\n")).empty());
}

TEST(ConfigCheck, RemarksOnNothingToDo) {
    for (const std::string text : {"", "[console]\n", "[collector]\n", "roles = [\"console\"]\n[policyd]\n"}) {
        Config config = config_of(text);
        config.sending_only = true;
        const auto remarks = config_remarks(config);
        ASSERT_EQ(remarks.size(), 1U) << text;
        EXPECT_TRUE(remarks[0].starts_with("c.toml: nothing to do: none of [policyd]")) << remarks[0];
    }
    Config config = config_of("[policyd]\n");
    config.sending_only = true;
    EXPECT_TRUE(config_remarks(config).empty());
}

TEST(ConfigCheck, NamesTheKeysThatAReloadLeaves) {
    const Config running = config_of(
        "log_level = \"info\"\n[policyd]\nlisten = [\"127.0.0.1:8461\"]\nsocket_mode = \"0660\"\n[metrics]\n");
    EXPECT_TRUE(keys_for_a_restart(running, running).empty());
    const Config fresh = config_of(
        "log_level = \"debug\"\nstate_dir = \"/srv/postseal\"\n[policyd]\nlisten = [\"127.0.0.1:8461\", "
        "\"unix:/run/a\"]\nfirst_lookup_timeout_s = 5\n[[policyd.override]]\ndomain = \"a.test\"\nlevel = \"may\"\n"
        "[collector]\nsocket = \"/run/c\"\n[metrics]\n");
    EXPECT_EQ(keys_for_a_restart(running, fresh),
              (std::vector<std::string>{"collector.socket", "policyd.listen", "policyd.socket_mode", "state_dir"}));
}

TEST(ConfigCheck, SendingOnlyKeepsTheOtherRolesOff) {
    Config config = config_of("[policyd]\n[console]\n");
    EXPECT_TRUE(config.role_on(Role::console));
    config.sending_only = true;
    EXPECT_FALSE(config.role_on(Role::console));
    EXPECT_TRUE(config.role_on(Role::policyd));
}

}  // namespace
}  // namespace postseal::app
