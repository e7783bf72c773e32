// [hosting], [dns], [policy_host], [[acme]], [intake], [console], [mail].
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "app/config_readers.h"
#include "dns/public_suffix.h"
#include "dns/tsig.h"

namespace postseal::app {

namespace {

// "AFTER:MAX_AGE", both in days.
Result<decltype(Config::hosting)::RampStep> ramp_step(const std::string& text) {
    constexpr std::uint64_t after_days_max = 3650;
    constexpr std::uint64_t max_age_days_max = 365;  // RFC 8461 §3.2: at most 31557600 s
    const auto parts = split(text, ':');
    const auto after = parts.size() == 2 ? parse_decimal(parts[0]) : std::nullopt;
    const auto max_age = parts.size() == 2 ? parse_decimal(parts[1]) : std::nullopt;
    if (!after || !max_age || *after > after_days_max || *max_age < 1 || *max_age > max_age_days_max) {
        return invalid_input("", fmt::format("\"{}\" must be AFTER:MAX_AGE in days, as in \"7:30\"; MAX_AGE is 1 to {}",
                                             printable(text), max_age_days_max));
    }
    return decltype(Config::hosting)::RampStep{static_cast<std::int64_t>(*after), static_cast<std::int64_t>(*max_age)};
}

void read_ramp(Section& section, Config& config) {
    auto& ramp = config.hosting.max_age_ramp;
    const std::size_t errors_before = section.errors().size();
    section.take_list("max_age_ramp", ramp, ramp_step);
    const toml::node* node = section.take("max_age_ramp");
    if (node == nullptr || section.errors().size() > errors_before) {
        return;
    }
    bool rises = !ramp.empty() && ramp.front().after_days == 0;
    for (std::size_t i = 1; i < ramp.size(); ++i) {
        rises = rises && ramp[i].after_days > ramp[i - 1].after_days && ramp[i].max_age_days > ramp[i - 1].max_age_days;
    }
    if (!rises) {
        section.fail(*node, "max_age_ramp", "must begin with day 0, and rise in both figures");
    }
}

}  // namespace

void read_hosting(Section& section, Config& config) {
    section.take_name("zone", config.hosting.zone);
    section.take_list("name_servers", config.hosting.name_servers,
                      [](const std::string& text) { return dns::Name::parse(text); });
    section.take_list("addresses", config.hosting.addresses,
                      [](const std::string& text) { return dns::IpAddress::parse(text); });
    section.take_number("testing_days", config.hosting.testing_days, 1, 365);
    read_ramp(section, config);
}

namespace {

// "ADDRESS", "ADDRESS@PORT", each with the name of a key behind a blank.
Result<Config::Dns::Secondary> secondary(const std::string& text) {
    Config::Dns::Secondary out;
    const auto words = split(text, ' ');
    const auto parts = split(words.front(), '@');
    if (words.size() > 2 || parts.size() > 2) {
        return invalid_input("", fmt::format("\"{}\" must be ADDRESS[@PORT] [KEY]", printable(text)));
    }
    POSTSEAL_TRY(out.address, dns::IpAddress::parse(parts.front()));
    if (parts.size() == 2) {
        const auto port = parse_decimal(parts[1]);
        if (!port || *port < 1 || *port > 65535) {
            return invalid_input("", fmt::format("\"{}\" has no port from 1 to 65535", printable(text)));
        }
        out.port = static_cast<std::uint16_t>(*port);
    }
    if (words.size() == 2) {
        POSTSEAL_TRY(const dns::Name key, dns::Name::parse(words[1]));
        out.key = key.text();
    }
    return out;
}

void read_tsig_keys(Section& section, Config& config) {
    const toml::node* node = section.take("tsig_key");
    if (node == nullptr) {
        return;
    }
    const toml::array* array = node->as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
        section.fail(*node, "tsig_key", "must be written as [[dns.tsig_key]]");
        return;
    }
    for (const toml::node& element : *array) {
        Section one(section.file(), *element.as_table(), "dns.tsig_key.", section.errors());
        Config::Dns::TsigKey key;
        one.take_name("name", key.name);
        const toml::node* algorithm = one.take_text("algorithm", key.algorithm);
        if (const auto known = dns::parse_tsig_algorithm(key.algorithm); algorithm != nullptr && !known) {
            one.fail(*algorithm, "algorithm", known.error().what);
        }
        one.take_text("secret_file", key.secret_file);
        one.finish();
        if (key.name.empty() || key.secret_file.empty()) {
            one.fail(element, key.name.empty() ? "name" : "secret_file", "is needed");
        }
        config.dns.tsig_keys.push_back(std::move(key));
    }
}

}  // namespace

void read_dns(Section& section, Config& config) {
    section.take_listen("listen", config.dns.listen);
    section.take_flag("dnssec", config.dns.dnssec);
    constexpr std::int64_t week_s = 604'800;
    section.take_number("dnskey_ttl_s", config.dns.dnskey_ttl_s, 1, week_s);
    section.take_number("propagation_s", config.dns.propagation_s, 1, week_s);
    section.take_number("ds_ttl_s", config.dns.ds_ttl_s, 1, week_s);
    read_tsig_keys(section, config);
    section.take_list("secondaries", config.dns.secondaries, secondary);
    const toml::node* node = section.take("secondaries");
    for (const Config::Dns::Secondary& one : config.dns.secondaries) {
        const bool known = std::ranges::any_of(config.dns.tsig_keys,
                                               [&](const Config::Dns::TsigKey& key) { return key.name == one.key; });
        if (node != nullptr && !one.key.empty() && !known) {
            section.fail(*node, "secondaries", "no [[dns.tsig_key]] is called " + one.key);
        }
    }
}

