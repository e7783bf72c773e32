#include "sender/applied_policy.h"

#include <future>

#include "dane/tlsa.h"
#include "mtasts/cache.h"

namespace postseal::sender {

namespace {

constexpr std::string_view component = "collector";
constexpr std::size_t cached_max = 100'000;

using tlsrpt::HeldTo;
using tlsrpt::PolicyType;

tlsrpt::PolicyResult policy_of_type(PolicyType type, std::string domain) {
    tlsrpt::PolicyResult policy;
    policy.policy_type = to_string(type);
    policy.policy_domain = std::move(domain);
    return policy;
}

}  // namespace

tlsrpt::PolicyResult applied_policy(const tlsrpt::LoggedSession& session, const KnownPolicies& known) {
    const auto dane = [&] {
        tlsrpt::PolicyResult policy =
            policy_of_type(PolicyType::tlsa, known.tlsa_base.empty() ? session.host : known.tlsa_base);
        policy.policy_strings = known.tlsa;
        return policy;
    };
    const auto sts = [&] {
        tlsrpt::PolicyResult policy = policy_of_type(PolicyType::sts, session.domain.text());
        policy.policy_strings = known.enforced->lines;
        for (const auto& pattern : known.enforced->mx) {
            policy.mx_hosts.push_back(pattern.text());
        }
        return policy;
    };
    const bool has_tlsa = !known.tlsa.empty();
    switch (session.held_to) {
        case HeldTo::nothing:
            break;
        case HeldTo::dane:
            // RPT-038: that DANE was demanded of a host without records is a mandate of this side, not their policy.
            if (has_tlsa || session.failure != tlsrpt::ResultType::dane_required) {
                return dane();
            }
            break;
        case HeldTo::webpki:
            // A certificate below a DANE-TA(2) record can have the same faults; where MTA-STS is enforced it is that.
            if (known.enforced) {
                return sts();
            }
            if (has_tlsa) {
                return dane();
            }
            break;
        case HeldTo::unknown:
            // Design rule 12: below insecure MX records an enforced policy goes before TLSA.
            if (has_tlsa && (known.mx_secure || !known.enforced)) {
                return dane();
            }
            if (known.enforced) {
                return sts();
            }
            break;
    }
    return policy_of_type(PolicyType::no_policy_found, session.domain.text());
}

AppliedPolicies::AppliedPolicies(Settings settings, store::Store& store, net::Resolver& resolver, const Clock& clock,
                                 Log& log, std::function<bool()> give_up)
    : settings_(settings), store_(store), resolver_(resolver), clock_(clock), log_(log), give_up_(std::move(give_up)) {}

Result<tlsrpt::PolicyResult> AppliedPolicies::of(const tlsrpt::LoggedSession& session) {
    deadline_ = std::chrono::steady_clock::now() + settings_.lookup_timeout;
    KnownPolicies known;
    if (session.held_to != HeldTo::nothing) {
        if (session.held_to != HeldTo::dane) {
            POSTSEAL_TRY(known.enforced, enforced(session.domain));
        }
        const auto host = dns::Name::parse(session.host);
        if (host && !host->is_root() && !(session.held_to == HeldTo::webpki && known.enforced)) {
            const HostTlsa& tlsa = tlsa_of(*host);
            known.tlsa = tlsa.records;
            known.tlsa_base = tlsa.base;
            known.mx_secure = known.enforced && !known.tlsa.empty() && mx_secure(session.domain);
        }
        if (give_up_()) {
            return Error{Errc::unavailable, session.domain.text(), "its policy was still being looked up at the end"};
        }
    }
    return applied_policy(session, known);
}

Result<std::optional<mtasts::Policy>> AppliedPolicies::enforced(const dns::Name& domain) {
    auto entry = store_.policy_cache.find(domain);
    if (!entry && entry.error().code == Errc::unavailable) {
        return entry.error();
    }
    if (!entry) {
        log_.warning(component, "the cached policy of " + domain.text() + ": " + entry.error().message());
        return std::optional<mtasts::Policy>();
    }
    if (!*entry || !mtasts::in_force((*entry)->policy, clock_.now()) ||
        (*entry)->policy->policy.mode != mtasts::Mode::enforce) {
        return std::optional<mtasts::Policy>();
    }
    return std::optional(std::move((*entry)->policy->policy));
}

// RFC 7672 §2.2.1 to §2.2.3: the host's addresses must be secure, then its TLSA records at the first base domain that
// has any.
const AppliedPolicies::HostTlsa& AppliedPolicies::tlsa_of(const dns::Name& host) {
    const TimePoint now = clock_.now();
    if (const auto known = tlsa_.find(host); known != tlsa_.end() && known->second.until > now) {
        return known->second.value;
    }
    if (tlsa_.size() >= cached_max) {
        tlsa_.clear();
    }
    HostTlsa found;
    net::DnsAnswer addresses = resolve(host, dns::Type::a);
    if (addresses.usable() && !addresses.has_data()) {
        addresses = resolve(host, dns::Type::aaaa);
    }
    if (addresses.secure()) {
        for (const dns::Name& base : dane::base_domain_candidates(host, addresses.canonical_name, true)) {
            const auto name = dane::tlsa_name(base, settings_.smtp_port);
            const net::DnsAnswer answer = name ? resolve(*name, dns::Type::tlsa) : net::DnsAnswer();
            for (const dns::TlsaData& record : answer.all<dns::TlsaData>()) {
                if (answer.secure() && dane::usability(record) == dane::Usability::usable) {
                    found.records.push_back(record.text());
                }
            }
            if (!found.records.empty()) {
                found.base = base.text();
                break;
            }
        }
    }
    return (tlsa_[host] = {std::move(found), now + settings_.lookup_again}).value;
}

bool AppliedPolicies::mx_secure(const dns::Name& domain) {
    const TimePoint now = clock_.now();
    if (const auto known = mx_secure_.find(domain); known != mx_secure_.end() && known->second.until > now) {
        return known->second.value;
    }
    if (mx_secure_.size() >= cached_max) {
        mx_secure_.clear();
    }
    const bool secure = resolve(domain, dns::Type::mx).secure();
    mx_secure_[domain] = {secure, now + settings_.lookup_again};
    return secure;
}

net::DnsAnswer AppliedPolicies::resolve(const dns::Name& name, dns::Type type) {
    const auto promised = std::make_shared<std::promise<net::DnsAnswer>>();
    auto answer = promised->get_future();
    resolver_.resolve(name, type, [promised](net::DnsAnswer arrived) { promised->set_value(std::move(arrived)); });
    constexpr std::chrono::milliseconds slice{50};
    while (std::chrono::steady_clock::now() < deadline_ && !give_up_()) {
        if (answer.wait_for(slice) == std::future_status::ready) {
            return answer.get();
        }
    }
    return {};
}

}  // namespace postseal::sender
