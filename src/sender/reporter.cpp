#include "sender/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "net/await.h"
#include "sender/mail_route.h"
#include "sender/report_day.h"
#include "sender/report_message_id.h"
#include "sender/report_post.h"
#include "sender/suppression.h"
#include "tlsrpt/read.h"
#include "tlsrpt/record.h"
#include "tlsrpt/write.h"

namespace postseal::sender {

namespace {

using net::asio::awaitable;
using store::Delivery;
using store::DeliveryState;

constexpr std::string_view component = "reporter";
constexpr std::size_t runs_waiting_max = 16;  // each is a person's request; the schedule has two at most
constexpr std::chrono::days looked_at_kept{3};
constexpr std::size_t secret_octets = 16;
constexpr std::size_t told_of_rua_max = 100;  // of a record, beyond the cap

struct MailKeys {
    std::vector<DkimKey> dkim;
    ReportMessageIds message_ids;
};
Result<MailKeys> mail_keys(store::Certificates& certificates, const DkimIdentity& identity) {
    POSTSEAL_TRY(auto dkim, dkim_keys(certificates, identity));
    POSTSEAL_TRY(auto message_ids, ReportMessageIds::open(certificates));
    return MailKeys{std::move(dkim), std::move(message_ids)};
}

bool is_done(const Delivery& delivery) {
    return delivery.state == DeliveryState::sent || delivery.state == DeliveryState::failed;
}

bool tells_of_failures(const tlsrpt::Report& report) {
    return std::any_of(report.policies.begin(), report.policies.end(), [](const tlsrpt::PolicyResult& policy) {
        return policy.failed > 0 || !policy.failures.empty();
    });
}

// What tells whether there is anything to do: the counts of a day are much to read.
struct Outlook {
    std::set<dns::Name> to_be_retried;
    std::set<dns::Name> domains;  // of the day
    std::string secret;
};
Result<Outlook> read_outlook(store::Store& store, Day day, Reporter::Scope scope, TimePoint now) {
    Outlook outlook;
    const auto by = scope == Reporter::Scope::due ? std::optional(now) : std::nullopt;
    POSTSEAL_TRY(outlook.to_be_retried, store.session_counts.to_be_retried(day, by));
    if (scope == Reporter::Scope::due) {
        POSTSEAL_TRY(outlook.domains, store.session_counts.domains_of(day));
        POSTSEAL_TRY(outlook.secret, report_moment_secret(store.certificates));
    }
    return outlook;
}

struct DayRead {
    ReportDay counts;
    std::vector<Delivery> delivered;
    std::vector<store::ReportSuppression> suppressions;
};
Result<DayRead> read_day(store::Store& store, Day day, bool with_sent_reports) {
    DayRead read;
    POSTSEAL_TRY(read.counts, read_report_day(store, day));
    POSTSEAL_TRY(read.delivered,
                 store.session_counts.deliveries(
                     day, with_sent_reports ? store::ReportTexts::all : store::ReportTexts::unfinished));
    POSTSEAL_TRY(read.suppressions, store.session_counts.suppressions());
    return read;
}

// Where the reports about a domain go.
struct Destinations {
    std::optional<tlsrpt::TlsrptRecord> record;
    bool answered = false;  // by DNS: nothing to ask again
    [[nodiscard]] bool includes(const tlsrpt::ReportUri& rua) const {
        return record && std::any_of(record->rua.begin(), record->rua.end(), [&](const tlsrpt::ReportUri& own) {
                   return destination_key(own) == destination_key(rua);
               });
    }
};

}  // namespace

struct Reporter::Impl : SenderParts, std::enable_shared_from_this<Reporter::Impl> {
    Impl(const SenderParts& parts, ReporterSettings its_settings)
        : SenderParts(parts), settings(std::move(its_settings)) {}

    struct Turn {
        Day day;
        Scope scope;
        std::optional<dns::Name> resent;  // only this domain, as if nothing had been tried
        std::function<void(Result<std::vector<DeliveryOutcome>>)> done;
    };

