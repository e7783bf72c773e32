// The configuration file (TOML): every key with its default, as design §6 fixes them. Unknown keys and wrong values are
// errors of the form `FILE:LINE: KEY: …`, all of them at once.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/record.h"
#include "hosting/fetch_log.h"
#include "net/address_prefix.h"
#include "net/listen_address.h"
#include "net/resolver.h"
#include "verdict/decision.h"
#include "verdict/overrides.h"

namespace postseal {

// value() of a configuration with errors: a programmer's mistake. Found by its argument, so it stands with Error.
[[noreturn]] void throw_exception_from_error(const std::vector<Error>& errors, const boost::source_location& location);

}  // namespace postseal

namespace postseal::app {

enum class Role { dns, policy_host, intake, console, jobs, policyd, collector, reporter };
std::string_view to_string(Role role);

using ListenAddresses = std::vector<net::ListenAddress>;

struct Config {
    std::string file;  // where it was read from; "" for embedded defaults
    std::string state_dir = "/var/lib/postseal";
    std::set<Role> roles = {Role::dns,  Role::policy_host, Role::intake,    Role::console,
                            Role::jobs, Role::policyd,     Role::collector, Role::reporter};
    std::string log_level = "info";  // debug | info | warning | error

    struct {
        std::string url = "sqlite";
        std::string key_file;
    } store;
    net::ResolverSettings resolver;
    struct {
        std::string ca_file = "/etc/ssl/certs/ca-certificates.crt";
    } tls;
    struct {
        bool allow_non_global_addresses = false;
        std::uint16_t https_port = 443;
        std::uint16_t smtp_port = 25;
        std::uint16_t http_port = 80;
        std::uint16_t rua_port = 443;  // of an https: rua that names none
        std::int64_t clock_offset_s = 0;
    } lab;
    struct {
        ListenAddresses listen;
        ListenAddresses line_listen;
        unsigned socket_mode = 0666;
        std::string socket_group;  // "" = the process's own
        std::int64_t first_lookup_timeout_s = 20;
        verdict::OnSlowPolicy on_slow_policy = verdict::OnSlowPolicy::deliver;
        std::int64_t id_recheck_min_s = 60;
        std::int64_t fetch_timeout_s = 60;
        std::int64_t cache_max_mb = 1024;
        verdict::PartialDane partial_dane = verdict::PartialDane::dane_only;
        bool smart_host_policy = true;
        bool servername = true;
        bool testing_probes = true;
        std::vector<verdict::Override> overrides;
    } policyd;
    struct {
        std::string socket;
        unsigned socket_mode = 0622;
        std::string socket_group;  // "" = the process's own
        ListenAddresses http_listen;
        std::string postfix_log;  // "" = none
        std::string exim_log;     // "" = none
    } collector;
    struct {
        std::string organization_name;
        std::string contact;
        std::string bounces_to;  // "" = contact
        std::string copy_to;     // "" = nobody
        bool only_failures = false;
        std::string submission = "smtp://127.0.0.1:25";
        std::string submission_password_file;  // "" = none
        std::string submission_password;       // what it holds
        std::string dkim_domain;
        std::string dkim_selector = "postseal";
        std::int64_t spread_s = 14'400;
        bool rua_all = true;  // rua_policy
        bool verify_https_rua = false;
        std::int64_t rua_max = 10;  // 0 = no cap; so for the next two
        std::int64_t reports_per_address_max = 10'000;
        std::int64_t reports_per_host_max = 100'000;
        std::int64_t report_bytes_max = 10'000'000;
    } reporter;
    struct {
        std::string zone;  // "" = hosting off
        std::vector<dns::Name> name_servers;
        std::vector<dns::IpAddress> addresses;
        int testing_days = 14;  // before enforce (design rule 4)
        struct RampStep {
            std::int64_t after_days = 0;
            std::int64_t max_age_days = 0;
        };
        std::vector<RampStep> max_age_ramp = {{0, 1}, {7, 7}, {30, 30}, {180, 365}};
    } hosting;
    struct Dns {
        ListenAddresses listen;
        bool dnssec = false;
        std::int64_t dnskey_ttl_s = 3600;
        std::int64_t propagation_s = 3600;
        std::int64_t ds_ttl_s = 86'400;
        struct TsigKey {
            std::string name;
            std::string algorithm = "hmac-sha256";
            std::string secret_file;
        };
        std::vector<TsigKey> tsig_keys;
        // "ADDRESS[@PORT] [KEY]": may transfer the zone and hears of its changes.
        struct Secondary {
            dns::IpAddress address;
            std::uint16_t port = 53;
            std::string key;  // "": by address alone
        };
        std::vector<Secondary> secondaries;
    } dns;
    struct {
        ListenAddresses https_listen;
        ListenAddresses http_listen;
        std::int64_t connections_max = 10'000;
        std::int64_t connections_per_address = 100;  // 0 = no limit
        net::AddressPrefixes proxy_protocol_from;
        hosting::FetchLogSettings::Addresses fetch_log_addresses = hosting::FetchLogSettings::Addresses::network;
        std::int64_t fetch_log_days = 400;
        std::int64_t fetch_log_address_days = 30;
    } policy_host;
    struct Acme {
        std::string directory = "https://acme-v02.api.letsencrypt.org/directory";
        std::string ca_file;
        std::string contact;
        bool accept_terms = false;
        std::string caa_issuer = "letsencrypt.org";
        std::vector<std::string> challenges = {"http-01", "tls-alpn-01"};
        std::string profile;            // "" = the CA's own choice
        std::string eab_kid;            // external account binding; both or none
        std::string eab_hmac_key_file;  // base64url, as the CA gives it out
        // The CA's limits; 0 = no such limit.
        std::int64_t orders_per_3_hours = 300;
        std::int64_t certificates_per_domain_and_week = 50;
        std::int64_t certificates_per_name_and_week = 5;
        std::int64_t failures_per_name_and_hour = 5;
        bool renewals_exempt = true;
    };
    std::vector<Acme> acme;
    struct {
        std::string host;
        ListenAddresses https_listen;
        ListenAddresses http_listen;
        ListenAddresses smtp_listen;
        ListenAddresses lmtp_listen;
        std::vector<dns::Name> known_submitters;  // besides those that are shipped
        bool only_tlsrpt_keys = false;
        std::int64_t kept_max_mb = 1024;
    } intake;
    struct {
        ListenAddresses listen;
        std::string socket;
        std::string public_url = "http://127.0.0.1:8080";
        std::string host;
    } console;
    struct {
        ListenAddresses listen;
    } metrics;
    struct {
        std::string submission;
        std::string from;
    } mail;

