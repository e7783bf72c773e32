// A datagram of libtlsrpt, counted and made into a report: whatever a local MTA was told by remote hosts, the report
// that goes out can be read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tlsrpt/aggregate.h"
#include "tlsrpt/datagram.h"
#include "tlsrpt/read.h"
#include "tlsrpt/write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const auto session = tlsrpt::parse_datagram({data, size});
    if (!session) {
        return 0;
    }
    tlsrpt::Aggregate aggregate({.details_per_policy_max = 3, .policies_per_domain_max = 3});
    const Day day{std::chrono::days(20'000)};
    aggregate.add(day, *session);
    aggregate.add(day, *session);
    std::vector<tlsrpt::PolicyResult> policies;
    std::uint64_t sessions = 0;
    for (auto& count : aggregate.take()) {
        sessions = std::max(sessions, count.policy.successful + count.policy.failed);
        policies.push_back(std::move(count.policy));
    }
    const auto report = tlsrpt::report_of_day(day, session->domain, policies, {"Fuzz", "reports@sender.example"});
    const auto read = tlsrpt::read_report_json(as_bytes(tlsrpt::to_json(report)));
    // At most one session a datagram and policy; folded policies may hold several of one datagram's.
    if (!read.report || sessions == 0 || sessions > 2 * session->policies.size()) {
        std::abort();
    }
    return 0;
}
