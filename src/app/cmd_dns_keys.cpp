// `postseal dns-keys`: the keys that sign the hosting zone, their roll-over, and the DS records for the parent. Private
// keys are never printed. Works on the store itself; a running server sees the change within a few seconds.
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
#include "app/receiving.h"
#include "app/runtime.h"
#include "app/state_dir.h"
#include "hosting/key_plan.h"
#include "store/store.h"

namespace postseal::app {

namespace {

namespace json = boost::json;
using hosting::KeyChange;
using hosting::KeyTimes;
using Keys = std::vector<store::DnsKey>;

enum class Verb { show, generate, roll_zsk, roll_ksk, ds, ds_seen };

struct Options {
    std::string config;
    Verb verb = Verb::show;
    bool as_json = false;
};

std::string ds_text(const Bytes& rdata) {
    ByteReader reader(rdata);
    const unsigned tag = *reader.u16();
    const unsigned algorithm = *reader.u8();
    const unsigned digest = *reader.u8();
    return fmt::format("{} {} {} {}", tag, algorithm, digest, to_hex(reader.rest()));
}

json::value moment(const std::optional<TimePoint>& time) {
    return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

Result<json::array> ds_list(const dns::Name& zone, const Keys& keys, const KeyTimes& times, TimePoint now) {
    POSTSEAL_TRY(const auto wanted, hosting::wanted_ds(zone, keys, times, now));
    json::array list;
    for (const Bytes& one : wanted) {
        list.emplace_back(ds_text(one));
    }
    return list;
}

Result<void> print(const dns::Name& zone, const Keys& keys, const KeyTimes& times, TimePoint now,
                   const Options& options) {
    POSTSEAL_TRY(const json::array ds, ds_list(zone, keys, times, now));
    if (options.verb == Verb::ds) {
        if (options.as_json) {
            fmt::print("{}\n", json::serialize(ds));
            return {};
        }
        for (const json::value& one : ds) {
            fmt::print("{} IN DS {}\n", zone.fqdn(), std::string_view(one.as_string()));
        }
        return {};
    }
    json::array list;
    for (const store::DnsKey& key : keys) {
        const auto state = hosting::state_of(key, keys, times, now);
        if (!options.as_json) {
            fmt::print("{} {:5} {:10} {}\n", key.role, key.tag, state.word, state.next);
        }
        list.push_back(json::object{{"role", key.role},
                                    {"tag", key.tag},
                                    {"algorithm", dns::algorithm_ecdsa_p256},
                                    {"state", state.word},
                                    {"next", state.next},
                                    {"published", moment(key.published)},
                                    {"active", moment(key.active)},
                                    {"ds_seen", moment(key.ds_seen)},
                                    {"retired", moment(key.retired)},
                                    {"removed", moment(key.removed)}});
    }
    if (options.as_json) {
        fmt::print("{}\n", json::serialize(json::object{{"zone", zone.text()}, {"keys", list}, {"ds", ds}}));
        return {};
    }
    for (const json::value& one : ds) {
        fmt::print("{} IN DS {}\n", zone.fqdn(), std::string_view(one.as_string()));
    }
    return {};
}

Result<KeyChange> change_of(Verb verb, const Keys& keys, const KeyTimes& times, TimePoint now) {
    switch (verb) {
        case Verb::generate:
            return hosting::first_keys(keys, now);
        case Verb::roll_zsk:
            return hosting::roll_zsk(keys, times, now);
        case Verb::roll_ksk:
            return hosting::roll_ksk(keys, times, now);
        case Verb::ds_seen:
            return hosting::ds_seen(keys, times, now);
        case Verb::show:
        case Verb::ds:
            break;
    }
    return KeyChange{};
}

Result<void> work(const Config& config, const Options& options) {
    ::umask(0077);
    if (auto made = make_state_dir(config.state_dir); !made) {
        return made;
    }
    POSTSEAL_TRY(store::SecretBox secrets, store::SecretBox::open(config.master_key_file()));
    POSTSEAL_TRY(const auto store, store::Store::open(config.database_url(), std::move(secrets)));
    POSTSEAL_TRY(const dns::Name zone, dns::Name::parse(config.hosting.zone));
    const KeyTimes times = key_times(config);
    SystemClock clock;
    clock.set_offset(Seconds(config.lab.clock_offset_s));
    const TimePoint now = clock.now();
    Keys keys;
    const auto done = store->transaction([&]() -> Result<void> {
        POSTSEAL_TRY(keys, store->dns_keys.all(zone));
        POSTSEAL_TRY(const KeyChange change, change_of(options.verb, keys, times, now));
        if (auto applied = hosting::apply(store->dns_keys, zone, change); !applied) {
            return applied;
        }
        POSTSEAL_TRY(keys, store->dns_keys.all(zone));
        return {};
    });
    return done ? print(zone, keys, times, now, options) : done;
}

int run(const Options& options) {
    const auto config = load_config(options.config);
    if (!config) {
        for (const Error& error : config.error()) {
            complain(error.message());
        }
        return exit_usage;
    }
    if (config->hosting.zone.empty()) {
        complain(options.config + ": [hosting] zone must say which zone the keys are for");
        return exit_usage;
    }
    if (const auto done = work(*config, options); !done) {
        complain(done.error().message());
        return done.error().code == Errc::refused ? exit_problems : exit_usage;
    }
    return exit_fine;
}

}  // namespace

void add_dns_keys(CLI::App& root, int& status) {
    CLI::App* group = root.add_subcommand(
        "dns-keys", "The keys that sign the hosting zone (DNSSEC): show, ds, generate, roll-zsk, roll-ksk, ds-seen");
    group->require_subcommand(0, 1);
    group->fallthrough();  // --config may stand before or after the verb
    const auto options = std::make_shared<Options>();
    group->add_option("--config", options->config, "The configuration file (TOML)")->required();
    group->add_flag("--json", options->as_json, "Print JSON");
    const auto verb = [&](const char* word, Verb what, const char* help) {
        CLI::App* made = group->add_subcommand(word, help);
        made->fallthrough();
        made->callback([options, what] { options->verb = what; });
    };
    verb("show", Verb::show, "Each key, what it does now and what comes next; and the DS records for the parent");
    verb("ds", Verb::ds, "Only the DS records that the parent zone should have");
    verb("generate", Verb::generate, "Make a KSK and a ZSK where there is none; `serve` does so by itself");
    verb("roll-zsk", Verb::roll_zsk, "Begin to replace the ZSK; the rest happens by itself");
    verb("roll-ksk", Verb::roll_ksk, "Begin to replace the KSK; `show` says when its DS may be published");
    verb("ds-seen", Verb::ds_seen, "The parent shows the new KSK's DS: the old KSK may go");
    group->final_callback([options, &status] { status = run(*options); });
}

}  // namespace postseal::app
