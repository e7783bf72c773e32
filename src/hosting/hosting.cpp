#include "hosting/hosting.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "dns/public_suffix.h"
#include "hosting/certificate_orders.h"
#include "hosting/fetch_log.h"
#include "hosting/own_rua.h"
#include "hosting/retirement.h"
#include "net/await.h"

namespace postseal::hosting {

namespace {

using store::DomainState;

constexpr Seconds probe_pause{5};
constexpr int label_attempts_max = 3;  // 128 random bits never meet; the store refuses a second use all the same

std::string list_of(const MxPatterns& patterns) {
    std::vector<std::string> texts;
    for (const mtasts::MxPattern& pattern : patterns) {
        texts.push_back(pattern.text());
    }
    return join(texts, ",");
}

}  // namespace

Result<dns::Name> hostable_name(std::string_view text, const dns::Name& zone) {
    POSTSEAL_TRY(const dns::Name name, dns::Name::parse(trim_wsp(text)));
    if (!name.is_hostname()) {
        return invalid_input("domain", name.fqdn() + " is not a domain that can receive mail");
    }
    if (name.text().size() > domain_length_max) {
        return Error{Errc::refused, "domain",
                     fmt::format("longer than {} characters: _smtp._tls does not fit before it", domain_length_max)};
    }
    if (name.is_under(zone)) {
        return Error{Errc::refused, "domain", name.text() + " lies in our own zone " + zone.text()};
    }
    if (dns::is_public_suffix(name)) {
        return Error{Errc::refused, "domain", name.text() + " is a public suffix: nobody's own domain"};
    }
    return name;
}

struct Hosting::Impl : std::enable_shared_from_this<Hosting::Impl> {
    JobsParts parts;
    JobsSettings settings;
    std::map<std::string, TimePoint> probes;  // labels: until when no further one is begun
    History history;
    Jobs jobs;

    Impl(JobsParts its_parts, const JobsSettings& its_settings)
        : parts(its_parts),
          settings(its_settings),
          history(its_parts.store, its_parts.clock, its_parts.log),
          jobs(its_parts, its_settings) {}

    [[nodiscard]] TimePoint now() const { return parts.clock.now(); }
    [[nodiscard]] const dns::Name& zone() const { return parts.publication.zone_settings().zone; }

    [[nodiscard]] Result<store::Domain> find(const Who& who, const std::string& text) const {
        POSTSEAL_TRY(const dns::Name name, dns::Name::parse(trim_wsp(text)));
        POSTSEAL_TRY(const auto found, parts.store.domains.find(who.organisation, name));
        if (!found) {
            return Error{Errc::not_found, "domain", name.text() + " is not here: add it first"};
        }
        return *found;
    }

