#include "hosting/mx_alerts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.h"

namespace postseal::hosting {

namespace {

namespace json = boost::json;
using store::AlertSeverity;
using store::NewAlert;

constexpr std::array expiry_steps_days = {1, 3, 7, 14, 30};

AlertSeverity severity_of_step(int days) {
    return days <= 3    ? AlertSeverity::critical
           : days <= 7  ? AlertSeverity::error
           : days <= 14 ? AlertSeverity::warning
                        : AlertSeverity::info;
}

NewAlert about_host(std::string_view kind, AlertSeverity severity, const dns::Name& host, json::object more = {}) {
    json::object arguments{{"host", host.text()}};
    for (const auto& member : more) {
        arguments[member.key()] = member.value();
    }
    return {std::string(kind), severity, host.text(), json::serialize(arguments)};
}

// Without the host's name before it, which the alert's own text says.
std::string problem_of(const MxHost& host) {
    const std::string prefix = host.host.text() + ": ";
    return host.problem.starts_with(prefix) ? host.problem.substr(prefix.size()) : host.problem;
}

void add_probe_alert(const MxHost& host, mtasts::Mode mode, std::vector<NewAlert>& out) {
    const AlertSeverity refused = mode == mtasts::Mode::enforce ? AlertSeverity::critical : AlertSeverity::warning;
    const std::string& code = host.problem_code;
    if (code == "starttls-missing") {
        out.push_back(about_host("mx-starttls-missing", refused, host.host));
    } else if (code == "tls-failed" || code == "certificate-expired" || code == "certificate-name" ||
               code == "certificate-untrusted") {
        out.push_back(about_host("mx-certificate-invalid", refused, host.host, {{"problem", problem_of(host)}}));
    } else if (code == "unreachable" || code == "timeout" || code == "no-address") {
        out.push_back(about_host("mx-unreachable", AlertSeverity::warning, host.host, {{"problem", problem_of(host)}}));
    }
}

}  // namespace

const std::vector<std::string_view>& mx_alert_kinds() {
    static const std::vector<std::string_view> kinds = {"mx-new-host",
                                                        "mx-vanished",
                                                        "mx-unreachable",
                                                        "mx-starttls-missing",
                                                        "mx-certificate-invalid",
                                                        "mx-certificate-expiring",
                                                        "mx-tlsa-mismatch",
                                                        "mx-dnssec-bogus",
                                                        "reports-refused"};
    return kinds;
}

std::optional<int> expiry_step(const MxHost::Certificate& certificate, TimePoint now) {
    for (const int days : expiry_steps_days) {
        if (certificate.not_after - now > std::chrono::days(days)) {
            continue;
        }
        // A certificate that lives for six days is always near its end; one that was made a month ago for 90 days is
        // not.
        const bool news =
            !certificate.not_before || (certificate.not_after - *certificate.not_before) / 3 >= std::chrono::days(days);
        return news || days == expiry_steps_days.front() ? std::optional(days) : std::nullopt;
    }
    return std::nullopt;
}

std::vector<NewAlert> mx_alerts(const MxAlertFacts& facts, TimePoint now) {
    std::vector<NewAlert> out;
    // Without a policy, or with one that is being withdrawn, no sender minds what the hosts do.
    if (facts.mode == mtasts::Mode::none) {
        return out;
    }
    const bool enforced = facts.mode == mtasts::Mode::enforce;
    for (const NewMxHost& fresh : facts.drift.fresh) {
        if (!fresh.add) {
            out.push_back(about_host("mx-new-host", enforced ? AlertSeverity::critical : AlertSeverity::warning,
                                     fresh.host, {{"reason", fresh.reason}}));
        }
    }
    for (const UnneededPattern& one : facts.drift.unneeded) {
        const std::string& pattern = one.pattern.text();
        out.push_back({"mx-vanished", one.propose ? AlertSeverity::warning : AlertSeverity::info, pattern,
                       store::alert_arguments({{"host", pattern}, {"since", to_rfc3339(one.since)}})});
    }
    for (const MxHost& host : facts.watch.hosts) {
        add_probe_alert(host, facts.mode, out);
        const bool ends = host.problem_code.empty() || host.problem_code == "certificate-expiring";
        if (const auto step = host.certificate && ends ? expiry_step(*host.certificate, now) : std::nullopt) {
            out.push_back(about_host("mx-certificate-expiring", severity_of_step(*step), host.host,
                                     {{"not_after", to_rfc3339(host.certificate->not_after)}, {"days", *step}}));
        }
        if (host.dane == "mismatch") {
            out.push_back(about_host("mx-tlsa-mismatch", AlertSeverity::critical, host.host));
        }
    }
    if (facts.watch.dnssec == "bogus") {
        out.push_back({"mx-dnssec-bogus", AlertSeverity::critical, "", "{}"});
    }
    // Rule 5: an attack looks the same, so this says so and changes nothing.
    if (enforced && facts.lately.refused > 0) {
        std::vector<std::string> causes;
        for (const Refusals::OfCause& cause : facts.lately.causes) {
            causes.push_back(cause.result_type);
        }
        std::sort(causes.begin(), causes.end());
        causes.erase(std::unique(causes.begin(), causes.end()), causes.end());
        out.push_back(
            {"reports-refused", AlertSeverity::error, "",
             json::serialize(json::object{{"sessions", facts.lately.refused}, {"causes", join(causes, ", ")}})});
    }
    return out;
}

}  // namespace postseal::hosting
