// `postseal serve` and `postseal policyd`: the same process, with all roles or with the sending ones.
#include <fmt/format.h>

#include <memory>

#include "app/command.h"
#include "app/config.h"
#include "app/serve.h"

namespace postseal::app {

namespace {

struct Options {
    std::string config;
    bool check_only = false;
};

int run(const Options& options, bool sending_only) {
    auto config = load_config(options.config);
    if (!config) {
        for (const Error& error : config.error()) {
            complain(error.message());
        }
        return exit_usage;
    }
    if (options.check_only) {
        fmt::print("{}: the configuration is fine\n", options.config);
        return exit_fine;
    }
    if (sending_only) {
        std::erase_if(config->roles, [](Role role) {
            return role != Role::policyd && role != Role::collector && role != Role::reporter;
        });
    }
    return serve(std::move(*config));
}

void add_command(CLI::App& root, int& status, const char* name, const char* help, bool sending_only) {
    auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand(name, help);
    command->add_option("--config", options->config, "The configuration file (TOML)")->required();
    command->add_flag("--check-config", options->check_only, "Only check the configuration, then exit: 0 fine, 2 not");
    command->callback([options, &status, sending_only] { status = run(*options, sending_only); });
}

}  // namespace

void add_serve(CLI::App& root, int& status) {
    add_command(root, status, "serve", "Run all configured roles", false);
    add_command(root, status, "policyd", "Run the sending roles: policy daemon, collector, reporter", true);
}

}  // namespace postseal::app
