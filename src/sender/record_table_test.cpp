// The table of records against std::map, through growth, replacement and erasure.
#include "sender/record_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace postseal::sender {
namespace {

struct Header {
    int number = 0;
};

TEST(RecordTable, AgreesWithAMapWhateverIsDone) {
    RecordTable<Header> table;
    std::map<std::string, std::pair<int, std::string>> expected;
    const KeyHash real;
    // Also with a hash that makes nearly everything collide.
    for (const std::uint64_t collide : {0U, 1U}) {
        table.clear();
        expected.clear();
        const auto hash = [&](const std::string& key) { return collide != 0 ? key.size() % 5 + 14 : real(key); };
        const unsigned seed = std::random_device{}();
        SCOPED_TRACE(seed);
        std::minstd_rand random(seed);
        for (int step = 0; step < 20'000; ++step) {
            const std::string key = "d" + std::to_string(random() % 300);
            if (random() % 3 == 0) {
                EXPECT_EQ(table.erase(key, hash(key)), expected.erase(key) == 1);
            } else {
                const std::string text(random() % 50, 'x');
                table.put(key, hash(key), {step}, text);
                expected[key] = {step, text};
            }
            ASSERT_EQ(table.size(), expected.size());
        }
        for (int i = 0; i < 300; ++i) {
            const std::string key = "d" + std::to_string(i);
            const auto* record = table.find(key, hash(key));
            const auto found = expected.find(key);
            ASSERT_EQ(record != nullptr, found != expected.end()) << key;
            if (record != nullptr) {
                EXPECT_EQ(record->key(), key);
                EXPECT_EQ(record->header.number, found->second.first);
                EXPECT_EQ(record->text(), found->second.second);
            }
        }
    }
}

TEST(RecordTable, IsEmptiedSlotBySlot) {
    RecordTable<Header> table;
    const KeyHash hash;
    for (int i = 0; i < 1000; ++i) {
        const std::string key = std::to_string(i);
        table.put(key, hash(key), {i}, "text");
    }
    const std::size_t full = table.bytes();
    for (std::size_t slot = 0; slot < table.slots(); ++slot) {
        while (table.in_slot(slot) != nullptr) {
            table.erase_slot(slot);
        }
    }
    EXPECT_EQ(table.size(), 0U);
    EXPECT_LT(table.bytes(), full / 2);
    table.reserve(1'000'000);
    EXPECT_GE(table.slots(), 1'000'000U);
}

TEST(KeyHash, HasASeedOfItsOwn) {
    const KeyHash one;
    const KeyHash other;
    EXPECT_EQ(one("example.com"), one("example.com"));
    EXPECT_NE(one("example.com"), other("example.com"));
    EXPECT_NE(one("example.com"), one("example.con"));
    EXPECT_NE(one("a"), one(std::string_view("a\0", 2)));
    EXPECT_EQ(one({}), one(std::string_view("a").substr(1))) << "nothing, at no address and at one";
}

}  // namespace
}  // namespace postseal::sender
