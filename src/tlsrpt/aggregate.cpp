#include "tlsrpt/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "tlsrpt/result_type.h"

namespace postseal::tlsrpt {

namespace {

// Texts one after another, each behind its length: no two lists of texts give the same key.
void append_key(std::string& key, std::string_view text) {
    const auto length = static_cast<std::uint32_t>(text.size());
    key.append({static_cast<char>(length), static_cast<char>(length >> 8), static_cast<char>(length >> 16),
                static_cast<char>(length >> 24)});
    key.append(text);
}
void append_key(std::string& key, const std::optional<std::string>& text) {
    key += text ? '+' : '-';
    append_key(key, std::string_view(text ? *text : std::string_view()));
}
void append_key(std::string& key, const std::vector<std::string>& texts) {
    key += '[';
    for (const std::string& text : texts) {
        append_key(key, std::string_view(text));
    }
    key += ']';
}

// RPT-032: the policy as it was applied, strings included; one that changed at noon gives two entries.
void identity_of(const PolicyResult& policy, std::string& key) {
    key.clear();
    append_key(key, std::string_view(policy.policy_type));
    append_key(key, policy.policy_domain);
    append_key(key, policy.policy_strings);
    append_key(key, policy.mx_hosts);
}

void identity_of(const FailureDetail& failure, std::string& key) {
    key.clear();
    append_key(key, std::string_view(failure.result_type));
    append_key(key, failure.sending_mta_ip);
    append_key(key, failure.receiving_mx_hostname);
    append_key(key, failure.receiving_mx_helo);
    append_key(key, failure.receiving_ip);
    append_key(key, failure.additional_information);
    append_key(key, failure.reason_code);
}

PolicyResult without_counts(const PolicyResult& policy) {
    PolicyResult result;
    result.policy_type = policy.policy_type;
    result.policy_domain = policy.policy_domain;
    result.policy_strings = policy.policy_strings;
    result.mx_hosts = policy.mx_hosts;
    return result;
}

int order_of(const std::string& policy_type) {
    switch (policy_type_from_string(policy_type).value_or(PolicyType::no_policy_found)) {
        case PolicyType::sts:
            return 0;
        case PolicyType::tlsa:
            return 1;
        case PolicyType::no_policy_found:
            break;
    }
    return 2;
}

}  // namespace

Aggregate::DomainDay& Aggregate::at(Day day, const dns::Name& domain, const std::string& record) {
    DomainDay& result = by_key_[{day, domain}];
    if (!record.empty() && result.record != record) {
        result.record = record;
    }
    return result;
}

std::size_t Aggregate::place_of(DomainDay& of, const PolicyResult& policy, const dns::Name& domain) {
    identity_of(policy, scratch_);
    if (const auto known = of.by_identity.find(std::string_view(scratch_)); known != of.by_identity.end()) {
        return known->second;
    }
    PolicyResult fresh = without_counts(policy);
    if (of.policies.size() >= limits_.policies_per_domain_max) {
        fresh.policy_domain = domain.text();
        fresh.policy_strings.clear();
        fresh.mx_hosts.clear();
        identity_of(fresh, scratch_);
    }
    const auto [entry, is_new] = of.by_identity.emplace(scratch_, of.policies.size());
    if (is_new) {
        of.policies.push_back({std::move(fresh), {}});
    }
    return entry->second;
}

void Aggregate::add_failure(Counted& counted, const FailureDetail& failure) {
    std::vector<FailureDetail>& failures = counted.policy.failures;
    identity_of(failure, scratch_);
    if (const auto known = counted.details.find(std::string_view(scratch_)); known != counted.details.end()) {
        failures[known->second].sessions += failure.sessions;
        return;
    }
    FailureDetail fresh = failure;
    if (failures.size() >= limits_.details_per_policy_max) {
        fresh = FailureDetail{};
        fresh.result_type = failure.result_type;
        fresh.sessions = failure.sessions;
        fresh.reason_code = fmt::format("beyond {} different failures", limits_.details_per_policy_max);
        identity_of(fresh, scratch_);
    }
    const auto [entry, is_new] = counted.details.emplace(scratch_, failures.size());
    if (is_new) {
        failures.push_back(std::move(fresh));
    } else {
        failures[entry->second].sessions += failure.sessions;
    }
}

void Aggregate::add(Day day, const Session& session) {
    DomainDay& of = at(day, session.domain, session.record);
    // Rule 15: a session that names one policy twice is one session under it, failed if either says so.
    std::vector<std::pair<std::size_t, bool>> counted;
    for (const SessionPolicy& policy : session.policies) {
        const std::size_t place = place_of(of, policy.policy, session.domain);
        Counted& entry = of.policies[place];
        const auto before =
            std::find_if(counted.begin(), counted.end(), [&](const auto& c) { return c.first == place; });
        if (before == counted.end()) {
            // RPT-035: the final result decides, not the failures on the way to it.
            ++(policy.failed ? entry.policy.failed : entry.policy.successful);
            counted.emplace_back(place, policy.failed);
        } else if (policy.failed && !before->second) {
            --entry.policy.successful;
            ++entry.policy.failed;
            before->second = true;
        }
        for (const FailureDetail& failure : policy.policy.failures) {
            add_failure(entry, failure);
        }
    }
}

void Aggregate::add(const Count& count) {
    DomainDay& of = at(count.day, count.domain, count.record);
    Counted& entry = of.policies[place_of(of, count.policy, count.domain)];
    entry.policy.successful += count.policy.successful;
    entry.policy.failed += count.policy.failed;
    for (const FailureDetail& failure : count.policy.failures) {
        add_failure(entry, failure);
    }
}

std::vector<Count> Aggregate::take() {
    std::vector<Count> counts;
    for (auto& [key, of] : by_key_) {
        for (Counted& counted : of.policies) {
            counts.push_back({key.day, key.domain, of.record, std::move(counted.policy)});
        }
    }
    by_key_.clear();
    // Stable: the policies of a domain stay in the order in which they were first seen.
    std::stable_sort(counts.begin(), counts.end(), [](const Count& a, const Count& b) {
        return std::tie(a.day, a.domain) < std::tie(b.day, b.domain);
    });
    return counts;
}

Report report_of_day(Day day, const dns::Name& domain, const std::vector<PolicyResult>& policies,
                     const Submitter& submitter) {
    Aggregate merged;
    for (const PolicyResult& policy : policies) {
        merged.add(Count{day, domain, "", policy});
    }
    Report report;
    report.organization_name = submitter.organization_name;
    report.contact_info = submitter.contact_info;
    const auto at = submitter.contact_info.rfind('@');
    report.report_id = fmt::format("{}T00.00.00Z+{}@{}", to_iso_day(day), domain.text(),
                                   at == std::string::npos ? "invalid" : submitter.contact_info.substr(at + 1));
    // RFC 8460 §4.1: a full UTC day (RPT-033), in the form of the RFC's example.
    report.begin = TimePoint(day);
    report.end = TimePoint(day) + std::chrono::days(1) - Seconds(1);
    for (Count& count : merged.take()) {
        PolicyResult& policy = count.policy;
        std::stable_sort(policy.failures.begin(), policy.failures.end(),
                         [](const FailureDetail& a, const FailureDetail& b) { return a.sessions > b.sessions; });
        report.policies.push_back(std::move(policy));
    }
    std::stable_sort(report.policies.begin(), report.policies.end(), [](const PolicyResult& a, const PolicyResult& b) {
        const int left = order_of(a.policy_type);
        const int right = order_of(b.policy_type);
        return left != right ? left < right : a.policy_domain < b.policy_domain;
    });
    return report;
}

}  // namespace postseal::tlsrpt
