// The I/O of mx_watch.h: MX, address and TLSA lookups; the STARTTLS probes are the desk's.
#include <algorithm>

#include "base/text.h"
#include "dane/tlsa.h"
#include "hosting/mx_probe_desk.h"
#include "hosting/mx_watch.h"
#include "net/await.h"

namespace postseal::hosting {

namespace {

using net::DnsAnswer;
using net::asio::awaitable;

constexpr std::size_t addresses_of_family_max = 6;

awaitable<DnsAnswer> ask(net::Resolver& resolver, dns::Name name, dns::Type type) {
    co_return co_await net::await_callback<DnsAnswer>([&resolver, &name, type](std::function<void(DnsAnswer)> done) {
        resolver.resolve(name, type, std::move(done));
    });
}

awaitable<MxWatch> discover(net::Resolver& resolver, const Clock& clock, dns::Name domain, MxWatch before,
                            std::size_t hosts_max) {
    const DnsAnswer answer = co_await ask(resolver, domain, dns::Type::mx);
    before.looked = clock.now();
    if (!answer.usable()) {
        // What cannot be found out now changes nothing: the hosts known so far stay.
        before.dnssec = answer.status == net::DnsStatus::bogus ? "bogus" : "unknown";
        before.problem = "the MX records cannot be looked up: " + printable(answer.error, 200);
        co_return before;
    }
    MxWatch watch;
    watch.looked = before.looked;
    watch.dnssec = answer.secure() ? "secure" : "insecure";
    watch.unneeded = std::move(before.unneeded);
    std::vector<dns::MxData> found = answer.all<dns::MxData>();
    if (answer.content == net::DnsContent::nodata) {
        found.push_back({0, domain});  // RFC 5321 §5.1: the implicit MX
    }
    if (answer.nxdomain()) {
        watch.problem = "the domain does not exist in DNS";
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const dns::MxData& a, const dns::MxData& b) { return a.preference < b.preference; });
    for (const dns::MxData& mx : found) {
        const auto same = [&](const MxHost& host) { return host.host == mx.exchange; };
        if (mx.exchange.is_root()) {
            watch.problem = "the domain says that it receives no mail (null MX)";  // RFC 7505
        } else if (mx.exchange.is_hostname() && watch.hosts.size() < hosts_max &&
                   std::none_of(watch.hosts.begin(), watch.hosts.end(), same)) {
            const auto known = std::find_if(before.hosts.begin(), before.hosts.end(), same);
            MxHost host = known != before.hosts.end() ? *known : MxHost{};
            host.host = mx.exchange;
            host.preference = mx.preference;
            if (!host.since) {
                host.since = clock.now();
            }
            watch.hosts.push_back(std::move(host));
        }
    }
    if (watch.hosts.empty() && watch.problem.empty()) {
        watch.problem = "the domain has no usable MX host";
    }
    co_return watch;
}

// What TLSA records say about the host, and whether the chains that it showed fit them (RFC 7672 §2.2, §3.1).
struct TlsaAnswer {
    std::string state;  // MxHost::dane, unless there are usable records
    dns::Name base_domain;
    std::vector<dns::TlsaData> records;
};

awaitable<TlsaAnswer> ask_tlsa(const ProbeParts& parts, dns::Name host, std::vector<dns::Name> candidates) {
    for (const dns::Name& base : candidates) {
        const auto name = dane::tlsa_name(base, parts.smtp_port);
        if (!name) {
            continue;
        }
        const DnsAnswer answer = co_await ask(parts.resolver, *name, dns::Type::tlsa);
        if (answer.status == net::DnsStatus::bogus || answer.status == net::DnsStatus::failed) {
            co_return TlsaAnswer{"bogus", base, {}};  // RFC 7672 §2.1.2: the host is out, whatever it shows
        }
        if (!answer.secure()) {
            co_return TlsaAnswer{"unsigned", base, {}};
        }
        if (answer.has_data()) {
            std::vector<dns::TlsaData> records = answer.all<dns::TlsaData>();
            const auto demand = dane::demand(records);
            co_return TlsaAnswer{demand == dane::Demand::authentication ? "" : "unusable", base, std::move(records)};
        }
    }
    co_return TlsaAnswer{"absent", std::move(host), {}};
}

std::string match_tlsa(const TlsaAnswer& tlsa, const std::vector<AddressProbe>& probes, const dns::Name& domain,
                       bool mx_secure, TimePoint now) {
    if (!tlsa.state.empty()) {
        return tlsa.state;
    }
    dane::ReferenceNames names{tlsa.base_domain, {}};
    if (mx_secure) {
        names.next_hop.push_back(domain);
    }
    std::string state = "unknown";
    for (const AddressProbe& probe : probes) {
        if (!probe.result.tls) {
            continue;  // not reached, or no TLS: nothing to compare
        }
        const auto match = dane::match_chain(tlsa.records, probe.result.tls->chain_der, names, now);
        if (match.result != dane::MatchResult::matched) {
            return "mismatch";
        }
        state = "matches";
    }
    return state;
}

awaitable<MxHost> look_at_host(const ProbeParts& parts, dns::Name domain, Freshness freshness, bool mx_secure,
                               MxHost host) {
    const DnsAnswer v4 = co_await ask(parts.resolver, host.host, dns::Type::a);
    const DnsAnswer v6 = co_await ask(parts.resolver, host.host, dns::Type::aaaa);
    std::vector<dns::IpAddress> addresses;
    bool secure = true;
    dns::Name expanded = host.host;
    for (const DnsAnswer* answer : {&v4, &v6}) {
        std::size_t taken = 0;
        for (const dns::AddressData& data : answer->all<dns::AddressData>()) {
            if (taken++ < addresses_of_family_max) {
                addresses.push_back(data.address);
            }
        }
        if (answer->has_data()) {
            secure = secure && answer->secure();
            expanded = answer->canonical_name;
        }
    }
    const std::vector<AddressProbe> probes = co_await net::await_callback<std::vector<AddressProbe>>(
        [&parts, &host, &addresses, freshness](std::function<void(std::vector<AddressProbe>)> done) {
            parts.desk.probe(host.host, addresses, freshness, std::move(done));
        });
    judge_probes(host, probes, parts.clock.now());
    const bool unanswered = addresses.empty() && (!v4.usable() || !v6.usable());
    if (unanswered) {
        host.problem_code = "unreachable";
        host.problem = host.host.text() + ": its addresses cannot be looked up: " + printable(v4.error + v6.error, 200);
    }
    if (addresses.empty() || !secure) {
        host.dane = addresses.empty() ? "unknown" : "unsigned";
        co_return host;
    }
    const std::vector<dns::Name> candidates = dane::base_domain_candidates(host.host, expanded, secure);
    const TlsaAnswer tlsa = co_await ask_tlsa(parts, host.host, candidates);
    host.dane = match_tlsa(tlsa, probes, domain, mx_secure, parts.clock.now());
    co_return host;
}

}  // namespace