    [[nodiscard]] Result<std::string> organisation_name(std::int64_t id) const {
        POSTSEAL_TRY(const auto all, parts.store.accounts.organisations());
        const auto known = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.id == id; });
        return known == all.end() ? std::string() : known->name;
    }

    [[nodiscard]] Result<DomainView> view_of(const store::Domain& domain) const {
        DomainView view;
        view.domain = domain;
        POSTSEAL_TRY(view.organisation, organisation_name(domain.organisation));
        POSTSEAL_TRY(view.versions, parts.store.domains.versions(domain.id));
        POSTSEAL_TRY(view.reports, parts.store.reports.totals(domain.name));
        if (is_label(domain.label)) {
            POSTSEAL_TRY(const auto expected, jobs.records_of(domain));
            view.records = verification_from_json(expected, domain.verification);
        }
        view.mx = mx_watch_from_json(domain.mx_watch);
        view.providers = providers_of(view.mx.names());
        POSTSEAL_TRY(view.mx_setting, parts.store.mx_settings.of(domain.id));
        view.import = import_from_json(domain.imported);
        if (domain.state == DomainState::gone) {
            return view;
        }
        if (domain.state == DomainState::monitored) {
            view.elsewhere = elsewhere_from_json(domain.elsewhere);
            view.mode = view.elsewhere->mode;
            if (!view.elsewhere->policy_id.empty()) {
                view.policy_id = view.elsewhere->policy_id;
            }
            return view;
        }
        view.tlsrpt_record = tlsrpt_text(parts.publication.zone_settings(), label_state(domain, view.versions));
        POSTSEAL_TRY(const dns::Name host, mtasts::policy_host_name(domain.name));
        POSTSEAL_TRY(view.certificate, parts.store.certificates.find(host));
        if (view.certificate) {
            view.certificate->key_pem.clear();
        }
        view.next_order = jobs.next_order(host);
        view.order = jobs.certificates().status(host);
        const auto* live = live_version(view.versions);
        const auto* published = published_version(view.versions);
        const auto* served = served_version(view.versions);
        if (live != nullptr) {
            view.mode = live->mode;
            view.policy_mx = mx_of(*live);
            view.readiness = jobs.readiness_of(domain, view.versions);
            view.drift = jobs.drift_of(domain, view.versions);
            view.mx_findings = findings_about(domain, view.mx_setting, view.policy_mx);
        }
        if (published != nullptr && !domain.record_removed) {
            view.policy_id = published->policy_id;
        }
        if (served != nullptr && served != published) {
            view.pending_mode = served->mode;
        }
        view.enforced_until = hosting::enforced_until(view.versions, now());
        return view;
    }

    void note(const Who& who, std::string action, const store::Domain& domain, std::string before, std::string after,
              std::string reason = "") const {
        history.note(domain, {who.actor, std::move(action), std::move(before), std::move(after), std::move(reason)});
    }

    struct Added {
        store::Domain domain;
        bool is_new = false;
    };
    // After all looking. What the organisation has already stays as it is, but for an import that can still be taken.
    Result<Added> add(const Who& who, const NewDomain& wanted, const dns::Name& name,
                      const std::optional<Import>& import) {
        POSTSEAL_TRY(const auto known, parts.store.domains.find(who.organisation, name));
        const bool hosts_now = known && known->state == DomainState::monitored && wanted.uses != store::Uses::watch;
        if (known && known->state != DomainState::retiring && !hosts_now) {
            return import ? take_import(who, *known, *import) : Result<Added>(Added{*known, false});
        }
        for (int attempt = 0;; ++attempt) {
            store::Domain fresh;
            fresh.organisation = who.organisation;
            fresh.name = name;
            fresh.uses = wanted.uses;
            fresh.state = wanted.uses == store::Uses::watch ? DomainState::monitored : DomainState::pending;
            fresh.label = wanted.uses == store::Uses::watch ? mint_no_label() : mint_label();
            fresh.own_rua = wanted.own_rua;
            if (import) {
                fresh.imported = import_to_json(*import);
                fresh.own_rua.insert(fresh.own_rua.end(), import->rua.begin(), import->rua.end());
                POSTSEAL_TRY(fresh.own_rua, read_own_ruas(fresh.own_rua));
            }
            fresh.added = now();
            const auto added = insert(fresh, hosts_now ? known : std::nullopt);
            if (!added && added.error().code == Errc::refused && attempt < label_attempts_max) {
                continue;
            }
            if (!added) {
                return added.error();
            }
            const bool hosted = is_label(added->label);
            if (hosts_now) {
                store::Domain watched = *known;
                watched.state = DomainState::gone;
                history.state(watched, DomainState::monitored, {who.actor, "it is hosted from now on"});
            }
            note(who, "domain.add", *added, "",
                 fmt::format("state={} uses={}{}{}", store::to_string(added->state), store::to_string(added->uses),
                             hosted ? " label=" + added->label : "", import ? " imported=" + import->policy_id : ""));
            if (hosted) {
                if (const auto shown = parts.publication.show_label(label_state(*added, {})); !shown) {
                    return shown.error();
                }
                jobs.watch(added->label, Jobs::Probe::no, [](const Result<store::Domain>&) {});
            }
            jobs.added(*added);
            jobs.soon(added->label);
            return Added{*added, true};
        }
    }

    // A domain that was only watched becomes a hosted one, in one step.
    Result<store::Domain> insert(const store::Domain& fresh, std::optional<store::Domain> watched) {
        store::Domain added;
        const auto done = parts.store.transaction([&]() -> Result<void> {
            if (watched) {
                watched->state = DomainState::gone;
                if (auto updated = parts.store.domains.update(*watched); !updated) {
                    return updated;
                }
            }
            POSTSEAL_TRY(added, parts.store.domains.add(fresh));
            return {};
        });
        return done ? Result<store::Domain>(std::move(added)) : done.error();
    }

    Result<Added> take_import(const Who& who, store::Domain domain, const Import& import) {
        POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(domain.id));
        if (!versions.empty() || domain.state == DomainState::monitored) {
            return Error{Errc::refused, "import", domain.name.text() + " has a policy here already"};
        }
        domain.imported = import_to_json(import);
        domain.own_rua.insert(domain.own_rua.end(), import.rua.begin(), import.rua.end());
        POSTSEAL_TRY(domain.own_rua, read_own_ruas(domain.own_rua));
        if (auto updated = parts.store.domains.update(domain); !updated) {
            return updated.error();
        }
        note(who, "domain.import", domain, "", "imported=" + import.policy_id);
        jobs.changed(domain);
        return Added{domain, false};
    }

    net::asio::awaitable<Result<Added>> add_looking(Who who, NewDomain wanted) {
        auto name = hostable_name(wanted.name, zone());
        if (!name) {
            co_return name.error();
        }
        auto rua = read_own_ruas(wanted.own_rua);
        if (!rua) {
            co_return rua.error();
        }
        wanted.own_rua = *rua;
        if (wanted.policy == NewDomain::Policy::fresh) {
            co_return add(who, wanted, *name, std::nullopt);
        }
        if (!serves(wanted.uses, Purpose::policy_host)) {
            co_return invalid_input("import", "there is no policy to import where MTA-STS is not used here");
        }
        const ElsewhereSettings how{settings.https_port, settings.probe};
        const auto evidence = co_await net::await_callback<verdict::Evidence>(
            [this, &how, &name](std::function<void(verdict::Evidence)> done) {
                look_elsewhere(parts, how, *name, Probes::none, std::move(done));
            });
        const auto import = import_of(evidence);
        if (!import) {
            co_return import.error();
        }
        co_return add(who, wanted, *name, *import);
    }

    Result<std::optional<store::Domain>> known_to(const Who& who, const dns::Name& name) const {
        POSTSEAL_TRY(auto known, parts.store.domains.find(who.organisation, name));
        return known && known->state == DomainState::retiring ? std::nullopt : known;
    }

    BulkResult add_one(const Who& who, const BulkLine& line, Bulk how) {
        BulkResult result{line, BulkResult::What::refused, ""};
        if (!line.problem_code.empty()) {
            return result;
        }
        const auto refuse = [&](const Error& error) {
            result.line.problem_code = "failed";
            result.line.problem = error.message();
            return result;
        };
        const auto known = known_to(who, line.name);
        if (!known) {
            return refuse(known.error());
        }
        if (how == Bulk::trial) {
            result.what = *known ? BulkResult::What::exists : BulkResult::What::added;
            result.label = *known && is_label((*known)->label) ? (*known)->label : "";
            return result;
        }
        const auto added = add(who, NewDomain{line.name.text(), line.uses}, line.name, std::nullopt);
        if (!added) {
            return refuse(added.error());
        }
        result.what = added->is_new ? BulkResult::What::added : BulkResult::What::exists;
        result.label = is_label(added->domain.label) ? added->domain.label : "";
        return result;
    }

    Result<DomainView> own_rua(const Who& who, const std::string& text, const std::vector<std::string>& rua) {
        POSTSEAL_TRY(const auto read, read_own_ruas(rua));
        return change_names(who, text, "domain.rua", [&](store::Domain& domain) -> Result<std::string> {
            if (!serves(domain.uses, Purpose::reports)) {
                return Error{Errc::refused, "rua", domain.name.text() + " does not use TLS-RPT here"};
            }
            domain.own_rua = read;
            return "rua=" + join(read, ",");
        });
    }

    Result<DomainView> uses(const Who& who, const std::string& text, store::Uses uses) {
        return change_names(who, text, "domain.uses", [&](store::Domain& domain) -> Result<std::string> {
            POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(domain.id));
            if (uses == store::Uses::watch) {
                return Error{Errc::refused, "uses", "retire the domain and add it again as one that is only watched"};
            }
            if (!serves(uses, Purpose::policy_host) && !versions.empty()) {
                return Error{Errc::refused, "uses",
                             domain.name.text() + " has a policy that senders may hold: retire it first"};
            }
            domain.uses = uses;
            if (!serves(uses, Purpose::reports)) {
                domain.own_rua.clear();
            }
            return fmt::format("uses={}", store::to_string(uses));
        });
    }

    // A change of what the names behind the label say, but for the id.
    Result<DomainView> change_names(const Who& who, const std::string& text, const std::string& action,
                                    const std::function<Result<std::string>(store::Domain&)>& how) {
        POSTSEAL_TRY(store::Domain domain, find(who, text));
        if (!is_label(domain.label) || domain.state == DomainState::retiring) {
            return Error{Errc::refused, "domain", domain.name.text() + " has no names here that could be changed"};
        }
        const std::string before =
            fmt::format("uses={} rua={}", store::to_string(domain.uses), join(domain.own_rua, ","));
        POSTSEAL_TRY(const std::string after, how(domain));
        if (auto updated = parts.store.domains.update(domain); !updated) {
            return updated.error();
        }
        if (auto shown = jobs.show_label(domain); !shown) {
            return shown.error();
        }
        note(who, action, domain, before, after);
        jobs.changed(domain);
        jobs.soon(domain.label);
        return view_of(domain);
    }

    Result<DomainView> retire(const Who& who, const std::string& text) {
        POSTSEAL_TRY(store::Domain domain, find(who, text));
        if (domain.state == DomainState::retiring) {
            return view_of(domain);
        }
        POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(domain.id));
        const std::string before = fmt::format("state={}", store::to_string(domain.state));
        if (versions.empty()) {
            if (const auto left = jobs.leave(domain, {who.actor, "it never moved in"}); !left) {
                return left.error();
            }
            domain.state = DomainState::gone;
            note(who, "domain.retire", domain, before, "state=gone");
            return view_of(domain);
        }
        if (!may_become(domain.state, DomainState::retiring)) {
            return Error{Errc::internal, "retire", domain.name.text() + " is in a state that it cannot be in"};
        }
        // STS-067 (RFC 8461 §8.3): none with a short max_age under a new id, served until every copy has run out.
        if (versions.back().mode != mtasts::Mode::none) {
            POSTSEAL_TRY([[maybe_unused]] const auto none, jobs.change_policy(domain, mtasts::Mode::none, {}));
        }
        POSTSEAL_TRY(domain, find(who, text));
        const DomainState state_before = domain.state;
        domain.state = DomainState::retiring;
        domain.wanted_mode = mtasts::Mode::none;
        domain.testing_since.reset();
        // What the fetch log proves shortens it, and only now: a date that its owner was told does not move.
        domain.record_removed = false;  // a tombstone answers, so that whoever looks learns of the end
        POSTSEAL_TRY(domain.cnames_until, retirement_bound_of(parts.store, domain.name, now()));
        if (const auto updated = parts.store.domains.update(domain); !updated) {
            return updated.error();
        }
        if (auto shown = jobs.show_label(domain); !shown) {
            return shown.error();
        }
        note(who, "domain.retire", domain, before, "cnames_until=" + to_rfc3339(*domain.cnames_until));
        history.state(domain, state_before, {who.actor, "its owner lets it go"});
        jobs.changed(domain);
        jobs.soon(domain.label);
        return view_of(domain);
    }

    Result<DomainView> policy_mx(const Who& who, const std::string& text, const MxPatterns& mx) {
        POSTSEAL_TRY(const store::Domain domain, find(who, text));
        POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(domain.id));
        if (domain.state == DomainState::retiring || versions.empty() || versions.back().mode == mtasts::Mode::none) {
            return Error{Errc::refused, "mx", domain.name.text() + " serves no policy that lists MX hosts"};
        }
        const MxPatterns before = mx_of(versions.back());
        if (mx == before) {
            return view_of(domain);
        }
        for (const MxFinding& finding : lint_mx({domain.name, mx, {}, {}})) {
            if (finding.code == "mx-wildcard-public") {
                return Error{Errc::refused, "mx", finding.message};
            }
        }
        if (versions.back().mode == mtasts::Mode::enforce) {
            for (const dns::Name& host : mx_watch_from_json(domain.mx_watch).names()) {
                if (covers(before, host) && !covers(mx, host)) {
                    return Error{Errc::refused, "mx",
                                 fmt::format("{} is an MX host of {}: senders that enforce the policy would no longer "
                                             "deliver there",
                                             host.text(), domain.name.text())};
                }
            }
        }
        POSTSEAL_TRY(const store::PolicyVersion version, jobs.change_policy(domain, versions.back().mode, mx));
        note(who, "domain.policy-mx", domain, "mx=" + list_of(before),
             fmt::format("mx={} policy_id={}", list_of(mx), version.policy_id));
        return view_of(domain);
    }

    static std::vector<MxFinding> findings_about(const store::Domain& domain, const store::MxSetting& setting,
                                                 const MxPatterns& policy) {
        LintFacts facts{domain.name, policy, mx_watch_from_json(domain.mx_watch).names(), {}};
        for (const MxApproval& approval : approvals_of(setting)) {
            if (approval.name) {
                facts.approved.push_back(*approval.name);
            }
        }
        return lint_mx(facts);
    }

    [[nodiscard]] Result<std::vector<MxFinding>> lint(const Who& who, const std::string& text,
                                                      const MxPatterns& mx) const {
        POSTSEAL_TRY(const store::Domain domain, find(who, text));
        POSTSEAL_TRY(const store::MxSetting setting, parts.store.mx_settings.of(domain.id));
        return findings_about(domain, setting, mx);
    }

    Result<DomainView> mx_setting(const Who& who, const std::string& text, const MxSettingChange& change) {
        POSTSEAL_TRY(const store::Domain domain, find(who, text));
        POSTSEAL_TRY(const store::MxSetting before, parts.store.mx_settings.of(domain.id));
        POSTSEAL_TRY(const store::MxSetting after, changed(before, change));
        if (after != before) {
            if (const auto stored = parts.store.mx_settings.put(domain.id, after); !stored) {
                return stored.error();
            }
            note(who, "domain.mx", domain, text_of(before), text_of(after));
            jobs.changed(domain);
            jobs.soon(domain.label);  // what is vouched for now is added now
        }
        return view_of(domain);
    }

    // One look at a time, and none right after another: a probe knocks at other people's doors.
    Result<Probing> probe(const Who& who, const std::string& text) {
        POSTSEAL_TRY(const store::Domain domain, find(who, text));
        std::erase_if(probes, [this](const auto& one) { return now() >= one.second; });
        if (probes.contains(domain.label)) {
            return Probing::too_often;
        }
        probes[domain.label] = TimePoint::max();
        jobs.watch(domain.label, Jobs::Probe::hosts,
                   [self = shared_from_this(), label = domain.label](const Result<store::Domain>& seen) {
                       self->probes[label] = self->now() + probe_pause;
                       if (!seen) {
                           self->parts.log.warning("hosting", seen.error().message());
                           return;
                       }
                       self->jobs.soon(label);
                   });
        return Probing::started;
    }

    // The part of a mode change after all looking.
    Result<ModeOutcome> commit_mode(const Who& who, const store::Domain& domain, const ModeChange& change) {
        ModeOutcome outcome;
        POSTSEAL_TRY(const Versions versions, parts.store.domains.versions(domain.id));
        const MxWatch watch = mx_watch_from_json(domain.mx_watch);
        const bool overridden = change.override_reason && !change.override_reason->empty();
        if (change.mode == mtasts::Mode::enforce && !overridden) {
            Readiness readiness = jobs.readiness_of(domain, versions);
            if (!readiness.ready) {
                std::erase_if(readiness.conditions, [](const Condition& one) { return one.status != "failed"; });
                outcome.reasons = std::move(readiness.conditions);
                POSTSEAL_TRY(outcome.view, view_of(domain));
                return outcome;
            }
        }
        // What is enforced is what was tested; testing starts from what DNS says now.
        MxPatterns mx = last_mx(versions);
        if ((change.mode == mtasts::Mode::testing || mx.empty()) && !watch.hosts.empty()) {
            POSTSEAL_TRY(mx, following(mx, watch.names()));
        }
        const bool removed = change.record == ModeChange::Record::remove;
        if (removed != domain.record_removed) {
            POSTSEAL_TRY(store::Domain row, find(who, domain.name.text()));
            row.record_removed = removed;
            if (auto updated = parts.store.domains.update(row); !updated) {
                return updated.error();
            }
            if (auto shown = removed ? jobs.show_label(row) : Result<void>(); !shown) {
                return shown.error();
            }
        }
        if (versions.back().mode == change.mode) {  // only the record comes or goes
            if (auto shown = jobs.show_label(domain); !shown) {
                return shown.error();
            }
            note(who, "domain.record", domain, "", removed ? "record=removed" : "record=back");
            jobs.changed(domain);
            outcome.accepted = true;
            POSTSEAL_TRY(outcome.view, view_again(domain));
            return outcome;
        }
        POSTSEAL_TRY(const store::PolicyVersion version, jobs.change_policy(domain, change.mode, mx));
        note(who, "domain.mode", domain, fmt::format("mode={}", mtasts::to_string(versions.back().mode)),
             fmt::format("mode={} policy_id={}{}", mtasts::to_string(version.mode), version.policy_id,
                         removed ? " record=removed" : ""),
             change.override_reason.value_or(""));
        if (versions.back().mode == mtasts::Mode::enforce) {
            jobs.person_left_enforce(domain, who.actor);
        }
        outcome.accepted = true;
        POSTSEAL_TRY(outcome.view, view_again(domain));
        return outcome;
    }

    [[nodiscard]] Result<DomainView> view_again(const store::Domain& domain) const {
        POSTSEAL_TRY(const auto row, parts.store.domains.find_by_label(domain.label));
        return row ? view_of(*row) : Error{Errc::not_found, "domain", domain.name.text() + " is gone"};
    }
};

