#include "app/demo_sender.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <future>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "net/socket_address.h"
#include "tlsrpt/record.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds delivery_limit{10'000};
constexpr timeval socket_limit{30, 0};  // Postfix waits 100 s for the policy daemon

// libtlsrpt's numbers (tlsrpt.h).
constexpr int policy_type_sts = 2;
constexpr int policy_type_none = 9;
constexpr int starttls_not_supported = 201;
constexpr int certificate_host_mismatch = 202;
constexpr int certificate_not_trusted = 203;
constexpr int certificate_expired = 204;
constexpr int validation_failure = 205;

net::Socket connected(const net::ListenAddress& address, int type) {
    const net::SocketAddress target(address);
    net::Socket socket(::socket(target.generic()->sa_family, type | SOCK_CLOEXEC, 0));
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &socket_limit, sizeof socket_limit);
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &socket_limit, sizeof socket_limit);
    if (::connect(socket.fd(), target.generic(), target.size) != 0) {
        socket.close();
    }
    return socket;
}

Error no_answer(std::string_view who) {
    return {Errc::temporary, std::string(who), std::generic_category().message(errno)};
}

// "NAME = VALUE" inside braces, "NAME=VALUE" outside.
void take_attribute(MailPolicy& policy, std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return;
    }
    const std::string_view key = trim_wsp(text.substr(0, equals));
    const std::string value(trim_wsp(text.substr(equals + 1)));
    if (key == "match") {
        for (const std::string_view one : split(value, ':')) {
            policy.match.emplace_back(one);
        }
    } else if (key == "policy_type") {
        policy.sts = value == "sts";
    } else if (key == "policy_domain") {
        policy.policy_domain = value;
    } else if (key == "mx_host_pattern") {
        policy.mx_host_patterns.push_back(value);
    } else if (key == "policy_string") {
        policy.policy_strings.push_back(value);
    }
}

// The names that the certificate may carry: Postfix's match= list, in which ".example.com" stands for one label more.
std::vector<dns::Name> names_of(const MailPolicy& policy, const dns::Name& mx) {
    std::vector<dns::Name> names;
    for (const std::string& pattern : policy.match) {
        const bool below = pattern.starts_with('.');
        const auto name = dns::Name::parse_ascii(below ? pattern.substr(1) : pattern);
        if (name && !below) {
            names.push_back(*name);
        } else if (name && mx.parent() == *name) {
            names.push_back(mx);
        }
    }
    if (names.empty() && !policy.match.empty()) {
        names.push_back(dns::Name::parse_ascii("invalid").value());  // a name that no certificate is for (RFC 6761)
    }
    return names;
}

net::SmtpTlsPolicy tls_policy(const MailPolicy& policy, const dns::Name& mx) {
    using Level = net::SmtpTlsPolicy::Level;
    net::SmtpTlsPolicy tls;
    if (policy.level == "secure") {
        tls.level = Level::secure;
        tls.names = names_of(policy, mx);
    } else if (policy.level == "encrypt") {
        tls.level = Level::encrypt;
    } else {
        tls.level = policy.level == "none" ? Level::none : Level::may;
    }
    return tls;
}

int certificate_code(net::CertificateError error) {
    switch (error) {
        case net::CertificateError::expired:
            return certificate_expired;
        case net::CertificateError::host_mismatch:
            return certificate_host_mismatch;
        case net::CertificateError::untrusted:
            return certificate_not_trusted;
        default:
            return validation_failure;
    }
}

// The libtlsrpt code of a failed session; 0 for a TLS session as it was wished for, nothing where there was none.
std::optional<int> result_code(const net::SmtpDeliveryResult& result, const MailPolicy& policy) {
    switch (result.failure) {
        case net::SmtpFailure::starttls_not_offered:
        case net::SmtpFailure::starttls_refused:
            return policy.demands_tls() ? std::optional(starttls_not_supported) : std::nullopt;
        case net::SmtpFailure::handshake:
            return validation_failure;
        case net::SmtpFailure::certificate:
            return certificate_code(result.tls ? result.tls->certificate_error : net::CertificateError::other);
        default:
            return result.tls ? std::optional(0) : std::nullopt;
    }
}

