#include "console/overrides_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <optional>

#include "base/text.h"
#include "console/http_reply.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

using Configured = std::vector<verdict::Override>;

bool is_configured(const Configured& configured, const std::string& domain) {
    return std::ranges::find(configured, domain, &verdict::Override::domain) != configured.end();
}

json::object to_json(const store::AddedOverride& entry, bool in_force) {
    return {{"domain", entry.domain},
            {"level", entry.level},
            {"match", array_of(entry.match)},
            {"origin", "added"},
            {"in_force", in_force},
            {"added", to_rfc3339(entry.added)},
            {"actor", null_if_empty(entry.actor)},
            {"reason", null_if_empty(entry.reason)}};
}

json::object to_json(const verdict::Override& entry) {
    return {{"domain", entry.domain},    {"level", entry.level}, {"match", array_of(entry.match)},
            {"origin", "configuration"}, {"in_force", true},     {"added", nullptr},
            {"actor", nullptr},          {"reason", nullptr}};
}

// Text as the audit log keeps it: "secure match=a:b".
std::string summary(const store::AddedOverride& entry) {
    return entry.match.empty() ? entry.level : entry.level + " match=" + join(entry.match, ":");
}

// The name that an override is about, without the dot that makes it a subtree's.
dns::Name name_of(const std::string& domain) {
    return dns::Name::parse(std::string_view(domain).substr(domain.starts_with('.') ? 1 : 0)).value();
}

// A text of the body, or `fallback` when it is absent; nothing when it is something else.
std::optional<std::string> text_member(const json::object& body, std::string_view name, const char* fallback) {
    const json::value* member = body.if_contains(name);
    if (member == nullptr || member->is_null()) {
        return fallback;
    }
    return member->is_string() ? std::optional(std::string(member->get_string())) : std::nullopt;
}

std::optional<std::vector<std::string>> texts_member(const json::object& body, std::string_view name) {
    std::vector<std::string> out;
    const json::value* member = body.if_contains(name);
    if (member == nullptr || member->is_null()) {
        return out;
    }
    if (!member->is_array()) {
        return std::nullopt;
    }
    for (const json::value& element : member->get_array()) {
        if (!element.is_string()) {
            return std::nullopt;
        }
        out.emplace_back(element.get_string());
    }
    return out;
}

net::HttpResponse refusal(std::string_view field, std::string_view why) {
    return problem_reply(Code::invalid_field, fmt::format("{}: {}", field, why),
                         {{fmt::format("#/{}", field), "invalid", std::string(why)}});
}

// On threads of the work pool, which may wait for the store and for the daemon's loop.
class OverridesApi {
public:
    OverridesApi(sender::PolicyDaemon& daemon, store::Store& store, const Clock& clock)
        : daemon_(daemon), store_(store), clock_(clock) {}

    void list(const Reply& reply) {
        const auto added = store_.added_overrides.all();
        if (!added) {
            reply(problem_of(added.error()));
            return;
        }
        json::array out;
        const Configured configured = ask_configured();
        for (const verdict::Override& entry : configured) {
            out.push_back(to_json(entry));
        }
        for (const store::AddedOverride& entry : *added) {
            out.push_back(to_json(entry, !is_configured(configured, entry.domain)));
        }
        reply(json_reply(200, json::object{{"overrides", std::move(out)}}));
    }

