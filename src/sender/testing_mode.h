// What a report says about a domain whose policy is in testing mode (RFC 8461 §5, RFC 8460 §4.3; design rule 16).
// Postfix is told nothing about such a policy and reports its sessions as no-policy-found; the owner wants to know what
// enforcing would have done. Pure.
#pragma once

#include <vector>

#include "store/session_counts.h"
#include "tlsrpt/report.h"

namespace postseal::sender {

// Why a host would have been refused is told apart from what an MTA saw by this beginning of failure-reason-code.
constexpr std::string_view testing_reason = "testing-mode probe: ";

// Files the day's no-policy-found sessions of one domain under its testing policy (the newest seen that day), judged by
// what the probes of its MX hosts found. `hosts` are that domain's; without any nothing changes.
//
// A session that worked does not name its host. Mail goes to the best preference first: when every host there would
// have been refused, the sessions that worked count as failed, shared out evenly. Otherwise they count as they were
// reported, and each failing host adds the one session that is known to fail: the probe itself.
void file_under_testing_policy(std::vector<tlsrpt::PolicyResult>& policies,
                               const std::vector<store::TestingHost>& hosts);

}  // namespace postseal::sender
