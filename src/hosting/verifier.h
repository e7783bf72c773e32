// Whether the owner's CNAMEs show our label (design §4 rule 1): asked of the domain's own authoritative servers by
// iterating from the root, and separately through [resolver], each time without any cache.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "hosting/label.h"
#include "net/loop.h"
#include "net/resolver.h"

namespace postseal::hosting {

struct SeenRecord {
    CnameRecord record;
    bool seen = false;                   // both ways, exactly this target, one hop
    std::optional<std::string> problem;  // an English sentence for the owner; none when seen
    // The same as a stable word: not-found, other-record, wrong-target, chain, resolver-stale, servfail, bogus,
    // timeout; empty where there is no sentence, or nobody has looked yet.
    std::string problem_code;
    std::vector<std::string> observed;   // what is there instead: `TXT "v=TLSRPTv1; …"`
    std::optional<std::uint32_t> ttl_s;  // for which caches may hold what is in the way
    std::optional<TimePoint> checked;    // when somebody looked
    bool ever_seen = false;              // at this look or an earlier one: only then it can get lost
    friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};
using Verification = std::vector<SeenRecord>;
bool same_but_for_time(Verification before, Verification after);
bool all_seen(const Verification& verification);
// When all of them had been looked at.
std::optional<TimePoint> checked(const Verification& verification);
// Those without which the domain cannot have here what it wants: the two of the policy, of which reports are
// independent, or that of the reports where these are all (rule 2).
bool needed_names_seen(const Verification& verification);

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
    // Drops every look that is under way, and with it its `done`, uncalled.
    void cancel();

private:
    struct Resolvers {
        std::unique_ptr<net::Resolver> own_servers;
        std::unique_ptr<net::Resolver> configured;
    };
    net::Loop* loop_;
    net::ResolverSettings settings_;
    // Held here and not by the looks: a resolver holds the look that waits for it, and the two would never go.
    std::map<std::uint64_t, Resolvers> looks_;
    std::uint64_t looks_begun_ = 0;
};

}  // namespace postseal::hosting
