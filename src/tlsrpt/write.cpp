#include "tlsrpt/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "base/text.h"
#include "tlsrpt/json_fields.h"

namespace postseal::tlsrpt {

namespace {

namespace json = boost::json;

// RFC 7493 §2.1 (RPT-020): whatever a peer's EHLO or certificate put into a string, the report is UTF-8.
json::string utf8(std::string_view text) {
    return json::string(is_valid_utf8(text) ? std::string(text) : to_valid_utf8(text));
}

json::array list(const std::vector<std::string>& texts) {
    json::array array;
    for (const std::string& text : texts) {
        array.emplace_back(utf8(text));
    }
    return array;
}

void put(json::object& object, std::string_view name, const std::optional<std::string>& text) {
    if (text) {
        object.emplace(json::string_view(name.data(), name.size()), utf8(*text));
    }
}

std::uint64_t count(std::uint64_t value) {
    return std::min(value, count_max);
}

// RPT-029: what is not known is left out; an empty string would be a wrong address.
json::object failure_object(const FailureDetail& failure) {
    json::object object;
    object.emplace("result-type", utf8(failure.result_type));
    put(object, "sending-mta-ip", failure.sending_mta_ip);
    put(object, "receiving-mx-hostname", failure.receiving_mx_hostname);
    put(object, "receiving-mx-helo", failure.receiving_mx_helo);
    put(object, "receiving-ip", failure.receiving_ip);
    object.emplace("failed-session-count", count(failure.sessions));
    put(object, "additional-information", failure.additional_information);
    put(object, "failure-reason-code", failure.reason_code);
    return object;
}

json::object policy_object(const PolicyResult& result) {
    json::object policy;
    policy.emplace("policy-type", utf8(result.policy_type));
    // RPT-024, RPT-025, RPT-027: lists of strings, never lists in strings; nothing where there was no policy.
    if (!result.policy_strings.empty()) {
        policy.emplace("policy-string", list(result.policy_strings));
    }
    put(policy, "policy-domain", result.policy_domain);
    if (!result.mx_hosts.empty()) {
        policy.emplace("mx-host", list(result.mx_hosts));
    }
    json::array failures;
    for (const FailureDetail& failure : result.failures) {
        failures.push_back(failure_object(failure));
    }
    json::object object;
    object.emplace("policy", std::move(policy));
    object.emplace("summary", json::object{{"total-successful-session-count", count(result.successful)},
                                           {"total-failure-session-count", count(result.failed)}});
    object.emplace("failure-details", std::move(failures));
    return object;
}

}  // namespace

// RFC 8460 §4.4, members in the order of its figure (RPT-021, RPT-022, RPT-028).
std::string to_json(const Report& report) {
    json::object object;
    put(object, "organization-name", report.organization_name);
    json::object range;
    if (report.begin) {
        range.emplace("start-datetime", to_rfc3339(*report.begin));
    }
    if (report.end) {
        range.emplace("end-datetime", to_rfc3339(*report.end));
    }
    if (!range.empty()) {
        object.emplace("date-range", std::move(range));
    }
    put(object, "contact-info", report.contact_info);
    put(object, "report-id", report.report_id);
    json::array policies;
    for (const PolicyResult& policy : report.policies) {
        policies.push_back(policy_object(policy));
    }
    object.emplace("policies", std::move(policies));
    return json::serialize(object);
}

// RFC 8460 §5.1 (RPT-042, RPT-043): the report is always compressed, so the name always ends in .json.gz.
std::string file_name(const Report& report, const Envelope& envelope, std::string_view unique) {
    const auto seconds = [&](const std::optional<TimePoint>& time) {
        return time.value_or(envelope.date).time_since_epoch().count();
    };
    std::string letters;
    std::copy_if(unique.begin(), unique.end(), std::back_inserter(letters), is_alnum);
    return fmt::format("{}!{}!{}!{}{}{}.json.gz", envelope.submitter.text(), envelope.policy_domain.text(),
                       seconds(report.begin), seconds(report.end), letters.empty() ? "" : "!", letters);
}

}  // namespace postseal::tlsrpt
