#include "store/report_json.h"

namespace postseal::store {

namespace json = boost::json;
using tlsrpt::Deviation;
using tlsrpt::FailureDetail;
using tlsrpt::PolicyResult;
using tlsrpt::Report;

namespace {

json::value maybe(const std::optional<std::string>& text) {
    return text ? json::value(*text) : json::value(nullptr);
}

json::value maybe(const std::optional<TimePoint>& time) {
    return time ? json::value(time->time_since_epoch().count()) : json::value(nullptr);
}

json::array list(const std::vector<std::string>& texts) {
    json::array out;
    for (const std::string& text : texts) {
        out.emplace_back(text);
    }
    return out;
}

std::optional<std::string> get_maybe_text(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? std::optional(std::string(found->get_string())) : std::nullopt;
}

std::string get_text(const json::object& object, std::string_view key) {
    return get_maybe_text(object, key).value_or("");
}

std::uint64_t get_count(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_number() ? found->to_number<std::uint64_t>() : 0;
}

std::optional<TimePoint> get_maybe_time(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_int64() ? std::optional(TimePoint(Seconds(found->get_int64()))) : std::nullopt;
}

std::vector<std::string> get_list(const json::object& object, std::string_view key) {
    std::vector<std::string> out;
    const json::value* found = object.if_contains(key);
    if (found != nullptr && found->is_array()) {
        for (const json::value& element : found->get_array()) {
            if (element.is_string()) {
                out.emplace_back(element.get_string());
            }
        }
    }
    return out;
}

const json::array* get_array(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr ? found->if_array() : nullptr;
}

json::object identity(const FailureDetail& detail) {
    return {{"type", detail.result_type},
            {"sending_mta_ip", maybe(detail.sending_mta_ip)},
            {"mx", maybe(detail.receiving_mx_hostname)},
            {"helo", maybe(detail.receiving_mx_helo)},
            {"receiving_ip", maybe(detail.receiving_ip)},
            {"information", maybe(detail.additional_information)},
            {"reason", maybe(detail.reason_code)}};
}

json::object identity(const PolicyResult& policy) {
    return {{"type", policy.policy_type},
            {"domain", maybe(policy.policy_domain)},
            {"strings", list(policy.policy_strings)},
            {"mx", list(policy.mx_hosts)}};
}

FailureDetail read_detail(const json::object& object) {
    return {get_text(object, "type"),
            get_maybe_text(object, "sending_mta_ip"),
            get_maybe_text(object, "mx"),
            get_maybe_text(object, "helo"),
            get_maybe_text(object, "receiving_ip"),
            get_count(object, "sessions"),
            get_maybe_text(object, "information"),
            get_maybe_text(object, "reason")};
}

PolicyResult read_policy(const json::object& object) {
    PolicyResult policy{get_text(object, "type"),    get_maybe_text(object, "domain"), get_list(object, "strings"),
                        get_list(object, "mx"),      get_count(object, "successful"),  get_count(object, "failed"),
                        std::vector<FailureDetail>{}};
    if (const json::array* failures = get_array(object, "failures")) {
        for (const json::value& failure : *failures) {
            if (failure.is_object()) {
                policy.failures.push_back(read_detail(failure.get_object()));
            }
        }
    }
    return policy;
}

Result<json::value> parse(std::string_view text) {
    boost::system::error_code error;
    json::value parsed = json::parse(text, error);
    if (error) {
        return Error{Errc::internal, "stored JSON", error.message()};
    }
    return parsed;
}

Result<json::object> parse_object(std::string_view text) {
    POSTSEAL_TRY(json::value parsed, parse(text));
    if (!parsed.is_object()) {
        return Error{Errc::internal, "stored JSON", "not an object"};
    }
    return std::move(parsed.get_object());
}

}  // namespace

json::object to_json(const Report& report) {
    json::array policies;
    for (const PolicyResult& policy : report.policies) {
        json::object object = identity(policy);
        object["successful"] = policy.successful;
        object["failed"] = policy.failed;
        json::array failures;
        for (const FailureDetail& detail : policy.failures) {
            json::object failure = identity(detail);
            failure["sessions"] = detail.sessions;
            failures.emplace_back(std::move(failure));
        }
        object["failures"] = std::move(failures);
        policies.emplace_back(std::move(object));
    }
    return {{"organization", maybe(report.organization_name)},
            {"contact", maybe(report.contact_info)},
            {"id", maybe(report.report_id)},
            {"begin", maybe(report.begin)},
            {"end", maybe(report.end)},
            {"policies", std::move(policies)}};
}

Result<Report> report_from_json(std::string_view text) {
    POSTSEAL_TRY(const json::object object, parse_object(text));
    Report report{get_maybe_text(object, "organization"), get_maybe_text(object, "contact"),
                  get_maybe_text(object, "id"),           get_maybe_time(object, "begin"),
                  get_maybe_time(object, "end"),          std::vector<PolicyResult>{}};
    if (const json::array* policies = get_array(object, "policies")) {
        for (const json::value& policy : *policies) {
            if (policy.is_object()) {
                report.policies.push_back(read_policy(policy.get_object()));
            }
        }
    }
    return report;
}

std::string policy_key(const PolicyResult& policy) {
    return json::serialize(identity(policy));
}

Result<PolicyResult> policy_from_key(std::string_view key) {
    POSTSEAL_TRY(const json::object object, parse_object(key));
    return read_policy(object);
}

std::string detail_key(const FailureDetail& detail) {
    return json::serialize(identity(detail));
}

Result<FailureDetail> detail_from_key(std::string_view key) {
    POSTSEAL_TRY(const json::object object, parse_object(key));
    return read_detail(object);
}

std::string deviations_to_json(const std::vector<Deviation>& deviations) {
    json::array out;
    for (const Deviation& deviation : deviations) {
        out.push_back(json::object{{"code", deviation.code}, {"message", deviation.message}});
    }
    return json::serialize(out);
}

Result<std::vector<Deviation>> deviations_from_json(std::string_view text) {
    POSTSEAL_TRY(const json::value parsed, parse(text));
    std::vector<Deviation> out;
    if (const json::array* array = parsed.if_array()) {
        for (const json::value& element : *array) {
            if (element.is_object()) {
                out.push_back({get_text(element.get_object(), "code"), get_text(element.get_object(), "message")});
            }
        }
    }
    return out;
}

}  // namespace postseal::store