    // One turn under way, in the frame of run().
    struct Run {
        Run(Day its_day, DayRead read, const ReportCaps& its_caps)
            : day(its_day),
              counts(std::move(read.counts)),
              suppressions(std::move(read.suppressions)),
              caps(its_caps, read.delivered) {
            for (Delivery& delivery : read.delivered) {
                std::pair key(delivery.domain, delivery.rua);
                delivered.emplace(std::move(key), std::move(delivery));
            }
        }
        Day day;
        ReportDay counts;
        std::map<std::pair<dns::Name, std::string>, Delivery> delivered;
        std::vector<store::ReportSuppression> suppressions;
        DestinationCaps caps;
        std::map<dns::Name, Destinations> destinations;  // as far as they were asked for
        std::map<std::string, std::string> silent;       // hosts that gave no answer, and what came of asking them
        std::vector<ReportDay::const_iterator> jobs;
        std::vector<std::vector<DeliveryOutcome>> outcomes;  // of each job
        std::size_t next_job = 0;
        std::set<dns::Name> undecided;  // DNS did not say where their reports go
    };

    awaitable<Result<std::vector<DeliveryOutcome>>> run(Day day, Scope scope, std::optional<dns::Name> resent) {
        looked_at_published = false;
        if (TimePoint(day + std::chrono::days(1)) > clock.now()) {
            co_return Error{Errc::refused, to_iso_day(day), "the day is not over (UTC)"};
        }
        const bool everybody = !resent && scope == Scope::whole_day;
        std::set<dns::Name> chosen;
        if (resent) {
            chosen = {*resent};
        } else if (!everybody) {
            const TimePoint now = clock.now();
            const auto look = [this, day, scope, now] { return read_outlook(store, day, scope, now); };
            const auto outlook = co_await net::await_work<Result<Outlook>>(work, look);
            if (!outlook) {
                co_return outlook.error();
            }
            chosen = who_is_due(day, *outlook);
            if (chosen.empty()) {
                co_return std::vector<DeliveryOutcome>();
            }
        }
        const bool with_sent_reports = resent.has_value();
        auto read = co_await net::await_work<Result<DayRead>>(
            work, [this, day, with_sent_reports] { return read_day(store, day, with_sent_reports); });
        if (!read) {
            co_return read.error();
        }
        if (resent) {
            forget_attempts(*resent, read->delivered);
            std::erase_if(unsaved, [&](const auto& entry) { return entry.second.domain == *resent; });
        }
        Run turn(day, std::move(*read), settings.caps);
        co_await save_again(turn);
        for (auto entry = turn.counts.cbegin(); entry != turn.counts.cend(); ++entry) {
            if (everybody || chosen.contains(entry->first)) {
                turn.jobs.push_back(entry);
            }
        }
        turn.outcomes.resize(turn.jobs.size());
        co_await work_off(turn);
        if (!resent) {
            note_looked_at(turn);
        }
        std::vector<DeliveryOutcome> outcomes;
        for (std::vector<DeliveryOutcome>& of_domain : turn.outcomes) {
            std::move(of_domain.begin(), of_domain.end(), std::back_inserter(outcomes));
        }
        co_return outcomes;
    }

    [[nodiscard]] std::set<dns::Name> who_is_due(Day day, const Outlook& outlook) const {
        const TimePoint now = clock.now();
        std::set<dns::Name> due = outlook.to_be_retried;
        const auto seen = looked_at.find(day);
        for (const dns::Name& domain : outlook.domains) {
            if ((seen == looked_at.end() || !seen->second.contains(domain)) &&
                report_moment(outlook.secret, day, domain, settings.spread) <= now) {
                due.insert(domain);
            }
        }
        return due;
    }

    // Each domain's moment comes once; who has no rua is not asked for one every minute.
    void note_looked_at(const Run& turn) {
        std::set<dns::Name>& seen = looked_at[turn.day];
        for (const ReportDay::const_iterator& job : turn.jobs) {
            if (!turn.undecided.contains(job->first)) {
                seen.insert(job->first);
            }
        }
        std::erase_if(looked_at,
                      [&](const auto& entry) { return TimePoint(entry.first + looked_at_kept) < clock.now(); });
    }

    // What was sent stays what is sent.
    static void forget_attempts(const dns::Name& domain, std::vector<Delivery>& delivered) {
        for (Delivery& delivery : delivered) {
            if (delivery.domain == domain) {
                delivery.state = DeliveryState::pending;
                delivery.attempts = 0;
                delivery.first_attempt.reset();
                delivery.next_attempt.reset();
            }
        }
    }

    // On the loop.
    awaitable<void> join_queue(Turn turn) {
        if (waiting.size() >= runs_waiting_max) {
            turn.done(Error{Errc::refused, to_iso_day(turn.day), "too many runs wait: ask again when they have ended"});
            co_return;
        }
        waiting.push_back(std::move(turn));
        if (!running) {
            co_await take_turns();
        }
    }

