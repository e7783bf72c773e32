// postseal: builds the command line, runs one subcommand, answers with its exit status (0 fine, 1 problems, 2 usage).
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include "app/command.h"
#include "base/text.h"

namespace {

int run(int argc, char** argv) {
    CLI::App root("Postseal: mail between servers, encrypted and authenticated (MTA-STS, TLS-RPT, DANE)", "postseal");
    root.require_subcommand(1);
    root.set_version_flag("--version", "postseal " POSTSEAL_VERSION);
    int status = postseal::app::exit_fine;
    postseal::app::add_serve(root, status);
    postseal::app::add_collector(root, status);
    postseal::app::add_check(root, status);
    postseal::app::add_query(root, status);
    postseal::app::add_lint(root, status);
    postseal::app::add_report(root, status);
    postseal::app::add_domain(root, status);
    postseal::app::add_cache(root, status);
    postseal::app::add_reporter(root, status);
    postseal::app::add_dkim_keys(root, status);
    postseal::app::add_dns_keys(root, status);
    postseal::app::add_user(root, status);
    postseal::app::add_demo(root, status);
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // A word where a subcommand belongs is named: "a subcommand is required" would puzzle who wrote one.
        const CLI::App* deepest = &root;
        while (!deepest->get_subcommands().empty()) {
            deepest = deepest->get_subcommands().front();
        }
        const std::vector<std::string> words = deepest->remaining();
        const bool asked_for_help = error.get_name() == "CallForHelp";
        if ((asked_for_help || error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) &&
            !words.empty() && deepest->get_require_subcommand_min() > 0) {
            postseal::app::complain(fmt::format("\"{}\" is no command of {}: see --help",
                                                postseal::printable(words.front()), deepest->get_name()));
            return postseal::app::exit_usage;
        }
        // --help and --version come here too, with exit code 0; every wrong use is 2.
        return root.exit(error) == 0 ? postseal::app::exit_fine : postseal::app::exit_usage;
    }
    return status;
}

// An answer that nobody got is no answer: a full disk behind a redirection must not end in "fine".
int with_output_written(int status) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
        return status;
    }
    postseal::app::complain("standard output: " + std::generic_category().message(errno));
    return postseal::app::exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return with_output_written(run(argc, argv));
    } catch (const std::exception& error) {
        fmt::print(stderr, "postseal: internal error: {}\n", error.what());
        return postseal::app::exit_usage;
    }
}
