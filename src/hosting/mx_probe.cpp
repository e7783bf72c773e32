// The I/O of mx_watch.h: MX and address lookups, STARTTLS probes.
#include <algorithm>

#include "base/text.h"
#include "hosting/mx_watch.h"
#include "net/await.h"

namespace postseal::hosting {

namespace {

using net::DnsAnswer;
using net::asio::awaitable;

constexpr std::size_t addresses_tried_max = 4;

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
            watch.hosts.push_back(std::move(host));
        }
    }
    if (watch.hosts.empty() && watch.problem.empty()) {
        watch.problem = "the domain has no usable MX host";
    }
    co_return watch;
}

awaitable<MxHost> probe_host(net::Loop& loop, net::Resolver& resolver, const Clock& clock, ProbeSettings settings,
                             MxHost host) {
    const DnsAnswer v4 = co_await ask(resolver, host.host, dns::Type::a);
    const DnsAnswer v6 = co_await ask(resolver, host.host, dns::Type::aaaa);
    std::vector<dns::IpAddress> addresses;
    for (const DnsAnswer* answer : {&v4, &v6}) {
        for (const dns::AddressData& data : answer->all<dns::AddressData>()) {
            addresses.push_back(data.address);
        }
    }
    if (addresses.empty()) {
        host.probed = clock.now();
        host.starttls.reset();
        host.certificate.reset();
        host.tls_version.clear();
        host.problem_code = "no-address";
        host.problem = host.host.text() + " has no address";
        co_return host;
    }
    addresses.resize(std::min(addresses.size(), addresses_tried_max));
    net::SmtpProbeResult result;
    // The first address that answers speaks for the host.
    for (const dns::IpAddress& address : addresses) {
        net::SmtpProbeRequest request;
        request.host = host.host;
        request.address = address;
        request.port = settings.smtp_port;
        request.ehlo_name = settings.ehlo_name;
        request.trust = settings.trust;
        request.guard = settings.guard;
        request.timeout = settings.timeout;
        result = co_await net::await_callback<net::SmtpProbeResult>(
            [&loop, &request](std::function<void(net::SmtpProbeResult)> done) {
                net::smtp_probe(loop, request, std::move(done));
            });
        if (result.failure != net::SmtpFailure::connect && result.failure != net::SmtpFailure::timeout &&
            result.failure != net::SmtpFailure::refused_address) {
            break;
        }
    }
    judge_probe(host, result, clock.now());
    co_return host;
}

}  // namespace

void discover_mx(net::Loop& loop, net::Resolver& resolver, const Clock& clock, const dns::Name& domain, MxWatch before,
                 std::size_t hosts_max, std::function<void(MxWatch)> done) {
    net::spawn(loop,
               [&resolver, &clock, domain, before = std::move(before), hosts_max, done = std::move(done)]() mutable
               -> awaitable<void> { done(co_await discover(resolver, clock, domain, std::move(before), hosts_max)); });
}

void probe_mx(net::Loop& loop, net::Resolver& resolver, const Clock& clock, const ProbeSettings& settings,
              MxWatch watch, std::function<void(MxWatch)> done) {
    if (watch.hosts.empty()) {
        loop.post([watch = std::move(watch), done = std::move(done)] { done(watch); });
        return;
    }
    struct Probing {
        MxWatch watch;
        std::size_t running = 0;
        std::function<void(MxWatch)> done;
    };
    const auto probing = std::make_shared<Probing>(Probing{std::move(watch), 0, std::move(done)});
    probing->running = probing->watch.hosts.size();
    for (std::size_t i = 0; i < probing->watch.hosts.size(); ++i) {
        net::spawn(loop, [&loop, &resolver, &clock, settings, probing, i]() -> awaitable<void> {
            MxHost host = co_await probe_host(loop, resolver, clock, settings, probing->watch.hosts[i]);
            probing->watch.hosts[i] = std::move(host);
            if (--probing->running == 0) {
                probing->done(std::move(probing->watch));
            }
        });
    }
}

}  // namespace postseal::hosting