    void put(const Call& call, const Reply& reply) {
        const Body body = read_body(call.request, {"level", "match", "reason"});
        if (body.refusal) {
            reply(*body.refusal);
            return;
        }
        const auto level = text_member(body.object, "level", "");
        const auto match = texts_member(body.object, "match");
        const auto reason = text_member(body.object, "reason", "");
        constexpr std::size_t reason_bytes_max = 2000;
        if (!level || !match || !reason || reason->size() > reason_bytes_max) {
            const std::string_view field = !level ? "level" : !match ? "match" : "reason";
            reply(refusal(field, field == "match" ? "an array of texts is asked for" : "a text is asked for"));
            return;
        }
        const auto made = verdict::Overrides::make({{call.path("domain"), *level, *match}});
        if (!made) {
            // "override 1: level" → "level"
            const std::string& where = made.error().where;
            reply(refusal(where.substr(where.rfind(' ') + 1), made.error().what));
            return;
        }
        const verdict::Override canonical = made->list().front();
        if (is_configured(ask_configured(), canonical.domain)) {
            reply(problem_reply(Code::conflict, "the configuration has an override for " + canonical.domain +
                                                    ", and it comes first: change it there"));
            return;
        }
        const store::AddedOverride entry{canonical.domain, canonical.level,   canonical.match,
                                         clock_.now(),     call.actor.text(), *reason};
        change(
            call, entry.domain, reply, {"override.add", summary(entry), *reason},
            [&]() -> Result<bool> {
                auto kept = store_.added_overrides.put(entry);
                return kept ? Result<bool>(true) : Result<bool>(kept.error());
            },
            [entry] { return json_reply(200, to_json(entry, true)); });
    }

    void remove(const Call& call, const Reply& reply) {
        // Only to bring the name into the form in which it is kept.
        const auto made = verdict::Overrides::make({{call.path("domain"), "none", {}}});
        const std::string domain = made ? made->list().front().domain : call.path("domain");
        change(
            call, domain, reply, {"override.remove", {}, {}}, [&] { return store_.added_overrides.erase(domain); },
            no_content);
    }

private:
    struct Note {
        std::string action;
        std::string after;
        std::string reason;
    };

    Configured ask_configured() {
        const auto answer = std::make_shared<std::promise<Configured>>();
        daemon_.configured_overrides([answer](Configured configured) { answer->set_value(std::move(configured)); });
        return answer->get_future().get();
    }

    // Stored with its audit entry, all or nothing, then in force; `act` says whether there was anything to do.
    void change(const Call& call, const std::string& domain, const Reply& reply, const Note& note,
                const std::function<Result<bool>()>& act, std::function<net::HttpResponse()> answer) {
        bool found = false;
        const Result<void> stored = store_.transaction([&]() -> Result<void> {
            POSTSEAL_TRY(found, act());
            if (!found) {
                return {};
            }
            return store_.audit.add({.at = clock_.now(),
                                     .organisation = call.actor.organisation(),
                                     .actor = call.actor.text(),
                                     .action = note.action,
                                     .subject = domain,
                                     .before = {},
                                     .after = note.after,
                                     .reason = note.reason});
        });
        if (!stored) {
            reply(problem_of(stored.error()));
            return;
        }
        if (!found) {
            reply(problem_reply(Code::not_found, "no override was added for " + printable(domain, 260)));
            return;
        }
        daemon_.reread_added_overrides(name_of(domain),
                                       [reply, answer = std::move(answer)](const Result<void>& in_force) {
                                           reply(in_force ? answer() : problem_of(in_force.error()));
                                       });
    }

    sender::PolicyDaemon& daemon_;
    store::Store& store_;
    const Clock& clock_;
};

}  // namespace

void add_override_routes(Router& router, sender::PolicyDaemon* daemon, store::Store& store, const Clock& clock) {
    const auto api = daemon != nullptr ? std::make_shared<OverridesApi>(*daemon, store, clock) : nullptr;
    const auto add = [&](std::string method, std::string_view path, auto act) {
        router.add(std::move(method), path, Access::signed_in, [api, act](const Call& call, const Reply& reply) {
            if (api == nullptr) {
                reply(problem_reply(Code::unavailable, "the policy daemon is not running here: role policyd is off"));
                return;
            }
            act(*api, call, reply);
        });
    };
    add("GET", "/api/v1/overrides", [](OverridesApi& its, const Call&, const Reply& reply) { its.list(reply); });
    add("PUT", "/api/v1/overrides/{domain}",
        [](OverridesApi& its, const Call& call, const Reply& reply) { its.put(call, reply); });
    add("DELETE", "/api/v1/overrides/{domain}",
        [](OverridesApi& its, const Call& call, const Reply& reply) { its.remove(call, reply); });
}

}  // namespace postseal::console