    // Two runs at once would send a report twice, so each waits for its turn.
    awaitable<void> take_turns() {
        running = true;
        while (!waiting.empty()) {
            const Turn turn = std::move(waiting.front());
            waiting.pop_front();
            auto outcomes = co_await run(turn.day, turn.scope, turn.resent);
            turn.done(std::move(outcomes));
        }
        running = false;
    }

    // All jobs, several at once; each domain's destinations one after the other.
    awaitable<void> work_off(Run& turn) {
        const std::size_t workers = std::min(std::max<std::size_t>(settings.domains_at_once, 1), turn.jobs.size());
        if (workers == 0) {
            co_return;
        }
        const auto start = [this, &turn, workers](std::function<void(int)> done) {
            const auto left = std::make_shared<std::size_t>(workers);
            for (std::size_t i = 0; i < workers; ++i) {
                net::spawn(loop, [self = shared_from_this(), &turn, left, done]() -> awaitable<void> {
                    co_await self->take_jobs(turn);
                    if (--*left == 0) {
                        done(0);
                    }
                });
            }
        };
        (void)co_await net::await_callback<int>(start);
    }

    awaitable<void> take_jobs(Run& turn) {
        while (turn.next_job < turn.jobs.size()) {
            const std::size_t job = turn.next_job++;
            co_await report(turn, turn.jobs[job]->first, turn.jobs[job]->second, turn.outcomes[job]);
        }
    }

    awaitable<net::DnsAnswer> resolve(dns::Name name, dns::Type type) {
        co_return co_await net::await_callback<net::DnsAnswer>(
            [this, &name, type](std::function<void(net::DnsAnswer)> done) {
                resolver.resolve(name, type, std::move(done));
            });
    }

    // DNS at sending time, or what Postfix saw when DNS does not answer.
    awaitable<Destinations> destinations(Run& turn, dns::Name domain, std::string seen) {
        if (const auto known = turn.destinations.find(domain); known != turn.destinations.end()) {
            co_return known->second;
        }
        std::vector<std::string> texts{seen};
        Destinations found;
        const Result<dns::Name> name = tlsrpt::tlsrpt_record_name(domain);
        found.answered = !name;  // a name that is too long has no record
        if (name) {
            const net::DnsAnswer answer = co_await resolve(*name, dns::Type::txt);
            if (answer.usable()) {
                found.answered = true;
                texts.clear();
                for (const dns::TxtData& txt : answer.all<dns::TxtData>()) {
                    texts.push_back(txt.joined());
                }
            }
        }
        found.record = tlsrpt::judge_tlsrpt_records(texts).record;
        turn.destinations[domain] = found;
        co_return found;
    }

    // The destinations of the recipient domains whose sessions were with hosts of this one.
    awaitable<std::map<dns::Name, Destinations>> told_elsewhere(Run& turn, const DomainDay& domain_day) {
        std::map<dns::Name, Destinations> elsewhere;
        for (const HostResults& results : domain_day.at_hosts) {
            const auto of_recipient = turn.counts.find(results.recipient);
            std::string seen = of_recipient == turn.counts.end() ? std::string() : of_recipient->second.record;
            elsewhere[results.recipient] = co_await destinations(turn, results.recipient, std::move(seen));
        }
        co_return elsewhere;
    }

    awaitable<void> report(Run& turn, const dns::Name& domain, const DomainDay& domain_day,
                           std::vector<DeliveryOutcome>& outcomes) {
        if (domain_day.only_our_reports && domain_day.at_hosts.empty()) {
            log.info(component, fmt::format("report of {} for {}: not sent, since all that it could tell of is the "
                                            "delivery of a report",
                                            to_iso_day(turn.day), domain.text()));
            co_return;
        }
        const Destinations to = co_await destinations(turn, domain, domain_day.record);
        if (!to.record) {
            if (!to.answered) {
                turn.undecided.insert(domain);
            }
            co_return;
        }
        const auto elsewhere = co_await told_elsewhere(turn, domain_day);
        std::size_t number = 0;
        for (const tlsrpt::ReportUri& rua : to.record->rua) {
            ++number;
            if (settings.caps.rua_max > 0 && number > settings.caps.rua_max) {
                if (number > settings.caps.rua_max + told_of_rua_max) {
                    break;  // a record may name thousands
                }
                const std::string why = fmt::format("{}of {} rua in the record {} are served", cap_mark,
                                                    to.record->rua.size(), settings.caps.rua_max);
                DeliveryOutcome outcome = co_await give_up(turn, domain, rua, why);
                outcomes.push_back(std::move(outcome));
                continue;
            }
            std::set<dns::Name> told_already;
            for (const auto& [recipient, theirs] : elsewhere) {
                if (theirs.includes(rua)) {
                    told_already.insert(recipient);
                }
            }
            const auto value = report_to(turn.day, domain, domain_day, told_already, settings.submitter);
            if (!value || (settings.only_failures && !tells_of_failures(*value))) {
                continue;
            }
            DeliveryOutcome outcome = co_await serve(turn, domain, rua, *value);
            const bool got_through = outcome.result == "sent" || outcome.result == "already-sent";
            outcomes.push_back(std::move(outcome));
            if (got_through && !settings.rua_all) {
                break;
            }
        }
        co_await copy(turn, domain, domain_day, *to.record, outcomes);
    }

