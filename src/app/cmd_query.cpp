// `postseal query DOMAIN`: what an MTA would be told, and why. Without --config it looks by itself, through the same
// policy daemon with an empty cache; with it, it asks the running one.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <future>
#include <memory>

#include "app/api_client.h"
#include "app/command.h"
#include "app/dnssec_probe.h"
#include "app/runtime.h"
#include "base/text.h"
#include "sender/query_json.h"
#include "store/store.h"
#include "verdict/evidence_json.h"
#include "verdict/evidence_text.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

struct Options {
    std::string domain;
    ApiTarget target;
    bool as_json = false;
};

Result<json::object> look_here(const std::string& domain) {
    Config config;
    config.log_level = "error";
    const std::unique_ptr<Log> log = make_log(config.log_level);
    SystemClock clock;
    POSTSEAL_TRY(auto store, store::Store::open("sqlite::memory:", store::SecretBox::ephemeral()));
    POSTSEAL_TRY(auto outside, Outside::make(config));
    POSTSEAL_TRY(auto daemon, sender::PolicyDaemon::make({outside->loop(), outside->work(), outside->resolver(),
                                                          outside->https(), *store, clock, *log},
                                                         policy_daemon_settings(config, outside->trust())));
    std::promise<DnssecFinding> looked;
    outside->loop().sync([&] {
        probe_dnssec(outside->resolver(), config.resolver,
                     [&](const DnssecFinding& finding) { looked.set_value(finding); });
    });
    std::promise<sender::PolicyDaemon::Explanation> found;
    daemon->explain(domain,
                    [&](sender::PolicyDaemon::Explanation explanation) { found.set_value(std::move(explanation)); });
    sender::PolicyDaemon::Explanation explanation = found.get_future().get();
    const DnssecFinding dnssec = looked.get_future().get();
    explanation.dnssec_problem = dnssec.state == DnssecFinding::State::unknown ? "" : dnssec.problem;
    json::object out = sender::query_json(explanation);
    outside->stop();
    return out;
}

Result<json::object> ask_daemon(const Options& options, const verdict::Key& key) {
    POSTSEAL_TRY(const ApiAnswer answer, call_api(options.target, "GET", "/api/v1/query/" + key.text()));
    if (answer.status != 200 || !answer.body.is_object()) {
        return Error{Errc::refused, options.domain, answer.problem()};
    }
    return answer.body.get_object();
}

std::string text_of(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "–";
}

// What the decision was made of.
void print_evidence(const json::value& evidence) {
    const auto read = evidence.is_object() ? verdict::evidence_from_json(json::serialize(evidence))
                                           : Result<verdict::Evidence>(verdict::Evidence());
    if (!read) {
        fmt::print("  evidence   cannot be read: {}\n", read.error().message());
        return;
    }
    for (const verdict::EvidenceLine& line : verdict::evidence_lines(*read)) {
        fmt::print("  {:<10} {}\n", line.subject, line.text);
    }
}

void print(const json::object& result, const verdict::Key& key) {
    const json::object& decision = result.at("decision").as_object();
    const std::string u_labels = key.name.unicode();
    fmt::print("{}{}: {}", printable(text_of(result, "domain")),
               u_labels == key.name.text() ? "" : " (" + u_labels + ")", text_of(decision, "level"));
    for (const json::value& pattern : decision.at("match").as_array()) {
        fmt::print(" {}", std::string(pattern.as_string()));
    }
    fmt::print("\n  source     {}, mode {}\n", text_of(decision, "source"), text_of(decision, "mode"));
    for (const json::value& reason : result.at("reasons").as_array()) {
        fmt::print("  because    {}\n", printable(std::string(reason.as_string())));
    }
    fmt::print("  to Postfix {}\n", text_of(result, "reply"));
    const json::object& cache = result.at("cache").as_object();
    fmt::print("  cache      {}, policy id {}, fetched {}, expires {}, next refresh {}\n", text_of(cache, "state"),
               text_of(cache, "policy_id"), text_of(cache, "fetched"), text_of(cache, "expires"),
               text_of(cache, "next_refresh"));
    if (const json::value* evidence = result.if_contains("evidence")) {
        print_evidence(*evidence);
    }
}

int run(const Options& options) {
    const bool ask = !options.target.config_file.empty() || !options.target.url.empty();
    const verdict::Key key = verdict::parse_key(options.domain);
    if (key.kind == verdict::Key::Kind::invalid) {
        complain(fmt::format("\"{}\" is not a domain: {}", printable(options.domain), key.why));
        return exit_usage;
    }
    Result<json::object> result = sender::query_json(sender::PolicyDaemon::explain_no_policy(options.domain));
    if (key.can_have_policy()) {
        result = ask ? ask_daemon(options, key) : look_here(options.domain);
    }
    if (!result) {
        complain(result.error().message());
        return exit_usage;
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(*result));
    } else {
        print(*result, key);
    }
    return text_of(result->at("decision").as_object(), "level") == "temp" ? exit_problems : exit_fine;
}

}  // namespace

void add_query(CLI::App& root, int& status) {
    auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand("query", "What an MTA would be told about a destination, and why");
    command->add_option("DOMAIN", options->domain, "A domain, or [host] or [host]:port as Postfix writes a next hop")
        ->required();
    add_api_options(*command, options->target);
    command->add_flag("--json", options->as_json, "Print JSON");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace postseal::app
