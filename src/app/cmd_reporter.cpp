// `postseal reporter …`: the TLS reports that we send. The running server does it; this asks it to.
#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "app/api_client.h"
#include "app/command.h"
#include "app/json_fields.h"
#include "base/text.h"
#include "base/time.h"
#include "dns/name.h"
#include "tlsrpt/delivery_status.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

constexpr long delivery_patience_s = 600;  // the answer comes when every delivery has been tried

struct Options {
    std::string day;
    std::string domain;
    std::string target;
    std::string reason;
    std::int64_t days = 30;
    bool for_ever = false;
    bool lift = false;
    ApiTarget api;
    bool as_json = false;
};

Asked ask(const Options& options, const std::string& method, const std::string& path, const json::object& body = {}) {
    return ask_api(options.api, method, path, body.empty() ? "" : json::serialize(body));
}

bool is_day(const std::string& text) {
    const bool fine = parse_iso_day(text).has_value();
    if (!fine) {
        complain(fmt::format("{}: no day of the form YYYY-MM-DD", printable(text)));
    }
    return fine;
}

// Where it is only shown; which day that is, the server knows.
bool is_day_or_word(const std::string& text) {
    return text == "today" || text == "yesterday" || is_day(text);
}

// The domain as DNS has it; "" after a complaint.
std::string name_of(const std::string& text) {
    const Result<dns::Name> name = dns::Name::parse(text);
    if (!name || name->is_root()) {
        complain(fmt::format("{}: {}", printable(text), name ? "not a domain" : name.error().message()));
        return "";
    }
    return name->text();
}

int print_run(const Options& options, const Asked& asked) {
    if (asked.status != exit_fine) {
        return exit_usage;  // the day was not delivered at all
    }
    const auto reports = objects_field(asked.object, "reports");
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else if (reports.empty()) {
        fmt::print("{}: nobody asks for a report\n", options.day);
    }
    bool problems = false;
    for (const json::object* report : reports) {
        const std::string outcome = text_field(*report, "result");
        problems = problems || outcome == "retry" || outcome == "failed";
        if (!options.as_json) {
            const std::string detail = text_field(*report, "detail");
            fmt::print("{}  {}  {}{}\n", outcome, text_field(*report, "domain"), text_field(*report, "rua"),
                       detail == "–" ? "" : "  (" + detail + ")");
        }
    }
    return problems ? exit_problems : exit_fine;
}

int run(const Options& options) {
    return is_day(options.day)
               ? print_run(options, ask(options, "POST", "/api/v1/reporter/run", {{"day", options.day}}))
               : exit_usage;
}

int resend(const Options& options) {
    const std::string domain = name_of(options.domain);
    if (domain.empty() || !is_day(options.day)) {
        return exit_usage;
    }
    return print_run(options,
                     ask(options, "POST", "/api/v1/reporter/resend", {{"day", options.day}, {"domain", domain}}));
}

void print_delivery(const json::object& delivery) {
    fmt::print("  {:<8} {}  {}", text_field(delivery, "state"), text_field(delivery, "domain"),
               text_field(delivery, "rua"));
    if (const std::string error = text_field(delivery, "error"); error != "–") {
        fmt::print("  ({})", error);
    }
    if (const std::string next = text_field(delivery, "next_attempt"); next != "–") {
        fmt::print("  next {}", next);
    }
    fmt::print("\n");
}

// "sts 12/1  tlsa 3/0": sessions that succeeded and that failed.
std::string sessions_of(const json::object& domain) {
    std::string text;
    for (const json::object* of_type : objects_field(domain, "by_policy_type")) {
        text += fmt::format("{}{} {}/{}", text.empty() ? "" : "  ", text_field(*of_type, "policy_type"),
                            number_field(*of_type, "ok"), number_field(*of_type, "failed"));
    }
    return text;
}

void print_day(const json::object& day) {
    const auto reports = objects_field(day, "reports");
    fmt::print("{}: {}\n", text_field(day, "day"), reports.empty() ? "nothing has been sent" : "");
    for (const json::object* report : reports) {
        print_delivery(*report);
    }
    const auto domains = objects_field(day, "domains");
    if (!domains.empty()) {
        fmt::print("\n{:<40} {:<20} SUCCEEDED/FAILED\n", "DOMAIN", "DUE");
    }
    for (const json::object* domain : domains) {
        fmt::print("{:<40} {:<20} {}\n", text_field(*domain, "domain"), text_field(*domain, "due"),
                   sessions_of(*domain));
    }
    const auto total = static_cast<std::size_t>(number_field(day, "domains_total"));
    if (total > domains.size()) {
        fmt::print("… and {} more with fewer failures\n", total - domains.size());
    }
}

