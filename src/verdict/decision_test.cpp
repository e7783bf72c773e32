// The precedence of DANE and MTA-STS as a table (design rules 11 and 12), and what it is made of.
#include "verdict/decision.h"

#include <gtest/gtest.h>

#include "verdict/evidence_for_test.h"
#include "verdict/sts.h"

namespace postseal::verdict {
namespace {

using test::domain;
using test::HostIs;
using test::HostSpec;
using test::name;
using test::policy_body;
using test::publish;
using test::test_now;
using Match = std::vector<std::string>;

enum class Sts { none, testing, enforce };

// A policy that lists both hosts of the table, and one that is no MX.
void add_policy(Evidence& evidence, Sts sts) {
    if (sts != Sts::none) {
        publish(evidence, policy_body(sts == Sts::enforce ? "enforce" : "testing", {"a.example.com", "*.example.com"}));
    }
}

struct Row {
    bool mx_secure;
    std::vector<HostSpec> hosts;
    Sts sts;
    Level expected;
    Source source;
    const char* reason;
};

constexpr HostIs usable = HostIs::usable;
constexpr HostIs unusable = HostIs::unusable;
constexpr HostIs no_tlsa = HostIs::no_tlsa;
constexpr HostIs insecure = HostIs::insecure;
constexpr HostIs tlsa_fails = HostIs::tlsa_fails;
constexpr HostIs tlsa_bogus = HostIs::tlsa_bogus;
constexpr HostIs address_fails = HostIs::address_fails;
constexpr HostIs no_address = HostIs::no_address;
constexpr const char* mx_a = "a.example.com";
constexpr const char* mx_b = "b.example.com";

void expect_rows(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        Evidence evidence = domain(row.mx_secure, {});
        evidence.hosts.clear();
        evidence.mx.records.clear();
        for (const HostSpec& spec : row.hosts) {
            evidence.mx.records.push_back({spec.preference, name(spec.name)});
            evidence.hosts.push_back(test::host(spec.name, spec.preference, spec.is));
        }
        add_policy(evidence, row.sts);
        const Decision decision = decide(evidence, {}, test_now);
        EXPECT_EQ(to_string(decision.level), to_string(row.expected)) << row.reason;
        EXPECT_EQ(to_string(decision.source), to_string(row.source)) << row.reason;
        EXPECT_EQ(decision.match.empty(), row.expected != Level::secure) << row.reason;
        EXPECT_EQ(decision.sts.has_value(), row.expected == Level::secure) << row.reason;
        EXPECT_FALSE(decision.reasons.empty()) << row.reason;
        EXPECT_EQ(decision.mode.has_value(), row.sts != Sts::none) << row.reason;
    }
}

// The first row of the table: RFC 7672 §2.2.1. DANE-018, STS-001
TEST(Decide, InsecureMx) {
    expect_rows({
        {false, {{mx_a, 10, insecure}}, Sts::enforce, Level::secure, Source::sts, "the ordinary MTA-STS domain"},
        {false, {{mx_a, 10, usable}}, Sts::enforce, Level::secure, Source::sts, "a forged MX would escape DANE"},
        {false, {{mx_a, 10, tlsa_fails}}, Sts::enforce, Level::secure, Source::sts, "no DANE is done, so none fails"},
        {false,
         {{mx_a, 10, address_fails}},
         Sts::enforce,
         Level::secure,
         Source::sts,
         "addresses are Postfix's business"},
        {false, {{mx_a, 10, usable}}, Sts::none, Level::dane, Source::dane, "the hosts' TLSA may be used all the same"},
        {false, {{mx_a, 10, usable}}, Sts::testing, Level::dane, Source::dane, "testing mode changes nothing"},
        {false,
         {{mx_a, 10, insecure}, {mx_b, 20, usable}},
         Sts::none,
         Level::dane,
         Source::dane,
         "one secure host will do"},
        {false,
         {{mx_a, 10, unusable}},
         Sts::none,
         Level::none,
         Source::by_default,
         "unusable TLSA asks for nothing here"},
        {false, {{mx_a, 10, no_tlsa}}, Sts::none, Level::none, Source::by_default, "signed host, no TLSA"},
        {false, {{mx_a, 10, insecure}}, Sts::none, Level::none, Source::by_default, "DANE-002: nothing signed"},
        {false,
         {{mx_a, 10, tlsa_fails}},
         Sts::none,
         Level::none,
         Source::by_default,
         "others' broken DNS defers nothing"},
        {false, {{mx_a, 10, tlsa_bogus}}, Sts::testing, Level::none, Source::sts, "nor does it in testing mode"},
        {false, {{mx_a, 10, address_fails}}, Sts::none, Level::none, Source::by_default, "an address SERVFAIL neither"},
        {false, {{mx_a, 10, no_address}}, Sts::none, Level::none, Source::by_default, "no address at all"},
    });
}

// RFC 7672 §2.2; DANE-005, DANE-011, DANE-012, DANE-013
TEST(Decide, SecureMx) {
    expect_rows({
        {true, {{mx_a, 10, usable}}, Sts::none, Level::dane_only, Source::dane, "all usable"},
        {true,
         {{mx_a, 10, usable}, {mx_b, 20, usable}},
         Sts::enforce,
         Level::dane_only,
         Source::dane,
         "all usable, enforce"},
        {true,
         {{mx_a, 10, usable}, {mx_b, 20, no_address}},
         Sts::none,
         Level::dane_only,
         Source::dane,
         "a host without addresses is no host"},
        {true,
         {{mx_a, 10, usable}, {mx_b, 20, no_tlsa}},
         Sts::enforce,
         Level::dane_only,
         Source::dane,
         "the best preference is covered"},
        {true,
         {{mx_a, 10, usable}, {mx_b, 20, insecure}},
         Sts::none,
         Level::dane,
         Source::dane,
         "some usable, no policy"},
        {true,
         {{mx_a, 10, usable}, {mx_b, 20, unusable}},
         Sts::testing,
         Level::dane,
         Source::dane,
         "some usable, testing"},
        {true,
         {{mx_a, 10, no_tlsa}, {mx_b, 20, usable}},
         Sts::enforce,
         Level::dane_only,
         Source::dane,
         "partial_dane's default: no leak, round the better MX"},
        {true,
         {{mx_a, 10, no_tlsa}, {mx_b, 10, usable}},
         Sts::enforce,
         Level::dane_only,
         Source::dane,
         "every host of the best preference counts"},
        {true,
         {{mx_a, 10, no_tlsa}, {mx_b, 20, usable}},
         Sts::none,
         Level::dane,
         Source::dane,
         "DANE-017: preference order stands"},
        {true, {{mx_a, 10, unusable}}, Sts::enforce, Level::secure, Source::sts, "present, none usable, enforce"},
        {true, {{mx_a, 10, unusable}}, Sts::none, Level::dane, Source::dane, "DANE-012: Postfix encrypts"},
        {true,
         {{mx_a, 10, unusable}, {mx_b, 20, no_tlsa}},
         Sts::testing,
         Level::dane,
         Source::dane,
         "one of them present"},
        {true, {{mx_a, 10, no_tlsa}}, Sts::enforce, Level::secure, Source::sts, "signed MX, no TLSA"},
        {true,
         {{mx_a, 10, insecure}},
         Sts::enforce,
         Level::secure,
         Source::sts,
         "signed MX, hosts elsewhere, unsigned"},
        {true, {{mx_a, 10, no_tlsa}}, Sts::none, Level::none, Source::by_default, "DANE-005: NODATA is no error"},
        {true, {{mx_a, 10, insecure}}, Sts::testing, Level::none, Source::sts, "RFC 8461 §5: testing delivers"},
        {true, {{mx_a, 10, no_address}}, Sts::none, Level::none, Source::by_default, "nowhere to go"},
        {true,
         {{mx_a, 10, no_address}},
         Sts::enforce,
         Level::secure,
         Source::sts,
         "nowhere to go, enforced all the same"},
    });
}

// Design rule 11, RFC 7672 §2.1.2; DANE-003, DANE-007, DANE-008
TEST(Decide, SecureMxWithHostsThatCannotBeLookedUp) {
    expect_rows({
        {true, {{mx_a, 10, tlsa_fails}}, Sts::none, Level::temp, Source::dane, "the only host: delayed"},
        {true, {{mx_a, 10, tlsa_bogus}}, Sts::none, Level::temp, Source::dane, "bogus is no different"},
        {true,
         {{mx_a, 10, tlsa_fails}},
         Sts::enforce,
         Level::temp,
         Source::dane,
         "STS-001: MTA-STS does not excuse a failing DANE lookup"},
        {true, {{mx_a, 10, address_fails}}, Sts::none, Level::temp, Source::dane, "no address could be found out"},
        {true, {{mx_a, 10, tlsa_fails}, {mx_b, 20, no_address}}, Sts::none, Level::temp, Source::dane, "none remains"},
        {true,
         {{mx_a, 10, tlsa_fails}, {mx_b, 20, usable}},
         Sts::none,
         Level::dane_only,
         Source::dane,
         "the host that remains decides"},
        {true,
         {{mx_a, 10, tlsa_fails}, {mx_b, 20, usable}},
         Sts::enforce,
         Level::dane_only,
         Source::dane,
         "so with enforce"},
        {true,
         {{mx_a, 10, tlsa_fails}, {mx_b, 20, no_tlsa}},
         Sts::none,
         Level::dane,
         Source::dane,
         "never weaker than dane: Postfix passes the broken host over"},
        {true,
         {{mx_a, 10, address_fails}, {mx_b, 20, insecure}},
         Sts::none,
         Level::dane,
         Source::dane,
         "so with addresses"},
        {true,
         {{mx_a, 10, tlsa_fails}, {mx_b, 20, no_tlsa}},
         Sts::enforce,
         Level::secure,
         Source::sts,
         "by policy, for the host that remains"},
        {true,
         {{mx_a, 10, tlsa_fails}, {mx_b, 20, unusable}},
         Sts::enforce,
         Level::secure,
         Source::sts,
         "so with unusable"},
    });
}

TEST(Decide, NamesOnlyTheHostsThatRemain) {
    Evidence evidence = domain(true, {{mx_a, 10, tlsa_fails}, {mx_b, 20, no_tlsa}});
    publish(evidence, policy_body("enforce", {"*.example.com"}));
    const Decision decision = decide(evidence, {}, test_now);
    EXPECT_EQ(decision.match, Match{mx_b}) << "STS-001: the pattern would let in the host whose TLSA lookup failed";
    ASSERT_TRUE(decision.sts);
    EXPECT_EQ(decision.sts->mx_host_patterns, Match{mx_b}) << "Postfix goes by these before match=";
    EXPECT_EQ(decision.valid_until, test_now + Seconds{60}) << "what failed is looked at again soon";

    publish(evidence, policy_body("enforce", {mx_a}));
    EXPECT_EQ(decide(evidence, {}, test_now).level, Level::temp) << "the host that remains is outside the policy";
}

TEST(Decide, PartialDane) {
    Evidence evidence = domain(true, {{mx_a, 10, no_tlsa}, {mx_b, 20, usable}, {"c.example.com", 30, unusable}});
    publish(evidence, policy_body("enforce", {"*.example.com"}));
    Decision decision = decide(evidence, {.partial_dane = PartialDane::secure}, test_now);
    EXPECT_EQ(decision.level, Level::secure);
    EXPECT_EQ(decision.match, (Match{mx_a, "c.example.com"})) << "STS-001: the host with TLSA is not named";
    ASSERT_TRUE(decision.sts);
    EXPECT_EQ(decision.sts->mx_host_patterns, decision.match);

    decision = decide(evidence, {.partial_dane = PartialDane::dane}, test_now);
    EXPECT_EQ(decision.level, Level::dane);

    publish(evidence, policy_body("enforce", {mx_b}));
    decision = decide(evidence, {.partial_dane = PartialDane::secure}, test_now);
    EXPECT_EQ(decision.level, Level::dane_only) << "no host without TLSA is in the policy";
}

// STS-002: DANE passes, the host is outside an enforced policy.
TEST(Decide, DaneWinsOverAPolicyThatDoesNotListTheHost) {
    Evidence evidence = domain(true, {{mx_a, 10, usable}});
    publish(evidence, policy_body("enforce", {"mx.elsewhere.example"}));
    const Decision decision = decide(evidence, {}, test_now);
    EXPECT_EQ(decision.level, Level::dane_only);
    EXPECT_EQ(decision.mode, mtasts::Mode::enforce);
    EXPECT_EQ(decision.reasons.back(), "DANE wins over the MTA-STS policy, which does not list a.example.com");
    EXPECT_TRUE(decision.outside_policy) << "and it is logged";
}

// STS-041 … STS-043, STS-049: what Postfix is given to check.
TEST(Decide, MatchHoldsThePatternsInFileOrder) {
    Evidence evidence = domain(false, {{mx_a, 10, insecure}});
    publish(evidence, policy_body("enforce", {"Z.Example.com", "*.Example.net", "a.example.com"}));
    const Decision decision = decide(evidence, {}, test_now);
    EXPECT_EQ(decision.level, Level::secure);
    EXPECT_EQ(decision.match, (Match{"z.example.com", ".example.net", "a.example.com"}));
    ASSERT_TRUE(decision.sts);
    EXPECT_EQ(decision.sts->policy_domain, name("example.com"));
    EXPECT_EQ(decision.sts->mx_host_patterns, (Match{"z.example.com", "*.example.net", "a.example.com"}));
    EXPECT_EQ(decision.sts->policy_strings.front(), "version: STSv1");
    EXPECT_EQ(decision.policy_expires, test_now + Seconds{604'800});
}

// STS-015, STS-040: where aliases lead changes neither the policy domain nor the names that count.
TEST(Decide, AliasesDoNotMoveThePolicyDomain) {
    Evidence evidence = domain(false, {{mx_a, 10, insecure}});
    publish(evidence, policy_body("enforce", {mx_a}));
    evidence.sts_txt.aliases = {name("_mta-sts.provider.example")};
    evidence.mx.aliases = {name("other.example")};
    evidence.hosts[0].a.aliases = {name("mx1.provider.example")};
    const Decision decision = decide(evidence, {}, test_now);
    ASSERT_TRUE(decision.sts);
    EXPECT_EQ(decision.sts->policy_domain, name("example.com"));
    EXPECT_EQ(decision.match, Match{mx_a}) << "STS-042: the MX name, not what it is an alias for";
}

// DANE-019: nobody is told that the domain is secure when only the way's last step was.
TEST(Decide, SaysThatAnInsecureMxProtectsNoDomain) {
    const Evidence evidence = domain(false, {{mx_a, 10, usable}});
    EXPECT_EQ(decide(evidence, {}, test_now).reasons.front(),
              "an MX host has usable TLSA records; the MX records themselves are not signed");
}

// Design rule 13
TEST(Decide, PatternsThatCanMatchNoHost) {
    Evidence evidence = domain(false, {{mx_a, 10, insecure}});
    publish(evidence, policy_body("enforce", {"192.0.2.1", "a.example.com"}));
    EXPECT_EQ(decide(evidence, {}, test_now).match, Match{mx_a}) << "an address is valid grammar, and left out";
    publish(evidence, policy_body("enforce", {"192.0.2.1"}));
    const Decision decision = decide(evidence, {}, test_now);
    EXPECT_EQ(decision.level, Level::temp) << "never an empty match=, which would mean Postfix's default names";
    EXPECT_EQ(decision.source, Source::sts);
    EXPECT_EQ(decision.reasons.front(), "no mx pattern of the enforced MTA-STS policy can match a host name");
}

// Design rule 11; DANE-006
TEST(Decide, MxLookupFails) {
    for (const Answer how : {Answer::failed, Answer::bogus}) {
        Evidence evidence = domain(false, {});
        evidence.mx = test::no_answer<dns::MxData>(how);
        Decision decision = decide(evidence, {}, test_now);
        EXPECT_EQ(decision.level, Level::temp);
        EXPECT_EQ(decision.reasons.front(),
                  "the MX records of example.com could not be looked up: the resolver's words");
        EXPECT_EQ(decision.valid_until, test_now + Seconds{60});

        evidence.cached = test::cached(policy_body("testing", {mx_a}));
        EXPECT_EQ(decide(evidence, {}, test_now).level, Level::temp) << "testing promises nothing";
        evidence.cached = test::cached(policy_body("enforce", {mx_a}));
        decision = decide(evidence, {}, test_now);
        EXPECT_EQ(decision.level, Level::secure) << "the cached answer holds";
        EXPECT_EQ(decision.match, Match{mx_a});
    }
}

// MX-006, RFC 7505 §4.1; design rule 12
TEST(Decide, NullMxAndNonexistentDomains) {
    Evidence null_mx = domain(false, {});
    null_mx.mx = test::answer<dns::MxData>({{0, dns::Name()}}, false);
    Evidence missing = domain(false, {});
    missing.mx = test::no_answer<dns::MxData>(Answer::nxdomain);
    for (Evidence evidence : {null_mx, missing}) {
        EXPECT_EQ(decide(evidence, {}, test_now).level, Level::none);
        evidence.cached = test::cached(policy_body("testing", {mx_a}));
        EXPECT_EQ(decide(evidence, {}, test_now).level, Level::none);
        evidence.cached = test::cached(policy_body("enforce", {mx_a}));
        EXPECT_EQ(decide(evidence, {}, test_now).level, Level::secure)
            << "unsigned, it may be a lie to make us forget the policy (design rule 9)";
        evidence.mx.secure = true;
        EXPECT_EQ(decide(evidence, {}, test_now).level, Level::none) << "signed, it is true";
    }
}

// MX-001, MX-003, MX-004
TEST(Decide, ImplicitMx) {
    Evidence evidence = domain(true, {});
    evidence.mx = test::no_answer<dns::MxData>(Answer::nodata, true);
    evidence.hosts = {test::host("example.com", 0, usable)};
    EXPECT_TRUE(is_implicit_mx(evidence));
    EXPECT_EQ(decide(evidence, {}, test_now).level, Level::dane_only) << "MX-004: DANE with the domain as base";

    evidence.hosts = {test::host("example.com", 0, insecure)};
    publish(evidence, policy_body("enforce", {"example.com"}));
    const Decision decision = decide(evidence, {}, test_now);
    EXPECT_EQ(decision.level, Level::secure);
    EXPECT_EQ(decision.match, Match{"example.com"}) << "MX-003: the domain is the host name";
}

// STS-037, DANE-015, STS-038, STS-039; design rule 12
TEST(Decide, KeysOtherThanDomains) {
    for (const char* key : {"[192.0.2.1]", "[2001:db8::1]:25", ".example.com", "/var/run/lmtp", "exa mple", ""}) {
        Evidence evidence = domain(true, {{mx_a, 10, usable}});
        publish(evidence, policy_body("enforce", {mx_a}));
        evidence.key = parse_key(key);
        const Decision decision = decide(evidence, {}, test_now);
        EXPECT_EQ(decision.level, Level::none) << key;
        EXPECT_EQ(decision.source, Source::by_default) << key;
        EXPECT_FALSE(decision.reasons.front().empty()) << key;
    }
    Evidence smart_host;
    smart_host.key = parse_key("[relay.example.net]:587");
    smart_host.gathered = test_now;
    smart_host.hosts = {test::host("relay.example.net", 0, insecure)};
    publish(smart_host, policy_body("enforce", {"relay.example.net"}));
    Decision decision = decide(smart_host, {}, test_now);
    EXPECT_EQ(decision.level, Level::secure) << "RFC 8461 §3.4: the smart host's own policy";
    ASSERT_TRUE(decision.sts);
    EXPECT_EQ(decision.sts->policy_domain, name("relay.example.net"));
    decision = decide(smart_host, {.smart_host_policy = false}, test_now);
    EXPECT_EQ(decision.level, Level::none);
    EXPECT_FALSE(decision.mode);
    smart_host.hosts = {test::host("relay.example.net", 0, usable)};
    EXPECT_EQ(decide(smart_host, {.smart_host_policy = false}, test_now).level, Level::dane_only)
        << "RFC 7672 §2.2: DANE of a host that was named needs no MX";
    EXPECT_EQ(decide(smart_host, {}, test_now).level, Level::dane_only);
}

// STS-051, STS-052, STS-055
TEST(Decide, PolicyMode) {
    Evidence evidence = domain(false, {{mx_a, 10, insecure}});
    for (const char* mode : {"testing", "none"}) {
        publish(evidence, policy_body(mode, {mx_a}));
        const Decision decision = decide(evidence, {}, test_now);
        EXPECT_EQ(decision.level, Level::none) << mode;
        EXPECT_EQ(decision.source, Source::sts);
        EXPECT_EQ(mtasts::to_string(*decision.mode), mode);
        EXPECT_FALSE(decision.sts) << "attributes belong to a policy that is applied";
    }
}

// Design rule 10; STS-056
TEST(Decide, WhileThePolicyIsBeingFetched) {
    Evidence evidence = domain(false, {{mx_a, 10, insecure}});
    test::set_record(evidence);
    evidence.fetch.outcome = PolicyFetch::Outcome::running;
    EXPECT_EQ(decide(evidence, {}, test_now).level, Level::none) << "on_slow_policy = deliver";
    const Settings defer{.on_slow_policy = OnSlowPolicy::defer};
    EXPECT_EQ(decide(evidence, defer, test_now).level, Level::temp);

    evidence.hosts = {test::host(mx_a, 10, usable)};
    EXPECT_EQ(decide(evidence, {}, test_now).level, Level::dane);
    EXPECT_EQ(decide(evidence, defer, test_now).level, Level::temp) << "below an insecure MX the policy would win";
    evidence.mx.secure = true;
    EXPECT_EQ(decide(evidence, defer, test_now).level, Level::dane_only) << "no policy could change this";
    evidence.mx.secure = false;
    evidence.cached = test::cached(policy_body("enforce", {mx_a}));
    EXPECT_EQ(decide(evidence, defer, test_now).level, Level::secure) << "the old policy holds meanwhile";
}

// Only this machine keeps us from knowing what the record announces: nothing leaves unprotected for that.
TEST(Decide, WhenThisMachineCannotFetch) {
    Evidence evidence = domain(false, {{mx_a, 10, insecure}});
    test::set_record(evidence);
    evidence.fetch.outcome = PolicyFetch::Outcome::local_error;
    evidence.fetch.error = "no socket: Too many open files";
    const Decision deferred = decide(evidence, {}, test_now);
    EXPECT_EQ(deferred.level, Level::temp);
    EXPECT_EQ(deferred.reasons.front(), "this machine could not fetch the policy: no socket: Too many open files");
    EXPECT_LE(deferred.valid_until, test_now + Settings{}.failure_ttl);
    EXPECT_FALSE(policy_in_force(evidence, test_now).failure) << "nothing to report to the domain";

    evidence.cached = test::cached(policy_body("enforce", {mx_a}));
    EXPECT_EQ(decide(evidence, {}, test_now).level, Level::secure) << "the cached policy holds";
    evidence.cached = test::cached(policy_body("testing", {mx_a}));
    EXPECT_EQ(decide(evidence, {}, test_now).level, Level::none);
    evidence.cached.reset();
    evidence.hosts = {test::host(mx_a, 10, usable)};
    evidence.mx.secure = true;
    EXPECT_EQ(decide(evidence, {}, test_now).level, Level::dane_only) << "no policy could change this";
}

TEST(Decide, Lifetime) {
    Evidence evidence = domain(true, {{mx_a, 10, usable}});
    evidence.sts_txt.ttl_s = 86'400;
    evidence.mx.ttl_s = 3600;
    evidence.hosts[0].tlsa[0].lookup.ttl_s = 900;
    evidence.hosts[0].aaaa.ttl_s = 1200;
    EXPECT_EQ(decide(evidence, {}, test_now).valid_until, test_now + Seconds{900}) << "the smallest TTL";
    evidence.hosts[0].tlsa[0].lookup.ttl_s = 1;
    EXPECT_EQ(decide(evidence, {}, test_now).valid_until, test_now + Seconds{60}) << "at least ttl_min";
    EXPECT_EQ(decide(evidence, {.ttl_min = Seconds{0}}, test_now).valid_until, test_now + Seconds{1});
    evidence.sts_txt = test::no_answer<std::string>(Answer::failed);
    evidence.hosts[0].tlsa[0].lookup.ttl_s = 900;
    EXPECT_EQ(decide(evidence, {.failure_ttl = Seconds{120}}, test_now).valid_until, test_now + Seconds{120});

    evidence = domain(false, {{mx_a, 10, insecure}});
    evidence.hosts[0].a.ttl_s = 70;
    evidence.cached = test::cached(policy_body("enforce", {mx_a}));
    evidence.sts_txt.ttl_s = evidence.mx.ttl_s = 2'000'000;
    EXPECT_EQ(decide(evidence, {}, test_now).valid_until, test_now + Seconds{86'400})
        << "at most ttl_max; addresses took no part in this decision";
    evidence.cached->fetched = test_now - Seconds{604'800 - 30};
    EXPECT_EQ(decide(evidence, {}, test_now).valid_until, test_now + Seconds{30}) << "never beyond the policy";
}

// RFC 7672 §2.1, §2.2.2
TEST(DaneState, OfOneHost) {
    const auto state = [](const HostEvidence& host) { return dane_state(host).dane; };
    EXPECT_EQ(state(test::host(mx_a, 10, usable)), HostDane::usable);
    EXPECT_EQ(state(test::host(mx_a, 10, unusable)), HostDane::unusable);
    EXPECT_EQ(state(test::host(mx_a, 10, insecure)), HostDane::insecure);
    EXPECT_EQ(state(test::host(mx_a, 10, no_address)), HostDane::no_address);
    EXPECT_EQ(state(HostEvidence{}), HostDane::broken) << "what was not looked up is not known to be absent";
    HostEvidence waited_for = test::host(mx_a, 10, no_address);
    waited_for.a = {};
    EXPECT_EQ(state(waited_for), HostDane::broken) << "nor one family, when the other has nothing";

    HostEvidence host = test::host(mx_a, 10, usable);
    host.tlsa[0].lookup.secure = false;
    EXPECT_EQ(state(host), HostDane::no_tlsa) << "DANE-048, DANE-025: TLSA that is not secure does not count";
    host.tlsa.clear();
    EXPECT_EQ(state(host), HostDane::broken);

    host = test::host(mx_a, 10, usable);
    host.aaaa = test::no_answer<dns::IpAddress>(Answer::failed);
    EXPECT_EQ(state(host), HostDane::usable) << "one family failing, the other securely there";
    host.aaaa = test::answer<dns::IpAddress>({dns::IpAddress()}, false);
    EXPECT_EQ(state(host), HostDane::insecure) << "every address must be secure";
}

// DANE-009, DANE-010, DANE-020 … DANE-023: aliases
TEST(DaneState, Aliases) {
    const dns::Name backup = name("mxbackup.example.com");
    HostEvidence host = test::host("mx15.example.com", 15, usable);
    host.a.aliases = {name("between.example.com"), backup};
    EXPECT_EQ(tlsa_bases(host), (std::vector{backup, host.name})) << "DANE-023: never the name between";
    EXPECT_FALSE(needs_alias_lookup(host));
    EXPECT_EQ(dane_state(host).dane, HostDane::broken) << "the expanded name was not asked";

    host.tlsa = {{backup, test::no_answer<dns::TlsaData>(Answer::nodata, true)},
                 {host.name, test::answer<dns::TlsaData>({test::usable_tlsa()}, true)}};
    HostDaneState state = dane_state(host);
    EXPECT_EQ(state.dane, HostDane::usable) << "DANE-022: TLSA only at the original name";
    EXPECT_EQ(state.tlsa->base_domain, host.name);
    host.tlsa[0].lookup = test::answer<dns::TlsaData>({test::unusable_tlsa()}, true);
    state = dane_state(host);
    EXPECT_EQ(state.dane, HostDane::unusable) << "the expanded name wins when it has any";
    EXPECT_EQ(state.tlsa->base_domain, backup);
    host.tlsa[0].lookup = test::no_answer<dns::TlsaData>(Answer::bogus);
    EXPECT_EQ(dane_state(host).dane, HostDane::broken) << "an error at the first name is not passed over";

    // A secure alias to an unsigned host.
    host = test::host("mx1.example.com", 10, insecure);
    host.a.aliases = {name("mx.unsigned.example")};
    EXPECT_TRUE(needs_alias_lookup(host)) << "DANE-010";
    EXPECT_EQ(dane_state(host).dane, HostDane::broken)
        << "an alias is not known to be unsigned before it was asked for";
    host.alias = test::answer<dns::Name>({name("mx.unsigned.example")}, true);
    EXPECT_FALSE(needs_alias_lookup(host));
    EXPECT_EQ(tlsa_bases(host), std::vector{host.name}) << "TLSA at the original name only";
    host.tlsa = {{host.name, test::answer<dns::TlsaData>({test::usable_tlsa()}, true)}};
    EXPECT_EQ(dane_state(host).dane, HostDane::usable);
    host.alias.secure = false;
    EXPECT_TRUE(tlsa_bases(host).empty()) << "DANE-021: unsigned, TLSA is not asked for";
    host.alias = test::no_answer<dns::Name>(Answer::bogus);
    EXPECT_EQ(dane_state(host).dane, HostDane::broken) << "DANE-009: an error in the chain fails the lookup";

    EXPECT_TRUE(tlsa_bases(test::host(mx_a, 10, no_address)).empty()) << "DANE-020: no addresses, no TLSA question";
}

}  // namespace
}  // namespace postseal::verdict