Hosting::Hosting(JobsParts parts, JobsSettings settings) : impl_(std::make_shared<Impl>(parts, settings)) {}
Hosting::~Hosting() = default;

void Hosting::start() {
    impl_->jobs.start();
}

void Hosting::observe(DomainObserver observer) {
    impl_->jobs.observe(std::move(observer));
}

void Hosting::add(const Who& who, NewDomain domain, ViewDone done) {
    net::spawn(impl_->parts.loop,
               [impl = impl_, who, domain = std::move(domain), done = std::move(done)]() -> net::asio::awaitable<void> {
                   const auto added = co_await impl->add_looking(who, domain);
                   if (!added) {
                       done(added.error());
                   } else {
                       done(impl->view_of(added->domain));
                   }
               });
}

void Hosting::add_many(const Who& who, std::vector<BulkLine> lines, Bulk how,
                       std::function<void(std::vector<BulkResult>)> done) {
    impl_->parts.loop.post([impl = impl_, who, lines = std::move(lines), how, done = std::move(done)] {
        std::vector<BulkResult> results;
        for (const BulkLine& line : lines) {
            results.push_back(impl->add_one(who, line, how));
        }
        done(std::move(results));
    });
}

void Hosting::own_rua(const Who& who, const std::string& name, std::vector<std::string> rua, ViewDone done) {
    impl_->parts.loop.post([impl = impl_, who, name, rua = std::move(rua), done = std::move(done)] {
        done(impl->own_rua(who, name, rua));
    });
}

