#include "console/cache_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "console/http_reply.h"
#include "sender/query_json.h"
#include "verdict/sts.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

using Entry = sender::PolicyDaemon::CacheEntry;

std::optional<std::string> problem_of(const Entry& entry) {
    if (entry.failures.recent.empty() && entry.failures.failed_id.empty()) {
        return std::nullopt;
    }
    const TimePoint at = entry.failures.recent.empty() ? entry.failures.failed_at : entry.failures.recent.back().at;
    return fmt::format("fetching the policy failed at {}", to_rfc3339(at));
}

json::array failures_of(const Entry& entry) {
    json::array out;
    for (const mtasts::FailedFetch& failed : entry.failures.recent) {
        out.push_back(json::object{{"id", null_if_empty(failed.id)}, {"at", to_rfc3339(failed.at)}});
    }
    if (out.empty() && !entry.failures.failed_id.empty()) {
        out.push_back(json::object{{"id", entry.failures.failed_id}, {"at", to_rfc3339(entry.failures.failed_at)}});
    }
    return out;
}

json::object to_json(const Entry& entry) {
    json::object out{{"domain", entry.domain.text()},
                     {"mode", nullptr},
                     {"policy_id", nullptr},
                     {"mx", json::array()},
                     {"max_age_s", nullptr},
                     {"fetched", nullptr},
                     {"expires", nullptr},
                     {"next_refresh", or_null(entry.next_refresh)},
                     {"failures", failures_of(entry)},
                     {"problem", or_null(problem_of(entry))}};
    if (entry.policy) {
        json::array mx;
        for (const mtasts::MxPattern& pattern : entry.policy->policy.mx) {
            mx.emplace_back(pattern.text());
        }
        out["mode"] = mtasts::to_string(entry.policy->policy.mode);
        out["policy_id"] = entry.policy->id;
        out["mx"] = std::move(mx);
        out["max_age_s"] = entry.policy->policy.max_age_s;
        out["fetched"] = to_rfc3339(entry.policy->fetched);
        out["expires"] = to_rfc3339(entry.policy->expires());
    }
    return out;
}

json::object detail_of(const Entry& entry, const sender::PolicyDaemon::Explanation& explanation) {
    json::object out = to_json(entry);
    out["lines"] = entry.policy ? array_of(entry.policy->policy.lines) : json::array();
    out["last_used"] = entry.policy ? json::value(to_rfc3339(entry.policy->last_used)) : json::value(nullptr);
    out["id_checked"] = entry.policy ? json::value(to_rfc3339(entry.policy->id_checked)) : json::value(nullptr);
    out["answer"] = sender::query_json(explanation);
    return out;
}

// What a fetch by hand brought, in a word, with RFC 8460 §4.3's when it failed.
json::object to_json(const sender::PolicyDaemon::Refreshed& refreshed) {
    const verdict::FetchJudgement judged = verdict::judge_fetch(refreshed.fetch);
    const std::vector<std::string>& reasons = refreshed.explanation.answer->decision.reasons;
    std::string_view outcome = "no-record";
    std::string detail = reasons.empty() ? "" : reasons.front();
    if (judged.policy) {
        outcome = "fetched";
        detail.clear();
    } else if (judged.failure) {
        outcome = "failed";
        detail = judged.reason;
    } else if (refreshed.fetch.outcome == verdict::PolicyFetch::Outcome::held_back) {
        outcome = "held-back";
        detail = refreshed.fetch.error;
    }
    const bool kept = refreshed.entry.policy || !failures_of(refreshed.entry).empty();
    return {{"domain", refreshed.entry.domain.text()},
            {"outcome", outcome},
            {"failure", judged.failure ? json::value(tlsrpt::to_string(*judged.failure)) : json::value(nullptr)},
            {"detail", null_if_empty(detail)},
            {"entry", kept ? json::value(to_json(refreshed.entry)) : json::value(nullptr)},
            {"answer", sender::query_json(refreshed.explanation)}};
}

// "45:OK secure match=…," → "secure match=…", the right-hand side of a line in a Postfix table.
std::string table_value(const sender::Answer& answer) {
    constexpr std::string_view found = "OK ";
    const std::size_t begin = answer.plain.find(found);
    return begin == std::string::npos
               ? ""
               : answer.plain.substr(begin + found.size(), answer.plain.size() - begin - found.size() - 1);
}

// Pages in the order of names: an entry that comes or goes between two pages neither repeats nor hides another.
// `entries` has one more than the page where there is a next one.
json::object page_of(const std::vector<Entry>& entries, std::size_t limit) {
    const bool more = entries.size() > limit;
    json::array list;
    for (std::size_t i = 0; i < std::min(limit, entries.size()); ++i) {
        list.push_back(to_json(entries[i]));
    }
    return {{"entries", std::move(list)},
            {"next_cursor", more ? json::value(entries[limit - 1].domain.text()) : json::value(nullptr)}};
}

json::object page_of(const sender::PolicyDaemon::Exported& exported) {
    json::array list;
    for (const auto& [key, answer] : exported.answers) {
        list.push_back(json::object{{"domain", key},
                                    {"policy", table_value(*answer)},
                                    {"source", verdict::to_string(answer->decision.source)},
                                    {"expires", or_null(answer->decision.policy_expires)}});
    }
    return {{"entries", std::move(list)}, {"next_cursor", or_null(exported.next)}};
}

struct Cache {
    sender::PolicyDaemon* daemon;
    store::Store& store;
    const Clock& clock;

