// `postseal user link`: a one-time sign-in link for the panel. There is no default password.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "app/api_client.h"
#include "app/command.h"
#include "app/json_fields.h"

namespace postseal::app {

namespace {

struct Options {
    ApiTarget target;
    bool as_json = false;
};

int make_link(const Options& options) {
    const auto answer = call_api(options.target, "POST", "/api/v1/sign-in-links");
    if (!answer) {
        complain(answer.error().message());
        return exit_usage;
    }
    constexpr int first_failure = 300;
    if (answer->status >= first_failure || !answer->body.is_object()) {
        complain(answer->problem());
        return exit_problems;
    }
    const boost::json::object& link = answer->body.get_object();
    if (options.as_json) {
        fmt::print("{}\n", boost::json::serialize(link));
    } else {
        fmt::print("{}\nThe link works once, until {}.\n", text_field(link, "url"), text_field(link, "expires"));
    }
    return exit_fine;
}

}  // namespace

void add_user(CLI::App& root, int& status) {
    CLI::App* user = root.add_subcommand("user", "Who may use the panel");
    user->require_subcommand(1);
    const auto options = std::make_shared<Options>();
    CLI::App* link = user->add_subcommand("link", "Print a sign-in link for the panel; it works once");
    add_api_options(*link, options->target);
    link->add_flag("--json", options->as_json, "Print JSON");
    link->callback([options, &status] { status = make_link(*options); });
}

}  // namespace postseal::app