void Hosting::uses(const Who& who, const std::string& name, store::Uses uses, ViewDone done) {
    impl_->parts.loop.post(
        [impl = impl_, who, name, uses, done = std::move(done)] { done(impl->uses(who, name, uses)); });
}

void Hosting::show(const Who& who, const std::string& name, ViewDone done) {
    impl_->parts.loop.post([impl = impl_, who, name, done = std::move(done)] {
        const auto found = impl->find(who, name);
        done(found ? impl->view_of(*found) : found.error());
    });
}

void Hosting::list(const Who& who, std::function<void(Result<std::vector<DomainView>>)> done) {
    impl_->parts.loop.post([impl = impl_, who, done = std::move(done)] {
        const auto domains = impl->parts.store.domains.list(who.organisation);
        if (!domains) {
            done(domains.error());
            return;
        }
        std::vector<DomainView> views;
        for (const store::Domain& domain : *domains) {
            auto view = impl->view_of(domain);
            if (!view) {
                done(view.error());
                return;
            }
            views.push_back(std::move(*view));
        }
        done(std::move(views));
    });
}

void Hosting::verify(const Who& who, const std::string& name, ViewDone done) {
    impl_->parts.loop.post([impl = impl_, who, name, done = std::move(done)] {
        const auto found = impl->find(who, name);
        if (!found) {
            done(found.error());
            return;
        }
        if (found->state == DomainState::monitored) {
            impl->jobs.look_elsewhere(found->label, [impl, done](const Result<store::Domain>& looked) {
                done(looked ? impl->view_of(*looked) : looked.error());
            });
            return;
        }
        impl->jobs.look(found->label, [impl, done](const Result<store::Domain>& looked) {
            if (looked) {
                if (const auto host = mtasts::policy_host_name(looked->name)) {
                    impl->jobs.repaired(*host);
                }
                impl->jobs.soon(looked->label);
            }
            done(looked ? impl->view_of(*looked) : looked.error());
        });
    });
}

