// The main log of Exim, line by line: whatever stands in it, each session that it yields can be reported.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "reported.h"
#include "tlsrpt/exim_log.h"

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
        fuzz::expect_reported(tlsrpt::as_session(session, policy), std::chrono::floor<std::chrono::days>(session.at));
    }
    return 0;
}
