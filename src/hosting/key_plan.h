// Which DNSSEC key does what when (RFC 7583): pure decisions over the keys in the store.
//
// ZSK: pre-publication (RFC 7583 §3.2.1). The new key is in the DNSKEY RRset for one TTL and one propagation time
// before it signs; then everything is signed anew; the old key stays until the last old signature has left the caches.
// KSK: double-KSK (RFC 7583 §3.3.1). Both sign the DNSKEY RRset; CDS and CDNSKEY (RFC 7344) name the new one once every
// cache knows it; when somebody has seen its DS at the parent and the old DS has left the caches, the old key goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/dnssec.h"
#include "dns/name.h"
#include "dns/record.h"
#include "store/dns_keys.h"

namespace postseal::hosting {

struct KeyTimes {
    Seconds dnskey_ttl{3600};
    Seconds zone_ttl_max{3600};  // of every other record of ours
    Seconds propagation{3600};   // until the slowest secondary serves a change
    Seconds ds_ttl{86'400};      // of the DS records at the parent
};

struct KeyPlan {
    dns::SigningPtr signing;
    std::vector<dns::Record> apex;   // DNSKEY, CDS, CDNSKEY, NSEC3PARAM
    std::vector<std::int64_t> gone;  // keys that nothing needs any more

    // Whether both sign with the same keys and show the same records.
    [[nodiscard]] bool same_as(const KeyPlan& other) const;
};
// `tags_in_use`: of keys by which signatures are still in the zone; they stay in the DNSKEY RRset whatever the time.
// Errors: no ZSK or KSK that signs, a key that is none.
Result<KeyPlan> plan_keys(const dns::Name& zone, const std::vector<store::DnsKey>& keys, const KeyTimes& times,
                          const Clock& clock, const std::vector<std::uint16_t>& tags_in_use);

// What `dns-keys` shows of a key: what it does now, and for people what comes next.
struct KeyState {
    std::string word;  // published, active, ds-wanted, retired, removed
    std::string next;
};
KeyState state_of(const store::DnsKey& key, const std::vector<store::DnsKey>& all, const KeyTimes& times,
                  TimePoint now);

// The DS records that the parent should have: RDATA. Of a new KSK only once every cache knows its DNSKEY.
Result<std::vector<Bytes>> wanted_ds(const dns::Name& zone, const std::vector<store::DnsKey>& keys,
                                     const KeyTimes& times, TimePoint now);

store::DnsKey new_key(dns::KeyRole role, TimePoint published, TimePoint active);

// What has to be stored to begin or to go on with a roll-over. Errors (refused): one is under way, nothing to roll.
struct KeyChange {
    std::vector<store::DnsKey> added;
    std::vector<store::DnsKey> changed;
};
Result<KeyChange> first_keys(const std::vector<store::DnsKey>& keys, TimePoint now);  // those that are missing
Result<KeyChange> roll_zsk(const std::vector<store::DnsKey>& keys, const KeyTimes& times, TimePoint now);
Result<KeyChange> roll_ksk(const std::vector<store::DnsKey>& keys, const KeyTimes& times, TimePoint now);
Result<KeyChange> ds_seen(const std::vector<store::DnsKey>& keys, const KeyTimes& times, TimePoint now);

Result<void> apply(store::DnsKeys& store, const dns::Name& zone, const KeyChange& change);

}  // namespace postseal::hosting
