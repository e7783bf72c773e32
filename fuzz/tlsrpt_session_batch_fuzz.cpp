// A body of sessions, read both ways: it is taken as a whole or says what is wrong with it, and each session that it
// yields can be reported.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "reported.h"
#include "tlsrpt/session_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const tlsrpt::BatchLimits limits{.bytes_max = 10'000, .sessions_max = 20, .refused_max = 5};
    for (const auto format : {tlsrpt::BatchFormat::json, tlsrpt::BatchFormat::ndjson}) {
        const auto batch = tlsrpt::read_batch(as_text(ByteView(data, size)), format, limits);
        if (!batch) {
            continue;
        }
        if (batch->sessions.size() > limits.sessions_max || batch->refused.size() > limits.refused_max) {
            std::abort();
        }
        for (const tlsrpt::Session& session : batch->sessions) {
            if (session.policies.empty() || session.domain.is_root()) {
                std::abort();
            }
            fuzz::expect_reported(session, Day{std::chrono::days(20'000)});
        }
    }
    return 0;
}