json::array array_of(const std::vector<std::string>& texts) {
    json::array out;
    for (const std::string& text : texts) {
        out.emplace_back(text);
    }
    return out;
}

std::string describe(const net::SmtpDeliveryResult& result, const dns::Name& mx, const MailPolicy& policy) {
    if (result.failure != net::SmtpFailure::none) {
        return fmt::format("{}: {}", mx.text(), printable(result.error, 120));
    }
    if (!result.tls) {
        return fmt::format("to {} in the clear", mx.text());
    }
    return fmt::format("to {} over {}{}", mx.text(), policy.level == "secure" ? "verified " : "", result.tls->version);
}

}  // namespace

MailPolicy parse_policy_reply(std::string_view reply) {
    MailPolicy policy;
    if (!reply.starts_with("OK ")) {
        policy.level = reply.starts_with("NOTFOUND") ? "may" : "temp";
        return policy;
    }
    reply.remove_prefix(3);
    const std::size_t level_end = std::min(reply.find(' '), reply.size());
    policy.level = std::string(reply.substr(0, level_end));
    reply.remove_prefix(level_end);
    while (!(reply = trim_wsp(reply)).empty()) {
        const bool braced = reply.front() == '{';
        const std::size_t end = std::min(reply.find(braced ? '}' : ' '), reply.size());
        take_attribute(policy, reply.substr(braced ? 1 : 0, end - (braced ? 1 : 0)));
        reply.remove_prefix(std::min(reply.size(), end + 1));
    }
    return policy;
}

std::optional<std::string> session_datagram(const dns::Name& domain, const std::string& record, const dns::Name& mx,
                                            const net::SmtpDelivery& delivery, const net::SmtpDeliveryResult& result,
                                            const MailPolicy& policy) {
    const std::optional<int> code = result_code(result, policy);
    if (!code) {
        return std::nullopt;
    }
    json::object told;
    told["policy-type"] = policy.sts ? policy_type_sts : policy_type_none;
    if (policy.sts) {  // Postfix leaves policy-domain out where it found no policy
        told["policy-domain"] = policy.policy_domain;
        told["policy-string"] = array_of(policy.policy_strings);
        told["mx-host"] = array_of(policy.mx_host_patterns);
    }
    if (*code != 0) {
        json::object detail{{"c", *code}};
        if (result.local_address) {
            detail["s"] = result.local_address->text();
        }
        detail["n"] = mx.text();
        detail["h"] = "250-" + result.ehlo;
        detail["r"] = delivery.address.text();
        told["failure-details"] = json::array{detail};
    }
    told["t"] = *code != 0 ? 1 : 0;
    told["f"] = *code != 0 ? 1 : 0;
    return json::serialize(
        json::object{{"dpv", "1"}, {"d", domain.text()}, {"pr", record}, {"policies", json::array{told}}});
}

DemoSender::DemoSender(net::Loop& loop, net::Resolver& resolver, DemoSenderSettings settings)
    : loop_(loop), resolver_(resolver), settings_(std::move(settings)) {}

net::DnsAnswer DemoSender::resolve(const dns::Name& name, dns::Type type) {
    auto done = std::make_shared<std::promise<net::DnsAnswer>>();
    resolver_.resolve(name, type, [done](net::DnsAnswer answer) { done->set_value(std::move(answer)); });
    return done->get_future().get();
}

std::vector<dns::Name> DemoSender::mx_hosts(const dns::Name& domain) {
    std::vector<dns::MxData> records = resolve(domain, dns::Type::mx).all<dns::MxData>();
    // RFC 5321 §5.1: by preference, those of one preference in random order.
    std::ranges::shuffle(records, random_);
    std::ranges::stable_sort(records, {}, &dns::MxData::preference);
    std::vector<dns::Name> hosts;
    hosts.reserve(records.size());
    for (const dns::MxData& record : records) {
        hosts.push_back(record.exchange);
    }
    return hosts;
}

