#include "sender/report_caps.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "tlsrpt/report_uri.h"
#include "tlsrpt/write.h"

namespace postseal::sender {

namespace {

using Scheme = tlsrpt::ReportUri::Scheme;

std::optional<tlsrpt::ReportUri> destination(const std::string& published) {
    const auto parts = tlsrpt::split_uri(published);
    if (!parts) {
        return std::nullopt;
    }
    const auto rua = iequals(parts->scheme, "mailto") ? tlsrpt::mailto_target(published, *parts)
                                                      : tlsrpt::https_target(published, *parts);
    return rua ? std::optional(*rua) : std::nullopt;
}

// The first `kept` details stand as they are: there are the most sessions.
void put_together(tlsrpt::PolicyResult& policy, std::size_t kept) {
    if (policy.failures.size() <= kept) {
        return;
    }
    std::map<std::string, std::pair<std::uint64_t, std::size_t>> rest;  // sessions, kinds
    for (std::size_t i = kept; i < policy.failures.size(); ++i) {
        auto& [sessions, kinds] = rest[policy.failures[i].result_type];
        sessions += policy.failures[i].sessions;
        ++kinds;
    }
    policy.failures.resize(kept);
    for (const auto& [type, sum] : rest) {
        tlsrpt::FailureDetail detail;
        detail.result_type = type;
        detail.sessions = sum.first;
        detail.reason_code = fmt::format("{} different failures, put together for the size of the report", sum.second);
        policy.failures.push_back(std::move(detail));
    }
}

}  // namespace

std::string destination_key(const tlsrpt::ReportUri& rua) {
    return rua.scheme == Scheme::mailto ? to_lower(rua.address) : rua.published;
}

std::string destination_host(const tlsrpt::ReportUri& rua) {
    if (rua.scheme == Scheme::mailto) {
        return rua.address.substr(rua.address.rfind('@') + 1);
    }
    const auto parts = tlsrpt::split_uri(rua.published);
    return parts && parts->host ? to_lower(tlsrpt::percent_decoded(*parts->host)) : rua.published;
}

DestinationCaps::DestinationCaps(const ReportCaps& caps, const std::vector<store::Delivery>& delivered) : caps_(caps) {
    for (const store::Delivery& delivery : delivered) {
        if (delivery.attempts == 0) {
            continue;
        }
        if (const auto rua = destination(delivery.rua)) {
            count(*rua);
        }
    }
}

void DestinationCaps::count(const tlsrpt::ReportUri& rua) {
    ++by_address_[destination_key(rua)];
    ++by_host_[destination_host(rua)];
}

std::optional<std::string> DestinationCaps::refuse(const tlsrpt::ReportUri& rua) {
    const auto reached = [](const std::map<std::string, std::uint64_t>& sent, const std::string& key,
                            std::uint64_t max) {
        const auto found = sent.find(key);
        return max > 0 && found != sent.end() && found->second >= max;
    };
    if (reached(by_address_, destination_key(rua), caps_.per_address_max)) {
        return fmt::format("{}{} reports of the day went to this address", cap_mark, caps_.per_address_max);
    }
    if (reached(by_host_, destination_host(rua), caps_.per_host_max)) {
        return fmt::format("{}{} reports of the day went to {}", cap_mark, caps_.per_host_max, destination_host(rua));
    }
    count(rua);
    return std::nullopt;
}

std::optional<std::string> json_within(tlsrpt::Report report, std::uint64_t compressed_bytes_max) {
    std::string json = tlsrpt::to_json(report);
    const auto fits = [&] {  // what is small enough as it is need not be compressed to know
        return json.size() < compressed_bytes_max || tlsrpt::gzip(as_bytes(json)).size() <= compressed_bytes_max;
    };
    std::size_t kept = 0;
    for (const tlsrpt::PolicyResult& policy : report.policies) {
        kept = std::max(kept, policy.failures.size());
    }
    while (!fits()) {
        if (kept == 0) {
            return std::nullopt;
        }
        kept /= 2;
        tlsrpt::Report shorter = report;
        for (tlsrpt::PolicyResult& policy : shorter.policies) {
            put_together(policy, kept);
        }
        json = tlsrpt::to_json(shorter);
    }
    return json;
}

}  // namespace postseal::sender
