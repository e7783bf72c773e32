#include "console/fetches_api.h"

#include <algorithm>

#include "console/domain_lookup.h"
#include "console/http_reply.h"
#include "hosting/fetch_log.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

constexpr std::size_t versions_max = 50;  // of a domain, the newest
constexpr std::size_t senders_max = 200;  // of a version, those that fetched it last
constexpr std::size_t gaps_max = 50;      // the newest

json::object sender_to_json(const hosting::FetchSender& sender) {
    return {{"sender", sender.agent},
            {"name", sender.name},
            {"kind", hosting::to_string(sender.kind)},
            {"networks", array_of(sender.networks)},
            {"fetches", sender.fetches},
            {"first", to_rfc3339(sender.first)},
            {"last", to_rfc3339(sender.last)},
            {"may_hold_until", or_null(sender.may_hold_until)}};
}

json::object version_to_json(const hosting::VersionFetches& fetches) {
    const store::PolicyVersion& version = *fetches.version;
    json::array senders;
    for (std::size_t i = 0; i < std::min(fetches.senders.size(), senders_max); ++i) {
        senders.push_back(sender_to_json(fetches.senders[i]));
    }
    return {{"version", version.version},
            {"mode", mtasts::to_string(version.mode)},
            {"policy_id", version.policy_id},
            {"max_age_s", version.max_age_s},
            {"served_since", to_rfc3339(version.body_live.value_or(version.made))},
            {"served_until", or_null(version.last_served)},
            {"held_until", or_null(fetches.held_until)},
            {"complete", fetches.proven},
            {"senders_total", static_cast<std::int64_t>(fetches.senders.size())},
            {"senders", std::move(senders)}};
}

json::array gaps_to_json(const std::vector<store::FetchGap>& gaps) {
    json::array out;
    for (std::size_t i = gaps.size() - std::min(gaps.size(), gaps_max); i < gaps.size(); ++i) {
        out.push_back(json::object{{"since", to_rfc3339(gaps[i].since)},
                                   {"until", to_rfc3339(gaps[i].until)},
                                   {"lost", gaps[i].lost > 0 ? json::value(gaps[i].lost) : json::value(nullptr)}});
    }
    return out;
}

Result<json::object> answer(store::Store& store, const store::Domain& domain, TimePoint now) {
    POSTSEAL_TRY(const hosting::Versions versions, store.domains.versions(domain.id));
    POSTSEAL_TRY(const auto evidence, hosting::fetch_evidence(store.fetch_logs, domain.id));
    const auto all = hosting::fetches_by_version(versions, evidence.counts, evidence.coverage, now);
    json::array out;
    std::optional<TimePoint> held_until;
    for (const hosting::VersionFetches& one : all) {
        if (one.held_until && (!held_until || *one.held_until > *held_until)) {
            held_until = one.held_until;
        }
        if (out.size() < versions_max) {
            out.push_back(version_to_json(one));
        }
    }
    return json::object{{"domain", domain.name.text()},
                        {"complete_since", or_null(evidence.coverage.since)},
                        {"gaps", gaps_to_json(evidence.coverage.gaps)},
                        {"held_until", or_null(held_until)},
                        {"versions", std::move(out)}};
}

}  // namespace

void add_fetches_routes(Router& router, store::Store& store, const Clock& clock) {
    router.add("GET", "/api/v1/domains/{domain}/fetches", Access::signed_in,
               [&store, &clock](const Call& call, const Reply& reply) {
                   const auto domain = find_domain(store, call);
                   if (!domain) {
                       reply(problem_of(domain.error()));
                       return;
                   }
                   const auto body = answer(store, *domain, clock.now());
                   reply(body ? json_reply(200, *body) : problem_of(body.error()));
               });
}

std::optional<std::int64_t> holders_of(store::Store& store, const hosting::DomainView& view, TimePoint now) {
    const auto evidence = hosting::fetch_evidence(store.fetch_logs, view.domain.id);
    return evidence ? hosting::senders_enforcing(view.versions, evidence->counts, evidence->coverage, now)
                    : std::nullopt;
}

}  // namespace postseal::console
