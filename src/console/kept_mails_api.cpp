#include "console/kept_mails_api.h"

#include <fmt/format.h>

#include <memory>

#include "base/text.h"
#include "console/http_reply.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

constexpr std::int64_t limit_max = 200;
constexpr std::size_t reason_bytes_max = 500;

json::object to_json(const store::KeptMail& mail) {
    return {{"id", std::to_string(mail.id)},
            {"domain", mail.domain ? json::value(mail.domain->text()) : json::value(nullptr)},
            {"received", to_rfc3339(mail.received)},
            {"last_received", to_rfc3339(mail.last_received)},
            {"arrivals", mail.arrivals},
            {"via", mail.via},
            {"source", mail.source},
            {"sender", null_if_empty(mail.sender)},
            {"subject", null_if_empty(mail.subject)},
            {"reason", mail.reason},
            {"detail", mail.detail},
            {"raw_bytes", mail.raw_bytes}};
}

class KeptMailsApi {
public:
    explicit KeptMailsApi(KeptMailParts parts) : parts_(std::move(parts)) {}

    [[nodiscard]] net::HttpResponse list(const Call& call) const {
        const auto limit = number_parameter(call.request, "limit", 50, 1, limit_max);
        const auto before = number_parameter(call.request, "cursor", 0, 0, INT64_MAX);
        if (!limit) {
            return number_refusal("limit", 1, limit_max);
        }
        if (!before) {
            return number_refusal("cursor", 0, INT64_MAX);
        }
        const auto organisations = visible_to(call.actor);
        if (!organisations) {
            return problem_of(organisations.error());
        }
        const auto found = parts_.store.kept_mails.list(*organisations, *before, *limit + 1);
        if (!found) {
            return problem_of(found.error());
        }
        json::array items;
        for (const store::KeptMail& mail : *found) {
            if (std::cmp_less(items.size(), *limit)) {
                items.push_back(to_json(mail));
            }
        }
        const bool more = std::cmp_greater(found->size(), *limit);
        json::value cursor;
        if (more) {
            cursor = std::to_string((*found)[found->size() - 2].id);
        }
        return json_reply(200, json::object{{"mails", std::move(items)}, {"next_cursor", std::move(cursor)}});
    }

    [[nodiscard]] net::HttpResponse show(const Call& call) const {
        const auto mail = find(call);
        return mail ? json_reply(200, to_json(*mail)) : problem_of(mail.error());
    }

    [[nodiscard]] net::HttpResponse raw(const Call& call) const {
        const auto mail = find(call);
        const auto organisations = visible_to(call.actor);
        if (!mail || !organisations) {
            return problem_of(!mail ? mail.error() : organisations.error());
        }
        const auto bytes = parts_.store.kept_mails.raw(*organisations, mail->id);
        if (!bytes) {
            return problem_of(bytes.error());
        }
        // Strangers wrote it: it is only ever saved, never shown by the browser.
        net::HttpResponse response;
        response.headers = {{"Content-Type", "application/octet-stream"},
                            {"Content-Disposition", fmt::format("attachment; filename=\"kept-{}.eml\"", mail->id)},
                            {"Cache-Control", "no-store"}};
        response.body = as_text(*bytes);
        return response;
    }