    awaitable<void> copy(Run& turn, const dns::Name& domain, const DomainDay& domain_day,
                         const tlsrpt::TlsrptRecord& record, std::vector<DeliveryOutcome>& outcomes) {
        const bool copied_anyway = std::any_of(record.rua.begin(), record.rua.end(), [&](const auto& rua) {
            return iequals(rua.address, settings.copy_to);  // an https rua has none
        });
        if (settings.copy_to.empty() || copied_anyway) {
            co_return;
        }
        const auto value = report_to(turn.day, domain, domain_day, {}, settings.submitter);
        if (!value || (settings.only_failures && !tells_of_failures(*value))) {
            co_return;
        }
        const std::string uri = "mailto:" + settings.copy_to;
        const tlsrpt::ReportUri own{tlsrpt::ReportUri::Scheme::mailto, uri, uri, settings.copy_to};
        DeliveryOutcome outcome = co_await serve(turn, domain, own, *value);
        outcomes.push_back(std::move(outcome));
    }

    static Delivery delivery_of(const Run& turn, const dns::Name& domain, const tlsrpt::ReportUri& rua) {
        const auto known = turn.delivered.find({domain, rua.published});
        return known == turn.delivered.end()
                   ? Delivery{turn.day, domain, rua.published, DeliveryState::pending, 0, {}, {}, "", ""}
                   : known->second;
    }

    // One destination.
    awaitable<DeliveryOutcome> serve(Run& turn, const dns::Name& domain, const tlsrpt::ReportUri& rua,
                                     const tlsrpt::Report& report_value) {
        Delivery delivery = delivery_of(turn, domain, rua);
        if (is_done(delivery)) {
            co_return DeliveryOutcome{domain, rua.published,
                                      delivery.state == DeliveryState::sent ? "already-sent" : "failed",
                                      delivery.last_error};
        }
        if (suppressed(turn, domain, rua)) {
            co_return DeliveryOutcome{domain, rua.published, "suppressed", ""};
        }
        if (delivery.next_attempt && *delivery.next_attempt > clock.now()) {
            co_return DeliveryOutcome{domain, rua.published, "retry", delivery.last_error};
        }
        if (delivery.attempts == 0) {
            if (const auto why = turn.caps.refuse(rua)) {
                co_return co_await give_up(turn, domain, rua, *why);
            }
        }
        if (delivery.report_json.empty()) {
            auto json = json_within(report_value, settings.caps.bytes_max);
            if (!json) {
                co_return co_await give_up(
                    turn, domain, rua,
                    fmt::format("{}the report has more than {} bytes", cap_mark, settings.caps.bytes_max));
            }
            delivery.report_json = std::move(*json);
        }
        co_return co_await deliver(turn, rua, std::move(delivery));
    }

    // A cap keeps the report from being made.
    awaitable<DeliveryOutcome> give_up(const Run& turn, const dns::Name& domain, const tlsrpt::ReportUri& rua,
                                       std::string why) {
        Delivery delivery = delivery_of(turn, domain, rua);
        if (!is_done(delivery)) {
            delivery.state = DeliveryState::failed;
            delivery.last_error = std::move(why);
            co_await keep(delivery);
        }
        co_return DeliveryOutcome{domain, rua.published,
                                  delivery.state == DeliveryState::sent ? "already-sent" : "failed",
                                  delivery.last_error};
    }

