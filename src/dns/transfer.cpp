#include "dns/transfer.h"

#include <algorithm>

namespace postseal::dns {

namespace {

constexpr std::size_t message_bytes_wanted = 16 * 1024;  // also where compression pointers reach

}  // namespace

Transfer::Transfer(ZonePtr zone, const Query& query, std::optional<std::uint32_t> serial)
    : zone_(std::move(zone)), question_(query.question.begin(), query.question.end()), apex_bytes_(query.name.size()) {
    header_.id = query.header.id;
    header_.response = true;
    header_.authoritative = true;  // RFC 5936 §2.2.1
    header_.question_count = 1;
    if (serial) {
        if (!serial_after(zone_->serial(), *serial)) {
            kind_ = Kind::up_to_date;
        } else if (auto known = zone_->changes_since(*serial)) {
            kind_ = Kind::changes;
            changes_ = std::move(*known);
        }
    }
    records_.push_back(zone_->soa_record());
}

// The records of the next step: a part of the zone, a change, or the SOA that ends it all.
void Transfer::refill() {
    records_.clear();
    sent_ = 0;
    const std::size_t steps = kind_ == Kind::whole ? Zone::record_parts : kind_ == Kind::changes ? changes_.size() : 0;
    while (records_.empty() && step_ < steps) {
        if (kind_ == Kind::whole) {
            zone_->each_record(step_++, [this](ByteView whole) { records_.emplace_back(whole.begin(), whole.end()); });
            continue;
        }
        const ZoneDelta& change = *changes_[step_++];  // RFC 1995 §4
        records_.push_back(change.old_soa);
        records_.insert(records_.end(), change.removed.begin(), change.removed.end());
        records_.push_back(change.new_soa);
        records_.insert(records_.end(), change.added.begin(), change.added.end());
    }
    if (records_.empty()) {
        ended_ = true;
        if (kind_ != Kind::up_to_date) {
            records_.push_back(zone_->soa_record());
        }
    }
}

bool Transfer::next(Bytes& message) {
    if (ended_ && sent_ == records_.size()) {
        return false;
    }
    message.assign(header_bytes, 0);
    append(message, question_);
    const ByteView apex = ByteView(question_).first(apex_bytes_);
    header_.answer_count = 0;
    while (true) {
        if (sent_ == records_.size()) {
            if (ended_) {
                break;
            }
            refill();
            continue;
        }
        const Bytes& record = records_[sent_];
        if (header_.answer_count > 0 &&
            (message.size() + record.size() > message_bytes_wanted || header_.answer_count == 0xffff)) {
            break;
        }
        // The owner ends with the apex, which is the question: a pointer stands for it.
        std::size_t prefix = 0;
        std::size_t owner = 0;
        while (record[owner] != 0) {
            owner += 1U + record[owner];
        }
        ++owner;
        prefix = owner - apex.size();
        append(message, ByteView(record).first(prefix));
        append_u16(message, 0xc000U | header_bytes);
        append(message, ByteView(record).subspan(owner));
        ++header_.answer_count;
        ++sent_;
    }
    const auto header = encode_header(header_);
    std::copy(header.begin(), header.end(), message.begin());
    return true;
}

std::optional<std::uint32_t> ixfr_serial(ByteView packet) {
    const auto message = read_header(packet);
    if (!message || message->authority_count != 1 || message->answer_count != 0 || message->question_count != 1) {
        return std::nullopt;
    }
    // Our reader of responses reads every section; a query differs only in one bit.
    Bytes copy(packet.begin(), packet.end());
    copy[2] |= 0x80U;
    const auto read = read_response(copy);
    if (!read || read->authority.size() != 1) {
        return std::nullopt;
    }
    const auto* soa = std::get_if<SoaData>(&read->authority.front().data);
    return soa != nullptr ? std::optional(soa->serial) : std::nullopt;
}

bool serial_after(std::uint32_t a, std::uint32_t b) {
    return a != b && a - b < 0x80000000U;
}

}  // namespace postseal::dns
