#include "tlsrpt/result_type.h"

#include <array>

namespace postseal::tlsrpt {

namespace {

struct PolicyTypeRow {
    PolicyType type;
    std::string_view text;
    int code;  // libtlsrpt's tlsrpt_policy_type_t
};
// RFC 8460 §4.4: "tlsa", "sts" or the literal "no-policy-found".
constexpr std::array<PolicyTypeRow, 3> policy_types = {{
    {PolicyType::tlsa, "tlsa", 1},
    {PolicyType::sts, "sts", 2},
    {PolicyType::no_policy_found, "no-policy-found", 9},
}};

struct ResultTypeRow {
    ResultType type;
    std::string_view text;
    int code;  // libtlsrpt's tlsrpt_failure_t
};
// RFC 8460 §4.3 and §6.6 (whose initial list forgets sts-policy-fetch-error; RPT-039).
constexpr std::array<ResultTypeRow, 11> result_types = {{
    {ResultType::starttls_not_supported, "starttls-not-supported", 201},
    {ResultType::certificate_host_mismatch, "certificate-host-mismatch", 202},
    {ResultType::certificate_not_trusted, "certificate-not-trusted", 203},
    {ResultType::certificate_expired, "certificate-expired", 204},
    {ResultType::validation_failure, "validation-failure", 205},
    {ResultType::sts_policy_fetch_error, "sts-policy-fetch-error", 301},
    {ResultType::sts_policy_invalid, "sts-policy-invalid", 302},
    {ResultType::sts_webpki_invalid, "sts-webpki-invalid", 303},
    {ResultType::tlsa_invalid, "tlsa-invalid", 304},
    {ResultType::dnssec_invalid, "dnssec-invalid", 305},
    {ResultType::dane_required, "dane-required", 306},
}};

}  // namespace

std::string_view to_string(PolicyType type) {
    for (const auto& row : policy_types) {
        if (row.type == type) {
            return row.text;
        }
    }
    return {};
}

std::optional<PolicyType> policy_type_from_string(std::string_view text) {
    for (const auto& row : policy_types) {
        if (row.text == text) {
            return row.type;
        }
    }
    return std::nullopt;
}

std::optional<PolicyType> policy_type_from_code(int code) {
    for (const auto& row : policy_types) {
        if (row.code == code) {
            return row.type;
        }
    }
    return std::nullopt;
}

std::string_view to_string(ResultType type) {
    for (const auto& row : result_types) {
        if (row.type == type) {
            return row.text;
        }
    }
    return {};
}

std::optional<ResultType> result_type_from_string(std::string_view text) {
    for (const auto& row : result_types) {
        if (row.text == text) {
            return row.type;
        }
    }
    return std::nullopt;
}

std::optional<ResultType> result_type_from_code(int code) {
    for (const auto& row : result_types) {
        if (row.code == code) {
            return row.type;
        }
    }
    return std::nullopt;
}

}  // namespace postseal::tlsrpt
