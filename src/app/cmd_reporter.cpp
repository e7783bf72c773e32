// `postseal reporter run`: deliver the TLS reports of a day now. The running server does it; this asks it to.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "app/api_client.h"
#include "app/command.h"
#include "base/text.h"
#include "base/time.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

struct Options {
    std::string day;
    ApiTarget target;
    bool as_json = false;
};

std::string text_of(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? printable(std::string(found->get_string())) : "";
}

int run(const Options& options) {
    if (!parse_iso_day(options.day)) {
        complain(fmt::format("--day {}: no day of the form YYYY-MM-DD", printable(options.day)));
        return exit_usage;
    }
    const auto answer =
        call_api(options.target, "POST", "/api/v1/reporter/run", json::serialize(json::object{{"day", options.day}}));
    if (!answer) {
        complain(answer.error().message());
        return exit_usage;
    }
    if (answer->status != 200 || !answer->body.is_object() || !answer->body.get_object().contains("reports")) {
        complain(answer->problem());
        return exit_usage;
    }
    const json::object& result = answer->body.get_object();
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(result));
    }
    if (!options.as_json && result.at("reports").as_array().empty()) {
        fmt::print("{}: nobody asks for a report\n", options.day);
    }
    bool problems = false;
    for (const json::value& element : result.at("reports").as_array()) {
        const json::object& report = element.as_object();
        const std::string outcome = text_of(report, "result");
        problems = problems || outcome == "retry" || outcome == "failed";
        if (!options.as_json) {
            fmt::print("{}  {}  {}\n", outcome, text_of(report, "domain"), text_of(report, "rua"));
        }
    }
    return problems ? exit_problems : exit_fine;
}

}  // namespace

void add_reporter(CLI::App& root, int& status) {
    CLI::App* reporter = root.add_subcommand("reporter", "The TLS reports that we send");
    reporter->require_subcommand(1);
    auto options = std::make_shared<Options>();
    CLI::App* command = reporter->add_subcommand(
        "run", "Deliver a day's reports now: what was accepted or finally refused is not sent again");
    command->add_option("--day", options->day, "The UTC day, YYYY-MM-DD; it must be over")->required();
    add_api_options(*command, options->target);
    command->add_flag("--json", options->as_json, "Print JSON");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace postseal::app
