#include "hosting/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "hosting/acme_jws.h"
#include "hosting/caa.h"
#include "hosting/policy_host.h"
#include "net/alpn_probe.h"
#include "net/await.h"

namespace postseal::hosting {

namespace {

using net::asio::awaitable;
using std::chrono::milliseconds;

constexpr milliseconds port_timeout{10'000};  // what a CA waits
constexpr std::size_t addresses_max = 8;
constexpr std::size_t token_bytes = 24;

awaitable<net::DnsAnswer> ask(net::Resolver& resolver, dns::Name name, dns::Type type) {
    co_return co_await net::await_callback<net::DnsAnswer>(
        [&resolver, &name, type](std::function<void(net::DnsAnswer)> done) {
            resolver.resolve(name, type, std::move(done));
        });
}

void note_trouble(PreflightDns& out, const net::DnsAnswer& answer) {
    out.bogus = answer.status == net::DnsStatus::bogus;
    out.trouble = out.bogus ? fmt::format("DNSSEC validation of {} {} fails: {}", answer.name.text(),
                                          dns::to_string(answer.type), printable(answer.error, 200))
                            : fmt::format("the name servers give no answer for {} {}: {}", answer.name.text(),
                                          dns::to_string(answer.type), printable(answer.error, 200));
}

awaitable<PreflightDns> look_at_dns(net::Resolver& resolver, dns::Name host) {
    PreflightDns out;
    out.canonical = host;
    for (const dns::Type type : {dns::Type::a, dns::Type::aaaa}) {
        const net::DnsAnswer answer = co_await ask(resolver, host, type);
        if (!answer.usable()) {
            note_trouble(out, answer);
            co_return out;
        }
        for (const dns::AddressData& data : answer.all<dns::AddressData>()) {
            if (out.addresses.size() < addresses_max) {
                out.addresses.push_back(data.address);
            }
        }
        if (answer.has_data()) {
            out.canonical = answer.canonical_name;
        }
    }
    // RFC 8659 §3: the set at the name itself, CNAMEs followed, otherwise at the next name above, but not at the root.
    for (dns::Name at = host; !at.is_root();) {
        const net::DnsAnswer answer = co_await ask(resolver, at, dns::Type::caa);
        // A CA that gets no answer must not issue: that is no absence.
        if (!answer.usable()) {
            note_trouble(out, answer);
            co_return out;
        }
        if (answer.has_data()) {
            out.caa_at = at;
            out.caa = answer.all<dns::CaaData>();
            if (answer.unreadable > 0) {
                out.trouble = fmt::format("a CAA record of {} is malformed", at.text());
            }
            break;
        }
        at = at.parent();
    }
    co_return out;
}

std::uint16_t port_of(const PreflightFacts& facts, ChallengeKind kind) {
    return kind == ChallengeKind::http_01 ? facts.http_port : facts.https_port;
}

std::string forbidden_words(const PreflightFacts& facts, const CaaJudgement& world, const CaaRequest& request) {
    const bool we_allow = facts.published && judge_caa(*facts.published, request).allowed;
    const std::string at = facts.dns.caa_at ? facts.dns.caa_at->text() : facts.host.text();
    if (we_allow) {
        return fmt::format(
            "the CAA records that the world sees at {} forbid the certificate ({}), although those of "
            "our own zone allow it: the name servers of the zone are not all of one mind, or old records "
            "are cached; look at the delegation of the zone, or wait for their TTL",
            at, world.reason);
    }
    return fmt::format("CAA records at {} forbid the certificate: {}. Let \"{}\" issue there, or remove the records",
                       at, world.reason, request.issuer);
}

// Whether the challenge would find our answer; otherwise `verdict` gets the words.
bool port_is_ours(const PreflightFacts& facts, ChallengeKind kind, PreflightVerdict& verdict) {
    const auto seen = facts.ports.find(kind);
    const int port = port_of(facts, kind);
    std::vector<std::string> away;
    std::size_t ours = 0;
    for (const PortSeen& one : seen == facts.ports.end() ? std::vector<PortSeen>{} : seen->second) {
        switch (one.state) {
            case PortSeen::State::ours:
                ++ours;
                break;
            case PortSeen::State::somebody_else:
                // A CA may come to any of the addresses.
                verdict.code = "port-not-ours";
                verdict.problem = fmt::format(
                    "{} port {} (an address of {}) is not answered by this installation: {}. Let the port lead here, "
                    "or "
                    "take the address out of DNS",
                    one.address.text(), port, facts.host.text(), one.words);
                return false;
            case PortSeen::State::unreachable:
                away.push_back(fmt::format("{} ({})", one.address.text(), one.words));
                break;
        }
    }
    if (ours == 0) {
        verdict.code = "port-unreachable";
        verdict.problem = fmt::format(
            "port {} of {} cannot be reached at {}: the CA looks there ({}). Open it in the firewall, and let {} "
            "listen "
            "on it",
            port, facts.host.text(), away.empty() ? "any address" : join(away, ", "), to_string(kind),
            kind == ChallengeKind::http_01 ? "[policy_host] http_listen" : "[policy_host] https_listen");
        return false;
    }
    for (const std::string& address : away) {
        // A CA that prefers IPv6 falls back to IPv4 only when the connection itself fails, which is what was seen.
        verdict.remarks.push_back(fmt::format("port {} of {} cannot be reached at {}; the other addresses can", port,
                                              facts.host.text(), address));
    }
    return true;
}

}  // namespace

PreflightVerdict judge_preflight(const PreflightFacts& facts, const std::string& issuer,
                                 const std::optional<std::string>& account_uri,
                                 const std::vector<ChallengeKind>& challenges) {
    PreflightVerdict verdict;
    if (!facts.dns.trouble.empty()) {
        verdict.code = facts.dns.bogus ? "dnssec-bogus" : "dns-failure";
        verdict.problem =
            facts.dns.trouble +
            (facts.dns.bogus
                 ? ". A CA validates DNSSEC too and refuses: repair the signatures, or the DS record at the parent"
                 : ". A CA refuses then (SERVFAIL is no absence of CAA): see to the name servers of the domain");
        return verdict;
    }
    if (facts.dns.addresses.empty()) {
        verdict.code = "no-address";
        verdict.problem = fmt::format("{} has no address in DNS: {}", facts.host.text(),
                                      facts.dns.canonical == facts.host
                                          ? "publish an A or AAAA record for it"
                                          : facts.dns.canonical.text() + " has none; see [hosting] addresses");
        return verdict;
    }
    PreflightVerdict worst;
    for (const ChallengeKind kind : challenges) {
        const CaaRequest request{issuer, account_uri, std::string(to_string(kind))};
        PreflightVerdict why;
        const CaaJudgement world = judge_caa(facts.dns.caa, request);
        if (!world.allowed) {
            why.code = "caa-forbids";
            why.problem = forbidden_words(facts, world, request);
        } else if (facts.published && !judge_caa(*facts.published, request).allowed) {
            why.code = "caa-forbids";
            why.problem = fmt::format(
                "the CAA records of our own zone forbid the certificate: {}. See [[acme]] "
                "caa_issuer and challenges",
                judge_caa(*facts.published, request).reason);
        } else if (port_is_ours(facts, kind, why)) {
            verdict.usable.push_back(kind);
            std::ranges::move(why.remarks, std::back_inserter(verdict.remarks));
            continue;
        }
        if (worst.code.empty()) {
            worst = std::move(why);
        } else if (worst.problem != why.problem) {
            worst.problem += ". And: " + why.problem;
        }
    }
    if (verdict.usable.empty()) {
        return worst.code.empty() ? PreflightVerdict{{}, "no-challenge", "no challenge is configured", {}} : worst;
    }
    if (!worst.problem.empty()) {
        verdict.remarks.push_back(std::move(worst.problem));
    }
    return verdict;
}

struct Preflight::Impl : std::enable_shared_from_this<Preflight::Impl> {
    net::Loop& loop;
    net::Resolver& resolver;
    net::HttpsClient& https;
    Publication& publication;
    const Clock& clock;
    PreflightSettings settings;
    // Held here and not by the looks: a resolver holds the look that waits for it, and the two would never go.
    std::map<std::uint64_t, std::unique_ptr<net::Resolver>> fresh;
    std::uint64_t looks = 0;

