// DNS lookups with DNSSEC validation in this process (libunbound).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/record.h"
#include "net/loop.h"

namespace postseal::net {

// How far an answer can be believed (RFC 4035 §4.3; "indeterminate" counts as insecure, RFC 7672 §2.1.1).
enum class DnsStatus {
    secure,    // validated up to a trust anchor, the whole CNAME chain and negative answers included
    insecure,  // provably unsigned, or no trust anchor
    bogus,     // validation failed: an attack, or a broken zone. Holds no records
    failed,    // no answer: SERVFAIL, REFUSED, timeout
};
std::string_view to_string(DnsStatus status);

enum class DnsContent {
    data,      // `records` are of the type asked for
    nodata,    // the name exists, the type does not
    nxdomain,  // the name does not exist
    none,      // status is bogus or failed
};
std::string_view to_string(DnsContent content);

struct DnsAnswer {
    dns::Name name;
    dns::Type type = dns::Type::a;
    DnsStatus status = DnsStatus::failed;
    DnsContent content = DnsContent::none;
    std::vector<dns::Record> records;  // owner = canonical_name, in the order received
    dns::Name canonical_name;          // end of the CNAME chain, or `name`
    std::uint32_t ttl_s = 0;     // least TTL of the answer; of a negative one from the SOA (RFC 2308 §5); 0 if none
    std::size_t unreadable = 0;  // records of the type whose data is malformed or names a host with odd characters
    std::string error;           // bogus: why; failed: "SERVFAIL", "timed out", …; empty otherwise

    [[nodiscard]] bool usable() const { return status == DnsStatus::secure || status == DnsStatus::insecure; }
    [[nodiscard]] bool secure() const { return status == DnsStatus::secure; }
    [[nodiscard]] bool has_data() const { return content == DnsContent::data; }
    [[nodiscard]] bool nxdomain() const { return content == DnsContent::nxdomain; }
    // The data of the records that are Ts (dns::TxtData, dns::MxData, …).
    template <class T>
    [[nodiscard]] std::vector<T> all() const {
        std::vector<T> found;
        for (const dns::Record& record : records) {
            if (const T* data = std::get_if<T>(&record.data)) {
                found.push_back(*data);
            }
        }
        return found;
    }
};

class Resolver {
public:
    Resolver() = default;
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    virtual ~Resolver() = default;

    // Any thread; `done` runs on the resolver's loop.
    virtual void resolve(const dns::Name& name, dns::Type type, std::function<void(DnsAnswer)> done) = 0;
};

struct StubZone {
    dns::Name zone;
    std::vector<std::string> servers;  // "127.0.0.1@5301", "127.0.0.1:53", "[::1]:53", "::1"
    // No DNSSEC below it. Unset: exactly when no trust anchor but the root's covers it and it is a top-level domain or
    // lies in a special-use one (RFC 6761: test, example, …): the public root cannot vouch for a private TLD.
    std::optional<bool> insecure;
};

struct ResolverSettings {              // [resolver]
    std::vector<std::string> servers;  // forward there, validate here; empty = iterate from the root
    std::string root_hints = "/usr/share/dns/root.hints";
    std::vector<StubZone> stub_zones;
    std::string trust_anchor_file = "/usr/share/dns/root.key";  // DS or DNSKEY lines of any zones; "" = no validation
    std::chrono::milliseconds timeout{20'000};                  // of one resolve()
    std::uint32_t negative_ttl_s_max = 300;
    std::size_t in_flight_max = 500;  // more wait their turn
    std::uint32_t cache_max_mb = 96;

    // The same without `servers`: rule 1 iterates to a domain's own servers even where [resolver] forwards.
    [[nodiscard]] ResolverSettings iterating() const;
};

// Errors name the setting: an unreadable file, a server that is no address. Every resolver has a cache of its own: a
// new one is the way to look afresh (`domain verify`); it costs a few milliseconds and a thread.
Result<std::unique_ptr<Resolver>> make_unbound_resolver(Loop& loop, const ResolverSettings& settings);

// The text that libunbound is configured with; shown by `doctor`.
Result<std::string> unbound_configuration(const ResolverSettings& settings);

}  // namespace postseal::net
