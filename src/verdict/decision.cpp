#include "verdict/decision.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "verdict/sts.h"

namespace postseal::verdict {

namespace {

struct Host {
    const HostEvidence* evidence = nullptr;
    HostDaneState state;
    [[nodiscard]] bool usable() const { return state.dane == HostDane::usable; }
};
using Hosts = std::vector<Host>;

Hosts hosts_that(const Hosts& hosts, bool (*predicate)(const Host&)) {
    Hosts chosen;
    std::ranges::copy_if(hosts, std::back_inserter(chosen), predicate);
    return chosen;
}

std::string names_of(const Hosts& hosts) {
    std::string text;
    for (const Host& host : hosts) {
        text += (text.empty() ? "" : ", ") + host.evidence->name.text();
    }
    return text;
}

// One decision in the making: the evidence, what was concluded from it, and the answer.
class Deciding {
public:
    Deciding(const Evidence& evidence, const Settings& settings, TimePoint now)
        : evidence_(evidence), settings_(settings), now_(now) {}

    Decision run() &&;

private:
    void decide_by_mx();
    void decide_by_hosts(bool mx_secure);
    void decide_below_insecure_mx(const Hosts& hosts);
    void decide_below_secure_mx(const Hosts& hosts);
    void decide_partial(const Hosts& remaining);

    void answer(Level level, Source source, std::string reason);
    void answer_dane(Level level, std::string reason, const Hosts& reachable);
    void answer_none(std::string reason);
    // `only`: the hosts that may be named, where the policy's own patterns would let in a host that DANE rules out.
    void answer_secure(std::string reason, const Hosts* only = nullptr);
    void note(std::string reason) { decision_.reasons.push_back(std::move(reason)); }
    void bound_lifetime();

