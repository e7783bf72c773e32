#include "sender/report_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "sender/testing_mode.h"
#include "tlsrpt/result_type.h"

namespace postseal::sender {

namespace {

// Of a lookup, not of a session (RFC 8460 §4.3.2.2).
bool is_of_a_lookup(const tlsrpt::FailureDetail& failure) {
    const auto type = tlsrpt::result_type_from_string(failure.result_type);
    return !failure.receiving_ip && !failure.receiving_mx_hostname &&
           (type == tlsrpt::ResultType::sts_policy_fetch_error || type == tlsrpt::ResultType::sts_policy_invalid ||
            type == tlsrpt::ResultType::sts_webpki_invalid);
}

bool is_of_lookups(const tlsrpt::PolicyResult& policy) {
    return policy.successful == 0 && !policy.failures.empty() &&
           std::all_of(policy.failures.begin(), policy.failures.end(), is_of_a_lookup);
}

// RFC 8460 §3: of DANE the policy domain is the TLSA base domain.
std::optional<dns::Name> base_domain(const tlsrpt::PolicyResult& policy) {
    if (policy.policy_type != tlsrpt::to_string(tlsrpt::PolicyType::tlsa) || !policy.policy_domain) {
        return std::nullopt;
    }
    const Result<dns::Name> base = dns::Name::parse(*policy.policy_domain);
    return base && !base->is_root() ? std::optional(*base) : std::nullopt;
}

void file_under_base_domains(ReportDay& day) {
    std::map<dns::Name, std::map<dns::Name, std::vector<tlsrpt::PolicyResult>>> at_hosts;
    for (const auto& [domain, domain_day] : day) {
        for (const tlsrpt::PolicyResult& policy : domain_day.policies) {
            if (const auto base = base_domain(policy); base && *base != domain) {
                at_hosts[*base][domain].push_back(policy);
            }
        }
    }
    for (auto& [base, by_recipient] : at_hosts) {
        for (auto& [recipient, policies] : by_recipient) {
            day[base].at_hosts.push_back({recipient, std::move(policies)});
        }
    }
}

}  // namespace

Result<ReportDay> read_report_day(store::Store& store, Day day) {
    POSTSEAL_TRY(auto sessions, store.session_counts.of_day(day));
    POSTSEAL_TRY(auto hosts, store.session_counts.testing_hosts(day));
    POSTSEAL_TRY(const auto reports_to, store.handed_reports.domains_on(day));
    ReportDay by_domain;
    for (tlsrpt::Count& count : sessions) {
        DomainDay& domain_day = by_domain[count.domain];
        if (!count.record.empty()) {
            domain_day.record = count.record;
        }
        domain_day.policies.push_back(std::move(count.policy));
    }
    std::map<dns::Name, std::vector<store::TestingHost>> testing_hosts;
    for (store::TestingHost& host : hosts) {
        testing_hosts[host.domain].push_back(std::move(host));
    }
    for (const auto& [domain, of_domain] : testing_hosts) {
        file_under_testing_policy(by_domain[domain].policies, of_domain);
    }
    for (auto& [domain, domain_day] : by_domain) {
        domain_day.only_our_reports =
            domain_day.record.empty() && reports_to.contains(domain) &&
            std::all_of(domain_day.policies.begin(), domain_day.policies.end(), is_of_lookups);
    }
    file_under_base_domains(by_domain);
    std::erase_if(by_domain,
                  [](const auto& entry) { return entry.second.policies.empty() && entry.second.at_hosts.empty(); });
    return by_domain;
}

std::optional<tlsrpt::Report> report_to(Day day, const dns::Name& domain, const DomainDay& domain_day,
                                        const std::set<dns::Name>& told_already, const tlsrpt::Submitter& submitter) {
    std::vector<tlsrpt::PolicyResult> policies;
    if (!domain_day.only_our_reports) {
        policies = domain_day.policies;
    }
    std::string left_out;
    for (const HostResults& results : domain_day.at_hosts) {
        if (told_already.contains(results.recipient)) {
            left_out += results.recipient.text() + ' ';
        } else {
            policies.insert(policies.end(), results.policies.begin(), results.policies.end());
        }
    }
    if (policies.empty()) {
        return std::nullopt;
    }
    tlsrpt::Report report = tlsrpt::report_of_day(day, domain, policies, submitter);
    if (!left_out.empty()) {  // RFC 8460 §4.4: another report, another report-id
        constexpr std::size_t digits = 8;
        const std::size_t at = report.report_id->rfind('@');
        report.report_id->insert(at, "." + to_hex(sha256(as_bytes(left_out))).substr(0, digits));
    }
    return report;
}

TimePoint report_moment(std::string_view secret, Day day, const dns::Name& domain, Seconds spread) {
    const TimePoint over(day + std::chrono::days(1));
    if (spread <= Seconds(0)) {
        return over;
    }
    const Sha256 digest = sha256(as_bytes(fmt::format("{} {} {}", secret, to_iso_day(day), domain.text())));
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) {
        number = number << 8 | digest.at(i);
    }
    return over + Seconds(1 + static_cast<std::int64_t>(number % static_cast<std::uint64_t>(spread.count())));
}

}  // namespace postseal::sender