    // Nothing is noted: when the suppression has run out, what was kept back can still be sent.
    [[nodiscard]] bool suppressed(const Run& turn, const dns::Name& domain, const tlsrpt::ReportUri& rua) const {
        const TimePoint now = clock.now();
        return std::any_of(turn.suppressions.begin(), turn.suppressions.end(),
                           [&](const store::ReportSuppression& entry) {
                               return (!entry.until || *entry.until > now) && is_suppressed(entry.target, domain, rua);
                           });
    }

    awaitable<DeliveryOutcome> deliver(Run& turn, const tlsrpt::ReportUri& rua, Delivery delivery) {
        const TimePoint now = clock.now();
        const bool by_mail = rua.scheme == tlsrpt::ReportUri::Scheme::mailto;
        const bool submitted = by_mail && settings.mail.route == ReportMailSettings::Route::submission;
        const std::string host = submitted ? "[submission]" : destination_host(rua);
        DeliveryAttempt attempt;
        if (const auto silent = turn.silent.find(host); silent != turn.silent.end()) {
            attempt = {false, false, silent->second + " (of another report, a moment ago)", true};
        } else if (by_mail) {
            attempt = co_await mail(rua.address, delivery.report_json, delivery.domain);
        } else {
            attempt = co_await post(rua, delivery.report_json);
        }
        if (attempt.no_answer) {
            turn.silent.emplace(host, attempt.detail);
        }
        note(delivery, attempt, now);
        co_await keep(delivery);
        DeliveryOutcome outcome{delivery.domain, delivery.rua, std::string(store::to_string(delivery.state)),
                                delivery.last_error};
        log.info(component, fmt::format("report of {} for {} to {}: {}{}{}", to_iso_day(delivery.day),
                                        delivery.domain.text(), printable(delivery.rua, 200), outcome.result,
                                        outcome.detail.empty() ? "" : ": ", printable(outcome.detail, 200)));
        co_return outcome;
    }

    // What could not be stored is known until it can: nothing is sent twice because the store was away meanwhile.
    awaitable<void> keep(const Delivery& delivery) {
        const Result<void> kept = co_await net::await_work<Result<void>>(
            work, [this, &delivery] { return store.session_counts.put_delivery(delivery); });
        const std::tuple key(delivery.day, delivery.domain, delivery.rua);
        if (kept) {
            unsaved.erase(key);
        } else {
            log.error(component, "a delivery could not be noted: " + kept.error().message());
            unsaved[key] = delivery;
        }
    }

    awaitable<void> save_again(Run& turn) {
        const auto before = unsaved;
        for (const auto& [key, delivery] : before) {
            if (delivery.day == turn.day) {
                turn.delivered[{delivery.domain, delivery.rua}] = delivery;
            }
            co_await keep(delivery);
        }
    }

    // RFC 8460 §5.5: retried for a day, with growing gaps, then dropped.
    void note(Delivery& delivery, const DeliveryAttempt& attempt, TimePoint now) const {
        ++delivery.attempts;
        if (!delivery.first_attempt) {
            delivery.first_attempt = now;
        }
        delivery.last_error = attempt.detail;
        delivery.next_attempt.reset();
        if (attempt.accepted) {
            delivery.state = DeliveryState::sent;
            return;
        }
        constexpr std::int64_t doublings_max = 8;
        const Seconds gap =
            settings.retry_first * (std::int64_t{1} << std::min<std::int64_t>(delivery.attempts - 1, doublings_max));
        if (attempt.final_refusal || now + gap > *delivery.first_attempt + settings.retry_for) {
            delivery.state = DeliveryState::failed;
            return;
        }
        delivery.state = DeliveryState::retry;
        delivery.next_attempt = now + gap;
    }

    awaitable<DeliveryAttempt> post(const tlsrpt::ReportUri& rua, const std::string& json) {
        const ReportPostSettings how{settings.verify_https_rua, settings.trust, settings.https_port};
        const auto start = [this, &how, &rua, &json](std::function<void(DeliveryAttempt)> done) {
            post_report(*this, how, rua, json, std::move(done));
        };
        co_return co_await net::await_callback<DeliveryAttempt>(start);
    }

