// A mail log, line by line: whatever stands in it, each session that it yields can be reported, and what is open
// survives a restart.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "reported.h"
#include "tlsrpt/postfix_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const tlsrpt::PostfixLog::Now now{TimePoint(Seconds(1'795'548'600)), Seconds(3600)};
    tlsrpt::PostfixLog log;
    std::vector<tlsrpt::LoggedSession> sessions;
    for (const std::string_view line : split(as_text(ByteView(data, size)), '\n')) {
        log.read(line, now, sessions);
    }
    tlsrpt::PostfixLog again;
    if (!again.restore(log.save()) || again.save().size() != log.save().size()) {
        std::abort();
    }
    for (const tlsrpt::LoggedSession& session : sessions) {
        tlsrpt::PolicyResult policy;
        policy.policy_type = "no-policy-found";
        policy.policy_domain = session.domain.text();
        fuzz::expect_reported(tlsrpt::as_session(session, policy), std::chrono::floor<std::chrono::days>(session.at));
    }
    return 0;
}
