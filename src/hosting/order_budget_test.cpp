#include "hosting/order_budget.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "net/testing.h"

namespace postseal::hosting {
namespace {

using net::testing::name;

constexpr TimePoint start{Seconds(1'800'000'000)};
constexpr Seconds hour{3600};
constexpr Seconds day{86'400};

dns::Name host(int number) {
    return name(fmt::format("mta-sts.d{}.example", number));
}

TEST(OrderBudget, registered_domains) {
    EXPECT_EQ(registered_domain(name("mta-sts.a.b.example.com")), name("example.com"));
    EXPECT_EQ(registered_domain(name("mta-sts.example.co.uk")), name("example.co.uk"));
    EXPECT_EQ(registered_domain(name("mta-sts.xn--e1afmkfd.xn--p1ai")), name("xn--e1afmkfd.xn--p1ai"));
}

TEST(OrderBudget, three_hundred_orders_in_three_hours_the_last_tenth_for_renewals) {
    OrderBudget budget{BudgetLimits{}};
    for (int i = 0; i < 270; ++i) {
        EXPECT_FALSE(budget.refusal(host(i), OrderKind::first, start + Seconds(i)));
        budget.note(BudgetEvent::order, host(i), start + Seconds(i));
    }
    const TimePoint now = start + Seconds(300);
    const auto full = budget.refusal(host(999), OrderKind::first, now);
    ASSERT_TRUE(full);
    EXPECT_EQ(full->limit, "orders");
    EXPECT_EQ(full->words, "300 orders in 3 h");
    EXPECT_EQ(full->until, start + 3 * hour) << "when the oldest of them has grown old";
    EXPECT_EQ(budget.free_orders(now), 0U);
    EXPECT_EQ(budget.orders(now).used, 270);
    EXPECT_FALSE(budget.refusal(host(1), OrderKind::renewal, now)) << "Let's Encrypt exempts renewals";
    EXPECT_FALSE(budget.refusal(host(999), OrderKind::first, start + 3 * hour)) << "one more";
    EXPECT_EQ(budget.free_orders(start + 3 * hour + Seconds(9)), 10U);

    BudgetLimits strict;
    strict.renewals_exempt = false;
    OrderBudget other{strict};
    for (int i = 0; i < 299; ++i) {
        other.note(BudgetEvent::order, host(i), start);
    }
    EXPECT_TRUE(other.refusal(host(1), OrderKind::first, start));
    EXPECT_FALSE(other.refusal(host(1), OrderKind::renewal, start)) << "the tenth that was kept";
    other.note(BudgetEvent::order, host(1), start);
    EXPECT_TRUE(other.refusal(host(1), OrderKind::renewal, start));
    EXPECT_TRUE(other.refusal(host(1), OrderKind::ari_renewal, start));
}

TEST(OrderBudget, fifty_certificates_below_a_registered_domain_in_a_week) {
    OrderBudget budget{BudgetLimits{}};
    for (int i = 0; i < 50; ++i) {
        budget.note(BudgetEvent::certificate, name(fmt::format("mta-sts.h{}.example.co.uk", i)), start + Seconds(i));
    }
    const auto full = budget.refusal(name("mta-sts.h99.example.co.uk"), OrderKind::first, start + hour);
    ASSERT_TRUE(full);
    EXPECT_EQ(full->limit, "domain-week");
    EXPECT_EQ(full->until, start + 7 * day);
    EXPECT_FALSE(budget.refusal(name("mta-sts.other.co.uk"), OrderKind::first, start + hour)) << "co.uk is a suffix";
    EXPECT_FALSE(budget.refusal(name("mta-sts.h1.example.co.uk"), OrderKind::renewal, start + hour)) << "a renewal";
    EXPECT_FALSE(budget.refusal(name("mta-sts.h99.example.co.uk"), OrderKind::first, start + 7 * day));
}

TEST(OrderBudget, five_for_the_same_name_in_a_week_and_five_failures_in_an_hour) {
    OrderBudget budget{BudgetLimits{}};
    for (int i = 0; i < 5; ++i) {
        budget.note(BudgetEvent::certificate, host(1), start + i * day);
    }
    EXPECT_EQ(budget.refusal(host(1), OrderKind::renewal, start + 5 * day)->limit, "name-week");
    EXPECT_EQ(budget.refusal(host(1), OrderKind::renewal, start + 5 * day)->until, start + 7 * day);
    EXPECT_FALSE(budget.refusal(host(1), OrderKind::ari_renewal, start + 5 * day)) << "ARI is exempt from it";
    for (int i = 0; i < 5; ++i) {
        budget.note(BudgetEvent::failed_authorization, host(2), start + Seconds(60 * i));
    }
    const auto failing = budget.refusal(host(2), OrderKind::ari_renewal, start + Seconds(300));
    ASSERT_TRUE(failing) << "failures count for everybody";
    EXPECT_EQ(failing->limit, "failures-hour");
    EXPECT_EQ(failing->until, start + hour);
    EXPECT_FALSE(budget.refusal(host(3), OrderKind::first, start + Seconds(300))) << "of one name";
}

TEST(OrderBudget, what_counts) {
    const OrderBudget le{BudgetLimits{}};
    EXPECT_TRUE(le.counts(BudgetEvent::order, OrderKind::first));
    EXPECT_FALSE(le.counts(BudgetEvent::order, OrderKind::renewal));
    EXPECT_TRUE(le.counts(BudgetEvent::certificate, OrderKind::renewal)) << "of exactly the same name";
    EXPECT_FALSE(le.counts(BudgetEvent::certificate, OrderKind::ari_renewal));
    EXPECT_TRUE(le.counts(BudgetEvent::failed_authorization, OrderKind::ari_renewal));
    BudgetLimits none;
    none.orders = none.domain_week = none.name_week = none.failures_hour = 0;
    OrderBudget unlimited{none};
    for (int i = 0; i < 1000; ++i) {
        unlimited.note(BudgetEvent::order, host(1), start);
        unlimited.note(BudgetEvent::certificate, host(1), start);
    }
    EXPECT_FALSE(unlimited.refusal(host(1), OrderKind::first, start)) << "0 = no such limit";
}

TEST(OrderBudget, patience) {
    EXPECT_EQ(order_backoff(1), Seconds(60));
    EXPECT_EQ(order_backoff(2), Seconds(600));
    EXPECT_EQ(order_backoff(3), Seconds(6000));
    EXPECT_EQ(order_backoff(4), Seconds(86'400));
    EXPECT_EQ(order_backoff(1000), Seconds(86'400));
}

TEST(OrderBudget, events_have_words) {
    for (const BudgetEvent event : {BudgetEvent::order, BudgetEvent::certificate, BudgetEvent::failed_authorization}) {
        EXPECT_EQ(budget_event_from_string(to_string(event)), event);
    }
    EXPECT_FALSE(budget_event_from_string("else"));
}

}  // namespace
}  // namespace postseal::hosting
