#include "verdict/overrides.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.h"

namespace postseal::verdict {

namespace {

constexpr Seconds lifetime{86'400};  // nothing that an override depends on changes without a reload

std::optional<Level> level_of(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, Level>, 7> words{{{"none", Level::none},
                                                                              {"may", Level::may},
                                                                              {"encrypt", Level::encrypt},
                                                                              {"dane", Level::dane},
                                                                              {"dane-only", Level::dane_only},
                                                                              {"secure", Level::secure},
                                                                              {"defer", Level::temp}}};
    for (const auto& [word, level] : words) {
        if (word == text) {
            return level;
        }
    }
    return std::nullopt;
}

Result<dns::Name> parse_host(std::string_view text) {
    auto name = dns::Name::parse(text);
    if (name && !name->is_hostname()) {
        return invalid_input("", fmt::format("\"{}\" is not a host name", printable(text, 80)));
    }
    return name;
}

// What Postfix takes in match=: a host name, ".name", or one of its own words. One bad value would defer all mail
// there.
Result<std::string> parse_match(std::string_view text) {
    if (text == "hostname" || text == "nexthop" || text == "dot-nexthop") {
        return std::string(text);
    }
    const bool subdomains = text.starts_with('.');
    auto name = parse_host(subdomains ? text.substr(1) : text);
    if (!name) {
        return name.error();
    }
    return (subdomains ? "." : "") + name->text();
}

}  // namespace

Result<Overrides> Overrides::make(const std::vector<Override>& entries) {
    Overrides overrides;
    int number = 0;
    for (const Override& given : entries) {
        ++number;
        const auto refused = [number](std::string_view key, const std::string& what) {
            return invalid_input(fmt::format("override {}: {}", number, key), what);
        };
        Entry entry;
        entry.subtree = given.domain.starts_with('.');
        auto name = dns::Name::parse(entry.subtree ? std::string_view(given.domain).substr(1) : given.domain);
        if (!name) {
            return refused("domain", name.error().message());
        }
        if (name->is_root()) {
            return refused("domain", "must name a domain");
        }
        if (dns::IpAddress::parse(name->text())) {
            return refused("domain", "is an IP address, for which no MTA asks: it must name a domain");
        }
        const auto level = level_of(given.level);
        if (!level) {
            return refused("level", fmt::format("\"{}\" is none of none, may, encrypt, dane, dane-only, secure, defer",
                                                printable(given.level, 40)));
        }
        if (!given.match.empty() && *level != Level::secure) {
            return refused("match", "only with level = \"secure\"");
        }
        for (const std::string& text : given.match) {
            auto match = parse_match(text);
            if (!match) {
                return refused("match", match.error().message());
            }
            entry.match.push_back(std::move(*match));
        }
        entry.name = std::move(*name);
        entry.level = *level;
        entry.text = (entry.subtree ? "." : "") + entry.name.text();
        overrides.entries_.push_back(std::move(entry));
    }
    return overrides;
}

void Overrides::append(const Overrides& more) {
    entries_.insert(entries_.end(), more.entries_.begin(), more.entries_.end());
}

std::vector<Override> Overrides::list() const {
    std::vector<Override> out;
    for (const Entry& entry : entries_) {
        const std::string_view level = entry.level == Level::temp ? "defer" : to_string(entry.level);
        out.push_back({entry.text, std::string(level), entry.match});
    }
    return out;
}

std::optional<Decision> Overrides::decide(const Key& key, TimePoint now) const {
    if (!key.can_have_policy()) {
        return std::nullopt;
    }
    const Entry* best = nullptr;
    for (const Entry& entry : entries_) {
        const bool fits =
            entry.subtree ? key.name != entry.name && key.name.is_under(entry.name) : key.name == entry.name;
        if (!fits) {
            continue;
        }
        const bool better = best == nullptr || (best->subtree && !entry.subtree) ||
                            (best->subtree && entry.subtree && best->name.label_count() < entry.name.label_count());
        if (better) {
            best = &entry;
        }
    }
    if (best == nullptr) {
        return std::nullopt;
    }
    Decision decision;
    decision.level = best->level;
    decision.source = Source::by_override;
    decision.match = best->match;
    decision.valid_until = now + lifetime;
    decision.reasons.push_back(best->level == Level::temp
                                   ? fmt::format("the operator defers mail to {} (override)", best->text)
                                   : fmt::format("the operator's override for {}", best->text));
    return decision;
}

}  // namespace postseal::verdict
