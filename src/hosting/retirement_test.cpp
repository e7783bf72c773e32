// Several entries of one domain: who has it, and who ends when (rules 1 and 6).
#include "hosting/retirement.h"

#include <gtest/gtest.h>

#include <thread>

#include "hosting/label.h"
#include "store/testing.h"

namespace postseal::hosting {
namespace {

using mtasts::Mode;
using store::DomainState;

const TimePoint now{Seconds(1'800'000'000)};
const auto day = std::chrono::days(1);

class Retirement : public ::testing::Test {
protected:
    store::Domain add(const std::string& organisation, DomainState state) {
        store::Domain domain;
        domain.organisation = store_->accounts.organisation(organisation, now)->id;
        domain.name = *dns::Name::parse("contested.test");
        domain.label = mint_label();
        domain.added = now;
        auto added = store_->domains.add(domain).value();
        added.state = state;
        EXPECT_TRUE(store_->domains.update(added));
        return added;
    }
    void serve(const store::Domain& domain, std::int64_t number, Mode mode, std::int64_t max_age_s,
               std::optional<TimePoint> last_served = std::nullopt) {
        store::PolicyVersion version;
        version.domain = domain.id;
        version.version = number;
        version.mode = mode;
        version.max_age_s = max_age_s;
        version.policy_id = std::to_string(number);
        version.made = now;
        version.last_served = last_served;
        version.body_live = now - 100 * day;
        EXPECT_TRUE(store_->domains.add_version(version));
    }
    DomainState state_of(const store::Domain& domain) {
        return store_->domains.find_by_label(domain.label).value()->state;
    }

    std::unique_ptr<store::Store> store_ = store::testing::new_store();
};

// Rule 1: whoever controls the domain's DNS wins; the label of the other becomes a tombstone.
TEST_F(Retirement, a_domain_goes_to_whom_its_dns_names) {
    const store::Domain first = add("first", DomainState::enforce);
    serve(first, 1, Mode::enforce, 30 * 86'400);
    const store::Domain stranger = add("stranger", DomainState::pending);
    const store::Domain second = add("second", DomainState::pending);
    const auto losers = claim(*store_, second, now);
    ASSERT_TRUE(losers) << losers.error().message();
    ASSERT_EQ(losers->size(), 1U);
    EXPECT_EQ(losers->front().id, first.id);
    EXPECT_EQ(state_of(second), DomainState::verified);
    const store::Domain loser = *store_->domains.find_by_label(first.label).value();
    EXPECT_EQ(loser.state, DomainState::retiring);
    EXPECT_EQ(loser.last_error, claimed_by_another) << "the loser is told";
    EXPECT_EQ(loser.cnames_until, now + 30 * day + Seconds(300) + day) << "senders still hold its policy";
    EXPECT_EQ(state_of(stranger), DomainState::pending) << "nobody published that label";
    EXPECT_TRUE(successor_of(*store_, loser)->names);
    EXPECT_FALSE(successor_of(*store_, loser)->host) << "until the new entry has a policy";
    serve(second, 1, Mode::testing, 86'400);
    EXPECT_TRUE(successor_of(*store_, loser)->host);
    EXPECT_FALSE(successor_of(*store_, second)->names);
}

TEST_F(Retirement, a_loser_that_never_served_is_gone_at_once) {
    const store::Domain first = add("first", DomainState::certificate);
    const store::Domain second = add("second", DomainState::pending);
    ASSERT_TRUE(claim(*store_, second, now));
    const store::Domain loser = *store_->domains.find_by_label(first.label).value();
    LifeFacts facts;
    facts.state = loser.state;
    facts.cnames_until = loser.cnames_until;
    EXPECT_EQ(next_step(facts, {}, now), Step::leave);
}

// Two organisations never verify the same domain at once, whatever two processes do.
TEST_F(Retirement, the_database_lets_one_entry_be_verified) {
    store::Domain first = add("first", DomainState::testing);
    store::Domain second = add("second", DomainState::pending);
    for (const DomainState state : {DomainState::verified, DomainState::certificate, DomainState::testing,
                                    DomainState::ready, DomainState::enforce, DomainState::paused}) {
        second.state = state;
        EXPECT_EQ(store_->domains.update(second).error().code, Errc::refused) << store::to_string(state);
    }
    EXPECT_EQ(state_of(second), DomainState::pending);
    first.state = DomainState::retiring;
    EXPECT_TRUE(store_->domains.update(first));
    second.state = DomainState::testing;
    EXPECT_TRUE(store_->domains.update(second));
    // A stale row of the other process does not bring it back.
    first.state = DomainState::testing;
    EXPECT_EQ(store_->domains.update(first).error().code, Errc::refused);
}

TEST_F(Retirement, of_many_claims_at_once_one_wins) {
    constexpr int rivals = 8;
    std::vector<store::Domain> entries;
    entries.reserve(rivals);
    for (int i = 0; i < rivals; ++i) {
        entries.push_back(add("rival" + std::to_string(i), DomainState::pending));
    }
    std::vector<std::thread> threads;
    threads.reserve(rivals);
    for (const store::Domain& entry : entries) {
        threads.emplace_back([this, entry] { [[maybe_unused]] const auto claimed = claim(*store_, entry, now); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    int verified = 0;
    for (const store::Domain& entry : entries) {
        verified += state_of(entry) == DomainState::verified ? 1 : 0;
    }
    EXPECT_EQ(verified, 1);
}

// STS-067 (RFC 8461 §8.3): a sender does not know from which entry its copy came.
TEST_F(Retirement, the_bound_counts_every_entry_of_the_name) {
    const store::Domain old = add("ours", DomainState::retiring);
    serve(old, 1, Mode::enforce, 365 * 86'400, now - 100 * day);
    serve(old, 2, Mode::none, 86'400);
    const store::Domain anew = add("ours", DomainState::testing);
    serve(anew, 1, Mode::testing, 86'400);
    EXPECT_EQ(retirement_bound_of(*store_, anew.name, now).value(), now + 265 * day + Seconds(300) + day);
}

TEST_F(Retirement, of_two_that_leave_the_newer_serves_the_end) {
    const store::Domain old = add("ours", DomainState::retiring);
    serve(old, 1, Mode::none, 86'400);
    const store::Domain newer = add("ours", DomainState::retiring);
    serve(newer, 1, Mode::none, 86'400);
    EXPECT_TRUE(successor_of(*store_, old)->host);
    EXPECT_FALSE(successor_of(*store_, newer)->host);
}

}  // namespace
}  // namespace postseal::hosting