void print_caps(const json::object& status) {
    const json::object* caps = object_field(status, "caps");
    if (caps == nullptr) {
        return;
    }
    const auto cap = [&](std::string_view name) {
        const auto number = number_field(*caps, name);
        return number == 0 ? std::string("any number") : fmt::format("{}", number);
    };
    fmt::print(
        "spread over {} s after midnight UTC; caps: {} rua of a record, {} reports a day to an address, {} to a "
        "host, {} bytes a report\n",
        number_field(status, "spread_s"), cap("rua_max"), cap("reports_per_address_max"), cap("reports_per_host_max"),
        cap("report_bytes_max"));
}

// All days, or one in detail.
int status(const Options& options) {
    if (!options.day.empty() && !is_day_or_word(options.day)) {
        return exit_usage;
    }
    const Asked asked = ask(
        options, "GET", options.day.empty() ? "/api/v1/reporter/status" : "/api/v1/reporter/reports/" + options.day);
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
        return exit_fine;
    }
    if (!options.day.empty()) {
        print_day(asked.object);
        return exit_fine;
    }
    fmt::print("{}\n", flag_field(asked.object, "enabled")
                           ? fmt::format("reports are sent as {}, {}", text_field(asked.object, "organization_name"),
                                         text_field(asked.object, "contact"))
                           : "the reporter is off: [reporter] organization_name is empty");
    if (flag_field(asked.object, "enabled")) {
        print_caps(asked.object);
    }
    constexpr std::string_view row = "{:<11} {:>8} {:>8} {:>8} {:>8} {:>8}\n";
    fmt::print(fmt::runtime(row), "DAY", "DOMAINS", "SENT", "RETRY", "FAILED", "CAPPED");
    for (const json::object* day : objects_field(asked.object, "days")) {
        fmt::print(fmt::runtime(row), text_field(*day, "day"), number_field(*day, "domains"),
                   number_field(*day, "sent"), number_field(*day, "retry"), number_field(*day, "failed"),
                   number_field(*day, "capped"));
    }
    return exit_fine;
}

int show(const Options& options) {
    const std::string domain = name_of(options.domain);
    if (domain.empty() || !is_day_or_word(options.day)) {
        return exit_usage;
    }
    const Asked asked = ask(options, "GET", "/api/v1/reporter/reports/" + options.day + "/" + domain);
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
        return exit_fine;
    }
    const bool preview = flag_field(asked.object, "preview");
    fmt::print("{}  {}  {}\n", text_field(asked.object, "day"), domain,
               preview ? "as it would be sent now" : "as it was sent");
    const json::object* report = object_field(asked.object, "report");
    for (const json::object* element :
         report == nullptr ? std::vector<const json::object*>() : objects_field(*report, "policies")) {
        const json::object* policy = object_field(*element, "policy");
        const json::object* summary = object_field(*element, "summary");
        if (policy == nullptr || summary == nullptr) {
            continue;
        }
        fmt::print("  {} {}: {} sessions succeeded, {} failed\n", text_field(*policy, "policy-type"),
                   text_field(*policy, "policy-domain"), number_field(*summary, "total-successful-session-count"),
                   number_field(*summary, "total-failure-session-count"));
        for (const json::object* failure : objects_field(*element, "failure-details")) {
            fmt::print("    {} × {}  {}\n", number_field(*failure, "failed-session-count"),
                       text_field(*failure, "result-type"), text_field(*failure, "receiving-mx-hostname"));
        }
    }
    for (const json::object* delivery : objects_field(asked.object, "deliveries")) {
        print_delivery(*delivery);
    }
    return exit_fine;
}

void print_suppression(const json::object& entry) {
    const std::string until = text_field(entry, "until");
    fmt::print("{}  {}{}  {} {}: {}\n", text_field(entry, "target"),
               until == "–" ? "until it is lifted" : "until " + until, flag_field(entry, "in_force") ? "" : " (over)",
               text_field(entry, "added"), text_field(entry, "actor"), text_field(entry, "reason"));
}

int list_suppressions(const Options& options) {
    const Asked asked = ask(options, "GET", "/api/v1/reporter/suppressions");
    if (asked.status != exit_fine) {
        return asked.status;
    }
    const auto entries = objects_field(asked.object, "suppressions");
    if (options.as_json) {
        json::array out;
        for (const json::object* entry : entries) {
            out.push_back(*entry);
        }
        fmt::print("{}\n", json::serialize(out));
        return exit_fine;
    }
    if (entries.empty()) {
        fmt::print("nobody is suppressed\n");
    }
    for (const json::object* entry : entries) {
        print_suppression(*entry);
    }
    return exit_fine;
}

