// `postseal serve` and `postseal policyd`: the same process, with all roles or with the sending ones.
#include <fmt/format.h>

#include <memory>

#include "app/command.h"
#include "app/config.h"
#include "app/config_check.h"
#include "app/import_config.h"
#include "app/serve.h"

namespace postseal::app {

namespace {

struct Options {
    std::string config;
    std::string import_file;
    bool check_only = false;
};

// The other daemon's configuration as ours on standard output; what became of each key on standard error.
int import(const std::string& file) {
    constexpr std::size_t bytes_max = 1 << 20;
    const Result<Bytes> bytes = read_file(file, bytes_max);
    if (!bytes) {
        complain(bytes.error().message());
        return exit_usage;
    }
    const auto imported = import_config(as_text(*bytes));
    if (!imported) {
        complain(fmt::format("{}: {}", file, imported.error().message()));
        return exit_usage;
    }
    for (const ImportedConfig::Note& note : imported->notes) {
        const std::string where = note.line == 0 ? file : fmt::format("{}:{}", file, note.line);
        fmt::print(stderr, "{}: {}: {}{}\n", where, note.key, note.mapped ? "mapped to " : "not mapped: ", note.what);
    }
    fmt::print("{}", imported->toml);
    return exit_fine;
}

int run(const Options& options, bool sending_only) {
    if (!options.import_file.empty()) {
        return import(options.import_file);
    }
    if (options.config.empty()) {
        complain("--config is required: say which file");
        return exit_usage;
    }
    auto config = load_config(options.config);
    if (!config) {
        for (const Error& error : config.error()) {
            complain(error.message());
        }
        return exit_usage;
    }
    config->sending_only = sending_only;
    if (const ConfigErrors missing = missing_here(*config); !missing.empty()) {
        for (const Error& error : missing) {
            complain(error.message());
        }
        return exit_usage;
    }
    if (options.check_only) {
        for (const std::string& remark : config_remarks(*config)) {
            fmt::print("{}\n", remark);
        }
        fmt::print("{}: the configuration is fine\n", options.config);
        return exit_fine;
    }
    return serve(std::move(*config));
}

void add_command(CLI::App& root, int& status, const char* name, const char* help, bool sending_only) {
    auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand(name, help);
    CLI::Option* config = command->add_option("--config", options->config, "The configuration file (TOML)");
    CLI::Option* import_from = nullptr;
    if (sending_only) {
        import_from =
            command
                ->add_option(
                    "--import-config", options->import_file,
                    "Print what a configuration of postfix-tlspol or postfix-mta-sts-resolver (YAML) means here, "
                    "and on standard error what became of each key")
                ->excludes(config);
    }
    CLI::Option* check = command->add_flag("--check-config", options->check_only,
                                           "Only check the configuration, then exit: 0 fine, 2 not");
    if (import_from != nullptr) {
        check->excludes(import_from);
    }
    command->callback([options, &status, sending_only] { status = run(*options, sending_only); });
}

}  // namespace

void add_serve(CLI::App& root, int& status) {
    add_command(root, status, "serve", "Run all configured roles", false);
    add_command(root, status, "policyd", "Run the sending roles: policy daemon, collector, reporter", true);
}

}  // namespace postseal::app
