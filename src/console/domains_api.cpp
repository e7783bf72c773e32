#include "console/domains_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "console/domain_lookup.h"
#include "console/fetches_api.h"
#include "console/http_reply.h"

namespace postseal::console {

namespace json = boost::json;

using hosting::DomainView;

namespace {

Result<DomainFacts> facts_of(store::Store& store, DomainView view) {
    constexpr Day first{};
    constexpr Day last = first + std::chrono::days(100'000);
    POSTSEAL_TRY(auto rollups, store.reports.rollups(view.domain.name, first, last));
    return DomainFacts{std::move(view), std::move(rollups)};
}

// RFC 8461 §8.2: the three CNAMEs, ready to be pasted.
std::string as_bind(const hosting::Verification& records) {
    std::string out;
    for (const hosting::SeenRecord& record : records) {
        out += fmt::format("{} 3600 IN CNAME {}\n", record.record.name.fqdn(), record.record.target.fqdn());
    }
    return out;
}

std::string as_csv(const hosting::Verification& records) {
    std::string out = "name,type,value\r\n";  // RFC 4180; names need no quotes
    for (const hosting::SeenRecord& record : records) {
        out += fmt::format("{},CNAME,{}\r\n", record.record.name.text(), record.record.target.text());
    }
    return out;
}

// For the provider hashicorp/dns; the zone is taken to begin at the domain.
std::string as_terraform(const hosting::Verification& records, const dns::Name& domain) {
    std::string out;
    for (const hosting::SeenRecord& record : records) {
        std::string id = record.record.name.text();
        std::ranges::replace(id, '.', '_');
        out += fmt::format(
            "resource \"dns_cname_record\" \"{}\" {{\n  zone  = \"{}\"\n  name  = \"{}\"\n  cname = \"{}\"\n"
            "  ttl   = 3600\n}}\n\n",
            id, domain.fqdn(), hosting::prefix_of(record.record.purpose), record.record.target.fqdn());
    }
    return out;
}

class DomainsApi : public std::enable_shared_from_this<DomainsApi> {
public:
    explicit DomainsApi(DomainsParts parts) : parts_(std::move(parts)) {}

    void list(const Call& call, const Reply& reply) {
        constexpr std::int64_t limit_max = 500;
        const auto limit = number_parameter(call.request, "limit", 200, 1, limit_max);
        if (!limit) {
            reply(number_refusal("limit", 1, limit_max));
            return;
        }
        const auto organisation = organisation_of(call, call.request.parameter("organization"), Absent::refuse);
        if (!organisation) {
            reply(problem_of(organisation.error()));
            return;
        }
        parts_.hosting->list({*organisation, call.actor.text()}, [self = shared_from_this(), request = call.request,
                                                                  limit = static_cast<std::size_t>(*limit),
                                                                  reply](Result<std::vector<DomainView>> views) {
            if (!views) {
                reply(problem_of(views.error()));
                return;
            }
            auto shared = std::make_shared<std::vector<DomainView>>(std::move(*views));
            self->parts_.work.submit([=] { reply(self->page(request, std::move(*shared), limit)); });
        });
    }

    void add(const Call& call, const Reply& reply) {
        Body body = read_body(call.request, {"domain", "organization", "monitored_only"});
        if (body.refusal) {
            reply(std::move(*body.refusal));
            return;
        }
        const auto name = text_member(body.object, "domain");
        if (!name) {
            reply(field_refusal("domain", "invalid-name", "a domain name is asked for"));
            return;
        }
        const json::value* monitored = body.object.if_contains("monitored_only");
        if (monitored != nullptr && *monitored != json::value(false)) {
            reply(field_refusal("monitored_only", "not-supported", "only hosted domains can be added"));
            return;
        }
        const auto hostable = hosting::hostable_name(*name, parts_.zone);
        if (!hostable) {
            reply(field_refusal("domain", refusal_code(*name), hostable.error().what));
            return;
        }
        const auto organisation = organisation_of(call, text_member(body.object, "organization"), Absent::make);
        if (!organisation) {
            reply(problem_of(organisation.error()));
            return;
        }
        const auto known = parts_.store.domains.find(*organisation, *hostable);
        if (!known) {
            reply(problem_of(known.error()));
            return;
        }
        const bool is_new = !*known || (*known)->state == store::DomainState::retiring;
        parts_.hosting->add({*organisation, call.actor.text()}, *name, answer_with_view(reply, is_new ? 201 : 200));
    }

    void show(const Call& call, const store::Domain& domain, const Reply& reply) {
        parts_.hosting->show(who(call, domain), domain.name.text(), answer_with_view(reply, 200));
    }

    void verify(const Call& call, const store::Domain& domain, const Reply& reply) {
        parts_.hosting->verify(who(call, domain), domain.name.text(), answer_with_view(reply, 200));
    }

    void retire(const Call& call, const store::Domain& domain, const Reply& reply) {
        parts_.hosting->retire(who(call, domain), domain.name.text(), answer_with_view(reply, 200));
    }

    void probe(const Call& call, const store::Domain& domain, const Reply& reply) const {
        parts_.hosting->probe(
            who(call, domain), domain.name.text(), [reply](const Result<hosting::Hosting::Probing>& probing) {
                if (!probing) {
                    reply(problem_of(probing.error()));
                } else if (*probing == hosting::Hosting::Probing::too_often) {
                    reply(problem_reply(Code::too_many_requests, "a probe is under way or just over"));
                } else {
                    reply(accepted());
                }
            });
    }

    void policy_mx(const Call& call, const store::Domain& domain, const Reply& reply) {
        Body body = read_body(call.request, {"mx"});
        if (body.refusal) {
            reply(std::move(*body.refusal));
            return;
        }
        constexpr std::size_t patterns_max = 200;
        const json::value* given = body.object.if_contains("mx");
        if (given == nullptr || !given->is_array() || given->get_array().empty() ||
            given->get_array().size() > patterns_max) {
            reply(field_refusal("mx", "length", fmt::format("1 to {} patterns are asked for", patterns_max)));
            return;
        }
        hosting::MxPatterns patterns;
        for (const json::value& one : given->get_array()) {
            const auto pattern = mtasts::MxPattern::parse(one.is_string() ? std::string_view(one.get_string()) : "");
            if (!pattern || !pattern->can_match()) {
                reply(field_refusal(fmt::format("mx/{}", &one - given->get_array().data()), "invalid-name",
                                    pattern ? pattern->text() + " can match no host" : pattern.error().what));
                return;
            }
            if (std::ranges::find(patterns, *pattern) == patterns.end()) {
                patterns.push_back(*pattern);
            }
        }
        parts_.hosting->policy_mx(who(call, domain), domain.name.text(), std::move(patterns),
                                  answer_with_view(reply, 200));
    }

    void mode(const Call& call, const store::Domain& domain, const Reply& reply) {
        Body body = read_body(call.request, {"mode", "override_reason"});
        if (body.refusal) {
            reply(std::move(*body.refusal));
            return;
        }
        const auto word = text_member(body.object, "mode");
        const auto mode = word ? mtasts::mode_from_string(*word) : std::nullopt;
        if (!mode) {
            reply(field_refusal("mode", "invalid-mode", "one of testing, enforce, none is asked for"));
            return;
        }
        hosting::Hosting::ModeChange change{*mode, std::nullopt};
        if (body.object.contains("override_reason")) {
            constexpr std::size_t reason_bytes_min = 3;
            constexpr std::size_t reason_bytes_max = 2000;  // 500 characters of UTF-8
            change.override_reason = text_member(body.object, "override_reason");
            if (!change.override_reason || trim_wsp(*change.override_reason).size() < reason_bytes_min ||
                change.override_reason->size() > reason_bytes_max) {
                reply(field_refusal("override_reason", "length", "3 to 500 characters are asked for"));
                return;
            }
        }
        parts_.hosting->mode(
            who(call, domain), domain.name.text(), std::move(change),
            [self = shared_from_this(), reply](Result<hosting::Hosting::ModeOutcome> outcome) {
                if (!outcome) {
                    reply(problem_of(outcome.error()));
                    return;
                }
                if (!outcome->accepted) {
                    json::array reasons;
                    for (const hosting::Condition& condition : outcome->reasons) {
                        reasons.push_back(to_json(condition));
                    }
                    reply(problem_reply(Code::gate_refused,
                                        fmt::format("{} of the conditions are not met", outcome->reasons.size()), {},
                                        json::object{{"reasons", std::move(reasons)}}));
                    return;
                }
                self->answer_with_view(reply, 200)(std::move(outcome->view));
            });
    }

    void records(const Call& call, const store::Domain& domain, const Reply& reply) const {
        const std::string format = call.request.parameter("format").value_or("json");
        if (format != "json" && format != "bind" && format != "csv" && format != "terraform") {
            const std::string why = "one of json, bind, csv, terraform is asked for";
            reply(problem_reply(Code::bad_request, "format: " + why, {{"format", "invalid", why}}));
            return;
        }
        parts_.hosting->show(who(call, domain), domain.name.text(), [reply, format](const Result<DomainView>& view) {
            if (!view) {
                reply(problem_of(view.error()));
            } else if (format == "json") {
                reply(json_reply(200, records_to_json(view->records)));
            } else {
                net::HttpResponse response =
                    net::HttpResponse::text(200, format == "bind"  ? as_bind(view->records)
                                                 : format == "csv" ? as_csv(view->records)
                                                                   : as_terraform(view->records, view->domain.name));
                response.headers.emplace_back("Cache-Control", "no-store");
                if (format == "csv") {
                    response.headers.front().second = "text/csv; charset=utf-8";
                }
                reply(std::move(response));
            }
        });
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
    enum class Absent { refuse, make };

    // Hosting calls back on its own loop, which must not wait for the sums: they are read on the pool.
    hosting::Hosting::ViewDone answer_with_view(const Reply& reply, int status) {
        return [self = shared_from_this(), reply, status](Result<DomainView> view) {
            if (!view) {
                reply(problem_of(view.error()));
                return;
            }
            auto shared = std::make_shared<DomainView>(std::move(*view));
            self->parts_.work.submit([self, shared, reply, status] {
                auto facts = facts_of(self->parts_.store, std::move(*shared));
                if (facts && facts->view.enforced_until) {
                    facts->holders = holders_of(self->parts_.store, facts->view, self->parts_.clock.now());
                }
                reply(facts ? json_reply(status, to_json(*facts, Detail::full, self->parts_.clock.now()))
                            : problem_of(facts.error()));
            });
        };
    }

    [[nodiscard]] static hosting::Who who(const Call& call, const store::Domain& domain) {
        return {domain.organisation, call.actor.text()};
    }

    // A user's is the session's, whatever is named.
    [[nodiscard]] Result<std::int64_t> organisation_of(const Call& call, const std::optional<std::string>& name,
                                                       Absent absent) const {
        if (call.actor.session) {
            return call.actor.organisation();
        }
        if (!name) {
            POSTSEAL_TRY(const auto organisation, parts_.default_organisation());
            return organisation.id;
        }
        if (absent == Absent::make) {
            POSTSEAL_TRY(const auto organisation, parts_.store.accounts.organisation(*name, parts_.clock.now()));
            return organisation.id;
        }
        POSTSEAL_TRY(const auto organisations, parts_.store.accounts.organisations());
        const auto found = std::ranges::find(organisations, *name, &store::Organisation::name);
        if (found == organisations.end()) {
            return Error{Errc::not_found, "", "there is no such organisation"};
        }
        return found->id;
    }

    [[nodiscard]] std::string refusal_code(const std::string& text) const {
        const auto name = dns::Name::parse(trim_wsp(text));
        if (!name || !name->is_hostname()) {
            return "invalid-name";
        }
        if (name->text().size() > hosting::domain_length_max) {
            return "too-long";
        }
        return name->is_under(parts_.zone) ? "in-zone" : "public-suffix";
    }

    [[nodiscard]] static std::optional<std::string> text_member(const json::object& object, std::string_view name) {
        const json::value* found = object.if_contains(name);
        return found != nullptr && found->is_string() ? std::optional(std::string(found->get_string())) : std::nullopt;
    }
    [[nodiscard]] static net::HttpResponse field_refusal(std::string_view field, const std::string& code,
                                                         const std::string& why) {
        return problem_reply(Code::invalid_field, fmt::format("{}: {}", field, why),
                             {{fmt::format("#/{}", field), code, why}});
    }

    // Pages go by name, so that a domain that comes or goes between two pages neither repeats nor hides another.
    [[nodiscard]] net::HttpResponse page(const net::HttpRequest& request, std::vector<DomainView> views,
                                         std::size_t limit) const {
        const std::string part = request.parameter("q").value_or("");
        const auto state = request.parameter("state");
        const auto mode = request.parameter("mode");
        const std::string after = request.parameter("cursor").value_or("");
        std::erase_if(views, [&](const DomainView& view) {
            const dns::Name& name = view.domain.name;
            return name.text() <= after ||
                   (name.text().find(to_lower(part)) == std::string::npos &&
                    name.unicode().find(part) == std::string::npos) ||
                   (state && *state != store::to_string(view.domain.state)) ||
                   (mode && (!view.mode || *mode != mtasts::to_string(*view.mode)));
        });
        std::ranges::sort(views, {}, [](const DomainView& view) { return view.domain.name; });
        const bool more = views.size() > limit;
        views.resize(std::min(views.size(), limit));
        json::value cursor = more ? json::value(views.back().domain.name.text()) : json::value(nullptr);
        json::array domains;
        for (DomainView& view : views) {
            const auto facts = facts_of(parts_.store, std::move(view));
            if (!facts) {
                return problem_of(facts.error());
            }
            domains.push_back(to_json(*facts, Detail::brief, parts_.clock.now()));
        }
        return json_reply(200, json::object{{"domains", std::move(domains)}, {"next_cursor", std::move(cursor)}});
    }

    DomainsParts parts_;
};

}  // namespace

void add_domains_routes(Router& router, const DomainsParts& parts) {
    const auto api = std::make_shared<DomainsApi>(parts);
    const auto add = [&](const std::string& method, void (DomainsApi::*act)(const Call&, const Reply&)) {
        router.add(method, "/api/v1/domains", Access::signed_in, [api, act](const Call& call, const Reply& reply) {
            if (!api->is_off(reply)) {
                (api.get()->*act)(call, reply);
            }
        });
    };
    add("GET", &DomainsApi::list);
    add("POST", &DomainsApi::add);
    const auto add_below = [&](const std::string& method, const std::string& below, auto act) {
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
    add_below("GET", "", &DomainsApi::show);
    add_below("GET", "/records", &DomainsApi::records);
    add_below("POST", "/verify", &DomainsApi::verify);
    add_below("POST", "/retire", &DomainsApi::retire);
    add_below("POST", "/probe", &DomainsApi::probe);
    add_below("PUT", "/mode", &DomainsApi::mode);
    add_below("PUT", "/policy-mx", &DomainsApi::policy_mx);
}

}  // namespace postseal::console