int suppress(const Options& options) {
    if (options.target.empty()) {
        return list_suppressions(options);
    }
    if (options.lift) {
        const Asked asked = ask(options, "POST", "/api/v1/reporter/suppressions/lift", {{"target", options.target}});
        if (asked.status != exit_fine) {
            return asked.status;
        }
        if (options.as_json) {
            fmt::print("{}\n", json::serialize(json::object{{"lifted", options.target}}));
        } else {
            fmt::print("{} gets reports again\n", printable(options.target));
        }
        return exit_fine;
    }
    json::object body{{"target", options.target}, {"reason", options.reason}};
    body["days"] = options.for_ever ? json::value(nullptr) : json::value(options.days);
    const Asked asked = ask(options, "POST", "/api/v1/reporter/suppressions", body);
    if (asked.status != exit_fine) {
        return asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else {
        print_suppression(asked.object);
    }
    return exit_fine;
}

// EX_TEMPFAIL of sysexits.h: a mail server keeps the notification and comes back with it.
constexpr int exit_later = 75;

// From a mail server's pipe: whatever is no notification of failure of a report is no problem.
int bounce(const Options& options) {
    constexpr std::size_t mail_bytes_max = tlsrpt::DeliveryStatusLimits().mail_bytes_max;
    std::string mail;
    std::array<char, std::size_t{64} << 10> piece{};
    while (std::cin && mail.size() <= mail_bytes_max) {
        std::cin.read(piece.data(), piece.size());
        mail.append(piece.data(), static_cast<std::size_t>(std::cin.gcount()));
    }
    const Result<tlsrpt::DeliveryStatus> status = tlsrpt::read_delivery_status(mail);
    if (!status) {
        complain(status.error().message());
        return exit_fine;
    }
    json::array recipients;
    for (const tlsrpt::RecipientStatus& recipient : status->recipients) {
        recipients.push_back(json::object{{"original_recipient", recipient.original_recipient},
                                          {"final_recipient", recipient.final_recipient},
                                          {"action", recipient.action},
                                          {"status", recipient.status},
                                          {"diagnostic", recipient.diagnostic}});
    }
    const Asked asked = ask(options, "POST", "/api/v1/reporter/bounces",
                            {{"message_id", status->message_id}, {"recipients", std::move(recipients)}});
    if (asked.status != exit_fine) {
        return asked.status == exit_usage ? exit_later : asked.status;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(asked.object));
    } else if (const json::object* entry = object_field(asked.object, "suppressed")) {
        print_suppression(*entry);
    } else {
        fmt::print("nothing to do: {}\n", text_field(asked.object, "reason"));
    }
    return exit_fine;
}

CLI::App* add_verb(CLI::App& parent, const std::shared_ptr<Options>& options, const char* name, const char* help) {
    CLI::App* verb = parent.add_subcommand(name, help);
    add_api_options(*verb, options->api);
    verb->add_flag("--json", options->as_json, "Print JSON");
    return verb;
}

}  // namespace

void add_reporter(CLI::App& root, int& exit_status) {
    CLI::App* reporter = root.add_subcommand("reporter", "The TLS reports that we send");
    reporter->require_subcommand(1);
    const auto options = std::make_shared<Options>();

    CLI::App* days = add_verb(*reporter, options, "status",
                              "What became of the reports, by day; or of one day's, and what it tells whom");
    days->add_option("DAY", options->day, "The UTC day, YYYY-MM-DD, today or yesterday");
    days->callback([options, &exit_status] { exit_status = status(*options); });

    CLI::App* one = add_verb(*reporter, options, "show",
                             "A report as it was sent, or as it would be if the day ended now, and its deliveries");
    one->callback([options, &exit_status] { exit_status = show(*options); });

    CLI::App* whole_day =
        add_verb(*reporter, options, "run",
                 "Deliver a day's reports now: what was accepted or finally refused is not sent again");
    whole_day->add_option("--day", options->day, "The UTC day, YYYY-MM-DD; it must be over")->required();
    whole_day->callback([options, &exit_status] {
        options->api.patience_s = delivery_patience_s;
        exit_status = run(*options);
    });

    CLI::App* again = add_verb(*reporter, options, "resend",
                               "Deliver one report once more, also what was accepted or refused: the same report-id");
    again->callback([options, &exit_status] {
        options->api.patience_s = delivery_patience_s;
        exit_status = resend(*options);
    });
    one->add_option("DAY", options->day, "The UTC day, YYYY-MM-DD, today or yesterday")->required();
    again->add_option("DAY", options->day, "The UTC day, YYYY-MM-DD; it must be over")->required();
    for (CLI::App* verb : {one, again}) {
        verb->add_option("DOMAIN", options->domain, "The domain that the report is about")->required();
    }

    CLI::App* silence =
        add_verb(*reporter, options, "suppress",
                 "Send no reports to a rua, a mailbox or a domain for a while; without TARGET: list them");
    silence->add_option("TARGET", options->target, "https://…, mailbox@domain, or a domain");
    CLI::Option* limit = silence->add_option("--days", options->days, "For how long (30)");
    silence->add_flag("--for-ever", options->for_ever, "Until it is lifted")->excludes(limit);
    silence->add_flag("--lift", options->lift, "Send again");
    silence->add_option("--reason", options->reason, "Why; the audit log keeps it");
    silence->callback([options, &exit_status] { exit_status = suppress(*options); });

    CLI::App* returned = add_verb(*reporter, options, "bounce",
                                  "Read a delivery status notification from standard input: a mailbox that refuses "
                                  "our report for good gets none for a week");
    returned->callback([options, &exit_status] { exit_status = bounce(*options); });
}

}  // namespace postseal::app
