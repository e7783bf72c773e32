// Alerts: one row for what is wrong, however often it is seen; organisations apart. On SQLite and on PostgreSQL.
#include "store/alerts.h"

#include <gtest/gtest.h>

#include "store/testing.h"

namespace postseal::store {
namespace {

const TimePoint now{Seconds(1'790'000'000)};
const AlertScope ours{1, "example.com"};
const AlertScope theirs{2, "example.com"};  // the same domain in another organisation

NewAlert new_host(std::string host, AlertSeverity severity = AlertSeverity::critical) {
    const std::string arguments = alert_arguments({{"host", host}});
    return {"mx-new-host", severity, std::move(host), arguments};
}

Alerts::Filter which(Alerts::Which state) {
    Alerts::Filter filter;
    filter.which = state;
    return filter;
}

class AlertsTest : public ::testing::Test {
protected:
    AlertsTest() {
        alerts_.observe(
            [this](AlertEvent event, const Alert& alert) { told_.emplace_back(event, alert.what.subject); });
    }
    std::vector<Alert> open(std::int64_t organisation) { return alerts_.list({organisation}, {}).value(); }

    std::unique_ptr<Store> store_ = testing::new_store();
    Alerts& alerts_ = store_->alerts;
    std::vector<std::pair<AlertEvent, std::string>> told_;
};

TEST_F(AlertsTest, OpensOnceAndRemembersWhenItWasSeenLast) {
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(alerts_.raise(ours, new_host("mx9.example.com"), now + Seconds(60 * i)));
    }
    const auto list = open(1);
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].opened, now);
    EXPECT_EQ(list[0].last_seen, now + Seconds(120));
    EXPECT_EQ(list[0].what.kind, "mx-new-host");
    EXPECT_EQ(list[0].what.arguments, R"({"host":"mx9.example.com"})");
    EXPECT_EQ(told_.size(), 1U) << "seeing it again is no news";
    EXPECT_EQ(alerts_.open_now(AlertSeverity::critical), 1);
}

TEST_F(AlertsTest, ResolvesAndOpensAgainAsANewOne) {
    ASSERT_TRUE(alerts_.raise(ours, new_host("mx9.example.com"), now));
    EXPECT_TRUE(alerts_.resolve(ours, "mx-new-host", "mx9.example.com", now + Seconds(5)).value());
    EXPECT_FALSE(alerts_.resolve(ours, "mx-new-host", "mx9.example.com", now + Seconds(6)).value()) << "not open";
    EXPECT_EQ(open(1).size(), 0U);
    EXPECT_EQ(alerts_.open_now(AlertSeverity::critical), 0);
    ASSERT_TRUE(alerts_.raise(ours, new_host("mx9.example.com"), now + Seconds(10)));
    EXPECT_EQ(open(1).at(0).opened, now + Seconds(10));
    const auto resolved = alerts_.list({1}, which(Alerts::Which::resolved)).value();
    ASSERT_EQ(resolved.size(), 1U);
    EXPECT_EQ(resolved[0].resolved, now + Seconds(5));
    EXPECT_EQ(alerts_.list({1}, which(Alerts::Which::all)).value().size(), 2U);
    ASSERT_TRUE(alerts_.purge(now + Seconds(6)));
    EXPECT_EQ(alerts_.list({1}, which(Alerts::Which::all)).value().size(), 1U) << "what is open stays";
}

TEST_F(AlertsTest, SettlesOnlyTheKindsAndTheScopeItWasAskedFor) {
    ASSERT_TRUE(alerts_.raise(ours, new_host("old.example.com"), now));
    ASSERT_TRUE(alerts_.raise(ours, {"cname-missing", AlertSeverity::error, "", "{}"}, now));
    ASSERT_TRUE(alerts_.raise({1, "example.org"}, new_host("old.example.com"), now));
    ASSERT_TRUE(alerts_.raise(theirs, new_host("old.example.com"), now));
    told_.clear();
    ASSERT_TRUE(alerts_.settle(ours, {"mx-new-host"}, {new_host("new.example.com")}, now));
    EXPECT_EQ(told_, (std::vector<std::pair<AlertEvent, std::string>>{{AlertEvent::opened, "new.example.com"},
                                                                      {AlertEvent::resolved, "old.example.com"}}));
    EXPECT_EQ(open(1).size(), 3U);
    EXPECT_EQ(open(2).size(), 1U);
    told_.clear();
    ASSERT_TRUE(alerts_.settle(ours, {"mx-new-host"}, {new_host("new.example.com")}, now + Seconds(1)));
    EXPECT_TRUE(told_.empty()) << "the same again";
    ASSERT_TRUE(alerts_.resolve_all(ours, now));
    EXPECT_EQ(open(1).size(), 1U);
}

TEST_F(AlertsTest, AcknowledgedUntilItGrowsWorse) {
    ASSERT_TRUE(alerts_.raise(ours, new_host("mx9.example.com", AlertSeverity::warning), now));
    const std::int64_t id = open(1).at(0).id;
    const auto acknowledged = alerts_.acknowledge({1}, id, "user:ann", "known", now + Seconds(1)).value();
    ASSERT_TRUE(acknowledged);
    EXPECT_EQ(acknowledged->acknowledged, now + Seconds(1));
    EXPECT_EQ(alerts_.count_open({1}).value().unacknowledged, 0);
    ASSERT_TRUE(alerts_.raise(ours, new_host("mx9.example.com", AlertSeverity::info), now + Seconds(2)));
    EXPECT_EQ(open(1).at(0).acknowledged_by, "user:ann") << "better is no reason to ask again";
    ASSERT_TRUE(alerts_.raise(ours, new_host("mx9.example.com", AlertSeverity::critical), now + Seconds(3)));
    EXPECT_FALSE(open(1).at(0).acknowledged);
    EXPECT_EQ(open(1).at(0).id, id);
    EXPECT_EQ(alerts_.count_open({1}).value().unacknowledged, 1);
    ASSERT_TRUE(alerts_.resolve_all(ours, now));
    EXPECT_EQ(alerts_.acknowledge({1}, id, "user:ann", "", now).error().code, Errc::refused);
}

TEST_F(AlertsTest, KeepsOrganisationsApart) {
    ASSERT_TRUE(alerts_.raise(ours, new_host("mx9.example.com"), now));
    ASSERT_TRUE(alerts_.raise({0, ""}, {"disk-full", AlertSeverity::error, "", "{}"}, now));
    const std::int64_t id = open(1).at(0).id;
    EXPECT_EQ(open(2).size(), 0U);
    EXPECT_EQ(alerts_.list({}, {}).value().size(), 0U);
    EXPECT_FALSE(alerts_.acknowledge({2}, id, "user:eve", "", now).value());
    EXPECT_FALSE(alerts_.acknowledge({}, id, "user:eve", "", now).value());
    EXPECT_FALSE(open(1).at(0).acknowledged);
    EXPECT_FALSE(alerts_.resolve(theirs, "mx-new-host", "mx9.example.com", now).value());
    EXPECT_EQ(alerts_.count_open({2}).value().unacknowledged, 0);
    EXPECT_EQ(alerts_.count_open({0, 1}).value().unacknowledged, 2);
}

TEST_F(AlertsTest, FiltersAndPages) {
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(alerts_.raise(ours, new_host("mx" + std::to_string(i) + ".example.com"), now));
    }
    ASSERT_TRUE(
        alerts_.raise({1, "example.org"}, {"mx-host-vanished", AlertSeverity::info, "mx.example.org", "{}"}, now));
    Alerts::Filter filter;
    filter.severity_min = AlertSeverity::warning;
    filter.limit = 3;
    auto page = alerts_.list({1}, filter).value();
    ASSERT_EQ(page.size(), 3U);
    EXPECT_EQ(page[0].what.subject, "mx4.example.com") << "newest first";
    filter.before_id = page.back().id;
    page = alerts_.list({1}, filter).value();
    ASSERT_EQ(page.size(), 2U);
    EXPECT_EQ(page[1].what.subject, "mx0.example.com");
    Alerts::Filter of_domain;
    of_domain.domain = "example.org";
    EXPECT_EQ(alerts_.list({1}, of_domain).value().size(), 1U);
    Alerts::Filter of_kind;
    of_kind.kind = "mx-host-vanished";
    EXPECT_EQ(alerts_.list({1}, of_kind).value().size(), 1U);
}

TEST_F(AlertsTest, RefusesArgumentsThatNoTextCanUse) {
    for (const char* bad : {"", "[]", "nonsense", "{"}) {
        NewAlert alert = new_host("mx9.example.com");
        alert.arguments = bad;
        EXPECT_EQ(alerts_.raise(ours, alert, now).error().code, Errc::internal) << bad;
    }
    EXPECT_EQ(open(1).size(), 0U);
}

TEST_F(AlertsTest, SeveritiesHaveWords) {
    for (const auto severity :
         {AlertSeverity::info, AlertSeverity::warning, AlertSeverity::error, AlertSeverity::critical}) {
        EXPECT_EQ(alert_severity_from_string(to_string(severity)), severity);
    }
    EXPECT_FALSE(alert_severity_from_string("urgent"));
}

}  // namespace
}  // namespace postseal::store
