#include "tlsrpt/logged_session.h"

#include "tlsrpt/json_fields.h"

namespace postseal::tlsrpt {

Session as_session(const LoggedSession& logged, PolicyResult policy) {
    Session session;
    session.domain = logged.domain;
    SessionPolicy result;
    result.failed = logged.failure.has_value();
    result.policy = std::move(policy);
    result.policy.successful = result.failed ? 0 : 1;
    result.policy.failed = result.failed ? 1 : 0;
    if (logged.failure) {
        FailureDetail detail;
        detail.result_type = to_string(*logged.failure);
        if (!logged.host.empty()) {
            detail.receiving_mx_hostname = normalise_domain(logged.host, Wildcard::refused).text;
        }
        detail.receiving_ip = normalise_ip(logged.address);
        detail.sending_mta_ip = normalise_ip(logged.own_address);
        detail.sessions = 1;
        if (!logged.reason.empty()) {
            detail.reason_code = logged.reason;
        }
        result.policy.failures = {std::move(detail)};
    }
    session.policies.push_back(std::move(result));
    return session;
}

}  // namespace postseal::tlsrpt
