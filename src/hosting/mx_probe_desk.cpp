#include "hosting/mx_probe_desk.h"

#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "dns/public_suffix.h"

namespace postseal::hosting {

struct ProbeDesk::Impl : std::enable_shared_from_this<ProbeDesk::Impl> {
    using Key = std::pair<dns::Name, dns::IpAddress>;
    using Done = std::function<void(const AddressProbe&)>;
    struct Entry {
        std::optional<AddressProbe> last;
        std::vector<Done> waiting;
        bool running = false;
    };

    net::Loop& loop;
    const Clock& clock;
    ProbeDeskSettings settings;
    std::map<Key, Entry> entries;
    std::deque<Key> queue;
    std::map<dns::Name, std::size_t> at_provider;
    std::size_t running = 0;
    ProbeDeskCounters counters;

    Impl(net::Loop& its_loop, const Clock& its_clock, ProbeDeskSettings its_settings)
        : loop(its_loop), clock(its_clock), settings(std::move(its_settings)) {}

    // A clock that was set back makes nothing last longer.
    [[nodiscard]] bool good_enough(const AddressProbe& probe, Freshness freshness) const {
        const auto age = clock.now() - probe.at;
        return freshness == Freshness::scheduled && age >= Seconds(0) && age < settings.scheduled_age_max;
    }

    void ask(const Key& key, Freshness freshness, Done done) {
        Entry& entry = entries[key];
        if (entry.last && good_enough(*entry.last, freshness)) {
            ++counters.shared;
            loop.post([probe = *entry.last, done = std::move(done)] { done(probe); });
            return;
        }
        entry.waiting.push_back(std::move(done));
        if (entry.waiting.size() > 1) {
            ++counters.shared;
            return;
        }
        // Whoever waits at the panel comes first.
        if (freshness == Freshness::fresh) {
            queue.push_front(key);
        } else {
            queue.push_back(key);
        }
        loop.post([self = weak_from_this()] {
            if (const auto alive = self.lock()) {
                alive->pump();
            }
        });
    }

    void pump() {
        for (std::size_t i = 0; i < queue.size() && running < settings.at_once_max;) {
            const Key key = queue[i];
            std::size_t& here = at_provider[dns::registrable_domain(key.first)];
            if (here >= settings.per_provider_at_once_max) {
                ++i;
                continue;
            }
            queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
            ++here;
            start(key);
        }
    }

    void start(const Key& key) {
        ++running;
        ++counters.probes;
        entries[key].running = true;
        net::SmtpProbeRequest request;
        request.host = key.first;
        request.address = key.second;
        request.port = settings.probe.smtp_port;
        request.ehlo_name = settings.probe.ehlo_name;
        request.trust = settings.probe.trust;
        request.guard = settings.probe.guard;  // rule 20
        request.timeout = settings.probe.timeout;
        net::smtp_probe(loop, std::move(request), [self = weak_from_this(), key](net::SmtpProbeResult result) {
            if (const auto alive = self.lock()) {
                alive->finished(key, std::move(result));
            }
        });
    }

    void finished(const Key& key, net::SmtpProbeResult result) {
        --running;
        const auto provider = at_provider.find(dns::registrable_domain(key.first));
        if (--provider->second == 0) {
            at_provider.erase(provider);
        }
        Entry& entry = entries[key];
        entry.running = false;
        entry.last = AddressProbe{key.second, std::move(result), clock.now()};
        const AddressProbe probe = *entry.last;
        const std::vector<Done> waiting = std::exchange(entry.waiting, {});
        forget_old();
        for (const Done& done : waiting) {
            done(probe);
        }
        pump();
    }

    // What is too old for any question is of no more use.
    void forget_old() {
        std::erase_if(entries, [this](const auto& one) {
            const Entry& entry = one.second;
            return entry.waiting.empty() && !entry.running &&
                   (!entry.last || !good_enough(*entry.last, Freshness::scheduled));
        });
    }
};

ProbeDesk::ProbeDesk(net::Loop& loop, const Clock& clock, ProbeDeskSettings settings)
    : impl_(std::make_shared<Impl>(loop, clock, std::move(settings))) {}

ProbeDesk::~ProbeDesk() = default;

void ProbeDesk::probe(const dns::Name& host, const std::vector<dns::IpAddress>& addresses, Freshness freshness,
                      std::function<void(std::vector<AddressProbe>)> done) {
    struct Gathering {
        std::vector<AddressProbe> probes;
        std::size_t missing = 0;
        std::function<void(std::vector<AddressProbe>)> done;
    };
    const auto gathering = std::make_shared<Gathering>(
        Gathering{std::vector<AddressProbe>(addresses.size()), addresses.size(), std::move(done)});
    if (addresses.empty()) {
        impl_->loop.post([gathering] { gathering->done({}); });
        return;
    }
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        impl_->ask({host, addresses[i]}, freshness, [gathering, i](const AddressProbe& probe) {
            gathering->probes[i] = probe;
            if (--gathering->missing == 0) {
                gathering->done(std::move(gathering->probes));
            }
        });
    }
}

const ProbeDeskCounters& ProbeDesk::counters() const {
    return impl_->counters;
}

std::size_t ProbeDesk::size() const {
    return impl_->entries.size();
}

}  // namespace postseal::hosting