void Hosting::mode(const Who& who, const std::string& name, ModeChange change,
                   std::function<void(Result<ModeOutcome>)> done) {
    impl_->parts.loop.post([impl = impl_, who, name, change = std::move(change), done = std::move(done)] {
        const auto found = impl->find(who, name);
        if (!found) {
            done(found.error());
            return;
        }
        const auto versions = impl->parts.store.domains.versions(found->id);
        if (!versions) {
            done(versions.error());
            return;
        }
        if (found->state == DomainState::retiring || versions->empty()) {
            done(Error{Errc::refused, "mode",
                       versions->empty() ? found->name.text() + " serves no policy yet: it has not moved in"
                                         : found->name.text() + " is retiring"});
            return;
        }
        const bool record_changes = found->record_removed != (change.record == ModeChange::Record::remove);
        if (versions->back().mode == change.mode && !record_changes) {
            auto view = impl->view_of(*found);
            if (!view) {
                done(view.error());
                return;
            }
            done(ModeOutcome{true, {}, std::move(*view)});
            return;
        }
        if (change.mode == mtasts::Mode::none) {
            done(impl->commit_mode(who, *found, change));  // leaving needs no look at anything (rule 4)
            return;
        }
        const Jobs::Probe probe = change.mode == mtasts::Mode::enforce ? Jobs::Probe::hosts : Jobs::Probe::no;
        impl->jobs.watch(found->label, probe, [impl, who, change, done](const Result<store::Domain>& watched) {
            done(watched ? impl->commit_mode(who, *watched, change) : watched.error());
        });
    });
}

