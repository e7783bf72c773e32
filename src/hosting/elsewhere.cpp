#include "hosting/elsewhere.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/text.h"
#include "hosting/own_rua.h"
#include "lookup/gather.h"
#include "mtasts/record.h"
#include "tlsrpt/record.h"
#include "verdict/sts.h"

namespace postseal::hosting {

namespace json = boost::json;

namespace {

constexpr std::size_t findings_max = 60;

std::string body_of(const verdict::Evidence& evidence) {
    return std::string(as_text(evidence.fetch.body));
}

std::vector<std::string> rua_of(const verdict::Evidence& evidence) {
    std::vector<std::string> rua;
    const auto judged = tlsrpt::judge_tlsrpt_records(evidence.tlsrpt_txt.records);
    for (const tlsrpt::ReportUri& uri : judged.record ? judged.record->rua : std::vector<tlsrpt::ReportUri>{}) {
        rua.push_back(uri.published);
    }
    return rua;
}

std::string text_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string> texts_in(const json::object& object, std::string_view name) {
    std::vector<std::string> texts;
    const json::value* value = object.if_contains(name);
    if (value != nullptr && value->is_array()) {
        for (const json::value& one : value->get_array()) {
            if (one.is_string()) {
                texts.emplace_back(one.get_string());
            }
        }
    }
    return texts;
}

std::optional<TimePoint> time_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_int64() ? std::optional(TimePoint(Seconds(value->get_int64()))) : std::nullopt;
}

std::vector<json::object> objects_in(const json::object& object, std::string_view name) {
    std::vector<json::object> objects;
    const json::value* value = object.if_contains(name);
    if (value != nullptr && value->is_array()) {
        for (const json::value& one : value->get_array()) {
            if (one.is_object()) {
                objects.push_back(one.get_object());
            }
        }
    }
    return objects;
}

std::optional<json::object> read_object(std::string_view text) {
    boost::system::error_code bad;
    const json::value value = text.empty() ? json::value(nullptr) : json::parse(text, bad);
    return !bad && value.is_object() ? std::optional(value.get_object()) : std::nullopt;
}

json::array array_of(const std::vector<std::string>& texts) {
    return json::array(texts.begin(), texts.end());
}

// The names of the fields that a policy may have, RFC 8461 §3.2; whatever else is there is an extension.
bool is_known_field(std::string_view line) {
    const std::string_view field = trim_wsp(line.substr(0, line.find(':')));
    return field == "version" || field == "mode" || field == "max_age" || field == "mx";
}

// What could not be kept, of the policy's text.
void compare_texts(Import& import, const mtasts::Policy& theirs, std::string_view body) {
    const auto differs = [&](std::string code, std::string message) {
        import.differences.push_back({std::move(code), std::move(message)});
    };
    for (const std::string& line : theirs.lines) {
        if (!is_known_field(line)) {
            differs("extension",
                    fmt::format("the line \"{}\" is no field of RFC 8461 and is left out", printable(line, 100)));
        }
        constexpr std::string_view max_age = "max_age:";
        if (line.starts_with(max_age) &&
            parse_decimal(trim_wsp(std::string_view(line).substr(max_age.size()))).value_or(0) >
                mtasts::max_age_max_s) {
            differs("max-age",
                    fmt::format("max_age is above the bound of RFC 8461 and becomes {}, which is what senders "
                                "make of it",
                                mtasts::max_age_max_s));
        }
    }
    for (const mtasts::MxPattern& pattern : theirs.mx) {
        if (!pattern.can_match()) {
            differs("mx-pattern", pattern.text() + " can name no host and is left out");
        }
    }
    const auto ours = mtasts::format_policy(import.policy);
    if (import.differences.empty() && ours && *ours != body) {
        differs("text", "the same fields are served in the order and with the line ends of RFC 8461 §3.2");
    }
}

void compare_rua(Import& import, const std::vector<std::string>& theirs) {
    std::size_t bytes = 0;
    for (const std::string& uri : theirs) {
        const auto kept = read_own_rua(uri);
        bytes += uri.size() + 1;
        if (kept && import.rua.size() < own_rua_max && bytes <= own_rua_bytes_max) {
            import.rua.push_back(*kept);
        } else {
            import.differences.push_back({"rua", printable(uri, 200) + " does not fit into the record of reports"});
        }
    }
    if (!import.rua.empty()) {
        import.differences.push_back(
            {"rua", "reports come here as well, and first: some senders use only the first address"});
    }
}

}  // namespace

