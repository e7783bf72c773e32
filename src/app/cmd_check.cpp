// `postseal check DOMAIN`: everything about a domain's receiving side; each finding says what, why and what to do.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <future>
#include <memory>

#include "app/command.h"
#include "app/runtime.h"
#include "base/text.h"
#include "verdict/evidence_json.h"
#include "verdict/findings.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

struct Options {
    std::string domain;
    std::string config;
    bool as_json = false;
};

Result<verdict::Evidence> gather_all(const Config& config, const verdict::Key& key, const Clock& clock) {
    POSTSEAL_TRY(auto outside, Outside::make(config));
    lookup::GatherRequest request;
    request.key = key;
    request.fetch = lookup::GatherRequest::Fetch::always;
    request.probes = lookup::GatherRequest::Probes::every_mx;
    request.tlsrpt = lookup::GatherRequest::Tlsrpt::ask;
    std::promise<verdict::Evidence> gathered;
    outside->loop().post([&] {
        lookup::gather(outside->loop(), outside->resolver(), outside->https(), clock,
                       gather_settings(config, outside->trust()), request,
                       [&](verdict::Evidence evidence) { gathered.set_value(std::move(evidence)); });
    });
    verdict::Evidence evidence = gathered.get_future().get();
    outside->stop();
    return evidence;
}

json::value or_null(const std::string& text) {
    return text.empty() ? json::value() : json::value(text);
}

json::object to_json(const verdict::Finding& finding) {
    return {{"id", finding.id},
            {"severity", verdict::to_string(finding.severity)},
            {"subject", finding.subject},
            {"message", finding.message},
            {"why", or_null(finding.why)},
            {"fix", or_null(finding.fix)},
            {"rfc", or_null(finding.rfc)}};
}

std::string_view mark(verdict::FindingSeverity severity) {
    switch (severity) {
        case verdict::FindingSeverity::error:
            return "✗";
        case verdict::FindingSeverity::warning:
            return "!";
        case verdict::FindingSeverity::info:
            return "·";
        case verdict::FindingSeverity::ok:
            return "✓";
    }
    return "?";
}

void print(const std::string& domain, const std::vector<verdict::Finding>& findings) {
    int errors = 0;
    int warnings = 0;
    for (const verdict::Finding& finding : findings) {
        errors += finding.severity == verdict::FindingSeverity::error ? 1 : 0;
        warnings += finding.severity == verdict::FindingSeverity::warning ? 1 : 0;
        fmt::print("{} {}: {}\n", mark(finding.severity), printable(finding.subject), printable(finding.message));
        if (finding.severity == verdict::FindingSeverity::ok) {
            continue;
        }
        if (!finding.why.empty()) {
            fmt::print("    why: {}\n", printable(finding.why));
        }
        if (!finding.fix.empty()) {
            fmt::print("    fix: {}\n", printable(finding.fix));
        }
        if (!finding.rfc.empty()) {
            fmt::print("    see: {}\n", finding.rfc);
        }
    }
    fmt::print("{}: {} errors, {} warnings\n", domain, errors, warnings);
}

int run(const Options& options) {
    const verdict::Key key = verdict::parse_key(options.domain);
    if (key.kind != verdict::Key::Kind::domain) {
        complain(fmt::format("\"{}\" is not a domain name{}{}", printable(options.domain), key.why.empty() ? "" : ": ",
                             key.why));
        return exit_usage;
    }
    Config config;
    if (!options.config.empty()) {
        auto loaded = load_config(options.config);
        if (!loaded) {
            for (const Error& error : loaded.error()) {
                complain(error.message());
            }
            return exit_usage;
        }
        config = std::move(*loaded);
    }
    SystemClock clock;
    clock.set_offset(Seconds(config.lab.clock_offset_s));
    if (::isatty(STDERR_FILENO) == 1 && !options.as_json) {
        fmt::print(stderr, "looking at {}: DNS, policy, a TLS session with each mail server …\n", key.name.unicode());
    }
    const Result<verdict::Evidence> evidence = gather_all(config, key, clock);
    if (!evidence) {
        complain(evidence.error().message());
        return exit_usage;
    }
    const std::vector<verdict::Finding> findings = verdict::find(*evidence, clock.now());
    if (options.as_json) {
        json::array list;
        for (const verdict::Finding& finding : findings) {
            list.push_back(to_json(finding));
        }
        fmt::print("{}\n", json::serialize(json::object{{"domain", key.name.text()},
                                                        {"findings", std::move(list)},
                                                        {"evidence", verdict::evidence_to_json(*evidence)}}));
    } else {
        print(key.name.text(), findings);
    }
    return verdict::has_error(findings) ? exit_problems : exit_fine;
}

}  // namespace

void add_check(CLI::App& root, int& status) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        root.add_subcommand("check", "What is right and wrong with a domain's MTA-STS, TLS, DANE and TLS-RPT");
    command->add_option("DOMAIN", options->domain, "The domain in the addresses, e.g. example.com")->required();
    command->add_option("--config", options->config, "Take [resolver], [tls] and [lab] from this configuration");
    command->add_flag("--json", options->as_json, "Print JSON, with the evidence");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace postseal::app