    Impl(net::Loop& its_loop, net::Resolver& its_resolver, net::HttpsClient& its_https, Publication& its_publication,
         const Clock& its_clock, PreflightSettings its_settings)
        : loop(its_loop),
          resolver(its_resolver),
          https(its_https),
          publication(its_publication),
          clock(its_clock),
          settings(std::move(its_settings)) {}

    // http-01 as a CA would ask, with a token of our own (RFC 8555 §8.3).
    awaitable<PortSeen> try_http(dns::Name host, dns::IpAddress address) {
        PortSeen seen;
        seen.address = address;
        const std::string token = "preflight-" + to_base64url(random_bytes(token_bytes));
        const std::string answer = to_base64url(random_bytes(token_bytes));
        publication.challenges()->put(token, answer);
        net::HttpsRequest request;
        request.url =
            fmt::format("http://{}{}{}{}", host.text(),
                        settings.http_port == 80 ? "" : fmt::format(":{}", settings.http_port), challenge_path, token);
        request.scheme = net::HttpsRequest::Scheme::allow_http;
        request.addresses.push_back(address);
        request.timeout = port_timeout;
        request.body_bytes_max = 4096;
        const net::HttpsResponse response = co_await net::await_callback<net::HttpsResponse>(
            [this, &request](std::function<void(net::HttpsResponse)> done) { https.fetch(request, std::move(done)); });
        publication.challenges()->remove(token);
        if (response.ok() && response.status == 200 && response.body == answer) {
            seen.state = PortSeen::State::ours;
        } else if (response.ok() || response.failure == net::HttpsResponse::Failure::protocol ||
                   response.failure == net::HttpsResponse::Failure::too_large) {
            seen.state = PortSeen::State::somebody_else;
            seen.words = response.ok() ? (response.status == 200 ? std::string("another answer than ours")
                                                                 : fmt::format("HTTP status {}", response.status))
                                       : response.error;
        } else {
            seen.words = response.error;
        }
        co_return seen;
    }