void discover_mx(net::Loop& loop, net::Resolver& resolver, const Clock& clock, const dns::Name& domain, MxWatch before,
                 std::size_t hosts_max, std::function<void(MxWatch)> done) {
    net::spawn(loop,
               [&resolver, &clock, domain, before = std::move(before), hosts_max, done = std::move(done)]() mutable
               -> awaitable<void> { done(co_await discover(resolver, clock, domain, std::move(before), hosts_max)); });
}

void probe_mx(const ProbeParts& parts, const dns::Name& domain, Freshness freshness, MxWatch watch,
              std::function<void(MxWatch)> done) {
    if (watch.hosts.empty()) {
        parts.loop.post([watch = std::move(watch), done = std::move(done)] { done(watch); });
        return;
    }
    struct Probing {
        MxWatch watch;
        std::size_t running = 0;
        std::function<void(MxWatch)> done;
    };
    const auto probing = std::make_shared<Probing>(Probing{std::move(watch), 0, std::move(done)});
    probing->running = probing->watch.hosts.size();
    const bool secure = probing->watch.dnssec == "secure";
    for (std::size_t i = 0; i < probing->watch.hosts.size(); ++i) {
        net::spawn(parts.loop, [parts, domain, freshness, secure, probing, i]() -> awaitable<void> {
            MxHost host = co_await look_at_host(parts, domain, freshness, secure, probing->watch.hosts[i]);
            probing->watch.hosts[i] = std::move(host);
            if (--probing->running == 0) {
                probing->done(std::move(probing->watch));
            }
        });
    }
}

}  // namespace postseal::hosting
