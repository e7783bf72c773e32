// Whether the owner's CNAMEs show our label (design §4 rule 1): asked of the domain's own authoritative servers by
// iterating from the root, and separately through [resolver], each time without any cache.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "hosting/label.h"
#include "net/loop.h"
#include "net/resolver.h"

namespace postseal::hosting {

struct SeenRecord {
    CnameRecord record;
    bool seen = false;                   // both ways, exactly this target, one hop
    std::optional<std::string> problem;  // an English sentence for the owner; none when seen
    friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};
using Verification = std::vector<SeenRecord>;
bool all_seen(const Verification& verification);
// The two without which no policy can be hosted; reports are independent of them (rule 2).
bool policy_names_seen(const Verification& verification);

std::string verification_to_json(const Verification& verification);
// `expected` with what the JSON text says of each; nothing of it is trusted to name records.
Verification verification_from_json(const std::vector<CnameRecord>& expected, std::string_view text);

// Asks two resolvers, which have to outlive the call; `done` on the loop.
void look_at_cnames(net::Loop& loop, net::Resolver& own_servers, net::Resolver& resolver,
                    std::vector<CnameRecord> expected, std::function<void(Verification)> done);

class Verifier {
public:
    Verifier(net::Loop& loop, net::ResolverSettings settings) : loop_(&loop), settings_(std::move(settings)) {}

    // With resolvers made for this look. Error: they cannot be made.
    void look(std::vector<CnameRecord> expected, std::function<void(Result<Verification>)> done);

private:
    net::Loop* loop_;
    net::ResolverSettings settings_;
};

}  // namespace postseal::hosting