    // Every key that the file has, "policyd.listen": where it stands, and its value as TOML. Tables in arrays count as
    // one, "policyd.override".
    struct Written {
        std::uint32_t line = 0;
        std::string value;
    };
    std::map<std::string, Written> written;
    bool sending_only = false;  // as `postseal policyd`: the other roles stay off, whatever the file says

    std::set<std::string> sections;  // those that the file has: a role whose section is absent stays off

    [[nodiscard]] bool has_section(const std::string& name) const { return sections.contains(name); }
    // "FILE:LINE: KEY", or "FILE: KEY" where the file does not have it and the default counts.
    [[nodiscard]] std::string where(const std::string& key) const;
    // The role is configured and its section is there (jobs: [hosting]; dns and policy-host: theirs and [hosting]).
    [[nodiscard]] bool role_on(Role role) const;
    [[nodiscard]] std::string database_url() const;  // "sqlite:/PATH"
    [[nodiscard]] std::string master_key_file() const;
    [[nodiscard]] std::string api_socket() const;
};

using ConfigErrors = std::vector<Error>;
// All errors, in the order of the file; `where` is "FILE:LINE: KEY".
boost::system::result<Config, ConfigErrors> parse_config(std::string_view text, const std::string& file);
// Reads the file first; an unreadable file is one error.
boost::system::result<Config, ConfigErrors> load_config(const std::string& file);

}  // namespace postseal::app