    // tls-alpn-01 as a CA would ask, with a certificate of our own (RFC 8737 §3).
    awaitable<PortSeen> try_tls(dns::Name host, dns::IpAddress address) {
        PortSeen seen;
        seen.address = address;
        if (const auto allowed = settings.guard.check(address); !allowed) {
            seen.words = allowed.error().message();
            co_return seen;
        }
        const auto key = AcmeKey::generate();
        const auto shown =
            key ? tls_alpn_certificate(*key, host, to_base64url(random_bytes(token_bytes)), clock.now()) : key.error();
        net::CertificateAndKey pair;
        if (shown) {
            pair.chain_der.push_back(*shown);
            pair.key_der = key->to_der();
        }
        const auto set = shown ? publication.tls()->set_acme_challenge(host, std::move(pair)) : shown.error();
        if (!set) {
            seen.words = set.error().message();
            co_return seen;
        }
        net::AlpnProbe probe;
        probe.address = address;
        probe.port = settings.https_port;
        probe.server_name = host;
        probe.protocol = "acme-tls/1";
        probe.timeout = port_timeout;
        const Result<Bytes> leaf = co_await net::await_callback<Result<Bytes>>(
            [this, &probe](std::function<void(Result<Bytes>)> done) { net::probe_alpn(loop, probe, std::move(done)); });
        publication.tls()->remove_acme_challenge(host);
        if (leaf && *leaf == *shown) {
            seen.state = PortSeen::State::ours;
        } else if (leaf || leaf.error().code == Errc::refused) {
            seen.state = PortSeen::State::somebody_else;
            seen.words = leaf ? "another certificate than ours" : leaf.error().message();
        } else {
            seen.words = leaf.error().message();
        }
        co_return seen;
    }

    awaitable<PreflightFacts> look(net::Resolver& with, dns::Name host, std::vector<ChallengeKind> kinds) {
        PreflightFacts facts;
        facts.host = host;
        facts.http_port = settings.http_port;
        facts.https_port = settings.https_port;
        facts.dns = co_await look_at_dns(with, host);
        const dns::ZonePtr zone = publication.zone();
        if (facts.dns.canonical.is_under(publication.zone_settings().zone)) {
            facts.published.emplace();
            for (const dns::Record& record : zone->records(facts.dns.canonical)) {
                if (const auto* caa = std::get_if<dns::CaaData>(&record.data)) {
                    facts.published->push_back(*caa);
                }
            }
        }
        if (!facts.dns.trouble.empty()) {
            co_return facts;
        }
        for (const ChallengeKind kind : kinds) {
            for (const dns::IpAddress& address : facts.dns.addresses) {
                if (kind == ChallengeKind::http_01) {
                    PortSeen seen = co_await try_http(host, address);
                    facts.ports[kind].push_back(std::move(seen));
                } else {
                    PortSeen seen = co_await try_tls(host, address);
                    facts.ports[kind].push_back(std::move(seen));
                }
            }
        }
        co_return facts;
    }
};

Preflight::Preflight(net::Loop& loop, net::Resolver& resolver, net::HttpsClient& https, Publication& publication,
                     const Clock& clock, PreflightSettings settings)
    : impl_(std::make_shared<Impl>(loop, resolver, https, publication, clock, std::move(settings))) {}

Preflight::~Preflight() = default;

void Preflight::look(const dns::Name& host, const std::vector<ChallengeKind>& kinds, Caches caches,
                     std::function<void(PreflightFacts)> done) {
    const std::uint64_t number = ++impl_->looks;
    net::Resolver* with = &impl_->resolver;
    if (caches == Caches::passed_by) {
        // Not the forwarders of [resolver]: their caches may be what misleads us (as rule 1 looks).
        if (auto made = net::make_unbound_resolver(impl_->loop, impl_->settings.resolver.iterating())) {
            with = impl_->fresh.emplace(number, std::move(*made)).first->second.get();
        }
    }
    net::spawn(impl_->loop, [impl = impl_, with, host, kinds, number, done = std::move(done)]() -> awaitable<void> {
        PreflightFacts facts = co_await impl->look(*with, host, kinds);
        const auto finished = impl->fresh.extract(number);
        done(std::move(facts));
    });
}

void Preflight::cancel() {
    const auto dropped = std::exchange(impl_->fresh, {});
}

}  // namespace postseal::hosting
