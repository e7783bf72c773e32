// The JSON of a report from anywhere (RFC 8460 §4.4).
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "tlsrpt/read.h"
#include "tlsrpt/write.h"

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    constexpr std::uint64_t count_max = (std::uint64_t{1} << 53) - 1;
    const tlsrpt::ReadReport read = tlsrpt::read_report_json({data, size});
    for (const auto& deviation : read.deviations) {
        require(!deviation.code.empty() && !deviation.message.empty() && is_valid_utf8(deviation.message));
    }
    if (!read.report) {
        require(is_valid_utf8(read.report.error().message()));
        return 0;
    }
    const tlsrpt::Report& report = *read.report;
    require(!read.json.empty());
    require(!report.begin || !report.end || *report.begin <= *report.end);
    for (const auto& policy : report.policies) {
        require(policy.successful <= count_max && policy.failed <= count_max);
        for (const auto& failure : policy.failures) {
            require(failure.sessions <= count_max);
        }
    }
    // What is shown and passed on is I-JSON whatever came in.
    const std::string json = tlsrpt::to_json(report);
    require(is_valid_utf8(json));
    const tlsrpt::ReadReport again = tlsrpt::read_report_json(as_bytes(json));
    const bool has_frame = report.organization_name || report.contact_info || report.report_id || report.begin ||
                           report.end || !report.policies.empty();
    require(again.report.has_value() || !has_frame);
    return 0;
}
