// Everything that was found out about one key, as plain data: what lookup::gather() fills, what decide() and find()
// judge, and what a support case is replayed from. Each item carries its own error; nothing here is a conclusion.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "dns/name.h"
#include "dns/record.h"
#include "mtasts/cache.h"
#include "verdict/key.h"

namespace postseal::verdict {

// How a DNS question ended. NXDOMAIN and NODATA are certain answers; bogus and failed are not answers at all.
enum class Answer {
    not_asked,
    records,
    nodata,
    nxdomain,
    bogus,   // DNSSEC validation failed, or was indeterminate (RFC 7672 §2.1.1)
    failed,  // SERVFAIL, timeout, malformed, a loop of aliases
};

template <class T>
struct Lookup {
    Answer answer = Answer::not_asked;
    bool secure = false;  // validated by DNSSEC over the whole alias chain; of records, nodata and nxdomain
    std::vector<T> records;
    std::uint32_t ttl_s = 0;  // the smallest of the answer; of a negative answer the SOA's (RFC 2308)
    std::vector<dns::Name>
        aliases;        // CNAME targets in order, the last one is where the answer was found; empty: no alias
    std::string error;  // of bogus and failed: what the resolver said

    [[nodiscard]] bool found() const { return answer == Answer::records && !records.empty(); }
    [[nodiscard]] bool broken() const { return answer == Answer::bogus || answer == Answer::failed; }
    // Certain that there is nothing.
    [[nodiscard]] bool absent() const {
        return answer == Answer::nodata || answer == Answer::nxdomain || (answer == Answer::records && records.empty());
    }
    friend bool operator==(const Lookup&, const Lookup&) = default;
};

// What is wrong with a certificate chain, judged by WebPKI roots and the name that it should carry.
enum class CertificateError {
    none,
    expired,
    not_yet_valid,
    host_mismatch,
    self_signed,
    not_trusted,  // unknown issuer, missing intermediate
    other,        // anything else that verification refused; the text says what
};

// The fetch of https://mta-sts.<domain>/.well-known/mta-sts.txt (RFC 8461 §3.3).
struct PolicyFetch {
    enum class Outcome {
        not_attempted,
        response,         // an HTTP response was read to its end: see status, content_type, body
        dns_failed,       // the policy host's addresses could not be looked up
        no_address,       // certain: the policy host has none
        refused_address,  // all addresses lie outside global unicast (design rule 20)
        connect_failed,
        timed_out,
        tls_failed,         // no TLS session, for a reason other than the certificate
        certificate_error,  // see `certificate`
        protocol_error,     // not HTTP, or cut off
        too_large,          // more than mtasts::policy_bytes_max
        local_error,        // this machine lacks something (descriptors, memory): says nothing about the domain
        held_back,          // wanted, but the back-off forbids it now (RFC 8461 §3.3)
        running,            // still under way when this evidence was needed (design rule 10)
    };
    Outcome outcome = Outcome::not_attempted;
    TimePoint at;
    std::uint32_t elapsed_ms = 0;
    std::vector<dns::IpAddress> addresses;  // of the policy host
    std::optional<int> status;
    std::string content_type;  // the header's value, whole; empty when there was none
    std::string location;      // of a redirect, which is never followed
    Bytes body;
    CertificateError certificate = CertificateError::none;
    std::optional<TimePoint> certificate_not_after;  // of the leaf, when one was seen
    std::string tls_version;                         // "TLSv1.3"
    std::string error;                               // one line, for people
    friend bool operator==(const PolicyFetch&, const PolicyFetch&) = default;
};

// One STARTTLS session with one address of an MX host; verified against WebPKI roots and the host's name, but carried
// on whatever that says, so that the chain is seen.
struct Probe {
    enum class Outcome {
        not_attempted,
        connect_failed,    // no SMTP greeting
        refused_greeting,  // 4xx or 5xx instead of 220, or EHLO refused
        starttls_missing,  // EHLO does not offer it
        starttls_refused,  // offered, answered with other than 220
        handshake_failed,
        tls,
    };
    Outcome outcome = Outcome::not_attempted;
    TimePoint at;
    dns::IpAddress address;
    std::uint16_t port = 25;
    std::string sni;          // empty: none sent
    std::string tls_version;  // "TLSv1.2"
    std::string cipher;
    std::vector<Bytes> chain;                               // DER, leaf first, as the server sent it
    CertificateError certificate = CertificateError::none;  // the first error, WebPKI
    bool name_matches = false;                              // a SAN covers the host's name, judged apart from the chain
    std::optional<TimePoint> not_after;                     // of the leaf
    std::string error;                                      // one line, for people
    friend bool operator==(const Probe&, const Probe&) = default;
};

struct TlsaEvidence {
    dns::Name base_domain;         // RFC 7672 §2.2.2
    Lookup<dns::TlsaData> lookup;  // at _<port>._tcp.<base_domain>
    friend bool operator==(const TlsaEvidence&, const TlsaEvidence&) = default;
};

struct HostEvidence {
    dns::Name name;  // as the MX record names it; the domain itself for an implicit MX, the host of "[host]"
    std::uint16_t preference = 0;
    Lookup<dns::IpAddress> a;  // asked before TLSA (RFC 7672 §2.2.2)
    Lookup<dns::IpAddress> aaaa;
    // The CNAME RRset of `name` itself, asked only when the address answer passed an alias and is insecure.
    Lookup<dns::Name> alias;
    std::vector<TlsaEvidence> tlsa;  // in the order asked: tlsa_bases() until one has secure records
    std::vector<Probe> probes;

