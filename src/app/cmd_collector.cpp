// `postseal collector --postfix-log FILE|-` or `--exim-log FILE|-`: the sessions of a Postfix before 3.10, or of Exim,
// from its log into the store. A process of its own beside `serve` or `policyd`, with the same configuration; those
// follow a file by themselves when [collector] postfix_log or exim_log names it.
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "app/command.h"
#include "app/config.h"
#include "app/runtime.h"
#include "app/sending.h"
#include "app/state_dir.h"

namespace postseal::app {

namespace {

struct Options {
    std::string config;
    std::string postfix_log;
    std::string exim_log;
};

struct Followed {
    sender::LogFormat format;
    std::string file;
};

// Until SIGTERM or SIGINT, or the end of standard input.
void wait_for_end(const std::vector<std::unique_ptr<sender::LogIntake>>& intakes) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    constexpr timespec look_again{0, 100'000'000};
    const auto ended = [](const auto& intake) { return intake->ended(); };
    while (!std::all_of(intakes.begin(), intakes.end(), ended) && sigtimedwait(&signals, nullptr, &look_again) < 0) {
    }
}

Result<void> follow(const Config& config, const std::vector<Followed>& files) {
    const std::unique_ptr<Log> log = make_log(config.log_level);
    SystemClock clock;
    clock.set_offset(Seconds(config.lab.clock_offset_s));
    if (auto made = make_state_dir(config.state_dir); !made) {
        return made;
    }
    POSTSEAL_TRY(store::SecretBox secrets, store::SecretBox::open(config.master_key_file()));
    POSTSEAL_TRY(const std::unique_ptr<store::Store> store,
                 store::Store::open(config.database_url(), std::move(secrets)));
    POSTSEAL_TRY(const std::unique_ptr<Outside> outside, Outside::make(config));
    std::vector<std::unique_ptr<sender::LogIntake>> intakes;
    for (const auto& [format, file] : files) {
        POSTSEAL_TRY(auto intake, sender::LogIntake::start(log_intake_settings(config, format, file), *store,
                                                           outside->resolver(), clock, *log));
        intakes.push_back(std::move(intake));
    }
    fmt::print("ready\n");
    std::fflush(stdout);
    sd_notify(0, "READY=1");
    wait_for_end(intakes);
    sd_notify(0, "STOPPING=1");
    Result<void> stored;
    for (const auto& intake : intakes) {
        intake->stop();
        Result<void> its_last = intake->flush();  // how the last write ended
        if (stored) {
            stored = std::move(its_last);
        }
    }
    outside->stop();
    for (const auto& intake : intakes) {
        const sender::LogIntakeCounters& counted = intake->counters();
        fmt::print("{} lines, {} sessions counted, {} too late, {} lines skipped\n", counted.lines.load(),
                   counted.sessions.load(), counted.late.load(), counted.rejected.load());
    }
    return stored;
}

int run(const Options& options) {
    const auto config = load_config(options.config);
    if (!config) {
        for (const Error& error : config.error()) {
            complain(error.message());
        }
        return exit_usage;
    }
    const bool named = !options.postfix_log.empty() || !options.exim_log.empty();
    std::vector<Followed> files;
    for (const auto& [format, by_hand, configured] :
         {std::tuple(sender::LogFormat::postfix, options.postfix_log, config->collector.postfix_log),
          std::tuple(sender::LogFormat::exim, options.exim_log, config->collector.exim_log)}) {
        if (const std::string& file = named ? by_hand : configured; !file.empty()) {
            files.push_back({format, file});
        }
    }
    if (files.empty()) {
        complain(
            "which log? --postfix-log FILE, --exim-log FILE, or [collector] postfix_log or exim_log in the "
            "configuration");
        return exit_usage;
    }
    // Blocked before any thread starts, so that they reach only the wait above.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    if (const auto done = follow(*config, files); !done) {
        complain(done.error().message());
        return exit_usage;
    }
    return exit_fine;
}

}  // namespace

void add_collector(CLI::App& root, int& status) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        root.add_subcommand("collector", "Count the TLS sessions of a Postfix before 3.10, or of Exim, from its log");
    command->add_option("--config", options->config, "The configuration file (TOML)")->required();
    CLI::Option* postfix_log = command->add_option(
        "--postfix-log", options->postfix_log,
        "The log of Postfix to follow, as tail -F does, from where the last run ended; - for standard input, to its "
        "end. Default: [collector] postfix_log");
    command
        ->add_option("--exim-log", options->exim_log,
                     "The main log of Exim, in the same way. Default: [collector] exim_log")
        ->excludes(postfix_log);
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace postseal::app
