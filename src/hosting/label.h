// Labels: what binds a domain to an organisation (design §4 rules 1 and 2), and the names that stand behind one.
//
// The owner's three CNAMEs point at names below <label>.Z, so a label that nobody can guess is the proof that the owner
// of the domain's DNS means exactly this organisation's entry.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "store/domains.h"

namespace postseal::hosting {

constexpr std::size_t label_length = 26;
// A domain must leave room for "_smtp._tls." before it.
constexpr std::size_t domain_length_max = 242;

// 26 characters of base32, 128 random bits.
std::string mint_label();
// For the row of a domain that is only watched, which has no label: unique, and no label.
std::string mint_no_label();
bool is_label(std::string_view text);

// What the names behind a label, and the owner's names that point at them, are for.
enum class Purpose { policy_id, policy_host, reports };
std::string_view to_string(Purpose purpose);  // "policy-id", "policy-host", "reports"
std::string_view prefix_of(Purpose purpose);  // "_mta-sts", "mta-sts", "_smtp._tls"

// <prefix>.<label>.Z
Result<dns::Name> name_behind(Purpose purpose, const std::string& label, const dns::Name& zone);

// A CNAME that the owner publishes, once (RFC 8461 §8.2).
struct CnameRecord {
    Purpose purpose = Purpose::policy_id;
    dns::Name name;
    dns::Name target;
    friend bool operator==(const CnameRecord&, const CnameRecord&) = default;
};
// Those that the domain needs for what it uses here; none for one that is only watched.
Result<std::vector<CnameRecord>> records_for(const dns::Name& domain, const std::string& label, const dns::Name& zone,
                                             store::Uses uses = store::Uses::both);
bool serves(store::Uses uses, Purpose purpose);

}  // namespace postseal::hosting