    [[nodiscard]] bool has_address() const { return a.found() || aaaa.found(); }
    // Neither family has an address and at least one could not be looked up.
    [[nodiscard]] bool address_broken() const { return !has_address() && (a.broken() || aaaa.broken()); }
    // Every address answer with records is validated.
    [[nodiscard]] bool address_secure() const {
        return has_address() && (!a.found() || a.secure) && (!aaaa.found() || aaaa.secure);
    }
    // Where the aliases end; `name` itself without one.
    [[nodiscard]] dns::Name expanded() const;
    friend bool operator==(const HostEvidence&, const HostEvidence&) = default;
};

// RFC 7672 §2.2.2: under which base domains TLSA is to be asked for, in this order, until one has secure records; none
// at all for a host without addresses or in an unsigned zone. gather() asks by it, decide() judges by it.
std::vector<dns::Name> tlsa_bases(const HostEvidence& host);
// The same question for gather(): is a CNAME lookup of its own needed before tlsa_bases() can tell?
bool needs_alias_lookup(const HostEvidence& host);

struct Evidence {
    Key key;
    TimePoint gathered;
    std::uint16_t smtp_port = 25;  // where its hosts are mailed: the key's port, or the configured one; TLSA follows it

    Lookup<std::string> sts_txt;  // at _mta-sts.<domain>, each record's strings joined
    PolicyFetch fetch;
    std::optional<mtasts::CachedPolicy> cached;
    mtasts::FetchFailures fetch_failures;

    Lookup<dns::MxData> mx;           // not asked for "[host]"
    std::vector<HostEvidence> hosts;  // by preference; of an implicit MX and of "[host]" the name itself
    Lookup<std::string> tlsrpt_txt;   // at _smtp._tls.<domain>

    // The policy domain (RFC 8461 §3.4): the key's name.
    [[nodiscard]] const dns::Name& domain() const { return key.name; }
    friend bool operator==(const Evidence&, const Evidence&) = default;
};

// RFC 7505 §3: the only MX record is "0 .". A root beside other exchanges is ignored.
bool is_null_mx(const Evidence& evidence);
// RFC 5321 §5.1: certain that there is no MX record, so the domain itself is the host.
bool is_implicit_mx(const Evidence& evidence);
// The hosts to look up for an MX answer: sorted by preference, without the root exchange and repeated names; the domain
// itself when there is no MX. Addresses, TLSA and probes are left to gather().
std::vector<HostEvidence> hosts_of(const Key& key, const Lookup<dns::MxData>& mx);

}  // namespace postseal::verdict
