#include "hosting/mx_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "base/text.h"

namespace postseal::hosting {

namespace {

namespace json = boost::json;

json::value or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

std::string text_of(const json::object& object, std::string_view member) {
    const json::value* value = object.if_contains(member);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<TimePoint> time_of(const json::object& object, std::string_view member) {
    const json::value* value = object.if_contains(member);
    return value != nullptr && value->is_int64() ? std::optional(TimePoint(Seconds(value->get_int64()))) : std::nullopt;
}

json::value time_value(const std::optional<TimePoint>& time) {
    return time ? json::value(static_cast<std::int64_t>(time->time_since_epoch().count())) : json::value(nullptr);
}

std::optional<MxHost> host_from_json(const json::object& object) {
    const auto name = dns::Name::parse_ascii(text_of(object, "host"));
    if (!name) {
        return std::nullopt;
    }
    MxHost host;
    host.host = *name;
    if (const json::value* preference = object.if_contains("preference");
        preference != nullptr && preference->is_int64()) {
        host.preference = static_cast<std::uint16_t>(preference->get_int64());
    }
    if (const json::value* offered = object.if_contains("starttls"); offered != nullptr && offered->is_bool()) {
        host.starttls = offered->get_bool();
    }
    host.tls_version = text_of(object, "tls_version");
    host.problem_code = text_of(object, "problem_code");
    host.problem = text_of(object, "problem");
    host.probed = time_of(object, "probed");
    if (const auto not_after = time_of(object, "not_after")) {
        host.certificate = MxHost::Certificate{*not_after, {}, text_of(object, "issuer")};
        if (const json::value* names = object.if_contains("names"); names != nullptr && names->is_array()) {
            for (const json::value& one : names->get_array()) {
                if (one.is_string()) {
                    host.certificate->names.emplace_back(one.get_string());
                }
            }
        }
    }
    return host;
}

struct Words {
    std::string_view code;
    std::string text;
};

Words words_for_certificate(net::CertificateError error, const MxHost& host) {
    switch (error) {
        case net::CertificateError::expired:
            return {"certificate-expired", fmt::format("{}: the certificate has expired", host.host.text())};
        case net::CertificateError::host_mismatch:
            return {"certificate-name",
                    fmt::format("{}: the certificate is not for this name, but for {}", host.host.text(),
                                host.certificate ? join(host.certificate->names, ", ") : "another")};
        case net::CertificateError::not_yet_valid:
        case net::CertificateError::untrusted:
        case net::CertificateError::other:
        case net::CertificateError::none:
            break;
    }
    return {"certificate-untrusted",
            fmt::format("{}: the certificate leads to no trusted root ({})", host.host.text(), to_string(error))};
}

Words words_for(const net::SmtpProbeResult& probe, const MxHost& host) {
    using net::SmtpFailure;
    switch (probe.failure) {
        case SmtpFailure::none:
            return {"", ""};
        case SmtpFailure::starttls_not_offered:
            return {"starttls-missing", fmt::format("{} does not offer STARTTLS", host.host.text())};
        case SmtpFailure::starttls_refused:
        case SmtpFailure::handshake:
            return {"tls-failed", fmt::format("{}: TLS fails: {}", host.host.text(), probe.error)};
        case SmtpFailure::certificate:
            return words_for_certificate(probe.tls ? probe.tls->certificate_error : net::CertificateError::other, host);
        case SmtpFailure::timeout:
            return {"timeout", fmt::format("{} does not answer in time: {}", host.host.text(), probe.error)};
        default:
            return {"unreachable", fmt::format("{} cannot be reached: {}", host.host.text(), probe.error)};
    }
}

Condition testing_days_condition(const ReadinessFacts& facts, int testing_days, TimePoint now) {
    Condition condition;
    condition.id = "testing-days";
    condition.required_days = testing_days;
    condition.days =
        facts.testing_since ? std::chrono::duration_cast<std::chrono::days>(now - *facts.testing_since).count() : 0;
    condition.status = facts.testing_since && *condition.days >= testing_days ? "ok" : "failed";
    condition.proof = fmt::format("{} of {} days in testing", *condition.days, testing_days);
    return condition;
}

// The result types that mean: in enforce this session would not have delivered (RFC 8460 §4.3.1). Those about fetching
// the policy are not among them, since without a policy nothing is enforced.
bool would_refuse(const std::string& result_type) {
    constexpr std::array<std::string_view, 5> types{"starttls-not-supported", "certificate-host-mismatch",
                                                    "certificate-expired", "certificate-not-trusted",
                                                    "validation-failure"};
    return std::find(types.begin(), types.end(), result_type) != types.end();
}

Condition reports_condition(const ReadinessFacts& facts) {
    Condition condition;
    condition.id = "reports-clean";
    std::set<std::string> submitters;
    std::set<std::string> hosts;
    std::int64_t sessions = 0;
    std::int64_t refused = 0;
    for (const store::StoredReport& stored : facts.reports) {
        const bool trusted = stored.trust == store::Trust::known || stored.trust == store::Trust::operator_;
        const TimePoint end = stored.report.end.value_or(stored.received);
        if (!trusted || (facts.testing_since && end < *facts.testing_since)) {
            continue;
        }
        for (const tlsrpt::PolicyResult& policy : stored.report.policies) {
            if (policy.policy_type != "sts") {
                continue;
            }
            submitters.insert(stored.submitter);
            sessions += static_cast<std::int64_t>(policy.successful + policy.failed);
            for (const tlsrpt::FailureDetail& failure : policy.failures) {
                if (would_refuse(failure.result_type)) {
                    refused += static_cast<std::int64_t>(failure.sessions);
                    hosts.insert(failure.receiving_mx_hostname.value_or(""));
                }
            }
        }
    }
    hosts.erase("");
    condition.senders = static_cast<std::int64_t>(submitters.size());
    condition.sessions = sessions;
    condition.refused_sessions = refused;
    condition.hosts.assign(hosts.begin(), hosts.end());
    if (refused > 0) {
        condition.status = "failed";
        condition.proof = fmt::format("{} sessions in trusted reports would have been refused in enforce", refused);
    } else if (submitters.empty()) {
        condition.status = "unknown";
        condition.proof = "no trusted report has arrived yet: unknown, not failed";
    } else {
        condition.status = "ok";
        condition.proof = fmt::format("{} sessions reported by {} trusted senders, none would have been refused",
                                      sessions, submitters.size());
    }
    return condition;
}

std::string list_of(const std::vector<std::string>& sentences) {
    return join(sentences, "; ");
}

Condition probes_condition(const MxWatch& watch) {
    Condition condition;
    condition.id = "mx-probes";
    condition.hosts_total = static_cast<std::int64_t>(watch.hosts.size());
    std::vector<std::string> problems;
    for (const MxHost& host : watch.hosts) {
        if (!host.problem_code.empty() || !host.probed) {
            condition.hosts.push_back(host.host.text());
            problems.push_back(host.probed ? host.problem : host.host.text() + " has not been probed yet");
        }
    }
    condition.status = watch.hosts.empty() || !problems.empty() ? "failed" : "ok";
    condition.proof = watch.hosts.empty() ? (watch.problem.empty() ? "no MX host is known" : watch.problem)
                      : problems.empty()  ? fmt::format(
                                                "every one of {} MX hosts offers STARTTLS with a valid "
                                                 "certificate of at least {} days",
                                                watch.hosts.size(), certificate_days_min)
                                         : list_of(problems);
    return condition;
}

Condition in_policy_condition(const ReadinessFacts& facts) {
    Condition condition;
    condition.id = "mx-in-policy";
    condition.hosts_total = static_cast<std::int64_t>(facts.watch.hosts.size());
    for (const MxHost& host : facts.watch.hosts) {
        const bool listed = std::any_of(facts.policy_mx.begin(), facts.policy_mx.end(),
                                        [&](const auto& pattern) { return mtasts::mx_matches(pattern, host.host); });
        if (!listed) {
            condition.hosts.push_back(host.host.text());
        }
    }
    condition.status = facts.watch.hosts.empty() || !condition.hosts.empty() ? "failed" : "ok";
    condition.proof = facts.watch.hosts.empty() ? "no MX host is known"
                      : condition.hosts.empty()
                          ? "every MX host is in the policy"
                          : fmt::format("in DNS but not in the policy: {}", join(condition.hosts, ", "));
    return condition;
}

}  // namespace

std::vector<dns::Name> MxWatch::names() const {
    std::vector<dns::Name> all;
    for (const MxHost& host : hosts) {
        all.push_back(host.host);
    }
    return all;
}

std::string mx_watch_to_json(const MxWatch& watch) {
    json::array hosts;
    for (const MxHost& host : watch.hosts) {
        json::object object;
        object["host"] = host.host.text();
        object["preference"] = static_cast<std::int64_t>(host.preference);
        object["starttls"] = host.starttls ? json::value(*host.starttls) : json::value(nullptr);
        object["tls_version"] = or_null(host.tls_version);
        object["problem_code"] = or_null(host.problem_code);
        object["problem"] = or_null(host.problem);
        object["probed"] = time_value(host.probed);
        if (host.certificate) {
            object["not_after"] = time_value(host.certificate->not_after);
            object["issuer"] = or_null(host.certificate->issuer);
            json::array names;
            for (const std::string& name : host.certificate->names) {
                names.emplace_back(name);
            }
            object["names"] = std::move(names);
        }
        hosts.push_back(std::move(object));
    }
    return json::serialize(json::object{{"dnssec", watch.dnssec},
                                        {"looked", time_value(watch.looked)},
                                        {"problem", or_null(watch.problem)},
                                        {"hosts", std::move(hosts)}});
}

MxWatch mx_watch_from_json(std::string_view text) {
    MxWatch watch;
    boost::system::error_code bad;
    const json::value value = text.empty() ? json::value(nullptr) : json::parse(text, bad);
    if (bad || !value.is_object()) {
        return watch;
    }
    const json::object& object = value.get_object();
    if (const std::string dnssec = text_of(object, "dnssec"); !dnssec.empty()) {
        watch.dnssec = dnssec;
    }
    watch.looked = time_of(object, "looked");
    watch.problem = text_of(object, "problem");
    if (const json::value* hosts = object.if_contains("hosts"); hosts != nullptr && hosts->is_array()) {
        for (const json::value& one : hosts->get_array()) {
            if (auto host = one.is_object() ? host_from_json(one.get_object()) : std::nullopt) {
                watch.hosts.push_back(std::move(*host));
            }
        }
    }
    return watch;
}

void judge_probe(MxHost& host, const net::SmtpProbeResult& probe, TimePoint now) {
    host.probed = now;
    host.starttls = std::nullopt;
    host.tls_version.clear();
    host.certificate.reset();
    const bool reached = probe.failure == net::SmtpFailure::none || probe.failure == net::SmtpFailure::certificate ||
                         probe.failure == net::SmtpFailure::handshake ||
                         probe.failure == net::SmtpFailure::starttls_refused ||
                         probe.failure == net::SmtpFailure::starttls_not_offered;
    if (reached) {
        host.starttls = probe.offered;
    }
    if (probe.tls) {
        host.tls_version = probe.tls->version;
        if (probe.tls->certificate) {
            host.certificate = MxHost::Certificate{probe.tls->certificate->not_after, probe.tls->certificate->names,
                                                   probe.tls->certificate->issuer};
        }
    }
    Words words = words_for(probe, host);
    if (words.code.empty() && host.certificate &&
        host.certificate->not_after < now + std::chrono::days(certificate_days_min)) {
        words = {"certificate-expiring",
                 fmt::format("{}: the certificate ends on {}, in less than {} days", host.host.text(),
                             to_rfc3339(host.certificate->not_after), certificate_days_min)};
    }
    host.problem_code = words.code;
    host.problem = printable(words.text, 500);
}

Readiness judge_readiness(const ReadinessFacts& facts, int testing_days, TimePoint now) {
    Readiness readiness;
    readiness.conditions.push_back(testing_days_condition(facts, testing_days, now));
    readiness.conditions.push_back(reports_condition(facts));
    readiness.conditions.push_back(probes_condition(facts.watch));
    readiness.conditions.push_back(in_policy_condition(facts));
    // Rule 4: no trusted report is unknown, and does not keep the gate shut.
    readiness.ready = std::none_of(readiness.conditions.begin(), readiness.conditions.end(),
                                   [](const Condition& condition) { return condition.status == "failed"; });
    return readiness;
}

}  // namespace postseal::hosting
