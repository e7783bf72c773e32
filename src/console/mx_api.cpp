#include "console/mx_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "console/domain_lookup.h"
#include "console/http_reply.h"
#include "console/mx_json.h"

namespace postseal::console {

namespace json = boost::json;

using hosting::DomainView;

namespace {

constexpr std::size_t patterns_max = 200;
constexpr std::size_t texts_max = 50;

net::HttpResponse refusal_of(const std::string& field, const std::string& why) {
    return problem_reply(Code::invalid_field, fmt::format("{}: {}", field, why), {{"#/" + field, "invalid", why}});
}

// A list of texts; nothing where the member is something else.
std::optional<std::vector<std::string>> texts_member(const json::value& value) {
    if (!value.is_array() || value.get_array().size() > texts_max) {
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (const json::value& one : value.get_array()) {
        if (!one.is_string()) {
            return std::nullopt;
        }
        out.emplace_back(one.get_string());
    }
    return out;
}

struct ReadChange {
    hosting::MxSettingChange change;
    std::optional<net::HttpResponse> refusal;
};
ReadChange read_change(const json::object& object) {
    ReadChange read;
    if (const json::value* following = object.if_contains("following")) {
        read.change.following = store::mx_following_from_string(
            following->is_string() ? std::string_view(following->get_string()) : std::string_view());
        if (!read.change.following) {
            read.refusal = refusal_of("following", "one of auto, fixed is asked for");
            return read;
        }
    }
    const std::array<std::pair<const char*, std::vector<std::string>*>, 2> lists = {
        {{"approve", &read.change.approve}, {"withdraw", &read.change.withdraw}}};
    for (const auto& [name, list] : lists) {
        if (const json::value* given = object.if_contains(name)) {
            auto texts = texts_member(*given);
            if (!texts) {
                read.refusal = refusal_of(name, fmt::format("a list of at most {} names is asked for", texts_max));
                return read;
            }
            *list = std::move(*texts);
        }
    }
    if (const json::value* approved = object.if_contains("approved")) {
        read.change.approved = texts_member(*approved);
        if (!read.change.approved) {
            read.refusal = refusal_of("approved", fmt::format("a list of at most {} names is asked for", texts_max));
            return read;
        }
    }
    if (const json::value* days = object.if_contains("promote_after_days")) {
        if (!days->is_null() && !days->is_int64()) {
            read.refusal = refusal_of("promote_after_days", "a number of days or null is asked for");
            return read;
        }
        read.change.promote_after_days = days->is_null() ? 0 : days->get_int64();
    }
    return read;
}

class MxApi : public std::enable_shared_from_this<MxApi> {
public:
    explicit MxApi(DomainsParts parts) : parts_(std::move(parts)) {}

    void show(const Call& call, const store::Domain& domain, const Reply& reply) const {
        parts_.hosting->show(who(call, domain), domain.name.text(), answer(reply));
    }

    void change(const Call& call, const store::Domain& domain, const Reply& reply) const {
        const Body body =
            read_body(call.request, {"following", "approved", "approve", "withdraw", "promote_after_days"});
        if (body.refusal) {
            reply(*body.refusal);
            return;
        }
        ReadChange read = read_change(body.object);
        if (read.refusal) {
            reply(std::move(*read.refusal));
            return;
        }
        parts_.hosting->mx_setting(who(call, domain), domain.name.text(), std::move(read.change),
                                   [reply](const Result<DomainView>& view) {
                                       if (view) {
                                           reply(json_reply(200, mx_standing_to_json(*view)));
                                       } else if (view.error().code == Errc::invalid_input) {
                                           reply(refusal_of(view.error().where, view.error().what));
                                       } else {
                                           reply(problem_of(view.error()));
                                       }
                                   });
    }

    void check(const Call& call, const store::Domain& domain, const Reply& reply) const {
        const Body body = read_body(call.request, {"mx"});
        if (body.refusal) {
            reply(*body.refusal);
            return;
        }
        const json::value* given = body.object.if_contains("mx");
        if (given == nullptr || !given->is_array() || given->get_array().empty() ||
            given->get_array().size() > patterns_max) {
            reply(refusal_of("mx", fmt::format("1 to {} patterns are asked for", patterns_max)));
            return;
        }
        hosting::MxPatterns patterns;
        for (const json::value& one : given->get_array()) {
            const auto pattern = mtasts::MxPattern::parse(one.is_string() ? std::string_view(one.get_string()) : "");
            if (!pattern || !pattern->can_match()) {
                reply(refusal_of("mx", pattern ? pattern->text() + " can match no host" : pattern.error().what));
                return;
            }
            if (std::ranges::find(patterns, *pattern) == patterns.end()) {
                patterns.push_back(*pattern);
            }
        }
        parts_.hosting->lint(who(call, domain), domain.name.text(), std::move(patterns),
                             [reply](const Result<std::vector<hosting::MxFinding>>& findings) {
                                 reply(findings
                                           ? json_reply(200, json::object{{"findings", findings_to_json(*findings)}})
                                           : problem_of(findings.error()));
                             });
    }

    void certificates(const Call& call, const Reply& reply) const {
        const auto domains = visible_to(call.actor);
        reply(domains ? json_reply(
                            200, json::object{{"certificates", mx_certificates_to_json(*domains, parts_.clock.now())}})
                      : problem_of(domains.error()));
    }

    [[nodiscard]] bool is_off(const Reply& reply) const {
        if (parts_.hosting == nullptr) {
            reply(
                problem_reply(Code::unavailable, "hosting is off here: [hosting] zone is empty, or role jobs is off"));
        }
        return parts_.hosting == nullptr;
    }
    [[nodiscard]] Result<store::Domain> find(const Call& call) const { return find_domain(parts_.store, call); }

private:
    static hosting::Hosting::ViewDone answer(const Reply& reply) {
        return [reply](const Result<DomainView>& view) {
            reply(view ? json_reply(200, mx_standing_to_json(*view)) : problem_of(view.error()));
        };
    }

    [[nodiscard]] static hosting::Who who(const Call& call, const store::Domain& domain) {
        return {domain.organisation, call.actor.text()};
    }

    [[nodiscard]] Result<std::vector<store::Domain>> visible_to(const Actor& actor) const {
        return actor.kind == Actor::Kind::local ? parts_.store.domains.all()
                                                : parts_.store.domains.list(actor.organisation());
    }

    DomainsParts parts_;
};

}  // namespace

void add_mx_routes(Router& router, const DomainsParts& parts) {
    const auto api = std::make_shared<MxApi>(parts);
    const auto add = [&](const std::string& method, const std::string& below, auto act) {
        router.add(method, "/api/v1/domains/{domain}" + below, Access::signed_in,
                   [api, act](const Call& call, const Reply& reply) {
                       if (api->is_off(reply)) {
                           return;
                       }
                       const auto domain = api->find(call);
                       if (!domain) {
                           reply(problem_of(domain.error()));
                           return;
                       }
                       (api.get()->*act)(call, *domain, reply);
                   });
    };
    add("GET", "/mx", &MxApi::show);
    add("PUT", "/mx", &MxApi::change);
    add("POST", "/policy-mx/check", &MxApi::check);
    router.add("GET", "/api/v1/mx-certificates", Access::signed_in,
               [api](const Call& call, const Reply& reply) { api->certificates(call, reply); });
}

}  // namespace postseal::console
