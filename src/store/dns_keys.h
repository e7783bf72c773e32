// The keys that sign the hosting zone. Private halves are sealed. System only: no organisation owns any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/name.h"
#include "store/database.h"
#include "store/secret_box.h"

namespace postseal::store {

// When a key begins and ceases to be used: hosting/dns_keys.h says what each moment means.
struct DnsKey {
    std::int64_t id = 0;
    std::string role;  // "ksk", "zsk"
    std::uint16_t tag = 0;
    Bytes private_key;
    TimePoint published;               // in the DNSKEY RRset
    TimePoint active;                  // signs
    std::optional<TimePoint> ds_seen;  // KSK: its DS was seen at the parent
    std::optional<TimePoint> retired;  // signs no more
    std::optional<TimePoint> removed;  // leaves the DNSKEY RRset
    friend bool operator==(const DnsKey&, const DnsKey&) = default;
};

class DnsKeys {
public:
    DnsKeys(Database& database, std::shared_ptr<const SecretBox> secrets)
        : database_(&database), secrets_(std::move(secrets)) {}

    Result<std::vector<DnsKey>> all(const dns::Name& zone);  // oldest first
    Result<std::int64_t> add(const dns::Name& zone, const DnsKey& key);
    Result<void> put_times(const DnsKey& key);
    Result<void> erase(std::int64_t id);

    // SOA serials never go back, whatever the clock does: no serial above the reserved one has been shown.
    Result<std::uint32_t> reserved_serial(const dns::Name& zone);  // 0: none yet
    Result<void> reserve_serial(const dns::Name& zone, std::uint32_t serial);

private:
    Database* database_;
    std::shared_ptr<const SecretBox> secrets_;
};

}  // namespace postseal::store
