// The policy that a session was held to, where the mail log does not say so (tlsrpt/mail_log.h): a fetched MTA-STS
// policy is in the store, TLSA records are in DNS, and design rule 12 says which of the two policyd put first.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "net/resolver.h"
#include "store/store.h"
#include "tlsrpt/logged_session.h"

namespace postseal::sender {

// What is known now about a destination and one of its hosts.
struct KnownPolicies {
    std::optional<mtasts::Policy> enforced;  // cached, in force, mode enforce
    std::vector<std::string> tlsa;           // usable, secure, in the form of RFC 8460 §4.5; may be empty
    std::string tlsa_base;                   // RFC 7672 §2.2.2; "" without any
    bool mx_secure = false;
};
// RFC 8460 §4.2: type, domain, strings and hosts of the policy; no counts. A session of which no policy is known is one
// of no-policy-found.
tlsrpt::PolicyResult applied_policy(const tlsrpt::LoggedSession& session, const KnownPolicies& known);

class AppliedPolicies {
public:
    struct Settings {
        std::uint16_t smtp_port = 25;
        std::chrono::milliseconds lookup_timeout{5000};  // for all lookups of a session
        Seconds lookup_again{300};
    };
    // `give_up` is asked while DNS is waited for. Everything outlives this.
    AppliedPolicies(Settings settings, store::Store& store, net::Resolver& resolver, const Clock& clock, Log& log,
                    std::function<bool()> give_up);
    // Blocks on the store and on DNS; where DNS does not answer in time nothing is known. One thread. Errors: the store
    // does not answer, or the caller has given up.
    Result<tlsrpt::PolicyResult> of(const tlsrpt::LoggedSession& session);

private:
    struct HostTlsa {
        std::vector<std::string> records;
        std::string base;
    };
    template <class T>
    struct Cached {
        T value{};
        TimePoint until;
    };
    Result<std::optional<mtasts::Policy>> enforced(const dns::Name& domain);
    const HostTlsa& tlsa_of(const dns::Name& host);
    bool mx_secure(const dns::Name& domain);
    net::DnsAnswer resolve(const dns::Name& name, dns::Type type);

    Settings settings_;
    store::Store& store_;
    net::Resolver& resolver_;
    const Clock& clock_;
    Log& log_;
    std::function<bool()> give_up_;
    std::chrono::steady_clock::time_point deadline_;  // of the session at hand
    std::map<dns::Name, Cached<HostTlsa>> tlsa_;
    std::map<dns::Name, Cached<bool>> mx_secure_;
};

}  // namespace postseal::sender
