#include "sender/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "net/await.h"
#include "sender/mail_route.h"
#include "sender/report_message_id.h"
#include "sender/suppression.h"
#include "sender/testing_mode.h"
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

// One day's counts of one policy domain.
struct DomainDay {
    std::string record;  // the newest `pr` seen, for when DNS does not answer
    std::vector<tlsrpt::PolicyResult> policies;
    std::vector<store::TestingHost> testing_hosts;
};
using Counted = std::map<dns::Name, DomainDay>;

Result<Counted> counted_on(store::SessionCounts& counts, Day day) {
    POSTSEAL_TRY(auto sessions, counts.of_day(day));
    POSTSEAL_TRY(auto hosts, counts.testing_hosts(day));
    Counted by_domain;
    for (tlsrpt::Count& count : sessions) {
        DomainDay& domain_day = by_domain[count.domain];
        if (!count.record.empty()) {
            domain_day.record = count.record;
        }
        domain_day.policies.push_back(std::move(count.policy));
    }
    for (store::TestingHost& host : hosts) {
        by_domain[host.domain].testing_hosts.push_back(std::move(host));
    }
    for (auto& [domain, domain_day] : by_domain) {
        file_under_testing_policy(domain_day.policies, domain_day.testing_hosts);
    }
    std::erase_if(by_domain, [](const auto& entry) { return entry.second.policies.empty(); });
    return by_domain;
}

struct MailKeys {
    std::vector<DkimKey> dkim;
    ReportMessageIds message_ids;
};
Result<MailKeys> mail_keys(store::Certificates& certificates, const DkimIdentity& identity) {
    POSTSEAL_TRY(auto dkim, dkim_keys(certificates, identity));
    POSTSEAL_TRY(auto message_ids, ReportMessageIds::open(certificates));
    return MailKeys{std::move(dkim), std::move(message_ids)};
}

