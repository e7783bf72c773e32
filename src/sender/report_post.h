// One report by HTTPS (RFC 8460 §5.4): POST to precisely the URI that the record gives (RPT-011).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/certificate.h"
#include "sender/parts.h"
#include "sender/report_mail.h"
#include "tlsrpt/record.h"

namespace postseal::sender {

struct ReportPostSettings {
    bool verify_certificate = false;  // RFC 8460 §3 lets a sender ignore certificate errors (RPT-012)
    std::shared_ptr<const net::TrustStore> trust;
    std::uint16_t port = 443;  // of an https rua that names none ([lab] rua_port)
};

// On the loop, `done` too. `parts` refers to what outlives the call.
void post_report(const SenderParts& parts, ReportPostSettings settings, tlsrpt::ReportUri rua, std::string json,
                 std::function<void(DeliveryAttempt)> done);

}  // namespace postseal::sender
