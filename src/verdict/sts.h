// Which MTA-STS policy holds for a domain right now, and why (RFC 8461 §3.3, §5.1; design rule 9).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "mtasts/cache.h"
#include "mtasts/policy.h"
#include "tlsrpt/result_type.h"
#include "verdict/evidence.h"

namespace postseal::verdict {

// What the TXT lookup says to the cache rules.
mtasts::TxtOutcome txt_outcome(const Lookup<std::string>& sts_txt);

// RFC 8461 §3.3: a fetch counts when it ended in status 200, text/plain, a valid certificate and a valid policy.
struct FetchJudgement {
    std::optional<mtasts::Policy> policy;
    std::optional<tlsrpt::ResultType> failure;  // RFC 8460 §4.3.2.2; none when not attempted, held back or running
    std::string reason;                         // one line, when there is no policy
    Problems problems;                          // of the body
};
FetchJudgement judge_fetch(const PolicyFetch& fetch);

struct PolicyInForce {
    std::optional<mtasts::CachedPolicy> policy;  // what holds now; nothing = as if the domain had no policy
    enum class From { nowhere, fetch, cache } from = From::nowhere;
    std::vector<std::string> reasons;
    std::optional<tlsrpt::ResultType> failure;  // to be reported (RFC 8461 §6)
    [[nodiscard]] bool enforced() const { return policy && policy->policy.mode == mtasts::Mode::enforce; }
};
// From::fetch: `policy` is what the cache should now hold (a max_age of 0 applies to this delivery only).
PolicyInForce policy_in_force(const Evidence& evidence, TimePoint now);

}  // namespace postseal::verdict
