#include "verdict/findings.h"

#include "tlsrpt/record.h"
#include "verdict/findings_parts.h"

namespace postseal::verdict {

namespace {

constexpr std::size_t value_bytes_max = 300;  // of what the network says, in one finding

std::string filled(std::string_view text, const Params& params) {
    std::string out;
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        out += text.substr(0, open);
        if (open == std::string_view::npos) {
            break;
        }
        const std::size_t close = text.find('}', open);
        const std::string_view name = text.substr(open + 1, close - open - 1);
        for (const auto& [key, value] : params) {
            if (key == name) {
                out += value;
            }
        }
        text.remove_prefix(close + 1);
    }
    return out;
}

}  // namespace

Finding& Report::add(std::string_view id, std::string subject, Params params, std::optional<FindingSeverity> severity) {
    for (auto& [key, value] : params) {
        value = printable(value, value_bytes_max);
    }
    params.emplace(params.begin(), "subject", subject);
    Finding finding;
    finding.id = id;
    finding.subject = std::move(subject);
    if (const CatalogueEntry* entry = catalogue_entry(id)) {  // findings_test sees to it that there is one
        finding.severity = severity.value_or(entry->severity);
        finding.message = filled(entry->message, params);
        finding.why = filled(entry->why, params);
        finding.fix = filled(entry->fix, params);
        finding.rfc = entry->rfc;
    }
    finding.params = std::move(params);
    findings_.push_back(std::move(finding));
    return findings_.back();
}

// RFC 8460 §3
void find_in_tlsrpt_record(Report& report, const Evidence& evidence) {
    const auto name = tlsrpt::tlsrpt_record_name(evidence.domain());
    const Lookup<std::string>& txt = evidence.tlsrpt_txt;
    if (!name || txt.answer == Answer::not_asked) {
        return;
    }
    const std::string domain = evidence.domain().text();
    if (report_broken(report, txt, "tlsrpt-record-lookup-failed", name->text(), name->text())) {
        return;
    }
    const auto judged = tlsrpt::judge_tlsrpt_records(txt.records);
    if (!judged.present) {
        report.add("tlsrpt-record-missing", name->text(), {{"domain", domain}});
        return;
    }
    const auto claims =
        std::ranges::count_if(txt.records, [](const std::string& text) { return text.starts_with("v=TLSRPTv1"); });
    if (!judged.record && claims > 1) {
        report.add("tlsrpt-record-multiple", name->text(), {{"count", std::to_string(claims)}, {"domain", domain}});
        return;
    }
    for (const Problem& problem : judged.problems) {
        const bool wrong = problem.severity == Severity::error && !judged.record;
        report.add(wrong ? "tlsrpt-record-invalid" : "tlsrpt-record-warning", name->text(),
                   {{"problem", problem.message}, {"domain", domain}});
    }
    if (judged.record) {
        std::string rua;
        for (const tlsrpt::ReportUri& uri : judged.record->rua) {
            rua += (rua.empty() ? "" : ", ") + uri.decoded;
        }
        report.add("tlsrpt-record-ok", name->text(), {{"rua", rua}});
    }
}

std::vector<Finding> find(const Evidence& evidence, TimePoint now) {
    Report report;
    if (evidence.key.kind != Key::Kind::domain) {
        const bool named = evidence.key.kind == Key::Kind::host;
        report.add("not-a-domain", evidence.key.text(),
                   {{"reason", named ? "it names a host, which is mailed without MX records" : evidence.key.why}});
        return std::move(report).take();
    }
    if (evidence.mx.answer == Answer::nxdomain) {
        report.add("domain-missing", evidence.domain().text());
    }
    find_in_sts_record(report, evidence);
    find_in_policy(report, evidence, now);
    const std::optional<mtasts::Policy> policy = policy_to_judge_by(evidence, now);
    find_in_mx(report, evidence, policy);
    find_in_hosts(report, evidence, policy, now);
    find_in_tlsa(report, evidence, now);
    find_in_tlsrpt_record(report, evidence);
    return std::move(report).take();
}

bool has_error(const std::vector<Finding>& findings) {
    return std::ranges::any_of(findings,
                               [](const Finding& finding) { return finding.severity == FindingSeverity::error; });
}

std::string_view to_string(FindingSeverity severity) {
    switch (severity) {
        case FindingSeverity::error:
            return "error";
        case FindingSeverity::warning:
            return "warning";
        case FindingSeverity::info:
            return "info";
        case FindingSeverity::ok:
            return "ok";
    }
    return "info";
}

}  // namespace postseal::verdict
