// Responses of other people's servers, as the verifier reads them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "dns/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const ByteView packet(data, size);
    (void)dns::is_response_to(packet, packet);
    const auto message = dns::read_response(packet);
    if (!message) {
        return 0;
    }
    for (const auto* section : {&message->answer, &message->authority, &message->additional}) {
        for (const auto& record : *section) {
            // What was read as a type's data is that, whatever pointers it was put together from.
            if (!std::holds_alternative<dns::OtherData>(record.data)) {
                const auto again = dns::data_from_wire(record.type, dns::data_to_wire(record.data));
                if (!again || *again != record.data) {
                    std::abort();
                }
            }
        }
    }
    return 0;
}