// An https rua in parts; the URI itself is posted to as published.
struct HttpsUri {
    std::string host;
    std::size_t authority_end = 0;
    bool names_port = false;
};
HttpsUri parts_of(const std::string& uri) {
    constexpr std::string_view scheme = "https://";
    const std::size_t begin = std::min(uri.size(), scheme.size());
    HttpsUri parts;
    parts.authority_end = std::min(uri.find_first_of("/?#", begin), uri.size());
    std::string_view host = std::string_view(uri).substr(begin, parts.authority_end - begin);
    host.remove_prefix(host.rfind('@') == std::string_view::npos ? 0 : host.rfind('@') + 1);
    const std::size_t colon = host.find(':');
    parts.names_port = colon != std::string_view::npos;
    parts.host = std::string(host.substr(0, colon));
    return parts;
}

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

    awaitable<Result<std::vector<DeliveryOutcome>>> run(Day day, Scope scope, std::optional<dns::Name> resent) {
        looked_at_published = false;
        if (TimePoint(day + std::chrono::days(1)) > clock.now()) {
            co_return Error{Errc::refused, to_iso_day(day), "the day is not over (UTC)"};
        }
        auto counted = co_await net::await_work<Result<Counted>>(
            work, [this, day] { return counted_on(store.session_counts, day); });
        if (!counted) {
            co_return counted.error();
        }
        auto delivered = co_await net::await_work<Result<std::vector<Delivery>>>(
            work, [this, day] { return store.session_counts.deliveries(day); });
        if (!delivered) {
            co_return delivered.error();
        }
        auto kept_back = co_await net::await_work<Result<std::vector<store::ReportSuppression>>>(
            work, [this] { return store.session_counts.suppressions(); });
        if (!kept_back) {
            co_return kept_back.error();
        }
        suppressions = std::move(*kept_back);
        std::vector<DeliveryOutcome> outcomes;
        for (const auto& [domain, domain_day] : *counted) {
            if (resent ? domain != *resent : scope == Scope::retries && !to_be_retried(domain, *delivered)) {
                continue;
            }
            if (resent) {
                forget_attempts(domain, *delivered);
            }
            co_await report(day, domain, domain_day, *delivered, outcomes);
        }
        co_return outcomes;
    }

    static bool to_be_retried(const dns::Name& domain, const std::vector<Delivery>& delivered) {
        return std::any_of(delivered.begin(), delivered.end(), [&](const Delivery& delivery) {
            return delivery.domain == domain && delivery.state == DeliveryState::retry;
        });
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

    awaitable<net::DnsAnswer> resolve(dns::Name name, dns::Type type) {
        co_return co_await net::await_callback<net::DnsAnswer>(
            [this, &name, type](std::function<void(net::DnsAnswer)> done) {
                resolver.resolve(name, type, std::move(done));
            });
    }

    // Where the reports go: DNS at sending time, or what Postfix saw when DNS does not answer. Nothing: nobody asks.
    awaitable<std::optional<tlsrpt::TlsrptRecord>> destinations(dns::Name domain, std::string seen) {
        std::vector<std::string> texts{seen};
        const Result<dns::Name> name = tlsrpt::tlsrpt_record_name(domain);
        if (name) {
            const net::DnsAnswer answer = co_await resolve(*name, dns::Type::txt);
            if (answer.usable()) {
                texts.clear();
                for (const dns::TxtData& txt : answer.all<dns::TxtData>()) {
                    texts.push_back(txt.joined());
                }
            }
        }
        co_return tlsrpt::judge_tlsrpt_records(texts).record;
    }

    awaitable<void> report(Day day, dns::Name domain, const DomainDay& domain_day,
                           const std::vector<Delivery>& delivered, std::vector<DeliveryOutcome>& outcomes) {
        const auto record = co_await destinations(domain, domain_day.record);
        if (!record) {
            co_return;
        }
        const tlsrpt::Report report_value = tlsrpt::report_of_day(day, domain, domain_day.policies, settings.submitter);
        if (settings.only_failures && !tells_of_failures(report_value)) {
            co_return;
        }
        for (const tlsrpt::ReportUri& rua : record->rua) {
            DeliveryOutcome outcome = co_await serve(day, domain, rua, report_value, delivered);
            const bool got_through = outcome.result == "sent" || outcome.result == "already-sent";
            outcomes.push_back(std::move(outcome));
            if (got_through && !settings.rua_all) {
                break;
            }
        }
        const bool copied_anyway = std::any_of(record->rua.begin(), record->rua.end(), [&](const auto& rua) {
            return iequals(rua.address, settings.copy_to);  // an https rua has none
        });
        if (!settings.copy_to.empty() && !copied_anyway) {
            const std::string uri = "mailto:" + settings.copy_to;
            const tlsrpt::ReportUri own{tlsrpt::ReportUri::Scheme::mailto, uri, uri, settings.copy_to};
            DeliveryOutcome outcome = co_await serve(day, domain, own, report_value, delivered);
            outcomes.push_back(std::move(outcome));
        }
    }

    static bool tells_of_failures(const tlsrpt::Report& report) {
        return std::any_of(report.policies.begin(), report.policies.end(), [](const tlsrpt::PolicyResult& policy) {
            return policy.failed > 0 || !policy.failures.empty();
        });
    }

    // One destination.
    awaitable<DeliveryOutcome> serve(Day day, dns::Name domain, tlsrpt::ReportUri rua, const tlsrpt::Report& report,
                                     const std::vector<Delivery>& delivered) {
        Delivery delivery{day, domain, rua.published, DeliveryState::pending, 0, {}, {}, "", ""};
        for (const Delivery& known : delivered) {
            if (known.domain == domain && known.rua == rua.published) {
                delivery = known;
            }
        }
        const bool done = delivery.state == DeliveryState::sent || delivery.state == DeliveryState::failed;
        if (!done && suppressed(domain, rua)) {
            co_return DeliveryOutcome{domain, rua.published, "suppressed", ""};
        }
        co_return co_await deliver(std::move(rua), report, std::move(delivery));
    }

    // Nothing is noted: when the suppression has run out, what was kept back can still be sent.
    [[nodiscard]] bool suppressed(const dns::Name& domain, const tlsrpt::ReportUri& rua) const {
        const TimePoint now = clock.now();
        return std::any_of(suppressions.begin(), suppressions.end(), [&](const store::ReportSuppression& entry) {
            return (!entry.until || *entry.until > now) && is_suppressed(entry.target, domain, rua);
        });
    }

    awaitable<DeliveryOutcome> deliver(tlsrpt::ReportUri rua, tlsrpt::Report report_value, Delivery delivery) {
        DeliveryOutcome outcome{delivery.domain, delivery.rua, "", delivery.last_error};
        if (delivery.state == DeliveryState::sent || delivery.state == DeliveryState::failed) {
            outcome.result = delivery.state == DeliveryState::sent ? "already-sent" : "failed";
            co_return outcome;
        }
        const TimePoint now = clock.now();
        if (delivery.next_attempt && *delivery.next_attempt > now) {
            outcome.result = "retry";
            co_return outcome;
        }
        if (delivery.report_json.empty()) {
            delivery.report_json = tlsrpt::to_json(report_value);
        }
        DeliveryAttempt attempt;
        if (rua.scheme == tlsrpt::ReportUri::Scheme::https) {
            attempt = co_await post(rua, delivery.report_json);
        } else {
            attempt = co_await mail(rua.address, delivery.report_json, delivery.domain);
        }
        note(delivery, attempt, now);
        outcome.result = std::string(store::to_string(delivery.state));
        outcome.detail = delivery.last_error;
        const Result<void> kept = co_await net::await_work<Result<void>>(
            work, [this, &delivery] { return store.session_counts.put_delivery(delivery); });
        if (!kept) {
            log.error(component, "a delivery could not be noted: " + kept.error().message());
        }
        log.info(component, fmt::format("report of {} for {} to {}: {}{}{}", to_iso_day(delivery.day),
                                        delivery.domain.text(), printable(delivery.rua, 200), outcome.result,
                                        outcome.detail.empty() ? "" : ": ", printable(outcome.detail, 200)));
        co_return outcome;
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

    // RFC 8460 §5.4: POST to precisely the URI given; 2xx is acceptance, a redirect is never followed.
    awaitable<DeliveryAttempt> post(tlsrpt::ReportUri rua, std::string json) {
        const HttpsUri parts = parts_of(rua.published);
        const std::string& host_text = parts.host;
        net::HttpsRequest request;
        request.url = rua.published;
        if (settings.https_port != 443 && !parts.names_port) {  // a lab on high ports
            request.url.insert(parts.authority_end, fmt::format(":{}", settings.https_port));
        }
        request.method = "POST";
        request.headers = {{"Content-Type", "application/tlsrpt+gzip"}};
        request.body = as_text(tlsrpt::gzip(as_bytes(json)));
        request.trust = settings.trust;
        request.certificate =
            settings.verify_https_rua ? net::HttpsRequest::Certificate::verify : net::HttpsRequest::Certificate::ignore;
        if (const auto literal = dns::IpAddress::parse(host_text)) {
            request.addresses = {*literal};
        } else {
            const Result<dns::Name> host = dns::Name::parse(host_text);
            if (!host) {
                co_return DeliveryAttempt{false, true, "the rua's host is no name: " + host.error().message()};
            }
            bool answered = true;
            for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
                const net::DnsAnswer answer = co_await resolve(*host, type);
                answered = answered && answer.usable();
                for (const dns::AddressData& data : answer.all<dns::AddressData>()) {
                    request.addresses.push_back(data.address);
                }
            }
            if (request.addresses.empty()) {
                co_return DeliveryAttempt{false, false,
                                          host->text() + (answered ? " has no address" : " could not be looked up")};
            }
        }
        const net::HttpsResponse response = co_await net::await_callback<net::HttpsResponse>(
            [this, &request](std::function<void(net::HttpsResponse)> done) { https.fetch(request, std::move(done)); });
        if (!response.ok()) {
            co_return DeliveryAttempt{false,
                                      response.failure == net::HttpsResponse::Failure::refused_address ||
                                          response.failure == net::HttpsResponse::Failure::bad_request,
                                      response.error};
        }
        if (response.status >= 200 && response.status < 300) {
            co_return DeliveryAttempt{true, false, ""};
        }
        // 4xx but for "too many" and "too slow" speak of the request, which will not change; a 3xx is never followed.
        const bool again = response.status >= 500 || response.status == 408 || response.status == 429;
        co_return DeliveryAttempt{false, !again, fmt::format("the server answered {}", response.status)};
    }

    // RFC 8460 §5.3. A retry carries the same report under the same report-id.
    awaitable<DeliveryAttempt> mail(std::string to, std::string json, dns::Name domain) {
        if (!settings.dkim) {
            co_return DeliveryAttempt{false, false, "reports cannot be mailed: [reporter] contact must be a mailbox"};
        }
        const DkimIdentity identity = *settings.dkim;
        const auto read_keys = [this, &identity] { return mail_keys(store.certificates, identity); };
        auto keys = co_await net::await_work<Result<MailKeys>>(work, read_keys);
        if (!keys) {
            co_return DeliveryAttempt{false, false, "the report cannot be signed: " + keys.error().message()};
        }
        const tlsrpt::ReadReport read = tlsrpt::read_report_json(as_bytes(json));
        if (!read.report) {
            co_return DeliveryAttempt{false, true, "the report that is kept: " + read.report.error().message()};
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
    std::vector<store::ReportSuppression> suppressions;  // of this run
    bool running = false;
    bool looked_at_published = false;  // in this run
    std::deque<Turn> waiting;
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

Result<std::optional<tlsrpt::Report>> report_preview(store::SessionCounts& counts, Day day, const dns::Name& domain,
                                                     const tlsrpt::Submitter& submitter) {
    POSTSEAL_TRY(const Counted counted, counted_on(counts, day));
    const auto found = counted.find(domain);
    if (found == counted.end()) {
        return std::optional<tlsrpt::Report>();
    }
    return std::optional(tlsrpt::report_of_day(day, domain, found->second.policies, submitter));
}

void Reporter::reconfigure(ReporterSettings settings) {
    impl_->settings = std::move(settings);
}

}  // namespace postseal::sender
