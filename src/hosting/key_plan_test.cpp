#include "hosting/key_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postseal::hosting {
namespace {

class SetClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return at; }
    TimePoint at{Seconds(1'800'000'000)};
};

struct KeyPlanTest : testing::Test {
    SetClock clock;
    KeyTimes times;
    dns::Name zone = dns::Name::parse("z.example").value();
    std::vector<store::DnsKey> keys;

    void take(const Result<KeyChange>& change) {
        ASSERT_TRUE(change) << change.error().message();
        for (const auto& key : change->changed) {
            *std::ranges::find(keys, key.id, &store::DnsKey::id) = key;
        }
        for (auto key : change->added) {
            key.id = static_cast<std::int64_t>(keys.size()) + 1;
            keys.push_back(key);
        }
    }
    [[nodiscard]] std::size_t shown(dns::Type type, const std::vector<std::uint16_t>& in_use = {}) const {
        const auto plan = plan_keys(zone, keys, times, clock, in_use).value();
        return static_cast<std::size_t>(std::ranges::count(plan.apex, type, &dns::Record::type));
    }
    [[nodiscard]] std::uint16_t zone_signer() const {
        const auto plan = plan_keys(zone, keys, times, clock, {}).value();
        EXPECT_EQ(plan.signing->zone_keys.size(), 1U);
        return plan.signing->zone_keys.front()->tag();
    }
    void SetUp() override { take(first_keys(keys, clock.at)); }
};

TEST_F(KeyPlanTest, FirstKeys) {
    EXPECT_EQ(keys.size(), 2U);
    EXPECT_EQ(shown(dns::Type::dnskey), 2U);
    EXPECT_EQ(shown(dns::Type::cds), 1U);
    EXPECT_EQ(shown(dns::Type::nsec3param), 1U);
    EXPECT_TRUE(first_keys(keys, clock.at)->added.empty());
    EXPECT_FALSE(plan_keys(zone, {}, times, clock, {}));
}

TEST_F(KeyPlanTest, ZskRollover) {  // RFC 7583 §3.2.1
    const std::uint16_t old = zone_signer();
    take(roll_zsk(keys, times, clock.at));
    EXPECT_FALSE(roll_zsk(keys, times, clock.at)) << "one is under way";
    EXPECT_EQ(shown(dns::Type::dnskey), 3U) << "published before it signs";
    EXPECT_EQ(zone_signer(), old);
    clock.at += Seconds(7199);
    EXPECT_EQ(zone_signer(), old) << "Ipub: the TTL of DNSKEY and the propagation";
    clock.at += Seconds(1);
    EXPECT_NE(zone_signer(), old);
    EXPECT_EQ(shown(dns::Type::dnskey), 3U) << "old signatures are still in caches";
    clock.at += Seconds(7200);
    EXPECT_EQ(shown(dns::Type::dnskey, {old}), 3U) << "nor while any is left in the zone";
    EXPECT_EQ(shown(dns::Type::dnskey), 2U);
    EXPECT_EQ(plan_keys(zone, keys, times, clock, {})->gone.size(), 1U);
    take(roll_zsk(keys, times, clock.at));
}

TEST_F(KeyPlanTest, KskRollover) {  // RFC 7583 §3.3.1, RFC 7344
    take(ds_seen(keys, times, clock.at));
    EXPECT_FALSE(ds_seen(keys, times, clock.at)) << "nothing waits";
    const auto old = wanted_ds(zone, keys, times, clock.at).value();
    take(roll_ksk(keys, times, clock.at));
    EXPECT_FALSE(roll_ksk(keys, times, clock.at));
    EXPECT_EQ(plan_keys(zone, keys, times, clock, {})->signing->key_keys.size(), 2U) << "both sign the DNSKEY RRset";
    EXPECT_EQ(wanted_ds(zone, keys, times, clock.at).value(), old) << "not before every cache has the new DNSKEY";
    EXPECT_FALSE(ds_seen(keys, times, clock.at)) << "cannot have been seen yet";
    clock.at += Seconds(7200);
    EXPECT_NE(wanted_ds(zone, keys, times, clock.at).value(), old);
    EXPECT_EQ(shown(dns::Type::cds), 1U);
    take(ds_seen(keys, times, clock.at));
    clock.at += Seconds(86'400 + 3599);
    EXPECT_EQ(shown(dns::Type::dnskey), 3U) << "the old DS may be in caches";
    clock.at += Seconds(1);
    EXPECT_EQ(shown(dns::Type::dnskey), 2U);
}

}  // namespace
}  // namespace postseal::hosting
