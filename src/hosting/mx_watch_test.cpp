#include "hosting/mx_watch.h"

#include <gtest/gtest.h>

namespace postseal::hosting {
namespace {

const TimePoint now{Seconds(1'800'000'000)};
const auto day = std::chrono::days(1);

net::SmtpProbeResult probe(net::SmtpFailure failure, bool offered, std::optional<net::CertificateError> certificate,
                           TimePoint not_after) {
    net::SmtpProbeResult result;
    result.failure = failure;
    result.offered = offered;
    if (certificate) {
        result.tls.emplace();
        result.tls->version = "TLSv1.3";
        result.tls->certificate_error = *certificate;
        result.tls->certificate =
            net::CertificateSummary{{"mx.example.com"}, "CN=mx", "CN=ca", now - 10 * day, not_after};
    }
    return result;
}

MxHost host(std::string_view name) {
    MxHost made;
    made.host = *dns::Name::parse(name);
    made.probed = now;
    made.starttls = true;
    return made;
}

TEST(MxWatch, a_probe_in_words) {
    using net::CertificateError;
    using net::SmtpFailure;
    struct Case {
        net::SmtpProbeResult probe;
        const char* code;
        std::optional<bool> starttls;
    };
    const TimePoint far = now + 60 * day;
    const std::vector<Case> cases = {
        {probe(SmtpFailure::none, true, CertificateError::none, far), "", true},
        {probe(SmtpFailure::none, true, CertificateError::none, now + 20 * day), "certificate-expiring", true},
        {probe(SmtpFailure::certificate, true, CertificateError::expired, now - day), "certificate-expired", true},
        {probe(SmtpFailure::certificate, true, CertificateError::host_mismatch, far), "certificate-name", true},
        {probe(SmtpFailure::certificate, true, CertificateError::untrusted, far), "certificate-untrusted", true},
        {probe(SmtpFailure::starttls_not_offered, false, {}, far), "starttls-missing", false},
        {probe(SmtpFailure::handshake, true, {}, far), "tls-failed", true},
        {probe(SmtpFailure::connect, false, {}, far), "unreachable", std::nullopt},
        {probe(SmtpFailure::timeout, false, {}, far), "timeout", std::nullopt},
        {probe(SmtpFailure::greeting, false, {}, far), "unreachable", std::nullopt},
    };
    for (const Case& one : cases) {
        MxHost judged = host("mx.example.com");
        judge_probe(judged, one.probe, now);
        EXPECT_EQ(judged.problem_code, one.code);
        EXPECT_EQ(judged.starttls, one.starttls) << one.code;
        EXPECT_EQ(judged.problem.empty(), judged.problem_code.empty());
        MxWatch watch;
        watch.hosts = {judged};
        watch.looked = now;
        EXPECT_EQ(mx_watch_from_json(mx_watch_to_json(watch)), watch) << one.code;
    }
    EXPECT_TRUE(mx_watch_from_json("{").hosts.empty());
    EXPECT_TRUE(mx_watch_from_json(R"({"hosts":[{"host":"a b"},7]})").hosts.empty());
}

ReadinessFacts clean() {
    ReadinessFacts facts;
    facts.testing_since = now - 14 * day;
    facts.policy_mx = {*mtasts::MxPattern::parse("mx.example.com")};
    facts.watch.hosts = {host("mx.example.com")};
    return facts;
}

store::StoredReport report(store::Trust trust, const std::string& result_type) {
    store::StoredReport stored;
    stored.trust = trust;
    stored.received = now;
    stored.submitter = "sender.example";
    tlsrpt::PolicyResult policy;
    policy.policy_type = "sts";
    policy.successful = 5;
    if (!result_type.empty()) {
        policy.failed = 2;
        tlsrpt::FailureDetail failure;
        failure.result_type = result_type;
        failure.sessions = 2;
        policy.failures.push_back(failure);
    }
    stored.report.policies.push_back(policy);
    return stored;
}

std::string failed(const Readiness& readiness) {
    std::string ids;
    for (const Condition& condition : readiness.conditions) {
        EXPECT_FALSE(condition.proof.empty()) << condition.id;
        if (condition.status == "failed") {
            ids += condition.id + " ";
        }
    }
    EXPECT_EQ(readiness.ready, ids.empty());
    return ids;
}

// Rule 4.
TEST(Readiness, opens_only_when_everything_is_clean) {
    EXPECT_EQ(failed(judge_readiness(clean(), 14, now)), "") << "no trusted report is unknown, not failed";
    {
        auto facts = clean();
        facts.testing_since = now - 14 * day + Seconds(1);
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "testing-days ");
        facts.testing_since.reset();
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "testing-days ") << "never tested";
    }
    {
        auto facts = clean();
        facts.watch.hosts.push_back(host("mx2.example.com"));
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "mx-in-policy ");
        facts.watch.hosts.back() = host("mx.example.com");
        facts.watch.hosts.back().problem_code = "starttls-missing";
        facts.watch.hosts.back().problem = "x";
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "mx-probes ");
        facts.watch.hosts.back() = host("mx.example.com");
        facts.watch.hosts.back().probed.reset();
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "mx-probes ") << "not probed is not clean";
        facts.watch.hosts.clear();
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "mx-probes mx-in-policy ") << "no host at all";
    }
    {
        auto facts = clean();
        facts.reports = {report(store::Trust::unverified, "certificate-expired")};
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "") << "what anybody can post shuts no gate";
        facts.reports = {report(store::Trust::operator_, "certificate-expired")};
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "reports-clean ");
        facts.reports = {report(store::Trust::known, "sts-policy-fetch-error")};
        EXPECT_EQ(failed(judge_readiness(facts, 14, now)), "") << "without a policy nothing would be refused";
        facts.reports = {report(store::Trust::known, "")};
        EXPECT_EQ(judge_readiness(facts, 14, now).conditions[1].status, "ok");
    }
}

}  // namespace
}  // namespace postseal::hosting
