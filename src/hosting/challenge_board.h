// The http-01 challenges that are open now (RFC 8555 §8.3), and the answers of port 80. Any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/guarded.h"

namespace postseal::hosting {

class ChallengeBoard {
public:
    void put(const std::string& token, const std::string& key_authorization) {
        open_.with([&](auto& open) { open[token] = key_authorization; });
    }
    void remove(const std::string& token) {
        open_.with([&](auto& open) { open.erase(token); });
    }
    [[nodiscard]] std::optional<std::string> find(const std::string& token) const {
        return open_.with([&](const auto& open) -> std::optional<std::string> {
            const auto known = open.find(token);
            return known == open.end() ? std::nullopt : std::optional(known->second);
        });
    }

private:
    Guarded<std::map<std::string, std::string>> open_;
};

}  // namespace postseal::hosting
