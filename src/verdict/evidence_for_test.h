// Evidence in a few words, for unit tests: each helper says only what its case is about. Included by *_test.cpp only.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "dane/certificates_for_test.h"
#include "mtasts/policy.h"
#include "verdict/evidence.h"

namespace postseal::test {

inline dns::Name name(std::string_view text) {
    return dns::Name::parse(text).value();
}

inline dns::TlsaData usable_tlsa() {
    return {3, 1, 1, Bytes(32, 0xab)};
}
inline dns::TlsaData unusable_tlsa() {
    return {1, 1, 1, Bytes(32, 0xab)};
}  // PKIX-EE: RFC 7672 §3.1.3

template <class T>
verdict::Lookup<T> answer(std::vector<T> records, bool secure) {
    verdict::Lookup<T> lookup;
    lookup.answer = verdict::Answer::records;
    lookup.secure = secure;
    lookup.records = std::move(records);
    lookup.ttl_s = 3600;
    return lookup;
}
template <class T>
verdict::Lookup<T> no_answer(verdict::Answer how, bool secure = false) {
    verdict::Lookup<T> lookup;
    lookup.answer = how;
    lookup.secure = secure;
    lookup.ttl_s = 300;
    if (lookup.broken()) {
        lookup.error = "the resolver's words";
    }
    return lookup;
}

// What a host of the table below is.
enum class HostIs { usable, unusable, no_tlsa, insecure, tlsa_fails, tlsa_bogus, address_fails, no_address };

inline verdict::HostEvidence host(std::string_view host_name, std::uint16_t preference, HostIs is) {
    using verdict::Answer;
    verdict::HostEvidence evidence;
    evidence.name = name(host_name);
    evidence.preference = preference;
    const bool secure = is != HostIs::insecure;
    evidence.aaaa = no_answer<dns::IpAddress>(Answer::nodata, secure);
    if (is == HostIs::no_address) {
        evidence.a = no_answer<dns::IpAddress>(Answer::nxdomain, secure);
        return evidence;
    }
    if (is == HostIs::address_fails) {
        evidence.a = no_answer<dns::IpAddress>(Answer::failed);
        return evidence;
    }
    evidence.a = answer<dns::IpAddress>({dns::IpAddress::v4({192, 0, 2, 25})}, secure);
    verdict::Lookup<dns::TlsaData> tlsa = no_answer<dns::TlsaData>(Answer::nodata, true);
    switch (is) {
        case HostIs::usable:
            tlsa = answer<dns::TlsaData>({usable_tlsa()}, true);
            break;
        case HostIs::unusable:
            tlsa = answer<dns::TlsaData>({unusable_tlsa()}, true);
            break;
        case HostIs::tlsa_fails:
            tlsa = no_answer<dns::TlsaData>(Answer::failed);
            break;
        case HostIs::tlsa_bogus:
            tlsa = no_answer<dns::TlsaData>(Answer::bogus);
            break;
        case HostIs::insecure:
            return evidence;
        default:
            break;
    }
    evidence.tlsa.push_back({evidence.name, std::move(tlsa)});
    return evidence;
}

struct HostSpec {
    const char* name;
    std::uint16_t preference;
    HostIs is;
};

// A domain whose MX records name these hosts; it has no MTA-STS record.
inline verdict::Evidence domain(bool mx_secure, std::initializer_list<HostSpec> hosts) {
    using verdict::Answer;
    verdict::Evidence evidence;
    evidence.key = verdict::parse_key("example.com");
    evidence.gathered = test_now;
    evidence.sts_txt = no_answer<std::string>(Answer::nodata, mx_secure);
    evidence.tlsrpt_txt = no_answer<std::string>(Answer::nodata, mx_secure);
    std::vector<dns::MxData> mx;
    for (const HostSpec& spec : hosts) {
        mx.push_back({spec.preference, name(spec.name)});
        evidence.hosts.push_back(host(spec.name, spec.preference, spec.is));
    }
    evidence.mx = answer(std::move(mx), mx_secure);
    return evidence;
}

inline std::string policy_body(std::string_view mode, std::initializer_list<const char*> mx) {
    std::string body = "version: STSv1\r\nmode: " + std::string(mode) + "\r\n";
    for (const char* pattern : mx) {
        body += "mx: " + std::string(pattern) + "\r\n";
    }
    return body + "max_age: 604800\r\n";
}

inline void set_record(verdict::Evidence& evidence, std::string text = "v=STSv1; id=20260921;") {
    evidence.sts_txt = answer<std::string>({std::move(text)}, false);
}

// The record, and a policy host that serves this body.
inline void publish(verdict::Evidence& evidence, std::string_view body) {
    set_record(evidence);
    evidence.fetch.outcome = verdict::PolicyFetch::Outcome::response;
    evidence.fetch.at = test_now;
    evidence.fetch.status = 200;
    evidence.fetch.content_type = "text/plain; charset=utf-8";
    evidence.fetch.body.assign(body.begin(), body.end());
    evidence.fetch.tls_version = "TLSv1.3";
    evidence.fetch.certificate_not_after = test_now + Seconds{60 * 86'400};
}

inline mtasts::CachedPolicy cached(std::string_view body, TimePoint fetched = test_now - Seconds{3600}) {
    mtasts::CachedPolicy policy;
    policy.policy = mtasts::judge_policy(body).policy.value();
    policy.id = "20260901";
    policy.fetched = policy.last_used = policy.id_checked = fetched;
    policy.id_ttl_s = 300;
    return policy;
}

}  // namespace postseal::test
