// What the parts of find() share. Not for other modules.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "mtasts/policy.h"
#include "verdict/catalogue.h"
#include "verdict/decision.h"
#include "verdict/evidence.h"

namespace postseal::verdict {

constexpr Seconds expiry_warning{21 * 86'400};  // design rule 4: what the readiness gate asks for, too

using Params = std::vector<std::pair<std::string, std::string>>;

// Collects findings; fills the texts of the catalogue.
class Report {
public:
    // `id` must be in the catalogue. Values from the network are made printable here. The reference is good until the
    // next add().
    Finding& add(std::string_view id, std::string subject, Params params = {},
                 std::optional<FindingSeverity> severity = std::nullopt);
    [[nodiscard]] std::vector<Finding> take() && { return std::move(findings_); }
    [[nodiscard]] bool has(std::string_view id) const {
        return std::ranges::find(findings_, id, &Finding::id) != findings_.end();
    }

private:
    std::vector<Finding> findings_;
};

// A DNS question without an answer: DNSSEC's failures have one text, the others depend on what was asked.
template <class T>
bool report_broken(Report& report, const Lookup<T>& lookup, std::string_view failed_id, const std::string& subject,
                   const std::string& what) {
    const std::string error = lookup.error.empty() ? "no answer" : lookup.error;
    if (lookup.answer == Answer::bogus) {
        report.add("dnssec-bogus", subject, {{"what", what}, {"error", error}});
    } else if (lookup.answer == Answer::failed) {
        report.add(failed_id, subject, {{"name", what}, {"error", error}});
    }
    return lookup.broken();
}

// The policy that the findings about hosts go by: the one just fetched, else the one in force.
std::optional<mtasts::Policy> policy_to_judge_by(const Evidence& evidence, TimePoint now);

void find_in_sts_record(Report& report, const Evidence& evidence);
void find_in_policy(Report& report, const Evidence& evidence, TimePoint now);
void find_in_mx(Report& report, const Evidence& evidence, const std::optional<mtasts::Policy>& policy);
void find_in_hosts(Report& report, const Evidence& evidence, const std::optional<mtasts::Policy>& policy,
                   TimePoint now);
void find_in_tlsa(Report& report, const Evidence& evidence, TimePoint now);
void find_in_tlsrpt_record(Report& report, const Evidence& evidence);

// "mx.example.com [192.0.2.1]"
std::string probe_subject(const HostEvidence& host, const Probe& probe);
// The session repeats another one with the same address, only without SNI.
bool is_without_sni(const HostEvidence& host, const Probe& probe);

}  // namespace postseal::verdict
