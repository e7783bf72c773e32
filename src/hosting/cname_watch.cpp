#include "hosting/cname_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace postseal::hosting {

namespace {

// What senders do while a name is missing.
std::string consequence(Purpose purpose, const std::optional<TimePoint>& enforced) {
    const std::string until =
        enforced ? fmt::format("senders that hold the policy go on enforcing it, at the latest until {}",
                               to_rfc3339(*enforced))
                 : "senders that hold the policy keep it until its max_age runs out";
    switch (purpose) {
        case Purpose::policy_id:
            return until + "; others find no policy and deliver without its protection";
        case Purpose::policy_host:
            return until + "; nobody can fetch it anew, and its certificate cannot be renewed";
        case Purpose::reports:
            break;
    }
    return "senders do not know where to send their reports";
}

}  // namespace

bool is_missing(const SeenRecord& record) {
    return !record.seen && !record.problem_code.empty() && record.problem && record.problem_code != "servfail" &&
           record.problem_code != "timeout" && record.problem_code != "resolver-stale";
}

CnameNews judge_cnames(const store::Domain& domain, const Verification& seen, const Versions& versions, TimePoint now) {
    CnameNews news;
    if (!keeps_cnames(domain) || !domain.verified) {
        return news;
    }
    const auto enforced = enforced_until(versions, now);
    std::vector<std::string> sentences;
    for (const SeenRecord& record : seen) {
        // What was never there, as the CNAME of reports that nobody wants, cannot get lost.
        if (record.ever_seen && is_missing(record)) {
            sentences.push_back(fmt::format("{}: {}; {}.", record.record.name.text(), *record.problem,
                                            consequence(record.record.purpose, enforced)));
        }
    }
    if (sentences.empty()) {
        // Where nobody answered, what was lost is still lost.
        const bool certain =
            std::ranges::none_of(seen, [](const SeenRecord& one) { return one.ever_seen && !one.seen; });
        news.lost = certain ? std::nullopt : domain.cnames_lost;
        news.what = domain.cnames_lost && certain ? CnameNews::What::back : CnameNews::What::nothing;
        return news;
    }
    if (domain.state == store::DomainState::retiring && domain.cnames_until) {
        sentences.push_back(fmt::format(
            "The domain is moving out: its CNAMEs have to stay until {}, so that senders learn of the end of its "
            "policy.",
            to_rfc3339(*domain.cnames_until)));
    } else {
        sentences.emplace_back("Put the record back, or retire the domain here.");
    }
    news.lost = domain.cnames_lost ? domain.cnames_lost : now;
    news.what = domain.cnames_lost ? CnameNews::What::nothing : CnameNews::What::lost;
    news.text = join(sentences, " ");
    return news;
}

}  // namespace postseal::hosting
