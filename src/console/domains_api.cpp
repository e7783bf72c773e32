#include "console/domains_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "console/audit_api.h"
#include "console/domain_lookup.h"
#include "console/fetches_api.h"
#include "console/http_reply.h"
#include "hosting/own_rua.h"
#include "hosting/record_export.h"

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

std::string_view to_string(hosting::Hosting::BulkResult::What what, bool trial) {
    using What = hosting::Hosting::BulkResult::What;
    switch (what) {
        case What::added:
            return trial ? "would-add" : "added";
        case What::exists:
            return "exists";
        case What::refused:
            break;
    }
    return "refused";
}

json::object bulk_to_json(const std::vector<hosting::Hosting::BulkResult>& results, bool trial) {
    using What = hosting::Hosting::BulkResult::What;
    json::array lines;
    for (const auto& one : results) {
        lines.push_back(json::object{{"line", one.line.line},
                                     {"text", one.line.text},
                                     {"domain", null_if_empty(one.line.name.text())},
                                     {"uses", store::to_string(one.line.uses)},
                                     {"result", to_string(one.what, trial)},
                                     {"label", null_if_empty(one.label)},
                                     {"code", null_if_empty(one.line.problem_code)},
                                     {"message", null_if_empty(one.line.problem)}});
    }
    const auto count = [&](What what) {
        return std::ranges::count(results, what, &hosting::Hosting::BulkResult::what);
    };
    return {{"dry_run", trial},
            {"added", count(What::added)},
            {"existing", count(What::exists)},
            {"refused", count(What::refused)},
            {"lines", std::move(lines)}};
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
        Body body = read_body(call.request, {"domain", "organization", "monitored_only", "uses", "import", "rua"});
        if (body.refusal) {
            reply(std::move(*body.refusal));
            return;
        }
        const auto name = text_member(body.object, "domain");
        if (!name) {
            reply(field_refusal("domain", "invalid-name", "a domain name is asked for"));
            return;
        }
        const auto hostable = hosting::hostable_name(*name, parts_.zone);
        if (!hostable) {
            reply(field_refusal("domain", std::string(hosting::hostable_problem(*name, parts_.zone)),
                                hostable.error().what));
            return;
        }
        hosting::Hosting::NewDomain wanted;
        wanted.name = *name;
        if (auto refusal = read_wishes(body.object, wanted)) {
            reply(std::move(*refusal));
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
        const bool is_new = !*known || (*known)->state == store::DomainState::retiring ||
                            ((*known)->state == store::DomainState::monitored && wanted.uses != store::Uses::watch);
        parts_.hosting->add({*organisation, call.actor.text()}, std::move(wanted),
                            answer_with_view(reply, is_new ? 201 : 200));
    }

    // Many at once, as a text; what is wrong with one line stops no other.
    void add_many(const Call& call, const Reply& reply) {
        Body body = read_body(call.request, {"text", "organization", "uses", "dry_run"});
        if (body.refusal) {
            reply(std::move(*body.refusal));
            return;
        }
        const auto text = text_member(body.object, "text");
        if (!text) {
            reply(field_refusal("text", "invalid", "a text with one domain a line is asked for"));
            return;
        }
        hosting::Hosting::NewDomain wanted;
        if (auto refusal = read_wishes(body.object, wanted)) {
            reply(std::move(*refusal));
            return;
        }
        const auto dry_run = flag_member(body.object, "dry_run");
        if (!dry_run) {
            reply(field_refusal("dry_run", "invalid", "true or false is asked for"));
            return;
        }
        auto lines = hosting::read_bulk(*text, wanted.uses, parts_.zone);
        if (!lines) {
            reply(field_refusal("text", "length", lines.error().message()));
            return;
        }
        const auto organisation = organisation_of(call, text_member(body.object, "organization"), Absent::make);
        if (!organisation) {
            reply(problem_of(organisation.error()));
            return;
        }
        using hosting::Hosting;
        parts_.hosting->add_many({*organisation, call.actor.text()}, std::move(*lines),
                                 *dry_run ? Hosting::Bulk::trial : Hosting::Bulk::add,
                                 [reply, trial = *dry_run](const std::vector<Hosting::BulkResult>& results) {
                                     reply(json_reply(200, bulk_to_json(results, trial)));
                                 });
    }

    void rua(const Call& call, const store::Domain& domain, const Reply& reply) {
        Body body = read_body(call.request, {"rua"});
        if (body.refusal) {
            reply(std::move(*body.refusal));
            return;
        }
        hosting::Hosting::NewDomain wanted;
        if (!body.object.contains("rua")) {
            reply(field_refusal("rua", "invalid", "a list of addresses is asked for"));
            return;
        }
        if (auto refusal = read_wishes(body.object, wanted)) {
            reply(std::move(*refusal));
            return;
        }
        parts_.hosting->own_rua(who(call, domain), domain.name.text(), std::move(wanted.own_rua),
                                answer_with_view(reply, 200));
    }

    void uses(const Call& call, const store::Domain& domain, const Reply& reply) {
        Body body = read_body(call.request, {"uses"});
        if (body.refusal) {
            reply(std::move(*body.refusal));
            return;
        }
        hosting::Hosting::NewDomain wanted;
        if (!body.object.contains("uses")) {
            reply(field_refusal("uses", "invalid", "one of both, mta-sts, tls-rpt is asked for"));
            return;
        }
        if (auto refusal = read_wishes(body.object, wanted)) {
            reply(std::move(*refusal));
            return;
        }
        parts_.hosting->uses(who(call, domain), domain.name.text(), wanted.uses, answer_with_view(reply, 200));
    }

    // What became of the domain, newest first: every change of state with its cause, and everything that was done.
    void history(const Call& call, const store::Domain& domain, const Reply& reply) const {
        constexpr std::int64_t limit_max = 200;
        constexpr std::int64_t id_max = std::int64_t{1} << 53;
        const auto limit = number_parameter(call.request, "limit", 50, 1, limit_max);
        const auto before = number_parameter(call.request, "cursor", 0, 0, id_max);
        if (!limit || !before) {
            reply(!limit ? number_refusal("limit", 1, limit_max) : number_refusal("cursor", 0, id_max));
            return;
        }
        const auto found = history_of(parts_.store, {domain.organisation, domain.name.text(), *limit, *before});
        reply(found ? json_reply(200, *found) : problem_of(found.error()));
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
        Body body = read_body(call.request, {"mode", "override_reason", "remove_record"});
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
        const auto remove = flag_member(body.object, "remove_record");
        if (!remove || (*remove && *mode != mtasts::Mode::none)) {
            reply(field_refusal("remove_record", "invalid", "true goes with the mode none alone"));
            return;
        }
        change.record =
            *remove ? hosting::Hosting::ModeChange::Record::remove : hosting::Hosting::ModeChange::Record::keep;
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
        const auto known = hosting::record_format_from_string(format);
        if (format != "json" && !known) {
            const std::string why = "one of json, bind, terraform, dnscontrol, csv, text is asked for";
            reply(problem_reply(Code::bad_request, "format: " + why, {{"format", "invalid", why}}));
            return;
        }
        parts_.hosting->show(who(call, domain), domain.name.text(), [reply, known](const Result<DomainView>& view) {
            if (!view) {
                reply(problem_of(view.error()));
            } else if (!known) {
                reply(json_reply(200, records_to_json(view->records)));
            } else {
                hosting::DomainRecords records{view->domain.name, {}};
                for (const hosting::SeenRecord& record : view->records) {
                    records.records.push_back(record.record);
                }
                net::HttpResponse response = net::HttpResponse::text(200, hosting::export_records({records}, *known));
                response.headers.emplace_back("Cache-Control", "no-store");
                response.headers.front().second = hosting::media_type(*known);
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

    // What a request wishes for a domain; the reply that says what is wrong with it.
    [[nodiscard]] static std::optional<net::HttpResponse> read_wishes(const json::object& object,
                                                                      hosting::Hosting::NewDomain& wanted) {
        const auto monitored = flag_member(object, "monitored_only");
        const auto import = flag_member(object, "import");
        if (!monitored || !import) {
            return field_refusal(monitored ? "import" : "monitored_only", "invalid", "true or false is asked for");
        }
        if (object.contains("uses")) {
            const auto uses = store::uses_from_string(text_member(object, "uses").value_or(""));
            if (!uses) {
                return field_refusal("uses", "invalid", "one of both, mta-sts, tls-rpt, watch is asked for");
            }
            wanted.uses = *uses;
        }
        wanted.uses = *monitored ? store::Uses::watch : wanted.uses;
        wanted.policy =
            *import ? hosting::Hosting::NewDomain::Policy::import : hosting::Hosting::NewDomain::Policy::fresh;
        const json::value* rua = object.if_contains("rua");
        if (rua == nullptr) {
            return std::nullopt;
        }
        if (!rua->is_array()) {
            return field_refusal("rua", "invalid", "a list of addresses is asked for");
        }
        for (const json::value& one : rua->get_array()) {
            const auto address = hosting::read_own_rua(one.is_string() ? std::string_view(one.get_string()) : "");
            if (!address) {
                return field_refusal(fmt::format("rua/{}", &one - rua->get_array().data()), "invalid-rua",
                                     address.error().what);
            }
            wanted.own_rua.push_back(*address);
        }
        if (const auto all = hosting::read_own_ruas(wanted.own_rua); !all) {
            return field_refusal("rua", "length", all.error().what);
        }
        return std::nullopt;
    }

    // False when absent; nothing when it is anything else.
    [[nodiscard]] static std::optional<bool> flag_member(const json::object& object, std::string_view name) {
        const json::value* value = object.if_contains(name);
        if (value == nullptr) {
            return false;
        }
        return value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
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
    add_below("PUT", "/rua", &DomainsApi::rua);
    add_below("PUT", "/uses", &DomainsApi::uses);
    add_below("GET", "/history", &DomainsApi::history);
    router.add("POST", "/api/v1/domains/bulk", Access::signed_in, [api](const Call& call, const Reply& reply) {
        if (!api->is_off(reply)) {
            api->add_many(call, reply);
        }
    });
}

}  // namespace postseal::console
