#include "sender/recent_datagrams.h"

#include "base/text.h"

namespace postseal::sender {

namespace {

constexpr std::size_t datagram_bytes_max = 4096;  // larger ones are rare
constexpr std::size_t bytes_max = std::size_t{32} << 20;

}  // namespace

const tlsrpt::Session* RecentDatagrams::find(ByteView datagram) const {
    const auto found = by_bytes_.find(as_text(datagram));
    return found == by_bytes_.end() ? nullptr : &found->second->session;
}

const tlsrpt::Session* RecentDatagrams::count_again(ByteView datagram) {
    const auto found = by_bytes_.find(as_text(datagram));
    if (found == by_bytes_.end()) {
        return nullptr;
    }
    Known& known = *found->second;
    if (known.times++ == 0) {
        counted_.push_back(&known);
    }
    return &known.session;
}

void RecentDatagrams::remember(ByteView datagram, const tlsrpt::Session& session) {
    if (datagram.size() > datagram_bytes_max || is_full()) {
        return;
    }
    const std::size_t hash = std::hash<std::string_view>{}(as_text(datagram));
    std::uint32_t& sighting = sightings_[hash % sightings_.size()];
    const auto mark = static_cast<std::uint32_t>(hash >> 32) | 1;  // 0 is nobody's
    if (sighting != mark) {
        sighting = mark;
        return;
    }
    // What a session takes in memory is about the size of its datagram.
    bytes_ += 2 * datagram.size() + sizeof(Known);
    Known& known = known_.emplace_back(Known{std::string(as_text(datagram)), session, 0});
    by_bytes_.emplace(known.bytes, &known);
}

bool RecentDatagrams::is_full() const {
    return bytes_ > bytes_max;
}

void RecentDatagrams::take(const std::function<void(const tlsrpt::Session&, std::uint64_t)>& take_one) {
    for (Known* known : counted_) {
        take_one(known->session, known->times);
        known->times = 0;
    }
    counted_.clear();
}

void RecentDatagrams::clear() {
    by_bytes_.clear();
    counted_.clear();
    known_.clear();
    bytes_ = 0;
}

}  // namespace postseal::sender
