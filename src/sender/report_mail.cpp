#include "sender/report_mail.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "net/await.h"
#include "net/smtp_client.h"
#include "sender/dkim_sign.h"
#include "sender/mail_route.h"
#include "tlsrpt/write.h"

namespace postseal::sender {

namespace {

using net::asio::awaitable;

// A stranger's hosts are not waited for without end: other reports wait behind this one.
constexpr std::size_t addresses_max = 16;
constexpr std::chrono::seconds connect_timeout{10};
constexpr std::chrono::seconds session_timeout{120};
constexpr std::chrono::seconds all_hosts_timeout{300};

awaitable<net::SmtpDeliveryResult> hand_over(net::Loop& loop, net::SmtpDelivery delivery) {
    const auto start = [&loop, &delivery](std::function<void(net::SmtpDeliveryResult)> done) {
        net::smtp_deliver(loop, delivery, std::move(done));
    };
    co_return co_await net::await_callback<net::SmtpDeliveryResult>(start);
}

awaitable<net::DnsAnswer> resolve(net::Resolver& resolver, dns::Name name, dns::Type type) {
    const auto start = [&resolver, &name, type](std::function<void(net::DnsAnswer)> done) {
        resolver.resolve(name, type, std::move(done));
    };
    co_return co_await net::await_callback<net::DnsAnswer>(start);
}

// Nobody is there, or nothing came of it in time.
bool is_silent(const net::SmtpDeliveryResult& result) {
    return result.failure == net::SmtpFailure::connect || result.failure == net::SmtpFailure::timeout;
}

// Whether the mail may have been taken, whatever was heard of it.
bool may_be_taken(const net::SmtpDeliveryResult& result) {
    return result.failure == net::SmtpFailure::none || result.failure == net::SmtpFailure::closed ||
           result.failure == net::SmtpFailure::timeout;
}

// Rule 15: the server's session that carries the report is not to be counted, and it may come before we have heard that
// the server took it. Where that cannot be noted, nothing is handed over.
awaitable<DeliveryAttempt> hand_over_noted(const SenderParts& parts, net::SmtpDelivery delivery,
                                           std::string message_id) {
    const std::string& mailbox = delivery.recipients.front();
    const Result<dns::Name> domain = dns::Name::parse(mailbox.substr(mailbox.rfind('@') + 1));
    if (!domain) {
        co_return DeliveryAttempt{false, true, "the mailbox's domain is no name: " + domain.error().message(), false};
    }
    const TimePoint now = parts.clock.now();
    const auto note = [&parts, &message_id, &domain, now] {
        return parts.store.handed_reports.put(message_id, *domain, now);
    };
    const auto noted = co_await net::await_work<Result<void>>(parts.work, note);
    if (!noted) {
        co_return DeliveryAttempt{false, false, "the hand-over could not be noted: " + noted.error().message(), false};
    }
    const net::SmtpDeliveryResult result = co_await hand_over(parts.loop, std::move(delivery));
    if (!may_be_taken(result)) {
        const auto forget = [&parts, &message_id] { return parts.store.handed_reports.erase(message_id); };
        const auto forgotten = co_await net::await_work<Result<void>>(parts.work, forget);
        if (!forgotten) {
            parts.log.warning("reporter", "a session may go uncounted: " + forgotten.error().message());
        }
    }
    // Only what is said of the mail itself is final: a password that is refused can be mended by the next attempt.
    const bool of_the_mail = result.failure == net::SmtpFailure::sender ||
                             result.failure == net::SmtpFailure::recipient ||
                             result.failure == net::SmtpFailure::message;
    co_return DeliveryAttempt{result.failure == net::SmtpFailure::none, of_the_mail && result.reply.permanent(),
                              result.error, is_silent(result)};
}

bool is_loopback(const dns::IpAddress& address) {
    return address == dns::IpAddress::v4({127, 0, 0, 1}) || address.text() == "::1";
}

awaitable<DeliveryAttempt> submit(const SenderParts& parts, const ReportMailSettings& settings,
                                  net::SmtpDelivery delivery, std::string message_id) {
    const auto url = net::parse_submission_url(settings.submission);
    if (!url) {
        co_return DeliveryAttempt{false, false, "reports cannot be mailed: [reporter] submission must name a server",
                                  false};
    }
    const auto look_up = [&parts, &url](std::function<void(Result<std::vector<dns::IpAddress>>)> done) {
        net::resolve_configured_host(parts.loop, url->host, std::move(done));
    };
    const auto addresses = co_await net::await_callback<Result<std::vector<dns::IpAddress>>>(look_up);
    if (!addresses || addresses->empty()) {
        co_return DeliveryAttempt{false, false, "the submission server " + url->host + " has no address", false};
    }
    if (const auto name = dns::Name::parse(url->host)) {
        delivery.host = *name;
    }
    delivery.port = url->port;
    delivery.login = url->login;
    if (delivery.login && !settings.password.empty()) {
        delivery.login->second = settings.password;
    }
    delivery.transport = url->transport;
    // smtps://, submission://, and whoever gets a password, has to prove its name. smtp:// is for the
    // mail server of one's own, which often has a certificate for none.
    const bool all_local = std::all_of(addresses->begin(), addresses->end(), is_loopback);
    if (!istarts_with(settings.submission, "smtp://") || (delivery.login && !all_local)) {
        delivery.tls.level = net::SmtpTlsPolicy::Level::secure;
    }
    delivery.guard = net::AddressGuard(net::NonGlobal::allow);  // the operator's own server
    DeliveryAttempt attempt;
    for (const dns::IpAddress& address : *addresses) {  // "localhost" has two, and often one is listened on
        delivery.address = address;
        attempt = co_await hand_over_noted(parts, delivery, message_id);
        if (!attempt.no_answer) {
            break;
        }
    }
    co_return attempt;
}

// RFC 8460 §3: a report is delivered over whatever TLS there is; neither MTA-STS nor DANE has a say, and where TLS does
// not come about at all it goes in clear text (RPT-013).
awaitable<net::SmtpDeliveryResult> hand_over_somehow(net::Loop& loop, net::SmtpDelivery delivery) {
    delivery.tls.level = net::SmtpTlsPolicy::Level::may;
    net::SmtpDeliveryResult result = co_await hand_over(loop, delivery);
    const bool hung_in_tls =
        result.failure == net::SmtpFailure::timeout && result.starttls_offered && !result.tls.has_value();
    if (hung_in_tls || result.failure == net::SmtpFailure::handshake ||
        result.failure == net::SmtpFailure::starttls_refused) {
        delivery.tls.level = net::SmtpTlsPolicy::Level::none;
        net::SmtpDeliveryResult in_clear = co_await hand_over(loop, std::move(delivery));
        constexpr int must_issue_starttls = 530;  // RFC 3207 §4
        if (in_clear.reply.code == must_issue_starttls) {
            result.reply = {};  // no word about the mail: its TLS may be mended by the next attempt
        } else {
            result = std::move(in_clear);
        }
    }
    co_return result;
}

// What the recipient's server said about this sender, this mailbox or this message holds for its other hosts too; a
// greeting of 554 is one host's.
bool ends_it(const net::SmtpDeliveryResult& result) {
    using net::SmtpFailure;
    return result.failure == SmtpFailure::none ||
           (result.reply.permanent() &&
            (result.failure == SmtpFailure::sender || result.failure == SmtpFailure::recipient ||
             result.failure == SmtpFailure::message));
}

// The hosts in their order, each at every address it has (RFC 5321 §5.1), until one has taken or refused the report.
awaitable<DeliveryAttempt> try_hosts(const SenderParts& parts, const ReportMailSettings& settings,
                                     std::vector<dns::Name> hosts, net::SmtpDelivery delivery) {
    const auto deadline = std::chrono::steady_clock::now() + all_hosts_timeout;
    DeliveryAttempt attempt{false, true, "", true};
    std::size_t tried = 0;
    for (const dns::Name& host : hosts) {
        std::vector<dns::IpAddress> addresses;
        bool answered = true;
        for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
            const net::DnsAnswer answer = co_await resolve(parts.resolver, host, type);
            answered = answered && answer.usable();
            for (const dns::AddressData& data : answer.all<dns::AddressData>()) {
                addresses.push_back(data.address);
            }
        }
        if (addresses.empty()) {
            attempt.detail = host.text() + (answered ? " has no address" : " could not be looked up");
            attempt.final_refusal = false;
            attempt.no_answer = false;
        }
        for (const dns::IpAddress& address : addresses) {
            if (++tried > addresses_max || std::chrono::steady_clock::now() > deadline) {
                attempt.final_refusal = false;
                co_return attempt;
            }
            delivery.host = host;
            delivery.address = address;
            delivery.port = settings.smtp_port;
            const net::SmtpDeliveryResult result = co_await hand_over_somehow(parts.loop, delivery);
            attempt.detail = fmt::format("{}[{}]: {}", host.text(), address.text(), result.error);
            attempt.final_refusal = attempt.final_refusal && !result.temporary();
            attempt.no_answer = attempt.no_answer && is_silent(result);
            if (ends_it(result)) {
                attempt.accepted = result.failure == net::SmtpFailure::none;
                attempt.final_refusal = !attempt.accepted;
                attempt.detail = attempt.accepted ? "" : attempt.detail;
                co_return attempt;
            }
        }
    }
    co_return attempt;
}

awaitable<DeliveryAttempt> deliver_directly(const SenderParts& parts, const ReportMailSettings& settings,
                                            net::SmtpDelivery delivery) {
    const std::string& address = delivery.recipients.front();
    const Result<dns::Name> domain = dns::Name::parse(address.substr(address.rfind('@') + 1));
    if (!domain) {
        co_return DeliveryAttempt{false, true, "the mailbox's domain is no name: " + domain.error().message(), false};
    }
    const net::DnsAnswer mx = co_await resolve(parts.resolver, *domain, dns::Type::mx);
    std::random_device random;
    MailRoute route = mail_route(*domain, mx, [&random](std::size_t n) { return random() % n; });
    if (route.hosts.empty()) {
        co_return DeliveryAttempt{false, route.final_problem, route.problem, false};
    }
    delivery.guard = settings.guard;
    delivery.connect_timeout = connect_timeout;
    delivery.timeout = session_timeout;
    co_return co_await try_hosts(parts, settings, std::move(route.hosts), std::move(delivery));
}

awaitable<DeliveryAttempt> deliver(const SenderParts& parts, const ReportMailSettings& settings,
                                   const ReportMail& mail) {
    const std::string& contact = settings.contact;
    const Result<dns::Name> submitter = dns::Name::parse(contact.substr(contact.rfind('@') + 1));
    if (!submitter || mail.keys.empty()) {
        co_return DeliveryAttempt{false, false, "reports cannot be mailed: [reporter] contact must be a mailbox",
                                  false};
    }
    const tlsrpt::Envelope envelope{*submitter, mail.policy_domain, contact,
                                    mail.to,    parts.clock.now(),  mail.message_id};
    const auto write = [&mail, &envelope]() -> Result<std::string> {
        POSTSEAL_TRY(const std::string message, tlsrpt::to_mail(mail.report, envelope));
        return dkim_signed(message, mail.keys);
    };
    Result<std::string> message = co_await net::await_work<Result<std::string>>(parts.work, write);
    if (!message) {
        const bool for_ever = message.error().code == Errc::invalid_input;
        co_return DeliveryAttempt{false, for_ever, message.error().message(), false};
    }
    net::SmtpDelivery delivery;
    delivery.mail_from = settings.bounces_to.empty() ? contact : settings.bounces_to;
    delivery.recipients = {mail.to};
    delivery.message = std::move(*message);
    delivery.trust = settings.trust;
    delivery.ehlo_name = submitter->text();
    if (settings.route == ReportMailSettings::Route::submission) {
        co_return co_await submit(parts, settings, std::move(delivery), mail.message_id);
    }
    if (!settings.ehlo_name.empty()) {
        delivery.ehlo_name = settings.ehlo_name;
    }
    co_return co_await deliver_directly(parts, settings, std::move(delivery));
}

}  // namespace

void mail_report(const SenderParts& parts, ReportMailSettings settings, ReportMail mail,
                 std::function<void(DeliveryAttempt)> done) {
    net::spawn(
        parts.loop,
        [parts, settings = std::move(settings), mail = std::move(mail), done = std::move(done)]() -> awaitable<void> {
            DeliveryAttempt attempt = co_await deliver(parts, settings, mail);
            done(std::move(attempt));
        });
}

}  // namespace postseal::sender
