#include "console/audit_api.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/text.h"
#include "console/http_reply.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

json::object actor_to_json(const std::string& actor) {
    const std::size_t colon = actor.find(':');
    const std::string kind = actor.substr(0, colon);
    if (colon == std::string::npos || (kind != "user" && kind != "cli")) {
        return {{"kind", "system"}, {"name", actor}};
    }
    return {{"kind", kind}, {"name", actor.substr(colon + 1)}};
}

std::string unicode_of(const std::string& subject) {
    const auto name = dns::Name::parse(subject);
    return name && !subject.empty() ? name->unicode() : subject;
}

json::object to_json(const store::AuditEntry& entry, const std::map<std::int64_t, std::string>& organisations) {
    const auto organisation = organisations.find(entry.organisation);
    return {{"id", std::to_string(entry.id)},
            {"at", to_rfc3339(entry.at)},
            {"actor", actor_to_json(entry.actor)},
            {"organization",
             organisation == organisations.end() ? json::value(nullptr) : json::value(organisation->second)},
            {"action", entry.action},
            {"domain", null_if_empty(entry.subject)},
            {"domain_unicode", null_if_empty(unicode_of(entry.subject))},
            {"from", null_if_empty(entry.before)},
            {"to", null_if_empty(entry.after)},
            {"reason", null_if_empty(entry.reason)}};
}

struct AuditQuestion {
    std::string subject;
    std::int64_t limit = 0;
    std::int64_t before_id = 0;
};

// Of the organisations `shown`; with `all`, of every one.
Result<json::object> page(store::Store& store, std::vector<std::int64_t> shown, bool all,
                          const AuditQuestion& question) {
    POSTSEAL_TRY(const auto known, store.accounts.organisations());
    std::map<std::int64_t, std::string> organisations;
    for (const store::Organisation& organisation : known) {
        organisations.emplace(organisation.id, organisation.name);
    }
    if (all) {
        for (const auto& [id, name] : organisations) {
            shown.push_back(id);
        }
    }
    std::vector<store::AuditEntry> entries;
    for (const std::int64_t organisation : shown) {
        POSTSEAL_TRY(auto more,
                     store.audit.list(organisation, question.subject, question.limit + 1, question.before_id));
        std::ranges::move(more, std::back_inserter(entries));
    }
    std::ranges::sort(entries, std::greater<>(), &store::AuditEntry::id);
    const auto limit = static_cast<std::size_t>(question.limit);
    const bool more = entries.size() > limit;
    entries.resize(std::min(entries.size(), limit));
    json::array list;
    for (const store::AuditEntry& entry : entries) {
        list.push_back(to_json(entry, organisations));
    }
    return json::object{{"entries", std::move(list)},
                        {"next_cursor", more ? json::value(std::to_string(entries.back().id)) : json::value(nullptr)}};
}

}  // namespace

Result<json::object> history_of(store::Store& store, const HistoryQuestion& question) {
    return page(store, {question.organisation}, false, {question.domain, question.limit, question.before_id});
}

void add_audit_routes(Router& router, store::Store& store) {
    router.add("GET", "/api/v1/audit", Access::signed_in, [&store](const Call& call, const Reply& reply) {
        constexpr std::int64_t limit_max = 200;
        constexpr std::int64_t id_max = std::int64_t{1} << 53;
        const auto limit = number_parameter(call.request, "limit", 50, 1, limit_max);
        if (!limit) {
            reply(number_refusal("limit", 1, limit_max));
            return;
        }
        const auto before = number_parameter(call.request, "cursor", 0, 0, id_max);
        if (!before) {
            reply(number_refusal("cursor", 0, id_max));
            return;
        }
        // Whatever was written down is found as it was written; a domain in any form is found by its name.
        std::string subject = call.request.parameter("domain").value_or("");
        if (const auto domain = dns::Name::parse(subject); domain && !subject.empty()) {
            subject = domain->text();
        }
        // A user sees what was done in his organisation, the operator everything.
        const auto found =
            page(store, {call.actor.organisation()}, call.actor.kind == Actor::Kind::local, {subject, *limit, *before});
        reply(found ? json_reply(200, *found) : problem_of(found.error()));
    });
}

}  // namespace postseal::console
