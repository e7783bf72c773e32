// `postseal dkim-keys`: the keys that sign mailed reports, and the TXT records to publish for them. Private keys are
// never printed. Works on the store itself, whether or not a server is running.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/config.h"
#include "app/dkim_identity.h"
#include "app/state_dir.h"
#include "sender/dkim_key.h"
#include "store/store.h"

namespace postseal::app {

namespace {

namespace json = boost::json;
using sender::DkimAlgorithm;
using sender::DkimKey;

struct Options {
    std::string config;
    std::string algorithm;
    bool generate = false;
    bool replace = false;
    bool as_json = false;
};

// A key of 2048 bits does not fit into one character-string (RFC 1035 §3.3); what is printed is one record in the
// form of a zone file.
std::string in_strings(const std::string& text) {
    constexpr std::size_t string_octets_max = 255;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += string_octets_max) {
        out += fmt::format("{}\"{}\"", at == 0 ? "" : " ", text.substr(at, string_octets_max));
    }
    return out;
}

Result<void> print(const std::vector<DkimKey>& keys, bool as_json) {
    json::array list;
    for (const DkimKey& key : keys) {
        POSTSEAL_TRY(const dns::Name name, key.record_name());
        POSTSEAL_TRY(const std::string value, key.record_value());
        const std::string record = fmt::format("{}. IN TXT ({})", name.text(), in_strings(value));
        list.push_back(json::object{{"algorithm", sender::to_string(key.algorithm)},
                                    {"domain", key.domain.text()},
                                    {"selector", key.selector},
                                    {"name", name.text()},
                                    {"value", value},
                                    {"record", record}});
        if (!as_json) {
            fmt::print("{}\n", record);
        }
    }
    if (as_json) {
        fmt::print("{}\n", json::serialize(list));
    }
    return {};
}

// Makes those asked for: one that is there stays, unless it is to be replaced.
Result<std::vector<DkimKey>> generate(store::Store& store, const sender::DkimIdentity& identity,
                                      const Options& options) {
    for (const DkimAlgorithm algorithm : {DkimAlgorithm::rsa, DkimAlgorithm::ed25519}) {
        if (!options.algorithm.empty() && options.algorithm != sender::to_string(algorithm)) {
            continue;
        }
        if (options.replace) {
            POSTSEAL_TRY(const DkimKey made, sender::generate_dkim_key(identity, algorithm));
            if (const auto kept = sender::replace_dkim_key(store.certificates, made); !kept) {
                return kept.error();
            }
        } else {
            POSTSEAL_TRY(const DkimKey made, sender::dkim_key(store.certificates, identity, algorithm));
        }
    }
    return sender::dkim_keys(store.certificates, identity);
}

Result<void> work(const Config& config, const sender::DkimIdentity& identity, const Options& options) {
    ::umask(0077);  // what is made here is the operator's alone, as where serve makes it
    if (auto made = make_state_dir(config.state_dir); !made) {
        return made;
    }
    POSTSEAL_TRY(store::SecretBox secrets, store::SecretBox::open(config.master_key_file()));
    POSTSEAL_TRY(const auto store, store::Store::open(config.database_url(), std::move(secrets)));
    POSTSEAL_TRY(const auto keys, options.generate ? generate(*store, identity, options)
                                                   : sender::dkim_keys(store->certificates, identity));
    return print(keys, options.as_json);
}

int run(const Options& options) {
    const auto config = load_config(options.config);
    if (!config) {
        for (const Error& error : config.error()) {
            complain(error.message());
        }
        return exit_usage;
    }
    const auto identity = dkim_identity(*config);
    if (!identity) {
        complain(options.config + ": [reporter] dkim_domain or contact must say whose keys these are");
        return exit_usage;
    }
    if (const auto done = work(*config, *identity, options); !done) {
        complain(done.error().message());
        return exit_usage;
    }
    return exit_fine;
}

}  // namespace

void add_dkim_keys(CLI::App& root, int& status) {
    CLI::App* group = root.add_subcommand(
        "dkim-keys", "The keys that sign mailed reports: prints the DNS records to publish (show, generate)");
    group->require_subcommand(0, 1);
    group->fallthrough();  // --config may stand before or after the verb
    const auto options = std::make_shared<Options>();
    group->add_option("--config", options->config, "The configuration file (TOML)")->required();
    group->add_flag("--json", options->as_json, "Print JSON");
    group->add_subcommand("show", "Print the records; an RSA key is made if there is none")->fallthrough();
    CLI::App* make = group->add_subcommand("generate", "Make an RSA and an Ed25519 key where there is none");
    make->fallthrough();
    make->add_option("--algorithm", options->algorithm, "Only this one: rsa or ed25519")
        ->check(CLI::IsMember({"rsa", "ed25519"}));
    make->add_flag("--replace", options->replace,
                   "Also where there is one: reports fail DKIM until the new record is published");
    make->callback([options] { options->generate = true; });
    group->final_callback([options, &status] { status = run(*options); });
}

}  // namespace postseal::app