void Hosting::policy_mx(const Who& who, const std::string& name, MxPatterns mx, ViewDone done) {
    impl_->parts.loop.post([impl = impl_, who, name, mx = std::move(mx), done = std::move(done)] {
        done(impl->policy_mx(who, name, mx));
    });
}

void Hosting::lint(const Who& who, const std::string& name, MxPatterns mx,
                   std::function<void(Result<std::vector<MxFinding>>)> done) {
    impl_->parts.loop.post(
        [impl = impl_, who, name, mx = std::move(mx), done = std::move(done)] { done(impl->lint(who, name, mx)); });
}

void Hosting::mx_setting(const Who& who, const std::string& name, MxSettingChange change, ViewDone done) {
    impl_->parts.loop.post([impl = impl_, who, name, change = std::move(change), done = std::move(done)] {
        done(impl->mx_setting(who, name, change));
    });
}

void Hosting::probe(const Who& who, const std::string& name, std::function<void(Result<Probing>)> done) {
    impl_->parts.loop.post([impl = impl_, who, name, done = std::move(done)] { done(impl->probe(who, name)); });
}

void Hosting::certificates(const Who& who, std::function<void(Result<CertificateList>)> done) {
    impl_->parts.loop.post([impl = impl_, who, done = std::move(done)] {
        const auto domains = impl->parts.store.domains.list(who.organisation);
        if (!domains) {
            done(domains.error());
            return;
        }
        std::vector<dns::Name> hosts = impl->jobs.own_names();
        std::vector<std::optional<dns::Name>> owners(hosts.size());
        for (const store::Domain& domain : *domains) {
            const auto host = mtasts::policy_host_name(domain.name);
            if (host && !domain.label.empty()) {
                hosts.push_back(*host);
                owners.emplace_back(domain.name);
            }
        }
        std::vector<CertificateStatus> statuses = impl->jobs.certificates().statuses(hosts);
        CertificateList list;
        for (std::size_t i = 0; i < statuses.size(); ++i) {
            list.certificates.push_back({owners[i], std::move(statuses[i])});
        }
        done(std::move(list));
    });
}

void Hosting::certificate_budget(std::function<void(CertificateBudget)> done) {
    impl_->parts.loop.post([impl = impl_, done = std::move(done)] {
        done({impl->jobs.certificates().cas(), impl->jobs.certificates().queue()});
    });
}

CertificateFigures Hosting::certificate_figures() const {
    return impl_->jobs.certificates().figures();
}

void Hosting::retire(const Who& who, const std::string& name, ViewDone done) {
    impl_->parts.loop.post([impl = impl_, who, name, done = std::move(done)] { done(impl->retire(who, name)); });
}

}  // namespace postseal::hosting
