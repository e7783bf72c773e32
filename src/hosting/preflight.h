// What a CA will look at, looked at beforehand, so that no order is spent on a name that cannot pass (design §1 journey
// 1): addresses and DNSSEC, CAA (RFC 8659, RFC 8657), and our own answer on port 80 or 443 of every address. Gathering
// is I/O; judging is pure, once for each CA.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "dns/record.h"
#include "hosting/acme_client.h"
#include "hosting/publication.h"
#include "net/address_guard.h"
#include "net/https_client.h"
#include "net/resolver.h"

namespace postseal::hosting {

// What DNS says, seen with one resolver.
struct PreflightDns {
    // No usable answer to one of the questions: its words, and whether DNSSEC is the reason.
    std::string trouble;
    bool bogus = false;
    std::vector<dns::IpAddress> addresses;
    dns::Name canonical;              // where the CNAME leads, or the host
    std::optional<dns::Name> caa_at;  // where the relevant CAA set stands; none: there is no set
    std::vector<dns::CaaData> caa;
};

struct PortSeen {
    enum class State { ours, somebody_else, unreachable };
    dns::IpAddress address;
    State state = State::unreachable;
    std::string words;  // why not ours
};

struct PreflightFacts {
    dns::Name host;
    PreflightDns dns;
    std::optional<std::vector<dns::CaaData>> published;  // by our own zone; none: the name does not lead there
    std::map<ChallengeKind, std::vector<PortSeen>> ports;
    std::uint16_t http_port = 80;
    std::uint16_t https_port = 443;
};

struct PreflightVerdict {
    std::vector<ChallengeKind> usable;  // in the order asked for; none: `problem` says why
    std::string code;     // no-address, dns-failure, dnssec-bogus, caa-forbids, port-unreachable, port-not-ours
    std::string problem;  // what, where, what to do; English
    std::vector<std::string> remarks;  // what does not stop the order
};
PreflightVerdict judge_preflight(const PreflightFacts& facts, const std::string& issuer,
                                 const std::optional<std::string>& account_uri,
                                 const std::vector<ChallengeKind>& challenges);

struct PreflightSettings {
    net::ResolverSettings resolver;  // for looks past our caches
    net::AddressGuard guard;
    std::uint16_t http_port = 80;
    std::uint16_t https_port = 443;
};

// On the loop.
class Preflight {
public:
    Preflight(net::Loop& loop, net::Resolver& resolver, net::HttpsClient& https, Publication& publication,
              const Clock& clock, PreflightSettings settings);
    Preflight(const Preflight&) = delete;
    Preflight& operator=(const Preflight&) = delete;
    ~Preflight();

    enum class Caches { allowed, passed_by };
    // Ports are tried for these kinds; with `passed_by` DNS is asked from the root on.
    void look(const dns::Name& host, const std::vector<ChallengeKind>& kinds, Caches caches,
              std::function<void(PreflightFacts)> done);
    // Drops every look that is under way, and with it its `done`, uncalled.
    void cancel();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace postseal::hosting
