#include "tlsrpt/deviations.h"

#include <fmt/format.h>

#include "base/text.h"

namespace postseal::tlsrpt {

std::string deviation::missing(std::string_view member) {
    return std::string(member) + "-missing";
}

Deviations::Entry& Deviations::entry(std::string_view code) {
    const auto at = index_.find(code);
    if (at != index_.end()) {
        return entries_[at->second];
    }
    index_.emplace(code, entries_.size());
    entries_.push_back({std::string(code), {}, 0});
    return entries_.back();
}

bool Deviations::is_full(std::string_view code) const {
    const auto at = index_.find(code);
    return at != index_.end() && entries_[at->second].messages.size() >= messages_per_code_max;
}

void Deviations::add(std::string_view code, std::string message) {
    Entry& to = entry(code);
    ++to.count;
    if (to.messages.size() < messages_per_code_max) {
        to.messages.push_back(std::move(message));
    }
}

std::vector<Deviation> Deviations::list() const {
    std::vector<Deviation> result;
    for (const Entry& from : entries_) {
        for (const std::string& message : from.messages) {
            result.push_back({from.code, message});
        }
        if (from.count > from.messages.size()) {
            result.back().message += fmt::format(" (and {} more)", from.count - from.messages.size());
        }
    }
    return result;
}

void Deviations::append(const Deviations& more) {
    for (const Entry& from : more.entries_) {
        for (const std::string& message : from.messages) {
            add(from.code, message);
        }
        entry(from.code).count += from.count - from.messages.size();
    }
}

std::string shown(std::string_view text) {
    return fmt::format("\"{}\"", printable(text, 100));
}

}  // namespace postseal::tlsrpt
