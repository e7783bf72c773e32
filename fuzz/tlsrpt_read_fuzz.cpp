// Any container of reports: gzip, zip, mail, base64, several of each in one another. Limits are small, so that going to
// them is quick.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "tlsrpt/read.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    tlsrpt::ReadLimits limits;
    limits.input_bytes_max = std::size_t{256} * 1024;
    limits.json_bytes_max = std::size_t{64} * 1024;
    limits.total_bytes_max = std::size_t{256} * 1024;
    limits.reports_max = 5;
    limits.mime_parts_max = 20;
    const auto input = tlsrpt::read_input({data, size}, "s.example!r.example!1769817600!1769903999.json", limits);
    if (input.reports.empty() || input.reports.size() > limits.reports_max + 1) {  // the last says that there are more
        std::abort();
    }
    for (const auto& read : input.reports) {
        if (read.json.size() > 3 * limits.json_bytes_max || (read.report && read.json.empty()) ||
            (!read.report && !is_valid_utf8(read.report.error().message()))) {
            std::abort();
        }
    }
    return 0;
}
