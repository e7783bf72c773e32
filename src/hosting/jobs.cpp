#include "hosting/jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "hosting/certificate_orders.h"
#include "hosting/cname_watch.h"
#include "hosting/elsewhere.h"
#include "hosting/fetch_log.h"
#include "hosting/mx_keeper.h"
#include "hosting/retirement.h"
#include "net/await.h"

namespace postseal::hosting {

namespace {

using net::asio::awaitable;
using store::DomainState;

constexpr int steps_at_once_max = 20;  // a domain that would need more is looked at again in the next pass
constexpr auto read_back_again_after = std::chrono::seconds(3);
constexpr Seconds ordered_within{600};  // after the look at the CNAMEs that a certificate is ordered upon

ProbeDeskSettings desk_settings(const JobsSettings& settings) {
    ProbeDeskSettings out;
    out.probe = settings.probe;
    out.scheduled_age_max = settings.mx_probe_every;
    return out;
}

}  // namespace

struct Jobs::Impl : std::enable_shared_from_this<Jobs::Impl> {
    JobsParts parts;
    JobsSettings settings;
    Verifier verifier;
    CertificateOrders orders;
    ProbeDesk desk;
    MxKeeper keeper;
    History history;

    std::deque<std::string> waiting;  // labels
    std::set<std::string> queued;
    std::set<std::string> busy;
    std::set<std::string> again;  // asked for while busy
    std::size_t workers = 0;

    std::map<std::string, TimePoint> young;  // labels of pending domains: until when they are looked at often
    std::vector<net::Timer> retries;
    net::Timer pass_timer;
    net::Timer young_timer;
    DomainObserver observer;

    Impl(JobsParts its_parts, JobsSettings its_settings)
        : parts(its_parts),
          settings(std::move(its_settings)),
          verifier(parts.loop, settings.resolver),
          orders(parts, {settings.acme,
                         {settings.resolver, settings.probe.guard, settings.http_port, settings.https_port},
                         settings.only_process,
                         settings.run}),
          desk(parts.loop, parts.clock, desk_settings(settings)),
          keeper(parts, settings.life.testing_days,
                 [this](const store::Domain& domain, mtasts::Mode mode, const MxPatterns& mx) {
                     return change_policy(domain, mode, mx);
                 }),
          history(parts.store, parts.clock, parts.log) {}

    [[nodiscard]] TimePoint now() const { return parts.clock.now(); }
    void warn(const dns::Name& domain, const Error& error) const {
        parts.log.warning("hosting", fmt::format("{}: {}", domain.text(), error.message()));
    }

    // --- Queue -------------------------------------------------------------------------------------------------------

    void soon(const std::string& label) {
        if (busy.contains(label)) {
            again.insert(label);
            return;
        }
        if (queued.insert(label).second) {
            waiting.push_back(label);
        }
        if (workers < settings.at_once_max) {
            ++workers;
            net::spawn(parts.loop, [self = shared_from_this()]() -> awaitable<void> { co_await self->work(); });
        }
    }

    void later(const std::string& label, std::chrono::seconds delay) {
        std::erase_if(retries, [](const net::Timer& timer) { return !timer.active(); });
        retries.push_back(parts.loop.after(delay, [this, label] { soon(label); }));
    }

    awaitable<void> work() {
        while (!waiting.empty()) {
            const std::string label = waiting.front();
            waiting.pop_front();
            queued.erase(label);
            busy.insert(label);
            co_await advance(label);
            busy.erase(label);
            if (again.erase(label) > 0) {
                soon(label);
            }
        }
        --workers;
    }

    void pass() {
        keep_alerts();
        prepare_accounts();
        net::spawn(parts.loop, [self = shared_from_this()]() -> awaitable<void> { co_await self->orders.keep_up(); });
        for (const dns::Name& name : orders.any_account() ? settings.own_names : std::vector<dns::Name>{}) {
            net::spawn(parts.loop, [self = shared_from_this(), name]() -> awaitable<void> {
                const auto certificate = self->parts.store.certificates.find(name);
                if (certificate && self->orders.wanted(name, *certificate)) {
                    const Result<void> issued = co_await self->orders.issue(name);
                    if (!issued && issued.error().code != Errc::limit_exceeded) {
                        self->warn(name, issued.error());
                    }
                }
            });
        }
        const auto domains = parts.store.domains.all();
        if (!domains) {
            parts.log.error("hosting", domains.error().message());
            return;
        }
        for (const store::Domain& domain : *domains) {
            if (!domain.label.empty()) {
                note_age(domain);
                soon(domain.label);
            }
        }
    }