void look_elsewhere(const JobsParts& parts, const ElsewhereSettings& settings, const dns::Name& domain, Probes probes,
                    std::function<void(verdict::Evidence)> done) {
    lookup::GatherSettings how;
    how.smtp_port = settings.probe.smtp_port;
    how.https_port = settings.https_port;
    how.hosts_max = settings.probe.hosts_max;
    how.trust = settings.probe.trust;
    how.guard = settings.probe.guard;
    lookup::GatherRequest request;
    request.key = verdict::parse_key(domain.text());
    request.fetch = lookup::GatherRequest::Fetch::always;
    request.tlsrpt = lookup::GatherRequest::Tlsrpt::ask;
    request.probes =
        probes == Probes::none ? lookup::GatherRequest::Probes::none : lookup::GatherRequest::Probes::every_mx;
    lookup::gather(parts.loop, parts.resolver, parts.https, parts.clock, how, std::move(request), std::move(done));
}

Elsewhere seen_elsewhere(const verdict::Evidence& evidence, TimePoint now) {
    Elsewhere seen;
    seen.checked = now;
    const auto record = mtasts::judge_sts_records(evidence.sts_txt.records);
    const auto fetched = verdict::judge_fetch(evidence.fetch);
    if (record.record) {
        seen.policy_id = record.record->id;
    }
    if (record.record && fetched.policy) {
        seen.policy_text = to_valid_utf8(body_of(evidence));
        seen.mode = fetched.policy->mode;
    }
    seen.rua = rua_of(evidence);
    seen.findings = verdict::find(evidence, now);
    for (const auto severity : {verdict::FindingSeverity::error, verdict::FindingSeverity::warning}) {
        const auto first = std::ranges::find(seen.findings, severity, &verdict::Finding::severity);
        if (seen.problem.empty() && first != seen.findings.end()) {
            seen.problem = first->message;
        }
    }
    seen.findings.resize(std::min(seen.findings.size(), findings_max));
    return seen;
}

std::string elsewhere_to_json(const Elsewhere& seen) {
    json::array findings;
    for (const verdict::Finding& one : seen.findings) {
        findings.push_back(json::object{{"id", one.id},
                                        {"severity", verdict::to_string(one.severity)},
                                        {"subject", one.subject},
                                        {"message", one.message},
                                        {"why", one.why},
                                        {"fix", one.fix},
                                        {"rfc", one.rfc}});
    }
    json::object object{{"policy_text", seen.policy_text},
                        {"policy_id", seen.policy_id},
                        {"mode", seen.mode ? mtasts::to_string(*seen.mode) : ""},
                        {"rua", array_of(seen.rua)},
                        {"problem", seen.problem},
                        {"findings", std::move(findings)}};
    if (seen.checked) {
        object["checked"] = static_cast<std::int64_t>(seen.checked->time_since_epoch().count());
    }
    return json::serialize(object);
}

Elsewhere elsewhere_from_json(std::string_view text) {
    Elsewhere seen;
    const auto object = read_object(text);
    if (!object) {
        return seen;
    }
    seen.checked = time_in(*object, "checked");
    seen.policy_text = text_in(*object, "policy_text");
    seen.policy_id = text_in(*object, "policy_id");
    seen.mode = mtasts::mode_from_string(text_in(*object, "mode"));
    seen.rua = texts_in(*object, "rua");
    seen.problem = text_in(*object, "problem");
    for (const json::object& one : objects_in(*object, "findings")) {
        verdict::Finding finding;
        finding.id = text_in(one, "id");
        for (const auto severity : {verdict::FindingSeverity::error, verdict::FindingSeverity::warning,
                                    verdict::FindingSeverity::info, verdict::FindingSeverity::ok}) {
            finding.severity = text_in(one, "severity") == verdict::to_string(severity) ? severity : finding.severity;
        }
        finding.subject = text_in(one, "subject");
        finding.message = text_in(one, "message");
        finding.why = text_in(one, "why");
        finding.fix = text_in(one, "fix");
        finding.rfc = text_in(one, "rfc");
        seen.findings.push_back(std::move(finding));
    }
    return seen;
}

