#include "hosting/life_cycle.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace postseal::hosting {
namespace {

using mtasts::Mode;
using store::DomainState;
using store::PolicyVersion;

const TimePoint now{Seconds(1'800'000'000)};
const auto day = std::chrono::days(1);

MxPatterns patterns(const std::vector<std::string>& texts) {
    MxPatterns all;
    for (const std::string& text : texts) {
        all.push_back(*mtasts::MxPattern::parse(text));
    }
    return all;
}
const MxPatterns mx = patterns({"mx.example.com"});

PolicyVersion version(std::int64_t number, Mode mode, std::int64_t max_age_s,
                      std::optional<TimePoint> last_served = std::nullopt) {
    PolicyVersion made;
    made.version = number;
    made.mode = mode;
    made.max_age_s = max_age_s;
    made.last_served = last_served;
    return made;
}

// STS-016 (RFC 8461 §3.1)
TEST(LifeCycle, every_version_has_an_id_of_its_own) {
    Versions versions;
    std::vector<std::string> ids;
    for (const Mode mode : {Mode::testing, Mode::enforce, Mode::testing, Mode::none}) {
        const auto made = next_version(1, versions, mode, mx, {}, now);
        ASSERT_TRUE(made) << made.error().message();
        EXPECT_GE(made->policy_id.size(), 1U);
        EXPECT_LE(made->policy_id.size(), 32U);
        EXPECT_TRUE(std::all_of(made->policy_id.begin(), made->policy_id.end(), is_alnum)) << made->policy_id;
        EXPECT_EQ(std::find(ids.begin(), ids.end(), made->policy_id), ids.end()) << "also for a body that was there";
        EXPECT_TRUE(mtasts::judge_policy(made->body).policy);
        ids.push_back(made->policy_id);
        versions.push_back(*made);
    }
    EXPECT_EQ(versions[0].body, versions[2].body);
    EXPECT_FALSE(next_version(1, {}, Mode::testing, {}, {}, now)) << "testing without an mx";
    EXPECT_EQ(last_mx(versions), mx) << "none lists no mx; the version before it does";
}

TEST(LifeCycle, patterns_follow_the_mx_hosts) {
    struct Case {
        std::vector<std::string> patterns;
        std::vector<std::string> hosts;
        std::vector<std::string> result;
        const char* why;
    };
    const Case cases[] = {
        {{}, {"mx1.a.test", "mx2.a.test"}, {"mx1.a.test", "mx2.a.test"}, "the first version lists what DNS says"},
        {{"mx1.a.test"}, {"mx1.a.test", "mx2.a.test"}, {"mx1.a.test", "mx2.a.test"}, "a new host is added"},
        {{"mx1.a.test", "mx2.a.test"}, {"mx2.a.test"}, {"mx2.a.test"}, "a host that went is dropped"},
        {{"*.mail.test"}, {"in1.mail.test", "in2.mail.test"}, {"*.mail.test"}, "a wildcard that is needed stays"},
        {{"*.mail.test"}, {"mx.a.test"}, {"mx.a.test"}, "a wildcard that nothing needs goes"},
        {{"*.mail.test"}, {"x.in.mail.test"}, {"x.in.mail.test"}, "a wildcard stands for one label (RFC 8461 §4.1)"},
        {{"b.test", "a.test"}, {"a.test", "b.test"}, {"b.test", "a.test"}, "another order is no change"},
    };
    for (const Case& one : cases) {
        std::vector<dns::Name> hosts;
        for (const std::string& host : one.hosts) {
            hosts.push_back(*dns::Name::parse(host));
        }
        EXPECT_EQ(following(patterns(one.patterns), hosts).value(), patterns(one.result)) << one.why;
    }
}

// STS-065 (RFC 8461 §8.1): body, read back, id.
TEST(LifeCycle, steps_in_order) {
    LifeFacts facts;
    Versions versions;
    EXPECT_EQ(next_step(facts, versions, now), Step::look_at_cnames);
    facts.policy_names_seen = true;
    EXPECT_EQ(next_step(facts, versions, now), Step::become_verified);
    facts.state = DomainState::verified;
    facts.certificate_due = true;
    EXPECT_EQ(next_step(facts, versions, now), Step::issue_certificate);
    facts.state = DomainState::certificate;
    facts.certificate_valid = true;
    facts.certificate_due = false;
    EXPECT_EQ(next_step(facts, versions, now), Step::make_first_version);
    versions.push_back(version(1, Mode::testing, 86'400));
    EXPECT_EQ(next_step(facts, versions, now), Step::read_back);
    EXPECT_EQ(live_version(versions), nullptr);
    versions.back().body_live = now;
    EXPECT_EQ(next_step(facts, versions, now), Step::publish_id);
    EXPECT_EQ(published_version(versions), nullptr) << "no id while the body has not been read back";
    versions.back().id_live = now;
    facts.state = DomainState::testing;
    EXPECT_EQ(next_step(facts, versions, now), Step::nothing);

    versions.push_back(version(2, Mode::enforce, 604'800));
    EXPECT_EQ(served_version(versions)->version, 2) << "the new body at once";
    EXPECT_EQ(published_version(versions)->version, 1) << "under the old id";
    EXPECT_EQ(live_version(versions)->version, 1);
    EXPECT_EQ(next_step(facts, versions, now), Step::read_back);
}

TEST(LifeCycle, a_certificate_is_ordered_only_for_names_that_lead_to_us) {
    LifeFacts facts;
    facts.state = DomainState::enforce;
    facts.certificate_due = true;
    EXPECT_EQ(next_step(facts, {}, now), Step::look_at_cnames);
    facts.policy_names_seen = true;
    EXPECT_EQ(next_step(facts, {}, now), Step::issue_certificate);
}

// STS-067 (RFC 8461 §8.3)
TEST(LifeCycle, retirement_waits_for_the_longest_copy) {
    const Versions versions{version(1, Mode::enforce, 30 * 86'400, now - 10 * day),
                            version(2, Mode::testing, 86'400, now - 2 * day),
                            version(3, Mode::enforce, 7 * 86'400, now), version(4, Mode::none, 86'400)};
    EXPECT_EQ(retirement_bound(versions, now), now + 20 * day + Seconds(300) + day) << "the first one, of all of them";
    EXPECT_EQ(enforced_until(versions, now), now + 20 * day);
    EXPECT_EQ(retirement_bound({version(1, Mode::testing, 86'400)}, now), now + day + Seconds(300) + day)
        << "what is still served counts from now";
    EXPECT_EQ(enforced_until({version(1, Mode::testing, 86'400)}, now), std::nullopt);

    LifeFacts facts;
    facts.state = DomainState::retiring;
    facts.certificate_valid = true;
    facts.cnames_until = now;
    EXPECT_EQ(next_step(facts, versions, now - Seconds(1)), Step::read_back) << "none has to be served first";
    EXPECT_EQ(next_step(facts, versions, now), Step::leave);
    facts.state = DomainState::gone;
    EXPECT_EQ(next_step(facts, versions, now), Step::nothing);
}

// STS-067: what the last node still served counts until the next version was read back from every one.
TEST(LifeCycle, a_body_that_is_not_live_everywhere_has_not_replaced_the_old_one) {
    Versions versions{version(1, Mode::enforce, 86'400, now - 2 * day), version(2, Mode::none, 86'400)};
    EXPECT_EQ(retirement_bound(versions, now), now + day + Seconds(300) + day) << "none is not live yet";
    versions[1].body_live = now - day;
    EXPECT_EQ(retirement_bound(versions, now), now + Seconds(300) + day) << "a day ago, and a day of max_age";
}

// STS-069 (RFC 8461 §10.2): weeks, in the end; short while a mistake may still show.
TEST(LifeCycle, max_age_grows_while_enforce_holds) {
    const LifeSettings settings;
    Versions versions;
    EXPECT_EQ(max_age_for(versions, Mode::testing, settings, now), 86'400U);
    EXPECT_EQ(max_age_for(versions, Mode::enforce, settings, now), 86'400U) << "the first day of enforce";
    versions.push_back(version(1, Mode::testing, 86'400));
    versions.back().id_live = now - 40 * day;
    EXPECT_EQ(max_age_for(versions, Mode::enforce, settings, now), 86'400U) << "days in testing count for nothing";
    EXPECT_FALSE(ramp_step_due(versions, settings, now));
    versions.push_back(version(2, Mode::enforce, 86'400));
    EXPECT_FALSE(ramp_step_due(versions, settings, now + 8 * day)) << "no id in DNS yet";
    versions.back().id_live = now;
    EXPECT_EQ(enforce_since(versions), now);
    EXPECT_FALSE(ramp_step_due(versions, settings, now + 6 * day));
    EXPECT_EQ(ramp_step_due(versions, settings, now + 7 * day), 604'800U);
    versions.push_back(version(3, Mode::enforce, 604'800));
    versions.back().id_live = now + 7 * day;
    EXPECT_EQ(enforce_since(versions), now) << "another mx or max_age is no break";
    EXPECT_EQ(ramp_step_due(versions, settings, now + 30 * day), 2'592'000U);
    EXPECT_EQ(ramp_step_due(versions, settings, now + 180 * day), 31'536'000U) << "a step that was missed is skipped";
    versions.push_back(version(4, Mode::enforce, 31'536'000));
    versions.back().id_live = now + 180 * day;
    EXPECT_FALSE(ramp_step_due(versions, settings, now + 900 * day)) << "the end of the ramp";
    versions.push_back(version(5, Mode::testing, 86'400));
    EXPECT_EQ(max_age_for(versions, Mode::enforce, settings, now + 200 * day), 86'400U) << "from the beginning";
}

// What came with the domain from elsewhere is not shortened by us.
TEST(LifeCycle, an_imported_max_age_stays) {
    const LifeSettings settings;
    Versions versions{version(1, Mode::enforce, 1'209'600)};
    versions.back().id_live = now;
    EXPECT_EQ(max_age_for(versions, Mode::enforce, settings, now), 1'209'600U);
    EXPECT_FALSE(ramp_step_due(versions, settings, now + 8 * day)) << "a week would be less";
    EXPECT_EQ(ramp_step_due(versions, settings, now + 30 * day), 2'592'000U);
    EXPECT_EQ(max_age_for({version(1, Mode::testing, 604'800)}, Mode::testing, settings, now), 604'800U);
    // STS-023: what RFC 8461 §3.2 does not allow cannot be served.
    EXPECT_FALSE(next_version(1, {}, Mode::enforce, mx, settings, now, mtasts::max_age_max_s + 1));
}

TEST(LifeCycle, states_follow_the_arrows) {
    using State = DomainState;
    const struct {
        State from;
        std::vector<State> to;
    } arrows[] = {
        {State::pending, {State::verified, State::gone}},
        {State::verified,
         {State::certificate, State::testing, State::ready, State::enforce, State::paused, State::retiring,
          State::gone}},
        {State::certificate,
         {State::testing, State::ready, State::enforce, State::paused, State::retiring, State::gone}},
        {State::testing, {State::testing, State::ready, State::enforce, State::paused, State::retiring}},
        {State::ready, {State::testing, State::ready, State::enforce, State::paused, State::retiring}},
        {State::enforce, {State::testing, State::ready, State::enforce, State::paused, State::retiring}},
        {State::paused, {State::testing, State::ready, State::enforce, State::paused, State::retiring}},
        {State::retiring, {State::gone}},
        {State::monitored, {State::gone}},
        {State::gone, {}},
    };
    for (const auto& arrow : arrows) {
        for (const auto& all : arrows) {
            EXPECT_EQ(may_become(arrow.from, all.from), std::ranges::find(arrow.to, all.from) != arrow.to.end())
                << store::to_string(arrow.from) << " to " << store::to_string(all.from);
        }
    }
}

// Rule 7: an order for a domain whose verification lapsed could only be an attacker's or fail.
TEST(LifeCycle, nothing_is_ordered_for_a_domain_that_no_longer_leads_here) {
    for (const auto state : {DomainState::verified, DomainState::certificate, DomainState::testing, DomainState::ready,
                             DomainState::enforce, DomainState::paused, DomainState::retiring}) {
        LifeFacts facts;
        facts.state = state;
        facts.policy_names_seen = false;
        for (const bool due : {false, true}) {
            for (const bool valid : {false, true}) {
                facts.certificate_due = due;
                facts.certificate_valid = valid;
                Versions versions{version(1, Mode::enforce, 86'400)};
                versions.back().body_live = versions.back().id_live = now;
                EXPECT_NE(next_step(facts, versions, now), Step::issue_certificate) << store::to_string(state);
            }
        }
    }
}

TEST(LifeCycle, reports_alone_need_no_certificate) {
    LifeFacts facts;
    facts.uses = store::Uses::tls_rpt;
    facts.policy_names_seen = true;
    EXPECT_EQ(next_step(facts, {}, now), Step::become_verified);
    facts.state = DomainState::verified;
    facts.certificate_due = true;
    EXPECT_EQ(next_step(facts, {}, now), Step::nothing);
    facts.policy_names_seen = false;
    EXPECT_EQ(next_step(facts, {}, now), Step::look_at_cnames);
    facts.state = DomainState::monitored;
    facts.uses = store::Uses::watch;
    EXPECT_EQ(next_step(facts, {}, now), Step::nothing);
}

TEST(LifeCycle, an_entry_that_lost_its_domain_only_winds_down) {
    LifeFacts facts;
    facts.state = DomainState::retiring;
    facts.host_taken = true;
    facts.cnames_until = now + day;
    const Versions versions{version(1, Mode::enforce, 86'400)};
    EXPECT_EQ(next_step(facts, versions, now), Step::nothing) << "what is read back is another entry's body";
    EXPECT_EQ(next_step(facts, versions, now + day), Step::leave);
}

TEST(LifeCycle, a_removed_record_shows_no_id) {
    store::Domain domain;
    domain.label = "abcdefghijklmnopqrstuvwx27";
    Versions versions{version(1, Mode::none, 86'400)};
    versions.back().policy_id = "1xab";
    EXPECT_FALSE(label_state(domain, versions).policy_id) << "STS-065: not before the body was read back";
    versions.back().body_live = versions.back().id_live = now;
    EXPECT_EQ(label_state(domain, versions).policy_id, "1xab");
    domain.record_removed = true;
    EXPECT_FALSE(label_state(domain, versions).policy_id);
}

}  // namespace
}  // namespace postseal::hosting
