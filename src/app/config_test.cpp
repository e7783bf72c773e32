// The configuration file against design §6: defaults, every kind of wrong value with its line, sections and roles.
#include "app/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/testing.h"

namespace postseal::app {
namespace {

std::string first_error(std::string_view text) {
    const auto config = parse_config(text, "c.toml");
    return config ? "" : config.error().front().message();
}

TEST(Config, EmptyFileGivesTheDefaultsOfTheManual) {
    const Config config = parse_config("", "c.toml").value();
    EXPECT_EQ(config.state_dir, "/var/lib/postseal");
    EXPECT_EQ(config.roles.size(), 8U);
    EXPECT_EQ(config.database_url(), "sqlite:/var/lib/postseal/postseal.db");
    EXPECT_EQ(config.master_key_file(), "/var/lib/postseal/master.key");
    EXPECT_EQ(config.api_socket(), "/var/lib/postseal/api.sock");
    EXPECT_EQ(config.policyd.listen.at(0).text(), "127.0.0.1:8461");
    EXPECT_EQ(config.dns.listen.size(), 2U);
    EXPECT_EQ(config.policyd.first_lookup_timeout_s, 20);
    EXPECT_EQ(config.reporter.spread_s, 14'400);
    EXPECT_TRUE(config.acme.empty());
    for (const Role role : config.roles) {
        EXPECT_FALSE(config.role_on(role)) << to_string(role) << ": its section is absent";
    }
}

TEST(Config, RoleIsOnWithItsSectionAndWhatItNeeds) {
    const Config config = parse_config(
                              "roles = [\"policyd\", \"collector\", \"reporter\", \"dns\"]\n[policyd]\n[collector]\n"
                              "[reporter]\norganization_name = \"Example\"\n[console]\n[dns]\n",
                              "c.toml")
                              .value();
    EXPECT_TRUE(config.role_on(Role::policyd));
    EXPECT_TRUE(config.role_on(Role::reporter));
    EXPECT_FALSE(config.role_on(Role::collector)) << "no socket and no listener";
    EXPECT_FALSE(config.role_on(Role::console)) << "not among the roles";
    EXPECT_FALSE(config.role_on(Role::dns)) << "no hosting zone";
}

TEST(Config, ListenKeysTakeOneTextOrSeveral) {
    const Config one = parse_config("[policyd]\nlisten = \"unix:/run/p.sock\"\n", "c.toml").value();
    EXPECT_EQ(one.policyd.listen.at(0).text(), "unix:/run/p.sock");
    const Config two = parse_config("[policyd]\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"]\n", "c.toml").value();
    EXPECT_EQ(two.policyd.listen.size(), 2U);
}

TEST(Config, WrongInputIsRefusedWithFileLineAndKey) {
    struct Case {
        std::string_view text;
        std::string_view where;
        std::string_view reason;
    };
    const Case cases[] = {
        {"no_such_key = 1\n", "c.toml:1: no_such_key", "unknown key at the top"},
        {"\n[policyd]\nlisten = \"127.0.0.1:1\"\nlisen = 1\n", "c.toml:4: policyd.lisen", "unknown key in a section"},
        {"[nonsense]\n", "c.toml:1: nonsense", "unknown section"},
        {"log_level = \"loud\"\n", "c.toml:1: log_level", "not one of the words"},
        {"log_level = 3\n", "c.toml:1: log_level", "not a text"},
        {"roles = [\"policyd\", \"cook\"]\n", "c.toml:1: roles", "unknown role"},
        {"[policyd]\nlisten = \"localhost:1\"\n", "c.toml:2: policyd.listen", "a name, not an address"},
        {"[policyd]\nlisten = \"127.0.0.1:99999\"\n", "c.toml:2: policyd.listen", "port out of range"},
        {"[policyd]\nsocket_mode = \"0888\"\n", "c.toml:2: policyd.socket_mode", "not octal"},
        {"[policyd]\nfirst_lookup_timeout_s = 0\n", "c.toml:2: policyd.first_lookup_timeout_s", "below the range"},
        {"[policyd]\nfirst_lookup_timeout_s = \"20\"\n", "c.toml:2: policyd.first_lookup_timeout_s", "a text"},
        {"[policyd]\nservername = 1\n", "c.toml:2: policyd.servername", "not a flag"},
        {"[policyd]\npartial_dane = \"maybe\"\n", "c.toml:2: policyd.partial_dane", "not one of the words"},
        {"[[policyd.override]]\ndomain = \"example.org\"\nlevel = \"strong\"\n", "c.toml:3: policyd.override.level",
         "no such level"},
        {"[[policyd.override]]\nlevel = \"may\"\n", "c.toml:1: policyd.override.domain", "no domain"},
        {"[[policyd.override]]\ndomain = \"example.org\"\n", "c.toml:1: policyd.override.level", "no level"},
        {"[[policyd.override]]\ndomain = \"a..b\"\nlevel = \"may\"\n", "c.toml:2: policyd.override.domain",
         "an empty label"},
        {"[[policyd.override]]\nlevel = \"secure\"\nmatch = [\"mx.example.org\", \"a b\"]\ndomain = \"example.org\"\n",
         "c.toml:3: policyd.override.match", "Postfix would defer all mail for it"},
        {"[[policyd.override]]\nlevel = \"may\"\nmatch = \"mx.example.org\"\ndomain = \"example.org\"\n",
         "c.toml:3: policyd.override.match", "names that nobody compares"},
        {"[[policyd.override]]\ndomain = \"example.org\"\nlevel = \"may\"\n[[policyd.override]]\n"
         "domain = \"Example.ORG.\"\nlevel = \"secure\"\n",
         "c.toml:5: policyd.override.domain", "twice: which of them counts?"},
        {"[[policyd.override]]\ndomain = \"example.org\"\nlevle = \"may\"\n", "c.toml:3: policyd.override.levle",
         "key"},
        {"[store]\nurl = \"oracle:x\"\n", "c.toml:2: store.url", "no such store"},
        {"[resolver]\nservers = [\"dns.example\"]\n", "c.toml:2: resolver.servers", "a name, not an address"},
        {"[resolver]\ncache_max_mb = 0\n", "c.toml:2: resolver.cache_max_mb", "from 1"},
        {"[resolver]\nstub_zones = [{ zone = \"test.\" }]\n", "c.toml:2: resolver.stub_zones.servers", "no server"},
        {"[lab]\nclock_offset_s = 5\n", "c.toml:2: lab.clock_offset_s", "only in a laboratory"},
        {"[lab]\nsmtp_port = 0\n", "c.toml:2: lab.smtp_port", "no port"},
        {"[lab]\nrua_port = 70000\n", "c.toml:2: lab.rua_port", "no port"},
        {"[reporter]\ncontact = \"nobody\"\n", "c.toml:2: reporter.contact", "no mailbox"},
        {"[reporter]\ncontact = \"@a.example\"\n", "c.toml:2: reporter.contact", "nobody at a domain"},
        {"[reporter]\ncontact = \"tls@\"\n", "c.toml:2: reporter.contact", "no domain"},
        {"[reporter]\ncontact = \"TLS <tls@a.example>\"\n", "c.toml:2: reporter.contact", "a name beside it"},
        {"[reporter]\ncontact = \"a@b.example,tls@a.example\"\n", "c.toml:2: reporter.contact", "two mailboxes"},
        {"[reporter]\ncontact = \"a\\r\\nBcc: b@a.example\"\n", "c.toml:2: reporter.contact", "a header of its own"},
        {"[reporter]\ncopy_to = \"a@b.example, c@b.example\"\n", "c.toml:2: reporter.copy_to", "two mailboxes"},
        {"[reporter]\nbounces_to = \"here\"\n", "c.toml:2: reporter.bounces_to", "no mailbox"},
        {"[reporter]\ncontact = \"tls@a.example\"\ndkim_domain = \"b.example\"\n", "c.toml:3: reporter.dkim_domain",
         "RFC 8460 §3: another's signature"},
        {"[reporter]\ncontact = \"tls@example.org\"\ndkim_domain = \"mail.example.org\"\n",
         "c.toml:3: reporter.dkim_domain", "RPT-015: a child of the submitter"},
        {"[reporter]\nsubmission = \"imap://a.example\"\n", "c.toml:2: reporter.submission", "no submission server"},
        {"[reporter]\nsubmission = \"mail.example\"\n", "c.toml:2: reporter.submission", "no scheme"},
        {"[reporter]\nsubmission = \"smtp://a.example/box\"\n", "c.toml:2: reporter.submission", "a path"},
        {"[reporter]\nsubmission_password_file = \"/nonexistent/password\"\n",
         "c.toml:2: reporter.submission_password_file", "no such file"},
        {"[reporter]\nrua_max = -1\n", "c.toml:2: reporter.rua_max", "below the range"},
        {"[reporter]\nreport_bytes_max = 100\n", "c.toml:2: reporter.report_bytes_max", "no report is so small"},
        {"[hosting]\nzone = \"a..b\"\n", "c.toml:2: hosting.zone", "an empty label"},
        {"[hosting]\naddresses = [\"1.2.3\"]\n", "c.toml:2: hosting.addresses", "no address"},
        {"[[acme]]\ndirectory = \"http://ca.example/\"\n", "c.toml:2: acme.directory", "not https"},
        {"[[acme]]\nchallenges = [\"dns-01\"]\n", "c.toml:2: acme.challenges", "no such challenge"},
        {"[[acme]]\neab_kid = \"k\"\n", "c.toml:1: acme.eab_hmac_key_file", "a key identifier without its key"},
        {"[[acme]]\neab_hmac_key_file = \"k\"\n", "c.toml:1: acme.eab_kid", "a key without its identifier"},
        {"[[acme]]\norders_per_3_hours = -1\n", "c.toml:2: acme.orders_per_3_hours", "less than none"},
        {"[console]\npublic_url = \"panel\"\n", "c.toml:2: console.public_url", "no URL"},
        {"policyd = 5\n", "c.toml:1: policyd", "not a section"},
        {"state_dir = \"x\n", "c.toml:1", "broken TOML"},
        {"state_dir = \"\"\n", "c.toml:1: state_dir", "no folder"},
        {"\nstate_dir = \"var/postseal\"\n", "c.toml:2: state_dir", "a folder that depends on where one stands"},
        {"[policyd]\nlisten = [\"127.0.0.1:1\",\n  \"127.0.0.1:1\"]\n", "c.toml:3: policyd.listen", "twice in one key"},
        {"[policyd]\nlisten = \"127.0.0.1:1\"\nline_listen = \"127.0.0.1:1\"\n", "c.toml:3: policyd.line_listen",
         "in two keys"},
        {"[hosting]\nmax_age_ramp = [\"0:1\",\n \"7\"]\n", "c.toml:3: hosting.max_age_ramp", "one figure"},
        {"[hosting]\nmax_age_ramp = [\"0:1\", \"7:366\"]\n", "c.toml:2: hosting.max_age_ramp", "over a year"},
        {"[hosting]\nmax_age_ramp = [\"1:1\"]\n", "c.toml:2: hosting.max_age_ramp", "nothing holds on the first day"},
        {"[hosting]\nmax_age_ramp = [\"0:7\", \"7:1\"]\n", "c.toml:2: hosting.max_age_ramp", "it falls"},
        {"[hosting]\nmax_age_ramp = []\n", "c.toml:2: hosting.max_age_ramp", "nothing at all"},
        {"[collector]\nexim_log = \"mainlog\"\n", "c.toml:2: collector.exim_log", "depends on where one stands"},
        {"[policyd]\nlisten = \"unix:/p\"\n[metrics]\nlisten = \"unix:/p\"\n", "c.toml:4: metrics.listen",
         "a path in two sections"},
    };
    for (const Case& c : cases) {
        EXPECT_TRUE(first_error(c.text).starts_with(std::string(c.where) + ": "))
            << c.reason << ": " << first_error(c.text);
    }
}

TEST(Config, ReportsMayBeSubmittedWithAPassword) {
    const postseal::testing::TemporaryFolder folder;
    const std::string file = folder / "password";
    const auto written = [&](const std::string& text, std::filesystem::perms permissions) {
        std::ofstream(file) << text;
        std::filesystem::permissions(file, permissions);
        return parse_config(
            "[reporter]\nsubmission = \"submission://reports@mail.example\"\nsubmission_password_file = \"" + file +
                "\"\n",
            "c.toml");
    };
    constexpr auto owner = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
    const auto config = written("se cret\r\nnot this\n", owner);
    ASSERT_TRUE(config) << config.error().at(0).message();
    EXPECT_EQ(config->reporter.submission_password, "se cret");
    EXPECT_EQ(config->written.at("reporter.submission_password_file").value.find("se cret"), std::string::npos);
    EXPECT_FALSE(written("\n", owner)) << "empty";
    const auto open_to_all = written("secret\n", owner | std::filesystem::perms::others_read);
    ASSERT_FALSE(open_to_all);
    EXPECT_NE(open_to_all.error().at(0).what.find("others can read it"), std::string::npos);
    EXPECT_EQ(open_to_all.error().at(0).message().find("secret"), std::string::npos);
    for (const char* url : {"smtp://127.0.0.1:25", "smtps://mail.example", "submission://user@[::1]:1587", "direct"}) {
        EXPECT_EQ(first_error(std::string("[reporter]\nsubmission = \"") + url + "\"\n"), "") << url;
    }
}

TEST(Config, AnOverrideOfADomainAndOneOfItsSubtreeAreTwo) {
    const Config config = parse_config(
                              "[[policyd.override]]\ndomain = \"почта.test\"\nlevel = \"may\"\n"
                              "[[policyd.override]]\ndomain = \".Xn--80A1ACNY.test\"\nlevel = \"encrypt\"\n",
                              "c.toml")
                              .value();
    ASSERT_EQ(config.policyd.overrides.size(), 2U);
    EXPECT_EQ(config.policyd.overrides[0].domain, "xn--80a1acny.test");
    EXPECT_EQ(config.policyd.overrides[1].domain, ".xn--80a1acny.test");
}

TEST(Config, EqualListenersAreRefusedOnlyWhereBothWouldBeOpened) {
    EXPECT_EQ(first_error("[policyd]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n"), "") << "any two free ports";
    EXPECT_EQ(first_error("roles = [\"policyd\"]\n[policyd]\nlisten = \"127.0.0.1:1\"\n"
                          "[intake]\nhttp_listen = \"127.0.0.1:1\"\n"),
              "")
        << "the intake runs on another machine";
    EXPECT_EQ(first_error("[policyd]\nlisten = \"127.0.0.1:1\"\n[intake]\nhttp_listen = \"127.0.0.1:1\"\n"),
              "c.toml:4: intake.http_listen: 127.0.0.1:1 stands in policyd.listen already");
}

TEST(Config, AllErrorsAreListedInTheOrderOfTheFile) {
    const auto config = parse_config("[tls]\nx = 1\n[lab]\nsmtp_port = 0\n[dns]\ny = 2\n", "c.toml");
    ASSERT_FALSE(config);
    ASSERT_EQ(config.error().size(), 3U);
    EXPECT_TRUE(config.error()[0].where.starts_with("c.toml:2:"));
    EXPECT_TRUE(config.error()[1].where.starts_with("c.toml:4:"));
    EXPECT_TRUE(config.error()[2].where.starts_with("c.toml:6:"));
}

TEST(Config, UnreadableFileIsOneError) {
    const auto config = load_config("/nonexistent/postseal.toml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().at(0).code, Errc::unavailable);
}

}  // namespace
}  // namespace postseal::app
