#include "console/reporter_api.h"

#include <fmt/format.h>

#include <functional>
#include <optional>

#include "base/text.h"
#include "console/http_reply.h"
#include "console/reporter_json.h"
#include "sender/bounce.h"
#include "sender/report_message_id.h"
#include "sender/suppression.h"

namespace postseal::console {

namespace json = boost::json;

namespace {

net::HttpResponse refusal(std::string_view field, std::string_view code, const std::string& why) {
    return problem_reply(Code::invalid_field, fmt::format("{}: {}", field, why),
                         {{fmt::format("#/{}", field), std::string(code), why}});
}

std::string_view text_member(const json::object& body, std::string_view name) {
    const json::value* member = body.if_contains(name);
    return member != nullptr && member->is_string() ? std::string_view(member->get_string()) : std::string_view();
}

// What has been received belongs to the picture, also what is still in the memory of collector and log intakes.
Result<void> flush(const ReporterParts& parts) {
    Result<void> flushed;
    if (parts.collector != nullptr) {
        flushed = parts.collector->flush();
    }
    for (sender::LogIntake* intake : parts.log_intakes) {
        if (flushed) {
            flushed = intake->flush();
        }
    }
    return flushed;
}

// A whole day's reports, or with `resend` those of one domain once more.
enum class Run { whole_day, resend };
void run(const ReporterParts& parts, const Call& call, const Reply& reply, Run which) {
    Body body = which == Run::resend ? read_body(call.request, {"day", "domain"}) : read_body(call.request, {"day"});
    if (body.refusal) {
        reply(std::move(*body.refusal));
        return;
    }
    const Result<Day> day = parse_iso_day(text_member(body.object, "day"));
    if (!day) {
        reply(refusal("day", "invalid-day", "a day is asked for: YYYY-MM-DD"));
        return;
    }
    std::optional<dns::Name> domain;
    if (which == Run::resend) {
        const Result<dns::Name> name = dns::Name::parse(text_member(body.object, "domain"));
        if (!name || name->is_root()) {
            reply(refusal("domain", "invalid-domain", "the domain that the report is about is asked for"));
            return;
        }
        domain = *name;
    }
    if (parts.reporter == nullptr) {
        reply(problem_reply(Code::wrong_state, "the reporter is off: [reporter] organization_name is empty"));
        return;
    }
    if (const auto flushed = flush(parts); !flushed) {
        reply(problem_of(flushed.error()));
        return;
    }
    const auto noted = parts.store.audit.add({.at = parts.clock.now(),
                                              .organisation = call.actor.organisation(),
                                              .actor = call.actor.text(),
                                              .action = domain ? "reporter.resend" : "reporter.run",
                                              .subject = domain ? domain->text() : "",
                                              .before = {},
                                              .after = to_iso_day(*day),
                                              .reason = {}});
    if (!noted) {
        reply(problem_of(noted.error()));
        return;
    }
    const auto done = [reply, day = *day](const Result<std::vector<sender::DeliveryOutcome>>& outcomes) {
        if (!outcomes) {
            reply(problem_of(outcomes.error()));
            return;
        }
        json::array reports;
        for (const sender::DeliveryOutcome& outcome : *outcomes) {
            reports.push_back(json::object{{"domain", outcome.domain.text()},
                                           {"rua", outcome.rua},
                                           {"result", outcome.result},
                                           {"detail", null_if_empty(outcome.detail)}});
        }
        reply(json_reply(200, json::object{{"day", to_iso_day(day)}, {"reports", std::move(reports)}}));
    };
    if (domain) {
        parts.reporter->resend(*day, *domain, done);
    } else {
        parts.reporter->run(*day, sender::Reporter::Scope::whole_day, done);
    }
}

json::object to_json(const store::ReportSuppression& entry, TimePoint now) {
    return {{"target", entry.target},
            {"until", or_null(entry.until)},
            {"added", to_rfc3339(entry.added)},
            {"actor", null_if_empty(entry.actor)},
            {"reason", null_if_empty(entry.reason)},
            {"in_force", !entry.until || *entry.until > now}};
}

void list_suppressions(const ReporterParts& parts, const Reply& reply) {
    const auto entries = parts.store.session_counts.suppressions();
    if (!entries) {
        reply(problem_of(entries.error()));
        return;
    }
    json::array list;
    for (const store::ReportSuppression& entry : *entries) {
        list.push_back(to_json(entry, parts.clock.now()));
    }
    reply(json_reply(200, json::object{{"suppressions", std::move(list)}}));
}

// Kept with its audit entry, all or nothing.
Result<bool> change_suppression(const ReporterParts& parts, const Call& call, const std::string& action,
                                const store::ReportSuppression& entry, const std::function<Result<bool>()>& act) {
    bool found = false;
    const Result<void> stored = parts.store.transaction([&]() -> Result<void> {
        POSTSEAL_TRY(found, act());
        if (!found) {
            return {};
        }
        return parts.store.audit.add({.at = parts.clock.now(),
                                      .organisation = call.actor.organisation(),
                                      .actor = call.actor.text(),
                                      .action = action,
                                      .subject = entry.target,
                                      .before = {},
                                      .after = entry.until ? to_rfc3339(*entry.until) : "",
                                      .reason = entry.reason});
    });
    return stored ? Result<bool>(found) : Result<bool>(stored.error());
}

void suppress(const ReporterParts& parts, const Call& call, const Reply& reply) {
    constexpr std::int64_t days_max = 3650;
    constexpr std::size_t reason_bytes_max = 2000;
    Body body = read_body(call.request, {"target", "days", "reason"});
    if (body.refusal) {
        reply(std::move(*body.refusal));
        return;
    }
    const Result<std::string> target = sender::suppression_target(text_member(body.object, "target"));
    if (!target) {
        reply(refusal("target", "invalid-target", "a rua, a mailbox or a domain is asked for"));
        return;
    }
    const json::value* days = body.object.if_contains("days");
    const bool for_ever = days == nullptr || days->is_null();
    if (!for_ever && (!days->is_int64() || days->get_int64() < 1 || days->get_int64() > days_max)) {
        reply(refusal("days", "invalid-days", fmt::format("a number from 1 to {} is asked for", days_max)));
        return;
    }
    const std::string reason(text_member(body.object, "reason"));
    if (reason.size() > reason_bytes_max) {
        reply(refusal("reason", "too-long", fmt::format("at most {} bytes", reason_bytes_max)));
        return;
    }
    const TimePoint now = parts.clock.now();
    store::ReportSuppression entry{*target, {}, now, call.actor.text(), reason};
    if (!for_ever) {
        entry.until = now + std::chrono::days(days->get_int64());
    }
    const auto kept = change_suppression(parts, call, "reporter.suppress", entry, [&]() -> Result<bool> {
        const auto put = parts.store.session_counts.put_suppression(entry);
        return put ? Result<bool>(true) : Result<bool>(put.error());
    });
    reply(kept ? json_reply(200, to_json(entry, now)) : problem_of(kept.error()));
}

void lift(const ReporterParts& parts, const Call& call, const Reply& reply) {
    Body body = read_body(call.request, {"target"});
    if (body.refusal) {
        reply(std::move(*body.refusal));
        return;
    }
    const Result<std::string> target = sender::suppression_target(text_member(body.object, "target"));
    if (!target) {
        reply(refusal("target", "invalid-target", "a rua, a mailbox or a domain is asked for"));
        return;
    }
    const auto lifted = change_suppression(parts, call, "reporter.lift", {*target, {}, {}, "", ""},
                                           [&] { return parts.store.session_counts.erase_suppression(*target); });
    if (!lifted) {
        reply(problem_of(lifted.error()));
        return;
    }
    reply(*lifted ? no_content() : problem_reply(Code::not_found, *target + " is not suppressed"));
}

// The members of the notification that `postseal reporter bounce` has read; nothing: it is none.
std::optional<tlsrpt::DeliveryStatus> delivery_status(const json::object& body) {
    constexpr std::size_t recipients_max = tlsrpt::DeliveryStatusLimits().recipients_max;
    tlsrpt::DeliveryStatus status;
    status.message_id = text_member(body, "message_id");
    const json::value* recipients = body.if_contains("recipients");
    if (recipients == nullptr || !recipients->is_array() || recipients->get_array().empty() ||
        recipients->get_array().size() > recipients_max) {
        return std::nullopt;
    }
    for (const json::value& recipient : recipients->get_array()) {
        if (!recipient.is_object()) {
            return std::nullopt;
        }
        const auto text = [&](std::string_view name) { return std::string(text_member(recipient.get_object(), name)); };
        status.recipients.push_back({text("original_recipient"), text("final_recipient"), text("action"),
                                     text("status"), printable(text("diagnostic"), 500)});
    }
    return status;
}

// Whether what somebody has said about the target already lasts at least as long.
Result<std::optional<store::ReportSuppression>> suppressed_until(const ReporterParts& parts, const std::string& target,
                                                                 TimePoint until) {
    POSTSEAL_TRY(const auto entries, parts.store.session_counts.suppressions());
    for (const store::ReportSuppression& entry : entries) {
        if (entry.target == target && (!entry.until || *entry.until >= until)) {
            return std::optional(entry);
        }
    }
    return std::optional<store::ReportSuppression>();
}

void bounce(const ReporterParts& parts, const Call& call, const Reply& reply) {
    Body body = read_body(call.request, {"message_id", "recipients"});
    if (body.refusal) {
        reply(std::move(*body.refusal));
        return;
    }
    const auto status = delivery_status(body.object);
    if (!status) {
        reply(refusal("recipients", "invalid-recipients", "a list of objects is asked for"));
        return;
    }
    const auto ids = sender::ReportMessageIds::open(parts.store.certificates);
    if (!ids) {
        reply(problem_of(ids.error()));
        return;
    }
    const TimePoint now = parts.clock.now();
    const sender::BounceVerdict verdict = sender::judge_bounce(*status, *ids, now);
    if (!verdict.mailbox) {
        reply(json_reply(200, json::object{{"suppressed", nullptr}, {"reason", verdict.reason}}));
        return;
    }
    store::ReportSuppression entry{*verdict.mailbox, now + sender::bounce_suppresses, now, "bounce", verdict.reason};
    const auto kept = change_suppression(parts, call, "reporter.suppress", entry, [&]() -> Result<bool> {
        POSTSEAL_TRY(const auto longer, suppressed_until(parts, entry.target, *entry.until));
        if (longer) {
            entry = *longer;
            return false;
        }
        const auto put = parts.store.session_counts.put_suppression(entry);
        return put ? Result<bool>(true) : Result<bool>(put.error());
    });
    reply(kept ? json_reply(200, json::object{{"suppressed", to_json(entry, now)}, {"reason", verdict.reason}})
               : problem_of(kept.error()));
}

// "2026-11-24", "today" or "yesterday" (UTC, by the server's clock).
std::optional<Day> day_of(const std::string& text, TimePoint now) {
    const Day today = std::chrono::floor<std::chrono::days>(now);
    if (text == "today" || text == "yesterday") {
        return text == "today" ? today : today - std::chrono::days(1);
    }
    const Result<Day> day = parse_iso_day(text);
    return day ? std::optional(*day) : std::nullopt;
}

void show(const ReporterParts& parts, const Call& call, const Reply& reply) {
    const auto day = day_of(call.path("day"), parts.clock.now());
    if (!day) {
        reply(problem_reply(Code::not_found, "no such day: YYYY-MM-DD, today or yesterday is asked for"));
        return;
    }
    const std::string& text = call.path("domain");
    const Result<dns::Name> domain = dns::Name::parse(text);
    if (!text.empty() && !domain) {
        reply(problem_reply(Code::not_found, domain.error().message()));
        return;
    }
    if (const auto flushed = flush(parts); !flushed) {
        reply(problem_of(flushed.error()));
        return;
    }
    const auto answer = text.empty() ? reports_of_day(parts, *day) : report_of_domain(parts, *day, *domain);
    reply(answer ? json_reply(200, *answer) : problem_of(answer.error()));
}

}  // namespace

void add_reporter_routes(Router& router, const ReporterParts& parts) {
    router.add("GET", "/api/v1/reporter/status", Access::signed_in, [parts](const Call&, const Reply& reply) {
        auto status = reporter_status(parts);
        reply(status ? json_reply(200, *status) : problem_of(status.error()));
    });
    router.add("POST", "/api/v1/reporter/run", Access::signed_in,
               [parts](const Call& call, const Reply& reply) { run(parts, call, reply, Run::whole_day); });
    router.add("POST", "/api/v1/reporter/resend", Access::signed_in,
               [parts](const Call& call, const Reply& reply) { run(parts, call, reply, Run::resend); });
    for (const char* path : {"/api/v1/reporter/reports/{day}", "/api/v1/reporter/reports/{day}/{domain}"}) {
        router.add("GET", path, Access::signed_in,
                   [parts](const Call& call, const Reply& reply) { show(parts, call, reply); });
    }
    router.add("GET", "/api/v1/reporter/suppressions", Access::signed_in,
               [parts](const Call&, const Reply& reply) { list_suppressions(parts, reply); });
    router.add("POST", "/api/v1/reporter/suppressions", Access::signed_in,
               [parts](const Call& call, const Reply& reply) { suppress(parts, call, reply); });
    router.add("POST", "/api/v1/reporter/bounces", Access::signed_in,
               [parts](const Call& call, const Reply& reply) { bounce(parts, call, reply); });
    router.add("POST", "/api/v1/reporter/suppressions/lift", Access::signed_in,
               [parts](const Call& call, const Reply& reply) { lift(parts, call, reply); });
}

}  // namespace postseal::console