    void prepare_accounts() {
        net::spawn(parts.loop, [self = shared_from_this()]() -> awaitable<void> {
            const bool news = co_await self->orders.prepare_accounts();
            if (news) {
                self->pass();
            }
        });
    }

    // Other processes raise alerts too, and what was resolved long ago is of no use to anybody.
    void keep_alerts() const {
        constexpr auto resolved_kept_for = std::chrono::hours(24) * 366;
        const auto purged = parts.store.alerts.purge(now() - resolved_kept_for);
        const auto counted = purged ? parts.store.alerts.recount() : purged;
        if (!counted) {
            parts.log.error("hosting", counted.error().message());
        }
    }

    void note_age(const store::Domain& domain) {
        if (domain.state == DomainState::pending && now() < domain.added + settings.young_for) {
            young[domain.label] = domain.added + settings.young_for;
        } else {
            young.erase(domain.label);
        }
    }

    void young_pass() {
        std::erase_if(young, [this](const auto& one) { return one.second <= now(); });
        for (const auto& [label, until] : young) {
            soon(label);
        }
    }

    // --- Who wants to know -------------------------------------------------------------------------------------------

    void tell(DomainEvent event, const store::Domain& domain) const {
        if (!observer) {
            return;
        }
        const auto versions = parts.store.domains.versions(domain.id);
        if (!versions) {
            parts.log.error("hosting", versions.error().message());
            return;
        }
        const auto* live = live_version(*versions);
        observer(domain.state == DomainState::gone ? DomainEvent::gone : event, domain,
                 live != nullptr ? std::optional(live->mode) : std::nullopt);
    }

    // --- One domain --------------------------------------------------------------------------------------------------

    Result<store::Domain> reload(const std::string& label) const {
        POSTSEAL_TRY(const auto found, parts.store.domains.find_by_label(label));
        if (!found) {
            return Error{Errc::not_found, "label " + label, "no such domain"};
        }
        return *found;
    }

    // Changes one row as it is now: others may have changed other columns while we waited for the network.
    template <class Change>
    Result<store::Domain> change_quietly(const std::string& label, Change how) {
        POSTSEAL_TRY(store::Domain domain, reload(label));
        how(domain);
        POSTSEAL_TRY([[maybe_unused]] const auto ok, as_value(parts.store.domains.update(domain)));
        return domain;
    }
    // The same, and tells of it; a change of state becomes part of the domain's history.
    template <class Change>
    Result<store::Domain> change(const std::string& label, const Cause& cause, Change how) {
        POSTSEAL_TRY(store::Domain domain, reload(label));
        const DomainState before = domain.state;
        how(domain);
        if (domain.state != before && !may_become(before, domain.state)) {
            return Error{Errc::internal, domain.name.text(),
                         fmt::format("{} cannot become {}", store::to_string(before), store::to_string(domain.state))};
        }
        POSTSEAL_TRY([[maybe_unused]] const auto ok, as_value(parts.store.domains.update(domain)));
        after_change(domain, before, cause);
        return domain;
    }
    void after_change(const store::Domain& domain, DomainState before, const Cause& cause) {
        history.state(domain, before, cause);
        note_age(domain);
        tell(DomainEvent::changed, domain);
    }
    static Result<bool> as_value(const Result<void>& result) {
        if (!result) {
            return result.error();
        }
        return true;
    }

    void remember_problem(const std::string& label, const std::string& problem) {
        std::string before;
        const auto changed = change_quietly(
            label, [&](store::Domain& domain) { before = std::exchange(domain.last_error, printable(problem, 500)); });
        if (!changed) {
            parts.log.error("hosting", changed.error().message());
        } else if (changed->last_error != before) {
            tell(DomainEvent::changed, *changed);
        }
    }

    [[nodiscard]] Result<std::vector<CnameRecord>> records_of(const store::Domain& domain) const {
        return records_for(domain.name, domain.label, parts.publication.zone_settings().zone, domain.uses);
    }

    [[nodiscard]] Verification last_look(const store::Domain& domain) const {
        const auto expected = records_of(domain);
        return expected ? verification_from_json(*expected, domain.verification) : Verification{};
    }
    [[nodiscard]] bool looked_within(const store::Domain& domain, Seconds age) const {
        const auto at = checked(last_look(domain));
        return at && now() - *at < age;
    }

