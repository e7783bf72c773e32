// What becomes of a session, wherever it was read: counted as the collector counts it, made into the day's report, and
// that can be read. Shared by the targets that read sessions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tlsrpt/aggregate.h"
#include "tlsrpt/read.h"
#include "tlsrpt/session_table.h"
#include "tlsrpt/write.h"

namespace postseal::fuzz {

// Aborts where something is lost or made up. The caps are small, so that a few policies and failures are beyond them.
inline void expect_reported(const tlsrpt::Session& session, Day day) {
    tlsrpt::SessionTable table({.rows_per_domain_max = 6, .policies_per_domain_max = 3});
    table.add(day, session);
    table.add(day, session, 2);
    std::vector<tlsrpt::PolicyResult> policies;
    std::uint64_t most = 0;
    for (tlsrpt::Count& count : table.take()) {
        most = std::max(most, count.policy.successful + count.policy.failed);
        policies.push_back(std::move(count.policy));
    }
    const auto report = tlsrpt::report_of_day(day, session.domain, policies, {"Fuzz", "reports@sender.example"});
    const auto read = tlsrpt::read_report_json(as_bytes(tlsrpt::to_json(report)));
    // Each session once under a policy; a policy beyond the caps may stand for several of one session's.
    if (!read.report || most < 3 || most > 3 * session.policies.size() || !table.empty()) {
        std::abort();
    }
}

}  // namespace postseal::fuzz
