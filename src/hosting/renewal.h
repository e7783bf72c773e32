// When a certificate is renewed: when its CA suggests (ARI, RFC 9773), otherwise at two thirds of its lifetime, spread,
// so that what was issued on one day is not renewed within one hour (rule 7). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"

namespace postseal::hosting {

// RFC 9773 §4.1: what a certificate is called at its CA's renewalInfo, and in `replaces`.
std::string renewal_id(ByteView key_identifier, ByteView serial);
// Error: not a certificate, or without an authority key identifier: then the CA cannot be asked about it.
Result<std::string> renewal_id_of(ByteView certificate_der);
// Of the first certificate of a PEM chain.
Result<std::string> renewal_id_of_pem(std::string_view chain_pem);

struct RenewalWindow {  // RFC 9773 §4.2
    TimePoint start;
    TimePoint end;
    std::string explanation_url;  // "" = none
    friend bool operator==(const RenewalWindow&, const RenewalWindow&) = default;
};
Result<RenewalWindow> parse_renewal_info(std::string_view text);

// For how long an answer holds: what the CA said, but never less than a minute nor more than half a day.
Seconds asked_again_after(std::optional<Seconds> retry_after);

// The moment for this host: the same every time it is asked, and evenly spread over hosts.
TimePoint renewal_moment(const dns::Name& host, TimePoint not_before, TimePoint not_after,
                         const std::optional<RenewalWindow>& window);

// From here on a certificate that could not be renewed is an alert: a third of the time between its renewal and its
// end has passed.
TimePoint overdue_from(TimePoint renewal, TimePoint not_after);

}  // namespace postseal::hosting