    awaitable<void> advance(std::string label) {
        bool looked_now = false;
        for (int i = 0; i < steps_at_once_max; ++i) {
            const auto domain = reload(label);
            const auto versions = domain ? parts.store.domains.versions(domain->id) : domain.error();
            if (!versions) {
                parts.log.error("hosting", versions.error().message());
                co_return;
            }
            const auto host = mtasts::policy_host_name(domain->name);
            const auto certificate = host ? parts.store.certificates.find(*host) : host.error();
            if (!certificate) {
                parts.log.error("hosting", certificate.error().message());
                co_return;
            }
            const auto successor = successor_of(parts.store, *domain);
            if (!successor) {
                parts.log.error("hosting", successor.error().message());
                co_return;
            }
            LifeFacts facts;
            facts.state = domain->state;
            facts.uses = domain->uses;
            facts.host_taken = successor->host;
            facts.policy_names_seen = needed_names_seen(last_look(*domain));
            facts.certificate_valid =
                *certificate && (*certificate)->not_after > now() && parts.publication.tls()->contains(*host);
            facts.certificate_due = orders.wanted(*host, *certificate);
            facts.cnames_until = domain->cnames_until;
            bool go_on = false;
            Step step = next_step(facts, *versions, now());
            // Nobody becomes verified, and nothing is ordered, by what DNS said long ago.
            if ((step == Step::become_verified || step == Step::issue_certificate) && !looked_now &&
                !looked_within(*domain, settings.look_good_for)) {
                step = Step::look_at_cnames;
            }
            switch (step) {
                case Step::look_at_cnames:
                    if (looked_now) {
                        co_return;  // not there, or not needed: what comes next comes with the next pass
                    }
                    looked_now = true;
                    go_on = (co_await look(label)).has_value();
                    break;
                case Step::become_verified:
                    go_on = become_verified(*domain);
                    break;
                case Step::issue_certificate:
                    go_on = co_await obtain_certificate(*domain, *host);
                    if (!go_on && facts.certificate_valid) {
                        co_await keep_watch(*domain, *versions);
                    }
                    break;
                case Step::make_first_version:
                    go_on = co_await make_first_version(label);
                    break;
                case Step::read_back:
                    go_on = co_await read_back(*domain, versions->back());
                    break;
                case Step::publish_id:
                    go_on = publish_id(*domain, versions->back());
                    break;
                case Step::leave:
                    if (const auto left = leave(*domain, {jobs_actor, "no sender can hold a policy of it any more"});
                        !left) {
                        warn(domain->name, left.error());
                    }
                    co_return;
                case Step::nothing:
                    co_await keep_watch(*domain, *versions);
                    co_return;
            }
            if (!go_on) {
                co_return;
            }
        }
    }

    // Rule 1.
    awaitable<Result<store::Domain>> look(std::string label) {
        const auto domain = reload(label);
        if (!domain) {
            co_return domain.error();
        }
        const auto expected = records_of(*domain);
        if (!expected) {
            co_return expected.error();
        }
        auto seen = co_await net::await_callback<Result<Verification>>(
            [this, &expected](std::function<void(Result<Verification>)> done) {
                verifier.look(*expected, std::move(done));
            });
        if (!seen) {
            co_return seen.error();
        }
        for (SeenRecord& one : *seen) {
            one.checked = now();
        }
        const auto versions = parts.store.domains.versions(domain->id);
        const auto successor = versions ? successor_of(parts.store, *domain) : versions.error();
        if (!successor) {
            co_return successor.error();
        }
        Verification before;
        CnameNews news;
        auto changed = change_quietly(label, [&](store::Domain& row) {
            before = verification_from_json(*expected, row.verification);
            for (std::size_t i = 0; i < seen->size(); ++i) {
                (*seen)[i].ever_seen = (*seen)[i].seen || before[i].ever_seen;
            }
            news = successor->names ? CnameNews{} : judge_cnames(row, *seen, *versions, now());
            row.verification = verification_to_json(*seen);
            row.cnames_lost = news.lost;
        });
        if (changed) {
            tell_of_cnames(*changed, news);
        }
        if (changed && !same_but_for_time(before, *seen)) {
            tell(DomainEvent::changed, *changed);
        }
        co_return changed;
    }

