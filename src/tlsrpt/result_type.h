// The vocabulary of RFC 8460 §4.3 (IANA "STARTTLS Validation Result Types") and of libtlsrpt's datagrams.
#pragma once

#include <optional>
#include <string_view>

namespace postseal::tlsrpt {

enum class PolicyType { tlsa, sts, no_policy_found };
std::string_view to_string(PolicyType type);  // "tlsa", "sts", "no-policy-found"
std::optional<PolicyType> policy_type_from_string(std::string_view text);
std::optional<PolicyType> policy_type_from_code(int code);  // libtlsrpt: 1, 2, 9

enum class ResultType {
    starttls_not_supported,
    certificate_host_mismatch,
    certificate_not_trusted,
    certificate_expired,
    validation_failure,
    sts_policy_fetch_error,
    sts_policy_invalid,
    sts_webpki_invalid,
    tlsa_invalid,
    dnssec_invalid,
    dane_required,
};
std::string_view to_string(ResultType type);
std::optional<ResultType> result_type_from_string(std::string_view text);
std::optional<ResultType> result_type_from_code(int code);  // libtlsrpt: 201–205, 301–306

}  // namespace postseal::tlsrpt