    // RFC 8460 §5.3. A retry carries the same report under the same report-id.
    awaitable<DeliveryAttempt> mail(std::string to, std::string json, dns::Name domain) {
        if (!settings.dkim) {
            co_return DeliveryAttempt{false, false, "reports cannot be mailed: [reporter] contact must be a mailbox",
                                      false};
        }
        const DkimIdentity identity = *settings.dkim;
        const auto read_keys = [this, &identity] { return mail_keys(store.certificates, identity); };
        auto keys = co_await net::await_work<Result<MailKeys>>(work, read_keys);
        if (!keys) {
            co_return DeliveryAttempt{false, false, "the report cannot be signed: " + keys.error().message(), false};
        }
        const tlsrpt::ReadReport read = tlsrpt::read_report_json(as_bytes(json));
        if (!read.report) {
            co_return DeliveryAttempt{false, true, "the report that is kept: " + read.report.error().message(), false};
        }
        co_await look_at_published(keys->dkim);
        const std::string& contact = settings.submitter.contact_info;
        const Result<dns::Name> submitter = dns::Name::parse(contact.substr(contact.rfind('@') + 1));
        const ReportMail report_mail{*read.report, domain, to,
                                     keys->message_ids.make(to, submitter ? *submitter : identity.domain, clock.now()),
                                     keys->dkim};
        const auto start = [this, &report_mail](std::function<void(DeliveryAttempt)> done) {
            mail_report(*this, settings.mail, report_mail, std::move(done));
        };
        co_return co_await net::await_callback<DeliveryAttempt>(start);
    }

    // Once in a run, whether DNS agrees with what is mailed. A signature whose key nobody finds is none (RFC 6376
    // §6.1.2), and the report is ignored for it.
    awaitable<void> look_at_published(std::vector<DkimKey> keys) {
        if (std::exchange(looked_at_published, true)) {
            co_return;
        }
        const std::string& contact = settings.submitter.contact_info;
        if (const Result<dns::Name> own = dns::Name::parse(contact.substr(contact.rfind('@') + 1))) {
            const net::DnsAnswer mx = co_await resolve(*own, dns::Type::mx);
            const MailRoute route = mail_route(*own, mx, [](std::size_t) { return 0; });
            if (route.final_problem) {  // RFC 7505 §4.2: receivers may refuse such a sender
                log.warning(component, "[reporter] contact: " + route.problem);
            }
        }
        for (const DkimKey& key : keys) {
            const Result<dns::Name> name = key.record_name();
            if (!name) {
                continue;
            }
            const net::DnsAnswer answer = co_await resolve(*name, dns::Type::txt);
            std::vector<std::string> texts;
            for (const dns::TxtData& txt : answer.all<dns::TxtData>()) {
                texts.push_back(txt.joined());
            }
            const auto problem = problem_of_published(key, texts);
            if (answer.usable() && problem) {
                log.warning(component, fmt::format("{}: {}; receivers ignore mailed reports unless it shows what "
                                                   "`postseal dkim-keys` prints",
                                                   name->text(), *problem));
            }
        }
    }

    ReporterSettings settings;
    bool running = false;
    bool looked_at_published = false;  // in this run
    std::deque<Turn> waiting;
    std::map<Day, std::set<dns::Name>> looked_at;  // since the start
    std::map<std::tuple<Day, dns::Name, std::string>, Delivery> unsaved;
};

Reporter::Reporter(const SenderParts& parts, ReporterSettings settings)
    : impl_(std::make_shared<Impl>(parts, std::move(settings))) {}

Reporter::~Reporter() = default;

void Reporter::run(Day day, Scope scope, std::function<void(Result<std::vector<DeliveryOutcome>>)> done) {
    net::spawn(impl_->loop, [impl = impl_, turn = Impl::Turn{day, scope, {}, std::move(done)}]() -> awaitable<void> {
        co_await impl->join_queue(turn);
    });
}

void Reporter::resend(Day day, const dns::Name& domain,
                      std::function<void(Result<std::vector<DeliveryOutcome>>)> done) {
    net::spawn(impl_->loop,
               [impl = impl_, turn = Impl::Turn{day, Scope::whole_day, domain, std::move(done)}]() -> awaitable<void> {
                   co_await impl->join_queue(turn);
               });
}

Result<std::optional<tlsrpt::Report>> report_preview(store::Store& store, Day day, const dns::Name& domain,
                                                     const tlsrpt::Submitter& submitter) {
    POSTSEAL_TRY(const ReportDay counts, read_report_day(store, day));
    const auto found = counts.find(domain);
    return found == counts.end() ? std::optional<tlsrpt::Report>()
                                 : report_to(day, domain, found->second, {}, submitter);
}

Result<std::string> report_moment_secret(store::Certificates& certificates) {
    return certificates.secret_or("report-moments", to_hex(random_bytes(secret_octets)));
}

void Reporter::reconfigure(ReporterSettings settings) {
    impl_->settings = std::move(settings);
}

}  // namespace postseal::sender