    void tell_of_cnames(const store::Domain& domain, const CnameNews& news) const {
        if (news.what == CnameNews::What::nothing) {
            return;
        }
        const bool lost = news.what == CnameNews::What::lost;
        history.note(domain, {jobs_actor, "domain.cnames", lost ? "cnames=seen" : "cnames=lost",
                              lost ? "cnames=lost" : "cnames=seen", news.text});
        if (lost) {
            parts.log.warning("hosting", domain.name.text() + ": " + news.text);
            raise(domain, "cname-missing", store::AlertSeverity::error, news.text);
        } else if (const auto resolved = parts.store.alerts.resolve({domain.organisation, domain.name.text()},
                                                                    "cname-missing", "", now());
                   !resolved) {
            warn(domain.name, resolved.error());
        }
    }

    // On the panel (docs/alerts.md). Beside log and history, so that a store that fails here loses nothing.
    void raise(const store::Domain& domain, const char* kind, store::AlertSeverity severity,
               const std::string& problem) const {
        const auto raised = parts.store.alerts.raise(
            {domain.organisation, domain.name.text()},
            {kind, severity, "",
             store::alert_arguments({{"domain", domain.name.unicode()}, {"problem", printable(problem, 500)}})},
            now());
        if (!raised) {
            warn(domain.name, raised.error());
        }
    }

    bool become_verified(const store::Domain& domain) {
        const auto losers = claim(parts.store, domain, now());
        if (!losers) {
            warn(domain.name, losers.error());
            return false;
        }
        for (const store::Domain& loser : *losers) {
            if (const auto row = reload(loser.label)) {
                after_change(*row, loser.state, {jobs_actor, claimed_by_another});
                raise(*row, "claimed-elsewhere", store::AlertSeverity::critical, claimed_by_another);
            }
            parts.log.warning("hosting", domain.name.text() + " was verified under another label");
        }
        const auto row = reload(domain.label);
        if (!row) {
            warn(domain.name, row.error());
            return false;
        }
        after_change(*row, domain.state, {jobs_actor, "its own name servers and our resolver show the CNAMEs"});
        parts.log.info("hosting", domain.name.text() + " is verified");
        return true;
    }

    awaitable<bool> obtain_certificate(store::Domain domain, dns::Name host) {
        // While an account is being made, or after an order failed, nothing is known that was not known before: the
        // authority's own words stay.
        if (orders.being_prepared() || orders.next_try(host)) {
            co_return false;
        }
        // What was verified a while ago may have lapsed, and a name that leads elsewhere must never be ordered for
        // (rules 1 and 7).
        if (!looked_within(domain, ordered_within)) {
            const auto seen = co_await look(domain.label);
            if (!seen || !needed_names_seen(last_look(*seen))) {
                remember_problem(domain.label, seen ? "no certificate is ordered: the CNAMEs no longer lead here"
                                                    : seen.error().message());
                co_return false;
            }
        }
        const Result<void> issued = co_await orders.issue(host);
        if (!issued) {
            // Waiting for one's turn is no trouble.
            if (issued.error().code != Errc::limit_exceeded) {
                remember_problem(domain.label, issued.error().message());
            }
            co_return false;
        }
        const auto changed =
            change(domain.label, {jobs_actor, "the certificate of the policy host is there"}, [&](store::Domain& row) {
                row.last_error.clear();
                if (row.state == DomainState::verified) {
                    row.state = DomainState::certificate;
                }
            });
        co_return changed.has_value();
    }

    awaitable<bool> make_first_version(std::string label) {
        const auto row = reload(label);
        if (const auto import = row ? import_from_json(row->imported) : std::nullopt) {
            // It goes on as it was elsewhere: for senders nothing changes.
            const auto made = add_version(*row, import->policy);
            if (!made) {
                remember_problem(label, made.error().message());
            }
            co_return made.has_value();
        }
        const auto domain = co_await watch(label, Probe::no);
        if (!domain) {
            parts.log.error("hosting", domain.error().message());
            co_return false;
        }
        const MxWatch mx = mx_watch_from_json(domain->mx_watch);
        if (mx.hosts.empty()) {
            remember_problem(label, mx.problem.empty() ? "no MX host is known" : mx.problem);
            co_return false;
        }
        const auto patterns = following({}, mx.names());
        const auto made = patterns ? change_policy(*domain, mtasts::Mode::testing, *patterns) : patterns.error();
        if (!made) {
            remember_problem(label, made.error().message());
            co_return false;
        }
        co_return true;
    }