    const Evidence& evidence_;
    const Settings& settings_;
    TimePoint now_;
    PolicyInForce sts_;
    bool host_data_counts_ = false;  // addresses and TLSA took part in the decision
    Decision decision_;
};

void Deciding::answer(Level level, Source source, std::string reason) {
    decision_.level = level;
    decision_.source = source;
    decision_.reasons.insert(decision_.reasons.begin(), std::move(reason));
}

void Deciding::answer_none(std::string reason) {
    answer(Level::none, sts_.policy ? Source::sts : Source::by_default, std::move(reason));
}

void Deciding::answer_dane(Level level, std::string reason, const Hosts& reachable) {
    answer(level, Source::dane, std::move(reason));
    if (!sts_.enforced()) {
        return;
    }
    // STS-002; RFC 8461 §2 says only that MTA-STS must not excuse a failing DANE check. A passing one is enough for us:
    // the TLSA record, signed by the domain's own zone, is a stronger statement about the host than the policy.
    Hosts outside;
    std::ranges::copy_if(reachable, std::back_inserter(outside),
                         [this](const Host& host) { return !sts_.policy->policy.allows(host.evidence->name); });
    if (!outside.empty()) {
        decision_.outside_policy = true;
        note("DANE wins over the MTA-STS policy, which does not list " + names_of(outside));
    }
}

// RFC 8461 §4.1, design rule 13.
void Deciding::answer_secure(std::string reason, const Hosts* only) {
    const mtasts::Policy& policy = sts_.policy->policy;
    Decision::StsAttributes attributes{evidence_.domain(), {}, policy.lines};
    std::vector<std::string> match;
    if (only != nullptr) {
        for (const Host& host : *only) {
            const dns::Name& name = host.evidence->name;
            if (name.is_hostname() && policy.allows(name)) {
                match.push_back(name.text());
                attributes.mx_host_patterns.push_back(name.text());
            }
        }
    } else {
        for (const mtasts::MxPattern& pattern : policy.mx) {
            if (pattern.can_match()) {
                match.push_back((pattern.wildcard() ? "." : "") + pattern.name().text());
                attributes.mx_host_patterns.push_back(pattern.text());
            }
        }
    }
    if (match.empty()) {
        answer(Level::temp, Source::sts,
               only != nullptr ? "no MX host that may be used is in the enforced MTA-STS policy"
                               : "no mx pattern of the enforced MTA-STS policy can match a host name");
        return;
    }
    answer(Level::secure, Source::sts, std::move(reason));
    decision_.match = std::move(match);
    decision_.sts = std::move(attributes);
}

Decision Deciding::run() && {
    if (!evidence_.key.can_have_policy()) {
        answer(Level::none, Source::by_default, evidence_.key.why);
        decision_.valid_until = now_ + settings_.ttl_max;
        return std::move(decision_);
    }
    const bool sts_applies = evidence_.key.kind == Key::Kind::domain || settings_.smart_host_policy;
    if (sts_applies) {
        sts_ = policy_in_force(evidence_, now_);
        decision_.reasons = sts_.reasons;
        if (sts_.policy) {
            decision_.mode = sts_.policy->policy.mode;
            decision_.policy_expires = sts_.policy->expires();
        }
    }
    decide_by_mx();

    // Design rule 10: the policy may turn out to be enforced; until that is known the operator chooses.
    const bool waiting =
        sts_applies && !sts_.policy &&
        (evidence_.fetch.outcome == PolicyFetch::Outcome::running || evidence_.sts_txt.answer == Answer::not_asked);
    const bool open = decision_.level == Level::none || decision_.level == Level::dane;
    if (waiting && open && settings_.on_slow_policy == OnSlowPolicy::defer) {
        answer(Level::temp, Source::sts, "the MTA-STS policy is still being looked up");
    }
    // A record announces a policy, and only our own machine keeps us from knowing it: as a local error it defers the
    // mail (RFC 3463's 4.3.x). Who makes us run short of something must not gain unprotected mail by it.
    const bool own_fault = sts_applies && !sts_.policy && evidence_.fetch.outcome == PolicyFetch::Outcome::local_error;
    if (own_fault && open) {
        answer(Level::temp, Source::sts, judge_fetch(evidence_.fetch).reason);
    }
    bound_lifetime();
    return std::move(decision_);
}

// From the way to the hosts to the hosts themselves.
void Deciding::decide_by_mx() {
    if (evidence_.key.kind == Key::Kind::host) {
        decide_by_hosts(true);  // no MX lookup that could be forged: RFC 7672 §2.2's non-MX destination
        return;
    }
    const Lookup<dns::MxData>& mx = evidence_.mx;
    if (mx.broken() || mx.answer == Answer::not_asked) {
        // Design rule 11, RFC 7672 §2.1.2. A certificate for a name of the policy is asked for whatever the MX turn out
        // to be, so an enforced policy may still answer.
        const std::string reason = "the MX records of " + evidence_.domain().text() + " could not be looked up" +
                                   (mx.error.empty() ? "" : ": " + mx.error);
        if (sts_.enforced()) {
            answer_secure("MTA-STS is enforced; " + reason);
        } else {
            answer(Level::temp, Source::by_default, reason);
        }
        return;
    }
    const bool nowhere = is_null_mx(evidence_) || mx.answer == Answer::nxdomain;
    if (nowhere) {
        const std::string reason =
            is_null_mx(evidence_) ? "the domain accepts no mail (null MX, RFC 7505)" : "the domain does not exist";
        // Unsigned, this may be a lie told to us alone, to make us forget the policy (design rule 9).
        if (sts_.enforced() && sts_.from == PolicyInForce::From::cache && !mx.secure) {
            answer_secure("MTA-STS is enforced; DNS says, unsigned, that " + reason);
        } else {
            answer_none(reason);
        }
        return;
    }
    decide_by_hosts(mx.secure);
}

void Deciding::decide_by_hosts(bool mx_secure) {
    if (!mx_secure && sts_.enforced()) {
        answer_secure("MTA-STS is enforced; the MX records are not signed, so DANE does not come into it");
        return;
    }
    host_data_counts_ = true;
    Hosts hosts;
    for (const HostEvidence& host : evidence_.hosts) {
        hosts.push_back({&host, dane_state(host)});
    }
    std::erase_if(hosts, [](const Host& host) { return host.state.dane == HostDane::no_address; });
    for (const Host& host : hosts) {
        if (host.state.dane == HostDane::broken) {
            note(host.evidence->name.text() + ": " + host.state.reason);
        }
    }
    if (mx_secure) {
        decide_below_secure_mx(hosts);
    } else {
        decide_below_insecure_mx(hosts);
    }
}

// RFC 7672 §2.2.1: TLSA of the hosts may be used, but does not protect the domain; nothing here is worth deferring
// mail.
void Deciding::decide_below_insecure_mx(const Hosts& hosts) {
    if (std::ranges::any_of(hosts, &Host::usable)) {
        answer_dane(Level::dane, "an MX host has usable TLSA records; the MX records themselves are not signed", hosts);
    } else {
        answer_none(sts_.policy ? "the MTA-STS policy is not enforced, and no MX host has usable TLSA records"
                                : "neither MTA-STS nor DANE");
    }
}

// The table of design rule 12, and rule 11 for hosts whose lookups fail.
void Deciding::decide_below_secure_mx(const Hosts& hosts) {
    const Hosts remaining = hosts_that(hosts, [](const Host& host) { return host.state.dane != HostDane::broken; });
    const bool any_broken = remaining.size() < hosts.size();
    if (remaining.empty() && any_broken) {
        answer(Level::temp, Source::dane,
               fmt::format("no MX host can be used: {}: {}", hosts.front().evidence->name.text(),
                           hosts.front().state.reason));
        return;
    }
    const auto usable = std::ranges::count_if(remaining, &Host::usable);
    if (usable > 0 && static_cast<std::size_t>(usable) == remaining.size()) {
        answer_dane(Level::dane_only, "the MX records are signed and every MX host has usable TLSA records", remaining);
        return;
    }
    if (usable > 0) {
        decide_partial(remaining);
        return;
    }
    const bool any_tlsa =
        std::ranges::any_of(remaining, [](const Host& host) { return host.state.dane == HostDane::unusable; });
    if (sts_.enforced()) {
        // STS-001: naming only the hosts that remain keeps a host whose TLSA lookup failed from passing by its policy.
        answer_secure("MTA-STS is enforced; no MX host has usable TLSA records", any_broken ? &remaining : nullptr);
        return;
    }
    if (any_tlsa) {
        // RFC 7672 §2.2: Postfix encrypts without authentication.
        answer_dane(Level::dane, "TLSA records exist, but none is usable: TLS is required, without authentication",
                    remaining);
    } else if (any_broken) {
        // Never weaker than `dane`: Postfix then passes the broken host over (RFC 7672 §2.1.2).
        answer_dane(Level::dane, "an MX host cannot be looked up safely and is left out", remaining);
    } else {
        answer_none(sts_.policy ? "the MTA-STS policy is not enforced, and no MX host has TLSA records"
                                : "neither MTA-STS nor DANE");
    }
}

void Deciding::decide_partial(const Hosts& remaining) {
    const Hosts without = hosts_that(remaining, [](const Host& host) { return !host.usable(); });
    if (!sts_.enforced()) {
        answer_dane(Level::dane, "some MX hosts have usable TLSA records, without them: " + names_of(without),
                    remaining);
        return;
    }
    const std::uint16_t best = std::ranges::min(remaining, {}, [](const Host& host) {
                                   return host.evidence->preference;
                               }).evidence->preference;
    const bool best_covered =
        std::ranges::none_of(without, [best](const Host& host) { return host.evidence->preference == best; });
    if (best_covered) {
        answer_dane(Level::dane_only,
                    "MTA-STS is enforced; DANE covers the best MX hosts, without TLSA: " + names_of(without),
                    remaining);
        return;
    }
    switch (settings_.partial_dane) {
        case PartialDane::dane:
            answer_dane(Level::dane, "partial_dane = dane; no usable TLSA records: " + names_of(without), remaining);
            return;
        case PartialDane::secure:
            // STS-001: a host with TLSA is not named, so MTA-STS cannot excuse it.
            if (std::ranges::any_of(without, [this](const Host& host) {
                    return host.evidence->name.is_hostname() && sts_.policy->policy.allows(host.evidence->name);
                })) {
                answer_secure("partial_dane = secure; MTA-STS for the MX hosts without usable TLSA records", &without);
                return;
            }
            note("partial_dane = secure, but the policy lists no MX host without usable TLSA records");
            [[fallthrough]];
        case PartialDane::dane_only:
            answer_dane(
                Level::dane_only,
                "MTA-STS is enforced; mail goes round the MX hosts without usable TLSA records: " + names_of(without),
                remaining);
            return;
    }
}

// The answer is as old as its oldest part may get. What failed is looked at again soon.
void Deciding::bound_lifetime() {
    Seconds ttl = settings_.ttl_max;
    const auto bound = [&](const auto& lookup) {
        if (lookup.broken()) {
            ttl = std::min(ttl, settings_.failure_ttl);
        } else if (lookup.answer != Answer::not_asked) {
            ttl = std::min(ttl, Seconds{lookup.ttl_s});
        }
    };
    bound(evidence_.sts_txt);
    bound(evidence_.mx);
    if (host_data_counts_) {
        for (const HostEvidence& host : evidence_.hosts) {
            bound(host.a);
            bound(host.aaaa);
            bound(host.alias);
            for (const TlsaEvidence& tlsa : host.tlsa) {
                bound(tlsa.lookup);
            }
        }
    }
    if (decision_.level == Level::temp || evidence_.fetch.outcome == PolicyFetch::Outcome::running) {
        ttl = std::min(ttl, settings_.failure_ttl);
    }
    decision_.valid_until = now_ + std::clamp(ttl, settings_.ttl_min, std::max(settings_.ttl_min, settings_.ttl_max));
    if (decision_.policy_expires) {
        decision_.valid_until = std::min(decision_.valid_until, std::max(now_, *decision_.policy_expires));
    }
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::none:
            return "none";
        case Level::may:
            return "may";
        case Level::encrypt:
            return "encrypt";
        case Level::dane:
            return "dane";
        case Level::dane_only:
            return "dane-only";
        case Level::secure:
            return "secure";
        case Level::temp:
            return "temp";
    }
    return "none";
}

std::string_view to_string(Source source) {
    switch (source) {
        case Source::by_default:
            return "default";
        case Source::dane:
            return "dane";
        case Source::sts:
            return "sts";
        case Source::by_override:
            return "override";
    }
    return "default";
}

Decision decide(const Evidence& evidence, const Settings& settings, TimePoint now) {
    return Deciding(evidence, settings, now).run();
}

}  // namespace postseal::verdict
