#include "console/cache_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "console/http_reply.h"

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

json::object to_json(const Entry& entry) {
    json::object out{{"domain", entry.domain.text()},
                     {"mode", nullptr},
                     {"policy_id", nullptr},
                     {"mx", json::array()},
                     {"max_age_s", nullptr},
                     {"fetched", nullptr},
                     {"expires", nullptr},
                     {"next_refresh", or_null(entry.next_refresh)},
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

// Pages in the order of names: an entry that comes or goes between two pages neither repeats nor hides another.
json::object page_of(std::vector<Entry> entries, const std::string& part, const std::string& after, std::size_t limit) {
    std::erase_if(entries, [&](const Entry& entry) {
        return entry.domain.text() <= after || entry.domain.text().find(part) == std::string::npos;
    });
    std::ranges::sort(entries, {}, [](const Entry& entry) { return entry.domain; });
    const bool more = entries.size() > limit;
    json::array list;
    for (std::size_t i = 0; i < std::min(limit, entries.size()); ++i) {
        list.push_back(to_json(entries[i]));
    }
    return {{"entries", std::move(list)},
            {"next_cursor", more ? json::value(entries[limit - 1].domain.text()) : json::value(nullptr)}};
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
        daemon->cache_entries([reply, limit = static_cast<std::size_t>(*limit),
                               part = to_lower(call.request.parameter("q").value_or("")),
                               after = call.request.parameter("cursor").value_or("")](std::vector<Entry> entries) {
            reply(json_reply(200, page_of(std::move(entries), part, after, limit)));
        });
    }

    static void show(const dns::Name& domain, sender::PolicyDaemon& from, const Reply& reply) {
        from.cache_entries([reply, domain](const std::vector<Entry>& entries) {
            const auto found = std::ranges::find(entries, domain, &Entry::domain);
            reply(found == entries.end() ? problem_reply(Code::not_found, domain.text() + " is not in the cache")
                                         : json_reply(200, to_json(*found)));
        });
    }

    void forget(const Call& call, const dns::Name& domain, const Reply& reply) const {
        // Before the deed: what cannot be written down is not done.
        const auto noted = store.audit.add({.at = clock.now(),
                                            .organisation = call.actor.organisation(),
                                            .actor = call.actor.text(),
                                            .action = "cache.purge",
                                            .subject = domain.text(),
                                            .before = {},
                                            .after = {},
                                            .reason = {}});
        if (!noted) {
            reply(console::problem_of(noted.error()));
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
    router.add("GET", "/api/v1/cache", Access::signed_in, [cache](const Call& call, const Reply& reply) {
        if (!cache.is_off(reply)) {
            cache.list(call, reply);
        }
    });
    const auto with_domain = [&](std::string method, auto act) {
        router.add(std::move(method), "/api/v1/cache/{domain}", Access::signed_in,
                   [cache, act](const Call& call, const Reply& reply) {
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
    with_domain("GET", [cache](const Call&, const dns::Name& domain, const Reply& reply) {
        Cache::show(domain, *cache.daemon, reply);
    });
    with_domain("DELETE", [cache](const Call& call, const dns::Name& domain, const Reply& reply) {
        cache.forget(call, domain, reply);
    });
}

}  // namespace postseal::console