    // {"accept": REASON}: on the operator's word; without it by the same rules as when it came.
    [[nodiscard]] net::HttpResponse retry(const Call& call) const {
        auto body = read_body(call.request, {"accept"});
        if (body.refusal) {
            return *body.refusal;
        }
        std::string reason;
        if (const json::value* given = body.object.if_contains("accept"); given != nullptr && !given->is_null()) {
            if (!given->is_string() || given->get_string().empty() || given->get_string().size() > reason_bytes_max) {
                return problem_reply(Code::invalid_field, "",
                                     {{"#/accept", "invalid", "must be a reason of at most 500 bytes"}});
            }
            reason = printable(std::string_view(given->get_string()), reason_bytes_max);
        }
        const auto mail = find(call);
        const auto organisations = visible_to(call.actor);
        if (!mail || !organisations) {
            return problem_of(!mail ? mail.error() : organisations.error());
        }
        if (parts_.mail_intake == nullptr) {
            return problem_reply(Code::unavailable, "the intake does not run in this process");
        }
        using Review = intake::MailIntake::Review;
        const auto outcome =
            parts_.mail_intake->retry(*organisations, mail->id, reason.empty() ? Review::same_rules : Review::accept);
        if (!outcome) {
            return problem_of(outcome.error());
        }
        using Kind = intake::MailIntake::Outcome::Kind;
        const bool counted = outcome->kind == Kind::counted;
        if (counted && !reason.empty()) {
            if (auto noted = note(call, *mail, "report.accept", reason); !noted) {
                return problem_of(noted.error());
            }
        }
        return json_reply(200, json::object{{"counted", counted},
                                            {"stored", outcome->stored},
                                            {"duplicates", outcome->duplicates},
                                            {"reason", null_if_empty(outcome->reason)},
                                            {"detail", null_if_empty(outcome->detail)}});
    }

    [[nodiscard]] net::HttpResponse drop(const Call& call) const {
        const auto mail = find(call);
        const auto organisations = visible_to(call.actor);
        if (!mail || !organisations) {
            return problem_of(!mail ? mail.error() : organisations.error());
        }
        const auto dropped = parts_.store.kept_mails.drop(*organisations, mail->id);
        if (!dropped) {
            return problem_of(dropped.error());
        }
        if (auto noted = note(call, *mail, "report.drop", ""); !noted) {
            return problem_of(noted.error());
        }
        return no_content();
    }

private:
    [[nodiscard]] Result<void> note(const Call& call, const store::KeptMail& mail, const std::string& action,
                                    const std::string& reason) const {
        return parts_.store.audit.add({parts_.clock.now(), mail.organisation, call.actor.text(), action,
                                       mail.domain ? mail.domain->text() : mail.sender, mail.reason, mail.detail,
                                       reason});
    }

    [[nodiscard]] Result<store::KeptMail> find(const Call& call) const {
        const Error none{Errc::not_found, "", "there is no such mail"};
        const auto id = parse_decimal(call.path("id"));
        if (!id || std::cmp_greater(*id, INT64_MAX)) {
            return none;
        }
        POSTSEAL_TRY(const auto organisations, visible_to(call.actor));
        POSTSEAL_TRY(auto found, parts_.store.kept_mails.find(organisations, static_cast<std::int64_t>(*id)));
        return found ? Result<store::KeptMail>(std::move(*found)) : none;
    }

    // What is nobody's (organisation 0) is for the operator of the installation: on the socket, or signed in to his
    // organisation.
    [[nodiscard]] Result<std::vector<std::int64_t>> visible_to(const Actor& actor) const {
        std::vector<std::int64_t> out;
        if (actor.kind == Actor::Kind::local) {
            POSTSEAL_TRY(const auto all, parts_.store.accounts.organisations());
            out.push_back(0);
            for (const store::Organisation& organisation : all) {
                out.push_back(organisation.id);
            }
            return out;
        }
        POSTSEAL_TRY(const auto operators, parts_.operators_organisation());
        out.push_back(actor.organisation());
        if (operators.id == actor.organisation()) {
            out.push_back(0);
        }
        return out;
    }

    KeptMailParts parts_;
};

}  // namespace

void add_kept_mail_routes(Router& router, const KeptMailParts& parts) {
    const auto api = std::make_shared<KeptMailsApi>(parts);
    using Answer = net::HttpResponse (KeptMailsApi::*)(const Call&) const;
    const auto add = [&](const std::string& method, const std::string& below, Answer answer) {
        router.add(method, "/api/v1/reports/quarantine" + below, Access::signed_in,
                   [api, answer](const Call& call, const Reply& reply) { reply((*api.*answer)(call)); });
    };
    add("GET", "", &KeptMailsApi::list);
    add("GET", "/{id}", &KeptMailsApi::show);
    add("DELETE", "/{id}", &KeptMailsApi::drop);
    add("GET", "/{id}/raw", &KeptMailsApi::raw);
    add("POST", "/{id}/retry", &KeptMailsApi::retry);
}

}  // namespace postseal::console
