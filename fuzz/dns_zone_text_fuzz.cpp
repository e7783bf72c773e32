// Root hints and trust anchors, as a configuration names them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dns/zone_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const std::string_view text = as_text({data, size});
    (void)dns::parse_root_hints(text, "hints");
    (void)dns::parse_trust_anchors(text, "anchors");
    const auto records = dns::parse_zone_text(text, "fuzz");
    if (!records) {
        return 0;
    }
    std::string written;
    for (const auto& record : *records) {
        written += record.name.fqdn() + " " + std::to_string(record.ttl_s) + " IN " + dns::to_string(record.type) +
                   " " + dns::data_text(record.data) + "\n";
    }
    const auto again = dns::parse_zone_text(written, "fuzz");
    if (written.size() <= dns::zone_text_bytes_max && (!again || *again != *records)) {
        std::abort();
    }
    return 0;
}
