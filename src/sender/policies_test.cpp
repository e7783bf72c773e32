// Policies in memory: packed and unpacked, loaded from the store's rows, looked through, given up.
#include "sender/policies.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postseal::sender {
namespace {

const TimePoint now{Seconds(1'790'000'000)};
const std::string lines = "version: STSv1\nmode: enforce\nmx: mx.a.example\nmx: *.b.example\nmax_age: 86400";

dns::Name name(const std::string& text) {
    return dns::Name::parse(text).value();
}

DomainState enforced(TimePoint last_used = now) {
    DomainState state;
    state.policy =
        mtasts::CachedPolicy{*store::PolicyCache::read_policy(lines), "id1", now - Seconds(1), last_used, now, 300};
    return state;
}

std::string one_of_many(int i) {
    return "d" + std::to_string(i) + ".example";
}

TEST(Policies, PacksAndUnpacks) {
    DomainState full = enforced();
    full.failures = {"id2", now, {{"id1", now - Seconds(5)}, {"id2", now}}};
    full.answer_until = now + Seconds(60);
    full.overdue_warned = now - Seconds(7);
    full.last_txt = mtasts::TxtState::invalid;
    DomainState only_failures;
    only_failures.failures = full.failures;
    Policies policies;
    for (const DomainState& state : {enforced(), full, only_failures, DomainState{}}) {
        policies.put(name("a.example"), state);
        const auto found = policies.find(name("a.example"));
        ASSERT_TRUE(found);
        EXPECT_EQ(found->policy, state.policy);
        EXPECT_EQ(found->failures, state.failures);
        EXPECT_EQ(found->answer_until, state.answer_until);
        EXPECT_EQ(found->overdue_warned, state.overdue_warned);
        EXPECT_EQ(found->last_txt, state.last_txt);
    }
    EXPECT_EQ(policies.size(), 1U);
    EXPECT_TRUE(policies.contains(name("a.example")));
    EXPECT_FALSE(policies.contains(name("b.example")));
    EXPECT_FALSE(policies.find(name("b.example")));
}

TEST(Policies, CountsThemByMode) {
    const auto count = [](const Policies& policies, mtasts::Mode mode) {
        return policies.policies().at(static_cast<std::size_t>(mode));
    };
    Policies policies;
    policies.put(name("a.example"), enforced());
    policies.put(name("a.example"), enforced());
    EXPECT_EQ(count(policies, mtasts::Mode::enforce), 1U);
    DomainState testing = enforced();
    testing.policy->policy.mode = mtasts::Mode::testing;
    policies.put(name("a.example"), testing);
    policies.put(name("b.example"), {});
    EXPECT_EQ(count(policies, mtasts::Mode::enforce), 0U);
    EXPECT_EQ(count(policies, mtasts::Mode::testing), 1U);
    EXPECT_TRUE(policies.erase(name("a.example")));
    EXPECT_FALSE(policies.erase(name("a.example")));
    EXPECT_EQ(count(policies, mtasts::Mode::testing), 0U);
    policies.put(name("a.example"), enforced());
    policies.clear();
    EXPECT_EQ(count(policies, mtasts::Mode::enforce), 0U);
    EXPECT_EQ(policies.size(), 0U);
}

TEST(Policies, LoadsRowsOfTheStore) {
    store::PolicyCache::Stored row;
    row.domain = "a.example";
    row.policy = lines;
    row.mode = mtasts::Mode::enforce;
    row.max_age_s = 86'400;
    row.id = "id1";
    row.fetched = now - Seconds(1);
    row.last_used = now;
    row.id_checked = now;
    row.id_ttl_s = 300;
    row.answer_until = now + Seconds(9);
    Policies policies;
    EXPECT_TRUE(policies.load(row));
    const auto found = policies.find(name("a.example"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->policy, enforced().policy);
    EXPECT_EQ(found->answer_until, row.answer_until);

    row.domain = "b.example";
    row.policy = "mode: enforce";
    EXPECT_TRUE(policies.load(row));
    EXPECT_FALSE(policies.find(name("b.example"))->policy) << "not a policy";
    row.failures = "nonsense";
    EXPECT_FALSE(policies.load(row));
    row.failures = {};
    row.domain = {};
    EXPECT_FALSE(policies.load(row));
}

TEST(Policies, AreLookedThroughInParts) {
    constexpr int many = 100;
    Policies policies;
    for (int i = 0; i < many; ++i) {
        policies.put(name(one_of_many(i)), enforced());
    }
    constexpr std::size_t parts = 7;
    std::multiset<std::string> seen;
    for (std::size_t part = 0; part < parts; ++part) {
        policies.glance_at_part(parts, [&](std::string_view domain, DomainState& state) {
            seen.emplace(domain);
            EXPECT_EQ(state.policy->policy.max_age_s, 86'400U);
            EXPECT_EQ(state.policy->policy.mode, mtasts::Mode::enforce);
            state.overdue_warned = now;
        });
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(many));
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << "each once";
    policies.glance_at_all([](std::string_view, DomainState& state) {
        EXPECT_EQ(state.overdue_warned, now) << "what was noted stays";
        state.answer_until = now + Seconds(1);
    });
    EXPECT_EQ(policies.find(name("d7.example"))->answer_until, now + Seconds(1));
    EXPECT_EQ(policies.find(name("d7.example"))->policy, enforced().policy);
}

TEST(Policies, WhatIsUnusedIsGivenUpFirstAndWhatIsBusyNever) {
    constexpr int many = 1000;
    Policies policies;
    for (int i = 0; i < many; ++i) {
        policies.put(name(one_of_many(i)), enforced(now - Seconds(i)));
    }
    const auto is_busy = [](std::string_view domain) { return domain == one_of_many(many - 1); };
    for (int i = 0; i < many / 2; ++i) {
        ASSERT_TRUE(policies.evict(is_busy));
    }
    int recent = 0;
    for (int i = 0; i < many / 10; ++i) {
        recent += policies.contains(name(one_of_many(i))) ? 1 : 0;
    }
    EXPECT_GT(recent, many / 10 * 9 / 10) << "the tenth that was used last is nearly all there";
    EXPECT_TRUE(policies.contains(name(one_of_many(many - 1)))) << "unused for the longest, but busy";
    while (policies.evict(is_busy)) {
    }
    EXPECT_EQ(policies.size(), 1U);
}

}  // namespace
}  // namespace postseal::sender
