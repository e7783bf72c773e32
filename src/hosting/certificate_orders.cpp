#include "hosting/certificate_orders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace postseal::hosting {

namespace {

using net::asio::awaitable;

constexpr Seconds week{7 * 86'400};
constexpr Seconds claim_life{180};
constexpr Seconds rate_limit_pause{3600};      // where the CA does not say for how long
constexpr Seconds seat_kept{300};              // in the queue, for a name that does not come when it may
constexpr std::size_t rate_limited_names = 3;  // in a row: it is the account that has had enough, not the name
constexpr std::size_t asked_at_once_max = 1000;

Seconds ca_backoff(int failures) {
    constexpr std::array<Seconds, 5> steps{Seconds(60), Seconds(120), Seconds(300), Seconds(900), Seconds(1800)};
    return steps.at(static_cast<std::size_t>(std::clamp(failures, 1, 5) - 1));
}

// A preflight costs nobody anything, and whoever repairs his firewall waits for the next one.
Seconds preflight_backoff(std::int64_t failures) {
    constexpr Seconds most{900};
    return std::min(most, Seconds(60) * (std::int64_t{1} << std::clamp<std::int64_t>(failures - 1, 0, 4)));
}

void earliest(std::optional<TimePoint>& of, TimePoint moment) {
    of = of ? std::min(*of, moment) : moment;
}

}  // namespace

std::string_view to_string(CertificateStatus::State state) {
    switch (state) {
        case CertificateStatus::State::none:
            return "none";
        case CertificateStatus::State::waiting:
            return "waiting";
        case CertificateStatus::State::ordering:
            return "ordering";
        case CertificateStatus::State::valid:
            return "valid";
        case CertificateStatus::State::due:
            return "due";
        case CertificateStatus::State::failing:
            break;
    }
    return "failing";
}

CertificateOrders::CertificateOrders(const JobsParts& parts, OrdersSettings settings)
    : parts_(parts),
      settings_(std::move(settings)),
      preflight_(parts.loop, parts.resolver, parts.https, parts.publication, parts.clock, settings_.preflight) {
    const ChallengeResponders responders{parts_.publication.challenges(), parts_.publication.tls()};
    for (const AcmeSettings& one : settings_.acme) {
        Ca& ca = cas_.emplace_back();
        ca.client = std::make_unique<AcmeClient>(parts_.loop, parts_.https, parts_.store.certificates, responders,
                                                 parts_.clock, parts_.log, one);
        ca.budget = OrderBudget(one.limits);
    }
    if (cas_.empty()) {
        account_problem_ = "no [[acme]] is configured: no certificate can be ordered";
    }
    if (settings_.orders) {
        load();
    }
}

void CertificateOrders::load() {
    const auto done = [&]() -> Result<void> {
        if (settings_.only_process) {
            if (auto released = parts_.store.acme_ledger.release_all(); !released) {
                return released;
            }
        }
        POSTSEAL_TRY(auto rows, parts_.store.acme_ledger.all());
        for (store::CertificateOrder& row : rows) {
            const dns::Name host = row.host;
            entries_[host].row = std::move(row);
        }
        POSTSEAL_TRY(auto dates, parts_.store.certificates.dates());
        for (store::CertificateDates& one : dates) {
            entry(one.host).dates = one;
        }
        POSTSEAL_TRY(const auto events, parts_.store.acme_ledger.events_since(now() - week));
        for (const store::AcmeEvent& event : events) {
            const auto kind = budget_event_from_string(event.kind);
            for (Ca& ca : cas_) {
                if (kind && ca.client->settings().directory == event.directory) {
                    ca.budget.note(*kind, event.host, event.at);
                }
            }
        }
        return {};
    }();
    if (!done) {
        parts_.log.error("hosting", "what is known of certificate orders cannot be read: " + done.error().message());
    }
    publish_figures(Publish::now);
}

// --- Accounts --------------------------------------------------------------------------------------------------------

bool CertificateOrders::any_account() const {
    return std::any_of(cas_.begin(), cas_.end(), [](const Ca& ca) { return ca.ready; });
}

void CertificateOrders::name_account(const AcmeClient& ca, const std::string& url) {
    if (const auto shown = parts_.publication.set_account(ca.settings().caa_issuer, url, parts_.store); !shown) {
        parts_.log.error("hosting", shown.error().message());
    }
}

awaitable<bool> CertificateOrders::prepare_accounts() {
    if (preparing_) {
        co_return false;
    }
    preparing_ = true;
    bool news = false;
    for (Ca& ca : cas_) {
        if (ca.ready) {
            continue;
        }
        AcmeClient& client = *ca.client;
        const auto url = co_await net::await_callback<Result<std::string>>(
            [&client](std::function<void(Result<std::string>)> done) { client.prepare_account(std::move(done)); });
        if (!url) {
            ca.problem = account_problem_ = url.error().message();
            parts_.log.warning("hosting", account_problem_);
            continue;
        }
        name_account(client, *url);
        ca.ready = true;
        ca.problem.clear();
        news = true;
    }
    preparing_ = false;
    publish_figures(Publish::now);
    co_return news;
}

void CertificateOrders::roll_account_keys(std::function<void(Result<void>)> done) {
    net::spawn(parts_.loop, [this, done = std::move(done)]() -> awaitable<void> {
        Result<void> all;
        for (Ca& ca : cas_) {
            if (!ca.ready) {
                continue;
            }
            AcmeClient& client = *ca.client;
            const auto rolled = co_await net::await_callback<Result<void>>(
                [&client](std::function<void(Result<void>)> next) { client.roll_account_key(std::move(next)); });
            if (!rolled && all) {
                all = rolled;
            }
        }
        done(std::move(all));
    });
}

// --- What is known ---------------------------------------------------------------------------------------------------

CertificateOrders::Entry& CertificateOrders::entry(const dns::Name& host) {
    Entry& found = entries_[host];
    found.row.host = host;
    return found;
}

void CertificateOrders::keep(const Entry& entry) {
    if (const auto kept = parts_.store.acme_ledger.put(entry.row); !kept) {
        parts_.log.error("hosting", fmt::format("{}: {}", entry.row.host.text(), kept.error().message()));
    }
}

std::optional<TimePoint> CertificateOrders::renewal_of(const Entry& entry) const {
    if (!entry.dates) {
        return std::nullopt;
    }
    std::optional<RenewalWindow> window;
    if (entry.row.window_start && entry.row.window_end) {
        window = RenewalWindow{*entry.row.window_start, *entry.row.window_end, {}};
    }
    return renewal_moment(entry.row.host, entry.dates->not_before, entry.dates->not_after, window);
}

bool CertificateOrders::wanted(const dns::Name& host, const std::optional<store::Certificate>& certificate) const {
    if (!certificate || !parts_.publication.tls()->contains(host)) {
        return true;
    }
    const auto known = entries_.find(host);
    const auto moment = known != entries_.end() ? renewal_of(known->second) : std::nullopt;
    return now() >= moment.value_or(renewal_moment(host, certificate->not_before, certificate->not_after, {}));
}

std::optional<TimePoint> CertificateOrders::next_try(const dns::Name& host) const {
    const auto known = entries_.find(host);
    if (known == entries_.end()) {
        return std::nullopt;
    }
    const Entry& entry = known->second;
    std::optional<TimePoint> next;
    for (const auto& moment : {entry.row.next_try, entry.wait_until}) {
        if (moment && *moment > now()) {
            next = next ? std::max(*next, *moment) : *moment;
        }
    }
    return next;
}

void CertificateOrders::repaired(const dns::Name& host) {
    const auto known = entries_.find(host);
    if (known != entries_.end() && known->second.failed_preflight) {
        known->second.row.next_try.reset();
        keep(known->second);
    }
}

void CertificateOrders::forget(const dns::Name& host) {
    const auto known = entries_.find(host);
    if (known == entries_.end() || known->second.running) {
        return;
    }
    leave_queue(known->second);
    entries_.erase(known);
    if (const auto erased = parts_.store.acme_ledger.erase(host); !erased) {
        parts_.log.error("hosting", erased.error().message());
    }
    publish_figures(Publish::at_most_each_second);
}

// --- Queue and choice of a CA ----------------------------------------------------------------------------------------

void CertificateOrders::leave_queue(Entry& entry) {
    queue_.erase(entry.ticket);
    entry.ticket = 0;
    entry.wait_until.reset();
    entry.wait_words.clear();
}

void CertificateOrders::queue_up(const dns::Name& host, Entry& entry, const Choice& choice) {
    if (choice.by_limit && entry.ticket == 0) {
        entry.ticket = ++tickets_;
        queue_[entry.ticket] = host;
    }
    entry.wait_until = choice.until;
    entry.wait_words = choice.words;
}

// Whether it is among the first that wait; whoever has not come when he could loses his place.
bool CertificateOrders::is_in_front(const Entry& entry, std::size_t places) {
    if (entry.ticket == 0) {
        return queue_.size() < places;
    }
    std::size_t before = 0;
    for (auto at = queue_.begin(); at != queue_.end() && before < places;) {
        if (at->first == entry.ticket) {
            return true;
        }
        Entry& other = entries_[at->second];
        if (!other.wait_until || now() > *other.wait_until + seat_kept) {
            other.ticket = 0;
            at = queue_.erase(at);
            continue;
        }
        ++before;
        ++at;
    }
    return false;
}

OrderKind CertificateOrders::kind_at(const Entry& entry, std::size_t ca) const {
    // What another CA issued is for this one a first certificate.
    if (!entry.dates || entry.row.directory != cas_[ca].client->settings().directory) {
        return OrderKind::first;
    }
    return entry.row.window_start ? OrderKind::ari_renewal : OrderKind::renewal;
}

CertificateOrders::Choice CertificateOrders::choose(const dns::Name& host, Entry& entry) {
    Choice choice;
    std::erase_if(entry.postponed, [this](const auto& one) { return one.second <= now(); });
    for (std::size_t i = 0; i < cas_.size(); ++i) {
        Ca& ca = cas_[i];
        if (!ca.ready) {
            continue;
        }
        const std::string& name = ca.client->settings().caa_issuer;
        const auto pass_over = [&](TimePoint until, std::string words, bool by_limit) {
            earliest(choice.until, until);
            choice.words += (choice.words.empty() ? "" : "; ") + std::move(words);
            choice.by_limit = choice.by_limit || by_limit;
        };
        if (ca.down_until && *ca.down_until > now()) {
            pass_over(*ca.down_until,
                      fmt::format("{} is passed over until {}: {}", name, to_rfc3339(*ca.down_until), ca.problem),
                      false);
            continue;
        }
        if (const auto later = entry.postponed.find(i); later != entry.postponed.end()) {
            pass_over(later->second,
                      fmt::format("{} wants no order for this name before {}", name, to_rfc3339(later->second)), false);
            continue;
        }
        const OrderKind kind = kind_at(entry, i);
        if (const auto refusal = ca.budget.refusal(host, kind, now())) {
            pass_over(refusal->until,
                      fmt::format("the limit of {} ({}) leaves room again at {}", name, refusal->words,
                                  to_rfc3339(refusal->until)),
                      refusal->limit == "orders");
            continue;
        }
        if (kind == OrderKind::first) {
            // Those that are under way have not been counted yet.
            const std::size_t free = ca.budget.free_orders(now());
            const std::size_t places = free - std::min(free, ca.first_orders_running);
            if (!is_in_front(entry, places)) {
                pass_over(ca.budget.orders(now()).frees_at.value_or(now() + Seconds(60)),
                          fmt::format("others wait for {} before it", name), true);
                continue;
            }
        }
        choice.candidates.push_back({i, kind, {}});
    }
    return choice;
}

// --- Orders ----------------------------------------------------------------------------------------------------------

awaitable<Result<void>> CertificateOrders::issue(dns::Name host) {
    if (!any_account()) {
        co_return Error{Errc::temporary, "certificate", account_problem_};
    }
    if (entry(host).running) {
        co_return Error{Errc::limit_exceeded, "certificate", "an order is under way"};
    }
    if (const auto next = next_try(host)) {
        co_return Error{Errc::limit_exceeded, "certificate",
                        fmt::format("the next order is tried at {}", to_rfc3339(*next))};
    }
    Choice choice = choose(host, entry(host));
    if (choice.candidates.empty()) {
        queue_up(host, entry(host), choice);
        publish_figures(Publish::at_most_each_second);
        co_return Error{Errc::limit_exceeded, "certificate", choice.words};
    }
    // Of several processes on one database, one orders.
    const auto claimed = parts_.store.acme_ledger.claim(host, now(), now() + claim_life);
    if (!claimed || !*claimed) {
        co_return claimed ? Error{Errc::limit_exceeded, "certificate", "another node orders it"} : claimed.error();
    }
    leave_queue(entry(host));
    entry(host).running = true;
    Result<void> ordered = co_await order(host, std::move(choice));
    entry(host).running = false;
    if (const auto released = parts_.store.acme_ledger.release(host); !released) {
        parts_.log.error("hosting", released.error().message());
    }
    publish_figures(Publish::at_most_each_second);
    co_return ordered;
}

PreflightVerdict CertificateOrders::judge(const PreflightFacts& facts, const Candidate& candidate) const {
    const AcmeClient& client = *cas_[candidate.ca].client;
    const auto url = client.account_url();
    return judge_preflight(facts, client.settings().caa_issuer, url ? *url : std::nullopt,
                           client.settings().challenges);
}

bool CertificateOrders::passes(const PreflightFacts& facts, const Choice& choice) const {
    return std::ranges::any_of(choice.candidates,
                               [&](const Candidate& one) { return !judge(facts, one).usable.empty(); });
}

awaitable<PreflightFacts> CertificateOrders::preflight(dns::Name host, Choice choice) {
    std::vector<ChallengeKind> kinds;
    for (const Candidate& one : choice.candidates) {
        for (const ChallengeKind kind : cas_[one.ca].client->settings().challenges) {
            if (std::ranges::find(kinds, kind) == kinds.end()) {
                kinds.push_back(kind);
            }
        }
    }
    PreflightFacts facts =
        co_await net::await_callback<PreflightFacts>([this, &host, &kinds](std::function<void(PreflightFacts)> done) {
            preflight_.look(host, kinds, Preflight::Caches::allowed, std::move(done));
        });
    if (!passes(facts, choice)) {
        // Old data in a cache must not be what forbids an order, and a CA does not see it.
        facts = co_await net::await_callback<PreflightFacts>(
            [this, &host, &kinds](std::function<void(PreflightFacts)> done) {
                preflight_.look(host, kinds, Preflight::Caches::passed_by, std::move(done));
            });
    }
    co_return facts;
}

void CertificateOrders::note(Ca& ca, BudgetEvent event, const dns::Name& host, OrderKind kind) {
    if (!ca.budget.counts(event, kind)) {
        return;
    }
    ca.budget.note(event, host, now());
    const auto kept =
        parts_.store.acme_ledger.add({ca.client->settings().directory, std::string(to_string(event)), host, now()});
    if (!kept) {
        parts_.log.error("hosting", kept.error().message());
    }
}

void CertificateOrders::note_ca_failure(Ca& ca, const IssueOutcome& outcome, const dns::Name& host) {
    const auto pass_over = [&](Seconds pause) {
        ca.problem = outcome.error.message();
        ca.down_until = now() + pause;
        parts_.log.warning("hosting", fmt::format("{} is passed over until {}: {}", ca.client->settings().directory,
                                                  to_rfc3339(*ca.down_until), ca.problem));
    };
    if (outcome.failure == AcmeFailure::unreachable) {
        ca.failures += 1;
        pass_over(outcome.retry_after ? std::max(*outcome.retry_after, Seconds(60)) : ca_backoff(ca.failures));
        return;
    }
    ca.failures = 0;
    if (outcome.failure != AcmeFailure::rate_limited) {
        ca.rate_limited.clear();
        return;
    }
    const auto index = static_cast<std::size_t>(&ca - cas_.data());
    const Seconds pause = outcome.retry_after.value_or(rate_limit_pause);
    entry(host).postponed[index] = now() + pause;
    ca.rate_limited.insert(host);
    if (ca.rate_limited.size() >= rate_limited_names) {
        ca.rate_limited.clear();
        pass_over(pause);
    }
}

Result<void> CertificateOrders::take(Ca& ca, const store::Certificate& certificate, bool renewal) {
    Entry& its = entry(certificate.host);
    its.row = store::CertificateOrder{};
    its.row.host = certificate.host;
    its.row.directory = ca.client->settings().directory;
    its.dates = store::CertificateDates{certificate.host, certificate.not_before, certificate.not_after};
    its.failed_preflight = false;
    its.postponed.clear();
    its.told_overdue.reset();
    // Stored before it is shown: what the world has seen must survive a restart.
    auto kept = parts_.store.transaction([&]() -> Result<void> {
        if (auto put = parts_.store.certificates.put(certificate); !put) {
            return put;
        }
        return parts_.store.acme_ledger.put(its.row);
    });
    if (kept) {
        kept = parts_.publication.show_certificate(certificate);
    }
    // The account may be a new one (RFC 8555 §7.3): then CAA has to name it.
    if (const auto url = ca.client->account_url(); url && *url) {
        name_account(*ca.client, **url);
    }
    if (kept) {
        figures_.with([&](CertificateFigures& figures) { ++(renewal ? figures.renewed : figures.issued); });
        parts_.log.info("hosting", fmt::format("{}: certificate of {} until {}", certificate.host.text(),
                                               ca.client->settings().caa_issuer, to_rfc3339(certificate.not_after)));
    }
    return kept;
}

void CertificateOrders::note_failure(const dns::Name& host, const Error& error, bool preflight) {
    Entry& its = entry(host);
    its.row.failures = its.failed_preflight == preflight ? its.row.failures + 1 : 1;
    its.failed_preflight = preflight;
    its.row.failing_since = its.row.failing_since.value_or(now());
    its.row.next_try = now() + (preflight ? preflight_backoff(its.row.failures) : order_backoff(its.row.failures));
    its.row.last_error = printable(error.message(), 1000);
    keep(its);
    figures_.with([&](CertificateFigures& figures) { ++(preflight ? figures.preflight_refusals : figures.failures); });
}

awaitable<Result<void>> CertificateOrders::order(dns::Name host, Choice choice) {
    const PreflightFacts facts = co_await preflight(host, choice);
    Error last;
    bool ordered = false;
    bool ca_trouble = false;
    for (const Candidate& candidate : choice.candidates) {
        Ca& ca = cas_[candidate.ca];
        const PreflightVerdict verdict = judge(facts, candidate);
        for (const std::string& remark : verdict.remarks) {
            parts_.log.warning("hosting", fmt::format("{}: {}", host.text(), remark));
        }
        if (verdict.usable.empty()) {
            if (!ordered) {
                last = Error{Errc::refused, {}, verdict.problem};
            }
            continue;
        }
        IssueRequest request;
        request.host = host;
        request.challenges = verdict.usable;
        if (candidate.kind == OrderKind::ari_renewal) {
            if (const auto current = parts_.store.certificates.find(host); current && *current) {
                const auto id = renewal_id_of_pem((*current)->chain_pem);
                request.replaces = id ? *id : std::string();
            }
        }
        const bool first = candidate.kind == OrderKind::first;
        ca.first_orders_running += first ? 1 : 0;
        AcmeClient& client = *ca.client;
        const IssueOutcome outcome = co_await net::await_callback<IssueOutcome>(
            [&client, &request](std::function<void(IssueOutcome)> done) { client.issue(request, std::move(done)); });
        ca.first_orders_running -= first ? 1 : 0;
        // An order that the CA did not take as a replacement counts like any other renewal.
        const OrderKind counted =
            candidate.kind == OrderKind::ari_renewal && !outcome.replaced ? OrderKind::renewal : candidate.kind;
        for (int i = 0; i < outcome.orders; ++i) {
            note(ca, BudgetEvent::order, host, counted);
        }
        for (int i = 0; i < outcome.failed_authorizations; ++i) {
            note(ca, BudgetEvent::failed_authorization, host, counted);
        }
        figures_.with([&](CertificateFigures& figures) {
            figures.orders += static_cast<std::uint64_t>(outcome.orders);
            figures.failed_authorizations += static_cast<std::uint64_t>(outcome.failed_authorizations);
        });
        note_ca_failure(ca, outcome, host);
        if (outcome.certificate) {
            note(ca, BudgetEvent::certificate, host, counted);
            ca.down_until.reset();
            ca.problem.clear();
            const bool renewal = entry(host).dates.has_value();
            co_return take(ca, *outcome.certificate, renewal);
        }
        parts_.log.warning("hosting", fmt::format("{}: {}", host.text(), outcome.error.message()));
        if (outcome.failure == AcmeFailure::unreachable || outcome.failure == AcmeFailure::rate_limited) {
            ca_trouble = true;
            if (!ordered) {
                last = outcome.error;
            }
            continue;
        }
        ordered = true;
        last = outcome.error;
    }
    if (!ordered && ca_trouble) {
        // That is nothing the name could be blamed for, so its pause does not grow: it goes on when a CA does.
        Entry& its = entry(host);
        its.row.last_error = printable(last.message(), 1000);
        its.row.failing_since = its.row.failing_since.value_or(now());
        keep(its);
        queue_up(host, its, choose(host, its));
        if (!its.wait_until) {
            its.wait_until = now() + Seconds(60);
        }
        co_return last;
    }
    note_failure(host, last, !ordered);
    co_return last;
}

// --- Renewal information ---------------------------------------------------------------------------------------------

awaitable<void> CertificateOrders::ask_about(dns::Name host, std::size_t ca) {
    const auto certificate = parts_.store.certificates.find(host);
    const Result<std::string> id = certificate && *certificate
                                       ? renewal_id_of_pem((*certificate)->chain_pem)
                                       : Result<std::string>(Error{Errc::not_found, "certificate", "is not there"});
    Result<AcmeClient::RenewalAdvice> advice = Error{Errc::not_found, {}, {}};
    if (id) {
        AcmeClient& client = *cas_[ca].client;
        const std::string& text = *id;
        advice = co_await net::await_callback<Result<AcmeClient::RenewalAdvice>>(
            [&client, &text](std::function<void(Result<AcmeClient::RenewalAdvice>)> done) {
                client.renewal_info(text, std::move(done));
            });
    }
    const auto known = entries_.find(host);
    if (known == entries_.end() || !known->second.dates || known->second.running) {
        co_return;
    }
    store::CertificateOrder& row = known->second.row;
    const store::CertificateOrder before = row;
    if (advice) {
        const RenewalWindow& window = advice->window;
        if (!window.explanation_url.empty() &&
            (row.explanation_url != window.explanation_url || row.window_start != window.start)) {
            // RFC 9773 §4.2: meant for whoever runs this.
            parts_.log.warning(
                "hosting",
                fmt::format("{}: the CA suggests renewal between {} and {} and explains why: {}", host.text(),
                            to_rfc3339(window.start), to_rfc3339(window.end), window.explanation_url));
        }
        row.directory = cas_[ca].client->settings().directory;
        row.window_start = window.start;
        row.window_end = window.end;
        row.explanation_url = window.explanation_url;
        row.asked_next = now() + asked_again_after(advice->retry_after);
    } else {
        if (advice.error().code == Errc::not_found) {
            row.window_start.reset();
            row.window_end.reset();
            row.explanation_url.clear();
        }
        row.asked_next = now() + asked_again_after(std::nullopt);
    }
    if (!(row == before)) {
        keep(known->second);
    }
}

awaitable<void> CertificateOrders::keep_up() {
    if (asking_) {
        co_return;
    }
    asking_ = true;
    std::vector<std::pair<dns::Name, std::size_t>> due;
    for (const auto& [host, entry] : entries_) {
        const auto& asked = entry.row.asked_next;
        // A clock that was put back must not silence us for years.
        const bool fresh = asked && *asked > now() && *asked <= now() + Seconds(86'400);
        if (!entry.dates || entry.running || fresh || due.size() >= asked_at_once_max) {
            continue;
        }
        for (std::size_t i = 0; i < cas_.size(); ++i) {
            const std::string& directory = cas_[i].client->settings().directory;
            // Where it is not known who issued it, the first one is asked.
            if (cas_[i].ready && (entry.row.directory == directory || (entry.row.directory.empty() && i == 0))) {
                due.emplace_back(host, i);
                break;
            }
        }
    }
    for (const auto& [host, ca] : due) {
        co_await ask_about(host, ca);
    }
    if (now() >= events_pruned_ + Seconds(3600)) {
        events_pruned_ = now();
        if (const auto dropped = parts_.store.acme_ledger.drop_events_before(now() - week); !dropped) {
            parts_.log.error("hosting", dropped.error().message());
        }
    }
    tell_overdue();
    publish_figures(Publish::now);
    asking_ = false;
}

void CertificateOrders::tell_overdue() {
    for (auto& [host, entry] : entries_) {
        const auto renewal = renewal_of(entry);
        if (!renewal || now() < overdue_from(*renewal, entry.dates->not_after)) {
            continue;
        }
        if (!entry.told_overdue || now() >= *entry.told_overdue + Seconds(86'400)) {
            entry.told_overdue = now();
            parts_.log.error(
                "hosting", fmt::format("{}: its certificate ends at {} and could not be renewed since {}: {}",
                                       host.text(), to_rfc3339(entry.dates->not_after), to_rfc3339(*renewal),
                                       entry.row.last_error.empty() ? "no order was possible" : entry.row.last_error));
        }
    }
}

// --- For people ------------------------------------------------------------------------------------------------------

std::vector<CertificateStatus> CertificateOrders::statuses(const std::vector<dns::Name>& hosts) const {
    std::map<dns::Name, std::size_t> positions;
    for (const auto& [ticket, host] : queue_) {
        positions.emplace(host, positions.size() + 1);
    }
    std::vector<CertificateStatus> out;
    for (const dns::Name& host : hosts) {
        CertificateStatus status;
        status.host = host;
        const auto known = entries_.find(host);
        if (known == entries_.end()) {
            out.push_back(std::move(status));
            continue;
        }
        const Entry& its = known->second;
        status.ca = its.dates ? its.row.directory : std::string();
        if (its.dates) {
            status.not_before = its.dates->not_before;
            status.not_after = its.dates->not_after;
        }
        status.renew_at = renewal_of(its);
        if (its.row.window_start && its.row.window_end) {
            status.window = RenewalWindow{*its.row.window_start, *its.row.window_end, its.row.explanation_url};
        }
        status.next_try = next_try(host);
        status.failures = its.row.failures;
        status.failing_since = its.row.failing_since;
        status.last_error = its.row.last_error;
        status.waits_for = its.wait_words;
        if (const auto place = positions.find(host); place != positions.end()) {
            status.queue_position = place->second;
        }
        status.overdue = its.dates && now() >= overdue_from(*status.renew_at, its.dates->not_after);
        using State = CertificateStatus::State;
        status.state = its.running                 ? State::ordering
                       : its.ticket != 0           ? State::waiting
                       : its.row.failing_since     ? State::failing
                       : !its.dates                ? State::none
                       : now() >= *status.renew_at ? State::due
                                                   : State::valid;
        out.push_back(std::move(status));
    }
    return out;
}

CertificateStatus CertificateOrders::status(const dns::Name& host) const {
    return statuses({host}).front();
}

std::vector<CaStatus> CertificateOrders::cas() const {
    std::vector<CaStatus> out;
    for (const Ca& ca : cas_) {
        const AcmeSettings& settings = ca.client->settings();
        CaStatus status;
        status.directory = settings.directory;
        status.caa_issuer = settings.caa_issuer;
        status.profile = settings.profile;
        status.account = ca.ready;
        const bool down = ca.down_until && *ca.down_until > now();
        status.problem = !ca.ready || down ? ca.problem : std::string();
        status.down_until = down ? ca.down_until : std::nullopt;
        status.limits = ca.budget.limits();
        status.orders = ca.budget.orders(now());
        status.certificates = static_cast<std::size_t>(std::ranges::count_if(entries_, [&](const auto& one) {
            return one.second.dates && one.second.row.directory == settings.directory;
        }));
        out.push_back(std::move(status));
    }
    return out;
}

QueueStatus CertificateOrders::queue() const {
    QueueStatus status;
    status.waiting = queue_.size();
    for (const auto& [host, entry] : entries_) {
        status.running += entry.running ? 1 : 0;
    }
    if (!queue_.empty()) {
        status.next = next_try(queue_.begin()->second).value_or(now());
    }
    return status;
}

void CertificateOrders::publish_figures(Publish when) {
    // It walks through all names: not after each of ten thousand orders.
    const auto moment = std::chrono::steady_clock::now();
    if (when == Publish::at_most_each_second && moment < figures_published_ + std::chrono::seconds(1)) {
        return;
    }
    figures_published_ = moment;
    CertificateFigures fresh;
    for (const auto& [host, entry] : entries_) {
        fresh.failing += entry.row.failing_since ? 1 : 0;
        const auto renewal = renewal_of(entry);
        if (renewal) {
            ++fresh.certificates;
            earliest(fresh.earliest_end, entry.dates->not_after);
            fresh.overdue += now() >= overdue_from(*renewal, entry.dates->not_after) ? 1 : 0;
        }
    }
    for (const Ca& ca : cas_) {
        const auto orders = ca.budget.orders(now());
        fresh.cas.push_back({ca.client->settings().directory, ca.ready && !(ca.down_until && *ca.down_until > now()),
                             orders.used, orders.limit});
    }
    figures_.with([&](CertificateFigures& figures) {
        figures.certificates = fresh.certificates;
        figures.waiting = queue_.size();
        figures.failing = fresh.failing;
        figures.overdue = fresh.overdue;
        figures.earliest_end = fresh.earliest_end;
        figures.cas = std::move(fresh.cas);
    });
}

CertificateFigures CertificateOrders::figures() const {
    return figures_.with([](const CertificateFigures& figures) { return figures; });
}

}  // namespace postseal::hosting
