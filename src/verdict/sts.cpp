#include "verdict/sts.h"

#include <fmt/format.h>

#include "base/text.h"
#include "mtasts/record.h"

namespace postseal::verdict {

namespace {

using tlsrpt::ResultType;

// RFC 8461 §3.3: text/plain, whatever its parameters; names of media types are compared without case.
bool is_text_plain(std::string_view content_type) {
    return iequals(trim_wsp(content_type.substr(0, content_type.find(';'))), "text/plain");
}

FetchJudgement failed(ResultType type, std::string reason) {
    return {{}, type, std::move(reason), {}};
}

FetchJudgement judge_response(const PolicyFetch& fetch) {
    const int status = fetch.status.value_or(0);
    if (status >= 300 && status < 400) {  // RFC 8461 §3.3: redirects are not followed
        return failed(ResultType::sts_policy_fetch_error, fmt::format("the policy host redirects (HTTP {})", status));
    }
    if (status != 200) {
        return failed(ResultType::sts_policy_fetch_error, fmt::format("the policy host answers HTTP {}", status));
    }
    if (!is_text_plain(fetch.content_type)) {
        return failed(ResultType::sts_policy_fetch_error,
                      fetch.content_type.empty()
                          ? "the policy comes without a media type"
                          : fmt::format("the policy comes as {}, not text/plain", printable(fetch.content_type, 80)));
    }
    auto judged = mtasts::judge_policy(as_text(fetch.body));
    FetchJudgement judgement{std::move(judged.policy), {}, {}, std::move(judged.problems)};
    if (!judgement.policy) {
        judgement.failure = ResultType::sts_policy_invalid;
        judgement.reason = "the policy is invalid";
        for (const Problem& problem : judgement.problems) {
            if (problem.severity == Severity::error) {
                judgement.reason = "the policy is invalid: " + problem.message;
                break;
            }
        }
    }
    return judgement;
}

std::string with_error(const std::string& text, const PolicyFetch& fetch) {
    return fetch.error.empty() ? text : text + ": " + printable(fetch.error, 200);
}

// "no MTA-STS record", …: why a cached policy is not confirmed, or why there is none.
std::string txt_reason(const Evidence& evidence, mtasts::TxtState state) {
    switch (state) {
        case mtasts::TxtState::usable:
            return "an MTA-STS record exists";
        case mtasts::TxtState::absent:
            return "the domain has no MTA-STS record";
        case mtasts::TxtState::invalid:
            return "the domain's MTA-STS record is invalid";
        case mtasts::TxtState::lookup_failed:
            break;
    }
    return evidence.sts_txt.error.empty()
               ? "the MTA-STS record could not be looked up"
               : "the MTA-STS record could not be looked up: " + printable(evidence.sts_txt.error, 200);
}

}  // namespace

mtasts::TxtOutcome txt_outcome(const Lookup<std::string>& sts_txt) {
    if (sts_txt.broken() || sts_txt.answer == Answer::not_asked) {
        return {mtasts::TxtState::lookup_failed, {}};
    }
    if (sts_txt.absent()) {
        return {mtasts::TxtState::absent, {}};
    }
    const auto judged = mtasts::judge_sts_records(sts_txt.records);
    if (judged.record) {
        return {mtasts::TxtState::usable, judged.record->id};
    }
    return {judged.present ? mtasts::TxtState::invalid : mtasts::TxtState::absent, {}};
}

FetchJudgement judge_fetch(const PolicyFetch& fetch) {
    using Outcome = PolicyFetch::Outcome;
    switch (fetch.outcome) {
        case Outcome::not_attempted:
            return {};
        case Outcome::held_back:
            return {{}, {}, "a fetch failed a short while ago and is not repeated yet", {}};
        case Outcome::running:
            return {{}, {}, "the policy is still being fetched", {}};
        case Outcome::response:
            return judge_response(fetch);
        case Outcome::certificate_error:
            return failed(ResultType::sts_webpki_invalid,
                          with_error("the policy host's certificate is not valid", fetch));
        case Outcome::dns_failed:
            return failed(ResultType::sts_policy_fetch_error,
                          with_error("the policy host's address could not be looked up", fetch));
        case Outcome::no_address:
            return failed(ResultType::sts_policy_fetch_error, "the policy host has no address");
        case Outcome::refused_address:
            return failed(ResultType::sts_policy_fetch_error, "the policy host's addresses are not public");
        case Outcome::connect_failed:
            return failed(ResultType::sts_policy_fetch_error, with_error("the policy host cannot be reached", fetch));
        case Outcome::timed_out:
            return failed(ResultType::sts_policy_fetch_error, "the policy host did not answer in time");
        case Outcome::tls_failed:
            return failed(ResultType::sts_policy_fetch_error, with_error("no TLS session with the policy host", fetch));
        case Outcome::protocol_error:
            return failed(ResultType::sts_policy_fetch_error,
                          with_error("the policy host's answer is not HTTP", fetch));
        case Outcome::too_large:
            return failed(ResultType::sts_policy_fetch_error, "the policy is larger than 64 KiB");
        case Outcome::local_error:  // no fault of the domain's: nothing to report to it, nothing to hold back
            return {{}, {}, with_error("this machine could not fetch the policy", fetch), {}};
    }
    return {};
}

PolicyInForce policy_in_force(const Evidence& evidence, TimePoint now) {
    PolicyInForce result;
    const mtasts::TxtOutcome txt = txt_outcome(evidence.sts_txt);
    const bool txt_usable = txt.state == mtasts::TxtState::usable;
    const bool cached = mtasts::in_force(evidence.cached, now);
    FetchJudgement fetched = judge_fetch(evidence.fetch);

    // RFC 8461 §3.1: without a record there is no policy to discover; but a cached one is refreshed whatever the TXT
    // says.
    if (fetched.policy && (txt_usable || cached)) {
        mtasts::CachedPolicy fresh;
        fresh.policy = std::move(*fetched.policy);
        fresh.id = mtasts::id_for_fetch(evidence.cached, txt);
        fresh.fetched = evidence.fetch.at;
        fresh.last_used = now;
        fresh.id_checked = txt_usable ? evidence.gathered : evidence.cached->id_checked;
        fresh.id_ttl_s = txt_usable ? evidence.sts_txt.ttl_s : evidence.cached->id_ttl_s;
        // RFC 8461 §3.2: a max_age of 0 is valid; such a policy holds for the delivery that fetched it.
        if (fresh.policy.max_age_s == 0 || mtasts::in_force(fresh, now)) {
            result.reasons.push_back(
                fmt::format("MTA-STS policy fetched: mode {}, id {}", mtasts::to_string(fresh.policy.mode), fresh.id));
            result.policy = std::move(fresh);
            result.from = PolicyInForce::From::fetch;
            return result;
        }
        fetched.reason = "the fetched policy has expired";
    }

    // RFC 8461 §6: a failed fetch is reported when a record says that there is a policy, or while one is cached.
    const bool cached_is_none = cached && evidence.cached->policy.mode == mtasts::Mode::none;
    if (fetched.failure && (txt_usable || cached) && !cached_is_none) {
        result.failure = fetched.failure;
    }
    if (cached) {
        result.policy = evidence.cached;
        result.from = PolicyInForce::From::cache;
        result.reasons.push_back(fmt::format("MTA-STS policy from the cache: mode {}, id {}, holds until {}",
                                             mtasts::to_string(evidence.cached->policy.mode), evidence.cached->id,
                                             to_rfc3339(evidence.cached->expires())));
        const bool asked = evidence.sts_txt.answer != Answer::not_asked;
        if (asked && !txt_usable) {
            // Design rule 9, RFC 8461 §3.1: forging or blocking DNS must not end a policy early.
            result.reasons.push_back("kept although " + txt_reason(evidence, txt.state));
            if (!result.failure && !cached_is_none) {
                result.failure = ResultType::sts_policy_fetch_error;
            }
        }
        if (!fetched.reason.empty()) {
            result.reasons.push_back("kept although " + fetched.reason);
        }
        return result;
    }
    if (!txt_usable) {
        result.reasons.push_back(txt_reason(evidence, txt.state));
    } else {
        result.reasons.push_back(fetched.reason.empty() ? "the MTA-STS policy has not been fetched" : fetched.reason);
    }
    return result;
}

}  // namespace postseal::verdict
