// Findings about the MTA-STS record and the policy behind it (RFC 8461 §3).
#include <array>

#include "mtasts/record.h"
#include "verdict/findings_parts.h"
#include "verdict/sts.h"

namespace postseal::verdict {

namespace {

std::string record_name(const Evidence& evidence) {
    const auto name = mtasts::sts_record_name(evidence.domain());
    return name ? name->text() : "_mta-sts." + evidence.domain().text();
}
std::string host_name(const Evidence& evidence) {
    const auto name = mtasts::policy_host_name(evidence.domain());
    return name ? name->text() : "mta-sts." + evidence.domain().text();
}
std::string policy_url(const Evidence& evidence) {
    return "https://" + host_name(evidence) + "/.well-known/mta-sts.txt";
}

Params fetch_params(const Evidence& evidence) {
    const PolicyFetch& fetch = evidence.fetch;
    return {{"host", host_name(evidence)},
            {"policy_url", policy_url(evidence)},
            {"error", fetch.error.empty() ? "no details" : fetch.error},
            {"status", std::to_string(fetch.status.value_or(0))},
            {"type", fetch.content_type.empty() ? "(nothing)" : fetch.content_type}};
}

std::string_view id_of(CertificateError error) {
    switch (error) {
        case CertificateError::expired:
            return "policy-certificate-expired";
        case CertificateError::host_mismatch:
            return "policy-certificate-mismatch";
        case CertificateError::self_signed:
        case CertificateError::not_trusted:
            return "policy-certificate-untrusted";
        default:
            return "policy-certificate-invalid";
    }
}

// The finding about a fetch that brought no body to judge; nothing when it did, or was not made.
std::string_view id_of(const PolicyFetch& fetch) {
    using Outcome = PolicyFetch::Outcome;
    switch (fetch.outcome) {
        case Outcome::dns_failed:
            return "policy-host-lookup-failed";
        case Outcome::no_address:
            return "policy-host-missing";
        case Outcome::refused_address:
            return "policy-host-not-public";
        case Outcome::connect_failed:
            return "policy-unreachable";
        case Outcome::timed_out:
        case Outcome::running:
            return "policy-timeout";
        case Outcome::tls_failed:
            return "policy-tls-failed";
        case Outcome::certificate_error:
            return id_of(fetch.certificate);
        case Outcome::protocol_error:
            return "policy-protocol-error";
        case Outcome::too_large:
            return "policy-too-large";
        case Outcome::local_error:
            return "policy-not-fetched";
        case Outcome::response:
            if (fetch.status >= 300 && fetch.status < 400) {
                return "policy-redirect";
            }
            return fetch.status == 200 ? "" : "policy-http-status";
        case Outcome::not_attempted:
        case Outcome::held_back:
            break;
    }
    return {};
}

// The linter's remarks that have a finding of their own; the others share one.
std::string_view id_of(const Problem& problem) {
    if (problem.severity == Severity::error) {
        return "policy-invalid";
    }
    if (problem.code == "mx-too-wide") {
        return "policy-pattern-wide";
    }
    if (problem.code == "max-age-short") {
        return "policy-max-age-short";
    }
    if (problem.code == "mx-never-matches") {
        return {};  // find_in_mx() says it of the pattern
    }
    return "policy-warning";
}

void find_in_body(Report& report, const Evidence& evidence, const FetchJudgement& judged) {
    const std::string url = policy_url(evidence);
    if (!judged.policy && judged.problems.empty()) {
        report.add("policy-content-type", url, fetch_params(evidence));
        return;
    }
    Problems problems = judged.problems;
    if (judged.policy) {
        const Problems lint = mtasts::lint_policy(*judged.policy, evidence.domain());
        problems.insert(problems.end(), lint.begin(), lint.end());
    }
    for (const Problem& problem : problems) {
        if (const std::string_view id = id_of(problem); !id.empty()) {
            Finding& finding =
                report.add(id, url, {{"line", std::to_string(problem.line)}, {"problem", problem.message}});
            finding.rfc = problem.rfc.empty() ? finding.rfc : problem.rfc;
        }
    }
}

void find_in_valid_policy(Report& report, const Evidence& evidence, const mtasts::Policy& policy,
                          const mtasts::TxtOutcome& txt) {
    const std::string url = policy_url(evidence);
    if (txt.state == mtasts::TxtState::usable && evidence.cached && evidence.cached->id == txt.id &&
        evidence.cached->policy.lines != policy.lines) {
        report.add("policy-changed-without-id", record_name(evidence), {{"id", txt.id}});
    }
    report.add("policy-ok", url,
               {{"mode", std::string(mtasts::to_string(policy.mode))}, {"max_age", std::to_string(policy.max_age_s)}});
    if (policy.mode == mtasts::Mode::testing) {
        report.add("policy-mode-testing", url);
    } else if (policy.mode == mtasts::Mode::none) {
        report.add("policy-mode-none", url);
    }
}

}  // namespace

std::optional<mtasts::Policy> policy_to_judge_by(const Evidence& evidence, TimePoint now) {
    if (auto fetched = judge_fetch(evidence.fetch).policy) {
        return fetched;
    }
    if (mtasts::in_force(evidence.cached, now)) {
        return evidence.cached->policy;
    }
    return std::nullopt;
}

// RFC 8461 §3.1
void find_in_sts_record(Report& report, const Evidence& evidence) {
    const Lookup<std::string>& txt = evidence.sts_txt;
    const std::string name = record_name(evidence);
    if (txt.answer == Answer::not_asked || report_broken(report, txt, "sts-record-lookup-failed", name, name)) {
        return;
    }
    const auto judged = mtasts::judge_sts_records(txt.records);
    if (!judged.present) {
        const auto severity = is_null_mx(evidence) ? FindingSeverity::info : FindingSeverity::error;
        report.add("sts-record-missing", name, {{"policy_url", policy_url(evidence)}}, severity);
        return;
    }
    const auto claims =
        std::ranges::count_if(txt.records, [](const std::string& text) { return text.starts_with("v=STSv1"); });
    if (!judged.record && claims > 1) {
        report.add("sts-record-multiple", name, {{"count", std::to_string(claims)}});
        return;
    }
    for (const Problem& problem : judged.problems) {
        const bool wrong = problem.severity == Severity::error && !judged.record;
        report.add(wrong ? "sts-record-invalid" : "sts-record-warning", name, {{"problem", problem.message}});
    }
    if (judged.record) {
        report.add("sts-record-ok", name, {{"id", judged.record->id}});
    }
    if (!txt.aliases.empty()) {
        report.add("sts-record-delegated", name, {{"target", txt.aliases.back().text()}});
    }
}

// RFC 8461 §3.2, §3.3
void find_in_policy(Report& report, const Evidence& evidence, TimePoint now) {
    const PolicyFetch& fetch = evidence.fetch;
    const mtasts::TxtOutcome txt = txt_outcome(evidence.sts_txt);
    const bool announced = txt.state == mtasts::TxtState::usable || evidence.cached;
    const FetchJudgement judged = judge_fetch(fetch);
    if (!announced) {
        // Nobody fetches it; that a web server says 404 for it is no news.
        if (judged.policy && txt.state != mtasts::TxtState::lookup_failed) {
            report.add("policy-without-record", policy_url(evidence), {{"record_name", record_name(evidence)}});
        }
        return;
    }
    if (const std::string_view id = id_of(fetch); !id.empty()) {
        const bool about_host = fetch.outcome != PolicyFetch::Outcome::response;
        report.add(id, about_host ? host_name(evidence) : policy_url(evidence), fetch_params(evidence));
    } else if (fetch.outcome == PolicyFetch::Outcome::response) {
        find_in_body(report, evidence, judged);
    }
    if (judged.policy) {
        find_in_valid_policy(report, evidence, *judged.policy, txt);
    }
    const auto not_after = fetch.certificate_not_after;
    if (fetch.outcome == PolicyFetch::Outcome::response && not_after && *not_after - now < expiry_warning) {
        const auto days = std::chrono::floor<std::chrono::days>(*not_after - now).count();
        Params params = fetch_params(evidence);
        params.emplace_back("days", std::to_string(std::max<long>(days, 0)));
        report.add("policy-certificate-expiring", host_name(evidence), std::move(params));
    }
}

}  // namespace postseal::verdict