    // Rule 3, STS-065: the row first, then the body in memory; the id waits until it was read back (RFC 8461 §8.1).
    Result<store::PolicyVersion> change_policy(const store::Domain& domain, mtasts::Mode mode, const MxPatterns& mx) {
        POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(domain.id));
        return add_version(domain, {mode, max_age_for(versions, mode, settings.life, now()), mx});
    }

    Result<store::PolicyVersion> add_version(const store::Domain& domain, const mtasts::PolicyText& policy) {
        POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(domain.id));
        POSTSEAL_TRY(const dns::Name host, mtasts::policy_host_name(domain.name));
        POSTSEAL_TRY(const store::PolicyVersion version,
                     next_version(domain.id, versions, policy.mode, policy.mx, settings.life, now(), policy.max_age_s));
        POSTSEAL_TRY([[maybe_unused]] const auto ok, as_value(parts.store.transaction([&]() -> Result<void> {
                         POSTSEAL_TRY([[maybe_unused]] const auto added,
                                      as_value(parts.store.domains.add_version(version)));
                         if (!versions.empty()) {
                             store::PolicyVersion old = versions.back();
                             old.last_served = now();
                             return parts.store.domains.update_version(old);
                         }
                         return {};
                     })));
        parts.publication.show_body(host, version);
        tell(DomainEvent::changed, domain);
        return version;
    }

    awaitable<bool> read_back(store::Domain domain, store::PolicyVersion version) {
        const auto host = mtasts::policy_host_name(domain.name);
        std::string problem = "[hosting] addresses is empty: there is nothing to read the policy back from";
        bool good = false;
        for (const dns::IpAddress& address : parts.publication.zone_settings().addresses) {
            net::HttpsRequest request;
            request.url =
                fmt::format("https://{}{}{}", host->text(),
                            settings.https_port == 443 ? "" : fmt::format(":{}", settings.https_port), policy_path);
            request.target = net::HttpsRequest::Target::configured;
            request.addresses.push_back(address);
            request.headers.emplace_back("User-Agent", read_back_agent);
            request.timeout = std::chrono::milliseconds(20'000);
            const auto response = co_await net::await_callback<net::HttpsResponse>(
                [this, &request](std::function<void(net::HttpsResponse)> done) {
                    parts.https.fetch(request, std::move(done));
                });
            good = response.ok() && response.status == 200 && response.body == version.body &&
                   response.content_type.starts_with("text/plain");
            if (!good) {
                problem = fmt::format("the policy cannot be read back from {}: {}", address.text(),
                                      !response.ok()           ? response.error
                                      : response.status != 200 ? fmt::format("HTTP status {}", response.status)
                                      : response.body.empty()  ? "an empty body"
                                                               : "another body");
                break;
            }
        }
        if (!good) {
            remember_problem(domain.label, problem);
            parts.log.warning("hosting", domain.name.text() + ": " + problem);
            later(domain.label, read_back_again_after);
            co_return false;
        }
        version.body_live = now();
        const auto stored = parts.store.domains.update_version(version);
        if (stored) {
            tell(DomainEvent::changed, domain);
        }
        co_return stored.has_value();
    }

    // Only now the id (STS-065). Stored first, so that a restart shows the same.
    bool publish_id(const store::Domain& domain, store::PolicyVersion version) {
        version.id_live = now();
        const auto done = [&]() -> Result<store::Domain> {
            POSTSEAL_TRY([[maybe_unused]] const auto stored, as_value(parts.store.domains.update_version(version)));
            POSTSEAL_TRY([[maybe_unused]] const auto shown, as_value(show_label(domain)));
            POSTSEAL_TRY(const TimePoint bound, retirement_bound_of(parts.store, domain.name, now()));
            const Cause cause{jobs_actor, fmt::format("policy id {} ({}) is in DNS", version.policy_id,
                                                      mtasts::to_string(version.mode))};
            return change(domain.label, cause, [&](store::Domain& row) {
                row.last_error.clear();
                if (row.state == DomainState::retiring) {
                    // Only now it is known since when nobody serves anything else than none.
                    row.cnames_until = row.cnames_until ? std::max(*row.cnames_until, bound) : bound;
                    return;
                }
                row.state = state_in_mode(version.mode, false);
                row.wanted_mode = version.mode;
                if (version.mode != mtasts::Mode::testing) {
                    row.testing_since.reset();
                } else if (!row.testing_since) {
                    row.testing_since = now();
                }
            });
        }();
        if (!done) {
            warn(domain.name, done.error());
            return false;
        }
        parts.log.info("hosting", fmt::format("{}: policy id {} ({}) is in DNS", domain.name.text(), version.policy_id,
                                              mtasts::to_string(version.mode)));
        return true;
    }

    // Rule 2: of the row as it is now.
    Result<void> show_label(const store::Domain& domain) const {
        POSTSEAL_TRY(const store::Domain row, reload(domain.label));
        POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(row.id));
        return parts.publication.show_label(label_state(row, versions));
    }

    // Rule 6: the label is NXDOMAIN for ever.
    Result<void> leave(const store::Domain& domain, const Cause& cause) {
        POSTSEAL_TRY(const dns::Name host, mtasts::policy_host_name(domain.name));
        POSTSEAL_TRY([[maybe_unused]] const auto changed,
                     change(domain.label, cause, [](store::Domain& row) { row.state = DomainState::gone; }));
        keeper.leave(domain);
        if (is_label(domain.label)) {
            POSTSEAL_TRY([[maybe_unused]] const auto removed, as_value(parts.publication.remove_label(domain.label)));
        }
        POSTSEAL_TRY(const auto rest, parts.store.domains.with_name(domain.name));
        // An entry that nobody ever verified keeps nothing alive: anybody may add one.
        if (std::ranges::none_of(rest, keeps_cnames)) {
            parts.publication.remove_body(host);
            parts.publication.tls()->remove(host);
            orders.forget(host);
            return parts.store.certificates.erase(host);
        }
        return {};
    }

    // --- MX hosts ----------------------------------------------------------------------------------------------------

    awaitable<Result<store::Domain>> watch(std::string label, Probe probe) {
        const auto domain = reload(label);
        if (!domain) {
            co_return domain.error();
        }
        const MxWatch before = mx_watch_from_json(domain->mx_watch);
        MxWatch mx = before;
        mx = co_await net::await_callback<MxWatch>([this, &domain, &mx](std::function<void(MxWatch)> done) {
            discover_mx(parts.loop, parts.resolver, parts.clock, domain->name, mx, settings.probe.hosts_max,
                        std::move(done));
        });
        if (probe != Probe::no) {
            const ProbeParts how{parts.loop, parts.resolver, parts.clock, desk, settings.probe.smtp_port};
            const Freshness freshness = probe == Probe::due ? Freshness::scheduled : Freshness::fresh;
            mx = co_await net::await_callback<MxWatch>(
                [&how, &domain, &mx, freshness](std::function<void(MxWatch)> done) {
                    probe_mx(how, domain->name, freshness, mx, std::move(done));
                });
        }
        if (const auto versions = parts.store.domains.versions(domain->id)) {
            note_unneeded(mx, last_mx(*versions), now());
        }
        auto changed = change_quietly(label, [&](store::Domain& row) { row.mx_watch = mx_watch_to_json(mx); });
        if (changed && (probe == Probe::hosts || mx.hosts != before.hosts || mx.dnssec != before.dnssec)) {
            tell(DomainEvent::changed, *changed);
        }
        co_return changed;
    }

    // What a domain needs from time to time.
    awaitable<void> keep_watch(store::Domain domain, Versions versions) {
        if (domain.state == DomainState::monitored) {
            const auto seen = elsewhere_from_json(domain.elsewhere).checked;
            if (!seen || now() - *seen >= settings.elsewhere_look_every) {
                const auto looked_there = co_await look_there(domain.label);
                if (!looked_there) {
                    warn(domain.name, looked_there.error());
                }
            }
            co_return;
        }
        const Seconds every = domain.cnames_lost ? settings.lost_look_every : settings.verified_look_every;
        if (keeps_cnames(domain) && !looked_within(domain, every)) {
            if (const auto seen = co_await look(domain.label); !seen) {
                warn(domain.name, seen.error());
            }
        }
        if (!has_moved_in(domain.state)) {
            if (domain.state == DomainState::retiring) {
                keeper.nothing_to_watch(domain);
            }
            co_return;
        }
        const MxWatch mx = mx_watch_from_json(domain.mx_watch);
        const bool probe_due = std::any_of(mx.hosts.begin(), mx.hosts.end(), [&](const MxHost& host) {
            return !host.probed || now() - *host.probed >= settings.mx_probe_every;
        });
        if (!mx.looked || now() - *mx.looked >= settings.mx_look_every || probe_due) {
            const auto watched = co_await watch(domain.label, Probe::due);
            if (!watched) {
                warn(domain.name, watched.error());
                co_return;
            }
        }
        // As it is now: its owner may have changed it while we looked.
        const auto fresh = reload(domain.label);
        const auto fresh_versions = fresh ? parts.store.domains.versions(fresh->id) : fresh.error();
        if (!fresh_versions) {
            warn(domain.name, fresh_versions.error());
            co_return;
        }
        domain = *fresh;
        versions = *fresh_versions;
        if (!has_moved_in(domain.state)) {
            co_return;
        }
        if (keeper.after_look(domain, versions)) {
            soon(domain.label);
            co_return;  // and judges the new policy then
        }
        note_readiness(domain.label, versions);
        if (keeper.note_readiness(domain, versions, keeper.readiness_of(domain, versions).ready)) {
            co_await promote(domain.label);
        }
        take_ramp_step(domain.label, versions);
    }

    // A policy that has proved itself may be kept longer; one about which anything is open may not.
    void take_ramp_step(const std::string& label, const Versions& versions) {
        const auto due = ramp_step_due(versions, settings.life, now());
        const auto domain = due ? reload(label) : Error{};
        if (!domain || domain->state != DomainState::enforce || domain->cnames_lost || !mx_is_fit(*domain, versions)) {
            return;
        }
        const auto made = add_version(*domain, {mtasts::Mode::enforce, *due, mx_of(versions.back())});
        if (!made) {
            warn(domain->name, made.error());
            return;
        }
        history.note(*domain, {jobs_actor, "domain.max-age", fmt::format("max_age={}", versions.back().max_age_s),
                               fmt::format("max_age={} policy_id={}", *due, made->policy_id),
                               "enforce has held for long enough to be kept longer"});
        soon(label);
    }

    static bool mx_is_fit(const store::Domain& domain, const Versions& versions) {
        const MxWatch mx = mx_watch_from_json(domain.mx_watch);
        const MxPatterns patterns = mx_of(versions.back());
        return !mx.hosts.empty() && std::ranges::all_of(mx.hosts, [&](const MxHost& host) {
            return host.probed && host.problem_code.empty() && covers(patterns, host.host);
        });
    }

    // --- A policy that lives elsewhere -------------------------------------------------------------------------------

    awaitable<Result<store::Domain>> look_there(std::string label) {
        const auto domain = reload(label);
        if (!domain) {
            co_return domain.error();
        }
        const ElsewhereSettings how{settings.https_port, settings.probe};
        const auto evidence = co_await net::await_callback<verdict::Evidence>(
            [this, &how, &domain](std::function<void(verdict::Evidence)> done) {
                hosting::look_elsewhere(parts, how, domain->name, Probes::every_mx, std::move(done));
            });
        const Elsewhere before = elsewhere_from_json(domain->elsewhere);
        const Elsewhere seen = seen_elsewhere(evidence, now());
        auto changed = change_quietly(label, [&](store::Domain& row) { row.elsewhere = elsewhere_to_json(seen); });
        if (changed && (seen.policy_text != before.policy_text || seen.policy_id != before.policy_id ||
                        seen.findings != before.findings)) {
            tell(DomainEvent::changed, *changed);
        }
        if (changed && before.checked &&
            (seen.policy_text != before.policy_text || seen.policy_id != before.policy_id)) {
            const auto words = [](const Elsewhere& one) {
                return fmt::format("policy_id={} mode={}", one.policy_id, one.mode ? mtasts::to_string(*one.mode) : "");
            };
            history.note(*changed, {jobs_actor, "domain.elsewhere", words(before), words(seen), seen.problem});
        }
        co_return changed;
    }

    // What the owner has asked for: enforce, after a look that is no older than this moment.
    awaitable<void> promote(std::string label) {
        const auto domain = co_await watch(label, Probe::hosts);
        const auto versions = domain ? parts.store.domains.versions(domain->id) : domain.error();
        if (versions && keeper.promote(*domain, *versions)) {
            soon(label);
        }
    }

    void note_readiness(const std::string& label, const Versions& versions) {
        const auto domain = reload(label);
        if (!domain || (domain->state != DomainState::testing && domain->state != DomainState::ready)) {
            return;
        }
        const DomainState state = state_in_mode(mtasts::Mode::testing, keeper.readiness_of(*domain, versions).ready);
        if (state != domain->state) {
            const char* why = state == DomainState::ready ? "every condition of the gate to enforce is met"
                                                          : "a condition of the gate to enforce is no longer met";
            const auto changed = change(label, {jobs_actor, why}, [&](store::Domain& row) { row.state = state; });
            if (!changed) {
                warn(domain->name, changed.error());
            }
        }
    }
};