void read_policy_host(Section& section, Config& config) {
    section.take_listen("https_listen", config.policy_host.https_listen);
    section.take_listen("http_listen", config.policy_host.http_listen);
    section.take_number("connections_max", config.policy_host.connections_max, 10, 1'000'000);
    section.take_number("connections_per_address", config.policy_host.connections_per_address, 0, 1'000'000);
    section.take_list("proxy_protocol_from", config.policy_host.proxy_protocol_from,
                      [](const std::string& text) { return net::AddressPrefix::parse(text); });
    using Addresses = hosting::FetchLogSettings::Addresses;
    section.take_word<Addresses>(
        "fetch_log_addresses", config.policy_host.fetch_log_addresses,
        {{"none", Addresses::none}, {"network", Addresses::network}, {"full", Addresses::full}});
    constexpr std::int64_t century_days = 36'600;
    section.take_number("fetch_log_days", config.policy_host.fetch_log_days, 1, century_days);
    section.take_number("fetch_log_address_days", config.policy_host.fetch_log_address_days, 0, century_days);
}

void read_acme(Section& root, Config& config) {
    const toml::node* node = root.take("acme");
    if (node == nullptr) {
        return;
    }
    const toml::array* array = node->as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
        root.fail(*node, "acme", "must be written as [[acme]]");
        return;
    }
    for (const toml::node& element : *array) {
        Section section(root.file(), *element.as_table(), "acme.", root.errors());
        const std::size_t errors_before = root.errors().size();
        Config::Acme acme;
        const toml::node* directory = section.take_text("directory", acme.directory);
        if (directory != nullptr && !acme.directory.starts_with("https://")) {
            section.fail(*directory, "directory", "must be an https:// URL");
        }
        section.take_text("ca_file", acme.ca_file);
        section.take_text("contact", acme.contact);
        section.take_flag("accept_terms", acme.accept_terms);
        section.take_name("caa_issuer", acme.caa_issuer);
        section.take_list("challenges", acme.challenges, [](const std::string& text) -> Result<std::string> {
            if (text != "http-01" && text != "tls-alpn-01") {
                return invalid_input("", fmt::format("\"{}\" must be http-01 or tls-alpn-01", printable(text)));
            }
            return text;
        });
        section.take_text("profile", acme.profile);
        section.take_text("eab_kid", acme.eab_kid);
        section.take_text("eab_hmac_key_file", acme.eab_hmac_key_file);
        constexpr std::int64_t limit_max = 10'000'000;
        section.take_number("orders_per_3_hours", acme.orders_per_3_hours, 0, limit_max);
        section.take_number("certificates_per_domain_and_week", acme.certificates_per_domain_and_week, 0, limit_max);
        section.take_number("certificates_per_name_and_week", acme.certificates_per_name_and_week, 0, limit_max);
        section.take_number("failures_per_name_and_hour", acme.failures_per_name_and_hour, 0, limit_max);
        section.take_flag("renewals_exempt", acme.renewals_exempt);
        section.finish();
        if (acme.challenges.empty() && root.errors().size() == errors_before) {
            section.fail(element, "challenges", "at least one is needed");
        }
        if (acme.eab_kid.empty() != acme.eab_hmac_key_file.empty()) {
            const char* missing = acme.eab_kid.empty() ? "eab_kid" : "eab_hmac_key_file";
            section.fail(element, missing, "eab_kid and eab_hmac_key_file go together: the CA gives out both");
        }
        config.acme.push_back(std::move(acme));
    }
}

void read_intake(Section& section, Config& config) {
    section.take_name("host", config.intake.host);
    section.take_listen("https_listen", config.intake.https_listen);
    section.take_listen("http_listen", config.intake.http_listen);
    section.take_listen("smtp_listen", config.intake.smtp_listen);
    section.take_listen("lmtp_listen", config.intake.lmtp_listen);
    section.take_list(
        "known_submitters", config.intake.known_submitters, [](const std::string& text) -> Result<dns::Name> {
            auto name = dns::Name::parse(text);
            if (!name || dns::is_public_suffix(*name)) {
                return invalid_input("", fmt::format("\"{}\" must be somebody's domain", printable(text)));
            }
            return name;
        });
    section.take_flag("only_tlsrpt_keys", config.intake.only_tlsrpt_keys);
    constexpr std::int64_t terabyte_mb = 1'000'000;
    section.take_number("kept_max_mb", config.intake.kept_max_mb, 1, terabyte_mb);
}

void read_console(Section& section, Config& config) {
    section.take_listen("listen", config.console.listen);
    section.take_text("socket", config.console.socket);
    const toml::node* url = section.take_text("public_url", config.console.public_url);
    if (url != nullptr && !config.console.public_url.starts_with("http://") &&
        !config.console.public_url.starts_with("https://")) {
        section.fail(*url, "public_url", "must begin with http:// or https://");
    }
    section.take_name("host", config.console.host);
}

void read_mail(Section& section, Config& config) {
    section.take_text("submission", config.mail.submission);
    section.take_text("from", config.mail.from);
}

}  // namespace postseal::app
