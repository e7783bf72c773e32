// The main log of Exim, line by line: whatever stands in it, each session that it yields can be reported.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "tlsrpt/aggregate.h"
#include "tlsrpt/exim_log.h"
#include "tlsrpt/read.h"
#include "tlsrpt/write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    tlsrpt::EximLog log;
    std::vector<tlsrpt::LoggedSession> sessions;
    for (const std::string_view line : split(as_text(ByteView(data, size)), '\n')) {
        log.read(line, {TimePoint(), Seconds(0)}, sessions);
    }
    for (const tlsrpt::LoggedSession& session : sessions) {
        tlsrpt::PolicyResult policy;
        policy.policy_type = "no-policy-found";
        policy.policy_domain = session.domain.text();
        const Day day = std::chrono::floor<std::chrono::days>(session.at);
        tlsrpt::Aggregate aggregate;
        aggregate.add(day, tlsrpt::as_session(session, policy));
        const auto counts = aggregate.take();
        const auto report =
            tlsrpt::report_of_day(day, session.domain, {counts.at(0).policy}, {"Fuzz", "reports@sender.example"});
        const auto read = tlsrpt::read_report_json(as_bytes(tlsrpt::to_json(report)));
        if (counts.size() != 1 || !read.report) {
            std::abort();
        }
    }
    return 0;
}