Jobs::Jobs(JobsParts parts, JobsSettings settings) : impl_(std::make_shared<Impl>(parts, std::move(settings))) {}

Jobs::~Jobs() {
    impl_->parts.loop.sync([this] {
        impl_->pass_timer.cancel();
        impl_->young_timer.cancel();
        impl_->retries.clear();
        impl_->verifier.cancel();
        impl_->orders.cancel();
    });
}

void Jobs::start() {
    impl_->parts.loop.post([impl = impl_] {
        impl->pass();
        impl->pass_timer = impl->parts.loop.every(impl->settings.look_every, [raw = impl.get()] { raw->pass(); });
        impl->young_timer =
            impl->parts.loop.every(impl->settings.young_look_every, [raw = impl.get()] { raw->young_pass(); });
    });
}

void Jobs::observe(DomainObserver observer) {
    impl_->parts.loop.post(
        [impl = impl_, observer = std::move(observer)]() mutable { impl->observer = std::move(observer); });
}

void Jobs::added(const store::Domain& domain) {
    impl_->note_age(domain);
    impl_->tell(DomainEvent::added, domain);
}

void Jobs::changed(const store::Domain& domain) {
    impl_->tell(DomainEvent::changed, domain);
}

void Jobs::soon(const std::string& label) {
    impl_->soon(label);
}

