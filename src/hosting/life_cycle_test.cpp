#include "hosting/life_cycle.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace postseal::hosting
