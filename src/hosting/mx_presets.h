// Mail providers, recognised by the names of their MX hosts: what to write into the policy, and which wildcard is fine
// because the provider owns the whole name. Data that people review; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "mtasts/policy.h"

namespace postseal::hosting {

struct MxPreset {
    std::string_view id;    // a stable word: "google"
    std::string_view name;  // for people
    // "mx.example.com" is exactly this host; ".example.com" is every name below it: there the provider runs every host,
    // and no customer can have a name of its own choosing or a certificate for it.
    std::vector<std::string_view> names;
};
const std::vector<MxPreset>& mx_presets();
const MxPreset* mx_preset(std::string_view id);  // null: not known

bool runs(const MxPreset& preset, const dns::Name& host);
const MxPreset* provider_of(const dns::Name& host);  // null: not known
// Whether every name that "*." + `name` can stand for is the provider's.
const MxPreset* owner_of_all_below(const dns::Name& name);

// A provider of a domain.
struct MxProvider {
    const MxPreset* preset = nullptr;
    std::vector<dns::Name> hosts;              // of the domain's MX
    std::vector<mtasts::MxPattern> patterns;   // narrow: each host by its name
    std::vector<mtasts::MxPattern> wildcards;  // that cover some of the hosts and are fine all the same
};
std::vector<MxProvider> providers_of(const std::vector<dns::Name>& hosts);

}  // namespace postseal::hosting
