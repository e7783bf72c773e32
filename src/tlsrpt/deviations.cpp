#include "tlsrpt/deviations.h"

#include <fmt/format.h>

#include "base/text.h"

namespace postseal::tlsrpt {

void Deviations::add(std::string_view code, std::string message) {
    const auto [at, is_new] = index_.emplace(code, entries_.size());
    if (is_new) {
        entries_.push_back({code, std::move(message), 1});
    } else {
        ++entries_[at->second].count;
    }
}

std::vector<Deviation> Deviations::list() const {
    std::vector<Deviation> result;
    result.reserve(entries_.size());
    for (const auto& entry : entries_) {
        std::string message = entry.message;
        if (entry.count > 1) {
            message += fmt::format(" (and {} more)", entry.count - 1);
        }
        result.push_back({std::string(entry.code), std::move(message)});
    }
    return result;
}

void Deviations::append(const Deviations& more) {
    for (const auto& entry : more.entries_) {
        const auto [at, is_new] = index_.emplace(entry.code, entries_.size());
        if (is_new) {
            entries_.push_back(entry);
        } else {
            entries_[at->second].count += entry.count;
        }
    }
}

std::string shown(std::string_view text) {
    return fmt::format("\"{}\"", printable(text, 100));
}

}  // namespace postseal::tlsrpt
