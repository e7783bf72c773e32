// An operator's own rules for destinations, applied before any lookup (design rule 14).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "verdict/decision.h"
#include "verdict/key.h"

namespace postseal::verdict {

struct Override {
    std::string domain;              // "example.org" exactly; ".example.org" the subtree without example.org itself
    std::string level;               // none | may | encrypt | dane | dane-only | secure | defer
    std::vector<std::string> match;  // of secure: names, ".names", or Postfix's words hostname, nexthop, dot-nexthop
};

class Overrides {
public:
    Overrides() = default;
    // Error: an entry with a malformed domain, an unknown level, a match that Postfix would refuse, or a match without
    // `secure`; `where` is "override N" (from 1) and the key.
    static Result<Overrides> make(const std::vector<Override>& entries);

    // Exact before subtree, the longest subtree before shorter ones; the first of equal entries. `none` answers
    // NOTFOUND (Postfix's own default applies), `defer` is Level::temp.
    [[nodiscard]] std::optional<Decision> decide(const Key& key, TimePoint now) const;
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    // After what is here: of two entries for the same domain the earlier one counts.
    void append(const Overrides& more);
    // The entries with their names in the form in which they are compared.
    [[nodiscard]] std::vector<Override> list() const;

private:
    struct Entry {
        dns::Name name;
        bool subtree = false;
        Level level = Level::none;
        std::vector<std::string> match;
        std::string text;
    };
    std::vector<Entry> entries_;
};

}  // namespace postseal::verdict
