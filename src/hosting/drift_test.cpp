#include "hosting/drift.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/text.h"
#include "hosting/mx_setting_change.h"

namespace postseal::hosting {
namespace {

const TimePoint now{Seconds(1'800'000'000)};
const auto day = std::chrono::days(1);

MxPatterns patterns(std::string_view text) {
    MxPatterns out;
    for (const std::string_view one : split(text, ' ')) {
        if (!one.empty()) {
            out.push_back(mtasts::MxPattern::parse(one).value());
        }
    }
    return out;
}

MxHost host(std::string_view name, const char* problem = "") {
    MxHost made;
    made.host = dns::Name::parse(name).value();
    made.probed = now;
    made.problem_code = problem;
    made.problem = problem;
    return made;
}

DriftFacts facts(mtasts::Mode mode, const std::string& dnssec, const std::string& approved, MxHost fresh) {
    DriftFacts out;
    out.policy = patterns("mx1.example.com");
    out.mode = mode;
    out.watch.dnssec = dnssec;
    out.watch.hosts = {host("mx1.example.com"), std::move(fresh)};
    for (const std::string_view one : split(approved, ' ')) {
        if (!one.empty()) {
            out.setting.approved.emplace_back(one);
        }
    }
    return out;
}

// Rule 5: who vouches for a new host, and what its probe says.
TEST(Drift, adds_without_a_click_only_what_is_vouched_for) {
    constexpr auto enforce = mtasts::Mode::enforce;
    constexpr auto testing = mtasts::Mode::testing;
    MxHost unprobed = host("mx2.example.com");
    unprobed.probed.reset();
    struct {
        DriftFacts facts;
        bool added = false;
        Vouched vouched = Vouched::by_nobody;
        const char* why = nullptr;
    } const cases[] = {
        {facts(enforce, "insecure", "", host("mx2.example.com")), false, Vouched::by_nobody,
         "one's own name is not approved by itself"},
        {facts(enforce, "insecure", "", host("mx.evil.example")), false, Vouched::by_nobody,
         "a spoofed MX has a valid certificate for its own name"},
        {facts(enforce, "secure", "", host("mx2.example.com")), true, Vouched::by_dnssec, ""},
        {facts(enforce, "secure", "", host("mx.other.example")), true, Vouched::by_dnssec, "signed by the owner"},
        {facts(enforce, "secure", "", host("mx2.example.com", "certificate-name")), false, Vouched::by_dnssec,
         "its probe is not clean: senders would refuse it"},
        {facts(enforce, "secure", "", host("mx2.example.com", "certificate-expiring")), false, Vouched::by_dnssec,
         "less than 21 days"},
        {facts(enforce, "secure", "", unprobed), false, Vouched::by_dnssec, "not probed is not clean"},
        {facts(enforce, "bogus", "example.com", host("mx2.example.com")), false, Vouched::by_approval,
         "records that do not validate decide nothing"},
        {facts(enforce, "unknown", "example.com", host("mx2.example.com")), false, Vouched::by_approval,
         "nor do those that cannot be looked up"},
        {facts(enforce, "insecure", "example.com", host("mx2.example.com")), true, Vouched::by_approval,
         "its own name, approved"},
        {facts(enforce, "insecure", "example.com", host("mx2.example.com", "starttls-missing")), false,
         Vouched::by_approval, "approved, not clean"},
        {facts(enforce, "insecure", "example.com", host("mx2.example.com.evil.example")), false, Vouched::by_nobody,
         "a name that only begins like it"},
        {facts(enforce, "insecure", "example.com", host("mx2.notexample.com")), false, Vouched::by_nobody,
         "a whole label must fit"},
        {facts(enforce, "insecure", "google", host("alt1.aspmx.l.google.com")), true, Vouched::by_approval,
         "a provider, approved"},
        {facts(enforce, "insecure", "google", host("mx.evil.example")), false, Vouched::by_nobody, "another's host"},
        {facts(testing, "insecure", "", host("mx2.example.com")), true, Vouched::by_testing,
         "in testing nothing is refused"},
        {facts(testing, "insecure", "", host("mx2.example.com", "starttls-missing")), true, Vouched::by_testing,
         "the reports shall tell of it"},
        {facts(testing, "bogus", "", host("mx2.example.com")), false, Vouched::by_testing, "not even then"},
    };
    for (const auto& one : cases) {
        const Drift drift = judge_drift(one.facts, now);
        ASSERT_EQ(drift.fresh.size(), 1U) << one.why;
        EXPECT_EQ(drift.fresh[0].add, one.added) << one.why << ": " << drift.fresh[0].reason;
        EXPECT_EQ(drift.fresh[0].vouched, one.vouched) << one.why;
        EXPECT_FALSE(drift.fresh[0].reason.empty());
        EXPECT_EQ(drift.waits_for_person(), !one.added);
        EXPECT_EQ(drift.with_added(one.facts.policy).has_value(), one.added);
        // Where the owner wants to be asked, nothing is added, whoever vouches for it.
        DriftFacts fixed = one.facts;
        fixed.setting.following = store::MxFollowing::fixed;
        EXPECT_TRUE(judge_drift(fixed, now).waits_for_person()) << one.why;
    }
    EXPECT_TRUE(judge_drift(facts(enforce, "insecure", "", host("mx1.example.com")), now).fresh.empty());
}

TEST(Drift, a_vanished_host_is_proposed_for_removal_after_two_weeks) {
    DriftFacts seen = facts(mtasts::Mode::enforce, "insecure", "", host("mx1.example.com"));
    seen.policy = patterns("mx1.example.com old.example.com *.old.example");
    note_unneeded(seen.watch, seen.policy, now - 14 * day);
    ASSERT_EQ(seen.watch.unneeded.size(), 2U);
    Drift drift = judge_drift(seen, now - day);
    ASSERT_EQ(drift.unneeded.size(), 2U);
    EXPECT_FALSE(drift.unneeded[0].propose) << "13 days";
    note_unneeded(seen.watch, seen.policy, now);
    drift = judge_drift(seen, now);
    EXPECT_TRUE(drift.unneeded[0].propose);
    EXPECT_EQ(drift.unneeded[0].since, now - 14 * day) << "looking again does not begin anew";
    EXPECT_FALSE(drift.with_added(seen.policy)) << "nothing is taken out by itself";

    MxWatch silent = seen.watch;
    silent.dnssec = "unknown";
    silent.hosts.clear();
    note_unneeded(silent, patterns("mx1.example.com old.example.com"), now);
    EXPECT_EQ(silent.unneeded, seen.watch.unneeded) << "what cannot be looked up has not vanished";

    seen.watch.hosts.push_back(host("old.example.com"));
    note_unneeded(seen.watch, seen.policy, now + day);
    EXPECT_EQ(seen.watch.unneeded.size(), 1U) << "it came back";
    seen.watch.hosts.pop_back();
    note_unneeded(seen.watch, seen.policy, now + 2 * day);
    EXPECT_EQ(seen.watch.unneeded[0].since, now + 2 * day) << "and its time begins anew";
    seen.policy = patterns("mx1.example.com");
    EXPECT_TRUE(judge_drift(seen, now + 90 * day).unneeded.empty()) << "the owner took them out";
}

TEST(Drift, what_can_be_approved) {
    struct {
        const char* text;
        const char* approval;  // "" = refused
    } const cases[] = {{"example.com", "example.com"},
                       {" Example.COM. ", "example.com"},
                       {"google", "google"},
                       {"пример.рф", "xn--e1afmkfd.xn--p1ai"},
                       {"com", ""},
                       {"co.uk", ""},
                       {"github.io", ""},
                       {"nobody", ""},
                       {"*.example.com", ""},
                       {"a..b", ""},
                       {"192.0.2.1", ""},
                       {"", ""}};
    for (const auto& one : cases) {
        const auto approval = approval_from_text(one.text);
        EXPECT_EQ(approval ? approval->text() : "", one.approval) << one.text;
    }
    MxSettingChange change;
    change.approve = {"example.com", "Example.com", "google"};
    change.promote_after_days = 30;
    const auto setting = changed({}, change).value();
    EXPECT_EQ(setting.approved, (std::vector<std::string>{"example.com", "google"}));
    EXPECT_EQ(setting.promote_after_days, 30);
    MxSettingChange back;
    back.withdraw = {"EXAMPLE.com"};
    back.promote_after_days = 0;
    EXPECT_EQ(changed(setting, back)->approved, std::vector<std::string>{"google"});
    EXPECT_FALSE(changed(setting, back)->promote_after_days);
    back.withdraw = {"example.org"};
    EXPECT_FALSE(changed(setting, back)) << "was never approved";
    change.promote_after_days = 366;
    EXPECT_FALSE(changed({}, change));
}

// Nothing loosens by itself: whatever DNS, probes and time do, in whatever order, the policy never loses a host, and an
// enforced one gains only those that DNSSEC or an approval vouches for, with a clean probe.
TEST(Drift, nothing_loosens_by_itself) {
    const std::vector<std::string> names = {"mx1.example.com", "mx2.example.com", "mx.evil.example",
                                            "alt1.aspmx.l.google.com", "mx.other.example"};
    const std::vector<std::string> dnssec = {"secure", "insecure", "bogus", "unknown"};
    const std::vector<std::string> problems = {"", "", "", "starttls-missing", "certificate-expired", "timeout"};
    std::seed_seq always_the_same{20270115};
    std::mt19937 random(always_the_same);
    const auto pick = [&](const auto& list) { return list[random() % list.size()]; };
    int added = 0;
    for (int sequence = 0; sequence < 500; ++sequence) {
        DriftFacts state;
        state.policy = patterns("mx1.example.com");
        state.mode = random() % 4 == 0 ? mtasts::Mode::testing : mtasts::Mode::enforce;
        if (random() % 2 == 0) {
            state.setting.approved.emplace_back(random() % 2 == 0 ? "example.com" : "google");
        }
        if (random() % 5 == 0) {
            state.setting.following = store::MxFollowing::fixed;
        }
        const auto approvals = approvals_of(state.setting);
        TimePoint time = now;
        for (int event = 0; event < 30; ++event) {
            time += std::chrono::hours(random() % 200);
            state.watch.dnssec = pick(dnssec);
            state.watch.hosts.clear();
            for (const std::string& name : names) {
                if (random() % 2 == 0) {
                    MxHost one = host(name, pick(problems).c_str());
                    if (random() % 6 == 0) {
                        one.probed.reset();
                    }
                    state.watch.hosts.push_back(std::move(one));
                }
            }
            note_unneeded(state.watch, state.policy, time);
            const MxPatterns before = state.policy;
            const Drift drift = judge_drift(state, time);
            state.policy = drift.with_added(state.policy).value_or(state.policy);
            ASSERT_GE(state.policy.size(), before.size());
            ASSERT_TRUE(std::equal(before.begin(), before.end(), state.policy.begin())) << "what was there stays";
            for (std::size_t i = before.size(); i < state.policy.size(); ++i) {
                ++added;
                const dns::Name fresh = state.policy[i].name();
                const auto seen = std::find_if(state.watch.hosts.begin(), state.watch.hosts.end(),
                                               [&](const MxHost& one) { return one.host == fresh; });
                ASSERT_NE(seen, state.watch.hosts.end());
                ASSERT_FALSE(state.policy[i].wildcard());
                ASSERT_EQ(state.setting.following, store::MxFollowing::automatic);
                ASSERT_TRUE(state.watch.dnssec == "secure" || state.watch.dnssec == "insecure");
                if (state.mode == mtasts::Mode::enforce) {
                    ASSERT_TRUE(seen->probed && seen->problem_code.empty());
                    ASSERT_TRUE(state.watch.dnssec == "secure" ||
                                std::any_of(approvals.begin(), approvals.end(),
                                            [&](const MxApproval& one) { return one.covers(fresh); }));
                }
            }
        }
    }
    EXPECT_GT(added, 100) << "the sequences must reach what they are about";
}

}  // namespace
}  // namespace postseal::hosting
