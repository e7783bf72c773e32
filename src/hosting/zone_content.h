// What the hosting zone Z says (design §4 rule 2): from the state of the domains to DNS records. Pure.
//
// Behind a label: _mta-sts TXT (RFC 8461 §3.1), mta-sts addresses and CAA (RFC 8659), _smtp._tls TXT (RFC 8460 §3). The
// owner's CNAMEs end here, one hop. A CA that looks for CAA follows the CNAME, so the CAA here says who may issue for
// the owner's mta-sts name, with which account and by which challenge (RFC 8657): us, and nobody else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/record.h"
#include "dns/zone.h"
#include "store/domains.h"

namespace postseal::hosting {

struct CaaIssuer {
    std::string issuer;                           // "letsencrypt.org"
    std::optional<std::string> account_uri;       // once the account exists
    std::vector<std::string> validation_methods;  // in the order of the configuration
};

struct ZoneSettings {
    dns::Name zone;  // Z
    std::vector<dns::Name> name_servers;
    std::vector<dns::IpAddress> addresses;              // of every mta-sts.<label>.Z
    std::vector<dns::IpAddress> name_server_addresses;  // for those that lie in Z; empty: `addresses`
    std::optional<dns::Name> intake_host;               // none: _smtp._tls is NODATA
    std::vector<dns::IpAddress> intake_addresses;       // if it lies in Z; empty: `addresses`
    std::vector<CaaIssuer> caa;
    std::vector<dns::Record> key_records = {};  // DNSKEY, CDS, CDNSKEY, NSEC3PARAM (hosting/key_plan.h)
};

constexpr std::uint32_t txt_ttl_s = 300;
constexpr std::uint32_t address_ttl_s = 60;

struct LabelState {
    std::string label;
    std::optional<std::string> policy_id = std::nullopt;  // once the body that it names is served everywhere (rule 3)
    store::Uses uses = store::Uses::both;
    std::vector<std::string> own_rua = {};  // after ours; valid (own_rua.h)
};

// Where reports about the domain behind the label go, e.g. https://intake.example.net/v1/tlsrpt/<label>.
std::string rua_of(const dns::Name& intake_host, const std::string& label);
// The record at _smtp._tls behind the label; empty: there is none. Ours comes first: some senders use only the first.
std::string tlsrpt_text(const ZoneSettings& settings, const LabelState& state);

// Apex, name servers and intake. The name servers and the intake have addresses here only if they lie in Z.
std::vector<dns::NameRecords> installation_records(const ZoneSettings& settings, std::uint32_t serial);

// All names behind a label. Those that the domain does not use here are NODATA: a CNAME that is there all the same
// leads to nothing.
Result<std::vector<dns::NameRecords>> label_records(const ZoneSettings& settings, const LabelState& state);
// The same names without records: NXDOMAIN for ever (rule 6).
Result<std::vector<dns::NameRecords>> no_records(const ZoneSettings& settings, const std::string& label);

// Signed when `signing` is given.
Result<dns::ZonePtr> build_zone(const ZoneSettings& settings, const std::vector<LabelState>& labels,
                                std::uint32_t serial, dns::SigningPtr signing = nullptr);

}  // namespace postseal::hosting