// "" = the domain wants no reports.
std::string DemoSender::tlsrpt_record(const dns::Name& domain) {
    const auto name = tlsrpt::tlsrpt_record_name(domain);
    if (!name) {
        return "";
    }
    std::vector<std::string> texts;
    for (const dns::TxtData& txt : resolve(*name, dns::Type::txt).all<dns::TxtData>()) {
        texts.push_back(txt.joined());
    }
    return texts.size() == 1 && tlsrpt::judge_tlsrpt_records(texts).record ? texts.front() : "";
}

Result<std::string> DemoSender::ask_policyd(const dns::Name& domain) const {
    const net::Socket socket = connected(settings_.policyd, SOCK_STREAM);
    const std::string question = "QUERYwithTLSRPT " + domain.text();
    const std::string request = fmt::format("{}:{},", question.size(), question);
    if (!socket.valid() || ::send(socket.fd(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        return no_answer("policyd");
    }
    std::string received;
    while (true) {
        const std::size_t colon = received.find(':');
        if (colon != std::string::npos) {
            const auto length = parse_decimal(std::string_view(received).substr(0, colon));
            if (!length) {
                return Error{Errc::temporary, "policyd", "its answer is no netstring"};
            }
            if (received.size() >= colon + 1 + *length + 1) {
                return received.substr(colon + 1, *length);
            }
        }
        std::array<char, 4096> buffer{};
        const ssize_t got = ::recv(socket.fd(), buffer.data(), buffer.size(), 0);
        if (got <= 0) {
            return no_answer("policyd");
        }
        received.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

void DemoSender::tell_collector(const std::string& datagram) {
    const net::Socket socket = connected(net::ListenAddress::unix_path(settings_.collector_socket), SOCK_DGRAM);
    if (socket.valid() && ::send(socket.fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL) > 0) {
        ++sessions_told_;
    }
}

LetterOutcome DemoSender::send(const dns::Name& domain) {
    LetterOutcome outcome;
    const auto reply = ask_policyd(domain);
    if (!reply) {
        outcome.how = reply.error().message();
        return outcome;
    }
    const MailPolicy policy = parse_policy_reply(*reply);
    outcome.policy = std::string(trim_wsp(std::string_view(*reply).substr(0, reply->find(" match="))));
    if (!policy.demands_tls() && policy.level != "may" && policy.level != "none") {
        outcome.how = policy.level == "temp" ? printable(*reply, 120)
                                             : "the demo's sender does not do the level " + printable(policy.level, 40);
        return outcome;
    }
    const std::string record = tlsrpt_record(domain);
    outcome.how = "no MX host is known";
    for (const dns::Name& mx : mx_hosts(domain)) {
        for (const dns::AddressData& address : resolve(mx, dns::Type::a).all<dns::AddressData>()) {
            net::SmtpDelivery delivery;
            delivery.host = mx;
            delivery.address = address.address;
            delivery.port = settings_.smtp_port;
            delivery.ehlo_name = settings_.host.text();
            delivery.mail_from = "demo@" + settings_.host.text();
            delivery.recipients = {"somebody@" + domain.text()};
            delivery.message = fmt::format(
                "From: <{}>\r\nTo: <{}>\r\nSubject: Letter {} of the demo\r\n\r\nMail travels encrypted and "
                "authenticated, or not at all.\r\n",
                delivery.mail_from, delivery.recipients.front(), ++letters_);
            delivery.tls = tls_policy(policy, mx);
            delivery.trust = settings_.trust;
            delivery.guard = net::AddressGuard(net::NonGlobal::allow);
            delivery.timeout = delivery_limit;
            auto done = std::make_shared<std::promise<net::SmtpDeliveryResult>>();
            net::smtp_deliver(loop_, delivery,
                              [done](net::SmtpDeliveryResult result) { done->set_value(std::move(result)); });
            const net::SmtpDeliveryResult result = done->get_future().get();
            const auto datagram = session_datagram(domain, record, mx, delivery, result, policy);
            if (datagram && !record.empty()) {
                tell_collector(*datagram);
            }
            outcome.how = describe(result, mx, policy);
            if (result.failure == net::SmtpFailure::none) {
                outcome.delivered = true;
                return outcome;
            }
        }
    }
    return outcome;
}

}  // namespace postseal::app