void Jobs::look(const std::string& label, std::function<void(Result<store::Domain>)> done) {
    net::spawn(impl_->parts.loop, [impl = impl_, label, done = std::move(done)]() -> awaitable<void> {
        done(co_await impl->look(label));
    });
}

void Jobs::watch(const std::string& label, Probe probe, std::function<void(Result<store::Domain>)> done) {
    net::spawn(impl_->parts.loop, [impl = impl_, label, probe, done = std::move(done)]() -> awaitable<void> {
        done(co_await impl->watch(label, probe));
    });
}

Result<store::PolicyVersion> Jobs::change_policy(const store::Domain& domain, mtasts::Mode mode, const MxPatterns& mx) {
    auto made = impl_->change_policy(domain, mode, mx);
    if (made) {
        impl_->soon(domain.label);
    }
    return made;
}

Result<void> Jobs::leave(const store::Domain& domain, const Cause& cause) {
    return impl_->leave(domain, cause);
}

Result<void> Jobs::show_label(const store::Domain& domain) {
    return impl_->show_label(domain);
}

void Jobs::look_elsewhere(const std::string& label, std::function<void(Result<store::Domain>)> done) {
    net::spawn(impl_->parts.loop, [impl = impl_, label, done = std::move(done)]() -> awaitable<void> {
        done(co_await impl->look_there(label));
    });
}

Readiness Jobs::readiness_of(const store::Domain& domain, const Versions& versions) const {
    return impl_->keeper.readiness_of(domain, versions);
}

Drift Jobs::drift_of(const store::Domain& domain, const Versions& versions) const {
    return impl_->keeper.drift_of(domain, versions);
}

void Jobs::person_left_enforce(const store::Domain& domain, const std::string& actor) {
    impl_->keeper.person_left_enforce(domain, actor);
}

std::optional<TimePoint> Jobs::next_order(const dns::Name& host) const {
    return impl_->orders.next_try(host);
}

const CertificateOrders& Jobs::certificates() const {
    return impl_->orders;
}

const std::vector<dns::Name>& Jobs::own_names() const {
    return impl_->settings.own_names;
}

void Jobs::repaired(const dns::Name& host) {
    impl_->orders.repaired(host);
}

Result<std::vector<CnameRecord>> Jobs::records_of(const store::Domain& domain) const {
    return impl_->records_of(domain);
}

}  // namespace postseal::hosting
