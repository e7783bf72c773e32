// A datagram of libtlsrpt, counted and made into a report: whatever a local MTA was told by remote hosts, the report
// that goes out can be read.
#include <cstddef>
#include <cstdint>

#include "reported.h"
#include "tlsrpt/datagram.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const auto session = tlsrpt::parse_datagram({data, size});
    if (session) {
        fuzz::expect_reported(*session, Day{std::chrono::days(20'000)});
    }
    return 0;
}
