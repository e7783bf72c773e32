#include "sender/record_table.h"

#include <bit>
#include <random>

namespace postseal::sender {

namespace {

struct SipState {
    std::uint64_t v0, v1, v2, v3;
    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void take(std::uint64_t word) {
        v3 ^= word;
        round();
        v0 ^= word;
    }
};

}  // namespace

KeyHash::KeyHash() {
    std::random_device random;
    const auto word = [&] { return std::uint64_t{random()} << 32U | random(); };
    k0_ = word();
    k1_ = word();
}

std::uint64_t KeyHash::operator()(std::string_view key) const {
    SipState state{k0_ ^ 0x736f6d6570736575U, k1_ ^ 0x646f72616e646f6dU, k0_ ^ 0x6c7967656e657261U,
                   k1_ ^ 0x7465646279746573U};
    std::uint64_t last = std::uint64_t{key.size()} << 56U;
    while (key.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, key.data(), sizeof word);
        state.take(word);
        key.remove_prefix(sizeof word);
    }
    std::uint64_t tail = 0;
    if (!key.empty()) {  // data() may be null then, which memcpy() must not be given
        std::memcpy(&tail, key.data(), key.size());
    }
    last |= tail;
    state.take(last);
    state.v2 ^= 0xffU;
    state.round();
    state.round();
    state.round();
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace postseal::sender
