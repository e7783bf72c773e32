#include "mtasts/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "dns/txt_fields.h"

namespace postseal::mtasts {

namespace {

constexpr dns::TxtForm form{"v=STSv1", "MTA-STS", "an", "RFC 8461 §3.1"};

// RFC 8461 §3.1: sts-id = %s"id=" 1*32(ALPHA / DIGIT)
std::optional<std::string> id_fault(std::string_view id) {
    if (id.empty()) {
        return "the id is empty";
    }
    if (id.size() > id_length_max) {
        return fmt::format("the id has {} characters, at most 32 are allowed", id.size());
    }
    if (!std::all_of(id.begin(), id.end(), is_alnum)) {
        return "an id holds only ASCII letters and digits";
    }
    return std::nullopt;
}

// One record that claims to be MTA-STS; nothing unless it fits the grammar.
std::optional<StsRecord> parse_record(std::string_view text, int line, Problems& problems) {
    Problems found;
    const auto report = [&](Severity severity, std::string code, std::string message) {
        found.push_back({line, severity, std::move(code), std::move(message), std::string(form.rfc)});
    };
    StsRecord record;
    bool id_seen = false;
    const auto fields = dns::split_txt_fields(text, form, line, found);
    for (const auto& field : fields.value_or(std::vector<dns::TxtField>{})) {
        const auto place = dns::txt_field_place(line, field);
        // RFC 8461 §3.2, last paragraph, speaks of the TXT record too: the first of a repeated field counts. What is
        // ignored must still fit the grammar, where it is an extension.
        const bool repeated =
            field.name == "v" || (field.name == "id" && id_seen) || record.extensions.contains(std::string(field.name));
        if (field.name == "id" && !id_seen) {
            id_seen = true;
            if (const auto fault = id_fault(field.value)) {
                report(Severity::error, "id-invalid", fmt::format("{}: {}", place, *fault));
            } else {
                record.id = field.value;
            }
            continue;
        }
        if (const auto fault = dns::txt_value_fault(field.value)) {
            report(Severity::error, "field-value-invalid", fmt::format("{}: {}", place, *fault));
        } else if (repeated) {
            report(Severity::warning, "repeated-field", fmt::format("{}: repeated, only the first counts", place));
        } else {
            const bool misspelt = iequals(field.name, "id") || iequals(field.name, "v");
            report(Severity::warning, "unknown-field",
                   fmt::format("{}: unknown to RFC 8461 and ignored{}", place,
                               misspelt ? "; names of fields are case-sensitive" : ""));
            record.extensions.emplace(field.name, field.value);
        }
    }
    if (fields && !id_seen) {
        report(Severity::error, "id-missing", fmt::format("TXT record {}: no id field, which is mandatory", line));
    }
    const bool valid = !has_error(found);
    problems.insert(problems.end(), found.begin(), found.end());
    return valid ? std::optional(record) : std::nullopt;
}

}  // namespace

StsRecordJudgement judge_sts_records(std::span<const std::string> txt_records) {
    StsRecordJudgement judgement;
    const auto choice = dns::choose_txt_record(txt_records, form, judgement.problems);
    judgement.present = !choice.claimants.empty();
    for (const std::size_t i : choice.claimants) {
        auto record = parse_record(txt_records[i], static_cast<int>(i) + 1, judgement.problems);
        if (choice.chosen) {
            judgement.record = std::move(record);
        }
    }
    return judgement;
}

std::string format_sts_record(const std::string& id) {
    return fmt::format("v=STSv1; id={};", id);
}

Result<dns::Name> sts_record_name(const dns::Name& policy_domain) {
    return policy_domain.prefixed("_mta-sts");
}

Result<dns::Name> policy_host_name(const dns::Name& policy_domain) {
    return policy_domain.prefixed("mta-sts");
}

}  // namespace postseal::mtasts
