#include "sender/testing_mode.h"

#include <algorithm>
#include <iterator>

#include "tlsrpt/result_type.h"

namespace postseal::sender {

namespace {

using store::TestingHost;
using tlsrpt::PolicyResult;

// Takes the sessions without a policy out of the list.
PolicyResult take_no_policy_found(std::vector<PolicyResult>& policies) {
    const std::string_view type = tlsrpt::to_string(tlsrpt::PolicyType::no_policy_found);
    PolicyResult taken;
    for (PolicyResult& policy : policies) {
        if (policy.policy_type == type) {
            taken.successful += policy.successful;
            taken.failed += policy.failed;
            std::move(policy.failures.begin(), policy.failures.end(), std::back_inserter(taken.failures));
        }
    }
    std::erase_if(policies, [&](const PolicyResult& policy) { return policy.policy_type == type; });
    return taken;
}

void add_failure(PolicyResult& policy, const TestingHost& host, std::uint64_t sessions) {
    tlsrpt::FailureDetail detail = *host.failure;
    detail.sessions = sessions;
    policy.failures.push_back(std::move(detail));
    policy.failed += sessions;
}

}  // namespace

void file_under_testing_policy(std::vector<PolicyResult>& policies, const std::vector<TestingHost>& hosts) {
    if (hosts.empty()) {
        return;
    }
    const auto newest = std::max_element(hosts.begin(), hosts.end(),
                                         [](const TestingHost& a, const TestingHost& b) { return a.seen < b.seen; });
    std::vector<const TestingHost*> refused;       // would have been, among the best
    std::vector<const TestingHost*> refused_rest;  // and among the others
    std::size_t best = 0;
    for (const TestingHost& host : hosts) {
        best += host.best ? 1 : 0;
        if (host.failure) {
            (host.best ? refused : refused_rest).push_back(&host);
        }
    }
    const PolicyResult sessions = take_no_policy_found(policies);
    PolicyResult filed = newest->policy;
    filed.failed = sessions.failed;
    filed.failures = sessions.failures;
    if (best > 0 && refused.size() == best && sessions.successful > 0) {
        for (std::size_t i = 0; i < refused.size(); ++i) {
            const std::uint64_t share =
                sessions.successful / refused.size() + (i < sessions.successful % refused.size() ? 1 : 0);
            if (share > 0) {
                add_failure(filed, *refused[i], share);
            }
        }
    } else {
        filed.successful = sessions.successful;
        for (const TestingHost* host : refused) {
            add_failure(filed, *host, 1);
        }
    }
    for (const TestingHost* host : refused_rest) {
        add_failure(filed, *host, 1);
    }
    if (filed.successful + filed.failed > 0) {
        policies.push_back(std::move(filed));
    }
}

}  // namespace postseal::sender
