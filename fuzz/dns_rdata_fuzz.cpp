// The data of one record, from the wire and through its text form back. Input: the type (2 bytes), then the RDATA.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dns/record.h"
#include "dns/zone_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    ByteReader reader({data, size});
    const auto code = reader.u16();
    if (!code) {
        return 0;
    }
    const auto type = static_cast<dns::Type>(*code);
    const auto value = dns::data_from_wire(type, reader.rest());
    if (!value) {
        return 0;
    }
    const auto again = dns::data_from_wire(type, dns::data_to_wire(*value));
    if (!again || *again != *value) {
        std::abort();
    }
    const auto written = dns::parse_zone_text("t. " + dns::to_string(type) + " " + dns::data_text(*value), "fuzz");
    if (!written || written->size() != 1 || written->front().type != type || written->front().data != *value) {
        std::abort();
    }
    return 0;
}
