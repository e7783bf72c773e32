// What is remembered about the orders of certificates: per name how it stands with the next one, and the events that
// count towards the limits of a CA. No secrets; keys and accounts are in Certificates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dns/name.h"
#include "store/database.h"

namespace postseal::store {

struct CertificateOrder {
    dns::Name host;
    std::string directory;  // of the CA that issued the certificate in use; "" = none yet, or before this was kept
    std::int64_t failures = 0;
    std::optional<TimePoint> failing_since;
    std::optional<TimePoint> next_try;  // after a failure
    std::string last_error;             // for people; "" after a success
    // ARI (RFC 9773): what the CA suggests for the certificate in use.
    std::optional<TimePoint> window_start;
    std::optional<TimePoint> window_end;
    std::optional<TimePoint> asked_next;  // when the CA is asked again
    std::string explanation_url;
    friend bool operator==(const CertificateOrder&, const CertificateOrder&) = default;
};

struct AcmeEvent {
    std::string directory;
    std::string kind;  // hosting's word: order, certificate, failed-authorization
    dns::Name host;
    TimePoint at;
};

class AcmeLedger {
public:
    explicit AcmeLedger(Database& database) : database_(&database) {}

    Result<void> put(const CertificateOrder& order);  // replaces; a claim on the host stays
    Result<std::vector<CertificateOrder>> all();
    Result<void> erase(const dns::Name& host);

    // Of several processes, the one that may order for the host until `until`; false: another one holds it at `now`.
    Result<bool> claim(const dns::Name& host, TimePoint now, TimePoint until);
    Result<void> release(const dns::Name& host);
    Result<void> release_all();  // at the start of the only process

    Result<void> add(const AcmeEvent& event);
    Result<std::vector<AcmeEvent>> events_since(TimePoint since);  // oldest first
    Result<void> drop_events_before(TimePoint moment);

private:
    Database* database_;
};

}  // namespace postseal::store