    [[nodiscard]] bool is_off(const Reply& reply) const {
        if (daemon == nullptr) {
            reply(problem_reply(Code::unavailable, "the policy daemon is not running here: role policyd is off"));
        }
        return daemon == nullptr;
    }

    void list(const Call& call, const Reply& reply) const {
        constexpr std::int64_t limit_max = 1000;
        const auto limit = number_parameter(call.request, "limit", 200, 1, limit_max);
        if (!limit) {
            reply(number_refusal("limit", 1, limit_max));
            return;
        }
        const auto rows = static_cast<std::size_t>(*limit);
        daemon->cache_entries(
            {call.request.parameter("cursor").value_or(""), to_lower(call.request.parameter("q").value_or("")),
             rows + 1},
            [reply, rows](const Result<std::vector<Entry>>& entries) {
                reply(entries ? json_reply(200, page_of(*entries, rows)) : console::problem_of(entries.error()));
            });
    }

    static void show(const dns::Name& domain, sender::PolicyDaemon& from, const Reply& reply) {
        from.cache_entry(domain, [reply, domain, daemon = &from](const Result<Entry>& found) {
            if (!found) {
                reply(found.error().code == Errc::not_found
                          ? problem_reply(Code::not_found, domain.text() + " is not in the cache")
                          : console::problem_of(found.error()));
                return;
            }
            daemon->explain(domain.text(),
                            [reply, entry = *found](const sender::PolicyDaemon::Explanation& explanation) {
                                reply(json_reply(200, detail_of(entry, explanation)));
                            });
        });
    }

    void export_page(const Call& call, const Reply& reply) const {
        constexpr std::int64_t limit_max = 10'000;
        const auto limit = number_parameter(call.request, "limit", 1000, 1, limit_max);
        if (!limit) {
            reply(number_refusal("limit", 1, limit_max));
            return;
        }
        daemon->export_answers(
            call.request.parameter("cursor").value_or(""), static_cast<std::size_t>(*limit),
            [reply](const Result<sender::PolicyDaemon::Exported>& exported) {
                reply(exported ? json_reply(200, page_of(*exported)) : console::problem_of(exported.error()));
            });
    }

    // Before the deed: what cannot be written down is not done. False when it has been refused.
    [[nodiscard]] bool note(const Call& call, std::string action, const std::string& subject,
                            const Reply& reply) const {
        const auto noted = store.audit.add({.at = clock.now(),
                                            .organisation = call.actor.organisation(),
                                            .actor = call.actor.text(),
                                            .action = std::move(action),
                                            .subject = subject,
                                            .before = {},
                                            .after = {},
                                            .reason = {}});
        if (!noted) {
            reply(console::problem_of(noted.error()));
        }
        return noted.has_value();
    }

    void refresh(const Call& call, const dns::Name& domain, const Reply& reply) const {
        if (note(call, "cache.refresh", domain.text(), reply)) {
            daemon->refresh(domain, [reply](const sender::PolicyDaemon::Refreshed& refreshed) {
                reply(json_reply(200, to_json(refreshed)));
            });
        }
    }

    void forget_all(const Call& call, const Reply& reply) const {
        if (note(call, "cache.purge", "*", reply)) {
            daemon->purge_all([reply](const Result<std::size_t>& policies) {
                reply(policies ? json_reply(200, json::object{{"purged", *policies}})
                               : console::problem_of(policies.error()));
            });
        }
    }

    void forget(const Call& call, const dns::Name& domain, const Reply& reply) const {
        if (!note(call, "cache.purge", domain.text(), reply)) {
            return;
        }
        daemon->purge(domain, [reply, domain](bool found) {
            reply(found ? no_content() : problem_reply(Code::not_found, domain.text() + " is not in the cache"));
        });
    }
};

}  // namespace

void add_cache_routes(Router& router, sender::PolicyDaemon* daemon, store::Store& store, const Clock& clock) {
    const Cache cache{daemon, store, clock};
    const auto whole = [&](std::string method, std::string_view path, auto act) {
        router.add(std::move(method), path, Access::signed_in, [cache, act](const Call& call, const Reply& reply) {
            if (!cache.is_off(reply)) {
                act(call, reply);
            }
        });
    };
    whole("GET", "/api/v1/cache", [cache](const Call& call, const Reply& reply) { cache.list(call, reply); });
    whole("DELETE", "/api/v1/cache", [cache](const Call& call, const Reply& reply) { cache.forget_all(call, reply); });
    whole("GET", "/api/v1/cache-export",
          [cache](const Call& call, const Reply& reply) { cache.export_page(call, reply); });
    const auto with_domain = [&](std::string method, std::string_view path, auto act) {
        router.add(std::move(method), path, Access::signed_in, [cache, act](const Call& call, const Reply& reply) {
            const auto domain = dns::Name::parse(call.path("domain"));
            if (cache.is_off(reply)) {
                return;
            }
            if (!domain) {
                reply(problem_reply(Code::not_found, domain.error().message()));
                return;
            }
            act(call, *domain, reply);
        });
    };
    with_domain("GET", "/api/v1/cache/{domain}", [cache](const Call&, const dns::Name& domain, const Reply& reply) {
        Cache::show(domain, *cache.daemon, reply);
    });
    with_domain(
        "DELETE", "/api/v1/cache/{domain}",
        [cache](const Call& call, const dns::Name& domain, const Reply& reply) { cache.forget(call, domain, reply); });
    with_domain(
        "POST", "/api/v1/cache/{domain}/refresh",
        [cache](const Call& call, const dns::Name& domain, const Reply& reply) { cache.refresh(call, domain, reply); });
}

}  // namespace postseal::console
