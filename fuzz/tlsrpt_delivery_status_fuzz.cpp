// A mail that may be a delivery status notification (RFC 3464).
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "base/text.h"
#include "tlsrpt/delivery_status.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const tlsrpt::DeliveryStatusLimits limits;
    const auto status = tlsrpt::read_delivery_status(as_text({data, size}), limits);
    if (!status) {
        return 0;
    }
    // It goes to terminals, logs and the store.
    const auto check = [](const std::string& text) {
        if (text.size() > 600 || text != printable(text, text.size())) {
            std::abort();
        }
    };
    check(status->message_id);
    if (status->recipients.empty() || status->recipients.size() > limits.recipients_max) {
        std::abort();
    }
    for (const tlsrpt::RecipientStatus& recipient : status->recipients) {
        for (const std::string* text : {&recipient.original_recipient, &recipient.final_recipient, &recipient.action,
                                        &recipient.status, &recipient.diagnostic}) {
            check(*text);
        }
    }
    return 0;
}
