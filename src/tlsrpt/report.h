// The report of RFC 8460 §4 as a value: what was said, normalised, nothing invented. nullopt stands for what a sender
// left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace postseal::tlsrpt {

struct FailureDetail {
    std::string result_type;  // verbatim, also when unknown
    std::optional<std::string> sending_mta_ip;
    std::optional<std::string> receiving_mx_hostname;
    std::optional<std::string> receiving_mx_helo;
    std::optional<std::string> receiving_ip;
    std::uint64_t sessions = 0;
    std::optional<std::string> additional_information;
    std::optional<std::string> reason_code;
    friend bool operator==(const FailureDetail&, const FailureDetail&) = default;
};

struct PolicyResult {
    std::string policy_type;                   // verbatim, also when unknown
    std::optional<std::string> policy_domain;  // A-labels in lower case where it is a domain name
    std::vector<std::string> policy_strings;
    std::vector<std::string> mx_hosts;
    std::uint64_t successful = 0;
    std::uint64_t failed = 0;
    std::vector<FailureDetail> failures;
    friend bool operator==(const PolicyResult&, const PolicyResult&) = default;
};

struct Report {
    std::optional<std::string> organization_name;
    std::optional<std::string> contact_info;
    std::optional<std::string> report_id;
    std::optional<TimePoint> begin;
    std::optional<TimePoint> end;
    std::vector<PolicyResult> policies;
    friend bool operator==(const Report&, const Report&) = default;
};

// What the sender did that RFC 8460 does not say, and how it was read.
struct Deviation {
    std::string code;     // kebab-case and stable
    std::string message;  // one English sentence: where and what
    friend bool operator==(const Deviation&, const Deviation&) = default;
};

}  // namespace postseal::tlsrpt
