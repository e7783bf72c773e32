// What the owner decided about the MX hosts of a domain. On SQLite and on PostgreSQL.
#include "store/mx_settings.h"

#include <gtest/gtest.h>

#include "store/testing.h"

namespace postseal::store {
namespace {

TEST(MxSettings, KeepsWhatTheOwnerChoseApartFromWhatIsObserved) {
    auto store = testing::new_store();
    EXPECT_EQ(store->mx_settings.of(7).value(), MxSetting{}) << "the defaults";
    MxSetting setting;
    setting.following = MxFollowing::fixed;
    setting.approved = {"example.com", "google"};
    setting.promote_after_days = 14;
    ASSERT_TRUE(store->mx_settings.put(7, setting));
    const TimePoint since{Seconds(1'790'000'000)};
    ASSERT_TRUE(store->mx_settings.put_ready_since(7, since));
    setting.ready_since = since;
    EXPECT_EQ(store->mx_settings.of(7).value(), setting);
    setting.approved.clear();
    setting.promote_after_days.reset();
    ASSERT_TRUE(store->mx_settings.put(7, setting));
    EXPECT_EQ(store->mx_settings.of(7).value(), setting) << "ready_since is not the owner's";
    ASSERT_TRUE(store->mx_settings.put_ready_since(8, since));
    EXPECT_EQ(store->mx_settings.of(8).value().following, MxFollowing::automatic);
    ASSERT_TRUE(store->mx_settings.put_ready_since(8, std::nullopt));
    EXPECT_EQ(store->mx_settings.of(8).value(), MxSetting{});
}

}  // namespace
}  // namespace postseal::store
