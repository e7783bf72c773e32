// A hash table for millions of small records. A record is one allocation: header, key, text. A lookup touches one slot
// and one record, and a slot holds enough of the hash to pass others by. std::unordered_map would spend three
// allocations and a hundred bytes more on each domain.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace postseal::sender {

// Keys are names that strangers can choose: with a seed that they do not know they cannot make them collide.
// SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF").
class KeyHash {
public:
    KeyHash();  // a random seed
    [[nodiscard]] std::uint64_t operator()(std::string_view key) const;

private:
    std::uint64_t k0_;
    std::uint64_t k1_;
};

template <class Header>
class RecordTable {
public:
    class Record {
    public:
        Header header;
        [[nodiscard]] std::string_view key() const { return {bytes(), key_bytes_}; }
        [[nodiscard]] std::string_view text() const { return {bytes() + key_bytes_, text_bytes_}; }

    private:
        friend class RecordTable;
        Record(Header&& its_header, std::string_view key, std::string_view text)
            : header(std::move(its_header)),
              key_bytes_(static_cast<std::uint32_t>(key.size())),
              text_bytes_(static_cast<std::uint32_t>(text.size())) {
            std::memcpy(reinterpret_cast<char*>(this + 1), key.data(), key.size());
            std::memcpy(reinterpret_cast<char*>(this + 1) + key.size(), text.data(), text.size());
        }
        [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
        std::uint32_t key_bytes_;
        std::uint32_t text_bytes_;
    };

    [[nodiscard]] Record* find(std::string_view key, std::uint64_t hash) const {
        if (slots_.empty()) {
            return nullptr;
        }
        for (std::size_t i = home(hash);; i = next(i)) {
            const Slot& slot = slots_[i];
            if (!slot.record) {
                return nullptr;
            }
            if (slot.hash == hash && slot.record->key() == key) {
                return slot.record.get();
            }
        }
    }

    // Replaces what is there.
    Record& put(std::string_view key, std::uint64_t hash, Header header, std::string_view text) {
        if ((size_ + 1) * 5 > slots_.size() * 4) {
            grow(std::max<std::size_t>(8, slots_.size() * 2));
        }
        auto record = make(std::move(header), key, text);
        Record& placed = *record;
        bytes_ += bytes_of(placed);
        std::size_t i = home(hash);
        while (slots_[i].record) {
            if (slots_[i].hash == hash && slots_[i].record->key() == key) {
                bytes_ -= bytes_of(*slots_[i].record);
                slots_[i].record = std::move(record);
                return placed;
            }
            i = next(i);
        }
        slots_[i] = {std::move(record), hash};
        ++size_;
        return placed;
    }

    bool erase(std::string_view key, std::uint64_t hash) {
        if (slots_.empty()) {
            return false;
        }
        for (std::size_t i = home(hash); slots_[i].record; i = next(i)) {
            if (slots_[i].hash == hash && slots_[i].record->key() == key) {
                erase_slot(i);
                return true;
            }
        }
        return false;
    }

    // Slots are numbered from 0 for whoever looks through the table bit by bit; the numbers change when the table
    // grows.
    [[nodiscard]] std::size_t slots() const { return slots_.size(); }
    [[nodiscard]] Record* in_slot(std::size_t slot) const { return slots_[slot].record.get(); }
    // Another record may come to stand in the slot: look there again.
    void erase_slot(std::size_t hole) {
        bytes_ -= bytes_of(*slots_[hole].record);
        --size_;
        slots_[hole].record.reset();
        // What stands behind and belongs before the hole moves into it, so that no search ends too early.
        for (std::size_t i = next(hole); slots_[i].record; i = next(i)) {
            const std::size_t wanted = slots_[i].hash & mask();
            const bool stays = hole < i ? hole < wanted && wanted <= i : hole < wanted || wanted <= i;
            if (!stays) {
                slots_[hole] = std::move(slots_[i]);
                slots_[i].record.reset();
                hole = i;
            }
        }
    }

    template <class Predicate>
    std::size_t erase_if(const Predicate& predicate) {
        const std::size_t before = size_;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            while (slots_[i].record && predicate(*slots_[i].record)) {
                erase_slot(i);
            }
        }
        return before - size_;
    }

    void reserve(std::size_t records) {
        std::size_t wanted = 8;
        while (wanted * 4 < records * 5) {
            wanted *= 2;
        }
        if (wanted > slots_.size()) {
            grow(wanted);
        }
    }
    void clear() {
        std::vector<Slot>().swap(slots_);
        size_ = 0;
        bytes_ = 0;
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    // Of memory, about.
    [[nodiscard]] std::size_t bytes() const { return bytes_ + slots_.size() * sizeof(Slot); }

private:
    struct Free {
        void operator()(Record* record) const {
            record->~Record();
            ::operator delete(record);
        }
    };
    using Owned = std::unique_ptr<Record, Free>;
    struct Slot {
        Owned record;
        std::uint64_t hash = 0;
    };

    [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & mask(); }
    [[nodiscard]] std::size_t next(std::size_t slot) const { return (slot + 1) & mask(); }
    static std::size_t bytes_of(const Record& record) {
        constexpr std::size_t allocator_bytes = 16;
        return sizeof(Record) + record.key_bytes_ + record.text_bytes_ + allocator_bytes;
    }

    static Owned make(Header&& header, std::string_view key, std::string_view text) {
        void* memory = ::operator new(sizeof(Record) + key.size() + text.size());
        return Owned(new (memory) Record(std::move(header), key, text));
    }

    void grow(std::size_t count) {
        std::vector<Slot> old(count);
        old.swap(slots_);
        for (Slot& slot : old) {
            if (slot.record) {
                std::size_t i = home(slot.hash);
                while (slots_[i].record) {
                    i = next(i);
                }
                slots_[i] = std::move(slot);
            }
        }
    }

    std::vector<Slot> slots_;  // none, or a power of two
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace postseal::sender