Result<Import> import_of(const verdict::Evidence& evidence) {
    const std::string name = evidence.domain().text();
    if (evidence.sts_txt.broken()) {
        return Error{Errc::temporary, "import", "_mta-sts." + name + ": " + printable(evidence.sts_txt.error, 200)};
    }
    const auto record = mtasts::judge_sts_records(evidence.sts_txt.records);
    if (!record.record) {
        return Error{
            record.present ? Errc::refused : Errc::not_found, "import",
            record.present && !record.problems.empty()
                ? "the record at _mta-sts." + name + " is none that senders take: " + record.problems.front().message
                : name + " has no MTA-STS record: there is nothing to import"};
    }
    const auto fetched = verdict::judge_fetch(evidence.fetch);
    if (!fetched.policy) {
        // A policy that senders cannot have is none that anybody holds. Its owner decides what it should be.
        return Error{Errc::refused, "import", "the policy of " + name + " cannot be imported: " + fetched.reason};
    }
    Import import;
    import.fetched = evidence.fetch.at;
    import.policy_id = record.record->id;
    import.policy.mode = fetched.policy->mode;
    import.policy.max_age_s = fetched.policy->max_age_s;
    std::ranges::copy_if(fetched.policy->mx, std::back_inserter(import.policy.mx),
                         [](const mtasts::MxPattern& pattern) { return pattern.can_match(); });
    if (import.policy.mode == mtasts::Mode::none) {
        import.policy.mx.clear();  // they bind nobody
    }
    if (const auto body = mtasts::format_policy(import.policy); !body) {
        return Error{Errc::refused, "import", "the policy of " + name + ": " + body.error().what};
    }
    compare_texts(import, *fetched.policy, body_of(evidence));
    import.differences.push_back(
        {"id", fmt::format("the id {} becomes a new one: senders fetch the policy once more, and find the same",
                           import.policy_id)});
    for (const verdict::HostEvidence& host : evidence.hosts) {
        if (import.policy.mode != mtasts::Mode::none && !covers(import.policy.mx, host.name)) {
            import.differences.push_back({"mx-not-in-policy", host.name.text() +
                                                                  " is an MX host and not in the policy: "
                                                                  "kept as it is, add it when you know the host"});
        }
    }
    compare_rua(import, rua_of(evidence));
    return import;
}

std::string import_to_json(const Import& import) {
    json::array mx;
    for (const mtasts::MxPattern& pattern : import.policy.mx) {
        mx.emplace_back(pattern.text());
    }
    json::array differences;
    for (const Import::Difference& one : import.differences) {
        differences.push_back(json::object{{"code", one.code}, {"message", one.message}});
    }
    json::object object{{"mode", mtasts::to_string(import.policy.mode)},
                        {"max_age_s", static_cast<std::int64_t>(import.policy.max_age_s)},
                        {"mx", std::move(mx)},
                        {"policy_id", import.policy_id},
                        {"rua", array_of(import.rua)},
                        {"differences", std::move(differences)}};
    if (import.fetched) {
        object["fetched"] = static_cast<std::int64_t>(import.fetched->time_since_epoch().count());
    }
    return json::serialize(object);
}

std::optional<Import> import_from_json(std::string_view text) {
    const auto object = read_object(text);
    const auto mode = object ? mtasts::mode_from_string(text_in(*object, "mode")) : std::nullopt;
    const json::value* max_age = object ? object->if_contains("max_age_s") : nullptr;
    if (!mode || max_age == nullptr || !max_age->is_int64()) {
        return std::nullopt;
    }
    Import import;
    import.policy.mode = *mode;
    import.policy.max_age_s = static_cast<std::uint32_t>(max_age->get_int64());
    for (const std::string& pattern : texts_in(*object, "mx")) {
        if (auto parsed = mtasts::MxPattern::parse(pattern)) {
            import.policy.mx.push_back(std::move(*parsed));
        }
    }
    import.policy_id = text_in(*object, "policy_id");
    import.rua = texts_in(*object, "rua");
    import.fetched = time_in(*object, "fetched");
    for (const json::object& one : objects_in(*object, "differences")) {
        import.differences.push_back({text_in(one, "code"), text_in(one, "message")});
    }
    return import;
}

}  // namespace postseal::hosting
