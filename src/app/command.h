// The subcommands of `postseal`. Each cmd_<name>.cpp adds one to the command line; its callback sets the exit status.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace postseal::app {

// What every command answers to the shell (design §6).
constexpr int exit_fine = 0;
constexpr int exit_problems = 1;
constexpr int exit_usage = 2;  // usage, or could not run

// In the order in which `postseal --help` lists them. `status` outlives the parse.
void add_serve(CLI::App& root, int& status);  // and policyd
void add_collector(CLI::App& root, int& status);
void add_check(CLI::App& root, int& status);
void add_query(CLI::App& root, int& status);
void add_lint(CLI::App& root, int& status);
void add_report(CLI::App& root, int& status);
void add_domain(CLI::App& root, int& status);
void add_cache(CLI::App& root, int& status);
void add_reporter(CLI::App& root, int& status);
void add_dkim_keys(CLI::App& root, int& status);
void add_dns_keys(CLI::App& root, int& status);
void add_user(CLI::App& root, int& status);
void add_demo(CLI::App& root, int& status);

// A file's bytes, or standard input for "-". Errors (unavailable) say the path and the system's reason;
// over `bytes_max` is limit_exceeded.
Result<Bytes> read_file(const std::string& path, std::size_t bytes_max);

// "postseal: MESSAGE" on standard error.
void complain(std::string_view message);

}  // namespace postseal::app
