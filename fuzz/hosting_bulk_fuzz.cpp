// A text with many domains, pasted by anybody who may sign in: each line is a name that can be hosted, or says why not.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hosting/bulk_add.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    static const dns::Name zone = dns::Name::parse("sts.example.net").value();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto lines = hosting::read_bulk(text, store::Uses::both, zone);
    if (!lines) {
        return 0;
    }
    for (const hosting::BulkLine& line : *lines) {
        const bool taken = line.problem_code.empty();
        if (taken != line.problem.empty() || taken == line.name.is_root() || (taken && line.name.is_under(zone))) {
            std::abort();
        }
    }
    return 0;
}
